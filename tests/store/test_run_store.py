from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from fermata.core.fold import fold
from fermata.core.fold_error import FoldError
from fermata.store import run_store as module
from fermata.store.errors import Damaged, LockTimeout, StoreError
from fermata.store.lock import locked
from fermata.store.run_store import RunStore
from tests.store.oracles import sound
from tests.store.runs import (
    RUN,
    approve,
    ask_approval,
    bound,
    created_body,
    dispatch,
    make_run,
    note,
    plan_done,
    started,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fermata.core.records import Event, Snapshot


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    store = make_run(tmp_path)
    write(store, dispatch("d-001", "plan", "read"), started("d-001"), bound("d-001"))
    return store


def change_state(store: RunStore, change: Callable[[Snapshot], object]) -> None:
    with open(store.state, encoding="utf-8") as file:
        found = json.load(file)
    change(found)
    with open(store.state, "w", encoding="utf-8") as file:
        json.dump(found, file)


def cut_lines(store: RunStore, count: int) -> None:
    with open(store.journal, "rb") as file:
        lines = file.readlines()
    with open(store.journal, "wb") as file:
        file.writelines(lines[:-count])


def test_the_state_is_the_fold_of_the_journal(store: RunStore) -> None:
    for n in range(5):
        note(store, f"e{n}")
    events = sound(store)
    assert [event["seq"] for event in events] == list(range(1, 10))
    assert store.load() == fold(events)


def test_a_new_run_has_its_folders_and_nobody_else_may_read_them(store: RunStore) -> None:
    for name in ("", "briefs", "results", "artifacts", "checks"):
        assert os.stat(store.path(name)).st_mode & 0o077 == 0
    for name in (store.journal, store.state):
        assert os.stat(name).st_mode & 0o077 == 0


def test_no_news_changes_nothing(store: RunStore) -> None:
    before = os.path.getsize(store.journal), os.stat(store.state).st_ino
    run = store.transact("test", lambda _: [])
    assert run["run"] == RUN
    assert (os.path.getsize(store.journal), os.stat(store.state).st_ino) == before


def test_no_news_about_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match="holds no run"):
        RunStore(str(tmp_path / "none")).transact("test", lambda _: [])
    with pytest.raises(Damaged, match="holds no run"):
        RunStore(str(tmp_path / "none")).load()


def test_an_error_of_the_decision_leaves_everything(store: RunStore) -> None:
    before = os.path.getsize(store.journal)

    def decide(_: object) -> list[tuple[str, dict[str, object]]]:
        raise StoreError("no")

    with pytest.raises(StoreError, match="no"):
        store.transact("test", decide)
    assert os.path.getsize(store.journal) == before
    sound(store)


def test_an_event_that_does_not_fit_is_never_written(store: RunStore) -> None:
    before = os.path.getsize(store.journal)
    with pytest.raises(FoldError):
        write(store, ("dispatch_failed", {"id": "d-999", "reason": "none"}))
    assert os.path.getsize(store.journal) == before
    sound(store)


def test_the_lock_is_waited_for_no_longer_than_asked(store: RunStore) -> None:
    with locked(store.path("lock")), pytest.raises(LockTimeout):
        store.transact("test", lambda _: [("run_stopped", {})], 0.02)


def test_readers_take_no_lock(store: RunStore) -> None:
    with locked(store.path("lock")):
        assert store.load()["run"] == RUN
        assert len(store.events()) == 4


def _delete(path: str) -> None:
    os.unlink(path)


def _truncate(path: str) -> None:
    os.truncate(path, 0)


