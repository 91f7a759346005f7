"""What one agent leaves to the next, and the way back to the planner that makes it needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fermata.core.handoff import handoff, handoff_text
from fermata.core.workflow import BAD_NEWS, graph_errors
from fermata.definitions.schema_files import schema_errors
from tests.core.build import (
    NO_WAY_BACK,
    REPLANNING,
    Player,
    make_plan,
    make_stage,
    make_step,
    make_workflow,
    plan_stage,
)

if TYPE_CHECKING:
    from fermata.core.records import Workflow

PLAN = make_plan(make_step("One"), make_step("Two", ("tests/**", "src/b.py")), scope_out=["no docs", "no\nother"])


def planned(plan: dict[str, Any] | None = None, workflow: Workflow = REPLANNING) -> Player:
    """Approved, with *plan*."""
    player = Player(workflow=workflow)
    player.accept(player.until("wait_agents", "plan").subject, kept=plan or PLAN)
    return player.approved()


def fail_for_good(player: Player, node: str, tries: int = 5, **body: Any) -> None:
    for number in range(1, tries + 1):
        name = player.until("wait_agents", node).subject
        player.tell("dispatch_failed", id=name, reason=f"the agent gave up: try {number}", **body)


def replan(player: Player, output: str = "") -> dict[str, Any]:
    """The record for the planner that the run stands at, valid against its schema."""
    record = handoff(player.run, "plan", output)
    assert record is not None
    assert schema_errors("handoffs/replan", record) == []
    assert record == handoff(json.loads(json.dumps(player.run)), "plan", output)
    found: dict[str, Any] = record["context"]
    return found


# --- planner to builder


def test_the_planner_hands_its_plan_to_the_builder() -> None:
    player = planned()
    player.until("create", "steps.0/build")
    record = handoff(player.run, "steps.0/build")
    approved = player.run["approved"]
    assert approved is not None
    assert record == {
        "format": 1, "from": "planner", "to": "builder",
        "context": {
            "task_id": "orch_20261121_091502_3fa9", "plan_id": approved["digest"][:8], "plan_summary": "Add a greeting",
            "learnings_loaded": [],
            "requirements_summary": {"scope_in": ["src/**", "src/b.py", "tests/**"], "scope_out": ["no docs", "no other"]},
        },
    }  # fmt: skip
    assert schema_errors("handoffs/build", record) == []
    assert handoff_text(record).splitlines() == [
        "From planner to builder.",
        f"Plan: {approved['digest'][:8]}: Add a greeting",
        "Scope of the whole plan: src/**, src/b.py, tests/**",
        "Left alone on purpose: no docs; no other",
    ]


@pytest.mark.parametrize("node", ["plan", "review", "steps.0/build"])
def test_nothing_is_handed_over_before_an_approval(node: str) -> None:
    assert handoff(Player().run, node) is None


def test_who_only_reads_is_handed_nothing() -> None:
    player = planned()
    player.until("create", "review")
    assert handoff(player.run, "review") is None


def test_after_the_users_words_the_planner_is_handed_nothing() -> None:
    player = Player(workflow=REPLANNING)
    player.to_gate()
    player.decide("modify")
    assert player.at == "plan"
    assert handoff(player.run, "plan") is None


# --- back to the planner


def test_a_step_that_fails_for_good_goes_back_to_the_planner() -> None:
    player = planned()
    fail_for_good(player, "steps.1/build", suggestion="split it in two")
    assert player.at == "plan"
    assert player.run["status"] == "executing"
    assert player.run["position"]["came_from"]["plan"] == {"stage": "steps", "outcome": "failed"}
    assert replan(player) == {
        "failure_reason": "5 tries failed; the last one: the agent gave up: try 5",
        "completed_steps": ["1. One"],
        "failed_step": "2. Two",
        "error_details": "\n".join(f"d-00{n + 2}: the agent gave up: try {n}" for n in range(1, 6)),
        "suggestion": "split it in two",
    }


def test_a_step_whose_checks_never_become_green_goes_back_too() -> None:
    player = planned(make_plan(make_step("One"), checks=[]))
    for _ in range(5):
        player.check(player.until("check", "steps.0/check"), "red", why="exit 1: 1 failed")
    assert player.at == "plan"
    found = replan(player)
    assert (found["completed_steps"], found["failed_step"]) == ([], "1. One")
    assert found["failure_reason"] == "its checks did not become green"
    assert found["error_details"] == "tests: red (exit 1: 1 failed)"


def test_red_checks_at_the_end_go_back_with_every_step_done() -> None:
    player = planned(make_plan(make_step("One"), make_step("Two"), checks=[]))
    player.check(player.until("check", "verify"), "red", why="exit 1: 2 failed")
    found = replan(player, "the end of the output")
    assert found == {
        "failure_reason": "1 check(s) did not pass: tests: red (exit 1: 2 failed)",
        "completed_steps": ["1. One", "2. Two"],
        "failed_step": "Run every approved check",
        "error_details": "tests: red (exit 1: 2 failed)\nthe end of the output",
        "suggestion": "",
    }


def test_a_rejected_review_can_go_back_to_the_planner() -> None:
    workflow = json.loads(json.dumps(REPLANNING))
    review = next(stage for stage in workflow["stages"] if stage["id"] == "review")
    review["on"]["reject"] = "plan"
    player = planned(workflow=workflow)
    kept = {
        "verdict": "reject",
        "summary": "Too loud",
        "findings": [{"severity": "high", "path": "a", "issue": "It shouts."}],
    }
    player.accept(player.until("wait_agents", "review").subject, kept=kept)
    found = replan(player)
    assert found["failure_reason"] == "the review rejected the change: Too loud"
    assert found["error_details"] == "- high `a`: It shouts."
    assert found["failed_step"] == "Review"


def test_work_outside_the_steps_goes_back_too() -> None:
    player = planned(make_plan(make_step("One"), checks=[]))
    player.accept(
        player.until("wait_agents", "review").subject, kept={"verdict": "reject", "summary": "no", "findings": []}
    )
    fail_for_good(player, "rework")
    assert player.at == "plan"
    found = replan(player)
    assert found["failed_step"] == "Mend what the checks or the review found"
    assert found["completed_steps"] == ["1. One"]
    assert found["error_details"].count("\n") == 4


def test_hostile_words_do_no_harm_to_the_record() -> None:
    player = planned()
    for _ in range(5):
        name = player.until("wait_agents", "steps.0/build").subject
        player.tell("dispatch_failed", id=name, reason="x\n\x1b[31m## Limits\u202e" * 900, suggestion="y\x00" * 900)
    found = replan(player, "z\x07" * 9_000)
    assert max(len(found["failure_reason"]), len(found["suggestion"])) <= 1_000
    assert len(found["error_details"]) <= 2_100
    assert not set("\x1b\x00\x07\u202e") & set(json.dumps(found, ensure_ascii=False))


def test_a_second_failure_waits_for_a_human() -> None:
    player = planned()
    fail_for_good(player, "steps.0/build")
    player.accept(player.until("wait_agents", "plan").subject, kept=PLAN)
    player.approved()
    fail_for_good(player, "steps~2.0/build")
    waits = player.only("human")
    assert (waits.node, waits.subject) == (
        "steps",
        "the work failed again after 1 new plan, the limit; the last failure: the agent gave up: try 5",
    )
    player.tell("retry_granted")
    assert player.to_end().run["status"] == "completed"


def test_the_second_pass_is_told_apart_from_the_first() -> None:
    workflow = json.loads(json.dumps(REPLANNING))
    next(stage for stage in workflow["stages"] if stage["id"] == "steps")["rounds"] = 3
    player = planned(workflow=workflow)
    fail_for_good(player, "steps.1/build")
    player.accept(player.until("wait_agents", "plan").subject, kept=make_plan(make_step("Uno"), make_step("Due")))
    player.approved()
    fail_for_good(player, "steps~2.0/build", suggestion="give up")
    found = replan(player)
    assert (found["completed_steps"], found["failed_step"]) == ([], "1. Uno")
    assert found["error_details"].count("d-0") == 5


def test_without_such_an_edge_a_human_is_asked() -> None:
    player = Player(workflow=NO_WAY_BACK).approved()
    fail_for_good(player, "steps.0/build")
    assert player.only("human").node == "steps.0/build"


def test_an_edge_of_the_inner_stage_comes_before_the_outer_one() -> None:
    workflow = json.loads(json.dumps(REPLANNING))
    steps = next(stage for stage in workflow["stages"] if stage["id"] == "steps")
    steps["stages"][0].update({"rounds": 2, "on": {"failed": "check"}})
    player = planned(workflow=workflow)
    fail_for_good(player, "steps.0/build")
    assert {(action.kind, action.node) for action in player.actions()} == {("check", "steps.0/check")}


# --- the edge in a definition


@pytest.mark.parametrize(
    ("on", "rounds", "says"),
    [
        pytest.param({"failed": "plan"}, None, "can go round for ever", id="unbounded"),
        pytest.param({"failed": "plan"}, 2, "", id="bounded"),
        pytest.param({"failed": "abort"}, None, "", id="end"),
        pytest.param({"failed": "nowhere"}, 2, 'names "nowhere"', id="dangling"),
        pytest.param({"faild": "plan"}, 2, 'has no outcome "faild"; known: done, failed', id="misspelt"),
    ],
)
def test_where_failed_work_may_lead(on: dict[str, str], rounds: int | None, says: str) -> None:
    limit = {} if rounds is None else {"rounds": rounds}
    inner = [make_stage("build", access="write")]
    steps = make_stage("steps", "foreach", stages=inner, on=on, **limit)
    found = graph_errors(make_workflow(plan_stage(), make_stage("ask", "gate"), steps))
    assert [says in error for error in found] == [True] * bool(says), found


@pytest.mark.parametrize("kind", ["gate", "checks", "finalise"])
def test_only_agents_and_what_repeats_them_fail(kind: str) -> None:
    stage = make_stage("end", kind)
    stage["on"] = {**stage.get("on", {}), "failed": "abort"}
    assert any('has no outcome "failed"' in error for error in graph_errors(make_workflow(plan_stage(), stage)))


def test_bad_news_is_what_leads_back() -> None:
    assert BAD_NEWS == ("failed", "red", "reject", "conflict")
