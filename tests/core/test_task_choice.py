"""Whatever the board looks like: tasks come behind what they wait for, and the board lets a run do them in that order."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fermata.core import board_rules
from fermata.core.board import new_board
from fermata.core.board import step as fold_step
from fermata.core.board_texts import BoardError
from fermata.core.task_choice import choose, ids_in, only_ids, spec_of, step_of, tasks_goal
from tests.core.build import make_event

NOW, LATER = "2026-11-21T09:00:00Z", "2026-11-21T11:00:00Z"
Made = list[tuple[int | None, list[int]]]


class Desk:
    """A board that only its rules change."""

    def __init__(self) -> None:
        self.board, self.seq = new_board(), 0

    def act(self, news: board_rules.News) -> None:
        for kind, body in news:
            self.seq += 1
            self.board = fold_step(self.board, make_event(kind, self.seq, **body))

    def add(self, title: str = "x", **fields: object) -> str:
        self.act(board_rules.add_task(self.board, title, **fields))  # type: ignore[arg-type]
        return list(self.board["tasks"])[-1]

    def verify(self, name: str) -> None:
        self.act(board_rules.claim_task(self.board, "run", LATER, NOW, name))
        self.act(board_rules.verify_task(self.board, name, "run", "tree", {"tests": "green"}))


@st.composite
def boards(draw: st.DrawFn) -> tuple[Desk, list[str]]:
    """Up to ten tasks; some are parts of others and wait for others, later blockers are added where the board lets them."""
    desk = Desk()
    for number in range(draw(st.integers(1, 10))):
        above = draw(st.none() | st.integers(1, number)) if number else None
        desk.add(priority=draw(st.sampled_from(["P1", "P2"])), parent=str(above) if above else None)
    names = list(desk.board["tasks"])
    for name, other in draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=12)):
        known = desk.board["tasks"][name]["blocked_by"]
        with suppress(BoardError):
            desk.act(board_rules.change_task(desk.board, name, {"blocked_by": [*known, other]}))
    return desk, names


@given(boards(), st.randoms())
@settings(deadline=None, max_examples=150)
def test_all_tasks_of_a_board_can_be_done_in_the_order_chosen(made: tuple[Desk, list[str]], chance: object) -> None:
    desk, names = made
    chance.shuffle(names)  # type: ignore[attr-defined]
    found = choose(desk.board, names, NOW).ids
    assert sorted(found) == sorted(names)
    for name in found:
        desk.verify(name)  # the board refuses a task that waits for another
    assert {task["status"] for task in desk.board["tasks"].values()} == {"DONE"}


@given(boards())
@settings(deadline=None)
def test_what_is_taken_unnamed_can_begin_at_once(made: tuple[Desk, list[str]]) -> None:
    desk, _ = made
    for name in choose(desk.board, [], NOW).ids:
        desk.verify(name)


@pytest.mark.parametrize(
    ("goal", "ids", "alone"),
    [
        pytest.param("t-42", ["t-000042"], True, id="short"),
        pytest.param("T-000042, t-42; t-7.", ["t-000042", "t-000007"], True, id="twice-and-marks"),
        pytest.param("do t-42 now", ["t-000042"], False, id="among-words"),
        pytest.param("port-42 t-42a t-42/x ./t-42 t-1234567890", [], False, id="other-names"),
        pytest.param("T1 and T2", [], False, id="not-the-board-s"),
        pytest.param("", [], False, id="empty"),
    ],
)
def test_the_ids_in_a_goal(goal: str, ids: list[str], alone: bool) -> None:
    assert (ids_in(goal), only_ids(goal)) == (ids, alone)


def test_every_problem_is_told_at_once() -> None:
    desk = Desk()
    first, second = desk.add(), desk.add()
    desk.add(blocked_by=[first])
    desk.act(board_rules.set_status(desk.board, first, "BLOCKED", "no key"))
    desk.verify(second)
    with pytest.raises(BoardError) as error:
        choose(desk.board, ["1", "2", "3"], NOW)
    told = str(error.value).splitlines()
    assert [row[:8] for row in told] == ["t-000001", "t-000002"]
    assert "BLOCKED (no key)" in told[0]


def test_a_spec_note_is_read_part_by_part() -> None:
    text = "## Objective\nGreet\nall\n## Relevant files\n- a.py\n* b.py\n## Constraints\nnone\n## Acceptance criteria\n- it greets"
    assert spec_of(text) == {
        "objective": "Greet\nall",
        "read_first": ["a.py", "b.py"],
        "constraints": [],
        "acceptance": ["it greets"],
    }


def test_a_step_says_what_the_task_says_and_the_task_s_own_criteria_come_first() -> None:
    desk = Desk()
    task = desk.board["tasks"][desk.add("Greet")]
    details = {"description": "Say hello", "scope": ["b", "a"], "acceptance": ["hello is said"]}
    step = step_of(task, details)
    assert (step["title"], step["objective"], step["scope"]) == ("Greet", "Say hello", ["a", "b"])
    spec = "## Objective\nGreet all\n## Relevant files\nx\n## Constraints\ny\n## Acceptance criteria\nz"
    step = step_of(task, details, "french", spec)
    assert (step["objective"], step["acceptance"], step["note"]) == ("Greet all", ["hello is said"], "french")
    assert step_of(task, {"scope": ["a"]}, "french", spec)["acceptance"] == ["z"]


def test_the_goal_names_the_tasks() -> None:
    desk = Desk()
    names = [desk.add("Greet"), desk.add("Part")]
    assert tasks_goal(desk.board, names) == "Carry out 2 tasks of the board: t-000001 (Greet), t-000002 (Part)"
