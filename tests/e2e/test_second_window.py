"""A second window in the same repository while a run waits in the first: undisturbed, unless its user takes the run over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.messages import ToolUse
from fermata.rehearsal.orchestrator import any_question, bash, obedient
from fermata.rehearsal.play import ASKED
from fermata.rehearsal.script import Conversation, Heard
from tests.e2e.cast import FILES, GOAL, cast

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.rehearsal.client import Outcome
    from tests.e2e.conftest import SetStage, Stage

BUILD = f"/build {GOAL}"


def windows(place: Path, *, asks: bool) -> object:
    """The main thread of both windows: the second one works for its user, and obeys fermata only when that is typed there."""

    def play(heard: Heard) -> Conversation:
        while "Do my work" in heard.text:
            heard = yield [
                ToolUse("Write", {"file_path": str(place / "mine.txt"), "content": "my work\n"}),
                bash("echo more >> mine.txt && git add mine.txt"),
            ]
            heard = yield [any_question()] if asks else [ToolUse("Agent", agent_of_the_user())]
            heard = yield "My work is done."
        yield from obedient()(heard)

    return play


def agent_of_the_user() -> dict[str, object]:
    return {
        "subagent_type": "general-purpose",
        "description": "look",
        "prompt": "Look around",
        "run_in_background": False,
    }


def outputs(outcome: Outcome) -> list[str]:
    """What hooks said in a headless session."""
    return [str(event["output"]) for event in outcome.of_type("system", "hook_response") if event.get("output")]


@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])
def test_work_in_a_second_session_is_not_touched_by_a_waiting_run(
    set_stage: SetStage, place: Path, version: str
) -> None:
    stage = set_stage(version, cast(place, main=windows(place, asks=False)), FILES, mode="bypassPermissions")  # type: ignore[arg-type]
    first = stage.headless(BUILD)
    assert outputs(first), "a driving session hears its hooks, so silence below means something"
    before = stage.run_store().events()
    second = stage.headless("Do my work")
    assert second.result == "My work is done."
    assert outputs(second) == []
    assert denials(stage, second) == []
    assert (place / "mine.txt").read_text() == "my work\nmore\n"
    assert stage.run_store().events() == before


def denials(stage: Stage, outcome: Outcome) -> list[str]:
    """The tool results of a session that are errors."""
    mine = [request for request in stage.model.requests if request.session_id == outcome.session_id]
    assert any(request.results for request in mine)
    return [result.text for request in mine for result in request.results if result.is_error]


@pytest.mark.parametrize("version", [pytest.param("2.1.329", marks=pytest.mark.long), "2.1.197"])
def test_a_build_in_a_second_session_is_refused_and_leaves_it_free(
    set_stage: SetStage, place: Path, version: str
) -> None:
    stage = set_stage(version, cast(place), FILES, mode="default")
    stage.headless(BUILD)
    name = stage.run_store().load()["run"]
    second = stage.headless("/build Something else")
    (heard,) = [
        r for request in stage.model.requests if request.session_id == second.session_id for r in request.results
    ][:1]
    assert heard.is_error
    assert heard.text.startswith("Exit code 4")
    assert f"run {name} ({GOAL!r}) is on in this work tree" in second.result
    assert not (stage.world.home / ".claude/plugins/data/fermata-inline/active" / second.session_id).exists()


@pytest.mark.long
def test_on_the_screen_a_second_window_works_then_takes_the_run_over(set_stage: SetStage, place: Path) -> None:
    stage = set_stage("2.1.329", cast(place, main=windows(place, asks=True)), FILES, mode="default")  # type: ignore[arg-type]
    first = stage.terminal()
    first.submit(BUILD)
    first.wait_for_text(ASKED)
    second = stage.terminal(world=stage.world.with_mode("bypassPermissions"))
    hint = f"fermata: run {stage.run_store().load()['run']} ({GOAL}) waits here; /fermata:resume takes it over"
    assert " ".join(second.screen().split()).count(hint) == 1
    second.submit("Do my work")
    screen = second.wait_for_text("Shall I go on?")  # the model's own question, not the gate's
    assert ASKED not in screen
    second.wait_quiet()
    second.press("enter")
    second.wait_for_text("My work is done.")
    assert "fermata:" not in second.screen().replace(hint, "", 1).partition("Do my work")[2]
    second.submit("/fermata:resume")
    second.wait_for_text(ASKED)
    second.wait_quiet(1.2)
    # The first window still shows its picker: an answer there decides nothing any more, and its session is told so.
    first.press("2")
    first.wait_for_text("is driven by another session now")
    assert stage.events("decision_made") == []
    second.press("2")
    second.wait_for_text("DONE: the run is complete", 60)
    assert [body["generation"] for body in stage.events("lease_taken")] == [2]
    assert json.dumps(stage.events("decision_made")).count("picker") == 1