def _halve(path: str) -> None:
    os.truncate(path, os.path.getsize(path) // 2)


def _fill_with_nul(path: str) -> None:
    size = os.path.getsize(path)
    with open(path, "wb") as file:
        file.write(b"\0" * size)


def _keep_only(*keys: str) -> Callable[[str], None]:
    def change(path: str) -> None:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        with open(path, "w", encoding="utf-8") as file:
            json.dump({key: found[key] for key in keys}, file)

    return change


BREAKS = [
    pytest.param(_delete, False, id="deleted"),
    pytest.param(_truncate, True, id="empty"),
    pytest.param(_halve, True, id="half"),
    pytest.param(_fill_with_nul, True, id="nul"),
    pytest.param(_keep_only("format", "run"), True, id="without-its-place-in-the-journal"),
    pytest.param(_keep_only("format", "seq", "head", "bytes"), True, id="without-the-run"),
]


@pytest.mark.parametrize(("damage", "kept"), BREAKS)
@pytest.mark.parametrize("mend", ["read", "write", "rebuild"])
def test_a_broken_state_is_rebuilt_from_the_journal(
    store: RunStore, damage: Callable[[str], None], kept: bool, mend: str
) -> None:
    """K-A09, K-A10."""
    note(store, "kept")
    before = store.load()
    damage(store.state)
    if mend == "read":
        assert store.load() == before
        return
    if mend == "write":
        note(store, "more")
    else:
        fresh = store.rebuild()
        assert fresh is not None
        assert fresh["run"] == before
    sound(store)
    assert os.path.exists(store.state + ".bad") == kept


def test_a_state_behind_the_journal_is_caught_up(store: RunStore) -> None:
    shutil.copy(store.state, store.state + ".old")
    note(store, "one")
    note(store, "two")
    os.replace(store.state + ".old", store.state)
    assert store.load()["dispatches"]["d-001"]["repairs"] == 2
    note(store, "three")
    assert [e["body"].get("error") for e in sound(store)][-3:] == ["one", "two", "three"]


@pytest.mark.parametrize(
    "lose",
    [
        pytest.param(lambda s: os.unlink(s.journal), id="deleted"),
        pytest.param(lambda s: os.truncate(s.journal, 0), id="emptied"),
        pytest.param(lambda s: cut_lines(s, 3), id="last-three-lines-removed"),
        pytest.param(lambda s: os.truncate(s.journal, os.path.getsize(s.journal) - 1), id="last-byte-removed"),
    ],
)
@pytest.mark.parametrize("by", ["load", "write", "rebuild"])
def test_a_journal_that_lost_lines_stops_everything(store: RunStore, lose: Callable[[RunStore], None], by: str) -> None:
    """K-A11, K-C03: also `rebuild`, or the loss would be made whole."""
    note(store, "kept")
    lose(store)
    act = {"load": store.load, "write": lambda: note(store, "more"), "rebuild": store.rebuild}[by]
    state = open_bytes(store.state)
    with pytest.raises(Damaged, match="journal"):
        act()
    assert store.exists()
    assert open_bytes(store.state) == state


def open_bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


@pytest.mark.parametrize("byte", [b" ", b"x", b"\r"])
def test_the_last_line_without_its_newline_is_not_dropped_when_it_was_acknowledged(
    store: RunStore, byte: bytes
) -> None:
    note(store, "kept")
    with open(store.journal, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(byte)
    before = open_bytes(store.journal)
    with pytest.raises(Damaged, match="not the journal"):
        store.rebuild()
    assert open_bytes(store.journal) == before


def test_a_journal_rewritten_as_a_whole_is_not_taken_for_the_old_one(store: RunStore, tmp_path: Path) -> None:
    """K-C05: its own chain verifies, but the state was made from another."""
    other = make_run(tmp_path / "other", goal="Another thing altogether, of another length")
    write(other, dispatch("d-001", "plan", "read"), started("d-001"), bound("d-001"))
    for n in range(6):
        note(other, f"forged {n}")
    shutil.copy(other.journal, store.journal)
    for act in (store.load, store.rebuild, lambda: note(store, "more")):
        with pytest.raises(Damaged):
            act()


def test_a_torn_tail_is_set_aside_by_the_next_writer(store: RunStore) -> None:
    with open(store.journal, "ab") as file:
        file.write(b'{"seq":5,"pre')
    assert len(store.events()) == 4
    note(store, "next")
    assert len(sound(store)) == 5
    assert [n for n in os.listdir(store.folder) if n.endswith(".torn")]


def test_a_run_whose_very_first_line_is_torn_can_still_be_opened(tmp_path: Path) -> None:
    store = RunStore(str(tmp_path / RUN))
    os.mkdir(store.folder)
    with open(store.journal, "wb") as file:
        file.write(b'{"seq":1,')
    assert not store.exists()
    write(store, ("run_created", created_body()))
    assert len(sound(store)) == 1
    assert os.path.isdir(store.path("briefs"))


def test_a_folder_made_half_way_is_completed(tmp_path: Path) -> None:
    store = RunStore(str(tmp_path / RUN))
    os.makedirs(store.path("briefs"))
    write(store, ("run_created", created_body()))
    assert os.path.isdir(store.path("artifacts"))


def test_what_a_newer_fermata_wrote_is_left_as_it_is(store: RunStore) -> None:
    """K-C07."""
    append_event(store, "moon_phase_recorded", {"phase": "full"})
    before = open_bytes(store.journal), open_bytes(store.state)
    for act in (store.load, store.rebuild, lambda: note(store, "more")):
        with pytest.raises(Damaged, match="newer fermata"):
            act()
    assert (open_bytes(store.journal), open_bytes(store.state)) == before


def append_event(store: RunStore, kind: str, body: dict[str, object]) -> Event:
    """A well chained line, as a newer version or a patient forger would write it."""
    from fermata.store import journal

    last = store.events()[-1]
    (event,), line = journal.chain([(kind, body)], last["seq"], last["hash"], "2026-01-02T03:04:05Z", "newer")
    journal.append(store.journal, line, os.path.getsize(store.journal)).sync()
    return event


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param("dispatch_failed", {"id": "d-999", "reason": ""}, id="of-an-unknown-dispatch"),
        pytest.param("dispatch_failed", {}, id="without-its-fields"),
        pytest.param("lease_taken", {"session": "s"}, id="half-a-lease"),
        pytest.param("check_finished", {"id": None}, id="of-no-check"),
    ],
)
def test_a_chained_line_that_does_not_fit_is_damage_and_no_traceback(
    store: RunStore, kind: str, body: dict[str, object]
) -> None:
    append_event(store, kind, body)
    for act in (store.load, store.rebuild):
        with pytest.raises(Damaged, match="line 5"):
            act()


