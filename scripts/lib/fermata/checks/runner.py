"""Starts checks that run detached from whoever asked for them, and says how each of them stands.

Each check has a supervising process (`supervisor.py`) which holds a lock on `<id>.lock` for as long as it lives, so
"running" is a held lock and never a process id that may have been given to another. Evidence is in `<id>.json`, the
output in `<id>.log`, the order in `<id>.spec.json`. Nothing here judges.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from fermata.core.evidence import Evidence
from fermata.core.evidence import from_json as read_evidence
from fermata.store.files import write_json

from .command import Command, from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fermata.core.records import Json

FORMAT = 1
CHECK_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
SUPERVISOR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "supervisor.py")
START_SECONDS = 30
LOOK_EVERY_SECONDS = 0.05


class CheckError(Exception):
    """A check could not be started or is not known; `str()` says which and what to do."""


class CheckSpec(NamedTuple):
    """The order to run one check. `root` is the absolute folder that the command's `cwd` is relative to.

    With `repo` (an absolute path inside a work tree) a snapshot is taken before and after. `expect_tests` is kept for
    whoever judges the evidence. With `answer` the standard output is an answer and goes to `answer_path`, apart from the
    log; `stdin` is a file that the command reads as its standard input.
    """

    id: str
    name: str
    command: Command
    root: str
    time_limit: float
    expect_tests: bool = False
    repo: str | None = None
    stdin: str | None = None
    answer: bool = False


class Running(NamedTuple):
    """The check has not ended."""

    id: str


class Lost(NamedTuple):
    """The check will never end: its supervising process is gone and left no evidence."""

    id: str
    why: str


def check_path(folder: str, check_id: str, ending: str) -> str:
    """Where a file of the check lies; the id is tested first, because it becomes a file name."""
    if not CHECK_ID.match(check_id):
        raise CheckError(f"{check_id[:80]!r} is no check id; use at most 64 of a-z, 0-9, `_`, `-`")
    return os.path.join(folder, check_id + ending)


def answer_path(folder: str, check_id: str) -> str:
    """Where the standard output of a command lies whose answer is wanted."""
    return check_path(folder, check_id, ".out")


def start_check(spec: CheckSpec, folder: str) -> None:
    """Start *spec* and return as soon as its supervising process stands (about 50 ms); *folder* must exist.

    Raises:
        CheckError: the id is not usable or was used before, or the process could not be started.
    """
    path = check_path(folder, spec.id, ".lock")
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise CheckError(f"check {spec.id} was started before; give every run of a check its own id") from None
    except OSError as error:
        raise CheckError(f"check {spec.id}: cannot write to {folder}: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the supervisor inherits it: there is no moment without a holder
        write_json(check_path(folder, spec.id, ".spec.json"), _spec_json(spec), sync=True)
        _start_supervisor(spec.id, folder, lock)
    finally:
        os.close(lock)


def _start_supervisor(check_id: str, folder: str, lock: int) -> None:
    words = [sys.executable, "-I", SUPERVISOR, os.path.abspath(folder), check_id, str(lock)]
    try:
        done = subprocess.run(
            words,
            pass_fds=(lock,),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=START_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CheckError(f"check {check_id} could not be started: {error}") from None
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or [f"exit {done.returncode}"]
        raise CheckError(f"check {check_id} could not be started: {reason[0][:300]}")


def read_check(folder: str, check_id: str) -> Running | Evidence | Lost:
    """How the check stands now.

    Raises:
        CheckError: no such check was ever started in *folder*.
    """
    if not os.path.exists(check_path(folder, check_id, ".spec.json")):
        raise CheckError(f"there is no check {check_id} in {folder}; start it first")
    running = _is_running(folder, check_id)  # asked before looking for evidence, which is written while it runs
    try:
        with open(check_path(folder, check_id, ".json"), encoding="utf-8") as file:
            return read_evidence(json.load(file))
    except FileNotFoundError:
        if running:
            return Running(check_id)
        return Lost(check_id, "its process was ended before it could write evidence; run the check again")
    except ValueError as error:
        return Lost(check_id, f"its evidence cannot be read: {error}")


def _is_running(folder: str, check_id: str) -> bool:
    lock = os.open(check_path(folder, check_id, ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def wait_checks(folder: str, ids: Sequence[str], seconds: float) -> bool:
    """Wait until all of *ids* have ended, at most *seconds*; whether they have."""
    deadline = time.monotonic() + seconds
    for check_id in ids:
        while isinstance(read_check(folder, check_id), Running):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(LOOK_EVERY_SECONDS, left))
    return True


def stop_check(folder: str, check_id: str) -> bool:
    """Ask a running check to end; whether it was running. Its evidence follows and says that it was stopped."""
    if not isinstance(read_check(folder, check_id), Running):
        return False
    with open(check_path(folder, check_id, ".lock"), encoding="ascii") as file:
        pid = file.read().strip()
    if not pid:
        return False  # its starter was killed half-way; the time limit ends it
    try:
        os.kill(int(pid), signal.SIGTERM)
    except ProcessLookupError:
        return False
    return True


def _spec_json(spec: CheckSpec) -> dict[str, Json]:
    return {"format": FORMAT, **spec._asdict(), "command": to_json(spec.command)}


def load_spec(folder: str, check_id: str) -> CheckSpec:
    """Read an order that `start_check` wrote.

    Raises:
        CheckError: it is not whole.
    """
    try:
        with open(check_path(folder, check_id, ".spec.json"), encoding="utf-8") as file:
            value = json.load(file)
        fields = {
            name: value[name] for name in CheckSpec._fields if name in value or name not in CheckSpec._field_defaults
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckError(f"the order of check {check_id} cannot be read ({error}); start it again") from None
    return CheckSpec(**{**fields, "command": from_json(fields["command"])})
