"""Odd machines: a full disk, a read-only repository, no network, a Python without venv, a folder that is gone."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fermata.environment import environment_folder
from tests.hooks.driver import LAUNCHER, ROOT, decision, reason
from tests.places.play import NEW, REVIEW, Play, built, make_play, users_own
from tests.store.oracles import sound

pytestmark = pytest.mark.timeout(120)
Mount = Callable[..., None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return make_play(tmp_path)


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mounts for the time of the test; only root may do that."""
    done: list[str] = []

    def make(*words: str, at: str) -> None:
        if subprocess.run(["mount", *words, at], capture_output=True, check=False).returncode:
            pytest.skip("no mount is permitted here")
        done.append(at)

    yield make
    for place in reversed(done):
        subprocess.run(["umount", "-l", place], check=True)


def remount(place: str, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", place], check=True)


def fill(folder: str) -> Path:
    """Leave no byte free in *folder*."""
    path = Path(folder) / "ballast"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    return path


def test_a_full_disk_in_the_store_loses_nothing_and_the_run_goes_on_afterwards(play: Play, mount: Mount) -> None:
    """K-A05."""
    os.makedirs(play.project.folder, mode=0o700)
    mount("-t", "tmpfs", "-o", "size=4m,mode=700", "none", at=play.project.folder)
    told = play.planned()
    assert "AskUserQuestion" in told
    told = play.approves()
    begin = play.agent(told, {}, NEW)
    assert decision(begin) == "block"  # an empty result, sent back
    before = play.store.events()
    ballast = fill(play.project.folder)
    refused = play.hand_in("ad002", built(NEW))
    assert decision(refused) == "block"
    assert "No space left on device" in reason(refused)
    assert play.store.events() == before
    ballast.unlink()
    assert decision(play.hand_in("ad002", built(NEW))) == "silent"
    fill(play.project.folder)
    said = play.fermata("next")
    assert said.code == 6
    assert "No space left on device" in said.err
    assert play.fermata("status").code == 0
    ballast.unlink()
    assert decision(play.agent(play.settled("next"), REVIEW)) == "silent"
    store = play.store
    assert "DONE" in play.settled("next")
    sound(store)


@pytest.mark.long
def test_a_full_disk_where_the_environment_belongs(play: Play, mount: Mount, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "none", at=str(small))
    env = {**os.environ, "XDG_DATA_HOME": str(small)}
    done = subprocess.run([LAUNCHER, "status"], env=env, cwd=play.root, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(small.glob("fermata/env-*/ready"))


def test_in_a_read_only_repository_looking_works_and_the_rest_says_where(play: Play, mount: Mount) -> None:
    """K-A08."""
    play.planned()
    play.type("stop")
    name = play.project.run_ids()[0]
    mount("--bind", play.root, at=play.root)
    remount(play.root, "bind,ro")
    status = subprocess.run(
        [LAUNCHER, "status"], cwd=play.root, env=play.env(), capture_output=True, text=True, check=False
    )
    assert name in status.stdout, status.stderr
    for command in ("build", "resume"):
        outcome = play.type(command, "Add a thing" if command == "build" else "")
        assert decision(outcome) == "block"
        assert f"Read-only file system ({play.project.folder}" in reason(outcome)
        assert play.data.marker(play.session) is None
    assert name in reason(play.type("status"))


@pytest.mark.long
def test_in_a_sandbox_that_protects_the_git_folder_the_setting_is_named(play: Play, mount: Mount) -> None:
    """A session that was started in a subfolder: Claude Code's Bash sandbox lets it write nowhere above."""
    play.type("build", "Add a thing")
    git = f"{play.root}/.git"
    mount("--bind", git, at=git)
    remount(git, "bind,ro")
    play.extra = {"SANDBOX_RUNTIME": "1"}
    said = play.fermata("start")
    assert said.code == 6
    assert "Read-only file system" in said.err
    assert f'Start Claude Code in {play.root}, or add "{git}" to sandbox.filesystem.allowWrite' in said.err
    assert play.data.marker(play.session) is None


def offline(*words: str, env: dict[str, str], cwd: str) -> subprocess.CompletedProcess[str]:
    made = ["unshare", "-rn", *words]
    return subprocess.run(made, env=env, cwd=cwd, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("verb", ["start", pytest.param("setup", marks=pytest.mark.long)])
def test_without_network_and_environment_the_one_command_is_named(play: Play, tmp_path: Path, verb: str) -> None:
    if offline("true", env=dict(os.environ), cwd="/").returncode:
        pytest.skip("no network namespace is permitted here")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "new home"), "PIP_RETRIES": "0", "UV_HTTP_TIMEOUT": "1"}
    done = offline(LAUNCHER, verb, env=env, cwd=play.root)
    assert (done.returncode, done.stdout) == (6, "")
    assert "Traceback" not in done.stderr
    assert f"'{LAUNCHER}' setup" in done.stderr
    assert not Path(environment_folder(ROOT, env)).exists()


def test_a_read_only_home_without_environment_names_the_one_command(play: Play, mount: Mount, tmp_path: Path) -> None:
    """As in a Bash sandbox before anything was set up."""
    home = tmp_path / "read only"
    home.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m,ro", "none", at=str(home))
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    done = subprocess.run([LAUNCHER, "start"], env=env, cwd=play.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (6, "")
    assert "Read-only file system" in done.stderr
    assert f"'{LAUNCHER}' setup" in done.stderr


def test_a_folder_that_is_gone_is_an_error_with_a_next_move(play: Play) -> None:
    """K-E12."""
    gone = Path(play.root) / "gone"
    gone.mkdir()
    words = f'cd "{gone}" && rmdir "{gone}" && exec "{LAUNCHER}" status'
    done = subprocess.run(["/bin/sh", "-c", words], env=play.env(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (6, "")
    assert "Traceback" not in done.stderr
    assert "this folder is gone; cd into one that is there" in done.stderr


@pytest.mark.long
def test_hooks_of_a_session_whose_folder_is_gone_still_hold(play: Play) -> None:
    play.planned()
    env = {**play.env(), "CLAUDE_PLUGIN_ROOT": ROOT}
    gone = Path(play.root) / "gone"
    gone.mkdir()
    payload = {
        "session_id": play.session,
        "transcript_path": play.transcript,
        "cwd": str(gone),
        "permission_mode": "default",
        "hook_event_name": "PreToolUse",
        "tool_name": "Write",
        "tool_input": {"file_path": "x.txt", "content": ""},
        "tool_use_id": "toolu_x",
    }
    words = f'cd "{gone}" && rmdir "{gone}" && exec /bin/sh "{ROOT}/hooks/hook" bound PreToolUse'
    done = subprocess.run(
        ["/bin/sh", "-c", words], env=env, input=json.dumps(payload), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_a_check_outlives_the_command_that_waits_for_it_and_the_client(play: Play, tmp_path: Path) -> None:
    """A suite of 25 minutes in small: it ends when a pipe is opened, long after `wait --max` and a resumed client."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    play.sandbox.write("check.sh", f"read line < '{gate}'\n")
    play.sandbox.commit()
    before = users_own(play.sandbox)
    play.type("build", "Add a thing")
    assert "fermata is running tests" in play.fermata("start").out
    for _ in range(2):
        assert "wait --max" in play.fermata("wait", "--max", "1").out
    play.hook("SessionStart", source="resume")  # the client was ended and comes back
    assert "fermata is running tests" in play.fermata("next").out
    assert [c["state"] for c in play.store.load()["checks"].values()] == ["running"]
    gate.write_text("go\n")
    assert "fermata:planner" in play.settled("wait", "--max", "30")
    (check,) = play.store.load()["checks"].values()
    assert check.get("outcome") == "green"
    assert users_own(play.sandbox) == before


@pytest.mark.long
def test_a_tree_that_changes_while_its_last_check_runs_is_not_done(play: Play, tmp_path: Path) -> None:
    """K-H03."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    play.sandbox.write("check.sh", f"test ! -e src/new.py || read line < '{gate}'\n")
    play.sandbox.commit()
    play.planned()
    assert decision(play.agent(play.approves(), built(NEW), NEW)) == "silent"
    assert "fermata is running tests" in play.fermata("next").out
    play.sandbox.write("users.txt", "edited meanwhile\n")
    gate.write_text("go\n")
    told = play.fermata("wait", "--max", "4")  # it goes on to the second run, which waits for the gate
    assert [c.get("outcome") for c in play.store.load()["checks"].values()][-2:] == ["unstable", None]
    assert "wait --max" in told.out
    gate.write_text("go\n")
    assert "reviewer" in play.settled("wait", "--max", "30")
