"""`fold(events) -> Run`: what the journal says has happened, and so where the run stands.

Decides the state after each event, and through `advance` which stage the run is at. Everything here is a pure
function of the events: the same journal always gives the same run, on every machine and at every time.
"""

from __future__ import annotations

import copy

from .envelope import beyond
from .position import ENDED, advance, dispatches_of, in_force, leaves, new_frame, wait_for_human

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .records import Dispatch, DispatchState, Envelope, Event, Gate, Json, Repair, Run

    Body = dict[str, Json]


class FoldError(ValueError):
    """A journal that this version cannot read; `str()` names the line and the reason."""


class NewerError(FoldError):
    """A line of a kind that only a newer fermata knows: nothing is wrong with the journal, and nothing may be cut from it."""


def _created(event: Event) -> Run:
    body = event["body"]
    run: Run = {
        "run": body["run"],
        "mode": body["mode"],
        "status": "executing",
        "goal": body["goal"],
        "created": event["ts"],
        "updated": event["ts"],
        "interactive": body["interactive"],
        "session": body["session"],
        "generation": 1,
        "workflow": body["workflow"],
        "workflow_digest": body["workflow_digest"],
        "limits": body["limits"],
        "grant": body["grant"],
        "base": body["base"],
        "project_checks": body["project_checks"],
        "position": new_frame(body["workflow"]["stages"]),
        "granted": {},
        "dispatches": {},
        "checks": {},
        "kept": {},
        "gate": None,
        "approved": None,
        "voided": None,
        "stale": None,
        "settings_due": False,
        "waiting": None,
        "failures": [],
    }
    return run


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
    run["settings_due"] = False


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
    if dispatch:
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
    run["kept"][dispatch["node"]] = body["kept"]
    if body["unexplained"]:
        paths = ", ".join(body["unexplained"][:5])
        wait_for_human(
            run, "unexplained", dispatch["node"], f"{paths} changed during {dispatch['id']}, and not by its agent"
        )


def _dispatch_failed(run: Run, body: Body) -> None:
    dispatch = _in_state(run, body, "pending", "running", "asking", "answered")
    if dispatch is None:
        return
    dispatch.update({"state": "failed", "reason": body["reason"]})
    if body.get("suggestion"):
        dispatch["suggestion"] = body["suggestion"]
    run["failures"] = [*run["failures"], {"dispatch": body["id"], "reason": body["reason"]}][-20:]
    if body.get("refused"):  # every further dispatch would end so: nothing is spent before the user says go on
        why = f"the API refuses work for now; {body['id']} is offered again when that is over and you go on: {body['reason']}"
        wait_for_human(run, "refused", dispatch["node"], why)


def _turn_failed(run: Run, body: Body) -> None:
    run["turn_failed"] = body["reason"]


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


def _approval_requested(run: Run, body: Body) -> None:
    frame, gate = run["position"], open_gate(run)
    if (frame["at"], frame["visits"].get(body["node"])) != (body["node"], body["visit"]):
        return
    if gate and gate["digest"] == body["digest"]:
        return
    run["gate"] = {
        "node": body["node"],
        "visit": body["visit"],
        "digest": body["digest"],
        "envelope": body["envelope"],
        "report_shown": False,
        "question": None,
    }


def _approval_kept(run: Run, body: Body) -> None:
    """A new plan inside the approved one: nobody is asked, and what was approved goes on being what is approved."""
    frame, approved = run["position"], run["approved"]
    if (frame["at"], frame["visits"].get(body["node"])) != (body["node"], body["visit"]):
        return
    if approved is None or approved["digest"] != body["approval"] or beyond(approved["envelope"], body["envelope"]):
        raise FoldError("no standing approval covers that plan. The journal is not fermata's own")
    run["gate"] = {
        "node": body["node"],
        "visit": body["visit"],
        "digest": body["digest"],
        "envelope": body["envelope"],
        "report_shown": False,
        "question": None,
        "decision": "approve",
        "kept": body["approval"],
    }


def open_gate(run: Run) -> Gate | None:
    """The gate the run stands at, while it is undecided."""
    gate, frame = run["gate"], run["position"]
    if gate is None or "decision" in gate or run["status"] in ENDED:
        return None
    here = frame["at"] == gate["node"] and frame["visits"].get(gate["node"]) == gate["visit"]
    return gate if here else None


def _report_shown(run: Run, body: Body) -> None:
    gate = open_gate(run)
    if gate and gate["digest"] == body["digest"]:
        gate["report_shown"] = True


def _question_shown(run: Run, body: Body) -> None:
    gate = open_gate(run)
    if gate:
        gate["question"] = {"tool_use_id": body["tool_use_id"], "at": body["at"], "digest": body["digest"]}
        gate["wrong_codes"] = 0


def _code_refused(run: Run, body: Body) -> None:
    gate = open_gate(run)
    if gate and gate["digest"] == body["digest"]:
        gate["wrong_codes"] = gate.get("wrong_codes", 0) + 1


