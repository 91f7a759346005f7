"""Checkpoints of a run: saved by a person, by the engine, and after each accepted result; found and compared.

A checkpoint is a place in the journal and a tree that a ref of fermata's own keeps. Going back to one is `rollback.py`'s.
"""

from __future__ import annotations

import os
import re
import time

from ..core.consultation import line
from ..core.items import on_branch
from ..git.repo import head_commit, worktree_name, worktree_root
from ..git.run_branch import branch_commit, tree_of
from ..git.snapshot import changed_lines, changed_paths, diff_text, keep_tree, look, pin_tree, take_snapshot
from ..host.head import head_commit as quick_head
from ..store.errors import Conflict, StoreError
from ..store.lock import locked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Checkpoint, Dispatch, Json, Run
    from ..git.repo import Repo
    from ..git.snapshot import Change, Seen
    from ..store.run_store import RunStore

NAME = re.compile(r"cp_[0-9]{1,12}_[0-9a-f]{4,8}\Z")
MAX_NAME = 80
BRANCH = "branch"  # the place of what is no work tree
DRIVE_SECONDS = 60.0


class BadId(StoreError):
    """No name of a checkpoint."""

    exit_code = 8


def new_id() -> str:
    """Sortable by time, and another one for each of two made in the same second."""
    return f"cp_{int(time.time())}_{os.urandom(2).hex()}"


def ref_of(run: str, name: str) -> str:
    """What keeps checkpoint *name*, below `refs/fermata/`."""
    return f"{run}/{name}"


def head_of(repo: Repo) -> str | None:
    """The commit that HEAD names: by hand, and by git where that cannot tell."""
    return quick_head(repo.root, repo.common_dir) or head_commit(repo)


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
    run, seen, head, known = store.load(), look(repo), head_of(repo), new_id()
    text = f"fermata: {line(name, MAX_NAME)}"
    commit = keep_tree(repo, seen.tree, ref_of(run["run"], known), text, parent=head)
    body = body_of(known, name, after, seen.tree, seen.large) | {"commit": commit, "head": head}
    if on_branch(run):
        body["branch"] = branch_now(repo, run)
    made = store.note("cli", "checkpoint_made", {**body, "place": worktree_name(repo)})
    return made["checkpoints"][-1]


def save_now(store: RunStore, repo: Repo, name: str) -> Checkpoint:
    """`make_checkpoint` by a person: between the steps of the run, and never in the middle of a rollback."""
    with locked(store.path("drive.lock"), DRIVE_SECONDS):
        return make_checkpoint(store, repo, name)


def apart_from(repo: Repo, run: Run, at: Checkpoint) -> list[Change]:
    """What differs between checkpoint *at* and what is there now. Raises Conflict where that is another work tree."""
    return changed_paths(repo, at["tree"], _now(repo, run, at))


def lines_from(repo: Repo, run: Run, at: Checkpoint) -> list[tuple[str, int | None]]:
    """The same with the number of lines, None for what is no text."""
    return changed_lines(repo, at["tree"], _now(repo, run, at))


def diff_from(repo: Repo, run: Run, at: Checkpoint, limit: int) -> str:
    """The same as a unified diff of at most *limit* bytes."""
    return diff_text(repo, at["tree"], _now(repo, run, at), limit)


def _now(repo: Repo, run: Run, at: Checkpoint) -> str:
    """The tree that stands where *at* was made: of the run's own branch, or of the work tree."""
    refuse_elsewhere(repo, at)
    return tree_of(repo, branch_now(repo, run)) if at["place"] == BRANCH else take_snapshot(repo)


def body_of(known: str, name: str, after: str, tree: str, large: list[str]) -> dict[str, Json]:
    body: dict[str, Json] = {"id": known, "name": line(name, MAX_NAME), "after": after, "tree": tree}
    return {**body, "large": large} if large else body


def checkpoint_after(repo: Repo, run: Run, dispatch: Dispatch, seen: Seen) -> dict[str, Json]:
    """The journal's words for the checkpoint after an accepted result, whose tree was *seen* anyway: one process more.

    Only the tree is kept, without a commit of it.
    """
    known = new_id()
    pin_tree(repo, seen.tree, ref_of(run["run"], known))
    body = body_of(known, f"after {dispatch['id']}", dispatch["id"], seen.tree, seen.large)
    return {**body, "commit": "", "head": run["base"]["commit"], "place": worktree_name(repo)}


def branch_now(repo: Repo, run: Run) -> str:
    """The commit at which the run's own branch is: the user's, before its first."""
    return branch_commit(repo, run["run"]) or str(run["base"]["commit"])


def checkpoint_on_branch(repo: Repo, run: Run, name: str, commit: str) -> dict[str, Json]:
    """The journal's words for a checkpoint at *commit*, which the run's own branch has come to; no work tree is looked at."""
    known = new_id()
    pin_tree(repo, commit, ref_of(run["run"], known))
    body = body_of(known, name, "", tree_of(repo, commit), [])
    return {**body, "commit": commit, "head": run["base"]["commit"], "place": BRANCH, "branch": commit}


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


def refuse_elsewhere(repo: Repo, at: Checkpoint) -> None:
    """Raises Conflict where checkpoint *at* is of another work tree than *repo*."""
    if at["place"] not in (worktree_name(repo), BRANCH):
        place = worktree_root(repo.common_dir, at["place"]) or "the repository's first one"
        raise Conflict(f"{at['id']} is of another work tree, {place}; type this there")
