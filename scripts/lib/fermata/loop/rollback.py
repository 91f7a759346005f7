"""Rolls a run back to a checkpoint: restores what it changed since, and lets it stand where it stood.

Before it, a checkpoint is saved that leads back. That, with where it is to go, is journalled before the first file is
touched, so that a rollback that was killed is finished by the same call, or undone by going back to what was saved.
"""

from __future__ import annotations

import os
import time
from collections import namedtuple

from ..core.checkpoint_events import stands
from ..core.consultation import line
from ..core.fold import fold
from ..core.items import on_branch
from ..core.left_behind import Left, left_since
from ..core.position import ENDED, at_work
from ..git.bring_in import ABSENT
from ..git.repo import operation_in_progress, path_text, run_git
from ..git.restore import Plan, brought_back, plan_restore, restore
from ..git.run_branch import branch_name, move_branch, refuse_if_held, tree_of
from ..git.snapshot import changed_paths, keep_tree
from ..store.errors import Conflict, Usage
from ..store.lock import locked
from .checkpoints import (
    DRIVE_SECONDS,
    body_of,
    branch_now,
    checkpoint_on_branch,
    find_checkpoint,
    head_of,
    new_id,
    ref_of,
    refuse_elsewhere,
)
from .own_checks import collect_checks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Checkpoint, Json, Run
    from ..git.repo import Repo
    from ..store.run_store import RunStore

SILENT_SECONDS = 60.0
MAX_NAMED = 200  # paths, in one line of the journal
Rollback = namedtuple(
    "Rollback", "checkpoint undo restored quarantined skipped others head commits branch", defaults=("",)
)
Rollback.__doc__ = """What a rollback did, or would do: `undo` is the id of the checkpoint before it, empty while it is only shown.

`skipped` holds `git.restore.Skipped`; `others` differ from the checkpoint and are not the run's; `head` is HEAD now, and
`commits` how many were made since, None where HEAD was moved elsewhere; `branch`: it is the run's own branch that went back.
"""


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
        collect_checks(store)  # nobody else notes the end of one that a stop, an abort or a crash left behind
        run, events = store.load(), store.events()
        at = find_checkpoint(run, name)
        _refuse(run, repo, at)
        if on_branch(run):
            return _branch_back(store, repo, at, really=really)
        left = left_since(events, name)
        if at["place"] != run["base"].get("worktree", "."):
            left = [*_all_of_head(repo, at), *left]
        plan = plan_restore(repo, at["tree"], left, at.get("large", []))
        head = head_of(repo)
        if not really:
            return _shown(repo, at, plan, head)
        then = fold(events[: 1 + _line(events, name)])
        if not plan.todo and events[-1]["type"] == "rolled_back" and events[-1]["body"]["id"] == name:
            return _shown(repo, at, plan, head)._replace(undo=events[-1]["body"]["undo"])
        pending = _cut_short(run, events, name)
        before = brought_back(repo, pending["tree"], plan) if pending else None
        undo = pending["id"] if pending else _save_before(store, repo, at, plan, head)
        done = restore(repo, plan, store.path("quarantine", undo))
        if before:
            done = done._replace(
                restored=before.restored + done.restored, quarantined=before.quarantined + done.quarantined
            )
        left_alone = [{"path": one.path, "why": one.why} for one in done.skipped]
        body: dict[str, Json] = {"id": name, "undo": undo, **done._asdict(), "skipped": left_alone}
        if then and at["place"] == run["base"].get("worktree", "."):
            body["stands"] = stands(then)
        store.note("cli", "rolled_back", body)
    return _shown(repo, at, plan, head)._replace(undo=undo, **done._asdict())


def _branch_back(store: RunStore, repo: Repo, at: Checkpoint, *, really: bool) -> Rollback:
    """The same for a run that works on a branch of its own: that goes back, and nobody's work tree is touched."""
    run, events = store.load(), store.events()
    if run["status"] in ENDED:
        raise Conflict(_ended(run, at))
    refuse_if_held(repo, run["run"])
    now, newest = branch_now(repo, run), events[-1]
    paths = [change.path for change in changed_paths(repo, tree_of(repo, now), tree_of(repo, at["branch"]))]
    found = Rollback(at, "", paths, [], [], [], run["base"]["commit"], 0, branch_name(run["run"]))
    if newest["type"] == "rolled_back" and newest["body"]["id"] == at["id"]:
        return found._replace(undo=newest["body"]["undo"])
    if not really:
        return found
    pending = _cut_short(run, events, at["id"])
    if pending:
        undo = pending["id"]
        paths = [change.path for change in changed_paths(repo, pending["tree"], at["tree"])]
    else:
        body = checkpoint_on_branch(repo, run, f"before the rollback to {at['id']}", now)
        undo = body["id"]
        store.note("cli", "checkpoint_made", {**body, "back_to": at["id"]})
    move_branch(repo, run["run"], at["branch"])
    then = fold(events[: 1 + _line(events, at["id"])])
    assert then is not None
    told: dict[str, Json] = {"id": at["id"], "undo": undo, "restored": paths[:MAX_NAMED], "quarantined": []}
    store.note("cli", "rolled_back", {**told, "skipped": [], "stands": stands(then)})
    return found._replace(undo=undo, restored=paths)


