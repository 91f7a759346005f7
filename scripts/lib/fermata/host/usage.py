"""How many tokens a transcript of the client tells of: in all, and in the window at its newest answer.

Only reads. A transcript is the client's file: it can be missing, cut off, huge or of a newer client, and what it does not
tell is None here and never an error or a guess. One API message stands on a row for each of its blocks, each time with
its usage; it counts once.
"""

from __future__ import annotations

import os

from ..core.quick_json import loads
from .from_end import lines_from_end, open_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json, Tokens

FIELDS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_creation": "cache_creation_input_tokens",
}
# The client writes its own words, an API error for one, as a message of this model, with counts of 0.
NO_MODEL = "<synthetic>"
MOST = 10**12  # tokens in one message; more is no count
USAGE = b'"usage"'
COMPACTED = b'"compact_boundary"'


def context_use(path: str) -> int | None:
    """Tokens that the newest answer leaves in the window: what was sent for it, cached or not, and the answer itself.

    Reads from the end, so the size of the file does not matter.
    """
    try:
        with open_plain(path) as file:
            # Megabytes of what tools said can lie behind the newest answer.
            for line in lines_from_end(file, USAGE):
                message = _message(line)
                if message:
                    return sum(_counts(message).values())
    except OSError:
        return None
    return None


def usage_by_model(path: str, start: int = 0) -> dict[str, Tokens] | None:
    """For each model the tokens of its messages from byte *start* on; None where the transcript tells of none."""
    messages: dict[str, tuple[str, dict[str, int]]] = {}
    try:
        with open_plain(path) as file:
            file.seek(start)
            for number, line in enumerate(file):
                message = _message(line)
                if message:
                    name = str(message.get("id") or f"row {number}")
                    # While an answer is written its first rows may tell of less than its last one.
                    known = messages.get(name, ("", {}))[1]
                    counts = {kind: max(count, known.get(kind, 0)) for kind, count in _counts(message).items()}
                    messages[name] = (str(message.get("model")), counts)
    except OSError:
        return None
    found: dict[str, dict[str, int]] = {}
    for model, counts in messages.values():
        sums = found.setdefault(model, dict.fromkeys(FIELDS, 0))
        for kind, count in counts.items():
            sums[kind] += count
    return found or None  # type: ignore[return-value]


def usage_of(path: str, start: int = 0) -> Tokens | None:
    """The tokens of all models together, and the context in use at the end; None where the transcript tells of none."""
    from ..core.budget import added  # `collections` with it: too dear where only the context is asked for

    by_model = usage_by_model(path, start)
    if by_model is None:
        return None
    return {**added(by_model.values()), "context": context_use(path) or 0}


def size_of(path: str) -> int:
    """Bytes of the transcript; 0 where there is none (yet)."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def results_of(path: str, server: str) -> list[str]:
    """The texts that the tools of an MCP server with *server* in its name gave, as far as they are in the window still."""
    calls: set[str] = set()
    texts: list[str] = []
    needle = server.encode()
    try:
        with open_plain(path) as file:
            for line in file:
                if COMPACTED in line and _row(line).get("subtype") == "compact_boundary":
                    calls, texts = set(), []
                elif needle in line or any(call.encode() in line for call in calls):
                    _note_results(_row(line), server, calls, texts)
    except OSError:
        return []
    return texts


def _note_results(row: dict[str, Json], server: str, calls: set[str], texts: list[str]) -> None:
    message = row.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    for block in content if isinstance(content, list) else []:
        if not isinstance(block, dict):
            continue
        name = str(block.get("name", ""))
        if block.get("type") == "tool_use" and name.startswith("mcp__") and server in name and block.get("id"):
            calls.add(str(block["id"]))
        elif block.get("type") == "tool_result" and str(block.get("tool_use_id")) in calls:
            texts.append(_text(block.get("content")))


def _text(content: Json) -> str:
    parts = content if isinstance(content, list) else [{"text": content}]
    return "\n".join(str(part.get("text") or "") for part in parts if isinstance(part, dict))


def _message(line: bytes) -> dict[str, Json] | None:
    """The API message on *line* that tells of tokens; None for every other row."""
    if USAGE not in line or b'"assistant"' not in line:
        return None
    row = _row(line)
    message = row.get("message")
    if row.get("type") != "assistant" or not isinstance(message, dict) or message.get("model") == NO_MODEL:
        return None
    if not isinstance(message.get("usage"), dict):
        return None
    return message if message.get("id") else {**message, "id": row.get("requestId") or row.get("uuid")}


def _row(line: bytes) -> dict[str, Json]:
    try:
        found = loads(line)
    except (ValueError, RecursionError):  # being written, cut off, or no JSON
        return {}
    return found if isinstance(found, dict) else {}


def _counts(message: dict[str, Json]) -> dict[str, int]:
    usage = message["usage"]
    found = {kind: usage.get(field) for kind, field in FIELDS.items()}
    return {kind: count if type(count) is int and 0 <= count < MOST else 0 for kind, count in found.items()}
