"""What the journal tells of checkpoints: one was made, and the run was rolled back to one.

A run that is rolled back stands again where it stood then, and goes on from there. Every stage is visited under a number
that no earlier visit had (`later_visit` of `position.py`), so that no result or check from before serves a second time.
"""

from __future__ import annotations

import copy

from .envelope import beyond
from .items import on_branch, own_tree
from .position import ENDED, inside
from .workflow import stage_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .records import Checkpoint, Frame, Gate, Json, Run, Stage

    Body = dict[str, Json]

HELD = ("halted", "refused")  # a rollback mends neither


def stands(run: Run) -> dict[str, Json]:
    """Where *run* stands, as `rolled_back` brings it back."""
    return {
        "position": run["position"],
        "kept": run["kept"],
        "left_out": run.get("left_out", []),
        "approved": run["approved"],
        "gate": run["gate"],
    }


def _checkpoint_made(run: Run, body: Body) -> None:
    known: list[Checkpoint] = run.get("checkpoints", [])
    if any(one["id"] == body["id"] for one in known):
        return
    dispatch = run["dispatches"].get(body["after"])
    made: Checkpoint = {
        "id": body["id"],
        "name": body["name"],
        "after_agent": dispatch["agent"] if dispatch else None,
        "after": body["after"],
        "at": run["updated"],
        "commit": body["commit"],
        "tree": body["tree"],
        "head": body["head"],
        "place": body["place"],
    }
    for key in ("back_to", "large", "branch"):
        if key in body:
            made[key] = body[key]
    run["checkpoints"] = [*known, made]


def _rolled_back(run: Run, body: Body) -> None:
    """The files are back already. An end stays an end; what was rolled back elsewhere than where the run works moves nothing."""
    then = body.get("stands")
    if then is None or run["status"] in ENDED:
        return
    for dispatch in run["dispatches"].values():
        if dispatch["state"] not in ("completed", "failed"):
            dispatch.update({"state": "failed", "reason": f"the run was rolled back to {body['id']}"})
    run["visited"] = visits_so_far(run)
    # A person let it go on: rounds and errors of before no longer count.
    run["granted"].update({**run["visited"], "checks": len(run["checks"])})
    frame = copy.deepcopy(then["position"])
    _begin_anew(run, run["workflow"]["stages"], frame, "")
    if on_branch(run):  # each began with a branch that has been moved
        for tree in run.get("worktrees", {}).values():
            tree["state"] = "conflict" if tree["state"] == "open" else tree["state"]
    # What was kept since stands beside it: of old visits it is still told, and no new one asks for it.
    run.update({"position": frame, "kept": {**run["kept"], **copy.deepcopy(then["kept"])}, "stale": None})
    if "left_out" in run:
        run["left_out"] = then["left_out"]
    _settle_approval(run, then["approved"], then["gate"], body["id"])
    if run["waiting"] and run["waiting"]["kind"] not in HELD:
        run["waiting"] = None
        run["status"] = "executing" if run["status"] == "waiting" else run["status"]


def _settle_approval(run: Run, approved: Gate | None, gate: Gate | None, name: str) -> None:
    """What was approved for another plan than that of then does not count for it: the gate asks about that one."""
    now, run["voided"] = run["approved"], None
    if now is None or (approved and approved["digest"] == now["digest"]):
        covered = now and gate and gate.get("kept") == now["digest"] and not beyond(now["envelope"], gate["envelope"])
        run["gate"] = copy.deepcopy(gate if covered else now)
        return
    run["approved"] = run["gate"] = None
    if approved is None:  # nothing was approved by then, and the run comes to the gate by itself
        return
    frame, node = run["position"], approved["node"]
    run["voided"] = {
        "envelope": approved["envelope"],
        "position": copy.deepcopy(frame),
        "reason": f"the run was rolled back to {name}",
        "digest": now["digest"],
        "changes": [],
    }
    frame.update({"at": node, "visits": {**frame["visits"], node: run["visited"].get(node, 0) + 1}, "inner": {}})


def visits_so_far(run: Run) -> dict[str, int]:
    """The highest number under which each node was ever visited."""
    found = dict(run.get("visited", {}))
    for node, visit in _visits(run):
        found[node] = max(found.get(node, 0), visit)
    return found


def _visits(run: Run) -> Iterator[tuple[str, int]]:
    for made in (*run["dispatches"].values(), *run["checks"].values()):
        yield made["node"], made["visit"]
    for key in run.get("merges", {}):
        node, _, visit = key.partition("#")
        yield node, int(visit)
    yield from _frame_visits(run["workflow"]["stages"], run["position"], "")


def _frame_visits(stages: list[Stage], frame: Frame, prefix: str) -> Iterator[tuple[str, int]]:
    for name, visit in frame["visits"].items():
        yield prefix + name, visit
    for item, inner in frame["inner"].items():
        stage = stage_named(stages, str(frame["at"]))
        yield from _frame_visits(stage["stages"], inner, inside(frame, prefix + stage["id"], item))


def _begin_anew(run: Run, stages: list[Stage], frame: Frame, prefix: str) -> None:
    """Give each stage at which *frame* stands a visit that it never had."""
    if frame["at"] is None:
        return
    stage = stage_named(stages, frame["at"])
    node = prefix + stage["id"]
    if stage["kind"] != "foreach":
        frame["visits"][stage["id"]] = max(run["visited"].get(node, 0), frame["visits"][stage["id"]]) + 1
        return
    for item, inner in list(frame["inner"].items()):
        below = inside(frame, node, item)
        if inner["at"] is None:
            continue
        if own_tree(run, below):
            drop_item(run, frame, item, below[:-1])
        else:
            _begin_anew(run, stage["stages"], inner, below)


def drop_item(run: Run, frame: Frame, item: str, name: str) -> None:
    """What lay in an item's own worktree is nothing to go on from: the item is opened anew."""
    del frame["inner"][item]
    tree = run.get("worktrees", {}).get(name)
    if tree and tree["state"] == "open":
        tree["state"] = "conflict"


CHECKPOINTS: dict[str, Callable[[Run, Body], None]] = {
    "checkpoint_made": _checkpoint_made,
    "rolled_back": _rolled_back,
}
