"""What a hook may answer, as the one JSON object that the client reads. Silence (None) leaves the call to the host."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json

    Answer = dict[str, Json]

MAX_CONTEXT = 9_000


def deny(reason: str) -> Answer:
    """PreToolUse: the tool does not run, the model reads *reason*."""
    return _specific("PreToolUse", permissionDecision="deny", permissionDecisionReason=f"fermata: {_shown(reason)}")


def allow(updated_input: dict[str, Json] | None = None) -> Answer:
    """PreToolUse: runs without a prompt. Never to be given in plan mode, which it would pierce."""
    extra = {} if updated_input is None else {"updatedInput": updated_input}
    return _specific(
        "PreToolUse", permissionDecision="allow", permissionDecisionReason="fermata: part of the run", **extra
    )


def rewrite(updated_input: dict[str, Json]) -> Answer:
    """PreToolUse: the host decides as ever, on other input."""
    return _specific("PreToolUse", updatedInput=updated_input)


def context(event: str, text: str, shown: str = "") -> Answer:
    """The model reads *text*; the human reads *shown*."""
    found = _specific(event, additionalContext=text[:MAX_CONTEXT]) if text else {}
    if shown:
        found["systemMessage"] = shown
    return found


def block(reason: str) -> Answer:
    """Stop, SubagentStop: go on, for *reason*. UserPrompt*: the model is not asked, the human reads *reason*."""
    return {"decision": "block", "reason": _shown(reason)}


def _shown(reason: str) -> str:
    """*reason* as a person may see it: it can quote paths and words that came from anywhere."""
    from ..core.consultation import clean  # most calls are let pass, and then nothing is said

    return clean(reason, MAX_CONTEXT)


def _specific(event: str, **fields: Json) -> Answer:
    return {"hookSpecificOutput": {"hookEventName": event, **fields}}
