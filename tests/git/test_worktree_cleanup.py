"""A worktree goes only where nothing in it would be lost, and nothing goes but what fermata made, where it made it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fermata.git import worktree_cleanup
from fermata.git.run_branch import commit_tree_on, tree_of
from fermata.git.snapshot import keep_tree, take_snapshot
from fermata.git.worktree_cleanup import keeping, let_go, registered, strangers
from fermata.git.worktrees import base_now, free_path, make_worktree
from tests.git.sandbox import Sandbox, make_sandbox

RUN = "orch_20261121_091502_3fa9"
OWN = f".fermata/worktrees/{RUN}/code.1"


class Pair:
    """The user's tree, in a folder with a space, and a worktree of fermata's in it."""

    def __init__(self, folder: Path) -> None:
        self.user = make_sandbox(folder / "a project")
        self.user.write("node_modules/a.js")
        self.user.write(".env", "SECRET=1\n")
        self.user.write(".gitignore", "*.log\nignored/\nnode_modules\n.env\n*.pyc\n")
        self.user.commit()
        commit = base_now(self.user.repo, f"{RUN}/code.1-base").commit
        assert free_path(self.user.repo, RUN, "code.1") == OWN
        make_worktree(self.user.repo, OWN, commit, ["node_modules", ".env"])
        self.tree = Sandbox(self.user.root / OWN)

    def why(self) -> str:
        return "\n".join(keeping(self.user.repo, RUN, OWN))

    def goes(self) -> bool:
        before = {
            key: value for key, value in self.user.state().items() if "ermata" not in key and "worktrees" not in key
        }
        gone = let_go(self.user.repo, RUN, OWN) == [] and not os.path.lexists(self.tree.root)
        after = {
            key: value for key, value in self.user.state().items() if "ermata" not in key and "worktrees" not in key
        }
        assert after == before
        return gone


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def test_one_with_nothing_of_its_own_goes(pair: Pair) -> None:
    pair.tree.write("__pycache__/x.pyc")
    assert os.readlink(pair.tree.root / ".env") == str(pair.user.root / ".env"), "as worktrees.links has it"
    assert pair.why() == ""
    assert pair.goes()
    assert (pair.user.root / ".env").read_text() == "SECRET=1\n"
    assert (pair.user.root / "node_modules/a.js").exists()
    assert [one.path for one in registered(pair.user.repo)] == [str(pair.user.root)]
    assert not pair.tree.root.parent.exists()
    assert let_go(pair.user.repo, RUN, OWN) == [], "again, after a crash"


def test_the_users_own_stash_keeps_nothing(pair: Pair) -> None:
    pair.tree.git("checkout", "-q", "--detach", "main")
    pair.user.write("README.md", "mine\n")
    pair.user.git("stash", "-q")
    assert pair.why() == ""


@pytest.mark.parametrize("where", ["ref", "branch", "merged"])
def test_one_whose_work_the_run_keeps_goes(pair: Pair, where: str) -> None:
    pair.tree.write("new.txt", "work\n")
    pair.tree.git("add", "-A")
    tree = take_snapshot(pair.tree.repo)
    head = pair.tree.git("rev-parse", "HEAD").strip()
    if where == "ref":
        keep_tree(pair.user.repo, tree, f"{RUN}/accepted", "x")
    else:
        first = commit_tree_on(pair.user.repo, RUN, tree, "one", (head,))
        if where == "merged":
            commit_tree_on(pair.user.repo, RUN, tree_of(pair.user.repo, head), "two", (first,))
    assert pair.goes()


def _commit_detached(pair: Pair) -> None:
    pair.tree.write("new.txt", "work\n")
    pair.tree.commit("the agent's own")


def _commit_left(pair: Pair) -> None:
    _commit_detached(pair)
    pair.tree.git("checkout", "-q", "--detach", "HEAD~1")


def _stash(pair: Pair) -> None:
    pair.tree.write("README.md", "work\n")
    pair.tree.git("stash", "-q")


def _stage(pair: Pair) -> None:
    pair.tree.write("README.md", "work\n")
    pair.tree.git("add", "README.md")
    pair.tree.write("README.md", "hello\n")


def _own_env(pair: Pair) -> None:
    (pair.tree.root / ".env").unlink()
    pair.tree.write(".env", "SECRET=2\n")


def _lock(pair: Pair) -> None:
    pair.user.git("worktree", "unlock", str(pair.tree.root))
    pair.user.git("worktree", "lock", "--reason", "mine, do not touch", str(pair.tree.root))


def _merge(pair: Pair) -> None:
    (Path(pair.tree.repo.git_dir) / "MERGE_HEAD").write_text(pair.tree.git("rev-parse", "HEAD"))


def _inner_worktree(pair: Pair) -> None:
    pair.user.git("worktree", "add", "-q", "--detach", str(pair.tree.root / "ignored/x"))


KEPT: dict[str, tuple[Callable[[Pair], object], str]] = {
    "untracked": (lambda p: p.tree.write("new.txt"), "untracked: new.txt"),
    "modified": (lambda p: p.tree.write("README.md", "work\n"), "changed: README.md"),
    "deleted": (lambda p: (p.tree.root / "README.md").unlink(), "changed: README.md"),
    "ignored": (lambda p: p.tree.write("ignored/data.db"), "ignored by git: ignored/"),
    "own-env": (_own_env, "ignored by git: .env"),
    "staged": (_stage, "staged: README.md"),
    "stash": (_stash, "stashed there: stash@{0}"),
    "detached-commit": (_commit_detached, "1 commit(s) that no branch holds"),
    "commit-left-behind": (_commit_left, "1 commit(s) that no branch holds"),
    "lock": (_lock, "locked: mine, do not touch"),
    "unlocked": (lambda p: p.user.git("worktree", "unlock", str(p.tree.root)), "not as fermata made it"),
    "operation": (_merge, "a merge is under way"),
    "repository-inside": (lambda p: make_sandbox(p.tree.root / "inner"), "inner/ is a repository of its own"),
    "worktree-inside": (_inner_worktree, "another worktree lies in it"),
}


RARE = ("deleted", "own-env", "unlocked", "operation", "repository-inside", "worktree-inside")
ROWS = [pytest.param(name, marks=pytest.mark.long if name in RARE else []) for name in KEPT]


@pytest.mark.parametrize("name", ROWS)
def test_k_g11_what_lies_nowhere_else_keeps_it(pair: Pair, name: str) -> None:
    act, why = KEPT[name]
    act(pair)
    before = {key: value for key, value in pair.tree.state().items() if key != "status"}
    assert why in "\n".join(let_go(pair.user.repo, RUN, OWN))
    assert {key: value for key, value in pair.tree.state().items() if key != "status"} == before
    assert str(pair.tree.root) in [one.path for one in registered(pair.user.repo)]


@pytest.fixture
def guest(pair: Pair) -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands in the worktree until its input ends."""
    command = [sys.executable, "-c", "import sys; print(); sys.stdout.flush(); sys.stdin.read()"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=pair.tree.root / "src", **pipes) as process:  # type: ignore[call-overload]
        process.stdout.readline()
        yield process
        process.stdin.close()


