"""What a run leaves to the project, and what of it is new on the board."""

from __future__ import annotations

from typing import Any

import pytest

from fermata.core import board_entries
from fermata.core.board_texts import LEARNING, NOTE, TITLE
from fermata.core.memory import CUT, kept_from, kept_text, learnt_from, left_by, looked_text, new_entries
from fermata.core.recalled import used_learnings, used_text
from fermata.definitions.schema_files import schema, schema_names
from tests.core.build import Player, make_plan
from tests.core.desk import Desk

RUN = "orch_20261121_091502_3fa9"
SECRETS = ("AKIAABCDEFGHIJKLMNOP", "ghp_abcdefghijklmnopqrst12", "sk-ant-api03-abcdefghijk123", "xoxb-123456-abcdef")


# --- what is kept of a result


def test_nothing_is_named_and_nothing_is_kept() -> None:
    assert learnt_from({"status": "completed", "summary": "built"}) == {}
    assert learnt_from({"learnings": ["  ", "\u200b"], "debt": [], "later": []}) == {}


def test_what_is_named_is_kept() -> None:
    value = {
        "learnings": ["  Quote every field.  "],
        "debt": [
            {"title": "Two\nparsers", "category": "design", "description": "One is enough."},
            {"title": "No test"},
        ],
        "later": ["Read XLSX, too"],
    }
    assert learnt_from(value) == {
        "learnings": ["Quote every field."],
        "debt": [
            {"title": "Two parsers", "category": "design", "description": "One is enough."},
            {"title": "No test", "description": ""},
        ],
        "later": ["Read XLSX, too"],
    }


@pytest.mark.parametrize("secret", SECRETS)
def test_no_credential_is_kept(secret: str) -> None:
    """K-I09."""
    value = {
        "learnings": [f"use {secret}"],
        "debt": [{"title": secret, "description": secret}],
        "later": [f"drop {secret}"],
    }
    assert secret not in str(learnt_from(value))
    assert learnt_from(value)["learnings"] == ["use [redacted]"]


def test_what_a_mark_in_a_secret_s_place_makes_longer_is_cut_and_says_so() -> None:
    (text,) = learnt_from({"learnings": ["pwd=1 token=a " * 71]})["learnings"]
    assert len(text) <= LEARNING
    assert text.endswith(CUT)


def test_what_would_move_the_cursor_is_not_kept() -> None:
    assert learnt_from({"learnings": ["a\x1b[2Jb\u202ec"]}) == {"learnings": ["abc"]}


@pytest.mark.parametrize("name", [name for name in schema_names() if "learnings" in schema(name)["properties"]])
def test_what_a_schema_lets_through_the_board_takes(name: str) -> None:
    fields = schema(name)["properties"]
    assert fields["learnings"]["items"]["maxLength"] == LEARNING
    assert fields["learnings"]["maxItems"] == 5
    assert fields["debt"]["items"]["properties"]["title"]["maxLength"] == fields["later"]["items"]["maxLength"] == TITLE
    desk = Desk()
    given = {
        "learnings": ["ä" * LEARNING],
        "debt": [
            {"title": "t" * TITLE, "category": word, "description": "d" * 1000}
            for word in fields["debt"]["items"]["properties"]["category"]["enum"]
        ],
        "later": ["l" * TITLE],
    }
    player = made(learnt_from(given))
    for dispatch, entries in left_by(player.run):
        desk.do(new_entries, source=f"{RUN}/{dispatch}", entries=entries)
    assert desk.board["count"] == {"task": 0, "debt": 1, "learning": 1, "report": 0, "backlog": 1}


# --- what a run leaves


def made(*learnt: dict[str, Any], **more: Any) -> Player:
    """A run whose planner hands in and leaves *learnt*."""
    player = Player()
    player.accept(player.until("wait_agents", "plan").subject, kept=make_plan(), learnt=learnt[0], **more)
    return player


def test_each_dispatch_leaves_its_own() -> None:
    debt = {"title": "Old", "category": "no such", "description": ""}
    found = dict(left_by(made({"learnings": ["one", "two"], "debt": [debt], "later": ["three"]}).run))
    assert found == {
        "d-001": [
            ("learning", {"title": "one"}),
            ("learning", {"title": "two"}),
            ("debt", {"title": "Old", "category": "other", "text": ""}),
            ("backlog", {"title": "three"}),
        ]
    }


def test_who_failed_leaves_what_it_learnt_and_who_is_at_work_nothing() -> None:
    player = Player()
    name = player.until("wait_agents", "plan").subject
    assert list(left_by(player.run)) == []
    player.tell("dispatch_failed", id=name, reason="gave up", learnt={"learnings": ["it cannot be done so"]})
    assert dict(left_by(player.run)) == {name: [("learning", {"title": "it cannot be done so"})]}


def looked(target: str, **more: Any) -> dict[str, Any]:
    found = {
        "target": target,
        "status": "found",
        "summary": "seen",
        "findings": {"where": ["a.py"]},
        "recommendations": ["do"],
    }
    return found | more


