"""The simulated client against what was recorded from the real ones: it may send nothing else, in no other shape."""

from __future__ import annotations

import json
import os
import shlex
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import pytest

from fermata.rehearsal.client import World, make_home, run_headless
from fermata.rehearsal.messages import ApiError, ToolUse
from fermata.rehearsal.model import ScriptedModel
from fermata.rehearsal.script import Conversation, Heard, Report, Script
from fermata.rehearsal.simulated.hooks import Heard as HookHeard
from fermata.rehearsal.simulated.hooks import Hooks, matches, read_answer
from fermata.rehearsal.simulated.program import VERSIONS, make_client
from fermata.rehearsal.terminal import Terminal
from tests.hooks.driver import recorded
from tests.rehearsal.throwaway import make_plugin

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.rehearsal.simulated.payloads import Fields
    from tests.rehearsal.throwaway import Plugin

MODES: list[Literal["default", "auto"]] = ["default", "auto"]
WORKER = {"worker": "You are the worker of this rehearsal."}
# What a client says of some calls and not of others: it has no place in a comparison of shapes.
SOMETIMES = {
    "PostToolUse": {"tool_response.bashEditDiff", "prompt_id"},
    "SubagentStop": {"last_assistant_message"},
    "UserPromptSubmit": {"session_title"},
    "SessionStart": {"model", "prompt_id", "seconds_since_last_response", "context_tokens"},
}
# There is no recording of it; fermata's hooks read nothing of it but `agentId`.
UNRECORDED = ("PostToolUse", "Agentasync_launched")


def bash(command: str) -> ToolUse:
    return ToolUse("Bash", {"command": command, "description": "d"})


def everything(heard: Heard) -> Conversation:
    """A main thread that makes every kind of event happen."""
    heard = yield bash("echo orig")
    heard = yield bash("test -e nowhere")
    options = [{"label": label, "description": "x"} for label in ("Postgres", "SQLite")]
    asked = {"question": "Which DB?", "header": "DB", "options": options, "multiSelect": False}
    heard = yield ToolUse("AskUserQuestion", {"questions": [asked]})
    given = {"description": "one", "prompt": "do ONE", "subagent_type": "foo:worker", "run_in_background": False}
    heard = yield ToolUse("Agent", given)
    told = heard
    while "REPORT" not in told.text + told.context + "".join(result.text for result in told.results):
        told = told.and_then((yield "I wait"))
    yield ToolUse("Agent", {**given, "prompt": "die"})
    while True:
        yield "main done"


def worker(heard: Heard) -> Conversation:
    if "die" in heard.text:
        yield ApiError(400, "invalid_request_error", "bad", times=9)
    yield bash("pwd")
    yield Report("REPORT")


def kind(value: object) -> str:
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def shape(value: object, path: str = "") -> dict[str, str]:
    """Each field's path and type. What a person or a model words freely is not looked into."""
    if not isinstance(value, dict) or path in ("tool_input", "tool_response.answers"):
        return {path: kind(value)}
    found = {path: "dict"} if path else {}
    for name, inner in value.items():
        found |= shape(inner, f"{path}.{name}" if path else name)
    return found


def label(payload: Fields) -> tuple[str, str, bool]:
    """Event, tool or source, and whether an agent acts: payloads of one label have one shape."""
    event = str(payload["hook_event_name"])
    response = payload.get("tool_response")
    status = response.get("status", "") if isinstance(response, dict) else ""
    name = str(payload.get("tool_name", payload.get("source", payload.get("reason", ""))))
    return event, f"{name}{status}", "agent_id" in payload


@dataclass(frozen=True)
class Played:
    """What the hooks of two sessions saw: one on the screen, and the same taken up again headless."""

    version: str
    mode: Literal["default", "auto"]
    plugin: Plugin


@pytest.fixture(scope="module", params=[(version, mode) for version in VERSIONS for mode in MODES], ids="-".join)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Played:
    version, mode = request.param
    return Played(version, mode, play(version, mode, tmp_path_factory.mktemp("played")))


