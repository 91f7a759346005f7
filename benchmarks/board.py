"""Measures the board against floors of the same run, and says which targets hold.

    python3 benchmarks/board.py [--rounds 10] [--tasks 10000] [--json FILE] [--table FILE]

Milliseconds are of the whole command, launcher included, on a board of so many tasks; of processor time, which is what
one waits for on an idle machine and does not change on a busy one. The processes that claim at once are measured
against as many that append lines of the same length under the same lock, each synced before the next: while the lock
is held (the usual way), and, for information, after it was let go, as fermata does. Each round plays all three in turn.
Exit code 0: every target holds; 8: one does not.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from figures import Row, options, report
from project import ROOT

from fermata.core import board_rules
from fermata.store.board import BoardStore
from fermata.store.lock import locked
from fermata.store.project import Project

CLAIMERS, CLAIMED, PAIRS = 16, 1_000, 7
UNTIL, NOW = "2999-01-01T00:00:00Z", "2026-11-21T00:00:00Z"
TARGET_MS = 300.0


def fill(store: BoardStore, count: int) -> None:
    """*count* tasks as a project has them: some with parents, some that wait."""
    store.act("bench", lambda board: board_rules.add_task(board, "Everything"))
    for start in range(2, count + 1, 500):
        news = [
            (
                "task_created",
                {
                    "id": f"t-{n:06d}",
                    "title": f"Make part {n} of the importer read files that a spreadsheet wrote",
                    "description": "What is wrong with it, and how it shows. " * 6,
                    "priority": f"P{n % 3 + 1}",
                    "parent": "t-000001" if n % 10 == 0 else None,
                    "blocked_by": [f"t-{n - 7:06d}"] if n % 9 == 0 else [],
                    "scope": [f"src/part{n}/**"],
                    "acceptance": ["The example files are read", "The old tests are green"],
                },
            )
            for n in range(start, min(start + 500, count + 1))
        ]
        store.act("bench", lambda _, news=news: news)  # type: ignore[misc]


def repository(folder: Path) -> Project:
    """An empty repository's store."""
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    project = Project(str(folder / ".git"))
    project.prepare()
    return project


def commands(folder: Path, rounds: int, count: int) -> list[Row]:
    """`task list`, `task claim` and others in a terminal, on a large board, and a command that reads nothing."""
    store = repository(folder / "large").board()
    fill(store, count)
    env = {key: value for key, value in os.environ.items() if not key.startswith("CLAUDE")}
    calls = {
        "version": ["version"],
        "task list": ["task", "list"],
        "task list --ready": ["task", "list", "--ready"],
        "task claim": ["task", "claim"],
        "task show": ["task", "show", str(count)],
        "task add": ["task", "add", "one more"],
    }
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, words in calls.items():
            spent[name].append(milliseconds([str(ROOT / "scripts" / "fermata"), *words], folder / "large", env))
    walls, works = (
        {name: statistics.median(one[n] for one in found[1:]) for name, found in spent.items()} for n in (0, 1)
    )
    return [
        Row("a command that reads nothing (`version`)", works["version"], None, "ms of CPU"),
        *(
            Row(f"`{name}` on {count:,} tasks", works[name], TARGET_MS, "ms of CPU")
            for name in calls
            if name != "version"
        ),
        *(Row(f"`{name}` by the clock", walls[name], None, "ms") for name in ("version", "task list", "task claim")),
    ]


def milliseconds(command: list[str], cwd: Path, env: dict[str, str]) -> tuple[float, float]:
    """How long *command* took by the clock, and for how much of that it, with all it started, had a processor."""
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return (time.perf_counter() - began) * 1000, (usage.ru_utime + usage.ru_stime) * 1000


def one_claim(folder: Path, count: int) -> list[Row]:
    """What one claim writes: the board's cache not at all, in all but a few."""
    store = repository(folder / "one").board()
    fill(store, count)
    written = 0
    for n in range(100):
        before = os.stat(store.state).st_ino
        store.act("bench", partial(board_rules.claim_task, by=f"w{n}", until=UNTIL, now=NOW))
        written += os.stat(store.state).st_ino != before
    size = os.path.getsize(store.state) / 1e6
    return [Row(f"rewrites of the cache ({size:.1f} MB) by 100 claims", float(written), 2.0, "")]


