"""Boards that released versions wrote: today's fermata reads each as it was meant, and goes on with it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from fermata.cli import main
from fermata.core.board import HANDLERS
from fermata.core.board_rules import add_task
from fermata.store.board import BoardStore
from fermata.store.project import Project
from fermata.store.repair import examine
from tests.git.sandbox import make_sandbox
from tests.store.play_board import GOLDEN, play_board

NAMES = sorted(path.name for path in GOLDEN.iterdir())
READS = [
    ["task", "list", "--all"],
    ["task", "show", "2"],
    ["note", "read", "2", "spec"],
    ["learning", "find", "fields"],
]
READS += [[kind, "list", "--all"] for kind in ("debt", "report", "learning", "backlog")]


@pytest.fixture(params=NAMES)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """A repository with a golden board."""
    found = Project(make_sandbox(tmp_path / "project").repo.common_dir)
    found.prepare()
    shutil.copytree(GOLDEN / request.param, found.board().folder)
    return found


def test_every_kind_of_event_is_in_some_of_them() -> None:
    """A new kind of event needs a new history: add one to play_board.py, and run it."""
    found = {event["type"] for name in NAMES for event in BoardStore(str(GOLDEN / name)).events()}
    assert set(HANDLERS) == found


def test_they_name_nobody_s_machine() -> None:
    for path in GOLDEN.rglob("*.json*"):
        for place in (b"/tmp", b"/root", b"/home", b"/work", os.fsencode(Path.home())):
            assert place not in path.read_bytes(), path


def test_the_fold_is_the_stored_board_byte_for_byte(project: Project) -> None:
    before = Path(project.board().state).read_bytes()
    assert examine(project.board()) is None
    os.unlink(project.board().state)
    project.board().rebuild()
    assert Path(project.board().state).read_bytes() == before


def test_today_s_commands_read_them_and_go_on(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.delenv("CLAUDE_CODE_SESSION_ID", raising=False)
    for words in READS:
        assert main(words) == 0, words
        out, err = capsys.readouterr()
        assert err == ""
        assert "learning-" in out or "learning" not in words
    last = max(project.board().load()["tasks"])
    name = project.board().act("test", lambda board: add_task(board, "And more"))[0][1]["id"]
    assert name > last


def test_what_stands_on_the_first_of_them() -> None:
    board = BoardStore(str(GOLDEN / "1-weeks")).load()
    status = {name: task["status"] for name, task in board["tasks"].items()}
    assert list(status.values()) == ["TODO", "DONE", "BLOCKED", "ARCHIVED", "TODO", "TODO"]
    assert list(board["entries"]["learning"]) == ["learning-000001", "learning-000003"], (
        "an id that was lost is not given again"
    )


def test_the_history_can_be_played_for_the_next_release(tmp_path: Path) -> None:
    made = play_board(tmp_path)
    assert examine(BoardStore(str(made))) is None
    with open(made / "state.json", encoding="utf-8") as file:
        assert json.load(file)["board"] == BoardStore(str(made)).load()
