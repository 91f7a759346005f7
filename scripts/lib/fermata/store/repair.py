"""Brings a damaged run, or the board, back to its last good line, at a person's word.

Decides what is damaged and which lines would go, and carries it out: the bad files are kept first, then one
rename puts the good lines, and one more that tells of the repair, in the journal's place. Never mends a line, never
drops a byte, and never chooses between two journals that are each whole.
"""

from __future__ import annotations

import os
import re
import time
from collections import namedtuple
from itertools import islice

from ..core.fold_error import FoldError, NewerError
from . import journal
from .errors import Conflict, Damaged, StoreError
from .files import read_json, remove_leftovers, sync_folder, write_json, write_text
from .lock import locked
from .run_store import FORMAT, usable, utc_now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..core.records import Event, Json
    from .run_store import JournalledStore

    Store = JournalledStore[Any]

Damage = namedtuple("Damage", "reason state seq head size last rest superseded digest")
Damage.__doc__ = """What is wrong with a run or the board. `state`, `seq`, `head`, `size`: as the last good line leaves it, that line's
number and hash, and the byte where it ends. `last`: the number of the last line that goes; equal to `seq` when only
`state.json` is wrong. `rest`: the bytes behind the last good line. `superseded`: the hash that `state.json` was made at.
`digest`: of both files as they were looked at."""

Repaired = namedtuple("Repaired", "state copies")
Repaired.__doc__ = """The run or board as it goes on, and the names of the copies beside the journal."""

NUMBERED = re.compile(r"[dc]-(\d{3,5})[.-]")
KINDS = {"dispatches": ("d", ("briefs", "results")), "checks": ("c", ("checks",))}


def examine(store: Store) -> Damage | None:
    """What is damaged; None for what is whole, also where whose last write a crash tore off. Changes nothing.

    Raises:
        Damaged: nothing can be gone on from, or it cannot be told what; `str()` says why and what is left to do.
    """
    digest = _digest(store)
    good, fault = _good_lines(store)
    state, state_fault = _state(store)
    if not good:
        raise Damaged(_nothing_good(store, state))
    events, size = [event for event, _ in good], good[-1][1]
    seq, head = events[-1]["seq"], events[-1]["hash"]
    with open(store.journal, "rb") as file:
        file.seek(size)
        rest = file.read()
    last = seq
    if fault:
        last += rest.count(b"\n") + (not rest.endswith(b"\n"))
    if state and not _passes(good, state):
        if state["head"] in [event["body"]["state"] for event in events if event["type"] == "repaired"]:
            state, state_fault = None, "an earlier repair ended before state.json was written"
        elif state["seq"] <= seq:
            raise Damaged(_replaced(store))
        else:
            fault = fault or f"the journal ends with line {seq}; state.json was made when it had {state['seq']}"
            last = max(last, state["seq"])
    elif state and not _says_the_same(store, state):
        state_fault = "state.json does not say what the journal says"
    reason = fault or state_fault
    if reason is None:
        return None
    return Damage(reason, _fold(store, seq), seq, head, size, last, rest, state["head"] if state else None, digest)


def repair(store: Store, damage: Damage) -> Repaired:
    """Keep copies of what is bad, and let it go on from `damage.seq`. Done again after a crash it ends the same.

    Raises:
        Conflict: the files are no longer those that were examined.
        StoreError: the folder or the journal has a second name; the lock is held.
        OSError: not written; run it again.
    """
    _refuse_links(store)
    with locked(store.path("lock")):
        if _digest(store) != damage.digest:
            raise Conflict(
                f"{store.folder} has changed since you were shown it; nothing was done. Run the command again"
            )
        cuts = damage.last > damage.seq
        paths = [path for path in ((store.journal,) if cuts else ()) + (store.state,) if os.path.exists(path)]
        copies = [_keep(path) for path in paths]
        sync_folder(store.folder)
        fresh = (
            _cut(store, damage, copies[0])
            if cuts
            else _snapshot(store, damage.state, damage.seq, damage.head, damage.size)
        )
        write_json(store.state, fresh, sync=True)
        remove_leftovers(store.folder, 0, time.time())
        return Repaired(fresh[store.holds], copies)


def _cut(store: Store, damage: Damage, copy: str) -> Json:
    """Put the good lines and a `repaired` line in the journal's place: a reader sees the old journal or the new one."""
    body = {
        "first": damage.seq + 1,
        "last": damage.last,
        "reason": damage.reason,
        "copy": copy,
        "state": damage.superseded,
    }
    if store.subfolders:
        body["used"] = _used(store)
    (event,), line = journal.chain([("repaired", body)], damage.seq, damage.head, utc_now(), "human")
    with open(store.journal, "rb") as file:
        lines = file.read(damage.size) + line
    state = store.fold()(damage.state, event)
    write_text(store.journal, lines.decode(), sync=True)
    return _snapshot(store, state, event["seq"], event["hash"], len(lines))


def _snapshot(store: Store, state: Json, seq: int, head: str, size: int) -> Json:
    return {"format": FORMAT, "seq": seq, "head": head, "bytes": size, store.holds: state}


