"""The writers that the crash tests kill: each is prepared in a folder, acts, and is then judged by the oracles.

Run as a program (`scenarios.py NAME FOLDER`) it acts and prints one line for each thing it has acknowledged.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import namedtuple
from types import SimpleNamespace
from typing import TYPE_CHECKING

if __name__ == "__main__":
    ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
    sys.path[:0] = [os.path.join(ROOT, "scripts", "lib"), ROOT]

from fermata.core.board import fold as fold_board
from fermata.core.board_rules import add_task, write_note
from fermata.core.consultation import code_of
from fermata.host.bound import Bound
from fermata.host.decisions import typed
from fermata.host.payload import Payload
from fermata.loop.memory import remember
from fermata.store.data import DataFolder, approval_error
from fermata.store.errors import StoreError
from fermata.store.project import Project
from fermata.store.repair import examine, repair
from fermata.store.run_store import RunStore
from tests.store.oracles import acknowledged, clean, folded, sound, whole
from tests.store.runs import (
    KEPT_PLAN,
    RUN,
    SESSION,
    accepted,
    ask_approval,
    bound,
    created_body,
    dispatch,
    make_project,
    make_run,
    plan_done,
    started,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata.core.board_records import Board
    from fermata.core.records import Event, Json, Run
    from fermata.store.board import BoardStore

    Ack = Callable[[str], None]

Scenario = namedtuple("Scenario", "prepare act check")
Scenario.__doc__ = (
    """`prepare(folder)`, `act(folder, ack)`, `check(folder, acked)`: after a crash, acts again and judges."""
)

NAMES = ["d-002", "d-003", "d-004"]


def _a_minute_later(folder: str) -> None:
    """Temporary files whose writer is not known to be dead are left alone while they are young."""
    for place, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".tmp"):
                path = os.path.join(place, name)
                os.utime(path, (time.time() - 90, time.time() - 90))


def resumed(store: RunStore) -> list[Event]:
    """What `fermata resume` does to the store, and then every oracle."""
    _a_minute_later(store.folder)
    store.rebuild()
    return sound(store)


def store_of(folder: str) -> RunStore:
    return RunStore(os.path.join(folder, "fermata", "runs", RUN))


def _prepare_run(folder: str) -> None:
    project = make_project(folder)
    store = make_run(project.folder)
    write(store, dispatch("d-001", "plan", "read"), started("d-001"), bound("d-001"))


# --- three transactions of one event each, and of two ------------------------------------------------------------------


def append(folder: str, ack: Ack, names: list[str] = NAMES) -> None:
    """Journal two events for each of *names*, in one transaction each, unless they are there."""
    for name in names:
        news = [dispatch(name, "plan", "read"), ("result_rejected", {"id": "d-001", "error": name, "repair": 1})]

        def decide(now: Run | None, name: str = name, news: list[tuple[str, dict[str, Json]]] = news) -> Json:
            return news if now and name not in now["dispatches"] else []

        store_of(folder).transact("test", decide)
        ack(name)


def _check_append(folder: str, acked: list[str]) -> None:
    store = store_of(folder)
    events = store.events()
    acknowledged(events, "dispatch_created", "id", ["d-001", *acked], extra=1)
    append(folder, lambda _: None)
    events = resumed(store)
    acknowledged(events, "dispatch_created", "id", ["d-001", *NAMES])


# --- a run begins --------------------------------------------------------------------------------------------------------


def _start(folder: str, ack: Ack) -> None:
    def create(target: RunStore) -> Run:
        return target.transact("cli", lambda now: [] if now else [("run_created", created_body())])

    project = Project(folder)
    project.note_data_folder("/data")
    ack(project.start(RUN, create)["run"])


def _check_start(folder: str, acked: list[str]) -> None:
    assert Project(folder).run_ids() in ([[RUN]] if acked else [[], [RUN]])
    _a_minute_later(folder)
    _start(folder, lambda _: None)
    assert len(resumed(store_of(folder))) == 1
    assert all(os.path.isdir(store_of(folder).path(name)) for name in ("briefs", "results", "artifacts", "checks"))
    clean(os.path.join(folder, "fermata"))
    assert Project(folder).data_folder() == "/data"


# --- a human approves ----------------------------------------------------------------------------------------------------


def _prepare_gate(folder: str) -> None:
    project = make_project(folder)
    store = make_run(project.folder)
    plan_done(store)
    ask_approval(store)


def _bound(folder: str) -> Bound:
    gate = store_of(folder).load()["gate"]
    code = code_of(gate["digest"]) if gate else ""
    payload = Payload({"session_id": SESSION, "command_args": code})
    store = os.path.join(folder, "fermata")
    marker: dict[str, Json] = {"run": RUN, "store": store, "root": folder, "goal": "g"}
    return Bound(DataFolder(os.path.join(folder, "data")), marker, payload)


def _approve(folder: str, ack: Ack) -> None:
    error = typed(_bound(folder), {"CLAUDE_CODE_ENTRYPOINT": "cli"})
    if error:
        raise StoreError(error)
    ack("approved")


def _approval_stands(folder: str) -> bool:
    """Whether journal and record outside agree on a human's yes."""
    bound = _bound(folder)
    if bound.run is None or bound.run["approved"] is None:
        return False
    return approval_error(bound.data.approval(RUN), bound.run["approved"], bound.project_folder) is None


