"""A damaged run is brought back to its last good line: what is kept, what goes, and what cannot be mended."""

from __future__ import annotations

import json
import os
import shutil
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from fermata.core.fold import fold
from fermata.core.position import next_name
from fermata.store import journal
from fermata.store import repair as module
from fermata.store.errors import Conflict, Damaged, LockTimeout, StoreError
from fermata.store.lock import locked
from fermata.store.repair import examine, repair
from tests.store.oracles import clean, sound
from tests.store.runs import accepted, approve, ask_approval, bound, dispatch, make_run, note, plan_done, started, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fermata.core.records import Event
    from fermata.store.repair import Damage
    from fermata.store.run_store import RunStore

LINES = 20


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    """Twenty lines: planned (5), asked (7), approved (8), building (11), nine repairs."""
    store = make_run(tmp_path_factory.mktemp("original"))
    plan_done(store)
    approve(store, ask_approval(store))
    write(store, dispatch("d-002", "steps.0/build", "write"), started("d-002", "toolu_2"), bound("d-002", "agent2"))
    for n in range(9):
        write(store, ("result_rejected", {"id": "d-002", "error": f"no. {n}", "repair": n}))
    for name in ("d-001", "d-002"):
        write_file(store.path("briefs", f"{name}.md"), b"brief")
    assert len(sound(store)) == LINES
    return store


@pytest.fixture
def store(original: RunStore, tmp_path: Path) -> RunStore:
    return copy_of(original, tmp_path)


def copy_of(store: RunStore, folder: Path) -> RunStore:
    target = folder / os.path.basename(store.folder)
    shutil.copytree(store.folder, target)
    return type(store)(str(target))


def read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def write_file(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def change_lines(store: RunStore, change: Callable[[list[bytes]], list[bytes]]) -> None:
    write_file(store.journal, b"".join(change(read_file(store.journal).splitlines(keepends=True))))


def broken(line: int) -> Callable[[list[bytes]], list[bytes]]:
    """Line *line* with another time in it."""
    return lambda lines: [*lines[: line - 1], lines[line - 1].replace(b'"ts":"2', b'"ts":"1'), *lines[line:]]


def damage_of(store: RunStore) -> Damage:
    found = examine(store)
    assert found is not None
    return found


def mend(store: RunStore) -> list[Event]:
    """Repair what is damaged, hold it to every oracle, and give the events."""
    repair(store, damage_of(store))
    assert examine(store) is None
    return sound(store)


def forged(lines: list[bytes], kind: str, body: dict[str, object]) -> list[bytes]:
    """*lines* and one more, well chained."""
    last = json.loads(lines[-1])
    _, line = journal.chain([(kind, body)], last["seq"], last["hash"], "2026-01-02T03:04:05Z", "other")
    return [*lines, line]


# --- what is damaged, and how far the good lines go ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "stays", "last", "reason"),
    [
        pytest.param(broken(7), 6, 20, "line 7 is not as fermata wrote it", id="a-middle-line-changed"),
        pytest.param(broken(20), 19, 20, "line 20 is not as", id="the-last-line-changed"),
        pytest.param(lambda ls: ls[:6] + ls[7:], 6, 20, "line 7 is not as", id="a-middle-line-removed"),
        pytest.param(lambda ls: ls[:-3], 17, 20, "the journal ends with line 17; state.json was", id="the-end-cut"),
        pytest.param(lambda ls: [*ls[:-1], ls[-1][:30]], 19, 20, "the journal ends with line 19", id="cut-in-a-line"),
        pytest.param(lambda ls: [*ls[:-1], ls[-1][:-1]], 19, 20, "the journal ends with line 19", id="last-byte-cut"),
        pytest.param(lambda ls: [*ls, b"{}\n"], 20, 21, "line 21 is not as", id="a-foreign-line-added"),
        pytest.param(lambda ls: [*ls, b"{}\n", b"x"], 20, 22, "line 21 is not as", id="a-foreign-line-and-a-half"),
        pytest.param(
            lambda ls: forged(ls, "dispatch_failed", {"id": "d-9", "reason": ""}),
            20,
            21,
            "line 21 (dispatch_failed) does not fit",
            id="a-chained-line-that-does-not-fit",
        ),
        pytest.param(lambda ls: [*ls[:9], b"\xff\xfe\0" * 90 + b"\n"], 9, 20, "line 10 is not as", id="bytes"),
        pytest.param(lambda ls: [b"\xef\xbb\xbf".join(ls[:2]), *ls[2:]], 1, 20, "line 2 is not as", id="a-bom"),
        pytest.param(lambda ls: [ls[0], *(line[:-1] + b"\r\n" for line in ls[1:])], 1, 20, "line 2 is", id="crlf"),
    ],
)
def test_the_run_goes_on_from_its_last_good_line(
    store: RunStore, change: Callable[[list[bytes]], list[bytes]], stays: int, last: int, reason: str
) -> None:
    """K-C01 to K-C04, K-C11."""
    before = store.events()
    change_lines(store, change)
    bad, state = read_file(store.journal), read_file(store.state)
    found = damage_of(store)
    assert (found.seq, found.last) == (stays, last)
    assert found.reason.startswith(reason)
    assert read_file(store.journal) == bad
    events = mend(store)
    assert events[:-1] == before[:stays]
    told = events[-1]
    assert (told["type"], told["actor"]) == ("repaired", "human")
    assert (told["body"]["first"], told["body"]["last"], told["body"]["reason"]) == (stays + 1, last, found.reason)
    assert read_file(store.path(told["body"]["copy"])) == bad
    (kept,) = [name for name in os.listdir(store.folder) if name.startswith("state.json.damaged-")]
    assert read_file(store.path(kept)) == state
    assert os.stat(store.path(kept)).st_mode & 0o077 == 0
    write(store, ("run_stopped", {}))
    sound(store)


