"""The order of steps, and which of them may share nothing."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fermata.core.order import all_before, beside, common, order_error, overlaps, threads
from fermata.core.scope import covers, meet
from tests.core.build import make_step


def steps(*after: list[int] | None) -> list[dict[str, Any]]:
    return [
        make_step(f"step {n}", (f"src/{n}/**",), **({} if a is None else {"after": a})) for n, a in enumerate(after)
    ]


FAN = steps(None, [1], [1], [1], [2, 3, 4])


@pytest.mark.parametrize(
    ("plan", "wide"),
    [
        pytest.param(steps(None), 1, id="one"),
        pytest.param(steps(None, None, None), 1, id="a-chain-when-nothing-is-said"),
        pytest.param(steps(None, [], []), 3, id="independent"),
        pytest.param(FAN, 3, id="fan-out-and-fan-in"),
        pytest.param(steps(None, [], [1], [2], [1, 2]), 3, id="across"),
        pytest.param(steps([], [], [1, 2], [1, 2], [1, 2], [3]), 3, id="two-levels"),
    ],
)
def test_how_many_steps_can_be_at_work_at_once(plan: list[Any], wide: int) -> None:
    assert threads(plan, 10) == wide
    assert threads(plan, 2) == min(2, wide)
    assert threads(plan, 1) == 1


def test_a_fan_is_in_place_before_and_after_and_beside_in_between() -> None:
    assert [beside(FAN, index) for index in range(5)] == [[], [2, 3], [1, 3], [1, 2], []]
    assert all_before(FAN)[4] == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        pytest.param(steps([1]), "steps[0].after names 1, and step 1 ('step 0')", id="itself"),
        pytest.param(steps(None, [3], [1]), "steps[1].after names 3", id="forward"),
        pytest.param(steps([2], [1]), "it is the first step", id="a-cycle"),
        pytest.param(steps(None, [9]), "the steps above it are 1 to 1", id="unknown"),
        pytest.param(steps(None, [0]), "steps[1].after names 0", id="zero"),
    ],
)
def test_what_is_no_order_is_named(plan: list[Any], says: str) -> None:
    assert says in str(order_error(plan))


def test_an_order_is_none_to_complain_of() -> None:
    assert order_error(FAN) is None
    assert not list(overlaps(FAN))


def test_steps_that_share_a_path_are_named_with_it() -> None:
    plan = [make_step("a", ("src/**", "x.py"), after=[]), make_step("b", ("src/a.py", "x.py"), after=[])]
    (told,) = overlaps(plan)
    assert told == ("steps 1 and 2 could be at work at the same time and both change `src/** and src/a.py`; `x.py`")
    plan[1]["after"] = [1]
    assert not list(overlaps(plan))


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        pytest.param("src/a.py", "src/a.py", True, id="same"),
        pytest.param("src/a.py", "src/A.py", True, id="same-on-some-disks"),
        pytest.param("src/caf\u00e9", "src/cafe\u0301", True, id="same-in-another-form"),
        pytest.param("src/a.py", "src/b.py", False, id="two-files"),
        pytest.param("src/**", "src/a/b.py", True, id="below"),
        pytest.param("src/*", "src/sub/**", False, id="files-of-a-folder-and-what-is-deeper"),
        pytest.param("src/", "src/x", True, id="trailing-slash"),
        pytest.param("**", "x", True, id="everything"),
        pytest.param("**/test_*.py", "src/**", True, id="deep-names"),
        pytest.param("**/a.py", "**/b.py", False, id="other-names-anywhere"),
        pytest.param("a*.py", "*b.py", True, id="ab"),
        pytest.param("a?c", "ab?", True, id="abc"),
        pytest.param("a?", "a", False, id="one-more"),
        pytest.param("*.py", "*.md", False, id="endings"),
        pytest.param("a/**/z", "a/**/b/z", True, id="two-deep-ones"),
        pytest.param("a/**/z", "b/**/z", False, id="other-folders"),
    ],
)
def test_whether_two_globs_meet(one: str, other: str, shared: bool) -> None:
    assert meet(one, other) is meet(other, one) is shared
    assert bool(common([one], [other])) is shared


part = st.sampled_from(["a", "b", "*", "a*", "*b", "?", "**"])
globs = st.lists(part, min_size=1, max_size=4).map("/".join)
NAMES = [n for size in (1, 2) for n in map("".join, product("ab", repeat=size))]
PATHS = ["/".join(p) for size in (1, 2, 3) for p in product(NAMES, repeat=size)]


@settings(deadline=None, max_examples=300)
@given(globs, globs)
def test_what_two_globs_share_is_never_missed(one: str, other: str) -> None:
    if any(covers([one], path) and covers([other], path) for path in PATHS):
        assert meet(one, other)


def test_a_long_glob_is_told_at_once() -> None:
    assert meet("/".join(["**", "a"] * 40), "/".join(["**", "a"] * 40 + ["b"])) is False


afters = st.integers(1, 8).flatmap(
    lambda size: st.tuples(
        *[
            st.none() | st.lists(st.integers(1, max(1, n)), max_size=3, unique=True) if n else st.just([])
            for n in range(size)
        ]
    )
)


@settings(deadline=None, max_examples=200)
@given(afters)
def test_the_widest_set_is_the_one_that_looking_at_all_finds(given_after: tuple[list[int] | None, ...]) -> None:
    plan = steps(*given_after)
    assert order_error(plan) is None
    apart = [set(beside(plan, index)) for index in range(len(plan))]
    sets = (c for size in range(1, len(plan) + 1) for c in combinations(range(len(plan)), size))
    widest = max(len(c) for c in sets if all(b in apart[a] for a, b in combinations(c, 2)))
    assert threads(plan, 10) == widest
