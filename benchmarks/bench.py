"""Measures fermata against floors of the same run, and says which targets hold.

    python3 benchmarks/bench.py [--rounds 40] [--json FILE] [--table FILE]

Every figure is a ratio of medians taken in the same round, because ratios stay the same on a busy machine and
milliseconds do not. F0 is a bare interpreter (`python3 -I -S -c pass`), F1 the same with `import json`.
Hooks are started exactly as hooks.json starts them, launcher included. Exit code 0: every target holds; 8: one does not.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from figures import Row, options, report
from project import PYTHON, ROOT, environment, make_run, payload

from fermata.store.journal import chain
from fermata.store.run_store import RunStore

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = (10, 100, 1_000, 10_000)
WRITERS, TRANSITIONS = 32, 50


# --- what is measured ----------------------------------------------------------------------------------------------


HOOK = ["/bin/sh", str(ROOT / "hooks" / "hook"), "bound", "PreToolUse"]


def timed(command: list[str], stdin: bytes, env: dict[str, str]) -> tuple[float, bytes]:
    """Seconds from start to reap, and standard output."""
    began = time.perf_counter()
    done = subprocess.run(command, input=stdin, env=env, capture_output=True, check=False)
    return time.perf_counter() - began, done.stdout


def ratios(cases: dict[str, tuple[list[str], bytes, dict[str, str]]], floor: str, rounds: int) -> dict[str, float]:
    """Median over rounds of (case ÷ floor) within the same round."""
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        times = {name: timed(*case)[0] for name, case in cases.items()}
        for name in cases:
            found[name].append(times[name] / times[floor])
    return {name: statistics.median(values) for name, values in found.items()}


def hooks(folder: Path, rounds: int) -> list[Row]:
    """A hook call as hooks.json starts it: session without a run, session with one, a shim first on PATH."""
    project, data, _ = make_run(folder / "hooks", 100)
    env = environment(folder, project, data)
    shim = folder / "shims"
    shim.mkdir()
    (shim / "python3").write_text('#!/usr/bin/env bash\nsleep 0.05\nexec /usr/bin/python3 "$@"\n')
    (shim / "python3").chmod(0o755)
    body = payload(project)
    cases = {
        "F0": ([PYTHON, "-I", "-S", "-c", "pass"], b"", env),
        "F1": ([PYTHON, "-I", "-S", "-c", "import json"], body, env),
        "unbound": (HOOK, body, {**env, "CLAUDE_CODE_SESSION_ID": "nobody"}),
        "allowed": (HOOK, body, env),
        "granted": (HOOK, payload(project, f"{ROOT}/scripts/fermata next"), env),
        "shim": (HOOK, body, {**env, "PATH": f"{shim}:{env['PATH']}"}),
    }
    said = timed(*cases["unbound"])[1] + timed(*cases["allowed"])[1]
    by_f0, by_f1 = (
        ratios({k: cases[k] for k in ("F0", "unbound")}, "F0", rounds),
        ratios({k: v for k, v in cases.items() if k not in ("F0", "unbound")}, "F1", rounds),
    )
    return [
        Row("PreToolUse, session without a run", by_f0["unbound"], 0.25, "F0"),
        Row("PreToolUse, run active, call allowed", by_f1["allowed"], 1.2, "F1"),
        Row("the same, and fermata answers `allow`", by_f1["granted"], 1.2, "F1"),
        Row("the same with a slow shim first on PATH", by_f1["shim"], 1.2, "F1"),
        Row("bytes printed by both", float(len(said)), 0.0, "bytes"),
        Row("peak memory of an allowed call", peak(cases["allowed"]), 25.0, "MB"),
        *system_calls(cases["allowed"]),
    ]


# A process is counted with what its parent held when it was started, so a small one starts it.
PEAK = """
import os, sys
pid = os.fork()
if not pid:
    os.dup2(2, 1)
    os.execv(sys.argv[1], sys.argv[1:])
