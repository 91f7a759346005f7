"""Decides which run a typed /fermata:resume takes over, and why it may not be taken over in this work tree. Changes nothing."""

from __future__ import annotations

import os

from ..core.consultation import line
from ..core.position import ENDED
from ..git.repo import worktree_name, worktree_root
from ..store.project import works_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Run
    from ..git.repo import Repo
    from ..store.project import Project


def run_to_resume(project: Project, repo: Repo, run_id: str) -> tuple[Run | None, str]:
    """The run that is meant by *run_id*, or by nothing; or None and what the person is told."""
    run, error = _wanted(project, run_id, worktree_name(repo))
    error = error or (_elsewhere(project, run, repo) if run else "")
    return (None, error) if error else (run, "")


def _wanted(project: Project, run_id: str, worktree: str) -> tuple[Run | None, str]:
    if run_id:
        store = project.run(run_id)
        if not store.exists():
            return None, f"there is no run {line(run_id, 60)} here; known: {', '.join(project.run_ids()[:5]) or 'none'}"
        run = store.load()
        return (
            (run, "")
            if run["status"] not in ENDED
            else (None, f"run {run_id} is {run['status']}; start anew with /build")
        )
    runs = project.open_runs(worktree)
    if not runs:
        others = [run["run"] for run in project.open_runs()]
        more = f" (in other worktrees: {', '.join(others[:5])})" if others else ""
        return None, f"no run waits here{more}. Start one with /build"
    if len(runs) > 1:
        return None, "several runs wait; name one: " + "; ".join(
            f"/fermata:resume {r['run']} ({line(r['goal'], 50)})" for r in runs[:5]
        )
    return runs[0], ""


def _elsewhere(project: Project, run: Run, repo: Repo) -> str:
    """Why *run* cannot go on in the work tree *repo*, or nothing."""
    name = works_in(run)
    if name == worktree_name(repo):
        return project.who_is_on(name, run["run"]) or ""
    place = os.path.dirname(repo.common_dir) if name == "." else worktree_root(repo.common_dir, name)
    if place is None:
        return f"the worktree in which run {run['run']} worked is gone; /fermata:abort {run['run']} ends it"
    return f"run {run['run']} works in another worktree, {place}; start Claude Code there and type /fermata:resume"
