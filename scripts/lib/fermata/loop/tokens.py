"""Counts what a run's agents and its session have used, from the client's transcripts, into the journal.

One place, called by `drive`: an agent hands in while the client still writes down its last words, and `next` comes after
that. A count covers the whole conversation and takes the place of an earlier one, so counting twice changes nothing.
"""

from __future__ import annotations

from ..core.budget import predicted_run, spent
from ..host.usage import size_of, usage_of
from ..store.errors import Damaged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Dispatch, Json, Run
    from ..store.run_store import News, RunStore
    from .site import Site

EARLIER = 10  # runs that a prediction looks back at


def count_tokens(site: Site, store: RunStore) -> None:
    """Journal the tokens of every dispatch whose transcript has grown since they were last counted.

    The session's own are counted only along with a dispatch's: an event at each `next` would look like progress.
    """
    run = store.load()
    found = [body for dispatch in run["dispatches"].values() if (body := _counted(run, dispatch))]
    if not found:
        return
    found += _session(site, run)
    news: News = [("tokens_used", body) for body in found]
    store.transact("cli", lambda now: news if now and now.get("used") == run.get("used") else [])


def _counted(run: Run, dispatch: Dispatch) -> dict[str, Json] | None:
    """The journal's words for what *dispatch* used; None while it is at work, or nothing is new or known."""
    if dispatch["state"] == "running" or not dispatch["transcript"]:
        return None
    return _grown(run, dispatch["id"], dispatch["transcript"], 0)


def _session(site: Site, run: Run) -> list[dict[str, Json]]:
    marker = site.data.marker(site.session) if site.session else None
    if not marker or marker.get("run") != run["run"] or type(marker.get("from")) is not int:
        return []
    body = _grown(run, f"main {site.session}@{marker['from']}", str(marker.get("transcript", "")), marker["from"])
    return [body] if body else []


def _grown(run: Run, name: str, path: str, start: int) -> dict[str, Json] | None:
    size, known = size_of(path), run.get("used", {}).get(name)
    if size == 0 or (known and known.get("size") == size):
        return None
    tokens = usage_of(path, start)
    return {"id": name, **tokens, "size": size} if tokens else None


def predict(site: Site, run: Run, steps: int) -> dict[str, int]:
    """`{"predicted": tokens}` for a plan of *steps* steps, from the newest complete runs of this workflow here; else `{}`."""
    earlier: list[tuple[int, int]] = []
    for name in site.project.run_ids():
        other = _complete(site, name) if name != run["run"] else None
        if other and other["approved"] and other["workflow"]["name"] == run["workflow"]["name"]:
            earlier.append((spent(other), other["approved"]["envelope"]["steps"]))
        if len(earlier) == EARLIER:
            break
    found = predicted_run(earlier, steps)
    return {"predicted": found} if found else {}


def _complete(site: Site, name: str) -> Run | None:
    try:
        other = site.project.run(name).load()
    except Damaged:
        return None
    return other if other["status"] == "completed" else None