print(os.wait4(pid, 0)[2].ru_maxrss)
"""


def peak(case: tuple[list[str], bytes, dict[str, str]]) -> float:
    """Largest resident set of one hook process, in MB."""
    command, stdin, env = case
    found = timed([PYTHON, "-I", "-S", "-c", PEAK, *command], stdin, env)[1]
    return int(found) / (1024 if sys.platform == "linux" else 1024 * 1024)


def system_calls(case: tuple[list[str], bytes, dict[str, str]]) -> list[Row]:
    """Locks, syncs and files written by an allowed call; nothing where strace is not installed."""
    strace = shutil.which("strace")
    if strace is None:
        return []
    command, stdin, env = case
    with tempfile.NamedTemporaryFile("r") as log:
        words = [strace, "-f", "-e", "trace=flock,fsync,fdatasync,openat,rename,unlink", "-o", log.name, *command]
        subprocess.run(words, input=stdin, env=env, capture_output=True, check=False)
        lines = log.read().splitlines()
    counts = {
        "locks": sum("flock(" in line for line in lines),
        "syncs": sum("fsync(" in line or "fdatasync(" in line for line in lines),
        "writes": sum(
            ("O_CREAT" in line or "O_TRUNC" in line or "rename(" in line) and "__pycache__" not in line
            for line in lines
        ),
    }
    return [Row(f"{name} of an allowed call", float(count), 0.0, "") for name, count in counts.items()]


def growth(folder: Path, rounds: int) -> list[Row]:
    """An allowed call over journals of 10 to 10,000 events: the slope per decade, upper end of its confidence interval."""
    cases = {}
    for count in EVENTS:
        project, data, _ = make_run(folder / f"growth-{count}", count)
        cases[str(count)] = (HOOK, payload(project), environment(folder, project, data))
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            times[name].append(timed(*case)[0])
    slopes = [
        statistics.linear_regression(range(len(EVENTS)), [times[str(c)][i] for c in EVENTS]).slope
        for i in range(rounds)
    ]
    base = statistics.median(times[str(EVENTS[0])])
    error = 1.96 * statistics.stdev(slopes) / len(slopes) ** 0.5
    return [
        Row(
            "growth per tenfold journal, upper bound of 95 % interval",
            (statistics.mean(slopes) + error) / base,
            0.05,
            "of one call",
        ),
        Row("10,000 events ÷ 10 events", statistics.median(times["10000"]) / base, 1.08, "x"),
    ]


def transitions(folder: Path, rounds: int) -> list[Row]:
    """One transition against a bare locked append with one sync."""
    _, _, run = make_run(folder / "transition", 100)
    bare = folder / "bare.jsonl"
    body = {"id": "d-001", "tool_use_id": "toolu_x", "at": "2026-11-21T00:00:00Z"}
    _, line = chain([("dispatch_started", body)], 1, "0" * 64, "2026-11-21T00:00:00Z", "bench")
    ours, floors = [], []
    syncs = count_syncs(lambda: run.note("bench", "dispatch_started", body))
    for _ in range(rounds * 10):
        began = time.perf_counter()
        run.note("bench", "dispatch_started", body)
        middle = time.perf_counter()
        append(bare, line)
        floors.append(time.perf_counter() - middle)
        ours.append(middle - began)
    return [
        Row(
            "a transition, state.json included",
            statistics.median(a / b for a, b in zip(ours, floors, strict=True)),
            2.5,
            "x bare append",
        ),
        Row("syncs of a transition", float(syncs), 1.0, ""),
    ]


def count_syncs(act: Callable[[], object]) -> int:
    """How often *act* waits for the disk."""
    found: list[int] = []
    sync = os.fsync

    def counted(handle: int) -> None:
        found.append(handle)
        sync(handle)

    vars(os)["fsync"] = counted
    try:
        act()
    finally:
        vars(os)["fsync"] = sync
    return len(found)


def append(path: Path, line: bytes) -> None:
    """The floor of every transition: lock, append, sync."""
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line)
    os.fsync(file)
    os.close(file)
    os.close(lock)


def write_ours(store_folder: str, count: int) -> None:
    store = RunStore(store_folder)
    for _ in range(count):
        store.note(
            "bench",
            "dispatch_started",
            {"id": "d-001", "tool_use_id": f"toolu_{os.getpid()}", "at": "2026-11-21T00:00:00Z"},
        )


def write_bare(path: str, count: int) -> None:
    line = b"x" * 400 + b"\n"
    for _ in range(count):
        append(Path(path), line)


def contention(folder: Path) -> list[Row]:
    """32 forked writers, 50 transitions each: none lost, and the rate against bare flock + append."""
    _, _, run = make_run(folder / "contention", 2)
    fork = multiprocessing.get_context("fork")

    def rate(target: object, where: str) -> float:
        writers = [fork.Process(target=target, args=(where, TRANSITIONS)) for _ in range(WRITERS)]  # type: ignore[arg-type]
        began = time.perf_counter()
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        return WRITERS * TRANSITIONS / (time.perf_counter() - began)

    pairs = [(rate(write_ours, run.folder), rate(write_bare, str(folder / "bare2.jsonl"))) for _ in range(5)]
    lost = 5 * WRITERS * TRANSITIONS - (len(run.events()) - 2)
    return [
        Row("transitions lost by 32 writers", float(lost), 0.0, ""),
        Row(
            "rate of 32 writers",
            statistics.median(ours / bare for ours, bare in pairs),
            0.7,
            "x bare flock + append",
            lower=False,
        ),
    ]


def commands(folder: Path, rounds: int) -> list[Row]:
    """`next` and `status` as a session starts them, launcher included, once the environment is there; milliseconds."""
    project, data, _ = make_run(folder / "commands", 100)
    env = {**environment(folder, project, data), "XDG_DATA_HOME": os.environ.get("XDG_DATA_HOME", "")}
    env["HOME"] = os.environ.get("HOME", env["HOME"])
    return [
        Row(f"{verb}, warm", statistics.median(milliseconds(verb, project, env, rounds)), 250.0, "ms")
        for verb in ("next", "status")
    ]


def milliseconds(verb: str, project: Path, env: dict[str, str], rounds: int) -> list[float]:
    """The times of *rounds* calls after a first one. Raises CalledProcessError when one does not end well."""
    command = [str(ROOT / "scripts" / "fermata"), verb]
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        subprocess.run(command, cwd=project, env=env, capture_output=True, check=True)
        times.append((time.perf_counter() - began) * 1000)
    return times[1:]


def main() -> int:
    given = options(__doc__, rounds=40).parse_args()

    def measure(folder: Path) -> list[Row]:
        return [
            *hooks(folder, given.rounds),
            *growth(folder, given.rounds),
            *transitions(folder, given.rounds),
            *contention(folder),
            *commands(folder, given.rounds),
        ]

    return report(given, measure)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
