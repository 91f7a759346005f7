"""Decides what stands in a snapshot for a submodule in which something is not committed.

git records a submodule by its commit alone, so what is changed inside it would be unseen. While there is such a
change, the id of the submodule's own snapshot takes the commit's place: the submodule is then seen to have changed,
as one path. It is never looked into for what git would not count as its own, and nothing in it is moved.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from .repo import Repo, find_repo, head_commit
from .run import GitError, path_text, run_git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def uncommitted_submodules(
    repo: Repo, links: Iterable[bytes], snapshot: Callable[[Repo], str]
) -> list[tuple[bytes, str]]:
    """(raw path, the id that stands for it) of each submodule among *links* that is not as its commit says; sorted.

    Args:
        repo: the repository that holds them.
        links: raw paths of the submodules in its index.
        snapshot: gives the id of a repository's tree as it is now.

    Raises:
        GitError: the git folder of one lies elsewhere, or its snapshot cannot be taken.
    """
    states = ((path, _state(repo, path, snapshot)) for path in sorted(links))
    return [(path, state) for path, state in states if state is not None]


def _state(repo: Repo, path: bytes, snapshot: Callable[[Repo], str]) -> str | None:
    place = os.path.join(os.fsencode(repo.root), path)
    inner = find_repo(os.fsdecode(place))
    if inner is None or os.fsencode(inner.root) != place:
        return _listing(place)  # not initialised
    if not any(_below(inner.git_dir, top) for top in (repo.common_dir, inner.root)):
        # A `.git` file is text that anybody can write: it must not lead a snapshot into a strange repository.
        why = f"its git folder {inner.git_dir} is not inside this repository; run: git submodule absorbgitdirs"
        raise GitError(("snapshot",), None, f"the submodule {path_text(path)}: {why}", repo.root)
    commit, tree = head_commit(inner), snapshot(inner)
    if commit and tree == run_git(inner, "rev-parse", f"{commit}^{{tree}}").decode().strip():
        return None
    return tree


def _below(path: str, top: str) -> bool:
    return os.path.commonpath((path, top)) == top


def _listing(place: bytes) -> str | None:
    """What stands for files in the folder of a submodule that is not there: git sees none of them. None: it is empty."""
    found = hashlib.sha1(usedforsecurity=False)
    empty = True
    for folder, below, names in os.walk(place):
        below.sort()
        for name in sorted(names):
            full, empty = os.path.join(folder, name), False
            found.update(b"%s\0%d\0" % (full, os.lstat(full).st_ctime_ns))
    return None if empty else found.hexdigest()
