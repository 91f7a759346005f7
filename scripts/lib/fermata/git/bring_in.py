"""Brings the change that was made in a worktree into the user's tree, path by path, or not at all.

A path is touched only if it still is as it was when the worktree began. A file is replaced at one stroke or made where
nothing lies, so nothing of the user's is ever overwritten, and the index, HEAD and branches stay as they are. Brought in
again after a crash, what is there already is left, and the rest follows. No hook, filter or other program runs.
"""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager, suppress
from itertools import count
from stat import S_ISDIR
from typing import TYPE_CHECKING, NamedTuple

from .repo import Repo, no_filters
from .run import path_text, run_git
from .snapshot import keep_tree, private_index, take_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Entry = tuple[bytes, bytes]  # mode and object id
ABSENT, SUBMODULE = b"000000", b"160000"


class Brought(NamedTuple):
    """The paths of the change, and why some could not be brought in: then none was begun, or the user's own came between."""

    paths: list[str]
    conflicts: list[str]


class Change(NamedTuple):
    """One path of it: what was there when the worktree began, and what is to be there."""

    path: bytes
    old: Entry
    new: Entry


def bring_in(repo: Repo, base: str, tree: str, wanted: Callable[[str], bool], ref_name: str) -> Brought:
    """Make of *repo*'s work tree what *tree* made of *base*.

    Args:
        repo: the user's tree.
        base: the tree that the worktree began with.
        tree: the worktree's, as it was accepted.
        wanted: whether a path (as text) is part of it; all others are left out.
        ref_name: the tree as it is now is kept under `refs/fermata/<ref_name>` before anything is changed.

    Raises:
        GitError, OSError: part of it may be there; calling again goes on.
    """
    change = [entry for entry in entries(repo, (base, tree))[0].values() if wanted(path_text(entry.path))]
    paths = [path_text(entry.path) for entry in change]
    seen = {entry.path: identity(repo, entry.path) for entry in change}
    here = take_snapshot(repo)
    (moved,) = entries(repo, (base, here))
    todo = [c for c in change if (moved[c.path].new if c.path in moved else c.old) != c.new]
    gone = {c.path for c in todo if c.new[0] == ABSENT}
    conflicts = [why for c in todo if (why := conflict(repo, c, moved, gone))]
    if conflicts or not todo:
        return Brought(paths, conflicts)
    keep_tree(repo, here, ref_name, "fermata: before a change was brought in")
    return Brought(paths, _apply(repo, tree, sorted(todo, key=lambda c: c.new[0] != ABSENT), seen))


def entries(repo: Repo, *pairs: tuple[str, str]) -> list[dict[bytes, Change]]:
    """What differs between the two trees of each pair, by raw path; all of them with one process."""
    found: list[dict[bytes, Change]] = [{} for _ in pairs]
    apart = [number for number, (before, after) in enumerate(pairs) if before != after]
    options = ("-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--stdin")
    stdin = "".join(f"{pairs[number][0]} {pairs[number][1]}\n" for number in apart).encode()
    fields = iter(run_git(repo, "diff-tree", *options, stdin=stdin).split(b"\0") if apart else [])
    turn = iter(apart)
    for field in fields:
        row = field
        if not row.startswith(b":"):  # a pair's own line stands before its first row
            head, _, row = row.partition(b"\n")
            if not head:
                continue
            into = found[next(turn)]
        old_mode, new_mode, old, new, _ = row[1:].split(b" ")
        path = next(fields)
        into[path] = Change(path, (old_mode, old), (new_mode, new))
    return found


def identity(repo: Repo, path: bytes) -> tuple[int, ...] | None:
    """What changes when somebody writes to *path* or puts something else there; None where no file or link is."""
    try:
        found = os.lstat(os.path.join(os.fsencode(repo.root), path))
    except OSError:
        return None
    if S_ISDIR(found.st_mode):
        return None
    return found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def conflict(repo: Repo, change: Change, moved: dict[bytes, Change], gone: set[bytes]) -> str | None:
    shown = path_text(change.path)
    if SUBMODULE in (change.old[0], change.new[0]):
        return f"{shown} is a submodule"
    if change.path in moved:
        return f"{shown} has changed since"
    place = os.path.join(os.fsencode(repo.root), change.path)
    if change.old[0] == ABSENT and os.path.lexists(place) and not _only(place, repo, gone):
        return f"{shown} is there already"
    blocked = _no_folder(repo, change.path, gone)
    return f"{path_text(blocked)}, which should be a folder, is none" if blocked else None


def _no_folder(repo: Repo, path: bytes, gone: set[bytes]) -> bytes | None:
    """What lies above *path* and is neither a folder nor to go."""
    folder = os.path.dirname(path)
    while folder:
        full = os.path.join(os.fsencode(repo.root), folder)
        if os.path.lexists(full) and folder not in gone and (os.path.islink(full) or not os.path.isdir(full)):
            return folder
        folder = os.path.dirname(folder)
    return None


