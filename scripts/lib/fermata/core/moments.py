"""Arithmetic on the journal's times (`2026-11-21T09:15:02Z`): how long between two, and what time it is later."""

from __future__ import annotations

FORM = "%Y-%m-%dT%H:%M:%SZ"


def epoch(ts: str) -> int:
    """Seconds since 1970 of the journal's time *ts*. Raises ValueError for anything else."""
    from calendar import timegm
    from time import strptime

    return timegm(strptime(ts, FORM))


def moment(seconds: float) -> str:
    """The journal's time at *seconds* since 1970."""
    from time import gmtime, strftime

    return strftime(FORM, gmtime(seconds))


def after(ts: str, seconds: float) -> str:
    """The time *seconds* after *ts*."""
    return moment(epoch(ts) + seconds)


def minutes_between(since: str, until: str) -> float:
    """Minutes from *since* to *until*; 0 when the clock was set back."""
    return max(0.0, (epoch(until) - epoch(since)) / 60)
