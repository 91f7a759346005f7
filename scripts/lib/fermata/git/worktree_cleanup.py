"""Says what would be lost if a worktree of fermata's went, and lets it go where that is nothing.

Only what fermata made is ever removed, and only where it was made; nothing is followed through a symbolic link. What is
not understood is kept.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from .by_products import without_by_products
from .listing import list_files
from .repo import Repo, head_commit, no_filters, operation_in_progress
from .run import path_text, run_git
from .run_branch import branch_commit, branch_name, named, tree_of
from .snapshot import changed_paths, index_tree, submodule_paths, take_snapshot
from .worktrees import FOLDER, LOCK_REASON, remove_worktree, unkept, worktree_at

if TYPE_CHECKING:
    from collections.abc import Iterator

STASH_ROW = "--format=%gd%x09%P%x09%gs"
DETACHED = "(no branch)"  # so git names a stash that was made on none; the user's own is seldom such a one
NO_PROCESS_LIST = "which processes work in it cannot be seen on this system"


class Registered(NamedTuple):
    """A work tree as git lists it; `locked`: why, empty without a reason, None: it is not."""

    path: str
    head: str
    locked: str | None


def registered(repo: Repo) -> list[Registered]:
    """Every work tree of the repository, the first one first. Raises GitError."""
    found = []
    for entry in run_git(repo, "worktree", "list", "--porcelain", "-z").split(b"\0\0"):
        words = dict(row.partition(b" ")[::2] for row in entry.split(b"\0") if row)
        if b"worktree" in words:
            locked = os.fsdecode(words[b"locked"]) if b"locked" in words else None
            found.append(Registered(os.fsdecode(words[b"worktree"]), words.get(b"HEAD", b"").decode(), locked))
    return found


def strangers(repo: Repo, known: set[str]) -> list[str]:
    """What lies in fermata's folder of *repo*'s work tree and is not among *known* (relative paths); sorted."""
    top = os.path.join(repo.root, FOLDER)
    if os.path.islink(top) or not os.path.isdir(top):
        return []
    runs = [name for name in os.listdir(top) if name.startswith("orch_") and os.path.isdir(os.path.join(top, name))]
    found = [f"{FOLDER}/{run}/{name}" for run in runs for name in os.listdir(os.path.join(top, run))]
    return sorted(path for path in found if path not in known)


def keeping(repo: Repo, run: str, path: str) -> list[str]:
    """Why the worktree at *path*, which *run* made below *repo*'s top, has to stay; empty: nothing would be lost.

    Raises:
        GitError: it could not be looked at, so it stays.
    """
    place = os.path.join(repo.root, path)
    if os.path.realpath(os.path.dirname(place)) != os.path.dirname(place) or os.path.islink(place):
        return [
            f"it is reached through a symbolic link (to {os.path.realpath(place)}), and nothing is removed through one"
        ]
    entry = next((one for one in registered(repo) if os.path.realpath(one.path) == place), None)
    tree = worktree_at(repo, path)
    if tree is None and os.path.lexists(place):
        return ["it is no worktree of this repository any more"]
    if entry is None:
        return []  # neither folder nor entry
    if entry.locked is None or not entry.locked.startswith(LOCK_REASON):
        why = (
            f"locked: {entry.locked}" if entry.locked else "not as fermata made it: unlocked, or made by somebody else"
        )
        return [why]
    if tree is None:
        return list(_commits(repo, _entry_folder(repo, place), run))
    return [*_commits(repo, tree.git_dir, run), *_files(tree, run), *_others(repo, tree)]


def _entry_folder(repo: Repo, place: str) -> str:
    """Git's own folder for a worktree whose files are gone; empty where there is none."""
    home = os.path.join(repo.common_dir, "worktrees")
    for name in os.listdir(home):
        with open(os.path.join(home, name, "gitdir"), encoding="utf-8", errors="surrogateescape") as file:
            if os.path.dirname(file.read().strip()) == place:
                return os.path.join(home, name)
    return ""


def _commits(repo: Repo, git_dir: str, run: str) -> Iterator[str]:
    """Commits that were made there and that no branch, tag or ref of the run holds; stashes that were made there."""
    try:
        with open(os.path.join(git_dir, "logs", "HEAD"), "rb") as file:
            told = {row.split(b" ", 2)[1].decode() for row in file if row.count(b" ") > 1}
    except FileNotFoundError:
        told = set()
    with open(os.path.join(git_dir, "HEAD"), encoding="ascii", errors="replace") as file:
        told |= {file.read().strip()}
    ids = sorted(name for name in told if set(name) <= set("0123456789abcdef") and set(name) != {"0"})
    kept = ("--branches", "--tags", "--remotes", f"--glob=refs/fermata/{run}")
    lost = run_git(repo, "rev-list", *ids, "--not", *kept).split() if ids else []
    if lost:
        yield f"{len(lost)} commit(s) that no branch holds, the newest {lost[0].decode()[:12]}: git branch NAME {lost[0].decode()[:12]}"
    stashes = [
        row.split("\t") for row in run_git(repo, "stash", "list", STASH_ROW).decode(errors="replace").splitlines()
    ]
    ours = [name for name, parents, said in stashes if parents.split()[0] in ids and DETACHED in said.partition(":")[0]]
    if ours:
        yield f"stashed there: {named(ours)}"


