"""What the board has to be told of a run that carries out its tasks: one thing at a time, until it says what the run does.

Pure, and a function of the run and the board alone: whatever a crash left out follows at the next call, and nothing is told
twice. A task is claimed when its step begins, reported on its agent's word, verified on fermata's own green checks of that
step, BLOCKED when the run waits for a person or was ended, and given back when the run is parked.
"""

from __future__ import annotations

from collections import namedtuple

from .board_rules import claim_task, release_task, report_task, set_status, verify_task, write_note
from .board_texts import SUMMARY, BoardError
from .check_runs import check_verdict, checks_of
from .consultation import line
from .position import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .board_records import Board, Json, Task
    from .board_rules import News
    from .records import CheckRun, Run, Stage

OPEN, ENDED = "open", "ended"
MAX_PATHS = 50
Carried = namedtuple("Carried", "stage steps")
Carried.__doc__ = """The foreach that works through tasks of the board, and its steps; each names its `task`."""


def carried(run: Run) -> Carried | None:
    """What of the board *run* carries out; None for nothing."""
    for stage in run["workflow"]["stages"]:
        if stage["kind"] == "foreach":
            source, _, field = stage["over"].partition(".")
            steps = run["kept"].get(source, {}).get(field, [])
            if any("task" in step for step in steps):
                return Carried(stage, steps)
    return None


def step_state(run: Run, stage: Stage, index: int) -> str:
    """`open` while the run works on the step, `ended` when all its stages are behind it, else ""."""
    frame = run["position"]
    if frame["at"] == stage["id"]:
        inner = frame["inner"].get(str(index))
        return "" if inner is None else ENDED if inner["at"] is None else OPEN
    left = {"stage": stage["id"], "outcome": "done"} in frame["came_from"].values()
    return ENDED if left or run["status"] == "completed" else ""


def next_news(run: Run, board: Board, now: str, until: str, renew: str) -> tuple[News, list[str]]:
    """The next thing that the board is to be told (none: it knows all), and what stands in the way of a step that began.

    Args:
        run: as it is.
        board: as it is.
        now: the time as the board has it.
        until: how long a claim made now holds.
        renew: a claim that runs out before this is made anew.
    """
    found, trouble = carried(run), []
    for index, step in enumerate(found.steps if found else ()):
        assert found is not None
        task = board["tasks"].get(step.get("task", ""))
        if task is None:
            if step_state(run, found.stage, index) == OPEN:
                trouble.append(f"{step.get('task', 'the task')} is not on the board any more")
            continue
        try:
            news = _told(_Case(run, board, found.stage, index, task), now, until, renew)
        except BoardError as error:
            trouble.append(str(error))
            continue
        if news:
            return news, []
    return (_above(run, board) if found else []), trouble


class _Case:
    """One step, its task, and where both stand."""

    def __init__(self, run: Run, board: Board, stage: Stage, index: int, task: Task) -> None:
        self.run, self.board, self.task = run, board, task
        self.state = step_state(run, stage, index)
        self.prefix = (
            inside(run["position"], stage["id"], str(index)) if stage["id"] in run["position"]["visits"] else "\0"
        )
        self.name, self.me, self.status = task["id"], run["run"], run["status"]
        self.held = task["claim"] is not None and task["claim"]["by"] == run["run"]

    def blocked_by_me(self) -> bool:
        """Whether it was this run that blocked the task, and nobody has said anything since."""
        told = self.task["reported"]
        if told is None or self.task["status"] != "BLOCKED":
            return False
        return (told["by"], told["outcome"], told["summary"]) == (self.me, "blocked", self.task["why"])


