"""What one request to the Messages API says, and how an answer to it is written.

Decides only shapes: a request body becomes a `Request`, an `Answer` becomes JSON or server-sent
events. It never decides what to answer and opens no socket.
"""

from __future__ import annotations

import itertools
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

JsonObject = Mapping[str, object]
Kind = Literal["main", "agent", "classifier", "compaction", "helper"]

_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>\s*", re.DOTALL)
# How the client asks for the summary that replaces a conversation.
_SUMMARISE = "Your task is to create a detailed summary of the conversation"
_GUARD = "dangerous_tool_use"
_ids = itertools.count(1)
# Two servers in one session (a resume after a restart) must not give the same id twice.
_process = secrets.token_hex(4)


@dataclass(frozen=True)
class Text:
    """One piece of prose in an answer."""

    text: str


@dataclass(frozen=True)
class ToolUse:
    """One tool call in an answer; several in one answer run in parallel."""

    name: str
    input: JsonObject = field(default_factory=dict)


Block = Text | ToolUse


@dataclass(frozen=True)
class Usage:
    """Token counts that an answer claims."""

    input: int = 1000
    output: int = 50
    cache_read: int = 0
    cache_creation: int = 0


@dataclass(frozen=True)
class Answer:
    """A successful answer of the model."""

    blocks: tuple[Block, ...]
    usage: Usage = Usage()


@dataclass(frozen=True)
class ApiError:
    """A failed request. The client retries 429, 5xx and 529 by itself, and gives up on 400 and 401.

    `times`: how often the same turn of one conversation fails before its script goes on.
    """

    status: int
    type: str
    message: str
    times: int = 1


Reply = Answer | ApiError


@dataclass(frozen=True)
class ToolResult:
    """What the client sent back for one tool call. `name` is empty if the call is not in the history."""

    tool_use_id: str
    name: str
    text: str
    is_error: bool


@dataclass(frozen=True)
class Message:
    """One message of the history.

    `text` has no `<system-reminder>` parts; those, and a whole message of role `system`, are its `context`.
    """

    role: str
    text: str
    calls: tuple[tuple[str, str], ...] = ()
    results: tuple[ToolResult, ...] = ()
    context: str = ""


@dataclass(frozen=True)
class Request:
    """One `POST /v1/messages`.

    `agent_id` is empty for the main thread. `last` is the newest user text without reminders; `results`
    are those of the newest assistant turn. `body` is the whole request for what is not named here.
    """

    seq: int
    kind: Kind
    agent_id: str
    session_id: str
    model: str
    system: str
    tools: frozenset[str]
    messages: tuple[Message, ...]
    results: tuple[ToolResult, ...]
    last: str
    stream: bool
    headers: Mapping[str, str]
    body: JsonObject

    @property
    def first(self) -> str:
        """The first user text: the prompt of a session, the brief of an agent."""
        return next((m.text for m in self.messages if m.role == "user" and m.text), "")


def parse_request(seq: int, body: JsonObject, headers: Mapping[str, str]) -> Request:
    """Read a request body. *headers* have lower-case names."""
    system = plain_text(body.get("system"))
    messages = _parse_messages(_objects(body.get("messages")))
    tools = frozenset(str(tool.get("name", "")) for tool in _objects(body.get("tools")))
    tail = list(itertools.takewhile(lambda m: m.role != "assistant", reversed(messages)))
    last = next((m.text for m in tail if m.role == "user" and m.text), "")
    return Request(
        seq=seq,
        kind=_kind(system, tools, last, headers),
        agent_id=headers.get("x-claude-code-agent-id", ""),
        session_id=headers.get("x-claude-code-session-id", ""),
        model=str(body.get("model", "")),
        system=system,
        tools=tools,
        messages=messages,
        results=tuple(result for m in reversed(tail) for result in m.results),
        last=last,
        stream=bool(body.get("stream")),
        headers=headers,
        body=body,
    )


def plain_text(content: object) -> str:
    """The text of a string or of a list of content blocks, joined by newlines."""
    if isinstance(content, str):
        return content
    return "\n".join(str(block["text"]) for block in _objects(content) if "text" in block)


