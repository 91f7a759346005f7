"""Whatever is asked of the board, in whatever order: nobody works on what another holds, and nothing waits for ever."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from fermata.core import board_entries as entries
from fermata.core import board_rules as rules
from fermata.core.board import OPEN, PRIORITIES
from fermata.core.board_texts import BoardError
from fermata.core.board_waits import waits_for
from tests.core.desk import Desk, at

if TYPE_CHECKING:
    from collections.abc import Callable

WORKERS = ("a", "b", "c")


def some_task(dice: Random, desk: Desk) -> str:
    return str(dice.randint(1, len(desk.board["tasks"]) + 1))


def ask(dice: Random, desk: Desk) -> None:
    """One thing that somebody may want, sensible or not."""
    one, worker = some_task(dice, desk), dice.choice(WORKERS)
    others = [some_task(dice, desk) for _ in range(dice.randint(0, 2))]
    until = at(desk.minute + dice.randint(1, 30))
    wanted: list[Callable[[], object]] = [
        lambda: desk.add(priority=dice.choice(PRIORITIES), parent=dice.choice([None, one]), blocked_by=others),
        lambda: desk.do(rules.change_task, one, {"blocked_by": others}),
        lambda: desk.do(rules.change_task, one, {"priority": dice.choice(PRIORITIES)}),
        lambda: desk.do(rules.claim_task, worker, until, desk.now),
        lambda: desk.do(rules.claim_task, worker, until, desk.now, one),
        lambda: desk.do(rules.release_task, one, worker),
        lambda: desk.do(rules.report_task, one, worker, dice.choice(["done", "failed", "blocked"]), "x"),
        lambda: desk.verify(one),
        lambda: desk.do(rules.set_status, one, dice.choice(["TODO", "BLOCKED", "DONE"]), "x"),
        lambda: desk.do(entries.archive_task, one, desk.now, related=dice.random() < 0.5),
        lambda: desk.do(entries.add_entry, "debt", "x", task=one),
        lambda: desk.do(rules.write_note, one, "n", "plan", "x"),
    ]
    # Without many wholes, parts and blockers, nothing could wait in a circle.
    dice.choice([*wanted[:2] * 4, *wanted])()
    desk.minute += dice.randint(0, 3)


def claims_are_sound(before: Desk, events: int) -> None:
    """Each claim since *events* was of a task that nobody held, whose blockers were verified and whose parts were done."""
    replay = Desk()
    for event in before.events:
        replay.minute = 0
        body, task = event["body"], replay.board["tasks"].get(str(event["body"].get("id")))
        if event["seq"] > events and event["type"] == "task_claimed":
            assert task
            assert task["status"] in ("TODO", "IN_PROGRESS")
            assert task["claim"] is None or task["claim"]["by"] == body["by"] or task["claim"]["until"] < event["ts"]
            assert not waits_for(replay.board, task)
            assert not task["open"]
        replay.tell(event["type"], body)


def consistent(desk: Desk) -> None:
    tasks = desk.board["tasks"]
    for task in tasks.values():
        parts = [one for one in tasks.values() if one["parent"] == task["id"]]
        assert task["open"] == sum(one["status"] in OPEN for one in parts)
        assert (task["claim"] is not None) == (task["status"] == "IN_PROGRESS")
        assert task["status"] != "DONE" or task["verified"]
        assert task["status"] not in OPEN or not task["verified"]
    queued = [name for priority in PRIORITIES for name in desk.board["queue"][priority]]
    assert sorted(queued) == [name for name, task in tasks.items() if task["status"] == "TODO"]
    assert all(tasks[n]["priority"] == p for p in PRIORITIES for n in desk.board["queue"][p])
    assert desk.board["at_work"] == {n: t["claim"]["until"] for n, t in tasks.items() if t["claim"]}
    assert list(tasks) == sorted(tasks)


def next_is_the_first_that_may_begin(desk: Desk) -> None:
    """Whatever earlier looks have remembered."""
    board, now = desk.board, desk.now
    ran_out = [name for name, until in board["at_work"].items() if until < now]
    found = [
        board["tasks"][name]
        for priority in PRIORITIES
        for name in [*ran_out, *board["queue"][priority]]
        if board["tasks"][name]["priority"] == priority and rules.is_ready(board, board["tasks"][name], now)
    ]
    assert rules.next_task(board, now) == (found[0] if found else None)


def everything_can_be_done(desk: Desk) -> None:
    """Unblocked and given time, whoever takes the next task and proves it comes to the end of the board."""
    desk.minute += 60
    for task in list(desk.board["tasks"].values()):
        if task["status"] in ("BLOCKED", "IN_PROGRESS"):
            desk.do(rules.set_status, task["id"], "TODO")
    while True:
        name = desk.claim("last")
        if name is None:
            break
        desk.verify(name)
    left = [task["id"] for task in desk.board["tasks"].values() if task["status"] in OPEN]
    assert left == []


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_whatever_is_asked(seed: int, count: int) -> None:
    dice, desk = Random(seed), Desk()
    for _ in range(count):
        before = len(desk.events)
        try:
            ask(dice, desk)
        except BoardError as error:
            assert len(str(error)) > 20  # noqa: PT017
            assert len(desk.events) == before
        desk.minute = min(desk.minute, 600)
        next_is_the_first_that_may_begin(desk)
    consistent(desk)
    claims_are_sound(desk, 0)
    assert desk.replayed() == desk.board
    everything_can_be_done(desk)
    consistent(desk)
