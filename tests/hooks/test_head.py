"""HEAD as git's files tell it, held against what git itself says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fermata.host.head import head_commit
from tests.git.sandbox import Sandbox, make_sandbox


def plainly(place: Path) -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=place, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    made = make_sandbox(tmp_path / "a repo")
    made.write("a.txt", "x\n")
    made.commit()
    return made


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="on-a-branch"),
        pytest.param(["checkout", "-q", "--detach"], id="detached"),
        pytest.param(["checkout", "-qb", "deep/er/branch"], id="branch-in-folders"),
        pytest.param(["pack-refs", "--all"], id="packed"),
    ],
)
def test_it_is_what_git_says(sandbox: Sandbox, words: list[str]) -> None:
    if words:
        sandbox.git(*words)
    assert head_commit(str(sandbox.root), str(sandbox.root / ".git")) == plainly(sandbox.root)


def test_a_linked_work_tree_has_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "other")
    sandbox.write("a.txt", "y\n")
    sandbox.commit()
    common = str(sandbox.root / ".git")
    assert head_commit(str(tmp_path / "linked"), common) == plainly(tmp_path / "linked")
    assert head_commit(str(sandbox.root), common) != head_commit(str(tmp_path / "linked"), common)


@pytest.mark.parametrize(
    "head",
    ["", "ref: refs/heads/none\n", "ref: ../../x\n", "garbage\n", "ref: \n", "g" * 40, "a" * 39, "\x00"],
    ids=repr,
)
def test_what_it_cannot_tell_is_none(sandbox: Sandbox, head: str) -> None:
    (sandbox.root / ".git" / "HEAD").write_text(head)
    assert head_commit(str(sandbox.root), str(sandbox.root / ".git")) is None


def test_huge_packed_refs_are_left_to_git(sandbox: Sandbox) -> None:
    sandbox.git("pack-refs", "--all")
    with open(sandbox.root / ".git" / "packed-refs", "a", encoding="utf-8") as file:
        file.write("# " + "x" * 1_000_000 + "\n")
    assert head_commit(str(sandbox.root), os.path.join(sandbox.root, ".git")) is None
