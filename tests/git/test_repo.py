from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fermata.git.repo import (
    GitError,
    Repo,
    branch,
    find_repo,
    head_commit,
    no_filters,
    operation_in_progress,
    run_git,
)
from tests.git.sandbox import Sandbox, make_sandbox


def test_finds_the_repository_from_a_folder_and_a_file_below(sandbox: Sandbox) -> None:
    root = str(sandbox.root)
    expected = Repo(root, root + "/.git", root + "/.git")
    assert find_repo(root + "/src") == expected
    assert find_repo(root + "/src/app.py") == expected


def test_finds_a_linked_worktree_with_the_shared_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.git("worktree", "add", "-q", str(tmp_path / "side"))
    found = find_repo(str(tmp_path / "side"))
    git = str(sandbox.root / ".git")
    assert found == Repo(str(tmp_path / "side"), git + "/worktrees/side", git)


def test_paths_are_real_behind_a_symbolic_link(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(sandbox.root)
    assert find_repo(str(tmp_path / "link" / "src")) == sandbox.repo


def test_finds_a_submodule_as_a_repository_of_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    other = make_sandbox(tmp_path / "other")
    sandbox.git("submodule", "--quiet", "add", str(other.root), "sub")
    found = find_repo(str(sandbox.root / "sub"))
    assert found is not None
    assert found.root == str(sandbox.root / "sub")
    assert found.git_dir == found.common_dir == str(sandbox.root / ".git/modules/sub")
    assert head_commit(found) == other.git("rev-parse", "HEAD").strip()


def test_no_repository_bare_repository_and_broken_pointer_are_none(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "bare")], check=True)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / ".git").write_text("gitdir: /nowhere/at/all\n")
    for name in ("plain", "bare", "bare/refs", "broken", "missing"):
        assert find_repo(str(tmp_path / name)) is None


def test_an_empty_git_folder_is_passed_over_as_git_does(sandbox: Sandbox) -> None:
    (sandbox.root / "src" / ".git").mkdir()
    assert find_repo(str(sandbox.root / "src")) == sandbox.repo


def test_head_and_branch(sandbox: Sandbox) -> None:
    assert head_commit(sandbox.repo) == sandbox.git("rev-parse", "HEAD").strip()
    assert branch(sandbox.repo) == "main"
    sandbox.git("checkout", "-q", "--detach")
    assert branch(sandbox.repo) is None


def test_head_is_none_and_branch_is_named_before_the_first_commit(tmp_path: Path) -> None:
    empty = make_sandbox(tmp_path / "empty", commits=False)
    assert (head_commit(empty.repo), branch(empty.repo)) == (None, "main")


def test_git_variables_of_the_caller_are_ignored(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_sandbox(tmp_path / "other")
    sandbox.commit("second")
    monkeypatch.setenv("GIT_DIR", str(other.root / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.root))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nothing"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'core.bare=true'")
    head = run_git(sandbox.repo, "log", "-1", "--format=%s")
    assert head == b"second\n"
    assert sandbox.uncommitted() == []


def test_a_vanished_git_folder_does_not_lead_to_the_repository_above(sandbox: Sandbox) -> None:
    inner = make_sandbox(sandbox.root / "inner")
    repo = inner.repo
    os.rename(inner.root / ".git", inner.root / "moved")
    with pytest.raises(GitError, match="not a git repository"):
        run_git(repo, "rev-parse", "HEAD")


def test_error_names_command_exit_code_place_and_reason(sandbox: Sandbox) -> None:
    with pytest.raises(GitError) as caught:
        run_git(sandbox.repo, "-c", "a.b=c", "rev-parse", "--verify", "nothing\x1b[31m")
    assert caught.value.code == 128
    assert caught.value.command == ("rev-parse", "--verify", "nothing\x1b[31m")
    assert "(exit 128)" in str(caught.value)
    assert str(sandbox.root) in str(caught.value)
    assert "Needed a single revision" in caught.value.detail
    assert "\x1b" not in str(caught.value)


def test_error_when_git_or_the_work_tree_is_missing(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = sandbox.repo._replace(root=str(tmp_path / "gone"))
    with pytest.raises(GitError, match="is gone"):
        run_git(gone, "status")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="git is not on PATH"):
        run_git(sandbox.repo, "status")


def test_a_git_in_a_relative_path_folder_is_not_run(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.write("git", "#!/bin/sh\ntouch canary\n", 0o755)
    monkeypatch.setenv("PATH", f".:{os.environ['PATH']}")
    assert head_commit(sandbox.repo)
    assert not (sandbox.root / "canary").exists()


def test_time_limit_is_an_error(sandbox: Sandbox) -> None:
    with pytest.raises(GitError, match=r"no answer within 0\.05 s"):
        run_git(sandbox.repo, "-c", "alias.nap=!sleep 5", "nap", seconds=0.05)


@pytest.mark.parametrize(
    ("mark", "name"),
    [
        pytest.param("MERGE_HEAD", "merge", id="merge"),
        pytest.param("CHERRY_PICK_HEAD", "cherry-pick", id="cherry-pick"),
        pytest.param("REVERT_HEAD", "revert", id="revert"),
        pytest.param("BISECT_LOG", "bisect", id="bisect"),
        pytest.param("rebase-apply/applying", "am", id="am"),
        pytest.param("rebase-apply/onto", "rebase", id="rebase-apply"),
    ],
)
def test_operation_in_progress_by_mark(sandbox: Sandbox, mark: str, name: str) -> None:
    assert operation_in_progress(sandbox.repo) is None
    path = sandbox.root / ".git" / mark
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    assert operation_in_progress(sandbox.repo) == name


def test_real_conflicts_are_seen_as_operations(sandbox: Sandbox) -> None:
    sandbox.git("checkout", "-q", "-b", "side")
    sandbox.write("README.md", "side\n")
    sandbox.commit("side")
    sandbox.git("checkout", "-q", "main")
    sandbox.write("README.md", "main\n")
    sandbox.commit("main")
    for words, name in (
        (("merge", "side"), "merge"),
        (("rebase", "side"), "rebase"),
        (("cherry-pick", "side"), "cherry-pick"),
    ):
        sandbox.git("-c", "core.editor=true", *words, code=1)
        assert operation_in_progress(sandbox.repo) == name
        sandbox.git(words[0], "--abort")


def test_filters_of_every_name_are_switched_off_or_refused(sandbox: Sandbox) -> None:
    assert no_filters(sandbox.repo) == ()
    for key in ("filter.a b.clean", "filter.x.y.process", "filter.lfs.smudge"):
        sandbox.git("config", key, "false")
    off = no_filters(sandbox.repo)
    assert {"filter.a b.clean=", "filter.x.y.process=", "filter.lfs.required=false"} <= set(off)
    sandbox.git("config", "filter.k=v.clean", "false")
    with pytest.raises(GitError, match=r'filter "k=v": its name holds "="'):
        no_filters(sandbox.repo)
