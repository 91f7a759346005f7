"""`fold(events) -> Board`: what the board's journal says: tasks, notes, debt, learnings, reports, backlog.

A pure function of the events. Decides nothing about what may happen; `board_rules.py` does, before it is journalled.
"""

from __future__ import annotations

from .fold_error import FoldError, NewerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .board_records import Board, Entry, EntryKind, Json, Task, TaskStatus
    from .records import Event

    Body = dict[str, Json]

ENTRY_KINDS: tuple[EntryKind, ...] = ("debt", "learning", "report", "backlog")
# Not kept by the fold; the journal's line has them.
LONG = ("description", "acceptance", "scope")
PRIORITIES = ("P1", "P2", "P3")
OPEN = ("TODO", "IN_PROGRESS", "BLOCKED")


class Queue(dict[str, dict[str, int]]):
    """The TODO tasks by priority, as `Board` has them, and how far claims have looked, which no cache keeps.

    `ahead`: by priority those that no claim has passed over as waiting, the next one last; empty when nobody has looked
    since the last event that is no claim. By a claim nothing that waits comes to be able to begin.
    """

    __slots__ = ("ahead",)

    def __init__(self, queue: dict[str, dict[str, int]]) -> None:
        super().__init__(queue)
        self.ahead: dict[str, list[str]] = {}


def new_board() -> Board:
    """The board before the first event."""
    return {
        "count": dict.fromkeys(("task", *ENTRY_KINDS), 0),
        "tasks": {},
        "queue": Queue({priority: {} for priority in PRIORITIES}),
        "at_work": {},
        "notes": {},
        "entries": {kind: {} for kind in ENTRY_KINDS},
    }


def _task_created(board: Board, event: Event) -> None:
    body = event["body"]
    if body["id"] in board["tasks"]:
        raise FoldError(f"{body['id']} is there already")
    board["count"]["task"] += 1
    board["tasks"][body["id"]] = {
        "id": body["id"],
        "title": body["title"],
        "priority": body["priority"],
        "status": "TODO",
        "parent": body["parent"],
        "blocked_by": body["blocked_by"],
        "open": 0,
        "why": "",
        "claim": None,
        "reported": None,
        "verified": None,
        "lines": [event["seq"]],
        "created": event["ts"],
        "updated": event["ts"],
    }
    if "source" in body:
        board["tasks"][body["id"]]["source"] = body["source"]
    board["queue"][body["priority"]][body["id"]] = 1
    if body["parent"]:
        board["tasks"][body["parent"]]["open"] += 1


def _changed(board: Board, event: Event) -> Task:
    """The task that *event* is about, which it changes."""
    task = board["tasks"][event["body"]["id"]]
    task["updated"] = event["ts"]
    return task


def _move(board: Board, task: Task, status: TaskStatus) -> None:
    """Give *task* its new status, its place in the queue, and its parent the right number of open children."""
    board["queue"][task["priority"]].pop(task["id"], None)
    board["at_work"].pop(task["id"], None)
    if status == "TODO":
        board["queue"][task["priority"]][task["id"]] = 1
    if task["parent"]:
        board["tasks"][task["parent"]]["open"] += (status in OPEN) - (task["status"] in OPEN)
    task["status"] = status
    if status != "IN_PROGRESS":
        task["claim"] = None
    if status != "BLOCKED":
        task["why"] = ""


def _task_changed(board: Board, event: Event) -> None:
    task, body = _changed(board, event), event["body"]
    if any(key in body for key in LONG):
        task["lines"].append(event["seq"])
    if "priority" in body and board["queue"][task["priority"]].pop(task["id"], 0):
        board["queue"][body["priority"]][task["id"]] = 1
    for key in ("title", "priority", "blocked_by"):
        if key in body:
            task[key] = body[key]


def _task_claimed(board: Board, event: Event) -> None:
    task, body = _changed(board, event), event["body"]
    if task["claim"] is None or task["claim"]["by"] != body["by"]:
        task["reported"] = None
    _move(board, task, "IN_PROGRESS")
    task["claim"] = {"by": body["by"], "until": body["until"]}
    board["at_work"][task["id"]] = body["until"]


def _task_released(board: Board, event: Event) -> None:
    _move(board, _changed(board, event), "TODO")


