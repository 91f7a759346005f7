"""One function per hook event of a session that drives a run, but PreToolUse, which has a file of its own."""

from __future__ import annotations

import time
from functools import partial

from ..core.actions import WAIT_AGENTS, needs_nobody, next_actions
from ..core.consultation import code_of, line
from ..core.position import at_work
from ..core.shell import launcher_verb
from ..store.files import read_json, write_json
from . import answers
from .bound import LAUNCHER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.records import Dispatch, Run
    from .answers import Answer
    from .bound import Bound

MAX_NUDGES = 3
WAITS_FOR_A_HUMAN = "3"


def post_tool_use(bound: Bound, env: Mapping[str, str]) -> Answer | None:
    """Agent: binds the agent to its ticket. AskUserQuestion: the human's choice. Our CLI: shows the report, ends the marker."""
    tool, run = bound.payload.tool, bound.run
    if bound.payload.agent_id is not None:
        return None
    if tool == "Agent" and run:
        response = bound.payload.response
        agent = response.get("agentId") if isinstance(response, dict) else None
        if agent:
            bound.bind(str(agent), bound.payload.tool_use_id, bound.agent_transcript(str(agent)), run)
        return None
    if tool == "AskUserQuestion":
        from .decisions import picked

        return picked(bound)
    return _after_own_command(bound, env) if _own_verb(bound) else None


def _own_verb(bound: Bound) -> bool:
    """Whether the main thread called one of fermata's commands that move the run."""
    if bound.payload.tool != "Bash" or bound.payload.agent_id is not None:
        return False
    return launcher_verb(str(bound.payload.tool_input.get("command", "")), LAUNCHER) in ("start", "next", "wait")


def _after_own_command(bound: Bound, env: Mapping[str, str]) -> Answer | None:
    from .decisions import current_report, from_environment, waive

    if bound.run is None:
        return None  # `start` went into the background and is still at work; one that failed is a PostToolUseFailure
    if bound.parked:
        bound.release()
        if bound.ended:
            bound.data.drop_approval(bound.run["run"])
        return None
    bound.data.note_strength(bound.payload.session, mode=bound.payload.mode)
    if from_environment(bound, env):
        return answers.context(
            "PostToolUse", "fermata: the operator's environment approved the plan. Run `fermata next` again."
        )
    routed, told = _routed(bound), waive(bound, env)
    if told:
        return answers.context("PostToolUse", f"{told} Run `fermata next`.", routed + told)
    shown = routed + (current_report(bound) or "")
    return answers.context("PostToolUse", "", shown) if shown else None


def _routed(bound: Bound) -> str:
    """What a run that was begun with /orchestrate shows of its routing, once; "" for all others."""
    run = bound.run
    verb = launcher_verb(str(bound.payload.tool_input.get("command", "")), LAUNCHER)
    if run is None or run["mode"] != "explicit" or verb != "start":
        return ""
    from ..core.routing import route_shown

    return route_shown(run) + "\n\n"


def post_tool_use_failure(bound: Bound, env: Mapping[str, str]) -> Answer | None:
    """An Agent call that failed: its dispatch is over, and offered again. Our CLI: see `_own_command_failed`."""
    del env
    if bound.payload.tool == "Bash":
        if _own_verb(bound) and not bound.payload.raw.get("is_interrupt"):
            _own_command_failed(bound)
        return None
    _fail(bound, [d["id"] for d in _running(bound.run) if d["tool_use_id"] == bound.payload.tool_use_id])
    return None


def _own_command_failed(bound: Bound) -> None:
    """No run was made, or it is parked: the session is free. Else the user hears of it, and Stop asks for no repetition."""
    if bound.run is None or bound.parked:
        bound.release()
        return
    first, _, code = bound.payload.error.partition("\n")[0].rpartition(" ")
    if first == "Exit code" and code != WAITS_FOR_A_HUMAN:
        write_json(_stops(bound), {"seq": _seq(bound), "count": MAX_NUDGES})


def stop_failure(bound: Bound, env: Mapping[str, str]) -> Answer | None:
    """An agent that died of an API error, or a turn of the session's own that did."""
    del env
    if bound.payload.agent_id is None:
        if bound.run and not bound.parked:
            from .api_errors import failure

            until = failure(bound.payload.error, bound.payload.message, time.time()).get("until")
            body = {"reason": _error(bound), **({"until": until} if until else {})}
            bound.store.note("hook", "turn_failed", body)
        return None
    dispatch = bound.dispatch_of_agent()
    if dispatch and dispatch["state"] == "running":
        _fail(bound, [dispatch["id"]])
    return None


def _running(run: Run | None) -> list[Dispatch]:
    return [d for d in run["dispatches"].values() if d["state"] == "running"] if run else []


