"""A workflow without the stages that the settings switch off.

Decides whether the rest still is a whole run, and says why where it is not; what is left is an ordinary workflow, so
that nothing behind this knows of switches. Never takes out what asks the human, what proves the work, or the work.
"""

from __future__ import annotations

from .workflow import ABORT, good, graph_errors, outcomes, target, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Stage, Workflow


class CannotSkip(Exception):
    """Why a stage stays; `str()` is for the person who wanted it out."""


def named(workflow: Workflow, name: str) -> tuple[list[Stage], Stage]:
    """The stage called *name*, wherever it stands, and its siblings.

    Raises:
        LookupError: there is none, or more than one; the message says which.
    """
    found = [(siblings, stage) for siblings, stage in walk(workflow["stages"]) if stage["id"] == name]
    if len(found) == 1:
        return found[0]
    ids = dict.fromkeys(stage["id"] for _, stage in walk(workflow["stages"]))
    why = "is the name of two stages" if found else "is no stage"
    raise LookupError(f'"{name}" {why} of workflow {workflow["name"]}; known stages: {", ".join(ids)}')


def without(workflow: Workflow, name: str) -> Workflow:
    """*workflow* with the stage *name* taken out and the ways to it led on to where it would have led.

    Raises:
        LookupError: see `named`.
        CannotSkip: something needs the stage.
    """
    siblings, stage = named(workflow, name)
    why = _indispensable(workflow, stage) or _still_led_to(siblings, stage)
    if why:
        raise CannotSkip(why)
    found: Workflow = {**workflow, "stages": _replaced(workflow["stages"], siblings, _rest(siblings, stage))}
    errors = graph_errors(found)
    if errors:
        raise CannotSkip(f"without it the workflow is none: {errors[0]}")
    return found


def _indispensable(workflow: Workflow, stage: Stage) -> str | None:
    """What the stage is for, if no run can do without."""
    stages = [each for _, each in walk(workflow["stages"])]
    inside = [each["id"] for _, each in walk([stage])]
    full = [each["id"] for each in stages if each["kind"] == "checks" and each.get("commands") == "full"]
    writers = [each["id"] for each in stages if each.get("access") == "write"]
    if stage["kind"] == "gate":
        return "a gate is passed by a human only, never left out"
    if stage["kind"] == "finalise":
        return "it ends the run on the tree that was verified"
    if full and full[-1] in inside:
        return "it runs the last full checks, and nothing is done before they are green"
    if writers and writers[0] in inside:
        return "it is the work itself"
    for each in stages:
        for key in ("plan", "over"):
            if str(each.get(key, "")).partition(".")[0] == stage["id"]:
                return f"stages.{each['id']}.{key} needs what it keeps"
    return None


def _still_led_to(siblings: list[Stage], stage: Stage) -> str | None:
    """The way to the stage that cannot be led on: one that a bad ending takes, for the stage to mend it."""
    for each in siblings:
        for outcome in outcomes(each):
            if each is not stage and not good(each, outcome) and target(siblings, each, outcome) == stage["id"]:
                return f"stages.{each['id']}.on leads to it when that ends {outcome}"
    return None


def _rest(siblings: list[Stage], stage: Stage) -> list[Stage]:
    """The siblings of *stage* with their ways led past it."""
    going_on = [outcome for outcome in outcomes(stage) if good(stage, outcome)]
    if not going_on:
        raise CannotSkip(f"where the run goes on depends on how it ends: {', '.join(outcomes(stage))}")
    to = target(siblings, stage, going_on[0])
    rest = [each for each in siblings if each is not stage]
    if stage is siblings[0] and rest and to != rest[0]["id"]:
        raise CannotSkip(f"the run begins with it and goes on at {to or 'the end'}, not at {rest[0]['id']}")
    return [_led_past(siblings, each, stage, to) for each in rest]


def _led_past(siblings: list[Stage], each: Stage, stage: Stage, to: str | None) -> Stage:
    ways = [outcome for outcome in outcomes(each) if target(siblings, each, outcome) == stage["id"]]
    if not ways or to == ABORT:
        if ways:
            raise CannotSkip("it ends the run")
        return each
    if to is not None:
        return {**each, "on": {**each.get("on", {}), **dict.fromkeys(ways, to)}}
    if siblings.index(each) + 1 != siblings.index(stage):
        raise CannotSkip(f"stages.{each['id']} leads to it from further up, and nothing comes behind it")
    left = {outcome: way for outcome, way in each.get("on", {}).items() if outcome not in ways}
    return {**each, "on": left}


def _replaced(stages: list[Stage], old: list[Stage], new: list[Stage]) -> list[Stage]:
    """*stages*, or those of a foreach among them, with the list *old* replaced by *new*."""
    if stages is old:
        return new
    return [{**s, "stages": _replaced(s["stages"], old, new)} if "stages" in s else s for s in stages]
