"""What may be done to the board: each function looks at it as it is and gives the events that follow, or refuses.

Pure: the time comes in as text (`2026-11-21T09:15:02Z`, which sorts as it passes). Called under the board's lock, so
that what was looked at is still so when it is journalled. A worker's word never makes a task done.
"""

from __future__ import annotations

from .board import OPEN, PRIORITIES, Queue
from .board_texts import (
    DESCRIPTION,
    ITEMS,
    NAME,
    NOTE,
    NOTE_KINDS,
    SUMMARY,
    TITLE,
    BoardError,
    TakenError,
    choice_of,
    items_of,
    next_id,
    note_name,
    read_spec,
    task_of,
    text_of,
)
from .board_waits import children_of, descendants, path_to, waits_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .board_records import Board, Json, Task

    News = list[tuple[str, dict[str, Json]]]


def _blockers(board: Board, name: str, goals: set[str], given: Iterable[str]) -> list[str]:
    """The ids in *given*, for the task *name*; refused when one of them could never be verified before it."""
    found = [task_of(board, item) for item in dict.fromkeys(given)]
    if len(found) > ITEMS:
        raise BoardError(f"{name} would wait for {len(found)} tasks; at most {ITEMS}. Give it a parent task instead")
    children = children_of(board) if found else {}
    for other in found:
        if other["status"] == "ARCHIVED" and not other["verified"]:
            raise BoardError(f"{other['id']} was archived undone, so {name} would wait for ever; leave it out")
        path = path_to(board, children, other["id"], goals)
        if path:
            circle = [name, *path, *([] if path[-1] == name else [name])]
            raise BoardError(
                f"{name} cannot wait for {other['id']}: they would wait for each other ({' → '.join(circle)}). "
                f"Leave one of them out"
            )
    return [other["id"] for other in found]


def add_task(  # noqa: PLR0913 - one name for each field
    board: Board,
    title: str,
    *,
    description: str = "",
    priority: str = "P2",
    parent: str | None = None,
    blocked_by: Iterable[str] = (),
    scope: Iterable[str] = (),
    acceptance: Iterable[str] = (),
    source: str = "",
) -> News:
    """A new task, TODO. *source*: the run that makes it, and its name there."""
    name = next_id(board, "task")
    above = task_of(board, parent) if parent else None
    if above and above["status"] not in OPEN:
        raise BoardError(f"{above['id']} is {above['status']}, so nothing can be added below it; reopen it first")
    body: dict[str, Json] = {
        "id": name,
        "title": text_of("title", title, TITLE),
        "description": text_of("description", description, DESCRIPTION, empty=True),
        "priority": choice_of("priority", priority, PRIORITIES),
        "parent": above["id"] if above else None,
        "blocked_by": _blockers(board, name, {above["id"]} if above else set(), blocked_by),
        "scope": items_of("scope", scope),
        "acceptance": items_of("acceptance criterion", acceptance),
    }
    if source:
        body["source"] = text_of("source", source, NAME)
    return [("task_created", body)]


def change_task(board: Board, name: str, changes: dict[str, Json]) -> News:
    """Other words, priority, scope or blockers for a task; *changes* holds only what changes."""
    task = task_of(board, name)
    if task["status"] == "ARCHIVED":
        raise BoardError(f"{task['id']} is archived and stays as it is; add a new task")
    body: dict[str, Json] = {"id": task["id"]}
    for key, value in changes.items():
        if key in ("title", "description"):
            limit = TITLE if key == "title" else DESCRIPTION
            body[key] = text_of(key, value, limit, empty=key == "description")
        elif key == "priority":
            body[key] = choice_of(key, value, PRIORITIES)
        elif key == "blocked_by":
            below = set(descendants(children_of(board), task["id"]))
            body[key] = _blockers(board, task["id"], {task["id"], *below}, value)
        else:
            body[key] = items_of(key, value)
    return [("task_changed", body)] if changes else []


def _is_held(task: Task, now: str) -> bool:
    return task["claim"] is not None and task["claim"]["until"] >= now


def claim_task(board: Board, by: str, until: str, now: str, name: str | None = None) -> News:
    """Give *by* the task *name*, or else the next one that may begin; no news when none may.

    A claim that ran out can be taken by another; its holder may renew it by claiming again.
    """
    by = text_of("claimant", by, NAME)
    task = task_of(board, name) if name else next_task(board, now)
    if task is None:
        return []
    held, waiting = task["claim"], waits_for(board, task)
    if held and held["by"] != by and _is_held(task, now):
        raise TakenError(f"{task['id']} is claimed by {held['by']} until {held['until']}; claim another one")
    if task["status"] not in ("TODO", "IN_PROGRESS"):
        why = f" ({task['why']})" if task["why"] else ""
        raise BoardError(
            f"{task['id']} is {task['status']}{why}; only a TODO task can be claimed. "
            f"`fermata task update {task['id']} --status TODO` opens it again"
        )
    if task["open"]:
        raise BoardError(
            f"{task['id']} has {task['open']} open children; claim those: fermata task list --parent {task['id']}"
        )
    if waiting:
        raise BoardError(f"{task['id']} waits for {', '.join(waiting)}, not verified yet; claim one of those")
    return [("task_claimed", {"id": task["id"], "by": by, "until": until})]


def _can_begin(board: Board, task: Task) -> bool:
    """Whether nothing stands before *task*: neither parts of its own nor what it waits for."""
    return not task["open"] and not waits_for(board, task)


