"""`next_actions(run) -> [Action]`: what is to be done now, by fermata itself, by an agent, or by a human.

Decides only from the run; asks no clock (the caller says how long the run has lasted) and changes nothing, so it
gives the same answer after a crash, a compaction or in another session.
"""

from __future__ import annotations

from collections import namedtuple

from .budget import fits, predicted, room, shares, winding_down
from .check_runs import check_verdict, checks_of, commands_at
from .items import open_worktree, own_tree, parallel_of, released
from .moments import minutes_between
from .position import ENDED, dispatches_of, given_up, leaves
from .workflow import ITEM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import Run, Stage

# What fermata does itself, at once and without anybody:
CREATE, CHECK, REQUEST, FINISH, LIMIT, REOPEN = "create", "check", "request", "finish", "limit", "reopen"
LAUNCH = "launch"  # a command-line agent
WORKTREE, MERGE, RELEASE = "worktree", "merge", "release"
# What the orchestrating session does:
AGENT, CONTINUE, ASK, DECIDE = "agent", "continue", "ask", "decide"
WAIT_CHECKS, WAIT_AGENTS, WAIT_COMMANDS, PAUSE = "wait_checks", "wait_agents", "wait_commands", "pause"
# What only a human at the keyboard can change:
HUMAN, OVER = "human", "over"

OWN = (CREATE, CHECK, LAUNCH, REQUEST, FINISH, LIMIT, REOPEN, WORKTREE, MERGE, RELEASE)
STARTS = (CHECK, LAUNCH)  # processes that go on by themselves

Action = namedtuple("Action", "kind node visit subject", defaults=("", 0, ""))
Action.__doc__ = """One thing to do. `subject` is a dispatch id, a check's name, an item or a reason, by kind."""


def next_actions(run: Run, minutes: float = 0.0) -> list[Action]:
    """All that can be done now, fermata's own work first.

    Args:
        run: the fold of the journal.
        minutes: how long the run has lasted, for the wall-time limit.
    """
    if run["status"] in ENDED or run["status"] == "stopped":
        return [Action(OVER, subject=run["status"])]
    if run["waiting"] and due(run, run["waiting"].get("until"), minutes):
        return [Action(REOPEN, run["waiting"]["node"], 0, run["waiting"]["until"])]
    if run["waiting"]:
        return [Action(HUMAN, run["waiting"]["node"], 0, run["waiting"]["why"])]
    found = [Action(RELEASE, item, run["worktrees"][item]["visit"]) for item in released(run)]
    if run["position"]["at"] is None:
        return [*found, Action(FINISH)]
    for node, visit, stage in leaves(run):
        if not given_up(run, node):
            found += _stage_actions(run, node, visit, stage)
    found = _held_back(run, _paused(run, found, minutes), minutes)
    costly = [action for action in found if action.kind in (CREATE, CHECK)]
    over = _over_limit(run, costly, minutes)
    if over:
        return [Action(LIMIT, costly[0].node, 0, over)]
    return sorted(found, key=lambda action: action.kind not in OWN)


def _over_limit(run: Run, costly: list[Action], minutes: float) -> str | None:
    """The limit that *costly*, what would be begun now, would break; None while there is room, or nothing to begin."""
    if not costly:
        return None
    begun, used = next((a for a in costly if a.kind == CREATE), None), shares(run, minutes)
    made, most = used["dispatches"]
    if begun and made >= most:
        return f"{made} dispatches were made; limits.dispatches is {most}"
    if begun and not fits(run, begun.node):
        return _no_tokens(run, begun.node)
    passed, most = used["wall_minutes"]
    if passed >= most:
        return f"{passed:.0f} minutes have passed; limits.wall_minutes is {most}"
    return None


def _no_tokens(run: Run, node: str) -> str:
    left, limit = room(run) or 0, run["limits"]["tokens"]
    if left <= 0:
        return f"{limit - left:,} tokens were used; limits.tokens is {limit:,}"
    return f"{left:,} of {limit:,} limits.tokens are left, and one more dispatch will probably use {predicted(run, node):,}"


def due(run: Run, at: str | None, minutes: float) -> bool:
    """Whether the time *at* has come, *minutes* after the run began; never for no time."""
    return at is not None and minutes_between(run["created"], at) <= minutes


def _paused(run: Run, found: list[Action], minutes: float) -> list[Action]:
    """What nobody answered is begun again only after a pause; where nothing else is to be done, that is said."""
    held = {action: at for action in found if action.kind == CREATE and (at := _again(run, action, minutes))}
    rest = [action for action in found if action not in held]
    if not held or rest:
        return rest
    first = min(held, key=lambda action: held[action])
    return [Action(PAUSE, first.node, first.visit, held[first])]