def _check_approve(folder: str, acked: list[str]) -> None:
    """O6: a yes stands only when journal and record outside agree; half a yes is none, and asking again works."""
    store = store_of(folder)
    stands = _approval_stands(folder)
    assert stands or not acked
    decided = [e for e in store.events() if e["type"] == "decision_made"]
    assert len(decided) == 1 or not stands
    if not stands:
        if decided:
            store.transact("cli", lambda _: [("approval_voided", {"reason": "half an approval"})])
            ask_approval(store)
        _approve(folder, lambda _: None)
    assert _approval_stands(folder)
    resumed(store)
    assert not [n for n in os.listdir(os.path.join(folder, "data", "approvals")) if not n.endswith((".json", ".tmp"))]


# --- an agent's result is accepted ---------------------------------------------------------------------------------------

PLAN = {"status": "plan", **{k: KEPT_PLAN[k] for k in ("summary", "findings", "steps", "risks", "effort")}}


def _git(folder: str, *words: str) -> None:
    user = ("-c", "user.name=U", "-c", "user.email=u@example.org")
    subprocess.run(["git", *user, *words], cwd=folder, check=True, capture_output=True)


def _prepare_result(folder: str) -> None:
    _git(folder, "init", "-q")
    project = make_project(os.path.join(folder, ".git"))
    store = make_run(project.folder)
    write(store, dispatch("d-001", "plan", "read"), started("d-001"), bound("d-001"))


def _git_store(folder: str) -> RunStore:
    return RunStore(os.path.join(folder, ".git", "fermata", "runs", RUN))


def _accept(folder: str, ack: Ack) -> None:
    from fermata.git.repo import find_repo
    from fermata.loop.results import accept_result

    repo = find_repo(folder)
    assert repo is not None
    answer = accept_result(repo, _git_store(folder), "d-001", json.dumps(PLAN))
    if not answer.accepted:
        raise AssertionError(answer.message)
    ack("d-001")


def _check_accept(folder: str, acked: list[str]) -> None:
    store = _git_store(folder)
    acknowledged(store.events(), "result_accepted", "id", acked, extra=1)
    _accept(folder, lambda _: None)
    events = resumed(store)
    acknowledged(events, "result_accepted", "id", ["d-001"])
    with open(store.path("results", "d-001-0.json"), encoding="utf-8") as file:
        assert json.load(file) == PLAN


# --- a broken state is rebuilt -------------------------------------------------------------------------------------------


def _prepare_broken(folder: str) -> None:
    _prepare_run(folder)
    store = store_of(folder)
    os.truncate(store.state, 5)
    with open(store.journal, "ab") as file:
        file.write(b'{"torn')


def _rebuild(folder: str, ack: Ack) -> None:
    store_of(folder).rebuild()
    ack("rebuilt")


def _check_rebuild(folder: str, acked: list[str]) -> None:
    del acked
    _rebuild(folder, lambda _: None)
    assert len(sound(store_of(folder))) == 4


