"""Every way to interrupt a session: the run goes on from where it was, or is parked until a person takes it over."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.client import Headless
from fermata.rehearsal.messages import Answer, ApiError, ToolUse, Usage
from fermata.rehearsal.orchestrator import bash, obedient
from fermata.rehearsal.play import ASKED
from fermata.rehearsal.script import Conversation, Heard, Report
from fermata.rehearsal.story import MARKS
from tests.e2e.cast import FAREWELL, FILES, built, cast, good_builder, good_planner, number, plan, write
from tests.e2e.test_crash import BUILD, SLOW, Held, digest, lines

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.rehearsal.client import Mode
    from fermata.rehearsal.messages import Request
    from fermata.rehearsal.script import Actor
    from fermata.rehearsal.terminal import Terminal
    from tests.e2e.conftest import SetStage, Stage

DONE = "DONE: the run is complete"
WAITS = "I wait for the agents."
FOREGROUND, BACKGROUND = ("2.1.197", "default"), ("2.1.329", "auto")
BOTH = pytest.mark.parametrize(("version", "mode"), [BACKGROUND, FOREGROUND])


class HeldOnce(Held):
    """An actor whose first dispatch thinks until it is freed; the others do not."""

    def __init__(self, actor: Actor, first: int) -> None:
        super().__init__(actor)
        self.first = first

    def __call__(self, heard: Heard) -> Conversation:
        if number(heard) == self.first:
            self.free.wait(60)
        yield from self.actor(heard)


def begun(stage: Stage) -> Terminal:
    terminal = stage.terminal()
    terminal.submit(BUILD)
    return terminal


def approve(terminal: Terminal, after: str = "") -> None:
    """The picker, wherever the text *after* stands above it, and the person's yes."""
    terminal.wait_until(
        lambda screen: ASKED in screen[max(0, screen.rfind(after)) if after else 0 :], f"the question after {after!r}"
    )
    terminal.wait_quiet(1.2)
    terminal.press("2")


def at_work(stage: Stage, terminal: Terminal, role: str, mode: str) -> None:
    """The agent of *role* thinks; in the background, where the mode is auto, and the session is idle then."""

    def wanted(request: Request) -> bool:
        return request.kind == "agent" and MARKS[role] in request.system

    stage.model.wait_for(wanted)
    if mode == "auto":
        terminal.wait_until(lambda screen: screen.rfind(WAITS) > screen.rfind(f"{role}("), "the session waits")
    terminal.wait_until(lambda screen: f"{role}(" in screen, f"the {role} at work")
    stage.journal.wait("dispatch_started", lambda body: body["id"] == ("d-001" if role == "planner" else "d-002"))
    time.sleep(0.3)  # the client draws the call before it listens for keys that are about it


def failed(stage: Stage) -> list[tuple[object, str]]:
    return [(body["id"], str(body["reason"]).partition(":")[0]) for body in stage.events("dispatch_failed")]


def ends_well(stage: Stage, terminal: Terminal, *, decisions: int = 1) -> None:
    """Done, and the human was asked for one yes only."""
    terminal.wait_for_text(DONE, 60)
    assert stage.status() == "completed"
    assert len(stage.events("decision_made")) == decisions
    assert len(stage.events("approval_requested")) == 1
    assert (stage.project / FAREWELL).exists()


