"""Which tasks of the board a run may be given, in which order, and how each reads as a step of its plan.

Refuses with words and the next move, all tasks at once, before there is a run. Pure: the long texts come in from the store.
"""

from __future__ import annotations

import re
from collections import namedtuple

from .board_rules import is_ready
from .board_texts import BoardError, read_spec, task_of
from .board_waits import children_of, waits_for
from .consultation import line
from .scope import glob_error
from .task_order import in_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .board_records import Board, Json, Task

MAX_TASKS = 20
TASK_ID = re.compile(r"(?<![\w./-])t-\d{1,9}(?![\w/-])", re.IGNORECASE)
Choice = namedtuple("Choice", "ids left")
Choice.__doc__ = """The ids in the order in which they are carried out, and how many more could begin now."""


def ids_in(goal: str) -> list[str]:
    """The ids of tasks that *goal* names (`t-42`, `t-000042`), each once."""
    return list(dict.fromkeys(f"t-{int(found[2:]):06d}" for found in TASK_ID.findall(goal)))


def only_ids(goal: str) -> bool:
    """Whether *goal* is nothing but ids."""
    return bool(TASK_ID.search(goal)) and not re.search(r"\w", TASK_ID.sub("", goal))


def choose(board: Board, names: list[str], now: str) -> Choice:
    """The tasks that *names* mean, else the first that can begin now.

    Raises:
        BoardError: one of them cannot be carried out; the words name each and say what to do.
    """
    ready = [task["id"] for task in board["tasks"].values() if is_ready(board, task, now)]
    if not names:
        if not ready:
            raise BoardError("no task of the board can begin now; `fermata task list` says what each one waits for")
        ready.sort(key=lambda name: board["tasks"][name]["priority"])
        return Choice(_ordered(board, ready[:MAX_TASKS]), max(0, len(ready) - MAX_TASKS))
    ids = list(dict.fromkeys(task_of(board, name)["id"] for name in names))
    if len(ids) > MAX_TASKS:
        raise BoardError(f"{len(ids)} tasks are named; one run carries out at most {MAX_TASKS}. Name fewer")
    problems = [problem for name in ids for problem in _problems(board, board["tasks"][name], ids, now)]
    if problems:
        raise BoardError("\n".join(problems))
    return Choice(_ordered(board, ids), 0)


def _ahead(board: Board, task: Task) -> list[str]:
    """What must be verified before *task* can begin: what it waits for, and its open parts."""
    parts = children_of(board).get(task["id"], []) if task["open"] else []
    return [
        *waits_for(board, task),
        *[name for name in parts if board["tasks"][name]["status"] in ("TODO", "IN_PROGRESS", "BLOCKED")],
    ]


def _ordered(board: Board, ids: list[str]) -> list[str]:
    """The board refuses circles when they are made, so there is an order."""
    return in_order({name: _ahead(board, board["tasks"][name]) for name in ids})


def _problems(board: Board, task: Task, ids: list[str], now: str) -> Iterator[str]:
    name, held = task["id"], task["claim"]
    if task["status"] in ("DONE", "ARCHIVED"):
        again = (
            f"`fermata task update {name} --status TODO` opens it again"
            if task["status"] == "DONE"
            else "add a new one"
        )
        yield f"{name} is {task['status']}; leave it out ({again})"
        return
    if task["status"] == "BLOCKED":
        yield f"{name} is BLOCKED ({line(task['why'], 300)}); when that is out of the way: fermata task update {name} --status TODO"
        return
    if held and held["until"] >= now:
        yield f"{name} is claimed by {line(held['by'], 120)} until {held['until']}; leave it out, or wait until it is given back"
        return
    missing = [other for other in _ahead(board, task) if other not in ids]
    if missing:
        yield f"{name} waits for {', '.join(missing[:5])}, not verified yet; name that too, or leave {name} out"


def spec_of(text: str) -> dict[str, Json]:
    """A spec note's parts as a step has them; a part that says `none` is left out. Raises BoardError."""
    parts = read_spec(text)

    def entries(head: str) -> list[str]:
        found = [re.sub(r"^[-*]\s+", "", row.strip()) for row in parts[head].splitlines() if row.strip()]
        return [row for row in found if row.casefold() != "none"]

    return {
        "objective": parts["Objective"],
        "read_first": entries("Relevant files"),
        "constraints": entries("Constraints"),
        "acceptance": entries("Acceptance criteria"),
    }


def step_of(task: Task, details: dict[str, Json], note: str = "", spec: str = "") -> dict[str, Json]:
    """*task* as a step of a plan.

    Args:
        task: as the board has it.
        details: its long texts.
        note: the name of its spec note, "" where it has none.
        spec: what that note says.

    Raises:
        BoardError: it does not say what it may change or when it is done.
    """
    said = spec_of(spec) if spec else {}
    step = {
        "title": line(task["title"], 100),
        "objective": said.pop("objective", "") or details.get("description") or task["title"],
        "scope": sorted(details.get("scope", [])),
        **said,
        "acceptance": details.get("acceptance") or said.get("acceptance", []),
        "task": task["id"],
        "note": note,
    }
    _refuse_unfit(task["id"], step)
    return step


def _refuse_unfit(name: str, step: dict[str, Json]) -> None:
    missing = [
        option for key, option in (("scope", "--scope 'GLOB'"), ("acceptance", '--acceptance "TEXT"')) if not step[key]
    ]
    if missing:
        what = " and ".join(option.split()[0][2:] for option in missing)
        raise BoardError(
            f"{name} has no {what}, so nothing could hold it: fermata task update {name} {' '.join(missing)}"
        )
    for glob in step["scope"]:
        error = glob_error(glob)
        if error:
            raise BoardError(
                f"{name} may change {glob!r}, which no plan may hold: {error}. Give it another: fermata task update {name} --scope 'GLOB'"
            )


def tasks_plan(steps: list[dict[str, Json]]) -> dict[str, Json]:
    """The tasks as the plan of a run."""
    count = len(steps)
    return {
        "summary": f"{count} task{'s' * (count != 1)} of the board, one after the other, each verified by itself",
        "findings": ["none: the tasks are as they stand on the board, and nobody looked before"],
        "steps": steps,
    }


def tasks_goal(board: Board, ids: list[str]) -> str:
    """What a run is for that carries out these tasks, in one line."""
    named = [f"{name} ({line(board['tasks'][name]['title'], 60)})" for name in ids]
    return f"Carry out {len(ids)} task{'s' * (len(ids) != 1)} of the board: {', '.join(named)}"
