"""Throw-away repositories whose every part a test can compare before and after."""

from __future__ import annotations

import hashlib
import os
import subprocess
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


def make_sandbox(root: Path, *, commits: bool = True) -> Sandbox:
    root.mkdir(parents=True, exist_ok=True)
    sandbox = Sandbox(root)
    sandbox.git("init", "-q", "-b", "main")
    if commits:
        sandbox.write("src/app.py", "print(1)\n")
        sandbox.write("README.md", "hello\n")
        sandbox.write(".gitignore", "*.log\nignored/\n")
        sandbox.commit()
    return sandbox
