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
    "merge": ("done", "conflict"),
    "finalise": ("done", "stale"),
}
GOES_ON = ("done", "green", "approve", "skipped")
FAILED, MOVED = "failed", "moved"
BAD_NEWS = (FAILED, "red", "reject", "conflict")
# Outcomes only where `on` names them: else work that fails for good waits for a human, and what has to be merged with
# changes that came in meanwhile is merged without being checked again.
OPTIONAL = {"agents": (FAILED,), "foreach": (FAILED,), "merge": (MOVED,)}
# What a stage with a `when` that does not hold ends as.
SKIPPED = "skipped"
UNSAID = {"abort": ABORT, **dict.fromkeys(GOES_ON, NEXT)}
DEFAULT_TRIES = 5
# In a gate's `plan`: no stage planned; the plan is what the user typed, the tasks of the board that the run was given, or
# the phases of a SPEC.md.
GOAL, TASKS, SPEC = "goal", "tasks", "spec"
GIVEN = (GOAL, TASKS, SPEC)
# What a merge brings where: the item's change to where the foreach works (the usual), the changes of the items that it
# comes after to the item, the user's new commits to the run's branch.
ITEM, BEFORE, YOURS = "item", "before", "yours"


def stage_named(stages: list[Stage], name: str) -> Stage:
    """The stage with id *name* among siblings. Raises KeyError, which a validated definition cannot cause."""
    for stage in stages:
        if stage["id"] == name:
            return stage
    raise KeyError(name)


def stage_at(workflow: Workflow, node: str) -> Stage:
    """The stage that *node* stands for: `steps.2/build` is stage, item, inner stage; `steps~2.0` its second pass."""
    first, *inner = (part.partition(".")[0].partition("~")[0] for part in node.split("/"))
    stage = stage_named(workflow["stages"], first)
    for name in inner:
        stage = stage_named(stage.get("stages", []), name)
    return stage


def target(stages: list[Stage], stage: Stage, outcome: str) -> str | None:
    """Where *outcome* leads: a sibling's id, `abort`, or None past the last sibling.

    Only an outcome that is good news may be left out of `on`; all others raise KeyError here, so that a definition
    that slipped past validation stops instead of walking through a closed gate.
    """
    known = {**UNSAID, **stage.get("on", {})}
    to = known[outcome]
    if to != NEXT:
        return to
    ids = [s["id"] for s in stages]
    place = ids.index(stage["id"]) + 1
    return ids[place] if place < len(ids) else None


def outcomes(stage: Stage) -> tuple[str, ...]:
    """Every outcome *stage* can have. With a `verdict`, these are the values of that field, all named in `on`."""
    named = [outcome for outcome in OPTIONAL.get(stage["kind"], ()) if outcome in stage.get("on", {})]
    own = tuple(stage.get("on", {})) if "verdict" in stage else (*OUTCOMES[stage["kind"]], *named)
    return tuple(dict.fromkeys((*own, *[SKIPPED] * ("when" in stage))))


def good(stage: Stage, outcome: str) -> bool:
    """Whether *outcome* goes on, so that `rounds` does not count it: by its name, or because `on` calls it `next`."""
    return outcome in GOES_ON or stage.get("on", {}).get(outcome) == NEXT


def wants(workflow: Workflow, source: str) -> bool:
    """Whether *workflow* works on what a run is given from the start: `tasks` of the board, or the `goal` as a plan."""
    found = [str(s.get(key, "")).partition(".")[0] for s in workflow["stages"] for key in ("plan", "over")]
    return source in found


def walk(stages: list[Stage]) -> Iterator[tuple[list[Stage], Stage]]:
    """Every stage with its siblings, outer before inner."""
    for stage in stages:
        yield stages, stage
        yield from walk(stage.get("stages", []))


def _edges(stages: list[Stage], stage: Stage) -> Iterator[tuple[str, str]]:
    """Outcome and sibling for every way from *stage* to a sibling."""
    for outcome in outcomes(stage):
        to = target(stages, stage, outcome)
        if to is not None and to != ABORT:
            yield outcome, to


