"""The order of a plan's steps: which must be done before which, and which could be at work at the same time.

Decides from the plan alone, so the answer is the same after a crash and in every session. A step's `after` holds the
numbers (from 1) of steps that stand before it in the plan; a step that says nothing follows the one before it. Indexes
here count from 0; words for people count from 1. Starts nothing and knows no limit but the one it is given.
"""

from __future__ import annotations

from .scope import meet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import Json

MAX_PAIRS = 5  # of globs, in one message


def waits_for(steps: list[Json], index: int) -> list[int]:
    """The indexes of the steps that step *index* says it follows."""
    step = steps[index]
    said = step.get("after") if isinstance(step, dict) else None
    if said is None:
        return [index - 1] if index else []
    return [number - 1 for number in said]


def all_before(steps: list[Json]) -> list[set[int]]:
    """For each step every step that is done before it begins. Only for steps without `order_error`."""
    found: list[set[int]] = []
    for index in range(len(steps)):
        own = waits_for(steps, index)
        found.append({*own, *(earlier for one in own for earlier in found[one])})
    return found


def beside(steps: list[Json], index: int) -> list[int]:
    """The steps that could be at work while step *index* is."""
    before = all_before(steps)
    return [
        other
        for other in range(len(steps))
        if other != index and other not in before[index] and index not in before[other]
    ]


def order_error(steps: list[Json]) -> str | None:
    """Why the `after` of some step is no order, or None. A step can name only steps above it, so nothing goes round."""
    for number, step in enumerate(steps, 1):
        wrong = [one for one in step.get("after", []) if not 1 <= one < number]
        if wrong:
            above = f"the steps above it are 1 to {number - 1}" if number > 1 else "it is the first step"
            return (
                f"steps[{number - 1}].after names {wrong[0]}, and step {number} ({step['title'][:60]!r}) can only follow "
                f"steps that stand above it; {above}. Put the steps into the order in which they can be built"
            )
    return None


def threads(steps: list[Json], most: int) -> int:
    """How many steps can be at work at once, where at most *most* may be."""
    return min(most, _widest(all_before(steps))) if most > 1 else 1


def _widest(before: list[set[int]]) -> int:
    """The size of the largest set of steps of which none must wait for another.

    By Dilworth that is the number of chains that cover all steps: steps less the pairs of a largest matching between each
    step and one before it.
    """
    follower: dict[int, int] = {}

    def match(index: int, seen: set[int]) -> bool:
        for earlier in before[index] - seen:
            seen.add(earlier)
            if earlier not in follower or match(follower[earlier], seen):
                follower[earlier] = index
                return True
        return False

    return len(before) - sum(match(index, set()) for index in range(len(before)))


def common(one: list[str], other: list[str]) -> list[str]:
    """What two scopes could both change: a path, or two globs that some path may fit; empty when they are disjoint."""
    return [a if a == b else f"{a} and {b}" for a in one for b in other if meet(a, b)]


def overlaps(steps: list[Json]) -> Iterator[str]:
    """A line for each two steps that could be at work at the same time and could change the same path."""
    for index, step in enumerate(steps):
        for other in beside(steps, index):
            shared = common(steps[other]["scope"], step["scope"]) if other < index else []
            if shared:
                told = "; ".join(f"`{pair}`" for pair in shared[:MAX_PAIRS])
                more = f" and {len(shared) - MAX_PAIRS} more" if len(shared) > MAX_PAIRS else ""
                yield f"steps {other + 1} and {index + 1} could be at work at the same time and both change {told}{more}"
