"""A run on the real client is stuck; a person rolls it back in a terminal, and it goes on to the end from there."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.script import Conversation, Heard, Report
from tests.e2e.cast import FAREWELL, FILES, built, cast, number, plan, verdict, write
from tests.e2e.conftest import ROOT
from tests.e2e.test_recovery import DONE, begun, stuck
from tests.keyboard import in_a_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import SetStage, Stage

FRAME = "frame.txt"


def two_steps(_heard: Heard) -> Conversation:
    found = json.loads(plan())
    (step,) = found["steps"]
    yield Report(json.dumps({**found, "steps": [{**step, "title": "A frame", "scope": [FRAME]}, step]}))


def typed(stage: Stage, *words: str) -> str:
    """What a person types in a terminal of their own, and answers with yes."""
    env = {**stage.world.env, "PATH": os.environ["PATH"], "HOME": str(stage.world.home), "TERM": "xterm"}
    shown, code = in_a_terminal([str(ROOT / "scripts" / "fermata"), *words], stage.project, env, "y\r", 30)
    assert code == 0, shown
    return shown


@pytest.mark.long
@pytest.mark.parametrize("version", ["2.1.329", "2.1.197"])
def test_rolled_back_in_the_middle_it_goes_on_to_the_end(set_stage: SetStage, place: Path, version: str) -> None:
    """D25: `fermata rollback` in a terminal, then /fermata:resume."""

    def builder(heard: Heard) -> Conversation:
        if number(heard) == 2:
            yield from write(place, FRAME, "a frame\n")
            yield Report(built(FRAME))
        elif number(heard) in (3, 6):
            yield from write(place, FAREWELL, f"Goodbye {number(heard)}\n")
            yield Report(built(FAREWELL))
        yield Report(built(status="failed", cause="missing", caveats=["this cannot be mended from here"]))

    def reviewer(heard: Heard) -> Conversation:
        yield Report(verdict("reject" if number(heard) == 4 else "approve", "It says it in the wrong way."))

    stage = set_stage(
        version, cast(place, planner=two_steps, builder=builder, reviewer=reviewer), FILES, mode="default"
    )
    terminal = begun(stage, "A frame")
    stuck(terminal, "this cannot be mended from here")
    terminal.press("1")
    terminal.wait_for_text("STOPPED: the run is parked")
    terminal.wait_quiet(1)
    (place / "mine.txt").write_text("mine\n")
    first, second = stage.events("checkpoint_made")
    assert (first["after"], second["after"]) == ("d-002", "d-003")
    shown = typed(stage, "rollback", str(first["id"]))
    assert f"moved aside  {FAREWELL}" in shown
    assert ((place / FRAME).exists(), (place / FAREWELL).exists()) == (True, False)
    terminal.submit("/fermata:resume")
    terminal.wait_for_text(DONE, 60)
    assert stage.status() == "completed"
    assert (place / FAREWELL).read_text() == "Goodbye 6\n"
    assert (place / "mine.txt").read_text() == "mine\n"
    made = [(body["id"], body["node"], body["visit"]) for body in stage.events("dispatch_created")]
    assert made[-2:] == [("d-006", "steps.1/build", 2), ("d-007", "review", 2)]
