"""fermata's own work on worktrees: make one for an item, bring its change into the user's tree, let it go.

What is journalled and what lies on disk are brought together again by every call, so a crash between the two is made good
by the next `next`. Decides nothing about order or scope: `core.items` and the plan do.
"""

from __future__ import annotations

import os
import shlex
import sys
from functools import partial

from ..checks.command import from_json, parse_command
from ..core.actions import MERGE, RELEASE, WORKTREE, Action
from ..core.consultation import line
from ..core.items import on_branch, open_worktree, own_tree
from ..core.scope import covers
from ..git.bring_in import bring_in
from ..git.repo import GitError
from ..git.snapshot import changed_paths, take_snapshot
from ..git.three_way import part_of, place_tree
from ..git.worktrees import base_now, free_path, make_worktree, remove_worktree, usual_links, worktree_at
from .branch import base_of, merge_on_branch
from .site import still_due

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..checks.command import Command
    from ..core.records import NamedCheck, Run
    from ..git.repo import Repo
    from ..store.run_store import RunStore
    from .site import Site

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MAX_NAMED = 200  # paths, in one line of the journal


def root_of(site: Site, run: Run, node: str) -> Repo:
    """The tree that *node* works in: the user's own, or its item's worktree, which is there and whole then."""
    item = own_tree(run, node)
    tree = open_worktree(run, item) if item else None
    if tree is None:
        return site.repo
    links = run.get("worktree_setup", {}).get("links") or usual_links(site.repo)  # installed since the run began
    return make_worktree(site.repo, tree["path"], tree["commit"], links)


def clear_strays(repo: Repo, run: Run, path: str, name: str, scope: list[str]) -> None:
    """Put back, in worktree *path* before dispatch *name* begins, what one that failed there left outside *scope*.

    Never handed in, it is nobody's; to the next one it would be what was there already. It is kept under a ref.
    """
    made = [d for d in run["dispatches"].values() if d.get("worktree") == path and d["base_tree"]]
    begun = made[-1]["base_tree"] if made and made[-1]["state"] == "failed" else None
    tree = worktree_at(repo, path) if begun else None
    if tree and begun:
        put_back(tree, begun, scope, f"{run['run']}/{name}-strays")


def put_back(tree: Repo, began: str, scope: list[str], ref: str) -> list[str]:
    """Make *tree*, a worktree, be as in tree *began* outside *scope*; gives the paths. What lay there is kept under *ref*."""
    left = take_snapshot(tree)
    kept = part_of(tree, began, left, partial(covers, scope))
    if kept != left:
        place_tree(tree, left, kept, ref)
    return [change.path for change in changed_paths(tree, left, kept)]


def started(named: NamedCheck) -> Command:
    """The command as it is started: an inspection is this very program, and HEAD is what the worktree began with."""
    command = from_json(named["command"])
    if "inspection" not in named or command.argv is None:
        return command
    return parse_command(shlex.join([sys.executable, PACKAGE, *command.argv[1:]]))


def _name(action: Action) -> str:
    """What an item's worktree and its refs are called: `code.2`, in a second pass `code-2.2`, a second one `code.2-again-2`."""
    name = action.node.partition("/")[0].replace("~", "-")
    return name if action.visit == 1 else f"{name}-again-{action.visit}"


def _make(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """Journalled first, so that nobody ever works in a worktree that the run does not know; `root_of` finishes it."""
    name = _name(action)
    base = base_of(site, run) if on_branch(run) else base_now(site.repo, f"{run['run']}/{name}-base")
    path = free_path(site.repo, run["run"], name)
    body = {"item": action.node, "visit": action.visit, "path": path, "commit": base.commit, "tree": base.tree}
    root_of(site, store.note("cli", "worktree_made", body, partial(still_due, action)), action.node)


def _merge(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """The tree of the last accepted result, and of it what lies in the scope. Brought in first, then journalled."""
    if on_branch(run):
        merge_on_branch(site, store, run, action)
        return
    item = own_tree(run, action.node)
    tree = open_worktree(run, item) if item else None
    if item is None or tree is None:
        return
    handed_in = [d for d in run["dispatches"].values() if d.get("worktree") == tree["path"] and "tree" in d]
    new, scope = (handed_in[-1]["tree"], handed_in[-1]["scope"]) if handed_in else (tree["tree"], [])
    before = f"{run['run']}/{item.replace('~', '-')}-before-{action.visit}"
    found = bring_in(site.repo, tree["tree"], new, partial(covers, scope), before)
    body = {
        "node": action.node,
        "visit": action.visit,
        "item": item,
        "outcome": "conflict" if found.conflicts else "done",
        "paths": found.paths,
        "conflicts": found.conflicts[:MAX_NAMED],
        "base": tree["tree"],
        "tree": new,
    }
    store.note("cli", "merged", body, partial(still_due, action))


def _release(site: Site, store: RunStore, run: Run, action: Action) -> None:
    path = run["worktrees"][action.node]["path"]
    ref = f"{run['run']}/{_name(action)}-left"
    try:
        left = remove_worktree(site.repo, path, ref)
    except GitError as error:  # no reason to hold the run up: it lies where it lies, and is told of
        left = line(str(error), 300)
    body = {"item": action.node, "visit": action.visit, "path": path, "left": left, "ref": ref}
    store.note("cli", "worktree_released", body, partial(still_due, action))


PERFORM = {WORKTREE: _make, MERGE: _merge, RELEASE: _release}
