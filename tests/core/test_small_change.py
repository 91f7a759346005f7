"""When nobody is asked, and what is still small."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fermata.core.actions import CREATE, DECIDE, HUMAN, REQUEST
from fermata.core.consultation import plan_of, question_for
from fermata.core.fold_error import FoldError
from fermata.core.report import report
from fermata.core.small_change import RULE, too_much, waivable, waived
from fermata.definitions.workflow_files import load_workflow
from tests.core.build import Player

BUILD_ONLY, DIGEST = load_workflow("build_only", "/nowhere")


def at_gate(**fields: Any) -> Player:
    """The gate is reached, and nobody has been asked yet."""
    player = Player(**{"workflow": copy.deepcopy(BUILD_ONLY), "workflow_digest": DIGEST, **fields})
    player.request(player.until(REQUEST), shown=False)
    return player


def waive(player: Player) -> Player:
    gate = player.run["gate"]
    assert gate is not None
    player.tell("approval_waived", digest=gate["digest"], rule=RULE)
    return player


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([("a", 25), ("b", 25), ("c", 0)], None, id="just-small"),
        pytest.param([("a", 51)], "51 lines", id="a-line-too-many"),
        pytest.param([("a", 20), ("b", 20), ("c", 11)], "51 lines", id="a-line-too-many-together"),
        pytest.param([(name, 1) for name in "abcd"], "4 files", id="a-file-too-many"),
        pytest.param([("logo.png", None)], "`logo.png` is no text", id="no-text"),
        pytest.param([(".github/workflows/ci.yml", 1)], "steers the build server", id="build-server"),
        pytest.param([(".GitLab-CI.yml", 1)], "steers the build server", id="build-server-other-case"),
        pytest.param([("docs/Jenkinsfile.md", 1)], None, id="no-build-server"),
    ],
)
def test_what_is_small(changes: list[tuple[str, int | None]], says: str | None) -> None:
    found = too_much(changes)
    assert found is says or (says and found and says in found)


def test_the_goal_is_the_plan() -> None:
    player = at_gate(goal="Fix the \x1b[31mtypo")
    plan = plan_of(player.run, "approval")
    assert [step["scope"] for step in plan["steps"]] == [["**"]]
    assert "\x1b" not in plan["steps"][0]["objective"]
    gate = player.run["gate"]
    assert gate is not None
    assert (gate["envelope"]["steps"], gate["envelope"]["scopes"]) == (1, [["**"]])
    assert [option["label"] for option in question_for(player.run, gate)["options"]] == ["Abort", "Approve"]
    assert "WIDE SCOPE" in report(player.run, gate, [])


def test_the_rule_opens_the_gate_and_the_run_goes_to_its_end() -> None:
    player = waive(at_gate())
    assert waived(player.run)
    approved = player.run["approved"]
    assert approved is not None
    assert (approved["channel"], approved["rule"], approved["seq"]) == ("waived", RULE, len(player.events))
    (action,) = player.actions()
    assert (action.kind, player.create(action)["scope"]) == (CREATE, ["**"])
    assert player.to_end().run["status"] == "completed"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda p: p.tell("report_shown", digest=p.run["gate"]["digest"]), id="a-person-is-being-asked"),
        pytest.param(
            lambda p: p.tell("question_shown", tool_use_id="t", at=1.0, digest=p.run["gate"]["digest"]), id="picker"
        ),
        pytest.param(lambda p: p.run["workflow"]["stages"][0].pop("waive"), id="no-rule-in-the-workflow"),
        pytest.param(lambda p: p.run.update(interactive=False), id="headless"),
        pytest.param(lambda p: p.run["gate"]["envelope"].update(checks=[]), id="nothing-would-prove-it"),
    ],
)
def test_where_the_rule_does_not_hold_a_journal_that_says_so_is_not_fermata_s(change: Any) -> None:
    player = at_gate()
    change(player)
    gate = player.run["gate"]
    assert gate is not None
    assert not waivable(player.run, gate)
    with pytest.raises(FoldError, match="no rule of the workflow waives"):
        waive(player)


def test_a_waiver_for_another_plan_moves_nothing() -> None:
    player = at_gate()
    player.tell("approval_waived", digest="0" * 64, rule=RULE)
    assert player.run["approved"] is None


def test_after_the_base_has_moved_a_person_is_asked() -> None:
    player = waive(at_gate())
    player.tell("base_moved", commit="f" * 40, branch="main", reason="HEAD moved")
    player.request(player.only(REQUEST), shown=False)
    gate = player.run["gate"]
    assert gate is not None
    assert not waivable(player.run, gate)
    player.decide()
    assert player.run["approved"] is not None
    assert not waived(player.run)


@pytest.mark.parametrize("decision", ["modify", "more_recon", "abort"])
def test_anything_but_a_yes_ends_the_run(decision: str) -> None:
    player = at_gate()
    player.only(DECIDE)
    player.decide(decision)
    assert player.run["status"] == "aborted"


def test_a_builder_that_cannot_stay_small_makes_the_run_wait() -> None:
    player = waive(at_gate())
    for _ in range(2):
        player.until("wait_agents")
        player.fail(list(player.run["dispatches"])[-1], "the agent gave up: more than a small change")
    assert player.only(HUMAN).subject.endswith("more than a small change")
