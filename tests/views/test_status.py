from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from fermata.views.status import document, shown_status, text
from tests.core.build import Player, make_plan, make_step

MARKER = {"run": "r", "interactive": True, "mode": "default", "root": "/nowhere"}
HIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
HOSTILE = "x\x1b]8;;http://e\x07y\x1b[2J\r\u202ez\u200b\x9b31m\U000e0041" + " " * 10_000 + "\nNext line"
KEYS = (
    "format run mode status goal currentStage planFilePath stages routing agent_states active_threads learnings checkpoints phases branch failures "
    "tasks approval checks worktrees waiting replans skipped repairs turn_failed session tier cost"
).split()


def at_gate() -> Player:
    play = Player()
    play.to_gate()
    return play


def limited() -> Player:
    play = Player()
    play.until("agent")
    play.tell("limit_reached", node="plan", why="enough is enough")
    return play


def decided(word: str) -> Player:
    play = at_gate()
    play.decide(word)
    return play


def building() -> Player:
    play = Player().approved()
    play.until("wait_agents", "steps.0/build")
    return play


def second_step() -> Player:
    play = Player().approved()
    play.until("agent", "steps.1/build")
    return play


def repaired() -> Player:
    play = building()
    while len(play.events) < 19:
        play.tell("result_rejected", id="d-002", error="x", repair=1)
    play.repaired()
    return play


def told(play: Player, kind: str) -> Player:
    play.tell(kind)
    return play


STATES: dict[str, tuple[Callable[[], Player], str, list[str]]] = {
    "new": (Player, "executing", ["Stage     Run the project's tests before any change", "Strength  guarded:"]),
    "planning": (lambda: _until("agent"), "executing", ["Stage     Look and plan", "· d-001 planner  pending", "green tests: green"]),
    "gate": (at_gate, "waiting", ["Stage     The human decides", "waits for you", "Waits     for your decision about plan", "✓ d-001 planner  completed"]),
    "modify": (lambda: decided("modify"), "executing", ["Stage     Look and plan, round 2", "decided: modify by picker"]),
    "building": (building, "executing", ["Stage     build (step 1 of 2)", "approved by picker", "… d-002 builder  running"]),
    "second-step": (second_step, "executing", ["Stage     build (step 2 of 2)"]),
    "stopped": (lambda: told(building(), "run_stopped"), "stopped", ["Parked    /fermata:resume goes on, /fermata:abort ends it"]),
    "limit": (limited, "waiting", ["Waits     enough is enough. /fermata:resume goes on"]),
    "completed": (lambda: Player().to_end(), "completed", ["Stage     completed"]),
    "aborted": (lambda: told(building(), "run_aborted"), "aborted", ["Stage     aborted"]),
    "repaired": (repaired, "executing", ["Repaired  2026-", "gave up lines 20–22 (bad); journal.jsonl.damaged-1 has them"]),
    "aborted-at-the-gate": (lambda: decided("abort"), "aborted", ["decided: abort by picker"]),
}  # fmt: skip


def _until(kind: str) -> Player:
    play = Player()
    play.until(kind)
    return play


@pytest.mark.parametrize("state", STATES)
def test_the_text_in_each_state(state: str) -> None:
    make, status, says = STATES[state]
    run = make().run
    shown = text(run, MARKER, {})
    assert shown.splitlines()[0] == f"{run['run']}  {status}"
    assert shown.splitlines()[1] == "Goal      Greet the user"
    for words in says:
        assert words in shown
    assert ("Strength" in shown) is (status not in ("completed", "aborted"))
    assert ("Waits" in shown) is (status == "waiting")


@pytest.mark.parametrize(
    ("session", "told"), [("s-other", True), (None, False), ("own", False)], ids=["another", "a-terminal", "its-own"]
)
def test_a_session_that_does_not_drive_the_run_is_told_so(session: str | None, told: bool) -> None:
    run = building().run
    env = {"CLAUDE_CODE_SESSION_ID": run["session"] if session == "own" else session} if session else {}
    assert ("Elsewhere" in text(run, MARKER, env)) is told


def test_a_turn_that_broke_off_is_told_with_the_way_on() -> None:
    play = building()
    play.tell("turn_failed", reason="rate_limit API Error: 429")
    assert "Broke off rate_limit API Error: 429. In that session, type: go on" in text(play.run, MARKER, {})


