"""Reads the end of an agent's transcript: whether it has ended, and with which words. Never from the front: these files grow large."""

from __future__ import annotations

import json
import os
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.records import Json

BLOCK = 65_536
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


def _words(row: dict[str, Json]) -> str | None:
    message = row.get("message")
    content = message.get("content") if isinstance(message, dict) else message
    if isinstance(content, str):
        return content
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    if any(block.get("type") == "tool_use" for block in blocks):
        return None
    return "\n".join(str(block.get("text", "")) for block in blocks if block.get("type") == "text")


def _rows_from_end(path: str) -> Iterator[dict[str, Json]]:
    """Whole JSON rows, last one first. A row that cannot be read, or is still being written, is passed over."""
    with open(path, "rb") as file:
        start = end = file.seek(0, os.SEEK_END)
        rest = b""
        while start > 0 and end - start < MAX_BACK:
            step = min(BLOCK, start)
            start -= step
            file.seek(start)
            head, newline, lines = (file.read(step) + rest).partition(b"\n")
            if start == 0:
                head, lines = b"", head + newline + lines
            elif not newline:  # one row fills all that was read so far: look further back
                rest = head
                continue
            yield from _parsed(lines)
            rest = head + newline


def _parsed(lines: bytes) -> Iterator[dict[str, Json]]:
    for line in reversed(lines.splitlines()):
        with suppress(ValueError, RecursionError):
            row = json.loads(line)
            if isinstance(row, dict):
                yield row
