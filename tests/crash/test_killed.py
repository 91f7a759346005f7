"""Writers killed, or failed by the disk, at every single call that changes a file; afterwards the run goes on whole.

By the shim at every point on each run of the suite; by strace (which also sees what Python does below `os`) at a sample
of the points, and at all of them in the long run.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.crash import scenarios
from tests.crash.scenarios import SCENARIOS
from tests.crash.shim import Fault, strike
from tests.store.oracles import acknowledged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUICK = ("append", "start", "approve", "accept", "rebuild", "repair", "repair-cut", "board", "remember")
# `openat` is left to the shim, which can tell the few that make a file from the hundreds that import a module.
FILE_CALLS = ("write", "fsync", "rename", "unlink", "truncate", "mkdir")
MANY = 400


def fresh(tmp_path: Path, name: str, point: object) -> str:
    folder = str(tmp_path / f"{name}-{point}" / "project")
    os.makedirs(folder)
    SCENARIOS[name].prepare(folder)
    return folder


def every_point(tmp_path: Path, name: str, how: str | int, *, lasting: bool = False, step: int = 1) -> Iterator[int]:
    """Strike at call 1, 1 + step, … until the scenario ends before the fault; gives the exit codes of those struck."""
    for number in range(1, MANY, step):
        folder = fresh(tmp_path, name, number)
        outcome = strike(name, folder, Fault(number, how, lasting=lasting))
        if not outcome.reached:
            assert outcome.code == 0
            assert outcome.acked
            return
        SCENARIOS[name].check(folder, outcome.acked)
        yield outcome.code
        shutil.rmtree(folder)
    pytest.fail("the scenario never ended")


@pytest.mark.parametrize("how", ["before", "after", "half"])
@pytest.mark.parametrize("name", QUICK)
def test_killed_at_every_call(tmp_path: Path, name: str, how: str) -> None:
    """K-A01, K-A02: O1 O2 O3 O4 O6 O11."""
    codes = list(every_point(tmp_path, name, how))
    assert len(codes) > 5
    assert set(codes) == {-9}


@pytest.mark.parametrize(
    ("lasting", "code"),
    [
        pytest.param(False, errno.EIO, id="once-io-error"),
        pytest.param(True, errno.ENOSPC, id="from-then-on-disk-full"),
        pytest.param(False, errno.ENOSPC, id="once-disk-full", marks=pytest.mark.long),
        pytest.param(True, errno.EIO, id="from-then-on-io-error", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("name", QUICK)
def test_failed_by_the_disk_at_every_call(tmp_path: Path, name: str, lasting: bool, code: int) -> None:
    """K-A03, K-A04, K-A05: a readable end, never our own bug (1); the retry succeeds."""
    codes = list(every_point(tmp_path, name, code, lasting=lasting))
    assert len(codes) > 5
    assert set(codes) <= {0, 6}
    assert 6 in codes


def test_the_command_line_killed_at_some_calls(tmp_path: Path) -> None:
    assert set(every_point(tmp_path, "cli", "before", step=9)) == {-9}


@pytest.mark.long
@pytest.mark.parametrize("how", ["before", "after", errno.EIO])
def test_the_command_line_struck_at_every_call(tmp_path: Path, how: str | int) -> None:
    codes = set(every_point(tmp_path, "cli", how))
    assert codes == {-9} if isinstance(how, str) else codes <= {0, 6}


# --- the same under strace ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strace() -> str:
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed; the shim above strikes at the same calls")
    done = subprocess.run(
        [found, "-o", "/dev/null", "-e", "trace=write", "-e", "inject=write:signal=SIGKILL:when=1", "echo"],
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        pytest.skip("ptrace is refused here; the shim above strikes at the same calls")
    return found


def traced(strace: str, name: str, folder: str, call: str, fault: str) -> tuple[subprocess.CompletedProcess[str], bool]:
    """Act under strace with *fault* injected into *call*; also whether it struck."""
    log = folder + ".strace"
    argv = [strace, "-o", log, "-e", f"trace={call}", "-e", f"inject={call}:{fault}"]
    argv += [sys.executable, "-B", scenarios.__file__, name, folder]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    with open(log, encoding="utf-8") as file:
        return done, done.returncode < 0 or "(INJECTED)" in file.read()


def judge(name: str, folder: str, done: subprocess.CompletedProcess[str]) -> None:
    SCENARIOS[name].check(folder, [line[4:] for line in done.stdout.splitlines() if line.startswith("ack ")])


POINTS = [("append", "write", 3), ("append", "fsync", 1), ("append", "rename", 2), ("start", "mkdir", 4)]
POINTS += [("start", "write", 2), ("approve", "write", 1), ("approve", "fsync", 2), ("approve", "rename", 1)]


@pytest.mark.parametrize(("name", "call", "number"), POINTS)
def test_killed_below_python_at_some_calls(tmp_path: Path, strace: str, name: str, call: str, number: int) -> None:
    folder = fresh(tmp_path, name, number)
    done, struck = traced(strace, name, folder, call, f"signal=SIGKILL:when={number}")
    assert struck, done.stderr
    judge(name, folder, done)


@pytest.mark.long
@pytest.mark.parametrize("fault", ["signal=SIGKILL", "error=EIO", "error=ENOSPC"])
@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_struck_below_python_at_every_call(tmp_path: Path, strace: str, name: str, fault: str) -> None:
    hits = 0
    for call in FILE_CALLS:
        for number in range(1, MANY):
            folder = fresh(tmp_path, name, f"{call}{number}")
            done, struck = traced(strace, name, folder, call, f"{fault}:when={number}")
            if not struck:
                assert done.returncode == 0
                break
            assert done.returncode in ({-9} if "KILL" in fault else {0, 6}), done.stderr
            judge(name, folder, done)
            hits += 1
    assert hits > 5


@pytest.mark.long
def test_three_hundred_random_deaths_over_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K-A13: one run, one death after the other, and a resume after each."""
    dice = random.Random(7)
    folder, acked = fresh(tmp_path, "append", "all"), ["d-001"]
    for n in range(300):
        names = [f"d-{n:03d}-{k}" for k in range(3)]
        act = partial(scenarios.append, names=names)
        monkeypatch.setitem(SCENARIOS, "append", SCENARIOS["append"]._replace(act=act))
        outcome = strike("append", folder, Fault(dice.randrange(1, 25), dice.choice(["before", "after", "half"])))
        acked += outcome.acked
        events = scenarios.resumed(scenarios.store_of(folder))
    acknowledged(events, "dispatch_created", "id", acked, extra=300)
    assert len(acked) > 100
