"""What the journal tells of the run as a whole: who drives it, why it waits, how it goes on and ends.

Each function changes the run as one event says.
"""

from __future__ import annotations

from .budget import spent
from .fold_error import FoldError
from .position import dispatches_of, leaves, wait_for_human

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .records import Json, Repair, Run

    Body = dict[str, Json]


def _lease_taken(run: Run, body: Body) -> None:
    if body["generation"] <= run["generation"]:
        return
    run.update({"session": body["session"], "generation": body["generation"], "interactive": body["interactive"]})
    run["settings_due"] = True
    if run["status"] == "stopped":
        run["status"] = "waiting" if run["waiting"] else "executing"


def _settings_reloaded(run: Run, body: Body) -> None:
    """What was approved stays as it was approved: checks of the project are looked at again only by a new plan."""
    run["limits"], run["grant"], run["project_checks"] = body["limits"], body["grant"], body["project_checks"]
    for key in ("models", "commands", "remember", "worktree_setup"):
        if key in body:
            run[key] = body[key]
    run["settings_due"] = False


def _turn_failed(run: Run, body: Body) -> None:
    run["turn_failed"] = body["reason"]


def _tree_moved(run: Run, body: Body) -> None:
    """The tree is no longer the one that was verified: a human says whether to go on, then it is verified again."""
    run["stale"] = f"{body['node']}#{body['visit']}"
    paths = ", ".join(body["changed"][:5])
    wait_for_human(
        run, "unexplained", body["node"], f"{paths} changed after the last check, and not by an agent of the run"
    )


def _limit_reached(run: Run, body: Body) -> None:
    wait_for_human(run, "limit", body["node"], body["why"])


def _retry_granted(run: Run, body: Body) -> None:
    """A human lets the run go on: what was counted so far at that stage no longer counts."""
    del body
    waiting = run["waiting"]
    if waiting is None:
        return
    for node, visit, _ in leaves(run):
        run["granted"][node] = visit
        failed = sum(d["state"] == "failed" for d in dispatches_of(run, node, visit))
        run["granted"][f"{node}#{visit}"] = failed
    run["granted"]["dispatches"] = len(run["dispatches"])
    if "used" in run:
        run["granted"]["tokens"] = spent(run)
    run["granted"]["minutes"] = _minutes(run["created"], run["updated"])
    run["waiting"] = None
    if run["status"] == "waiting":
        run["status"] = "executing"


def _minutes(since: str, until: str) -> int:
    """Whole minutes between two of the journal's times; 0 when the clock was set back."""
    from calendar import timegm
    from time import strptime

    first, last = (timegm(strptime(ts, "%Y-%m-%dT%H:%M:%SZ")) for ts in (since, until))
    return max(0, (last - first) // 60)


def _run_stopped(run: Run, body: Body) -> None:
    del body
    run["status"] = "stopped"


def _run_aborted(run: Run, body: Body) -> None:
    del body
    run["status"] = "aborted"


def _run_completed(run: Run, body: Body) -> None:
    if "remembered" in body:
        run["remembered"] = body["remembered"]
    run["status"] = "completed"
    run["position"]["at"] = None


def _tasks_placed(run: Run, body: Body) -> None:
    """The approved tasks stand on the board; from now on the steps carry their ids."""
    if run["approved"] is None:
        raise FoldError(
            "tasks were put on the board, and no approval stands before it. The journal is not fermata's own"
        )
    kept, ids = run["kept"][body["stage"]], body["tasks"]
    steps = [{**step, "task": ids[step["name"]]} if step.get("name") in ids else step for step in kept["steps"]]
    run["kept"][body["stage"]] = {**kept, "steps": steps}


def _repaired(run: Run, body: Body) -> None:
    """Lines behind this one were lost to damage. The names they had used are not given a second time."""
    known: list[Repair] = run.get("repairs", [])
    told: Repair = {key: body[key] for key in ("first", "last", "reason", "copy")}  # type: ignore[assignment]
    run["repairs"] = [*known, {**told, "at": run["updated"]}]
    skipped = run.get("skipped", {})
    run["skipped"] = {
        kind: max(skipped.get(kind, 0), highest - len(run[kind]))  # type: ignore[literal-required]
        for kind, highest in body["used"].items()
    }


RUN: dict[str, Callable[[Run, Body], None]] = {
    "lease_taken": _lease_taken,
    "settings_reloaded": _settings_reloaded,
    "turn_failed": _turn_failed,
    "tree_moved": _tree_moved,
    "limit_reached": _limit_reached,
    "retry_granted": _retry_granted,
    "run_stopped": _run_stopped,
    "run_aborted": _run_aborted,
    "run_completed": _run_completed,
    "repaired": _repaired,
    "tasks_placed": _tasks_placed,
}
