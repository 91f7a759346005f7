"""What waits for something comes behind it, whatever waits for what."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fermata.core.decomposition import arranged
from fermata.core.task_order import CircleError, in_order

NAMES = [f"n{number}" for number in range(12)]
Waits = dict[str, list[str]]


@st.composite
def sound(draw: st.DrawFn) -> Waits:
    """Names that wait only for names of a hidden order, given in another one; some are no key."""
    hidden = draw(st.permutations(NAMES))
    keys = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=12))
    return {name: draw(st.lists(st.sampled_from([*hidden[: hidden.index(name)], "done"]), max_size=4)) for name in keys}


@given(sound())
@settings(deadline=None)
def test_each_comes_once_and_behind_all_it_waits_for(waits: Waits) -> None:
    found = in_order(waits)
    assert sorted(found) == sorted(waits)
    for name in waits:
        assert all(found.index(other) < found.index(name) for other in waits[name] if other in waits)


def circle_in(waits: Waits) -> list[str]:
    try:
        in_order(waits)
    except CircleError as error:
        return error.circle
    return []


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=3)))
@settings(deadline=None)
def test_what_has_no_order_is_told_as_a_circle(waits: Waits) -> None:
    circle = circle_in(waits)
    assert circle[:1] == circle[-1:]
    assert all(b in waits[a] for a, b in pairwise(circle))


def test_without_waiting_the_order_given_stays() -> None:
    assert in_order({"c": [], "a": [], "b": []}) == ["c", "a", "b"]


def part(name: str, *waits: str) -> dict[str, object]:
    return {"name": name, "blocked_by": list(waits)}


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        pytest.param([part("a"), part("a")], "steps[1] (a): another task has this name, too", id="twins"),
        pytest.param([part("a", "b")], 'steps[0] (a).blocked_by names "b"; known: a', id="unknown"),
        pytest.param([part("a", "a")], "blocked_by: a → a wait for each other", id="itself"),
        pytest.param(
            [part("a", "c"), part("b", "a"), part("c", "b")], "a → c → b → a wait for each other", id="circle"
        ),
    ],
)
def test_a_decomposition_that_does_not_hold_together(parts: list[dict[str, object]], says: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as error:
        arranged(parts)
    assert says in str(error.value)


def test_tasks_are_put_behind_what_they_wait_for() -> None:
    found = arranged([part("ui", "api"), part("docs", "ui"), part("api")])
    assert [step["name"] for step in found] == ["api", "ui", "docs"]