def _error(bound: Bound) -> str:
    return line(bound.payload.error + " " + bound.payload.message, 300).strip() or "its client is gone"


def _fail(bound: Bound, names: list[str]) -> None:
    from .api_errors import failure

    for name in names:
        body = {"id": name, "reason": f"the agent ended with an error: {_error(bound)}"}
        body |= failure(bound.payload.error, bound.payload.message, time.time())
        bound.store.note("hook", "dispatch_failed", body, partial(_at_work, name))


def _at_work(name: str, run: Run) -> bool:
    return run["dispatches"][name]["state"] == "running"


def subagent_stop(bound: Bound, env: Mapping[str, str]) -> Answer | None:
    """An agent ends: its last message is its result, unless it handed one back before."""
    from .handin import stopped

    answer = stopped(bound, env)
    if bound.parked and answer is None:
        bound.release()
    return answer


def stop(bound: Bound, env: Mapping[str, str]) -> Answer | None:
    """The main thread wants to end its turn: say what is next, if nobody has to be waited for. Three times, then let it be."""
    del env
    run = bound.run
    if run is None or bound.parked or bound.payload.mode == "plan":  # in plan mode the gate holds the run
        return None
    if not (needs_nobody(next_actions(run)) or _unasked(bound, run)):
        return None
    path, seq = _stops(bound), _seq(bound)
    seen = read_json(path)
    count = seen["count"] + 1 if isinstance(seen, dict) and seen.get("seq") == seq else 1
    if count > MAX_NUDGES:
        return None
    write_json(path, {"seq": seq, "count": count})
    return answers.context("Stop", f'fermata: run {run["run"]} can go on. Run: "{LAUNCHER}" next')


def _stops(bound: Bound) -> str:
    """Where it is kept how often Stop has asked for the next command since the journal's last event."""
    return bound.data.marker_path(bound.payload.session) + ".stops"


def _seq(bound: Bound) -> int:
    snapshot = bound.store.snapshot()
    return snapshot["seq"] if snapshot else 0


def _unasked(bound: Bound, run: Run) -> bool:
    """Whether the user is to be asked what no picker has shown yet.

    An agent can hand in while the session is about to end its turn, as it was told to; the client wakes it no more then.
    """
    from .decisions import pending_gate
    from .tickets import asking_dispatch, round_of

    if not run["interactive"] or any(action.kind == WAIT_AGENTS for action in next_actions(run)):
        return False
    asking = asking_dispatch(run)
    if asking:
        return bound.data.asked(bound.payload.session) != round_of(asking)
    waiting = run["waiting"]
    if waiting:
        return waiting["kind"] != "refused" and "question" not in waiting
    gate = pending_gate(run)
    return gate is not None and gate["question"] is None


def session_start(bound: Bound, env: Mapping[str, str]) -> Answer | None:
    """Compaction or resume of the driving session: the facts, and the lease again. Agents do not outlive their client."""
    from .client import interactive
    from .commands import take_lease

    run = bound.run
    if run is None or bound.ended or bound.fenced:
        return None
    if bound.payload.source == "resume" and run["status"] == "stopped":
        _fail(bound, at_work(run))
        bound.release()
        return None
    if bound.payload.source == "resume":
        bound.moved_to(env.get("FERMATA_CLIENT_PID", ""))
        take_lease(bound, is_interactive=interactive(env), retry=False)
        bound.data.note_strength(bound.payload.session, interactive=interactive(env))
        run = bound.reload()
    facts = (
        f"fermata: this session drives run {run['run']} ({run['status']}). Goal: {line(run['goal'], 400)}. {_gate(run)} "
        f'All state is on disk. Go on with: "{LAUNCHER}" next'
    )
    return answers.context("SessionStart", facts)


def _gate(run: Run) -> str:
    """Where the gate stands, in words that nobody could take for a human's yes."""
    if run["approved"]:
        return f"The gate is open for plan {code_of(run['approved']['digest'])} alone."
    return "The gate is closed: nothing may change, and only the user opens it."


def other_session(runs: list[Run]) -> Answer | None:
    """SessionStart of a session that drives nothing: one line for the human, if a run waits here."""
    if not runs:
        return None
    run = runs[0]
    more = f" and {len(runs) - 1} more" if len(runs) > 1 else ""
    return {
        "systemMessage": f"fermata: run {run['run']} ({line(run['goal'], 60)}){more} waits here; /fermata:resume takes it over"
    }


BOUND_EVENTS = {
    "PostToolUse": post_tool_use,
    "PostToolUseFailure": post_tool_use_failure,
    "StopFailure": stop_failure,
    "SubagentStop": subagent_stop,
    "Stop": stop,
    "SessionStart": session_start,
}
