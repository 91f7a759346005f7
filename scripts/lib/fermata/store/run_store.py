"""One run on disk: read it, and change it through `transact`, the only way state ever changes.

`state.json` is a cache of the journal's fold; it is written without a sync because it can always be rebuilt.
"""

from __future__ import annotations

import os
import time

from ..core.fold import FoldError, step
from . import journal
from .errors import Damaged
from .files import make_folder, read_json, remove_leftovers, write_json
from .lock import PATIENCE, locked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.records import Event, Json, Run, Snapshot

    News = list[tuple[str, dict[str, Json]]]

FORMAT = 1
LEFTOVER_AGE = 60.0
SUBFOLDERS = ("briefs", "results", "artifacts", "checks")


def utc_now() -> str:
    """The time as the journal writes it: `2026-11-21T09:15:02Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class RunStore:
    """The folder of one run."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.journal = os.path.join(folder, "journal.jsonl")
        self.state = os.path.join(folder, "state.json")
        self._lock = os.path.join(folder, "lock")

    def exists(self) -> bool:
        """Whether the run has a journal with at least one line."""
        try:
            return os.path.getsize(self.journal) > 0
        except OSError:
            return False

    def path(self, *parts: str) -> str:
        """A path inside the run's folder."""
        return os.path.join(self.folder, *parts)

    def snapshot(self) -> Snapshot | None:
        """The run as of now, without a lock: the cache if it is up to date, else the cache plus the journal's tail.

        Raises:
            Damaged: the journal does not verify, is gone, or comes from a newer fermata.
        """
        cached = self._cached()
        size = self._size()
        if cached and cached["bytes"] == size:
            return cached
        if cached and size == 0:
            raise Damaged(f"{self.journal} is gone, {self.state} is still there. Nothing advances. `fermata show state` prints what is left; start anew with /build")
        if cached and cached["bytes"] > size:
            raise Damaged(f"{self.journal} is shorter than when it was last written. Nothing advances. Keep the folder; start anew with /build")
        return self._catch_up(cached, repair=False)

    def load(self) -> Run:
        """The run. Raises Damaged when there is none."""
        snapshot = self.snapshot()
        if snapshot is None:
            raise Damaged(f"{self.folder} holds no run")
        return snapshot["run"]

    def events(self) -> list[Event]:
        """The whole journal, verified from its first line. Raises Damaged."""
        return [event for event, _ in journal.read_tail(self.journal)]

    def rebuild(self) -> Snapshot | None:
        """Verify the journal from its first line and write `state.json` anew; keeps a bad copy aside."""
        with locked(self._lock):
            if os.path.exists(self.state) and self._cached() is None:
                os.replace(self.state, self.state + ".bad")
            fresh = self._catch_up(None, repair=True)
            if fresh:
                write_json(self.state, fresh)
            return fresh

    def transact(self, actor: str, decide: Callable[[Run | None], News], seconds: float = PATIENCE) -> Run:
        """Under the lock: read, let *decide* say which events follow, append them with one sync, write the cache.

        *decide* may be called only once and must start no process. No news changes nothing.

        Raises:
            StoreError: as *decide* raises, or the journal is damaged, or the lock is held too long.
            OSError: disk full or unwritable; the old state stays.
        """
        if not os.path.isdir(self.folder):
            for name in ("", *SUBFOLDERS):
                make_folder(self.path(name))
        with locked(self._lock, seconds):
            snapshot = self._locked_snapshot()
            news = decide(snapshot["run"] if snapshot else None)
            if not news:
                if snapshot is None:
                    raise Damaged(f"{self.folder} holds no run")
                return snapshot["run"]
            seq, head, size = (snapshot["seq"], snapshot["head"], snapshot["bytes"]) if snapshot else (0, journal.GENESIS, 0)
            events = journal.chain(news, seq, head, utc_now(), actor)
            run = snapshot["run"] if snapshot else None
            for event in events:
                run = step(run, event)
            size = journal.append(self.journal, events, size)
            assert run is not None
            write_json(self.state, {"format": FORMAT, "seq": events[-1]["seq"], "head": events[-1]["hash"], "bytes": size, "run": run})
            return run

    def _locked_snapshot(self) -> Snapshot | None:
        cached = self._cached()
        if cached and cached["bytes"] == self._size():
            return cached
        remove_leftovers(self.folder, LEFTOVER_AGE, time.time())
        self.snapshot()  # refuses a journal that is gone or shorter than the cache
        return self._catch_up(cached, repair=True)

    def _size(self) -> int:
        try:
            return os.path.getsize(self.journal)
        except FileNotFoundError:
            return 0

    def _cached(self) -> Snapshot | None:
        """`state.json`, or None when it is missing, broken or of another format (then the journal decides)."""
        try:
            found = read_json(self.state)
        except (Damaged, OSError):
            return None
        return found if isinstance(found, dict) and found.get("format") == FORMAT and "run" in found else None

    def _catch_up(self, cached: Snapshot | None, *, repair: bool) -> Snapshot | None:
        run = cached["run"] if cached else None
        seq, head, size = (cached["seq"], cached["head"], cached["bytes"]) if cached else (0, journal.GENESIS, 0)
        try:
            for event, end in journal.read_tail(self.journal, size, seq, head, repair=repair):
                run, seq, head, size = step(run, event), event["seq"], event["hash"], end
        except FoldError as error:
            raise Damaged(f"{self.journal}: {error}") from None
        if run is None:
            return None
        return {"format": FORMAT, "seq": seq, "head": head, "bytes": size, "run": run}
