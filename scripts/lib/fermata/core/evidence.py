"""What one run of a check left behind, and what it proves.

A check is green only when fermata ran the command itself, it ended with 0, no test failed, tests ran where tests are
expected, and the tree was the same before and after. Nothing here looks at what an agent says.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from .canonical import digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .records import CommandJson, Json

FORMAT = 1
TAIL_CHARACTERS = 4000
CHANGED_LIMIT = 200
NAMED_IN_A_LINE = 3
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

ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[@-Z\\-_])")
HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e0fff]"
)

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
    only informs. `tree_before` and `tree_after` are git trees, None where no snapshot was asked for. `tail` is the end
    of the output, `clean`ed, at most 4,000 characters.
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


def clean(text: str) -> str:
    """*text* without terminal escapes, control characters and invisible or direction-changing ones; lines end in LF."""
    return HIDDEN.sub("", ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))


def tail_of(text: str, limit: int = TAIL_CHARACTERS) -> str:
    """The end of *text*, cleaned, from the start of a line where one begins within *limit* characters."""
    cleaned = clean(text)
    if len(cleaned) <= limit:
        return cleaned
    kept = cleaned[-limit:]
    return kept[kept.find("\n") + 1 :] if "\n" in kept[: limit // 2] else kept


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
    left = len(evidence.changed) - NAMED_IN_A_LINE
    more = f" and {left} more" if left > 0 else ""
    return Judgement("unstable", f"exit 0, but {shown}{more} changed while it ran, so it belongs to no one tree")


FAILING = re.compile(
    r"(?i)^E  |^FAILED |^ERROR\b|error\b|exception\b|\bfail(?:ed|ure|ures|s)?\b|\bpanic|not found|cannot |denied"
)
CLOSING = re.compile(r"^=+ .* =+$|^-+ .* -+$|^Ran \d+ tests?\b|^FAILED \(|^\d+ (?:failed|passed|errors?)\b.* in ")
NOISE = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"), "<time>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<address>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"(?:/private)?/(?:tmp|var/folders|var/tmp)/[^\s'\":,)]+"), "<tmp>"),
    (re.compile(r"\b\d+(?:\.\d+)?\s?(?:ns|us|µs|ms|s|sec|secs|seconds?|minutes?)\b"), "<duration>"),
    (re.compile(r"(?<=[\w/]):\d+(?::\d+)?\b|(?<=\bline )\d+"), "<line>"),
    (re.compile(r"(?i)(?<=\bpid[ =:])\s*\d+"), "<pid>"),
    (re.compile(r"\[gw\d+\]\s*"), ""),
    (re.compile(r"\s+"), " "),
)


def fingerprint(evidence: Evidence) -> str:
    """A hash that stays the same while the same error comes back: how it ended, and its failing lines as a set.

    Times, durations, addresses, temporary paths, line numbers and the order of lines do not count.
    """
    lines = [line for line in evidence.tail.splitlines() if line.strip() and not CLOSING.search(line)]
    failing = [line for line in lines if FAILING.search(line)] or lines[-10:]
    said = sorted({_normal(line) for line in failing})
    ended = [evidence.exit_code, evidence.signal, evidence.timed_out]
    return digest("fermata error 1", [ended, evidence.error, said])


def _normal(line: str) -> str:
    for pattern, word in NOISE:
        line = pattern.sub(word, line)
    return line.strip()
