"""What hooks answer while the state of the session's run cannot be trusted: reading goes on, nothing changes.

Asks nothing of the run, which cannot be read. An agent may end: what it said is in its transcript, and is taken from
there once a person has repaired the run.
"""

from __future__ import annotations

from ..core.gate import READS
from ..core.shell import launcher_verb, reading_error
from . import answers
from .bound import LAUNCHER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..store.errors import Damaged
    from .answers import Answer
    from .payload import Payload

# What acts for the run, although it changes no file.
ACTS = ("Agent", "SendMessage", "AskUserQuestion")
LOOKS = ("status", "show", "log")


def while_damaged(event: str, payload: Payload, error: Damaged) -> Answer | None:
    """The answer to *event* of a session whose run is damaged."""
    if event == "SessionStart":
        return {"systemMessage": f"fermata: {way_out(error)}"}
    if event != "PreToolUse" or _reads(payload):
        return None
    return answers.deny(f"{payload.tool} was refused: {way_out(error)}")


def way_out(error: Damaged) -> str:
    """The damage, and what the person can type."""
    return (
        f"{error}. It is the user who types there: {LAUNCHER} repair. Until then only reading is open; "
        f"/fermata:stop lets go of this session"
    )


def _reads(payload: Payload) -> bool:
    if payload.tool != "Bash":
        return payload.tool in READS and payload.tool not in ACTS
    command = str(payload.tool_input.get("command", ""))
    return reading_error(command) is None or launcher_verb(command, LAUNCHER) in LOOKS
