"""Races by events: a holder says through a pipe that it holds the lock, and goes on when told to."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from fermata.store import lock
from fermata.store.errors import LockTimeout, StoreError
from fermata.store.lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIB = os.path.dirname(os.path.dirname(os.path.dirname(lock.__file__)))
HOLDER = """\
import sys
sys.path.insert(0, sys.argv[1])
from fermata.store.lock import locked
with locked(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.readline()
print("freed", flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "lock")


@contextmanager
def holder(path: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until it reads a line."""
    argv = [sys.executable, "-c", HOLDER, LIB, path]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def release(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.mark.parametrize("seconds", [0, 0.05])
def test_a_held_lock_is_given_up_on_in_time_with_its_place(path: str, seconds: float) -> None:
    with holder(path):
        began = time.monotonic()
        with pytest.raises(LockTimeout, match=r"lock is held by another process") as caught, locked(path, seconds):
            pytest.fail("two hold it")
        assert time.monotonic() - began < 5
    assert path in str(caught.value)
    assert caught.value.exit_code == 7


def test_a_waiter_gets_the_lock_when_the_holder_lets_go(path: str) -> None:
    with holder(path) as process:
        threading.Timer(0.05, release, (process,)).start()
        with locked(path, 10):
            assert process.stdout is not None
            assert process.stdout.readline() == "freed\n"


def test_a_waiter_in_another_thread_gets_it_too(path: str) -> None:
    got, waiting = threading.Event(), threading.Event()

    def wait() -> None:
        waiting.set()
        with locked(path, 10):
            got.set()

    with holder(path) as process:
        thread = threading.Thread(target=wait)
        thread.start()
        waiting.wait()
        assert not got.is_set()
        release(process)
        thread.join(10)
    assert got.is_set()


def test_another_thread_gives_up_in_time(path: str) -> None:
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            with locked(path, 0.05):
                pass
        except LockTimeout as error:
            caught.append(error)

    with holder(path):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(10)
    assert len(caught) == 1


def test_two_threads_of_one_process_exclude_each_other(path: str) -> None:
    with locked(path), pytest.raises(LockTimeout), locked(path, 0.02):
        pytest.fail("two hold it")


def test_a_frozen_holder_makes_others_time_out_and_then_goes_on(path: str) -> None:
    """K-B05."""
    with holder(path) as process:
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(LockTimeout), locked(path, 0.05):
            pytest.fail("two hold it")
        os.kill(process.pid, signal.SIGCONT)
        release(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "freed\n"
    with locked(path, 0):
        pass


def test_a_killed_holder_leaves_the_lock_free_at_once(path: str) -> None:
    """K-B06."""
    with holder(path) as process:
        process.kill()
        process.wait()
        with locked(path, 0):
            pass


@pytest.mark.parametrize("content", [b"", b"1\n", b"999999 boot-of-yesterday", b"\0\xff garbage"])
def test_what_stands_in_the_lock_file_is_nobodys_identity(path: str, content: bytes) -> None:
    """K-B07."""
    with open(path, "wb") as file:
        file.write(content)
    with locked(path, 0):
        pass


def test_a_child_does_not_inherit_the_lock(path: str) -> None:
    """K-B08: a daemon that a test command left behind must not keep the run."""
    with locked(path):
        argv = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False)
        assert child.stdout is not None
        child.stdout.readline()
    try:
        with locked(path, 0):
            pass
    finally:
        child.kill()
        child.communicate()


@pytest.mark.parametrize("by", ["nothing", "file"])
def test_a_lock_file_replaced_while_waiting_is_noticed(path: str, by: str) -> None:
    """K-B11."""

    def replace(process: subprocess.Popen[str]) -> None:
        os.unlink(path)
        if by == "file":
            with open(path, "w", encoding="utf-8"):
                pass
        release(process)

    with holder(path) as process:
        threading.Timer(0.05, replace, (process,)).start()
        with pytest.raises(StoreError, match="was replaced"), locked(path, 10):
            pytest.fail("an unlocked write")


@pytest.mark.parametrize("kind", ["symlink", "folder"])
def test_something_else_in_the_locks_place_is_never_locked(path: str, tmp_path: Path, kind: str) -> None:
    if kind == "symlink":
        (tmp_path / "real").touch()
        os.symlink(tmp_path / "real", path)
    else:
        os.mkdir(path)
    with pytest.raises(OSError, match="lock"), locked(path, 0):
        pytest.fail("an unlocked write")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EIO])
def test_a_place_that_cannot_lock_is_refused_with_advice(path: str, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """K-B12."""

    def fail(_handle: int, _how: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(StoreError, match="local file system"), locked(path):
        pytest.fail("an unlocked write")


class Late(Exception):
    pass


@pytest.fixture
def own_timer() -> Iterator[None]:
    """The hook's own deadline: a timer with a handler that raises."""

    def late(_signal: int, _frame: object) -> None:
        raise Late

    before = signal.signal(signal.SIGALRM, late)
    timer = signal.getitimer(signal.ITIMER_REAL)
    yield
    signal.signal(signal.SIGALRM, before)
    signal.setitimer(signal.ITIMER_REAL, *timer)


@pytest.mark.usefixtures("own_timer")
def test_a_deadline_of_the_caller_that_is_due_sooner_ends_the_wait(path: str) -> None:
    """K-E06: a hook that waits for a lock still answers before its client's patience ends."""
    with holder(path):
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Late), locked(path, 10):
            pytest.fail("two hold it")


@pytest.mark.usefixtures("own_timer")
def test_a_later_deadline_of_the_caller_still_comes_at_its_time(path: str) -> None:
    with holder(path):
        signal.setitimer(signal.ITIMER_REAL, 5)
        with pytest.raises(LockTimeout), locked(path, 0.2):
            pytest.fail("two hold it")
        left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    assert 0 < left < 4.9
    assert signal.getsignal(signal.SIGALRM).__name__ == "late"  # type: ignore[union-attr]
