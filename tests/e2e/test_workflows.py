"""Each shipped workflow on the real client, from the typed command to its end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from fermata.definitions.names import workflow_names
from fermata.rehearsal.play import ASKED
from fermata.rehearsal.script import Conversation, Heard, Report
from tests.e2e.cast import FAREWELL, FILES, built, cast, number, plan, write
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
PATIENCE = 120.0  # five agents come before the gate of `phased`
ORDER = {
    "phased": ["recon", "recon", "recon", "oracle", "reviewer", "fixer", "reviewer"],
    "plan_code_review": ["planner", "builder", "reviewer"],
    "staged": ["planner", "reviewer", "stage-agent", "stage-agent", "stage-agent", "reviewer"],
}


def test_every_shipped_workflow_is_played_on_the_client() -> None:
    """`plan_then_build` is what all other tests here play; test_tasks plays those that work on the board."""
    assert sorted(
        [*ORDER, "build_only", "conduct", "decompose_first", "multi_task", "plan_then_build"]
    ) == workflow_names("/nowhere")


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
    screen = asked(terminal, "Add a farewell", PATIENCE)
    assert "(plan " in screen
    terminal.press("2")
    terminal.wait_for_text(DONE, PATIENCE)
    (opened,) = stage.events("run_created")
    assert (opened["goal"], opened["mode"]) == ("Say farewell as well", "explicit")
    assert [event["agent"] for event in stage.events("dispatch_created")] == ORDER[name]
    assert stage.status() == "completed"


OTHER = """
printf 'Goodbye by another\\n' > farewell.txt
echo "reading $1" >&2
printf '%s' '{"status": "completed", "summary": "Another program wrote it.", "files_modified": ["farewell.txt"], "tests_run": [], "caveats": []}'
"""
BY_COMMAND = {
    **FILES,
    "other.sh": OTHER,
    ".fermata/config.yaml": FILES[".fermata/config.yaml"]
    + "commands:\n  other: {argv: [sh, other.sh, '{brief}'], minutes: 2}\nstages:\n  build: {command: other}\n",
}


@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=LONG)])
def test_a_stage_that_another_command_line_agent_does(set_stage: SetStage, place: Path, version: str) -> None:
    stage = set_stage(version, cast(place), BY_COMMAND, mode="auto")
    terminal = stage.terminal()
    terminal.submit("/build Say farewell as well")
    screen = asked(terminal, "Add a farewell", PATIENCE)
    assert "stage build by other, at most 2 min: sh other.sh '{brief}'" in screen
    assert not (place / FAREWELL).exists()
    terminal.press("2")
    terminal.wait_for_text(DONE, PATIENCE)
    assert (place / FAREWELL).read_text() == "Goodbye by another\n"
    assert [event["agent"] for event in stage.events("dispatch_created")] == ["planner", "builder", "reviewer"]
    assert [event.get("command") for event in stage.events("dispatch_created")] == [None, "other", None]
    assert stage.status() == "completed"


PNG = "printf '\\211PNG\\r\\n\\032\\n' > shots/home.png; cat farewell.html >> shots/home.png || true\n"
PAGES = {
    **FILES,
    "shoot.sh": "mkdir -p shots\n" + PNG,
    ".gitignore": "shots/\n",
    ".fermata/config.yaml": FILES[".fermata/config.yaml"]
    + "  screens:\n    - {name: home, command: sh shoot.sh, out: shots/home.png}\n",
}


@LONG
@pytest.mark.parametrize("version", ["2.1.329", "2.1.197"])
def test_pictures_are_compared_when_the_ui_changed(set_stage: SetStage, place: Path, version: str) -> None:
    def planner(_heard: Heard) -> Conversation:
        yield Report(plan("farewell.html"))

    def builder(heard: Heard) -> Conversation:
        yield from write(place, "farewell.html", f"<p>Goodbye {number(heard)}\n")
        yield Report(built("farewell.html"))

    stage = set_stage(version, cast(place, planner=planner, builder=builder), PAGES, mode="auto")
    terminal = stage.terminal()
    terminal.submit("/orchestrate phased: Say farewell as a page")
    screen = asked(terminal, "Add a farewell", PATIENCE)
    assert "sh shoot.sh" in screen
    terminal.press("2")
    terminal.wait_for_text(DONE, PATIENCE)
    agents = [event["agent"] for event in stage.events("dispatch_created")]
    assert agents == ["recon", "recon", "recon", "oracle", "reviewer", "fixer", "multimodal-looker", "reviewer"]
    assert stage.run_store().load()["kept"]["look"]["verdict"] == "as_expected"
    assert stage.status() == "completed"
    brief = stage.brief("d-007")
    assert re.search(r"home: before `[^`]+c-\d+-home.png`, after `[^`]+c-\d+-home.png`", brief)
