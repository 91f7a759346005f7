from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata.core import board_entries as entries
from fermata.core.relevance import relevant_learnings, words_of
from tests.core.desk import Desk


def learnt(*texts: str, **names: object) -> Desk:
    desk = Desk()
    for text in texts:
        desk.do(entries.add_entry, "learning", text, **names)
    return desk


def found(desk: Desk, goal: str, limit: int = 10_000) -> list[str]:
    """The lines without their ids."""
    lines = [(one.id, one.text) for one in relevant_learnings(desk.board, goal, limit, desk.now)]
    assert all(text.startswith(f"- {name}: ") for name, text in lines)
    return [text.removeprefix(f"- {name}: ") for name, text in lines]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Tests of CSV files", {"test", "csv", "file"}),
        ("a an is, on!", set()),
        ("gas gas", {"gas"}),
        ("naïve_parser2 Größe", {"naïve", "parser2", "grösse"}),
        ("", set()),
    ],
)
def test_words(text: str, words: set[str]) -> None:
    assert words_of(text) == words


def test_a_rare_word_outweighs_a_common_one() -> None:
    desk = learnt("the importer is slow", "the importer is old", "quoting in spreadsheets is odd")
    assert found(desk, "importer for spreadsheets")[0] == "quoting in spreadsheets is odd"


def test_more_shared_words_come_first_and_the_newer_of_equals() -> None:
    desk = learnt("csv one", "csv two", "csv import")
    assert found(desk, "import csv") == ["csv import", "csv two", "csv one"]


def test_what_shares_no_word_or_is_closed_never_comes() -> None:
    desk = learnt("about csv", "about csv too", "something else")
    desk.do(entries.close_entry, "learning", "1", "wrong")
    assert found(desk, "CSV!") == ["about csv too"]


def test_tags_count_as_words_and_the_source_is_told() -> None:
    desk = learnt("quote every field", tags=["csv"], source="orch_1/d-003")
    assert found(desk, "csv") == ["quote every field (orch_1/d-003)"]


def test_one_that_does_not_fit_is_left_out_whole_and_a_shorter_one_comes_in() -> None:
    desk = learnt("csv", "csv import " + "x" * 100)
    assert found(desk, "csv import", 80) == ["csv"]


def test_what_would_move_the_cursor_is_not_told() -> None:
    assert found(learnt("csv \x1b[2J\u202eis odd"), "csv") == ["csv [2Jis odd (2 hidden characters removed)"]


@pytest.mark.parametrize(("limit", "count"), [(21, 0), (22, 1), (44, 1), (45, 2), (67, 2), (68, 3)])
def test_the_ids_and_the_line_breaks_count(limit: int, count: int) -> None:
    assert len("- learning-000001: csv") == 22
    assert len(found(learnt("csv", "csv", "csv"), "csv", limit)) == count


def later(days: int) -> str:
    """So many days after the desk's noon."""
    return (datetime(2026, 11, 21, 12, tzinfo=timezone.utc) + timedelta(days)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("days", "told"),
    [
        pytest.param(29, "The csv importer is slow. " * 30, id="in-full"),
        pytest.param(30, "The csv importer is slow. " * 7, id="a-summary"),
        pytest.param(89, "The csv importer is slow. " * 7, id="still-a-summary"),
        pytest.param(90, "The csv importer is slow. " * 2, id="a-line"),
    ],
)
def test_an_old_one_is_told_shorter(days: int, told: str) -> None:
    desk = learnt("The csv importer is slow. " * 30)
    (one,) = relevant_learnings(desk.board, "csv", 10_000, later(days))
    assert one.text == f"- learning-000001: {told.strip()}" + (" …" if days > 29 else "")


TEXTS = st.lists(st.sampled_from(["csv", "parser", "slow", "ä"]), min_size=1, max_size=20).map(" ".join)


@given(st.lists(TEXTS, max_size=12), st.sampled_from(["csv", "slow parser", "csv parser", ""]), st.integers(-5, 200))
def test_the_limit_always_holds(texts: list[str], goal: str, limit: int) -> None:
    desk = learnt(*texts)
    lines = relevant_learnings(desk.board, goal, limit, desk.now)
    assert len("\n".join(one.text for one in lines)) <= max(limit, 0)
    assert lines == relevant_learnings(desk.replayed(), goal, limit, desk.now)
