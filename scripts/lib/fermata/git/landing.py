"""Moves the user's branch to what a run has made: once, forward only, by a merge as the user would type it.

Their hooks and their signing run there and nowhere else. It is begun only where nothing of theirs could be lost: a clean
tree, nothing in the way of a new file, no operation under way. What a hook refuses, or a crash leaves half done, is
undone; the outcome then stays on the run's branch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .bring_in import in_the_way
from .listing import list_files
from .repo import Repo, branch, head_commit, no_filters, operation_in_progress
from .run import path_text, run_git, run_users_git
from .run_branch import (
    branch_commit,
    branch_name,
    branch_ref,
    checked_out_at,
    commit_at,
    identity,
    is_ancestor,
    named,
    tree_of,
)
from .snapshot import changed_paths, take_snapshot
from .unfinished_landing import QUIET, alone, forget, set_mark, take_back

if TYPE_CHECKING:
    from collections.abc import Sequence

HOOK_SECONDS = 900


class Home(NamedTuple):
    """Where a run's work is to go: the run's id, the user's branch when it began (None: none), and their commit then."""

    run: str
    branch: str | None
    base: str


class Standing(NamedTuple):
    """How the user's side stands; `why` is empty where the branch can move now, and `how` says what to do otherwise.

    `head`: where the branch is. `moved`: it has new commits since the run began, which the run's branch lacks.
    `operation`: a merge, rebase … that is not finished. `elsewhere`: another work tree in which the branch is checked out.
    """

    here: bool
    head: str | None
    moved: bool
    rewritten: bool
    dirty: list[str]
    in_the_way: list[str]
    operation: str | None
    elsewhere: str | None
    why: str
    how: str


class Landed(NamedTuple):
    """Where the user's branch is now; None: it has not moved, `why`, and `how` a person goes on.

    With a commit, `why` tells what is not as it was checked: a hook may change files, in the merge or after it.
    """

    commit: str | None
    why: str
    how: str


def look(repo: Repo, home: Home) -> Standing:
    """See how the user's side stands, in *repo*, their tree. Changes nothing. Raises GitError, BadName among them."""
    name = home.branch
    head = commit_at(repo, branch_ref(repo, name)) if name else None
    target = branch_commit(repo, home.run)
    here = name is not None and branch(repo) == name
    found = Standing(
        here=here,
        head=head,
        moved=bool(head and head != home.base and not (target and is_ancestor(repo, head, target))),
        rewritten=bool(head and not is_ancestor(repo, home.base, head)),
        dirty=_dirty(repo),
        in_the_way=in_the_way(repo, tree_of(repo, head), tree_of(repo, target)) if here and head and target else [],
        operation=operation_in_progress(repo),
        elsewhere=checked_out_at(repo, name) if name and not here else None,
        why="",
        how="",
    )
    why, how = _obstacle(found, home)
    return found._replace(why=why, how=how)


def _dirty(repo: Repo) -> list[str]:
    """Tracked files that are not as HEAD has them, in the index or in the work tree. Submodules are looked at by commit."""
    head = head_commit(repo)
    if head is None:
        return []
    quiet = no_filters(repo)
    listing = list_files(repo)
    staged = run_git(repo, *quiet, "diff-index", "--cached", "--name-only", "--no-renames", "-z", head).split(b"\0")
    changed = {change.path for change in changed_paths(repo, head, take_snapshot(repo))}
    tracked = {path_text(path) for path in listing.tracked - listing.links}
    return sorted({path_text(path) for path in staged if path} | (changed & tracked))


