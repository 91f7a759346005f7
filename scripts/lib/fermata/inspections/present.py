"""Whether the files that a specification names are there, hold something, and are not kept from git."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from ..core.scope import covers
from ..git.repo import run_git
from .changes import Finding, Misuse, Report

if TYPE_CHECKING:
    from .changes import Changes

MAY_BE_EMPTY = {"__init__.py", "__init__.pyi", "py.typed", ".gitkeep", ".keep", ".nojekyll"}


def find_missing(changes: Changes, paths: tuple[str, ...]) -> Report:
    """What is wrong with each of *paths*: a file, a folder, or a glob of which one file must be there.

    Raises:
        Misuse: a path that leads out of the work tree, or none at all.
    """
    if not paths:
        raise Misuse("no file was named; give each as --path P, relative to the repository's top")
    for path in paths:
        if path.startswith(("/", "~", "-")) or ".." in path.split("/") or not path.strip() or not path.isprintable():
            raise Misuse(
                f"--path {path[:100]!r} is not a path inside the repository; write it relative to its top, without `..`"
            )
    kept: list[str] | None = None
    found = []
    for given in paths:
        path = posixpath.normpath(given)
        whole = os.path.join(changes.root, path)
        if os.path.isfile(whole):
            found += _file(changes, path, whole)
            continue
        kept = kept if kept is not None else changes.all_paths()
        found += _folder_or_glob(path, whole, kept)
    return Report(found, len(paths), changes.notes)


def _file(changes: Changes, path: str, whole: str) -> list[Finding]:
    real = os.path.realpath(whole)
    if os.path.commonpath([real, os.path.realpath(changes.root)]) != os.path.realpath(changes.root):
        return [Finding(path, 0, "is a link that leads out of the repository", "outside")]
    if os.path.basename(path) not in MAY_BE_EMPTY and _blank(whole):
        return [Finding(path, 0, "is there, and there is nothing in it", "empty")]
    if run_git(changes.repo, "check-ignore", "-z", "--stdin", stdin=os.fsencode(path), ok=(0, 1)):
        return [Finding(path, 0, "is there, and git ignores it, so it would reach nobody", "ignored")]
    return []


def _blank(whole: str) -> bool:
    with open(whole, "rb") as file:
        return all(not block.strip() for block in iter(lambda: file.read(65_536), b""))


def _folder_or_glob(path: str, whole: str, kept: list[str]) -> list[Finding]:
    if os.path.isdir(whole):
        held = path == "." or any(name.startswith(f"{path}/") for name in kept)
        return [] if held else [Finding(path, 0, "is a folder that holds nothing git would keep", "empty")]
    if any(c in path for c in "*?"):
        return [] if any(covers([path], name) for name in kept) else [Finding(path, 0, "fits no file", "missing")]
    elsewhere = [name for name in kept if name.endswith(f"/{path}") or name.lower() == path.lower()][:3]
    hint = f"; is it {' or '.join(elsewhere)}?" if elsewhere else ""
    return [Finding(path, 0, f"is not there{hint}", "missing")]
