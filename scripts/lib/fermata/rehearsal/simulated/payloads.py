"""What the client writes to a hook's standard input: the shapes that were recorded from 2.1.197 and 2.1.329.

Decides only which fields an event has; it starts nothing. A test holds what the simulated client sends to the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Fields = dict[str, object]

OLD = "2.1.197"
TOOL_EVENTS = frozenset(("PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest"))
WITH_EFFORT = TOOL_EVENTS | {"Stop", "SubagentStop", "StopFailure"}
WITH_MODE = TOOL_EVENTS | {"Stop", "SubagentStop", "UserPromptSubmit", "UserPromptExpansion"}
MODEL = "claude-simulated"


@dataclass(frozen=True)
class Who:
    """The agent that acts: its id and its type, as `fermata:planner`."""

    agent_id: str
    agent_type: str


@dataclass(frozen=True)
class Origin:
    """What every payload of a session says: which session, where, in which mode, of which client."""

    session: str
    transcript: str
    cwd: str
    mode: str
    version: str

    @property
    def old(self) -> bool:
        """Whether it behaves as 2.1.197: agents in the foreground, no hand-back tool."""
        return self.version == OLD

    def payload(self, event: str, prompt_id: str, who: Who | None, fields: Mapping[str, object]) -> Fields:
        """One event. *prompt_id* is empty before the first prompt."""
        found: Fields = {"session_id": self.session, "transcript_path": self.transcript, "cwd": self.cwd}
        if prompt_id:
            found["prompt_id"] = prompt_id
        if event in WITH_MODE:
            found["permission_mode"] = self.mode
        if who:
            found |= {"agent_id": who.agent_id, "agent_type": who.agent_type}
        if event in WITH_EFFORT:
            found["effort"] = {"level": "high" if self.old else "medium"}
        return {**found, "hook_event_name": event, **fields}

    def resumed(self) -> Fields:
        """What SessionStart says of a session that is taken up again."""
        if self.old:
            return {"source": "resume"}
        cache = {"prompt_cache_likely_expired": False, "estimated_cache_write_usd": 0.0}
        return {"source": "resume", "seconds_since_last_response": 1, "context_tokens": 1000, **cache}

    def told_twice(self, given: Mapping[str, object]) -> Fields:
        """The input of SendMessage as hooks get it: the client repeats what the model gave under other names."""
        again: Fields = {"type": "message", "recipient": given.get("to"), "content": given.get("message")}
        return {**given, **again, **({} if self.old else {"recipient_kind": "agent"})}

    def agent_done(self, who: Who, prompt: str, report: str, milliseconds: int) -> Fields:
        """The response of an Agent call that was waited for."""
        notes = {"harnessNoteCount": 0, "harnessTailCount": 0, "harnessSectionHash": "0" * 16}
        return {
            "status": "completed",
            "prompt": prompt,
            "agentId": who.agent_id,
            "agentType": who.agent_type,
            **({} if self.old else notes),
            "content": [{"type": "text", "text": report}],
            "resolvedModel": MODEL,
            "totalDurationMs": milliseconds,
            "totalTokens": 1050,
            "totalToolUseCount": 0,
            "usage": self._usage(),
            **({} if self.old else {"canContinueAgent": True}),
        }

    def _usage(self) -> Fields:
        tools = {"web_search_requests": 0, "web_fetch_requests": 0}
        cache = {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0}
        counts = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        tokens = {"input_tokens": 1000, "output_tokens": 50, **counts}
        told = {"service_tier": "standard", "inference_geo": "", "iterations": [], "speed": "standard"}
        newer = {"output_tokens_details": {"thinking_tokens": 0}, "fallback_credit": None}
        return {**tokens, "server_tool_use": tools, "cache_creation": cache, **told, **({} if self.old else newer)}


def agent_launched(who: Who, prompt: str, description: str, output: str) -> Fields:
    """The response of an Agent call that goes on in the background."""
    told = {"description": description, "prompt": prompt, "outputFile": output}
    return {"isAsync": True, "status": "async_launched", "agentId": who.agent_id, **told}


def bash_done(stdout: str, stderr: str) -> Fields:
    """The response of a Bash call that ended well."""
    flags = {"interrupted": False, "isImage": False, "noOutputExpected": False}
    return {"stdout": stdout, "stderr": stderr, **flags}


def answered(questions: Sequence[object], answers: Mapping[str, str]) -> Fields:
    """The response of a picker; its input is filled in with the same."""
    return {"questions": list(questions), "answers": dict(answers), "annotations": {}}


def stopping(*, active: bool, last: str | None, tasks: Sequence[Fields] = ()) -> Fields:
    """What Stop and SubagentStop share. *last* is absent after a hand-back."""
    said = {} if last is None else {"last_assistant_message": last}
    return {"stop_hook_active": active, **said, "background_tasks": list(tasks), "session_crons": []}
