"""A run that stands still for a time: until when, in a person's words, and the staying until then. Decides nothing."""

from __future__ import annotations

import time

from ..core.actions import PAUSE, next_actions
from ..core.moments import epoch
from .site import minutes_since

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Run

MINUTES_FROM = 90  # seconds; below, they are told as seconds


def shown_time(at: str) -> str:
    """The journal's time *at* by this machine's clock, with how far off it is: `15:00 CET (in 42 min)`."""
    then, now = epoch(at), time.time()
    day = "%H:%M" if abs(then - now) < 12 * 3600 else "%a %d %b %H:%M"
    left = then - now
    away = f"in {left / 60:.0f} min" if left >= MINUTES_FROM else f"in {left:.0f} s" if left > 0 else "now"
    return f"{time.strftime(f'{day} %Z', time.localtime(then))} ({away})"


def goes_on_at(run: Run) -> str | None:
    """The time that the run only has to wait for; None where it waits for something else, or for nothing."""
    if run["waiting"]:
        return run["waiting"].get("until")
    actions = next_actions(run, minutes_since(run["created"]))
    return next((a.subject for a in actions if a.kind == PAUSE), None)


def stay(run: Run, seconds: float) -> None:
    """Stay until the run may go on, at most *seconds*."""
    at = goes_on_at(run)
    if at is not None:
        time.sleep(max(0.0, min(seconds, epoch(at) - time.time() + 1)))
