"""Where a run stands: frames, the stages it stands at, how a visit ended, and the step to the next stage.

Pure functions of the run. `advance` is called by the fold after every event and is the only thing that moves a run.
"""

from __future__ import annotations

from .conditions import holds
from .items import item_of, items_over, own_tree, threads_of
from .order import waits_for

# What only moves a run is imported where it is used: a hook at every tool call asks here where the run stands.
from .workflow import ABORT, BAD_NEWS, DEFAULT_TRIES, FAILED, SKIPPED, good, stage_at, stage_named, target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from .records import Dispatch, Frame, Run, Stage, Waiting, WaitKind
    from .strikes import Impasse

ENDED = ("completed", "aborted")


def new_frame(stages: list[Stage]) -> Frame:
    """A frame that stands at the first of *stages*, visited once."""
    first = stages[0]["id"]
    return {"at": first, "visits": {first: 1}, "came_from": {}, "inner": {}}


def leaves(run: Run) -> Iterator[tuple[str, int, Stage]]:
    """Every stage the run stands at: node, visit number, stage. A foreach stands where its opened items stand."""
    yield from _leaves(run["workflow"]["stages"], run["position"], "")


def _leaves(stages: list[Stage], frame: Frame, prefix: str) -> Iterator[tuple[str, int, Stage]]:
    if frame["at"] is None:
        return
    stage = stage_named(stages, frame["at"])
    node = prefix + stage["id"]
    if stage["kind"] != "foreach":
        yield node, frame["visits"][stage["id"]], stage
        return
    for item, inner in _opened(frame):
        yield from _leaves(stage["stages"], inner, inside(frame, node, item))


def inside(frame: Frame, node: str, item: str) -> str:
    """The node prefix of one item of a foreach. A second pass has its own, so that no result serves two plans."""
    visit = frame["visits"][node.rpartition("/")[2]]
    return f"{node}~{visit}.{item}/" if visit > 1 else f"{node}.{item}/"


def frame_of(run: Run, node: str) -> tuple[Frame, str]:
    """The frame that *node* stands in, and the prefix of its siblings' nodes."""
    outer, slash, _ = node.partition("/")
    if not slash:
        return run["position"], ""
    return run["position"]["inner"].get(outer.partition(".")[2], run["position"]), f"{outer}/"


def stuck_step(run: Run) -> str | None:
    """The index of the plan's step at which the run waits; None where it waits elsewhere."""
    waiting, frame = run["waiting"], run["position"]
    if waiting is None or frame["at"] is None or not waiting["node"].startswith(frame["at"]):
        return None
    opened = [index for index, inner in frame["inner"].items() if inner["at"] is not None]
    named = waiting["node"].partition("/")[0].rpartition(".")[2]
    return named if named in opened else next(iter(opened), None)


def dispatches_of(run: Run, node: str, visit: int) -> list[Dispatch]:
    """The dispatches made for one visit of a stage, oldest first."""
    return [d for d in run["dispatches"].values() if d["node"] == node and d["visit"] == visit]


def at_work(run: Run) -> list[str]:
    """The ids of the dispatches whose agents have begun and not handed in; a command outlives the session and is none."""
    return [d["id"] for d in run["dispatches"].values() if d["state"] == "running" and "command" not in d]


def next_name(run: Run, kind: Literal["dispatches", "checks"]) -> str:
    """The name of the dispatch (`d-004`) or check (`c-004`) to come: one that nothing ever had, also before a repair."""
    return f"{kind[0]}-{len(run[kind]) + run.get('skipped', {}).get(kind, 0) + 1:03d}"


def outcome_of(run: Run, node: str, visit: int, stage: Stage) -> str | None:
    """How this visit of *stage* ended, or None while it has not."""
    from .check_runs import checks_outcome

    if "when" in stage and _passed_over(run, node, visit, stage):
        return SKIPPED
    if stage["kind"] == "agents":
        return _agents_outcome(run, node, visit, stage)
    if stage["kind"] == "checks":
        return checks_outcome(run, node, visit)
    if stage["kind"] == "merge":
        ended = run.get("merges", {}).get(f"{node}#{visit}")
        return ended["outcome"] if ended else None if own_tree(run, node) else "done"
    if stage["kind"] == "gate":
        gate = run["gate"]
        if gate and gate["node"] == node and gate["visit"] == visit:
            return gate.get("decision")
    if stage["kind"] == "finalise" and run["stale"] == f"{node}#{visit}":
        return "stale"
    return None


def _passed_over(run: Run, node: str, visit: int, stage: Stage) -> bool:
    from .check_runs import checks_of

    if dispatches_of(run, node, visit) or checks_of(run, node, visit):
        return False
    return not holds(stage["when"], list(run["dispatches"].values()), item_of(run, node))


