"""Where a run goes on after its spec was changed and approved again: parts that read as before stand as they stood.

Decides by place and digest of each part alone. What was changed, or stands at another place now, begins anew; nothing of
an earlier pass is taken for it, since its visits go on counting. Asks nobody and approves nothing.
"""

from __future__ import annotations

import copy

from .position import inside, new_frame
from .workflow import SPEC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Envelope, Frame, Run, Stage


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
        frame["inner"] = {str(index): _ended(stage) for index in range(len(old))}
        frame["at"] = stage["id"]
    for index in [name for name in frame["inner"] if int(name) not in same]:
        item = inside(frame, stage["id"], index)
        del frame["inner"][index]
        _drop(run, item)
        if int(index) < len(new):
            frame["inner"][index] = _anew(run, stage, item)
    return frame


def _ended(stage: Stage) -> Frame:
    return {**new_frame(stage["stages"]), "at": None}


def _anew(run: Run, stage: Stage, item: str) -> Frame:
    """A frame at the first stage, whose visits go on from those that there were."""
    frame = new_frame(stage["stages"])
    frame["visits"] = {inner["id"]: seen for inner in stage["stages"] if (seen := _visits(run, item + inner["id"]))}
    first = stage["stages"][0]["id"]
    frame["visits"][first] = frame["visits"].get(first, 0) + 1
    return frame


def _visits(run: Run, node: str) -> int:
    """How often *node* was come to, as far as anything came of it."""
    found = [
        made["visit"] for kind in (run["dispatches"], run["checks"]) for made in kind.values() if made["node"] == node
    ]
    merged = [int(key.rpartition("#")[2]) for key in run.get("merges", {}) if key.rpartition("#")[0] == node]
    return max([*found, *merged], default=0)


def _drop(run: Run, item: str) -> None:
    tree = run.get("worktrees", {}).get(item.rstrip("/"))
    if tree and tree["state"] == "open":
        tree["state"] = "dropped"
    for dispatch in run["dispatches"].values():
        if dispatch["node"].startswith(item) and dispatch["state"] not in ("completed", "failed"):
            dispatch.update({"state": "failed", "reason": "what the spec says of it was changed"})
