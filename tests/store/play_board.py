"""Plays the history of a board whose journal is kept under `golden_board/`, as the fermata at hand writes it.

Run at a release, `python -m tests.store.play_board` adds what is not there yet and never touches what is.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "lib"))

from fermata.core import board_entries as entries
from fermata.core import board_rules as rules
from fermata.core.board_texts import spec_text
from fermata.core.memory import new_entries
from fermata.store.project import Project
from fermata.store.repair import examine, repair
from fermata.store.run_store import FORMAT
from tests.store.play_golden import clock, keep

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata.core.board_rules import News

GOLDEN = Path(__file__).parent / "golden_board"
NOW, UNTIL = "2026-01-02T04:00:00Z", "2026-01-02T05:00:00Z"


def play_board(folder: Path) -> Path:
    """A project's first weeks: tasks of each status, notes, entries of each kind, a damage that was repaired."""
    with (
        mock.patch("fermata.store.run_store.utc_now", now := clock()),
        mock.patch("fermata.store.repair.utc_now", now),
        mock.patch("time.strftime", return_value="20260102T040000Z"),
    ):
        project = Project(str(folder))
        project.prepare()
        store = project.board()

        def do(rule: Callable[..., News], *words: object, **names: object) -> None:
            store.act("person", lambda board: rule(board, *words, **names))

        do(rules.add_task, "Everything", priority="P1", description="All of it.\nNow.", acceptance=["it works"])
        do(rules.add_task, "Read CSV", parent="1", scope=["src/csv/**"])
        do(rules.add_task, "Read XLSX", parent="1", blocked_by=["2"], priority="P3")
        do(rules.add_task, "Dropped")
        do(rules.change_task, "3", {"title": "Read spreadsheets", "priority": "P2"})
        do(rules.write_note, "2", "spec", "spec", spec_text("Read it", ["a.py"], ["none"], ["it reads"]))
        do(rules.claim_task, "worker", UNTIL, NOW, "2")
        do(rules.release_task, "2", "worker")
        do(rules.claim_task, "worker", UNTIL, NOW, "2")
        do(rules.report_task, "2", "worker", "done", "All of it reads.")
        do(rules.verify_task, "2", "orch_20260102_030405_3fa9", "f" * 40, {"tests": "green"})
        do(rules.set_status, "2", "TODO")
        do(rules.set_status, "2", "DONE")
        do(rules.set_status, "3", "BLOCKED", "no file to try it on")
        do(entries.archive_task, "4", NOW, related=False)
        do(entries.add_entry, "debt", "Two parsers", category="design", text="One would do.", task="2")
        do(entries.add_entry, "learning", "Quote every field", tags=["csv"])
        do(entries.add_entry, "report", "the parser", text="It parses.")
        do(entries.add_entry, "backlog", "Say it in French", source="a person")
        do(entries.close_entry, "debt", "1", "mended")
        do(entries.take_up, "1", "in a whisper")
        do(entries.archive_aged, "2026-05-01T00:00:00Z")
        do(new_entries, "orch_20260102_030405_3fa9/d-002", [("learning", {"title": "Tests need LANG=C"})])
        journal = Path(store.journal)
        journal.write_bytes(journal.read_bytes().replace(b"Tests need LANG=C", b"Tests need LANG=D"))
        damage = examine(project.board())
        assert damage is not None
        repair(project.board(), damage)
        store = project.board()
        do(rules.add_task, "After the repair")
        do(entries.add_entry, "learning", "Keep off the journal")
    return Path(store.folder)


def main() -> int:
    keep(GOLDEN / f"{FORMAT}-weeks", play_board)
    return 0


if __name__ == "__main__":
    sys.exit(main())
