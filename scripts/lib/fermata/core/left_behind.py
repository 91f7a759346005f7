"""What a run left in a work tree since a checkpoint, as its journal tells: accepted results, merges, rollbacks.

A pure function of the events. What nobody told of (an agent that was lost, the user, a formatter) is not the run's.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import Event, Json

    Body = dict[str, Json]

Left = namedtuple("Left", "base tree paths sure")
Left.__doc__ = """A change: tree before, tree after, and which of the paths between are the run's (None: all).

`sure` is false for one of which only a part may have been carried out.
"""


def left_since(events: list[Event], name: str) -> list[Left]:
    """The run's changes since checkpoint *name* in the work tree that it is of, oldest first; a pending rollback too.

    Raises:
        KeyError: the journal knows no such checkpoint.
    """
    made = {e["body"]["id"]: e["body"] for e in events if e["type"] == "checkpoint_made"}
    at, ended = made[name], {e["body"]["undo"] for e in events if e["type"] == "rolled_back"}
    own = at["place"] == events[0]["body"]["base"].get("worktree", ".")  # agents work there, and merges lead there
    dispatches: dict[str, Body] = {}
    found, since = list[Left](), False
    for event in events:
        kind, body = event["type"], event["body"]
        since = since or (kind == "checkpoint_made" and body["id"] == name)
        if kind == "dispatch_created":
            dispatches[body["id"]] = {**body, "base_tree": body["base_tree"] if since else at["tree"]}
        elif since:
            found += _rolled(kind, body, at["place"], made, ended)
            found += _worked(kind, body, dispatches) if own else ()
    return found


def _worked(kind: str, body: Body, dispatches: dict[str, Body]) -> Iterator[Left]:
    if kind in ("result_accepted", "dispatch_failed") and "tree" in body and body.get("changed"):
        dispatch = dispatches[body["id"]]
        if "worktree" not in dispatch:
            yield Left(dispatch["base_tree"], body["tree"], frozenset(body["changed"]), True)
    elif kind == "merged":
        yield Left(body["base"], body["tree"], frozenset(body["paths"]), body["outcome"] == "done")


def _rolled(kind: str, body: Body, place: str, made: dict[str, Body], ended: set[str]) -> Iterator[Left]:
    if kind == "rolled_back" and made[body["id"]]["place"] == place:
        paths = frozenset([*body["restored"], *body["quarantined"]])
        yield Left(made[body["undo"]]["tree"], made[body["id"]]["tree"], paths, True)
    elif kind == "checkpoint_made" and "back_to" in body and body["id"] not in ended and body["place"] == place:
        yield Left(body["tree"], made[body["back_to"]]["tree"], None, False)
