from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from fermata.git.repo import GitError, branch, head_commit, operation_in_progress
from fermata.git.snapshot import Change, changed_paths, diff_text, keep_tree, take_snapshot
from tests.git.sandbox import Sandbox, make_sandbox


def test_holds_tracked_and_untracked_and_neither_ignored_nor_by_products(sandbox: Sandbox) -> None:
    sandbox.write("new file.py")
    sandbox.write("debug.log")
    sandbox.write("ignored/secret")
    for path in ("src/__pycache__/a.pyc", ".venv/bin/x", "node_modules/m/i.js", "p.egg-info/PKG", ".coverage"):
        sandbox.write(path)
    sandbox.write(".fermata/worktrees/run/mod/x.py")
    sandbox.write("sub/.fermata/worktrees/kept.py")
    tree = take_snapshot(sandbox.repo)
    assert sandbox.names(tree) == [
        ".gitignore",
        "README.md",
        "new file.py",
        "src/app.py",
        "sub/.fermata/worktrees/kept.py",
    ]


def test_tracked_by_products_count(sandbox: Sandbox) -> None:
    sandbox.write("node_modules/own/index.js")
    sandbox.git("add", "-f", "node_modules")
    sandbox.commit()
    before = take_snapshot(sandbox.repo)
    sandbox.write("node_modules/own/index.js", "changed\n")
    after = take_snapshot(sandbox.repo)
    assert changed_paths(sandbox.repo, before, after) == [Change("node_modules/own/index.js", "modified")]


def test_nothing_of_the_user_changes(sandbox: Sandbox) -> None:
    sandbox.write("stashed")
    sandbox.git("stash", "-u")
    sandbox.write("src/app.py", "print('staged')\n")
    sandbox.git("add", "src/app.py")
    sandbox.write("src/app.py", "print('and changed')\n")
    sandbox.write("untracked")
    sandbox.write("x.log")
    before = sandbox.state()
    stat = os.stat(sandbox.root / ".git/index")
    keep_tree(sandbox.repo, take_snapshot(sandbox.repo), "orch_1/1", "checkpoint")
    after = sandbox.state()
    ref = str(sandbox.root / ".git/refs/fermata/orch_1/1")
    assert after.pop(ref)
    assert after == before
    now = os.stat(sandbox.root / ".git/index")
    assert (now.st_ino, now.st_mtime_ns) == (stat.st_ino, stat.st_mtime_ns)
    assert os.listdir(sandbox.root / ".git/fermata") == []


def test_kinds_of_change(sandbox: Sandbox) -> None:
    sandbox.write("run.sh", "#!/bin/sh\n")
    sandbox.write("link-to-be")
    before = take_snapshot(sandbox.repo)
    sandbox.write("run.sh", "#!/bin/sh\n", 0o755)
    (sandbox.root / "README.md").rename(sandbox.root / "READ ME.md")
    (sandbox.root / "link-to-be").unlink()
    (sandbox.root / "link-to-be").symlink_to("src")
    after = take_snapshot(sandbox.repo)
    assert changed_paths(sandbox.repo, before, after) == [
        Change("READ ME.md", "added"),
        Change("README.md", "deleted"),
        Change("link-to-be", "type"),
        Change("run.sh", "modified"),
    ]
    assert changed_paths(sandbox.repo, before, before) == []


def test_odd_names(sandbox: Sandbox) -> None:
    before = take_snapshot(sandbox.repo)
    for name in (b"with space", b"new\nline", b"tab\t", b"-f", b":(top)x", b"*", b"\xff\xfe", "ü".encode(), b'"q"'):
        sandbox.write(name)
    after = take_snapshot(sandbox.repo)
    found = {change.path for change in changed_paths(sandbox.repo, before, after)}
    assert found == {"with space", "new\nline", "tab\t", "-f", ":(top)x", "*", r"\xff\xfe", "ü", '"q"'}