def _task_reported(board: Board, event: Event) -> None:
    """A worker's word. What went wrong takes effect at once; that it went well has to be verified."""
    task, body = _changed(board, event), event["body"]
    task["reported"] = {
        "by": body["by"],
        "outcome": body["outcome"],
        "summary": body["summary"],
        "ts": event["ts"],
    }
    if body["outcome"] == "failed":
        _move(board, task, "TODO")
    elif body["outcome"] == "blocked":
        _move(board, task, "BLOCKED")
        task["why"] = body["summary"]


def _task_verified(board: Board, event: Event) -> None:
    task, body = _changed(board, event), event["body"]
    _move(board, task, "DONE")
    task["verified"] = {
        "by": body["by"],
        "ts": event["ts"],
        "run": body["run"],
        "tree": body["tree"],
        "checks": body["checks"],
    }


def _task_blocked(board: Board, event: Event) -> None:
    task = _changed(board, event)
    _move(board, task, "BLOCKED")
    task["why"] = event["body"]["why"]


def _task_reopened(board: Board, event: Event) -> None:
    task = _changed(board, event)
    _move(board, task, "TODO")
    task["reported"] = task["verified"] = None


def _task_archived(board: Board, event: Event) -> None:
    _move(board, _changed(board, event), "ARCHIVED")


def _note_written(board: Board, event: Event) -> None:
    body = event["body"]
    notes = board["notes"].setdefault(board["tasks"][body["task"]]["id"], {})
    notes[body["name"]] = {
        "kind": body["kind"],
        "line": event["seq"],
        "chars": len(body["text"]),
        "by": event["actor"],
        "ts": event["ts"],
    }


def _entry_added(board: Board, event: Event) -> None:
    body = event["body"]
    entries = board["entries"][body["kind"]]
    if body["id"] in entries:
        raise FoldError(f"{body['id']} is there already")
    board["count"][body["kind"]] += 1
    entries[body["id"]] = {
        "id": body["id"],
        "title": body["title"],
        "category": body["category"],
        "tags": body["tags"],
        "task": body["task"],
        "source": body["source"],
        "status": "OPEN",
        "how": "",
        "line": event["seq"],
        "created": event["ts"],
    }


def _entry(board: Board, event: Event) -> Entry:
    return board["entries"][event["body"]["kind"]][event["body"]["id"]]


def _entry_closed(board: Board, event: Event) -> None:
    _entry(board, event).update({"status": "CLOSED", "how": event["body"]["how"]})


def _entry_archived(board: Board, event: Event) -> None:
    _entry(board, event)["status"] = "ARCHIVED"


def _repaired(board: Board, event: Event) -> None:
    """Lines behind this one were lost to damage. None of the ids that they may have given is given a second time."""
    lost = event["body"]["last"] - event["body"]["first"] + 1
    for kind in board["count"]:
        board["count"][kind] += lost


HANDLERS: dict[str, Callable[[Board, Event], None]] = {
    "task_created": _task_created,
    "task_changed": _task_changed,
    "task_claimed": _task_claimed,
    "task_released": _task_released,
    "task_reported": _task_reported,
    "task_verified": _task_verified,
    "task_blocked": _task_blocked,
    "task_reopened": _task_reopened,
    "task_archived": _task_archived,
    "note_written": _note_written,
    "entry_added": _entry_added,
    "entry_closed": _entry_closed,
    "entry_archived": _entry_archived,
    "repaired": _repaired,
}


def step(board: Board | None, event: Event) -> Board:
    """The board after *event*, changing *board* itself; for callers that own their copy.

    Raises:
        FoldError: an event of a newer format, or one that the lines before it do not explain.
    """
    board = new_board() if board is None else board
    handler = HANDLERS.get(event["type"])
    if handler is None:
        raise NewerError(f"{_place(event)} has an unknown type; a newer fermata wrote it. Update fermata")
    if handler is not _task_claimed and isinstance(board["queue"], Queue):
        board["queue"].ahead = {}
    try:
        handler(board, event)
    except KeyError as error:
        raise FoldError(f"{_place(event)} names {error}, which the lines before do not explain") from None
    return board


def _place(event: Event) -> str:
    return f'line {event["seq"]} ("{event["type"]}")'


def fold(events: Iterable[Event]) -> Board:
    """The board that *events* tell of. Raises FoldError."""
    board = new_board()
    for event in events:
        board = step(board, event)
    return board
