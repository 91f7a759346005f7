"""Directs a /conduct of five phases on the real client: with a lie, a gap, a conflict, a crash, edits of the user's, and a merge.

Decides whether everything that had to happen did, from the journal, from the screen and from the project's repository.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..core.consultation import line
from .conduct_back import GoingBack
from .conduct_cast import SETTINGS, ConductCast
from .conduct_project import HOOKS, append, make_project, node_works, passes
from .conduct_run import ConductRun
from .five_modules import RESOLVED, SHARED
from .five_phases import ADDED, SPEC_PATH, specification
from .journal import PATIENCE, Journal
from .play import ASKED, Play, fail_on, git, ready
from .terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 160  # the report of five phases, and the picker below it
AT_WORK = ("ingest", "store")  # when the client crashes
LATE = ("feed", "view")  # at work while the person edits
LAST = "integration"  # at work while the person commits
NOTE = "and about Bodo\n"
PHASES = 5


class ConductPlay(Play):
    """A specification of five phases in the terminal, and two of them headless."""

    project: Path
    journal: Journal
    run: ConductRun

    def play(self) -> int:
        """Both acts."""
        node = node_works()
        if not node:
            why = "no node here that knows --test; its files are only listed"
            self.say("unshown", f"not shown: the front end's own tests · {why}")
        self.say("act", f"Act 1: a SPEC.md of five phases, in the terminal ({self.mode} mode)")
        self._five_phases(specification(node=node))
        self.say("act", "Act 2: two phases, headless; the person goes back, and merges by hand")
        GoingBack(self).play(specification(node=node, phases=(1, 2)))
        return self.proofs

    # --- act 1 ----------------------------------------------------------------------------------------------------

    def _five_phases(self, spec: str) -> None:
        self.project = make_project(self.folder / "act 1" / "weather", spec)
        crashed, edited, self.settled = threading.Event(), threading.Event(), threading.Event()
        held = dict.fromkeys(AT_WORK, crashed) | dict.fromkeys(LATE, edited) | {LAST: self.settled}
        cast = ConductCast(("grpc-service", "view"), held)
        stage = self.stage(self.project, cast.script(), SETTINGS)
        with stage as (world, model), Journal(self.project, self.say) as self.journal:
            self.run = ConductRun(self.journal, model)
            with Terminal(world, log=self.folder / "terminal.log", rows=ROWS) as terminal:
                ready(terminal)
                self._gate(terminal)
                self._lie()
                self._side_by_side()
                terminal.kill9()
            self.say("scene", "kill -9: the client is gone while two modules are half built; claude --resume")
            crashed.set()
            session = str(self.run.now["session"])
            with Terminal(world, "--resume", session, log=self.folder / "terminal-2.log", rows=ROWS) as terminal:
                ready(terminal)
                terminal.submit("go on")
                self._resumed()
                self._conflict()
                self._edits(terminal, edited)
                self._gap()
                self._end(terminal)
            self._landed()
            fail_on(model.failures)

    # --- the gate -------------------------------------------------------------------------------------------------

    def _gate(self, terminal: Terminal) -> None:
        self.say("scene", "the person types: /conduct")
        terminal.submit("/conduct")
        shown = bare(picker(terminal).partition(ASKED)[0])
        steps = self.run.steps
        wanted = {step[key] for step in steps for key in ("phase", "module") if key in step}
        wanted |= {glob for step in steps for glob in step["scope"]}
        wanted |= set(self.run.commands())
        missing = sorted(text for text in wanted if bare(text) not in shown)
        self.prove(
            "the gate shows every phase, module, scope and command", not missing, missing or f"{len(wanted)} of them"
        )
        self.base = self._head()
        self.say("scene", "the person chooses Approve")
        terminal.press("down", "enter")
        decision = self.journal.wait("decision_made")
        self.prove("the person's choice", decision["decision"] == "approve", f"by {decision['channel']}")

    # --- phases 2 and 3 -------------------------------------------------------------------------------------------

    def _lie(self) -> None:
        claim = self.run.accepted("grpc-service")
        red = self.run.red("grpc-service")
        self.run.merged("grpc-service", "done")
        self.prove(
            "a false “tests pass” is caught, and mended before the phase is integrated",
            True,
            f"claimed: {line(str(claim['summary']), 40)} · fermata's own run: {line(str(red['why']), 50)}",
        )

    def _side_by_side(self) -> None:
        self.run.accepted("api")
        for module in AT_WORK:
            self.run.half_done(module)
        trees = {self.run.dispatches(self.run.item(module))[0].get("worktree") for module in (*AT_WORK, "api")}
        untouched = git(self.project, "status", "--porcelain") == "" and self._head() == self.base
        self.prove(
            "three modules side by side, each in a worktree of its own; the user's tree and branch are untouched",
            len(trees) == len(AT_WORK) + 1 and None not in trees and untouched,
            "ingest, store, api",
        )

    def _resumed(self) -> None:
        lost = [self.run.lost(module)["reason"] for module in AT_WORK]
        self.run.merged("api", "done")
        tries = {m: len(self.run.dispatches(self.run.item(m))) for m in (*AT_WORK, "api", "grpc-service", "proto")}
        wanted = {**dict.fromkeys(tries, 1), **dict.fromkeys(AT_WORK, 2)}
        told = f"{lost[0]} · agents: {tries}"
        self.prove(
            "kill -9 and resume: half-built modules are offered again, built ones are not", tries == wanted, told
        )

    def _conflict(self) -> None:
        conflict = self.run.merged("api", "conflict", "gather")
        kept = git(self.project, "show", f"fermata/{self.run.now['run']}:{SHARED}")
        self.prove(
            "a merge conflict of two modules is resolved, and keeps what both wanted",
            kept == RESOLVED,
            conflict["conflicts"],
        )

    # --- phase 4, and what the person does meanwhile --------------------------------------------------------------

    def _edits(self, terminal: Terminal, edited: threading.Event) -> None:
        for module in LATE:
            self.run.half_done(module)
        told = f"the person commits a change of README.md and of phase 5 in {SPEC_PATH}, and edits notes.txt"
        self.say("scene", told)
        append(self.project / "README.md", "Ask before you change the messages.\n")
        append(self.project / SPEC_PATH, ADDED)
        git(self.project, "commit", "-qam", "Say more")
        append(self.project / "notes.txt", NOTE)
        edited.set()
        changes = self.journal.wait("spec_changed")["changes"]
        asked = picker(terminal, "Beyond what you approved")
        self.prove(
            "an edit of the specification voids the approval, and the gate says of which phase",
            changes == ["phase: Phase 5: Integration tests and docs reads otherwise"] and "Phase 5" in asked,
            changes,
        )
        self.say("scene", "the person chooses Approve again")
        terminal.press("down", "enter")

    def _gap(self) -> None:
        red = self.run.red("view", "placeholders")
        self.run.merged("view", "done")
        self.prove(
            "code that is still to be written is found, and mended before the phase is integrated", True, red["why"]
        )

    # --- the end --------------------------------------------------------------------------------------------------

    def _end(self, terminal: Terminal) -> None:
        self.run.half_done(LAST)
        lies = git(self.project, "status", "--porcelain") == " M notes.txt\n" and self._text("notes.txt").endswith(NOTE)
        self.prove("an uncommitted edit of the user's lies where it lay, through the phases", lies, "notes.txt")
        self.say("scene", "the person commits notes.txt while the last phase is built")
        git(self.project, "commit", "-qam", "Ask on")
        self.theirs = self._head()
        self.settled.set()
        self.journal.wait("run_completed")
        terminal.wait_for_text("DONE: the run is complete", PATIENCE)

    def _landed(self) -> None:
        moves = git(self.project, "reflog", "show", "--format=%gs", "main").splitlines()
        first, second = git(self.project, "rev-parse", "main^@").split()
        once = first == self.theirs and [move.partition(" ")[0] for move in moves[:2]] == ["merge", "commit:"]
        self.prove("main moved once, forward only, from the user's own newest commit", once, moves[:2])
        made = git(self.project, "log", "--format=%s", "--first-parent", f"{self.base}..{second}").splitlines()
        phases = [title for title in reversed(made) if title.startswith("Phase ")]
        self.prove("a commit for each phase, in order", len(phases) == PHASES == len(set(phases)), "; ".join(phases))
        fired = self._text(".git/witness").split()
        self.prove(
            "the user's own hooks ran at the final merge, and nowhere else", sorted(fired) == sorted(HOOKS), fired
        )
        kept = "Ask before" in self._text("README.md") and self._text("notes.txt").endswith(NOTE)
        trees = git(self.project, "worktree", "list").splitlines()
        clean = git(self.project, "status", "--porcelain") == ""
        self.prove("the user's edits are all there, no worktree is left", kept and clean and len(trees) == 1, trees)
        commands = self.run.commands()
        red = [command for command in commands if not passes(command, self.project)]
        told = red or f"{len(commands)} commands, run once more by the rehearsal"
        self.prove("the command of every phase passes on main", not red, told)

    def _head(self) -> str:
        return git(self.project, "rev-parse", "HEAD").strip()

    def _text(self, name: str) -> str:
        return (self.project / name).read_text(encoding="utf-8")


def picker(terminal: Terminal, words: str = "") -> str:
    """Wait until the approval is asked for in *words*, and a person has had the time to read it; gives the screen."""
    terminal.wait_until(
        lambda screen: words in screen.rpartition(ASKED)[2] and "2. Approve" in screen.rpartition(ASKED)[2],
        f"the approval, asked for with {words!r}",
        PATIENCE,
    )
    return terminal.wait_quiet(1.2)


def bare(text: str) -> str:
    """*text* without white space: on a screen a long line may be broken anywhere."""
    return "".join(text.split())
