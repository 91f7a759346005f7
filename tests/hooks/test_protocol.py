"""What a hook does with input, surroundings and interpreters that are not as they should be, and what it loads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fermata.store.lock import locked
from tests.hooks.driver import BUILDER, LAUNCHER, ROOT, Session, decision, reason, start_hook

if TYPE_CHECKING:
    from tests.hooks.driver import Outcome

HUGE = 50_000_000
WRITE = {"tool_name": "Write", "tool_input": {"file_path": "src/app.py"}}

HOSTILE = [
    pytest.param(b"", id="empty"),
    pytest.param(b"\n", id="newline"),
    pytest.param(b"not json", id="text"),
    pytest.param(b"[]", id="array"),
    pytest.param(b"null", id="null"),
    pytest.param(b'"text"', id="string"),
    pytest.param(b'{"session_id": ', id="cut"),
    pytest.param(b"\xff\xfe\x00", id="not-utf-8"),
    pytest.param(b"{" * 200_000, id="deep"),
    pytest.param(b" " * HUGE, id="fifty-megabytes"),
    pytest.param(b"\0" * 10, id="nul"),
]


def call(session: Session, event: str, data: bytes) -> Outcome:
    return start_hook(event, "Write" if "Tool" in event else "", data, session.env(), session.root)


@pytest.mark.parametrize("data", HOSTILE)
def test_input_that_is_no_payload_is_refused_while_a_run_is_on(session: Session, data: bytes) -> None:
    """K-E01."""
    session.at_gate()
    outcome = call(session, "PreToolUse", data)
    assert decision(outcome) == "deny"
    assert "/fermata:stop" in reason(outcome)
    assert "Traceback" not in outcome.stderr
    assert call(session, "Stop", data).answer is None


@pytest.mark.parametrize(
    "event", ["PreToolUse", "UserPromptExpansion", "SessionStart", "SubagentStop", "Stop", "ConfigChange"]
)
@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"{" * 1_000])
def test_the_same_disturbs_nobody_elses_work(session: Session, event: str, data: bytes) -> None:
    """K-E02."""
    outcome = call(session, event, data)
    assert (outcome.code, outcome.answer) == (0, None)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"tool_name": 5}, id="tool-name-is-a-number"),
        pytest.param({"tool_name": None}, id="no-tool-name"),
        pytest.param({"tool_input": None}, id="tool-input-is-null"),
        pytest.param({"tool_input": []}, id="tool-input-is-a-list"),
        pytest.param({"session_id": 5}, id="session-is-a-number"),
        pytest.param({"session_id": None}, id="no-session"),
        pytest.param({"session_id": "../x"}, id="session-is-a-path"),
        pytest.param({"cwd": 5}, id="cwd-is-a-number"),
        pytest.param({"cwd": "/gone/away"}, id="cwd-is-gone"),
        pytest.param({"permission_mode": {}}, id="mode-is-an-object"),
        pytest.param({"agent_id": 5}, id="agent-is-a-number"),
        pytest.param({"transcript_path": None}, id="no-transcript"),
    ],
)
def test_fields_of_a_wrong_type_open_nothing(session: Session, fields: dict[str, object]) -> None:
    """K-E03."""
    session.at_gate()
    payload = {
        "session_id": session.session,
        "cwd": session.root,
        "transcript_path": session.transcript,
        **WRITE,
        **fields,
    }
    assert decision(call(session, "PreToolUse", json.dumps(payload).encode())) == "deny"


def test_a_reason_shows_no_control_characters_and_is_short(session: Session) -> None:
    """K-E08."""
    session.building()
    for path in ("docs/\x1b[2J\u202e" + "x" * 50_000, "docs/\x00", "docs/\ud800"):
        outcome = session.tool("Write", {"file_path": path}, agent=BUILDER)
        assert decision(outcome) == "deny"
        assert len(reason(outcome)) < 10_000
        assert not {c for c in reason(outcome) + outcome.stderr if ord(c) < 32 and c != "\n"}
        assert "\u202e" not in reason(outcome)
    outcome = session.tool("Bash", {"command": "\x1b]0;x\x07 " + "y" * 50_000})
    assert decision(outcome) == "deny"
    assert "\x1b" not in reason(outcome)


# --- every step may fail --------------------------------------------------------------------------------------------------


def broken_plugin(session: Session, change: dict[str, str]) -> None:
    """A copy of the plugin in which files are replaced by *change*; only what hooks need."""
    copy = os.path.join(str(session.folder), "plugin")
    shutil.copytree(os.path.join(ROOT, "hooks"), os.path.join(copy, "hooks"))
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(os.path.join(ROOT, "scripts", "lib"), os.path.join(copy, "scripts", "lib"), ignore=ignore)
    for name, text in change.items():
        with open(os.path.join(copy, name), "w", encoding="utf-8") as file:
            file.write(text)
    session.extra["CLAUDE_PLUGIN_ROOT"] = copy


LIB = "scripts/lib/fermata"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("hooks/entry.py", "syntax error here", id="entry-does-not-parse"),
        pytest.param("hooks/entry.py", "raise SystemExit(1)", id="entry-ends-with-1"),
        pytest.param("hooks/entry.py", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", id="killed"),
        pytest.param(f"{LIB}/host/dispatcher.py", "import nothing_of_that_name", id="import-fails"),
        pytest.param(f"{LIB}/host/payload.py", "1/0", id="payload-breaks"),
        pytest.param(f"{LIB}/host/bound.py", "1/0", id="bound-breaks"),
        pytest.param(f"{LIB}/host/events.py", "BOUND_EVENTS = {}", id="no-event-is-known"),
        pytest.param(f"{LIB}/core/gate.py", "raise RecursionError", id="gate-breaks"),
        pytest.param(f"{LIB}/store/data.py", "raise MemoryError", id="memory"),
        pytest.param(f"{LIB}/store/run_store.py", "raise KeyboardInterrupt", id="interrupted"),
    ],
)
def test_a_gate_that_breaks_refuses_and_a_sensor_stays_silent(session: Session, name: str, text: str) -> None:
    """K-E05: exit 0 with a denial, or 2; never 1, never a traceback that lets the tool run."""
    session.at_gate()
    broken_plugin(session, {name: text})
    assert decision(session.tool("Write", {"file_path": "src/app.py"})) == "deny"
    stop = session.hook("Stop")
    assert stop.code == 0
    assert stop.answer is None


def test_a_missing_entry_refuses_for_a_driving_session_alone(session: Session) -> None:
    """K-E10: a plugin folder that went away must not lock everybody out."""
    broken_plugin(session, {})
    os.unlink(os.path.join(session.extra["CLAUDE_PLUGIN_ROOT"], "hooks", "entry.py"))
    assert session.hook("SessionStart", source="startup").code == 0
    assert session.hook("UserPromptExpansion", command_name="other:x").code == 0
    assert session.tool("Write", {"file_path": "x"}).code == 0
    session.data.set_marker(session.session, {"run": "r", "store": "s", "root": "t"})
    assert session.tool("Write", {"file_path": "x"}).code == 2
    assert session.hook("Stop").code == 0


@pytest.mark.parametrize("kind", ["none", "too-old", "crashes", "not-a-program"])
def test_without_a_usable_interpreter_the_gate_holds(session: Session, kind: str) -> None:
    """K-E11."""
    session.at_gate()
    folder = os.path.join(str(session.folder), "bin")
    os.mkdir(folder)
    os.unlink(os.path.join(session.home, "share", "fermata", "python"))
    script = {"too-old": "echo SyntaxError >&2; exit 1", "crashes": "kill -SEGV $$"}.get(kind)
    if script:
        with open(os.path.join(folder, "python3"), "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(os.path.join(folder, "python3"), 0o755)
    elif kind == "not-a-program":
        os.mkdir(os.path.join(folder, "python3"))
    session.extra["PATH"] = folder
    outcome = session.tool("Write", {"file_path": "src/app.py"})
    assert outcome.code == 2
    assert "3.10" in outcome.stderr
    assert session.hook("Stop").code == 0
    shutil.rmtree(os.path.dirname(session.data.marker_path(session.session)))
    assert session.tool("Write", {"file_path": "src/app.py"}).code == 0


def test_a_poisoned_python_environment_changes_nothing(session: Session) -> None:
    """K-E11."""
    session.at_gate()
    for name in ("json.py", "os.py", "fermata.py", "sitecustomize.py", "usercustomize.py"):
        with open(os.path.join(session.root, name), "w", encoding="utf-8") as file:
            file.write("import sys; sys.exit(0)\n")
    session.extra = {
        "PYTHONPATH": session.root,
        "PYTHONSTARTUP": os.path.join(session.root, "json.py"),
        "PYTHONHOME": "/nowhere",
        "PYTHONINSPECT": "1",
        "PYTHONWARNINGS": "error",
    }
    assert decision(session.tool("Write", {"file_path": "src/app.py"})) == "deny"


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({"LANG": "C", "LC_ALL": "C"}, id="c-locale"),
        pytest.param({"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"}, id="ascii"),
        pytest.param({"TZ": "Nowhere/Odd"}, id="odd-time-zone"),
        pytest.param({"HOME": "", "XDG_DATA_HOME": ""}, id="no-home"),
        pytest.param({"TMPDIR": "/nowhere"}, id="no-temporary-folder"),
    ],
)
def test_odd_surroundings_do_not_open_the_gate(session: Session, env: dict[str, str]) -> None:
    """K-E12."""
    session.at_gate()
    session.extra = env
    assert decision(session.tool("Write", {"file_path": "ü\u2028.py"})) == "deny"
    assert decision(session.tool("Bash", {"command": "ls ü"})) == "silent"


def test_a_deleted_working_directory_does_not_open_the_gate(session: Session) -> None:
    """K-E12."""
    session.at_gate()
    gone = os.path.join(str(session.folder), "gone")
    os.mkdir(gone)
    payload = {"session_id": session.session, "cwd": gone, "transcript_path": session.transcript, **WRITE}
    script = f'cd "{gone}" && rmdir "{gone}" && exec /bin/sh "{ROOT}/hooks/hook" bound PreToolUse'
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        input=json.dumps(payload).encode(),
        capture_output=True,
        env=session.env(),
        check=False,
    )
    assert done.returncode == 0
    assert b'"deny"' in done.stdout


def test_no_output_can_be_written_so_the_exit_code_refuses(session: Session) -> None:
    session.at_gate()
    payload = {"session_id": session.session, "cwd": session.root, "transcript_path": session.transcript, **WRITE}
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            ["/bin/sh", f"{ROOT}/hooks/hook", "bound", "PreToolUse"],
            input=json.dumps(payload).encode(),
            stdout=full,
            stderr=subprocess.PIPE,
            env=session.env(),
            check=False,
        )
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_a_lock_held_for_long_ends_in_a_refusal_in_time(session: Session) -> None:
    """K-E06: before the client's 60 seconds."""
    session.planning()
    with locked(session.store.path("lock")):
        given = {"prompt": "fermata dispatch d-001", "subagent_type": "fermata:planner"}
        outcome = session.tool("Agent", given)
    assert decision(outcome) == "deny"
    assert "held by another process" in reason(outcome)
    assert outcome.seconds < 20