# --- a damaged journal is repaired ---------------------------------------------------------------------------------------


def _prepare_damaged(folder: str) -> None:
    """Line 3 of 4 is not what it was."""
    _prepare_run(folder)
    _change_journal(folder, lambda lines: [*lines[:2], lines[2].replace(b"toolu", b"TOOLU"), *lines[3:]])


def _prepare_cut(folder: str) -> None:
    """The last line is gone: the good lines are as many as the state knows once the repair has told of itself."""
    _prepare_run(folder)
    _change_journal(folder, lambda lines: lines[:3])


def _change_journal(folder: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    with open(store_of(folder).journal, "rb") as file:
        lines = file.readlines()
    for path in (store_of(folder).journal, os.path.join(folder, "bad")):
        with open(path, "wb") as file:
            file.writelines(change(lines))


def _repair(folder: str, ack: Ack) -> None:
    damage = examine(store_of(folder))
    if damage:
        repair(store_of(folder), damage)
    ack("repaired")


def _check_repair(folder: str, acked: list[str]) -> None:
    """The bad bytes are somewhere whatever happened, the loss is told of once, and what was acknowledged is whole."""
    store = store_of(folder)
    files = [n for n in os.listdir(store.folder) if n.startswith("journal.jsonl") and not n.endswith(".tmp")]
    with open(os.path.join(folder, "bad"), "rb") as file:
        bad = file.read()
    assert bad in [_bytes(store.path(name)) for name in files]
    if acked:
        sound(store)
    _repair(folder, lambda _: None)
    assert examine(store) is None
    events = sound(store)
    good = 2 if len(bad.splitlines()) == 4 else 3
    assert [event["type"] for event in events[good:]] == ["repaired"]
    assert _bytes(store.path(events[-1]["body"]["copy"])) == bad
    assert len([n for n in os.listdir(store.folder) if n.startswith("journal.jsonl.damaged-")]) == 1


def _bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


# --- the command line: a run begins and its first agent is offered -----------------------------------------------------


def _prepare_cli(folder: str) -> None:
    _git(folder, "init", "-q")
    with open(os.path.join(folder, "README"), "w", encoding="utf-8") as file:
        file.write("a project\n")
    _git(folder, "add", "-A")
    _git(folder, "commit", "-qm", "begin")
    project = Project(os.path.join(folder, ".git"))
    data = DataFolder(os.path.join(folder, "..", "data"))
    project.note_data_folder(data.folder)
    marker = {"run": RUN, "store": project.folder, "root": folder, "goal": "Add a thing", "interactive": True}
    data.set_marker(SESSION, marker)


def _cli(folder: str, ack: Ack) -> None:
    from fermata.cli import main

    os.chdir(folder)
    os.environ["CLAUDE_CODE_SESSION_ID"] = SESSION
    for verb in ("start", "next"):
        code = main([verb])
        if code:
            raise StoreError(f"{verb} ended with {code}")
        ack(verb)


def _check_cli(folder: str, acked: list[str]) -> None:
    """Acts in another process: the command line moves to the folder and prints."""
    store = _git_store(folder)
    assert store.exists() or "start" not in acked
    done = subprocess.run([sys.executable, "-B", __file__, "cli", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    events = resumed(store)
    kinds = [event["type"] for event in events]
    assert kinds == ["run_created", "dispatch_created"]
    with open(store.path("briefs", "d-001.md"), encoding="utf-8") as file:
        assert "d-001" in file.read()


# --- the board: a task is added, claimed and proven ------------------------------------------------------------------------

TITLES = ["one", "two", "three"]


def board_of(folder: str) -> BoardStore:
    return Project(folder).board()


def _prepare_board(folder: str) -> None:
    Project(folder).prepare()
    board_of(folder).act("test", lambda board: add_task(board, "zero"))


def _work(folder: str, ack: Ack, titles: list[str] = TITLES) -> None:
    """Add a task for each of *titles* that has none, and give a note to each that lacks it, each in one transaction."""
    store = board_of(folder)
    for title in titles:

        def add(board: Board, title: str = title) -> Json:
            return [] if title in [t["title"] for t in board["tasks"].values()] else add_task(board, title)

        store.act("test", add)
        ack(title)

        def note(board: Board, title: str = title) -> Json:
            (name,) = [t["id"] for t in board["tasks"].values() if t["title"] == title]
            return [] if name in board["notes"] else write_note(board, name, "plan", "plan", title * 100)

        store.act("test", note)


def _check_board(folder: str, acked: list[str]) -> None:
    store = board_of(folder)
    acknowledged(store.events(), "task_created", "title", ["zero", *acked], extra=1)
    _work(folder, lambda _: None)
    _a_minute_later(store.folder)
    store.rebuild()
    whole(store)
    events = folded(store, fold_board)
    clean(store.folder)
    acknowledged(events, "task_created", "title", ["zero", *TITLES])
    for name, notes in store.load()["notes"].items():
        assert store.details(notes["plan"]["line"])["text"] == store.load()["tasks"][name]["title"] * 100


# --- a run completes: what its agents learnt goes on the board ------------------------------------------------------------

LEARNT = {"learnings": ["one", "two"], "debt": [{"title": "three", "description": "x" * 5_000}], "later": ["four"]}


def _prepare_remember(folder: str) -> None:
    """Two dispatches have handed in; the second one says one thing again."""
    project = make_project(folder)
    store = make_run(project.folder)
    again = {**LEARNT, "learnings": ["TWO.", "five"]}
    for name, learnt in (("d-001", LEARNT), ("d-002", again)):
        write(store, dispatch(name, "plan", "read"), started(name), bound(name, f"agent-{name}"))
        kind, body = accepted(name)
        write(store, (kind, {**body, "learnt": learnt}))


def _remember(folder: str, ack: Ack) -> None:
    site: Json = SimpleNamespace(project=Project(folder))
    run = store_of(folder).load()
    kept = remember(site, run)
    if "error" in kept:
        raise StoreError(kept["error"])
    store_of(folder).note(
        "cli", "run_completed", {"tree": None, "remembered": kept}, lambda now: not now.get("remembered")
    )
    ack("completed")


def _check_remember(folder: str, acked: list[str]) -> None:
    """Each thing is on the board once, whenever the writer died; a run that is called complete has left all of it."""
    run = store_of(folder).load()
    assert run["status"] == "completed" or not acked
    if run["status"] == "completed":
        assert _left(folder) == ["one", "two", "five", "three", "four"]
    _remember(folder, lambda _: None)
    assert _left(folder) == ["one", "two", "five", "three", "four"]
    _a_minute_later(board_of(folder).folder)
    board_of(folder).rebuild()
    whole(board_of(folder))
    folded(board_of(folder), fold_board)
    clean(board_of(folder).folder)
    kept = resumed(store_of(folder))[-1]["body"]["remembered"]
    assert [len(kept[kind]) for kind in ("learning", "debt", "backlog")] == [3, 1, 1]


def _left(folder: str) -> list[str]:
    entries = board_of(folder).load()["entries"]
    return [entry["title"] for kind in ("learning", "debt", "backlog") for entry in entries[kind].values()]


def _nothing(folder: str) -> None:
    del folder


SCENARIOS = {
    "append": Scenario(_prepare_run, append, _check_append),
    "start": Scenario(_nothing, _start, _check_start),
    "approve": Scenario(_prepare_gate, _approve, _check_approve),
    "accept": Scenario(_prepare_result, _accept, _check_accept),
    "repair": Scenario(_prepare_damaged, _repair, _check_repair),
    "repair-cut": Scenario(_prepare_cut, _repair, _check_repair),
    "rebuild": Scenario(_prepare_broken, _rebuild, _check_rebuild),
    "board": Scenario(_prepare_board, _work, _check_board),
    "remember": Scenario(_prepare_remember, _remember, _check_remember),
    "cli": Scenario(_prepare_cli, _cli, _check_cli),
}


def run(name: str, folder: str, ack: Ack) -> int:
    """Act; the exit code that the command line would have."""
    try:
        SCENARIOS[name].act(folder, ack)
    except (StoreError, OSError) as error:
        print(f"fermata: {error}", file=sys.stderr)
        return int(getattr(error, "exit_code", 6))
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2], lambda word: print(f"ack {word}", flush=True)))