def _told(case: _Case, now: str, until: str, renew: str) -> News:
    if case.task["status"] in ("DONE", "ARCHIVED"):  # a person may have said so meanwhile
        return []
    if case.state == ENDED:
        return _ended(case)
    if case.status == "aborted":
        return _aborted(case, now)
    if case.status in ("stopped", "completed"):
        return release_task(case.board, case.name, case.me) if case.held else []
    if case.state != OPEN:
        return []
    if case.status == "waiting":
        why = line(case.run["waiting"]["why"] if case.run["waiting"] else "the run waits", SUMMARY - 100)
        return (
            report_task(case.board, case.name, case.me, "blocked", f"run {case.me} waits: {why}") if case.held else []
        )
    if case.blocked_by_me():
        return set_status(case.board, case.name, "TODO")
    if not case.held or (case.task["claim"] or {"until": ""})["until"] < renew:
        return claim_task(case.board, case.me, until, now, case.name)
    return _word(case)


def _word(case: _Case) -> News:
    """What the step's newest agent said, once."""
    done = [
        d
        for d in case.run["dispatches"].values()
        if d["node"].startswith(case.prefix) and d["access"] == "write" and d["state"] == "completed"
    ]
    said, told = line(done[-1]["summary"], SUMMARY) if done else "", case.task["reported"]
    if not done or (told and (told["by"], told["outcome"], told["summary"]) == (case.me, "done", said)):
        return []
    changed = ", ".join(line(path, 300) for path in done[-1]["changed"][:MAX_PATHS]) or "nothing"
    text = f"{said}\n\nChanged: {changed}\nBy {done[-1]['id']} of run {case.me}; an agent's word, not evidence."
    return [
        *report_task(case.board, case.name, case.me, "done", said),
        *write_note(case.board, case.name, "result", "result", text),
    ]


def _ended(case: _Case) -> News:
    """Its stages are behind it: the checks say whether it is done."""
    proof = _proof(case.run, case.prefix)
    outcomes = {
        name: check_verdict([c for c in proof if c["name"] == name]) or "open" for name in {c["name"] for c in proof}
    }
    tree = next((str(c["tree"]) for c in reversed(proof) if c.get("tree")), "")
    if case.held and (news := _word(case)):
        return news
    if tree and set(outcomes.values()) == {"green"}:
        return verify_task(case.board, case.name, case.me, tree, outcomes)
    over = case.status in ("completed", "aborted", "stopped")
    return release_task(case.board, case.name, case.me) if case.held and over else []


def _proof(run: Run, prefix: str) -> list[CheckRun]:
    """The check runs of the step's last checks; where it has none of its own, those the whole run ended on."""
    made = [c for c in run["checks"].values() if c["node"].startswith(prefix)]
    if not made and run["status"] == "completed":
        made = list(run["checks"].values())
    return checks_of(run, made[-1]["node"], made[-1]["visit"]) if made else []


def _aborted(case: _Case, now: str) -> News:
    """A22. Only what nobody has touched since: whoever opened the task again is not contradicted."""
    claim = case.task["claim"]
    elsewhere = claim is not None and not case.held and claim["until"] >= now
    if elsewhere or case.task["status"] == "BLOCKED" or case.task["updated"] > case.run["updated"]:
        return []
    return set_status(case.board, case.name, "BLOCKED", f"run {case.me} was ended before this was done")


def _above(run: Run, board: Board) -> News:
    """What this run put above its tasks (epics, features) is done with the last of them."""
    for task in board["tasks"].values():
        if task.get("source", "").startswith(f"{run['run']}/") and task["status"] == "TODO" and not task["open"]:
            parts = [one for one in board["tasks"].values() if one["parent"] == task["id"] and one["verified"]]
            proof = parts[-1]["verified"] if parts else None
            if proof and proof["by"] == "checks":
                return verify_task(
                    board, task["id"], run["run"], proof["tree"], dict.fromkeys(proof["checks"], "green")
                )
    return []


def rows(run: Run) -> Iterator[dict[str, Json]]:
    """Each step that stands on the board, for whoever looks at the run: its number, task, title, state."""
    found = carried(run)
    for index, step in enumerate(found.steps if found else ()):
        assert found is not None
        if "task" in step:
            state = step_state(run, found.stage, index)
            yield {"step": index + 1, "task": step["task"], "title": step["title"], "state": state or "to come"}
