"""Journals that released versions wrote: today's fermata reads each as it was meant, and goes on with it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fermata.cli import main
from fermata.core.fold import HANDLERS
from fermata.store.data import DataFolder
from fermata.store.project import Project
from fermata.store.repair import examine
from fermata.store.run_store import FORMAT, RunStore
from tests.git.sandbox import make_sandbox
from tests.store.oracles import sound
from tests.store.play_golden import GOLDEN, HISTORIES, play_history

NAMES = sorted(path.name for path in GOLDEN.iterdir())


def kept(name: str) -> RunStore:
    return RunStore(str(GOLDEN / name))


def test_there_are_histories_of_this_format() -> None:
    assert {f"{FORMAT}-{name}" for name in HISTORIES} <= set(NAMES)


def test_every_kind_of_event_is_in_some_of_them() -> None:
    """A new kind of event needs a new history: add one to play_golden.py, and run it."""
    found = {event["type"] for name in NAMES for event in kept(name).events()}
    assert {"run_created", *HANDLERS} <= found


@pytest.mark.parametrize("name", NAMES)
def test_they_name_nobody_s_machine(name: str) -> None:
    for path in (GOLDEN / name).iterdir():
        for place in (b"/tmp", b"/root", b"/home", os.fsencode(Path.home()), os.fsencode(Path.cwd())):
            assert place not in path.read_bytes(), path


@pytest.mark.parametrize("name", NAMES)
def test_the_fold_is_the_stored_state_byte_for_byte(name: str, tmp_path: Path) -> None:
    """K-C08: the chain verifies from its first line, and `state.json` made anew is the one that was made then."""
    shutil.copytree(GOLDEN / name, tmp_path / name)
    store = RunStore(str(tmp_path / name))
    before = Path(store.state).read_bytes()
    assert examine(store) is None
    os.unlink(store.state)
    store.rebuild()
    assert Path(store.state).read_bytes() == before
    assert sound(store)


@pytest.mark.parametrize("name", NAMES)
def test_today_s_commands_read_them_and_go_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = kept(name).load()
    sandbox = make_sandbox(tmp_path / "project")
    project, data = Project(sandbox.repo.common_dir), DataFolder(str(tmp_path / "data"))
    project.note_data_folder(data.folder)
    shutil.copytree(GOLDEN / name, project.run(run["run"]).folder)
    for folder in RunStore.subfolders:
        os.makedirs(project.run(run["run"]).path(folder))
    data.set_marker(
        run["session"], {"run": run["run"], "store": project.folder, "root": str(sandbox.root), "goal": "x"}
    )
    monkeypatch.chdir(sandbox.root)
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", run["session"])
    for words in (["status"], ["log"], ["next"], ["next"], ["status", "--json"], ["show", "state"]):
        code = main(words)
        out, err = capsys.readouterr()
        assert code in (0, 3), err
        assert err == ""
        assert out
    assert sound(project.run(run["run"]))


@pytest.mark.parametrize("name", sorted(HISTORIES))
def test_every_history_can_be_played_for_the_next_release(name: str, tmp_path: Path) -> None:
    assert sound(RunStore(str(play_history(name, tmp_path))))