def _nothing(store: RunStore) -> None:
    del store


def _torn(store: RunStore) -> None:
    write_file(store.journal, read_file(store.journal) + b'{"seq":21,"pre')


def _behind(store: RunStore) -> None:
    old = read_file(store.state)
    note(store, "one more")
    write_file(store.state, old)


def _newer_fields(store: RunStore) -> None:
    state = json.loads(read_file(store.state))
    state["run"]["moon"] = "full"
    write_file(store.state, json.dumps({**state, "host": "b"}).encode())


def _other_format(store: RunStore) -> None:
    write_file(store.state, b'{"format":2,"journal":"elsewhere"}')


@pytest.mark.parametrize(
    "change", [_nothing, _torn, _behind, _newer_fields, _other_format, lambda s: os.unlink(s.state)]
)
def test_what_every_reader_copes_with_is_no_damage(store: RunStore, change: Callable[[RunStore], None]) -> None:
    """K-A09, K-C14: a torn tail, a state that is missing, behind, or has fields of a newer fermata."""
    change(store)
    before = {name: read_file(store.path(name)) for name in os.listdir(store.folder) if name.startswith("j")}
    assert examine(store) is None
    assert {name: read_file(store.path(name)) for name in os.listdir(store.folder) if name.startswith("j")} == before


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "state.json is not JSON", id="empty"),
        pytest.param(b"\0" * 500, "state.json is not JSON", id="nul"),
        pytest.param(b"[" * 100_000, "state.json is not JSON", id="deep"),
        pytest.param(b'{"format":1,"run":{}}', "state.json lacks", id="without-its-place"),
        pytest.param(b"[]", "state.json lacks", id="a-list"),
    ],
)
def test_a_broken_state_is_made_anew_and_nothing_goes(store: RunStore, data: bytes, reason: str) -> None:
    """K-A10."""
    events = store.events()
    write_file(store.state, data)
    found = damage_of(store)
    assert (found.seq, found.last) == (LINES, LINES)
    assert found.reason.startswith(reason)
    (copy,) = repair(store, found).copies
    assert read_file(store.path(copy)) == data
    assert sound(store) == events


def test_a_state_that_says_other_things_than_the_journal_is_made_anew(store: RunStore) -> None:
    state = json.loads(read_file(store.state))
    state["run"]["limits"]["dispatches"] = 1_000_000
    write_file(store.state, json.dumps(state).encode())
    assert "does not say what the journal says" in damage_of(store).reason
    events = mend(store)
    assert len(events) == LINES
    assert store.load()["limits"]["dispatches"] == 50


# --- what cannot be repaired --------------------------------------------------------------------------------------------