def _ended(run: Run, at: Checkpoint) -> str:
    """Why a run that is over does not go back, and what its user can do: that depends on whether it was merged."""
    merged = run.get("landed", {}).get("commit")
    if merged:
        way = f"git revert -m 1 {merged[:12]}"
        return f"run {run['run']} has ended; what it merged into your branch is taken back by a commit: {way}"
    return (
        f"run {run['run']} has ended, and nothing of it was merged into your branch. To have {line(at['name'], 80)} and what "
        f"came before it: git merge {at['branch'][:12]}; to let all of it go: git branch -D {branch_name(run['run'])}"
    )


def _line(events: list[Json], name: str) -> int:
    return next(
        n for n, event in enumerate(events) if event["type"] == "checkpoint_made" and event["body"]["id"] == name
    )


def _all_of_head(repo: Repo, at: Checkpoint) -> list[Left]:
    """Of a worktree of fermata's own: all that is committed there is the run's."""
    tree = run_git(repo, "rev-parse", "HEAD^{tree}").decode().strip()
    return [Left(at["tree"], tree, None, True)]


def _shown(repo: Repo, at: Checkpoint, plan: Plan, head: str | None) -> Rollback:
    ends = {goes: [path_text(c.path) for c in plan.todo if (c.new[0] == ABSENT) is goes] for goes in (False, True)}
    return Rollback(at, "", ends[False], ends[True], plan.skipped, plan.others, head, _commits(repo, at["head"], head))


def _commits(repo: Repo, then: str | None, now: str | None) -> int | None:
    if then is None or now is None or then == now:
        return 0 if then == now else None
    apart = run_git(repo, "rev-list", "--left-right", "--count", f"{then}...{now}", "--", ok=(0, 128)).split()
    only_then, only_now = (*apart, b"", b"")[:2]  # nothing where the commit of then is gone
    return int(only_now) if only_then == b"0" else None


def _cut_short(run: Run, events: list[Json], name: str) -> Checkpoint | None:
    """What was saved before a rollback to *name* that did not come to its end, if that was the last one."""
    newest: Checkpoint = run.get("checkpoints", [])[-1]
    ended = {event["body"]["undo"] for event in events if event["type"] == "rolled_back"}
    return newest if newest.get("back_to") == name and newest["id"] not in ended else None


def _save_before(store: RunStore, repo: Repo, at: Checkpoint, plan: Plan, head: str | None) -> str:
    """The checkpoint that leads back, made of the tree that *plan* has looked at anyway; gives its id."""
    known, name = new_id(), f"before the rollback to {at['id']}"
    run = os.path.basename(store.folder)
    commit = keep_tree(repo, plan.here.tree, ref_of(run, known), f"fermata: {name}", parent=head)
    body = body_of(known, name, "", plan.here.tree, plan.here.large)
    body |= {"commit": commit, "head": head, "place": at["place"], "back_to": at["id"]}
    store.note("cli", "checkpoint_made", body)
    return known


def _refuse(run: Run, repo: Repo, at: Checkpoint) -> None:
    """Raises Conflict where a rollback would meet somebody at work, or the wrong tree."""
    refuse_elsewhere(repo, at)
    operation = operation_in_progress(repo)
    if operation:
        raise Conflict(
            f"a {operation} is in progress here, and its files are not the run's. End it, or `git {operation.split()[0]} --abort`, then roll back"
        )
    _refuse_busy(run)


def _refuse_busy(run: Run) -> None:
    busy = [name for name in at_work(run) if not _gone(run, name)]
    running = [c["id"] for c in run["checks"].values() if c["state"] == "running"]
    by_command = [d["id"] for d in run["dispatches"].values() if d["state"] == "running" and "command" in d]
    if busy or running or by_command:
        names = ", ".join([*busy, *by_command, *running])
        raise Conflict(f"{names}: at work in run {run['run']} just now. {_way_on(run)}")


def _way_on(run: Run) -> str:
    """How whoever waits for a rollback comes to it; what is typed while the client works is read after its turn only."""
    if run["status"] in ("stopped", *ENDED):
        return f"Nothing new begins there; wait until it has ended, or was silent for {SILENT_SECONDS:.0f} seconds, then roll back"
    stop = "press Esc in its session and type /fermata:stop (typed without Esc, it is read only when the turn is over)"
    return f"Wait until that has ended; or {stop}, let {SILENT_SECONDS:.0f} seconds pass, then roll back"


def _gone(run: Run, name: str) -> bool:
    """Whether the agent of a run that was parked, or has ended, says nothing any more."""
    if run["status"] not in ("stopped", *ENDED):
        return False
    try:
        return time.time() - os.stat(run["dispatches"][name]["transcript"]).st_mtime > SILENT_SECONDS
    except OSError:
        return True
