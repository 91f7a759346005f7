"""Puts back, in a work tree, what a run changed since a checkpoint, and nothing else.

A path is touched only if it is as the run last left it; one that somebody changed on top of that, or in between, is left
as it is and named. What the run had made is moved aside and never deleted. Index, HEAD, branches, stashes and ignored
files stay as they are; each file is put in place at one stroke, so that it can be done again after a crash anywhere.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from .bring_in import ABSENT, Change, Entry, conflict, entries, identity, put, staged
from .repo import Repo, path_text
from .snapshot import look

if TYPE_CHECKING:
    from ..core.left_behind import Left
    from .snapshot import Seen

Identity = tuple[int, ...] | None


class Skipped(NamedTuple):
    """A path that is left as it is, and why; `held`: the checkpoint has a version of it."""

    path: str
    why: str
    held: bool


class Plan(NamedTuple):
    """What a restoration would do: `todo` in this order, `skipped` with the reason; `others` differ and are not the run's."""

    here: Seen
    todo: list[Change]
    skipped: list[Skipped]
    others: list[str]
    seen: dict[bytes, Identity]


class Restored(NamedTuple):
    """The paths that are as they were at the checkpoint again, those moved aside, and those left with the reason."""

    restored: list[str]
    quarantined: list[str]
    skipped: list[Skipped]


def plan_restore(repo: Repo, tree: str, left: list[Left], large: list[str]) -> Plan:
    """What is to be done to have again of *tree* what the changes *left* have taken from it.

    Args:
        repo: the work tree.
        tree: the checkpoint's.
        left: the run's own changes since, oldest first.
        large: files for which something stands in *tree*.

    Raises:
        GitError: also when one of the trees is gone.
    """
    named = {os.fsencode(path) for one in left for path in one.paths or ()}
    seen = {raw: identity(repo, raw) for raw in named}  # before the look, so that nothing can come in between
    here = look(repo)
    *found, apart = entries(repo, *((one.base, one.tree) for one in left), (tree, here.tree))
    changes = [
        {raw: change for raw, change in between.items() if one.paths is None or path_text(raw) in one.paths}
        for one, between in zip(left, found, strict=True)
    ]
    touched = {raw for between in changes for raw in between}
    seen = {raw: seen[raw] if raw in seen else identity(repo, raw) for raw in touched}
    steps = [(between, one.sure) for between, one in zip(changes, left, strict=True)]
    todo, skipped = list[Change](), list[Skipped]()
    for raw in (raw for raw in apart if raw in seen):
        change = Change(raw, apart[raw].new, apart[raw].old)
        why = _not_the_runs(change, steps)
        if path_text(raw) in (*large, *here.large):
            why = "too large to be stored, so no checkpoint holds it"
        if why:
            skipped.append(_skipped(change, why))
        else:
            todo.append(change)
    todo, clashes = _without_clashes(repo, todo)
    others = [path_text(raw) for raw in apart if raw not in seen]
    return Plan(here, todo, sorted(skipped + clashes), sorted(others), seen)


def _skipped(change: Change, why: str) -> Skipped:
    return Skipped(path_text(change.path), why, change.new[0] != ABSENT)


def _not_the_runs(change: Change, steps: list[tuple[dict[bytes, Change], bool]]) -> str | None:
    """Why what lies at a path is not what the run last left there; followed from the checkpoint on, change by change."""
    known: set[Entry] = {change.new}
    for found, sure in steps:
        step = found.get(change.path)
        if step is None:
            continue
        if step.old not in known:
            return "somebody else changed it, too, between two changes of the run"
        known = {step.new} if sure else known | {step.new}
    return None if change.old in known else "changed since the run left it"


def _without_clashes(repo: Repo, todo: list[Change]) -> tuple[list[Change], list[Skipped]]:
    """*todo* without what something stands in the way of, in the order in which it can be done: what goes first."""
    skipped = list[Skipped]()
    while True:
        gone = {change.path for change in todo if change.new[0] == ABSENT}
        found = {change.path: why for change in todo if (why := conflict(repo, change, {}, gone))}
        if not found:
            return sorted(todo, key=lambda change: (change.new[0] != ABSENT, change.path)), skipped
        skipped += [_skipped(change, found[change.path]) for change in todo if change.path in found]
        todo = [change for change in todo if change.path not in found]


def brought_back(repo: Repo, before: str, plan: Plan) -> Restored:
    """What an earlier call, cut short, has done since the work tree was as *before*."""
    apart = {path_text(change.path) for change in plan.todo} | {one.path for one in plan.skipped} | set(plan.others)
    (moved,) = entries(repo, (before, plan.here.tree))
    done = {raw: change for raw, change in moved.items() if raw in plan.seen and path_text(raw) not in apart}
    gone = [path_text(raw) for raw, change in done.items() if change.new[0] == ABSENT]
    return Restored([path_text(raw) for raw, change in done.items() if change.new[0] != ABSENT], gone, [])


def _row(change: Change) -> bytes:
    return b"%s %s\t%s\0" % (*change.new, change.path)


def restore(repo: Repo, plan: Plan, aside: str) -> Restored:
    """Carry out *plan*; what is to go is moved to the folder *aside*.

    Raises:
        GitError, OSError: a part of it may be done; planned anew and carried out again it goes on.
    """
    done = Restored([], [], list(plan.skipped))
    attributes = [change for change in plan.todo if os.path.basename(change.path) == b".gitattributes"]
    rest = [change for change in plan.todo if change not in attributes]
    for turn in filter(None, (attributes, rest)):  # they rule the line ends of the rest
        wanted = [change for change in turn if change.new[0] != ABSENT]
        with staged(repo, b"".join(map(_row, wanted)), [change.path for change in wanted], plan.here.quiet) as stage:
            for change in turn:
                _put(repo, change, stage, (plan, aside, done))
    return done


def _put(repo: Repo, change: Change, stage: bytes, into: tuple[Plan, str, Restored]) -> None:
    plan, aside, done = into
    same = identity(repo, change.path) == plan.seen[change.path]
    if not (same and put(repo, change, stage, os.fsencode(aside))):
        done.skipped.append(_skipped(change, "changed in this very moment"))
    elif change.new[0] == ABSENT:
        done.quarantined.append(path_text(change.path))
    else:
        done.restored.append(path_text(change.path))