# --- Esc and Ctrl-C -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "role", "key"),
    [
        pytest.param(FOREGROUND, "planner", "esc", id="197-planner-esc"),
        pytest.param(FOREGROUND, "builder", "ctrl-c", id="197-builder-ctrl-c", marks=pytest.mark.long),
        pytest.param(BACKGROUND, "planner", "ctrl-c", id="329-planner-ctrl-c", marks=pytest.mark.long),
        pytest.param(BACKGROUND, "builder", "ctrl-c", id="329-builder-ctrl-c", marks=pytest.mark.long),
    ],
)
def test_an_agent_that_the_user_stops_is_offered_again(
    set_stage: SetStage, place: Path, client: tuple[str, Mode], role: str, key: str
) -> None:
    """No hook fires then, on neither client."""
    version, mode = client
    planner, builder = HeldOnce(good_planner, 1), HeldOnce(good_builder(place), 2)
    (builder if role == "planner" else planner).free.set()
    stage = set_stage(version, cast(place, planner=planner, builder=builder), FILES, mode=mode)
    terminal = begun(stage)
    if role == "builder":
        approve(terminal)
    at_work(stage, terminal, role, mode)
    terminal.press(key)
    terminal.wait_for_text("Background agents stopped" if mode == "auto" else "Interrupted")
    before = lines(stage)
    terminal.submit("please go on")
    if role == "planner":
        approve(terminal, "please go on")
    ends_well(stage, terminal)
    assert lines(stage)[: len(before)] == before
    assert failed(stage) == [("d-001" if role == "planner" else "d-002", "interrupted")]
    planner.free.set()
    builder.free.set()


@pytest.mark.long
@BOTH
def test_an_agent_that_is_stopped_in_its_tool_call_is_offered_again(
    set_stage: SetStage, place: Path, version: str, mode: str
) -> None:
    def builder(heard: Heard) -> Conversation:
        if number(heard) == 2:
            yield from write(place, FAREWELL, "Half of it\n")
            yield bash(
                "sleep 1000" if version == "2.1.197" else "tail -f /dev/null"
            )  # each client lets one of them run
        yield from good_builder(place)(heard)

    stage = set_stage(version, cast(place, builder=builder), FILES, mode=mode, settings=ALLOWS_BASH)
    terminal = begun(stage)
    approve(terminal)
    at_work(stage, terminal, "builder", mode)
    stage.model.wait_for(lambda r: r.kind == "agent" and any(x.name == "Write" for x in r.results))
    time.sleep(1)
    terminal.press("ctrl-c" if mode == "auto" else "esc")
    terminal.wait_for_text("Background agents stopped" if mode == "auto" else "Interrupted")
    terminal.submit("please go on")
    ends_well(stage, terminal)
    assert failed(stage) == [("d-002", "interrupted")]
    assert (place / FAREWELL).read_text() == "Goodbye 3\n"


ALLOWS_BASH = {"permissions": {"allow": ["Bash(sleep:*)"]}}


@pytest.mark.long
def test_esc_leaves_an_agent_in_the_background_at_work(set_stage: SetStage, place: Path) -> None:
    builder = Held(good_builder(place))
    stage = set_stage("2.1.329", cast(place, builder=builder), FILES, mode="auto")
    terminal = begun(stage)
    approve(terminal)
    at_work(stage, terminal, "builder", "auto")
    terminal.press("esc")
    builder.free.set()
    ends_well(stage, terminal)
    assert failed(stage) == []


@pytest.mark.long
@BOTH
def test_esc_and_ctrl_c_in_the_picker_decide_nothing(set_stage: SetStage, place: Path, version: str, mode: str) -> None:
    stage = set_stage(version, cast(place), FILES, mode=mode)
    terminal = begun(stage)
    for words, key in (("go on", "esc"), ("once more", "ctrl-c")):
        terminal.wait_for_text("Enter to select")
        terminal.wait_quiet(1.2)
        terminal.press(key)
        if key == "ctrl-c":  # the picker stays, and a second one would end the client
            terminal.press("esc")
        terminal.wait_until(lambda screen: "Enter to select" not in screen, "the picker is gone")
        assert stage.events("decision_made") == []
        terminal.submit(words)
    approve(terminal, "once more")
    ends_well(stage, terminal)


@pytest.mark.long
@pytest.mark.parametrize("key", ["esc", "ctrl-c"])
@BOTH
def test_a_check_outlives_the_command_that_waits_for_it(
    set_stage: SetStage, place: Path, version: str, mode: str, key: str
) -> None:
    stage = set_stage(version, cast(place), SLOW, mode=mode)
    terminal = begun(stage)
    approve(terminal)
    stage.journal.wait("check_started", lambda body: body["id"] == "c-002")
    stage.model.wait_for(lambda r: sum("fermata is running sound" in x.text for x in r.results) > 0 and approved(r))
    time.sleep(1)
    terminal.press(key)
    terminal.wait_for_text("Interrupted")
    (place / ".git" / "go").touch()
    terminal.submit("please go on")
    ends_well(stage, terminal)
    assert {body["id"]: body["outcome"] for body in stage.events("check_finished")}["c-002"] == "green"


