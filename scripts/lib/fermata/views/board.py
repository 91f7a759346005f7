"""The board for a person: lists of one line a thing, and one thing whole. Texts are cleaned before they are shown."""

from __future__ import annotations

from ..core.board_rules import is_ready
from ..core.board_waits import waits_for
from ..core.consultation import clean, line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from ..core.board_records import Board, Entry, Json, Note, Task

TITLE, TEXT = 90, 60_000
RANK = {"IN_PROGRESS": 0, "BLOCKED": 1, "TODO": 2, "DONE": 3, "ARCHIVED": 4}


def chosen_tasks(  # noqa: PLR0913 - one name for each filter
    board: Board, statuses: Container[str], parent: str | None, now: str, *, ready: bool, everything: bool
) -> list[Task]:
    """The tasks to list, those at work first, then by urgency and age; without *everything* no archived ones."""
    found = [
        task
        for task in board["tasks"].values()
        if (task["status"] in statuses if statuses else everything or task["status"] != "ARCHIVED")
        and parent in (None, task["parent"])
        and (not ready or is_ready(board, task, now))
    ]
    return sorted(found, key=lambda task: (RANK[task["status"]], task["priority"]))


def task_row(board: Board, task: Task, now: str) -> str:
    """One line of a list."""
    standing = "; ".join(_standing(board, task, now))
    return f"{task['id']}  {task['priority']}  {task['status']:<11}  {line(task['title'], TITLE)}" + (
        f"  [{standing}]" if standing else ""
    )


def _standing(board: Board, task: Task, now: str) -> Iterator[str]:
    claim, told = task["claim"], task["reported"]
    if claim:
        yield f"{line(claim['by'], 60)} until {claim['until']}" + (", run out" if claim["until"] < now else "")
    if told and not task["verified"]:
        yield f"reported {told['outcome']}, not verified"
    if task["status"] == "BLOCKED":
        yield line(task["why"], TITLE)
    if task["status"] in ("TODO", "IN_PROGRESS"):
        waiting = waits_for(board, task)
        if waiting:
            yield f"waits for {', '.join(waiting[:5])}" + (f" and {len(waiting) - 5} more" if len(waiting) > 5 else "")  # noqa: PLR2004
    if task["open"]:
        yield f"{task['open']} open children"


def task_text(board: Board, task: Task, details: dict[str, Json], now: str) -> str:
    """A task whole, with the names of its notes."""
    out = [task_row(board, task, now)]
    if task["parent"]:
        out.append(f"Part of     {task['parent']} {line(board['tasks'][task['parent']]['title'], TITLE)}")
    if task["blocked_by"]:
        out.append(f"After       {', '.join(task['blocked_by'])}")
    if details.get("scope"):
        out.append(f"Scope       {', '.join(line(glob, 200) for glob in details['scope'])}")
    if task["reported"]:
        told = task["reported"]
        out.append(
            f"Reported    {told['outcome']} by {line(told['by'], 80)}, {told['ts']}: {line(told['summary'], 300)}"
        )
    out.append(f"Verified    {_verified(task)}")
    if details.get("description"):
        out += ["", clean(details["description"], TEXT)]
    if details.get("acceptance"):
        out += ["", "Acceptance criteria", *(f"  - {line(item, 500)}" for item in details["acceptance"])]
    notes = board["notes"].get(task["id"], {})
    if notes:
        out += ["", "Notes", *(f"  {note_row(name, note)}" for name, note in notes.items())]
    return "\n".join(out)


def _verified(task: Task) -> str:
    found = task["verified"]
    if found is None:
        return "no"
    if found["by"] == "person":
        return f"a person's word, {found['ts']}"
    return f"{', '.join(line(c, 80) for c in found['checks'])} green on tree {found['tree'][:12]} ({found['run']}), {found['ts']}"


def note_row(name: str, note: Note) -> str:
    """One line of a list of notes."""
    return f"{name}  {note['kind']}  {note['chars']:,} characters  {line(note['by'], 40)}  {note['ts']}"


def entry_row(entry: Entry) -> str:
    """One line of a list of entries."""
    tags = [line(word, 40) for word in (*([] if entry["category"] == "other" else [entry["category"]]), *entry["tags"])]
    about = [text for text in (", ".join(tags), entry["task"], line(entry["source"], 60)) if text]
    closed = f"  {entry['status']} ({line(entry['how'], 60)})" if entry["status"] != "OPEN" else ""
    return f"{entry['id']}  {line(entry['title'], 160)}" + (f"  [{'; '.join(about)}]" if about else "") + closed


def entry_text(entry: Entry, details: dict[str, Json]) -> str:
    """An entry whole."""
    text = clean(details.get("description", ""), TEXT)
    return f"{entry_row({**entry, 'title': ''})}\n{clean(entry['title'])}" + (f"\n\n{text}" if text else "")


def shortened(rows: list[str], total: int, nothing: str) -> str:
    """*rows* as a list, and how many of *total* are left out."""
    if not rows:
        return nothing
    left = total - len(rows)
    return "\n".join([*rows, f"… and {left:,} more; -n shows more of them"] if left else rows)
