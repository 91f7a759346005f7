"""What the journal tells of worktrees: one was made for an item, its change was brought in, it was removed or left.

Each function changes the run as one event says; doubled news moves nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .records import Json, Merge, Run, Worktree

    Body = dict[str, Json]


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
    told: Merge = {name: body[name] for name in ("outcome", "paths", "conflicts", "base", "tree")}  # type: ignore[assignment]
    run["merges"] = {**known, key: told}
    tree = run.get("worktrees", {}).get(body["item"])
    if tree and tree["state"] == "open":
        tree["state"] = body["outcome"]


def _worktree_released(run: Run, body: Body) -> None:
    tree = run["worktrees"][body["item"]]
    if tree["visit"] == body["visit"]:
        tree.update({"state": "released", "left": body["left"], "ref": body["ref"]})


WORKTREES: dict[str, Callable[[Run, Body], None]] = {
    "worktree_made": _worktree_made,
    "merged": _merged,
    "worktree_released": _worktree_released,
}
