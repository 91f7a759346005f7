"""The gate as a person meets it: every answer in the picker does what it says, nothing else is asked, nothing slips past the scope."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.messages import ToolUse
from fermata.rehearsal.orchestrator import bash, obedient
from fermata.rehearsal.play import ASKED, REPORT
from fermata.rehearsal.script import Conversation, Heard, Report
from fermata.rehearsal.terminal import ScreenTimeoutError
from tests.e2e.cast import (
    FAREWELL,
    FILES,
    GOAL,
    built,
    careful_builder,
    cast,
    good_builder,
    number,
    plan,
    questions,
    verdict,
    write,
)
from tests.e2e.conftest import ROOT, asked, git, wished, wishes
from tests.e2e.test_crash import Held

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.rehearsal.client import Mode
    from tests.e2e.conftest import SetStage

BUILTIN = ROOT / "scripts/lib/fermata/definitions/workflows/plan_then_build.yaml"
BUILD = f"/build {GOAL}"
DONE = "DONE: the run is complete"
APPROVE, CHANGE, RECON, ABORT = "2", "3", "4", "1"


def planner(heard: Heard) -> Conversation:
    """Every plan has its own title."""
    yield Report(plan(title=f"Plan no. {number(heard)}"))


def test_more_recon_brings_the_planner_back_and_asks_again(set_stage: SetStage, place: Path) -> None:
    stage = set_stage("2.1.329", cast(place, planner=planner), FILES, mode="auto")
    terminal = stage.terminal()
    terminal.submit(BUILD)
    asked(terminal, "Plan no. 1")
    terminal.press(RECON)
    assert REPORT in asked(terminal, "Plan no. 2")
    assert len(stage.events("report_shown")) == 2
    assert "The user wants a closer look before deciding." in stage.brief("d-002")
    assert stage.run_store().load()["approved"] is None
    terminal.press(ABORT)
    stage.journal.wait("decision_made", lambda body: body["decision"] == "abort")


@pytest.mark.long
@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])
def test_free_text_reaches_the_planner_and_abort_changes_nothing(
    set_stage: SetStage, place: Path, version: str
) -> None:
    stage = set_stage(version, cast(place, planner=planner), FILES, mode="default")
    terminal = stage.terminal()
    terminal.submit(BUILD)
    asked(terminal, "Plan no. 1")
    terminal.press("down", "down", "down", "down")
    terminal.type("Approve, but say it in `Welsh`")
    terminal.press("enter")
    asked(terminal, "Plan no. 2")
    feedback = stage.brief("d-002").partition("## What the user said to your last plan")[2]
    assert "Approve, but say it in `Welsh`" in feedback
    assert "Plan no. 1" in feedback
    assert stage.run_store().load()["approved"] is None
    terminal.press(ABORT)
    terminal.wait_for_text("ABORTED: the run has ended")
    assert stage.status() == "aborted"
    assert git(place, "status", "--porcelain") == ""


@pytest.mark.long
def test_change_the_plan_without_words_makes_the_planner_ask(set_stage: SetStage, place: Path) -> None:
    def planner(heard: Heard) -> Conversation:
        if "ask them with a question round" in heard.text:
            heard = yield Report(questions("What shall be different?"))
        yield Report(plan(title="Louder" if "\n  Yes" in heard.text else "Soft"))

    stage = set_stage("2.1.329", cast(place, planner=planner), FILES, mode="default")
    terminal = stage.terminal()
    terminal.submit(BUILD)
    asked(terminal, "Soft")
    terminal.press(CHANGE)
    terminal.wait_for_text("What shall be different?")
    terminal.wait_quiet()
    terminal.press("1")
    asked(terminal, "Louder")
    terminal.press(APPROVE)
    terminal.wait_for_text(DONE, 60)


@pytest.mark.long
def test_esc_in_the_picker_decides_nothing_and_resume_asks_again(set_stage: SetStage, place: Path) -> None:
    stage = set_stage("2.1.329", cast(place), FILES, mode="default")
    terminal = stage.terminal()
    terminal.submit(BUILD)
    asked(terminal, "farewell")
    terminal.press("esc")
    terminal.wait_for_text(re.compile("[Dd]eclined to answer"))
    terminal.wait_quiet(1)
    assert stage.events("decision_made") == []
    terminal.submit("/fermata:resume")
    terminal.wait_until(lambda screen: screen.rfind(ASKED) > screen.rfind("/fermata:resume") > 0, "the question again")
    terminal.wait_quiet(1.2)
    terminal.press(APPROVE)
    terminal.wait_for_text(DONE, 60)
    assert stage.status() == "completed"


def hasty(heard: Heard) -> Conversation:
    """A main thread that ends its turn, once each, where it was told to ask: an agent's report can cross with that."""
    play = obedient()(heard)
    turn, hasted = next(play), set()
    while True:
        heard = yield turn
        turn = play.send(heard)
        words = "".join(result.text for result in heard.results)
        what = "gate" if "the user decides" in words else "question"
        if isinstance(turn, ToolUse) and turn.name == "AskUserQuestion" and what not in hasted:
            hasted.add(what)
            nudge = yield "I wait for the agents."
            assert "can go on. Run:" in nudge.text + nudge.context, nudge


