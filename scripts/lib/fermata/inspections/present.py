"""Whether the files that a specification names are there, hold something, and are not kept from git."""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING

from ..core.scope import covers
from ..git.repo import run_git
from .changes import Finding, Misuse, Report
from .source_files import GENERATED_NAME

if TYPE_CHECKING:
    from .changes import Changes

BRACES = re.compile(r"\{([^{},]+(?:,[^{},]+)+)\}")
# Where builds put what they make; that it is there can be asked for, that it is committed cannot.
OUTPUT = {"dist", "build", "out", "target", "coverage", "gen", "generated", ".next", ".nuxt", "_build", "_site"}
BUILT = "git ignores it, as what a build makes; it comes with no commit"
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
    for path in [posixpath.normpath(one) for given in paths for one in _alternatives(given)]:
        whole = os.path.join(changes.root, path)
        if os.path.isfile(whole):
            found += _file(changes, path, whole)
            continue
        kept = kept if kept is not None else changes.all_paths()
        wrong = _folder_or_glob(path, whole, kept)
        meant = _meant(changes, path, wrong[0], kept) if wrong else None
        changes.notes += [f"{path}: {meant[0]}"] if meant else []
        found += meant[1] if meant else wrong
    return Report(found, len(paths), changes.notes)


def _meant(changes: Changes, path: str, wrong: Finding, kept: list[str]) -> tuple[str, list[Finding]] | None:
    """What a specification may have meant by *path* instead, and what is wrong with that; None where it is just not there.

    It names what a phase removes, and what a build makes, too. And `cd web && npm test -- x.test.js` speaks of `web/`.
    """
    whole = os.path.join(changes.root, path)
    if _is_output(path) and os.path.isdir(whole) and os.listdir(whole):
        return BUILT, []
    if changes.was_there(path):
        return "was there at the base and has been removed", []
    if wrong.rule != "missing":
        return None
    files = [name for name in kept if covers([f"**/{path}"], name) and os.path.isfile(os.path.join(changes.root, name))]
    if files:
        return f"taken for {files[0]}", _file(changes, files[0], os.path.join(changes.root, files[0]))
    inside = [name for name in kept if covers([f"**/{path}/**"], name)]
    return (f"taken for the folder of {inside[0]}", []) if inside else None


def _is_output(path: str) -> bool:
    return bool(OUTPUT & set(path.split("/"))) or GENERATED_NAME.search(posixpath.basename(path)) is not None


def _alternatives(path: str) -> list[str]:
    """`src/{a,b}.ts` as the two that it stands for."""
    found = BRACES.search(path)
    if not found:
        return [path]
    return [path[: found.start()] + part.strip() + path[found.end() :] for part in found[1].split(",")]


def _file(changes: Changes, path: str, whole: str) -> list[Finding]:
    real = os.path.realpath(whole)
    if os.path.commonpath([real, os.path.realpath(changes.root)]) != os.path.realpath(changes.root):
        return [Finding(path, 0, "is a link that leads out of the repository", "outside")]
    if os.path.basename(path) not in MAY_BE_EMPTY and _blank(whole):
        return [Finding(path, 0, "is there, and there is nothing in it", "empty")]
    if run_git(changes.repo, "check-ignore", "-z", "--stdin", stdin=os.fsencode(path), ok=(0, 1)):
        if _is_output(path):
            changes.notes.append(f"{path}: {BUILT}")
            return []
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
    elsewhere = [name for name in kept if name.lower() == path.lower()][:3]
    hint = f"; is it {' or '.join(elsewhere)}?" if elsewhere else ""
    return [Finding(path, 0, f"is not there{hint}", "missing")]