def test_k_g11_a_process_in_it_keeps_it(pair: Pair, guest: subprocess.Popen[bytes]) -> None:
    assert f"at work in it: process {guest.pid}" in pair.why()
    assert not pair.goes()


def test_where_processes_cannot_be_seen_it_stays(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worktree_cleanup, "_linked", lambda: None)
    assert pair.why() == worktree_cleanup.NO_PROCESS_LIST


def test_k_g12_a_link_to_the_home_in_its_place(pair: Pair, home: str) -> None:
    Path(home, "precious").write_text("x\n")
    shutil.rmtree(pair.tree.root)
    os.symlink(home, pair.tree.root)
    assert "symbolic link" in pair.why()
    assert not pair.goes()
    assert Path(home, "precious").read_text() == "x\n"


def test_k_g12_a_link_above_it(pair: Pair, tmp_path: Path) -> None:
    run = pair.tree.root.parent
    run.rename(tmp_path / "moved")
    os.symlink(tmp_path / "moved", run)
    assert "symbolic link" in pair.why()
    assert not pair.goes()
    assert (tmp_path / "moved/code.1/README.md").exists()


def test_k_g12_deleted_by_hand_only_gits_entry_goes(pair: Pair) -> None:
    shutil.rmtree(pair.tree.root)
    pair.user.git("worktree", "add", "-q", "--detach", str(pair.user.root.parent / "other"))
    shutil.rmtree(pair.user.root.parent / "other")
    assert pair.goes()
    assert [one.path for one in registered(pair.user.repo)] == [
        str(pair.user.root),
        str(pair.user.root.parent / "other"),
    ]


def test_k_g12_deleted_by_hand_with_a_commit_nobody_holds(pair: Pair) -> None:
    _commit_detached(pair)
    shutil.rmtree(pair.tree.root)
    assert "no branch holds" in pair.why()
    assert let_go(pair.user.repo, RUN, OWN)
    assert len(registered(pair.user.repo)) == 2


@pytest.mark.parametrize("how", ["by-git", "by-hand"])
def test_k_g12_one_that_was_moved_stays_where_it_is(pair: Pair, tmp_path: Path, how: str) -> None:
    away = tmp_path / "moved away"
    pair.tree.write("new.txt", "work\n")
    if how == "by-git":
        pair.user.git("worktree", "move", "-f", "-f", str(pair.tree.root), str(away))
    else:
        pair.tree.root.rename(away)
    assert let_go(pair.user.repo, RUN, OWN) == []
    assert (away / "new.txt").read_text() == "work\n"
    if how == "by-git":
        assert str(away) in [one.path for one in registered(pair.user.repo)]


def test_k_g13_what_another_hand_put_there_stays(pair: Pair) -> None:
    mine = pair.tree.root.parent / "mine"
    pair.user.git("worktree", "add", "-q", "--detach", str(mine))
    (pair.tree.root.parent / "plain").mkdir()
    assert strangers(pair.user.repo, {OWN}) == [f".fermata/worktrees/{RUN}/{name}" for name in ("mine", "plain")]
    for name in ("mine", "plain"):
        assert let_go(pair.user.repo, RUN, f".fermata/worktrees/{RUN}/{name}")
        assert (pair.tree.root.parent / name).is_dir()


def test_k_g13_another_worktree_in_the_place_of_ours(pair: Pair) -> None:
    pair.user.git("worktree", "remove", "-f", "-f", str(pair.tree.root))
    pair.user.git("worktree", "add", "-q", "--detach", str(pair.tree.root))
    assert "made by somebody else" in pair.why()
    assert not pair.goes()


def test_in_a_linked_worktree_of_the_users(tmp_path: Path) -> None:
    main = make_sandbox(tmp_path / "project")
    main.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "second one"))
    second = Sandbox(tmp_path / "second one")
    make_worktree(second.repo, OWN, base_now(second.repo, f"{RUN}/base").commit, [])
    assert let_go(second.repo, RUN, OWN) == []
    assert not (second.root / OWN).exists()
