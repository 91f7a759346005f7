"""The closing lines of node:test, jest, vitest and mocha, added up over the workspaces that one output may hold.

Their lines start at the margin; a runner that puts a package's name before each (`pnpm -r`, turbo) is not counted. A
test that is left for later (todo, pending) counts as skipped. node:test itself counts a file without tests as one.
"""

from __future__ import annotations

import re

from .closing import Closing, add_up, tally

NODE = re.compile(r"^[#ℹ] (tests|suites|pass|fail|cancelled|skipped|todo) (\d+)$")
SUITES = re.compile(r"^ *Test (?:Suites:|Files) +(\d+) failed\b")
TESTS = re.compile(
    r"^(?:Tests: +(?P<jest>(?:\d+ [a-z]+, )*\d+ total)| *Tests  (?P<vitest>no tests|\d+ [a-z].* \(\d+\)))$"
)
NOTHING_FOUND = re.compile(r"^No (?:tests|test files) found(?:, exiting with code \d+$| related to files changed)")
MOCHA_PASSING = re.compile(r"^  (\d+) passing \(\d+(?:ms|[smhd])\)$")
MOCHA_OTHER = re.compile(r"^  (\d+) (pending|failing)$")


def read_node(lines: list[str]) -> Closing | None:
    """`# tests 3`, `# pass 2` … of the TAP and the spec reporter; an indented block belongs to one test file."""
    closings = []
    for at, line in enumerate(lines):
        if not NODE.match(line) or " tests " not in line:
            continue
        block = [match for below in lines[at : at + 7] if (match := NODE.match(below))]
        found = {match[1]: int(match[2]) for match in block}
        if {"pass", "fail"} <= found.keys():
            skipped = found.get("skipped", 0) + found.get("todo", 0)
            closings.append(Closing(at, tally(found["pass"], found["fail"], found.get("cancelled", 0), skipped)))
    return add_up(closings)


def read_jest_and_vitest(lines: list[str]) -> Closing | None:
    """`Tests:  1 failed, 2 passed, 3 total` and `Tests  1 failed | 2 passed (3)`.

    A suite that could not even be loaded has no tests; where no test failed, the failed suites are the errors.
    """
    closings = []
    for at, line in enumerate(lines):
        match = TESTS.match(line)
        if match:
            items = re.findall(r"(\d+) ([a-z]+)", match["jest"] or match["vitest"])
            found = {word: int(count) for count, word in items}
            suites = SUITES.match(lines[at - 1]) if at else None
            errors = int(suites[1]) if suites and not found.get("failed") else 0
            skipped = found.get("skipped", 0) + found.get("todo", 0)
            closings.append(Closing(at, tally(found.get("passed", 0), found.get("failed", 0), errors, skipped)))
        elif NOTHING_FOUND.match(line):
            closings.append(Closing(at, tally()))
    return add_up(closings)


def read_mocha(lines: list[str]) -> Closing | None:
    """`  3 passing (2ms)`, and right below it `  1 pending`, `  1 failing`."""
    closings = []
    for at, line in enumerate(lines):
        match = MOCHA_PASSING.match(line)
        if match:
            others = [other for below in lines[at + 1 : at + 3] if (other := MOCHA_OTHER.match(below))]
            found = {other[2]: int(other[1]) for other in others}
            counts = tally(int(match[1]), found.get("failing", 0), 0, found.get("pending", 0))
            closings.append(Closing(at, counts))
    return add_up(closings)


READERS = (read_node, read_jest_and_vitest, read_mocha)
