"""A run whose agents have worked in place, without engine and checks: what checkpoints and rollbacks are about, and quick."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fermata.git.snapshot import changed_paths, keep_tree, look, take_snapshot
from fermata.loop.checkpoints import checkpoint_after, make_checkpoint
from fermata.loop.rollback import Rollback, last_rollback, roll_back
from fermata.store.project import Project
from tests.git.sandbox import Sandbox, make_sandbox
from tests.store.runs import KEPT_PLAN, STEP, accepted, approve, ask_approval, dispatch, make_run, started, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata.core.records import Checkpoint
    from fermata.store.run_store import RunStore

STEPS = 8


class Played:
    """A repository and a run at its steps; `acts` is one agent's work from first to last."""

    def __init__(self, root: Path, *, commits: bool = True, prepare: Callable[[Sandbox], None] | None = None) -> None:
        self.user = make_sandbox(root, commits=commits)
        if prepare:
            prepare(self.user)
        project = Project(self.user.repo.common_dir)
        project.prepare()
        head = self.user.git("rev-parse", "HEAD").strip() if commits else None
        base: dict[str, Any] = {"commit": head, "branch": "main", "tree": "1" * 40, "dirty": []}
        make_run(project.folder, base=base)
        kept = {**KEPT_PLAN, "steps": [STEP] * STEPS}
        write(self.store, dispatch("d-001", "plan", "read"), started("d-001"), accepted("d-001", kept))
        approve(self.store, ask_approval(self.store))
        self.made = 0

    @property
    def store(self) -> RunStore:
        project = Project(self.user.repo.common_dir)
        return project.run(project.run_ids()[0])

    def begins(self) -> str:
        """An agent is at work; gives its dispatch."""
        name = f"d-{self.made + 2:03d}"
        base = take_snapshot(self.user.repo)
        keep_tree(self.user.repo, base, f"{self.store.load()['run']}/{name}", "before")
        body = dispatch(name, f"steps.{self.made}/build", "write", base_tree=base)
        write(self.store, body, started(name))
        self.made += 1
        return name

    def ends(self, name: str, *unexplained: str) -> Checkpoint:
        """It hands in what has changed."""
        run, repo = self.store.load(), self.user.repo
        seen, base = look(repo), str(run["dispatches"][name]["base_tree"])
        changed = [c.path for c in changed_paths(repo, base, seen.tree) if c.path not in unexplained]
        kind, body = accepted(name)
        saved = checkpoint_after(repo, run, run["dispatches"][name], seen)
        news = (kind, {**body, "changed": changed, "tree": seen.tree}), ("checkpoint_made", saved)
        return write(self.store, *news)["checkpoints"][-1]

    def acts(self, **files: str | None) -> Checkpoint:
        """One agent writes *files* (`__` for a slash; None: deletes) and hands in."""
        name = self.begins()
        for key, text in files.items():
            self.writes(key, text)
        return self.ends(name)

    def writes(self, key: str, text: str | None) -> None:
        path = key.replace("__", "/")
        for end in ("py", "txt", "md"):
            path = path.removesuffix(f"_{end}") + f".{end}" * path.endswith(f"_{end}")
        if text is None:
            (self.user.root / path).unlink()
        else:
            self.user.write(path, text)

    def saves(self, name: str = "here") -> Checkpoint:
        return make_checkpoint(self.store, self.user.repo, name)

    def goes_back(self, at: Checkpoint, *, really: bool = True) -> Rollback:
        return roll_back(self.store, self.user.repo, at["id"], really=really)

    def undoes(self) -> Rollback:
        return self.goes_back(last_rollback(self.store.load()))

    def files(self) -> dict[str, str]:
        """The text of each file of the work tree, ignored ones among them."""
        found = {}
        for place, folders, names in os.walk(self.user.root):
            folders[:] = [name for name in folders if name not in (".git", ".fermata")]
            for name in names:
                path = os.path.join(place, name)
                with open(path, encoding="latin-1") as file:
                    text = f"-> {os.readlink(path)}" if os.path.islink(path) else file.read()
                found[os.path.relpath(path, self.user.root)] = text
        return found

    def git_state(self) -> dict[str, str]:
        """All of git's that is the user's: index, HEAD, branches, reflogs, stashes, configuration; nothing of fermata's."""
        state = self.user.state()
        kept = {path: digest for path, digest in state.items() if "/.git/" in path and "/refs/fermata/" not in path}
        kept["stash"] = self.user.git("stash", "list")
        kept["reflog"] = self.user.git("reflog", "show", "--all")
        return kept

    def quarantined(self, found: Rollback) -> dict[str, str]:
        top = self.store.path("quarantine", found.undo)
        paths = [os.path.join(place, name) for place, _, names in os.walk(top) for name in names]
        return {os.path.relpath(path, top): Path(path).read_text() for path in paths}
