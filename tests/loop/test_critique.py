"""A critic judges the plan of `phased` before a human is asked: it sends back, it is heard, it decides nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fermata.core.actions import AGENT, DECIDE
from fermata.core.consultation import question_for
from tests.core.build import make_step
from tests.loop.bench import plan
from tests.loop.test_shipped import Cast, critic


def report(cast: Cast) -> str:
    return Path(cast.bench.store.path("artifacts", "approval.md")).read_text()


def question(cast: Cast) -> str:
    gate = cast.bench.run["gate"]
    assert gate is not None
    return question_for(cast.bench.run, gate)["question"]


def test_a_plan_that_is_sent_back_is_made_anew_with_the_concerns_before_it(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "phased")
    cast.bad["d-005"] = lambda: critic("REVISE", "src/** is too wide")
    cast.play(DECIDE)
    assert [agent for _, agent, _ in cast.told][3:] == ["oracle", "reviewer", "oracle", "reviewer"]
    critique, again = cast.brief(4), cast.brief(5)
    for part in ("## The plan to judge", "### Objective", "### Files", "### Steps", "### Verification", "## Rollback"):
        assert part in critique
    assert "Stage `critique` ended REVISE" in again
    assert "src/** is too wide Do: narrow it" in again
    assert "The plan it was said of:" in again
    assert "The work failed" not in again
    assert "Critique   APPROVE, confidence high" in report(cast)
    assert "A critic says" not in question(cast)


def test_after_the_last_round_the_human_hears_the_concerns_and_decides(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "phased")
    cast.bad = {f"d-{number:03d}": lambda: critic("REJECT", "it meets no goal") for number in (5, 7, 9)}
    cast.play(DECIDE)
    assert cast.bench.run["waiting"] is None
    assert "Critique   REJECT, confidence high: I say REJECT" in report(cast)
    assert "- high, scope: it meets no goal Do: narrow it" in report(cast)
    assert "A critic says REJECT (confidence high): 1 concern(s), told in the report" in question(cast)
    cast.play()
    assert cast.bench.run["status"] == "completed"


def test_a_critic_that_never_comes_to_a_verdict_is_told_as_none(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "phased")
    cast.play(AGENT)
    for _ in range(20):
        actions = cast.bench.settle()
        if actions[0].kind == DECIDE:
            break
        for name in [action.subject for action in actions if action.kind == AGENT]:
            if cast.bench.run["dispatches"][name]["agent"] == "reviewer":
                cast.bench.tell("dispatch_failed", id=name, reason="lost")
            else:
                cast.bench.work(name)
                cast.bench.takes_as(cast.result(name), name)
    assert "Critique   none: no critic came to a verdict" in report(cast)


def test_phased_refuses_a_plan_without_risks_or_a_way_back(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "phased")
    cast.play(AGENT)
    for name in [action.subject for action in cast.bench.settle() if action.kind == AGENT]:
        cast.bench.work(name)
        cast.bench.takes_as(cast.result(name), name)
    cast.bench.settle()
    cast.bench.work()
    none: dict[str, Any] = {"risks": {"high": [], "low": []}}
    assert "this stage needs `risks`, `rollback`" in cast.bench.refused(plan(make_step(), **none))
    assert "this stage needs `rollback`" in cast.bench.refused(plan(make_step()))
    cast.bench.takes(plan(make_step(), rollback="revert it"))


def test_the_critic_can_be_switched_off(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "phased", settings="stages: {critique: {enabled: false}}\n").play()
    assert [agent for _, agent, _ in cast.told] == ["recon", "recon", "recon", "oracle", "fixer", "fixer", "reviewer"]
    assert "Critique" not in report(cast)


def test_an_easy_step_goes_to_flash_and_what_it_cannot_do_to_the_fixer(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "phased")
    easy = make_step("Easy", ("src/**",), difficulty="easy")
    cast.steps = [
        easy,
        {**easy, "title": "Easy too", "scope": ["tests/**"]},
        make_step("Hard", ("lib/**",), difficulty="hard"),
    ]
    cast.bad["d-007"] = lambda: {
        "status": "failed",
        "summary": "s",
        "files_modified": [],
        "tests_run": [],
        "caveats": ["too large"],
    }
    cast.play()
    assert [(agent, node) for _, agent, node in cast.told][5:9] == [
        ("flash", "phases.0/flash"),
        ("flash", "phases.1/flash"),
        ("fixer", "phases.1/build"),
        ("fixer", "phases.2/build"),
    ]
    assert "Stage `phases.1/flash` failed, so this is yours now:" in cast.brief(7)
    assert re.search(r"d-007 failed \(code_error.*\): the agent gave up: too large", cast.brief(7))
    assert cast.bench.run["status"] == "completed"