def approved(request: Request) -> bool:
    return any(name == "AskUserQuestion" for message in request.messages for _, name in message.calls)


@pytest.mark.long
@BOTH
def test_ctrl_c_twice_ends_the_client_and_resume_goes_on(
    set_stage: SetStage, place: Path, version: str, mode: str
) -> None:
    builder = HeldOnce(good_builder(place), 2)
    stage = set_stage(version, cast(place, builder=builder), FILES, mode=mode)
    terminal = begun(stage)
    approve(terminal)
    at_work(stage, terminal, "builder", mode)
    for _ in range(20):
        terminal.send("ctrl-c")  # the second one counts within a second of the first
        if terminal.ended(0.3):
            break
    assert terminal.ended(5)
    before = lines(stage)
    terminal = stage.terminal("--resume", str(stage.run_store().load()["session"]))
    terminal.submit("go on")
    ends_well(stage, terminal)
    assert lines(stage)[: len(before)] == before
    assert [name for name, _ in failed(stage)] == ["d-002"]
    builder.free.set()


@pytest.mark.long
def test_a_message_meanwhile_disturbs_nothing(set_stage: SetStage, place: Path) -> None:
    builder = Held(good_builder(place))
    stage = set_stage("2.1.329", cast(place, builder=builder), FILES, mode="auto")
    terminal = begun(stage)
    approve(terminal)
    at_work(stage, terminal, "builder", "auto")
    terminal.submit("how is it going?")
    terminal.wait_until(lambda screen: screen.rfind(WAITS) > screen.rfind("how is it going?"), "an answer")
    builder.free.set()
    ends_well(stage, terminal)
    assert failed(stage) == []


# --- compaction -----------------------------------------------------------------------------------------------------------


@pytest.mark.long
@BOTH
def test_compact_between_approval_and_execution(set_stage: SetStage, place: Path, version: str, mode: str) -> None:
    """K-I05: still approved, nothing asked or done again but what Esc broke off."""
    builder = HeldOnce(good_builder(place), 2)
    stage = set_stage(version, cast(place, builder=builder), FILES, mode=mode)
    terminal = begun(stage)
    approve(terminal)
    at_work(stage, terminal, "builder", mode)
    if mode == "default":
        terminal.press("esc")
        terminal.wait_for_text("Interrupted")
    terminal.submit("/compact")
    terminal.wait_for_text("Compacted")
    builder.free.set()
    if mode == "default":
        terminal.submit("go on")
    ends_well(stage, terminal)
    assert facts_were_told(stage)
    assert failed(stage) == ([("d-002", "interrupted")] if mode == "default" else [])


@pytest.mark.long
@BOTH
def test_a_compaction_by_the_client_itself_loses_nothing(
    set_stage: SetStage, place: Path, version: str, mode: str
) -> None:
    """The session remembers nothing but the client's summary and what the hook tells it."""

    def main(heard: Heard) -> Conversation:
        fresh, play = not heard.compacted, obedient()(heard)
        turn = next(play)
        while True:
            heard = yield turn
            turn = play.send(heard)
            if fresh and isinstance(turn, ToolUse) and any(x.name == "AskUserQuestion" for x in heard.results):
                turn = Answer((turn,), Usage(input=98_000))

    env = {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "100000"}
    stage = set_stage(version, cast(place, main=main), FILES, mode=mode, env=env)
    terminal = begun(stage)
    approve(terminal)
    ends_well(stage, terminal)
    assert stage.model.of_kind("compaction")
    assert facts_were_told(stage)
    assert failed(stage) == []


