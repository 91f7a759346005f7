"""What one run of a check left behind, and what it proves.

A check is green only when fermata ran the command itself, it ended with 0, no test failed, tests ran where tests are
expected, and the tree was the same before and after. Nothing here looks at what an agent says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from .canonical import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .records import CommandJson, Json

FORMAT = 1
CHANGED_LIMIT = 100  # entries of `changed`, the last of which may stand for all that follow
NAMED_IN_A_LINE = 3
MORE = re.compile(r"and ([\d,]+) more \([0-9a-f]{16}\)\Z")
SIGNALS = {
    1: "SIGHUP",
    2: "SIGINT",
    6: "SIGABRT",
    8: "SIGFPE",
    9: "SIGKILL",
    11: "SIGSEGV",
    13: "SIGPIPE",
    15: "SIGTERM",
}

Outcome = Literal["green", "red", "unstable", "lost"]


class Counts(NamedTuple):
    """What a test runner counted. Expected failures count as passed; `total` is all of them, skipped ones included."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    total: int = 0

    @property
    def ran(self) -> int:
        """Tests whose body ran: a skipped test proves nothing."""
        return self.total - self.skipped

    def __str__(self) -> str:
        named = (("failed", self.failed), ("errors", self.errors), ("passed", self.passed), ("skipped", self.skipped))
        return ", ".join(f"{count} {name}" for name, count in named if count) or "0 tests"


class Evidence(NamedTuple):
    """One run of one command. Exactly one of `exit_code`, `signal` and `error` says how it ended, unless it timed out.

    `error` is why fermata itself could not finish the check, empty otherwise. `started` is ISO 8601 with an offset and
    only informs. `tree_before` and `tree_after` are git trees, None where no snapshot was asked for. `changed` is what
    `name_changes` gives. `tail` is what `tail_of` gives; only the log itself holds the output as it came.
    """

    id: str
    name: str
    command: CommandJson
    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    seconds: float = 0.0
    started: str = ""
    tree_before: str | None = None
    tree_after: str | None = None
    changed: tuple[str, ...] = ()
    counts: Counts | None = None
    log: str = ""
    tail: str = ""
    error: str = ""


class Judgement(NamedTuple):
    """What a check's evidence proves; `why` is one line for a person, with the numbers."""

    outcome: Outcome
    why: str


def name_changes(paths: Sequence[str]) -> tuple[str, ...]:
    """All of *paths* (sorted), or the first 99 and one entry that counts the others and tells them apart by a digest.

    So equal entries always mean equal paths, however many there are: two runs of a check that give the same are taken
    for a check that writes these files itself.
    """
    if len(paths) <= CHANGED_LIMIT:
        return tuple(paths)
    named, rest = tuple(paths[: CHANGED_LIMIT - 1]), list(paths[CHANGED_LIMIT - 1 :])
    return (*named, f"and {len(rest):,} more ({digest('fermata changed paths 1', rest)[:16]})")


def to_json(evidence: Evidence) -> dict[str, Json]:
    """The JSON object that `from_json` reads."""
    value = {"format": FORMAT, **evidence._asdict(), "changed": list(evidence.changed)}
    value["counts"] = None if evidence.counts is None else evidence.counts._asdict()
    return value


def from_json(value: Json) -> Evidence:
    """Read evidence that fermata wrote. Keys of a newer version are ignored, an unknown format is not.

    Raises:
        ValueError: names the key and what is wrong with it.
    """
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        found = value.get("format") if isinstance(value, dict) else type(value).__name__
        raise ValueError(f"evidence: format is {found!r}, this version reads {FORMAT}; run the check again")
    fields = {name: value[name] if name in value else _missing(name) for name in Evidence._fields}
    for name, (wanted, holds) in SHAPES.items():
        if not holds(fields[name]):
            raise ValueError(f"evidence: {name} is {str(fields[name])[:80]!r}, want {wanted}; run the check again")
    if fields["counts"] is not None:
        fields["counts"] = Counts(**{name: fields["counts"][name] for name in Counts._fields})
    return Evidence(**{**fields, "changed": tuple(fields["changed"])})


def _missing(name: str) -> Json:
    raise ValueError(f"evidence: the key {name!r} is missing; run the check again")


def _is_int(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Json) -> bool:
    return isinstance(value, str)


def _is_counts(value: Json) -> bool:
    return isinstance(value, dict) and all(_is_int(value.get(name)) and value[name] >= 0 for name in Counts._fields)


