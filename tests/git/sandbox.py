"""Throw-away repositories whose every part a test can compare before and after."""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from fermata.git.repo import Repo, find_repo
from fermata.git.snapshot import changed_paths, take_snapshot


class Sandbox:
    """A repository under test, driven by plain git as its user would."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def repo(self) -> Repo:
        found = find_repo(str(self.root))
        assert found is not None
        return found

    def git(self, *args: str, stdin: bytes | None = None, code: int = 0) -> str:
        user = ("-c", "user.name=U", "-c", "user.email=u@example.org", "-c", "protocol.file.allow=always")
        done = subprocess.run(["git", *user, *args], cwd=self.root, input=stdin, capture_output=True, check=False)
        assert done.returncode == code, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape")

    def write(self, path: str | bytes, text: str = "x\n", mode: int = 0o644) -> Path:
        full = Path(os.fsdecode(os.path.join(os.fsencode(self.root), os.fsencode(path))))
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text)
        full.chmod(mode)
        return full

    def commit(self, message: str = "c") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--no-verify", "--no-gpg-sign", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def uncommitted(self) -> list[str]:
        """Paths of the work tree that are not as HEAD has them."""
        return [
            c.path for c in changed_paths(self.repo, self.git("rev-parse", "HEAD").strip(), take_snapshot(self.repo))
        ]

    def names(self, tree: str) -> list[str]:
        return [name for name in self.git("ls-tree", "-r", "-z", "--name-only", tree).split("\0") if name]

    def state(self) -> dict[str, str]:
        """Hashes of all that is the user's: each file of the work tree and of `.git`, but no object or fermata file."""
        found = {}
        for place, folders, files in os.walk(os.fsencode(self.root)):
            if place.endswith(b"/.git") or b"/.git/modules/" in place:
                folders[:] = [name for name in folders if name not in {b"objects", b"fermata"}]
            for name in files:
                full = os.path.join(place, name)
                content = os.readlink(full) if os.path.islink(full) else Path(os.fsdecode(full)).read_bytes()
                found[os.fsdecode(full)] = hashlib.sha256(content).hexdigest()
        return {**found, "status": self.git("--no-optional-locks", "status", "--porcelain=v2", "--branch", "-z")}


def make_sandbox(root: Path, second: dict[str, str] | None = None, *, commits: bool = True) -> Sandbox:
    """A repository with one commit, and with the files of *second* in one more; or with none."""
    return copied(_model(tuple((second or {}).items()), commits=commits), root)


def copied(model: str, root: Path) -> Sandbox:
    """The repository *model* once more: to make it anew takes six processes of git, most of what a short test costs."""
    shutil.copytree(model, root, symlinks=True, dirs_exist_ok=True)
    sandbox = Sandbox(root)
    # The index knows its files by their inodes, too, and those are new.
    sandbox.git("update-index", "-q", "--refresh")
    return sandbox


def new_model() -> Sandbox:
    """An empty repository that is there as long as this process."""
    folder = tempfile.mkdtemp(prefix="sandbox-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    sandbox = Sandbox(Path(folder, "model"))
    sandbox.root.mkdir()
    sandbox.git("init", "-q", "-b", "main")
    for sample in sandbox.root.glob(".git/hooks/*.sample"):
        sample.unlink()
    return sandbox


@functools.cache
def _model(second: tuple[tuple[str, str], ...], *, commits: bool) -> str:
    sandbox = new_model()
    if commits:
        sandbox.write("src/app.py", "print(1)\n")
        sandbox.write("README.md", "hello\n")
        sandbox.write(".gitignore", "*.log\nignored/\n")
        sandbox.commit()
    if second:
        for path, text in second:
            sandbox.write(path, text)
        sandbox.commit()
    return str(sandbox.root)
