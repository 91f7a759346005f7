"""Merges two trees over a third, and puts the outcome into a work tree of fermata's own.

Merging moves nothing: neither branch nor file. No configured program runs for it; where the attributes name a merge
driver of somebody's own, git's text merge takes its place. Renamed files are followed, renamed folders are not. A work
tree is changed only if all in it is as it was known to be; the user's own is never touched.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from .bring_in import bring_in, entries
from .repo import Repo, named_programs, no_filters
from .run import GitError, path_text, run_git
from .run_branch import named
from .snapshot import IDENTITY, changed_paths, private_index, take_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Kind = Literal["content", "add/add", "modify/delete", "rename", "binary", "submodule", "directory/file", "mode"]
OLDEST_GIT = (2, 38)
"""From here on git merges two commits without a work tree (`merge-tree --write-tree`)."""
USAGE = 129  # how git ends where it does not know an option
TEXT_MERGE = "git merge-file --marker-size=%L %A %O %B"
SETTINGS = (
    "merge.renames=true",
    "diff.renames=true",
    "merge.directoryRenames=false",  # a new file would come to lie in another folder than its author put it
    "merge.renormalize=false",  # runs filters
    "merge.conflictStyle=merge",
)
TOLD = (
    ("(submodule", "submodule"),
    ("(binary)", "binary"),
    ("(rename", "rename"),
    ("(file/directory)", "directory/file"),
    ("(directory/file)", "directory/file"),
    ("(distinct modes)", "mode"),
)
MARKER = re.compile(rb"(<{7,}|={7,}|>{7,})(?: .*)?\r?\Z")
OURS_LEFT = re.compile(rb"[<>]{7} [0-9a-f]{40,64}\r?\Z")
MAX_SCANNED = 8 << 20


class Conflict(NamedTuple):
    """One path on which both sides disagree."""

    path: str
    kind: Kind


class Merged(NamedTuple):
    """The tree that came out, with conflict markers where both sides changed the same text; `conflicts` sorted by path."""

    tree: str
    conflicts: list[Conflict]


def merge_trees(repo: Repo, base_tree: str, ours_tree: str, theirs_tree: str) -> Merged:
    """Bring what *theirs_tree* made of *base_tree* into *ours_tree*. In the markers, the first side is ours.

    Raises:
        GitError: git is older than 2.38, or one of the trees is not there.
    """
    base = _commit(repo, base_tree)
    return merge_commits(repo, _commit(repo, ours_tree, base), _commit(repo, theirs_tree, base))


def part_of(repo: Repo, base_tree: str, tree: str, wanted: Callable[[str], bool]) -> str:
    """*tree* where *wanted* takes the path (as text), and *base_tree* everywhere else. Raises GitError."""
    other = [one for one in entries(repo, (base_tree, tree))[0].values() if not wanted(path_text(one.path))]
    if not other:
        return tree
    rows = b"".join(b"%s %s\t%s\0" % (*one.old, one.path) for one in other)  # mode 0 takes a path out
    with private_index(repo) as index:
        run_git(repo, "read-tree", tree, index=index)
        run_git(repo, "update-index", "-z", "--index-info", index=index, stdin=rows)
        return run_git(repo, "write-tree", "--missing-ok", index=index).decode().strip()


def _commit(repo: Repo, tree: str, *parents: str) -> str:
    """A commit that no ref points to: `merge-tree` takes its base from history."""
    ancestors = [part for parent in parents for part in ("-p", parent)]
    return run_git(repo, *IDENTITY, "commit-tree", *ancestors, "-F", "-", tree, stdin=b"merge\n").decode().strip()


def merge_commits(repo: Repo, ours: str, theirs: str) -> Merged:
    """Merge two commits over what they have in common. Raises GitError, also where that is nothing."""
    options = (*(part for setting in SETTINGS for part in ("-c", setting)), *no_filters(repo), *_no_drivers(repo))
    try:
        told = run_git(repo, *options, "merge-tree", "--write-tree", "-z", ours, theirs, ok=(0, 1))
    except GitError as error:
        if error.code == USAGE:
            wanted = ".".join(map(str, OLDEST_GIT))
            raise GitError(
                error.command, USAGE, f"merging takes git {wanted} or newer; update git", repo.root
            ) from None
        raise
    files, _, messages = told.partition(b"\0\0")
    tree, *stages = files.rstrip(b"\0").split(b"\0")
    return Merged(tree.decode(), _conflicts(stages, messages))


def _no_drivers(repo: Repo) -> tuple[str, ...]:
    """Options that put git's own text merge in the place of every configured merge driver, which is a shell command."""
    names = named_programs(repo, "merge", r"^merge\..*\.driver$")
    return tuple(part for name in names for part in ("-c", f"merge.{name}.driver={TEXT_MERGE}"))


