"""What must hold of a run's folder whatever happened to its writers; the letters are those of the crash tests' report."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from fermata.core.fold import fold
from fermata.store import journal
from fermata.store.lock import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fermata.core.records import Event
    from fermata.store.run_store import JournalledStore, RunStore


def acknowledged(events: Iterable[Event], kind: str, key: str, wanted: Iterable[str], *, extra: int = 0) -> None:
    """O1: each of *wanted* is in the journal exactly once, and at most *extra* others whose writer heard nothing."""
    found = [event["body"][key] for event in events if event["type"] == kind]
    wanted = list(wanted)
    assert sorted(set(found)) == sorted(found), "an event is there twice"
    assert set(wanted) <= set(found), f"lost: {sorted(set(wanted) - set(found))}"
    assert len(found) <= len(wanted) + extra


def whole(store: JournalledStore[Any]) -> None:
    """O2: `state.json` is absent or one JSON object."""
    if os.path.exists(store.state):
        with open(store.state, encoding="utf-8") as file:
            assert isinstance(json.load(file), dict)


def folded(store: JournalledStore[Any], by: Callable[[list[Event]], object] = fold) -> list[Event]:
    """O3 and O4: the chain verifies from its first line, and the state that readers get is its fold *by* that function."""
    events = [event for event, _ in journal.read_tail(store.journal)]
    snapshot = store.snapshot()
    fresh = by(events)
    if snapshot is None:
        assert fresh is None
    else:
        assert json.dumps(snapshot[store.holds], sort_keys=True) == json.dumps(fresh, sort_keys=True)
        assert snapshot["seq"] == len(events)
    return events


def clean(folder: str) -> None:
    """O11: the lock is free and no temporary file is left."""
    with locked(os.path.join(folder, "lock"), 0.05):
        pass
    leftovers = [os.path.join(place, n) for place, _, names in os.walk(folder) for n in names if n.endswith(".tmp")]
    assert leftovers == []


def sound(store: RunStore) -> list[Event]:
    """O2, O3, O4 and O11 at once, for a run after its next command; gives the events."""
    whole(store)
    events = folded(store)
    clean(store.folder)
    return events