def _reachable(stages: list[Stage], starts: set[str], closed: tuple[str, str] = ("", "")) -> set[str]:
    """The stages that a run at one of *starts* can come to; *closed*, a kind and its outcome, leads nowhere."""
    seen: set[str] = set()
    todo = list(starts)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            stage = stage_named(stages, name)
            todo += [to for outcome, to in _edges(stages, stage) if (stage["kind"], outcome) != closed]
    return seen


def _unbounded_cycle(stages: list[Stage]) -> list[str] | None:
    """A cycle that no `rounds` ends, as the ids along it. `rounds` counts bad outcomes only, as `position` does."""
    free = {s["id"]: [to for outcome, to in _edges(stages, s) if "rounds" not in s or good(s, outcome)] for s in stages}

    cleared: set[str] = set()  # else a graph of thirty stages has a thousand million ways through it

    def visit(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in cleared:
            return None
        found = (visit(to, [*path, name]) for to in free[name])
        cycle = next((cycle for cycle in found if cycle), None)
        cleared.add(name)
        return cycle

    return next((found for name in free if (found := visit(name, []))), None)


def _names_errors(stages: list[Stage], place: str) -> Iterator[str]:
    ids = [s["id"] for s in stages]
    for twin in sorted({i for i in ids if ids.count(i) > 1}):
        yield f'{place}: two stages are called "{twin}"; give each its own id'
    for stage in stages:
        known = outcomes(stage)
        for outcome, to in stage.get("on", {}).items():
            if outcome not in known:
                also = OPTIONAL.get(stage["kind"], ())
                yield (
                    f'{place}.{stage["id"]}.on: a stage of kind {stage["kind"]} has no outcome "{outcome}"; '
                    f"known: {', '.join(dict.fromkeys([*known, *also]))}"
                )
            if to not in (NEXT, ABORT, *ids):
                yield f'{place}.{stage["id"]}.on.{outcome} names "{to}"; known stages: {", ".join(ids)}'
        for outcome in known:
            if outcome not in stage.get("on", {}) and outcome not in (*GOES_ON, "abort"):
                yield f'{place}.{stage["id"]}.on does not say where "{outcome}" leads; name a stage, `next` or `abort`'


def _writes_without_yes(stages: list[Stage]) -> Iterator[str]:
    """Stages that can be come to without a human's yes, from the start or after the plan was made anew."""
    plans = {s.get("plan", "") for s in stages if s["kind"] == "gate"}
    starts = {stages[0]["id"]} | {s["id"] for s in stages if s["id"] in plans}
    for name in sorted(_reachable(stages, starts, closed=("gate", "approve"))):
        for _, inner in walk([stage_named(stages, name)]):
            if inner.get("access") == "write":
                yield (
                    f"stages.{inner['id']} writes, and a way leads there without an approval; "
                    "let every way pass the `approve` of a gate"
                )


def _field_error(place: str, says: str, earlier: dict[str, Stage]) -> str | None:
    """Why *says*, as STAGE.FIELD, is nothing that an earlier top-level stage keeps."""
    name, _, field = says.partition(".")
    if name not in earlier:
        return f'{place} names "{says}"; stages with agents before it: {", ".join(earlier) or "none"}'
    if field not in earlier[name].get("keep", []):
        return f'{place} needs "{field}", which stages.{name}.keep does not list'
    return None


def _sources_errors(stages: list[Stage]) -> Iterator[str]:
    """A gate and a foreach work on what an earlier stage kept of its result."""
    earlier: dict[str, Stage] = {}
    for stage in stages:
        place = f"stages.{stage['id']}"
        found = None
        if stage["kind"] == "gate":
            own = stage.get("plan") in GIVEN
            found = None if own else _field_error(f"{place}.plan", f"{stage.get('plan')}.steps", earlier)
        elif stage["kind"] == "foreach":
            own = stage.get("over") in (f"{TASKS}.steps", f"{SPEC}.steps")
            found = None if own else _field_error(f"{place}.over", stage.get("over", ""), earlier)
        elif stage["kind"] == "agents":
            earlier[stage["id"]] = stage
        if found:
            yield found


MEANS = {
    GOAL: "what the user typed",
    TASKS: "the board's tasks that a run was given",
    SPEC: "the phases of the SPEC.md that a run was given",
}


def _merge_errors(stages: list[Stage], siblings: list[Stage], stage: Stage) -> Iterator[str]:
    place, brings, inside = f"stages.{stage['id']}", stage.get("brings", ITEM), siblings is not stages
    if brings == ITEM and not (inside and stage is siblings[-1]):
        yield f"{place}: a merge is the last stage of a foreach, whose item it brings to where the foreach works"
    if brings == BEFORE and not inside:
        yield f"{place}.brings: `{BEFORE}` means the items that an item comes after, and this stage stands in no foreach"
    if brings == YOURS and inside:
        yield f"{place}.brings: `{YOURS}` brings the user's new commits to the run's branch; it stands at the top level"


def _branch_errors(workflow: Workflow) -> Iterator[str]:
    """What goes with a branch of the run's own, and what such a workflow needs."""
    own = workflow.get("branch", False)
    for siblings, stage in walk(workflow["stages"]):
        place, brings = f"stages.{stage['id']}", stage.get("brings", ITEM)
        if brings != ITEM and not own:
            yield f"{place}.brings: `{brings}` goes with `branch: true`; in place there is nothing to bring"
        if own and stage["kind"] == "foreach" and stage["stages"][-1]["kind"] != "merge":
            yield f"{place}: with `branch: true` each item has a worktree; end it in a stage of kind merge"
        if stage.get("commands") == ITEM and siblings is workflow["stages"]:
            yield f"{place}.commands: `{ITEM}` is the step of a foreach, and this stage stands in none"


def _stage_errors(stages: list[Stage]) -> Iterator[str]:
    for siblings, stage in walk(stages):
        place = f"stages.{stage['id']}"
        if stage["kind"] == "gate" and siblings is not stages:
            yield f"{place}: a gate stands at the top level, so that one approval covers the whole run"
        if stage["kind"] == "merge":
            yield from _merge_errors(stages, siblings, stage)
        if stage["kind"] == "foreach" and "parallel" in stage and stage["stages"][-1]["kind"] != "merge":
            yield f"{place}: a foreach with `parallel` ends in a stage of kind merge; else nothing would come back"
        if stage["kind"] == "foreach" and siblings is not stages:
            yield f"{place}: a foreach stands at the top level; put its stages into the outer one"
        if stage["id"] in GIVEN:
            yield f"{place}: `{stage['id']}` means {MEANS[stage['id']]}; give the stage another id"
        if "waive" in stage and stage.get("plan") != GOAL:
            yield f"{place}.waive goes with `plan: {GOAL}` alone: a plan that an agent made is always asked about"
        if "verdict" in stage and stage["verdict"] not in stage.get("keep", []):
            yield f'{place}.verdict names "{stage["verdict"]}", which its `keep` does not list'
        items = stage.get("items", [])
        for twin in sorted({item for item in items if items.count(item) > 1}):
            yield f'{place}.items holds "{twin}" twice; write it once'


def graph_errors(workflow: Workflow) -> list[str]:
    """Everything wrong with the graph of a well-shaped definition, each with place, value and rule. Empty: sound."""
    top = workflow["stages"]
    found = [*_stage_errors(top), *_sources_errors(top), *_branch_errors(workflow)]
    levels = [("stages", top)]
    levels += [(f"stages.{s['id']}.stages", s["stages"]) for _, s in walk(top) if "stages" in s]
    for place, stages in levels:
        dangling = list(_names_errors(stages, place))
        found += dangling
        if dangling:
            continue
        reached = _reachable(stages, {stages[0]["id"]})
        found += [f'{place}: no way leads to "{s["id"]}"' for s in stages if s["id"] not in reached]
        if stages is top:
            found += _writes_without_yes(stages)
        cycle = _unbounded_cycle(stages)
        if cycle:
            found.append(
                f"{place}: {' → '.join(cycle)} can go round for ever; give `rounds` to one of them that goes back "
                "by another outcome than done, green or approve"
            )
    return found
