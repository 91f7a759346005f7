"""Lists fermata's worktrees with what would be lost if they went, and lets those go that nobody needs any more.

A worktree is known by its run's journal and by how git has it locked. One that is in use is never touched, and neither is
anything that another hand put into fermata's folder.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..core.items import lying
from ..core.position import ENDED
from ..git.repo import GitError, find_repo, worktree_root
from ..git.worktree_cleanup import keeping, let_go, registered, strangers
from ..store.errors import StoreError
from ..store.project import Project, works_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.records import Run, Worktree
    from ..git.repo import Repo

State = Literal["in use", "left", "over", "gone", "not fermata's"]


class Row(NamedTuple):
    """One worktree. `path` is absolute, `base` the commit it began with; `unsaved` says why it would be kept."""

    run: str
    item: str
    path: str
    base: str
    state: State
    unsaved: list[str]


class Known(NamedTuple):
    """A row, and where it lies: below which work tree of the user's, at which relative path."""

    row: Row
    repo: Repo
    path: str


def known(repo: Repo, project: Project, only: str | None = None) -> list[Known]:
    """Every worktree that lies below a work tree of this repository, of the run *only* if one is named, by path.

    Raises:
        GitError, StoreError: *only* is no run, or git cannot be asked.
    """
    found = list[Known]()
    for run in _runs(project, only):
        home = _home(repo, works_in(run))
        if home is not None:
            found += [_known(home, run, item, tree) for item, tree in lying(run).items()]
    if only is None:
        found += _strange(repo, {(one.repo.root, one.path) for one in found})
    return sorted(found, key=lambda one: one.row.path)


def _runs(project: Project, only: str | None) -> list[Run]:
    if only is not None:
        return [project.run(only).load()]
    return [run for name in project.run_ids() if (run := _readable(project, name)) is not None]


def _readable(project: Project, name: str) -> Run | None:
    """None for a damaged one: what is its cannot be told from a stranger's then, and stays."""
    try:
        return project.run(name).load()
    except StoreError:
        return None


def _home(repo: Repo, name: str) -> Repo | None:
    """The work tree that a run works in; None when it is gone, and its worktrees with it."""
    root = registered(repo)[0].path if name == "." else worktree_root(repo.common_dir, name)
    return find_repo(root) if root else None


def _known(home: Repo, run: Run, item: str, tree: Worktree) -> Known:
    place = os.path.join(home.root, tree["path"])
    state: State = "over" if run["status"] in ENDED else "left" if tree["state"] == "released" else "in use"
    if not os.path.lexists(place):
        state = "gone"
    return Known(
        Row(run["run"], item, place, tree["commit"], state, _reasons(home, run["run"], tree)), home, tree["path"]
    )


def _reasons(home: Repo, run: str, tree: Worktree) -> list[str]:
    try:
        return keeping(home, run, tree["path"])
    except (GitError, OSError) as error:
        return [f"it could not be looked at: {error}"]


def _strange(repo: Repo, ours: set[tuple[str, str]]) -> Iterator[Known]:
    for one in registered(repo):
        home = find_repo(one.path)
        if home is None or home.root != one.path:
            continue
        for path in strangers(home, {path for root, path in ours if root == home.root}):
            run, name = path.split("/")[-2:]
            row = Row(run, name, os.path.join(home.root, path), "", "not fermata's", ["no run here knows it"])
            yield Known(row, home, path)


def clean_up(found: list[Known], *, dry: bool) -> tuple[list[Row], list[Row]]:
    """Let go what is over, left or gone. Gives what went (with *dry*: what would go), and what stayed, with its reasons."""
    gone, kept = list[Row](), list[Row]()
    for row, repo, path in found:
        if row.state in ("in use", "not fermata's"):
            continue
        reasons = row.unsaved
        if not reasons and not dry:
            try:
                reasons = let_go(repo, row.run, path)
            except (GitError, OSError) as error:
                reasons = [str(error)]
            else:
                _note(row, repo, reasons)
        (kept if reasons else gone).append(row._replace(unsaved=reasons))
    return gone, kept


def _note(row: Row, repo: Repo, reasons: list[str]) -> None:
    """Tell the journal of a run that needs its worktree no more, so that nobody lists it again."""
    store = Project(repo.common_dir).run(row.run)
    run = store.load()
    tree = lying(run).get(row.item)
    if reasons or tree is None or not (run["status"] in ENDED or tree["state"] == "released"):
        return
    body = {"item": row.item, "visit": tree["visit"], "path": tree["path"], "left": "", "ref": tree.get("ref", "")}
    store.note("cli", "worktree_released", body, lambda now: lying(now).get(row.item) == tree)


def row_text(row: Row) -> str:
    """One worktree, in a line and one for each reason."""
    base = f" from {row.base[:12]}" if row.base else ""
    return "\n".join([f"{row.path}  {row.state}  {row.run} {row.item}{base}", *(f"    {why}" for why in row.unsaved)])
