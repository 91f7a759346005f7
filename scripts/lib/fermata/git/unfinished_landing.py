"""Takes back a final merge that did not go through: one that a hook refused, or that a crash left half done.

A mark, `refs/fermata/<run>/landing`, says that fermata began it, from where, and how the tree was. What is not exactly that
merge's is never touched after a crash, for it may be the user's by now.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from .bring_in import bring_in
from .repo import Repo, head_commit, no_filters, operation_in_progress
from .run import GitError, run_git, run_users_git
from .run_branch import branch_name, commit_at, named, tree_of
from .snapshot import changed_paths, index_tree, keep_tree, take_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

UNDO_SECONDS = 300
PAUSE = 0.2
QUIET = {"gc.auto": "0", "maintenance.auto": "false"}


@contextmanager
def alone(repo: Repo, seconds: float) -> Iterator[int | None]:
    """An open file with a lock on it that no other final merge of this repository has; None: one was at work all the time.

    git inherits it: where fermata was killed and git was not, its merge goes on, and nothing may be taken back under it.
    """
    folder = os.path.join(repo.common_dir, "fermata")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    handle = os.open(os.path.join(folder, "landing.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield handle if _locked(handle, seconds) else None
    finally:
        os.close(handle)


def _locked(handle: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= end:
            return False
        time.sleep(PAUSE)


def set_mark(repo: Repo, run: str, head: str) -> None:
    """Note that the merge begins at *head*, and the tree as it is now."""
    keep_tree(repo, take_snapshot(repo), mark_of(run), "fermata: before the final merge", parent=head)


def mark_of(run: str) -> str:
    return f"{run}/landing"


def forget(repo: Repo, run: str) -> None:
    run_git(repo, "update-ref", "-d", f"refs/fermata/{mark_of(run)}")


def take_back(repo: Repo, run: str, target: str, *, crashed: bool) -> tuple[str, str] | None:
    """Take back a merge of ours that is half done. Gives why it could not be and what a person does, None where nothing is left of it."""
    mark = commit_at(repo, f"refs/fermata/{mark_of(run)}")
    if mark is None:
        return None
    old, head = commit_at(repo, f"{mark}^"), head_commit(repo)
    if old is None or head != old:  # it went through, or the user has gone on from there
        forget(repo, run)
        return None
    lock = os.path.join(repo.git_dir, "index.lock")
    if os.path.exists(lock):
        return (f"{lock} is there", f"when no git is at work here, remove it; then: git merge {branch_name(run)}")
    why = _not_ours(repo, old, target)
    if why:
        return (why, f"end that (git status says how), then: git merge {branch_name(run)}")
    # Not `merge --abort`, which leaves a line in the reflog. With the user's filters: git-lfs files become whole again.
    words = ("read-tree", "-m", "-u", target, old)
    run_users_git(repo, *words, settings={**QUIET, "core.hooksPath": "/dev/null"}, seconds=UNDO_SECONDS)
    _put_back(repo, run, Half(old, target, tree_of(repo, mark)), crashed=crashed)
    forget(repo, run)
    return None


def _not_ours(repo: Repo, old: str, target: str) -> str:
    """Why what is half done here is not, or not only, the merge that was begun by us; empty where it is."""
    if _merge_heads(repo) not in ([], [target]) or operation_in_progress(repo) not in (None, "merge"):
        return "something else than fermata's merge is under way here"
    if index_tree(repo) not in (tree_of(repo, target), tree_of(repo, old)):
        return "the final merge was interrupted, and the index holds more than it"
    return ""


class Half(NamedTuple):
    """A merge that is half done: from commit, to commit, and the tree that lay there before."""

    old: str
    target: str
    before: str


def _put_back(repo: Repo, run: str, half: Half, *, crashed: bool) -> None:
    """What `merge --abort` would not: files that a hook has changed on the way, or that a killed git left behind.

    After a crash only what is exactly the merge's: anything else may have been written by the user since, and stays.
    """
    touched = {change.path for change in changed_paths(repo, half.old, half.target)}
    now = take_snapshot(repo)
    if crashed:
        touched -= {change.path for change in changed_paths(repo, now, half.target)}
    if touched & {change.path for change in changed_paths(repo, now, half.before)}:
        found = bring_in(repo, now, half.before, touched.__contains__, f"{run}/landing-left")
        if found.conflicts:
            raise GitError(("merge",), None, f"half undone: {named(found.conflicts)}", repo.root)
    if _merge_heads(repo):
        run_git(repo, "merge", "--quit")
    if index_tree(repo) != tree_of(repo, half.old):
        quiet = no_filters(repo)
        run_git(repo, *quiet, "read-tree", "--reset", half.old)
        run_git(repo, *quiet, "update-index", "-q", "--refresh", ok=(0, 1))


def _merge_heads(repo: Repo) -> list[str]:
    try:
        with open(os.path.join(repo.git_dir, "MERGE_HEAD"), encoding="ascii") as file:
            return file.read().split()
    except FileNotFoundError:
        return []