@pytest.mark.parametrize("state", STATES)
def test_the_document_in_each_state(state: str) -> None:
    make, status, _ = STATES[state]
    run = make().run
    found = document(run, MARKER, {})
    assert list(found) == KEYS
    assert json.loads(json.dumps(found)) == found
    assert found["status"] == status == shown_status(run)
    assert set(found["stages"]) == {s["id"] for s in run["workflow"]["stages"]}
    assert len(found["agent_states"]) == len(run["dispatches"])
    assert (found["approval"] is None) is (run["gate"] is None and run["approved"] is None)
    assert (found["waiting"] is None) is (run["waiting"] is None)


def test_the_document_s_facts() -> None:
    run = building().run
    found = document(run, MARKER, {})
    assert found["currentStage"] == "steps"
    assert found["planFilePath"] == "artifacts/implementation_plan.md"
    assert {name: stage["status"] for name, stage in found["stages"].items()} == {
        "baseline": "completed", "plan": "completed", "approval": "completed", "steps": "in_progress", "rework": "pending",
        "verify": "pending", "review": "pending", "finish": "pending",
    }  # fmt: skip
    assert found["routing"]["agent_sequence"] == [
        {"agent": "planner", "status": "completed"},
        {"agent": "builder", "status": "active"},
    ]
    assert found["approval"]["decision"] == "approve"
    assert found["approval"]["code"] == found["approval"]["digest"][:8]
    assert found["session"] == {"id": "s-1", "generation": 1, "interactive": True}
    assert found["tier"]["name"] == "guarded"
    assert found["checks"][0] == {
        "id": "c-001", "name": "tests", "node": "baseline", "state": "finished", "outcome": "green", "why": "green", "counts": None,
    }  # fmt: skip


def test_a_second_pass_counts_its_own_steps() -> None:
    play = building()
    play.tell("approval_voided", reason="gone")
    play.to_gate()
    play.decide("modify")
    play.to_gate()
    play.decide()
    play.until("agent", play.actions()[0].node)
    assert "(step 1 of 2)" in text(play.run, MARKER, {})


def hostile() -> Any:
    play = Player(goal=HOSTILE)
    play.until("wait_agents")
    plan = make_plan(make_step(HOSTILE, objective=HOSTILE), summary=HOSTILE)
    play.accept("d-001", kept=plan, summary=HOSTILE)
    play.approved()
    play.until("wait_agents", "steps.0/build")
    play.fail(list(play.run["dispatches"])[-1], HOSTILE)
    run: Any = copy.deepcopy(play.run)
    for stage in run["workflow"]["stages"]:
        stage["title"] = HOSTILE[:100]
        for inner in stage.get("stages", []):
            inner["title"] = HOSTILE[:100]
    for check in run["checks"].values():
        check["why"] = HOSTILE
    return run


def test_nothing_that_was_named_by_others_moves_the_cursor() -> None:
    run = hostile()
    shown_run: Any
    for shown_run in (run, {**run, "status": "waiting", "waiting": {"kind": "limit", "node": "plan", "why": HOSTILE}}):
        shown = text(shown_run, MARKER, {})
        assert not HIDDEN.search(shown), HIDDEN.findall(shown)
        assert max(map(len, shown.splitlines())) < 300
        assert "\nNext line" not in shown


def test_many_dispatches_show_the_newest() -> None:
    run: Any = copy.deepcopy(building().run)
    for number in range(3, 40):
        run["dispatches"][f"d-{number:03d}"] = {**run["dispatches"]["d-001"], "id": f"d-{number:03d}"}
    shown = text(run, MARKER, {})
    assert "d-039" in shown
    assert "d-031" not in shown
    assert len(shown.splitlines()) < 20


def test_the_threads_at_work_are_told_with_target_and_time() -> None:
    play = building()
    (one,) = document(play.run, MARKER, {})["active_threads"]
    assert one == {"id": "d-002", "target": "builder", "status": "running", "created_at": None}
    play.run["dispatches"]["d-002"].update({"state": "pending", "created": "2026-11-21T12:00:00Z"})
    (one,) = document(play.run, MARKER, {})["active_threads"]
    assert (one["status"], one["created_at"]) == ("pending", "2026-11-21T12:00:00Z")
    play.run["dispatches"]["d-002"]["state"] = "completed"
    assert document(play.run, MARKER, {})["active_threads"] == []


def test_a_list_of_which_nothing_is_begun_is_named() -> None:
    """As a parked run stands after a rollback."""
    run = building().run
    run["position"] = {**run["position"], "inner": {}}
    stage = next(row for row in text(run, None, {}).splitlines() if row.startswith("Stage"))
    title = next(stage for stage in run["workflow"]["stages"] if stage["id"] == "steps")["title"]
    assert stage == f"Stage     {title}"


def test_a_run_that_was_aborted_waits_for_nothing() -> None:
    play = told(limited(), "run_aborted")
    assert "Waits" not in text(play.run, None, {})
