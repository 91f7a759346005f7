"""Whatever a text holds: it is read without an error, in time that grows with its length, and nothing is made up."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fermata.spec.reader import read_spec
from fermata.spec.words import fold

PIECES = (
    "# ", "## ", "### ", "Phase 1: One", "Phase 2", "Milestone ", "第一阶段：", "フェーズ2", "Étape 3 : ", "- ", "- [x] ",
    "1. ", "**", "`", "```\n", "| a | b |\n|--|--|\n",
    "Modules: ", "Test Command: ", "Success Criteria:", "Depends on: ", "Phase 1, 2 and 3", "Scope: `a/**`",
    "../x", " ✅", " (done)", " — COMPLETE", "(Week 1-2)", "\n", "\n\n",
    "  ", "\t", "<details><summary>", "</summary>", "</details>", "---\n", "a --> b", "Implementation Plan",
    "pytest -q", "\r\n", "\u2028", "\0", "\x1b", "🚀", "[a](b)", "&amp;", "\\", "<!--", "-->",
)  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=60).map("".join)


def letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", fold(text))


@settings(max_examples=80, deadline=None)
@given(TEXTS)
def test_any_text_is_read_and_nothing_is_made_up(text: str) -> None:
    spec = read_spec(text)
    count = len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    bare = text.replace("&amp;", "").replace("[a](b)", "a")
    there = letters(bare) + " " + letters(re.sub(r"<[^<>]*>", "", bare))
    last = 0
    for phase in spec.phases:
        first, end = phase["lines"]
        assert last <= first <= end <= count
        last = first
        name = phase["name"].replace("&amp;", " ")  # as it stands in a code span
        assert all(word in there for word in map(letters, name.split()))
        for name in phase["depends_on"]:
            assert name in [other["name"] for other in spec.phases]
        for field in phase["fields"].values():
            assert 1 <= field["lines"][0] <= field["lines"][1] <= count
            assert 0 < field["sure"] <= 1
    assert bool(spec.phases) or spec.problems
    json.dumps(spec)


GROWING = {
    "brackets": "[", "hashes": "#", "stars": "*", "ticks": "`", "words": "phase 1 ", "headings": "# Phase 1: a\n",
    "items": "- Phase 1: a\n", "bold": "**Phase 1: a**\n\n",
    "rows": "|Phase|b|\n|-|-|\n|Phase 1|b|\n", "arrows": "Phase 1 -> ", "labels": "Tasks: a\n",
    "summaries": "<summary>", "details": "<details><summary>Phase 1: a</summary>\n\n",
    "weeks": "(week 1) ", "verbs": "after phase 1 ", "paths": "a/", "names": "a.py ",
    "alternating": "## x\n### Phase 1: a\n", "han": "第一阶段", "numbers": "1. a\n",
}  # fmt: skip


def seconds(text: str) -> float:
    began = time.process_time()
    read_spec(text)
    return time.process_time() - began


@pytest.mark.parametrize("piece", GROWING.values(), ids=GROWING)
def test_time_grows_with_the_length_not_with_its_square(piece: str) -> None:
    """Eight times the text, at most some twenty times the time; a square would be sixty-four."""
    head = "# Plan\n## Phase 1: A\n- a\n"
    short, long = head + piece * (1_500 // len(piece)), head + piece * (12_000 // len(piece))
    least = min(seconds(short) for _ in range(3))
    assert min(seconds(long) for _ in range(2)) < 20 * max(least, 0.003)
