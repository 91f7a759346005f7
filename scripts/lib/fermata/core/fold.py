"""`fold(events) -> Run`: what the journal says has happened, and so where the run stands.

Decides the state after each event, and through `advance` which stage the run is at. Everything here is a pure
function of the events: the same journal always gives the same run, on every machine and at every time.
"""

from __future__ import annotations

import copy

from .checkpoint_events import CHECKPOINTS
from .fold_error import FoldError, NewerError
from .gate_events import GATE
from .position import ENDED, advance, new_frame
from .run_events import RUN
from .work_events import WORK
from .worktree_events import WORKTREES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .records import Event, Run

HANDLERS = {**WORK, **GATE, **RUN, **WORKTREES, **CHECKPOINTS}


def _created(event: Event) -> Run:
    body = event["body"]
    run: Run = {
        "run": body["run"],
        "mode": body["mode"],
        "status": "executing",
        "goal": body["goal"],
        "created": event["ts"],
        "updated": event["ts"],
        "interactive": body["interactive"],
        "session": body["session"],
        "generation": 1,
        "workflow": body["workflow"],
        "workflow_digest": body["workflow_digest"],
        "limits": body["limits"],
        "grant": body["grant"],
        "base": body["base"],
        "project_checks": body["project_checks"],
        "position": new_frame(body["workflow"]["stages"]),
        "granted": {},
        "dispatches": {},
        "checks": {},
        "kept": copy.deepcopy(body.get("given", {})),
        "gate": None,
        "approved": None,
        "voided": None,
        "stale": None,
        "settings_due": False,
        "waiting": None,
        "failures": [],
    }
    for key in ("routing", "models", "commands", "remember", "worktree_setup"):
        if key in body:
            run[key] = body[key]
    return run


def step(run: Run | None, event: Event) -> Run:
    """The run after *event*, changing *run* itself; for callers that own their copy (see `apply`)."""
    if (run is None) != (event["type"] == "run_created"):
        raise FoldError(f'line {event["seq"]} is "{event["type"]}"; a journal opens with "run_created", and only there')
    if run is None:
        run = _created(event)
    else:
        _handle(run, event)
    approved = run["approved"]
    if event["type"] in ("decision_made", "approval_waived") and approved and "seq" not in approved:
        approved.update({"seq": event["seq"], "hash": event["hash"]})
    advance(run)
    return run


def _handle(run: Run, event: Event) -> None:
    place = f'line {event["seq"]} ("{event["type"]}")'
    if event["type"] not in HANDLERS:
        raise NewerError(f"{place} has an unknown type; a newer fermata wrote it. Update fermata")
    ended = run["status"] if run["status"] in ENDED else None
    run["updated"] = event["ts"]
    run.pop("turn_failed", None)  # anything that happens later shows that the session goes on
    try:
        HANDLERS[event["type"]](run, event["body"])
    except FoldError as error:
        raise FoldError(f"{place}: {error}") from None
    except KeyError as error:
        raise FoldError(f"{place} names {error}, which the lines before do not explain") from None
    if ended:  # an end is final: late news is noted and moves nothing
        run["status"] = ended


def apply(run: Run | None, event: Event) -> Run:
    """The run after *event*; *run* stays as it is."""
    return step(copy.deepcopy(run), event)


def fold(events: Iterable[Event]) -> Run | None:
    """The run that *events* tell of; None for no events.

    Raises:
        FoldError: an event of a newer format, or a journal that does not open with `run_created`.
    """
    run: Run | None = None
    for event in events:
        run = step(run, event)
    return run
