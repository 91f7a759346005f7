"""A hook's standard input as fields with known types. A payload that is not what it should be is an error, never a guess."""

from __future__ import annotations

import json
from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json

MAX_BYTES = 20_000_000

Payload = namedtuple(
    "Payload",
    "event session cwd transcript mode agent_id agent_type tool tool_input tool_use_id response command args source message error raw",
)
Payload.__doc__ = (
    """One hook call. Absent texts are "", `agent_id` is None in the main thread, `tool_input` is a dict."""
)


class PayloadError(ValueError):
    """Standard input that is no hook payload; `str()` says why."""


def _text(found: dict[str, Json], key: str) -> str:
    value = found.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise PayloadError(f"{key} is {type(value).__name__}, not text")
    return value


def read_payload(data: bytes) -> Payload:
    """Parse *data*. Unknown fields are ignored: a newer client may add some.

    Raises:
        PayloadError: empty, too large, not JSON, not an object, or a field of the wrong type.
    """
    if len(data) > MAX_BYTES:
        raise PayloadError(f"{len(data):,} bytes; at most {MAX_BYTES:,}")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"not JSON: {error}") from None
    if not isinstance(found, dict):
        raise PayloadError("not a JSON object")
    tool_input = found.get("tool_input", {})
    if not isinstance(tool_input, dict):
        raise PayloadError(f"tool_input is {type(tool_input).__name__}, not an object")
    agent = found.get("agent_id")
    return Payload(
        event=_text(found, "hook_event_name"),
        session=_text(found, "session_id"),
        cwd=_text(found, "cwd"),
        transcript=_text(found, "transcript_path"),
        mode=_text(found, "permission_mode"),
        agent_id=None if agent is None else str(agent),
        agent_type=_text(found, "agent_type"),
        tool=_text(found, "tool_name"),
        tool_input=tool_input,
        tool_use_id=_text(found, "tool_use_id"),
        response=found.get("tool_response"),
        command=_text(found, "command_name"),
        args=_text(found, "command_args"),
        source=_text(found, "source"),
        message=_text(found, "last_assistant_message"),
        error=str(found.get("error") or ""),
        raw=found,
    )
