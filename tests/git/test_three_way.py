"""Three-way merges of trees: each kind of conflict, nobody's program run, and a work tree changed wholly or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fermata.git import three_way
from fermata.git.repo import GitError, Repo, run_git
from fermata.git.snapshot import take_snapshot
from fermata.git.three_way import Conflict, Merged, conflict_markers, merge_trees, part_of, place_tree
from fermata.git.worktrees import base_now, free_path, make_worktree
from tests.git.sandbox import Sandbox

RUN = "orch_20261121_091502_3fa9"
LINES = "".join(f"{n}\n" for n in range(30))
Act = Callable[[Sandbox], object]


def changed(number: int, word: str) -> str:
    return LINES.replace(f"\n{number}\n", f"\n{word}\n")


def side(sandbox: Sandbox, base: str, act: Act) -> str:
    """The tree that *act* makes of *base*."""
    sandbox.git("checkout", "-q", "-f", base)
    sandbox.git("clean", "-qfd")
    act(sandbox)
    return take_snapshot(sandbox.repo)


@pytest.fixture
def lines(sandbox: Sandbox) -> Sandbox:
    sandbox.write("a.txt", LINES)
    sandbox.write("b.txt", LINES.replace("1", "one"))
    (sandbox.root / "bin").write_bytes(bytes(range(256)))
    sandbox.commit()
    return sandbox


def merged(sandbox: Sandbox, ours: Act, theirs: Act) -> Merged:
    base = sandbox.git("rev-parse", "HEAD").strip()
    trees = [side(sandbox, base, act) for act in (ours, theirs)]
    found = merge_trees(sandbox.repo, f"{base}^{{tree}}", *trees)
    side(sandbox, base, lambda _: None)
    return found


def test_both_sides_come_together(lines: Sandbox) -> None:
    def theirs(tree: Sandbox) -> None:
        tree.write("a.txt", changed(25, "theirs"))
        tree.write("new dir/ünï.txt", "new\n")

    found = merged(lines, lambda t: t.write("a.txt", changed(3, "ours")), theirs)
    assert found.conflicts == []
    assert lines.git("show", f"{found.tree}:a.txt") == changed(3, "ours").replace("\n25\n", "\ntheirs\n")
    assert lines.git("show", f"{found.tree}:new dir/ünï.txt") == "new\n"


def test_a_part_of_a_tree_is_the_base_everywhere_else(lines: Sandbox) -> None:
    def act(tree: Sandbox) -> None:
        tree.write("a.txt", "changed\n")
        tree.write("ünï dir/new.txt", "new\n")
        tree.write("stray/new.txt", "new\n")
        (tree.root / "b.txt").unlink()
        (tree.root / "bin").chmod(0o755)

    base = lines.git("rev-parse", "HEAD^{tree}").strip()
    tree = side(lines, lines.git("rev-parse", "HEAD").strip(), act)
    wanted = part_of(lines.repo, base, tree, lambda path: path in ("a.txt", "ünï dir/new.txt"))
    rows = lines.git("-c", "core.quotePath=off", "diff-tree", "-r", "--name-status", base, wanted).splitlines()
    assert rows == ["M\ta.txt", "A\tünï dir/new.txt"]
    assert part_of(lines.repo, base, tree, lambda _: True) == tree
    assert part_of(lines.repo, base, tree, lambda _: False) == base


def test_a_renamed_file_takes_the_others_change_along(lines: Sandbox) -> None:
    found = merged(
        lines, lambda t: (t.root / "a.txt").rename(t.root / "c.txt"), lambda t: t.write("a.txt", changed(9, "theirs"))
    )
    assert found.conflicts == []
    assert lines.git("show", f"{found.tree}:c.txt") == changed(9, "theirs")


def test_a_new_file_stays_in_the_folder_that_it_was_put_into(sandbox: Sandbox) -> None:
    for name in "xyz":
        sandbox.write(f"old/{name}.txt", LINES + name)
    sandbox.commit()
    sandbox.git("config", "merge.directoryRenames", "true")
    found = merged(
        sandbox, lambda t: (t.root / "old").rename(t.root / "renamed"), lambda t: t.write("old/new.txt", "new\n")
    )
    assert "old/new.txt" in sandbox.names(found.tree)


def _mode(name: str, mode: int) -> Act:
    return lambda tree: (tree.root / name).chmod(mode)


def _binary(last: int) -> Act:
    return lambda tree: (tree.root / "bin").write_bytes(bytes([*range(255), last]))


def _link(tree: Sandbox) -> None:
    (tree.root / "a.txt").unlink()
    os.symlink("b.txt", tree.root / "a.txt")


CONFLICTS: dict[str, tuple[Act, Act, list[Conflict]]] = {
    "content": (
        lambda t: t.write("a.txt", changed(3, "ours")),
        lambda t: t.write("a.txt", changed(3, "theirs")),
        [Conflict("a.txt", "content")],
    ),
    "add/add": (
        lambda t: t.write("a b/ünï\t.txt", "ours\n"),
        lambda t: t.write("a b/ünï\t.txt", "theirs\n"),
        [Conflict("a b/ünï\t.txt", "add/add")],
    ),
    "modify/delete": (
        lambda t: t.write("a.txt", changed(3, "ours")),
        lambda t: (t.root / "a.txt").unlink(),
        [Conflict("a.txt", "modify/delete")],
    ),
    "rename": (
        lambda t: (t.root / "a.txt").rename(t.root / "c.txt"),
        lambda t: (t.root / "a.txt").rename(t.root / "d.txt"),
        [Conflict(name, "rename") for name in ("a.txt", "c.txt", "d.txt")],
    ),
    "binary": (_binary(1), _binary(2), [Conflict("bin", "binary")]),
    "raw-path": (
        lambda t: t.write(b"raw-\xff", "ours\n"),
        lambda t: t.write(b"raw-\xff", "theirs\n"),
        [Conflict(r"raw-\xff", "add/add")],
    ),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_a_conflict_is_named_by_path_and_kind(lines: Sandbox, name: str) -> None:
    ours, theirs, wanted = CONFLICTS[name]
    found = merged(lines, ours, theirs)
    assert found.conflicts == wanted
    if name in ("content", "add/add"):
        assert conflict_markers(lines.repo, found.tree, [wanted[0].path]) == [wanted[0].path]


def test_a_file_where_the_other_side_has_a_folder(lines: Sandbox) -> None:
    found = merged(lines, lambda t: t.write("d", "ours\n"), lambda t: t.write("d/x", "theirs\n"))
    assert [conflict.kind for conflict in found.conflicts] == ["directory/file"]
    assert found.conflicts[0].path.startswith("d~")


def test_a_link_where_the_other_side_changed_the_file(lines: Sandbox) -> None:
    found = merged(lines, _link, lambda t: t.write("a.txt", changed(3, "theirs")))
    assert {conflict.kind for conflict in found.conflicts} <= {"mode", "content", "modify/delete"}
    assert found.conflicts


def test_a_submodule_that_both_moved(sandbox: Sandbox) -> None:
    trees = []
    for number in "123":
        entry = f"160000 {number * 40}\tsub\n".encode()
        sandbox.git("update-index", "--index-info", stdin=entry)
        trees.append(sandbox.git("write-tree").strip())
    assert merge_trees(sandbox.repo, *trees).conflicts == [Conflict("sub", "submodule")]


def test_nobodys_program_runs(lines: Sandbox) -> None:
    spy = f"touch '{lines.root.parent}/CANARY'; cat"
    lines.write(".gitattributes", "a.txt merge=spy filter=spy diff=spy\nb.txt merge=weird name\n")
    lines.commit()
    lines.git("config", "merge.spy.driver", f"{spy}; exit 0")
    lines.git("config", "merge.default", "spy")
    lines.git("config", "merge.renormalize", "true")
    for key in ("filter.spy.clean", "filter.spy.smudge", "diff.spy.textconv", "diff.spy.command", "diff.external"):
        lines.git("config", key, spy)
    lines.git("config", "core.fsmonitor", spy)
    lines.git("config", "core.pager", spy)
    lines.write(".git/hooks/post-index-change", f"#!/bin/sh\n{spy}\n", 0o755)
    base = lines.git("rev-parse", "HEAD^{tree}").strip()
    (lines.root.parent / "CANARY").unlink(missing_ok=True)

    def tree_with(path: str, text: str) -> str:
        blob = lines.git("hash-object", "-w", "--no-filters", "--stdin", stdin=text.encode()).strip()
        lines.git("read-tree", base)
        lines.git("update-index", "--cacheinfo", f"100644,{blob},{path}")
        return lines.git("write-tree").strip()

    (lines.root / ".git/hooks/post-index-change").unlink()
    trees = [tree_with("a.txt", changed(n, w)) for n, w in ((3, "ours"), (25, "theirs"))]
    (lines.root.parent / "CANARY").unlink(missing_ok=True)
    found = merge_trees(lines.repo, base, *trees)
    clash = merge_trees(lines.repo, base, trees[0], tree_with("a.txt", changed(3, "theirs")))
    assert found.conflicts == []
    assert lines.git("cat-file", "blob", f"{found.tree}:a.txt") == changed(3, "ours").replace("\n25\n", "\ntheirs\n")
    (lines.root.parent / "CANARY").unlink(missing_ok=True)
    assert clash.conflicts == [Conflict("a.txt", "content")]
    assert conflict_markers(lines.repo, clash.tree, ["a.txt"]) == ["a.txt"]
    assert not (lines.root.parent / "CANARY").exists()


def test_an_old_git_is_told_of(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def old(repo: Repo, *args: str, **named: object) -> bytes:
        if "merge-tree" in args:
            raise GitError(args, 129, "usage: git merge-tree <base-tree> <branch1> <branch2>")
        return run_git(repo, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(three_way, "run_git", old)
    with pytest.raises(GitError, match=r"git 2\.38 or newer"):
        merge_trees(sandbox.repo, *["HEAD^{tree}"] * 3)


MARKED = "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"
TEXTS = [
    pytest.param(MARKED, True, id="all-three"),
    pytest.param(MARKED.replace("\n", "\r\n"), True, id="crlf"),
    pytest.param(MARKED.replace("=======", "||||||| base\nx\n======="), True, id="with-base"),
    pytest.param("<<<<<<<<< a\nx\n=========\ny\n>>>>>>>>> b\n", True, id="larger-size"),
    pytest.param(f"a\n>>>>>>> {'0' * 40}\nb\n", True, id="one-of-ours-left"),
    pytest.param("Title\n=======\n\ntext\n", False, id="underline"),
    pytest.param("======= \n>>>>>>> quoted\n", False, id="no-beginning"),
    pytest.param("<<<<<<< a\n>>>>>>> b\n", False, id="no-middle"),
    pytest.param("x <<<<<<< a\nx =======\nx >>>>>>> b\n", False, id="indented"),
    pytest.param("<<<<<< a\n======\n>>>>>> b\n", False, id="six"),
    pytest.param("<<<<<<<a\n=======\n>>>>>>>b\n", False, id="shift-operators"),
    pytest.param("", False, id="empty"),
]


@pytest.mark.parametrize(("text", "marked"), TEXTS)
def test_markers(sandbox: Sandbox, text: str, marked: bool) -> None:
    (sandbox.root / "a file").write_bytes(text.encode())
    sandbox.write("other", MARKED)
    tree = take_snapshot(sandbox.repo)
    assert conflict_markers(sandbox.repo, tree, ["a file", "gone"]) == (["a file"] if marked else [])


# --- a merged tree in a work tree -----------------------------------------------------------------------------------


class Placed:
    def __init__(self, user: Sandbox) -> None:
        self.user, self.base = user, base_now(user.repo, f"{RUN}/base")
        path = free_path(user.repo, RUN, "close")
        make_worktree(user.repo, path, self.base.commit, [])
        self.tree = Sandbox(user.root / path)
        user.write("a.txt", changed(3, "x"))
        user.write("new/file", "new\n", 0o755)
        (user.root / "b.txt").unlink()
        self.target = take_snapshot(user.repo)

    def place(self) -> None:
        place_tree(self.tree.repo, self.base.tree, self.target, f"{RUN}/placed")


@pytest.fixture
def placed(lines: Sandbox) -> Placed:
    return Placed(lines)


def test_a_tree_is_put_there_twice(placed: Placed) -> None:
    placed.place()
    assert take_snapshot(placed.tree.repo) == placed.target
    placed.place()
    assert take_snapshot(placed.tree.repo) == placed.target


@pytest.mark.parametrize("path", ["a.txt", "README.md", "untracked.txt", "new/file"])
def test_what_somebody_left_unsaved_refuses_it(placed: Placed, path: str) -> None:
    placed.tree.write(path, "an agent's\n")
    before = take_snapshot(placed.tree.repo)
    with pytest.raises(GitError, match=f"{path} has changed since"):
        placed.place()
    assert take_snapshot(placed.tree.repo) == before


def test_one_that_was_half_put_there_is_finished(placed: Placed) -> None:
    shutil.copy(placed.user.root / "a.txt", placed.tree.root / "a.txt")
    (placed.tree.root / "b.txt").unlink()
    placed.place()
    assert take_snapshot(placed.tree.repo) == placed.target


def test_a_submodules_new_commit_is_put_there(sandbox: Sandbox, tmp_path: Path) -> None:
    del tmp_path
    trees = []
    for number in "12":
        sandbox.git("update-index", "--index-info", stdin=f"160000 {number * 40}\tsub\n".encode())
        trees.append(sandbox.git("write-tree").strip())
    commit = sandbox.git("commit-tree", "-m", "x", trees[0]).strip()
    path = free_path(sandbox.repo, RUN, "close")
    tree = make_worktree(sandbox.repo, path, commit, [])
    place_tree(tree, trees[0], trees[1], f"{RUN}/placed")
    assert take_snapshot(tree) == trees[1]
