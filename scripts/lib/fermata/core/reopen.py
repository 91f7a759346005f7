"""Where a run goes on after its spec was changed and approved again: parts that read as before stand as they stood.

Decides by place and digest of each part alone. What was changed, or stands at another place now, begins anew; nothing of
an earlier pass is taken for it, since its visits go on counting. Asks nobody and approves nothing.
"""

from __future__ import annotations

import copy

from .checkpoint_events import drop_item, visits_so_far
from .position import inside, new_frame
from .workflow import SPEC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Envelope, Frame, Run


def reopened(run: Run, position: Frame, before: Envelope, now: Envelope) -> Frame | None:
    """The position for the plan of *now*, from *position*, which was that of the plan of *before*.

    Marks what is begun anew: its worktree is dropped, and agents that are at work on it have failed. None where the run
    had not come to the parts, so that the workflow simply goes on from the gate.
    """
    stages = [s for s in run["workflow"]["stages"] if s.get("over") == f"{SPEC}.steps"]
    if not stages or stages[0]["id"] not in position["visits"]:
        return None
    stage, frame = stages[0], copy.deepcopy(position)
    old, new = before.get("parts", []), now.get("parts", [])
    same = {index for index, part in enumerate(old) if index < len(new) and new[index] == part}
    if frame["at"] != stage["id"]:  # all of them were done
        if len(same) == len(old) == len(new):
            return frame
        ended: Frame = {**new_frame(stage["stages"]), "at": None}
        frame.update({"at": stage["id"], "inner": {str(index): copy.deepcopy(ended) for index in range(len(old))}})
    run["visited"] = visits_so_far(run)
    for index in [name for name in frame["inner"] if int(name) not in same]:
        item = inside(frame, stage["id"], index)
        drop_item(run, frame, index, item.rstrip("/"))
        _end_agents(run, item)
    return frame


def _end_agents(run: Run, item: str) -> None:
    for dispatch in run["dispatches"].values():
        if dispatch["node"].startswith(item) and dispatch["state"] not in ("completed", "failed"):
            dispatch.update({"state": "failed", "reason": "what the spec says of it was changed"})
