"""Every payload that the two clients were seen to send, in every phase of a run."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest

from tests.hooks.driver import HOOKS, PHASES, Session, decision, entry_for, recorded, start_hook

if TYPE_CHECKING:
    from fermata.core.records import Json
    from tests.hooks.driver import Outcome

# Before the run, before, during and after the approval; the others differ from these in the journal only.
EVERYDAY = ("marked", "at_gate", "building", "aborted")
RECORDED = [entry for entry in recorded() if entry[2].get("hook_event_name") in HOOKS]
OLDEST_CLIENT_KNOWS = frozenset(
    "PreToolUse PostToolUse PostToolUseFailure PostToolBatch Notification UserPromptSubmit UserPromptExpansion "
    "SessionStart SessionEnd Stop StopFailure SubagentStart SubagentStop PreCompact PostCompact PermissionRequest "
    "PermissionDenied Setup TeammateIdle TaskCreated TaskCompleted Elicitation ElicitationResult ConfigChange "
    "WorktreeCreate WorktreeRemove InstructionsLoaded CwdChanged FileChanged MessageDisplay".split()
)


def replay(session: Session, payload: dict[str, Json]) -> Outcome:
    """*payload* with the session's own id and places in it."""
    text = json.dumps(payload)
    text = text.replace(str(payload["session_id"]), session.session)
    text = re.sub(r"/home/dev/project\b", session.root, text).replace("/home/dev/.claude", session.home + "/.claude")
    event, tool = str(payload["hook_event_name"]), str(payload.get("tool_name", ""))
    return start_hook(event, tool, text.encode(), session.env(), session.root)


def test_only_events_that_the_oldest_client_knows_are_named() -> None:
    """One name that it does not know would switch all of the plugin's hooks off, without a word."""
    assert set(HOOKS) <= OLDEST_CLIENT_KNOWS


def test_every_entry_is_started_without_a_shell_line_and_within_the_clients_patience() -> None:
    for event, entries in HOOKS.items():
        for entry in entries:
            for hook in entry["hooks"]:
                assert hook["type"] == "command"
                assert hook["command"] == "/bin/sh"
                assert hook["args"][0] == "${CLAUDE_PLUGIN_ROOT}/hooks/hook"
                assert hook["args"][1] in ("bound", "any")
                assert hook["args"][2] == event
                assert 10 <= hook["timeout"] <= 60
                assert os.access(hook["args"][0].replace("${CLAUDE_PLUGIN_ROOT}", session_root()), os.R_OK)


def session_root() -> str:
    from tests.hooks.driver import ROOT

    return ROOT


@pytest.mark.parametrize("event", ["PreToolUse", "SubagentStop", "UserPromptExpansion", "ConfigChange"])
def test_a_gate_blocks_where_the_client_can_be_told_to(event: str) -> None:
    assert all(hook["onFailure"] == "block" for entry in HOOKS[event] for hook in entry["hooks"])


@pytest.mark.parametrize(
    "tool", ["Bash", "Write", "Edit", "MultiEdit", "NotebookEdit", "Agent", "Task", "Foo", "PowerShell"]
)
def test_the_gate_sees_every_tool_that_could_change_something(tool: str) -> None:
    assert entry_for("PreToolUse", tool) is not None
    assert entry_for("PreToolUse", f"mcp__x__{tool}") is not None


def test_the_payloads_cover_every_hooked_event_of_both_clients() -> None:
    for client in ("2.1.197", "2.1.329"):
        seen = {payload["hook_event_name"] for version, _, payload in RECORDED if version == client}
        assert {"PreToolUse", "PostToolUse", "Stop", "SubagentStop", "SessionStart", "UserPromptExpansion"} <= seen
    assert len(RECORDED) > 40


def test_a_session_that_drives_nothing_is_not_touched(session: Session) -> None:
    """Exit 0 and not one byte, whatever the client sends."""
    for client, name, payload in RECORDED:
        outcome = replay(session, payload)
        assert outcome.code in (None, 0), (client, name)
        assert outcome.answer is None, (client, name)
        assert outcome.stderr == "", (client, name)


@pytest.mark.parametrize(
    "phase", [phase if phase in EVERYDAY else pytest.param(phase, marks=pytest.mark.long) for phase in PHASES]
)
def test_a_driving_session_answers_in_the_protocol(session: Session, phase: str) -> None:
    """O12 for each; and no payload of these opens anything: none is a ticket, our question or our launcher."""
    getattr(session, phase)()
    approved, spent = session.store.exists() and session.is_approved, 0.0
    for client, name, payload in RECORDED:
        outcome = replay(session, payload)
        assert decision(outcome) != "allow", (client, name)
        spent = max(spent, outcome.seconds)
        if payload["hook_event_name"] == "PreToolUse" and payload["tool_name"] == "Bash" and phase == "at_gate":
            assert decision(outcome) in ("deny", "silent"), (client, name)
    assert spent < 10
    if session.data.marker(session.session) and session.store.exists():
        assert session.is_approved == approved


@pytest.mark.parametrize("phase", ["marked", "planning", "at_gate"])
def test_unknown_events_and_fields_are_ignored(session: Session, phase: str) -> None:
    """K-E04."""
    getattr(session, phase)()
    assert decision(session.tool("Bash", {"command": "ls", "new": {"deep": [1]}}, future={"a": 1})) == "silent"
    assert session.hook("ModelSwitched").code is None
