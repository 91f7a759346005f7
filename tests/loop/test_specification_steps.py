"""Steps that come from a specification: what their agents are told, and what the door asks of who judges their criteria."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fermata.core.actions import CREATE, Action
from fermata.core.verdicts import verdict_lines
from fermata.loop.briefs import Brief
from fermata.loop.facts import criteria_error
from fermata.loop.site import LAUNCHER
from tests.core.build import make_step
from tests.loop.bench import CONFIG, Bench, plan, review
from tests.loop.test_briefs import headings

if TYPE_CHECKING:
    from pathlib import Path

CONDUCTING = """
format: 1
name: conducting
title: Build the modules of a specification
stages:
  - {id: plan, kind: agents, agent: planner, access: read, brief: plan, result: plan, keep: [summary, steps, checks], sees: [goal, mode, rounds]}
  - {id: approval, kind: gate, plan: plan, rounds: 2, on: {modify: plan, more_recon: plan}}
  - id: steps
    kind: foreach
    over: plan.steps
    rounds: 2
    stages:
      - {id: module, kind: agents, agent: implementation-executor, access: write, scope: item, brief: module, result: build,
         sees: [module, criteria, gotchas, failure, scope, checks], on: {done: criteria, failed: resolve}}
      - {id: fix, kind: agents, agent: fix-executor, access: write, scope: item, brief: build, result: build,
         sees: [module, failure, criteria, scope, checks], on: {done: criteria}}
      - {id: resolve, kind: agents, agent: synthesis-architect, access: write, scope: item, brief: conflict, result: build,
         sees: [module, conflict, failure, scope, checks]}
      - {id: criteria, kind: agents, agent: code-reviewer, access: read, brief: criteria, result: criteria, verdict: verdict, rounds: 3,
         keep: [verdict, summary, criteria, findings], sees: [module, criteria, evidence, diff], on: {approve: next, reject: fix}}
  - {id: audit, kind: agents, agent: security-auditor, access: read, brief: audit, result: review, verdict: verdict, rounds: 2,
     keep: [verdict, summary, findings], sees: [goal, evidence, diff], on: {approve: next, reject: abort}}
  - {id: finish, kind: finalise, rounds: 2, on: {stale: abort}}
