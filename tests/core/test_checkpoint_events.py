"""A run that was rolled back: from any point to any earlier one it comes to its end, and nothing old serves again."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

import pytest

from fermata.core.actions import AGENT, CREATE, DECIDE, HUMAN, next_actions
from fermata.core.checkpoint_events import stands
from fermata.core.fold import fold
from fermata.core.left_behind import Left, left_since
from fermata.definitions.workflow_files import load_workflow
from tests.core.build import Player, make_event, side_by_side, through_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata.core.records import Event, Run


def played(workflow: str) -> Callable[[], Player]:
    return lambda: Player(workflow=load_workflow(workflow, "/nowhere")[0])


PLAYS: dict[str, Callable[[], Player]] = {
    "plan_then_build": Player,
    "plan_code_review": side_by_side,
    "multi_task": played("multi_task"),
    "phased": played("phased"),
}


def saved(name: str, **fields: Any) -> dict[str, Any]:
    body = {"id": name, "name": "here", "after": "", "commit": "", "tree": "t" * 40, "head": None, "place": "."}
    return {**body, **fields}


def back(player: Player, events: list[Event], to: int) -> None:
    """Roll *player* back to where the run stood after its first *to* events."""
    then = fold(events[:to])
    assert then is not None
    player.tell("checkpoint_made", **saved("cp_1_aaaa"))
    body = {"id": "cp_1_aaaa", "undo": "cp_2_aaaa", "restored": [], "quarantined": [], "skipped": []}
    player.tell("rolled_back", **body, stands=copy.deepcopy(stands(then)))


def visits(run: Run) -> set[tuple[str, int, str]]:
    dispatches = {(d["node"], d["visit"], d["id"]) for d in run["dispatches"].values()}
    return dispatches | {(c["node"], c["visit"], c["id"]) for c in run["checks"].values()}


def pairs(length: int, count: int) -> list[tuple[int, int]]:
    dice = random.Random(5)
    found = [(to, at) for at in range(2, length) for to in range(1, at + 1)]
    return dice.sample(found, min(count, len(found)))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [15, pytest.param(400, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", PLAYS)
def test_from_anywhere_back_to_anywhere_it_comes_to_its_end(name: str, count: int) -> None:
    whole = PLAYS[name]().to_end().events
    for to, at in pairs(len(whole) - 1, count):
        player = PLAYS[name]()
        player.events = copy.deepcopy(whole[:at])
        now = fold(player.events)
        assert now is not None
        player.run = now
        before = visits(player.run)
        back(player, player.events, to)
        assert through_json(player.run) == player.run
        player.to_end()
        assert player.run["status"] == "completed", (to, at)
        fresh = visits(player.run) - before
        assert not {(n, v) for n, v, _ in fresh} & {(n, v) for n, v, _ in before}, (to, at)
        assert not [d["id"] for d in player.run["dispatches"].values() if d["state"] not in ("completed", "failed")]


def at_review() -> Player:
    player = Player()
    player.until(CREATE, "review")
    return player


def length_at(player: Player, kind: str, node: str) -> int:
    player.until(kind, node)
    return len(player.events)


def test_the_stage_is_done_again_and_what_came_before_it_is_not() -> None:
    player = Player()
    to = length_at(player, CREATE, "steps.1/build")
    player.until(AGENT, "review")
    back(player, player.events, to)
    assert [(a.kind, a.node, a.visit) for a in player.actions()] == [("create", "steps.1/build", 2)]
    player.to_end()
    served = [(d["node"], d["visit"], d["state"]) for d in player.run["dispatches"].values()]
    assert served[3:] == [
        ("review", 1, "failed"),
        ("steps.1/build", 2, "completed"),
        ("review", 2, "completed"),
    ]


def test_an_item_that_was_not_open_then_begins_with_a_new_visit() -> None:
    player = Player()
    to = length_at(player, CREATE, "steps.0/build")
    player.until(CREATE, "review")
    back(player, player.events, to)
    player.until(CREATE, "steps.1/build")
    assert player.only(CREATE).visit == 2


def test_rounds_and_errors_of_before_count_no_more() -> None:
    player = Player()
    to = length_at(player, CREATE, "steps.1/build")
    for _ in range(2):
        action = player.until("check", "verify")
        player.check(action, "red", error="same", category="code_error")
        player.check(player.until("check", "verify"))
        if player.run["waiting"]:
            break
    assert player.run["waiting"]
    back(player, player.events, to)
    assert player.run["waiting"] is None
    action = player.until("check", "verify")
    player.check(action, "red", error="same", category="code_error")
    player.check(player.until("check", "verify"))
    assert player.run["waiting"] is None


def test_a_halt_outlasts_a_rollback() -> None:
    player = Player().approved()
    to = len(player.events)
    name = player.begun()
    player.tell("dispatch_failed", id=name, reason="it changed fermata", category="critical", rule="tampering")
    assert player.run["waiting"]
    back(player, player.events, to)
    assert [a.kind for a in player.actions()] == [HUMAN]


def test_another_plan_s_approval_does_not_count_for_the_one_gone_back_to() -> None:
    """The gate asks about the plan of then; a yes leads to where the run stood then."""
    player = Player()
    to = length_at(player, CREATE, "steps.1/build")
    player.tell("base_moved", commit="f" * 40, branch="main", reason="HEAD moved")
    player.until(CREATE, "steps.1/build")
    back(player, player.events, to)
    run = player.run
    assert run["approved"] is None
    assert run["position"]["at"] == "approval"
    player.until(DECIDE)
    player.decide()
    assert player.only(CREATE).node == "steps.1/build"
    assert player.to_end().run["status"] == "completed"


def test_behind_the_first_approval_nothing_is_approved() -> None:
    player = Player()
    to = length_at(player, DECIDE, "approval")
    player.approved().until(CREATE, "steps.0/build")
    back(player, player.events, to)
    assert (player.run["approved"], player.run["gate"]) == (None, None)
    assert [a.kind for a in player.actions()] == ["request"]


def test_a_plan_that_nobody_approved_is_never_in_force() -> None:
    """A journal that was written by hand brings no wider scope in as what an approval covered."""
    player = Player()
    to = length_at(player, CREATE, "steps.0/build")
    then = fold(player.events[:to])
    assert then is not None
    gate = copy.deepcopy(then["approved"])
    assert gate is not None
    gate["envelope"]["scopes"] = [["**"]]
    gate["kept"] = gate["digest"]
    player.tell("checkpoint_made", **saved("cp_1_aaaa"))
    body = {"id": "cp_1_aaaa", "undo": "", "restored": [], "quarantined": [], "skipped": []}
    player.tell("rolled_back", **body, stands={**stands(then), "gate": gate})
    assert player.run["gate"] == player.run["approved"]


def test_a_parked_run_stays_parked_and_goes_on_there() -> None:
    player = Player()
    to = length_at(player, CREATE, "steps.0/build")
    player.until(AGENT, "steps.1/build")
    player.tell("run_stopped")
    back(player, player.events, to)
    assert player.run["status"] == "stopped"
    player.tell("lease_taken", session="s-2", generation=2, interactive=True)
    assert next_actions(player.run)[0].node == "steps.0/build"


def test_told_twice_is_told_once() -> None:
    player = Player()
    for _ in range(2):
        player.tell("checkpoint_made", **saved("cp_1_aaaa", large=["big.bin"], back_to="cp_0_aaaa"))
    (one,) = player.run.get("checkpoints", [])
    assert (one["id"], one["after_agent"], one.get("large"), one.get("back_to")) == (
        *("cp_1_aaaa", None),
        *(["big.bin"], "cp_0_aaaa"),
    )


# --- what the run left since ------------------------------------------------------------------------------------------


def journal(*news: tuple[str, dict[str, Any]]) -> list[Event]:
    events = [("run_created", {"base": {}}), *news]
    return [make_event(kind, seq, **body) for seq, (kind, body) in enumerate(events, 1)]


def made(name: str, tree: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return "checkpoint_made", saved(name, tree=tree, **fields)


def begun(name: str, base: str | None, **fields: Any) -> tuple[str, dict[str, Any]]:
    return "dispatch_created", {"id": name, "base_tree": base, **fields}


def done(name: str, tree: str | None, *changed: str) -> tuple[str, dict[str, Any]]:
    return "result_accepted", {"id": name, "changed": list(changed), **({"tree": tree} if tree else {})}


def rolled(name: str, undo: str, *paths: str) -> tuple[str, dict[str, Any]]:
    return "rolled_back", {"id": name, "undo": undo, "restored": list(paths), "quarantined": [], "skipped": []}


def changed(base: str, tree: str, *paths: str, sure: bool = True) -> Left:
    return Left(base, tree, frozenset(paths) if paths else None, sure)


@pytest.mark.parametrize(
    ("news", "left"),
    [
        pytest.param([made("cp", "a"), begun("d", "b"), done("d", "c", "x")], [changed("b", "c", "x")], id="after"),
        pytest.param([begun("d", "0"), made("cp", "a"), done("d", "c", "x")], [changed("a", "c", "x")], id="meanwhile"),
        pytest.param([begun("d", "0"), done("d", "c", "x"), made("cp", "a")], [], id="before"),
        pytest.param([made("cp", "a"), begun("d", None), done("d", None)], [], id="reader"),
        pytest.param([made("cp", "a"), begun("d", "b", worktree="w"), done("d", "c", "x")], [], id="in-a-worktree"),
        pytest.param(
            [made("cp", "a"), ("merged", {"base": "b", "tree": "c", "paths": ["x"], "outcome": "done"})],
            [changed("b", "c", "x")],
            id="merged",
        ),
        pytest.param(
            [made("cp", "a"), ("merged", {"base": "b", "tree": "c", "paths": ["x"], "outcome": "conflict"})],
            [changed("b", "c", "x", sure=False)],
            id="half-merged",
        ),
        pytest.param(
            [made("cp", "a"), made("u", "b", back_to="cp"), rolled("cp", "u", "x")], [changed("b", "a", "x")], id="back"
        ),
        pytest.param(
            [made("cp", "a"), made("u", "b", back_to="cp")], [changed("b", "a", sure=False)], id="back-cut-short"
        ),
        pytest.param(
            [made("old", "z"), made("cp", "a", back_to="old")], [changed("a", "z", sure=False)], id="undo-cut-short"
        ),
        pytest.param(
            [made("cp", "a"), made("u", "b", back_to="cp", place="w"), begun("d", "b"), done("d", "c", "x")],
            [changed("b", "c", "x")],
            id="back-elsewhere",
        ),
        pytest.param([made("cp", "a", place="w"), begun("d", "b"), done("d", "c", "x")], [], id="checkpoint-elsewhere"),
    ],
)
def test_what_the_run_left(news: list[tuple[str, dict[str, Any]]], left: list[Left]) -> None:
    assert left_since(journal(*news), "cp") == left


def test_a_checkpoint_that_the_journal_does_not_know() -> None:
    with pytest.raises(KeyError):
        left_since(journal(made("cp", "a")), "cp2")