def is_ready(board: Board, task: Task, now: str) -> bool:
    """Whether *task* may begin now."""
    free = task["status"] == "TODO" or (task["status"] == "IN_PROGRESS" and not _is_held(task, now))
    return free and _can_begin(board, task)


def next_task(board: Board, now: str) -> Task | None:
    """The most urgent task that may begin; None when there is none.

    Of equals first one whose claim ran out, then the one that waits longest. Looks only at tasks in the queue and at
    work, and at each that waits once for many claims: others wait for this to end.
    """
    tasks, at_work = board["tasks"], board["at_work"]
    ran_out = bool(at_work) and min(at_work.values()) < now  # rare: a list of them for every claim would be dear
    left = [name for name, until in at_work.items() if until < now] if ran_out else []
    for priority, ahead in _ahead(board).items():
        for name in left:
            if tasks[name]["priority"] == priority and _can_begin(board, tasks[name]):
                return tasks[name]
        while ahead:
            task = tasks[ahead[-1]]
            if task["status"] == "TODO" and _can_begin(board, task):
                return task
            ahead.pop()
    return None


def _ahead(board: Board) -> dict[str, list[str]]:
    """The TODO tasks by priority that may be able to begin, the next one last."""
    queue = board["queue"]
    if not isinstance(queue, Queue):  # as a cache has it
        queue = board["queue"] = Queue(queue)
    if not queue.ahead:
        queue.ahead = {priority: list(reversed(names)) for priority, names in queue.items()}
    return queue.ahead


def _held_by(board: Board, name: str, by: str) -> Task:
    task = task_of(board, name)
    if task["claim"] is None or task["claim"]["by"] != by:
        holder = f"claimed by {task['claim']['by']}" if task["claim"] else f"{task['status']} and claimed by nobody"
        raise TakenError(f"{task['id']} is {holder}, not by {by[:NAME]}; nothing was changed. Claim it first")
    return task


def release_task(board: Board, name: str, by: str) -> News:
    """Give a task back undone."""
    return [("task_released", {"id": _held_by(board, name, by)["id"]})]


def report_task(board: Board, name: str, by: str, outcome: str, summary: str) -> News:
    """A worker's word about a task that it holds: done, failed or blocked."""
    task = _held_by(board, name, by)
    body = {
        "id": task["id"],
        "by": by,
        "outcome": choice_of("outcome", outcome, ("done", "failed", "blocked")),
        "summary": text_of("summary", summary, SUMMARY, empty=outcome == "done"),
    }
    return [("task_reported", body)]


def verify_task(board: Board, name: str, run: str, tree: str, checks: dict[str, str]) -> News:
    """DONE, on fermata's own evidence.

    Args:
        board: as it is.
        name: the task.
        run: which run ran the checks.
        tree: the git tree they ran on.
        checks: outcome by name; all must be green, and one at least must have run.
    """
    task = _finishable(board, name)
    red = sorted(check for check, outcome in checks.items() if outcome != "green")
    if not tree or not checks or red:
        told = f"not green: {', '.join(red)}" if red else "no check ran on a tree"
        raise BoardError(f"{task['id']} is not verified: {told}. Only green checks of fermata's own make it DONE")
    return [("task_verified", {"id": task["id"], "by": "checks", "run": run, "tree": tree, "checks": sorted(checks)})]


def _finishable(board: Board, name: str) -> Task:
    task = task_of(board, name)
    if task["status"] not in OPEN:
        raise BoardError(f"{task['id']} is {task['status']} already; nothing was changed")
    if task["open"]:
        raise BoardError(
            f"{task['id']} has {task['open']} open children and is done only after them: "
            f"fermata task list --parent {task['id']}"
        )
    return task


def set_status(board: Board, name: str, status: str, why: str = "") -> News:
    """A person's word: DONE, BLOCKED (with the reason) or TODO again."""
    choice_of("status", status, ("TODO", "BLOCKED", "DONE", "IN_PROGRESS", "ARCHIVED"))
    task = task_of(board, name)
    if status in ("IN_PROGRESS", "ARCHIVED"):
        verb = "claim" if status == "IN_PROGRESS" else "archive"
        raise BoardError(f"{task['id']} becomes {status} by `fermata task {verb} {task['id']}`")
    if status == "DONE":
        body: dict[str, Json] = {"id": _finishable(board, name)["id"], "by": "person", "run": "", "tree": ""}
        return [("task_verified", {**body, "checks": []})]
    if task["status"] == "ARCHIVED":
        raise BoardError(f"{task['id']} is archived and stays as it is; add a new task")
    if status == "BLOCKED":
        if task["status"] == "DONE":
            raise BoardError(f"{task['id']} is DONE; open it again (TODO) before you block it")
        return [("task_blocked", {"id": task["id"], "why": text_of("reason (--why)", why, SUMMARY)})]
    parent = board["tasks"][task["parent"]] if task["parent"] else None
    if parent and parent["status"] not in OPEN:
        raise BoardError(f"{task['id']} is part of {parent['id']}, which is {parent['status']}; open that again first")
    return [("task_reopened", {"id": task["id"]})] if task["status"] != "TODO" else []


def write_note(board: Board, name: str, note: str, kind: str, text: str) -> News:
    """A note of a task; one with the same name is replaced, and stays in the journal. A spec must have its four parts."""
    task = task_of(board, name)
    text = text_of("note", text, NOTE)
    if choice_of("kind", kind, NOTE_KINDS) == "spec":
        read_spec(text)
    return [("note_written", {"task": task["id"], "name": note_name(note), "kind": kind, "text": text})]
