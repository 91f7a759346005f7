"""Finding, starting and ending a program, tried on small programs of our own; no client needed."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from fermata.rehearsal.client import (
    Client,
    ClientMissingError,
    Headless,
    World,
    find_client,
    install_client,
    installed_clients,
    make_home,
    run_headless,
)
from fermata.rehearsal.processes import descendants, end_group
from fermata.rehearsal.terminal import ScreenTimeoutError, Terminal


def program(path: Path, body: str) -> Path:
    """A Python program at *path*."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(0o755)
    return path


def world(folder: Path, body: str, **more: object) -> World:
    project = folder / "project"
    project.mkdir()
    client = Client(program(folder / "client", body), "9.9.9")
    return World(client, make_home(folder / "home", project), project, "http://127.0.0.1:1", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param("print('hello')", "printed 'hello', not a version", id="no-version"),
        pytest.param(None, "does not run", id="missing"),
    ],
)
def test_a_named_program_that_is_no_client(tmp_path: Path, body: str | None, message: str) -> None:
    path = tmp_path / "claude"
    if body:
        program(path, body)
    with pytest.raises(ClientMissingError, match=message):
        find_client({"FERMATA_CLIENT": str(path), "PATH": ""})


def test_where_a_client_is_looked_for(tmp_path: Path) -> None:
    def fake(name: str, version: str) -> Path:
        return program(tmp_path / name, f"print('{version} (Claude Code)')")

    named, on_path = fake("named/any", "1.0.1"), fake("bin/claude", "1.0.2")
    path = {"PATH": str(on_path.parent)}
    assert find_client({"FERMATA_CLIENT": str(named), **path}) == Client(named, "1.0.1")
    assert find_client(path) == Client(on_path, "1.0.2")
    cache = tmp_path / "cache"
    for version in ("2.1.9", "2.1.10"):
        install = install_client_by_hand(cache, version)
    assert find_client({"PATH": ""}, cache) == Client(install, "2.1.10"), "the newest by number"
    with pytest.raises(ClientMissingError, match="npm install -g"):
        find_client({"PATH": ""}, tmp_path / "empty")


def install_client_by_hand(cache: Path, version: str) -> Path:
    from fermata.rehearsal.client import _program

    return program(_program(cache / version), f"print('{version}')")


def test_an_installed_client_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = install_client_by_hand(tmp_path, "2.1.9")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert install_client("2.1.9", tmp_path) == Client(there, "2.1.9") == installed_clients(tmp_path)[0]
    with pytest.raises(ClientMissingError, match=r"client 2\.1\.10 is not in .* and npm is not on PATH"):
        install_client("2.1.10", tmp_path)


def test_a_failed_download_says_what_npm_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin" / "npm", "import sys; sys.exit('npm ERR! 404')")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(ClientMissingError, match="npm ERR! 404"):
        install_client("2.1.10", tmp_path / "cache")
    assert installed_clients(tmp_path / "cache") == ()


SAY_ENVIRONMENT = "import json, os; print(json.dumps({'type': 'result', 'result': json.dumps(dict(os.environ))}))"


def test_nothing_of_the_callers_settings_leaks_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "ANTHROPIC_AUTH_TOKEN", "FERMATA_APPROVE"):
        monkeypatch.setenv(name, "of-the-caller")
    here = world(tmp_path, SAY_ENVIRONMENT, env={"FERMATA_ASKED": "yes"})
    seen = json.loads(run_headless(here, "x").result)
    assert "of-the-caller" not in seen.values()
    assert (seen["HOME"], seen["FERMATA_ASKED"]) == (str(tmp_path / "home"), "yes")


def test_a_home_trusts_each_project_it_was_made_for(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_home(tmp_path / "home", tmp_path / name)
    state = json.loads((tmp_path / "home" / ".claude.json").read_text())
    assert all(state["projects"][str(tmp_path / name)]["hasTrustDialogAccepted"] for name in ("one", "two"))


def test_lines_that_are_not_json_are_kept_apart(tmp_path: Path) -> None:
    body = """print('warning: x'); print('{"type": "result", "result": "a"}'); print('[1]')
import sys; sys.exit(3)"""
    outcome = run_headless(world(tmp_path, body), "x")
    assert (outcome.code, outcome.results, outcome.noise) == (3, ("a",), ("warning: x", "[1]"))


# Starts a shell in a session of its own, as the client does, which starts a program and says its id.
WITH_CHILD = """import subprocess
print('{"type": "system"}', flush=True)
shell = subprocess.Popen(['sh', '-c', 'sleep 600 & echo $! > child; wait'], start_new_session=True)
shell.wait()"""


def gone(pid: int, within: float = 2.0) -> bool:
    """Whether *pid* ends within some seconds: a signal takes a moment. A zombie has ended."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


def child_of(here: World) -> int:
    deadline = time.monotonic() + 10
    file = here.project / "child"
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline, "the program started no child"
        time.sleep(0.01)
    return int(file.read_text())


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")
def test_a_killed_session_leaves_no_process(tmp_path: Path) -> None:
    here = world(tmp_path, WITH_CHILD)
    session = Headless(here, "x")
    child = child_of(here)
    assert child in descendants(session.pid)
    outcome = session.kill9()
    assert [event["type"] for event in outcome.events] == ["system"]
    assert gone(child)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")
def test_what_a_crashed_client_started_lives_on(tmp_path: Path) -> None:
    here = world(tmp_path, WITH_CHILD)
    with Terminal(here) as terminal:
        child = child_of(here)
        left = terminal.crash()
        assert child in left
        assert not gone(child, within=0.2)
        for one in left:
            end_group(one)
        assert gone(child)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")
def test_a_session_that_does_not_end_is_ended(tmp_path: Path) -> None:
    here = world(tmp_path, WITH_CHILD)
    session = Headless(here, "x")
    child = child_of(here)
    with pytest.raises(TimeoutError, match=r"did not end within 0\.1 s; its last events: .*system"):
        session.wait(0.1)
    assert gone(child)


ECHO = """import os, tty
tty.setraw(0)
print('ready\\r')
while True:
    key = os.read(0, 100)
    os.write(1, b'\\x1b[2J\\x1b[H' + repr(key).encode())"""


def test_screen_and_keys(tmp_path: Path) -> None:
    with Terminal(world(tmp_path, ECHO), log=tmp_path / "log", rows=10) as terminal:
        terminal.wait_for_text("ready")
        terminal.type("hello")
        assert terminal.screen() == "b'hello'", "the screen is what is drawn, not what was ever written"
        for key, seen in (("enter", r"b'\r'"), ("down", r"b'\x1b[B'"), ("ctrl-c", r"b'\x03'"), ("x", "b'x'")):
            terminal.press(key)
            assert terminal.screen() == seen
        with pytest.raises(ScreenTimeoutError, match="b'x'"):
            terminal.wait_for_text("not there", 0.05)
    assert b"ready" in (tmp_path / "log").read_bytes()


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")
def test_a_closed_terminal_leaves_no_process(tmp_path: Path) -> None:
    here = world(tmp_path, WITH_CHILD)
    with Terminal(here) as terminal:
        child = child_of(here)
    assert gone(terminal.pid)
    assert gone(child)
