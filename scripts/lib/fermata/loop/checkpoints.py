"""Checkpoints of a run: save one, roll back to one, take a rollback back.

A checkpoint is a place in the journal and a tree that a ref of fermata's own keeps. Rolling back restores the files that
the run changed since then and lets the run stand where it stood; before it, it saves where to come back to. What it is
about to do is journalled first, so that one that was killed is finished, or undone, by the next call.
"""

from __future__ import annotations

import os
import re
import time
from collections import namedtuple

from ..core.checkpoint_events import stands
from ..core.consultation import line
from ..core.fold import fold
from ..core.left_behind import Left, left_since
from ..core.position import ENDED, at_work
from ..git.repo import head_commit, operation_in_progress, path_text, run_git, worktree_name
from ..git.restore import ABSENT, Plan, brought_back, plan_restore, restore
from ..git.snapshot import keep_tree, look, pin_tree
from ..store.errors import Conflict, StoreError, Usage
from ..store.lock import locked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Checkpoint, Dispatch, Json, Run
    from ..git.repo import Repo
    from ..git.snapshot import Seen
    from ..store.run_store import RunStore

NAME = re.compile(r"cp_[0-9]{1,12}_[0-9a-f]{4,8}\Z")
MAX_NAME = 80
SILENT_SECONDS = 60.0
DRIVE_SECONDS = 60.0
Rollback = namedtuple("Rollback", "checkpoint undo restored quarantined skipped others head")
Rollback.__doc__ = """What a rollback did, or would do: `undo` is the id of the checkpoint before it, empty while it is only shown.

`skipped` holds (path, why); `others` differ from the checkpoint and are not the run's; `head` is HEAD now.
"""


class BadId(StoreError):
    """No name of a checkpoint."""

    exit_code = 8


def new_id() -> str:
    """Sortable by time, and another one for each of two made in the same second."""
    return f"cp_{int(time.time())}_{os.urandom(2).hex()}"


def ref_of(run: str, name: str) -> str:
    """What keeps checkpoint *name*, below `refs/fermata/`."""
    return f"{run}/{name}"


def make_checkpoint(store: RunStore, repo: Repo, name: str, after: str = "") -> Checkpoint:
    """Save the work tree *repo* as it is, and where the run stands.

    Args:
        store: the run.
        repo: the user's tree, or a worktree of fermata's.
        name: in a person's words.
        after: the dispatch whose work it holds, if any.

    Raises:
        StoreError, OSError, GitError: nothing was saved, and nothing is called so.
    """
    run, seen, head, known = store.load(), look(repo), head_commit(repo), new_id()
    text = f"fermata: {line(name, MAX_NAME)}"
    commit = keep_tree(repo, seen.tree, ref_of(run["run"], known), text, parent=head)
    body = _body(known, name, after, seen.tree, seen.large) | {"commit": commit, "head": head}
    made = store.note("cli", "checkpoint_made", {**body, "place": worktree_name(repo)})
    return made["checkpoints"][-1]


def _body(known: str, name: str, after: str, tree: str, large: list[str]) -> dict[str, Json]:
    body: dict[str, Json] = {"id": known, "name": line(name, MAX_NAME), "after": after, "tree": tree}
    return {**body, "large": large} if large else body


def checkpoint_after(repo: Repo, run: Run, dispatch: Dispatch, seen: Seen) -> dict[str, Json]:
    """The journal's words for the checkpoint after an accepted result, whose tree was *seen* anyway: one process more.

    Only the tree is kept, without a commit of it.
    """
    known = new_id()
    pin_tree(repo, seen.tree, ref_of(run["run"], known))
    body = _body(known, f"after {dispatch['id']}", dispatch["id"], seen.tree, seen.large)
    return {**body, "commit": "", "head": run["base"]["commit"], "place": worktree_name(repo)}


def find_checkpoint(run: Run, name: str) -> Checkpoint:
    """The checkpoint of *run* with this id.

    Raises:
        BadId: that is no id.
        Conflict: the run has none of that id.
    """
    if not NAME.match(name):
        raise BadId(
            f"{line(name, 60)!r} names no checkpoint; one is called cp_1763712000_3fa9, and `fermata checkpoint list` shows all"
        )
    known: list[Checkpoint] = run.get("checkpoints", [])
    for one in known:
        if one["id"] == name:
            return one
    raise Conflict(
        f"run {run['run']} has no checkpoint {name}; `fermata checkpoint list` shows those it has, --run names another run"
    )


def last_rollback(run: Run) -> Checkpoint:
    """What leads back to before the newest rollback. Raises Usage where there was none."""
    known: list[Checkpoint] = run.get("checkpoints", [])
    found = [one for one in known if "back_to" in one]
    if not found:
        raise Usage(f"run {run['run']} was never rolled back, so there is nothing to undo")
    return found[-1]


