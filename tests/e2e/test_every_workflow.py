"""Every workflow under every disturbance, on the real client: the run goes on, or waits and says why, and nothing is lost.

The workflows are those of the definitions folder, and what has to come of a disturbance is read from the definition, so
that a new workflow is played without a word here. A cell is named WORKFLOW-DISTURBANCE-CLIENT; a few are played every
time, the others with `--long`.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pytest
from _pytest.mark import ParameterSet

from fermata.core.board_rules import set_status
from fermata.core.contract import plans
from fermata.core.recovery import STRIKES
from fermata.core.workflow import ABORT, DEFAULT_TRIES, FAILED, GIVEN, TASKS, stage_named, target, walk, wants
from fermata.definitions.names import workflow_names
from fermata.definitions.workflow_files import load_workflow
from fermata.rehearsal.play import ASKED
from fermata.rehearsal.script import Conversation, Heard
from fermata.store.project import Project
from tests.e2e.cast import FAREWELL, FILES, GOAL
from tests.e2e.conftest import ROOT, git
from tests.e2e.test_crash import Held, lines
from tests.e2e.test_interruptions import DONE, ONE_TRY, RATE_LIMIT, facts_were_told, failed
from tests.e2e.test_tasks import with_tasks
from tests.e2e.troupe import SCHEMA, Part, Troupe, actors, gives_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fermata.core.records import Stage as Node
    from fermata.core.records import Workflow
    from fermata.rehearsal.client import Mode, Outcome
    from fermata.rehearsal.script import Actor
    from fermata.rehearsal.terminal import Terminal
    from tests.e2e.conftest import SetStage, Stage

pytestmark = pytest.mark.timeout(180)

CLIENTS: dict[str, tuple[str, Mode]] = {"329": ("2.1.329", "auto"), "197": ("2.1.197", "default")}
ABORT_KEY, APPROVE, RECON = "1", "2", "4"
BLOCKER = "The printer is on fire."


# --- what the definition says ---------------------------------------------------------------------------------------------


@cache
def defined(name: str) -> Workflow:
    return load_workflow(name, "/nowhere")[0]


def gate_way(name: str, decision: str) -> str:
    """Where an answer at the gate leads: a stage's id, or `abort`."""
    stages = defined(name)["stages"]
    gate = next(stage for stage in stages if stage["kind"] == "gate")
    return str(target(stages, gate, decision))


def first_writer(name: str) -> tuple[list[Node], Node]:
    """The first stage that writes whatever the step is, with its siblings."""
    writers = (found for found in walk(defined(name)["stages"]) if found[1].get("access") == "write")
    return next(found for found in writers if "when" not in found[1])


def failed_way(name: str) -> str | None:
    """Where work goes that its first writers failed at for good; None where a human is asked."""
    siblings, writer = first_writer(name)
    if FAILED in writer.get("on", {}):
        return target(siblings, writer, FAILED)
    stages = defined(name)["stages"]
    outer = next((stage for stage in stages if writer in stage.get("stages", [])), None)
    return target(stages, outer, FAILED) if outer and FAILED in outer.get("on", {}) else None


# --- a play ---------------------------------------------------------------------------------------------------------------


