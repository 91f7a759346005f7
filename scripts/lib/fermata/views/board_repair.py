"""What `fermata repair board` shows that is the board's own: how its events read, and what of it stays."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.board_records import Board

WORDS = {
    "task_created": "{id} was added: {title}",
    "task_changed": "{id} was changed",
    "task_claimed": "{by} claimed {id}",
    "task_released": "{id} was given back",
    "task_reported": "{by} reported {id} {outcome}",
    "task_verified": "{id} was done, by {by}",
    "task_blocked": "{id} was blocked: {why}",
    "task_reopened": "{id} was opened again",
    "task_archived": "{id} was archived",
    "note_written": "the note {name} of {task} was written",
    "entry_added": "{id} was added: {title}",
    "entry_closed": "{id} was closed: {how}",
    "entry_archived": "{id} was archived",
    "repaired": "an earlier repair gave up lines {first}–{last}",
}


def holds(board: Board) -> str:
    """How much stands on *board*, in words."""
    counts = [("tasks", len(board["tasks"])), *((kind, len(found)) for kind, found in board["entries"].items())]
    return ", ".join(f"{count} {kind}" for kind, count in counts if count) or "nothing"
