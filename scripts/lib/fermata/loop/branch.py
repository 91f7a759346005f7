"""fermata's own work on a branch of the run's own: gather what modules made, commit a phase, catch up, merge in the end.

Each function may be repeated after a crash: what it puts into a worktree is kept under a ref first, and the journal is
written last. Decides nothing about order, scope or proof: the plan, `core.items` and the checks do.
"""

from __future__ import annotations

from collections import namedtuple
from functools import partial

from ..core.consultation import line
from ..core.items import OWN, conflicts_at, item_of, items_over, open_worktree, own_tree
from ..core.order import waits_for
from ..core.scope import covers
from ..core.workflow import BEFORE, ITEM, MOVED, YOURS, stage_at
from ..git.landing import Home, land, look
from ..git.run_branch import branch_commit, branch_name, commit_at, commit_tree_on, is_ancestor, stand_at, tree_of
from ..git.snapshot import changed_paths, large_untracked, take_snapshot
from ..git.three_way import conflict_markers, merge_commits, merge_trees, part_of, place_tree
from ..git.worktrees import Base, worktree_at
from .checkpoints import branch_now, checkpoint_on_branch
from .site import still_due

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.actions import Action
    from ..core.records import Dispatch, Json, Run, Worktree
    from ..git.repo import Repo
    from ..git.three_way import Conflict
    from ..store.run_store import News, RunStore
    from .site import Site

MAX_NAMED = 200
Place = namedtuple("Place", "repo tree new ref")
Place.__doc__ = (
    """A worktree: where it lies, its record, the tree that lies in it, the ref for what lay there before a merge."""
)


def base_of(site: Site, run: Run) -> Base:
    """What a worktree of the run begins with: where its branch is, which is the user's commit before the first phase."""
    commit = branch_now(site.repo, run)
    return Base(tree_of(site.repo, commit), commit)


