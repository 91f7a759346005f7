"""The second act of a /conduct: headless, up to a reviewer who never comes to the point; then the person goes back.

Shows what only a person can do: roll a phase back, take over an uncommitted edit of theirs, merge by hand.
"""

from __future__ import annotations

import json
import subprocess
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.consultation import line
from .client import run_headless
from .conduct_cast import SETTINGS, ConductCast
from .conduct_project import append, make_project, passes
from .conduct_run import ConductRun
from .journal import Failed, Journal
from .play import PLUGIN, fail_on, git

if TYPE_CHECKING:
    from .play import Play

NOTE = "and about Voss\n"
SECONDS = 60


class GoingBack:
    """The act, on the stage of *play*."""

    def __init__(self, play: Play) -> None:
        self._play, self._say, self._prove = play, play.say, play.prove

    def play(self, spec: str) -> None:
        """All of it. Raises as `Play.play`."""
        comes_round = threading.Event()
        self.project = make_project(self._play.folder / "act 2" / "weather", spec)
        stage = self._play.stage(self.project, ConductCast(comes_round=comes_round).script(), SETTINGS)
        with stage as (world, model), Journal(self.project, self._say) as journal:
            self.run, self.journal, self.world = ConductRun(journal, model), journal, world
            self.main = git(self.project, "rev-parse", "main")
            self._held()
            self._rolled_back()
            comes_round.set()
            self._not_merged()
            self._by_hand()
            fail_on(model.failures)

    def _held(self) -> None:
        self._say("scene", 'claude -p "/conduct", and then with FERMATA_APPROVE: claude -p /fermata:resume')
        parked = run_headless(self.world, "/conduct")
        digest = str(self.journal.wait("approval_requested")["digest"])
        unchanged = digest in parked.result and git(self.project, "status", "--porcelain") == ""
        self._prove("without an approval a headless run parks, unchanged", unchanged, "it names the plan's digest")
        operator = replace(self.world, env={**self.world.env, "FERMATA_APPROVE": digest})
        held = run_headless(operator, "/fermata:resume")
        waits = self.run.now["waiting"]
        stays = git(self.project, "rev-parse", "main") == self.main and "HELD" in held.result
        self._prove("what an agent cannot end waits for a person; main is where it was", waits and stays, held.result)

    def _rolled_back(self) -> None:
        points = json.loads(self._fermata("checkpoint", "list", "--json"))
        first = next(point for point in points if point["name"].startswith("Phase 1"))
        whole = self._branch()
        self._say("scene", f"in a terminal the person types: fermata rollback {first['id']}")
        self._fermata("rollback", first["id"], "--yes")
        back = self._branch()
        gone = "service.py" not in git(self.project, "ls-tree", "-r", "--name-only", back)
        kept = git(self.project, "cat-file", "-t", whole).strip() == "commit"
        self._prove(
            "a rollback takes the last phase back", gone and kept and back != whole, "the run stands after phase 1"
        )

    def _not_merged(self) -> None:
        self._say("scene", "the person edits notes.txt, commits nothing, and types: claude -p /fermata:resume")
        append(self.project / "notes.txt", NOTE)
        ended = run_headless(self.world, "/fermata:resume").result
        tries = (
            len(self.run.dispatches(self.run.item("proto"))),
            len(self.run.dispatches(self.run.item("grpc-service"))),
        )
        self._prove("the phase that was taken back is built again, the one before is not", tries == (1, 2), tries)
        lies = git(self.project, "status", "--porcelain") == " M notes.txt\n"
        told = "NOT MERGED" in ended and "notes.txt" in ended and git(self.project, "rev-parse", "main") == self.main
        self._prove("main does not move under an uncommitted edit; the message says how to merge", told and lies, ended)

    def _by_hand(self) -> None:
        name = f"fermata/{self.run.now['run']}"
        self._say("scene", f"the person types: git commit -am Ask; git merge {name}")
        git(self.project, "commit", "-qam", "Ask")
        git(self.project, "merge", "-q", "--no-edit", name)
        red = [command for command in self.run.commands() if not passes(command, self.project)]
        noted = (self.project / "notes.txt").read_text(encoding="utf-8").endswith(NOTE)
        self._prove("merged by hand, with the edit in it, every phase's command passes", not red and noted, red or name)

    def _branch(self) -> str:
        return git(self.project, "rev-parse", f"fermata/{self.run.now['run']}").strip()

    def _fermata(self, *words: str) -> str:
        """What a person's own terminal, outside the client, is told. Raises Failed when it is refused."""
        command = [str(PLUGIN / "scripts" / "fermata"), *words]
        environment = {**self.world.environment(), "HOME": str(self.world.home)}
        done = subprocess.run(
            command, cwd=self.project, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        if done.returncode:
            raise Failed(f"`fermata {words[0]}` ended with {done.returncode}: {line(done.stderr or done.stdout, 300)}")
        return done.stdout
