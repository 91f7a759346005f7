"""The journal: one JSON object a line, each chained to the one before by a hash, appended and synced under the lock.

A line's last key is `hash`: SHA-256 in hex over the bytes of the line before `,"hash":`.

Decides what is a whole line, a torn tail (the writer died while writing: set aside, reported) or damage (nothing
advances). Never rewrites a line.
"""

from __future__ import annotations

import os

from ..core.quick_json import dumps, loads
from .errors import Damaged, StoreError
from .files import sync_folder, write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.records import Event, Json

GENESIS = "0" * 64
MARK = b',"hash":"'
_sha256: Json = None
MAX_LINE = 1_000_000


def _hash_of(hashed: bytes) -> str:
    global _sha256  # noqa: PLW0603 - loading libcrypto is too dear for a call that reads no line
    if _sha256 is None:
        from hashlib import sha256 as _sha256
    return str(_sha256(hashed).hexdigest())


def chain(
    new: list[tuple[str, dict[str, Json]]], seq: int, head: str, ts: str, actor: str
) -> tuple[list[Event], bytes]:
    """*new* (type, body) as events that follow line *seq*, whose hash is *head*, and as the lines that say so.

    The lines are made here and only here: a fold may change the bodies it is given before they are appended.

    Raises:
        StoreError: the lines are too long.
    """
    events: list[Event] = []
    lines: list[bytes] = []
    for kind, body in new:
        seq += 1
        fields = {"seq": seq, "prev": head, "type": kind, "ts": ts, "actor": actor, "body": body}
        hashed = dumps(fields)[:-1].encode()
        head = _hash_of(hashed)
        events.append({**fields, "hash": head})  # type: ignore[typeddict-item]
        lines.append(b'%b,"hash":"%b"}\n' % (hashed, head.encode()))
    whole = b"".join(lines)
    if len(whole) > MAX_LINE:
        kind = new[0][0]
        raise StoreError(f"{kind} would add {len(whole):,} bytes to the journal; at most {MAX_LINE:,}. Shorten it")
    return events, whole


class Appended:
    """Lines that are in the journal and that `sync` makes last. `size`: where the journal ends now."""

    def __init__(self, path: str, handle: int, size: int, *, first: bool) -> None:
        self.size = size
        self._path, self._handle, self._first = path, handle, first

    def sync(self) -> None:
        """Wait until the lines, and all before them, are on the disk. Call it once, and outside the run's lock.

        Whoever appended meanwhile syncs these lines with their own, so the disk is not waited for in turns; and nothing
        is acknowledged that is not on the disk.

        Raises:
            OSError: not known to be on the disk: the outcome is decided by the next reader.
        """
        try:
            os.fsync(self._handle)
            if self._first:
                sync_folder(os.path.dirname(self._path))
        finally:
            os.close(self._handle)


def append(path: str, lines: bytes, size: int) -> Appended:
    """Write *lines*, as `chain` gives them, at the end of *path* with one write.

    Call it under the run's lock. *size* is where the last good line ends; anything behind it was torn off by
    `read_tail` already. On failure the file is cut back, so that the caller's old state stays true.

    Raises:
        StoreError: the journal has a second name.
        OSError: not written.
    """
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if os.fstat(handle).st_nlink != 1:
            raise StoreError(
                f"{path} has a second name (hard link), so it can be changed from elsewhere; remove that link"
            )
        try:
            write_all(handle, lines)
        except OSError:
            os.ftruncate(handle, size)
            raise
    except BaseException:
        os.close(handle)
        raise
    return Appended(path, handle, size + len(lines), first=size == 0)


def _parse(data: bytes, path: str, seq: int, head: str | None) -> Event:
    hashed, _, end = data.rpartition(MARK)
    good = end == b'%b"}\n' % _hash_of(hashed).encode()
    try:
        event: Event = loads(data)
        good = good and event["seq"] == seq and head in (None, event["prev"])
    except (ValueError, KeyError, TypeError, RecursionError):
        good = False
    if not good:
        raise Damaged(f"{path}: line {seq} is damaged (its hash or its place in the chain is wrong)")
    return event


def read_tail(path: str, start: int = 0, seq: int = 0, head: str = GENESIS) -> Iterator[tuple[Event, int]]:
    """Every whole line from byte *start* on, verified against *head*, with the byte where it ends.

    A last line without its newline was torn by a crash and was never acknowledged: it is not given out.

    Raises:
        Damaged: a line that does not follow from the one before.
    """
    if not os.path.exists(path):
        return
    with open(path, "rb") as file:
        file.seek(start)
        for data in file:
            if not data.endswith(b"\n"):
                return
            seq += 1
            event = _parse(data, path, seq, head)
            start, head = start + len(data), event["hash"]
            yield event, start


def read_lines(path: str, wanted: set[int]) -> list[Event]:
    """The lines with these numbers, the first being 1; each must be whole, its place in the chain is not looked at.

    Raises:
        Damaged: one is not as it was written.
        OSError: no such file, or it cannot be read.
    """
    with open(path, "rb") as file:
        return [_parse(data, path, seq, None) for seq, data in enumerate(file, 1) if seq in wanted]


def set_aside_torn(path: str, size: int) -> None:
    """Move what lies behind byte *size*, the end of the last whole line, to a file beside the journal.

    Call it under the run's lock, after `read_tail` has found everything before *size* good.
    """
    if not os.path.exists(path) or os.path.getsize(path) <= size:
        return
    with open(path, "rb") as file:
        file.seek(size)
        torn = file.read()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(f"{path}.{size}.torn", flags, 0o600), "wb") as aside:
        aside.write(torn)
    os.truncate(path, size)
