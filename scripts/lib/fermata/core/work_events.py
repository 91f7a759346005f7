"""What the journal tells of the work: dispatches, their results and questions, and checks.

Each function changes the run as one event says. Late and doubled news about a dispatch moves nothing.
"""

from __future__ import annotations

from .fold_error import FoldError
from .moments import after
from .position import wait_for_human
from .recovery import BLOCKER, CRITICAL, explained, pause_after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .records import Dispatch, DispatchState, Json, Run

    Body = dict[str, Json]


def _dispatch_created(run: Run, body: Body) -> None:
    if body["id"] in run["dispatches"]:
        return
    if body["access"] == "write" and not run["approved"]:
        raise FoldError(f"{body['id']} may write, and no approval stands before it. The journal is not fermata's own")
    run["dispatches"][body["id"]] = {
        "id": body["id"],
        "node": body["node"],
        "visit": body["visit"],
        "item": body["item"],
        "agent": body["agent"],
        "access": body["access"],
        "result": body["result"],
        "state": "pending",
        "scope": body["scope"],
        "base_tree": body["base_tree"],
        "tool_use_id": None,
        "agent_id": None,
        "transcript": "",
        "repairs": 0,
        "round": 0,
        "questions": [],
        "answers": [],
        "changed": [],
        "unexplained": [],
        "summary": "",
        "reason": "",
        "started": None,
    }
    if "model" in body:
        run["dispatches"][body["id"]]["model"] = body["model"]
    if "at" in body:
        run["dispatches"][body["id"]]["created"] = body["at"]
    for key in ("command", "learnings", "worktree", "beside"):
        if key in body:
            run["dispatches"][body["id"]][key] = body[key]


def _in_state(run: Run, body: Body, *states: DispatchState) -> Dispatch | None:
    """The dispatch that *body* is about, if it is in one of *states*; late and doubled news about it moves nothing."""
    dispatch = run["dispatches"][body["id"]]
    return dispatch if dispatch["state"] in states else None


def _dispatch_started(run: Run, body: Body) -> None:
    dispatch = _in_state(run, body, "pending", "running", "answered")
    if dispatch is None or (dispatch["state"] == "running" and dispatch["agent_id"]):
        return
    dispatch["state"] = "running"
    if body.get("tool_use_id"):
        # A ticket that is handed in again starts another agent: the binding to the one before is void.
        dispatch.update({"tool_use_id": body["tool_use_id"], "agent_id": None})
    dispatch["started"] = body["at"]


def _agent_bound(run: Run, body: Body) -> None:
    dispatch = _in_state(run, body, "running", "asking", "answered")
    if dispatch is None:
        return
    used, name = run.get("used", {}), body["id"]
    if name in used and dispatch["transcript"] != body["transcript"]:
        # Another agent goes on; what the first one used stays used.
        before = f"{name} before {body['agent_id']}"
        run["used"] = {before if key == name else key: tokens for key, tokens in used.items()}
    dispatch.update({"agent_id": body["agent_id"], "transcript": body["transcript"]})


def _result_rejected(run: Run, body: Body) -> None:
    dispatch = _in_state(run, body, "running")
    if dispatch:
        dispatch["repairs"] += 1
        dispatch["rejected"] = body.get("text", "")


def _questions_raised(run: Run, body: Body) -> None:
    dispatch = _in_state(run, body, "running")
    if dispatch:
        dispatch.update(
            {"state": "asking", "questions": body["questions"], "round": dispatch["round"] + 1, "repairs": 0}
        )


def _questions_answered(run: Run, body: Body) -> None:
    dispatch = _in_state(run, body, "asking")
    if dispatch:
        dispatch.update({"state": "answered", "questions": []})
        dispatch["answers"] += [{"question": q, "answer": a} for q, a in body["answers"].items()]


def _result_accepted(run: Run, body: Body) -> None:
    dispatch = _in_state(run, body, "running")
    if dispatch is None:
        return
    dispatch.update(
        {
            "state": "completed",
            "changed": body["changed"],
            "unexplained": body["unexplained"],
            "summary": body["summary"],
        }
    )
    run.pop("advice", None)
    for key in ("tree", "elsewhere"):
        if key in body:
            dispatch[key] = body[key]
    run["kept"][dispatch["node"]] = body["kept"]
    if dispatch["item"] is not None and body["kept"]:
        dispatch["kept"] = body["kept"]
    if "learnt" in body:
        dispatch["learnt"] = body["learnt"]
    if body["unexplained"]:
        paths = ", ".join(body["unexplained"][:5])
        wait_for_human(
            run, "unexplained", dispatch["node"], f"{paths} changed during {dispatch['id']}, and not by its agent"
        )