@dataclass
class Play:
    """One workflow on its stage, with what every disturbance needs of it."""

    stage: Stage
    workflow: str
    mode: Mode
    held: Held

    @property
    def prompt(self) -> str:
        return f"/orchestrate {self.workflow}: {'t-000001' if wants(defined(self.workflow), TASKS) else GOAL}"

    def take_up_again(self) -> None:
        """A person opens the task that the aborted run has blocked; nobody does so within the second of the abort."""
        if wants(defined(self.workflow), TASKS):
            time.sleep(1.1)  # the board's times are whole seconds
            Project(str(self.stage.project / ".git")).board().act("person", lambda now: set_status(now, "1", "TODO"))

    def begin(self) -> Terminal:
        terminal = self.stage.terminal()
        terminal.submit(self.prompt)
        return terminal

    def choose(self, terminal: Terminal, *keys: str, question: int = 1) -> None:
        """A person answers the *question*-th picker of this run."""
        self.wait(terminal, lambda: len(self.stage.events("question_shown")) == question, f"question {question}", 60)
        terminal.wait_until(lambda screen: "Enter to select" in screen.rpartition(ASKED)[2], "the picker")
        terminal.wait_quiet(1.2)
        terminal.press(*keys)

    def wait(self, terminal: Terminal, seen: Callable[[], bool], what: str, seconds: float) -> None:
        terminal.wait_until(lambda _screen: _is_there(seen), what, seconds)

    def writer_at_work(self, terminal: Terminal) -> str:
        """Wait until the first writing agent thinks; gives its dispatch."""
        name = str(self.stage.journal.wait("dispatch_created", lambda body: body["access"] == "write")["id"])
        self.stage.journal.wait("dispatch_started", lambda body: body["id"] == name)
        self.stage.model.wait_for(lambda r: r.kind == "agent" and f": {name}\n" in f"{r.first}\n"[:80])
        called = f"({name} "
        terminal.wait_until(lambda screen: called in screen, f"{name} at work")
        if self.mode == "auto":  # it is in the background, and the session has ended its turn
            idle = re.compile(
                r"Waiting for \d+ background agent"
            )  # until then a key is for the turn and not for the agent
            terminal.wait_until(lambda screen: bool(idle.search(screen.rpartition(called)[2])), "the session waits")
        time.sleep(0.3)  # the client draws the call before it listens for keys that are about it
        return name

    def dispatched(self, node: str) -> list[str]:
        """The dispatches made for the stage *node*, or for what it repeats."""
        made = self.stage.events("dispatch_created")
        return [str(body["id"]) for body in made if re.split(r"[./~]", str(body["node"]))[0] == node]

    def ends_well(self, terminal: Terminal | None = None, *, decisions: int = 1) -> None:
        if terminal:
            terminal.wait_for_text(DONE, 90)
        assert self.stage.status() == "completed"
        assert len(self.stage.events("decision_made")) == decisions
        assert (self.stage.project / FAREWELL).exists()

    def waits(self, said: Outcome, why: str) -> None:
        """The run waits for *why*, and the session told its user so, with both ways on."""
        run = self.stage.run_store().load()
        assert run["status"] == "waiting"
        assert run["waiting"]
        assert why in run["waiting"]["why"]
        for words in (why, "/fermata:resume", "/fermata:abort"):
            assert words in said.result


def _is_there(seen: Callable[[], bool]) -> bool:
    try:
        return seen()
    except ValueError:  # no run yet
        return False


def on_first_writer(actor: Callable[[str], Actor], times: int = 1) -> Callable[[Part], Actor | None]:
    return lambda part: actor(part.schema) if part.writes and part.nth < times else None


# --- the disturbances -------------------------------------------------------------------------------------------------------


def an_agent_never_answers(play: Play) -> None:
    terminal = play.begin()
    play.choose(terminal, APPROVE)
    name = play.writer_at_work(terminal)
    long_ago = time.time() - 16 * 60
    os.utime(play.stage.run_store().load()["dispatches"][name]["transcript"], (long_ago, long_ago))
    terminal.submit("is it still at it?")
    play.ends_well(terminal)
    assert failed(play.stage) == [(name, "lost")]


def the_api_refuses_work(play: Play) -> None:
    told = play.stage.approved(play.prompt)
    play.waits(told, "the API refuses work for now")
    assert len(failed(play.stage)) == 1
    play.stage.headless("/fermata:resume")
    play.ends_well()
    assert len(failed(play.stage)) == 1


def a_ceiling_is_reached(play: Play) -> None:
    """Each time the user says go on, as much again is granted: so the run comes to its end in the end."""
    limit = next(name for name in ("tokens", "dispatches") if f"limits: {{{name}" in _config(play))
    told, waited = play.stage.headless(play.prompt), 0
    for _ in range(15):
        run = play.stage.run_store().load()
        if run["status"] == "completed":
            break
        if run["waiting"]:
            play.waits(told, f"limits.{limit}")
            waited += 1
        asked = [str(body["digest"]) for body in play.stage.events("approval_requested")]
        told = play.stage.headless("/fermata:resume", **({"FERMATA_APPROVE": asked[-1]} if asked else {}))
    play.ends_well()
    assert waited
    assert failed(play.stage) == []


def _config(play: Play) -> str:
    return (play.stage.project / ".fermata/config.yaml").read_text()


def the_user_aborts_and_builds_again(play: Play) -> None:
    terminal = play.begin()
    play.choose(terminal, ABORT_KEY)
    terminal.wait_for_text("ABORTED: the run has ended")
    assert play.stage.status() == "aborted"
    assert git(play.stage.project, "status", "--porcelain") == ""
    terminal.wait_quiet(1)
    play.take_up_again()
    terminal.submit(play.prompt)
    again = play.prompt.removeprefix("/")  # the first question may have scrolled away
    terminal.wait_until(lambda screen: ASKED in screen.rpartition(again)[2], "the question of the second run", 60)
    terminal.wait_until(lambda screen: "Enter to select" in screen.rpartition(again)[2], "the picker")
    terminal.wait_quiet(1.2)
    terminal.press(APPROVE)
    terminal.wait_for_text(DONE, 90)
    assert _ends(play) == ["aborted", "completed"]