def roll_back(store: RunStore, repo: Repo, name: str, *, really: bool = True) -> Rollback:
    """Restore what the run changed in *repo* since checkpoint *name*; without *really* only say what would be done.

    Raises:
        BadId, Conflict: there is no such checkpoint, it is of another work tree, or this is no moment for it.
        StoreError, OSError, GitError: part of it may be done; the same call goes on, or `last_rollback` leads back.
    """
    with locked(store.path("drive.lock"), DRIVE_SECONDS):
        run, events = store.load(), store.events()
        at = find_checkpoint(run, name)
        _refuse(run, repo, at)
        left = left_since(events, name)
        if at["place"] != run["base"].get("worktree", "."):
            left = [*_all_of_head(repo, at), *left]
        plan = plan_restore(repo, at["tree"], left, at.get("large", []))
        head = head_commit(repo)
        if not really:
            return _shown(at, plan, head)
        then = fold(events[: 1 + _line(events, name)])
        if not plan.todo and events[-1]["type"] == "rolled_back" and events[-1]["body"]["id"] == name:
            return _shown(at, plan, head)._replace(undo=events[-1]["body"]["undo"])
        pending = _cut_short(run, events, name)
        before = brought_back(repo, pending["tree"], plan) if pending else None
        undo = pending["id"] if pending else _save_before(store, repo, at, plan, head)
        done = restore(repo, at["tree"], plan, store.path("quarantine", undo))
        if before:
            done = done._replace(
                restored=before.restored + done.restored, quarantined=before.quarantined + done.quarantined
            )
        body: dict[str, Json] = {"id": name, "undo": undo, **done._asdict()}
        if then and at["place"] == run["base"].get("worktree", "."):
            body["stands"] = stands(then)
        store.note("cli", "rolled_back", body)
    return Rollback(at, undo, done.restored, done.quarantined, done.skipped, plan.others, head)


def _line(events: list[Json], name: str) -> int:
    return next(
        n for n, event in enumerate(events) if event["type"] == "checkpoint_made" and event["body"]["id"] == name
    )


def _all_of_head(repo: Repo, at: Checkpoint) -> list[Left]:
    """Of a worktree of fermata's own: all that is committed there is the run's."""
    tree = run_git(repo, "rev-parse", "HEAD^{tree}").decode().strip()
    return [Left(at["tree"], tree, None, True)]


def _shown(at: Checkpoint, plan: Plan, head: str | None) -> Rollback:
    ends = {goes: [path_text(c.path) for c in plan.todo if (c.new[0] == ABSENT) is goes] for goes in (False, True)}
    return Rollback(at, "", ends[False], ends[True], plan.skipped, plan.others, head)


def _cut_short(run: Run, events: list[Json], name: str) -> Checkpoint | None:
    """What was saved before a rollback to *name* that did not come to its end, if that was the last one."""
    newest: Checkpoint = run.get("checkpoints", [])[-1]
    ended = {event["body"]["undo"] for event in events if event["type"] == "rolled_back"}
    return newest if newest.get("back_to") == name and newest["id"] not in ended else None


def _save_before(store: RunStore, repo: Repo, at: Checkpoint, plan: Plan, head: str | None) -> str:
    """The checkpoint that leads back, made of the tree that *plan* has looked at anyway; gives its id."""
    known, name = new_id(), f"before the rollback to {at['id']}"
    run = os.path.basename(store.folder)
    commit = keep_tree(repo, plan.tree, ref_of(run, known), f"fermata: {name}", parent=head)
    body = _body(known, name, "", plan.tree, plan.large)
    body |= {"commit": commit, "head": head, "place": at["place"], "back_to": at["id"]}
    store.note("cli", "checkpoint_made", body)
    return known


def _refuse(run: Run, repo: Repo, at: Checkpoint) -> None:
    """Raises Conflict where a rollback would meet somebody at work, or the wrong tree."""
    if at["place"] != worktree_name(repo):
        raise Conflict(f"{at['id']} is of another work tree ({at['place']}); type this there")
    operation = operation_in_progress(repo)
    if operation:
        raise Conflict(
            f"a {operation} is in progress here, and its files are not the run's. End it, or `git {operation.split()[0]} --abort`, then roll back"
        )
    busy = [name for name in at_work(run) if not _gone(run, name)]
    running = [c["id"] for c in run["checks"].values() if c["state"] == "running"]
    by_command = [d["id"] for d in run["dispatches"].values() if d["state"] == "running" and "command" in d]
    if busy or running or by_command:
        names = ", ".join([*busy, *by_command, *running])
        raise Conflict(
            f"{names}: at work in run {run['run']} just now. Wait until that has ended, or type /fermata:stop in its session and let "
            f"{SILENT_SECONDS:.0f} seconds pass, then roll back"
        )


def _gone(run: Run, name: str) -> bool:
    """Whether the agent of a run that was parked, or has ended, says nothing any more."""
    if run["status"] not in ("stopped", *ENDED):
        return False
    try:
        return time.time() - os.stat(run["dispatches"][name]["transcript"]).st_mtime > SILENT_SECONDS
    except OSError:
        return True
