"""Finds what lies in a work tree, as git tells it: what is tracked, what has changed, what is not tracked; raw paths.

It looks and decides what of it a snapshot has to look at; it stores nothing and changes nothing.
"""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from .by_products import BY_PRODUCTS, without_by_products
from .repo import Repo, find_repo
from .run import run_git


class Listing(NamedTuple):
    """What lies there, as raw paths; `assumed` and `skipped` are entries that git was told not to look at.

    `links` are submodules.
    """

    tracked: set[bytes]
    untracked: set[bytes]
    assumed: set[bytes]
    skipped: set[bytes]
    links: set[bytes]


def list_files(repo: Repo, index: str | None = None) -> Listing:
    """Ask git, with another *index* than the repository's; no content is looked at. Raises GitError."""
    excludes = [f"--exclude={rule}" for rule in BY_PRODUCTS]
    options = ("-z", "-v", "-s", "--cached", "--others", "--exclude-standard", *excludes)
    listing = Listing(set(), set(), set(), set(), set())
    records = run_git(repo, "ls-files", *options, index=index).split(b"\0")
    listing.tracked.update([record[record.index(b"\t") + 1 :] for record in records if record[:4] == b"H 10"])
    for record in records:
        if record[:4] == b"H 10":  # nearly all
            continue
        tag = record[:1]
        if tag == b"?":
            listing.untracked.add(record[2:])
        elif tag:
            entry, _, path = record[2:].partition(b"\t")
            listing.tracked.add(path)
            if entry.startswith(b"160000"):
                listing.links.add(path)
            if tag.islower():
                listing.assumed.add(path)
            if tag.upper() == b"S":
                listing.skipped.add(path)
    return listing


def changed_files(repo: Repo, quiet: tuple[str, ...], index: str) -> set[bytes]:
    """The tracked files that are not as *index* has them, gone or in conflict among them; raw paths.

    Only those that git looks at: neither assumed nor skipped ones. A submodule counts by its commit. Options *quiet*
    are what `no_filters` said: files as young as the index are read. Raises GitError.
    """
    fields = run_git(
        repo, *quiet, "diff-files", "--raw", "-z", "--no-renames", "--ignore-submodules=dirty", index=index
    )
    return set(fields.split(b"\0")[1::2])


def untracked_files(repo: Repo, listing: Listing) -> set[bytes]:
    """The untracked files that are somebody's work, those of untracked repositories inside among them."""
    plain = {path for path in listing.untracked if not path.endswith(b"/")}
    nested = (_nested_files(repo, path) for path in listing.untracked - plain)
    return without_by_products(repo.root, plain.union(*nested)) - devices(os.fsencode(repo.root), plain)


def devices(top: bytes, paths: set[bytes]) -> set[bytes]:
    """Those of *paths* at which a device, socket or pipe lies: nothing that git could store.

    A sandbox lays a device over each file that it does not want to be made, and git lists what lies below it.
    """
    return {path for path in paths if _is_device(os.path.join(top, path))}


def _is_device(path: bytes) -> bool:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode))


def without_folder(top: bytes, paths: set[bytes]) -> set[bytes]:
    """Those of *paths* with something above them that is no folder any more (now a symbolic link or a file)."""
    real: dict[bytes, bool] = {b"": True}

    def is_folder(folder: bytes) -> bool:
        todo = []
        while folder not in real:
            todo.append(folder)
            folder = os.path.dirname(folder)
        for below in reversed(todo):  # no recursion: a path may have 2,000 folders
            full = os.path.join(top, below)
            real[below] = real[os.path.dirname(below)] and not os.path.islink(full) and not os.path.isfile(full)
        return real[(todo or [folder])[0]]

    lost = {folder for folder in {path.rpartition(b"/")[0] for path in paths} if not is_folder(folder)}
    return {path for path in paths if path.rpartition(b"/")[0] in lost} if lost else set()


def _nested_files(repo: Repo, folder: bytes) -> set[bytes]:
    """The files of an untracked repository inside the work tree, as git ignores and lists them there."""
    place = os.path.join(os.fsencode(repo.root), folder.rstrip(b"/"))
    inner = find_repo(os.fsdecode(place))
    if inner is None or os.fsencode(inner.root) != place or inner.common_dir == repo.common_dir:
        return set()
    listing = list_files(inner)
    files = {(path, os.path.join(place, path)) for path in listing.tracked | listing.untracked}
    return {folder + path for path, full in files if os.path.islink(full) or os.path.isfile(full)}
