"""What fermata keeps, on disk: read it, and change it through `transact`, the only way state ever changes.

A journal is the truth; `state.json` is a cache of its fold, written without a sync because it can always be rebuilt.
A run is kept so, and so is the board (`store/board.py`); they differ in the fold and in when the cache is worth writing.
"""

from __future__ import annotations

import os
import time

from . import journal
from .errors import REPAIR, Damaged, StoreError
from .files import LEFTOVER_AGE, make_folder, read_json, remove_leftovers, sync_folder, write_json
from .lock import PATIENCE, locked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Generic, TypeVar

    from ..core.records import Event, Json, Run, Snapshot

    News = list[tuple[str, dict[str, Json]]]
    State = TypeVar("State")
else:  # the real ones would make every hook load `typing`
    State = None

    class Generic:
        def __class_getitem__(cls, _: object) -> type:
            return cls


FORMAT = 1
CACHE_EVERY = 8  # events, while many write at once


def utc_now() -> str:
    """The time as the journal writes it: `2026-11-21T09:15:02Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class JournalledStore(Generic[State]):
    """The folder of a journal and of the state that is its fold.

    A snapshot is `state.json` as a value: format, seq, head, bytes and, under the key `holds`, the state.
    """

    holds: str
    subfolders: tuple[str, ...] = ()
    way_out: str  # what a person can do about a journal that does not verify
    anew: str  # and where nothing is left to go on from
    readopt = "move state.json away"  # and where they put another journal there themselves

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.journal = os.path.join(folder, "journal.jsonl")
        self.state = os.path.join(folder, "state.json")
        self._lock = os.path.join(folder, "lock")

    def exists(self) -> bool:
        """Whether one lies here: the state that a journal left behind, or a journal with a whole line."""
        if os.path.lexists(self.state):
            return True
        try:
            with open(self.journal, "rb") as file:
                return file.readline(journal.MAX_LINE + 1).endswith(b"\n")
        except (FileNotFoundError, NotADirectoryError):
            return False

    def path(self, *parts: str) -> str:
        """A path inside the folder."""
        return os.path.join(self.folder, *parts)

    def snapshot(self) -> Json:
        """The state as of now, without a lock: the cache if it is up to date, else the cache plus the journal's tail.

        None when nothing lies here.

        Raises:
            Damaged: the journal does not verify, is gone, or comes from a newer fermata.
        """
        cached, size = self._cached(), self._size()
        if cached and cached["bytes"] == size:
            return cached
        self._refuse_loss(cached, size)
        return self._catch_up(cached)

    def load(self) -> State:
        """The state. Raises Damaged when it cannot be trusted, or there is none."""
        return self._state_of(self.snapshot())

    def _state_of(self, snapshot: Json) -> State:
        if snapshot is None:
            return self._nothing()
        state: State = snapshot[self.holds]
        return state

    def _nothing(self) -> State:
        """The state before the first event, where there is such a thing."""
        raise Damaged(f"{self.folder} holds no {self.holds}")

    def _gone(self) -> str:
        """What a person can do when the journal is not there any more."""
        return self.way_out

    def fold(self) -> Callable[[State | None, Event], State]:
        """What gives the state after an event; it may change the state it is given. It raises FoldError."""
        raise NotImplementedError

    def events(self) -> list[Event]:
        """The whole journal, verified from its first line. Raises Damaged."""
        return [event for event, _ in self._tail()]

    def _tail(self, *after: Json) -> Iterator[tuple[Event, int]]:
        try:
            yield from journal.read_tail(self.journal, *after)
        except Damaged as error:
            raise Damaged(f"{error}. {self.way_out}") from None

    def torn(self) -> list[str]:
        """The files into which lines went that a crash tore off; none of them was ever acknowledged."""
        return sorted(name for name in os.listdir(self.folder) if name.endswith(".torn"))

    def rebuild(self) -> Json:
        """Verify the journal from its first line and write `state.json` anew; keeps a bad copy aside.

        Raises:
            Damaged: the journal does not verify, or is not the one that `state.json` was made from.
        """
        with locked(self._lock):
            cached = self._cached()
            self._refuse_loss(cached, self._size())
            fresh = self._catch_up(None, through=cached)
            self._mend(fresh, cached)
            if fresh:
                write_json(self.state, fresh)
            return fresh

    def transact(self, actor: str, decide: Callable[[State | None], News], seconds: float = PATIENCE) -> State:
        """Under the lock: read, let *decide* say which events follow, append them. Then one sync, and the cache.

        *decide* may be called only once and must start no process. No news changes nothing.

        Raises:
            StoreError: as *decide* raises, or the journal is damaged, or the lock is held too long.
            OSError: disk full or unwritable; the old state stays.
        """
        if os.path.islink(self.folder):
            raise StoreError(
                f"{self.folder} is a symbolic link; a {self.holds} is kept only in a real folder. Remove the link"
            )
        if not self.exists():
            for name in ("", *self.subfolders):
                make_folder(self.path(name))
            sync_folder(os.path.dirname(self.folder))
        with locked(self._lock, seconds) as waited:
            snapshot = self._locked_snapshot(many=waited)
            news = decide(snapshot[self.holds] if snapshot else None)
            if not news:
                return self._state_of(snapshot)
            before = snapshot["seq"] if snapshot else 0
            fresh, appended = self._append(actor, snapshot, news)
        # Outside the lock, so that whoever waits for it waits neither for the disk nor for a cache.
        appended.sync()
        if self._is_worth_caching(before, fresh):
            self._write_cache(fresh)
        return self._state_of(fresh)

    def _is_worth_caching(self, before: int, fresh: Json) -> bool:
        """Whether `state.json` is written now that the journal has grown from line *before* to *fresh*."""
        behind: int = self._size() - fresh["bytes"]  # never one that a repair has cut the journal behind
        return behind == 0 or (behind > 0 and before // CACHE_EVERY != fresh["seq"] // CACHE_EVERY)

    def _write_cache(self, fresh: Json) -> None:
        try:
            write_json(self.state, fresh)
        except OSError:  # only the cache: the journal holds the news, and the next reader catches up from it
            return

    def _append(self, actor: str, snapshot: Json, news: News) -> tuple[Json, journal.Appended]:
        state, seq, head, size = self._parts(snapshot)
        events, lines = journal.chain(news, seq, head, utc_now(), actor)
        step = self.fold()
        for event in events:
            state = step(state, event)
        appended = journal.append(self.journal, lines, size)
        seq, head = events[-1]["seq"], events[-1]["hash"]
        return {"format": FORMAT, "seq": seq, "head": head, "bytes": appended.size, self.holds: state}, appended

    def _locked_snapshot(self, *, many: bool) -> Json:
        """The state as of now. When *many* write at once, a cache that lags behind is no sign of a crash."""
        cached, size = self._cached(), self._size()
        if cached and cached["bytes"] == size:
            return cached
        self._refuse_loss(cached, size)
        snapshot = self._catch_up(cached)
        if not (many and cached and snapshot and snapshot["bytes"] == size):
            self._mend(snapshot, cached)
        return snapshot

    def _mend(self, snapshot: Json, cached: Json) -> None:
        """Under the lock, once all whole lines have been found good: put aside what a crash left half done."""
        journal.set_aside_torn(self.journal, snapshot["bytes"] if snapshot else 0)
        if cached is None and os.path.exists(self.state):
            os.replace(self.state, self.state + ".bad")
        remove_leftovers(
            self.folder, 0, time.time()
        )  # only `state.json` is written here, which the next writer repeats
        for name in self.subfolders:
            remove_leftovers(self.path(name), LEFTOVER_AGE, time.time())

    def _refuse_loss(self, cached: Json, size: int) -> None:
        if cached and size == 0:
            raise Damaged(f"{self.journal} is gone, {self.state} is still there. {self._gone()}")
        if cached and cached["bytes"] > size:
            raise Damaged(f"{self.journal} is shorter than when it was last written. {self.way_out}")

    def _size(self) -> int:
        try:
            return os.path.getsize(self.journal)
        except (FileNotFoundError, NotADirectoryError):
            return 0

    def _cached(self) -> Json:
        """`state.json`, or None when it is missing, broken or of another format (then the journal decides)."""
        try:
            found = read_json(self.state)
        except (Damaged, OSError):
            return None
        return found if usable(found, self.holds) else None

    def _catch_up(self, cached: Json, through: Json = None) -> Json:
        """The state as the whole lines behind *cached* leave it; they must pass *through* what is known to have been."""
        state, seq, head, size = self._parts(cached)
        passed, step = through is None, self.fold()
        for event, end in self._tail(size, seq, head):
            try:
                state = step(state, event)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                raise self._unfit(event, error) from None
            seq, head, size = event["seq"], event["hash"], end
            passed = passed or (through is not None and (seq, head, size) == self._parts(through)[1:])
        if not passed:
            raise Damaged(f"{self.journal} is not the journal that {self.state} was made from. {self.way_out}")
        return {"format": FORMAT, "seq": seq, "head": head, "bytes": size, self.holds: state} if state else None

    def _unfit(self, event: Event, error: Exception) -> Damaged:
        """The words for a line that is whole and that the fold cannot take."""
        from ..core.fold_error import FoldError, NewerError

        if isinstance(error, NewerError):
            return Damaged(f"{self.journal}: {error}")
        if isinstance(error, FoldError):
            return Damaged(f"{self.journal}: {error}. {self.way_out}")
        return Damaged(
            f"{self.journal}: line {event['seq']} ({event['type']}) does not fit the lines before it "
            f"({type(error).__name__}: {error}). {self.way_out}"
        )

    def _parts(self, snapshot: Json) -> tuple[State | None, int, str, int]:
        if snapshot is None:
            return None, 0, journal.GENESIS, 0
        return snapshot[self.holds], snapshot["seq"], snapshot["head"], snapshot["bytes"]


class RunStore(JournalledStore["Run"]):
    """The folder of one run."""

    holds = "run"
    subfolders = ("briefs", "results", "artifacts", "checks")
    way_out = REPAIR
    anew = "Start anew with /build"
    readopt = "move state.json away and run `fermata resume`"

    def snapshot(self) -> Snapshot | None:
        """`JournalledStore.snapshot`: never a lock, since hooks read it at every tool call."""
        found: Snapshot | None = super().snapshot()
        return found

    def note(self, actor: str, kind: str, body: dict[str, Json], when: Callable[[Run], bool] | None = None) -> Run:
        """Journal one event, if *when* still holds for the run as it is under the lock. Raises as `transact` does."""
        return self.transact(actor, lambda run: [(kind, body)] if run and (when is None or when(run)) else [])

    def _gone(self) -> str:
        return (
            f"Nothing advances. `fermata show state --run {os.path.basename(self.folder)}` prints what is left; "
            f"start anew with /build"
        )

    def fold(self) -> Callable[[Run | None, Event], Run]:
        from ..core.fold import step

        return step


def usable(found: Json, holds: str = "run") -> bool:
    """Whether *found* has the shape of a `state.json` that *holds* this; whether it is true only the journal can say."""
    if not isinstance(found, dict) or found.get("format") != FORMAT or not isinstance(found.get(holds), dict):
        return False
    return type(found.get("seq")) is int and type(found.get("bytes")) is int and isinstance(found.get("head"), str)
