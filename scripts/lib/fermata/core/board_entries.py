"""Rules for what the board keeps beside tasks: debt, learnings, reports, backlog, and what archiving takes along.

Pure, as `board_rules.py` is.
"""

from __future__ import annotations

from .board import ENTRY_KINDS
from .board_rules import add_task
from .board_texts import (
    CATEGORIES,
    DESCRIPTION,
    LEARNING,
    NAME,
    NOTE,
    SUMMARY,
    TITLE,
    BoardError,
    TakenError,
    choice_of,
    entry_of,
    items_of,
    next_id,
    task_of,
    text_of,
)
from .board_waits import children_of, descendants
from .tiers import INDEX, tier_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .board_records import Board, EntryKind, Json, Task
    from .board_rules import News


def add_entry(  # noqa: PLR0913 - one name for each field
    board: Board,
    kind: EntryKind,
    title: str,
    *,
    text: str = "",
    category: str = "other",
    tags: Iterable[str] = (),
    task: str | None = None,
    source: str = "",
) -> News:
    """A new debt, learning (its *title* is the whole of it), report (its *title* is the target) or thing for later."""
    body: dict[str, Json] = {
        "kind": choice_of("kind", kind, ENTRY_KINDS),
        "id": next_id(board, kind),
        "title": text_of("learning", title, LEARNING) if kind == "learning" else text_of("title", title, TITLE),
        "description": text_of("text", text, NOTE if kind == "report" else DESCRIPTION, empty=kind != "report"),
        "category": choice_of("category", category, CATEGORIES),
        "tags": items_of("tag", tags),
        "task": task_of(board, task)["id"] if task else None,
        "source": text_of("source", source, NAME, empty=True),
    }
    return [("entry_added", body)]


def close_entry(board: Board, kind: EntryKind, name: str, how: str) -> News:
    """It is settled, outdated or dropped; *how* says which."""
    entry = entry_of(board, kind, name)
    if entry["status"] != "OPEN":
        told = f" ({entry['how']})" if entry["how"] else ""
        raise BoardError(f"{entry['id']} is {entry['status']} already{told}; nothing was changed")
    return [("entry_closed", {"kind": kind, "id": entry["id"], "how": text_of("reason (--how)", how, SUMMARY)})]


def take_up(board: Board, name: str, description: str) -> News:
    """A task from a thing for later, which is closed by that. *description*: what the journal says about it."""
    entry = entry_of(board, "backlog", name)
    task = add_task(board, entry["title"], description=description)
    return [*task, *close_entry(board, "backlog", entry["id"], f"became {task[0][1]['id']}")]


def archive_task(board: Board, name: str, now: str, *, related: bool) -> News:
    """Put a task away; with *related* also what it is divided into, and the debt and reports that name one of them.

    Learnings stay in force.
    """
    task = task_of(board, name)
    held = task["claim"]
    if task["status"] == "ARCHIVED":
        raise BoardError(f"{task['id']} is ARCHIVED already; nothing was changed")
    if held and held["until"] >= now:
        raise TakenError(f"{task['id']} is claimed by {held['by']} until {held['until']}; archive it when it is free")
    if task["open"]:
        raise BoardError(
            f"{task['id']} has {task['open']} open children; finish or archive them first: "
            f"fermata task list --parent {task['id']}"
        )
    _refuse_waiting(board, task)
    gone = [task["id"], *(_below(board, task["id"]) if related else ())]
    news: News = [("task_archived", {"id": one}) for one in gone]
    archived: tuple[EntryKind, ...] = ("debt", "report") if related else ()
    for kind in archived:
        entries = board["entries"][kind].values()
        news += [
            ("entry_archived", {"kind": kind, "id": e["id"]})
            for e in entries
            if e["task"] in gone and e["status"] != "ARCHIVED"
        ]
    return news


def _below(board: Board, name: str) -> list[str]:
    return [one for one in descendants(children_of(board), name) if board["tasks"][one]["status"] != "ARCHIVED"]


def _refuse_waiting(board: Board, task: Task) -> None:
    """An undone task that others wait for cannot go: they would wait for ever."""
    if task["verified"]:
        return
    waiting = [t["id"] for t in board["tasks"].values() if task["id"] in t["blocked_by"] and t["status"] != "ARCHIVED"]
    if waiting:
        raise BoardError(
            f"{task['id']} is not done and {', '.join(waiting[:5])} would wait for it for ever; take it out there first: "
            f"fermata task update {waiting[0]} --not-blocked-by {task['id']}"
        )


def aged_entries(board: Board, now: str) -> list[tuple[EntryKind, str]]:
    """What nobody is told of any more, for 90 days and longer: what is settled, and reports, which tell of how it was.

    Open learnings, debt and things for later stay as they are, however old.
    """
    return [
        (kind, entry["id"])
        for kind in ENTRY_KINDS
        for entry in board["entries"][kind].values()
        if (entry["status"] == "CLOSED" or (kind == "report" and entry["status"] == "OPEN"))
        and tier_of(entry["created"], now) == INDEX
    ]


def archive_aged(board: Board, now: str) -> News:
    """Put away what `aged_entries` names."""
    return [("entry_archived", {"kind": kind, "id": name}) for kind, name in aged_entries(board, now)]


def aged_tasks(board: Board, before: str) -> list[str]:
    """The done tasks that last changed before *before*."""
    return [t["id"] for t in board["tasks"].values() if t["status"] == "DONE" and t["updated"] < before]
