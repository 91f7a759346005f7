"""Reads the end of an agent's transcript: whether it has ended, and with which words. Never from the front: these files grow large."""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.records import Json

BLOCK = 65_536
MAX_BACK = 4_000_000


def last_words(path: str) -> str | None:
    """The text of the last assistant message, if that message asked for no tool; None while the agent is in the middle of something.

    Raises:
        OSError: the transcript cannot be read.
    """
    for row in _rows_from_end(path):
        if row.get("type") == "assistant":
            message = row.get("message") or {}
            content = message.get("content")
            blocks = content if isinstance(content, list) else [{"type": "text", "text": str(content or "")}]
            if any(isinstance(b, dict) and b.get("type") == "tool_use" for b in blocks):
                return None
            return "\n".join(str(b.get("text", "")) for b in blocks if isinstance(b, dict) and b.get("type") == "text")
        if row.get("type") == "user":
            return None
    return None


def _rows_from_end(path: str) -> Iterator[dict[str, Json]]:
    """Whole JSON rows, last one first; rows that cannot be read are passed over."""
    with open(path, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        data, start = b"", end
        while start > 0 and end - start < MAX_BACK:
            step = min(BLOCK, start)
            start -= step
            file.seek(start)
            data = file.read(step) + data
            first = data.find(b"\n") if start > 0 else -1
            lines, data = data[first + 1 :].splitlines(), data[: first + 1]
            for line in reversed(lines):
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                if isinstance(row, dict):
                    yield row
