"""The project's board on disk, beside its runs: the same journal, another fold.

Decides when the board's cache is written (rarely, since ten thousand tasks take long to write) and how its texts are
found again. What may be done to the board is decided by `core/board_rules.py`, under this store's lock.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..core.board import LONG, new_board, step
from ..core.uncollected import Uncollected
from . import journal
from .errors import REPAIR
from .files import LEFTOVER_AGE, remove_leftovers
from .lock import PATIENCE
from .run_store import JournalledStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.board_records import Board, Json
    from ..core.records import Event
    from .run_store import News

# Bytes of journal up to which the cache is as cheap as a run's.
SMALL = 65_536
CACHED_BITS = 4


class BoardStore(JournalledStore["Board"]):
    """The folder of a board.

    The board that is given out is the store's own and changes with the next call; read it, and let it go. Not for more
    than one thread.
    """

    holds = "board"
    way_out = REPAIR.replace("fermata repair", "fermata repair board")
    anew = "Keep a copy of the folder; if you move it away, `fermata task add` begins an empty board"

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self._known: Json = None
        self._appended_at = 0

    def act(self, actor: str, rule: Callable[[Board], News], seconds: float = PATIENCE) -> News:
        """Under the lock: let *rule* look at the board and say which events follow; gives what was journalled.

        Raises:
            BoardError: as *rule* raises.
            StoreError: the journal is damaged, or the lock is held too long.
            OSError: disk full or unwritable; the old state stays.
        """
        told: News = []

        def decide(board: Board | None) -> News:
            told.extend(rule(new_board() if board is None else board))
            return told

        self.snapshot()  # catches up before the lock is taken, so that the others wait for less
        self.transact(actor, decide, seconds)
        return told

    def details(self, *lines: int) -> dict[str, Json]:
        """The long texts that stand in these lines of the journal; where one stands in several, the last counts."""
        found: dict[str, Json] = {}
        for event in journal.read_lines(self.journal, set(lines)):
            found.update({key: event["body"][key] for key in (*LONG, "text") if key in event["body"]})
        return found

    def _nothing(self) -> Board:
        return new_board()

    def fold(self) -> Callable[[Board | None, Event], Board]:
        return step

    # The fold changes the board itself, so what this process remembers is dropped before each change: if that fails
    # half way, the next call starts from the cache.

    def _cached(self) -> Json:
        if self._known:
            return self._known
        with Uncollected():  # reading thousands of small objects takes half as long
            self._known = super()._cached()
        return self._known

    def _catch_up(self, cached: Json, through: Json = None) -> Json:
        self._known = None
        self._known = super()._catch_up(cached, through)
        return self._known

    def _append(self, actor: str, snapshot: Json, news: News) -> tuple[Json, journal.Appended]:
        self._known = None
        self._appended_at = snapshot["bytes"] if snapshot else 0
        fresh, appended = super()._append(actor, snapshot, news)
        self._known = fresh
        return fresh, appended

    def _locked_snapshot(self, *, many: bool) -> Json:
        """A cache that lags behind is the rule here, so there is nothing to mend unless a line is torn."""
        del many
        return super()._locked_snapshot(many=True)

    def _is_worth_caching(self, before: int, fresh: Json) -> bool:
        """For a small board as for a run; for a large one when the journal has grown by a sixteenth to an eighth.

        So an event costs as much on a large board as on a small one, and what lies behind the cache is read sooner than
        the cache itself.
        """
        size: int = fresh["bytes"]
        if size <= SMALL:
            return super()._is_worth_caching(before, fresh)
        part = 1 << size.bit_length() - CACHED_BITS
        return self._appended_at // part != size // part

    def _write_cache(self, fresh: Json) -> None:
        remove_leftovers(self.folder, LEFTOVER_AGE, time.time())
        super()._write_cache(fresh)
