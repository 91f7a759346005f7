"""What a person is told of checkpoints and rollbacks: lists, what a rollback did or would do, and the ways from there."""

from __future__ import annotations

import shlex

from ..core.consultation import clean
from ..git.run_branch import branch_name
from ..loop.checkpoints import BRANCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.records import Checkpoint, Json, Run
    from ..loop.rollback import Rollback

MAX_PATHS = 40


def checkpoint_row(one: Checkpoint) -> str:
    """One line of the list."""
    agent = f"  [{one['after_agent']}]" if one["after_agent"] else ""
    return clean(f"{one['id']:<20}  {one['at']}  {one['name']}{agent}")


def checkpoint_text(run: Run, one: Checkpoint, apart: int) -> str:
    """What there is to know of one; *apart* paths are not as it has them, in the work tree or on the run's own branch."""
    where = f"on {branch_name(run['run'])}" if one["place"] == BRANCH else "of the work tree"
    lines = [
        f"{one['id']}  {one['name']}",
        f"Run       {run['run']}",
        f"Made      {one['at']}" + (f", after {one['after']} ({one['after_agent']})" if one["after"] else ""),
        f"Kept by   refs/fermata/{run['run']}/{one['id']}",
        f"HEAD then {one['head'] or 'no commit yet'}",
        f"Differs   {_count(apart, 'file')} {where}; `fermata checkpoint diff {one['id']}` shows them",
    ]
    lines += [f"Not in it {path} (too large)" for path in one.get("large", [])]
    return clean("\n".join(lines), 20_000)


def rollback_text(run: str, found: Rollback, quarantine: str) -> str:
    """What was done; while `undo` is empty, what would be."""
    at, done = found.checkpoint, bool(found.undo)
    lines = [f"{'Back to' if done else 'A rollback to'} {at['id']} ({at['name']}), made {at['at']}:"]
    if found.branch:
        lines.append(f"  on {found.branch}, the run's own branch; your work tree is not touched")
    taken_back = ("changed", "changes") if found.branch else ("restored", "restores")  # there it may also be taken off
    lines += _paths(taken_back[not done], found.restored)
    lines += _paths("moved aside" if done else "moves aside", found.quarantined)
    if found.quarantined and done:
        lines.append(f"               they lie in {quarantine}")
    for one in found.skipped:
        lines.append(f"  {'left as is':<12} {one.path}: {one.why}")
        if one.held:
            lines.append(f"               the checkpoint's version: {_copy_of(run, at['id'], one.path)}")
    if not (found.restored or found.quarantined or found.skipped):
        lines.append("  no file of the run's differs from it")
    if found.others:
        lines.append(
            f"  {_count(len(found.others), 'other file')} differ{'s' * (len(found.others) == 1)} and stay{'s' * (len(found.others) == 1)}: not the run's"
        )
    lines += _moved_head(found)
    if done:
        lines.append("To take this back: fermata undo")
    return clean("\n".join(lines), 20_000)


def rollback_document(run: Run, found: Rollback, quarantine: str) -> dict[str, Json]:
    """The same as JSON."""
    return {
        "run": run["run"],
        "checkpoint": found.checkpoint["id"],
        "undo": found.undo or None,
        "restored": found.restored,
        "quarantined": found.quarantined,
        "quarantine": quarantine if found.quarantined and found.undo else None,
        "skipped": [one._asdict() for one in found.skipped],
        "others": found.others,
        "head": found.head,
        "commits_since": found.commits,
        "branch": found.branch or None,
    }


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"


def _paths(word: str, paths: list[str]) -> Iterator[str]:
    for path in paths[:MAX_PATHS]:
        yield f"  {word:<12} {path}"
    if len(paths) > MAX_PATHS:
        yield f"  {word:<12} and {len(paths) - MAX_PATHS} more"


def _copy_of(run: str, name: str, path: str) -> str:
    """The command that lays the checkpoint's version beside the user's."""
    return f"git show {shlex.quote(f'refs/fermata/{run}/{name}:{path}')} > {shlex.quote(f'{path}.{name}')}"


def _moved_head(found: Rollback) -> Iterator[str]:
    then, now = found.checkpoint["head"], found.head
    if then == now or then is None:
        return
    yield f"HEAD was {then[:12]} then and is {str(now)[:12]} now; no branch was moved and no commit taken back."
    if found.commits:
        yield f"  to take those commits back, with new ones: git revert --no-edit {then[:12]}..{str(now)[:12]}"
    yield f"  to have them as they were, on a branch beside: git branch before-{found.checkpoint['id']} {then[:12]}"