def split_reminders(text: str) -> tuple[str, str]:
    """A text without what the client adds in `<system-reminder>` tags, and those additions."""
    return _REMINDER.sub("", text).strip(), "\n".join(_REMINDER.findall(text))


def _objects(value: object) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _kind(system: str, tools: frozenset[str], last: str, headers: Mapping[str, str]) -> Kind:
    if _SUMMARISE in last:
        return "compaction"
    if not tools:
        return "classifier" if "You are a security monitor" in system else "helper"
    return "agent" if "x-claude-code-agent-id" in headers or "cc_is_subagent=true" in system else "main"


def _parse_messages(raw: Sequence[JsonObject]) -> tuple[Message, ...]:
    names: dict[str, str] = {}
    parsed = []
    for message in raw:
        blocks = _objects(message.get("content"))
        calls = tuple((str(b.get("id")), str(b.get("name"))) for b in blocks if b.get("type") == "tool_use")
        names.update(calls)
        results = tuple(_tool_result(b, names) for b in blocks if b.get("type") == "tool_result")
        role, whole = str(message.get("role")), plain_text(message.get("content"))
        text, context = ("", whole) if role == "system" else split_reminders(whole)
        parsed.append(Message(role, text, calls, results, context))
    return tuple(parsed)


def _tool_result(block: JsonObject, names: Mapping[str, str]) -> ToolResult:
    used = str(block.get("tool_use_id"))
    return ToolResult(used, names.get(used, ""), plain_text(block.get("content")), bool(block.get("is_error")))


def encode(answer: Answer, model: str, allows: Callable[[str], bool] | None = None) -> JsonObject:
    """The answer as one message object. Every call gives its tool calls new ids.

    *allows*: answers auto mode's safety check, which newer clients leave to the server, for each tool call.
    """
    content = [_content(block) for block in answer.blocks]
    calls = [block for block in content if block["type"] == "tool_use"]
    usage = answer.usage
    safety = {} if allows is None else {"safeguard_results": _verdicts(calls, allows)}
    return {
        **safety,
        "id": f"msg_{_process}{next(_ids):06d}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": usage.input,
            "output_tokens": usage.output,
            "cache_read_input_tokens": usage.cache_read,
            "cache_creation_input_tokens": usage.cache_creation,
        },
    }


def wants_verdicts(body: JsonObject) -> bool:
    """Whether the client asks the server to judge the tool calls of the answer (auto mode of newer clients)."""
    return any(guard.get("type") == _GUARD for guard in _objects(body.get("safeguards")))


def _verdicts(calls: Sequence[JsonObject], allows: Callable[[str], bool]) -> list[JsonObject]:
    def verdict(call: JsonObject) -> JsonObject:
        allowed = allows(f"{call['name']} {json.dumps(call['input'])}")
        why = {} if allowed else {"explanation": "the rehearsal's safety check flagged this action"}
        return {"type": "evaluated", "outcome": "not_flagged" if allowed else "flagged", **why}

    return [
        {
            "type": _GUARD,
            "status": {"type": "available", "tool_uses": {str(call["id"]): verdict(call) for call in calls}},
        }
    ]


def _content(block: Block) -> dict[str, object]:
    if isinstance(block, Text):
        return {"type": "text", "text": block.text}
    return {
        "type": "tool_use",
        "id": f"toolu_{_process}{next(_ids):06d}",
        "name": block.name,
        "input": dict(block.input),
    }


def events(message: JsonObject) -> Iterator[JsonObject]:
    """The same message as the events of a stream."""
    start = {name: value for name, value in message.items() if name != "safeguard_results"}
    yield {"type": "message_start", "message": {**start, "content": [], "stop_reason": None}}
    for index, block in enumerate(_objects(message["content"])):
        text = block["type"] == "text"
        empty = {**block, "text": ""} if text else {**block, "input": {}}
        delta: JsonObject = (
            {"type": "text_delta", "text": block["text"]}
            if text
            else {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        )
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ending = {name: message[name] for name in ("stop_reason", "stop_sequence", "safeguard_results") if name in message}
    yield {"type": "message_delta", "delta": ending, "usage": message["usage"]}
    yield {"type": "message_stop"}
