"""What the journal tells of the run as a whole: who drives it, why it waits, how it goes on and ends.

Each function changes the run as one event says.
"""

from __future__ import annotations

from .budget import spent
from .fold_error import FoldError
from .moments import minutes_between
from .position import dispatches_of, leaves, stuck_step, wait_for_human

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
    until = f" (it takes work again at {body['until']})" if body.get("until") else ""
    run["turn_failed"] = body["reason"] + until


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
    waiting = run["waiting"]
    if waiting is None:
        return
    for node, visit, _ in leaves(run):
        run["granted"][node] = visit
        failed = sum(d["state"] == "failed" for d in dispatches_of(run, node, visit))
        run["granted"][f"{node}#{visit}"] = failed
    run["granted"].update(
        {"dispatches": len(run["dispatches"]), "checks": len(run["checks"]), "replans": run.get("replans", 0)}
    )
    if body.get("words"):
        run["advice"] = body["words"]
    if "used" in run:
        run["granted"]["tokens"] = spent(run)
    run["granted"]["minutes"] = int(minutes_between(run["created"], run["updated"]))
    _go_on(run)


def _go_on(run: Run) -> None:
    run["waiting"] = None
    if run["status"] == "waiting":
        run["status"] = "executing"


def _breaker_closed(run: Run, body: Body) -> None:
    """The time has come from which on, as the client had said, the API takes work again."""
    waiting = run["waiting"]
    if waiting and waiting.get("until") == body["until"]:
        _go_on(run)


def _step_skipped(run: Run, body: Body) -> None:
    """The user leaves out a step that the plan calls optional; what it has changed so far stays."""
    index = stuck_step(run)
    if run["waiting"] is None or index is None or index != body["index"]:
        return
    run["position"]["inner"][index]["at"] = None
    run["left_out"] = [*run.get("left_out", []), {key: body[key] for key in ("node", "index", "title", "why")}]
    _retry_granted(run, {})


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
    "breaker_closed": _breaker_closed,
    "step_skipped": _step_skipped,
    "run_stopped": _run_stopped,
    "run_aborted": _run_aborted,
    "run_completed": _run_completed,
    "repaired": _repaired,
    "tasks_placed": _tasks_placed,
}
