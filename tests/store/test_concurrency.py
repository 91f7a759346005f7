"""Many processes on one run: nothing lost, nothing twice, each in its own order."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fermata.core.board import fold as fold_board
from fermata.core.board_rules import add_task
from fermata.store import run_store
from tests.store.oracles import acknowledged, clean, folded, sound
from tests.store.runs import bound, dispatch, make_project, make_run, started, write

if TYPE_CHECKING:
    from pathlib import Path

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
LIB = os.path.dirname(os.path.dirname(os.path.dirname(run_store.__file__)))
HEAD = f"import os, sys\nsys.path[:0] = [{LIB!r}, {ROOT!r}]\nfrom fermata.store.run_store import RunStore\n"
APPENDER = (
    HEAD
    + """
store, me, count = RunStore(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True); sys.stdin.readline()
for n in range(count):
    store.transact(me, lambda _: [("result_rejected", {"id": "d-001", "error": f"{me}:{n}", "repair": n})], 60)
    print(f"{me}:{n}", flush=True)
"""
)
TAKER = (
    HEAD
    + """
store, me = RunStore(sys.argv[1]), sys.argv[2]
print("ready", flush=True); sys.stdin.readline()
while True:
    taken = None
    def decide(run):
        global taken
        taken = next((d["id"] for d in run["dispatches"].values() if d["state"] == "pending"), None)
        return [("dispatch_started", {"id": taken, "tool_use_id": me, "at": "2026-01-02T03:04:05Z"})] if taken else []
    store.transact(me, decide, 60)
    if taken is None:
        break
    print(taken, flush=True)
"""
)
CLAIMER = (
    HEAD
    + """
from fermata.core.board_rules import claim_task, verify_task
from fermata.store.board import BoardStore
store, me = BoardStore(sys.argv[1]), sys.argv[2]
print("ready", flush=True); sys.stdin.readline()
while True:
    news = store.act(me, lambda board: claim_task(board, me, "2999", "2026"), 60)
    if not news:
        break
    name = news[0][1]["id"]
    print(name, flush=True)
    store.act(me, lambda board: verify_task(board, name, "run", "f" * 40, {"tests": "green"}), 60)
"""
)
STARTER = (
    HEAD
    + """
from fermata.store.errors import Conflict
from fermata.store.project import Project
from tests.store.runs import created_body
project, me = Project(sys.argv[1]), sys.argv[2]
print("ready", flush=True); sys.stdin.readline()
try:
    project.start(me, lambda target: target.transact("cli", lambda now: [] if now else [("run_created", created_body(me))]))
    print("won", flush=True)
except Conflict as error:
    print("conflict", flush=True)
"""
)


def race(code: str, arguments: list[list[str]]) -> list[list[str]]:
    """Start one process per list of arguments, let all go at once, give the lines each printed after that."""
    found = []
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for words in arguments
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        found.append(out.split())
    return found


def append_race(tmp_path: Path, writers: int, count: int) -> None:
    store = make_run(tmp_path)
    write(store, dispatch("d-001", "plan", "read"), started("d-001"), bound("d-001"))
    said = race(APPENDER, [[store.folder, f"w{n}", str(count)] for n in range(writers)])
    events = sound(store)
    acknowledged(events, "result_rejected", "error", [word for words in said for word in words])
    assert len(events) == 4 + writers * count
    for n in range(writers):
        own = [e["body"]["error"] for e in events if e["actor"] == f"w{n}"]
        assert own == [f"w{n}:{k}" for k in range(count)]


def test_eight_writers_lose_nothing(tmp_path: Path) -> None:
    """K-B01."""
    append_race(tmp_path, 8, 50)


@pytest.mark.long
def test_sixteen_writers_with_eight_thousand_events_lose_nothing(tmp_path: Path) -> None:
    append_race(tmp_path, 16, 500)


def test_each_task_is_given_to_exactly_one(tmp_path: Path) -> None:
    """K-B02."""
    store = make_run(tmp_path)
    names = [f"d-{n:03d}" for n in range(1, 41)]
    write(store, *(dispatch(name, "plan", "read") for name in names))
    said = race(TAKER, [[store.folder, f"toolu_{n}"] for n in range(6)])
    assert sorted(word for words in said for word in words) == names
    sound(store)


def claim_race(tmp_path: Path, claimers: int, count: int) -> None:
    """Every third task waits for the one before; each is claimed once, and none before what it waits for is verified."""
    store = make_project(tmp_path).board()
    for n in range(count):
        before = [str(n)] if n % 3 == 2 else []
        store.act("test", lambda board, before=before: add_task(board, "x", blocked_by=before))  # type: ignore[misc]
    said = race(CLAIMER, [[store.folder, f"w{n}"] for n in range(claimers)])
    claimed = sorted(word for words in said for word in words)
    assert claimed == sorted(set(claimed)), "a task was given to two"
    events = folded(store, fold_board)
    assert set(claimed) == {e["body"]["id"] for e in events if e["type"] == "task_claimed"}
    done: set[str] = set()
    for event in events:
        if event["type"] == "task_verified":
            done.add(event["body"]["id"])
        if event["type"] == "task_claimed":
            assert set(store.load()["tasks"][event["body"]["id"]]["blocked_by"]) <= done
    # A claimer that finds nothing to begin goes home; whoever proves a blocker goes on to what waited for it.
    left = [task["id"] for task in store.load()["tasks"].values() if not task["verified"]]
    assert left == []
    clean(store.folder)


def test_each_task_of_the_board_is_claimed_by_exactly_one(tmp_path: Path) -> None:
    claim_race(tmp_path, 6, 40)


@pytest.mark.long
def test_a_thousand_tasks_claimed_by_sixteen(tmp_path: Path) -> None:
    claim_race(tmp_path, 16, 1_000)


def test_of_runs_started_at_once_one_wins(tmp_path: Path) -> None:
    """K-B03."""
    project = make_project(tmp_path)
    names = [f"orch_20260102_03040{n}_0a1b" for n in range(4)]
    said = race(STARTER, [[str(tmp_path), name] for name in names])
    assert sorted(word for words in said for word in words) == ["conflict"] * 3 + ["won"]
    assert len(project.run_ids()) == 1
