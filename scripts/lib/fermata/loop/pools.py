"""Measures the context pools: what fermata and the client really put into the windows of a run's session and agents.

A figure is the client's own count where a transcript tells it, else an estimate from the text that would be sent; None
where neither can be had. Measures only: nothing is moved, shortened or deleted.
"""

from __future__ import annotations

import os
from collections import namedtuple

from ..core.budget import CHARACTERS_PER_TOKEN, LIVE, POOLS, estimate, level
from ..core.plan_text import plan_text
from ..core.position import ENDED
from ..core.relevance import relevant_learnings
from ..core.workflow import walk
from ..host.usage import context_use, results_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..core.board_records import Board
    from ..core.records import Run
    from ..store.run_store import RunStore
    from .site import Site

Use = namedtuple("Use", "pool used exact source")
Use.__doc__ = """One pool's tokens (None: not known), whether the client counted them, and in words what they are."""


def measure(site: Site, store: RunStore | None, board: Mapping[str, Sequence[str]]) -> list[Use]:
    """The use of every pool, in their order.

    Args:
        site: the project.
        store: the run to look at; None where there is none.
        board: for `learnings` and `backlog` the texts that a session would be given of them.
    """
    run = store.load() if store else None
    transcript = _transcript(site, run)
    plans = [plan for plan in _plans(run) if plan] if run else []
    briefs = _briefs(store, run) if store and run else []
    fetched = results_of(transcript, "context7")
    of_board = {name: list(board.get(name, ())) for name in ("learnings", "backlog")}
    found = {
        "reserved": _frame(transcript),
        "plans": _estimated(plans, "the plan, as briefs are given it", "no plan yet"),
        "context7": _estimated(
            fetched, f"{len(fetched)} answers of context7 in the session", "the session fetched nothing"
        ),
        "working": _estimated(briefs, f"{len(briefs)} briefs of agents under way", "no agent is under way"),
        **{
            name: _estimated(texts, f"{len(texts)} of the board", "none on the board that matters here")
            for name, texts in of_board.items()
        },
    }
    return [Use(pool, *found[pool.name]) for pool in POOLS]


def board_texts(board: Board, goal: str, now: str) -> dict[str, list[str]]:
    """What a session would be given of the board: the learnings that matter for *goal*, and the open things for later."""
    room = CHARACTERS_PER_TOKEN * next(pool.soft for pool in POOLS if pool.name == "learnings")
    backlog = [entry["title"] for entry in board["entries"]["backlog"].values() if entry["status"] == "OPEN"]
    return {"learnings": [one.text for one in relevant_learnings(board, goal, room, now)], "backlog": backlog}


def _estimated(texts: Sequence[str], source: str, nothing: str) -> tuple[int, bool, str]:
    return sum(estimate(text) for text in texts), not texts, source if texts else nothing


def _frame(transcript: str) -> tuple[int | None, bool, str]:
    used = context_use(transcript) if transcript else None
    if used is None:
        return None, False, "no answer of a session that drives a run has been seen"
    return used, True, "the session's window at its newest answer: the client's frame and the conversation"


def _transcript(site: Site, run: Run | None) -> str:
    """The transcript of the session that drives *run*; "" where it is not known."""
    if run is None or site.project.data_folder() is None:
        return ""
    return str((site.data.marker(run["session"]) or {}).get("transcript", ""))


def _plans(run: Run) -> list[str]:
    """The plans that briefs are still given: that of a run which is over is sent to nobody any more."""
    if run["status"] in ENDED:
        return []
    gates = [stage["plan"] for _, stage in walk(run["workflow"]["stages"]) if stage["kind"] == "gate"]
    return [plan_text(run["kept"].get(name, {})) for name in gates]


def _briefs(store: RunStore, run: Run) -> list[str]:
    found = []
    for dispatch in run["dispatches"].values():
        path = store.path("briefs", f"{dispatch['id']}.md")
        if dispatch["state"] in LIVE and os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                found.append(file.read())
    return found


def status_of(use: Use) -> str:
    """Normal, Warning or Critical, with the hard limit where that is passed; what is not known is not judged."""
    if use.used is None:
        return "not known"
    past = f", past the hard limit of {use.pool.hard:,}" if use.used > use.pool.hard else ""
    return level(use.used, use.pool.soft) + past
