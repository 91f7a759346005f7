"""Worktrees on odd trees: what is in them, that they go only with nothing lost, and that the user's side stays as it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fermata.git import worktrees
from fermata.git.repo import GitError, run_git
from fermata.git.snapshot import changed_paths, take_snapshot
from fermata.git.worktrees import base_now, free_path, make_worktree, remove_worktree, usual_links, worktree_at
from tests.git.sandbox import Sandbox, make_sandbox

RUN = "orch_20261121_091502_3fa9"
OWN = f".fermata/worktrees/{RUN}/code.1"


@pytest.fixture
def odd(tmp_path: Path) -> Sandbox:
    """A tree with everything that is hard to copy, some of it uncommitted, in a folder with a space."""
    sandbox = make_sandbox(tmp_path / "a project")
    sandbox.write("run.sh", "exit 0\n", 0o755)
    sandbox.write("ünï cødé/名前.txt", "x\n")
    sandbox.write(b"raw-\xff.txt", "x\n")
    sandbox.write("crlf.txt", "a\r\nb\r\n")
    sandbox.write("gone.txt", "x\n")
    os.symlink("src/app.py", sandbox.root / "link")
    os.symlink("/nowhere", sandbox.root / "dangling")
    sandbox.commit()
    (sandbox.root / "gone.txt").unlink()
    sandbox.write("src/app.py", "print('mine')\n")
    sandbox.write("new/file", "new\n")
    sandbox.write("ignored/x", "x\n")
    return sandbox


def made(sandbox: Sandbox, name: str = "code.1", links: tuple[str, ...] = ()) -> Sandbox:
    base = base_now(sandbox.repo, f"{RUN}/{name}-base")
    path = free_path(sandbox.repo, RUN, name)
    make_worktree(sandbox.repo, path, base.commit, list(links))
    return Sandbox(sandbox.root / path)


def test_it_holds_the_tree_as_it_is_and_the_users_side_stays(odd: Sandbox) -> None:
    before = odd.state()
    tree = made(odd)
    after = odd.state()
    changed = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    assert all(
        "/.git/worktrees/" in key
        or "/.fermata/worktrees/" in key
        or key.endswith("info/exclude")
        or "refs/fermata" in key
        for key in changed
    ), changed
    assert take_snapshot(tree.repo) == take_snapshot(odd.repo)
    assert tree.git("status", "--porcelain") == ""
    assert os.access(tree.root / "run.sh", os.X_OK)
    assert os.readlink(tree.root / "link") == "src/app.py"
    assert not (tree.root / "ignored").exists()
    assert not (tree.root / "gone.txt").exists()
    assert tree.git("log", "--format=%s").split("\n")[1] == "c", "its history is the user's"
    assert "locked" in odd.git("worktree", "list", "--porcelain")


@pytest.mark.parametrize("stop", ["after-add", "half-checked-out", "stale-lock", "only-a-git-file"])
def test_one_that_was_half_made_is_finished(odd: Sandbox, stop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = run_git

    def dies(repo: object, *args: str, **named: object) -> bytes:
        if "read-tree" in args and "-u" in args:
            raise KeyboardInterrupt
        return real(repo, *args, **named)  # type: ignore[arg-type]

    base = base_now(odd.repo, f"{RUN}/x-base")
    path = free_path(odd.repo, RUN, "x")
    if stop == "only-a-git-file":
        os.makedirs(odd.root / path)
        (odd.root / path / ".git").write_text("gitdir: /nowhere\n")
    else:
        with monkeypatch.context() as patched:
            patched.setattr(worktrees, "run_git", dies)
            with pytest.raises(KeyboardInterrupt):
                make_worktree(odd.repo, path, base.commit, [])
        tree = worktree_at(odd.repo, path)
        assert tree is not None
        if stop == "half-checked-out":
            (odd.root / path / "README.md").write_text("half\n")
        if stop == "stale-lock":
            Path(tree.git_dir, "index.lock").write_text("")
    tree = make_worktree(odd.repo, path, base.commit, [])
    assert take_snapshot(tree) == base.tree
    assert make_worktree(odd.repo, path, base.commit, []) == tree


def test_it_is_removed_and_all_of_it_is_kept(odd: Sandbox) -> None:
    tree = made(odd)
    tree.write("mine.txt", "unsaved\n")
    tree.commit("a commit of the agent's own")
    tree.write("mine.txt", "later\n")
    assert remove_worktree(odd.repo, OWN, f"{RUN}/left") == ""
    assert not tree.root.exists()
    assert odd.git("show", f"refs/fermata/{RUN}/left:mine.txt") == "later\n"
    assert odd.git("show", f"refs/fermata/{RUN}/left^:mine.txt") == "unsaved\n"
    assert odd.git("worktree", "list").count("\n") == 1
    assert remove_worktree(odd.repo, OWN, f"{RUN}/left") == "", "again, after a crash before the journal"


def test_one_with_what_no_snapshot_keeps_stays(odd: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fermata.git.large_files.LARGE", 100)
    tree = made(odd)
    tree.write("model.bin", "x" * 200)
    assert remove_worktree(odd.repo, OWN, f"{RUN}/left").startswith("model.bin (0 MB) is too large")
    (tree.root / "model.bin").unlink()
    make_sandbox(tree.root / "inner")
    assert remove_worktree(odd.repo, OWN, f"{RUN}/left") == "inner/ is a repository of its own"
    assert (tree.root / "inner/README.md").exists()


def test_a_strange_folder_in_its_place_is_left_alone(odd: Sandbox) -> None:
    tree = made(odd)
    odd.git("worktree", "remove", "-f", "-f", str(tree.root))
    tree.write("whose.txt")
    assert "no worktree" in remove_worktree(odd.repo, OWN, f"{RUN}/left")
    assert (tree.root / "whose.txt").exists()
    assert free_path(odd.repo, RUN, "code.1") == f"{OWN}-2"


def test_a_large_untracked_file_is_no_text_in_it(odd: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fermata.git.large_files.LARGE", 100)
    odd.write("model.bin", "x" * 200)
    tree = made(odd)
    assert not (tree.root / "model.bin").exists()


def test_no_program_of_the_configuration_runs(odd: Sandbox) -> None:
    odd.write(".git/hooks/post-checkout", f"#!/bin/sh\ntouch '{odd.root}/HOOK'\n", 0o755)
    odd.write(".gitattributes", "*.txt filter=spy\n")
    odd.git("config", "filter.spy.smudge", f"touch '{odd.root}/SMUDGE'; cat")
    odd.git("config", "filter.spy.clean", "cat")
    tree = made(odd)
    assert (tree.root / "crlf.txt").exists()
    assert not {"HOOK", "SMUDGE"} & set(os.listdir(odd.root))


def test_links_lead_to_the_users_own_and_their_ends_are_never_removed(odd: Sandbox) -> None:
    odd.write("node_modules/a/b.js", "x\n")
    odd.write("venv/python", "x\n")
    odd.write(".gitignore", "*.log\nignored/\nnode_modules/\n")
    odd.write("web/node_modules/c/d.js", "x\n")
    odd.write("vendor/deep/node_modules/e.js", "x\n")
    assert usual_links(odd.repo) == ["node_modules", "web/node_modules"], "only what git ignores, and right below"
    tree = made(odd, links=("node_modules", "src", "not/there", "link/x"))
    assert (tree.root / "node_modules/a/b.js").read_text() == "x\n"
    assert not (tree.root / "src").is_symlink(), "what the commit holds is not hidden by a link"
    (tree.root / "node_modules/a/c.js").write_text("y\n")
    assert remove_worktree(odd.repo, OWN, f"{RUN}/left") == ""
    assert (odd.root / "node_modules/a/b.js").read_text() == "x\n"


def test_a_sparse_checkout_stays_sparse(sandbox: Sandbox) -> None:
    sandbox.write("docs/a.md")
    sandbox.commit()
    sandbox.git("sparse-checkout", "set", "--no-cone", "/src/", "/README.md")
    assert not (sandbox.root / "docs").exists()
    tree = made(sandbox)
    assert not (tree.root / "docs").exists()
    assert changed_paths(sandbox.repo, take_snapshot(sandbox.repo), take_snapshot(tree.repo)) == []


def test_a_submodule_is_an_empty_folder_in_it(sandbox: Sandbox, tmp_path: Path) -> None:
    inner = make_sandbox(tmp_path / "inner")
    sandbox.git("submodule", "add", "-q", str(inner.root), "sub")
    sandbox.commit()
    sandbox.write("sub/README.md", "changed\n")
    tree = made(sandbox)
    assert os.listdir(tree.root / "sub") == []
    assert take_snapshot(tree.repo) == take_snapshot(sandbox.repo)


def test_in_a_linked_worktree_of_the_users(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.git("worktree", "add", "-q", str(tmp_path / "second"))
    second = Sandbox(tmp_path / "second")
    tree = made(second)
    assert str(tree.root).startswith(str(second.root))
    assert second.git("status", "--porcelain") == ""
    assert remove_worktree(second.repo, OWN, f"{RUN}/left") == ""


def test_what_is_not_a_commit_is_told(sandbox: Sandbox) -> None:
    with pytest.raises(GitError):
        make_worktree(sandbox.repo, free_path(sandbox.repo, RUN, "x"), "0" * 40, [])