def the_operator_aborts_and_builds_again(play: Play) -> None:
    """Headless, with nothing but what fermata's own words name."""
    play.stage.headless(play.prompt)
    assert "is ended" in play.stage.headless("/fermata:abort").result
    assert _ends(play) == ["aborted"]
    play.take_up_again()
    said = play.stage.headless(play.prompt).result
    way_on = re.search(r"FERMATA_APPROVE=(\w+) claude -p (/fermata:resume)", said)
    assert way_on, said
    assert DONE in play.stage.headless(way_on[2], FERMATA_APPROVE=way_on[1]).result
    assert _ends(play) == ["aborted", "completed"]


def _ends(play: Play) -> list[str]:
    """How the project's runs stand."""
    project = Project(str(play.stage.project / ".git"))
    return sorted(project.run(name).load()["status"] for name in project.run_ids())


def the_user_stops_and_resumes_elsewhere(play: Play) -> None:
    terminal = play.begin()
    play.choose(terminal, "esc")
    terminal.wait_for_text(re.compile("[Dd]eclined to answer"))
    terminal.wait_quiet(1)
    terminal.submit("/fermata:stop")
    terminal.wait_for_text("is parked; nothing is lost")
    before, session = lines(play.stage), play.stage.run_store().load()["session"]
    terminal.kill9()
    terminal = play.stage.terminal()
    assert lines(play.stage) == before
    terminal.submit("/fermata:resume")
    play.choose(terminal, APPROVE, question=2)
    play.ends_well(terminal)
    assert play.stage.run_store().load()["session"] != session
    assert failed(play.stage) == []


def the_user_interrupts_and_compacts(play: Play) -> None:
    terminal = play.begin()
    play.choose(terminal, APPROVE)
    name = play.writer_at_work(terminal)
    terminal.press("ctrl-c" if play.mode == "auto" else "esc")
    terminal.wait_for_text("Background agents stopped" if play.mode == "auto" else "Interrupted")
    terminal.submit("/compact")
    terminal.wait_for_text("Compacted")
    terminal.wait_quiet()
    terminal.submit("go on")
    play.ends_well(terminal)
    assert facts_were_told(play.stage)
    assert failed(play.stage) == [(name, "interrupted")]


def the_client_is_killed(play: Play) -> None:
    terminal = play.begin()
    play.choose(terminal, APPROVE)
    name = play.writer_at_work(terminal)
    terminal.kill9()
    before = lines(play.stage)
    play.held.free.set()
    terminal = play.stage.terminal("--resume", str(play.stage.run_store().load()["session"]))
    terminal.submit("go on")
    play.ends_well(terminal)
    assert lines(play.stage)[: len(before)] == before
    assert failed(play.stage) == [(name, "lost")]


def the_user_wants_a_closer_look(play: Play) -> None:
    _answers_at_the_gate(play, "more_recon", RECON)


def the_user_changes_the_plan(play: Play) -> None:
    words, options = "say it in `Welsh`, too", 2 if given_plan(play.workflow) else 4
    _answers_at_the_gate(play, "modify", *["down"] * options, *words, "enter", words=words)


