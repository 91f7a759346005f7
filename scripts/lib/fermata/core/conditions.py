"""Whether a stage with a `when` has work to do: decided from the run alone, by what was changed or by the step at hand.

Changed is what accepted results, and agents that gave up, were seen to have changed; nobody's word counts. What is no
condition here cannot be asked: no time, no environment, no model.
"""

from __future__ import annotations

from .scope import glob_error, outside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import Dispatch, Json


def holds(when: dict[str, Json], dispatches: list[Dispatch], item: Json) -> bool:
    """Whether every condition in *when* is met.

    Args:
        when: `changed`, globs of which one must cover a changed path; `item`, field to the values it may have.
        dispatches: of the whole run.
        item: what a foreach repeats over, or None outside one.
    """
    changed = [path for dispatch in dispatches for path in dispatch["changed"]]
    if "changed" in when and len(outside(when["changed"], changed)) == len(changed):
        return False
    given = item if isinstance(item, dict) else {}
    return all(given.get(field) in values for field, values in when.get("item", {}).items())


def when_errors(when: dict[str, Json], *, repeated: bool) -> Iterator[str]:
    """What is wrong with a stage's `when`; *repeated*: the stage stands in a foreach."""
    for glob in when.get("changed", []):
        error = glob_error(glob)
        if error:
            yield f"changed holds {glob!r}: {error}"
    if "item" in when and not repeated:
        yield "item asks about the step of a foreach, and this stage stands in none"
    if not when.get("changed") and not when.get("item"):
        yield "names no condition; write `changed`, a list of globs, or `item`, a field with its values"
