"""What the journal tells of worktrees: one was made, what was merged from it or into it, it was removed or left.

Also what became of the run's own branch in the end.

Each function changes the run as one event says; doubled news moves nothing.
"""

from __future__ import annotations

from .workflow import ITEM, stage_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .records import Json, Merge, Run, Worktree

    Body = dict[str, Json]


MERGE = ("outcome", "paths", "conflicts", "base", "tree", "commit", "head")


def _worktree_made(run: Run, body: Body) -> None:
    known: dict[str, Worktree] = run.get("worktrees", {})
    if body["item"] in known and known[body["item"]]["visit"] >= body["visit"]:
        return
    made: Worktree = {
        "path": body["path"],
        "commit": body["commit"],
        "tree": body["tree"],
        "visit": body["visit"],
        "state": "open",
    }
    run["worktrees"] = {**known, body["item"]: made}


def _merged(run: Run, body: Body) -> None:
    """The first news of one visit counts: what was brought in once is in the user's tree."""
    known: dict[str, Merge] = run.get("merges", {})
    key = f"{body['node']}#{body['visit']}"
    if key in known:
        return
    told: Merge = {name: body[name] for name in MERGE if name in body}  # type: ignore[assignment]
    run["merges"] = {**known, key: told}
    tree = run.get("worktrees", {}).get(body["item"])
    if tree is None or tree["state"] != "open":
        return
    if "begins" in body:  # from now on the worktree is told apart from what was merged into it
        tree.update(body["begins"])
    elif stage_at(run["workflow"], body["node"]).get("brings", ITEM) == ITEM:
        tree["state"] = body["outcome"]


def _worktree_released(run: Run, body: Body) -> None:
    tree = run["worktrees"][body["item"]]
    if tree["visit"] == body["visit"]:
        tree.update({"state": "released", "left": body["left"], "ref": body["ref"]})


def _branch_moved(run: Run, body: Body) -> None:
    """The user has new commits: they are merged into the run's branch before that is merged into theirs."""
    run["stale"] = f"{body['node']}#{body['visit']}"


def _landed(run: Run, body: Body) -> None:
    if "landed" not in run:
        run["landed"] = {key: body[key] for key in ("commit", "onto", "why", "how")}


WORKTREES: dict[str, Callable[[Run, Body], None]] = {
    "worktree_made": _worktree_made,
    "merged": _merged,
    "worktree_released": _worktree_released,
    "branch_moved": _branch_moved,
    "landed": _landed,
}
