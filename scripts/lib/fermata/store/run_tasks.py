"""A run and the project's board: which tasks a run is given, and what the board is told of them.

Stands between two journals. The run's is written first; what the board is told follows from it (`core/task_news.py`), so
that a crash between the two leaves nothing but work for the next call. Hooks use this, too.
"""

from __future__ import annotations

import re
import time

from ..core.board_rules import write_note
from ..core.board_texts import BoardError, spec_text
from ..core.decomposition import place_next, placed, to_place
from ..core.moments import moment
from ..core.position import ENDED
from ..core.task_choice import choose, step_of, tasks_goal
from ..core.task_news import carried, next_news
from .errors import Damaged
from .run_store import utc_now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.board_records import Board, Json
    from ..core.records import Run
    from ..core.task_choice import Choice
    from .board import BoardStore
    from .project import Project
    from .run_store import News, RunStore

CLAIM_MINUTES = 120
LOOK_BACK = 10  # runs whose last words a crash may have kept from the board
MOST = 1_000


def choose_tasks(project: Project, names: list[str]) -> tuple[Choice, list[dict[str, Json]], str]:
    """The tasks that *names* mean (none: all that can begin), each as a step, and the goal of a run that carries them out.

    Raises:
        BoardError: with words for every task that cannot be carried out.
        Damaged: the board's journal does not verify.
    """
    store = project.board()
    board = store.load()
    choice = choose(board, names, utc_now())
    found = [_step(store, board, name) for name in choice.ids]
    problems = [str(each) for each in found if isinstance(each, BoardError)]
    if problems:
        raise BoardError("\n".join(problems))
    return choice, [each for each in found if isinstance(each, dict)], tasks_goal(board, choice.ids)


def _step(store: BoardStore, board: Board, name: str) -> dict[str, Json] | BoardError:
    task = board["tasks"][name]
    specs = [(note, found["line"]) for note, found in board["notes"].get(name, {}).items() if found["kind"] == "spec"]
    note, line = specs[-1] if specs else ("", 0)
    try:
        return step_of(task, store.details(*task["lines"]), note, store.details(line)["text"] if specs else "")
    except BoardError as error:
        return error


def on_board(run: Run) -> bool:
    """Whether tasks of *run* stand on the board, or are to be put there."""
    return carried(run) is not None or to_place(run) is not None


def settle(project: Project, run: RunStore) -> list[str]:
    """Tell the board all that follows from *run*; what stands in the way of a step that has begun, in words.

    Raises:
        StoreError, OSError: what was told stays told; call again.
    """
    place(project, run)
    if carried(run.load()) is None:
        return []
    store, trouble = project.board(), list[str]()
    for _ in range(MOST):
        if not _next(run.load(), store.load(), trouble):
            return trouble
        store.act("fermata", lambda board: _next(run.load(), board, trouble))  # the run as it is under this lock
    raise RuntimeError("the board did not settle")


def place(project: Project, store: RunStore) -> None:
    """Put the approved tasks of a decomposition on the board, once; then the run knows them by their ids."""
    found = to_place(store.load())
    if found is None:
        return
    source, steps = found
    project.prepare()
    board = project.board()
    while board.act("fermata", lambda now: place_next(store.load(), now, steps)):
        pass
    ids = placed(store.load(), board.load(), steps)
    store.note("fermata", "tasks_placed", {"stage": source, "tasks": ids}, lambda run: to_place(run) == found)


def _next(run: Run, board: Board, trouble: list[str]) -> News:
    now = time.time()
    stamps = [moment(now + 60 * minutes) for minutes in (0, CLAIM_MINUTES, CLAIM_MINUTES // 2)]
    news, trouble[:] = next_news(run, board, *stamps)
    claimed = [body["id"] for kind, body in news if kind == "task_claimed"]
    return [*news, *(note for name in claimed for note in _spec(run, board, name))]


def _spec(run: Run, board: Board, name: str) -> News:
    """B09: a task that is worked on has a spec note; one that nobody has written says what its step says."""
    if any(note["kind"] == "spec" for note in board["notes"].get(name, {}).values()):
        return []
    found = carried(run)
    assert found is not None
    step = next(step for step in found.steps if step.get("task") == name)
    parts = [step.get(key) or ["none"] for key in ("read_first", "constraints", "acceptance")]
    return write_note(board, name, "spec", "spec", spec_text(re.sub(r"(?m)^##", " ##", str(step["objective"])), *parts))


def settle_all(project: Project) -> None:
    """Finish what other runs left: those that still hold a task and are over or parked, and the newest ended ones."""
    board = project.board()
    if not board.exists():
        return
    tasks, ids = board.load()["tasks"], project.run_ids()
    held = {task["claim"]["by"] for task in tasks.values() if task["claim"]}
    for name in ids:
        if name in held or name in ids[:LOOK_BACK]:
            store = project.run(name)
            try:
                run = store.load()
            except Damaged:
                continue
            if run["status"] in (*ENDED, "stopped"):
                settle(project, store)
