"""One writer at a time: a lock file that is never deleted, held by the kernel and freed when its holder dies.

`flock` where the platform has it, because waiting in the kernel is fair and needs no polling; `filelock` elsewhere.
"""

from __future__ import annotations

import os
import signal
import threading
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
        if os.fstat(handle).st_ino != os.stat(path, follow_symlinks=False).st_ino:
            raise StoreError(f"{path} was replaced while it was waited for; run the command again")
        yield
    finally:
        os.close(handle)


def _take(handle: int, path: str, seconds: float) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        try:
            _wait(handle, seconds)
        except _Expired:
            raise LockTimeout(
                f"{path} is held by another process for more than {seconds:.0f} s; try again, or look for a stuck fermata"
            ) from None
    except OSError as error:
        raise StoreError(f"{path} cannot be locked ({error.strerror}); keep the repository on a local file system") from None


def _wait(handle: int, seconds: float) -> None:
    if threading.current_thread() is threading.main_thread():
        with _alarm(seconds):
            fcntl.flock(handle, fcntl.LOCK_EX)
        return
    deadline = time.monotonic() + seconds  # no signal reaches another thread, so it has to look
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise _Expired from None
            time.sleep(POLL)
        else:
            return


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise `_Expired` in the main thread after *seconds*, and put back whatever timer ran before."""

    def expire(_signal: int, _frame: object) -> None:
        raise _Expired

    handler = signal.signal(signal.SIGALRM, expire)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, handler)


@contextmanager
def _locked_elsewhere(path: str, seconds: float) -> Iterator[None]:
    import filelock

    try:
        with filelock.FileLock(path, timeout=seconds):
            yield
    except filelock.Timeout:
        raise LockTimeout(f"{path} is held by another process for more than {seconds:.0f} s; try again") from None
