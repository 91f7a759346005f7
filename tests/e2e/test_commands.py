"""What a person types: each command says what it did, costs no model call where none is needed, and refuses with a way on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.client import run_headless
from fermata.rehearsal.messages import ToolUse
from fermata.rehearsal.orchestrator import obedient
from fermata.rehearsal.play import ASKED
from fermata.rehearsal.script import Conversation, Heard
from tests.e2e.cast import FILES, GOAL, cast
from tests.e2e.conftest import git

if TYPE_CHECKING:
    from fermata.rehearsal.terminal import Terminal
    from tests.e2e.conftest import SetStage, Stage

BUILD = f"/build {GOAL}"
DONE = "DONE: the run is complete"
BOTH = pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])


def at_the_gate(stage: Stage) -> Terminal:
    """A session whose user closed the picker without an answer."""
    terminal = stage.terminal()
    terminal.submit(BUILD)
    terminal.wait_for_text(ASKED)
    terminal.wait_quiet(1.2)
    terminal.press("esc")
    terminal.wait_for_text(re.compile("[Dd]eclined to answer"))
    terminal.wait_quiet(1)
    return terminal


def asked_again(terminal: Terminal, after: str) -> None:
    terminal.wait_until(lambda screen: screen.rfind(ASKED) > screen.rfind(after) > 0, "the question again")
    terminal.wait_quiet(1.2)


def conversations(stage: Stage) -> int:
    """How often a model was asked to think."""
    return len(stage.model.of_kind("main", "agent"))


@BOTH
def test_status_stop_and_abort_ask_no_model_and_a_stopped_run_goes_on(
    set_stage: SetStage, place: Path, version: str
) -> None:
    stage = set_stage(version, cast(place), FILES, mode="default")
    (place_note := stage.project / "note.txt").write_text("the user's own\n")
    terminal = at_the_gate(stage)
    asked = conversations(stage)
    terminal.submit("/fermata:status")
    terminal.wait_for_text("Waits     for your decision about plan")
    terminal.submit("/fermata:stop")
    terminal.wait_for_text("is parked; nothing is lost")
    terminal.submit("/fermata:status")
    terminal.wait_for_text("Parked    /fermata:resume goes on")
    assert conversations(stage) == asked
    assert stage.status() == "stopped"
    terminal.submit("/fermata:resume")
    asked_again(terminal, "/fermata:resume")
    terminal.press("esc")
    terminal.wait_quiet(1)
    asked = conversations(stage)
    terminal.submit("/fermata:abort")
    terminal.wait_for_text("is ended. Files stay as they are")
    assert conversations(stage) == asked
    assert stage.status() == "aborted"
    assert place_note.read_text() == "the user's own\n"
    assert git(place, "status", "--porcelain") == "?? note.txt\n"


@BOTH
def test_only_the_waiting_plans_own_code_approves(set_stage: SetStage, place: Path, version: str) -> None:
    """Nor does a second /build, which a session that drives a run is refused."""
    stage = set_stage(version, cast(place), FILES, mode="default")
    terminal = at_the_gate(stage)
    (asked,) = stage.events("approval_requested")
    code = str(asked["digest"])[:8]
    before = conversations(stage)
    terminal.submit("/build Something else entirely")
    terminal.wait_for_text(f"({GOAL}) is on in this session. /fermata:status, /fermata:stop or /fermata:abort")
    assert conversations(stage) == before
    assert stage.run_store().load()["goal"] == GOAL
    terminal.submit("/fermata:approve deadbeef")
    terminal.wait_for_text(f"not approved: the plan that waits is {code}, not 'deadbeef'")
    assert conversations(stage) == before
    assert stage.events("decision_made") == []
    terminal.submit(f"/fermata:approve {code}")
    terminal.wait_for_text(DONE, 60)
    (decision,) = stage.events("decision_made")
    assert (decision["decision"], decision["channel"]) == ("approve", "typed")


def test_an_approval_that_a_headless_session_types_is_refused(set_stage: SetStage, place: Path) -> None:
    stage = set_stage("2.1.329", cast(place), FILES, mode="default")
    parked = stage.headless(BUILD)
    (asked,) = stage.events("approval_requested")
    said = run_headless(stage.world, f"/fermata:approve {str(asked['digest'])[:8]}", resume=parked.session_id).result
    assert "an approval is typed by a person in a terminal session" in said
    assert stage.events("decision_made") == []


def whole_goal(stage: Stage) -> str:
    """The goal in the file that the planner's brief names."""
    path = stage.run_store().path("artifacts", "d-001-goal.md")
    assert f"the whole is in `{path}`" in stage.brief("d-001")
    return Path(path).read_text()