def _agents_outcome(run: Run, node: str, visit: int, stage: Stage) -> str | None:
    done = [d for d in dispatches_of(run, node, visit) if d["state"] == "completed"]
    if len({d["item"] for d in done}) < len(stage.get("items", [None])):
        return None
    if "verdict" in stage:
        return str(run["kept"][node][stage["verdict"]])
    return "done"


def failures_of(run: Run, node: str, visit: int) -> int:
    """How many dispatches of this visit failed since a human last let it go on."""
    failed = sum(d["state"] == "failed" for d in dispatches_of(run, node, visit))
    return failed - run["granted"].get(f"{node}#{visit}", 0)


def advance(run: Run) -> None:
    """Move every settled stage on, until nothing more is settled or only a human can say."""
    while run["status"] == "executing" and _advance(run, run["workflow"]["stages"], run["position"], ""):
        pass


def _advance(run: Run, stages: list[Stage], frame: Frame, prefix: str) -> bool:
    """One step in this frame or below it. True when something moved."""
    if frame["at"] is None:
        return False
    stage = stage_named(stages, frame["at"])
    node, visit = prefix + stage["id"], frame["visits"][stage["id"]]
    if stage["kind"] == "foreach":
        return _advance_items(run, stages, frame, stage, node)
    outcome = outcome_of(run, node, visit, stage)
    impasse = _impasse(run, stage, node, visit, outcome)
    if impasse is None:
        return outcome is not None and _settle(run, stages, frame, node, (outcome, target(stages, stage, outcome)))
    way = _way_to_planning(stages, stage, outcome) if impasse.replan else None
    if way is None:
        wait_for_human(run, "limit", node, impasse.why)
        return False
    return _settle(run, stages, frame, node, (outcome or FAILED, way))


def _way_to_planning(stages: list[Stage], stage: Stage, outcome: str | None) -> str | None:
    """Where the failure of *stage* leads, or of the stage that mends what its checks find."""
    back = stage.get("on", {}).get(str(outcome))
    mender = stage if outcome is None else next((s for s in stages if s["id"] == back), stage)
    return target(stages, mender, FAILED) if FAILED in mender.get("on", {}) else None


def _impasse(run: Run, stage: Stage, node: str, visit: int, outcome: str | None) -> Impasse | None:
    """Why *stage*, this visit of which ended as *outcome* or has not ended, cannot go on as it has so far."""
    from .strikes import failed_for_good, red_again

    if outcome is None and stage["kind"] == "agents":
        made = dispatches_of(run, node, visit)
        return failed_for_good(run, made) or _tries_used_up(run, stage, node, visit)
    if outcome == "red" and not good(stage, "red"):
        return red_again(run, [c for c in run["checks"].values() if c["node"] == node], visit)
    return None


def _settle(run: Run, stages: list[Stage], frame: Frame, node: str, end: tuple[str, str | None]) -> bool:
    """Go where *end*, an outcome and a stage, leads, unless that is back and there have been enough rounds or new plans."""
    (outcome, to), here = end, str(frame["at"])
    stage, over = stage_named(stages, here), _rounds_used_up(run, stages, frame, node, outcome)
    if over and outcome != FAILED and FAILED in stage.get("on", {}):
        return _settle(run, stages, frame, node, (FAILED, target(stages, stage, FAILED)))
    anew = _plans_anew(stages, stage, end)
    over = over or (_replans_used_up(run, outcome) if anew else None)
    if over:
        wait_for_human(run, "limit", node, over)
        return False
    if anew:
        run["replans"] = run.get("replans", 0) + 1
    _go(run, frame, node, outcome, to)
    return True


def _plans_anew(stages: list[Stage], stage: Stage, end: tuple[str, str | None]) -> bool:
    """Whether bad news leads back to who plans."""
    from .contract import plans

    outcome, to = end
    bad = outcome in BAD_NEWS and not good(stage, outcome)
    return bad and any(s["id"] == to and plans(s) for s in stages)


def _replans_used_up(run: Run, outcome: str) -> str | None:
    from .recovery import REPLANS

    if run.get("replans", 0) - run["granted"].get("replans", 0) < REPLANS:
        return None
    last = f"; the last failure: {run['failures'][-1]['reason']}" if outcome == FAILED and run["failures"] else ""
    return f"the work {'failed' if outcome == FAILED else f'ended {outcome}'} again after {REPLANS} new plan, the limit{last}"


def _rounds_used_up(run: Run, stages: list[Stage], frame: Frame, node: str, outcome: str) -> str | None:
    stage = stage_named(stages, str(frame["at"]))
    to, visit = target(stages, stage, outcome), frame["visits"][stage["id"]]
    looping = not good(stage, outcome) and to is not None and to != ABORT and to in frame["visits"]
    if looping and visit - run["granted"].get(node, 0) >= stage.get("rounds", visit + 1):
        return f"{stage['id']} ended {outcome} for the {visit}. time; the limit is {stage['rounds']} rounds"
    return None


