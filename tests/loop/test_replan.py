"""A plan that is made anew after the approval: inside it nobody is asked, beyond it the gate asks and says what is new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fermata.core.actions import AGENT, DECIDE, OVER
from fermata.core.consultation import code_of
from fermata.definitions.workflow_files import load_workflow
from fermata.views.parts import log_lines
from fermata.views.status import document, text
from tests.core.build import make_step
from tests.loop.bench import CONFIG, Bench, built, plan, review

BUILTIN = Path(load_workflow.__code__.co_filename).parent / "workflows" / "plan_then_build.yaml"
# The project's own workflow: a rejected review goes back to the planner, behind the approval.
REPLAN = (
    BUILTIN.read_text().replace("name: plan_then_build", "name: replan").replace("reject: rework}", "reject: plan}")
)
FINDING = {"severity": "high", "path": "src/app.py", "issue": "it greets the wrong way"}


@pytest.fixture
def planning_anew(tmp_path: Path) -> Bench:
    """One step is approved, built and rejected; the planner is at work again."""
    bench = Bench(tmp_path, CONFIG + "workflow: replan\n", replan=REPLAN).begin()
    bench.reviewing().takes(review("reject", FINDING))
    assert bench.kinds() == [AGENT]
    assert bench.newest["agent"] == "planner"
    bench.work()
    return bench


def narrower(**fields: Any) -> dict[str, Any]:
    return plan(make_step("Mend the greeting", ("src/app.py",)), **fields)


def wider() -> dict[str, Any]:
    return plan(make_step("Mend it", ("src/**", "docs/**")), make_step("And more"), checks=[{"name": "more", "command": "sh more.sh"}])  # fmt: skip


def test_the_planner_is_told_why_and_what_would_be_asked(planning_anew: Bench) -> None:
    brief = planning_anew.brief()
    assert "it greets the wrong way" in brief
    assert "goes on without asking the user again" in brief


def test_a_plan_inside_the_approved_one_asks_nobody(planning_anew: Bench) -> None:
    bench = planning_anew
    before = bench.data.approval(bench.run["run"])
    bench.takes(narrower())
    assert bench.kinds() == [AGENT]
    (kept,) = bench.events("approval_kept")
    (asked,) = bench.events("approval_requested")
    assert kept["approval"] == asked["digest"] != kept["digest"]
    assert bench.events("approval_voided") == []
    assert bench.data.approval(bench.run["run"]) == before
    assert (bench.newest["node"], bench.newest["scope"]) == ("steps~2.0/build", ["src/app.py"])
    report = Path(bench.store.path("artifacts", "approval.md")).read_text()
    codes = code_of(kept["digest"]), code_of(asked["digest"])
    assert f"FERMATA · plan {codes[0]}, inside plan {codes[1]} that you approved: you are not asked again" in report
    assert "Decide" not in report
    assert f"Plan      {codes[1]} approved by picker; the new plan {codes[0]} is inside it" in text(bench.run, None, {})
    assert document(bench.run, None, {})["approval"]["covers"] == kept["digest"]
    assert any("approval_kept" in entry and codes[1] in entry for entry in log_lines(bench.store.events()))
    bench.work()
    bench.build("src/app.py", "print(3)\n").settle()
    bench.work()
    bench.takes(review())
    assert bench.kinds() == [OVER]
    assert bench.run["status"] == "completed"


def test_the_narrower_scope_holds_at_once(planning_anew: Bench) -> None:
    bench = planning_anew
    bench.takes(narrower())
    bench.settle()
    bench.work()
    bench.sandbox.write("src/other.py", "x\n")
    assert "changed outside your scope (src/app.py): src/other.py" in bench.refused(built("src/other.py"))


def test_a_plan_that_drops_a_check_does_not_drop_it_from_the_proof(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CONFIG + "workflow: replan\n", replan=REPLAN).begin()
    bench.sandbox.write("more.sh", "exit 0\n")
    bench.planned(checks=[{"name": "more", "command": "sh more.sh"}]).approve().settle()
    bench.work()
    bench.build().settle()
    bench.work()
    bench.takes(review("reject", FINDING))
    bench.settle()
    bench.work()
    bench.takes(narrower())
    bench.settle()
    bench.work()
    bench.build("src/app.py", "print(3)\n").settle()
    assert bench.events("approval_kept")
    newest = max(c["visit"] for c in bench.run["checks"].values() if c["node"] == "verify")
    ran = [c["name"] for c in bench.run["checks"].values() if (c["node"], c["visit"]) == ("verify", newest)]
    assert ran == ["tests", "plan-more"]


def test_a_plan_beyond_the_approved_one_is_asked_about_with_the_new_against_the_old(planning_anew: Bench) -> None:
    bench = planning_anew
    (first,) = bench.events("approval_requested")
    bench.takes(wider())
    assert bench.kinds() == [DECIDE]
    changes = [
        "may change: docs/** is new; approved: src/**",
        "will run: `sh more.sh` (no tests expected) is new; approved: `sh check.sh` (no tests expected)",
        "steps: 2; approved: 1",
    ]
    (voided,) = bench.events("approval_voided")
    assert voided == {"reason": "the new plan goes beyond it", "changes": changes, "digest": first["digest"]}
    assert bench.run["approved"] is None
    report = Path(bench.store.path("artifacts", "approval.md")).read_text()
    above, _, plan_part = report.partition("\nPlan ")
    why = f"your approval of plan {code_of(first['digest'])} does not count here: the new plan goes beyond it"
    assert plan_part
    for part in (why, *changes):
        assert part in above
        assert part in text(bench.run, None, {})
    assert document(bench.run, None, {})["approval"]["voided"] == voided
    bench.approve()
    assert bench.kinds() == [AGENT]
    assert bench.newest["scope"] == ["docs/**", "src/**"]


def test_what_goes_beyond_after_the_user_s_no_is_asked_about_as_any_plan(planning_anew: Bench) -> None:
    bench = planning_anew
    bench.takes(wider())
    bench.settle()
    gate = bench.run["gate"]
    assert gate is not None
    body = {"digest": gate["digest"], "decision": "modify", "words": "leave docs alone", "channel": "picker"}
    bench.tell("decision_made", **body)
    bench.settle()
    assert "leave docs alone" in bench.brief()
    bench.work()
    bench.takes(narrower())
    assert bench.kinds() == [DECIDE]  # what was approved once is void: even the narrow plan needs a yes of its own
    assert "Asked again" not in Path(bench.store.path("artifacts", "approval.md")).read_text()


def test_a_moved_base_is_beyond_every_approval(planning_anew: Bench) -> None:
    bench = planning_anew
    bench.sandbox.git("commit", "-qm", "the user's own", "--allow-empty")
    bench.takes(narrower())
    assert bench.kinds() == [DECIDE]
    assert bench.events("approval_kept") == []
    assert "HEAD moved" in text(bench.run, None, {})


def test_driving_twice_keeps_once(planning_anew: Bench) -> None:
    bench = planning_anew
    bench.takes(narrower())
    bench.settle()
    events = bench.store.events()
    bench.drive()
    assert bench.store.events() == events