def _rewritten(store: RunStore) -> None:
    """The whole chain anew, with another goal: each line fits the one before."""
    events = store.events()
    events[0]["body"]["goal"] = "Something else"
    bodies = [(event["type"], event["body"]) for event in events]
    _, lines = journal.chain(bodies, 0, journal.GENESIS, events[0]["ts"], "test")
    write_file(store.journal, lines)


def _rewritten_and_broken(store: RunStore) -> None:
    _rewritten(store)
    write_file(store.journal, read_file(store.journal) + b"rubbish\n")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda s: os.unlink(s.journal), r"is gone.*`fermata show state --run", id="journal-gone"),
        pytest.param(lambda s: write_file(s.journal, b""), r"no good line.*show state.*/build", id="journal-empty"),
        pytest.param(lambda s: change_lines(s, broken(1)), r"no good line.*/build", id="first-line-damaged"),
        pytest.param(_rewritten, r"whole in itself, but it is not the one.*move state.json away", id="rewritten"),
        pytest.param(_rewritten_and_broken, r"is not the one that", id="rewritten-and-broken-behind"),
        pytest.param(
            lambda s: change_lines(s, lambda ls: forged(ls, "moon_phase_recorded", {})),
            r'line 21 \("moon_phase_recorded"\) has an unknown type; a newer fermata wrote it. Update fermata',
            id="from-a-newer-format",
        ),
    ],
)
def test_what_cannot_be_repaired_is_said_and_left_alone(
    store: RunStore, change: Callable[[RunStore], None], says: str
) -> None:
    """K-A11, K-C05, K-C07."""
    change(store)
    before = {name: os.path.getsize(store.path(name)) for name in os.listdir(store.folder)}
    state = read_file(store.state)
    with pytest.raises(Damaged, match=says):
        examine(store)
    assert {name: os.path.getsize(store.path(name)) for name in os.listdir(store.folder)} == before
    assert read_file(store.state) == state


def test_a_journal_that_its_owner_put_back_can_be_trusted_by_hand(store: RunStore) -> None:
    """What the message about a replaced journal says works."""
    _rewritten(store)
    os.rename(store.state, store.path("my-state.json"))
    store.rebuild()
    assert store.load()["goal"] == "Something else"
    assert examine(store) is None


# --- whoever comes between -----------------------------------------------------------------------------------------------


def test_what_changed_since_it_was_shown_is_not_cut(store: RunStore) -> None:
    change_lines(store, broken(7))
    found = damage_of(store)
    change_lines(store, broken(5))
    before = read_file(store.journal)
    with pytest.raises(Conflict, match="has changed since"):
        repair(store, found)
    assert read_file(store.journal) == before