def _obstacle(found: Standing, home: Home) -> tuple[str, str]:
    """The first reason why the branch must not move, and what a person does about it; both empty where it may."""
    name, merge = home.branch, by_hand(home.run)
    if name is None:
        return "the run began on no branch", f"check out the branch that is to have it, then: {merge}"
    if found.head is None:
        return f"the branch {name} is not there any more", f"check out the branch that is to have it, then: {merge}"
    if found.elsewhere:
        return f"{name} is checked out in {found.elsewhere}", f"in that folder: {merge}"
    if not found.here:
        return f"another branch than {name} is checked out", f"git switch {name}; then: {merge}"
    if found.operation:
        return f"a {found.operation} is under way here", f"finish it or abort it, then: {merge}"
    if found.rewritten:
        return f"{name} was rewritten: the commit that the run began with is no part of it any more", merge
    if found.dirty:
        return f"not committed yet: {named(found.dirty)}", f"commit or stash that, then: {merge}"
    if found.in_the_way:
        return f"the merge would overwrite what git does not track: {named(found.in_the_way)}", (
            f"move that away, then: {merge}"
        )
    return "", ""


def by_hand(run: str) -> str:
    """The command by which a person merges the run's branch."""
    return f"git merge {branch_name(run)}"


def land(repo: Repo, home: Home, message: str, seconds: float = HOOK_SECONDS) -> Landed:
    """Merge the run's branch into the user's, which must be checked out and hold nothing that the run's does not.

    Called again after a crash, it finds what was done, or takes it back and begins anew.

    Args:
        repo: the user's tree.
        home: which branch goes where.
        message: of the merge commit.
        seconds: how long git and the user's hooks may take; a merge that an earlier call began is waited for as long.

    Raises:
        GitError: git could not do what never fails; what was there before is kept under `refs/fermata/<run>/landing`.
    """
    target = branch_commit(repo, home.run)
    if target is None:
        return Landed(None, f"there is no branch {branch_name(home.run)}", "see: git reflog --all")
    with alone(repo, seconds) as lock:
        if lock is None:
            return Landed(None, "a final merge is at work here already", "wait for its end, and look again: git status")
        left = take_back(repo, home.run, target, crashed=True)
        return Landed(None, *left) if left else _land(repo, home, target, Way(message, seconds, lock))


class Way(NamedTuple):
    """How the merge is made: its message, how long git and the user's hooks may take, the lock that they inherit."""

    message: str
    seconds: float
    lock: int


def _land(repo: Repo, home: Home, target: str, way: Way) -> Landed:
    standing = look(repo, home)
    if standing.head and is_ancestor(repo, target, standing.head):
        return _done(repo, standing.head, target)
    if standing.why or standing.head is None:
        return Landed(None, standing.why, standing.how)
    if standing.moved:
        return Landed(None, f"{home.branch} has commits that {branch_name(home.run)} lacks", by_hand(home.run))
    set_mark(repo, home.run, standing.head)
    code, said = _merge(repo, home, way)
    head = head_commit(repo)
    if head and head != standing.head and is_ancestor(repo, target, head):
        forget(repo, home.run)
        return _done(repo, head, target, _dirty(repo))
    ended = f"no end within {way.seconds:g} s" if code is None else f"exit {code}"
    failed = f"git merge did not go through ({ended}): {said}", by_hand(home.run)
    return Landed(None, *(take_back(repo, home.run, target, crashed=False) or failed))


def _merge(repo: Repo, home: Home, way: Way) -> tuple[int | None, str]:
    options = ("--no-ff", "--commit", "--no-squash", "--no-edit", "--no-autostash", "--no-stat", "--no-log")
    settings = {**QUIET, f"branch.{home.branch}.mergeOptions": ""}
    settings |= dict(part.split("=", 1) for part in identity(repo)[1::2])
    words = ("merge", *options, "-s", "ort", "-m", way.message, f"refs/heads/{branch_name(home.run)}")
    return run_users_git(repo, *words, settings=settings, seconds=way.seconds, held=(way.lock,))


def _done(repo: Repo, head: str, target: str, dirty: Sequence[str] = ()) -> Landed:
    rows = run_git(repo, "rev-list", "--merges", "--parents", f"{target}..{head}").decode().splitlines()
    merged = next(
        (row.split()[0] for row in rows if target in row.split()[2:]), target
    )  # without one it was fast-forwarded
    other = sorted({change.path for change in changed_paths(repo, target, merged)}.union(dirty))
    why = f"the merge is not all as it was checked, hooks or you changed: {named(other)}" if other else ""
    return Landed(head, why, "")
