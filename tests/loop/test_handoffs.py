"""Handoffs on a real run: in the brief of who receives them, on disk, and from the journal when the file is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fermata.core.handoff import NARROW
from fermata.definitions.schema_files import schema_errors
from fermata.definitions.workflow_files import HERE
from fermata.loop import handoffs
from fermata.loop.handoff_repair import repair_handoff, resend
from fermata.loop.handoffs import find_handoff, write_handoff
from fermata.store.errors import Usage
from tests.core.build import make_step
from tests.loop.bench import CONFIG, Bench, built, review

SHIPPED = Path(HERE, "workflows", "plan_then_build.yaml").read_text()
# Work that fails for good leads back to the plan; two tries at a step are enough.
REPLANNING = SHIPPED.replace("on: {red: rework}", "on: {red: plan}").replace("        tries: 5", "        tries: 2")


@pytest.fixture
def replanning(tmp_path: Path) -> Bench:
    return Bench(tmp_path, CONFIG + "workflow: replanning\n", replanning=REPLANNING).begin()


def record(bench: Bench, dispatch: str | None = None) -> dict[str, Any]:
    found = find_handoff(bench.store, dispatch)
    assert found is not None
    return found[1]


def failed(bench: Bench, suggestion: str = "Split it.", tries: int = 2) -> None:
    """The builder at work, and those after it, give up."""
    for number in range(tries):
        if number:
            bench.work()
        bench.takes(built(status="failed", caveats=["the API is gone"], suggestion=suggestion))
        bench.settle()


def test_the_builder_reads_what_the_planner_hands_over(bench: Bench) -> None:
    bench.building(make_step("One"), make_step("Two", ("README.md",)), scope_out=["The docs stay as they are."])
    assert "## Handed over\n```\nFrom planner to builder.\nPlan: " in bench.brief()
    assert (
        "\nScope of the whole plan: README.md, src/**\nLeft alone on purpose: The docs stay as they are.\n"
        in bench.brief()
    )
    kept = json.loads(Path(bench.store.path("artifacts", "d-002-handoff.json")).read_text())
    assert schema_errors("handoffs/build", kept) == []
    assert kept == record(bench) == record(bench, "d-002")


def test_what_is_left_alone_is_shown_before_the_approval(bench: Bench) -> None:
    bench.planned(scope_out=["The docs stay as they are."])
    report = Path(bench.store.path("artifacts", "approval.md")).read_text()
    assert "Left alone on purpose\n  - The docs stay as they are." in report


def test_the_planner_is_told_why_it_plans_again(replanning: Bench) -> None:
    replanning.building(make_step("One"), make_step("Two", ("README.md",))).build().settle()
    replanning.work()
    failed(replanning, "Leave README.md out.")
    assert replanning.run["position"]["at"] == "plan"
    text = replanning.brief()
    assert text.startswith("# Plan: d-005\n")
    part = text.partition("## Handed over\n")[2].partition("\n## ")[0]
    assert part == (
        "```\nFrom builder to planner.\nThe work failed: 2 tries failed; the last one: the agent gave up: the API is gone\n"
        "Failed step: 2. Two\nCompleted steps (they stay in the tree): 1. One\nSuggestion: Leave README.md out.\n"
        "Details: \nd-003: the agent gave up: the API is gone\nd-004: the agent gave up: the API is gone\n"
        f"Plan anew: {NARROW}\n```\n"
        "The plan it was built by:\n```\none step\n1. One: One well (may change src/**)\n   - done when: it works\n"
        "2. Two: Two well (may change README.md)\n   - done when: it works\n```\n"
    )
    kept = record(replanning)
    assert schema_errors("handoffs/replan", kept) == []
    assert kept["context"]["suggestion"] == "Leave README.md out."
    assert record(replanning, "d-002")["to"] == "builder"


def test_red_checks_go_back_with_the_end_of_their_output(replanning: Bench) -> None:
    replanning.building()
    replanning.sandbox.write("check.sh", "seq 2000; echo 'THE END'; exit 4\n")
    replanning.sandbox.write("src/app.py", "print(5)\n")
    replanning.takes(built("src/app.py", unexplained=["check.sh"]))
    replanning.tell("retry_granted")
    replanning.settle()
    replanning.work()
    replanning.sandbox.write("src/app.py", "print(6)\n")
    replanning.takes(built("src/app.py"))
    replanning.settle()
    assert replanning.run["position"]["at"] == "plan"
    assert "its checks did not become green" in replanning.brief()
    assert "tests: red (exit 4: THE END" in replanning.brief()


def test_the_output_of_the_last_checks_is_in_the_record(replanning: Bench) -> None:
    replanning.building().build().settle()
    replanning.work()
    replanning.takes(review("reject"))
    replanning.settle()
    replanning.work()
    replanning.sandbox.write("check.sh", "seq 2000; echo 'THE END'; exit 4\n")
    replanning.takes(built("src/app.py", unexplained=["check.sh"]) | {"files_modified": []})
    replanning.tell("retry_granted")
    replanning.settle()
    details = record(replanning)["context"]["error_details"]
    assert "fermata ran `sh check.sh`: red" in details
    assert details.rstrip().endswith("\nTHE END")
    assert "\n1000\n" not in details


# --- looking at a record


def test_without_its_file_the_record_comes_from_the_journal(bench: Bench) -> None:
    bench.building()
    path = Path(bench.store.path("artifacts", "d-002-handoff.json"))
    name, before, file = find_handoff(bench.store, None) or ("", {}, "")
    assert (name, file) == ("d-002", str(path))
    for damage, says in (
        ("{", "is not as it was written"),
        ('{"a": 1}', "is not as it was written"),
        (None, "is missing"),
    ):
        path.unlink() if damage is None else path.write_text(damage)
        found = find_handoff(bench.store, "d-002")
        assert found == ("d-002", before, f"{path} {says}; this is from the journal")


def test_a_record_stays_what_it_was_while_the_run_goes_on(bench: Bench) -> None:
    bench.building()
    before = record(bench, "d-002")
    bench.build().settle()
    bench.work()
    bench.takes(review("reject"))
    bench.settle()
    assert record(bench, "d-002") == before
    assert find_handoff(bench.store, None) == ("d-004", before, bench.store.path("artifacts", "d-004-handoff.json"))


def test_where_nothing_was_handed_over(bench: Bench) -> None:
    bench.settle()
    assert find_handoff(bench.store, None) is None
    with pytest.raises(Usage, match=r"nothing was handed over to d-001; `fermata handoff show` has the newest"):
        find_handoff(bench.store, "d-001")
    with pytest.raises(Usage, match="there is no dispatch d-009; known: d-001"):
        find_handoff(bench.store, "d-009")


def test_a_stage_that_does_not_see_it_is_handed_nothing(tmp_path: Path) -> None:
    silent = SHIPPED.replace(" handoff,", "")
    bench = Bench(tmp_path, CONFIG + "workflow: silent\n", silent=silent).begin().building()
    assert "Handed over" not in bench.brief()
    assert not Path(bench.store.path("artifacts", "d-002-handoff.json")).exists()
    assert find_handoff(bench.store, None) is None


def test_a_record_that_breaks_its_schema_is_never_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.building()
    monkeypatch.setattr(handoffs, "handoff", lambda *_: {"format": 1, "context": {"plan_id": "x"}})
    with pytest.raises(ValueError, match="the handoff to d-009 is not valid: "):
        write_handoff(bench.store, bench.run, "steps.0/build", "d-009")
    assert not Path(bench.store.path("artifacts", "d-009-handoff.json")).exists()


# --- mending one (D52)


def test_a_lost_record_is_written_anew(bench: Bench) -> None:
    bench.building()
    path = Path(bench.store.path("artifacts", "d-002-handoff.json"))
    before = path.read_text()
    for damage in ("{", None):
        path.unlink() if damage is None else path.write_text(damage)
        name, found, was = repair_handoff(bench.store, None, {})
        assert (name, found) == ("d-002", json.loads(before))
        assert "this is from the journal" in was
        assert path.read_text() == before
    assert bench.events("handoff_supplied") == []


def test_what_a_person_adds_is_in_the_record_and_in_the_brief_that_is_sent_again(replanning: Bench) -> None:
    replanning.building()
    failed(replanning)
    repair_handoff(replanning.store, "d-004", {"suggestion": "Ask for a key.", "completed_steps": "one; two"})
    (event,) = [e for e in replanning.store.events() if e["type"] == "handoff_supplied"]
    assert (event["actor"], event["body"]["fields"]["completed_steps"]) == ("person", ["one", "two"])
    assert record(replanning, "d-004")["context"]["suggestion"] == "Ask for a key."
    assert "Ask for a key." not in replanning.brief("d-004")
    assert resend(replanning.site, replanning.store, None) == "d-004"
    assert "Suggestion: Ask for a key." in replanning.brief("d-004")
    assert "one; two" in replanning.brief("d-004")
    Path(replanning.store.path("briefs", "d-004.md")).unlink()
    resend(replanning.site, replanning.store, "d-004")
    assert replanning.brief("d-004").startswith("# Plan: d-004\n")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param({"mood": "x"}, "has no mood; fields that can be set: task_id, plan_id", id="unknown"),
        pytest.param({"requirements_summary": "x"}, "has no requirements_summary", id="a-table"),
        pytest.param({"plan_id": ""}, "would not be valid: context.plan_id", id="empty"),
        pytest.param({"plan_summary": "x" * 501}, "would not be valid: context.plan_summary", id="too-long"),
    ],
)
def test_what_a_record_cannot_hold_is_refused(bench: Bench, given: dict[str, str], says: str) -> None:
    bench.building()
    with pytest.raises(Usage, match=says):
        repair_handoff(bench.store, "d-002", given)
    assert bench.events("handoff_supplied") == []


@pytest.mark.parametrize(
    ("dispatch", "says"),
    [
        (None, "no dispatch is open"),
        ("d-002", "d-002 is running, so its brief is not sent again. Its agent has read its brief"),
        ("d-001", "d-001 is completed, so its brief is not sent again"),
        ("d-009", "there is no dispatch d-009; known: d-001, d-002"),
    ],
)
def test_only_an_open_dispatch_is_sent_again(bench: Bench, dispatch: str | None, says: str) -> None:
    bench.building()
    with pytest.raises(Usage, match=says):
        resend(bench.site, bench.store, dispatch)


def test_nothing_was_handed_over_yet(bench: Bench) -> None:
    bench.settle()
    with pytest.raises(Usage, match="nothing to repair"):
        repair_handoff(bench.store, None, {})