def test_the_lock_is_respected(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    change_lines(store, broken(7))
    monkeypatch.setattr(module, "locked", lambda path: locked(path, 0.02))
    with locked(store.path("lock")), pytest.raises(LockTimeout):
        repair(store, damage_of(store))


@pytest.mark.parametrize("kind", ["journal", "state", "folder", "hardlink"])
def test_a_second_name_is_refused(store: RunStore, tmp_path: Path, kind: str) -> None:
    """K-C09."""
    change_lines(store, broken(7))
    found = damage_of(store)
    if kind == "hardlink":
        os.link(store.journal, tmp_path / "other")
    else:
        path = getattr(store, kind)
        os.rename(path, tmp_path / "other")
        os.symlink(tmp_path / "other", path)
    before = read_file(store.journal)
    with pytest.raises(StoreError, match="link"):
        repair(store, found)
    assert read_file(store.journal) == before


# --- copies, names, twice ------------------------------------------------------------------------------------------------


def copies(store: RunStore) -> list[str]:
    return sorted(name for name in os.listdir(store.folder) if ".damaged-" in name)


def test_copies_are_never_written_over(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "strftime", lambda *_: "20260102T030405Z")
    contents = []
    for line in (15, 10, 8):
        change_lines(store, broken(line))
        contents.append(read_file(store.journal))
        mend(store)
    names = [name for name in copies(store) if name.startswith("journal")]
    assert names == [f"journal.jsonl.damaged-20260102T030405Z{end}" for end in ("", "-2", "-3")]
    assert [read_file(store.path(name)) for name in names] == contents
    assert [r["copy"] for r in store.load()["repairs"]] == names[2:]  # the earlier ones' lines were cut in their turn


def test_leftovers_of_earlier_crashes_go(store: RunStore) -> None:
    """K-A12."""
    for n in range(100):
        write_file(store.path(f"journal.jsonl.{n}.abcd.tmp"), b"x")
    change_lines(store, broken(7))
    mend(store)
    clean(store.folder)


def test_names_that_the_lost_lines_had_used_are_not_given_again(store: RunStore) -> None:
    for name in (
        "briefs/d-003.md",
        "results/d-004-0.json",
        "checks/c-002.lock",
        "checks/c-001.json",
        "checks/x-900.log",
    ):
        write_file(store.path(name), b"{}")
    change_lines(store, broken(7))
    mend(store)
    run = store.load()
    assert (next_name(run, "dispatches"), next_name(run, "checks")) == ("d-005", "c-003")


def test_an_approval_that_went_is_gone_and_one_that_stays_keeps_its_line(store: RunStore, tmp_path: Path) -> None:
    other = copy_of(store, tmp_path / "other")
    (event,) = [e for e in store.events() if e["type"] == "decision_made"]
    change_lines(store, broken(event["seq"]))
    mend(store)
    assert store.load()["approved"] is None
    assert store.load()["gate"] is not None
    change_lines(other, broken(event["seq"] + 1))
    mend(other)
    approved = other.load()["approved"]
    assert approved is not None
    assert (approved.get("seq"), approved.get("hash")) == (event["seq"], event["hash"])


def test_a_repair_can_be_repaired(store: RunStore) -> None:
    change_lines(store, broken(15))
    mend(store)
    note(store, "on")
    change_lines(store, broken(16))
    events = mend(store)
    assert [event["type"] for event in events[-2:]] == ["repaired", "repaired"]
    assert [(r["first"], r["last"]) for r in store.load()["repairs"]] == [(15, 20), (16, 16)]


# --- every byte ----------------------------------------------------------------------------------------------------------


def changed_bytes(size: int, step: int) -> Iterator[tuple[int, int]]:
    for offset in range(0, size, step):
        for bit in (0x01, 0x80):
            yield offset, bit


def hold_to_the_promise(store: RunStore, before: list[Event], where: str) -> None:
    """A repaired run verifies, and is a beginning of the original with one line that tells of the repair."""
    try:
        found = examine(store)
    except Damaged:
        assert before[0] not in store_events(store), where
        return
    if found is None:
        assert store.events() == before, where
        return
    repair(store, found)
    events = sound(store)
    assert events[:-1] == before[: len(events) - 1], where
    assert events[-1]["type"] == "repaired", where
    assert store.load() == fold(events), where


def store_events(store: RunStore) -> list[Event]:
    """The good lines there are."""
    found = []
    try:
        for event, _ in journal.read_tail(store.journal):
            found.append(event)
    except Damaged:
        pass
    return found


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(67, id="a-sample"),
        pytest.param(1, id="every-byte", marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
)
def test_whatever_byte_was_changed_the_repaired_run_is_a_beginning_of_the_original(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """K-C01, with and without the state that the journal had made."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    before, data, state = store.events(), read_file(store.journal), read_file(store.state)
    assert [event["seq"] for event in before] == list(range(1, LINES + 1))
    assert all(one["hash"] == two["prev"] for one, two in pairwise(before))
    tried = 0
    for offset, bit in changed_bytes(len(data), step):
        for kept in (state, None):
            for name in copies(store):
                os.unlink(store.path(name))
            write_file(store.journal, data[:offset] + bytes([data[offset] ^ bit]) + data[offset + 1 :])
            if kept:
                write_file(store.state, kept)
            elif os.path.exists(store.state):
                os.unlink(store.state)
            hold_to_the_promise(store, before if kept or offset < len(data) - 1 else before[:-1], f"{offset} {bit:#x}")
            tried += 1
    assert tried > 400


def test_a_result_that_was_lost_can_be_accepted_again(store: RunStore) -> None:
    write(store, accepted("d-002"))
    change_lines(store, broken(LINES + 1))
    mend(store)
    assert store.load()["dispatches"]["d-002"]["state"] == "running"
    write(store, accepted("d-002"))
    assert store.load()["dispatches"]["d-002"]["state"] == "completed"