def _decision_made(run: Run, body: Body) -> None:
    """A decision counts for the plan it names, at the gate that asks about it, once."""
    gate = open_gate(run)
    if gate is None or gate["digest"] != body["digest"]:
        return
    gate.update({"decision": body["decision"], "words": body.get("words", ""), "channel": body["channel"]})
    voided, run["voided"] = run["voided"], None  # another decision than yes: what follows is a new plan, built anew
    if body["decision"] == "approve":
        run["approved"] = copy.deepcopy(gate)
        if voided and _same_work(voided["envelope"], gate["envelope"]):
            run["position"] = voided["position"]


def _same_work(one: Envelope, other: Envelope) -> bool:
    """Whether two envelopes cover the same work, be it on another base commit."""
    return {**one, "base_commit": ""} == {**other, "base_commit": ""}


def _base_moved(run: Run, body: Body) -> None:
    """HEAD is no longer where the run began: what was approved was approved for another base, so the gate asks again."""
    run["base"] = {**run["base"], "commit": body["commit"], "branch": body["branch"]}
    if run["approved"]:
        _approval_voided(run, body)
    elif open_gate(run):
        run["gate"] = None


def _approval_voided(run: Run, body: Body) -> None:
    """Back to the gate, which asks again. A yes to the very same plan goes on from where the run was."""
    gate, carried_out = run["approved"], in_force(run)
    if gate is None or carried_out is None:
        return
    run["voided"] = {
        "envelope": carried_out["envelope"],
        "position": copy.deepcopy(run["position"]),
        "reason": body["reason"],
        "digest": gate["digest"],
        "changes": body.get("changes", []),
    }
    run["approved"] = run["gate"] = None
    frame, name = run["position"], gate["node"]
    if frame["at"] == name:  # a new plan has come to the gate already
        return
    frame["at"] = name
    frame["visits"][name] = frame["visits"].get(name, 0) + 1
    frame["inner"] = {}


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
    del body
    run["status"] = "completed"
    run["position"]["at"] = None


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


HANDLERS: dict[str, Callable[[Run, Body], None]] = {
    "lease_taken": _lease_taken,
    "settings_reloaded": _settings_reloaded,
    "dispatch_created": _dispatch_created,
    "dispatch_started": _dispatch_started,
    "agent_bound": _agent_bound,
    "result_rejected": _result_rejected,
    "questions_raised": _questions_raised,
    "questions_answered": _questions_answered,
    "result_accepted": _result_accepted,
    "dispatch_failed": _dispatch_failed,
    "turn_failed": _turn_failed,
    "check_started": _check_started,
    "check_finished": _check_finished,
    "approval_requested": _approval_requested,
    "report_shown": _report_shown,
    "question_shown": _question_shown,
    "code_refused": _code_refused,
    "decision_made": _decision_made,
    "approval_kept": _approval_kept,
    "approval_voided": _approval_voided,
    "base_moved": _base_moved,
    "tree_moved": _tree_moved,
    "limit_reached": _limit_reached,
    "retry_granted": _retry_granted,
    "run_stopped": _run_stopped,
    "run_aborted": _run_aborted,
    "run_completed": _run_completed,
    "repaired": _repaired,
}


def step(run: Run | None, event: Event) -> Run:
    """The run after *event*, changing *run* itself; for callers that own their copy (see `apply`)."""
    if (run is None) != (event["type"] == "run_created"):
        raise FoldError(f'line {event["seq"]} is "{event["type"]}"; a journal opens with "run_created", and only there')
    if run is None:
        run = _created(event)
    else:
        _handle(run, event)
    approved = run["approved"]
    if event["type"] == "decision_made" and approved and "seq" not in approved:
        approved.update({"seq": event["seq"], "hash": event["hash"]})
    advance(run)
    return run


def _handle(run: Run, event: Event) -> None:
    place = f'line {event["seq"]} ("{event["type"]}")'
    if event["type"] not in HANDLERS:
        raise NewerError(f"{place} has an unknown type; a newer fermata wrote it. Update fermata")
    ended = run["status"] if run["status"] in ENDED else None
    run["updated"] = event["ts"]
    run.pop("turn_failed", None)  # anything that happens later shows that the session goes on
    try:
        HANDLERS[event["type"]](run, event["body"])
    except FoldError as error:
        raise FoldError(f"{place}: {error}") from None
    except KeyError as error:
        raise FoldError(f"{place} names {error}, which the lines before do not explain") from None
    if ended:  # an end is final: late news is noted and moves nothing
        run["status"] = ended


def apply(run: Run | None, event: Event) -> Run:
    """The run after *event*; *run* stays as it is."""
    return step(copy.deepcopy(run), event)


def fold(events: Iterable[Event]) -> Run | None:
    """The run that *events* tell of; None for no events.

    Raises:
        FoldError: an event of a newer format, or a journal that does not open with `run_created`.
    """
    run: Run | None = None
    for event in events:
        run = step(run, event)
    return run
