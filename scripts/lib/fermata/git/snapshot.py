"""Takes a snapshot of the whole work tree as a git tree, compares two of them, and keeps one from being collected.

A snapshot goes through a private copy of the index, so the real index, HEAD, branches, reflog, stash and `git status`
stay byte for byte what they were; no hook, filter or other configured program runs. Without filters a file that a
filter would rewrite (git-lfs) is stored as it lies in the work tree once it has changed; unchanged ones keep their
entry. It never restores anything.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from .large_files import LargeFile, split_by_size
from .listing import Listing, changed_files, devices, list_files, untracked_files, without_folder
from .repo import Repo, no_filters, path_text
from .run import GitError, read_git, run_git
from .submodules import uncommitted_submodules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Found = TypeVar("Found")
Kind = Literal["added", "modified", "deleted", "type"]
KINDS: dict[bytes, Kind] = {b"A": "added", b"M": "modified", b"D": "deleted", b"T": "type"}
OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
REF_PART = re.compile(r"[A-Za-z0-9](?!.*\.\.)(?!.*\.lock\Z)[A-Za-z0-9._-]{0,63}(?<!\.)\Z")
IDENTITY = tuple(
    part
    for role in ("user", "author", "committer")
    for setting in (f"{role}.name=fermata", f"{role}.email=fermata@localhost")
    for part in ("-c", setting)
)
LEFT_BEHIND_SECONDS = 3600
REF_LIMIT = 200


class Change(NamedTuple):
    """One path that differs between two trees; `type`: a file, symbolic link or submodule became another of these."""

    path: str
    kind: Kind


class Seen(NamedTuple):
    """A work tree as it was: the id of its tree, and the large untracked files, by path, for which something stands in it.

    `quiet` is what `no_filters` said, for whoever goes on at once.
    """

    tree: str
    large: list[str]
    quiet: tuple[str, ...] = ()


def take_snapshot(repo: Repo) -> str:
    """Store the work tree as it is now and return the id of its tree.

    In it: tracked files, and untracked ones that are neither ignored nor by-products (`by_products.py`); for a large
    untracked one something stands that changes when the file does (`large_files.py`). Files that were marked
    assume-unchanged or skip-worktree are looked at all the same. An untracked repository inside the tree counts as
    plain files, another worktree of this repository not at all; for a submodule its commit stands, or while something in
    it is not committed another id (`submodules.py`).

    Raises:
        GitError: also when a file cannot be read; nothing less than the whole tree is ever called a snapshot.
    """
    return look(repo).tree


def look(repo: Repo) -> Seen:
    """`take_snapshot`, and the files that it could not store."""
    with private_index(repo) as index:
        _copy_index(os.path.join(repo.git_dir, "index"), index)
        with _meanwhile(lambda: list_files(repo, index)) as listing:
            quiet = no_filters(repo)
            changed = changed_files(repo, quiet, index)
            large = _update(repo, quiet, index, listing(), changed)
        # write-tree as well: it writes the index back, and looks into files that are as young as the index to do so
        tree = run_git(repo, *quiet, "write-tree", "--missing-ok", index=index).decode().strip()
    return Seen(tree, [path_text(file.path) for file in large], quiet)


@contextmanager
def _meanwhile(work: Callable[[], Found]) -> Iterator[Callable[[], Found]]:
    """Let *work* be done beside what is done here; what is given waits for it, and says or raises what it did."""
    found: list[Found] = []
    failed: list[BaseException] = []

    def do() -> None:
        try:
            found.append(work())
        except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
            failed.append(error)

    def said() -> Found:
        thread.join()
        if failed:
            raise failed[0]
        return found[0]

    thread = Thread(target=do)
    thread.start()
    try:
        yield said
    finally:
        thread.join()


def index_tree(repo: Repo) -> str:
    """The id of the tree that the index itself holds, by a copy of it; empty where it holds conflicts. Raises GitError."""
    quiet = no_filters(repo)
    with private_index(repo) as index:
        _copy_index(os.path.join(repo.git_dir, "index"), index)
        if run_git(repo, *quiet, "ls-files", "--unmerged", index=index):
            return ""
        return run_git(repo, *quiet, "write-tree", "--missing-ok", index=index).decode().strip()


@contextmanager
def private_index(repo: Repo, *, beside_the_files: bool = False) -> Iterator[str]:
    """The path of an index file that is nobody else's, in a folder that goes with it; nothing is there yet.

    With *beside_the_files* the folder lies in the work tree, hidden, from where a file can be put in place at one stroke.
    """
    home = (
        os.path.join(repo.root, ".fermata", "worktrees")
        if beside_the_files
        else os.path.join(repo.common_dir, "fermata")
    )
    try:
        os.makedirs(home, mode=0o700, exist_ok=True)
        _clear_left_behind(home)
        folder = tempfile.mkdtemp(prefix="index-", dir=home)
    except OSError as error:
        raise GitError(("snapshot",), None, f"cannot write to {home}: {error.strerror}") from None
    try:
        yield os.path.join(folder, "index")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_index(real: str, copy: str) -> None:
    """Copy an index with its time: git distrusts entries as young as their index; a newer copy would hide changes."""
    try:
        with open(real, "rb") as source, open(copy, "wb") as target:
            shutil.copyfileobj(source, target)
            times = os.fstat(source.fileno())
    except FileNotFoundError:
        return  # nothing was ever added
    os.utime(copy, ns=(times.st_atime_ns, times.st_mtime_ns))


def _clear_left_behind(home: str) -> None:
    """Remove what a killed process left: a snapshot takes seconds, never an hour."""
    for name in os.listdir(home):
        folder = os.path.join(home, name)
        with suppress(FileNotFoundError):  # another snapshot's, which has just ended
            if name.startswith("index-") and time.time() - os.lstat(folder).st_mtime > LEFT_BEHIND_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _update(repo: Repo, quiet: tuple[str, ...], index: str, listing: Listing, changed: set[bytes]) -> list[LargeFile]:
    """Bring the private index to what the work tree holds; gives what was too large for it."""
    top = os.fsencode(repo.root)
    present = {path for path in listing.skipped if os.path.lexists(os.path.join(top, path))}
    absent = listing.skipped - present  # a sparse checkout: not there on purpose, so not deleted
    looked_at = (changed | listing.assumed | present) - absent
    gone = without_folder(top, looked_at) | devices(top, looked_at)
    untracked, large = split_by_size(repo, untracked_files(repo, listing))

    def tell(option: tuple[str, ...], paths: set[bytes]) -> None:
        if paths:
            stdin = b"".join(path + b"\0" for path in sorted(paths))
            run_git(repo, *quiet, "update-index", "-z", *option, "--stdin", index=index, stdin=stdin)

    tell(("--no-assume-unchanged",), listing.assumed)
    tell(("--no-skip-worktree",), present)
    tell(("--force-remove",), gone)
    tell(("--add", "--remove"), looked_at - gone | untracked)
    if large:
        _stand_in(repo, quiet, index, large)
    uncommitted = uncommitted_submodules(repo, listing.links - gone - absent, take_snapshot)
    _enter(repo, quiet, index, [b"160000 %s\t%s\0" % (state.encode(), path) for path, state in uncommitted])
    return large


def large_untracked(repo: Repo) -> list[tuple[str, int]]:
    """Path and size of each untracked file that snapshots do not store, sorted; a person should know them."""
    listing = list_files(repo)
    _stored, large = split_by_size(repo, untracked_files(repo, listing))
    return [(path_text(file.path), file.size) for file in large]


def submodule_paths(repo: Repo) -> list[str]:
    """Where the submodules lie, initialised or not; sorted."""
    return sorted(map(path_text, list_files(repo).links))


def _stand_in(repo: Repo, quiet: tuple[str, ...], index: str, large: list[LargeFile]) -> None:
    """Put what stands for *large* files into the index; the texts are stored from files beside it."""
    names = [f"{index}-large-{number}" for number in range(len(large))]
    for name, file in zip(names, large, strict=True):
        with open(name, "xb") as text:
            text.write(file.stand_in)
    stored = run_git(repo, "hash-object", "-w", "--no-filters", "--", *names)
    entries = [b"100644 %s\t%s\0" % (blob, f.path) for blob, f in zip(stored.split(), large, strict=True)]
    _enter(repo, quiet, index, entries)


def _enter(repo: Repo, quiet: tuple[str, ...], index: str, lines: list[bytes]) -> None:
    """Put entries as they are into the private index. Writing it back looks into young files: `quiet` here as well."""
    if lines:
        run_git(repo, *quiet, "update-index", "-z", "--index-info", index=index, stdin=b"".join(lines))


def changed_paths(repo: Repo, before: str, after: str) -> list[Change]:
    """What differs between two trees (or commits), sorted by path; a rename is a deletion and an addition."""
    options = ("-r", "-z", "--no-renames", "--name-status")
    fields = run_git(repo, "diff-tree", *options, *_ids(before, after)).split(b"\0")
    pairs = zip(fields[0::2], fields[1::2], strict=False)  # the last field is the empty one after the last NUL
    return sorted(Change(path_text(path), KINDS[status]) for status, path in pairs)


def changed_lines(repo: Repo, before: str, after: str) -> list[tuple[str, int | None]]:
    """Path and number of added and removed lines of each file that differs between two trees; None for one that is no text."""
    options = ("-r", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--numstat")
    rows = run_git(repo, "diff-tree", *options, *_ids(before, after)).split(b"\0")[:-1]
    found = [row.split(b"\t", 2) for row in rows]
    return sorted((path_text(path), None if added == b"-" else int(added) + int(gone)) for added, gone, path in found)


def keep_tree(repo: Repo, tree: str, ref_name: str, message: str, parent: str | None = None) -> str:
    """Point `refs/fermata/<ref_name>` at a commit of *tree*, so that `git gc` keeps it; return the commit's id.

    The commit has fermata's own identity, no signature, and no parent but the one given; no branch or reflog changes.

    Raises:
        GitError: *ref_name* is not made of parts of letters, digits, `.`, `_`, `-`; or *tree* does not exist.
    """
    _check_ref(repo, ref_name)
    commit = commit_of(repo, tree, message, [parent] if parent else [])
    _point(repo, ref_name, commit)
    return commit


def commit_of(repo: Repo, tree: str, message: str, parents: Sequence[str], who: tuple[str, ...] = IDENTITY) -> str:
    """A commit of *tree* that no ref points to, without a signature, by *who* (options for git). Raises GitError."""
    options = (*who, "-c", "i18n.commitEncoding=UTF-8")
    ancestors = [part for parent in _ids(*parents) for part in ("-p", parent)]
    text = message.encode("utf-8", "replace")
    told = run_git(repo, *options, "commit-tree", "--no-gpg-sign", *ancestors, "-F", "-", *_ids(tree), stdin=text)
    return told.decode().strip()


def pin_tree(repo: Repo, tree: str, ref_name: str) -> None:
    """Point `refs/fermata/<ref_name>` at *tree* itself: kept with one process, where nobody needs a commit of it."""
    _check_ref(repo, ref_name)
    _point(repo, ref_name, *_ids(tree))


def _point(repo: Repo, ref_name: str, name: str) -> None:
    run_git(repo, "-c", "core.logAllRefUpdates=false", "update-ref", f"refs/fermata/{ref_name}", name)


def _check_ref(repo: Repo, ref_name: str) -> None:
    parts = ref_name.split("/")
    if len(ref_name) > REF_LIMIT or not all(REF_PART.match(part) for part in parts):
        rule = "use letters, digits, `.`, `_`, `-` in parts of at most 64, separated by `/`"
        raise GitError(("update-ref",), None, f"{ref_name!r} cannot name a snapshot; {rule}", repo.root)


def diff_text(repo: Repo, before: str, after: str, max_bytes: int) -> str:
    """The unified diff between two trees; longer than *max_bytes* it is cut after a whole line, with a mark there."""
    options = ("-p", "-r", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--submodule=short")
    raw = read_git(repo, ("-c", "core.bigFileThreshold=8m", "diff-tree", *options, *_ids(before, after)), max_bytes + 1)
    if len(raw) <= max_bytes:
        return raw.decode("utf-8", "replace")
    kept = raw[: raw.rfind(b"\n", 0, max_bytes) + 1]
    rest = f"`git diff {before[:12]} {after[:12]}` shows all of it"
    return kept.decode("utf-8", "replace") + f"[cut here: the diff is longer than {max_bytes:,} bytes; {rest}]\n"


def _ids(*names: str) -> tuple[str, ...]:
    for name in names:
        if not OBJECT_ID.match(name):
            raise GitError(("diff-tree",), None, f"{name!r} is not the full id of a tree or commit")
    return names
