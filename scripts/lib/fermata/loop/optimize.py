"""What makes room in the context window, in its order: what of it happens by itself, what is done here, what is a person's.

Done here is only what loses nothing: entries of the board that nobody is told of any more are put away, and stay in its
journal. Artifacts and journals of runs are the record of a run and fill no window.
"""

from __future__ import annotations

from functools import partial

from ..core.board_entries import aged_entries, archive_aged
from ..core.budget import estimate
from ..core.tiers import FULL, tier_of, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core.board_records import Board
    from ..store.board import BoardStore
    from .pools import Use


def put_away(store: BoardStore, now: str) -> list[str]:
    """Archive what has been of no use for long; gives the ids. Raises StoreError, OSError."""
    if not aged_entries(store.load(), now):
        return []
    return [body["id"] for _, body in store.act("person", partial(archive_aged, now=now))]


def steps(
    uses: Sequence[Use], board: Board, now: str, archived: list[str], waiting: list[str]
) -> list[tuple[str, str]]:
    """Each step and what came of it.

    Args:
        uses: the pools.
        board: as it is now.
        now: as the journal writes the time.
        archived: what was just put away.
        waiting: what could be, by a person in a terminal.
    """
    used = {use.pool.name: use.used or 0 for use in uses}
    fetched = (
        f"~{used['context7']:,} tokens lie in the session: type /compact in Claude Code, which alone can clear them"
    )
    plan = f"~{used['plans']:,} tokens are the plan of the run at hand; those of completed runs are sent to nobody"
    return [
        ("Summarise old learnings", _shortened(board, now)),
        ("Archive very old entries", _put_away(archived, waiting)),
        ("Clear unused context7 documents", fetched if used["context7"] else "nothing to do: the session holds none"),
        ("Prune plans of completed tasks", f"nothing to do: {plan if used['plans'] else 'none is sent to anybody'}"),
    ]


def _shortened(board: Board, now: str) -> str:
    """Age alone does it, each time a learning is read."""
    old = [
        (e["title"], tier_of(e["created"], now)) for e in board["entries"]["learning"].values() if e["status"] == "OPEN"
    ]
    old = [(title, tier) for title, tier in old if tier != FULL]
    if not old:
        return "nothing to do: none is 30 days old"
    before, after = (
        sum(estimate(text) for text in texts) for texts in ([t for t, _ in old], [told(*one) for one in old])
    )
    return (
        f"done as they are read: {len(old)} of 30 days and more are told in ~{after:,} tokens instead of "
        f"~{before:,}. `fermata learning close` takes out what no longer holds"
    )


def _put_away(archived: list[str], waiting: list[str]) -> str:
    if archived:
        return f"{len(archived)} archived: {_names(archived)}. The journal keeps them, `list --all` shows them"
    if waiting:
        return f"{len(waiting)} can be ({_names(waiting)}): type this command in a terminal outside Claude Code"
    return "nothing to do: nothing settled, and no report, is 90 days old"


def _names(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")  # noqa: PLR2004