def test_repository_without_commits_and_with_nothing_at_all(tmp_path: Path) -> None:
    empty = make_sandbox(tmp_path / "empty", commits=False)
    nothing = take_snapshot(empty.repo)
    assert nothing == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    empty.write("a.py")
    before = empty.state()
    one = take_snapshot(empty.repo)
    assert changed_paths(empty.repo, nothing, one) == [Change("a.py", "added")]
    assert empty.state() == before
    assert keep_tree(empty.repo, one, "r/1", "m")
    assert head_commit(empty.repo) is None


def test_without_identity_with_signing_and_failing_hooks(sandbox: Sandbox) -> None:
    sandbox.git("config", "commit.gpgsign", "true")
    sandbox.git("config", "gpg.program", "/bin/false")
    sandbox.git("config", "user.useConfigOnly", "true")
    sandbox.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n", 0o755)
    sandbox.write(".git/hooks/reference-transaction", "#!/bin/sh\nexit 1\n", 0o755)
    sandbox.write("n")
    commit = keep_tree(sandbox.repo, take_snapshot(sandbox.repo), "run/2", "säved")
    assert sandbox.git("log", "-1", "--format=%an %ae %cn %s%n%P", commit).split("\n")[:2] == [
        "fermata fermata@localhost fermata säved",
        "",
    ]
    assert sandbox.git("rev-parse", "refs/fermata/run/2").strip() == commit


def test_a_kept_tree_survives_garbage_collection(sandbox: Sandbox) -> None:
    sandbox.write("only-here", "precious\n")
    commit = keep_tree(sandbox.repo, take_snapshot(sandbox.repo), "run/1", "m")
    (sandbox.root / "only-here").unlink()
    sandbox.git("gc", "-q", "--prune=now")
    assert sandbox.git("show", f"{commit}:only-here") == "precious\n"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../heads/main",
        "a/../b",
        "/a",
        "a//b",
        "-f",
        "a b",
        "a.lock",
        "a/b.lock",
        "a..b",
        "a.",
        "a\n",
        "a@{1}",
        "x" * 65,
    ],
)
def test_refused_names_of_refs(sandbox: Sandbox, name: str) -> None:
    tree = take_snapshot(sandbox.repo)
    with pytest.raises(GitError, match="cannot name a snapshot"):
        keep_tree(sandbox.repo, tree, name, "m")


@pytest.mark.parametrize("name", ["orch_20260101_000000_ab12/3", "a", "A.b-c/d_e"])
def test_taken_names_of_refs_are_names_for_git(sandbox: Sandbox, name: str) -> None:
    keep_tree(sandbox.repo, take_snapshot(sandbox.repo), name, "m")
    sandbox.git("rev-parse", f"refs/fermata/{name}")


def test_ids_that_are_options_or_names_are_refused(sandbox: Sandbox) -> None:
    for odd in ("--output=canary", "HEAD", "abc", "g" * 40):
        with pytest.raises(GitError, match="not the full id"):
            changed_paths(sandbox.repo, odd, odd)
        with pytest.raises(GitError, match="not the full id"):
            keep_tree(sandbox.repo, odd, "r/1", "m")


def test_an_unknown_tree_is_an_error_and_not_an_empty_answer(sandbox: Sandbox) -> None:
    tree = take_snapshot(sandbox.repo)
    with pytest.raises(GitError, match="bad object"):
        changed_paths(sandbox.repo, tree, "1" * 40)
    with pytest.raises(GitError, match="bad object"):
        diff_text(sandbox.repo, tree, "1" * 40, 1000)


def test_detached_head_and_linked_worktree(sandbox: Sandbox, tmp_path: Path) -> None:
    side = tmp_path / "side"
    sandbox.git("worktree", "add", "-q", "--detach", str(side))
    (side / "only-side").write_text("s")
    found = Sandbox(side)
    tree = take_snapshot(found.repo)
    assert "only-side" in sandbox.names(tree)
    assert changed_paths(sandbox.repo, take_snapshot(sandbox.repo), tree) == [Change("only-side", "added")]


