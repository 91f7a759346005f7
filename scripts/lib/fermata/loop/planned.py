"""Judges a plan as an agent hands it in: its order, its scopes, its checks, what could be at work at once.

Decides from the plan and the run alone; whether a human approves it is the gate's part.
"""

from __future__ import annotations

from ..checks.command import CommandError, parse_command, to_json
from ..core.order import beside, order_error, overlaps
from ..core.plan_fit import fitting
from ..core.scope import glob_error
from ..core.workflow import walk
from .rejected import Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json, Run, Stage


def plan_checks(value: dict[str, Json]) -> list[Json]:
    """The commands that a plan brings, as checks. Raises Rejected."""
    found = []
    for check in value.get("checks", []):
        try:
            command = parse_command(check["command"])
        except CommandError as error:
            raise Rejected(f"checks {check['name']}: {error}") from None
        found.append(
            {
                "name": f"plan-{check['name']}",
                "command": to_json(command),
                "expect_tests": False,
                "source": "proposed by the plan",
            }
        )
    names = [c["name"] for c in found]
    if len(set(names)) != len(names):
        raise Rejected("two checks have the same name; give each its own")
    return found


def _fitting(run: Run, stage: Stage, node: str, kept: dict[str, Json]) -> dict[str, Json]:
    try:
        return fitting(run, stage, node, kept)
    except ValueError as error:
        raise Rejected(str(error)) from None


def _submodule_error(run: Run, glob: str) -> str | None:
    """Why *glob* may not be in a plan: of a submodule only this is seen, whether it changed."""
    inside = next((path for path in run["base"].get("submodules", []) if glob.startswith(f"{path}/")), None)
    if inside is None:
        return None
    return (
        f"it lies in the submodule `{inside}`, which is another repository: a run of its own, started in that folder, "
        f"can work there. Leave it out, or name `{inside}` itself if it shall stand at another commit"
    )


def judged_plan(run: Run, stage: Stage, node: str, kept: dict[str, Json]) -> dict[str, Json]:
    """*kept* of a plan as it is kept, with its steps brought into the order in which they are carried out.

    Raises:
        Rejected: an order that is none, a scope that no plan may hold, steps that would meet, nothing that proves it.
    """
    _judge(run, stage, kept, inner="/" in node)
    return _fitting(run, stage, node, kept)


def _judge(run: Run, stage: Stage, kept: dict[str, Json], *, inner: bool) -> None:
    error = order_error(kept["steps"])
    if error:
        raise Rejected(error)
    for number, step in enumerate(kept["steps"], 1):
        for glob in step["scope"]:
            error = glob_error(glob)
            error = error or _submodule_error(run, glob)
            if error:
                raise Rejected(f"steps[{number - 1}].scope holds {glob!r}: {error}")
    _judge_side_by_side(run, stage, kept["steps"])
    if not run["project_checks"]["full"] and not kept["checks"] and not inner:
        raise Rejected(
            "this project has no checks that fermata knows, so `checks` must hold at least one command that proves the goal"
        )


def _judge_side_by_side(run: Run, stage: Stage, steps: list[Json]) -> None:
    """Where the workflow lets steps be at work at once, they share no path, and a submodule is nobody's: worktrees have none."""
    stages = [s for _, s in walk(run["workflow"]["stages"]) if s["kind"] == "foreach"]
    if not any(s["over"] == f"{stage['id']}.steps" and s.get("parallel", 1) > 1 for s in stages):
        return
    shared = list(overlaps(steps))
    if shared:
        raise Rejected(
            f"{'; '.join(shared[:5])}. Give each of them scopes of its own, or put one behind the other with `after`"
        )
    for index, step in enumerate(steps):
        inside = [path for path in run["base"].get("submodules", []) if path in step["scope"]]
        if inside and beside(steps, index):
            raise Rejected(
                f"steps[{index}].scope holds the submodule `{inside[0]}`, which a step that could be at work beside others "
                "has not got; let all other steps be before it or after it"
            )