@pytest.mark.parametrize(
    ("version", "mode"), [("2.1.329", "auto"), pytest.param("2.1.197", "default", marks=pytest.mark.long)]
)
def test_a_turn_that_ends_before_the_user_was_asked_goes_on(
    set_stage: SetStage, place: Path, version: str, mode: str
) -> None:
    def planner(_heard: Heard) -> Conversation:
        yield Report(questions("Shall it be short?"))
        yield Report(plan())

    stage = set_stage(version, cast(place, main=hasty, planner=planner), FILES, mode=mode)
    terminal = stage.terminal()
    terminal.submit(BUILD)
    terminal.wait_for_text("Shall it be short?")
    terminal.wait_quiet()
    terminal.press("1")
    asked(terminal, "farewell")
    terminal.press(ABORT)
    terminal.wait_for_text("ABORTED: the run has ended")


def test_without_any_grant_the_client_asks_for_fermatas_own_command(set_stage: SetStage, place: Path) -> None:
    """Shows that the count of prompts in test_what_a_build_costs_its_user.py can fail."""
    files = {**FILES, ".fermata/config.yaml": FILES[".fermata/config.yaml"] + "grant: none\n"}
    stage = set_stage("2.1.329", cast(place), files, mode="default", settings=wishes(place))
    terminal = stage.terminal()
    terminal.submit(BUILD)
    terminal.wait_for_text("Do you want to proceed?")
    terminal.press("1")
    terminal.wait_until(lambda _: len(wished(place)) > 1, "a second wish")
    assert set(wished(place)) == {"Bash"}


PROMPT = re.compile(r"Do you want to|Enter to select")


def _last_wish(place: Path, tool: str, _screen: str) -> bool:
    return wished(place)[-1:] == [tool]


@pytest.mark.long
def test_with_the_cli_grant_fermatas_commands_are_free_and_edits_are_asked_about(
    set_stage: SetStage, place: Path
) -> None:
    files = {**FILES, ".fermata/config.yaml": FILES[".fermata/config.yaml"] + "grant: cli\n"}
    script = cast(place, builder=careful_builder(place))
    stage = set_stage("2.1.329", script, files, mode="default", settings=wishes(place))
    terminal = stage.terminal()
    terminal.submit(BUILD)
    asked(terminal, "farewell")
    terminal.press(APPROVE)
    for tool in ("Write", "Edit"):
        terminal.wait_until(partial(_last_wish, place, tool), f"the client asking about {tool}")
        terminal.wait_for_text(re.compile("Do you want to"))
        terminal.wait_quiet(0.8)
        terminal.press("1")
    terminal.wait_for_text(DONE, 60)
    assert wished(place) == ["AskUserQuestion", "Write", "Edit"]


@pytest.mark.long
def test_without_any_grant_a_run_comes_to_its_end_prompt_by_prompt(set_stage: SetStage, place: Path) -> None:
    files = {**FILES, ".fermata/config.yaml": FILES[".fermata/config.yaml"] + "grant: none\n"}
    stage = set_stage(
        "2.1.329", cast(place, builder=careful_builder(place)), files, mode="default", settings=wishes(place)
    )
    terminal = stage.terminal()
    terminal.submit(BUILD)
    prompts = 0
    while DONE not in terminal.wait_until(
        lambda screen: DONE in screen or PROMPT.search(screen) is not None, "a prompt", 60
    ):
        with suppress(ScreenTimeoutError):  # a spinner may go on for ever
            terminal.wait_quiet(0.6, 1.5)
        if "Do you want to" in terminal.screen():
            prompts += 1
            terminal.press("1")
        elif PROMPT.search(terminal.screen()):
            asked(terminal, "farewell")
            terminal.press(APPROVE)
    assert stage.status() == "completed"
    assert {"Bash", "Write", "Edit"} <= set(wished(place))
    assert prompts >= wished(place).count("Bash") > 3


@pytest.mark.long
def test_chat_about_this_decides_nothing_and_the_question_comes_again(set_stage: SetStage, place: Path) -> None:
    stage = set_stage("2.1.329", cast(place), FILES, mode="default")
    terminal = stage.terminal()
    terminal.submit(BUILD)
    asked(terminal, "farewell")
    terminal.press("6")
    stage.journal.wait("question_shown")
    terminal.wait_until(lambda _: len(stage.events("question_shown")) == 2, "the question again")
    assert stage.events("decision_made") == []
    asked(terminal, "farewell")
    terminal.press(ABORT)
    terminal.wait_for_text("ABORTED: the run has ended")
    assert git(place, "status", "--porcelain") == ""


