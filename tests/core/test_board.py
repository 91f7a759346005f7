from __future__ import annotations

import pytest

from fermata.core import board_entries, board_rules
from fermata.core.board import HANDLERS, fold, new_board
from fermata.core.fold_error import FoldError
from tests.core.desk import Desk, desk

ONE, TWO = "t-000001", "t-000002"


def test_a_new_task_is_todo_and_waits_in_the_queue() -> None:
    found = desk("Write it")
    task = found.task(ONE)
    assert (task["title"], task["status"], task["priority"], task["lines"]) == ("Write it", "TODO", "P2", [1])
    assert found.board["queue"] == {"P1": {}, "P2": {ONE: 1}, "P3": {}}


def test_long_texts_stay_in_the_journal() -> None:
    found = Desk()
    found.add("x", description="long", scope=["src/**"], acceptance=["works"])
    assert "long" not in str(found.board)
    found.do(board_rules.change_task, ONE, {"title": "y"})
    assert found.task(ONE)["lines"] == [1]
    found.do(board_rules.change_task, ONE, {"description": "longer"})
    assert (found.task(ONE)["title"], found.task(ONE)["lines"]) == ("y", [1, 3])


def test_an_agent_s_word_is_kept_and_makes_nothing_done() -> None:
    found = desk("a")
    found.claim()
    found.do(board_rules.report_task, ONE, "w", "done", "all green, I swear")
    task = found.task(ONE)
    assert (task["status"], task["verified"]) == ("IN_PROGRESS", None)
    assert task["reported"]
    assert task["reported"]["outcome"] == "done"


@pytest.mark.parametrize(("outcome", "status"), [("failed", "TODO"), ("blocked", "BLOCKED")])
def test_bad_news_takes_effect_at_once(outcome: str, status: str) -> None:
    found = desk("a")
    found.claim()
    found.do(board_rules.report_task, ONE, "w", outcome, "no key")
    task = found.task(ONE)
    assert (task["status"], task["claim"], task["why"]) == (status, None, "no key" if status == "BLOCKED" else "")


def test_evidence_makes_it_done_and_says_what_it_was() -> None:
    found = desk("a")
    found.verify(ONE)
    task = found.task(ONE)
    assert task["status"] == "DONE"
    assert task["verified"] == {"by": "checks", "ts": found.now, "run": "run", "tree": "f" * 40, "checks": ["tests"]}


def test_who_claims_after_another_starts_with_no_word_about_it() -> None:
    found = desk("a")
    found.claim("first", minutes=1)
    found.do(board_rules.report_task, ONE, "first", "done", "")
    found.claim("first", ONE)
    assert found.task(ONE)["reported"]
    found.minute = 90
    found.claim("second", ONE)
    assert found.task(ONE)["reported"] is None


def test_a_task_that_is_given_back_waits_at_the_end_of_its_queue() -> None:
    found = desk("a", "b")
    found.claim()
    found.do(board_rules.release_task, ONE, "w")
    assert list(found.board["queue"]["P2"]) == [TWO, ONE]
    assert found.board["at_work"] == {}


def test_a_note_is_replaced_and_its_old_text_stays_in_the_journal() -> None:
    found = desk("a")
    found.do(board_rules.write_note, ONE, "plan", "plan", "first")
    found.do(board_rules.write_note, ONE, "plan", "plan", "second one")
    note = found.board["notes"][ONE]["plan"]
    assert (note["line"], note["chars"]) == (3, 10)
    assert found.events[1]["body"]["text"] == "first"


def test_entries_of_each_kind_are_counted_apart() -> None:
    found = Desk()
    for kind in ("debt", "debt", "learning"):
        found.do(board_entries.add_entry, kind, "x")
    assert list(found.board["entries"]["debt"]) == ["debt-000001", "debt-000002"]
    assert list(found.board["entries"]["learning"]) == ["learning-000001"]


def test_what_a_newer_fermata_wrote_is_named() -> None:
    found = desk("a")
    with pytest.raises(FoldError, match=r"line 2 .*unknown type; a newer fermata wrote it"):
        found.tell("moon_phase_recorded", {"phase": "full"})


@pytest.mark.parametrize("kind", sorted(set(HANDLERS) - {"task_created", "entry_added"}))
def test_news_of_what_is_not_there_is_no_traceback(kind: str) -> None:
    found = Desk()
    body = {
        "id": "t-000009",
        "task": "t-000009",
        "kind": "debt",
        "by": "x",
        "until": "",
        "name": "n",
        "text": "",
        "how": "",
    }
    with pytest.raises(FoldError, match="which the lines before do not explain"):
        found.tell(kind, body)


def test_the_same_id_twice_is_not_fermata_s_own_journal() -> None:
    found = desk("a")
    found.do(board_entries.add_entry, "debt", "x")
    for event in found.events[:]:
        with pytest.raises(FoldError, match="is there already"):
            found.tell(event["type"], event["body"])


def test_no_events_are_an_empty_board() -> None:
    assert fold([]) == new_board()
