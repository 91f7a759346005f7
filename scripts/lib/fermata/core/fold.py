"""`fold(events) -> Run`: what the journal says has happened, and so where the run stands.

Decides the state after each event, and through `advance` which stage the run is at. Everything here is a pure
function of the events: the same journal always gives the same run, on every machine and at every time.
"""

from __future__ import annotations

import copy

from .workflow import ABORT, DEFAULT_TRIES, GOES_ON, stage_at, stage_named, target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Literal

    from .records import CheckRun, Dispatch, DispatchState, Event, Frame, Gate, Json, Run, Stage

    Body = dict[str, Json]

ENDED = ("completed", "aborted")
UNSTABLE_TRIES = 3


class FoldError(ValueError):
    """A journal that this version cannot read; `str()` names the line and the reason."""


# --- position ---------------------------------------------------------------------------------------------------


def new_frame(stages: list[Stage]) -> Frame:
    """A frame that stands at the first of *stages*, visited once."""
    first = stages[0]["id"]
    return {"at": first, "visits": {first: 1}, "came_from": {}, "inner": {}}


def leaves(run: Run) -> Iterator[tuple[str, int, Stage]]:
    """Every stage the run stands at: node, visit number, stage. A foreach stands where its opened items stand."""
    yield from _leaves(run["workflow"]["stages"], run["position"], "")


def _leaves(stages: list[Stage], frame: Frame, prefix: str) -> Iterator[tuple[str, int, Stage]]:
    if frame["at"] is None:
        return
    stage = stage_named(stages, frame["at"])
    node = prefix + stage["id"]
    if stage["kind"] != "foreach":
        yield node, frame["visits"][stage["id"]], stage
        return
    for item, inner in frame["inner"].items():
        yield from _leaves(stage["stages"], inner, _inside(frame, node, item))


def _inside(frame: Frame, node: str, item: str) -> str:
    """The node prefix of one item of a foreach. A second pass has its own, so that no result serves two plans."""
    visit = frame["visits"][node.rpartition("/")[2]]
    return f"{node}~{visit}.{item}/" if visit > 1 else f"{node}.{item}/"


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


def dispatches_of(run: Run, node: str, visit: int) -> list[Dispatch]:
    """The dispatches made for one visit of a stage, oldest first."""
    return [d for d in run["dispatches"].values() if d["node"] == node and d["visit"] == visit]


def checks_of(run: Run, node: str, visit: int) -> list[CheckRun]:
    """The check runs made for one visit of a stage, oldest first."""
    return [c for c in run["checks"].values() if c["node"] == node and c["visit"] == visit]


def commands_for(run: Run, stage: Stage) -> list[Json]:
    """The checks a stage runs: the project's own before an approval, afterwards exactly those that were approved."""
    kind = stage.get("commands", "full")
    if kind == "project" or not run["approved"]:
        return list(run["project_checks"]["full"])
    envelope = run["approved"]["envelope"]
    return list(envelope["quick"] if kind == "quick" else envelope["checks"])


def check_verdict(runs: list[CheckRun]) -> str | None:
    """green, red, or None while undecided, for all runs of one command in one visit.

    A tree that changed while the command ran says nothing about the command, so it runs again. When the same paths
    change a second time they are the check's own output, and its exit code counts. A run that was lost is repeated.
    """
    if not runs or runs[-1]["state"] == "running":
        return None
    last = runs[-1]
    if last.get("outcome") in ("green", "red"):
        return last.get("outcome")
    if last.get("outcome") == "unstable" and len(runs) > 1 and runs[-2].get("changed") == last.get("changed"):
        return "green"
    return "red" if len(runs) >= UNSTABLE_TRIES else None


