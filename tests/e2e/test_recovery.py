"""What a run does about failures on the real client: asks its user in the picker, plans anew, waits for a quota."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fermata.loop.standstill import stay
from fermata.rehearsal.messages import ApiError
from fermata.rehearsal.script import Conversation, Heard, Report
from fermata.rehearsal.terminal import Terminal
from tests.e2e.cast import FAREWELL, FILES, GOAL, built, cast, number, plan, write
from tests.e2e.conftest import asked

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import SetStage, Stage

BUILD = f"/build {GOAL}"
DONE = "DONE: the run is complete"
STUCK = "fermata asks: how shall the run go on?"
LONG = pytest.mark.long


def gives_up(cause: str, why: str) -> str:
    return built(status="failed", cause=cause, caveats=[why], suggestion="Plan it otherwise.")


def optional_plan() -> str:
    """A plan of two steps, the first of which the goal can do without."""
    found = json.loads(plan())
    (step,) = found["steps"]
    extra = {**step, "title": "A pretty frame", "scope": ["frame.txt"], "optional": True}
    return json.dumps({**found, "steps": [extra, step]})


def stuck(terminal: Terminal, why: str) -> str:
    """Wait until the picker asks how to go on because of *why*, and a person has had the time to read it."""
    terminal.wait_until(
        lambda screen: why in " ".join(screen.rpartition(STUCK)[2].split()) and "Enter to select" in screen,
        f"the question because of {why!r}",
    )
    return " ".join(terminal.wait_quiet(1.2).rpartition(STUCK)[2].split())


def begun(stage: Stage, title: str = "farewell") -> Terminal:
    """A session whose plan was approved."""
    terminal = stage.terminal()
    terminal.submit(BUILD)
    asked(terminal, title)
    terminal.press("2")
    return terminal


@pytest.mark.long  # every day test_tasks.py has the same error asked about
@pytest.mark.parametrize(("version", "mode"), [("2.1.329", "auto"), ("2.1.197", "default")])
def test_the_same_error_on_the_same_tree_is_asked_about_and_the_users_words_reach_the_next_brief(
    set_stage: SetStage, place: Path, version: str, mode: str
) -> None:
    def builder(heard: Heard) -> Conversation:
        told = "say Goodbye instead" in heard.text
        if number(heard) == 2 or told:
            yield from write(place, FAREWELL, "Goodbye\n" if told else "BROKEN\n")
            yield Report(built(FAREWELL))
        yield Report(built(summary="I do not see what is wrong."))

    stage = set_stage(version, cast(place, builder=builder), FILES, mode=mode)
    terminal = begun(stage)
    shown = stuck(terminal, "failed with the same error on the same tree twice")
    assert "Tries here: 2, 0 of them failed; new plans: 0 of 1" in shown
    terminal.press("down", "down", "down")
    terminal.type("say Goodbye instead")
    terminal.press("enter")
    terminal.wait_for_text(DONE, 60)
    assert "say Goodbye instead" in stage.brief("d-004").partition("## What went wrong")[2]
    (granted,) = stage.events("retry_granted")
    assert (granted["words"], granted["channel"]) == ("say Goodbye instead", "picker")
    assert stage.status() == "completed"


@pytest.mark.long
@pytest.mark.parametrize(("version", "mode"), [("2.1.329", "auto"), ("2.1.197", "default")])
def test_a_flaw_in_the_plan_leads_to_a_new_plan_and_nobody_is_asked_again(
    set_stage: SetStage, place: Path, version: str, mode: str
) -> None:
    def planner(heard: Heard) -> Conversation:
        if number(heard) > 1:
            assert "it cannot be one file" in heard.text
            assert "split it into smaller steps" in heard.text
        yield Report(plan())

    def builder(heard: Heard) -> Conversation:
        if number(heard) == 2:
            yield Report(gives_up("too_large", "it cannot be one file"))
        yield from write(place, FAREWELL, "Goodbye\n")
        yield Report(built(FAREWELL))

    stage = set_stage(version, cast(place, planner=planner, builder=builder), FILES, mode=mode)
    told = stage.approved(BUILD)
    assert stage.status() == "completed"
    assert [event["agent"] for event in stage.events("dispatch_created")] == [
        *("planner", "builder", "planner"),
        *("builder", "reviewer"),
    ]
    assert len(stage.events("decision_made")) == len(stage.events("approval_kept")) == 1
    (failed,) = stage.events("dispatch_failed")
    assert (failed["category"], failed["rule"]) == ("design_flaw", "wrong_plan")
    assert "Failed on the way: 1; the last, d-002 (design_flaw, rule wrong_plan:" in told.result


@LONG
@pytest.mark.parametrize("version", ["2.1.329", "2.1.197"])
def test_a_blocker_is_asked_about_at_once_and_an_optional_step_can_be_skipped(
    set_stage: SetStage, place: Path, version: str
) -> None:
    def planner(_heard: Heard) -> Conversation:
        yield Report(optional_plan())

    def builder(heard: Heard) -> Conversation:
        if "frame.txt" in heard.text.partition("## Limits")[2]:
            yield Report(gives_up("missing", "there is no frame library here"))
        yield from write(place, FAREWELL, "Goodbye\n")
        yield Report(built(FAREWELL))

    stage = set_stage(version, cast(place, planner=planner, builder=builder), FILES, mode="default")
    terminal = begun(stage, "A pretty frame")
    shown = stuck(terminal, "there is no frame library here")
    assert "blocker, rule missing" in shown
    assert "Skip the step" in shown
    terminal.press("3")
    terminal.wait_for_text("Skipped: A pretty frame", 60)
    assert len([e for e in stage.events("dispatch_created") if e["agent"] == "builder"]) == 2
    assert stage.status() == "completed"


@LONG
@pytest.mark.parametrize("version", ["2.1.329", "2.1.197"])
def test_the_user_leaves_it_for_now_and_ends_it_later(set_stage: SetStage, place: Path, version: str) -> None:
    def builder(_heard: Heard) -> Conversation:
        yield Report(gives_up("missing", "there is no key for the service"))

    stage = set_stage(version, cast(place, builder=builder), FILES, mode="default")
    terminal = begun(stage)
    assert "Skip the step" not in stuck(terminal, "there is no key for the service")
    terminal.press("1")
    terminal.wait_for_text("STOPPED: the run is parked")
    terminal.wait_quiet(1)
    assert stage.status() == "stopped"
    terminal.submit("/fermata:resume")
    stuck(terminal, "d-003")
    terminal.press("3")
    terminal.wait_for_text("ABORTED: the run has ended")
    assert stage.status() == "aborted"


@LONG  # waits for the time that the client told
@pytest.mark.parametrize("version", ["2.1.329", "2.1.197"])
def test_a_used_up_quota_holds_the_run_until_the_client_s_time_and_then_it_goes_on(
    set_stage: SetStage, place: Path, version: str
) -> None:
    def builder(heard: Heard) -> Conversation:
        if number(heard) == 2:
            yield ApiError(429, "rate_limit_error", "You have hit your limit. Please try again in 15 seconds", times=99)
        yield from write(place, FAREWELL, "Goodbye\n")
        yield Report(built(FAREWELL))

    env = {"CLAUDE_CODE_MAX_RETRIES": "0"}
    stage = set_stage(version, cast(place, builder=builder), FILES, mode="default", env=env)
    terminal = begun(stage)
    terminal.wait_for_text("HELD: the run waits until")
    (failed,) = stage.events("dispatch_failed")
    assert (failed["rule"], bool(failed["until"])) == ("quota", True)
    terminal.wait_quiet(1)
    terminal.submit("/fermata:status")
    terminal.wait_for_text("then it goes on")
    assert len(stage.events("dispatch_created")) == 2
    terminal.submit("go on")  # before its time that spends nothing
    terminal.wait_until(lambda screen: screen.count("HELD: the run waits until") > 1, "the run still waits")
    stay(stage.run_store().load(), 30)
    assert len(stage.events("dispatch_created")) == 2
    terminal.submit("go on")
    terminal.wait_for_text(DONE, 60)
    assert len(stage.events("breaker_closed")) == 1
    assert stage.status() == "completed"
