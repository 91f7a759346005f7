"""What an inspection looks at: the files that differ from a base, their text, and which of their lines are new.

Decides what can be judged at all (no links, no devices, nothing binary or huge) and keeps a note of what was not.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING, NamedTuple

from ..git.repo import find_repo, path_text, run_git, without_repo
from ..git.run import GitError
from ..git.snapshot import changed_paths, take_snapshot
from ..store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..git.repo import Repo

MAX_BYTES = 1_000_000  # of one file
MAX_TOTAL = 60_000_000  # of all files that are read for one inspection
HUNK = re.compile(rb"@@ -\S+ \+(\d+)(?:,(\d+))? @@")


class Misuse(StoreError):
    """What was asked for cannot be judged; `str()` says why and what to write instead."""

    exit_code = 8


class Finding(NamedTuple):
    """One thing that is wrong: `line` counts from 1 and is 0 where it is about the whole file."""

    path: str
    line: int
    what: str
    rule: str


class Report(NamedTuple):
    """What an inspection found; `judged` says how much was looked at, `notes` what was not and why."""

    findings: list[Finding]
    judged: int
    notes: list[str]


class Changed(NamedTuple):
    """One file that differs from the base; `new` when the base has none of that name."""

    path: str
    new: bool


class Changes:
    """The work tree, and what in it differs from *base* (a commit, tree or branch; HEAD if not said).

    Raises:
        Misuse: *base* is not known here, or there is no repository.
        GitError: the tree cannot be read.
    """

    def __init__(self, start: str, base: str | None = None) -> None:
        found = find_repo(start)
        if found is None:
            raise Misuse(without_repo(start))
        self.repo = found
        self.base = _tree_of(found, base)
        self.now = take_snapshot(found)
        changes = changed_paths(found, self.base, self.now)
        self.files = [Changed(c.path, c.kind == "added") for c in changes if c.kind != "deleted"]
        self.notes: list[str] = []
        self._room = MAX_TOTAL

    @property
    def root(self) -> str:
        """The top of the work tree."""
        return self.repo.root

    def all_paths(self) -> list[str]:
        """Every path of the tree as it is now, changed or not."""
        listed = run_git(self.repo, "ls-tree", "-r", "-z", "--name-only", self.now).split(b"\0")[:-1]
        return [path_text(path) for path in listed]

    def was_there(self, path: str) -> bool:
        """Whether the base has a file or folder of that name."""
        return bool(run_git(self.repo, "--literal-pathspecs", "ls-tree", "-z", self.base, "--", path))

    def texts(self, wanted: Callable[[str], bool]) -> Iterator[tuple[Changed, str]]:
        """Each changed file that *wanted* takes, with its text; what cannot be judged leaves a note.

        Raises:
            Misuse: together they are more than one inspection reads.
        """
        for file in self.files:
            if not wanted(file.path):
                continue
            text, why = read_text(os.path.join(self.root, file.path))
            if text is None:
                self.notes += [f"{file.path}: {why}, so it was not judged"] if why else []
                continue
            self._room -= len(text)
            if self._room < 0:
                raise Misuse(
                    f"more than {MAX_TOTAL:,} characters of code changed since the base; inspect in smaller parts"
                )
            yield file, text

    def without_old_lines(self, findings: list[Finding]) -> list[Finding]:
        """Those of *findings* that are about a line which the base does not have."""
        known = {file.path for file in self.files if not file.new}
        added = self._added(sorted({f.path for f in findings} & known))
        return [f for f in findings if f.path not in known or any(f.line in lines for lines in added.get(f.path, []))]

    def _added(self, paths: list[str]) -> dict[str, list[range]]:
        options = ("-p", "-U0", "-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")
        found: dict[str, list[range]] = {}
        for path in paths:  # one by one: a path in a diff's header is quoted, the one asked for is not
            out = run_git(self.repo, "--literal-pathspecs", "diff-tree", *options, self.base, self.now, "--", path)
            hunks = [HUNK.match(line) for line in out.split(b"\n") if line.startswith(b"@@")]
            found[path] = [range(int(h[1]), int(h[1]) + int(h[2] or 1)) for h in hunks if h]
        return found


def _tree_of(repo: Repo, base: str | None) -> str:
    name = base or "HEAD"
    if name.startswith("-") or not name.isprintable():
        raise Misuse(f"--base {name[:60]!r} names no commit; give a commit, a tree or a branch")
    try:
        return run_git(repo, "rev-parse", "--verify", "--quiet", f"{name}^{{tree}}").decode().strip()
    except GitError:
        if base is None:  # nothing was ever committed
            return run_git(repo, "hash-object", "-t", "tree", "-w", "--stdin").decode().strip()
        raise Misuse(f"--base {name[:60]!r} is not known in {repo.root}; give a commit, a tree or a branch") from None


def read_text(path: str) -> tuple[str | None, str]:
    """The text of a file, or None and why there is none to judge; "" where nobody would miss it."""
    try:
        mode = os.lstat(path)
        if not stat.S_ISREG(mode.st_mode):
            return None, ""  # a link is judged where it leads, if that changed
        if mode.st_size > MAX_BYTES:
            return None, f"it is larger than {MAX_BYTES:,} bytes"
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        return None, f"it cannot be read ({getattr(error, 'strerror', None) or error})"
    if b"\0" in raw[:8_000]:
        return None, "it is binary"
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")  # every byte is a character: lines and comments stay what they are
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " "), ""
