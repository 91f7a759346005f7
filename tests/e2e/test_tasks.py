"""Tasks of the board on the real client: given by a command, made by an architect, refused, blocked, taken up again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from fermata.core import board_rules
from fermata.rehearsal.play import ASKED
from fermata.rehearsal.script import Conversation, Heard, Report
from fermata.store.project import Project
from tests.e2e.cast import FILES, GOAL, built, cast, parts, task_builder, task_planner
from tests.e2e.conftest import asked
from tests.e2e.test_recovery import stuck

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.core.board_records import Task
    from fermata.rehearsal.terminal import Terminal
    from tests.e2e.conftest import SetStage, Stage

DONE = "DONE: the run is complete"
LONG = pytest.mark.long

ENDED = "ABORTED: the run has ended"


def board(place: Path) -> list[Task]:
    return list(Project(str(place / ".git")).board().load()["tasks"].values())


def states(place: Path) -> list[str]:
    return [task["status"] for task in board(place)]


def with_tasks(stage: Stage, *names: str) -> Stage:
    """A person has put tasks on the board: write a file each."""
    project = Project(str(stage.project / ".git"))
    project.prepare()
    for name in names:
        fields = {"scope": [f"{name}.txt"], "acceptance": [f"{name}.txt is there"]}
        project.board().act("person", lambda now, n=name, f=fields: board_rules.add_task(now, f"Write {n}", **f))  # type: ignore[misc]
    return stage


def approved(terminal: Terminal, title: str) -> None:
    asked(terminal, title)
    terminal.press("2")


@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=LONG)])
def test_of_two_tasks_one_is_verified_and_the_red_one_is_blocked(
    set_stage: SetStage, place: Path, version: str
) -> None:
    stage = with_tasks(
        set_stage(version, cast(place, builder=task_builder(place, "two.txt")), FILES, mode="auto"), "one", "two"
    )
    terminal = stage.terminal()
    terminal.submit("/fermata:run-tasks t-9")
    terminal.wait_for_text("there is no task 't-9'")
    assert stage.model.of_kind("main") == ()
    terminal.submit("/fermata:run-tasks")
    approved(terminal, "Write one")
    stuck(terminal, "sound failed with the same error 2 times")
    one, two = board(place)
    assert (one["status"], two["status"]) == ("DONE", "BLOCKED")
    assert one["verified"] is not None
    assert (one["verified"]["by"], one["verified"]["checks"]) == ("checks", ["sound"])
    assert "sound failed with the same error 2 times" in two["why"]
    assert "It is task t-000001 of the board; its spec note is `spec`." in stage.brief("d-001")
    terminal.press("enter")  # not now
    terminal.submit("/fermata:status")
    terminal.wait_for_text("t-000002 open")
    terminal.submit("/fermata:abort")
    terminal.wait_for_text("is ended. Files stay")
    assert states(place) == ["DONE", "BLOCKED"]


def decomposing(set_stage: SetStage, place: Path, version: str, *names: str) -> Stage:
    def architect(_heard: Heard) -> Conversation:
        yield Report(parts(*names))

    script = cast(place, architect=architect, planner=task_planner, builder=task_builder(place))
    return set_stage(version, script, FILES, mode="auto")


@pytest.mark.parametrize(
    ("version", "count"),
    [
        ("2.1.329", 3),
        pytest.param("2.1.197", 3, marks=LONG),
        pytest.param("2.1.329", 12, marks=[LONG, pytest.mark.timeout(600)]),
    ],
)
def test_a_large_goal_is_taken_apart_and_every_task_planned_built_and_verified(
    set_stage: SetStage, place: Path, version: str, count: int
) -> None:
    names = [f"part-{number}" for number in range(1, count + 1)]
    stage = decomposing(set_stage, place, version, *names)
    terminal = stage.terminal()
    terminal.submit("/build A greeting system")
    screen = asked(terminal, "Write part-1")
    assert f"at least {2 * count + 1}; limits.dispatches allows 39 more" in screen or count > 3
    terminal.press("2")
    terminal.wait_for_text(DONE, 60 + 40 * count)
    agents = [str(event["agent"]) for event in stage.events("dispatch_created")]
    assert agents == ["architect", *["planner", "builder"] * count, "reviewer"]
    tasks = {task["title"]: task for task in board(place)}
    assert set(states(place)) == {"DONE"}
    assert [tasks[f"Write {name}"]["blocked_by"] for name in names[1:]] == [
        [tasks[f"Write {name}"]["id"]] for name in names[:-1]
    ]
    assert {"Greetings", "Words", "More words"} < set(tasks)
    assert all((place / f"{name}.txt").read_text().startswith("Good") for name in names)


@LONG
def test_a_no_at_the_gate_blocks_the_tasks_and_they_can_be_run_later(set_stage: SetStage, place: Path) -> None:
    stage = with_tasks(set_stage("2.1.329", cast(place, builder=task_builder(place)), FILES, mode="auto"), "one")
    terminal = stage.terminal()
    terminal.submit("/fermata:run-tasks t-1")
    asked(terminal, "Write one")
    terminal.press("1")
    terminal.wait_for_text("ABORTED: the run has ended")
    assert states(place) == ["BLOCKED"]
    terminal.submit("/fermata:run-tasks t-1")
    terminal.wait_for_text("no run was made")
    store = Project(str(place / ".git")).board()
    store.act("person", lambda now: board_rules.set_status(now, "1", "TODO"))
    terminal.submit("/fermata:run-tasks t-1")
    terminal.wait_until(lambda screen: screen.count(ASKED) > 1, "the gate again")
    terminal.wait_quiet(1.2)
    terminal.press("esc")
    terminal.wait_for_text(re.compile("[Dd]eclined to answer"))
    terminal.submit("/fermata:stop")
    terminal.wait_for_text("is parked; nothing is lost")
    assert states(place) == ["TODO"]
    terminal.submit("/fermata:resume")
    terminal.wait_until(lambda screen: screen.rfind(ASKED) > screen.rfind("/fermata:resume"), "the gate once more")
    terminal.wait_quiet(1.2)
    terminal.press("2")
    terminal.wait_for_text(DONE, 60)
    assert states(place) == ["DONE"]


@LONG
def test_a_plan_that_was_approved_before_is_shown_at_once_and_no_planner_is_paid(
    set_stage: SetStage, place: Path
) -> None:
    def gives_up(_heard: Heard) -> Conversation:
        yield Report(built(status="failed", caveats=["not today"]))

    stage = set_stage("2.1.329", cast(place, builder=gives_up), FILES, mode="auto")
    terminal = stage.terminal()
    terminal.submit(f"/build {GOAL}")
    approved(terminal, "Add a farewell")
    terminal.wait_for_text("3. Abort", 90)  # the same error again: the user says how it goes on
    terminal.wait_quiet(1.2)
    terminal.press("3")
    terminal.wait_for_text(ENDED, 60)
    terminal.wait_quiet(1.2)
    planned = len(stage.model.of_kind("agent"))
    terminal.submit(f"/build {GOAL}")
    screen = terminal.wait_until(lambda screen: screen.rfind(ASKED) > screen.rfind(ENDED), "the gate")
    assert "nobody looked anew" in screen
    assert len(stage.model.of_kind("agent")) == planned
