"""What a result must bear out beyond its schema: fields its stage calls for, its numbered parts, success criteria, pictures.

Decides only what the run itself shows; what changed in the tree is judged in `results`.
"""

from __future__ import annotations

from collections import Counter

from ..core.consultation import line
from ..core.contract import contract
from ..core.items import item_of
from ..core.verdicts import MAX_CRITERION
from ..core.workflow import stage_at
from .screens import look_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json, Run
    from ..store.run_store import RunStore

MAX_QUOTED = 3


def fact_error(store: RunStore, run: Run, node: str, value: dict[str, Json]) -> str | None:
    """Why *value*, valid against its schema, cannot be the result of *node*; None when it can."""
    stage = stage_at(run["workflow"], node)
    if value.get("status") in ("questions", "failed"):
        return None
    empty = [name for name in stage.get("require", []) if not _says(value.get(name))]
    if empty:
        return f"this stage needs {', '.join(f'`{name}`' for name in empty)}, and the result leaves it out or empty"
    parts, told = stage.get("parts"), value.get("phases")
    if parts and isinstance(told, dict) and set(told) != set(parts):
        return f"`phases` has {', '.join(sorted(told))}; the parts of this stage are {', '.join(parts)}"
    if "criteria" in contract(stage) and "criteria" in value:
        return criteria_error(item_of(run, node), value)
    return look_error(store, run, value) if "screens" in contract(stage) and "views" in value else None


def criteria_error(step: Json | None, value: dict[str, Json]) -> str | None:
    """Every success criterion of *step* is answered exactly once, with evidence, and the verdict follows from the answers."""
    own = [_same(text) for text in step.get("criteria", [])] if isinstance(step, dict) else []
    told = Counter(_same(one["criterion"]) for one in value["criteria"])
    open_ones = [text for text in own if text not in told]
    foreign = [text for text in told if text not in own]
    twice = [text for text, times in told.items() if times > 1]
    for found, what in (
        (open_ones, "leaves out"),
        (foreign, "has what is no success criterion of this step:"),
        (twice, "answers more than once"),
    ):
        if found:
            return f"`criteria` {what} {_quoted(found)}; answer each criterion of your brief exactly once, in its own words"
    empty = [one["criterion"] for one in value["criteria"] if not one["evidence"].strip()]
    if empty:
        return f"there is no evidence for {_quoted(empty)}; name the place as path:line, or the check and how it ended"
    unmet = [one["criterion"] for one in value["criteria"] if not one["met"]]
    if value["verdict"] == "approve" and unmet:
        return f"`verdict` is approve, and {_quoted(unmet)} is not met; approve needs every criterion met"
    if value["verdict"] == "reject" and not unmet and not value["findings"]:
        return "`verdict` is reject, and every criterion is met and `findings` is empty; name what is to be done"
    return None


def _same(text: str) -> str:
    """A criterion as the brief shows it, without the dash that may have been copied with it."""
    return line(text, MAX_CRITERION).removeprefix("- ")


def _quoted(found: list[str]) -> str:
    more = f" and {len(found) - MAX_QUOTED} more" if len(found) > MAX_QUOTED else ""
    return ", ".join(f'"{line(text, 120)}"' for text in found[:MAX_QUOTED]) + more


def _says(value: Json) -> bool:
    """Whether *value* holds any word: a mapping of empty lists says nothing."""
    if isinstance(value, dict):
        return any(_says(entry) for entry in value.values())
    return bool(value)
