"""One conversation with the model, the main thread's or an agent's: asks, carries out what is called, says how it went.

Every call goes the client's way: PreToolUse, the permission mode, the tool, then PostToolUse or PostToolUseFailure.
What hooks refuse does not happen, what they rewrite happens so, what they add the model reads. What only a session can
do (agents, messages, questions) is done by `special`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from .hooks import Heard
from .payloads import Fields, Origin, Who
from .tools import TOOLS, Done, Place, passes_unasked, run_tool
from .wire import Model

HANDBACK = "SubagentHandback"


class Host(Protocol):
    """What a conversation needs of the session it belongs to."""

    model: Model
    place: Place
    origin: Origin

    def fire(self, event: str, who: Who | None, **fields: object) -> Heard: ...
    def show(self, text: str) -> None: ...


# Carries out a call that needs the session: the tool, its input, the call's id.
Special = Callable[[str, Fields, str], "Done | None"]


class Part(NamedTuple):
    """Which part a conversation plays: whose it is (None: the main thread's), its prompt, its tools beside files and commands."""

    who: Who | None
    system: str
    tools: tuple[str, ...]


class Thread:
    """A conversation. `turn` goes on until the model calls no more tools."""

    def __init__(self, host: Host, part: Part, special: Special, keep: Callable[[Fields], None]) -> None:
        self.host, self.who, self.tools = host, part.who, part.tools
        self.messages: list[Fields] = []
        self.ended = False  # by a call that is a last word
        self._system, self._special, self._keep = part.system, special, keep

    def hear(self, text: str, role: str = "user") -> None:
        """A message from outside: a prompt, a notice, a hook's feedback."""
        self._add({"role": role, "content": text})

    def turn(self, before_asking: Callable[[], None] = lambda: None) -> str:
        """The model's last words of this turn; empty when a call ended it.

        Raises:
            ApiFailure: the model gave no answer.
        """
        self.ended = False
        while not self.ended:
            before_asking()
            blocks = self.host.model.ask(self._system, self.tools, self.messages, self.who.agent_id if self.who else "")
            self._add({"role": "assistant", "content": blocks})
            said = "\n".join(str(block["text"]) for block in blocks if block["type"] == "text")
            calls = [block for block in blocks if block["type"] == "tool_use"]
            if said and self.who is None:
                self.host.show(f"⏺ {said}")
            if not calls:
                return said
            self._add({"role": "user", "content": [part for call in calls for part in self._carried_out(call)]})
        return ""

    def _add(self, message: Fields) -> None:
        self.messages.append(message)
        self._keep(message)

    def _carried_out(self, call: Fields) -> list[Fields]:
        """The result of one call as content blocks, with what hooks add beside it."""
        name, given, used = str(call["name"]), call["input"], str(call["id"])
        assert isinstance(given, dict)
        if self.who is None:
            self.host.show(f"⏺ {name}({given.get('command') or given.get('description') or ''})")
        done, added = self._call(name, given, used)
        result = {"type": "tool_result", "tool_use_id": used, "content": done.text, "is_error": done.is_error}
        reminders: list[Fields] = [
            {"type": "text", "text": f"<system-reminder>{text}</system-reminder>"} for text in added
        ]
        return [result, *reminders]

    def _call(self, name: str, given: Fields, used: str) -> tuple[Done, list[str]]:
        if name not in (*TOOLS, *self.tools) and self._known_to_nobody(name):
            return Done(f"<tool_use_error>Error: No such tool available: {name}</tool_use_error>", is_error=True), []
        given = self.host.origin.told_twice(given) if name == "SendMessage" else given
        before = self._fire("PreToolUse", tool_name=name, tool_input=given, tool_use_id=used)
        added = [f"PreToolUse:{name} hook additional context: {before.context}"] if before.context else []
        if before.refused:
            frame = "" if self.host.origin.old else f"PreToolUse:{name} hook error: "
            return Done(frame + before.reason, is_error=True), added
        given = given if before.updated is None else before.updated
        began = time.monotonic()
        done = self._done(name, given, used, allowed=before.verdict == "allow")
        told: Fields = {"tool_name": name, "tool_input": given, "tool_use_id": used}
        told["duration_ms"] = round((time.monotonic() - began) * 1000)
        after = self._told(done, told)
        if after.context:
            event = "PostToolUseFailure" if done.is_error else "PostToolUse"
            added.append(f"{event}:{name} hook additional context: {after.context}")
        return done, added

    def _known_to_nobody(self, name: str) -> bool:
        """A tool that a session of this kind does not have: no hook hears of such a call."""
        return name == "AskUserQuestion" and self.who is None

    def _done(self, name: str, given: Fields, used: str, *, allowed: bool) -> Done:
        if not allowed and not passes_unasked(self.host.origin.mode, name, given):
            self._fire("PermissionRequest", tool_name=name, tool_input=given)
            why = "needs a person's permission here, and a simulated client asks nobody"
            return Done(f"Permission to use {name} has been denied: it {why}.", is_error=True)
        if name in TOOLS:
            return run_tool(self.host.place, name, given)
        return self._special(name, given, used) or Done(f"No such tool available: {name}", is_error=True)

    def _told(self, done: Done, told: Fields) -> Heard:
        if done.is_error:
            return self._fire("PostToolUseFailure", **told, error=done.text, is_interrupt=False)
        given, response = told["tool_input"], done.response
        assert isinstance(given, dict)
        if told["tool_name"] == "AskUserQuestion":  # the client fills the input in, too
            told = {**told, "tool_input": {**given, **response}}
        return self._fire("PostToolUse", **told, tool_response=response)

    def _fire(self, event: str, **fields: object) -> Heard:
        heard = self.host.fire(event, self.who, **fields)
        for message in heard.messages:
            self.host.show(f"  ⎿  {event}:{fields['tool_name']} says: {message}")
        return heard