def _answers_at_the_gate(play: Play, decision: str, *keys: str, words: str = "") -> None:
    """The answer leads where the definition says; there the same agents begin anew, and the user is asked again."""
    terminal, to = play.begin(), gate_way(play.workflow, decision)
    play.choose(terminal, *keys)
    if to == ABORT:
        terminal.wait_for_text("ABORTED: the run has ended")
        assert play.stage.status() == "aborted"
        assert git(play.stage.project, "status", "--porcelain") == ""
        return
    play.choose(terminal, APPROVE, question=2)
    play.ends_well(terminal, decisions=2)
    made = play.dispatched(to)
    anew = made[len(made) // 2 :]
    assert len(made) == 2 * len(stage_named(defined(play.workflow)["stages"], to).get("items", [None]))
    assert all(words in play.stage.brief(name) for name in anew)


def an_agent_gives_up_again_and_again(play: Play) -> None:
    told, to = play.stage.approved(play.prompt), failed_way(play.workflow)
    assert [reason for _, reason in failed(play.stage)] == ["the agent gave up"] * lasting(play.workflow)
    if to is None:
        play.waits(told, "failed with the same error: the agent gave up")
        assert BLOCKER in told.result
        play.stage.headless("/fermata:resume")
    else:
        assert BLOCKER in play.stage.brief(play.dispatched(to)[-1])
    play.ends_well()


@dataclass(frozen=True)
class Disturbance:
    """How to play it, on which clients, with which trouble among the agents and which settings."""

    play: Callable[[Play], None]
    clients: tuple[str, ...] = ("329", "197")
    trouble: Callable[[Held], Callable[[Part], Actor | None]] = lambda _held: lambda _part: None
    settings: str = ""


def holds(held: Held) -> Callable[[Part], Actor | None]:
    return on_first_writer(lambda _schema: held)


def refused(_held: Held) -> Callable[[Part], Actor | None]:
    def dies(_heard: Heard) -> Conversation:
        yield RATE_LIMIT

    return on_first_writer(lambda _schema: dies)


def gives_up_always(_held: Held) -> Callable[[Part], Actor | None]:
    """As often as the stage has tries: which are counted by the definition, in `set_play`."""
    return on_first_writer(gives_up(BLOCKER), 99)


DISTURBANCES = {
    "silent-agent": Disturbance(an_agent_never_answers, ("329",), holds),
    "rate-limit": Disturbance(the_api_refuses_work, trouble=refused),
    "tokens-used-up": Disturbance(a_ceiling_is_reached, ("329",), settings="limits: {tokens: 6000}\n"),
    "dispatches-used-up": Disturbance(a_ceiling_is_reached, ("197",), settings="limits: {dispatches: 1}\n"),
    "abort-and-again": Disturbance(the_user_aborts_and_builds_again),
    "abort-headless": Disturbance(the_operator_aborts_and_builds_again, ("197",)),
    "stop-and-elsewhere": Disturbance(the_user_stops_and_resumes_elsewhere),
    "interrupt-and-compact": Disturbance(the_user_interrupts_and_compacts, trouble=holds),
    "kill": Disturbance(the_client_is_killed, ("329",), holds),
    "closer-look": Disturbance(the_user_wants_a_closer_look, ("329",)),
    "other-plan": Disturbance(the_user_changes_the_plan, ("329",)),
    "gives-up": Disturbance(an_agent_gives_up_again_and_again, ("329",), gives_up_always),
}
EVERYDAY = {"staged-rate-limit-197"}


def lasting(name: str) -> int:
    """How often the first writer's agents fail before something else is done: the same words twice are enough for a new plan."""
    tries, to = first_writer(name)[1].get("tries", DEFAULT_TRIES), failed_way(name)
    anew = to is None or any(s["id"] == to and plans(s) for s in defined(name)["stages"])
    return min(tries, STRIKES) if anew else tries


def given_plan(name: str) -> bool:
    """Whether nobody is there who could look closer or plan anew: the picker offers neither."""
    return any(s.get("plan") in GIVEN for s in defined(name)["stages"])


def counted_before(name: str) -> bool:
    """Whether the agents that are needed are held against limits.dispatches before the gate."""
    return wants(defined(name), TASKS) or any(s.get("result") == "decomposition" for s in defined(name)["stages"])


# A specification has its own stage and its own disturbances: test_conduct.py.
PLAYED = [name for name in workflow_names("/nowhere") if name != "conduct"]


def cells() -> list[ParameterSet]:
    found: list[ParameterSet] = []
    for workflow in PLAYED:
        for disturbance, how in DISTURBANCES.items():
            if "dispatches:" in how.settings and counted_before(workflow):
                continue  # what cannot fit is refused (loop/test_tasks.py)
            if disturbance == "closer-look" and given_plan(workflow):
                continue
            for client in how.clients:
                name = f"{workflow}-{disturbance}-{client}"
                marks = [] if name in EVERYDAY else [pytest.mark.long]
                found.append(pytest.param(workflow, disturbance, client, id=name, marks=marks))
    return found


def test_the_everyday_sample_is_there() -> None:
    names = {f"{w}-{d}-{c}" for w in PLAYED for d, how in DISTURBANCES.items() for c in how.clients}
    assert names >= EVERYDAY


def test_everybody_who_hands_in_has_an_actor(place: Path) -> None:
    schemas = {SCHEMA.search(path.read_text()) for path in (ROOT / "agents").glob("*.md")}
    used = {stage["result"] for name in PLAYED for _, stage in walk(defined(name)["stages"]) if "result" in stage}
    assert {name for found in schemas if found for name in found.groups()} >= used
    assert used <= set(actors(place)), "a new kind of result needs an actor in troupe.py"


@pytest.mark.parametrize(("workflow", "disturbance", "client"), cells())
def test_cell(set_stage: SetStage, place: Path, workflow: str, disturbance: str, client: str) -> None:
    how, (version, mode) = DISTURBANCES[disturbance], CLIENTS[client]
    held = Held(lambda heard: actors(place)["stage" if '"stageName"' in heard.text else "build"](heard))
    trouble = how.trouble(held)
    times = lasting(workflow)
    troupe = Troupe(place, lambda part: trouble(part) if part.nth < times else None)
    config = FILES[".fermata/config.yaml"] + "waive: false\n" + how.settings
    stage = set_stage(version, troupe, {**FILES, ".fermata/config.yaml": config}, mode=mode, env=ONE_TRY)
    if wants(defined(workflow), TASKS):
        with_tasks(stage, FAREWELL.removesuffix(".txt"))
    try:
        how.play(Play(stage, workflow, mode, held))
    finally:
        held.free.set()
