"""A goal taken apart into epics, features and tasks: what makes it wrong, its order, and how it comes onto the board.

Decides the order in which the tasks are done (each behind all that it waits for) and what is still to be put on the board.
Every task that is there says by its `source` which one it is, so that doing it again after a crash adds nothing twice.
"""

from __future__ import annotations

from .board_rules import add_task
from .task_order import CircleError, in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .board_records import Board, Json
    from .board_rules import News
    from .records import Run

    Steps = list[dict[str, Json]]

NAMED = "epic"  # what tells a step that stands on the board from one of a plan


def arranged(steps: Steps) -> Steps:
    """*steps*, each behind those in its `blocked_by`.

    Raises:
        ValueError: two have one name, one waits for what is not there, or some wait for each other; all in words.
    """
    names = [step["name"] for step in steps]
    for number, step in enumerate(steps):
        place = f"steps[{number}] ({step['name']})"
        if names.index(step["name"]) != number:
            raise ValueError(f"{place}: another task has this name, too; give each its own")
        for other in step.get("blocked_by", []):
            if other not in names:
                raise ValueError(f'{place}.blocked_by names "{other}"; known: {", ".join(names)}')
    try:
        order = in_order({step["name"]: step.get("blocked_by", []) for step in steps})
    except CircleError as error:
        raise ValueError(
            f"blocked_by: {error} wait for each other, so none could begin; leave one of them out"
        ) from None
    return [steps[names.index(name)] for name in order]


def to_place(run: Run) -> tuple[str, Steps] | None:
    """The stage whose approved tasks are to be put on the board, and they; None when they are there, or none are to be."""
    if run["approved"] is None or run["status"] != "executing":
        return None
    for source, kept in run["kept"].items():
        steps = kept.get("steps", [])
        if any(NAMED in step and "task" not in step for step in steps):
            return source, steps
    return None


def placed(run: Run, board: Board, steps: Steps) -> dict[str, str]:
    """The ids of those of *steps* that are on the board, by name."""
    known = _known(run, board)
    return {step["name"]: known[key] for step in steps if (key := f"{run['run']}/{step['name']}") in known}


def place_next(run: Run, board: Board, steps: Steps) -> News:
    """The next epic, feature or task that the board lacks; no news when it has them all."""
    known = _known(run, board)
    for source, fields in _wanted(run["run"], steps):
        if source not in known:
            fields["parent"] = known.get(fields["parent"])
            fields["blocked_by"] = [known[name] for name in fields.get("blocked_by", [])]
            return add_task(board, **fields, source=source)
    return []


def _known(run: Run, board: Board) -> dict[str, str]:
    mine = f"{run['run']}/"
    found = ((task.get("source", ""), task["id"]) for task in board["tasks"].values())
    return {source: name for source, name in found if source.startswith(mine)}


def _wanted(run: str, steps: Steps) -> Iterator[tuple[str, dict[str, Json]]]:
    """Source and fields of all that shall stand on the board, parents first. Parents and blockers are sources here."""
    epics = list(dict.fromkeys(step["epic"] for step in steps))
    features = list(dict.fromkeys((step["epic"], step["feature"]) for step in steps))
    above = {(epic, ""): f"{run}/epic {n}" for n, epic in enumerate(epics, 1)}
    above |= {key: f"{run}/feature {n}" for n, key in enumerate(features, 1)}
    for (epic, feature), source in above.items():
        yield source, {"title": feature or epic, "parent": above[epic, ""] if feature else ""}
    for step in steps:
        yield (
            f"{run}/{step['name']}",
            {
                "title": step["title"],
                "description": step["objective"],
                "priority": step.get("priority", "P2"),
                "parent": above[step["epic"], step["feature"]],
                "blocked_by": [f"{run}/{name}" for name in step.get("blocked_by", [])],
                "scope": step["scope"],
                "acceptance": step["acceptance"],
            },
        )
