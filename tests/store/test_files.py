from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

import pytest

from fermata.store import files
from fermata.store.errors import Damaged, StoreError
from fermata.store.files import read_json, remove_leftovers, safe_name, write_json, write_text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("..", id="parent"),
        pytest.param("../x", id="escapes"),
        pytest.param("a/b", id="folder"),
        pytest.param("/etc", id="absolute"),
        pytest.param("-rf", id="option"),
        pytest.param(".hidden", id="hidden"),
        pytest.param("a\n", id="newline-at-the-end"),
        pytest.param("a\0", id="nul"),
        pytest.param("A", id="upper-case"),
        pytest.param("a.", id="dot-at-the-end"),
        pytest.param("ä", id="not-ascii"),
        pytest.param("a" * 65, id="too-long"),
        pytest.param("a\\b", id="backslash"),
        pytest.param("a b", id="blank"),
    ],
)
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(StoreError, match="not a usable name"):
        safe_name(name)


@pytest.mark.parametrize("name", ["a", "orch_20260102_030405_0a1b", "a.b", "a" * 64])
def test_a_usable_name_stays_as_it_is(name: str) -> None:
    assert safe_name(name) == name


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = str(tmp_path / "f.json")
    write_json(path, {"a": 1}, sync=True)
    write_json(path, {"a": "ü"})
    assert read_json(path) == {"a": "ü"}
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert os.listdir(tmp_path) == ["f.json"]


@pytest.mark.parametrize("broken", ["write", "fsync", "replace", "sync_folder"])
def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    path = str(tmp_path / "f.json")
    write_json(path, {"old": 1})

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    if broken == "write":
        monkeypatch.setattr(os, "open", fail)
    elif broken == "sync_folder":
        monkeypatch.setattr(files, "sync_folder", fail)
    else:
        monkeypatch.setattr(os, broken, fail)
    with pytest.raises(OSError, match="No space"):
        write_json(path, {"new": 2}, sync=True)
    monkeypatch.undo()
    # After the rename the outcome is not known to the caller: the new file is there, and whole.
    assert read_json(path) == ({"new": 2} if broken == "sync_folder" else {"old": 1})
    assert os.listdir(tmp_path) == ["f.json"]


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1, 2}, "\ud800"], ids=["nan", "inf", "set", "surrogate"]
)
def test_what_json_cannot_say_is_refused_and_the_old_file_stays(tmp_path: Path, value: object) -> None:
    path = str(tmp_path / "f.json")
    write_json(path, 1)
    with pytest.raises((ValueError, TypeError)):
        write_json(path, [value])
    assert read_json(path) == 1
    assert os.listdir(tmp_path) == ["f.json"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 40, id="nul"),
        pytest.param(b'{"a":', id="half"),
        pytest.param(b"\xff\xfe\xfa", id="not-utf-8"),
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_a_file_that_is_not_json_is_damage(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "f").write_bytes(data)
    with pytest.raises(Damaged, match="is not JSON"):
        read_json(str(tmp_path / "f"))


def test_a_huge_file_is_refused_by_its_size(tmp_path: Path) -> None:
    with open(tmp_path / "f", "wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(Damaged, match="more than"):
        read_json(str(tmp_path / "f"))


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert read_json(str(tmp_path / "f")) is None


def test_only_old_temporary_files_are_removed(tmp_path: Path) -> None:
    now = time.time()
    for name, age in (("old.tmp", 100), ("young.tmp", 10), ("old.json", 100)):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (now - age, now - age))
    (tmp_path / "a.tmp").mkdir()
    os.symlink("old.json", tmp_path / "link.tmp")
    remove_leftovers(str(tmp_path), 60, now)
    assert sorted(os.listdir(tmp_path)) == ["a.tmp", "link.tmp", "old.json", "young.tmp"]
    remove_leftovers(str(tmp_path / "gone"), 60, now)


def test_text_is_written_with_its_own_line_ends(tmp_path: Path) -> None:
    write_text(str(tmp_path / "f"), "a\r\nb\n")
    assert (tmp_path / "f").read_bytes() == b"a\r\nb\n"
