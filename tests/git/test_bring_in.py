"""A change from a worktree in the user's tree: every kind of it, nothing of the user's lost, and whole after a crash anywhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fermata.git import bring_in as module
from fermata.git.bring_in import Brought, bring_in
from fermata.git.snapshot import changed_paths, take_snapshot
from tests.git.sandbox import Sandbox, make_sandbox

RUN = "orch_20261121_091502_3fa9"


def base(root: Path) -> Sandbox:
    sandbox = make_sandbox(root)
    sandbox.write("change.txt", "old\n")
    sandbox.write("delete.txt", "old\n")
    sandbox.write("folder/only", "old\n")
    sandbox.write("turn/into/file", "old\n")
    sandbox.write("file", "old\n")
    sandbox.write("run.sh", "exit 0\n")
    sandbox.write("to-link", "old\n")
    sandbox.write("other.txt", "old\n")
    sandbox.write(".gitattributes", "crlf.txt text eol=crlf\n")
    sandbox.write("crlf.txt", "a\r\n")
    os.symlink("change.txt", sandbox.root / "link")
    sandbox.commit()
    return sandbox


def work(sandbox: Sandbox) -> None:
    """What an agent can do to a tree."""
    sandbox.write("change.txt", "new\n")
    (sandbox.root / "delete.txt").unlink()
    (sandbox.root / "folder/only").unlink()
    shutil.rmtree(sandbox.root / "turn")
    sandbox.write("turn", "a file now\n")
    (sandbox.root / "file").unlink()
    sandbox.write("file/inside", "a folder now\n")
    (sandbox.root / "run.sh").chmod(0o755)
    (sandbox.root / "to-link").unlink()
    os.symlink("change.txt", sandbox.root / "to-link")
    (sandbox.root / "link").unlink()
    os.symlink("run.sh", sandbox.root / "link")
    sandbox.write("new dir/ünï 名.txt", "new\n")
    (sandbox.root / "bin.dat").write_bytes(bytes(range(256)))
    sandbox.write("crlf.txt", "a\r\nb\r\n")
    sandbox.write("tool", "#!/bin/sh\n", 0o755)


class Pair:
    """The user's tree, and the trees between which an agent's change lies."""

    def __init__(self, folder: Path) -> None:
        self.user = base(folder / "the user's")
        shutil.copytree(self.user.root, folder / "copy", symlinks=True)
        copy = Sandbox(folder / "copy")
        self.before = take_snapshot(self.user.repo)
        work(copy)
        copied = take_snapshot(copy.repo)
        self.after = copied
        objects = self.user.root / ".git/objects/info/alternates"
        objects.write_text(f"{copy.root}/.git/objects\n")

    def bring(self, wanted: Callable[[str], bool] = lambda _: True) -> Brought:
        return bring_in(self.user.repo, self.before, self.after, wanted, f"{RUN}/before")


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def test_every_kind_of_change_comes_in(pair: Pair) -> None:
    index, head = (pair.user.root / ".git/index").read_bytes(), pair.user.git("rev-parse", "HEAD")
    found = pair.bring()
    assert found.conflicts == []
    assert take_snapshot(pair.user.repo) == pair.after
    assert found.paths == [c.path for c in changed_paths(pair.user.repo, pair.before, pair.after)]
    assert (pair.user.root / "crlf.txt").read_bytes() == b"a\r\nb\r\n"
    assert os.access(pair.user.root / "run.sh", os.X_OK)
    assert os.readlink(pair.user.root / "link") == "run.sh"
    assert not (pair.user.root / "folder").exists()
    assert (pair.user.root / ".git/index").read_bytes() == index
    assert pair.user.git("rev-parse", "HEAD") == head
    assert pair.bring() == found, "again changes nothing"
    assert os.listdir(pair.user.root / ".fermata/worktrees") == []


def test_only_what_is_wanted_comes_in(pair: Pair) -> None:
    found = pair.bring(lambda path: path == "change.txt")
    assert found == Brought(["change.txt"], [])
    assert pair.user.uncommitted() == ["change.txt"]


def test_the_tree_before_is_kept(pair: Pair) -> None:
    pair.user.write("other.txt", "the user's\n")
    assert pair.bring().conflicts == []
    assert pair.user.git("show", f"refs/fermata/{RUN}/before:other.txt") == "the user's\n"
    assert pair.user.git("show", f"refs/fermata/{RUN}/before:change.txt") == "old\n"
    assert (pair.user.root / "other.txt").read_text() == "the user's\n"


def _ignored(user: Sandbox) -> None:
    user.write(".git/info/exclude", "tool\n")
    user.write("tool", "the user's secret\n")


def _parent_is_a_link(user: Sandbox) -> None:
    os.symlink("src", user.root / "new dir")


def _in_the_folder(user: Sandbox) -> None:
    user.write(".git/info/exclude", "*.secret\n")
    user.write("turn/into/my.secret", "x\n")


CLASHES: dict[str, tuple[Callable[[Sandbox], object], str]] = {
    "changed": (lambda u: u.write("change.txt", "mine\n"), "change.txt has changed since"),
    "deleted": (lambda u: (u.root / "change.txt").unlink(), "change.txt has changed since"),
    "mode": (lambda u: (u.root / "change.txt").chmod(0o755), "change.txt has changed since"),
    "made": (lambda u: u.write("bin.dat", "mine\n"), "bin.dat has changed since"),
    "changed-what-goes": (lambda u: u.write("delete.txt", "mine\n"), "delete.txt has changed since"),
    "ignored-file-there": (_ignored, "tool is there already"),
    "folder-is-a-link": (_parent_is_a_link, "new dir, which should be a folder, is none"),
    "ignored-in-a-folder-that-goes": (_in_the_folder, "turn is there already"),
}


@pytest.mark.parametrize("name", CLASHES)
def test_what_the_user_did_meanwhile_is_never_overwritten(pair: Pair, name: str) -> None:
    act, says = CLASHES[name]
    act(pair.user)
    before, files = take_snapshot(pair.user.repo), everything(pair.user)
    found = pair.bring()
    assert says in found.conflicts
    assert take_snapshot(pair.user.repo) == before
    assert everything(pair.user) == files, "nothing is begun"


def everything(sandbox: Sandbox) -> dict[str, str | bytes]:
    found: dict[str, str | bytes] = {}
    for place, folders, names in os.walk(sandbox.root):
        folders[:] = [f for f in folders if f not in (".git", ".fermata")]
        for name in names:
            path = os.path.join(place, name)
            found[path] = os.readlink(path) if os.path.islink(path) else Path(path).read_bytes()
    return found


def test_what_the_user_writes_in_the_very_moment_stays(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.put

    def late(*given: object) -> bool:
        pair.user.write("change.txt", "mine, just now\n")
        pair.user.write("tool", "mine, just now\n")
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "put", late)
    found = pair.bring()
    assert found.conflicts
    assert (pair.user.root / "change.txt").read_text() == "mine, just now\n"
    assert (pair.user.root / "tool").read_text() == "mine, just now\n"


CALLS = ("replace", "link", "unlink", "rmdir", "mkdir")  # what changes the user's tree


class Killed(BaseException):
    """As a crash at one call, whose clean-up does not run either."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("when", "each"),
    [
        pytest.param("after", 5, id="some"),
        pytest.param("before", 1, id="before-every", marks=pytest.mark.long),
        pytest.param("after", 1, id="after-every", marks=pytest.mark.long),
    ],
)
def test_a_crash_at_any_write_is_made_good_by_the_next_call(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, when: str, each: int
) -> None:
    root, start = pair.user.root, everything(pair.user)
    copy = root.parent / "start"
    shutil.copytree(root, copy, symlinks=True)
    wanted, real_apply = None, module._apply
    for number in range(1, 400, each):
        shutil.rmtree(root)
        shutil.copytree(copy, root, symlinks=True)
        assert everything(pair.user) == start
        count = 0

        def struck(name: str, real: Callable[..., object], at: int = number) -> Callable[..., object]:
            def call(*given: object, **named: object) -> object:
                nonlocal count
                count += 1
                if count == at and when == "before":
                    raise Killed(name)
                now = count == at
                try:
                    return real(*given, **named)
                finally:
                    if now:
                        raise Killed(name)

            return call

        def apply(*given: object) -> list[str]:
            with monkeypatch.context() as patched:
                for name in CALLS:
                    patched.setattr(os, name, struck(name, getattr(os, name)))
                patched.setattr(shutil, "rmtree", lambda *_a, **_k: None)  # what a killed process leaves
                return real_apply(*given)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(module, "_apply", apply)
            try:
                found = pair.bring()
            except Killed:
                found = None
        if found is not None:
            assert number > 20, "the faults reached nothing"
            break
        again = pair.bring()
        assert again.conflicts == []
        assert take_snapshot(pair.user.repo) == pair.after, f"struck at call {number}"
        wanted = wanted or everything(pair.user)
        assert everything(pair.user) == wanted
