"""Which workflow a goal asks for: whole words, a fixed precedence, and a confidence that is one division."""

from __future__ import annotations

from itertools import combinations

import pytest

from fermata.core.routing import CLASSES, DEFAULT, ROWS, route, route_text, split_choice

ALL = list(CLASSES)
SHIPPED = ["build_only", "plan_then_build"]


@pytest.mark.parametrize(
    ("goal", "lane", "signal", "confidence", "band"),
    [
        pytest.param("Fix the greeting", "build_only", '"fix"', 1.0, "go", id="fix"),
        pytest.param("there is a BUG in greet()", "build_only", '"bug"', 1.0, "go", id="bug"),
        pytest.param("an error, when empty", "build_only", '"error"', 1.0, "go", id="error"),
        pytest.param("Typo!", "build_only", '"typo"', 1.0, "go", id="typo"),
        pytest.param("fix the bug: an error", "build_only", '"fix"', 1.0, "go", id="one-row-counts-once"),
        pytest.param("Add a farewell", DEFAULT, '"add"', 1.0, "go", id="add"),
        pytest.param("create it", DEFAULT, '"create"', 1.0, "go", id="create"),
        pytest.param("implement it", DEFAULT, '"implement"', 1.0, "go", id="implement"),
        pytest.param("Refactor greet", DEFAULT, '"refactor"', 1.0, "go", id="refactor"),
        pytest.param("restructure greet", DEFAULT, '"restructure"', 1.0, "go", id="restructure"),
        pytest.param("refactor it and add a test", DEFAULT, '"refactor"', 1.0, "go", id="two-rows-of-one-lane"),
        pytest.param("a new platform", "decompose_first", '"platform"', 1.0, "go", id="platform"),
        pytest.param("one system", "decompose_first", '"system"', 1.0, "go", id="system"),
        pytest.param("a project", "decompose_first", '"project"', 1.0, "go", id="project"),
        pytest.param(
            "Do t-1, T-000002 and t-03",
            "multi_task",
            "several tasks of the board: t-000001, t-000002, t-000003",
            1.0,
            "go",
            id="tasks",
        ),
        pytest.param(
            "fix t-1 and the system of t-2",
            "multi_task",
            "several tasks of the board: t-000001, t-000002",
            1.0,
            "go",
            id="tasks-first",
        ),
        pytest.param("t-000042", "multi_task", "a task of the board: t-000042", 1.0, "go", id="nothing-but-a-task"),
        pytest.param("fix t-1, only t-01", "build_only", '"fix"', 1.0, "go", id="one-task-is-not-several"),
        pytest.param("fix the T1 and T2 timers", "build_only", '"fix"', 1.0, "go", id="no-ids-of-the-board"),
        pytest.param("fix at-1, t-1x, a/t-2 and t-3/b", "build_only", '"fix"', 1.0, "go", id="parts-of-other-names"),
        pytest.param("add a fix", DEFAULT, '"add"', 0.67, "caution", id="add-before-fix"),
        pytest.param("create a system", "decompose_first", '"system"', 0.6, "caution", id="huge-before-add"),
        pytest.param("build a new billing system", "decompose_first", '"system"', 1.0, "go", id="huge"),
        pytest.param("A platform for plugins", "decompose_first", '"platform"', 1.0, "go", id="huge-and-what-for"),
        pytest.param(
            "In short: one system that bills", "decompose_first", '"system"', 1.0, "go", id="huge-behind-a-mark"
        ),
        pytest.param("implement it, create a system", "decompose_first", '"system"', 0.6, "caution", id="huge-and-add"),
        pytest.param(
            "create, implement and restructure a system", DEFAULT, '"restructure"', 1.0, "go", id="mends-no-architect"
        ),
        *[
            pytest.param(
                goal, lane, signal, confidence, "go" if confidence == 1 else "ask", id=goal.replace(" ", "-")[:40]
            )
            for goal, lane, signal, confidence in (
                ("fix the login system", "build_only", '"fix"', 1.0),
                ("fix a bug in a system", "build_only", '"fix"', 1.0),
                ("project settings typo", "build_only", '"typo"', 1.0),
                ("refactor the plugin system", DEFAULT, '"refactor"', 1.0),
                ("add a command to the project", DEFAULT, '"add"', 1.0),
                ("add dark mode to a settings system", DEFAULT, '"add"', 1.0),
                ("create a project template", DEFAULT, '"create"', 1.0),
                ("implement a system test", DEFAULT, '"implement"', 1.0),
                ("add platform-specific paths", DEFAULT, '"add"', 1.0),
                ("rename our platform", DEFAULT, "none", 0.0),
                ("speed up this system", DEFAULT, "none", 0.0),
            )
        ],
        pytest.param("Say farewell as well", DEFAULT, "none", 0.0, "ask", id="nothing-matches"),
        pytest.param("", DEFAULT, "none", 0.0, "ask", id="empty"),
        pytest.param("an address prefix on the debug panel", DEFAULT, "none", 0.0, "ask", id="parts-of-words"),
        pytest.param("the hotfixes, bug-free", DEFAULT, "none", 0.0, "ask", id="other-words"),
        pytest.param("show fix_it and src/system/error.py", DEFAULT, "none", 0.0, "ask", id="names-and-paths"),
    ],
)
def test_the_signals(goal: str, lane: str, signal: str, confidence: float, band: str) -> None:
    found = route(goal, ALL)
    assert (found.lane, found.signal, found.confidence, found.band) == (lane, signal, confidence, band)
    assert found.workflow == (DEFAULT if band == "ask" else lane)
    assert found.complexity == CLASSES[lane]