def _again(run: Run, action: Action, minutes: float) -> str | None:
    """The time before which what *action* would begin is not to be begun; None where it may be."""
    made = [d for d in dispatches_of(run, action.node, action.visit) if d["item"] == action.subject]
    if not made or made[-1]["id"] in list(run["dispatches"])[: run["granted"].get("dispatches", 0)]:
        return None
    at = made[-1].get("again")
    return None if at is None or due(run, at, minutes) else at


def _held_back(run: Run, found: list[Action], minutes: float) -> list[Action]:
    """Near a ceiling agents go one at a time, so that each begins with what the ones before it have really used."""
    live = any(action.kind in (*LIVE.values(), *BY_COMMAND.values()) for action in found)
    begun = [action for action in found if action.kind == CREATE]
    if not (live and begun and (winding_down(run, minutes) or not fits(run, begun[0].node))):
        return found
    return [action for action in found if action.kind != CREATE]


def _stage_actions(run: Run, node: str, visit: int, stage: Stage) -> Iterator[Action]:
    kind = stage["kind"]
    live = any(d["state"] in LIVE for d in dispatches_of(run, node, visit))
    item = own_tree(run, node) if kind in NEEDS_TREE and not live else None
    waits = list(_worktree_actions(run, item)) if item else []
    if waits or (item and not open_worktree(run, item)):  # what is left of an earlier worktree goes first
        yield from waits
    elif kind == "agents":
        yield from _agents_actions(run, node, visit, stage)
    elif kind == "checks":
        yield from _checks_actions(run, node, visit, stage)
    elif kind == "merge":
        yield Action(MERGE, node, visit)
    elif kind == "gate":
        asked = run["gate"] and run["gate"]["node"] == node and run["gate"]["visit"] == visit
        yield Action(DECIDE if asked else REQUEST, node, visit)
    else:  # finalise: a foreach is no leaf
        yield Action(FINISH, node, visit)


NEEDS_TREE = ("agents", "checks", "merge")
LIVE = {"pending": AGENT, "running": WAIT_AGENTS, "asking": ASK, "answered": CONTINUE}
BY_COMMAND = {"pending": LAUNCH, "running": WAIT_COMMANDS}


def _agents_actions(run: Run, node: str, visit: int, stage: Stage) -> Iterator[Action]:
    made = dispatches_of(run, node, visit)
    live = [d for d in made if d["state"] in LIVE]
    for dispatch in live:
        kinds = {**LIVE, **BY_COMMAND} if "command" in dispatch else LIVE
        yield Action(kinds[dispatch["state"]], node, visit, dispatch["id"])
    served = {d["item"] for d in made if d["state"] != "failed"}
    open_items = [item for item in stage.get("items", [None]) if item not in served]
    begin = open_items[: max(0, parallel_of(run, stage) - len(live))]
    yield from [Action(CREATE, node, visit, entry) for entry in begin]


def _worktree_actions(run: Run, item: str) -> Iterator[Action]:
    """What has to be done before an agent can begin in the worktree of *item*. A set-up that fails holds nobody up."""
    tree = run.get("worktrees", {}).get(item)
    if tree is None or tree["state"] == "released":
        yield Action(WORKTREE, item, tree["visit"] + 1 if tree else 1)
    elif tree["state"] == "open":
        for command in commands_at(run, item):
            runs = [c for c in checks_of(run, item, tree["visit"]) if c["name"] == command["name"]]
            if runs and runs[-1]["state"] == "running":
                yield Action(WAIT_CHECKS, item, tree["visit"], runs[-1]["id"])
            elif not runs:
                yield Action(CHECK, item, tree["visit"], command["name"])


def _checks_actions(run: Run, node: str, visit: int, stage: Stage) -> Iterator[Action]:
    """All at once; an item's own in their order, since one may make what the next one needs."""
    made = checks_of(run, node, visit)
    for command in commands_at(run, node):
        runs = [c for c in made if c["name"] == command["name"]]
        running = bool(runs) and runs[-1]["state"] == "running"
        due = running or check_verdict(runs) is None
        if due:
            yield (
                Action(WAIT_CHECKS, node, visit, runs[-1]["id"])
                if running
                else Action(CHECK, node, visit, command["name"])
            )
        if due and stage.get("commands") == ITEM:
            return


def needs_nobody(actions: list[Action]) -> bool:
    """Whether the session can go on by itself: there is work, and no agent's result is outstanding."""
    kinds = {action.kind for action in actions}
    return bool(kinds) and not kinds & {WAIT_AGENTS, DECIDE, ASK, HUMAN, OVER}