def facts_were_told(stage: Stage) -> bool:
    told = [m.context for r in stage.model.of_kind("main") for m in r.messages if "Go on with:" in m.context]
    return any("The gate is open for plan" in text for text in told)


# --- other sessions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "mode"), [pytest.param(*BACKGROUND), pytest.param(*FOREGROUND, marks=pytest.mark.long)]
)
def test_clear_parks_the_run_and_its_agents_may_not_write(
    set_stage: SetStage, place: Path, version: str, mode: str
) -> None:
    """2.1.329 lets background agents live on, under the name of the session that follows."""

    def builder(heard: Heard) -> Conversation:
        if number(heard) == 2:
            free.free.wait(60)
            yield ToolUse("Write", {"file_path": str(place / FAREWELL), "content": "too late\n"})
            yield bash("echo too late > farewell.txt")
            yield Report(built(FAREWELL))
        yield from good_builder(place)(heard)

    def main(heard: Heard) -> Conversation:
        while "fermata:build" not in heard.text and "fermata:resume" not in heard.text:
            heard = yield "I do not know of any run."
        yield from obedient()(heard)

    free = Held(good_planner)
    stage = set_stage(version, cast(place, main=main, builder=builder), FILES, mode=mode)
    terminal = begun(stage)
    approve(terminal)
    at_work(stage, terminal, "builder", mode)
    if mode == "default":
        terminal.press("esc")
        terminal.wait_for_text("Interrupted")
    terminal.submit("/clear")
    terminal.wait_for_text("/fermata:resume takes it over")
    before = lines(stage)
    free.free.set()
    if mode == "auto":
        stage.model.wait_for(late)
        refused = [x.text for r in stage.model.of_kind("agent") for x in r.results if x.is_error]
        assert len(refused) == 2
        assert all("fermata" in text for text in refused)
        terminal.wait_for_text("I do not know of any run.")
    assert not (place / FAREWELL).exists()
    assert lines(stage) == before
    terminal.submit("/fermata:resume")
    ends_well(stage, terminal)
    assert failed(stage) == [("d-002", "lost")]
    assert (place / FAREWELL).read_text() == "Goodbye 3\n"


def late(request: Request) -> bool:
    """The session that follows is woken by the agent of the one before."""
    return request.kind == "main" and "<agent-message" in request.last


@pytest.mark.long
@BOTH
def test_a_fork_drives_nothing_until_its_user_takes_the_run_over(
    set_stage: SetStage, place: Path, version: str, mode: str
) -> None:
    stage = set_stage(version, cast(place), FILES, mode=mode)
    terminal = begun(stage)
    terminal.wait_for_text(ASKED)
    terminal.kill9()
    before = lines(stage)
    session = str(stage.run_store().load()["session"])
    fork = stage.terminal("--resume", session, "--fork-session")
    if version == "2.1.329":  # the other client names the session it forks from at its start, and its own only later
        fork.wait_for_text("/fermata:resume takes it over")
        fork.submit("go on")
        fork.wait_for_text("this session drives no run")
        assert lines(stage) == before
        fork.wait_quiet()
    fork.submit("/fermata:resume")
    approve(fork, "/fermata:resume")
    ends_well(stage, fork)
    assert stage.events("lease_taken")[-1]["session"] != session


# --- the API refuses, or an agent never answers -----------------------------------------------------------------------------

ONE_TRY = {"CLAUDE_CODE_MAX_RETRIES": "0"}
RATE_LIMIT = ApiError(429, "rate_limit_error", "This request would exceed your account's rate limit.", times=99)


