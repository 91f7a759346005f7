"""docs/reference/validation.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import click

from fermata.cli_inspect import inspect
from fermata.inspections.changes import MAX_BYTES
from fermata.inspections.linters import LINTERS
from fermata.inspections.words import ADMITS
from tests.inspections.test_placeholders import MUST_FIND

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/validation.md"
TEXT = PAGE.read_text()


def first_cells(heading: str) -> list[str]:
    part = TEXT.partition(f"# {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([a-z0-9-]+)` \|", part, re.MULTILINE)


def test_the_kinds_are_those_of_the_command() -> None:
    assert isinstance(inspect, click.Group)
    assert sorted(first_cells("Inspections")) == sorted(inspect.commands)


def test_the_rules_are_those_that_find_something() -> None:
    own = {"empty-body", "todo", "invented"}
    assert set(first_cells("Placeholders")) == {*ADMITS, *own} == {str(row.values[2]) for row in MUST_FIND}


def test_the_linters_and_what_configures_them() -> None:
    assert first_cells("Linters") == [linter.name for linter in LINTERS]
    for linter in LINTERS:
        (row,) = re.findall(rf"^\| `{linter.name}` \| (.*) \|$", TEXT, re.MULTILINE)
        for shared in linter.inside:
            assert shared in row
        assert linter.files[0].removesuffix("js").rstrip(".") in row


def test_the_limit_is_the_code_s() -> None:
    assert f"above {MAX_BYTES // 1_000_000} MB" in TEXT
