"""`fermata rehearse`: directs the story on the real client and shows what happens, as it happens.

Decides whether everything that had to happen did, from the journal, from what the client sent to the scripted model and
from the project's files. Everything plays in a temporary folder; no model is paid and no account is used.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ..core.consultation import line
from .client import Client, Mode, World, make_home, run_headless
from .journal import PATIENCE, Failed, Journal
from .messages import ToolResult
from .model import ScriptedModel
from .story import CHOICES, FILES, GOAL, QUESTION, SHOUT_GOAL, Story
from .terminal import ScreenTimeoutError, Terminal

PLUGIN = Path(__file__).resolve().parents[4]
ASKED = "fermata asks: may the agents carry out this plan?"
REPORT = "FERMATA · approval needed"
FORGERIES = (
    ("AskUserQuestion", "an answer filled in by the model"),
    ("Bash", "a hook of fermata's run by hand"),
    ("Bash", "a nested `claude -p`"),
    ("CronCreate", "a scheduled /fermata:approve"),
)
IDENTITY = {
    "GIT_AUTHOR_NAME": "rehearsal",
    "GIT_AUTHOR_EMAIL": "rehearsal@localhost",
    "GIT_COMMITTER_NAME": "rehearsal",
    "GIT_COMMITTER_EMAIL": "rehearsal@localhost",
}

Say = Callable[[str, str], None]


class Rehearsal:
    """One rehearsal. `say(kind, text)` shows a line: kind is `act`, `scene`, `proof`, `unshown` or `event`."""

    def __init__(self, client: Client, mode: Mode, data_home: str, folder: Path, say: Say) -> None:
        self.client, self.mode, self.folder, self.say = client, mode, folder, say
        self.env = {"XDG_DATA_HOME": data_home}
        self.proofs = 0

    def play(self) -> int:
        """Both acts; gives the number of things proven.

        Raises:
            Failed, ScreenTimeoutError, TimeoutError: it did not happen.
        """
        self.say("act", f"Act 1: in the terminal ({self.mode} mode), with a person at the keyboard")
        self._first_act()
        self.say("act", "Act 2: headless, approved by the operator's environment")
        self._second_act()
        return self.proofs

    # --- act 1 ----------------------------------------------------------------------------------------------------

    def _first_act(self) -> None:
        project = make_project(self.folder / "act 1" / "greeter")
        with self._stage(project) as (world, model, story), Journal(project, self.say) as journal:
            with Terminal(world, log=self.folder / "terminal.log") as terminal:
                ready(terminal)
                self.say("scene", f"the person types: /build {GOAL}")
                terminal.submit(f"/build {GOAL}")
                self._question_round(terminal, journal)
                self._refusals(model, journal)
                self._approval(terminal, journal)
                journal.wait("dispatch_started", lambda e: e["id"] == "d-003")
                terminal.kill9()
                story.crashed.set()
            self._caught(journal)
            self.say("scene", "kill -9: the client is gone in the middle of the second builder's work; claude --resume")
            session = str(journal.store.load()["session"])
            with Terminal(world, "--resume", session, log=self.folder / "terminal-2.log") as terminal:
                ready(terminal)
                terminal.submit("go on")
                self._end(terminal, journal, project)
            fail_on(model.failures)

    def _question_round(self, terminal: Terminal, journal: Journal) -> None:
        terminal.wait_for_text(QUESTION, PATIENCE)
        terminal.wait_quiet()
        self.say("scene", f"the planner's question is on the screen; the person picks the second answer: {CHOICES[1]}")
        terminal.press("down", "enter")
        answers = journal.wait("questions_answered")["answers"]
        self._prove(
            "a question round",
            answers == {QUESTION: CHOICES[1]},
            f"{QUESTION} → {CHOICES[1]}",
        )

    def _refusals(self, model: ScriptedModel, journal: Journal) -> None:
        rejected = journal.wait("result_rejected", lambda e: e["id"] == "d-001")
        journal.wait("result_accepted", lambda e: e["id"] == "d-001")
        self._prove("an invalid result is sent back and repaired", True, line(str(rejected["error"]), 80))
        write = refused(model, "main", ("Write",))[0]
        self._prove("an edit before the approval is refused", "fermata:" in write.text, write.text)
        (asked,) = refused(model, "agent", ("AskUserQuestion",))
        self._prove("forged approval refused: a subagent's call", True, asked.text)
        for (_, title), result in zip(
            FORGERIES, refused(model, "main", tuple(name for name, _ in FORGERIES)), strict=True
        ):
            self._prove(f"forged approval refused: {title}", "fermata:" in result.text, result.text)
        gate = journal.store.load()["gate"]
        self._prove(
            "nothing is approved by any of it", gate is not None and "decision" not in gate, "the gate still waits"
        )

    def _approval(self, terminal: Terminal, journal: Journal) -> None:
        screen = terminal.wait_for_text(ASKED, PATIENCE)
        terminal.wait_quiet(1.2)
        self._prove(
            "the report is on the screen before the picker",
            REPORT in screen.partition(ASKED)[0],
            "findings, plan, risks, effort, commands",
        )
        whose = "the simulated" if self.client.simulated else "the client's own"
        self.say("scene", f"the person chooses Approve in {whose} picker")
        terminal.press("down", "enter")
        decision = journal.wait("decision_made")
        approved = (decision["decision"], decision["channel"]) == ("approve", "picker")
        self._prove(
            "the human's choice in the real picker",
            approved,
            f"{decision['decision']} by {decision['channel']}",
            unshown="that no model can answer the client's own picker, only the real client shows",
        )

    def _caught(self, journal: Journal) -> None:
        claim = journal.wait("result_accepted", lambda e: e["id"] == "d-002")
        red = journal.wait("check_finished", lambda e: e["outcome"] == "red")
        self._prove(
            "a false “tests pass” is caught",
            True,
            f"claimed: {line(str(claim['summary']), 60)} · fermata's own run: {line(str(red['why']), 60)}",
        )

    def _end(self, terminal: Terminal, journal: Journal, project: Path) -> None:
        lost = journal.wait("dispatch_failed", lambda e: e["id"] == "d-003")
        journal.wait("dispatch_started", lambda e: e["id"] == "d-004")
        self._prove("kill -9 and resume: nothing is lost, the work is offered again", True, lost["reason"])
        terminal.wait_for_text("DONE: the run is complete", PATIENCE)
        run = journal.store.load()
        self._prove(
            "the run ends verified",
            run["status"] == "completed" and tests_pass(project),
            "the project's tests pass, run once more by the rehearsal",
        )
        self._prove(
            "only what was approved has changed",
            git(project, "status", "--porcelain") == " M greet.py\n M test_greet.py\n",
            "greet.py, test_greet.py; no commit, no other file",
        )

    # --- act 2 ----------------------------------------------------------------------------------------------------

    def _second_act(self) -> None:
        project = make_project(self.folder / "act 2" / "greeter")
        with self._stage(project) as (world, model, _), Journal(project, self.say) as journal:
            self.say("scene", f'claude -p "/build {SHOUT_GOAL}"')
            parked = run_headless(world, f"/build {SHOUT_GOAL}")
            asked = journal.wait("approval_requested")
            digest = str(asked["digest"])
            run = journal.store.load()
            held = digest in parked.result and not run["approved"] and git(project, "status", "--porcelain") == ""
            self._prove(
                "without an approval a headless run parks, unchanged",
                held,
                "the message names the plan and how to approve it",
            )
            self.say("scene", f"FERMATA_APPROVE={digest[:8]}… claude -p /fermata:resume")
            operator = replace(world, env={**world.env, "FERMATA_APPROVE": digest})
            run_headless(operator, "/fermata:resume")
            decision = journal.wait("decision_made")
            self._prove(
                "the operator's environment approves that very plan",
                decision["channel"] == "environment",
                f"{decision['decision']} by {decision['channel']}",
            )
            run = journal.store.load()
            self._prove(
                "the headless run ends verified",
                run["status"] == "completed" and tests_pass(project),
                "tests run by fermata, and once more by the rehearsal",
            )
            fail_on(model.failures)

    # --- both -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _stage(self, project: Path) -> Iterator[tuple[World, ScriptedModel, Story]]:
        story = Story(project, PLUGIN)
        with ScriptedModel(story.script()) as model:
            home = make_home(project.parent / "home", project)
            yield World(self.client, home, project, model.url, (PLUGIN,), self.mode, self.env), model, story

    def _prove(self, what: str, happened: object, detail: object, *, unshown: str = "") -> None:
        """*unshown*: what a simulated client cannot be a witness of. It has to happen there too, but proves nothing."""
        if not happened:
            raise Failed(f"{what}: it did not happen. Seen: {line(str(detail), 400)}")
        if unshown and self.client.simulated:
            self.say("unshown", f"not shown: {what} · {unshown}")
            return
        self.proofs += 1
        self.say("proof", f"{what} · {line(WRAPPING.sub('', str(detail)), 110)}")


def refused(model: ScriptedModel, kind: str, names: tuple[str, ...]) -> list[ToolResult]:
    """The results of the calls *names*, made in one answer, all of them refused. Raises Failed when there are none."""

    def hit(request: object) -> bool:
        results = [r for r in request.results if r.name in names]  # type: ignore[attr-defined]
        return request.kind == kind and sorted(r.name for r in results) == sorted(names)  # type: ignore[attr-defined]

    try:
        found = model.wait_for(hit, PATIENCE)
    except TimeoutError as error:
        raise Failed(f"the calls {', '.join(names)} never came back: {error}") from None
    results = [r for r in found.results if r.name in names]
    passed = [r for r in results if not r.is_error]
    if passed:
        raise Failed(f"{passed[0].name} was not refused: {passed[0].text[:300]}")
    return results


def ready(terminal: Terminal) -> None:
    """Wait for the client's first prompt."""
    terminal.wait_for_text("❯", PATIENCE)
    terminal.wait_quiet()


