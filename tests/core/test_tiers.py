from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata.core.tiers import FULL, INDEX, INDEX_FROM, SUMMARY, SUMMARY_FROM, age_days, tier_of, told

LONG = "The importer reads one line at a time. It holds no more than one. " * 10  # 660 characters
NOW = "2026-11-21T12:00:00Z"


@pytest.mark.parametrize(
    ("created", "days", "tier"),
    [
        pytest.param("2026-11-21T12:00:00Z", 0, FULL, id="now"),
        pytest.param("2027-01-01T00:00:00Z", 0, FULL, id="from-the-future"),
        pytest.param("2026-10-22T12:00:01Z", 29, FULL, id="a-second-short-of-30"),
        pytest.param("2026-10-22T12:00:00Z", 30, SUMMARY, id="30"),
        pytest.param("2026-08-23T12:00:01Z", 89, SUMMARY, id="a-second-short-of-90"),
        pytest.param("2026-08-23T12:00:00Z", 90, INDEX, id="90"),
        pytest.param("2020-01-01T00:00:00Z", 2516, INDEX, id="years"),
    ],
)
def test_age_and_tier(created: str, days: int, tier: int) -> None:
    assert age_days(created, NOW) == days
    assert tier_of(created, NOW) == tier
    assert (SUMMARY_FROM, INDEX_FROM) == (30, 90)


@pytest.mark.parametrize(
    ("text", "tier", "left"),
    [
        pytest.param(LONG, FULL, LONG, id="in-full"),
        pytest.param(LONG, SUMMARY, LONG[:131] + " …", id="whole-sentences-of-a-quarter"),
        pytest.param(LONG, INDEX, LONG[:38] + " …", id="a-sentence-within-the-least-length"),
        pytest.param("short. " * 10, SUMMARY, "short. " * 10, id="short-enough-for-a-summary"),
        pytest.param("word " * 100, INDEX, "word " * 11 + "…", id="no-sentence-ends-in-time"),
        pytest.param("x" * 500, SUMMARY, "x" * 123 + " …", id="no-word-ends-in-time"),
        pytest.param("First\nSecond " + "y" * 300, INDEX, "First …", id="a-line-is-a-sentence"),
        pytest.param("", INDEX, "", id="nothing"),
    ],
)
def test_what_is_left(text: str, tier: int, left: str) -> None:
    assert told(text, tier) == left


@given(st.text(alphabet="ab. \nä", max_size=2_000))
def test_a_quarter_and_a_twentieth_at_most_or_the_least_length(text: str) -> None:
    assert told(text, FULL) == text
    assert len(told(text, SUMMARY)) <= max(120, len(text) // 4)
    assert len(told(text, INDEX)) <= max(60, len(text) // 20)
    for tier in (SUMMARY, INDEX):
        shown = told(text, tier)
        assert shown == text or text.startswith(shown.removesuffix("…").removesuffix(" "))
