"""The closing lines of `cargo test` and `go test`, added up over their crates and packages."""

from __future__ import annotations

import re

from .closing import Closing, add_up, tally

CARGO = re.compile(r"^test result: (?:ok|FAILED)\. (\d+) passed; (\d+) failed; (\d+) ignored;")
GO_TEST = re.compile(r"^--- (PASS|FAIL|SKIP): \S+ \(\d+\.\d+s\)$")
GO_PACKAGE = re.compile(r"^(?P<mark>ok  |FAIL|\?   )\t\S+(?:\s.*)?$")
GO_NOTHING = ("[no tests to run]", "[no test files]")


def read_cargo(lines: list[str]) -> Closing | None:
    """One `test result:` line for each crate's unit tests, each test file, and the doc-tests."""
    closings = []
    for at, line in enumerate(lines):
        match = CARGO.match(line)
        if match:
            passed, failed, ignored = map(int, match.groups())
            closings.append(Closing(at, tally(passed, failed, 0, ignored)))
    return add_up(closings)


def read_go(lines: list[str]) -> Closing | None:
    """Tests (not their subtests) as `go test -v` names them; packages are never passed off as tests.

    Without `-v` only failures are named: they are counted alone, and where nothing failed there is no count, unless
    every package says that it ran no test. A package that failed without naming a test is an error.
    """
    closings, marks, uncounted = [], [], False
    for at, line in enumerate(lines):
        test, package = GO_TEST.match(line), GO_PACKAGE.match(line)
        if test:
            marks.append(test[1])
        elif package:
            broken = package["mark"] == "FAIL" and "FAIL" not in marks
            uncounted = uncounted or not (marks or broken or line.endswith(GO_NOTHING))
            counts = tally(marks.count("PASS"), marks.count("FAIL"), int(broken), marks.count("SKIP"))
            closings.append(Closing(at, counts))
            marks = []
    found = add_up(closings)
    return None if found and uncounted and not found.counts.failed + found.counts.errors else found


READERS = (read_cargo, read_go)