def outcome_of(run: Run, node: str, visit: int, stage: Stage) -> str | None:
    """How this visit of *stage* ended, or None while it has not."""
    if stage["kind"] == "agents":
        return _agents_outcome(run, node, visit, stage)
    if stage["kind"] == "checks":
        made = checks_of(run, node, visit)
        names = [command["name"] for command in commands_for(run, stage)]
        verdicts = [check_verdict([c for c in made if c["name"] == name]) for name in names]
        if "red" in verdicts and None not in verdicts:
            return "red"
        return "green" if all(v == "green" for v in verdicts) else None
    if stage["kind"] == "gate":
        gate = run["gate"]
        if gate and gate["node"] == node and gate["visit"] == visit:
            return gate.get("decision")
    if stage["kind"] == "finalise" and run["stale"] == f"{node}#{visit}":
        return "stale"
    return None


def _agents_outcome(run: Run, node: str, visit: int, stage: Stage) -> str | None:
    done = [d for d in dispatches_of(run, node, visit) if d["state"] == "completed"]
    if len({d["item"] for d in done}) < len(stage.get("items", [None])):
        return None
    if "verdict" in stage:
        return str(run["kept"][node][stage["verdict"]])
    return "done"


def failures_of(run: Run, node: str, visit: int) -> int:
    """How many dispatches of this visit failed since a human last let it go on."""
    failed = sum(d["state"] == "failed" for d in dispatches_of(run, node, visit))
    return failed - run["granted"].get(f"{node}#{visit}", 0)


def advance(run: Run) -> None:
    """Move every settled stage on, until nothing more is settled or only a human can say."""
    while run["status"] == "executing" and _advance(run, run["workflow"]["stages"], run["position"], ""):
        pass


def _advance(run: Run, stages: list[Stage], frame: Frame, prefix: str) -> bool:
    """One step in this frame or below it. True when something moved."""
    if frame["at"] is None:
        return False
    stage = stage_named(stages, frame["at"])
    node, visit = prefix + stage["id"], frame["visits"][stage["id"]]
    if stage["kind"] == "foreach":
        return _advance_items(run, stages, frame, stage, node)
    outcome = outcome_of(run, node, visit, stage)
    if outcome is None:
        return _stop_at_tries(run, stage, node, visit)
    to = target(stages, stage, outcome)
    looping = outcome not in GOES_ON and to is not None and to != ABORT and to in frame["visits"]
    if looping and visit - run["granted"].get(node, 0) >= stage.get("rounds", visit + 1):
        limit = stage["rounds"]
        _wait(run, "limit", node, f"{stage['id']} ended {outcome} for the {visit}. time; the limit is {limit} rounds")
        return False
    _go(run, frame, stage["id"], outcome, to)
    return True


def _advance_items(run: Run, stages: list[Stage], frame: Frame, stage: Stage, node: str) -> bool:
    total = len(items_over(run, stage))
    for index in range(total):
        inner = frame["inner"].get(str(index))
        if inner is None:
            frame["inner"][str(index)] = new_frame(stage["stages"])
            return True
        if inner["at"] is not None:
            return _advance(run, stage["stages"], inner, _inside(frame, node, str(index)))
    _go(run, frame, stage["id"], "done", target(stages, stage, "done"))
    return True


def _go(run: Run, frame: Frame, here: str, outcome: str, to: str | None) -> None:
    if to == ABORT:
        run["status"] = "aborted"
        return
    frame["at"] = to
    if to is not None:
        frame["visits"][to] = frame["visits"].get(to, 0) + 1
        frame["came_from"][to] = {"stage": here, "outcome": outcome}
        frame["inner"] = {}


def _stop_at_tries(run: Run, stage: Stage, node: str, visit: int) -> bool:
    tries = stage.get("tries", DEFAULT_TRIES)
    if stage["kind"] == "agents" and failures_of(run, node, visit) >= tries:
        last = [d["reason"] for d in dispatches_of(run, node, visit) if d["state"] == "failed"][-1]
        _wait(run, "limit", node, f"{tries} dispatches of {stage['id']} failed; the last one: {last}")
    return False