def play(version: str, mode: Literal["default", "auto"], folder: Path) -> Plugin:
    project = folder / "project"
    project.mkdir()
    command = {"plan": "---\ndescription: x\n---\nGo on.\n"}
    plugin = make_plugin(folder / "plugin", agents=WORKER, commands=command)
    script = Script(everything, {WORKER["worker"]: worker})
    with ScriptedModel(script) as model:
        home = make_home(folder / "home", project)
        world = World(make_client(folder, version), home, project, model.url, (plugin.root,), mode)
        with Terminal(world) as terminal:
            terminal.wait_for_text("❯")
            terminal.submit("/foo:plan a")
            terminal.wait_for_text("2. SQLite")
            terminal.press("2")
            terminal.wait_until(lambda _screen: bool(plugin.seen("StopFailure")), "the end of the second agent")
            terminal.wait_for_text("main done")
            session = str(plugin.seen("SessionStart")[0]["session_id"])
            terminal.press("ctrl-d")
            terminal.wait_until(lambda _screen: bool(plugin.seen("SessionEnd")), "the end")
        run_headless(replace(world, mode=mode), "again", resume=session)
        assert not model.failures
    return plugin


def test_every_payload_has_the_recorded_shape(played: Played) -> None:
    compared = set()
    for payload in played.plugin.seen():
        event, name, _ = label(payload)
        if (event, name) != UNRECORDED:
            assert without(shape(payload), event) in shapes(played.version, payload), label(payload)
            compared.add((event, name))
    expected = {
        ("PreToolUse", "Bash"),
        ("PostToolUse", "Bash"),
        ("PostToolUseFailure", "Bash"),
        ("PreToolUse", "Agent"),
    }
    expected |= {("PostToolUse", "AskUserQuestion"), ("SubagentStart", ""), ("SubagentStop", ""), ("Stop", "")}
    expected |= {("StopFailure", ""), ("UserPromptExpansion", ""), ("UserPromptSubmit", ""), ("SessionStart", "resume")}
    if (played.version, played.mode) == ("2.1.329", "auto"):
        expected.add(("PreToolUse", "SubagentHandback"))
    assert expected <= compared


def shapes(version: str, payload: Fields) -> list[dict[str, str]]:
    """The recorded ones of the same label: of this client and actor, else of the other."""
    event, name, agent = label(payload)
    for wanted in ((version, agent), (version, not agent), (None, agent)):
        found = [
            without(shape(each), event)
            for client, _, each in recorded()
            if "hook_event_name" in each and label(each) == (event, name, wanted[1]) and wanted[0] in (None, client)
        ]
        if found:
            return found
    pytest.fail(f"{label(payload)} was never recorded")


def without(found: dict[str, str], event: str) -> dict[str, str]:
    """*found* without who acts, which the label says, and without what is said only sometimes."""
    left_out = {"agent_id", "agent_type", *SOMETIMES.get(event, ())}
    return {
        path: kind for path, kind in found.items() if not any(path == n or path.startswith(n + ".") for n in left_out)
    }


def test_events_come_in_the_clients_order(played: Played) -> None:
    version, plugin = played.version, played.plugin
    events = [str(payload["hook_event_name"]) for payload in plugin.seen()]
    typed = ["UserPromptSubmit", "UserPromptExpansion"]
    assert events[:3] == ["SessionStart", *(reversed(typed) if version == "2.1.197" else typed)]
    who = [(str(p["hook_event_name"]), str(p.get("tool_name", "")), "agent_id" in p) for p in plugin.seen()]
    begun, stopped = who.index(("SubagentStart", "", True)), who.index(("SubagentStop", "", True))
    assert who.index(("PreToolUse", "Agent", False)) < begun < who.index(("PreToolUse", "Bash", True)) < stopped
    waits = who.index(("PostToolUse" if version == "2.1.197" else "PreToolUse", "Agent", False)) > stopped
    assert waits is (version == "2.1.197")


