"""`/fermata:run-tasks` refuses before a model reads a word; stop and abort tell the board themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.core import board_rules
from fermata.store.run_tasks import settle
from tests.hooks.driver import decision, reason
from tests.store import runs

if TYPE_CHECKING:
    from fermata.core.records import Json
    from tests.hooks.driver import Session


def add(session: Session, title: str = "Add it", **fields: Json) -> None:
    session.project.prepare()
    given = {"scope": ["src/**"], "acceptance": ["it works"], **fields}
    session.project.board().act("person", lambda board: board_rules.add_task(board, title, **given))


def states(session: Session) -> list[str]:
    return [task["status"] for task in session.project.board().load()["tasks"].values()]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        pytest.param("", "no task of the board can begin now", id="no-board"),
        pytest.param("t-9", "there is no task 't-9'", id="unknown"),
        pytest.param("Fix it", "there is no task 'Fix'", id="words"),
    ],
)
def test_what_cannot_be_carried_out_begins_nothing(session: Session, typed: str, says: str) -> None:
    outcome = session.type("run-tasks", typed)
    assert decision(outcome) == "block"
    assert says in reason(outcome)
    assert session.data.marker(session.session) is None


def test_what_is_missing_in_a_task_is_told_with_the_line_that_adds_it(session: Session) -> None:
    add(session, scope=[])
    add(session, acceptance=[], scope=[])
    told = reason(session.type("run-tasks"))
    assert "no run was made" in told
    assert "fermata task update t-000001 --scope 'GLOB'" in told
    assert "fermata task update t-000002 --scope 'GLOB' --acceptance \"TEXT\"" in told


def test_the_tasks_are_bound_to_the_session_with_a_goal_that_names_them(session: Session) -> None:
    add(session)
    add(session, "Test it", blocked_by=["1"])
    assert decision(session.type("run-tasks", "t-2, 1")) == "silent"
    marker = session.data.marker(session.session)
    assert marker is not None
    assert marker["tasks"] == ["t-000001", "t-000002"]
    assert marker["workflow"] == "multi_task"
    assert marker["goal"] == "Carry out 2 tasks of the board: t-000001 (Add it), t-000002 (Test it)"


def test_more_than_twenty_wait_for_the_next_run_and_the_goal_says_so(session: Session) -> None:
    for number in range(22):
        add(session, f"Task {number}")
    session.type("run-tasks")
    marker = session.data.marker(session.session)
    assert marker is not None
    assert len(marker["tasks"]) == 20
    assert "2 more could begin and wait for the next run" in str(marker["goal"])


def test_not_in_plan_mode_and_not_beside_another_run(session: Session) -> None:
    add(session)
    assert "leave plan mode first" in reason(session.type("run-tasks", permission_mode="plan"))
    session.planning()
    assert "is on in this session" in reason(session.type("run-tasks"))


@pytest.mark.parametrize(("command", "left"), [("stop", "TODO"), ("abort", "BLOCKED")])
def test_a_run_that_rests_or_ends_tells_the_board_at_once(
    session: Session, monkeypatch: pytest.MonkeyPatch, command: str, left: str
) -> None:
    add(session)
    monkeypatch.setitem(runs.STEP, "task", "t-000001")
    session.building()
    settle(session.project, session.store)
    assert states(session) == ["IN_PROGRESS"]
    session.type(command)
    assert states(session) == [left]


def test_a_board_that_cannot_be_read_keeps_nobody_in_a_run(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    add(session)
    monkeypatch.setitem(runs.STEP, "task", "t-000001")
    session.building()
    board = session.project.board()
    with open(board.journal, "w", encoding="utf-8") as file:
        file.write("{}\n")
    assert "is parked" in reason(session.type("stop"))
