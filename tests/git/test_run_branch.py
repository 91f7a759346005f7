"""The run's own branch: it moves from where it must be, never under anybody, and a crash between two steps is made good."""

from __future__ import annotations

from pathlib import Path

import pytest

from fermata.git import run_branch
from fermata.git.repo import GitError, Repo, head_commit, run_git
from fermata.git.run_branch import BadName, branch_commit, branch_ref, commit_tree_on, stand_at, tree_of
from fermata.git.snapshot import take_snapshot
from fermata.git.worktrees import base_now, free_path, make_worktree
from tests.git.sandbox import Sandbox, make_sandbox

RUN = "orch_20261121_091502_3fa9"
NAME = f"fermata/{RUN}"


class Own:
    """A run's branch and tree as they are after its first phase."""

    def __init__(self, user: Sandbox) -> None:
        self.user, self.base = user, user.git("rev-parse", "HEAD").strip()
        path = free_path(user.repo, RUN, "tree")
        make_worktree(user.repo, path, base_now(user.repo, f"{RUN}/base").commit, [])
        self.tree = Sandbox(user.root / path)
        self.tree.write("src/new.py", "x = 1\n")
        self.new = take_snapshot(self.tree.repo)

    def commit(self, *parents: str, message: str = "Phase 1") -> str:
        return commit_tree_on(self.user.repo, RUN, self.new, message, parents or (self.base,))


@pytest.fixture
def own(sandbox: Sandbox) -> Own:
    return Own(sandbox)


def test_commits_follow_each_other_and_the_users_side_stays(own: Own) -> None:
    before = own.user.state()
    first = own.commit()
    own.tree.write("src/new.py", "x = 2\n")
    own.new = take_snapshot(own.tree.repo)
    second = own.commit(first, message="Phase 2\n\nätsch")
    assert branch_commit(own.user.repo, RUN) == second
    assert own.user.git("log", "--format=%s", NAME).split("\n")[:3] == ["Phase 2", "Phase 1", "c"]
    assert own.user.git("show", f"{NAME}:src/new.py") == "x = 2\n"
    after = own.user.state()
    assert all("/fermata/" in key or "/.fermata/" in key for key in {k for k in after if before.get(k) != after[k]})


def test_again_after_a_crash_it_is_the_same_commit(own: Own) -> None:
    first = own.commit()
    assert own.commit() == first
    second = own.commit(first, own.base, message="two")
    assert own.commit(first, own.base, message="two") == second


@pytest.mark.parametrize("what", ["elsewhere", "other-text", "of-somebody-else"])
def test_a_branch_that_is_elsewhere_is_left_alone(own: Own, what: str) -> None:
    if what == "of-somebody-else":
        own.user.git("branch", NAME, own.user.commit("mine"))
    else:
        first = own.commit()
    if what == "elsewhere":
        own.user.git("branch", "-f", NAME, own.user.commit("mine"))
    at = branch_commit(own.user.repo, RUN)
    with pytest.raises(GitError, match="should be at"):
        own.commit(message="other") if what != "elsewhere" else own.commit(first, message="next")
    assert branch_commit(own.user.repo, RUN) == at


def test_one_that_was_deleted_comes_back_whole(own: Own) -> None:
    first = own.commit()
    own.user.git("branch", "-D", NAME)
    own.commit(first, message="next")
    assert own.user.git("log", "--format=%s", NAME).split() == ["next", "Phase", "1", "c"]


def test_it_does_not_move_under_whoever_has_it_checked_out(own: Own, tmp_path: Path) -> None:
    first = own.commit()
    own.user.git("worktree", "add", "-q", str(tmp_path / "a look"), NAME)
    with pytest.raises(GitError, match=r"checked out in .*a look; .*git switch --detach"):
        own.commit(first, message="next")
    assert branch_commit(own.user.repo, RUN) == first


