"""What a run is given from the start: tasks of the board, the phases of a SPEC.md, or a plan approved before for this goal.

Looks at the board and at earlier runs when a run is opened, and refuses what cannot be carried out before there is a run.
An earlier approval grants nothing here: the plan is shown at the gate at once, and the user decides about it.
"""

from __future__ import annotations

from collections import namedtuple

from ..core.consultation import code_of, line
from ..core.forecast import dispatches_ahead
from ..core.items import in_force
from ..core.task_choice import ids_in, tasks_plan
from ..core.workflow import GIVEN, GOAL, SPEC, TASKS, stage_at, wants
from ..definitions.names import SPEC_FILE
from ..store.errors import Damaged, Usage
from ..store.run_tasks import choose_tasks, settle_all
from .spec_source import BadSpec, keep_spec, plan_from, read_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json, Run, Workflow
    from ..store.project import Project
    from .site import Site

EARLIER = 20  # runs looked back at for an approved plan
Earlier = namedtuple("Earlier", "words plan")
Earlier.__doc__ = """A plan that was approved before, and the words that name it; ("", {}) for none."""
NONE = Earlier("", {})


def earlier_plan(project: Project, goal: str, commit: str | None) -> Earlier:
    """The newest plan for *goal* that was approved on *commit* in a run that is parked or was ended before it was done.

    A plan that was carried out is none: who types its goal again wants something that it did not bring.
    """
    for name in project.run_ids()[:EARLIER]:
        try:
            found = _plan_in(project.run(name).load(), goal, commit)
        except Damaged:
            continue
        if found:
            return found
    return NONE


def _plan_in(run: Run, goal: str, commit: str | None) -> Earlier | None:
    gate = in_force(run)
    over = run["status"] in ("aborted", "stopped")
    if gate is None or not over or run["goal"].split() != goal.split() or gate["envelope"]["base_commit"] != commit:
        return None
    source = str(stage_at(run["workflow"], gate["node"])["plan"])
    if source in GIVEN:
        return None
    plan = run["kept"][source]
    words = f"plan {code_of(gate['digest'])}, approved in {run['run']}"
    kept = {key: value for key, value in plan.items() if key != "steps"}
    steps = [{key: value for key, value in step.items() if key != "task"} for step in plan["steps"]]
    said = [f"this is {words}, for the same goal and the same commit: nobody looked anew"]
    return Earlier(words, {**kept, "steps": steps, "findings": [*said, *plan.get("findings", [])]})


def given(site: Site, marker: dict[str, Json], workflow: Workflow, earlier: Earlier) -> dict[str, Json]:
    """What the run is given, by its source in the workflow.

    Raises:
        Usage: the workflow works on tasks of the board, and none are named.
        BoardError: a task cannot be carried out.
        BadSpec: the workflow works on a SPEC.md, and there is none that can be carried out.
    """
    project = site.project
    if wants(workflow, SPEC):
        root, path = site.repo.root, str(marker.get("spec") or SPEC_FILE)
        text = read_document(root, path)
        try:
            plan = plan_from(root, path, text)
        except BadSpec as error:
            way = f"Mend it, or let /fermata:prelude {path} mend it with you; then type /conduct again"
            raise BadSpec(f"{error}\n{way}") from None
        keep_spec(project.run(str(marker["run"])), text)
        return {SPEC: plan}
    if wants(workflow, TASKS):
        named = marker.get("tasks", ids_in(str(marker["goal"])))
        if "tasks" not in marker and not named:
            raise Usage(
                f"workflow {workflow['name']} carries out tasks of the board, and the goal names none (t-000042). "
                "Name them: /fermata:run-tasks t-000042, or /fermata:run-tasks alone for all that can begin"
            )
        settle_all(project)
        return {TASKS: tasks_plan(choose_tasks(project, [str(name) for name in named])[1])}
    return {GOAL: earlier.plan} if earlier.plan and wants(workflow, GOAL) else {}


def refuse_without_room(workflow: Workflow, kept: dict[str, Json], most: int) -> None:
    """Raises Usage when what is given needs more agents than `limits.dispatches` allows."""
    stages = workflow["stages"]
    ahead = dispatches_ahead(stages, stages[0]["id"], kept) if kept else 0
    if ahead > most:
        raise Usage(
            f"at least {ahead} agents are needed, and limits.dispatches is {most}: give {line(workflow['name'])} less to do, "
            f"or raise limits.dispatches in .fermata/config.yaml, with some to spare for work that is sent back"
        )


def refuse_unproven(workflow: Workflow, full: list[Json]) -> None:
    """Raises Usage when tasks are to be carried out in a project that has no check which could verify them."""
    if wants(workflow, TASKS) and not full:
        raise Usage(
            "this project has no checks that fermata knows, so no task could be verified. Name one in .fermata/config.yaml: "
            "checks: {full: [{name: tests, command: YOUR COMMAND}]}"
        )