def claim_all(folder: str, gate: str) -> None:
    """Claim until nothing is left. The board is known before the start: measured are claims, not beginnings."""
    store, me = BoardStore(folder), f"w{os.getpid()}"
    store.load()
    wait(gate)
    while store.act(me, partial(board_rules.claim_task, by=me, until=UNTIL, now=NOW), 60):
        pass


def append_all(path: str, count: int, size: int, apart: bool, gate: str) -> None:  # noqa: FBT001 - from `rate`
    """Append *count* lines of *size* bytes, each synced: under the lock or, *apart*, outside it."""
    wait(gate)
    for _ in range(count):
        with locked(f"{path}.lock", 60):
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(file, b"x" * (size - 1) + b"\n")
            if not apart:
                os.fsync(file)
        if apart:
            os.fsync(file)
        os.close(file)


def wait(gate: str) -> None:
    """Until all processes are there: the writing end of *gate* is closed by whoever starts them."""
    with open(gate, "rb") as file:
        file.read()


def rate(target: object, *words: object, gate: str, count: int) -> float:
    """Events a second of CLAIMERS processes that start at once."""
    os.mkfifo(gate)
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=target, args=(*words, gate)) for _ in range(CLAIMERS)]  # type: ignore[arg-type]
    for worker in workers:
        worker.start()
    handle = os.open(gate, os.O_WRONLY)
    time.sleep(0.2)  # the others open their end meanwhile; whoever comes late only waits less
    began = time.perf_counter()
    os.close(handle)
    for worker in workers:
        worker.join()
    os.unlink(gate)
    return count / (time.perf_counter() - began)


def contention(folder: Path) -> list[Row]:
    """CLAIMERS processes that claim CLAIMED tasks: each once, and the rate against bare locked appends."""
    usual, apart, wrong = list[float](), list[float](), 0
    for n in range(PAIRS):
        store = repository(folder / f"contention{n}").board()
        fill(store, CLAIMED)
        # A parent and those that wait cannot begin; the claimers take what can.
        able = sum(board_rules.is_ready(store.load(), task, NOW) for task in store.load()["tasks"].values())
        gate, before = str(folder / f"gate{n}"), os.path.getsize(store.journal)
        ours = rate(claim_all, store.folder, gate=gate, count=able)
        each, size = CLAIMED // CLAIMERS, (os.path.getsize(store.journal) - before) // able
        for found, outside in ((usual, False), (apart, True)):
            path = str(folder / f"bare{n}{outside}")
            found.append(ours / rate(append_all, path, each, size, outside, gate=gate, count=each * CLAIMERS))
        claims = [e["body"]["id"] for e in BoardStore(store.folder).events() if e["type"] == "task_claimed"]
        wrong += abs(able - len(claims)) + len(claims) - len(set(claims))
    return [
        Row(f"tasks that {CLAIMERS} claimers missed or got twice", float(wrong), 0.0, ""),
        *spread(f"rate of {CLAIMERS} claimers", usual, 0.5, "x bare append that syncs under the lock"),
        *spread(f"rate of {CLAIMERS} claimers", apart, None, "x bare append that syncs outside it"),
    ]


def spread(name: str, ratios: list[float], bound: float | None, unit: str) -> list[Row]:
    """The median, held against *bound*, and for information how far the rounds lie apart."""
    middle = statistics.median(ratios)
    ends = [
        Row(f"{name}, {word} of {len(ratios)} rounds", found, None, unit)
        for word, found in (("least", min(ratios)), ("most", max(ratios)))
    ]
    return [Row(name, middle, bound, unit, lower=False), *ends]


def main() -> int:
    parser = options(__doc__, rounds=10)
    parser.add_argument("--tasks", type=int, default=10_000, help="tasks on the large board (default 10000)")
    given = parser.parse_args()

    def measure(folder: Path) -> list[Row]:
        return [
            *commands(folder, given.rounds, given.tasks),
            *one_claim(folder, given.tasks),
            *contention(folder),
        ]

    return report(given, measure)


if __name__ == "__main__":
    sys.exit(main())
