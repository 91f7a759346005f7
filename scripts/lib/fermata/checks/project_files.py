"""Reads a project's own files without trusting them: bounded, regular files only, nothing run or imported."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fermata.core.records import Json

FILES_LIMIT, BYTES_LIMIT = 500, 200_000
NOT_LOOKED_INTO = frozenset("build dist node_modules target testdata third_party vendor venv".split())


class Place(NamedTuple):
    """A folder that may be a project of its own: the repository's top (`folder` is empty) or a folder right below."""

    root: str
    folder: str

    def path(self, *parts: str) -> str:
        """The absolute path of something in it."""
        return os.path.join(self.root, self.folder, *parts)

    def shown(self, name: str) -> str:
        """The path of something in it as a person at the repository's top would write it."""
        return f"{self.folder}/{name}" if self.folder else name

    def has(self, name: str) -> bool:
        """Whether it holds a regular file of that name."""
        return os.path.isfile(self.path(name))


class Proposal(NamedTuple):
    """A command for one place, without `cd`; `why` names the file that told."""

    text: str
    why: str
    expect_tests: bool = True


def read_text(path: str) -> str | None:
    """The start of a regular file, or None; a FIFO would hang whoever opens it."""
    if not os.path.isfile(path):
        return None
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(BYTES_LIMIT)
    except OSError:
        return None


def read_toml(text: str) -> dict[str, Json] | None:
    """The table, empty where it is broken; None on a Python without a TOML reader (3.10)."""
    if sys.version_info >= (3, 11):
        import tomllib

        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            return {}
    return None


def folders_below(root: str, limit: int) -> list[str]:
    """Names of the first *limit* folders right below *root*, sorted; not hidden ones, links or names that do not show."""
    try:
        with os.scandir(root) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [name for name in names if _is_plain(name)][:limit]


def _is_plain(name: str) -> bool:
    return name.isprintable() and not name.startswith(".") and name not in NOT_LOOKED_INTO


def files_below(place: Place, endings: tuple[str, ...]) -> Iterator[str]:
    """Absolute paths of files with one of *endings*, at any depth; hidden and foreign folders are left out."""
    for here, folders, files in os.walk(place.path()):
        folders[:] = sorted(name for name in folders if _is_plain(name))
        yield from (os.path.join(here, name) for name in sorted(files) if name.endswith(endings))
