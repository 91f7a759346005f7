"""What the journal tells of the gate: approvals asked for, given, kept and withdrawn.

Each function changes the run as one event says. A decision counts for the plan it names, at the gate that asks about it.
"""

from __future__ import annotations

import copy

from .envelope import beyond
from .fold_error import FoldError
from .items import in_force
from .position import ENDED, later_visit
from .small_change import waivable
from .workflow import SPEC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .records import Envelope, Gate, Json, Run

    Body = dict[str, Json]


def _approval_requested(run: Run, body: Body) -> None:
    frame, gate = run["position"], open_gate(run)
    if (frame["at"], frame["visits"].get(body["node"])) != (body["node"], body["visit"]):
        return
    if gate and gate["digest"] == body["digest"]:
        return
    asked: Gate = {
        "node": body["node"],
        "visit": body["visit"],
        "digest": body["digest"],
        "envelope": body["envelope"],
        "report_shown": False,
        "question": None,
    }
    if "predicted" in body:
        asked["predicted"] = body["predicted"]
    run["gate"] = asked


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
    if run["waiting"]:
        run["waiting"]["question"] = {key: body[key] for key in ("tool_use_id", "at", "digest")}
        return
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
        elif voided and "parts" in gate["envelope"]:
            from .reopen import reopened

            run["position"] = reopened(run, voided["position"], voided["envelope"], gate["envelope"]) or run["position"]


def _approval_waived(run: Run, body: Body) -> None:
    """The pinned workflow's own rule stands in for a person's yes, where nobody has been asked yet."""
    gate = open_gate(run)
    if gate is None or gate["digest"] != body["digest"]:
        return
    if not waivable(run, gate):
        raise FoldError("no rule of the workflow waives that approval. The journal is not fermata's own")
    gate.update({"decision": "approve", "words": "", "channel": "waived", "rule": body["rule"]})
    run["approved"] = copy.deepcopy(gate)


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
    frame["visits"][name] = later_visit(run, frame["visits"], name, "")
    frame["inner"] = {}


def _spec_changed(run: Run, body: Body) -> None:
    """The spec reads otherwise now: the plan is made of it anew, and the gate asks again."""
    run["kept"][SPEC] = body["plan"]
    if run["approved"]:
        _approval_voided(run, body)
    elif open_gate(run):
        run["gate"] = None


GATE: dict[str, Callable[[Run, Body], None]] = {
    "approval_requested": _approval_requested,
    "report_shown": _report_shown,
    "question_shown": _question_shown,
    "code_refused": _code_refused,
    "decision_made": _decision_made,
    "approval_waived": _approval_waived,
    "approval_kept": _approval_kept,
    "approval_voided": _approval_voided,
    "base_moved": _base_moved,
    "spec_changed": _spec_changed,
}
