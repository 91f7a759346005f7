"""Whether a plan that an agent hands in can be carried out where it stands in the workflow; if not, why.

A plan made inside a foreach works out one approved item: it stays inside that item's scope and brings no commands. A plan
that takes a goal apart needs names that hold together and agents enough. Pure; the door gives the words to the agent.
"""

from __future__ import annotations

from .decomposition import NAMED, arranged
from .forecast import too_many
from .items import item_of
from .scope import contains
from .workflow import target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Json, Run, Stage


def fitting(run: Run, stage: Stage, node: str, kept: dict[str, Json]) -> dict[str, Json]:
    """*kept* as it is kept: a decomposition in the order in which it is done.

    Raises:
        ValueError: it does not fit; the words say what and what to do.
    """
    if "/" in node:
        _refuse_beyond(item_of(run, node), kept)
        return kept
    if not any(NAMED in step for step in kept["steps"]):
        return kept
    steps = arranged(kept["steps"])
    short = too_many(run, target(run["workflow"]["stages"], stage, "done"), {**run["kept"], stage["id"]: kept})
    if short:
        raise ValueError(
            f"{len(steps)} tasks are too many: {short}. Hand in fewer, larger ones, or a part of the goal and say so"
        )
    return {**kept, "steps": steps}


def _refuse_beyond(item: Json, kept: dict[str, Json]) -> None:
    globs = item["scope"] if isinstance(item, dict) else []
    for number, step in enumerate(kept["steps"]):
        for glob in step["scope"]:
            if not any(contains(outer, glob) for outer in globs):
                raise ValueError(
                    f"steps[{number}].scope holds {glob!r}, which is outside what was approved for this task "
                    f"({', '.join(globs)}). Plan inside it; what it does not allow goes into `findings`"
                )
    if kept.get("checks"):
        names = ", ".join(check["name"].removeprefix("plan-") for check in kept["checks"])
        raise ValueError(f"checks names {names}: the commands were approved with the whole; leave `checks` empty")
