from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata.core.actions import AGENT, CREATE, HUMAN, LIMIT, WAIT_AGENTS, next_actions
from fermata.core.budget import (
    FIRST_GUESS,
    KINDS,
    POOLS,
    added,
    estimate,
    fits,
    level,
    predicted,
    predicted_run,
    reserved,
    room,
    shares,
    spent,
    total,
    winding_down,
)
from fermata.core.fold import fold
from tests.core.build import LIMITS, Player, make_stage, make_workflow

COUNTS = st.fixed_dictionaries({kind: st.integers(0, 10**9) for kind in (*KINDS, "context")})


def limited(tokens: int | None = None, **limits: int) -> Player:
    found = {**LIMITS, **limits, **({"tokens": tokens} if tokens else {})}
    return Player(limits=found)


def counted(player: Player, *tokens: int) -> Player:
    """The run's next dispatches fail in turn, each after so many tokens."""
    for used in tokens:
        action = player.until(CREATE)
        name = str(player.create(action)["id"])
        player.start(name)
        player.fail(name)
        player.count(name, used)
    return player


def side_by_side(tokens: int | None, parallel: int = 3, **limits: int) -> Player:
    look = make_stage("look", items=["a", "b", "c", "d"], parallel=parallel)
    workflow = make_workflow(look, make_stage("finish", "finalise"))
    return Player(workflow=workflow, limits={**LIMITS, **limits, **({"tokens": tokens} if tokens else {})})


# --- counts


@given(st.lists(COUNTS, max_size=5))
def test_counts_are_added_and_never_negative(counts: list[Any]) -> None:
    assert total(added(counts)) == sum(total(one) for one in counts) >= 0


def test_a_count_takes_the_place_of_an_earlier_one() -> None:
    player = counted(Player(), 4_000)
    player.count("d-001", 5_000)
    player.count("main s-1@0", 700)
    assert spent(player.run) == 5_700
    assert fold(player.events) == player.run


def test_what_an_agent_used_stays_when_another_one_takes_its_place() -> None:
    player = Player()
    name = str(player.create(player.until(CREATE))["id"])
    player.start(name)
    player.ask(name)
    player.count(name, 4_000)
    player.reply(name)
    player.start(name)
    player.run["dispatches"][name]["transcript"] = "/t/first.jsonl"
    player.tell("agent_bound", id=name, agent_id="another", transcript="/t/other.jsonl")
    player.count(name, 600)
    assert spent(player.run) == 4_600


def test_a_count_moves_nothing() -> None:
    player = Player().approved()
    before = player.actions()
    player.count("d-001", 9_000)
    assert player.actions() == before


# --- prediction


def test_a_prediction_is_the_stage_s_own_mean_else_the_run_s_else_a_guess() -> None:
    player = Player()
    assert predicted(player.run, "plan") == FIRST_GUESS
    counted(player, 1_000, 3_000)
    assert predicted(player.run, "plan") == 2_000
    assert predicted(player.run, "review") == 2_000
    player.count("d-002", 5_000)
    assert predicted(player.run, "plan") == 3_000


@pytest.mark.parametrize(
    ("earlier", "steps", "expected"),
    [
        pytest.param([], 3, None, id="no-earlier-run"),
        pytest.param([(0, 2), (500, 0)], 3, None, id="none-that-was-measured"),
        pytest.param([(1_000, 2)], 3, 1_500, id="one"),
        pytest.param([(1_000, 1), (6_000, 2)], 2, 4_000, id="the-mean-of-two"),
    ],
)
def test_what_a_plan_will_probably_use(earlier: list[tuple[int, int]], steps: int, expected: int | None) -> None:
    assert predicted_run(earlier, steps) == expected


# --- the ceiling


def test_without_a_limit_there_is_no_ceiling() -> None:
    player = counted(Player(), 10**9)
    assert room(player.run) is None
    assert fits(player.run, "plan")
    assert player.until(CREATE)


@pytest.mark.parametrize(
    ("limit", "used", "holds"),
    [
        pytest.param(10_000, [], False, id="the-first-may-though-its-cost-is-not-known"),
        pytest.param(10_000, [4_000], False, id="room-for-another-one"),
        pytest.param(10_000, [5_000], False, id="exactly"),
        pytest.param(10_000, [5_001], True, id="not-for-a-second"),
        pytest.param(10_000, [10_000], True, id="used-up"),
        pytest.param(10_000, [70_000], True, id="passed"),
    ],
)
def test_a_dispatch_is_made_only_if_it_will_fit(limit: int, used: list[int], holds: bool) -> None:
    player = counted(limited(limit), *used)
    assert (player.actions()[0].kind == LIMIT) is holds
    assert fits(player.run, "plan") is not holds