def test_a_state_of_another_format_is_read_from_the_journal(store: RunStore) -> None:
    before = store.load()
    change_state(store, lambda s: s.update({"format": 2}))
    assert store.load() == before


def test_temporary_files_of_earlier_crashes_go_with_the_next_mend(store: RunStore) -> None:
    """K-A12."""
    for n in range(100):
        with open(f"{store.state}.{n}.abcd.tmp", "w", encoding="utf-8") as file:
            file.write('{"format":1,"run":{')
    os.unlink(store.state)
    note(store, "next")
    sound(store)


def test_a_cache_that_cannot_be_written_loses_nothing(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_json", full)
    note(store, "kept")
    monkeypatch.undo()
    assert store.load()["dispatches"]["d-001"]["repairs"] == 1
    note(store, "next")
    sound(store)


def test_an_unsynced_line_is_an_error_and_the_retry_sees_it(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """K-A07, K-A16: the outcome is open when the sync fails; the next reader decides, and nothing is there twice."""
    calls = []

    def fail_once(handle: int) -> None:
        calls.append(handle)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail_once)
    with pytest.raises(OSError, match="Input/output"):
        store.transact("test", lambda run: [("run_stopped", {})] if run and run["status"] != "stopped" else [])
    assert len(calls) == 1, "a second sync proves nothing about the first"
    monkeypatch.undo()
    store.transact("test", lambda run: [("run_stopped", {})] if run and run["status"] != "stopped" else [])
    events = sound(store)
    assert [event["type"] for event in events].count("run_stopped") == 1


def test_the_disk_is_waited_for_outside_the_lock_and_before_anything_is_acknowledged(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    sync = os.fsync

    def meanwhile(handle: int) -> None:
        with locked(store.path("lock"), 0):
            seen.append(store.load()["dispatches"]["d-001"]["repairs"])
        sync(handle)

    monkeypatch.setattr(os, "fsync", meanwhile)
    run = note(store, "first")
    assert (seen, run["dispatches"]["d-001"]["repairs"]) == ([1], 1)
    sound(store)


class _Waited(locked):
    def __enter__(self) -> bool:
        super().__enter__()
        return True


def test_while_many_write_a_lagging_cache_is_no_crash_and_its_writer_is_left_alone(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A temporary file of another writer's is swept only where nobody else is at work."""
    with open(store.state, "rb") as file:
        lagging = file.read()
    temporary = store.state + ".1.tmp"
    for kind, left in ((_Waited, True), (locked, False)):
        monkeypatch.setattr(module, "locked", kind)
        note(store, "ahead")
        for path in (store.state, temporary):
            with open(path, "wb") as file:
                file.write(lagging)
        note(store, "next")
        assert os.path.exists(temporary) is left
    sound(store)


def test_a_run_folder_that_is_a_link_is_not_written(store: RunStore, tmp_path: Path) -> None:
    """K-C09."""
    os.rename(store.folder, tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", store.folder)
    with pytest.raises(StoreError, match="symbolic link"):
        note(store, "no")


def test_an_approval_keeps_its_journal_line(tmp_path: Path) -> None:
    store = make_run(tmp_path)
    plan_done(store)
    digest = ask_approval(store)
    run = approve(store, digest)
    event = store.events()[-1]
    assert run["approved"] is not None
    assert (run["approved"].get("seq"), run["approved"].get("hash")) == (event["seq"], event["hash"])
    assert sound(store)
