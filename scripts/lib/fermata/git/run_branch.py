"""Keeps a run's own branch, `refs/heads/fermata/<run>`, and the work tree that stands on it.

The branch is moved from one expected commit to the next and never taken from anybody: a branch of that name that is
elsewhere is left alone. The run's work tree is detached, so that whoever wants to look may check the branch out; while
somebody has, it does not move under them. Commits are made without hooks and signature.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .repo import Repo, head_commit, no_filters
from .run import GitError, path_text, run_git
from .snapshot import IDENTITY, REF_LIMIT, REF_PART, changed_paths, commit_of, take_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_NAMED = 5


class BadName(GitError):
    """A name that cannot be a branch's; the command line ends with the code for what is not valid."""

    exit_code = 8


def branch_name(run: str) -> str:
    """The short name of the run's branch. Raises BadName."""
    if not REF_PART.match(run):
        rule = "use letters, digits, `.`, `_`, `-`, at most 64"
        raise BadName(("check-ref-format",), None, f"{run!r} cannot name a run's branch; {rule}")
    return f"fermata/{run}"


def branch_ref(repo: Repo, name: str) -> str:
    """The full name of the branch *name*. Raises BadName where git would not have it."""
    ref = f"refs/heads/{name}"
    try:
        # `--branch` would read `@{-1}` as another branch; a name that begins with "-" is none, whatever the ref format says
        if not name.startswith("-") and len(name) <= REF_LIMIT:
            run_git(repo, "check-ref-format", ref)
            return ref
    except (GitError, ValueError):
        pass
    raise BadName(
        ("check-ref-format",), None, f"{name!r} cannot be the name of a branch; see git help check-ref-format"
    )


def commit_at(repo: Repo, ref: str) -> str | None:
    """The full id of the commit that *ref*, a full name, points to; None where there is no such ref."""
    return run_git(repo, "rev-parse", "-q", "--verify", f"{ref}^{{commit}}", ok=(0, 1)).decode().strip() or None


def branch_commit(repo: Repo, run: str) -> str | None:
    """Where the run's branch is; None before its first commit."""
    return commit_at(repo, f"refs/heads/{branch_name(run)}")


def tree_of(repo: Repo, commit: str) -> str:
    """The id of the tree of *commit* (or of a tree, itself). Raises GitError."""
    return run_git(repo, "rev-parse", "--verify", f"{commit}^{{tree}}").decode().strip()


def is_ancestor(repo: Repo, old: str, new: str) -> bool:
    """Whether *new* holds all of *old*'s history. Raises GitError where one of them is not there."""
    options = ("merge-base", "--is-ancestor", old, new)
    try:
        run_git(repo, *options)
    except GitError as error:
        if error.code == 1:
            return False
        raise
    return True


def commit_tree_on(repo: Repo, run: str, tree: str, message: str, parents: Sequence[str]) -> str:
    """Commit *tree* on the run's branch and return the commit's id; called again after a crash it gives the same one.

    Args:
        repo: any work tree of the repository.
        run: the run's id.
        tree: full id.
        message: the commit's.
        parents: full ids, the first one where the branch must be, or the base commit where there is no branch yet.

    Raises:
        GitError: the branch is elsewhere, is checked out somewhere, or could not be written; it did not move then.
    """
    name = branch_name(run)
    ref, now = f"refs/heads/{name}", branch_commit(repo, run)
    if now not in (None, parents[0]):
        if now is not None and _is_it(repo, now, tree, parents, message):
            return now
        is_at = f"{name} is at {str(now)[:12]} and should be at {parents[0][:12]}"
        way = f"somebody else moved it; give it another name: git branch -m {name} mine"
        raise GitError(("update-ref", ref), None, f"{is_at}; {way}", repo.root)
    refuse_if_held(repo, run)
    commit = commit_of(repo, tree, message.rstrip("\n") + "\n", parents, identity(repo))
    run_git(repo, *IDENTITY, "update-ref", "-m", "fermata", ref, commit, now or "0" * len(commit))
    return commit


def refuse_if_held(repo: Repo, run: str) -> None:
    """Raises GitError where the run's branch is checked out, and so cannot be moved."""
    name = branch_name(run)
    place = checked_out_at(repo, name)
    if place:
        way = f"it cannot move under the files there; in that folder run: git switch --detach {name}"
        raise GitError(("update-ref",), None, f"{name} is checked out in {place}; {way}")


def move_branch(repo: Repo, run: str, commit: str) -> None:
    """Let the run's branch be at *commit*, which may lie before where it is; whoever calls has kept that. Raises GitError."""
    now = branch_commit(repo, run)
    if now != commit:
        refuse_if_held(repo, run)
        ref = f"refs/heads/{branch_name(run)}"
        run_git(repo, *IDENTITY, "update-ref", "-m", "fermata rollback", ref, commit, now or "0" * len(commit))


def identity(repo: Repo) -> tuple[str, ...]:
    """Options that make fermata the author, where the user has configured no name or no address."""
    try:
        run_git(repo, "-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT")
        run_git(repo, "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    except GitError:
        return IDENTITY
    return ()


def _is_it(repo: Repo, commit: str, tree: str, parents: Sequence[str], message: str) -> bool:
    """Whether *commit* is what a call that crashed before it could say so has made."""
    said = run_git(repo, "cat-file", "commit", commit)
    head, _, text = said.partition(b"\n\n")
    rows = re.findall(rb"^(?:tree|parent) ([0-9a-f]+)$", head, re.MULTILINE)
    return rows == [row.encode() for row in (tree, *parents)] and text.strip() == message.encode().strip()


def checked_out_at(repo: Repo, name: str) -> str | None:
    """The folder in which the branch *name* is checked out, or None."""
    form = ("for-each-ref", "--format=%(worktreepath)", f"refs/heads/{name}")
    return path_text(run_git(repo, *form)).removesuffix("\n") or None


def named(paths: Sequence[str]) -> str:
    """The first few of *paths*, and how many more there are."""
    more = f" and {len(paths) - MAX_NAMED} more" if len(paths) > MAX_NAMED else ""
    return ", ".join(paths[:MAX_NAMED]) + more


def stand_at(tree: Repo, commit: str) -> None:
    """Make HEAD and index of a detached work tree of fermata's own say *commit*, whose files lie there already.

    Raises:
        GitError: something else lies there, or a branch is checked out; nothing was changed.
    """
    if run_git(tree, "symbolic-ref", "-q", "HEAD", ok=(0, 1)):
        raise GitError(("update-ref", "HEAD"), None, "a branch is checked out here; fermata left it alone", tree.root)
    other = [change.path for change in changed_paths(tree, tree_of(tree, commit), take_snapshot(tree))]
    if other:
        raise GitError(("update-ref", "HEAD"), None, f"not as in {commit[:12]}: {named(other)}", tree.root)
    if head_commit(tree) != commit:
        run_git(tree, *IDENTITY, "update-ref", "--no-deref", "-m", "fermata", "HEAD", commit)
    quiet = no_filters(tree)
    run_git(tree, *quiet, "read-tree", "--reset", commit)
    run_git(tree, *quiet, "update-index", "-q", "--refresh", ok=(0, 1))
