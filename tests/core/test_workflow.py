from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from fermata.core.workflow import ABORT, graph_errors, outcomes, stage_at, stage_named, target, walk
from tests.core.build import WORKFLOW, make_stage, make_workflow, plan_stage

if TYPE_CHECKING:
    from fermata.core.records import Stage

GATE = make_stage("gate", "gate")
BUILD = make_stage("build", access="write")
FINISH = make_stage("finish", "finalise")


def gate(**fields: Any) -> Stage:
    return make_stage("gate", "gate", **fields)


def steps(*inner: Stage, **fields: Any) -> Stage:
    return make_stage("steps", "foreach", stages=list(inner), **fields)


def test_shipped_workflow_is_sound() -> None:
    assert graph_errors(WORKFLOW) == []


@pytest.mark.parametrize(
    "stages",
    [
        pytest.param([plan_stage()], id="only-looking"),
        pytest.param([plan_stage(), GATE, BUILD, FINISH], id="straight"),
        pytest.param([plan_stage(), GATE, steps(BUILD)], id="foreach"),
        pytest.param(
            [plan_stage(), GATE, BUILD, make_stage("v", "checks", rounds=2, on={"red": "build"})], id="bounded-loop"
        ),
        pytest.param(
            [plan_stage(), gate(on={"modify": "plan", "more_recon": "plan", "abort": "finish"}), BUILD, FINISH],
            id="abort-leads-on",
        ),
        pytest.param(
            [
                plan_stage(),
                GATE,
                BUILD,
                make_stage("r", keep=["v"], verdict="v", rounds=2, on={"no": "plan", "ok": "next"}),
            ],
            id="back-to-the-plan-and-its-gate",
        ),
    ],
)
def test_sound_graph(stages: list[Stage]) -> None:
    assert graph_errors(make_workflow(*stages)) == []


LOOPING_GATE = gate(on={"modify": "plan", "more_recon": "plan"})
del LOOPING_GATE["rounds"]


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        pytest.param([make_stage("a"), make_stage("a")], 'two stages are called "a"', id="twins"),
        pytest.param([make_stage("a", on={"done": "b"})], 'stages.a.on.done names "b"; known stages: a', id="dangling"),
        pytest.param(
            [make_stage("a", on={"red": "next"})], 'kind agents has no outcome "red"; known: done', id="unknown-outcome"
        ),
        pytest.param([make_stage("c", "checks", on={})], 'does not say where "red" leads', id="unmapped-red"),
        pytest.param([make_stage("f", "finalise", on={})], 'does not say where "stale" leads', id="unmapped-stale"),
        pytest.param(
            [plan_stage(), gate(on={"modify": "plan"})], 'does not say where "more_recon" leads', id="unmapped-decision"
        ),
        pytest.param(
            [make_stage("a", on={"done": "c"}), make_stage("b"), make_stage("c")], 'no way leads to "b"', id="unreachable"
        ),
        pytest.param([plan_stage(), GATE, steps(make_stage("x", on={"done": "z"}), make_stage("y"), make_stage("z"))],
            'stages.steps.stages: no way leads to "y"', id="unreachable-inside"),
        pytest.param(
            [make_stage("a", on={"done": "a"})], "a → a can go round for ever", id="own-tail"
        ),
        pytest.param(
            [make_stage("a"), make_stage("c", "checks", on={"red": "a"})], "a → c → a can go round", id="unbounded-cycle"
        ),
        pytest.param(
            [make_stage("a", rounds=2), make_stage("c", "checks", on={"red": "a"})],
            "a → c → a can go round", id="rounds-where-they-never-count",
        ),
        pytest.param(
            [make_stage("a", rounds=2), make_stage("b", rounds=2, on={"done": "a"})],
            "a → b → a can go round", id="rounds-do-not-count-good-outcomes",
        ),
        pytest.param([plan_stage(), LOOPING_GATE], "plan → gate → plan can go round", id="gate-without-rounds"),
        pytest.param(
            [plan_stage(), GATE, steps(BUILD, make_stage("c", "checks", on={"red": "build"}))],
            "stages.steps.stages: build → c → build", id="unbounded-cycle-inside",
        ),
        pytest.param([BUILD], "stages.build writes, and a way leads there without", id="writes-without-gate"),
        pytest.param([plan_stage(), BUILD, GATE], "stages.build writes", id="writes-before-gate"),
        pytest.param([plan_stage(), steps(BUILD), GATE], "stages.build writes", id="foreach-writes-before-gate"),
        pytest.param([plan_stage(on={"done": "build"}), GATE, BUILD], "stages.build writes", id="way-around-the-gate"),
        pytest.param(
            [plan_stage(), gate(on={"modify": "plan", "more_recon": "build"}), BUILD],
            "stages.build writes", id="another-decision-leads-on",
        ),
        pytest.param(
            [plan_stage(), gate(on={"modify": "plan", "more_recon": "plan", "abort": "next"}), BUILD],
            "stages.build writes", id="abort-leads-to-the-writer",
        ),
        pytest.param(
            [
                make_stage("c", "checks", on={"red": "plan", "green": "plan"}),
                make_stage("build", access="write", on={"done": "r"}),
                make_stage("r", keep=["v"], verdict="v", rounds=2, on={"no": "plan2", "ok": "next"}),
                make_stage("plan2", keep=["steps"], on={"done": "build"}),
                plan_stage(on={"done": "gate"}),
                gate(plan="plan2", on={"modify": "plan", "more_recon": "plan", "approve": "build"}),
            ],
            "stages.build writes", id="new-plan-goes-around-the-gate",
        ),
        pytest.param([plan_stage(), steps(GATE, BUILD)], "a gate stands at the top level", id="gate-inside"),
        pytest.param(
            [plan_stage(), GATE, steps(make_stage("more", "foreach", stages=[BUILD]))],
            "a foreach stands at the top level", id="foreach-inside",
        ),
        pytest.param([plan_stage(), gate(plan="x")], 'stages.gate.plan names "x.steps"; stages with agents', id="no-plan"),
        pytest.param([plan_stage(keep=[]), GATE], 'needs "steps", which stages.plan.keep', id="plan-not-kept"),
        pytest.param([make_stage("c", "checks", on={"red": "next"}), gate(plan="c")], 'names "c.steps"', id="plan-is-no-agent"),
        pytest.param([steps(make_stage("x"))], 'stages.steps.over names "plan.steps"; stages with agents before it: none',
            id="over-nothing"),
        pytest.param([steps(make_stage("x")), plan_stage()], "stages.steps.over names", id="over-a-later-stage"),
        pytest.param(
            [plan_stage(), steps(make_stage("x"), over="plan.parts")], 'needs "parts", which', id="over-a-lost-field"
        ),
        pytest.param([make_stage("r", verdict="v", on={"ok": "next"})], 'verdict names "v", which its `keep`', id="verdict-lost"),
        pytest.param([make_stage("a", items=["x", "y", "x"])], 'items holds "x" twice', id="twin-items"),
    ],
)  # fmt: skip
def test_wrong_graph(stages: list[Stage], said: str) -> None:
    errors = graph_errors(make_workflow(*stages))
    assert any(said in error for error in errors), errors