def _dispatch_failed(run: Run, body: Body) -> None:
    dispatch = _in_state(run, body, "pending", "running", "asking", "answered")
    if dispatch is None:
        return
    dispatch.update({"state": "failed", "reason": body["reason"], "changed": body.get("changed", [])})
    for key in ("suggestion", "learnt", "category", "rule", "error"):
        if body.get(key):
            dispatch[key] = body[key]
    _pause(run, dispatch)
    noted = {"dispatch": body["id"], "reason": body["reason"]}
    noted |= {key: body[key] for key in ("category", "rule") if key in body}
    run["failures"] = [*run["failures"], noted][-20:]
    _hold(run, dispatch, body)


def _pause(run: Run, dispatch: Dispatch) -> None:
    """What failed because nobody answered is offered again later, and later each time."""
    rule, here = dispatch.get("rule"), (dispatch["node"], dispatch["visit"])
    same = [d for d in run["dispatches"].values() if (d["node"], d["visit"]) == here and d.get("rule") == rule]
    seconds = pause_after(rule, len(same) - 1)
    if seconds:
        dispatch["again"] = after(run["updated"], seconds)


def _hold(run: Run, dispatch: Dispatch, body: Body) -> None:
    """Some failures would only come again: nothing more is spent before their time, or before the user's word."""
    name, reason, said = body["id"], body["reason"], explained(body.get("rule"))
    category = body.get("category")
    if category == CRITICAL:
        wait_for_human(run, "halted", dispatch["node"], f"{name} ({said}): {reason}")
    elif category == BLOCKER:
        wait_for_human(run, "blocked", dispatch["node"], f"{name} ({said}): {reason}")
    elif body.get("refused"):
        why = f"the API refuses work for now; {name} is offered again when that is over and you go on: {reason}"
        wait_for_human(run, "refused", dispatch["node"], why, body.get("until") or "")


def _check_started(run: Run, body: Body) -> None:
    if body["id"] in run["checks"]:
        return
    run["checks"][body["id"]] = {
        "id": body["id"],
        "node": body["node"],
        "visit": body["visit"],
        "name": body["name"],
        "shown": body["shown"],
        "state": "running",
    }
    if "screen" in body:
        late = any(dispatch["access"] == "write" for dispatch in run["dispatches"].values())
        run["checks"][body["id"]].update({"screen": body["screen"], "late": late})


def _check_finished(run: Run, body: Body) -> None:
    check = run["checks"][body["id"]]
    if check["state"] == "finished":
        return
    check.update(
        {
            "state": "finished",
            "outcome": body["outcome"],
            "why": body["why"],
            "changed": body["changed"],
            "before": body["before"],
            "tree": body["tree"],
            "counts": body["counts"],
        }
    )
    for key in ("category", "rule", "error"):
        if key in body:
            check[key] = body[key]


def _handoff_supplied(run: Run, body: Body) -> None:
    """A person puts into a handoff what got lost, or what the record never held."""
    if body["id"] in run["dispatches"]:
        known = run.get("supplied", {})
        run["supplied"] = {**known, body["id"]: {**known.get(body["id"], {}), **body["fields"]}}


def _tokens_used(run: Run, body: Body) -> None:
    """A count of the whole conversation so far; it takes the place of an earlier one."""
    counted = {key: body[key] for key in ("input", "output", "cache_read", "cache_creation", "context", "size")}
    run["used"] = {**run.get("used", {}), body["id"]: counted}  # type: ignore[dict-item]


WORK: dict[str, Callable[[Run, Body], None]] = {
    "dispatch_created": _dispatch_created,
    "dispatch_started": _dispatch_started,
    "agent_bound": _agent_bound,
    "result_rejected": _result_rejected,
    "questions_raised": _questions_raised,
    "questions_answered": _questions_answered,
    "result_accepted": _result_accepted,
    "dispatch_failed": _dispatch_failed,
    "check_started": _check_started,
    "check_finished": _check_finished,
    "tokens_used": _tokens_used,
    "handoff_supplied": _handoff_supplied,
}
