"""The items of a foreach: which there are, how many may be at work at once, and which of them get a worktree.

Pure functions of the run. Whether an item works in a worktree follows from the plan and what was approved alone, so it
is the same after a crash: an item that is never at work beside another one works in place, any other in a worktree of
its own. Where the workflow has a branch of its own nothing works in place: each item has a worktree, and so has what
comes after them, the run's own. An item is named as its nodes begin: `code.2`, in a second pass `code~2.2`.
"""

from __future__ import annotations

from .order import beside, common
from .workflow import stage_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import Gate, Json, Merge, Run, Stage, Worktree


# What the worktree is called in which the run's own branch lies; no item is called so, since those have a number.
OWN = "own"


def in_force(run: Run) -> Gate | None:
    """The gate whose plan is carried out: the approved one, or a later, narrower one that the approval covers."""
    gate = run["gate"]
    return gate if run["approved"] and gate and "kept" in gate else run["approved"]


def items_over(run: Run, stage: Stage) -> list[Json]:
    """The list a foreach repeats over: `plan.steps` is field `steps` that stage `plan` kept."""
    source, _, field = stage.get("over", "").partition(".")
    found = run["kept"].get(source, {}).get(field, [])
    return found if isinstance(found, list) else []


def item_of(run: Run, node: str) -> Json | None:
    """The item (a step of the plan, say) that *node* works on; None outside a foreach."""
    outer, dot, rest = node.partition("/")[0].partition(".")
    if not dot:
        return None
    found = items_over(run, stage_at(run["workflow"], outer))
    return found[int(rest)] if int(rest) < len(found) else None


def parallel_of(run: Run, stage: Stage) -> int:
    """How many agents may be at work at once at *stage*: what it says, within the settings' own limit."""
    return min(stage.get("parallel", 1), run["limits"].get("parallel", 10))


def threads_of(run: Run, stage: Stage) -> int:
    """How many items of the foreach *stage* may be at work at once: as many as were approved, which is 1 without a word."""
    gate = in_force(run)
    return min(stage.get("parallel", 1), gate["envelope"].get("threads", 1)) if gate else 1


def on_branch(run: Run) -> bool:
    """Whether the run works on a branch of its own, and never in the user's tree."""
    return run["workflow"].get("branch", False)


def names_tree(node: str) -> bool:
    """Whether *node* is no stage but what has a worktree: an item, or the run itself."""
    return "/" not in node and ("." in node or node == OWN)


def own_tree(run: Run, node: str) -> str | None:
    """Whose worktree *node* works in: its item's, or `OWN`, the run's; None for what works in place."""
    item = node.partition("/")[0]
    name, dot, index = item.partition(".")
    if on_branch(run):
        return item if dot else OWN if run["approved"] else None
    if not dot:
        return None
    stage = stage_at(run["workflow"], name)
    steps = items_over(run, stage)
    apart = threads_of(run, stage) > 1 and int(index) < len(steps) and beside(steps, int(index))
    return item if apart else None


def open_worktree(run: Run, item: str) -> Worktree | None:
    """The worktree that *item* works in now."""
    found = run.get("worktrees", {}).get(item)
    return found if found and found["state"] == "open" else None


def lying(run: Run) -> dict[str, Worktree]:
    """The worktrees that have not been removed, by item: in use, or left because something in them would be lost."""
    return {
        item: tree for item, tree in run.get("worktrees", {}).items() if tree["state"] != "released" or tree.get("left")
    }


def conflicts_at(run: Run, node: str) -> list[Merge]:
    """The merges of *node*'s own item, or outside a foreach those of the whole, that did not go through; oldest first."""
    item = node.partition("/")[0] if "/" in node else ""
    merges = run.get("merges", {}).items()
    mine = [m for key, m in merges if (key.partition("/")[0] if "/" in key else "") == item]
    return [merge for merge in mine if merge["outcome"] == "conflict"]


def clashing(run: Run, scope: list[str]) -> str | None:
    """Why nobody may begin to write in *scope* now: somebody else is at it. No plan that was handed in leads here.

    On a branch of the run's own everybody has a worktree, and what was changed twice is merged.
    """
    if on_branch(run):
        return None
    for dispatch in run["dispatches"].values():
        shared = common(dispatch["scope"], scope) if dispatch["state"] not in ("completed", "failed") else []
        if shared:
            return f"{dispatch['id']} is at work on `{shared[0]}`, and no two agents change the same files at once"
    return None


def released(run: Run) -> Iterator[str]:
    """The items whose worktrees nobody needs any more: brought in, to be made anew, or of a pass that is over."""
    busy = {d.get("worktree") for d in run["dispatches"].values() if d["state"] in ("running", "asking", "answered")}
    for item, tree in run.get("worktrees", {}).items():
        if tree["state"] != "released" and tree["path"] not in busy and _over(run, item, tree):
            yield item


def _over(run: Run, item: str, tree: Worktree) -> bool:
    """While an approval is asked for anew the run may still come back to where it stood, so nothing is over then."""
    if tree["state"] != "open" or item == OWN:
        return tree["state"] != "open" or "landed" in run
    outer, _, index = item.partition(".")
    name, _, visit = outer.partition("~")
    frame = run["position"]
    here = frame["at"] == name and frame["visits"][name] == int(visit or 1)
    done = here and frame["inner"].get(index, {"at": name})["at"] is None
    return done or not (here or run["voided"])
