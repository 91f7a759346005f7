"""Finds an agent's transcript and reads its end: whether it has ended, and with which words. Never from the front: these files grow large."""

from __future__ import annotations

import json
import os
from contextlib import suppress

from .from_end import lines_from_end, open_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.records import Json

# How a client ends the transcript of an agent that the user stopped (Esc, Ctrl-C); it fires no hook then (2.1.197, 2.1.329).
INTERRUPTED = "[Request interrupted by user"
META = ".meta.json"
MAX_BACK = 4_000_000


def last_words(path: str) -> str | None:
    """The text of the last assistant message, if that message asked for no tool; None while the agent is at something.

    Raises:
        OSError: the transcript cannot be read.
    """
    for row in _rows_from_end(path):
        if row.get("type") in ("assistant", "user"):
            return _words(row) if row["type"] == "assistant" else None
    return None


def transcript_of(session_transcript: str, tool_use_id: str) -> tuple[str, str] | None:
    """Agent id and transcript of the agent that the call *tool_use_id* started, by what the client wrote down beside it.

    None where it has written down nothing (yet). A transcript that is named need not be there yet.
    """
    folder = os.path.join(session_transcript.removesuffix(".jsonl"), "subagents")
    for name in os.listdir(folder) if session_transcript and os.path.isdir(folder) else []:
        agent = name.removeprefix("agent-").removesuffix(META)
        if name != f"agent-{agent}{META}":
            continue
        with suppress(OSError, ValueError), open(os.path.join(folder, name), encoding="utf-8") as file:
            found = json.load(file)
            if isinstance(found, dict) and found.get("toolUseId") == tool_use_id:
                return agent, os.path.join(folder, f"agent-{agent}.jsonl")
    return None


def interrupted(path: str) -> bool:
    """Whether the user stopped the agent, and nothing came after that.

    Raises:
        OSError: the transcript cannot be read.
    """
    for row in _rows_from_end(path):
        if row.get("type") in ("assistant", "user"):
            return row["type"] == "user" and _text(row).startswith(INTERRUPTED)
    return False


def _words(row: dict[str, Json]) -> str | None:
    return None if any(block.get("type") == "tool_use" for block in _blocks(row)) else _text(row)


def _text(row: dict[str, Json]) -> str:
    return "\n".join(str(block.get("text", "")) for block in _blocks(row) if block.get("type") == "text")


def _blocks(row: dict[str, Json]) -> list[dict[str, Json]]:
    message = row.get("message")
    content = message.get("content") if isinstance(message, dict) else message
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _rows_from_end(path: str) -> Iterator[dict[str, Json]]:
    """Whole JSON rows, last one first. A row that cannot be read, or is still being written, is passed over."""
    with open_plain(path) as file:
        for line in lines_from_end(file, most=MAX_BACK):
            with suppress(ValueError, RecursionError):
                row = json.loads(line)
                if isinstance(row, dict):
                    yield row
