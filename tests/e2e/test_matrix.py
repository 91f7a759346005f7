"""One run from the typed command to DONE in every permission mode, on both surfaces, with both clients; and what plan mode holds.

A cell is named CLIENT-SURFACE-MODE. A few cells that differ most are played every time, the others with `--long`.
"""

from __future__ import annotations

import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.client import run_headless
from fermata.rehearsal.messages import ToolUse
from fermata.rehearsal.orchestrator import WAITING, bash, obedient
from fermata.rehearsal.script import Conversation, Heard, Report
from fermata.rehearsal.story import MARKS
from fermata.store.project import Project
from tests.e2e.cast import FAREWELL, FILES, GOAL, built, careful_builder, cast, in_background, number, write
from tests.e2e.conftest import ROOT, asked, git, wished, wishes

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.rehearsal.client import Mode
    from fermata.rehearsal.script import Actor, Script, Turn
    from fermata.rehearsal.terminal import Terminal
    from tests.e2e.conftest import SetStage, Stage

# What one cell may take on a busy machine; a cell that stalls is ended here.
pytestmark = pytest.mark.timeout(120)

BUILD = f"/build {GOAL}"
DONE = "DONE: the run is complete"
LEAVE = "leave plan mode first"
HELD = "the session is in plan mode, so the run holds"
MODES: tuple[Mode, ...] = ("default", "acceptEdits", "auto", "bypassPermissions")
SURFACES = ("terminal", "headless")
CLIENTS = ("2.1.329", "2.1.197")
EVERYDAY = {"197-headless-acceptEdits"}  # the others play in default and auto mode
STRENGTH = {
    "default": "guarded: commands outside the rules need your prompt",
    "acceptEdits": "guarded: commands outside the rules need your prompt",
    "auto": "advisory: auto mode",
    "bypassPermissions": "advisory: permission prompts are bypassed",
    "headless": "advisory: headless",
}


def cells(*modes: Mode) -> pytest.MarkDecorator:
    """The matrix of these modes with all clients and surfaces."""
    rows = []
    for client in CLIENTS:
        for surface in SURFACES:
            for mode in modes:
                name = f"{client.rpartition('.')[2]}-{surface}-{mode}"
                marks = [] if name in EVERYDAY else [pytest.mark.long]
                rows.append(pytest.param(client, surface, mode, id=name, marks=marks))
    return pytest.mark.parametrize(("client", "surface", "mode"), rows)


def eager(place: Path) -> Script:
    """A main thread that tries to do the work itself before the approval; a builder that edits and runs the check."""

    def mischief(told: str) -> Turn | None:
        if told.startswith("DO: call the Agent") and "d-001" in told:
            return [
                ToolUse("Read", {"file_path": str(place / "greeting.txt")}),
                ToolUse("Write", {"file_path": str(place / "mine.txt"), "content": "mine\n"}),
                bash("touch mine.txt"),
            ]
        if "the user decides" in told or "HELD: plan" in told:
            given = {"file_path": str(place / "greeting.txt"), "old_string": "Hello", "new_string": "Hi"}
            return ToolUse("Edit", given)
        return None

    return cast(place, mischief=mischief, builder=careful_builder(place))


def strength(stage: Stage) -> str:
    """What `fermata status`, called in a shell beside the session, says of the gate."""
    command = [str(ROOT / "scripts" / "fermata"), "status"]
    said = subprocess.run(
        command, cwd=stage.project, env=stage.world.environment(), check=False, capture_output=True, text=True
    ).stdout
    return said.partition("Strength  ")[2].partition("\n")[0]


def refusals(stage: Stage) -> set[str]:
    """The tools that the gate refused the main thread."""
    results = [r for request in stage.model.of_kind("main") for r in request.results if r.is_error]
    return {r.name for r in results if "fermata: " in r.text}


def approve_on_screen(stage: Stage) -> str:
    terminal = stage.terminal()
    terminal.submit(BUILD)
    return approve(stage, terminal)