def with_kept(**kept: dict[str, Any]) -> Player:
    """A run whose dispatches looked at *kept*."""
    player = made({"later": ["x"]})
    dispatch = player.run["dispatches"]["d-001"]
    del dispatch["learnt"]
    for number, found in enumerate(kept.values(), 1):
        name = f"d-{number:03d}"
        player.run["dispatches"][name] = {**dispatch, "id": name, "item": found["target"], "kept": found}
    return player


def test_what_recon_found_becomes_a_report_and_of_two_looks_at_the_same_the_newer_one() -> None:
    one, two, again = looked("Tests"), looked("Risks: x"), looked("Tests", summary="seen again")
    found = dict(left_by(with_kept(one=one, two=two, again=again).run))
    assert list(found) == ["d-002", "d-003"]
    assert found["d-003"] == [("report", {"title": "Tests", "text": looked_text(again)})]
    assert looked_text(again) == "Tests: found. seen again\nwhere: a.py\nRecommended: do"


def test_a_report_that_no_board_could_hold_is_cut() -> None:
    topics = {f"topic {n}": ["y" * 300] * 20 for n in range(20)}
    ((_, ((_, fields),)),) = left_by(with_kept(one=looked("Tests", findings=topics)).run)
    assert len(fields["text"]) <= NOTE
    assert fields["text"].endswith(CUT)


# --- what is new on the board


def put(desk: Desk, *texts: str, source: str = "r/d-001", kind: str = "learning") -> list[str]:
    fields = [(kind, {"title": text, **({"text": "t"} if kind == "report" else {})}) for text in texts]
    return [body["id"] for _, body in desk.do(new_entries, source=source, entries=fields)]


def test_asked_again_nothing_is_added() -> None:
    desk = Desk()
    assert put(desk, "a", "b") == ["learning-000001", "learning-000002"]
    assert put(desk, "a", "b") == []
    assert put(desk, "a", "c") == ["learning-000003"]


@pytest.mark.parametrize("text", ["Quote every field", "quote  EVERY\nfield.", "Quote every field!"])
def test_what_says_the_same_is_not_new_from_whoever_it_comes(text: str) -> None:
    desk = Desk()
    desk.do(board_entries.add_entry, "learning", "Quote every field.")
    assert put(desk, text, text) == []


def test_what_a_person_closed_does_not_come_back() -> None:
    desk = Desk()
    put(desk, "All parsers are slow")
    desk.do(board_entries.close_entry, "learning", "1", "wrong")
    assert put(desk, "All parsers are slow", source="another/d-001") == []


def test_a_report_of_another_run_is_new() -> None:
    desk = Desk()
    assert put(desk, "Tests", kind="report") == ["report-000001"]
    assert put(desk, "Tests", kind="report") == []
    assert put(desk, "Tests", kind="report", source="another/d-001") == ["report-000002"]


def test_what_came_from_a_run_is_found_again() -> None:
    desk = Desk()
    put(desk, "one", source=f"{RUN}/d-001")
    put(desk, "two", source="orch_20261121_091502_3fa/d-001")
    put(desk, "three", source=f"{RUN}/d-012", kind="debt")
    assert kept_from(desk.board, RUN) == {"learning": ["learning-000001"], "debt": ["debt-000001"]}


# --- what is told of it


@pytest.mark.parametrize(
    ("remembered", "told"),
    [
        pytest.param(None, "", id="not-over"),
        pytest.param({}, "", id="nothing"),
        pytest.param({"learning": ["learning-000001"]}, "1 learning kept for later runs (learning-000001)", id="one"),
        pytest.param(
            {"learning": ["l-1", "l-2"], "backlog": ["b-1"], "report": ["r-1", "r-2", "r-3", "r-4"]},
            "2 learnings, 1 thing for later, 4 reports kept for later runs (l-1, l-2, b-1, r-1, r-2, r-3, 1 more)",
            id="several",
        ),
        pytest.param({"error": "line 1 is\ndamaged"}, "nothing was kept: line 1 is damaged", id="damaged"),
    ],
)
def test_one_line_says_what_was_kept(remembered: dict[str, Any] | None, told: str) -> None:
    player = Player().to_end()
    if remembered is not None:
        player.run["remembered"] = remembered
    assert kept_text(player.run) == told


def test_used_learnings_are_told_once_each() -> None:
    player = Player()
    one, two = ({"id": f"learning-00000{n}", "title": f"number {n}"} for n in (1, 2))
    first = player.until("wait_agents", "plan").subject
    player.run["dispatches"][first]["learnings"] = [one, two]
    player.run["dispatches"]["d-900"] = {**player.run["dispatches"][first], "id": "d-900", "learnings": [two]}
    assert used_learnings(player.run) == [one, two]
    assert used_learnings(player.run, "plan") == [two]
    assert used_learnings(player.run, "review") == []
    assert used_text([one, two]) == "learning-000001 number 1; learning-000002 number 2"
    assert used_text([one] * 5).endswith("; 2 more")