def _wait(run: Run, kind: Literal["limit", "unexplained"], node: str, why: str) -> None:
    if run["status"] not in ("executing", "waiting"):
        # A parked run stays parked and waits once it is taken up again; a run that has ended waits for nobody.
        run["waiting"] = None if run["status"] in ENDED else {"kind": kind, "node": node, "why": why}
        return
    run["status"] = "waiting"
    run["waiting"] = {"kind": kind, "node": node, "why": why}


# --- events -----------------------------------------------------------------------------------------------------


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
        "waiting": None,
        "failures": [],
    }
    return run


def _lease_taken(run: Run, body: Body) -> None:
    if body["generation"] <= run["generation"]:
        return
    run.update({"session": body["session"], "generation": body["generation"], "interactive": body["interactive"]})
    if run["status"] == "stopped":
        run["status"] = "waiting" if run["waiting"] else "executing"


def _settings_reloaded(run: Run, body: Body) -> None:
    """What was approved stays as it was approved: checks of the project are looked at again only by a new plan."""
    run["limits"], run["grant"], run["project_checks"] = body["limits"], body["grant"], body["project_checks"]


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
        _wait(run, "unexplained", dispatch["node"], f"{paths} changed during {dispatch['id']}, and not by its agent")


def _dispatch_failed(run: Run, body: Body) -> None:
    dispatch = _in_state(run, body, "pending", "running", "asking", "answered")
    if dispatch is None:
        return
    dispatch.update({"state": "failed", "reason": body["reason"]})
    run["failures"] = [*run["failures"], {"dispatch": body["id"], "reason": body["reason"]}][-20:]


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


def _decision_made(run: Run, body: Body) -> None:
    """A decision counts for the plan it names, at the gate that asks about it, once."""
    gate = open_gate(run)
    if gate is None or gate["digest"] != body["digest"]:
        return
    gate.update({"decision": body["decision"], "words": body.get("words", ""), "channel": body["channel"]})
    voided, run["voided"] = run["voided"], None  # another decision than yes: what follows is a new plan, built anew
    if body["decision"] == "approve":
        run["approved"] = copy.deepcopy(gate)
        if voided and voided["digest"] == gate["digest"]:
            run["position"] = voided["position"]


def _approval_voided(run: Run, body: Body) -> None:
    """Back to the gate, which asks again. A yes to the very same plan goes on from where the run was."""
    gate = run["approved"]
    if gate is None:
        return
    run["voided"] = {"digest": gate["digest"], "position": copy.deepcopy(run["position"]), "reason": body["reason"]}
    run["approved"] = run["gate"] = None
    frame, name = run["position"], gate["node"]
    frame["at"] = name
    frame["visits"][name] = frame["visits"].get(name, 0) + 1
    frame["inner"] = {}


def _tree_moved(run: Run, body: Body) -> None:
    """The tree is no longer the one that was verified: a human says whether to go on, then it is verified again."""
    run["stale"] = f"{body['node']}#{body['visit']}"
    paths = ", ".join(body["changed"][:5])
    _wait(run, "unexplained", body["node"], f"{paths} changed after the last check, and not by an agent of the run")


def _limit_reached(run: Run, body: Body) -> None:
    _wait(run, "limit", body["node"], body["why"])


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
    "check_started": _check_started,
    "check_finished": _check_finished,
    "approval_requested": _approval_requested,
    "report_shown": _report_shown,
    "question_shown": _question_shown,
    "decision_made": _decision_made,
    "approval_voided": _approval_voided,
    "tree_moved": _tree_moved,
    "limit_reached": _limit_reached,
    "retry_granted": _retry_granted,
    "run_stopped": _run_stopped,
    "run_aborted": _run_aborted,
    "run_completed": _run_completed,
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
        raise FoldError(f"{place} has an unknown type; a newer fermata wrote it. Update fermata")
    ended = run["status"] if run["status"] in ENDED else None
    run["updated"] = event["ts"]
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
