"""Which task of the board waits for which. Pure looks at the board; decides nothing."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .board_records import Board, Task


def waits_for(board: Board, task: Task) -> list[str]:
    """The tasks that have to be verified before *task* may begin: its own `blocked_by` and those of what it is part of."""
    tasks, found = board["tasks"], []
    part: Task | None = task
    while part is not None:
        found += [name for name in part["blocked_by"] if not tasks[name]["verified"]]
        part = tasks[part["parent"]] if part["parent"] else None
    return found


def children_of(board: Board) -> dict[str, list[str]]:
    """The children of every task that has some."""
    found: dict[str, list[str]] = {}
    for task in board["tasks"].values():
        if task["parent"]:
            found.setdefault(task["parent"], []).append(task["id"])
    return found


def descendants(children: dict[str, list[str]], name: str) -> Iterator[str]:
    """Children, their children and so on."""
    todo = [name]
    while todo:
        todo += (inner := children.get(todo.pop(), []))
        yield from inner


def path_to(board: Board, children: dict[str, list[str]], start: str, goals: set[str]) -> list[str]:
    """A way from *start* to one of *goals* along what each task cannot end before; empty when there is none."""
    came_from, todo = {start: ""}, [start]
    while todo:
        name = todo.pop()
        if name in goals:
            path = [name]
            while came_from[path[0]]:
                path.insert(0, came_from[path[0]])
            return path
        part: Task | None = board["tasks"][name]
        ahead = list(children.get(name, []))
        while part is not None:
            ahead += part["blocked_by"]
            part = board["tasks"][part["parent"]] if part["parent"] else None
        for other in ahead:
            if other not in came_from:
                came_from[other] = name
                todo.append(other)
    return []
