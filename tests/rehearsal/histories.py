"""Builders for the messages of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fermata.rehearsal.messages import JsonObject


def request(
    *messages: JsonObject, system: str = "You are Claude Code", tools: tuple[str, ...] = ("Bash",)
) -> JsonObject:
    return {"model": "m", "system": system, "tools": [{"name": name} for name in tools], "messages": list(messages)}


def user(text: str) -> JsonObject:
    return {"role": "user", "content": text}


def said(text: str) -> JsonObject:
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def call(*names: str, first: str) -> JsonObject:
    """An assistant turn that calls tools; their ids count on from *first*, which ends in a digit."""
    stem, number = first[:-1], int(first[-1])
    uses = [
        {"type": "tool_use", "id": f"{stem}{number + n}", "name": name, "input": {}} for n, name in enumerate(names)
    ]
    return {"role": "assistant", "content": uses}


def heard_result(use: str, text: str, *, error: bool = False, note: str = "") -> JsonObject:
    result = {"type": "tool_result", "tool_use_id": use, "content": text, "is_error": error}
    return {"role": "user", "content": [result, *([{"type": "text", "text": note}] if note else [])]}
