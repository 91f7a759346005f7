"""Decides which untracked files are too large to be stored, and what stands in a snapshot for them.

A snapshot reads every untracked file anew, and the first one stores it. Above `LARGE` a file is not read: a line of
text with its size and time of change takes its place, so that it is still seen to come, change and go, and a diff says
itself why its content is not there. A tracked file is always stored; git has it anyway.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from .run import GitError, path_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .repo import Repo

LARGE = 32 << 20
"""Bytes. Larger ones are models, dumps, videos: no text that a plan is about."""
ALL_TOGETHER = 2 << 30
"""Bytes that the smaller ones may have together: about a minute the first time, ten seconds from then on."""
OPENING = b"fermata: a large untracked file, not stored in this snapshot\n"


class LargeFile(NamedTuple):
    """An untracked file that snapshots do not store: its raw path from the repository's top, and what stands for it."""

    path: bytes
    size: int
    stand_in: bytes


def split_by_size(repo: Repo, paths: Iterable[bytes]) -> tuple[set[bytes], list[LargeFile]]:
    """*paths* that are stored, and those that are not, sorted.

    Raises:
        GitError: together those to be stored are more than `ALL_TOGETHER`; it names the folder to leave out.
    """
    stored, large, sizes = set(), [], {}
    for path in sorted(paths):
        found = _stat(repo, path)
        if found is not None and stat.S_ISREG(found.st_mode) and found.st_size > LARGE:
            # the time of change and not of modification, which whoever writes the file can set back
            text = f"size {found.st_size}\nchanged {found.st_ctime_ns}\n"
            large.append(LargeFile(path, found.st_size, OPENING + text.encode()))
        else:
            stored.add(path)
            sizes[path] = found.st_size if found is not None else 0
    if sum(sizes.values()) > ALL_TOGETHER:
        raise _too_much(repo, sizes)
    return stored, large


def _stat(repo: Repo, path: bytes) -> os.stat_result | None:
    try:
        return os.lstat(os.path.join(os.fsencode(repo.root), path))
    except OSError:
        return None  # gone since it was listed


def _too_much(repo: Repo, sizes: dict[bytes, int]) -> GitError:
    folders: dict[bytes, int] = {}
    for path, size in sizes.items():
        folder = path.split(b"/", 1)[0]
        folders[folder] = folders.get(folder, 0) + size
    most = path_text(max(folders, key=lambda folder: folders[folder]))
    rule = f"fermata keeps at most {ALL_TOGETHER / 1e9:.1f} GB of untracked files safe"
    way = f"most is in {most}; name it in .gitignore or in .git/info/exclude"
    return GitError(
        ("snapshot",),
        None,
        f"{len(sizes):,} untracked files hold {sum(sizes.values()) / 1e9:.1f} GB, and {rule}; {way}",
        repo.root,
    )