def merge_on_branch(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """What a stage of kind merge does here, by its `brings`; journalled as `merged`."""
    item = own_tree(run, action.node)
    record = open_worktree(run, item) if item else None
    repo = worktree_at(site.repo, record["path"]) if record else None
    if item is None or record is None or repo is None:
        why = f"the worktree {record['path'] if record else item} is gone; what was accepted lies under refs/fermata/{run['run']}/"
        store.note("cli", "limit_reached", {"node": action.node, "why": why}, partial(still_due, action))
        return
    ref = f"{run['run']}/{item.replace('~', '-')}-before-{action.node.rpartition('/')[2]}-{action.visit}"
    kept = commit_at(site.repo, f"refs/fermata/{ref}")  # an earlier try had got so far
    place = Place(repo, record, tree_of(site.repo, kept) if kept else take_snapshot(repo), ref)
    brings = stage_at(run["workflow"], action.node).get("brings", ITEM)
    body = BRINGS[brings](site, run, action, place)
    told = {text.rpartition(": ")[0] for text in body["conflicts"]}  # those first: they are looked at for markers
    paths = sorted(body["paths"], key=lambda path: path not in told)
    named = {"conflicts": body["conflicts"][:MAX_NAMED], "paths": paths[:MAX_NAMED]}
    fixed = {"node": action.node, "visit": action.visit, "item": item}
    news: News = [("merged", {**body, **named, **fixed})]
    if brings == ITEM and "commit" in body:
        name = _message(run, action.node).partition("\n")[0]
        news.append(("checkpoint_made", checkpoint_on_branch(site.repo, run, name, body["commit"])))
    store.transact("cli", lambda now: news if now and still_due(action, now) else [])


def _told(conflicts: list[Conflict]) -> list[str]:
    return [f"{found.path}: {found.kind}" for found in conflicts]


def _paths(repo: Repo, before: str, after: str) -> list[str]:
    return [change.path for change in changed_paths(repo, before, after)]


# --- the modules of a phase, into the worktree in which it is validated


def _gather(site: Site, run: Run, action: Action, place: Place) -> dict[str, Json]:
    base, told = place.tree["tree"], list[str]()
    merged = base
    for made in _handed_in(run, action.node):
        begun = _begun_with(run, made)
        # What an agent before it left outside the scope, and did not hand in, is nobody's.
        found = merge_trees(
            site.repo, begun, merged, part_of(site.repo, begun, made["tree"], partial(covers, made["scope"]))
        )
        merged, told = found.tree, [*told, *_told(found.conflicts)]
    place_tree(place.repo, place.new, merged, place.ref)
    outcome = "conflict" if told else "done"
    return {
        "outcome": outcome,
        "paths": _paths(site.repo, base, merged),
        "conflicts": told,
        "base": base,
        "tree": merged,
    }


def _handed_in(run: Run, node: str) -> list[Dispatch]:
    """The newest accepted change of each item that this one comes after, in their order."""
    outer, _, index = node.partition("/")[0].rpartition(".")
    steps = items_over(run, stage_at(run["workflow"], outer))
    found = []
    for before in waits_for(steps, int(index)):
        made = [d for d in run["dispatches"].values() if d["node"].startswith(f"{outer}.{before}/") and "tree" in d]
        found += [d for d in made if d["state"] == "completed"][-1:]
    return found


def _begun_with(run: Run, dispatch: Dispatch) -> str:
    return run["worktrees"][dispatch["node"].partition("/")[0]]["tree"]


def markers_left(repo: Repo, run: Run, node: str, tree: str) -> list[str]:
    """The paths that still hold conflict markers in *tree*, among those of the merge that *node* is to resolve."""
    ended = conflicts_at(run, node)
    return conflict_markers(repo, tree, ended[-1]["paths"]) if ended else []


# --- a validated phase, onto the run's branch


def _bring_item(site: Site, run: Run, action: Action, place: Place) -> dict[str, Json]:
    base, head = place.tree["tree"], base_of(site, run)
    paths = _paths(site.repo, base, place.new)
    body = {"paths": paths, "base": base, "tree": place.new}
    late = _unproven(site.repo, run, action.node, place)
    if late:
        return {
            **body,
            "outcome": "conflict",
            "conflicts": late,
            "begins": _begins(place.tree),
        }
    found = merge_trees(site.repo, base, head.tree, place.new)
    other = found.tree != place.new and MOVED in stage_at(run["workflow"], action.node).get("on", {})
    if found.conflicts or other:
        place_tree(place.repo, place.new, found.tree, place.ref)
        outcome = "conflict" if found.conflicts else MOVED
        return {**body, "outcome": outcome, "conflicts": _told(found.conflicts), "begins": head._asdict()}
    commit = _commit(site, run, found.tree, _message(run, action.node), [head.commit])
    return {**body, "outcome": "done", "conflicts": [], "commit": commit}


def _unproven(repo: Repo, run: Run, node: str, place: Place) -> list[str]:
    """What lies in the worktree and no check of the item has seen, or no commit could hold."""
    large = [f"{path} ({size / 1e6:,.0f} MB) is too large to be kept" for path, size in large_untracked(place.repo)]
    item = node.partition("/")[0]
    ended = [c for c in run["checks"].values() if c["node"].startswith(f"{item}/") and c.get("tree")]
    if not ended or large:
        return large
    own = {path for c in ended if c.get("outcome") == "unstable" for path in c.get("changed", [])}
    return [
        f"{path} has changed after the last check"
        for path in _paths(repo, str(ended[-1]["tree"]), place.new)
        if path not in own
    ]


def _message(run: Run, node: str) -> str:
    step = item_of(run, node)
    title = line(step.get("phase") or step["title"], 100) if isinstance(step, dict) else line(run["goal"], 100)
    return f"{title}\n\nfermata {run['run']}, validated by its own checks."


def _commit(site: Site, run: Run, tree: str, message: str, parents: list[str]) -> str:
    """*tree* on the run's branch; where it is there already, the commit that is."""
    now = branch_commit(site.repo, run["run"])
    if now and len(parents) == 1 and tree_of(site.repo, now) == tree:
        return now
    return commit_tree_on(site.repo, run["run"], tree, message, parents)


def _home(run: Run) -> Home:
    return Home(run["run"], run["base"].get("branch"), str(run["base"]["commit"]))


# --- the user's new commits, into the run's own worktree


def _catch_up(site: Site, run: Run, action: Action, place: Place) -> dict[str, Json]:
    before, merging = place.tree["tree"], _unresolved(run, action)
    parents = [base_of(site, run).commit, *([str(merging["head"])] if merging else [])]
    body: dict[str, Json] = {
        "paths": _paths(site.repo, before, place.new),
        "base": before,
        "tree": place.new,
        "conflicts": [],
    }
    left = conflict_markers(site.repo, place.new, body["paths"]) if merging else []
    if merging and left:
        told = [f"{path} still holds conflict markers" for path in left]
        return {
            **body,
            "outcome": "conflict",
            "conflicts": told,
            "head": merging["head"],
            "begins": _begins(place.tree),
        }
    resolved = f"Merge {parents[-1][:12]}" if merging else "Changes after the last phase"
    commit = _commit(site, run, place.new, f"{resolved}\n\nfermata {run['run']}", parents)
    theirs = look(site.repo, _home(run)).head
    if theirs is None or is_ancestor(site.repo, theirs, commit):
        return {**body, "outcome": "done", "commit": commit, "begins": _at(site, commit)}
    found = merge_commits(site.repo, commit, theirs)
    place_tree(place.repo, place.new, found.tree, place.ref)
    body |= {
        "paths": _paths(site.repo, place.new, found.tree),
        "tree": found.tree,
        "head": theirs,
        "conflicts": _told(found.conflicts),
    }
    if found.conflicts:
        return {**body, "outcome": "conflict", "begins": _at(site, commit)}
    merged = _commit(site, run, found.tree, f"Merge {theirs[:12]}\n\nfermata {run['run']}", [commit, theirs])
    return {**body, "outcome": "done", "commit": merged, "begins": _at(site, merged)}


def _unresolved(run: Run, action: Action) -> dict[str, Json] | None:
    """The merge with the user's commits that was in conflict when this stage was visited last, and an agent has resolved."""
    last: Json = run.get("merges", {}).get(f"{action.node}#{action.visit - 1}")
    return last if last and last["outcome"] == "conflict" and "head" in last else None


def _at(site: Site, commit: str) -> dict[str, str]:
    return {"commit": commit, "tree": tree_of(site.repo, commit)}


def _begins(tree: Worktree) -> dict[str, str]:
    return {"commit": tree["commit"], "tree": tree["tree"]}


BRINGS = {BEFORE: _gather, ITEM: _bring_item, YOURS: _catch_up}


# --- the end


def finish_branch(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """Merge the run's branch into the user's, or say why it stays where it is; new commits of theirs come first."""
    record = open_worktree(run, OWN)
    repo = worktree_at(site.repo, record["path"]) if record else None
    commit = base_of(site, run).commit
    if repo is not None:
        tree = take_snapshot(repo)
        commit = _commit(site, run, tree, f"Changes after the last phase\n\nfermata {run['run']}", [commit])
        stand_at(repo, commit)
    home = _home(run)
    standing = look(site.repo, home)
    merged = standing.head and is_ancestor(site.repo, commit, standing.head)  # before a crash, say
    if standing.moved and not standing.why and not merged and action.node:
        body = {"node": action.node, "visit": action.visit, "head": standing.head}
        store.note("cli", "branch_moved", body, partial(still_due, action))
        return
    message = f"{line(run['goal'], 100)}\n\nfermata {run['run']}"
    found = land(site.repo, home, message)
    landed = {"commit": found.commit, "onto": home.branch, "why": found.why, "how": found.how}
    store.note("cli", "landed", {**landed, "branch": branch_name(run["run"])}, partial(still_due, action))
