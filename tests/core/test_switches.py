from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from fermata.core.switches import CannotSkip, named, without
from fermata.core.workflow import graph_errors, target, walk
from fermata.definitions.workflow_files import load_workflow

if TYPE_CHECKING:
    from fermata.core.records import Stage, Workflow

SHIPPED: Workflow = load_workflow("plan_then_build", "/nowhere")[0]


def ids(stages: list[Stage]) -> list[str]:
    return [stage["id"] for _, stage in walk(stages)]


def changed(*extra: dict[str, Any], before: str = "finish", **fields: dict[str, Any]) -> Workflow:
    """The shipped workflow with *fields* of stages changed and *extra* stages put before another."""
    found: Any = copy.deepcopy(SHIPPED)
    for stage in found["stages"]:
        stage.update(fields.get(stage["id"], {}))
    place = [stage["id"] for stage in found["stages"]].index(before)
    found["stages"][place:place] = extra
    assert graph_errors(found) == []
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["baseline", "review", "check"])
def test_a_stage_that_nothing_needs_is_left_out(name: str) -> None:
    before = copy.deepcopy(SHIPPED)
    found = without(SHIPPED, name)
    assert before == SHIPPED
    assert ids(found["stages"]) == [each for each in ids(SHIPPED["stages"]) if each != name]
    assert graph_errors(found) == []


def test_the_ways_lead_past_it() -> None:
    stages = without(SHIPPED, "review")["stages"]
    (verify,) = [stage for stage in stages if stage["id"] == "verify"]
    assert target(stages, verify, "green") == "finish"
    assert target(stages, verify, "red") == "rework"


def test_one_after_the_other() -> None:
    found = without(without(SHIPPED, "review"), "baseline")
    assert ids(found["stages"]) == ["plan", "approval", "steps", "build", "check", "rework", "verify", "finish"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        pytest.param("approval", "a gate is passed by a human only", id="gate"),
        pytest.param("verify", "it runs the last full checks", id="last-full-checks"),
        pytest.param("finish", "it ends the run on the tree that was verified", id="finalise"),
        pytest.param("plan", "stages.approval.plan needs what it keeps", id="kept-fields"),
        pytest.param("steps", "it is the work itself", id="work"),
        pytest.param("build", "it is the work itself", id="work-inside"),
        pytest.param("rework", "stages.verify.on leads to it when that ends red", id="remedy"),
    ],
)
def test_a_stage_that_something_needs_stays(name: str, why: str) -> None:
    with pytest.raises(CannotSkip, match=why):
        without(SHIPPED, name)


def test_earlier_full_checks_may_go_and_the_last_stay() -> None:
    early = {
        "id": "early",
        "kind": "checks",
        "commands": "full",
        "on": {"green": "verify", "red": "rework"},
        "rounds": 2,
    }
    workflow = changed(early, before="rework", steps={"on": {"done": "early"}})
    found = without(workflow, "early")
    (steps,) = [stage for stage in found["stages"] if stage["id"] == "steps"]
    assert target(found["stages"], steps, "done") == "verify"
    with pytest.raises(CannotSkip, match="last full checks"):
        without(workflow, "verify")


def test_a_later_writer_may_go() -> None:
    tests = {**named(SHIPPED, "rework")[1], "id": "more_tests", "on": {"done": "verify"}}
    found = without(changed(tests, before="rework", steps={"on": {"done": "more_tests"}}), "more_tests")
    assert found["stages"] == [
        {**stage, "on": {"done": "verify"}} if stage["id"] == "steps" else stage for stage in SHIPPED["stages"]
    ]


def test_a_verdict_without_a_plain_way_on_is_no_stage_to_leave_out() -> None:
    review: Any = named(SHIPPED, "review")[1]
    workflow = changed(review={**review, "on": {"good": "finish", "reject": "rework"}})
    with pytest.raises(CannotSkip, match="depends on how it ends: good, reject"):
        without(workflow, "review")


def test_the_first_stage_must_lead_to_the_second() -> None:
    workflow = changed(
        {"id": "quickly", "kind": "checks", "commands": "quick", "on": {"red": "next"}},
        before="plan",
        baseline={"on": {"green": "plan", "red": "quickly"}},
    )
    with pytest.raises(CannotSkip, match="goes on at plan, not at quickly"):
        without(workflow, "baseline")


def test_a_stage_whose_loss_leaves_no_way_to_another() -> None:
    """`side` is reached by the review's verdict alone."""
    side = {"id": "side", "kind": "checks", "commands": "quick", "on": {"green": "finish", "red": "finish"}}
    review: Any = named(SHIPPED, "review")[1]
    workflow = changed(side, review={**review, "on": {"approve": "finish", "odd": "side", "reject": "rework"}})
    with pytest.raises(CannotSkip, match='without it the workflow is none: stages: no way leads to "side"'):
        without(workflow, "review")


@pytest.mark.parametrize("name", ["reviw", "nosuch", ""])
def test_an_unknown_stage_is_named_with_the_known_ones(name: str) -> None:
    with pytest.raises(
        LookupError, match="known stages: baseline, plan, approval, steps, build, check, rework, verify"
    ):
        named(SHIPPED, name)


def test_a_name_that_two_stages_have_means_neither() -> None:
    again = {"id": "check", "kind": "checks", "commands": "quick", "on": {"red": "next"}}
    with pytest.raises(LookupError, match='"check" is the name of two stages'):
        named(changed(again, before="review"), "check")
