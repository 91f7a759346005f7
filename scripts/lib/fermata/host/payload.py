"""A hook's standard input as fields with known types. A payload that is not what it should be is an error, never a guess."""

from __future__ import annotations

from ..core.quick_json import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json

MAX_BYTES = 20_000_000


class PayloadError(ValueError):
    """Standard input that is no hook payload; `str()` says why."""


class Payload:
    """One hook call. Absent texts are "", `agent_id` is None in the main thread.

    Raises:
        PayloadError: a field of the wrong type.
    """

    def __init__(self, found: dict[str, Json]) -> None:
        agent, tool_input = found.get("agent_id"), found.get("tool_input", {})
        if not isinstance(tool_input, dict):
            raise PayloadError(f"tool_input is {type(tool_input).__name__}, not an object")
        self.event = _text(found, "hook_event_name")
        self.session = _text(found, "session_id")
        self.cwd = _text(found, "cwd")
        self.transcript = _text(found, "transcript_path")
        self.mode = _text(found, "permission_mode")
        self.agent_id = None if agent is None else str(agent)
        self.agent_type = _text(found, "agent_type")
        self.tool = _text(found, "tool_name")
        self.tool_input = tool_input
        self.tool_use_id = _text(found, "tool_use_id")
        self.response = found.get("tool_response")
        self.command = _text(found, "command_name")
        self.args = _text(found, "command_args")
        self.source = _text(found, "source")
        self.message = _text(found, "last_assistant_message")
        self.error = str(found.get("error") or "")
        self.raw = found


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
        found = loads(data)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"not JSON: {error}") from None
    if not isinstance(found, dict):
        raise PayloadError("not a JSON object")
    return Payload(found)