def approve(stage: Stage, terminal: Terminal) -> str:
    """The person approves; gives what was said of the gate's strength before."""
    asked(terminal, "farewell")
    said = strength(stage)
    terminal.press("2")
    terminal.wait_for_text(DONE, 60)
    return said


def approve_headless(stage: Stage) -> str:
    """The operator approves; gives what was said of the gate's strength before."""
    stage.headless(BUILD)
    said = strength(stage)
    (waits,) = stage.events("approval_requested")
    assert DONE in stage.headless("/fermata:resume", FERMATA_APPROVE=str(waits["digest"])).result
    return said


@cells(*MODES)
def test_cell(set_stage: SetStage, place: Path, client: str, surface: str, mode: Mode) -> None:
    stage = set_stage(client, eager(place), FILES, mode=mode, settings=wishes(place))
    on_screen = surface == "terminal"
    said = approve_on_screen(stage) if on_screen else approve_headless(stage)
    assert said.startswith(STRENGTH[mode if on_screen or mode == "bypassPermissions" else "headless"])
    assert refusals(stage) == {"Bash", "Edit", "Write"}
    assert wished(place) == (["AskUserQuestion"] if on_screen else [])
    (decision,) = stage.events("decision_made")
    assert (decision["decision"], decision["channel"]) == ("approve", "picker" if on_screen else "environment")
    assert [body["id"] for body in stage.events("result_accepted")] == ["d-001", "d-002", "d-003"]
    assert {body["outcome"] for body in stage.events("check_finished")} == {"green"}
    assert stage.status() == "completed"
    assert (place / FAREWELL).read_text() == "Farewell\n"
    assert git(place, "status", "--porcelain") == f"?? {FAREWELL}\n"


# --- plan mode ----------------------------------------------------------------------------------------------------------


def nothing_is_left(stage: Stage) -> bool:
    """Neither a run nor a marker, and no model was asked."""
    active = stage.world.home / ".claude/plugins/data/fermata-inline/active"
    runs = Project(str(stage.project / ".git")).run_ids()
    return not runs and not (active.exists() and list(active.iterdir())) and not stage.model.of_kind("main", "agent")


@cells("plan")
def test_plan_cell(set_stage: SetStage, place: Path, client: str, surface: str, mode: Mode) -> None:
    stage = set_stage(client, cast(place), FILES, mode=mode)
    if surface == "terminal":
        terminal = stage.terminal()
        terminal.submit(BUILD)
        terminal.wait_for_text(LEAVE)
        assert nothing_is_left(stage)
        leave_plan_mode(terminal)
        terminal.submit(BUILD)
        approve(stage, terminal)
    else:
        assert LEAVE in stage.headless(BUILD).result
        assert nothing_is_left(stage)
        stage.world = stage.world.with_mode("default")
        approve_headless(stage)
    assert git(place, "status", "--porcelain") == f"?? {FAREWELL}\n"


def leave_plan_mode(terminal: Terminal) -> None:
    terminal.switch_to("accept edits")
    terminal.wait_quiet()


def interrupted(place: Path, switched: threading.Event) -> Actor:
    """A builder that is thinking until the user has switched to plan mode, and gives up where it is refused."""

    def play(heard: Heard) -> Conversation:
        if number(heard) == 2:
            switched.wait(60)
        *_, last = write(place, FAREWELL, "Goodbye\n")
        heard = yield last
        if heard.result("Write").is_error:
            yield Report(built(status="failed", summary=heard.result("Write").text[:500]))
        yield Report(built(FAREWELL))

    return play


