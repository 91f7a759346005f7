from __future__ import annotations

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
    return [line.removeprefix("- ") for line in relevant_learnings(desk.board, goal, limit)]


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
    assert found(desk, "csv import", 60) == ["csv"]


def test_what_would_move_the_cursor_is_not_told() -> None:
    assert found(learnt("csv \x1b[2J\u202eis odd"), "csv") == ["csv [2Jis odd (2 hidden characters removed)"]


@pytest.mark.parametrize(("limit", "count"), [(5, 1), (10, 1), (11, 2), (16, 2), (17, 3)])
def test_the_line_breaks_count(limit: int, count: int) -> None:
    assert len(relevant_learnings(learnt("csv", "csv", "csv").board, "csv", limit)) == count


TEXTS = st.lists(st.sampled_from(["csv", "parser", "slow", "ä"]), min_size=1, max_size=20).map(" ".join)


@given(st.lists(TEXTS, max_size=12), st.sampled_from(["csv", "slow parser", "csv parser", ""]), st.integers(-5, 200))
def test_the_limit_always_holds(texts: list[str], goal: str, limit: int) -> None:
    desk = learnt(*texts)
    lines = relevant_learnings(desk.board, goal, limit)
    assert len("\n".join(lines)) <= max(limit, 0)
    assert lines == relevant_learnings(desk.replayed(), goal, limit)