def _keep(path: str) -> str:
    """Copy *path* beside itself, never over anything; give the copy's name. A copy with the same bytes serves again."""
    with open(path, "rb") as file:
        data = file.read()
    folder, name = os.path.split(path)
    for other in sorted(os.listdir(folder)):
        if (
            other.startswith(f"{name}.damaged-")
            and not other.endswith(".tmp")
            and _holds(os.path.join(folder, other), data)
        ):
            return other
    stamp = f"{name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    found, number = stamp, 1
    while os.path.lexists(os.path.join(folder, found)):
        number += 1
        found = f"{stamp}-{number}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    temporary = os.path.join(folder, f"{found}.{os.urandom(4).hex()}.tmp")
    with open(os.open(temporary, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, os.path.join(folder, found))
    return found


def _holds(path: str, data: bytes) -> bool:
    if os.path.islink(path) or os.path.getsize(path) != len(data):
        return False
    with open(path, "rb") as file:
        return file.read() == data


def _used(store: Store) -> dict[str, int]:
    """The highest number that a dispatch or check has left on disk: an agent or check that lives on must not meet another."""
    found = {}
    for kind, (letter, folders) in KINDS.items():
        present = [store.path(name) for name in folders if os.path.isdir(store.path(name))]
        matches = [NUMBERED.match(name) for path in present for name in os.listdir(path) if name.startswith(letter)]
        found[kind] = max((int(match[1]) for match in matches if match), default=0)
    return found


def _good_lines(store: Store) -> tuple[list[tuple[Event, int]], str | None]:
    """The lines up to the first that is wrong, each with the byte where it ends, and what is wrong with that one."""
    good: list[tuple[Event, int]] = []
    state, step = None, store.fold()
    try:
        for event, end in journal.read_tail(store.journal):
            state = step(state, event)
            good.append((event, end))
    except NewerError as error:
        raise Damaged(f"{store.journal}: {error}. Nothing was changed") from None
    except Damaged:
        return good, f"line {len(good) + 1} is not as fermata wrote it: its hash or its place in the chain is wrong"
    except (FoldError, LookupError, TypeError, ValueError, AttributeError):
        return good, f"line {len(good) + 1} ({event['type']}) does not fit the lines before it"
    return good, None


def _fold(store: Store, count: int) -> Json:
    """The run or board as the first *count* lines leave it, which have been found good."""
    state, step = None, store.fold()
    for event, _ in islice(journal.read_tail(store.journal), count):
        state = step(state, event)
    return state


def _state(store: Store) -> tuple[Json, str | None]:
    """`state.json`, where it can be used, and else what is wrong with it; that it is missing or of another format is no fault."""
    try:
        found: Json = read_json(store.state)
    except Damaged:
        return None, "state.json is not JSON"
    if usable(found, store.holds):
        return found, None
    if not os.path.lexists(store.state) or (isinstance(found, dict) and found.get("format") not in (None, FORMAT)):
        return None, None
    return None, "state.json lacks what fermata writes into it"


def _passes(good: list[tuple[Event, int]], state: Json) -> bool:
    """Whether *state* was made at one of the good lines."""
    if not 0 < state["seq"] <= len(good):
        return False
    event, end = good[state["seq"] - 1]
    return (event["hash"], end) == (state["head"], state["bytes"])


def _says_the_same(store: Store, state: Json) -> bool:
    """Whether the run in *state* is the fold of the lines it was made from; fields of a newer fermata's do not count."""
    made, told = _fold(store, state["seq"]), state[store.holds]
    return all(key in told and told[key] == value for key, value in made.items())


def _refuse_links(store: Store) -> None:
    for path in (store.folder, store.journal, store.state):
        if os.path.islink(path):
            raise StoreError(f"{path} is a symbolic link; a {store.holds} is kept only in real files. Remove the link")
    if os.stat(store.journal).st_nlink != 1:
        raise StoreError(
            f"{store.journal} has a second name (hard link), so it can be changed from elsewhere; remove that link"
        )


def _digest(store: Store) -> str:
    from hashlib import sha256

    found = sha256()
    for path in (store.journal, store.state):
        if os.path.exists(path):
            with open(path, "rb") as file:
                found.update(sha256(file.read()).digest())
    return found.hexdigest()


def _nothing_good(store: Store, state: Json) -> str:
    what = "has no good line" if os.path.exists(store.journal) else "is gone"
    named = (
        f"`fermata show state --run {os.path.basename(store.folder)}` prints" if store.subfolders else "state.json has"
    )
    left = f"; {named} what is left" if state else ""
    return f"{store.journal} {what}, so there is nothing to go on from{left}. Nothing was changed. {store.anew}"


def _replaced(store: Store) -> str:
    return (
        f"{store.journal} is whole in itself, but it is not the one that {store.state} was made from: one of the two was "
        f"replaced, and which lines are fermata's own cannot be told. Nothing was changed. If you put the journal there "
        f"yourself, {store.readopt}; else: {store.anew}"
    )