def make_project(folder: Path) -> Path:
    """The sample project, committed."""
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "A greeter")
    return folder


def git(folder: Path, *words: str) -> str:
    """Plain git in the sample project, with an identity of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | IDENTITY
    command = ["git", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", *words]
    return subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True, text=True).stdout


def tests_pass(project: Path) -> bool:
    """The rehearsal's own run of the sample's tests, apart from everything fermata did."""
    done = subprocess.run(["python3", "-B", "-m", "unittest", "-q"], cwd=project, capture_output=True, check=False)
    return done.returncode == 0


def fail_on(failures: tuple[str, ...]) -> None:
    """A faulty script is a fault of the rehearsal, and must not pass for a success."""
    if failures:
        raise Failed(f"the scripted model failed: {failures[0][-400:]}")


@contextmanager
def stage_folder(*, keep: bool) -> Iterator[Path]:
    """A temporary folder; kept on request, and when the rehearsal fails. Ctrl-C is no failure."""
    folder = Path(tempfile.mkdtemp(prefix="fermata-rehearsal-"))
    try:
        yield folder
    except Exception:
        keep = True
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


# What the client puts around a refusal.
WRAPPING = re.compile(r"^PreToolUse:\w+ hook error: |</?tool_use_error>")
TROUBLE = (Failed, ScreenTimeoutError, TimeoutError)
