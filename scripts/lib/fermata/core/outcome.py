"""How each stage of a run ended, gathered for the end of it: one line a stage, from accepted results and from verdicts."""

from __future__ import annotations

from .consultation import line
from .workflow import walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Run


def skipped(run: Run, name: str) -> bool:
    """Whether the newest visit of the top-level stage *name* was passed over, because its `when` did not hold."""
    frame = run["position"]
    return name in frame["visits"] and frame.get("skipped", {}).get(name) == frame["visits"][name]


def stage_lines(run: Run) -> list[str]:
    """One line for each stage that agents work in: its verdict or its last summary, or that it was passed over."""
    found = []
    for siblings, stage in walk(run["workflow"]["stages"]):
        if stage["kind"] != "agents":
            continue
        title = line(stage.get("title", stage["id"]), 60)
        done = [d for d in run["dispatches"].values() if _served(d["node"], stage["id"]) and d["state"] == "completed"]
        if siblings is run["workflow"]["stages"] and skipped(run, stage["id"]):
            found.append(f"{title}: skipped, its condition was not met")
        elif done:
            verdict = run["kept"].get(done[-1]["node"], {}).get(stage.get("verdict", ""), "")
            found.append(f"{title}: {verdict + ': ' if verdict else ''}{line(done[-1]['summary'], 160)}")
    return found


def changed_beside(run: Run) -> list[str]:
    """The paths of the user's own tree that changed while agents worked in worktrees: by the user, or by an agent's command."""
    return sorted({path for d in run["dispatches"].values() for path in d.get("elsewhere", [])})


def _served(node: str, stage: str) -> bool:
    return node.rpartition("/")[2] == stage
