"""What a critic said of the plan that a gate asks about. The human decides; a critic's word opens and closes nothing."""

from __future__ import annotations

from .contract import judges_plan
from .position import dispatches_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Json, Run


def critique_of(run: Run) -> dict[str, Json] | None:
    """What the newest visit of a stage that judges the plan kept; empty when it came to none, None where no stage judges."""
    for stage in run["workflow"]["stages"]:
        name = stage["id"]
        visit = run["position"]["visits"].get(name)
        if visit and judges_plan(stage):
            done = any(d["state"] == "completed" for d in dispatches_of(run, name, visit))
            return run["kept"].get(name, {}) if done else {}
    return None