def _stuck(run: Run, stages: list[Stage], frame: Frame, prefix: str) -> bool:
    """Whether the stage that *frame* stands at has failed in a way that a new plan could mend."""
    stage = stage_named(stages, str(frame["at"]))
    node, visit = prefix + stage["id"], frame["visits"][stage["id"]]
    outcome = outcome_of(run, node, visit, stage)
    impasse = _impasse(run, stage, node, visit, outcome)
    if impasse:
        return bool(impasse.replan) and _way_to_planning(stages, stage, outcome) is None
    return (
        outcome is not None
        and FAILED not in stage.get("on", {})
        and bool(_rounds_used_up(run, stages, frame, node, outcome))
    )


def _advance_items(run: Run, stages: list[Stage], frame: Frame, stage: Stage, node: str) -> bool:
    """The items at work move on; where one is given up, those beside it come to their own end before the foreach fails."""
    live, stuck = 0, False
    for index, inner in _opened(frame):
        prefix = inside(frame, node, index)
        if inner["at"] is None:
            continue
        if FAILED in stage.get("on", {}) and _stuck(run, stage["stages"], inner, prefix):
            stuck = True
            continue
        if _advance(run, stage["stages"], inner, prefix):
            return True
        live += 1
    if run["status"] != "executing" or (stuck and live):
        return False
    return (
        _settle(run, stages, frame, node, (FAILED, target(stages, stage, FAILED)))
        if stuck
        else _open_item(run, stages, frame, (stage, node), live)
    )


def _opened(frame: Frame) -> list[tuple[str, Frame]]:
    return sorted(frame["inner"].items(), key=lambda item: int(item[0]))


def _open_item(run: Run, stages: list[Stage], frame: Frame, at: tuple[Stage, str], live: int) -> bool:
    """Open the first item whose turn it is, if one more may be at work; go on when all are done."""
    stage, node = at
    steps, inner = items_over(run, stage), frame["inner"]
    done = {int(index) for index, item in inner.items() if item["at"] is None}
    if len(done) >= len(steps):
        _go(run, frame, node, "done", target(stages, stage, "done"))
        return True
    if live >= threads_of(run, stage):
        return False
    for index in range(len(steps)):
        if str(index) not in inner and done.issuperset(waits_for(steps, index)):
            inner[str(index)] = opened = new_frame(stage["stages"])
            first = str(opened["at"])
            opened["visits"][first] = later_visit(run, {}, first, inside(frame, node, str(index)))
            return True
    return False


def given_up(run: Run, node: str) -> bool:
    """Whether the item of *node* has used up its tries or rounds, and the run waits for those beside it only to say so."""
    outer = node.partition("/")[0]
    stage = stage_at(run["workflow"], outer)
    if "/" not in node or FAILED not in stage.get("on", {}):
        return False
    return _stuck(run, stage["stages"], *frame_of(run, node))


def later_visit(run: Run, visits: dict[str, int], stage: str, prefix: str) -> int:
    """The number of the next visit of *stage*: above all that it had, also those that a rollback took back."""
    return max(visits.get(stage, 0), run.get("visited", {}).get(prefix + stage, 0)) + 1


def _go(run: Run, frame: Frame, node: str, outcome: str, to: str | None) -> None:
    here = str(frame["at"])
    if to == ABORT:
        run["status"] = "aborted"
        return
    if outcome == SKIPPED:
        frame["skipped"] = {**frame.get("skipped", {}), here: frame["visits"][here]}
    frame["at"] = to
    if to is not None:
        frame["visits"][to] = later_visit(run, frame["visits"], to, node.removesuffix(here))
        frame["came_from"][to] = {"stage": here, "outcome": outcome}
        frame["inner"] = {}


def _tries_used_up(run: Run, stage: Stage, node: str, visit: int) -> Impasse | None:
    tries = stage.get("tries", DEFAULT_TRIES)
    if failures_of(run, node, visit) < tries:
        return None
    from .strikes import tries_used_up

    failed = [d for d in dispatches_of(run, node, visit) if d["state"] == "failed"]
    return tries_used_up(failed, stage["id"], tries)


def wait_for_human(run: Run, kind: WaitKind, node: str, why: str, until: str = "") -> None:
    """Let the run wait; with *until* only to that time."""
    waiting: Waiting = {"kind": kind, "node": node, "why": why}
    if until:
        waiting["until"] = until
    if run["status"] not in ("executing", "waiting"):
        # A parked run stays parked and waits once it is taken up again; a run that has ended waits for nobody.
        run["waiting"] = None if run["status"] in ENDED else waiting
        return
    run["status"] = "waiting"
    run["waiting"] = waiting
