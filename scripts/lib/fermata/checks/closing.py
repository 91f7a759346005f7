"""What a reader of closing lines hands back."""

from __future__ import annotations

from typing import NamedTuple

from fermata.core.evidence import Counts


class Closing(NamedTuple):
    """The counts of one runner, and the number of the line where it closed last."""

    at: int
    counts: Counts


def tally(passed: int = 0, failed: int = 0, errors: int = 0, skipped: int = 0) -> Counts:
    """Counts with their total."""
    return Counts(passed, failed, errors, skipped, passed + failed + errors + skipped)


def add_up(closings: list[Closing]) -> Closing | None:
    """All sections of one output together: a runner closes once per workspace, crate or package."""
    if not closings:
        return None
    columns = zip(*(closing.counts for closing in closings), strict=True)
    return Closing(closings[-1].at, Counts(*map(sum, columns)))