def in_the_way(repo: Repo, base: str, tree: str) -> list[str]:
    """What lies where the change from the tree *base* to *tree* makes something new, ignored files included; sorted.

    The work tree is taken to hold the tracked files as *base* has them. Nothing is changed. Raises GitError.
    """
    change = entries(repo, (base, tree))[0].values()
    gone = {one.path for one in change if one.new[0] == ABSENT}
    new = [one.path for one in change if one.old[0] == ABSENT]
    places = [(path, os.path.join(os.fsencode(repo.root), path)) for path in new]
    there = {path for path, place in places if os.path.lexists(place) and not _only(place, repo, gone)}
    above = {blocked for path in new if (blocked := _no_folder(repo, path, gone)) is not None}
    return sorted(map(path_text, there | above))


def _only(place: bytes, repo: Repo, gone: set[bytes]) -> bool:
    """Whether *place* is a folder in which all is to go."""
    top = os.fsencode(repo.root)
    if os.path.islink(place) or not os.path.isdir(place):
        return os.path.relpath(place, top) in gone
    return all(_only(os.path.join(place, name), repo, gone) for name in os.listdir(place))


def _apply(repo: Repo, tree: str, todo: list[Change], seen: dict[bytes, tuple[int, ...] | None]) -> list[str]:
    """Bring *todo* in, what goes first. Gives what the user has changed meanwhile, and stops there."""
    with staged(repo, tree, [change.path for change in todo if change.new[0] != ABSENT]) as stage:
        for change in todo:
            if identity(repo, change.path) != seen[change.path] or not put(repo, change, stage):
                return [f"{path_text(change.path)} has changed since"]
    return []


@contextmanager
def staged(
    repo: Repo, source: str | bytes, paths: list[bytes], quiet: tuple[str, ...] | None = None
) -> Iterator[bytes]:
    """A folder in the work tree in which *paths* lie as *source* has them, on the disk; `put` takes them from there.

    Line ends are as the attributes in the work tree say.

    Args:
        repo: the work tree.
        source: a tree, or entries as `git update-index --index-info` reads them, which takes less time.
        paths: raw.
        quiet: what `no_filters` said a moment ago, where it was asked.
    """
    quiet = no_filters(repo) if quiet is None else quiet
    with private_index(repo, beside_the_files=True) as index:
        stage = os.fsencode(f"{os.path.dirname(index)}/files")
        if paths:
            if isinstance(source, bytes):
                run_git(repo, "update-index", "-z", "--index-info", index=index, stdin=source)
            else:
                run_git(repo, "read-tree", source, index=index)
            prefix = f"--prefix={os.path.relpath(os.fsdecode(stage), repo.root)}/"
            stdin = b"".join(path + b"\0" for path in paths)
            run_git(repo, *quiet, "checkout-index", "-z", "--stdin", prefix, index=index, stdin=stdin)
            _sync(stage, paths)
        yield stage


def _sync(stage: bytes, paths: list[bytes]) -> None:
    """On the disk before they are put in place: no crash may leave half a file where a whole one was."""
    for path in paths:
        full = os.path.join(stage, path)
        if not os.path.islink(full):
            handle = os.open(full, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def put(repo: Repo, change: Change, stage: bytes, aside: bytes | None = None) -> bool:
    """One path at one stroke; False when something has come to lie where nothing was.

    What is to go is moved to the folder *aside*, where there is one.
    """
    top = os.fsencode(repo.root)
    place, ready = os.path.join(top, change.path), os.path.join(stage, change.path)
    if change.new[0] == ABSENT:
        if aside is None:
            os.unlink(place)
        else:
            _move(place, os.path.join(aside, change.path))
        _remove_empty(top, os.path.dirname(change.path))
        return True
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if change.old[0] != ABSENT:
        os.replace(ready, place)
        return True
    if os.path.isdir(place) and not os.path.islink(place):  # what was in it has gone before
        for folder, _, _ in os.walk(place, topdown=False):
            with suppress(OSError):
                os.rmdir(folder)
    try:
        os.link(ready, place, follow_symlinks=False)
    except FileExistsError:
        return False
    except (OSError, NotImplementedError):  # a file system without links
        if os.path.lexists(place):
            return False
        os.rename(ready, place)
    return True


def _move(place: bytes, target: bytes) -> None:
    """Never over what lies there; across file systems the copy is whole on the disk before the original goes."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    target = next(name for n in count() if not os.path.lexists(name := target + b".%d" % n * bool(n)))
    try:
        os.rename(place, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copy2(place, target, follow_symlinks=False)
        _sync(os.path.dirname(target), [os.path.basename(target)])
        os.unlink(place)


def _remove_empty(top: bytes, folder: bytes) -> None:
    """Remove *folder* and those above it, as far as nothing is in them; never the top."""
    with suppress(OSError):
        while folder:
            os.rmdir(os.path.join(top, folder))
            folder = os.path.dirname(folder)
