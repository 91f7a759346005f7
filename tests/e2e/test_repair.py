"""A journal that is damaged while an agent works: the session is held, a person repairs it in a terminal, the run goes on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fermata.rehearsal.play import ASKED
from tests.e2e.cast import FAREWELL, FILES, GOAL, cast, good_builder
from tests.e2e.conftest import ROOT
from tests.e2e.test_crash import Held
from tests.keyboard import in_a_terminal

if TYPE_CHECKING:
    from tests.e2e.conftest import SetStage, Stage

DONE = "DONE: the run is complete"


def damage_the_approval(stage: Stage) -> bytes:
    """Somebody's editor was at the journal: the line of the decision is another one now. Gives the damaged bytes."""
    path = Path(stage.run_store().journal)
    path.write_bytes(path.read_bytes().replace(b'"decision":"approve"', b'"decision": "approve"'))
    return path.read_bytes()


def repaired_by_hand(stage: Stage) -> str:
    """The person types `fermata repair` and y."""
    env = {**stage.world.env, "PATH": os.environ["PATH"], "HOME": str(stage.world.home), "TERM": "xterm"}
    shown, code = in_a_terminal([str(ROOT / "scripts" / "fermata"), "repair"], stage.project, env, "y\r")
    assert code == 0, shown
    return shown


def test_a_damaged_run_is_held_repaired_and_asks_for_approval_again(set_stage: SetStage, place: Path) -> None:
    builder = Held(good_builder(place))
    stage = set_stage("2.1.329", cast(place, builder=builder), FILES, mode="default")
    terminal = stage.terminal()
    terminal.submit(f"/build {GOAL}")
    terminal.wait_for_text(ASKED)
    terminal.wait_quiet(1.2)
    terminal.press("2")
    stage.journal.wait("dispatch_started", lambda body: body["id"] == "d-002")
    bad = damage_the_approval(stage)
    builder.free.set()
    refused = stage.model.wait_for(
        lambda request: any("Write was refused" in result.text for result in request.results)
    )
    (told,) = [result.text for result in refused.results if "Write was refused" in result.text]
    assert "is damaged" in told
    assert f"{ROOT}/scripts/fermata repair" in told
    assert not (place / FAREWELL).exists()
    terminal.submit("/fermata:status")
    terminal.wait_for_text("scripts/fermata repair")
    shown = repaired_by_hand(stage)
    assert "is among what goes: fermata asks you again before anything may change" in shown
    assert "\x1b[31mdamaged" in shown
    (told_of,) = stage.events("repaired")
    assert Path(stage.run_store().path(str(told_of["copy"]))).read_bytes() == bad
    assert not (place / FAREWELL).exists()
    terminal.submit("/fermata:resume")
    terminal.wait_until(lambda screen: screen.rfind(ASKED) > screen.rfind("/fermata:resume") > 0, "the question again")
    terminal.wait_quiet(1.2)
    terminal.press("2")
    terminal.wait_for_text(DONE, 60)
    assert stage.status() == "completed"
    assert (place / FAREWELL).exists()
    assert [body["decision"] for body in stage.events("decision_made")] == ["approve"]
    assert [body["id"] for body in stage.events("dispatch_created")][:2] == ["d-001", "d-003"]
