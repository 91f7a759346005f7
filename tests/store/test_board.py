from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from fermata.core import board_rules as rules
from fermata.core.board import fold
from fermata.core.board_texts import BoardError
from fermata.core.fold_error import FoldError
from fermata.store import board as module
from fermata.store import journal, run_store
from fermata.store.board import BoardStore
from fermata.store.errors import Damaged, LockTimeout
from fermata.store.files import read_json
from fermata.store.lock import locked
from fermata.store.project import Project
from tests.store.oracles import clean, folded, whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fermata.core.board_records import Board, Json
    from fermata.core.board_rules import News
    from fermata.core.records import Event


@pytest.fixture
def store(tmp_path: Path) -> BoardStore:
    project = Project(str(tmp_path))
    project.prepare()
    return project.board()


def again(store: BoardStore) -> BoardStore:
    """The same board as another process sees it."""
    return BoardStore(store.folder)


def add(store: BoardStore, title: str = "Do it", **names: object) -> str:
    return str(store.act("test", lambda board: rules.add_task(board, title, **names))[0][1]["id"])  # type: ignore[arg-type]


def sound(store: BoardStore) -> list[Event]:
    whole(store)
    events = folded(again(store), fold)
    folded(store, fold)
    clean(store.folder)
    return events


def test_no_board_is_an_empty_one_and_reading_makes_nothing(store: BoardStore) -> None:
    assert store.load()["tasks"] == {}
    assert store.events() == []
    assert not os.path.exists(store.folder)


def test_it_lies_beside_the_runs_and_nobody_else_may_read_it(store: BoardStore) -> None:
    add(store)
    assert os.listdir(os.path.dirname(store.folder)).count("board") == 1
    for name in (store.folder, store.journal, store.state):
        assert os.stat(name).st_mode & 0o077 == 0


def test_the_board_is_the_fold_of_its_journal(store: BoardStore) -> None:
    for n in range(5):
        add(store, f"task {n}")
    assert len(sound(store)) == 5
    assert list(store.load()["tasks"]) == [f"t-00000{n}" for n in range(1, 6)]


def test_two_stores_see_each_other_s_news(store: BoardStore) -> None:
    other = again(store)
    assert [add(store), add(other), add(store)] == ["t-000001", "t-000002", "t-000003"]
    assert list(other.load()["tasks"]) == list(store.load()["tasks"])


def test_texts_are_found_again(store: BoardStore) -> None:
    name = add(store, description="long\nand longer", scope=["src/**"], acceptance=["works"])
    store.act("test", lambda board: rules.change_task(board, name, {"description": "short"}))
    store.act("test", lambda board: rules.write_note(board, name, "plan", "plan", "first this"))
    board = again(store).load()
    found = store.details(*board["tasks"][name]["lines"])
    assert found == {"description": "short", "scope": ["src/**"], "acceptance": ["works"]}
    assert store.details(board["notes"][name]["plan"]["line"]) == {"text": "first this"}


def test_a_text_that_was_changed_on_disk_is_not_shown(store: BoardStore) -> None:
    name = add(store, description="as it was")
    with open(store.journal, "r+b") as file:
        data = file.read().replace(b"as it was", b"as it is!")
        file.seek(0)
        file.write(data)
    with pytest.raises(Damaged, match="line 1 is damaged"):
        store.details(*store.load()["tasks"][name]["lines"])


def test_a_refused_rule_changes_nothing(store: BoardStore) -> None:
    add(store)
    before = os.path.getsize(store.journal)
    with pytest.raises(BoardError):
        add(store, "")
    assert os.path.getsize(store.journal) == before
    sound(store)


def test_no_news_is_no_error(store: BoardStore) -> None:
    assert store.act("test", lambda board: rules.claim_task(board, "w", "9", "0")) == []