def replanning() -> dict[str, str]:
    """A project whose own workflow sends a rejected review back to the planner, behind the approval."""
    text = BUILTIN.read_text().replace("name: plan_then_build", "name: replan")
    workflow = text.replace("reject: rework}", "reject: plan}")
    assert workflow != text
    config = FILES[".fermata/config.yaml"] + "workflow: replan\n"
    return {**FILES, ".fermata/workflows/replan.yaml": workflow, ".fermata/config.yaml": config}


def strict_reviewer(heard: Heard) -> Conversation:
    """Rejects the first change it sees."""
    yield Report(verdict("reject" if number(heard) == 3 else "approve", "say it louder"))


@pytest.mark.parametrize(
    "wider",
    [pytest.param(False, id="inside", marks=pytest.mark.long), pytest.param(True, id="beyond", marks=pytest.mark.long)],
)
def test_a_second_plan_is_asked_about_only_when_it_goes_beyond_the_first(
    set_stage: SetStage, place: Path, *, wider: bool
) -> None:
    def planner(heard: Heard) -> Conversation:
        if number(heard) == 1:
            yield Report(plan())
        assert "say it louder" in heard.text
        yield Report(plan(FAREWELL, "louder.txt", title="Louder") if wider else plan(title="Louder"))

    script = cast(place, planner=planner, reviewer=strict_reviewer)
    stage = set_stage("2.1.329", script, replanning(), mode="default")
    terminal = stage.terminal()
    terminal.submit(BUILD)
    asked(terminal, "farewell")
    terminal.press(APPROVE)
    if wider:
        stage.journal.wait("approval_voided")
        screen = asked(terminal, "Louder")
        assert "may change: louder.txt is new; approved: farewell.txt" in " ".join(screen.split())
        terminal.press(APPROVE)
    terminal.wait_for_text(DONE, 90)
    assert len(stage.events("question_shown")) == 1 + wider
    assert len(stage.events("approval_kept")) == 1 - wider


def test_an_edit_outside_the_scope_is_refused_and_a_shell_write_there_makes_the_result_invalid(
    set_stage: SetStage, place: Path
) -> None:
    def builder(_heard: Heard) -> Conversation:
        yield from write(place, FAREWELL, "Goodbye\n")
        heard = yield ToolUse("Write", {"file_path": str(place / "elsewhere.txt"), "content": "a little extra\n"})
        refusals.append(heard.result("Write").text)
        yield bash("echo more >> greeting.txt")
        heard = yield Report(built(FAREWELL, "greeting.txt"))
        yield bash("git checkout greeting.txt")
        yield Report(built(FAREWELL))

    refusals: list[str] = []
    stage = set_stage("2.1.329", cast(place, builder=builder), FILES, mode="auto")
    stage.approved(BUILD)
    assert "`elsewhere.txt` is outside the scope of d-002 (may change: farewell.txt)" in refusals[0]
    (rejected,) = stage.events("result_rejected")
    assert "changed outside your scope (farewell.txt): greeting.txt" in str(rejected["error"])
    assert stage.status() == "completed"
    assert git(place, "status", "--porcelain") == "?? farewell.txt\n"


@pytest.mark.parametrize(
    ("version", "mode"), [("2.1.329", "auto"), pytest.param("2.1.197", "default", marks=pytest.mark.long)]
)
def test_hooks_that_are_switched_off_in_the_middle_of_a_run_go_on_to_hold(
    set_stage: SetStage, place: Path, version: str, mode: Mode
) -> None:
    """K-D19. Without the hook on ConfigChange both clients run no hook any more from then on, and say nothing."""

    def curious(heard: Heard) -> Conversation:
        refused = yield ToolUse("Write", {"file_path": str(place / "elsewhere.txt"), "content": "out of scope\n"})
        assert "outside" in "".join(result.text for result in refused.results), refused
        yield from good_builder(place)(heard)

    builder, seen, settings = Held(curious), place.parent / "seen", place / ".claude" / "settings.json"
    shown = {"hooks": {"ConfigChange": [{"hooks": [{"type": "command", "command": f"cat > '{seen}'"}]}]}}
    files = {**FILES, ".claude/settings.json": "{}\n"}  # 2.1.197 does not watch a folder that is not there yet
    stage = set_stage(version, cast(place, builder=builder), files, mode=mode, settings=shown)
    terminal = stage.terminal()
    terminal.submit(BUILD)
    asked(terminal, "farewell")
    terminal.press(APPROVE)
    stage.journal.wait("dispatch_started", lambda body: body["id"] == "d-002")
    settings.write_text('{"disableAllHooks": true}\n')
    terminal.wait_until(lambda _: seen.exists() and "project_settings" in seen.read_text(), "the change of settings")
    time.sleep(1)  # the client acts on the hooks' answers, and shows nothing of it
    builder.free.set()
    terminal.wait_for_text(DONE, 60)
    assert not (place / "elsewhere.txt").exists()
