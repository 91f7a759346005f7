"""One writer at a time: a lock file that is never deleted, held by the kernel and freed when its holder dies.

`flock` where the platform has it, because waiting in the kernel is fair and needs no polling; `filelock` elsewhere.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager

from .errors import LockTimeout, StoreError

try:
    import fcntl
except ImportError:  # a platform without flock
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 10.0
POLL = 0.005


class _Expired(Exception):
    pass


@contextmanager
def locked(path: str, seconds: float = PATIENCE) -> Iterator[None]:
    """Hold the lock at *path* while the block runs.

    Never start a process inside the block: one that inherited the lock would keep it.

    Raises:
        LockTimeout: someone else held it for *seconds*.
        StoreError: the place cannot lock, or the file was replaced meanwhile.
    """
    if fcntl is None:
        with _locked_elsewhere(path, seconds):
            yield
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _take(handle, path, seconds)
        if not _is_at(path, handle):
            raise StoreError(f"{path} was replaced while it was waited for; run the command again")
        yield
    finally:
        os.close(handle)


def _is_at(path: str, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _take(handle: int, path: str, seconds: float) -> None:
    try:
        if not _try(handle):
            _wait(handle, seconds)
    except _Expired:
        raise LockTimeout(
            f"{path} is held by another process for more than {seconds:g} s; "
            f"try again, or look for a stuck fermata (`fuser {path}` names it)"
        ) from None
    except OSError as error:
        raise StoreError(
            f"{path} cannot be locked ({error.strerror}); keep the repository on a local file system"
        ) from None


def _wait(handle: int, seconds: float) -> None:
    if seconds <= 0:
        raise _Expired
    import threading  # only who really waits pays for it

    if threading.current_thread() is threading.main_thread():
        with _alarm(seconds):
            fcntl.flock(handle, fcntl.LOCK_EX)
        return
    deadline = time.monotonic() + seconds  # no signal reaches another thread, so it has to look
    while not _try(handle):
        if time.monotonic() > deadline:
            raise _Expired
        time.sleep(POLL)


def _try(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise `_Expired` in the main thread after *seconds*. A timer of the caller's that is due sooner goes first."""

    def expire(_signal: int, _frame: object) -> None:
        raise _Expired

    left, interval = signal.getitimer(signal.ITIMER_REAL)
    if 0 < left <= seconds:
        yield
        return
    began = time.monotonic()
    handler = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), POLL), interval)


@contextmanager
def _locked_elsewhere(path: str, seconds: float) -> Iterator[None]:
    import filelock

    try:
        with filelock.FileLock(path, timeout=seconds):
            yield
    except filelock.Timeout:
        raise LockTimeout(f"{path} is held by another process for more than {seconds:g} s; try again") from None
