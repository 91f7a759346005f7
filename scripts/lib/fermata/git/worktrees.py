"""Makes the worktrees in which agents work side by side, and removes them once nothing in them would be lost.

A worktree is checked out, detached and locked, from a commit of the user's tree as it was at that moment, uncommitted work
included. No hook, filter or other configured program runs. The user's own tree, its index and its branches stay as they
are. What git ignores is not kept when a worktree goes: that is for what can be made again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from .listing import list_files
from .repo import Repo, find_repo, head_commit, no_filters
from .run import GitError, path_text, run_git
from .snapshot import keep_tree, large_untracked, private_index, take_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = ".fermata/worktrees"
HIDDEN = f"/{FOLDER}/"
USUAL_LINKS = ("node_modules", ".venv", "venv")
MAX_FOLDERS = 50
LOCK_REASON = "fermata"
CHECKOUT_SECONDS = 600
CHECKOUT_WORKERS = max(4, os.cpu_count() or 1)
"""More than processors where these are few: on two busy ones 4 took 0.4 of the time of one, 2 took 0.8, 8 took 0.55."""


class Base(NamedTuple):
    """What a worktree begins with: the tree, and the commit of it that is checked out."""

    tree: str
    commit: str


def base_now(repo: Repo, ref_name: str) -> Base:
    """The user's tree as it is now, kept under `refs/fermata/<ref_name>`; large untracked files are not in it."""
    tree = take_snapshot(repo)
    large = [path for path, _ in large_untracked(repo)]
    if large:
        tree = _without(repo, tree, large)
    return Base(tree, keep_tree(repo, tree, ref_name, "fermata: where a worktree began", parent=head_commit(repo)))


def _without(repo: Repo, tree: str, paths: list[str]) -> str:
    """*tree* without *paths*: what stands for a file that was too large to be stored is no file to work with."""
    with private_index(repo) as index:
        run_git(repo, "read-tree", tree, index=index)
        stdin = b"".join(os.fsencode(path) + b"\0" for path in paths)
        run_git(repo, "update-index", "-z", "--force-remove", "--stdin", index=index, stdin=stdin)
        return run_git(repo, "write-tree", "--missing-ok", index=index).decode().strip()


def free_path(repo: Repo, run: str, name: str) -> str:
    """A path for a worktree, relative to *repo*'s top, at which nothing lies: what is there already is never built upon."""
    first = f"{FOLDER}/{run}/{name}"
    number, path = 1, first
    while os.path.lexists(os.path.join(repo.root, path)):
        number += 1
        path = f"{first}-{number}"
    return path


def make_worktree(repo: Repo, path: str, commit: str, links: list[str]) -> Repo:
    """The worktree at *path*, made of *commit* as far as it is not there yet; doing it twice changes nothing.

    Args:
        repo: the user's tree.
        path: relative, from `free_path`.
        commit: full id, from `base_now`.
        links: relative paths that lead to the user's own, where they are there and the commit does not hold them.

    One after the other: git itself fails when two are added at once, and each checkout uses all processors.

    Raises:
        GitError: it could not be made; calling again goes on.
    """
    tree, place = worktree_at(repo, path), os.path.join(repo.root, path)
    if tree is None:
        _hide(repo)
        _clear_half_made(place)
        run_git(
            repo,
            "worktree",
            "add",
            "-f",
            "-f",
            "--detach",
            "--no-checkout",
            "--lock",
            "--reason",
            LOCK_REASON,
            place,
            commit,
        )
        tree = worktree_at(repo, path)
    if tree is None:
        raise GitError(("worktree", "add"), None, f"{path} did not become a worktree", repo.root)
    if not os.path.exists(os.path.join(tree.git_dir, "index")):  # git writes it last: all files are there then
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(tree.git_dir, "index.lock"))
        options = (*no_filters(tree), "-c", f"checkout.workers={CHECKOUT_WORKERS}")
        run_git(tree, *options, "read-tree", "--reset", "-u", commit, seconds=CHECKOUT_SECONDS)
    for link in links:
        _link(repo, tree, link)
    return tree