def test_dense_graph_is_judged_at_once() -> None:
    names = [f"s{n}" for n in range(30)]
    stages = [
        make_stage(
            name,
            keep=["v"],
            verdict="v",
            on={**dict.fromkeys(names[i + 1 :], "next"), **{n: n for n in names[i + 1 :]}},
        )
        for i, name in enumerate(names[:-1])
    ]
    began = time.perf_counter()
    assert graph_errors(make_workflow(*stages, make_stage(names[-1]))) == []
    assert time.perf_counter() - began < 2


def test_node_names_its_stage() -> None:
    for node, name in (("plan", "plan"), ("steps", "steps"), ("steps.3/build", "build"), ("steps~2.0/check", "check")):
        assert stage_at(WORKFLOW, node)["id"] == name


@pytest.mark.parametrize("node", ["", "nope", "steps.0/nope", "plan/build"])
def test_unknown_node(node: str) -> None:
    with pytest.raises(KeyError):
        stage_at(WORKFLOW, node)


@pytest.mark.parametrize(
    ("name", "outcome", "to"),
    [
        pytest.param("baseline", "red", "plan", id="next-by-name"),
        pytest.param("baseline", "green", "plan", id="good-news-may-be-unsaid"),
        pytest.param("approval", "approve", "steps", id="approve"),
        pytest.param("approval", "modify", "plan", id="modify"),
        pytest.param("approval", "abort", ABORT, id="abort"),
        pytest.param("verify", "red", "rework", id="red"),
        pytest.param("review", "approve", "finish", id="verdict"),
        pytest.param("finish", "done", None, id="past-the-last"),
    ],
)
def test_target(name: str, outcome: str, to: str | None) -> None:
    stages = WORKFLOW["stages"]
    assert target(stages, stage_named(stages, name), outcome) == to


def test_abort_may_be_unsaid() -> None:
    assert target([GATE], GATE, "abort") == ABORT


@pytest.mark.parametrize("outcome", ["red", "modify", "stale", "maybe"])
def test_bad_news_that_leads_nowhere_stops(outcome: str) -> None:
    stage = make_stage("a")
    with pytest.raises(KeyError):
        target([stage], stage, outcome)


def test_outcomes() -> None:
    assert outcomes(FINISH) == ("done", "stale")
    assert outcomes(make_stage("r", verdict="v", on={"a": "next", "b": "next"})) == ("a", "b")


def test_walk_gives_outer_before_inner() -> None:
    found = [stage["id"] for _, stage in walk(WORKFLOW["stages"])]
    assert found[:6] == ["baseline", "plan", "approval", "steps", "build", "check"]
