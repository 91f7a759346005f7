"""kill -9 of the client at every kind of moment: nothing that was journalled is lost, and the run is brought to its end."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.client import Headless, run_headless
from fermata.rehearsal.play import ASKED
from fermata.rehearsal.processes import end_group
from fermata.rehearsal.script import Conversation, Heard
from fermata.rehearsal.story import MARKS
from tests.e2e.cast import FILES, GOAL, cast, good_builder, good_planner

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.rehearsal.script import Actor
    from tests.e2e.conftest import SetStage, Stage

BUILD = f"/build {GOAL}"
# A check that ends when it is told to.
SLOW = {**FILES, "check.sh": "#!/bin/sh\n[ -e farewell.txt ] || exit 0\nuntil [ -e .git/go ]; do sleep 0.05; done\n"}


class Held:
    """An actor that thinks until it is freed."""

    def __init__(self, actor: Actor) -> None:
        self.actor, self.free = actor, threading.Event()

    def __call__(self, heard: Heard) -> Conversation:
        self.free.wait(60)
        yield from self.actor(heard)


def lines(stage: Stage) -> list[bytes]:
    with open(stage.run_store().journal, "rb") as file:
        return file.read().splitlines()


def crash(stage: Stage, client: Headless, role: str) -> list[bytes]:
    """Kill the client while the model of *role* is thinking; gives the journal as it was acknowledged then."""
    stage.model.wait_for(lambda request: request.kind == "agent" and MARKS[role] in request.system)
    client.kill9()
    return lines(stage)


def goes_on_to_its_end(stage: Stage, before: list[bytes]) -> None:
    """The run is done, on top of everything that was in the journal before."""
    assert stage.status() == "completed"
    assert len(before) > 3
    assert lines(stage)[: len(before)] == before
    assert (stage.project / "farewell.txt").exists()


def digest(stage: Stage) -> str:
    (asked,) = stage.events("approval_requested")
    return str(asked["digest"])


@pytest.mark.long
def test_while_the_planner_works(set_stage: SetStage, place: Path) -> None:
    planner = Held(good_planner)
    stage = set_stage("2.1.329", cast(place, planner=planner), FILES, mode="auto")
    before = crash(stage, Headless(stage.world, BUILD), "planner")
    planner.free.set()
    stage.approved("/fermata:resume")
    goes_on_to_its_end(stage, before)
    assert [body["id"] for body in stage.events("dispatch_failed")] == ["d-001"]


@pytest.mark.parametrize("version", [pytest.param("2.1.329", marks=pytest.mark.long), "2.1.197"])
def test_while_the_gate_is_open(set_stage: SetStage, place: Path, version: str) -> None:
    stage = set_stage(version, cast(place), FILES, mode="default")
    terminal = stage.terminal()
    terminal.submit(BUILD)
    terminal.wait_for_text(ASKED)
    terminal.kill9()
    before = lines(stage)
    terminal = stage.terminal("--resume", str(stage.run_store().load()["session"]))
    terminal.submit("go on")
    terminal.wait_until(lambda screen: screen.rfind(ASKED) > screen.rfind("go on") > 0, "the question again")
    terminal.wait_quiet(1.2)
    terminal.press("2")
    terminal.wait_for_text("DONE: the run is complete", 60)
    goes_on_to_its_end(stage, before)


@pytest.mark.long  # every day `fermata rehearse` is played, in which a builder's client is killed, too
@pytest.mark.parametrize("version", ["2.1.329", "2.1.197"])
def test_while_the_builder_works(set_stage: SetStage, place: Path, version: str) -> None:
    """And the same session is resumed, without a word of fermata's."""
    builder = Held(good_builder(place))
    stage = set_stage(version, cast(place, builder=builder), FILES, mode="default")
    stage.headless(BUILD)
    operator = replace(stage.world, env={**stage.world.env, "FERMATA_APPROVE": digest(stage)})
    before = crash(stage, Headless(operator, "/fermata:resume"), "builder")
    builder.free.set()
    run_headless(stage.world, "go on", resume=str(stage.run_store().load()["session"]))
    goes_on_to_its_end(stage, before)
    assert [body["id"] for body in stage.events("dispatch_failed")] == ["d-002"]


@pytest.mark.parametrize(
    "check_dies_too",
    [
        pytest.param(False, id="the-check-lives-on"),
        pytest.param(True, id="the-check-dies-too", marks=pytest.mark.long),
    ],
)
def test_while_a_check_runs(set_stage: SetStage, place: Path, check_dies_too: bool) -> None:
    stage = set_stage("2.1.329", cast(place), SLOW, mode="auto")
    stage.headless(BUILD)
    operator = replace(stage.world, env={**stage.world.env, "FERMATA_APPROVE": digest(stage)})
    asked_before = len(stage.model.requests)
    client = Headless(operator, "/fermata:resume")
    # By then the command that started the check has ended: a shell that dies takes along what it is starting.
    stage.model.wait_for(
        lambda r: r.seq > asked_before and any("fermata is running sound" in result.text for result in r.results)
    )
    client.kill9()
    before = lines(stage)
    if check_dies_too:
        end_check(stage, "c-002")
    (place / ".git" / "go").touch()
    stage.headless("/fermata:resume")
    goes_on_to_its_end(stage, before)
    outcomes = {str(body["id"]): body["outcome"] for body in stage.events("check_finished")}
    assert outcomes["c-002"] == ("lost" if check_dies_too else "green")
    assert outcomes["c-003"] == "green"


def end_check(stage: Stage, name: str) -> None:
    """End the supervisor of a check and all it started, as a crash of the whole machine would."""
    folder = str(stage.run_store().path("checks"))
    listing = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    found = [row for row in listing.splitlines() if folder in row and f" {name} " in row and "supervisor.py" in row]
    assert found
    for row in found:  # more than one while it is starting a program
        end_group(int(row.split()[0]))