def worktree_at(repo: Repo, path: str) -> Repo | None:
    """The worktree of *repo*'s repository whose top is *path*, relative to *repo*'s own."""
    place = os.path.join(repo.root, path)
    found = find_repo(place)
    return found if found and found.root == os.path.realpath(place) and found.common_dir == repo.common_dir else None


def _hide(repo: Repo) -> None:
    """Name the folder in `info/exclude`, so that `git status` does not tell of it and `git clean` leaves it alone."""
    place = os.path.join(repo.common_dir, "info", "exclude")
    try:
        with open(place, "rb") as file:
            known = file.read()
    except FileNotFoundError:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        known = b""
    if HIDDEN.encode() not in known.splitlines():
        with open(place, "ab") as file:
            file.write(b"\n" * (known[-1:] not in (b"", b"\n")) + HIDDEN.encode() + b"\n")


def _clear_half_made(path: str) -> None:
    """What a killed `git worktree add` left: a folder with nothing in it but the way to the repository."""
    if os.path.isdir(path) and set(os.listdir(path)) <= {".git"}:
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(path, ".git"))
        os.rmdir(path)


def _link(repo: Repo, tree: Repo, link: str) -> None:
    target, place = os.path.join(repo.root, link), os.path.join(tree.root, link)
    folder = os.path.dirname(place)
    inside = os.path.realpath(folder) == folder  # a link on the way would lead somewhere else
    if os.path.exists(target) and not os.path.lexists(place) and inside:
        os.makedirs(folder, exist_ok=True)
        os.symlink(target, place)


def usual_links(repo: Repo) -> list[str]:
    """Installed packages that lie in the user's tree, at the top or in a folder right below, and that git ignores.

    A worktree would have to make them anew.
    """
    folders = ("", *_folders_below(repo.root))
    places = [os.path.join(folder, name) for folder in folders for name in USUAL_LINKS]
    there = [place for place in places if os.path.isdir(os.path.join(repo.root, place))]
    return [place for place in there if run_git(repo, "check-ignore", "--", place, ok=(0, 1))]


def _folders_below(root: str) -> list[str]:
    with os.scandir(root) as entries:
        names = sorted(one.name for one in entries if one.is_dir(follow_symlinks=False))
    return [name for name in names if not name.startswith(".") and name not in USUAL_LINKS][:MAX_FOLDERS]


def remove_worktree(repo: Repo, path: str, ref_name: str) -> str:
    """Remove the worktree at *path*, after all that lies in it is kept under `refs/fermata/<ref_name>`.

    Returns:
        Why it was left as it is; empty when it is gone.

    Raises:
        GitError: git could not do it; what lay in it is still there.
    """
    tree, place = worktree_at(repo, path), os.path.join(repo.root, path)
    if tree is not None:
        unsaved = next(unkept(tree), None)
        if unsaved:
            return unsaved
        kept = keep_tree(
            repo, take_snapshot(tree), ref_name, "fermata: what lay in a worktree", parent=head_commit(tree)
        )
        assert kept
    elif os.path.lexists(place):
        return "it is no worktree of this repository any more"
    run_git(repo, "worktree", "unlock", place, ok=(0, 128))
    run_git(repo, "worktree", "remove", "--force", place, ok=(0,) if tree else (0, 128))
    return ""


def unkept(tree: Repo) -> Iterator[str]:
    """What of a worktree no snapshot would keep."""
    for path, size in large_untracked(tree):
        yield f"{path} ({size / 1e6:,.0f} MB) is too large for a snapshot"
    for raw in sorted(list_files(tree).untracked):
        if raw.endswith(b"/"):
            yield f"{path_text(raw)} is a repository of its own"
