"""What may stand on the board: ids, names, texts and their limits, and the four parts of a task's spec.

Decides about one value at a time; what fits the board as a whole is for `board_rules.py`.
"""

from __future__ import annotations

import re

from .board import ENTRY_KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .board_records import Board, Entry, EntryKind, Task

TITLE, NAME, SUMMARY, LEARNING = 200, 120, 1_000, 1_000
DESCRIPTION, NOTE = 20_000, 60_000
ITEM, ITEMS = 500, 50
NOTE_KINDS = ("spec", "plan", "result", "progress", "review")
CATEGORIES = ("design", "code", "tests", "docs", "dependencies", "security", "performance", "other")
SPEC_PARTS = ("Objective", "Relevant files", "Constraints", "Acceptance criteria")
NOTE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")


class BoardError(ValueError):
    """What was asked for does not fit the board; `str()` names the value, the rule and the next move."""

    exit_code = 2


class TakenError(BoardError):
    """Someone else works on it."""

    exit_code = 4


def text_of(what: str, given: str, limit: int, *, empty: bool = False) -> str:
    """*given* without blanks around it.

    Raises:
        BoardError: it is empty (unless *empty*), longer than *limit* characters, or nothing that UTF-8 can say.
    """
    found = given.strip()
    if not found and not empty:
        raise BoardError(f"the {what} is empty; give it at least one word")
    if len(found) > limit:
        raise BoardError(
            f"the {what} ({found[:40]!r}…) has {len(found):,} characters; at most {limit:,} are kept. Shorten it"
        )
    try:
        found.encode()
    except UnicodeEncodeError as error:
        raise BoardError(
            f"the {what} ({found[:40]!r}) is not UTF-8 at character {error.start + 1}; write it in UTF-8"
        ) from None
    return found


def items_of(what: str, given: Iterable[str]) -> list[str]:
    """*given*, each checked, none twice. Raises BoardError."""
    found = list(dict.fromkeys(text_of(what, item, ITEM) for item in given))
    if len(found) > ITEMS:
        raise BoardError(f"{len(found)} times {what}; at most {ITEMS} are kept. Split the task")
    return found


def choice_of(what: str, given: str, known: Iterable[str]) -> str:
    """*given*, which must be one of *known*. Raises BoardError."""
    if given not in known:
        raise BoardError(f"{what} {given[:60]!r} is unknown; known: {', '.join(known)}")
    return given


def note_name(given: str) -> str:
    """A note's name. Raises BoardError."""
    if not NOTE_NAME.match(given):
        raise BoardError(
            f"{given[:80]!r} is no name for a note: lower-case letters, digits, `-`, `_`, at most 64, as in `spec` or "
            f"`review-2`"
        )
    return given


def task_of(board: Board, name: str) -> Task:
    """The task that *name* means: t-000042, t-42 or 42. Raises BoardError."""
    found = re.match(r"(?:t-)?([0-9]{1,9})\Z", name)
    task = board["tasks"].get(f"t-{int(found[1]):06d}") if found else None
    if task is None:
        raise BoardError(
            f"there is no task {name[:60]!r} (ids look like t-000042); `fermata task list --all` shows them all"
        )
    return task


def entry_of(board: Board, kind: EntryKind, name: str) -> Entry:
    """The entry of *kind* that *name* means: debt-000007, debt-7 or 7. Raises BoardError."""
    found = re.match(rf"(?:{kind}-)?([0-9]{{1,9}})\Z", name)
    entry = board["entries"][kind].get(f"{kind}-{int(found[1]):06d}") if found else None
    if entry is None:
        raise BoardError(
            f"there is no {kind} {name[:60]!r} (ids look like {kind}-000007); `fermata {kind} list --all` shows them all"
        )
    return entry


def next_id(board: Board, kind: str) -> str:
    """The id that the next task, or entry of *kind*, gets; later ids sort behind earlier ones."""
    return f"{kind if kind in ENTRY_KINDS else 't'}-{board['count'][kind] + 1:06d}"


def spec_text(objective: str, files: Iterable[str], constraints: Iterable[str], acceptance: Iterable[str]) -> str:
    """A spec note of its four parts."""
    lists = ["\n".join(f"- {item}" for item in items) for items in (files, constraints, acceptance)]
    return "\n\n".join(f"## {head}\n{text}" for head, text in zip(SPEC_PARTS, [objective, *lists], strict=True))


def read_spec(text: str) -> dict[str, str]:
    """The four parts of a spec note by their headings.

    Raises:
        BoardError: one is missing or empty.
    """
    pieces = re.split(r"(?m)^##[ \t]+(.+?)[ \t]*$", text)
    found = {head.capitalize(): body.strip() for head, body in zip(pieces[1::2], pieces[2::2], strict=True)}
    missing = [head for head in SPEC_PARTS if not found.get(head)]
    if missing:
        raise BoardError(
            f"a spec has the parts {', '.join(f'`## {head}`' for head in SPEC_PARTS)}; missing or empty: "
            f"{', '.join(missing)}. Write `none` where there is nothing to say"
        )
    return {head: found[head] for head in SPEC_PARTS}
