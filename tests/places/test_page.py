"""docs/reference/places.md claims nothing that no test shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/places.md"
WHOLE = "tests/places/test_places.py::test_a_whole_run_is_verified_and_the_users_own_is_as_it_was"
NAMED = re.compile(r"`(W|tests/[\w/]+\.py::\w+)(?:\[([\w-]+)\])?`")


def rows() -> list[str]:
    lines = PAGE.read_text().splitlines()
    return [line for line in lines if line.startswith("| ") and not line.startswith("| place |")]


def exists(test: str, row_id: str) -> bool:
    """Whether the file of *test* has it, and *row_id* as an id of a row or as the function that the row is named for."""
    path, _, name = (WHOLE if test == "W" else test).partition("::")
    text = (ROOT / path).read_text() if (ROOT / path).is_file() else ""
    known = f'id="{row_id}"' in text or f"def {row_id}(" in text
    return f"def {name}(" in text and (known or not row_id)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.split("|")[1].strip()[:40])
def test_every_row_names_a_test_that_is_there(row: str) -> None:
    named = NAMED.findall(row.split("|")[-2])
    assert named
    for test, row_id in named:
        assert exists(test, row_id), (test, row_id)


def test_every_place_of_the_table_is_on_the_page() -> None:
    from tests.places.test_places import WORKS

    on_page = set(re.findall(r"`W\[(\w+)\]`", PAGE.read_text()))
    assert {prepare.__name__ for prepare, _ in WORKS} - {"ordinary"} == on_page


def test_a_missing_test_is_found() -> None:
    assert not exists("tests/places/test_places.py::test_nothing", "")
    assert not exists("W", "nowhere")