def test_the_user_s_choice_comes_before_everything() -> None:
    found = route("fix t-1 and t-2 of a system", ALL, choice="mine")
    assert (found.workflow, found.signal, found.confidence, found.note) == ("mine", "your choice", 1.0, "")


@pytest.mark.parametrize("goal", ["a platform", "t-1 and t-2"])
def test_a_lane_that_is_not_there_falls_to_the_plan_and_says_so(goal: str) -> None:
    found = route(goal, SHIPPED)
    assert found.workflow == DEFAULT
    assert found.note == f"workflow {found.lane} is not there yet"
    assert f"(asked for: {found.lane}; " in route_text(found, goal, ["planner"])


def test_a_plan_that_was_approved_before_is_carried_out_unless_tasks_are_named() -> None:
    words = "plan 1a2b3c4d, approved in orch_20260102_030405_abcd"
    found = route("Add a farewell system", ALL, plan=words, proven=False)
    assert (found.lane, found.workflow, found.signal, found.band) == ("build_only", "build_only", words, "go")
    assert route("t-1 and t-2", ALL, plan=words).lane == "multi_task"
    assert route("Add it", ALL, plan=words, choice="staged").workflow == "staged"


def test_a_small_change_that_nothing_would_prove_is_planned() -> None:
    found = route("fix the typo", SHIPPED, proven=False)
    assert (found.lane, found.workflow) == ("build_only", DEFAULT)
    assert "no checks" in found.note


def test_no_two_lanes_are_ever_level() -> None:
    """Precedence and confidence never contradict each other: a level pair would need a rule of its own."""
    for count in range(2, len(ROWS) + 1):
        for rows in combinations(ROWS, count):
            weights = {row.lane: sum(r.weight for r in rows if r.lane == row.lane) for row in rows}
            assert len(set(weights.values())) == len(weights), rows


@pytest.mark.parametrize(
    ("text", "choice", "goal"),
    [
        pytest.param("build_only: Fix it", "build_only", "Fix it", id="chosen"),
        pytest.param(" build_only :\nFix it: now", "build_only", "Fix it: now", id="spaces-and-another-colon"),
        pytest.param("fix: it is wrong", None, "fix: it is wrong", id="no-workflow"),
        pytest.param("build_only", None, "build_only", id="no-colon"),
        pytest.param("build_only:  ", None, "build_only:  ", id="no-goal"),
        pytest.param("../build_only: x", None, "../build_only: x", id="a-path"),
    ],
)
def test_a_choice_before_the_goal(text: str, choice: str | None, goal: str) -> None:
    assert split_choice(text, SHIPPED) == (choice, goal)