@pytest.mark.long  # every day test_every_workflow.py plays its rate limit
@BOTH
def test_a_rate_limit_spends_one_dispatch_and_waits_for_the_user(
    set_stage: SetStage, place: Path, version: str, mode: str
) -> None:
    def planner(heard: Heard) -> Conversation:
        if number(heard) == 1:
            yield RATE_LIMIT
        yield Report(plan())

    stage = set_stage(version, cast(place, planner=planner), FILES, mode=mode, env=ONE_TRY)
    told = stage.headless(BUILD).result
    assert "the API refuses work for now" in told
    assert "429" in told
    assert "/fermata:resume" in told
    assert [name for name, _ in failed(stage)] == ["d-001"]
    assert len(stage.model.of_kind("agent")) == 1
    shown = stage.headless("/fermata:status").result
    assert "waiting" in shown
    assert "the API refuses work for now" in shown
    stage.approved("/fermata:resume")
    assert stage.status() == "completed"
    assert len(stage.events("dispatch_failed")) == 1


@pytest.mark.long
@BOTH
def test_a_rate_limit_of_the_session_itself_is_told_and_go_on_goes_on(
    set_stage: SetStage, place: Path, version: str, mode: str
) -> None:
    def main(heard: Heard) -> Conversation:
        play = obedient()(heard)
        turn = next(play)
        first = True
        while True:
            heard = yield turn
            turn = play.send(heard)
            if first and isinstance(turn, ToolUse) and turn.name == "AskUserQuestion":
                first = False
                yield replace(RATE_LIMIT, times=1)

    stage = set_stage(version, cast(place, main=main), FILES, mode=mode, env=ONE_TRY)
    terminal = begun(stage)
    terminal.wait_for_text("Request rejected (429)")
    terminal.wait_quiet()
    terminal.submit("/fermata:status")
    terminal.wait_for_text("Broke off")
    terminal.wait_quiet()
    terminal.submit("go on")
    approve(terminal, "go on")
    ends_well(stage, terminal)
    assert failed(stage) == []


@pytest.mark.long
def test_an_agent_that_never_answers_is_given_up_and_its_late_work_refused(set_stage: SetStage, place: Path) -> None:
    builder = HeldOnce(good_builder(place), 2)
    stage = set_stage("2.1.329", cast(place, builder=builder), FILES, mode="auto")
    terminal = begun(stage)
    approve(terminal)
    at_work(stage, terminal, "builder", "auto")
    transcript = stage.run_store().load()["dispatches"]["d-002"]["transcript"]
    long_ago = time.time() - 16 * 60
    os.utime(transcript, (long_ago, long_ago))
    terminal.submit("is it still at it?")
    ends_well(stage, terminal)
    assert failed(stage) == [("d-002", "lost")]
    builder.free.set()
    stage.model.wait_for(lambda r: r.kind == "agent" and any("d-002 only reads" in x.text for x in r.results))
    assert (place / FAREWELL).read_text() == "Goodbye 3\n"


# --- a change by hand -------------------------------------------------------------------------------------------------------


@pytest.mark.long
@BOTH
def test_a_file_that_the_user_edits_meanwhile_is_shown_and_stays(
    set_stage: SetStage, place: Path, version: str, mode: str
) -> None:
    def works(_heard: Heard) -> Conversation:
        yield from write(place, FAREWELL, "Goodbye\n")
        heard = yield Report(built(FAREWELL))
        words = heard.text + "".join(result.text for result in heard.results)
        yield Report(built(FAREWELL, unexplained=["greeting.txt"]) if "under `unexplained`" in words else words)

    builder = Held(works)
    stage = set_stage(version, cast(place, builder=builder), FILES, mode=mode)
    stage.headless(BUILD)
    operator = replace(stage.world, env={**stage.world.env, "FERMATA_APPROVE": digest(stage)})
    client = Headless(operator, "/fermata:resume")
    stage.model.wait_for(lambda r: r.kind == "agent" and MARKS["builder"] in r.system)
    (place / "greeting.txt").write_text("Hello, by hand\n")
    builder.free.set()
    told = client.wait().result
    assert "greeting.txt changed during d-002, and not by its agent" in told
    assert stage.run_store().load()["status"] == "waiting"
    stage.headless("/fermata:resume")
    assert stage.status() == "completed"
    assert (place / "greeting.txt").read_text() == "Hello, by hand\n"
    assert [body["id"] for body in stage.events("dispatch_created")] == ["d-001", "d-002", "d-003"]
