from __future__ import annotations

import os
import time
from itertools import pairwise
from pathlib import Path

import pytest

from fermata.git import large_files
from fermata.git.repo import GitError
from fermata.git.snapshot import Change, changed_paths, diff_text, large_untracked, take_snapshot
from tests.git.sandbox import Sandbox, make_sandbox


def sparse(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


def stored_bytes(sandbox: Sandbox) -> int:
    return sum(path.stat().st_size for path in (sandbox.root / ".git/objects").rglob("*") if path.is_file())


def test_a_gigabyte_is_neither_read_nor_stored(sandbox: Sandbox) -> None:
    sparse(sandbox.root / "data/model.bin", 1 << 30)
    begin, before = time.monotonic(), stored_bytes(sandbox)
    tree = take_snapshot(sandbox.repo)
    assert time.monotonic() - begin < 2  # reading it takes longer
    assert stored_bytes(sandbox) - before < 2000
    assert "data/model.bin" in sandbox.names(tree)
    text = sandbox.git("show", f"{tree}:data/model.bin")
    assert text.startswith("fermata: a large untracked file, not stored in this snapshot\nsize 1073741824\n")
    assert take_snapshot(sandbox.repo) == tree
    assert large_untracked(sandbox.repo) == [("data/model.bin", 1 << 30)]


def test_a_large_file_is_seen_to_come_change_and_go(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_files, "LARGE", 1000)
    trees = [take_snapshot(sandbox.repo)]
    file = sparse(sandbox.root / 'tab\tand\nline/"q".bin', 5000)
    trees.append(take_snapshot(sandbox.repo))
    times = file.stat()
    with file.open("r+b") as changing:
        changing.write(b"other")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))  # size and time of modification are what they were
    trees.append(take_snapshot(sandbox.repo))
    file.unlink()
    trees.append(take_snapshot(sandbox.repo))
    kinds = [changed_paths(sandbox.repo, a, b) for a, b in pairwise(trees)]
    name = 'tab\tand\nline/"q".bin'
    assert kinds == [[Change(name, "added")], [Change(name, "modified")], [Change(name, "deleted")]]
    assert "not stored in this snapshot" in diff_text(sandbox.repo, trees[0], trees[1], 10_000)


def test_the_limit_is_for_untracked_files_and_exact(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_files, "LARGE", 1000)
    sandbox.write("tracked", "a" * 2000)
    sandbox.commit()
    sandbox.write("tracked", "b" * 2000)
    sandbox.write("at-the-limit", "c" * 1000)
    sandbox.write("above", "d" * 1001)
    (sandbox.root / "link").symlink_to("above")
    nested = make_sandbox(sandbox.root / "nested")
    nested.write("above", "e" * 1001)
    tree = take_snapshot(sandbox.repo)
    sizes = {name: len(sandbox.git("show", f"{tree}:{name}")) for name in ("tracked", "at-the-limit", "link")}
    assert sizes == {"tracked": 2000, "at-the-limit": 1000, "link": len("above")}
    for name in ("above", "nested/above"):
        assert "not stored" in sandbox.git("show", f"{tree}:{name}")


def test_a_large_file_in_the_place_of_a_folder(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_files, "LARGE", 1000)
    before = take_snapshot(sandbox.repo)
    (sandbox.root / "src/app.py").unlink()
    (sandbox.root / "src").rmdir()
    sparse(sandbox.root / "src", 5000)
    found = changed_paths(sandbox.repo, before, take_snapshot(sandbox.repo))
    assert found == [Change("src", "added"), Change("src/app.py", "deleted")]


def test_too_much_together_is_refused_with_the_folder_to_leave_out(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_files, "ALL_TOGETHER", 3000)
    for number in range(4):
        sandbox.write(f"data/set/{number}", "x" * 900)
    with pytest.raises(GitError, match=r"4 untracked files hold .* most is in data; name it in \.gitignore"):
        take_snapshot(sandbox.repo)
    sandbox.write(".git/info/exclude", "/data\n")
    assert "data/set/0" not in sandbox.names(take_snapshot(sandbox.repo))


def test_a_large_file_does_not_touch_what_is_the_users(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_files, "LARGE", 1000)
    sandbox.write("big", "x" * 2000)
    state = sandbox.state()
    take_snapshot(sandbox.repo)
    assert sandbox.state() == state
    assert os.listdir(sandbox.root / ".git/fermata") == []