def test_a_race_for_the_ref_is_lost_without_harm(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    def late(repo: Repo, *args: str, **named: object) -> bytes:
        if "update-ref" in args:
            own.user.git("branch", "-f", NAME, own.base)
        return run_git(repo, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(run_branch, "run_git", late)
    with pytest.raises(GitError):
        own.commit()
    assert branch_commit(own.user.repo, RUN) == own.base


def test_a_branch_named_fermata_is_told_of(own: Own) -> None:
    own.user.git("branch", "fermata")
    with pytest.raises(GitError, match="refs/heads/fermata"):
        own.commit()


@pytest.mark.parametrize("configured", [True, False], ids=["users", "nobodys"])
def test_the_author_is_the_user_where_they_are_known(own: Own, configured: bool) -> None:
    if configured:
        own.user.git("config", "user.name", "Ü Ser")
        own.user.git("config", "user.email", "u@example.org")
    own.user.git("config", "commit.gpgsign", "true")
    own.user.git("config", "gpg.program", "/nowhere")
    own.commit()
    said = own.user.git("log", "-1", "--format=%an <%ae>", NAME).strip()
    assert said == ("Ü Ser <u@example.org>" if configured else "fermata <fermata@localhost>")


def test_no_hook_runs(own: Own) -> None:
    for hook in (
        "pre-commit",
        "commit-msg",
        "post-commit",
        "reference-transaction",
        "post-checkout",
        "post-index-change",
    ):
        own.user.write(f".git/hooks/{hook}", f"#!/bin/sh\ntouch '{own.user.root}/CANARY'\nexit 1\n", 0o755)
    stand_at(own.tree.repo, own.commit())
    assert not (own.user.root / "CANARY").exists()


@pytest.mark.parametrize(
    "name",
    ["--upload-pack=x", "a..b", "@{", "x.lock", "a b", "a\nb", "a\0b", "", "/x", "-", "@{-1}", "a//b", "x" * 3000],
)
def test_k_f04_what_is_no_branch_name_is_refused(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(BadName) as told:
        branch_ref(sandbox.repo, name)
    assert told.value.exit_code == 8
    with pytest.raises(BadName):
        branch_commit(sandbox.repo, name)


def test_the_runs_tree_follows_its_files_untouched(own: Own) -> None:
    first = own.commit()
    file = own.tree.root / "src/new.py"
    seen = file.stat()
    stand_at(own.tree.repo, first)
    assert own.tree.git("rev-parse", "HEAD").strip() == first
    assert own.tree.git("status", "--porcelain") == ""
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (seen.st_ino, seen.st_mtime_ns)
    stand_at(own.tree.repo, first)


def test_it_stands_only_where_the_files_are_those(own: Own) -> None:
    first = own.commit()
    own.tree.write("unsaved.txt")
    with pytest.raises(GitError, match=r"unsaved\.txt"):
        stand_at(own.tree.repo, first)
    assert own.tree.git("rev-parse", "HEAD").strip() != first
    with pytest.raises(GitError, match="a branch is checked out"):
        stand_at(own.user.repo, own.base)


@pytest.mark.parametrize("step", ["update-ref", "read-tree", "update-index"])
def test_a_crash_between_two_steps_is_made_good(own: Own, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(repo: Repo, *args: str, **named: object) -> bytes:
        if step in args:
            raise KeyboardInterrupt
        return run_git(repo, *args, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(run_branch, "run_git", dies)
        with pytest.raises(KeyboardInterrupt):
            stand_at(own.tree.repo, own.commit())
    first = own.commit()
    stand_at(own.tree.repo, first)
    assert own.tree.git("status", "--porcelain=v2", "--branch").split("\n")[0] == f"# branch.oid {first}"
    assert own.tree.git("status", "--porcelain") == ""
    assert own.user.git("rev-list", "--count", NAME).strip() == "2"


def test_from_a_linked_worktree_and_a_foreign_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = make_sandbox(tmp_path / "project")
    main.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "second"))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    monkeypatch.setenv("GIT_WORK_TREE", "/nowhere")
    second = Sandbox(tmp_path / "second").repo
    base = head_commit(second) or ""
    assert commit_tree_on(second, RUN, tree_of(second, base), "x", (base,)) == branch_commit(main.repo, RUN)