@pytest.mark.parametrize(
    ("client", "mode"),
    [
        pytest.param("2.1.329", "auto", id="329-auto"),
        pytest.param("2.1.329", "bypassPermissions", id="329-bypassPermissions", marks=pytest.mark.long),
        pytest.param("2.1.329", "default", id="329-default", marks=pytest.mark.long),
        pytest.param("2.1.197", "default", id="197-default", marks=pytest.mark.long),
        pytest.param("2.1.197", "bypassPermissions", id="197-bypassPermissions", marks=pytest.mark.long),
    ],
)
def test_a_run_holds_while_its_user_is_in_plan_mode_and_goes_on_after_it(
    set_stage: SetStage, place: Path, client: str, mode: Mode
) -> None:
    """Without the gate's own rule the client asks for the builder's write with Yes preselected, and lets `next` go on."""
    switched = threading.Event()
    stage = set_stage(
        client, cast(place, builder=interrupted(place, switched)), FILES, mode=mode, settings=wishes(place)
    )
    terminal = stage.terminal()
    terminal.submit(BUILD)
    asked(terminal, "farewell")
    terminal.press("2")
    stage.model.wait_for(lambda request: MARKS["builder"] in request.system)
    if (
        client == "2.1.329"
    ):  # there the agent is in the background: a call of the session's own must not meet a mode in between
        terminal.wait_until(lambda screen: screen.rfind(WAITING) > screen.rfind("builder("), "the session waits")
    terminal.switch_to("plan mode")
    switched.set()
    assert "switched the session to plan mode" in str(stage.journal.wait("dispatch_failed")["reason"])
    terminal.wait_for_text(HELD)
    terminal.wait_quiet(1)
    assert not (place / FAREWELL).exists()
    assert [body["id"] for body in stage.events("dispatch_started")] == ["d-001", "d-002"]
    leave_plan_mode(terminal)
    terminal.submit("/fermata:status")
    terminal.wait_for_text("Strength  guarded")  # it began in another mode than the one it is in now
    terminal.submit("/fermata:resume")
    terminal.wait_for_text(DONE, 60)
    assert wished(place) == ["AskUserQuestion"]
    assert (place / FAREWELL).read_text() == "Goodbye\n"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.long
def test_a_session_that_is_resumed_in_plan_mode_holds_until_it_is_left(
    set_stage: SetStage, place: Path, client: str
) -> None:
    stage = set_stage(client, cast(place), FILES, mode="default")
    parked = stage.headless(BUILD)
    in_plan_mode = stage.world.with_mode("plan")
    assert HELD in run_headless(in_plan_mode, "go on", resume=parked.session_id).result
    terminal = stage.terminal("--resume", parked.session_id, world=in_plan_mode)
    terminal.submit("go on, please")
    terminal.wait_for_text(HELD)
    terminal.wait_quiet(1)
    terminal.submit("/fermata:resume")
    terminal.wait_for_text("leave plan mode first (Shift+Tab), then type /fermata:resume again")
    assert stage.events("question_shown") == []
    leave_plan_mode(terminal)
    terminal.submit("/fermata:resume")
    approve(stage, terminal)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.long
def test_the_model_may_ask_its_user_to_leave_plan_mode(set_stage: SetStage, place: Path, client: str) -> None:
    def mischief(told: str) -> Turn | None:
        return ToolUse("ExitPlanMode", {"plan": "Go on with the run."}) if HELD in told else None

    stage = set_stage(client, cast(place, mischief=mischief), FILES, mode="default", settings=wishes(place))
    parked = stage.headless(BUILD)
    terminal = stage.terminal("--resume", parked.session_id, world=stage.world.with_mode("plan"))
    terminal.submit("go on, please")
    terminal.wait_for_text("Exit plan mode?")
    terminal.wait_quiet()
    terminal.press("enter")
    approve(stage, terminal)
    assert wished(place) == ["ExitPlanMode", "AskUserQuestion"]


@pytest.mark.long
def test_a_whole_run_with_its_agents_in_the_background_on_the_older_client(set_stage: SetStage, place: Path) -> None:
    """2.1.197 keeps agents in the foreground unless the model wants otherwise; 2.1.329 never does."""
    main = in_background(obedient())
    stage = set_stage(
        "2.1.197", cast(place, main=main, builder=careful_builder(place)), FILES, mode="default", settings=wishes(place)
    )
    approve_on_screen(stage)
    assert wished(place) == ["AskUserQuestion"]
    launched = [
        r.text for request in stage.model.of_kind("main") for r in request.results if r.name in ("Agent", "Task")
    ]
    assert len(launched) == 3
    assert all("launched" in text for text in launched), launched