def test_a_change_in_the_second_of_the_index_and_of_equal_size_is_seen(sandbox: Sandbox) -> None:
    """git compares times in seconds; a copy of the index that is younger than the original would hide this change."""
    file = sandbox.write("racy", "aaaa")
    sandbox.git("add", "racy")
    stamp = int(time.time()) * 1_000_000_000
    os.utime(file, ns=(stamp, stamp))
    sandbox.git("update-index", "--refresh")
    before = take_snapshot(sandbox.repo)
    inode = os.stat(file).st_ino
    file.write_text("bbbb")
    os.utime(file, ns=(stamp, stamp))
    os.utime(sandbox.root / ".git/index", ns=(stamp, stamp))
    sandbox.git("config", "core.trustctime", "false")
    assert os.stat(file).st_ino == inode
    time.sleep(
        1.1 - time.time() % 1
    )  # into the next second, where a fresh copy would be taken as younger than the file
    assert changed_paths(sandbox.repo, before, take_snapshot(sandbox.repo)) == [Change("racy", "modified")]


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_change_behind_an_index_flag_is_seen(sandbox: Sandbox, flag: str) -> None:
    before = take_snapshot(sandbox.repo)
    sandbox.git("update-index", flag, "src/app.py")
    sandbox.write("src/app.py", "print('hidden')\n")
    assert sandbox.git("status", "--porcelain") == ""
    state = sandbox.state()
    assert changed_paths(sandbox.repo, before, take_snapshot(sandbox.repo)) == [Change("src/app.py", "modified")]
    assert sandbox.state() == state


def test_sparse_checkout_does_not_look_like_deletion(sandbox: Sandbox) -> None:
    sandbox.write("far/away.py")
    sandbox.commit()
    full = take_snapshot(sandbox.repo)
    sandbox.git("sparse-checkout", "set", "--cone", "src")
    assert not (sandbox.root / "far").exists()
    assert take_snapshot(sandbox.repo) == full
    sandbox.git("update-index", "--assume-unchanged", "far/away.py")
    assert take_snapshot(sandbox.repo) == full
    sandbox.write("far/new.py")
    assert changed_paths(sandbox.repo, full, take_snapshot(sandbox.repo)) == [Change("far/new.py", "added")]


