"""PreToolUse of the main thread's three special tools.

Agent: a ticket becomes a brief. SendMessage: a ticket becomes the user's answers. AskUserQuestion: fermata's own words
take the place of the model's.
"""

from __future__ import annotations

import re
import time

from ..core.consultation import answers_message, line, question_for
from ..core.position import leaves
from ..core.workflow import stage_at
from ..store.run_store import utc_now
from . import answers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Dispatch, Json, Question, Run
    from .answers import Answer
    from .bound import Bound

TICKET = re.compile(r"\s*fermata dispatch (d-\d{3,})\s*\Z")
NO_RUN = "the run is not open yet; run `fermata start` first"


def agent_call(bound: Bound) -> Answer | None:
    """Agent: only with a valid ticket, whose brief replaces the prompt."""
    given, run = bound.payload.tool_input, bound.run
    if run is None:
        return answers.deny(NO_RUN)
    match = TICKET.match(str(given.get("prompt", "")))
    if not match:
        return answers.deny(
            "agents of a run are started with a ticket: the prompt is exactly `fermata dispatch d-NNN`, as `fermata next` gives it."
        )
    dispatch = run["dispatches"].get(match[1])
    error = _ticket_error(bound, run, dispatch, str(given.get("subagent_type", "")), match[1])
    if error or dispatch is None:
        return answers.deny(f"ticket {match[1]}: {error}")
    brief = _brief(bound, run, dispatch)
    body = {"id": dispatch["id"], "tool_use_id": bound.payload.tool_use_id, "at": utc_now()}
    after = bound.store.note("hook", "dispatch_started", body, lambda now: _open(now["dispatches"][match[1]]))
    if after["dispatches"][match[1]]["tool_use_id"] != body["tool_use_id"]:
        return answers.deny(f"ticket {match[1]}: it was used meanwhile. Run `fermata next`")
    # The settings alone say which model; without the field the client takes the agent's own or the session's.
    model = {"model": dispatch["model"]} if "model" in dispatch else {}
    return _granted(run, {**{key: given[key] for key in given if key != "model"}, "prompt": brief, **model})


def _open(dispatch: Dispatch) -> bool:
    """Whether a ticket may be handed in: not used yet, or used for an agent that has never begun."""
    return dispatch["state"] in ("pending", "answered") or (
        dispatch["state"] == "running" and dispatch["agent_id"] is None
    )


def _ticket_error(bound: Bound, run: Run, dispatch: Dispatch | None, agent_type: str, ticket: str) -> str | None:
    if bound.parked or run["status"] != "executing":
        why = f" ({line(run['waiting']['why'], 300)})" if run["waiting"] else ""
        return f"the run is {run['status']}{why}; the user goes on with /fermata:resume"
    if dispatch is None:
        return f"there is none; open ones: {', '.join(d['id'] for d in run['dispatches'].values() if d['state'] == 'pending') or 'none'}. Run `fermata next`"
    if not _open(dispatch):
        return f"it was used; {ticket} is {dispatch['state']}. Run `fermata next`"
    if "command" in dispatch:
        return f"the command {dispatch['command']} does it, not an agent. Run `fermata next`"
    if dispatch["node"] not in [node for node, _, _ in leaves(run)]:
        return "the run has moved on. Run `fermata next`"
    if agent_type != f"fermata:{dispatch['agent']}":
        return f"it is for subagent_type fermata:{dispatch['agent']}, not {agent_type[:60]!r}"
    stale = bound.stale(dispatch) if dispatch["access"] == "write" else ""
    return f"no approval stands for it: {stale}. Run `fermata next`" if stale else None


def _brief(bound: Bound, run: Run, dispatch: Dispatch) -> str:
    with open(bound.store.path("briefs", f"{dispatch['id']}.md"), encoding="utf-8") as file:
        text = file.read()
    return text + ("\n" + _answers(run, dispatch) if dispatch["answers"] else "")


def _answers(run: Run, dispatch: Dispatch) -> str:
    allowed = stage_at(run["workflow"], dispatch["node"]).get("questions", 0)
    return answers_message(dispatch, allowed - dispatch["round"])


def send_message(bound: Bound) -> Answer | None:
    """SendMessage: to an agent of the run; the answers it waits for are put in place of a ticket."""
    given, run = bound.payload.tool_input, bound.run
    if run is None:
        return answers.deny(NO_RUN)
    to = str(given.get("to", ""))
    dispatch = next((d for d in run["dispatches"].values() if d["agent_id"] == to and to), None)
    if dispatch is None or bound.parked:
        return answers.deny(f"{to[:60]!r} is no agent of this run; `fermata next` names the one to write to.")
    if dispatch["state"] != "answered":
        return answers.deny(f"{dispatch['id']} is {dispatch['state']} and waits for no message. Run `fermata next`.")
    body = {"id": dispatch["id"], "at": utc_now()}
    bound.store.note(
        "hook", "dispatch_started", body, lambda now: now["dispatches"][dispatch["id"]]["state"] == "answered"
    )
    text = _answers(run, dispatch)
    # The client hands the hook its message twice, as `message` and as `content` (seen on 2.1.197 and 2.1.329).
    return _granted(run, {**given, "message": text, **({"content": text} if "content" in given else {})})


def ask_user(bound: Bound) -> Answer | None:
    """AskUserQuestion: what the run wants to know, in fermata's words; a model's own question passes when it wants nothing."""
    run = bound.run
    if run is None or bound.parked:
        return None
    asking = asking_dispatch(run)
    if asking:
        bound.data.note_asked(bound.payload.session, round_of(asking))
        return _replace(bound, asking["questions"])
    gate = run["gate"]
    if not run["waiting"] and (gate is None or "decision" in gate):
        return None
    if bound.payload.tool_input.get("answers"):
        return answers.deny(
            "the question came with an answer filled in. Only the user answers; ask again without `answers`."
        )
    if run["waiting"]:
        return _standstill(bound, run)
    assert gate is not None
    if not gate["report_shown"]:
        return answers.deny("the user has not seen the report yet. Run `fermata next`, then ask.")
    body = {"tool_use_id": bound.payload.tool_use_id, "at": time.time(), "digest": gate["digest"]}
    bound.store.note("hook", "question_shown", body)
    return _replace(bound, [question_for(run, gate)])


def _standstill(bound: Bound, run: Run) -> Answer:
    """The run waits for its user: they are asked how it goes on."""
    from ..core import escalation

    body = {"tool_use_id": bound.payload.tool_use_id, "at": time.time(), "digest": escalation.digest_of(run)}
    bound.store.note("hook", "question_shown", body)
    return _replace(bound, [escalation.question_for(run)])


def asking_dispatch(run: Run) -> Dispatch | None:
    """The first dispatch whose agent waits for the user's answers."""
    return next((d for d in run["dispatches"].values() if d["state"] == "asking"), None)


def round_of(asking: Dispatch) -> str:
    """The name of one question round."""
    return f"{asking['id']}#{asking['round']}"


def _replace(bound: Bound, questions: list[Question]) -> Answer:
    asked = [{"multiSelect": False, **question} for question in questions]
    given = {
        key: value
        for key, value in bound.payload.tool_input.items()
        if key not in ("questions", "answers", "annotations")
    }
    return answers.rewrite({**given, "questions": asked})


def _granted(run: Run, updated: dict[str, Json]) -> Answer:
    if run["grant"] == "none":
        return answers.rewrite(updated)
    return answers.allow(updated)