def _files(tree: Repo, run: str) -> Iterator[str]:
    """What of the files and of the index lies nowhere else."""
    head, here = head_commit(tree), take_snapshot(tree)
    listing = list_files(tree)
    saved = _saved(tree, run, head) if head else set()
    if head and here not in saved:
        changed = [change.path for change in changed_paths(tree, head, here)]
        untracked = {path_text(path) for path in listing.untracked}
        for word, paths in (
            ("changed", [path for path in changed if path not in untracked]),
            ("untracked", [path for path in changed if path in untracked]),
        ):
            if paths:
                yield f"{word}: {named(paths)}"
    index = index_tree(tree)
    if index not in (here, *saved):
        staged = [change.path for change in changed_paths(tree, head, index)] if head and index else ["conflicts"]
        yield f"staged: {named(staged)}"
    yield from unkept(tree)
    ignored = _ignored(tree)
    if ignored:
        yield f"ignored by git: {named(ignored)}"
    for path in submodule_paths(tree):
        if os.path.isdir(os.path.join(tree.root, path)) and os.listdir(os.path.join(tree.root, path)):
            yield f"files of the submodule {path}"


def _saved(tree: Repo, run: str, head: str) -> set[str]:
    """The trees that refs of the run hold."""
    found = set(run_git(tree, "for-each-ref", "--format=%(tree)", f"refs/fermata/{run}").decode().split())
    if branch_commit(tree, run):
        name = f"refs/heads/{branch_name(run)}"
        found |= set(run_git(tree, "log", "--format=%T", name, "--not", head).decode().split())
    return found | {tree_of(tree, head)}


def _ignored(tree: Repo) -> list[str]:
    """Files that git ignores and that no tool makes anew by itself; links to the user's own are none."""
    options = ("-z", "--others", "--ignored", "--exclude-standard", "--directory", "--no-empty-directory")
    paths = run_git(tree, *no_filters(tree), "ls-files", *options).split(b"\0")[:-1]
    top = os.fsencode(tree.root)
    real = {path for path in paths if not os.path.islink(os.path.join(top, path.rstrip(b"/")))}
    return sorted(map(path_text, without_by_products(tree.root, real)))


def _others(repo: Repo, tree: Repo) -> Iterator[str]:
    """Who else is at work there."""
    operation = operation_in_progress(tree)
    if operation:
        yield f"a {operation} is under way there"
    yield from _processes(tree.root)
    for one in registered(repo):
        if one.path.startswith(f"{tree.root}/"):
            yield f"another worktree lies in it: {one.path}"


def _processes(folder: str) -> Iterator[str]:
    """The processes whose current folder it is, as far as the system lets them be seen."""
    places = _linked() if os.path.isdir("/proc/self") else _listed()
    if places is None:
        yield NO_PROCESS_LIST
        return
    inside = [name for name, place in places if place == folder or place.startswith(f"{folder}/")]
    if inside:
        yield f"at work in it: process {named(inside)}"


def _linked() -> list[tuple[str, str]]:
    """Process and current folder, as Linux links them."""
    return [(name, _read_link(f"/proc/{name}/cwd")) for name in os.listdir("/proc") if name.isdigit()]


def _read_link(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return ""  # it has ended, or belongs to another user


def _listed() -> list[tuple[str, str]] | None:
    """Process and current folder, as `lsof` tells them."""
    try:
        command = ["lsof", "-a", "-d", "cwd", "-F", "pn"]
        said = subprocess.run(command, capture_output=True, timeout=60, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found, process = [], ""
    for row in os.fsdecode(said).splitlines():
        if row[:1] == "p":
            process = row[1:]
        elif row[:1] == "n":
            found.append((process, row[1:]))
    return found


def let_go(repo: Repo, run: str, path: str) -> list[str]:
    """Remove the worktree at *path* if nothing would be lost, or git's entry alone where its folder is gone.

    Returns:
        Why it was kept; empty when it is gone. What lay in it is under `refs/fermata/<run>/NAME-left` besides.

    Raises:
        GitError: git could not do it.
    """
    reasons = keeping(repo, run, path)
    if not reasons:
        left = remove_worktree(repo, path, f"{run}/{os.path.basename(path)}-left")
        reasons = [left] if left else []
        with suppress(OSError):  # another worktree of the run is there still
            os.rmdir(os.path.dirname(os.path.join(repo.root, path)))
    return reasons
