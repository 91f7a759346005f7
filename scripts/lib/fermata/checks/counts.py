"""Reads how many tests ran from the closing lines of pytest and unittest.

Any other runner gives None, which is "not counted" and never a number. A runner that the command names but whose output
holds no count has shown no test: zeros, so that a check which expects tests does not pass.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from fermata.core.evidence import Counts, clean

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOKED_AT = 65_536  # characters at the end of the output; the closing line stands within the last few
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
SEPARATORS = re.compile(r"&&|\|\||[;|\n]")


def read_counts(command: str | Sequence[str], output: str) -> Counts | None:
    """What the runner counted; the last closing line wins.

    Args:
        command: the argv, or the text of a shell line; a wrapper such as `make test` is known by its output alone.
        output: the end of what the command printed, colour codes and all.
    """
    lines = [line.rstrip() for line in clean(output[-LOOKED_AT:]).splitlines()]
    for at in range(len(lines) - 1, -1, -1):
        found = _pytest_line(lines[at]) or _unittest_lines(lines, at)
        if found:
            return found
    runner = _named_runner(command)
    if runner == "pytest":
        return _dots(lines)
    return Counts() if runner else None


def _pytest_line(line: str) -> Counts | None:
    match = PYTEST_LINE.match(line)
    if not match or not PYTEST_WORDS.search(match["items"]):
        return None
    found = {word.rstrip("s"): int(count) for count, word in re.findall(r"(\d+) ([a-z][a-z -]*[a-z])", match["items"])}
    passed = sum(found.get(word, 0) for word in ("passed", "xfailed", "xpassed"))
    failed, errors, skipped = (found.get(word, 0) for word in ("failed", "error", "skipped"))
    return Counts(passed, failed, errors, skipped, passed + failed + errors + skipped)


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
    passed = max(0, int(match[1]) - failed - errors - skipped)
    return Counts(passed, failed, errors, skipped, passed + failed + errors + skipped)


def _dots(lines: list[str]) -> Counts:
    """Progress marks, for `pytest -qq`, which prints no closing line."""
    marks = "".join(match["marks"] for line in lines if (match := DOTS.match(line)))
    passed = marks.count(".") + marks.count("x") + marks.count("X")
    return Counts(passed, marks.count("F"), marks.count("E"), marks.count("s"), len(marks))


def _named_runner(command: str | Sequence[str]) -> str:
    """`pytest`, `unittest` or nothing; `pip install pytest` is no test run."""
    parts = [_words(part) for part in SEPARATORS.split(command)] if isinstance(command, str) else [list(command)]
    for words in parts:
        names = [word.rsplit("/", 1)[-1] for word in words]
        if {"install", "add"} & set(names):
            continue
        if {"pytest", "py.test"} & set(names):
            return "pytest"
        if "unittest" in names:
            return "unittest"
    return ""


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
