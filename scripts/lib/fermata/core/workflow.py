"""The workflow as a graph: walking it, and what makes a definition wrong.

Decides which stage follows which outcome. Knows no pipeline by name and does no I/O; the shape of the file
(keys, types) is checked before, in `definitions/`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import Stage, Workflow

NEXT = "next"
ABORT = "abort"
OUTCOMES = {
    "agents": ("done",),
    "gate": ("approve", "modify", "more_recon", "abort"),
    "checks": ("green", "red"),
    "foreach": ("done",),
    "finalise": ("done", "stale"),
}
GOES_ON = ("done", "green", "approve")
DEFAULT_TRIES = 5


def stage_named(stages: list[Stage], name: str) -> Stage:
    """The stage with id *name* among siblings. Raises KeyError, which a validated definition cannot cause."""
    for stage in stages:
        if stage["id"] == name:
            return stage
    raise KeyError(name)


def stage_at(workflow: Workflow, node: str) -> Stage:
    """The stage that *node* stands for: `steps.2/build` is stage, item, inner stage; `steps~2.0` its second pass."""
    stages = workflow["stages"]
    stage: Stage | None = None
    for part in node.split("/"):
        stage = stage_named(stages, part.partition(".")[0].partition("~")[0])
        stages = stage.get("stages", [])
    if stage is None:
        raise KeyError(node)
    return stage


def target(stages: list[Stage], stage: Stage, outcome: str) -> str | None:
    """Where *outcome* leads: a sibling's id, `abort`, or None past the last sibling.

    Only an outcome that is good news may be left out of `on`; all others raise KeyError here, so that a definition
    that slipped past validation stops instead of walking through a closed gate.
    """
    on = stage.get("on", {})
    if outcome in on:
        to = on[outcome]
    else:
        to = ABORT if outcome == "abort" else {good: NEXT for good in GOES_ON}[outcome]
    if to != NEXT:
        return to
    ids = [s["id"] for s in stages]
    place = ids.index(stage["id"]) + 1
    return ids[place] if place < len(ids) else None


def outcomes(stage: Stage) -> tuple[str, ...]:
    """Every outcome *stage* can have. With a `verdict`, these are the values of that field, all named in `on`."""
    return tuple(stage.get("on", {})) if "verdict" in stage else OUTCOMES[stage["kind"]]


def walk(stages: list[Stage]) -> Iterator[tuple[list[Stage], Stage]]:
    """Every stage with its siblings, outer before inner."""
    for stage in stages:
        yield stages, stage
        yield from walk(stage.get("stages", []))


def _successors(stages: list[Stage], stage: Stage) -> list[str]:
    found = (target(stages, stage, outcome) for outcome in outcomes(stage))
    return [to for to in found if to is not None and to != ABORT]


def _reachable(stages: list[Stage]) -> set[str]:
    seen, todo = set(), [stages[0]["id"]]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += _successors(stages, stage_named(stages, name))
    return seen


def _unbounded_cycle(stages: list[Stage]) -> list[str] | None:
    """A cycle none of whose stages has `rounds`, as the ids along it; None when every cycle has a limit."""
    free = {s["id"]: [t for t in _successors(stages, s)] for s in stages if "rounds" not in s}

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return path[path.index(name) :] + [name]
        for to in free.get(name, []):
            found = visit(to, [*path, name]) if to in free else None
            if found:
                return found
        return None

    return next((found for name in free if (found := visit(name, []))), None)


def _names_errors(stages: list[Stage], place: str) -> Iterator[str]:
    ids = [s["id"] for s in stages]
    for twin in sorted({i for i in ids if ids.count(i) > 1}):
        yield f'{place}: two stages are called "{twin}"; give each its own id'
    for stage in stages:
        known = outcomes(stage)
        for outcome, to in stage.get("on", {}).items():
            if outcome not in known:
                yield (
                    f'{place}.{stage["id"]}.on: a stage of kind {stage["kind"]} has no outcome "{outcome}"; '
                    f"known: {', '.join(known)}"
                )
            if to not in (NEXT, ABORT, *ids):
                yield f'{place}.{stage["id"]}.on.{outcome} names "{to}"; known stages: {", ".join(ids)}'
        for outcome in known:
            if outcome not in stage.get("on", {}) and outcome not in (*GOES_ON, "abort"):
                yield f'{place}.{stage["id"]}.on does not say where "{outcome}" leads; name a stage, `next` or `abort`'


def _writes_before_gate(workflow: Workflow) -> Iterator[str]:
    gated = False
    for _, stage in walk(workflow["stages"]):
        gated = gated or stage["kind"] == "gate"
        if stage.get("access") == "write" and not gated:
            yield f'stages.{stage["id"]} writes before any gate; put a stage of kind gate in front of it'


def graph_errors(workflow: Workflow) -> list[str]:
    """Everything wrong with the graph of a well-shaped definition, each with place, value and rule. Empty: sound."""
    found = list(_writes_before_gate(workflow))
    levels = [("stages", workflow["stages"])]
    levels += [(f"stages.{s['id']}.stages", s["stages"]) for _, s in walk(workflow["stages"]) if "stages" in s]
    for place, stages in levels:
        dangling = list(_names_errors(stages, place))
        found += dangling
        if dangling:
            continue
        found += [f'{place}: no way leads to "{s["id"]}"' for s in stages if s["id"] not in _reachable(stages)]
        cycle = _unbounded_cycle(stages)
        if cycle:
            found.append(f"{place}: {' → '.join(cycle)} can go round for ever; give one of them `rounds`")
    plans = {s["id"] for _, s in walk(workflow["stages"]) if s["kind"] == "agents"}
    for siblings, stage in walk(workflow["stages"]):
        if stage["kind"] == "gate" and siblings is not workflow["stages"]:
            found.append(f'stages.{stage["id"]}: a gate stands at the top level, so that one approval covers the whole run')
        if stage["kind"] == "gate" and stage.get("plan") not in plans:
            found.append(f'stages.{stage["id"]}.plan names "{stage.get("plan")}", which is no stage with agents')
        if stage["kind"] == "foreach" and stage.get("over", "").partition(".")[0] not in plans:
            found.append(f'stages.{stage["id"]}.over names "{stage.get("over")}"; write STAGE.FIELD of an earlier stage')
    return found