# Two lines with every character that means something to a shell, and commands that would leave a file behind.
SHELL_GOAL = (
    "Add !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ and $(touch pwned)\n"
    "then `touch pwned` && touch pwned; ${HOME} \\n | tee pwned > pwned <b> *"
)


@pytest.mark.parametrize(
    ("version", "goal"),
    [
        pytest.param("2.1.329", SHELL_GOAL, id="shell"),
        pytest.param("2.1.197", SHELL_GOAL, id="shell-old", marks=pytest.mark.long),
        pytest.param("2.1.329", "x" * 100_000, id="hundred-thousand-characters", marks=pytest.mark.long),
        pytest.param("2.1.197", "Erste Zeile: grün\n\n  zweite\tZeile 𝄐\n- a list", id="lines"),
    ],
)
def test_a_goal_arrives_byte_for_byte(set_stage: SetStage, place: Path, version: str, goal: str) -> None:
    stage = set_stage(version, cast(place), FILES, mode="default")
    stage.headless(f"/build {goal}")
    assert stage.run_store().load()["goal"] == goal
    # A brief holds the beginning of a very long goal, and names the file that holds the whole.
    assert goal in stage.brief("d-001") or goal in whole_goal(stage)
    assert git(place, "status", "--porcelain") == ""


@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])
def test_a_goal_that_is_pasted_on_the_screen_arrives_byte_for_byte(
    set_stage: SetStage, place: Path, version: str
) -> None:
    stage = set_stage(version, cast(place), FILES, mode="default")
    terminal = stage.terminal()
    terminal.type("/build ")
    terminal.paste(SHELL_GOAL)
    terminal.press("enter")
    stage.journal.wait("run_created")
    assert stage.run_store().load()["goal"] == SHELL_GOAL
    terminal.wait_for_text(ASKED, 60)
    assert git(place, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("prompt", "mode", "said"),
    [
        pytest.param("/build  \n ", "default", 'Type: /build "Add …", in one sentence or many', id="blank-goal"),
        pytest.param("/build " + "x" * 102_400, "default", "Put the details into a file and name it", id="100-KB-goal"),
        pytest.param("/build", "default", "what shall be built?", id="no-goal"),
        pytest.param(BUILD, "plan", "leave plan mode first", id="plan-mode"),
        pytest.param("/fermata:resume", "default", "no run waits here. Start one with /build", id="nothing-to-resume"),
        pytest.param("/fermata:stop", "default", "this session drives no run; nothing to stop", id="nothing-to-stop"),
        pytest.param("/fermata:abort", "default", "there is no open run here; nothing to abort", id="nothing-to-abort"),
        pytest.param("/fermata:approve 0123abcd", "default", "this session drives no run", id="nothing-to-approve"),
        pytest.param("/fermata:status", "default", "No run here yet.", id="no-status"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_model(
    set_stage: SetStage, place: Path, prompt: str, mode: str, said: str
) -> None:
    stage = set_stage("2.1.329", cast(place), FILES, mode=mode)
    assert said in stage.headless(prompt).result
    assert conversations(stage) == 0


@BOTH
def test_a_folder_without_git_is_told_what_to_run(set_stage: SetStage, tmp_path: Path, version: str) -> None:
    (folder := tmp_path / "plain").mkdir()
    stage = set_stage(version, cast(folder), folder, mode="default")
    said = stage.headless(BUILD).result
    assert "is not inside a git repository" in said
    assert 'Run: git init && git add -A && git commit -m "Begin"' in said
    assert conversations(stage) == 0


@BOTH
def test_a_build_that_cannot_begin_says_why_and_leaves_the_session_free(
    set_stage: SetStage, tmp_path: Path, version: str
) -> None:
    """A repository without a commit: `start` refuses, and what the user asks for next is none of fermata's business."""

    def main(heard: Heard) -> Conversation:
        play = obedient()(heard)
        heard = yield next(play)
        heard = yield heard.result("Bash").text
        heard = yield ToolUse("Write", {"file_path": str(folder / "mine.txt"), "content": "as asked\n"})
        yield heard.result("Write").text

    (folder := tmp_path / "new").mkdir()
    git(folder, "init", "-q")
    stage = set_stage(version, cast(folder, main=main), folder, mode="acceptEdits")
    first = stage.headless(BUILD)
    assert "has no commit yet; make the first one" in first.result
    second = run_headless(stage.world, "Then write mine.txt", resume=first.session_id)
    assert (folder / "mine.txt").exists(), second.result