_TEXT = ("text", _is_text)
_INT_OR_NULL = ("an integer or null", lambda value: value is None or _is_int(value))
_TREE = ("text or null", lambda value: value is None or _is_text(value))
SHAPES: dict[str, tuple[str, Callable[[Json], bool]]] = {
    **dict.fromkeys(("id", "name", "started", "log", "tail", "error"), _TEXT),
    **dict.fromkeys(("exit_code", "signal"), _INT_OR_NULL),
    **dict.fromkeys(("tree_before", "tree_after"), _TREE),
    "command": ("an object", lambda value: isinstance(value, dict)),
    "timed_out": ("true or false", lambda value: isinstance(value, bool)),
    "seconds": ("a number", lambda value: _is_int(value) or isinstance(value, float)),
    "changed": ("a list of texts", lambda value: isinstance(value, list) and all(map(_is_text, value))),
    "counts": ("counts or null", lambda value: value is None or _is_counts(value)),
}


def judge(evidence: Evidence, *, expect_tests: bool) -> Judgement:
    """Decide what *evidence* proves. `expect_tests` is the plan's word that this command runs tests.

    A failure is red even if the tree changed as well; "unstable" is a pass that cannot be tied to one tree.
    """
    found = _no_result(evidence) or _failure(evidence) or _hidden_failure(evidence)
    if found is None and expect_tests:
        found = _nothing_ran(evidence)
    found = found or _changed_tree(evidence)
    if found is not None:
        return found
    counted = f"{evidence.counts}" if evidence.counts else "no test count"
    return Judgement("green", f"exit 0, {counted}, {evidence.seconds:.1f} s")


def _no_result(evidence: Evidence) -> Judgement | None:
    if evidence.error:
        return Judgement("lost", f"no result: {evidence.error}")
    if evidence.exit_code is None and evidence.signal is None and not evidence.timed_out:
        return Judgement("lost", "no result: the evidence names no exit code and no signal; run the check again")
    return None


def _failure(evidence: Evidence) -> Judgement | None:
    counted = f": {evidence.counts}" if evidence.counts and evidence.counts.total else ""
    if evidence.timed_out:
        return Judgement("red", f"stopped after {evidence.seconds:.0f} s, its time limit{counted}")
    if evidence.signal is not None:
        name = SIGNALS.get(evidence.signal, f"signal {evidence.signal}")
        return Judgement("red", f"ended by {name} after {evidence.seconds:.1f} s{counted}")
    if evidence.exit_code in (126, 127) and not counted:
        reason = next(
            (line for line in reversed(evidence.tail.splitlines()) if line.strip()), "the command was not found"
        )
        return Judgement("red", f"could not start (exit {evidence.exit_code}): {reason.strip()[:200]}")
    if evidence.exit_code:
        return Judgement("red", f"exit {evidence.exit_code}{counted or _last_line(evidence)}")
    return None


def _last_line(evidence: Evidence) -> str:
    lines = [line.strip() for line in evidence.tail.splitlines() if line.strip()]
    return f": {lines[-1][:200]}" if lines else ""


def _hidden_failure(evidence: Evidence) -> Judgement | None:
    counts = evidence.counts
    if counts and counts.failed + counts.errors:
        return Judgement("red", f"exit 0, yet the test runner counted {counts}")
    return None


def _nothing_ran(evidence: Evidence) -> Judgement | None:
    counts = evidence.counts
    if counts is not None and counts.ran == 0:
        skipped = f" ({counts.skipped} skipped)" if counts.skipped else ""
        return Judgement("red", f"exit 0, but 0 tests ran{skipped}; tests are expected from this check")
    return None


def _changed_tree(evidence: Evidence) -> Judgement | None:
    if evidence.tree_before == evidence.tree_after:
        return None
    shown = ", ".join(evidence.changed[:NAMED_IN_A_LINE]) or "the tree"
    left = _how_many(evidence.changed) - NAMED_IN_A_LINE
    more = f" and {left:,} more" if left > 0 else ""
    return Judgement("unstable", f"exit 0, but {shown}{more} changed while it ran, so it belongs to no one tree")


def _how_many(changed: Sequence[str]) -> int:
    others = MORE.match(changed[-1]) if len(changed) == CHANGED_LIMIT else None
    return len(changed) if others is None else len(changed) - 1 + int(others[1].replace(",", ""))
