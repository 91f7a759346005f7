"""Finds the repository and says what state it is in.

Nothing here moves HEAD, a branch, the index or a file of the work tree.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from .run import GitError, path_text, run_git

__all__ = [
    "GitError",
    "Repo",
    "branch",
    "find_repo",
    "head_commit",
    "named_programs",
    "no_filters",
    "operation_in_progress",
    "path_text",
    "run_git",
    "without_repo",
    "worktree_name",
    "worktree_root",
]

OPERATIONS = (
    ("rebase-merge", "rebase"),
    ("rebase-apply/applying", "am"),
    ("rebase-apply", "rebase"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("sequencer", "cherry-pick or revert"),
    ("BISECT_LOG", "bisect"),
)


class Repo(NamedTuple):
    """A work tree and its git folders: absolute real paths. `common_dir` is shared by all linked worktrees."""

    root: str
    git_dir: str
    common_dir: str


def find_repo(start: str) -> Repo | None:
    """The repository whose work tree holds *start*, read from `.git` by hand: no process, under 0.1 ms.

    None where there is no repository, inside a bare one or a git folder, and where `.git` points nowhere.
    """
    here = os.path.realpath(start)
    while True:
        entry = os.path.join(here, ".git")
        if os.path.isfile(entry):
            return _repo(here, _gitfile(entry))
        if _is_git_dir(entry):
            return _repo(here, entry)
        parent = os.path.dirname(here)
        if parent == here or _is_git_dir(here):
            return None
        here = parent


def worktree_name(repo: Repo) -> str:
    """Which work tree of its repository this is: `.`, or `worktrees/NAME`; stays the same when the folder is moved."""
    return os.path.relpath(repo.git_dir, repo.common_dir)


def worktree_root(common_dir: str, name: str) -> str | None:
    """The folder of the linked worktree that `worktree_name` called *name*; None when it is gone, or is the first one."""
    back = _first_line(os.path.join(common_dir, name, "gitdir"))
    return os.path.dirname(back) if back and os.path.exists(back) else None


def without_repo(start: str) -> str:
    """Why `find_repo` found nothing at *start*, and what a person does then."""
    here = os.path.realpath(start)
    while True:
        entry = os.path.join(here, ".git")
        if os.path.isfile(entry):
            return (
                f"{entry} leads to {_gitfile(entry)}, where no repository is; "
                "a worktree that was moved is mended by `git worktree repair`, run in the main one"
            )
        if _is_git_dir(here):
            return f"{here} is a bare repository or a git folder, without files to work on; use a clone or a worktree"
        parent = os.path.dirname(here)
        if parent == here:
            return f'{start} is not inside a git repository, and fermata proves and undoes by git. Run: git init && git add -A && git commit -m "Begin"'
        here = parent


def _repo(root: str, git_dir: str | None) -> Repo | None:
    if git_dir is None or not os.path.isfile(os.path.join(git_dir, "HEAD")):
        return None
    pointer = _first_line(os.path.join(git_dir, "commondir"))
    common = os.path.join(git_dir, pointer) if pointer else git_dir
    if not _is_git_dir(common):
        return None
    return Repo(root, os.path.realpath(git_dir), os.path.realpath(common))


def _is_git_dir(path: str) -> bool:
    folders = os.path.isdir(os.path.join(path, "objects")) and os.path.isdir(os.path.join(path, "refs"))
    return folders and os.path.lexists(os.path.join(path, "HEAD"))


def _gitfile(path: str) -> str | None:
    line = _first_line(path)
    if not line or not line.startswith("gitdir:"):
        return None
    return os.path.join(os.path.dirname(path), line[len("gitdir:") :].strip())


def _first_line(path: str) -> str | None:
    try:
        with open(path, "rb") as file:
            return os.fsdecode(file.read(4096).split(b"\n", 1)[0]).strip()
    except OSError:
        return None


def no_filters(repo: Repo) -> tuple[str, ...]:
    """Options that switch every configured clean and smudge filter off; they go before the subcommand.

    A filter is a shell command. `.gitattributes` chooses the files, any configuration file names the command. A
    command that reads or writes the work tree needs these options; one that compares stored trees does not.
    """
    names = named_programs(repo, "filter", r"^filter\..*\.(clean|smudge|process)$")
    off = ("clean=", "smudge=", "process=", "required=false")
    return tuple(part for name in names for end in off for part in ("-c", f"filter.{name}.{end}"))


def named_programs(repo: Repo, section: str, pattern: str) -> list[str]:
    """The NAME of each configured `section.NAME.key` that matches *pattern*, sorted. Raises GitError: one holds a `=`."""
    keys = run_git(repo, "config", "-z", "--name-only", "--get-regexp", pattern, ok=(0, 1)).split(b"\0")
    names = sorted({os.fsdecode(key).split(".", 1)[1].rpartition(".")[0] for key in keys if key})
    for name in names:
        if "=" in name:
            rule = 'its name holds "=", so fermata cannot switch it off; rename it in the git configuration'
            raise GitError(("config",), None, f'{section} "{name}": {rule}', repo.root)
    return names


def head_commit(repo: Repo) -> str | None:
    """The full id of the commit HEAD points to; None in a repository without commits."""
    return run_git(repo, "rev-parse", "-q", "--verify", "HEAD^{commit}", ok=(0, 1)).decode().strip() or None


def branch(repo: Repo) -> str | None:
    """The short name of the branch that is checked out, also before its first commit; None when HEAD is detached."""
    return path_text(run_git(repo, "symbolic-ref", "-q", "--short", "HEAD", ok=(0, 1))).strip() or None


def operation_in_progress(repo: Repo) -> str | None:
    """The name of a merge, rebase, am, cherry-pick, revert or bisect that the user has not finished."""
    return next((name for mark, name in OPERATIONS if os.path.exists(os.path.join(repo.git_dir, mark))), None)