def test_shallow_clone(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.commit("two")
    sandbox.git("clone", "-q", "--depth=1", f"file://{sandbox.root}", str(tmp_path / "shallow"))
    shallow = Sandbox(tmp_path / "shallow")
    assert take_snapshot(shallow.repo) == sandbox.git("rev-parse", "HEAD^{tree}").strip()


def test_submodule_by_its_head(sandbox: Sandbox, tmp_path: Path) -> None:
    other = make_sandbox(tmp_path / "other")
    sandbox.git("submodule", "--quiet", "add", str(other.root), "sub")
    sandbox.commit()
    before = take_snapshot(sandbox.repo)
    assert before == sandbox.git("rev-parse", "HEAD^{tree}").strip()
    sub = Sandbox(sandbox.root / "sub")
    sub.write("more")
    sub.commit()
    assert changed_paths(sandbox.repo, before, take_snapshot(sandbox.repo)) == [Change("sub", "modified")]
    assert "Subproject commit" in diff_text(sandbox.repo, before, take_snapshot(sandbox.repo), 10_000)


def with_submodule(sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    other = make_sandbox(tmp_path / "other")
    sandbox.git("submodule", "--quiet", "add", str(other.root), "deep/sub")
    sandbox.commit()
    return Sandbox(sandbox.root / "deep/sub")


def test_what_is_not_committed_in_a_submodule_is_seen_as_one_path(sandbox: Sandbox, tmp_path: Path) -> None:
    sub = with_submodule(sandbox, tmp_path)
    clean = take_snapshot(sandbox.repo)
    assert clean == sandbox.git("rev-parse", "HEAD^{tree}").strip()
    sub.write("src/app.py", "print(2)\n")
    state = sandbox.state()
    changed = take_snapshot(sandbox.repo)
    assert changed_paths(sandbox.repo, clean, changed) == [Change("deep/sub", "modified")]
    assert take_snapshot(sandbox.repo) == changed
    sub.write("new.py")
    assert changed_paths(sandbox.repo, changed, take_snapshot(sandbox.repo)) == [Change("deep/sub", "modified")]
    (sub.root / "new.py").unlink()
    assert take_snapshot(sandbox.repo) == changed
    assert sandbox.state() == state
    sub.git("checkout", "-q", "src/app.py")
    sub.write("x.log")
    assert take_snapshot(sandbox.repo) == clean


def test_a_submodule_in_a_submodule_is_seen(sandbox: Sandbox, tmp_path: Path) -> None:
    inner = make_sandbox(tmp_path / "inner")
    sub = with_submodule(sandbox, tmp_path)
    sub.git("submodule", "--quiet", "add", str(inner.root), "in")
    sub.commit()
    sandbox.commit()
    clean = take_snapshot(sandbox.repo)
    Sandbox(sub.root / "in").write("README.md", "changed\n")
    assert changed_paths(sandbox.repo, clean, take_snapshot(sandbox.repo)) == [Change("deep/sub", "modified")]


def test_an_uninitialised_submodule_is_its_commit_until_there_are_files(sandbox: Sandbox, tmp_path: Path) -> None:
    sub = with_submodule(sandbox, tmp_path)
    clean = take_snapshot(sandbox.repo)
    sandbox.git("submodule", "--quiet", "deinit", "deep/sub")
    assert take_snapshot(sandbox.repo) == clean
    sub.write("src/strange.py")
    seen = take_snapshot(sandbox.repo)
    assert changed_paths(sandbox.repo, clean, seen) == [Change("deep/sub", "modified")]
    assert take_snapshot(sandbox.repo) == seen


def test_a_submodule_whose_git_folder_lies_elsewhere_is_an_error(sandbox: Sandbox, tmp_path: Path) -> None:
    sub = with_submodule(sandbox, tmp_path)
    elsewhere = make_sandbox(tmp_path / "elsewhere")
    (sub.root / ".git").write_text(f"gitdir: {elsewhere.root}/.git\n")
    with pytest.raises(GitError, match=r"the submodule deep/sub: its git folder .*/elsewhere/\.git is not inside"):
        take_snapshot(sandbox.repo)
    assert not (elsewhere.root / ".git/fermata").exists()


def test_untracked_repositories_inside_are_files_and_other_worktrees_are_not_ours(sandbox: Sandbox) -> None:
    before = take_snapshot(sandbox.repo)
    unborn = make_sandbox(sandbox.root / "unborn", commits=False)
    unborn.write("hidden.py")
    unborn.write(".gitignore", "*.tmp\n")
    unborn.write("a.tmp")
    cloned = make_sandbox(sandbox.root / "deep/cloned")
    cloned.write("extra")
    sandbox.git("worktree", "add", "-q", "--detach", "wt")
    paths = [change.path for change in changed_paths(sandbox.repo, before, take_snapshot(sandbox.repo))]
    inside = ["deep/cloned/.gitignore", "deep/cloned/README.md", "deep/cloned/extra", "deep/cloned/src/app.py"]
    assert paths == [*inside, "unborn/.gitignore", "unborn/hidden.py"]


def test_file_and_folder_change_places(sandbox: Sandbox) -> None:
    sandbox.write("one/inner.py")
    sandbox.write("two", "file\n")
    sandbox.write("moved/inner.py")
    sandbox.commit()
    before = take_snapshot(sandbox.repo)
    (sandbox.root / "one/inner.py").unlink()
    (sandbox.root / "one").rmdir()
    sandbox.write("one", "file now\n")
    (sandbox.root / "two").unlink()
    sandbox.write("two/inner.py")
    (sandbox.root / "moved").rename(sandbox.root / "elsewhere")
    (sandbox.root / "moved").symlink_to("elsewhere")
    assert changed_paths(sandbox.repo, before, take_snapshot(sandbox.repo)) == [
        Change("elsewhere/inner.py", "added"),
        Change("moved", "added"),
        Change("moved/inner.py", "deleted"),
        Change("one", "added"),
        Change("one/inner.py", "deleted"),
        Change("two", "deleted"),
        Change("two/inner.py", "added"),
    ]


def test_a_folder_moved_behind_an_ignored_link_is_gone(sandbox: Sandbox) -> None:
    """Through the link each file still looks unchanged to git, down to its inode."""
    sandbox.write("moved/inner.py")
    sandbox.write(".gitignore", "/moved\n")
    sandbox.git("add", "-f", "moved")
    sandbox.commit()
    before = take_snapshot(sandbox.repo)
    (sandbox.root / "moved").rename(sandbox.root / "elsewhere")
    (sandbox.root / "moved").symlink_to("elsewhere")
    after = take_snapshot(sandbox.repo)
    assert Change("moved/inner.py", "deleted") in changed_paths(sandbox.repo, before, after)


def test_very_deep_folders(sandbox: Sandbox) -> None:
    before = take_snapshot(sandbox.repo)
    blob = sandbox.git("rev-parse", "HEAD:README.md").strip()
    sandbox.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{'d/' * 1500}f.py")
    assert take_snapshot(sandbox.repo) == before  # in the index only, so it was deleted


def test_during_a_conflicted_merge(sandbox: Sandbox) -> None:
    sandbox.git("checkout", "-q", "-b", "side")
    sandbox.write("README.md", "side\n")
    (sandbox.root / "src/app.py").unlink()
    sandbox.commit()
    sandbox.git("checkout", "-q", "main")
    sandbox.write("README.md", "main\n")
    sandbox.write("src/app.py", "print('main')\n")
    sandbox.commit()
    sandbox.git("merge", "side", code=1)
    state = sandbox.state()
    tree = take_snapshot(sandbox.repo)
    assert "<<<<<<<" in sandbox.git("show", f"{tree}:README.md")
    assert sandbox.state() == state
    assert operation_in_progress(sandbox.repo) == "merge"


def test_intent_to_add_counts_with_its_content(sandbox: Sandbox) -> None:
    sandbox.write("planned", "text\n")
    sandbox.git("add", "-N", "planned")
    assert sandbox.git("show", f"{take_snapshot(sandbox.repo)}:planned") == "text\n"


def test_a_split_index_is_read(sandbox: Sandbox) -> None:
    expected = take_snapshot(sandbox.repo)
    sandbox.git("update-index", "--split-index")
    sandbox.git("config", "core.splitIndex", "true")
    sandbox.git("config", "splitIndex.maxPercentChange", "0")
    sandbox.write("late")
    sandbox.git("add", "late")
    state = sandbox.state()
    sandbox.write("later")
    tree = take_snapshot(sandbox.repo)
    assert changed_paths(sandbox.repo, expected, tree) == [Change("late", "added"), Change("later", "added")]
    (sandbox.root / "later").unlink()
    assert sandbox.state() == state


def test_a_held_index_lock_does_not_matter(sandbox: Sandbox) -> None:
    (sandbox.root / ".git/index.lock").write_text("")
    sandbox.write("n")
    assert "n" in sandbox.names(take_snapshot(sandbox.repo))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_an_error_and_not_left_out(sandbox: Sandbox) -> None:
    sandbox.write("locked", mode=0o000)
    with pytest.raises(GitError, match="locked"):
        take_snapshot(sandbox.repo)


def test_a_fifo_and_a_dangling_link_do_not_hang(sandbox: Sandbox) -> None:
    os.mkfifo(sandbox.root / "pipe")
    (sandbox.root / "dangling").symlink_to("nowhere")
    names = sandbox.names(take_snapshot(sandbox.repo))
    assert "dangling" in names
    assert "pipe" not in names


def test_devices_that_a_sandbox_lays_over_files_are_no_content(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bwrap makes an empty file and mounts /dev/null on it; `readdir` still calls it a file, so git lists it."""
    before = take_snapshot(sandbox.repo)
    sandbox.write(".bashrc", "")
    sandbox.write(".mcp.json", "{}")
    sandbox.git("add", ".mcp.json")
    sandbox.write(".mcp.json", "{ }")
    real = os.lstat
    covered = {os.path.join(os.fsencode(sandbox.root), name) for name in (b".bashrc", b".mcp.json")}
    monkeypatch.setattr(os, "lstat", lambda path, **k: real("/dev/null") if path in covered else real(path, **k))
    assert take_snapshot(sandbox.repo) == before
    monkeypatch.undo()
    assert sandbox.uncommitted() == [".bashrc", ".mcp.json"]


def test_temporary_folders_of_killed_processes_are_removed(sandbox: Sandbox) -> None:
    old = sandbox.root / ".git/fermata/index-old"
    young = sandbox.root / ".git/fermata/index-young"
    old.mkdir(parents=True)
    young.mkdir()
    (old / "index").write_text("x")
    os.utime(old, (time.time() - 4000, time.time() - 4000))
    take_snapshot(sandbox.repo)
    assert os.listdir(old.parent) == ["index-young"]


def test_no_program_of_the_repository_runs(sandbox: Sandbox, tmp_path: Path) -> None:
    """Every place where configuration can name a program holds one that leaves a canary."""
    canary = tmp_path / "canary"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{canary}'\ncat\n")
    program.chmod(0o755)
    other = make_sandbox(tmp_path / "other")
    sandbox.git("submodule", "--quiet", "add", str(other.root), "sub")
    sandbox.write(".gitattributes", "* filter=evil diff=evil\n*.bin filter=evil2\n")
    sandbox.commit()
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "reference-transaction", "pre-commit", "post-checkout", "pre-auto-gc"):
        (hooks / name).symlink_to(program)
    for root in (sandbox, Sandbox(sandbox.root / "sub")):
        for key in ("core.fsmonitor", "core.pager", "diff.external", "core.editor", "gpg.program", "core.sshCommand"):
            root.git("config", key, str(program))
        for key in ("diff.evil.textconv", "diff.evil.command", "filter.evil.clean", "filter.evil2.process"):
            root.git("config", key, str(program))
        root.git("config", "filter.evil.required", "true")
        root.git("config", "core.hooksPath", str(hooks))
        root.git("config", "commit.gpgsign", "true")
        root.git("config", "log.showSignature", "true")
    (sandbox.root / "sub/.gitattributes").write_text("* filter=evil\n")
    (sandbox.root / "sub/README.md").write_text("HELLO\n")
    canary.unlink(missing_ok=True)

    sandbox.write("README.md", "HELLO\n")
    sandbox.write("new.bin")
    os.utime(sandbox.root / "src/app.py")
    before = take_snapshot(sandbox.repo)
    sandbox.write("README.md", "changed\n")
    after = take_snapshot(sandbox.repo)
    keep_tree(sandbox.repo, after, "run/1", "m")
    assert changed_paths(sandbox.repo, before, after) == [Change("README.md", "modified")]
    assert "+changed" in diff_text(sandbox.repo, before, after, 10_000)
    assert sandbox.uncommitted() == ["README.md", "new.bin", "sub"]
    assert (head_commit(sandbox.repo), branch(sandbox.repo))[1] == "main"
    assert not canary.exists(), canary.read_text()
    sandbox.git("status")
    assert canary.exists()  # the traps do work: plain git steps into them


def test_diff_text_is_a_plain_unified_diff_and_is_cut_at_a_line(sandbox: Sandbox) -> None:
    before = take_snapshot(sandbox.repo)
    sandbox.write("README.md", "hullo\n")
    sandbox.git("config", "color.ui", "always")
    sandbox.git("config", "diff.noprefix", "true")
    text = diff_text(sandbox.repo, before, take_snapshot(sandbox.repo), 10_000)
    assert text.startswith("diff --git a/README.md b/README.md\n")
    assert text.endswith("-hello\n+hullo\n")
    sandbox.write("long.txt", "".join(f"line {number}\n" for number in range(100_000)))
    cut = diff_text(sandbox.repo, before, take_snapshot(sandbox.repo), 1000)
    *lines, mark = cut.splitlines()
    assert lines[-1].startswith("+line ")
    assert mark.startswith("[cut here: the diff is longer than 1,000 bytes; `git diff ")
    assert len("\n".join(lines)) <= 1000
    assert diff_text(sandbox.repo, before, before, 10) == ""
