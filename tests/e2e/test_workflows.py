"""Each shipped workflow on the real client, from the typed command to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.definitions.names import workflow_names
from fermata.rehearsal.rehearse import ASKED
from tests.e2e.cast import FAREWELL, FILES, cast
from tests.e2e.conftest import asked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import SetStage

DONE = "DONE: the run is complete"


@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])
def test_a_small_fix_is_built_without_a_question_and_the_user_is_told(
    set_stage: SetStage, place: Path, version: str
) -> None:
    stage = set_stage(version, cast(place), FILES, mode="auto")
    terminal = stage.terminal()
    terminal.submit("/orchestrate Fix the missing farewell")
    terminal.wait_for_text("no approval is asked for, by the rule small_change")
    screen = terminal.wait_for_text(DONE)
    assert "Workflow   build_only" in screen
    assert "Confidence 1.00 (go)" in screen
    assert ASKED not in screen
    assert stage.status() == "completed"
    assert [e["rule"] for e in stage.events("approval_waived")] == ["small_change"]
    assert (place / FAREWELL).read_text() == "Goodbye 1\n"
    terminal.submit("/fermata:status")
    terminal.wait_for_text("waived by rule small_change: nobody was asked")


LONG = pytest.mark.long
ORDER = {
    "phased": ["recon", "recon", "recon", "oracle", "builder", "reviewer"],
    "plan_code_review": ["planner", "builder", "reviewer"],
    "staged": ["planner", "stage-agent", "stage-agent", "reviewer"],
}


def test_every_shipped_workflow_is_played_on_the_client() -> None:
    """`plan_then_build` is what all other tests here play; test_tasks plays those that work on the board."""
    assert sorted([*ORDER, "build_only", "decompose_first", "multi_task", "plan_then_build"]) == workflow_names(
        "/nowhere"
    )


@pytest.mark.parametrize(
    ("version", "name"),
    [
        pytest.param("2.1.329", "phased"),
        *[pytest.param("2.1.329", name, marks=LONG) for name in ORDER if name != "phased"],
        *[pytest.param("2.1.197", name, marks=LONG) for name in ORDER],
    ],
)
def test_a_workflow_that_was_named_before_the_goal(set_stage: SetStage, place: Path, version: str, name: str) -> None:
    stage = set_stage(version, cast(place), FILES, mode="auto")
    terminal = stage.terminal()
    terminal.submit(f"/orchestrate {name}: Say farewell as well")
    screen = asked(terminal, "Add a farewell")
    assert "(plan " in screen
    terminal.press("2")
    terminal.wait_for_text(DONE)
    (opened,) = stage.events("run_created")
    assert (opened["goal"], opened["mode"]) == ("Say farewell as well", "explicit")
    assert [event["agent"] for event in stage.events("dispatch_created")] == ORDER[name]
    assert stage.status() == "completed"