def test_hooks_find_the_clients_environment(played: Played) -> None:
    rows = played.plugin.rows()
    on_screen, headless = rows[0]["env"], rows[-1]["env"]
    assert (on_screen["CLAUDE_CODE_ENTRYPOINT"], headless["CLAUDE_CODE_ENTRYPOINT"]) == ("cli", "sdk-cli")
    assert on_screen["CLAUDE_CODE_SESSION_ID"] == rows[0]["event"]["session_id"]
    assert {"CLAUDE_PLUGIN_ROOT", "CLAUDE_PLUGIN_DATA", "CLAUDE_PROJECT_DIR", "CLAUDECODE"} <= set(on_screen)
    assert ("CLAUDE_PID" in on_screen) is (played.version != "2.1.197")
    assert not any("CLAUDE_CODE_EXECPATH" in row["env"] for row in rows)


@pytest.mark.parametrize(
    ("matcher", "subject", "matched"),
    [
        pytest.param("", "Bash", True, id="empty"),
        pytest.param("*", "Bash", True, id="star"),
        pytest.param("Bash|Agent", "Agent", True, id="list"),
        pytest.param("Bash", "BashOutput", False, id="a-name-is-whole"),
        pytest.param("^(?!(Read)$).*", "Read", False, id="expression"),
        pytest.param("^(?!(Read)$).*", "Write", True, id="expression-else"),
        pytest.param("bash", "Bash", False, id="case"),
    ],
)
def test_matchers(matcher: str, subject: str, *, matched: bool) -> None:
    assert matches(matcher, subject) is matched


DENY = '{"hookSpecificOutput": {"permissionDecision": "deny", "permissionDecisionReason": "no"}}'


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        pytest.param(DENY, HookHeard("deny", "no"), id="deny"),
        pytest.param('{"decision": "block", "reason": "no"}', HookHeard("block", "no"), id="block"),
        pytest.param('{"systemMessage": "look"}', HookHeard(messages=("look",)), id="shown"),
        pytest.param(DENY + "\n", HookHeard("deny", "no"), id="newline"),
        pytest.param("see: " + DENY, None, id="text-before"),
        pytest.param(DENY + DENY, None, id="two"),
        pytest.param("{", None, id="broken"),
        pytest.param("[]", None, id="no-object"),
        pytest.param("", None, id="silence"),
    ],
)
def test_answers_are_read_as_the_client_reads_them(said: str, heard: HookHeard | None) -> None:
    assert read_answer(said.encode()) == heard


@pytest.mark.parametrize(
    ("line", "on_failure", "refused"),
    [
        pytest.param("exit 0", "block", False, id="silent"),
        pytest.param("echo no >&2; exit 2", "", True, id="exit-2"),
        pytest.param("exit 1", "", False, id="exit-1-is-open"),
        pytest.param("exit 1", "block", True, id="exit-1-on-failure"),
        pytest.param(f"echo {shlex.quote(DENY)}; exit 1", "", True, id="deny-and-exit-1"),
        pytest.param("exec sleep 60", "", False, id="late-is-open"),
        pytest.param("exec sleep 60", "block", True, id="late-on-failure"),
    ],
)
def test_ends_of_a_hook(tmp_path: Path, line: str, on_failure: str, *, refused: bool) -> None:
    hook = {"type": "command", "command": "/bin/sh", "args": ["-c", line], "timeout": 1, "onFailure": on_failure}
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "hooks.json").write_text(json.dumps({"hooks": {"PreToolUse": [{"hooks": [hook]}]}}))
    payload: Fields = {"hook_event_name": "PreToolUse", "tool_name": "Bash", "cwd": str(tmp_path)}
    began = time.monotonic()
    for newer in (True, False):
        hooks = Hooks((tmp_path,), tmp_path / "data", knows_on_failure=newer)
        known = refused and (newer or not on_failure)
        assert hooks.fire(payload, os.environ).refused is known
    assert time.monotonic() - began < 10
