"""`fermata rehearse` as a reader runs it: ends well on every supported client, says what is missing, leaves nothing behind, and can fail."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.processes import descendants
from tests.e2e.conftest import ROOT, client_named

if TYPE_CHECKING:
    from pathlib import Path

Environment = dict[str, str]


@pytest.fixture
def outside(tmp_path: Path, data_home: str) -> Environment:
    """A terminal with an empty home, its own folder for temporary files, and no client."""
    for name in ("empty home", "tmp"):
        (tmp_path / name).mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "empty home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "XDG_DATA_HOME": data_home,
        "LANG": "C.UTF-8",
    }


def rehearse(env: Environment, *options: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [str(root / "scripts" / "fermata"), "rehearse", *options]
    return subprocess.run(command, env=env, cwd=env["HOME"], capture_output=True, text=True, timeout=380, check=False)


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        pytest.param("2.1.329", "auto", marks=pytest.mark.long),
        ("2.1.329", "default"),
        pytest.param("2.1.197", "default", marks=pytest.mark.long),
    ],
)
def test_all_of_it_happens(outside: Environment, version: str, mode: str) -> None:
    done = rehearse({**outside, "FERMATA_CLIENT": str(client_named(version).path)}, "--mode", mode)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All of it happened: 18 proofs" in done.stdout
    assert left(outside) == []
    assert os.listdir(outside["HOME"]) == []


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.parametrize(("version", "mode"), [("2.1.329", "default"), ("2.1.329", "auto"), ("2.1.197", "default")])
def test_all_of_the_second_piece_happens(outside: Environment, version: str, mode: str) -> None:
    done = rehearse({**outside, "FERMATA_CLIENT": str(client_named(version).path)}, "conduct", "--mode", mode)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All of it happened: 20 proofs" in done.stdout
    assert left(outside) == []
    assert os.listdir(outside["HOME"]) == []


def test_the_second_piece_is_not_for_the_simulated_client(outside: Environment) -> None:
    done = rehearse({**outside, "PATH": "/usr/bin:/bin"}, "conduct", "--host", "simulated")
    assert (done.returncode, done.stdout) == (6, "")
    assert "the simulated client cannot play `conduct`" in done.stderr


# All that a small system has: no `ps`, no npm, no client.
PROGRAMS = ("sh", "git", "python3", "cat", "head", "ls", "cksum", "readlink")


@pytest.fixture
def bare(outside: Environment, tmp_path: Path) -> Environment:
    """A PATH with a few programs on it."""
    (tmp_path / "bin").mkdir()
    for name in PROGRAMS:
        found = os.path.realpath(sys.executable) if name == "python3" else shutil.which(name)
        assert found
        (tmp_path / "bin" / name).symlink_to(found)
    return {**outside, "PATH": str(tmp_path / "bin")}


@pytest.mark.long
def test_without_a_client_a_simulated_one_plays(bare: Environment) -> None:
    done = rehearse(bare)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All that a simulated client can show happened: 17 proofs" in done.stdout
    assert "not shown: the human's choice in the real picker" in done.stdout
    assert done.stderr.count("\n") == 1
    assert "npm install -g @anthropic-ai/claude-code" in done.stderr
    assert left(bare) == []
    assert os.listdir(bare["HOME"]) == []


def test_the_real_client_can_be_asked_for(outside: Environment) -> None:
    done = rehearse({**outside, "PATH": "/usr/bin:/bin"}, "--host", "claude")
    assert done.returncode == 6
    assert "npm install -g @anthropic-ai/claude-code" in done.stderr
    assert "fermata rehearse --get-client" in done.stderr


def test_a_named_client_that_does_not_run_is_not_replaced(outside: Environment) -> None:
    done = rehearse({**outside, "FERMATA_CLIENT": "/nowhere/claude"})
    assert done.returncode == 6
    assert "/nowhere/claude does not run" in done.stderr
    assert done.stdout == ""


@pytest.mark.long
def test_the_simulated_client_in_auto_mode_told_as_json(outside: Environment) -> None:
    env = {**outside, "FERMATA_CLIENT": str(client_named("2.1.329").path)}
    done = rehearse(env, "--host", "simulated", "--mode", "auto", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"], found["host"], found["error"]) == (0, True, "simulated", None)
    assert (len(found["proofs"]), len(found["unshown"])) == (17, 1)


def left(env: Environment) -> list[str]:
    """What of the rehearsal's own is still in the folder for temporary files; the client leaves its sockets' folder there."""
    return [name for name in os.listdir(env["TMPDIR"]) if name.startswith("fermata")]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_ctrl_c_leaves_nothing_behind(outside: Environment) -> None:
    env = {**outside, "FERMATA_CLIENT": str(client_named("2.1.329").path)}
    command = [str(ROOT / "scripts" / "fermata"), "rehearse"]
    with subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as started:
        assert started.stdout
        assert any("dispatch started" in line for line in started.stdout)
        children = descendants(started.pid)
        os.killpg(started.pid, signal.SIGINT)
        _, said = started.communicate(timeout=20)
    assert started.returncode == 130, said
    assert children
    deadline = time.monotonic() + 5
    while any(map(alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in children if alive(pid)] == []
    assert left(outside) == []


BROKEN = {
    "no-hooks": ("hooks/hooks.json", None, '{"hooks": {}}'),
    "edits-pass": (
        "scripts/lib/fermata/core/gate.py",
        "if call.tool not in EDITS:",
        "if True:\n        return Verdict(PASS)\n    if False:",
    ),
    "lies-pass": ("scripts/lib/fermata/loop/own_checks.py", '"outcome": verdict.outcome,', '"outcome": "green",'),
}


@pytest.mark.parametrize(
    ("fault", "host"),
    [
        ("no-hooks", "simulated"),
        pytest.param("edits-pass", "claude", marks=pytest.mark.long),
        pytest.param("no-hooks", "claude", marks=pytest.mark.long),
        pytest.param("edits-pass", "simulated", marks=pytest.mark.long),
    ],
)
def test_a_gate_that_does_not_hold_is_noticed(outside: Environment, tmp_path: Path, fault: str, host: str) -> None:
    root = broken_plugin(tmp_path, fault)
    env = {**outside, "FERMATA_CLIENT": str(client_named("2.1.329").path)} if host == "claude" else outside
    done = rehearse(env, "--mode", "auto", "--host", host, root=root)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Not everything happened" in done.stdout
    assert "kept for a look:" in done.stdout


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_lie_that_is_believed_is_noticed(outside: Environment, tmp_path: Path) -> None:
    root = broken_plugin(tmp_path, "lies-pass", "60.0")
    env = {**outside, "FERMATA_CLIENT": str(client_named("2.1.329").path)}
    done = rehearse(env, "conduct", "--host", "claude", root=root)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "no check_finished in the journal within" in done.stdout


def broken_plugin(folder: Path, fault: str, patience: str = "12.0") -> Path:
    """A copy of the plugin with one thing broken, and less patience."""
    root = folder / "broken plugin"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(".git", "tests", ".*_cache", "__pycache__"))
    name, old, new = BROKEN[fault]
    replace_in(root / name, old, new)
    replace_in(root / "scripts/lib/fermata/rehearsal/journal.py", "PATIENCE = 90.0", f"PATIENCE = {patience}")
    return root


def replace_in(path: Path, old: str | None, new: str) -> None:
    text = path.read_text()
    assert old is None or text.count(old) == 1
    path.write_text(new if old is None else text.replace(old, new))