# --- what the allow path loads ----------------------------------------------------------------------------------------

FORBIDDEN = {
    "pydantic", "jsonschema", "yaml", "filelock", "dataclasses", "typing", "subprocess", "pathlib", "inspect",
    "tempfile", "shutil", "logging", "asyncio", "click", "hashlib", "random", "threading",
    "json", "re", "enum", "functools", "collections", "contextlib", "signal",
}  # fmt: skip


def loaded(session: Session, event: str, **fields: object) -> set[str]:
    """The modules that one hook call loads."""
    payload = {"session_id": session.session, "cwd": session.root, "transcript_path": session.transcript, **fields}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "importtime", os.path.join(ROOT, "hooks", "entry.py"), event],
        input=json.dumps(payload).encode(),
        capture_output=True,
        env=session.env(),
        check=True,
    )
    assert b"deny" not in done.stdout
    return {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines() if line.startswith("import")}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"tool_name": "Bash", "tool_input": {"command": "git log | head"}}, id="main-reads"),
        pytest.param({"tool_name": "Bash", "tool_input": {"command": f"{LAUNCHER} next"}}, id="main-calls-fermata"),
        pytest.param({**WRITE, "agent_id": BUILDER}, id="builder-writes"),
        pytest.param({"tool_name": "Bash", "tool_input": {"command": "make"}, "agent_id": BUILDER}, id="builder-runs"),
    ],
)
def test_the_allow_path_loads_little_of_the_standard_library(session: Session, fields: dict[str, object]) -> None:
    session.building()
    modules = loaded(session, "PreToolUse", **fields)
    assert "fermata.core.gate" in modules
    assert {name for name in modules if name.split(".")[0] in FORBIDDEN} == set()
    assert not {name for name in modules if name.startswith(("fermata.git", "fermata.loop", "fermata.definitions"))}


def test_a_session_that_drives_nothing_starts_no_interpreter(session: Session) -> None:
    session.extra = {"PATH": "/nowhere", "XDG_DATA_HOME": "/nowhere"}
    outcome = session.tool("Write", {"file_path": "x"})
    assert (outcome.code, outcome.stderr) == (0, "")
