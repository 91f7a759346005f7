"""The project's store: where runs live, which of them is on, and the way from it to the plugin's data folder.

`<git common dir>/fermata/`, so that `git clean`, a branch switch or a stash cannot touch it and all worktrees share it.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

from ..core.position import ENDED
from .errors import Conflict, Damaged, StoreError, Usage
from .files import LEFTOVER_AGE, make_folder, remove_leftovers, safe_name, write_text
from .lock import locked
from .run_store import RunStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.records import Run
    from .board import BoardStore

README = """fermata keeps its runs and its board here: an append-only journal for each, and what agents handed in.
Nothing in this folder is yours to edit; `fermata status` shows it.
Deleting the folder forgets every run, the board, and nothing else.
"""


class Project:
    """The store of one repository."""

    def __init__(self, common_dir: str) -> None:
        self.folder = os.path.join(common_dir, "fermata")
        self.runs_folder = os.path.join(self.folder, "runs")
        self._lock = os.path.join(self.folder, "lock")
        self._data_note = os.path.join(self.folder, "data-folder")

    def prepare(self) -> None:
        """Make the folders. Refuses a store that is a link, or that others may write."""
        for path in (self.folder, self.runs_folder):
            if os.path.islink(path):
                raise StoreError(
                    f"{path} is a symbolic link; fermata keeps state only in a real folder. Remove the link"
                )
        make_folder(self.folder)
        make_folder(self.runs_folder)
        if os.stat(self.folder).st_mode & 0o022:
            raise StoreError(f"{self.folder} can be written by others; run: chmod 700 {self.folder}")
        readme = os.path.join(self.folder, "README")
        if not os.path.exists(readme):
            write_text(readme, README)

    def note_data_folder(self, data: str) -> None:
        """Leave the way to the plugin's data folder for the command line, which the host does not tell it."""
        self.prepare()
        remove_leftovers(self.folder, LEFTOVER_AGE, time.time())
        write_text(self._data_note, data + "\n", sync=True)

    def data_folder(self) -> str | None:
        """The plugin's data folder as the hooks last left it; None when no hook of fermata has run here."""
        try:
            with open(self._data_note, encoding="utf-8") as file:
                return file.read().strip() or None
        except FileNotFoundError:
            return None

    def run(self, run_id: str) -> RunStore:
        """The store of *run_id*, which need not exist. Raises StoreError for an unusable name."""
        return RunStore(os.path.join(self.runs_folder, safe_name(run_id)))

    def board(self) -> BoardStore:
        """The store of the board, which need not exist."""
        from .board import BoardStore  # hooks load this module, and none of them looks at the board

        return BoardStore(os.path.join(self.folder, "board"))

    def run_ids(self) -> list[str]:
        """Every run that has a journal, newest first."""
        try:
            names = sorted(os.listdir(self.runs_folder), reverse=True)
        except FileNotFoundError:
            return []
        return [name for name in names if name.startswith("orch_") and self.run(name).exists()]

    def open_runs(self, worktree: str | None = None) -> list[Run]:
        """The runs that have not ended, newest first; with *worktree* those that work in it.

        One that cannot be read does not stand in the way of the others.

        Raises:
            Damaged: the newest run cannot be read, and no other is open.
        """
        read = [self._readable(name) for name in self.run_ids()]
        found = [run for run in read if not isinstance(run, Damaged) and run["status"] not in ENDED]
        if read and isinstance(read[0], Damaged) and not found:
            raise read[0]
        return [run for run in found if worktree in (None, works_in(run))]

    def _readable(self, run_id: str) -> Run | Damaged:
        try:
            return self.run(run_id).load()
        except Damaged as error:
            return error

    def newest(self, worktree: str = ".") -> str:
        """The id of the newest run that has not ended, one in *worktree* before others, else of the newest run.

        Raises:
            Usage: there is none.
        """
        ids = self.run_ids()
        if not ids:
            raise Usage('no run here yet; type /build "GOAL" in Claude Code')
        still_open = sorted(self.open_runs(), key=lambda run: works_in(run) != worktree)
        return still_open[0]["run"] if still_open else ids[0]

    def start(self, run_id: str, create: Callable[[RunStore], Run], worktree: str = ".") -> Run:
        """Create a run unless one is being worked on in *worktree*.

        Raises:
            Conflict: another run is on there; one writer at a time works in place.
        """
        self.prepare()
        with locked(self._lock):
            with suppress(Damaged):
                other = self.who_is_on(worktree, run_id)
                if other:
                    raise Conflict(other)
            return create(self.run(run_id))

    def who_is_on(self, worktree: str, run_id: str) -> str | None:
        """Why *run_id* cannot go on in *worktree* now: another run that is neither parked nor over works there."""
        for other in self.open_runs(worktree):
            if other["run"] != run_id and other["status"] != "stopped":
                return (
                    f"run {other['run']} ({other['goal'][:60]!r}) is on in this work tree, and there is one run at a time "
                    f"in each. Park it with /fermata:stop in its session, take it over with /fermata:resume, or end "
                    f"it with /fermata:abort. For both at once: git worktree add ../ANOTHER, and start Claude Code there"
                )
        return None


def works_in(run: Run) -> str:
    """The work tree in which *run* works: `.` for the repository's first one, `worktrees/NAME` for a linked one."""
    return str(run["base"].get("worktree", "."))
