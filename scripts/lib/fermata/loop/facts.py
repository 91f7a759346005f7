"""What a result must bear out beyond its schema: fields its stage calls for, its numbered parts, the pictures it speaks of.

Decides only what the run itself shows; what changed in the tree is judged in `results`.
"""

from __future__ import annotations

from ..core.contract import contract
from .screens import look_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json, Run, Stage
    from ..store.run_store import RunStore


def fact_error(store: RunStore, run: Run, stage: Stage, value: dict[str, Json]) -> str | None:
    """Why *value*, valid against its schema, cannot be the result of *stage*; None when it can."""
    if value.get("status") in ("questions", "failed"):
        return None
    empty = [name for name in stage.get("require", []) if not _says(value.get(name))]
    if empty:
        return f"this stage needs {', '.join(f'`{name}`' for name in empty)}, and the result leaves it out or empty"
    parts, told = stage.get("parts"), value.get("phases")
    if parts and isinstance(told, dict) and set(told) != set(parts):
        return f"`phases` has {', '.join(sorted(told))}; the parts of this stage are {', '.join(parts)}"
    return look_error(store, run, value) if "screens" in contract(stage) and "views" in value else None


def _says(value: Json) -> bool:
    """Whether *value* holds any word: a mapping of empty lists says nothing."""
    if isinstance(value, dict):
        return any(_says(entry) for entry in value.values())
    return bool(value)
