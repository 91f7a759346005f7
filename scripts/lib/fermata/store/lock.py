"""One writer at a time: a lock file that is never deleted, held by the kernel and freed when its holder dies.

`flock` where the platform has it, because waiting in the kernel is fair and needs no polling; `filelock` elsewhere.
"""

from __future__ import annotations

import os
import time

from .errors import LockTimeout, StoreError

try:
    import fcntl
except ImportError:  # a platform without flock
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from filelock import BaseFileLock as FileLock

PATIENCE = 10.0
POLL = 0.005


class _Expired(Exception):
    pass


class locked:  # noqa: N801 - read as a word: with locked(path): …
    """Hold the lock at *path* while the block runs; `as` tells whether it had to be waited for.

    Never start a process inside the block: one that inherited the lock would keep it.

    Raises:
        LockTimeout: someone else held it for *seconds*.
        StoreError: the place cannot lock, or the file was replaced meanwhile.
    """

    def __init__(self, path: str, seconds: float = PATIENCE) -> None:
        self._path, self._seconds = path, seconds
        self._handle = -1
        self._other: FileLock | None = None

    def __enter__(self) -> bool:
        if fcntl is None:
            self._other = _lock_elsewhere(self._path, self._seconds)
            return False
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            waited = _take(self._handle, self._path, self._seconds)
            if not _is_at(self._path, self._handle):
                raise StoreError(f"{self._path} was replaced while it was waited for; run the command again")
        except BaseException:
            os.close(self._handle)
            raise
        return waited

    def __exit__(self, *_: object) -> None:
        if self._other is not None:
            self._other.release()
        else:
            os.close(self._handle)


def _is_at(path: str, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _take(handle: int, path: str, seconds: float) -> bool:
    """Whether it had to be waited for."""
    try:
        free = _try(handle)
        if not free:
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
    return not free


def _wait(handle: int, seconds: float) -> None:
    if seconds <= 0:
        raise _Expired
    import threading  # only who really waits pays for it

    if threading.current_thread() is threading.main_thread():
        _wait_in_kernel(handle, seconds)
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


def _wait_in_kernel(handle: int, seconds: float) -> None:
    """Raise `_Expired` in the main thread after *seconds*. A timer of the caller's that is due sooner goes first."""
    # `signal` itself loads `enum`.
    from _signal import ITIMER_REAL, SIGALRM, getitimer, setitimer, signal  # type: ignore[import-not-found]

    def expire(_signal: int, _frame: object) -> None:
        raise _Expired

    left, interval = getitimer(ITIMER_REAL)
    if 0 < left <= seconds:
        fcntl.flock(handle, fcntl.LOCK_EX)
        return
    began = time.monotonic()
    handler = signal(SIGALRM, expire)
    setitimer(ITIMER_REAL, seconds)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    finally:
        setitimer(ITIMER_REAL, 0)
        signal(SIGALRM, handler)
        if left:
            setitimer(ITIMER_REAL, max(left - (time.monotonic() - began), POLL), interval)


def _lock_elsewhere(path: str, seconds: float) -> FileLock:
    import filelock

    lock = filelock.FileLock(path, timeout=seconds)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise LockTimeout(f"{path} is held by another process for more than {seconds:g} s; try again") from None
    return lock