"""
CRITERIA = ["`src/app.py` prints 2", "The README says so"]
MODULE = {
    "phase": "Phase 2: The service",
    "module": "service",
    "part": "module",
    "tasks": ["Print 2", "Tell it"],
    "criteria": CRITERIA,
    "gotchas": ["The number is printed once."],
    "spec": {"path": "artifacts/spec.md", "lines": [12, 34]},
}
CONFLICT = {
    "outcome": "conflict",
    "paths": ["src/app.py", "src/new.py"],
    "conflicts": ["src/app.py: both changed it"],
    "base": "1" * 40,
    "tree": "2" * 40,
}


def conducting(folder: Path) -> Bench:
    """A run of which the first module is being built."""
    bench = Bench(folder, CONFIG + "workflow: conducting\n", conducting=CONDUCTING)
    bench.sandbox.write("tests/test_app.py", "assert app() == 2\n")
    bench.sandbox.commit()
    bench.begin(goal="SECRET of the whole")
    bench.settle()
    name = bench.work()
    steps = [make_step("Service", ("src/**", "README.md"), **MODULE), make_step("Other module", ("lib/**",))]
    kept = {key: plan()[key] for key in ("summary", "checks")} | {"steps": steps}
    bench.tell("result_accepted", id=name, result="0" * 64, summary="s", kept=kept, changed=[], unexplained=[])
    bench.settle()
    bench.approve().settle()
    bench.work()
    return bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return conducting(tmp_path)


def told(bench: Bench, node: str, **changes: Any) -> str:
    """The brief for *node*, after *changes* to the run."""
    run: Any = {**bench.run, **changes}
    return Brief(bench.site, run, Action(CREATE, node, 1, None), ["src/**"], "d-009").text(LAUNCHER)


def judged(*met: bool, verdict: str = "approve", **fields: Any) -> dict[str, Any]:
    """What a code-reviewer hands in of CRITERIA."""
    answers = [
        {"criterion": c, "met": m, "evidence": f"src/app.py:{n}"}
        for n, (c, m) in enumerate(zip(CRITERIA, met, strict=True), 1)
    ]
    return {**review(verdict), "criteria": answers, **fields}


# --- briefs


def test_a_module_is_told_its_own_part_and_nothing_more(bench: Bench) -> None:
    text = bench.brief()
    assert headings(text) == [
        "Module: d-002",
        "Skills Context",
        "Your part of the specification",
        "Success criteria",
        "Gotchas",
        "Instructions",
        "Output",
    ]
    assert (
        "```\nModule: service\nPhase: Phase 2: The service\n"
        f"Specification: {bench.store.folder}/artifacts/spec.md, lines 12 to 34\nTasks:\n- Print 2\n- Tell it\n```"
        in text
    )
    assert "- `src/app.py` prints 2\n- The README says so" in text
    assert "- The number is printed once." in text
    assert "`README.md`, `src/**`" in text
    assert "- `sh check.sh`" in text
    assert [line[:2] for line in text.splitlines() if line[:1].isdigit()] == ["1.", "2.", "3.", "4.", "5."]
    assert "SECRET" not in text
    assert "Other module" not in text


def test_a_step_that_says_nothing_of_a_specification_has_none_of_its_sections(bench: Bench) -> None:
    text = told(bench, "steps.1/module")
    assert headings(text) == ["Module: d-009", "Skills Context", "Instructions", "Output"]


def test_who_resolves_a_conflict_hears_of_this_step_s_newest_one(bench: Bench) -> None:
    others = {
        "steps.1/merge#1": {**CONFLICT, "conflicts": ["lib/x.py: OTHER"]},
        "steps.0/merge#1": {**CONFLICT, "conflicts": ["OLD"]},
    }
    text = told(
        bench,
        "steps.0/resolve",
        merges={**others, "steps.0/merge#2": CONFLICT, "steps.0/merge#3": {**CONFLICT, "outcome": "done"}},
    )
    assert "- src/app.py: both changed it" in text
    assert "- src/new.py" in text
    assert "`git diff 111111111111 222222222222`" in text
    assert "lines 12 to 34" in text
    assert "OTHER" not in text
    assert "OLD" not in text


def test_without_a_conflict_there_is_none_to_show(bench: Bench) -> None:
    assert "The conflict" not in headings(told(bench, "steps.0/resolve"))


def test_who_judges_has_the_criteria_and_the_change(bench: Bench) -> None:
    bench.sandbox.write("src/app.py", "print(2)\n")
    text = told(bench, "steps.0/criteria")
    assert headings(text)[2:6] == [
        "Your part of the specification",
        "Success criteria",
        "What fermata ran on this very tree (evidence)",
        "The change",
    ]
    assert "+print(2)" in text


def test_tests_that_were_there_and_have_changed_are_named_to_whoever_judges(bench: Bench) -> None:
    bench.sandbox.write("tests/test_new.py", "assert app()\n")
    assert "Tests that were there before" not in told(bench, "steps.0/criteria")
    bench.sandbox.write("tests/test_app.py", "assert True\n")
    assert "Tests that were there before and have changed: tests/test_app.py." in told(bench, "steps.0/criteria")


def test_the_auditor_sees_the_whole_change(bench: Bench) -> None:
    bench.sandbox.write("src/app.py", "import pickle\n")
    text = told(bench, "audit")
    assert "+import pickle" in text
    assert "path traversal" in text


# --- criteria


@pytest.mark.parametrize(
    ("value", "says"),
    [
        pytest.param(judged(True, True), None, id="all-met"),
        pytest.param(judged(True, False, verdict="reject"), None, id="one-not-met-and-rejected"),
        pytest.param(judged(True, True, verdict="reject", findings=[{"severity": "high", "issue": "it leaks"}]), None, id="met-and-still-wrong"),
        pytest.param(judged(True, False), '"The README says so" is not met; approve needs every criterion met', id="approve-with-one-open"),
        pytest.param(judged(True, True, verdict="reject"), "name what is to be done", id="reject-for-nothing"),
        pytest.param(review() | {"criteria": []}, "leaves out", id="none-answered"),
        pytest.param(judged(True, True) | {"criteria": judged(True, True)["criteria"][:1]}, 'leaves out "The README says so"', id="one-left-out"),
        pytest.param(
            judged(True, True) | {"criteria": [*judged(True, True)["criteria"], {"criterion": "It is fast", "met": True, "evidence": "x"}]},
            'no success criterion of this step: "It is fast"', id="one-invented"),
        pytest.param(judged(True, True) | {"criteria": judged(True, True)["criteria"] * 2}, "answers more than once", id="answered-twice"),
        pytest.param(
            judged(True, True) | {"criteria": [{**one, "evidence": " \n"} for one in judged(True, True)["criteria"]]},
            "no evidence for", id="evidence-of-blanks"),
        pytest.param(
            judged(True, True) | {"criteria": [{**one, "criterion": f"-  {one['criterion']} "} for one in judged(True, True)["criteria"]]},
            None, id="copied-with-its-dash"),
        pytest.param(
            judged(True, True) | {"criteria": [{**one, "criterion": "Everything is met"} for one in judged(True, True)["criteria"][:1]]},
            "leaves out", id="all-in-one"),
    ],
)  # fmt: skip
def test_every_criterion_is_answered_once_with_evidence(value: dict[str, Any], says: str | None) -> None:
    error = criteria_error({"criteria": CRITERIA}, value)
    assert error is None if says is None else says in str(error)


@pytest.mark.parametrize("step", [None, {}, {"criteria": []}, "a title"], ids=str)
def test_where_there_are_no_criteria_none_are_answered(step: Any) -> None:
    assert criteria_error(step, review() | {"criteria": []}) is None
    assert "no success criterion" in str(criteria_error(step, judged(True, True)))


def test_a_criterion_too_long_for_its_line_is_known_by_the_line() -> None:
    long = "word " * 400
    shown = "word " * 119 + "word…"
    answer = {"criterion": shown, "met": True, "evidence": "a.py:1"}
    assert criteria_error({"criteria": [long]}, review() | {"criteria": [answer]}) is None


def test_the_door_sends_back_who_approves_what_is_not_met_and_the_next_hears_what_is_open(bench: Bench) -> None:
    bench.sandbox.write("src/app.py", "print(2)\n")
    bench.takes(
        {"status": "completed", "summary": "built", "files_modified": ["src/app.py"], "tests_run": [], "caveats": []}
    )
    bench.settle()
    bench.work()
    assert bench.newest["agent"] == "code-reviewer"
    assert "approve needs every criterion met" in bench.refused(judged(True, False))
    bench.takes(judged(True, False, verdict="reject"))
    bench.settle()
    assert bench.newest["agent"] == "fix-executor"
    first, second = (
        bench.brief().find(words)
        for words in ("NOT met: The README says so. Evidence: src/app.py:2", "met: `src/app.py` prints 2")
    )
    assert 0 < first < second


def test_what_is_not_met_stands_first() -> None:
    assert [line[:9] for line in verdict_lines(judged(True, False, verdict="reject"))] == ["- NOT met", "- met: `s"]