def test_the_ceiling_names_what_is_left_and_what_was_used() -> None:
    assert "4,000 of 10,000 limits.tokens are left, and one more dispatch will probably use 6,000" in str(
        counted(limited(10_000), 6_000).only(LIMIT).subject
    )
    assert "12,000 tokens were used; limits.tokens is 10,000" in str(
        counted(limited(10_000), 12_000).only(LIMIT).subject
    )


def test_a_human_grants_as_much_again() -> None:
    player = counted(limited(10_000), 12_000)
    player.favour(player.only(LIMIT))
    assert player.kinds() == [HUMAN]
    player.tell("retry_granted")
    assert room(player.run) == 10_000
    player.create(player.only(CREATE))
    assert player.kinds() == [AGENT]


def test_what_is_under_way_is_reserved() -> None:
    """Three could be at work at once; the ceiling has room for two, so the third waits for what these really use."""
    player = side_by_side(120_000)
    for _ in range(2):
        player.create(next(a for a in player.actions() if a.kind == CREATE))
    assert reserved(player.run) == 2 * FIRST_GUESS
    assert player.kinds() == [AGENT, AGENT]
    for name in ("d-001", "d-002"):
        player.start(name)
        player.accept(name)
        player.count(name, 10_000)
    assert player.kinds() == [CREATE, CREATE]


# --- winding down


@pytest.mark.parametrize(
    ("limits", "tokens", "minutes", "expected"),
    [
        pytest.param({}, 7_999, 0, None, id="below"),
        pytest.param({}, 8_000, 0, "8,000 of 10,000 limits.tokens used (80%)", id="at-80-percent"),
        pytest.param({"wall_minutes": 100}, 1, 79, None, id="minutes-below"),
        pytest.param({"wall_minutes": 100}, 1, 85, "85 of 100 limits.wall_minutes used (85%)", id="minutes"),
        pytest.param({"dispatches": 1}, 1, 0, "1 of 1 limits.dispatches used (100%)", id="dispatches"),
    ],
)
def test_winding_down(limits: dict[str, int], tokens: int, minutes: float, expected: str | None) -> None:
    player = counted(limited(10_000, **limits), tokens)
    assert winding_down(player.run, minutes) == expected


def test_near_a_ceiling_agents_go_one_at_a_time() -> None:
    player = side_by_side(None, dispatches=5)
    for _ in range(4):
        player.create(next(a for a in player.actions() if a.kind == CREATE))
        player.start(list(player.run["dispatches"])[-1])
        if len(player.run["dispatches"]) < 4:
            player.fail(list(player.run["dispatches"])[-1])
    assert player.kinds() == [WAIT_AGENTS]
    far = side_by_side(None)
    far.create(far.actions()[0])
    far.start("d-001")
    assert [a.kind for a in next_actions(far.run)].count(CREATE) == 2


def test_minutes_that_were_granted_do_not_count_and_a_clock_set_back_is_no_credit() -> None:
    player = Player()
    player.run["granted"]["minutes"] = 50
    assert shares(player.run, 60)["wall_minutes"] == (10, 480)
    assert shares(player.run, 3)["wall_minutes"] == (0, 480)


# --- pools


def test_the_pools_are_the_documented_ones() -> None:
    assert [tuple(pool) for pool in POOLS] == [
        ("reserved", 30_000, 35_000),
        ("learnings", 20_000, 25_000),
        ("backlog", 15_000, 20_000),
        ("plans", 30_000, 35_000),
        ("context7", 25_000, 30_000),
        ("working", 30_000, 40_000),
    ]
    assert sum(pool.soft for pool in POOLS) == 150_000


@pytest.mark.parametrize(
    ("used", "expected"),
    [(0, "Normal"), (79, "Normal"), (80, "Warning"), (94, "Warning"), (95, "Critical"), (1_000, "Critical")],
)
def test_levels(used: int, expected: str) -> None:
    assert level(used, 100) == expected


@given(st.text(max_size=50), st.text(max_size=50))
def test_an_estimate_grows_with_the_text(one: str, other: str) -> None:
    assert 0 <= estimate(one) <= estimate(one + other)
    assert estimate("") == 0
    assert estimate("abcde") == 2
