"""Takes what the hooks missed: the result of an agent that ended unseen, and the loss of one that will never end."""

from __future__ import annotations

import os
import time

from ..core.moments import epoch
from ..core.position import ENDED
from ..core.recovery import Facts, told
from ..host.transcripts import interrupted, last_words, transcript_of
from .results import accept_result, text_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Dispatch, Run
    from ..store.run_store import RunStore
    from .site import Site

UNBOUND_SECONDS = 60.0
SETTLED_SECONDS = 20.0


def harvest(site: Site, store: RunStore) -> list[str]:
    """Look after every running dispatch; say what was found, one line each.

    Raises:
        StoreError, OSError, GitError: as the store and git do.
    """
    run, found = store.load(), []
    if run["status"] in ENDED:
        return []
    for dispatch in run["dispatches"].values():
        if dispatch["state"] == "running" and "command" not in dispatch:
            found += _look(site, store, run, dispatch)
    return found


def _look(site: Site, store: RunStore, run: Run, dispatch: Dispatch) -> list[str]:
    dispatch = dispatch if dispatch["agent_id"] else _bind(site, store, dispatch)
    if dispatch["agent_id"] is None:
        if _age(dispatch["started"]) < UNBOUND_SECONDS:
            return []
        return _lose(store, dispatch, "lost: its ticket was used, but no agent ever began")
    path = dispatch["transcript"]
    try:
        silent = time.time() - os.stat(path).st_mtime
        if interrupted(path):
            return _lose(store, dispatch, "interrupted: the user stopped its agent")
        words = last_words(path) if silent > SETTLED_SECONDS else None
    except OSError:
        silent, words = _age(dispatch["started"]), None
    # An agent that ended unseen never hears what was wrong: the same words are judged once, then its silence counts.
    if words and text_digest(words) != dispatch.get("rejected"):
        answer = accept_result(site.repo, store, dispatch["id"], words)
        return [
            f"{dispatch['id']}: taken from its transcript" if answer.accepted else f"{dispatch['id']}: {answer.message}"
        ]
    reason = _overdue(run, silent, _age(dispatch["started"]))
    return _lose(store, dispatch, f"lost: {reason}") if reason else []


def _overdue(run: Run, silent: float, worked: float) -> str | None:
    """Why an agent is given up that has been *silent* and has *worked* on its turn for so many seconds."""
    silence, work = run["limits"]["silence_minutes"], run["limits"].get("agent_minutes")
    if silent > silence * 60:
        return f"its agent has been silent for {silence} minutes"
    if work is not None and worked > work * 60:
        return f"its agent has worked for more than limits.agent_minutes, {work}"
    return None


def _bind(site: Site, store: RunStore, dispatch: Dispatch) -> Dispatch:
    """An agent that was stopped before its first tool call has been seen by no hook: the client's own notes name it."""
    marker = site.data.marker(site.session) if site.session else None
    found = transcript_of(str((marker or {}).get("transcript", "")), dispatch["tool_use_id"] or "")
    if found is None:
        return dispatch
    body = {"id": dispatch["id"], "agent_id": found[0], "transcript": found[1]}
    run = store.note("cli", "agent_bound", body, lambda now: now["dispatches"][dispatch["id"]]["agent_id"] is None)
    return run["dispatches"][dispatch["id"]]


def _lose(store: RunStore, dispatch: Dispatch, reason: str) -> list[str]:
    body = {"id": dispatch["id"], "reason": reason, **told(Facts("lost"))}
    store.note("cli", "dispatch_failed", body, lambda now: now["dispatches"][dispatch["id"]]["state"] == "running")
    return [f"{dispatch['id']}: {reason}"]


def _age(started: str | None) -> float:
    """Seconds since the journal's time *started*."""
    return time.time() - epoch(started) if started else 0.0
