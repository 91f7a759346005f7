"""`fermata context optimize`: what it puts away, what it only says, and who may have it done."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from fermata.cli import main
from fermata.core.board_entries import add_entry, close_entry
from fermata.store.board import BoardStore
from tests.loop.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Callable

LONG = "The parser reads one line at a time. It never holds more than one of them. " * 12


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A project whose board has entries of each kind: from years ago, the half of them closed, and from today."""
    found = Bench(tmp_path)
    monkeypatch.chdir(found.sandbox.root)
    board = found.site.project.board()
    with mock.patch("fermata.store.run_store.utc_now", return_value="2020-01-01T00:00:00Z"):
        for kind in ("debt", "learning", "report", "backlog"):
            for text in (f"parser {kind} to close. {LONG}"[:190], f"parser {kind} that is open. {LONG}"[:190]):
                board.act("test", partial(add_entry, kind=kind, title=text, text="t"))
            board.act("test", partial(close_entry, kind=kind, name="1", how="settled"))
    board.act("test", partial(add_entry, kind="report", title="parser today", text="t"))
    board.act("test", partial(add_entry, kind="learning", title="parser today"))
    board.act("test", partial(close_entry, kind="learning", name="3", how="at once"))
    return found


def statuses(bench: Bench) -> dict[str, list[str]]:
    entries = BoardStore(bench.site.project.board().folder).load()["entries"]
    return {kind: [entry["status"] for entry in found.values()] for kind, found in entries.items()}


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    def run(*words: str, session: str = "") -> Any:
        monkeypatch.delenv("CLAUDECODE", raising=False)
        monkeypatch.delenv("CLAUDE_CODE_SESSION_ID", raising=False)
        if session:
            monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", session)
        capsys.readouterr()
        assert main(["context", "optimize", *words]) == 0
        return capsys.readouterr().out

    return run


def test_what_is_settled_and_very_old_is_archived_and_nothing_else(bench: Bench, say: Callable[..., Any]) -> None:
    lines = say().splitlines()
    assert [line[3:].partition(":")[0] for line in lines] == [
        "Summarise old learnings",
        "Archive very old entries",
        "Clear unused context7 documents",
        "Prune plans of completed tasks",
    ]
    assert "1 of 30 days and more are told in ~8 tokens instead of ~48" in lines[0]
    gone = "debt-000001, learning-000001, report-000001, report-000002, backlog-000001"
    assert (
        lines[1] == f"2. Archive very old entries: 5 archived: {gone}. The journal keeps them, `list --all` shows them."
    )
    assert statuses(bench) == {
        "debt": ["ARCHIVED", "OPEN"],
        "learning": ["ARCHIVED", "OPEN", "CLOSED"],
        "report": ["ARCHIVED", "ARCHIVED", "OPEN"],
        "backlog": ["ARCHIVED", "OPEN"],
    }
    assert json.loads(say("--json"))["archived"] == []
    assert "nothing settled, and no report, is 90 days old" in say()


def test_inside_claude_code_it_only_says_what_could_be(bench: Bench, say: Callable[..., Any]) -> None:
    before = Path(bench.site.project.board().journal).read_bytes()
    told = say(session="s-1").splitlines()[1]
    assert "5 can be (debt-000001, " in told
    assert told.endswith("): type this command in a terminal outside Claude Code.")
    assert Path(bench.site.project.board().journal).read_bytes() == before


def test_the_plan_of_a_run_that_is_over_takes_no_room(bench: Bench, say: Callable[..., Any]) -> None:
    bench.begin().planned()
    assert "tokens are the plan of the run at hand" in say().splitlines()[3]
    bench.tell("run_aborted")
    assert say().splitlines()[3].endswith("nothing to do: none is sent to anybody.")
