"""The checks that a run makes at a stage: which commands they are, and what their runs say.

Starts none of them (`loop/own_checks.py` does) and moves nothing (`position.py` does).
"""

from __future__ import annotations

from .items import item_of, items_over, names_tree
from .workflow import ITEM, stage_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import CheckRun, Json, Run, Stage

UNSTABLE_TRIES = 3


def checks_of(run: Run, node: str, visit: int) -> list[CheckRun]:
    """The check runs made for one visit of a stage, oldest first."""
    return [c for c in run["checks"].values() if c["node"] == node and c["visit"] == visit]


def last_runs(checks: list[CheckRun]) -> list[CheckRun]:
    """Of several runs of the same check the last one."""
    return list({c["name"]: c for c in checks}.values())


def commands_for(run: Run, stage: Stage) -> list[Json]:
    """The checks a stage runs: the project's own before an approval, afterwards exactly those that were approved.

    A narrower plan that the approval covers drops none of them: whoever plans anew cannot weaken the proof.
    """
    kind = stage.get("commands", "full")
    if kind == "screens":
        source = run["approved"]["envelope"] if run["approved"] else run["project_checks"]
        return list(source.get("screens", []))
    if kind == "project" or not run["approved"]:
        return list(run["project_checks"]["full"])
    envelope = run["approved"]["envelope"]
    return list(envelope["quick"] if kind == "quick" else envelope["checks"])


def commands_at(run: Run, node: str) -> list[Json]:
    """The checks that *node* runs: its stage's, its item's own, or where *node* has a worktree what makes that ready."""
    if names_tree(node):
        return list(run["approved"]["envelope"].get("setup", [])) if run["approved"] else []
    stage = stage_at(run["workflow"], node)
    if stage.get("commands") != ITEM:
        return commands_for(run, stage)
    own = run["approved"]["envelope"].get("own", []) if run["approved"] else []
    index = int(node.partition("/")[0].rpartition(".")[2])
    return list(own[index]) if index < len(own) else []


def decisive(run: Run, node: str) -> list[Json]:
    """The checks by which the work at *node* is judged: of a specification's phase, what validates it; else all."""
    step = item_of(run, node)
    phase = step.get("phase") if isinstance(step, dict) else None
    own = run["approved"]["envelope"].get("own", []) if run["approved"] else []
    if phase is None or not own:
        return commands_for(run, {"id": "", "kind": "checks", "commands": "full"})
    steps = items_over(run, stage_at(run["workflow"], node.partition("/")[0]))
    return [check for other, checks in zip(steps, own, strict=False) if other["phase"] == phase for check in checks]


def check_verdict(runs: list[CheckRun]) -> str | None:
    """green, red, or None while undecided, for all runs of one command in one visit.

    A tree that changed while the command ran says nothing about the command, so it runs again. When the same paths
    change a second time they are the check's own output, and its exit code counts. A run that was lost is repeated.
    """
    if not runs or runs[-1]["state"] == "running":
        return None
    last = runs[-1]
    if last.get("category") == "transient" and len(runs) < UNSTABLE_TRIES:
        return None
    if last.get("outcome") in ("green", "red"):
        return last.get("outcome")
    if last.get("outcome") == "unstable" and len(runs) > 1 and _same_output(runs[-2], last):
        return "green"
    return "red" if len(runs) >= UNSTABLE_TRIES else None


def _same_output(before: CheckRun, last: CheckRun) -> bool:
    """Whether two runs in a row, with nothing changed between them, changed the same paths: then it was the check itself."""
    return before.get("changed") == last.get("changed") and before.get("tree") == last.get("before")


def checks_outcome(run: Run, node: str, visit: int) -> str | None:
    """green, red, or None while undecided, for all commands of one visit of a stage of checks."""
    made = checks_of(run, node, visit)
    names = [command["name"] for command in commands_at(run, node)]
    verdicts = [check_verdict([c for c in made if c["name"] == name]) for name in names]
    if "red" in verdicts and None not in verdicts:
        return "red"
    return "green" if all(v == "green" for v in verdicts) else None
