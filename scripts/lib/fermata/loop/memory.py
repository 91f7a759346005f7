"""The project's memory around a run: the board is read when a brief is made and written when the run completes.

A board that cannot be read or written holds no run: the brief goes without its learnings, and what was not kept is said.
"""

from __future__ import annotations

from functools import partial

from ..core.memory import kept_from, left_by, new_entries, source_of
from ..core.relevance import relevant_learnings
from ..store import run_store
from ..store.errors import LockTimeout, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json, Run
    from ..core.relevance import Learnt
    from .site import Site


def recall(site: Site, goal: str, chars: int) -> list[Learnt]:
    """The board's learnings that matter for *goal*, as they are told today, within *chars* characters. None: no board."""
    try:
        board = site.project.board().load()
    except StoreError:  # `fermata doctor` and every command of the board say what is wrong with it
        return []
    return relevant_learnings(board, goal, chars, run_store.utc_now())


def remember(site: Site, run: Run) -> dict[str, Json]:
    """Put on the board what *run* leaves to the project, each thing once however often this is called.

    Gives by kind the ids of what the board has from the run; or `error`, why nothing could be kept.

    Raises:
        OSError, LockTimeout: not all is written; call again.
    """
    if not run.get("remember", True):
        return {}
    left = list(left_by(run))
    if not left:
        return {}
    store = site.project.board()
    try:
        for dispatch, entries in left:  # one at a time: a line of the journal has an end
            source = source_of(run["run"], dispatch)
            store.act("fermata", partial(new_entries, source=source, entries=entries))
        return {str(kind): names for kind, names in kept_from(store.load(), run["run"]).items()}
    except LockTimeout:
        raise
    except StoreError as error:
        return {"error": str(error)}
