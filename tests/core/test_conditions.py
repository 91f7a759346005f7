"""Stages that not every run needs, and verdicts that go on or come back."""

from __future__ import annotations

from typing import Any

import pytest

from fermata.core.conditions import holds, when_errors
from fermata.core.workflow import good, graph_errors, outcomes
from tests.core.build import Player, make_plan, make_stage, make_step, make_workflow, plan_stage

UI = {"changed": ["**/*.html", "web/**"]}


def changed(*paths: str) -> Any:
    return [{"changed": list(paths)}]


@pytest.mark.parametrize(
    ("when", "paths", "item", "expected"),
    [
        pytest.param(UI, (), None, False, id="nothing-changed"),
        pytest.param(UI, ("src/app.py",), None, False, id="other-paths"),
        pytest.param(UI, ("src/app.py", "a/b/page.html"), None, True, id="one-of-them"),
        pytest.param(UI, ("web/x/y.py",), None, True, id="second-glob"),
        pytest.param(UI, ("page.HTML",), None, False, id="case-counts"),
        pytest.param({"item": {"difficulty": ["easy"]}}, (), {"difficulty": "easy"}, True, id="item"),
        pytest.param({"item": {"difficulty": ["easy"]}}, (), {"difficulty": "hard"}, False, id="another-value"),
        pytest.param({"item": {"difficulty": ["easy"]}}, (), {}, False, id="item-without-the-field"),
        pytest.param({"item": {"difficulty": ["easy"]}}, (), None, False, id="no-item"),
        pytest.param({**UI, "item": {"difficulty": ["easy"]}}, ("a.html",), {"difficulty": "hard"}, False, id="all-must-hold"),
    ],
)  # fmt: skip
def test_a_condition(when: dict[str, Any], paths: tuple[str, ...], item: object, expected: bool) -> None:
    assert holds(when, changed(*paths), item) is expected


@pytest.mark.parametrize(
    ("when", "repeated", "says"),
    [
        pytest.param({"changed": ["/abs"]}, False, "changed holds '/abs'", id="glob"),
        pytest.param({"item": {"difficulty": ["easy"]}}, False, "this stage stands in none", id="no-foreach"),
        pytest.param({}, True, "names no condition", id="empty"),
        pytest.param({"changed": []}, False, "names no condition", id="empty-list"),
    ],
)
def test_a_wrong_condition(when: dict[str, Any], repeated: bool, says: str) -> None:
    (error,) = when_errors(when, repeated=repeated)
    assert says in error


def looking(**fields: Any) -> Player:
    """plan → approval → build → look (when the UI changed) → finish."""
    ways = {"match": "next", "differs": "build", **fields.pop("on", {})}
    look = make_stage("look", when=UI, verdict="verdict", keep=["verdict"], rounds=2, on=ways, **fields)
    workflow = make_workflow(
        plan_stage(),
        make_stage("approval", "gate", plan="plan", rounds=3, on={"modify": "plan", "more_recon": "plan"}),
        make_stage("build", agent="builder", access="write", scope="plan", result="build"),
        look,
        make_stage("finish", "finalise", rounds=2, on={"stale": "build"}),
    )
    assert graph_errors(workflow) == []
    player = Player(workflow=workflow)
    player.accept_next(kept=make_plan(make_step()))
    player.request(player.only("request"))
    player.decide()
    return player


def test_a_stage_whose_condition_does_not_hold_is_passed_over_and_that_is_kept() -> None:
    player = looking()
    player.accept_next(changed=["src/app.py"])
    assert player.at == "finish"
    assert player.run["position"]["skipped"] == {"look": 1}
    assert player.run["position"]["came_from"]["finish"] == {"stage": "look", "outcome": "skipped"}


def test_a_stage_whose_condition_holds_is_visited() -> None:
    player = looking()
    player.accept_next(changed=["web/page.css"])
    assert player.at == "look"
    player.accept_next(kept={"verdict": "match"})
    assert player.at == "finish"
    assert "skipped" not in player.run["position"]


def test_what_an_agent_that_gave_up_has_changed_counts() -> None:
    player = looking()
    name = player.begun()
    player.tell("dispatch_failed", id=name, reason="gave up", changed=["web/page.css"])
    player.accept_next(changed=["src/app.py"])
    assert player.at == "look"


def test_good_verdicts_are_not_counted_and_bad_ones_end_at_a_human() -> None:
    player = looking()
    for _ in range(2):
        player.accept_next(changed=["web/page.css"])
        assert player.at == "look"
        player.accept_next(kept={"verdict": "differs"})
    assert player.run["waiting"]
    assert "look ended differs for the 2. time" in player.run["waiting"]["why"]


def test_where_failed_is_named_the_last_bad_verdict_leads_there() -> None:
    player = looking(on={"failed": "next"})
    for _ in range(2):
        player.accept_next(changed=["web/page.css"])
        player.accept_next(kept={"verdict": "differs"})
    assert player.at == "finish"
    assert player.run["position"]["came_from"]["finish"] == {"stage": "look", "outcome": "failed"}


def test_next_is_good_news() -> None:
    stage = make_stage("look", verdict="verdict", when=UI, on={"match": "next", "differs": "build"})
    assert [good(stage, name) for name in ("match", "differs", "skipped", "done")] == [True, False, True, True]
    assert outcomes(stage) == ("match", "differs", "skipped")


def test_a_cycle_of_good_news_alone_is_refused() -> None:
    one = make_stage("a", verdict="v", keep=["v"], rounds=3, on={"x": "next", "y": "next"})
    two = make_stage("b", on={"done": "a"})
    assert any("can go round for ever" in error for error in graph_errors(make_workflow(one, two)))
