"""The closing lines of pytest and unittest. The last one counts: a tool's own tests may print those of inner runs."""

from __future__ import annotations

import re

from fermata.core.evidence import Counts

from .closing import Closing, tally

ITEM = r"\d+ [a-z][a-z -]{0,40}"
PYTEST_LINE = re.compile(
    rf"^=* ?(?P<items>(?:no tests ran|no tests collected|(?:\d+/)?{ITEM}(?:, {ITEM})*)(?: \(\d+ deselected\))?)"
    r" in \d+(?:\.\d+)? ?s(?:econds)?(?: \([\d:]+\))? ?=*$"
)
PYTEST_WORDS = re.compile(
    r"\b(?:passed|failed|errors?|skipped|xfailed|xpassed|deselected|warnings?|no tests|tests? collected)"
)
DOTS = re.compile(r"^(?:\S+\.py )?(?P<marks>[.FEsxX]+)\s*(?:\[\s*\d+%\])?$")
UNITTEST_RAN = re.compile(r"^Ran (\d+) tests? in [\d.]+s$")
UNITTEST_END = re.compile(r"^(?:OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$")


def read_python(lines: list[str]) -> Closing | None:
    """The last closing line of pytest or unittest."""
    for at in range(len(lines) - 1, -1, -1):
        counts = _pytest_line(lines[at]) or _unittest_lines(lines, at)
        if counts:
            return Closing(at, counts)
    return None


READERS = (read_python,)


def _pytest_line(line: str) -> Counts | None:
    match = PYTEST_LINE.match(line)
    if not match or not PYTEST_WORDS.search(match["items"]):
        return None
    found = {word.rstrip("s"): int(count) for count, word in re.findall(r"(\d+) ([a-z][a-z -]*[a-z])", match["items"])}
    passed = sum(found.get(word, 0) for word in ("passed", "xfailed", "xpassed"))
    return tally(passed, *(found.get(word, 0) for word in ("failed", "error", "skipped")))


def _unittest_lines(lines: list[str], at: int) -> Counts | None:
    """The count at line *at*, with the verdict that follows it."""
    match = UNITTEST_RAN.match(lines[at])
    if not match:
        return None
    verdict = next((end for line in lines[at + 1 : at + 4] if (end := UNITTEST_END.match(line))), None)
    details = dict(re.findall(r"([a-z ]+)=(\d+)", verdict[1] or "")) if verdict else {}
    found = {name.strip(): int(count) for name, count in details.items()}
    failed = found.get("failures", 0) + found.get("unexpected successes", 0)
    errors, skipped = found.get("errors", 0), found.get("skipped", 0)
    return tally(max(0, int(match[1]) - failed - errors - skipped), failed, errors, skipped)


def dots(lines: list[str]) -> Counts:
    """Progress marks, for `pytest -qq`, which prints no closing line."""
    marks = "".join(match["marks"] for line in lines if (match := DOTS.match(line)))
    passed = marks.count(".") + marks.count("x") + marks.count("X")
    return Counts(passed, marks.count("F"), marks.count("E"), marks.count("s"), len(marks))
