"""Directs the story of one /build on the real client and shows what happens, as it happens.

Decides whether everything that had to happen did, from the journal, from what the client sent to the scripted model and
from the project's files.
"""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.consultation import line
from .client import run_headless
from .journal import PATIENCE, Failed, Journal
from .play import ASKED, PLUGIN, REPORT, Play, fail_on, git, ready
from .story import CHOICES, FILES, GOAL, QUESTION, SHOUT_GOAL, Story
from .terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .client import World
    from .messages import ToolResult
    from .model import ScriptedModel

FORGERIES = (
    ("AskUserQuestion", "an answer filled in by the model"),
    ("Bash", "a hook of fermata's run by hand"),
    ("Bash", "a nested `claude -p`"),
    ("CronCreate", "a scheduled /fermata:approve"),
)


class BuildPlay(Play):
    """A /build in the terminal, and one headless."""

    def play(self) -> int:
        """Both acts."""
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
        self.prove(
            "a question round",
            answers == {QUESTION: CHOICES[1]},
            f"{QUESTION} → {CHOICES[1]}",
        )

    def _refusals(self, model: ScriptedModel, journal: Journal) -> None:
        rejected = journal.wait("result_rejected", lambda e: e["id"] == "d-001")
        journal.wait("result_accepted", lambda e: e["id"] == "d-001")
        self.prove("an invalid result is sent back and repaired", True, line(str(rejected["error"]), 80))
        write = refused(model, "main", ("Write",))[0]
        self.prove("an edit before the approval is refused", "fermata:" in write.text, write.text)
        (asked,) = refused(model, "agent", ("AskUserQuestion",))
        self.prove("forged approval refused: a subagent's call", True, asked.text)
        for (_, title), result in zip(
            FORGERIES, refused(model, "main", tuple(name for name, _ in FORGERIES)), strict=True
        ):
            self.prove(f"forged approval refused: {title}", "fermata:" in result.text, result.text)
        gate = journal.store.load()["gate"]
        self.prove(
            "nothing is approved by any of it", gate is not None and "decision" not in gate, "the gate still waits"
        )

    def _approval(self, terminal: Terminal, journal: Journal) -> None:
        screen = terminal.wait_for_text(ASKED, PATIENCE)
        terminal.wait_quiet(1.2)
        self.prove(
            "the report is on the screen before the picker",
            REPORT in screen.partition(ASKED)[0],
            "findings, plan, risks, effort, commands",
        )
        whose = "the simulated" if self.client.simulated else "the client's own"
        self.say("scene", f"the person chooses Approve in {whose} picker")
        terminal.press("down", "enter")
        decision = journal.wait("decision_made")
        approved = (decision["decision"], decision["channel"]) == ("approve", "picker")
        self.prove(
            "the human's choice in the real picker",
            approved,
            f"{decision['decision']} by {decision['channel']}",
            unshown="that no model can answer the client's own picker, only the real client shows",
        )

    def _caught(self, journal: Journal) -> None:
        claim = journal.wait("result_accepted", lambda e: e["id"] == "d-002")
        red = journal.wait("check_finished", lambda e: e["outcome"] == "red")
        self.prove(
            "a false “tests pass” is caught",
            True,
            f"claimed: {line(str(claim['summary']), 60)} · fermata's own run: {line(str(red['why']), 60)}",
        )

    def _end(self, terminal: Terminal, journal: Journal, project: Path) -> None:
        lost = journal.wait("dispatch_failed", lambda e: e["id"] == "d-003")
        journal.wait("dispatch_started", lambda e: e["id"] == "d-004")
        self.prove("kill -9 and resume: nothing is lost, the work is offered again", True, lost["reason"])
        terminal.wait_for_text("DONE: the run is complete", PATIENCE)
        run = journal.store.load()
        self.prove(
            "the run ends verified",
            run["status"] == "completed" and tests_pass(project),
            "the project's tests pass, run once more by the rehearsal",
        )
        self.prove(
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
            self.prove(
                "without an approval a headless run parks, unchanged",
                held,
                "the message names the plan and how to approve it",
            )
            self.say("scene", f"FERMATA_APPROVE={digest[:8]}… claude -p /fermata:resume")
            operator = replace(world, env={**world.env, "FERMATA_APPROVE": digest})
            run_headless(operator, "/fermata:resume")
            decision = journal.wait("decision_made")
            self.prove(
                "the operator's environment approves that very plan",
                decision["channel"] == "environment",
                f"{decision['decision']} by {decision['channel']}",
            )
            run = journal.store.load()
            self.prove(
                "the headless run ends verified",
                run["status"] == "completed" and tests_pass(project),
                "tests run by fermata, and once more by the rehearsal",
            )
            fail_on(model.failures)

    # --- both -----------------------------------------------------------------------------------------------------

    @contextmanager
    def _stage(self, project: Path) -> Iterator[tuple[World, ScriptedModel, Story]]:
        story = Story(project, PLUGIN)
        with self.stage(project, story.script()) as (world, model):
            yield world, model, story


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


def make_project(folder: Path) -> Path:
    """The sample project, committed."""
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "A greeter")
    return folder


def tests_pass(project: Path) -> bool:
    """The rehearsal's own run of the sample's tests, apart from everything fermata did."""
    done = subprocess.run(["python3", "-B", "-m", "unittest", "-q"], cwd=project, capture_output=True, check=False)
    return done.returncode == 0