def test_a_store_that_failed_half_way_forgets_what_it_had(store: BoardStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fold changes the board in memory; neither an event that does not fit nor a full disk may leave it so."""
    add(store)

    def half(_: Board) -> News:
        return [("task_claimed", {"id": "t-000001", "by": "w", "until": "9"}), ("task_released", {"id": "t-000009"})]

    with pytest.raises(FoldError):
        store.act("test", half)
    assert store.load()["tasks"]["t-000001"]["status"] == "TODO"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fermata.store.run_store.journal.append", full)
    with pytest.raises(OSError, match="No space"):
        store.act("test", lambda board: rules.claim_task(board, "w", "9", "0"))
    monkeypatch.undo()
    assert store.load()["tasks"]["t-000001"]["status"] == "TODO"
    sound(store)


def test_what_could_not_be_read_is_forgotten_too(store: BoardStore) -> None:
    add(store)
    store.load()
    size = os.path.getsize(store.journal)
    last = store.events()[-1]
    body = {"id": "t-000001", "by": "w", "until": "9"}
    _, news = journal.chain([("task_claimed", body), ("moon_phase_recorded", {})], 1, last["hash"], "2026", "newer")
    journal.append(store.journal, news, size).sync()
    with pytest.raises(Damaged, match="newer fermata"):
        store.load()
    os.truncate(store.journal, size)
    assert store.load()["tasks"]["t-000001"]["status"] == "TODO"


def test_the_cache_is_read_once(store: BoardStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a store that has just begun, too, however it begins: reading a large one takes longer than all the rest."""
    add(store)
    other, read = again(store), list[str]()

    def reading(path: str) -> Json:
        read.append(path)
        return read_json(path)

    monkeypatch.setattr(run_store, "read_json", reading)
    other.load()
    add(other)
    add(other)
    other.load()
    assert read == [store.state]
    sound(store)


def test_a_writer_of_the_cache_is_left_alone_by_the_others(store: BoardStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache of a large board lags behind; that is no sign of a crash to be swept up after."""
    monkeypatch.setattr(module, "SMALL", 10)
    for _ in range(40):
        add(store)
    temporary = store.state + ".1.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write("{")
    late = again(store)
    monkeypatch.setattr(late, "snapshot", lambda: None)  # all the news comes between its look and its lock
    add(late)
    assert os.path.exists(temporary)
    os.utime(temporary, (0, 0))
    for _ in range(20):
        add(store)
    assert not os.path.exists(temporary)


def test_a_large_board_is_cached_now_and_then(store: BoardStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SMALL", 4_000)
    written = 0
    for n in range(200):
        before = os.stat(store.state).st_ino if n else 0
        add(store, f"task {n}")
        written += os.stat(store.state).st_ino != before
    assert 20 < written < 60
    with open(store.state, encoding="utf-8") as file:
        cached = json.load(file)["bytes"]
    assert os.path.getsize(store.journal) * 7 / 8 <= cached < os.path.getsize(store.journal)
    sound(store)


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_torn_line_is_set_aside_by_the_next_writer(
    store: BoardStore, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    if size == "large":
        monkeypatch.setattr(module, "SMALL", 10)
    for _ in range(40):
        add(store)
    for who in (store, again(store)):
        with open(store.journal, "ab") as file:
            file.write(b'{"seq":41,"pre')
        add(who)
    assert len(sound(store)) == 42
    assert len(store.torn()) == 2


def _shorten(store: BoardStore) -> None:
    with open(store.journal, "r+b") as file:
        lines = file.readlines()
        file.truncate(len(b"".join(lines[:-2])))


def _change(store: BoardStore) -> None:
    os.unlink(store.state)
    with open(store.journal, "r+b") as file:
        data = file.read().replace(b"Do it", b"Do IT", 1)
        file.seek(0)
        file.write(data)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(_shorten, "is shorter than when it was last written", id="lines-lost"),
        pytest.param(_change, "line 1 is damaged", id="a-line-changed"),
        pytest.param(lambda s: os.unlink(s.journal), "is gone", id="journal-gone"),
    ],
)
def test_a_damaged_journal_stops_the_board_and_says_what_can_be_done(
    store: BoardStore, damage: Callable[[BoardStore], None], says: str
) -> None:
    for _ in range(4):
        add(store)
    damage(store)
    fresh = again(store)
    for act in (fresh.load, fresh.rebuild, lambda: add(fresh)):
        with pytest.raises(Damaged) as error:
            act()
        assert says in str(error.value)
        assert "In a terminal, `fermata repair board` shows what is lost" in str(error.value)
    shutil.move(store.folder, store.folder + ".old")
    assert add(again(store)) == "t-000001"


def test_the_lock_is_waited_for_no_longer_than_asked(store: BoardStore) -> None:
    add(store)
    with locked(store.path("lock")), pytest.raises(LockTimeout):
        store.act("test", lambda board: rules.add_task(board, "x"), 0.02)
    assert store.load()["count"]["task"] == 1


def test_a_claim_is_decided_on_the_board_as_it_is_under_the_lock(
    store: BoardStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another claims after this one has looked and before it has the lock."""
    add(store)
    look = store.snapshot

    def look_and_be_late() -> object:
        found = look()
        again(store).act("other", lambda board: rules.claim_task(board, "other", "9", "0"))
        return found

    monkeypatch.setattr(store, "snapshot", look_and_be_late)
    assert store.act("test", lambda board: rules.claim_task(board, "me", "9", "0")) == []
    monkeypatch.undo()
    assert [event["actor"] for event in sound(store)] == ["test", "other"]
