"""PreToolUse of a session that drives a run: the gate. Loaded at every tool call, so it imports little."""

from __future__ import annotations

from ..core.gate import ALLOW, DENY, MAIN, judge, own_launcher
from . import answers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..store.data import DataFolder
    from .answers import Answer
    from .bound import Bound
    from .payload import Payload


def pre_tool_use(bound: Bound, env: Mapping[str, str]) -> Answer | None:
    """The gate. Its common answer, silence, costs one read of marker and state."""
    tool, agent = bound.payload.tool, bound.payload.agent_id
    if bound.parked and agent is None:
        return _free(bound)
    if tool == "SubagentHandback" and agent is not None:
        from .handin import handback

        return handback(bound, env)
    facts, dispatch = bound.facts()
    verdict = judge(bound.call(dispatch), facts)
    if verdict.answer == DENY:
        return answers.deny(verdict.reason)
    if facts.actor == MAIN and tool in ("Agent", "SendMessage", "AskUserQuestion"):
        from . import tickets

        return {"Agent": tickets.agent_call, "SendMessage": tickets.send_message, "AskUserQuestion": tickets.ask_user}[
            tool
        ](bound)
    return answers.allow() if verdict.answer == ALLOW else None


def left_behind(data: DataFolder, payload: Payload, env: Mapping[str, str]) -> Answer | None:
    """An agent in a session that drives nothing: one of a run only reads, which outlived its session (/clear) or its run; others are free."""
    from .bound import Bound

    for marker in data.markers_in_client(env.get("FERMATA_CLIENT_PID", "")):
        bound = Bound(data, marker, payload)
        if bound.dispatch_of_agent() is not None:
            facts, dispatch = bound.facts()
            verdict = judge(bound.call(dispatch), facts)
            return answers.deny(verdict.reason) if verdict.answer == DENY else None
    return None


def _free(bound: Bound) -> Answer | None:
    """The main thread of a parked run does what it likes; but a call of our own, which says why, must still find its run."""
    verdict = own_launcher(bound.call(), bound.facts()[0])
    if verdict is not None and verdict.answer != DENY:
        return answers.allow() if verdict.answer == ALLOW else None
    bound.release()
    return None
