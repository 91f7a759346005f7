"""The shapes of the board, as JSON sees them; imported for type checking only (see `records.py`).

The fold keeps what lists and rules need. Long texts (descriptions, notes) stay in the journal; `lines` and `line` say
in which of its lines, so that a board of ten thousand tasks is still read at once.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from typing_extensions import NotRequired

Json = Any

TaskStatus = Literal["TODO", "IN_PROGRESS", "BLOCKED", "DONE", "ARCHIVED"]
EntryKind = Literal["debt", "learning", "report", "backlog"]


class Claim(TypedDict):
    """Who works on a task, and until when nobody else may take it (`2026-11-21T09:15:02Z`)."""

    by: str
    until: str


class Told(TypedDict):
    """What a worker said of a task. It unblocks nothing."""

    by: str
    outcome: Literal["done", "failed", "blocked"]
    summary: str
    ts: str


class Verified(TypedDict):
    """Why a task counts as done: fermata's own checks on a tree, or a person's word."""

    by: Literal["checks", "person"]
    ts: str
    run: str
    tree: str
    checks: list[str]


class Task(TypedDict):
    """`open`: how many of its children are not done. `why`: what it is blocked by, in words.

    `source`: the run that put it on the board and the name it has there, `RUN/NAME`; absent where a person did.
    """

    id: str
    title: str
    priority: Literal["P1", "P2", "P3"]
    status: TaskStatus
    parent: str | None
    blocked_by: list[str]
    open: int
    why: str
    claim: Claim | None
    reported: Told | None
    verified: Verified | None
    source: NotRequired[str]
    lines: list[int]
    created: str
    updated: str


class Note(TypedDict):
    """A note of a task. `line`: where its text stands; `chars`: how long it is."""

    kind: Literal["spec", "plan", "result", "progress", "review"]
    line: int
    chars: int
    by: str
    ts: str


class Entry(TypedDict):
    """A debt, a learning, a recon report or something for later. `title` of a learning is the whole of it.

    `source`: where it was learnt or found: a run, a dispatch, a file. `how`: why it was closed.
    """

    id: str
    title: str
    category: str
    tags: list[str]
    task: str | None
    source: str
    status: Literal["OPEN", "CLOSED", "ARCHIVED"]
    how: str
    line: int
    created: str


class Board(TypedDict):
    """`count`: the highest number given to a task and to each kind of entry.

    `queue`: the ids of the TODO tasks by priority, in the order in which they came or were given back; `at_work`: until
    when each task that is IN_PROGRESS is claimed. So whoever claims looks at few of ten thousand tasks.
    """

    count: dict[str, int]
    tasks: dict[str, Task]
    queue: dict[str, dict[str, int]]
    at_work: dict[str, str]
    notes: dict[str, dict[str, Note]]
    entries: dict[EntryKind, dict[str, Entry]]
