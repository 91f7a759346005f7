"""How many agents a run will need at least, from what is planned and the workflow's way of good news.

Decides nothing: what the number is held against, and what follows, is said by whoever asks. Tries that fail and work that
is sent back come on top, so it is a floor and never a promise.
"""

from __future__ import annotations

from .conditions import holds
from .workflow import outcomes, target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .records import Json, Run, Stage

GOOD = ("done", "green", "approve")


def _way(stages: list[Stage], start: str | None) -> Iterator[Stage]:
    """The stages from *start* on, where everything goes well."""
    by_id, seen = {stage["id"]: stage for stage in stages}, set[str]()
    while start in by_id and start not in seen:
        seen.add(start)
        yield (stage := by_id[start])
        good = next((outcome for outcome in outcomes(stage) if outcome in GOOD), None)
        start = target(stages, stage, good) if good else None


def dispatches_ahead(
    stages: list[Stage], start: str | None, kept: Mapping[str, Mapping[str, Json]], item: Json = None
) -> int:
    """The fewest agents that go from the stage *start* to the end.

    Args:
        stages: siblings of a workflow.
        start: the id of the stage to begin at; None: none is left.
        kept: what stages keep, by which a foreach knows its list.
        item: what the stages are repeated for; None outside a foreach.
    """
    total = 0
    for stage in _way(stages, start):
        if stage["kind"] == "agents":
            total += len(stage.get("items", [None])) * _meant(stage, item)
        elif stage["kind"] == "foreach":
            source, _, field = stage["over"].partition(".")
            inner = stage["stages"]
            entries = kept.get(source, {}).get(field, [])
            total += sum(dispatches_ahead(inner, inner[0]["id"], kept, entry) for entry in entries)
    return total


def _meant(stage: Stage, item: Json) -> bool:
    """Whether *stage* works on *item*, as far as its `when` asks about that."""
    asked = {"item": stage["when"]["item"]} if "item" in stage.get("when", {}) else {}
    return holds(asked, [], item)


def too_many(run: Run, start: str | None, kept: Mapping[str, Mapping[str, Json]]) -> str | None:
    """Why the plan in *kept* cannot be carried out under `limits.dispatches`, in words; None where it can."""
    made, most = len(run["dispatches"]) - run["granted"].get("dispatches", 0), run["limits"]["dispatches"]
    ahead = dispatches_ahead(run["workflow"]["stages"], start, kept)
    if made + ahead <= most:
        return None
    return f"at least {ahead} more agents are needed; {made} of limits.dispatches {most} are used"