def _conflicts(stages: Sequence[bytes], messages: bytes) -> list[Conflict]:
    """From the unmerged entries, `MODE ID STAGE<TAB>PATH`, and from what git says of the paths in its messages."""
    entries: dict[bytes, dict[bytes, bytes]] = {}
    for row in stages:
        head, _, path = row.partition(b"\t")
        mode, _, stage = head.split(b" ")
        entries.setdefault(path, {})[stage] = mode
    told: dict[bytes, set[str]] = {}
    for paths, kind in _messages(messages):
        for path in paths:
            told.setdefault(path, set()).add(kind)
    return sorted(Conflict(path_text(path), _kind(sides, told.get(path, set()))) for path, sides in entries.items())


def _messages(raw: bytes) -> Iterable[tuple[list[bytes], str]]:
    """The paths and the type of each message: `COUNT NUL PATH NUL … TYPE NUL TEXT NUL`."""
    fields = iter(raw.split(b"\0"))
    for count in fields:
        if not count.isdigit():
            return  # the end, or git's advice about submodules
        paths = [next(fields) for _ in range(int(count))]
        yield paths, next(fields).decode("utf-8", "replace")
        next(fields)


def _kind(sides: dict[bytes, bytes], told: set[str]) -> Kind:
    if b"160000" in sides.values():
        return "submodule"
    for words, kind in TOLD:
        if any(words in message for message in told):
            return kind  # type: ignore[return-value]
    if b"1" not in sides:
        return "add/add"
    return "content" if sides.keys() >= {b"2", b"3"} else "modify/delete"


def place_tree(tree_repo: Repo, known: str, tree: str, ref_name: str) -> None:
    """Make a work tree of fermata's own, in which *known* lies, hold *tree*; again after a crash, it goes on.

    HEAD and index stay, but for what the index says of a submodule. A file is replaced at one stroke.

    Args:
        tree_repo: never the user's.
        known: the tree that was last seen there.
        tree: full id.
        ref_name: what lies there is kept under `refs/fermata/<ref_name>` first.

    Raises:
        GitError: something there is neither as in *known* nor as in *tree*: somebody's work, left as it is.
    """
    here = take_snapshot(tree_repo)
    missing = {change.path for change in changed_paths(tree_repo, here, tree)}
    other = [change.path for change in changed_paths(tree_repo, known, here) if change.path in missing]
    if other:
        raise _refused(tree_repo, [f"{path} has changed since" for path in other])
    if missing:
        links = _moved_submodules(tree_repo, known, tree)
        found = bring_in(tree_repo, known, tree, lambda path: path not in links, ref_name)
        if found.conflicts:
            raise _refused(tree_repo, found.conflicts)
        if links:
            run_git(tree_repo, "update-index", "-z", "--index-info", stdin=b"".join(links.values()))


def _moved_submodules(repo: Repo, known: str, tree: str) -> dict[str, bytes]:
    """What the index is told of each submodule whose commit differs; its folder is empty in a work tree of ours."""
    raw = run_git(repo, "diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", known, tree).split(b"\0")
    rows = zip(raw[0::2], raw[1::2], strict=False)
    both = b":160000 160000 "
    return {path_text(path): b"160000 %s\t%s\0" % (row.split(b" ")[3], path) for row, path in rows if row[:15] == both}


def _refused(repo: Repo, reasons: list[str]) -> GitError:
    return GitError(("merge",), None, f"{named(reasons)}; the merge was not put there", repo.root)


def conflict_markers(repo: Repo, tree: str, paths: Sequence[str]) -> list[str]:
    """Those of *paths* that still hold conflict markers in *tree*: the three in their order, or one with an id of ours.

    A line of `=======` alone is none. Files above 8 MB and those that are no files any more hold none.
    """
    if not paths:
        return []
    found = []
    for row in run_git(repo, "ls-tree", "-r", "-z", "-l", tree).split(b"\0")[:-1]:
        head, _, path = row.partition(b"\t")
        _, kind, blob, size = head.split()
        looked_at = path_text(path) in paths and kind == b"blob" and int(size) <= MAX_SCANNED
        if looked_at and _is_marked(run_git(repo, "cat-file", "blob", blob.decode())):
            found.append(path_text(path))
    return found


def _is_marked(content: bytes) -> bool:
    due, size = b"<", 0
    for line in content.split(b"\n"):
        if line[:7] not in (b"<<<<<<<", b"=======", b">>>>>>>"):
            continue
        if OURS_LEFT.match(line):
            return True
        match = MARKER.match(line)
        if match is None:
            continue
        sign, length = match[1][:1], len(match[1])
        if sign == b"<":
            due, size = b"=", length
        elif sign == due and length == size:
            if sign == b">":
                return True
            due = b">"
    return False
