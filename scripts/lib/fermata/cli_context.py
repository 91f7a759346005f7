"""`fermata context`: how full the context pools are, where the figures come from, and what would make room.

Prints only; the rules stand in `core.budget`, the measuring in `loop.pools`.
"""

from __future__ import annotations

import sys

import click

from .cli_parts import JSON_FLAG, inside_claude_code, open_here, say, time_in
from .core.budget import level

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.records import Json
    from .loop.pools import Use

RUN_OPTION = click.option("--run", "run_id", metavar="RUN", help="Another run than the one on hand.")


@click.group()
def context() -> None:
    """What takes up the context window, and how to make room.

    The session's frame, plans, briefs, learnings, backlog, fetched documents.

    Tokens are the client's own counts; those with a ~ are estimated from the text, four characters a token.
    """


def _uses(run_id: str | None) -> list[Use]:
    from .loop.pools import board_texts, measure

    site = open_here()
    store = site.shown(run_id) if run_id or site.project.run_ids() else None
    board = board_texts(site.project.board().load(), store.load()["goal"] if store else "", time_in())
    return measure(site, store, board)


def _amount(used: int | None, *, exact: bool) -> str:
    return "?" if used is None else f"{'' if exact else '~'}{used:,}"


def _row(name: str, used: str, soft: str, hard: str, status: str) -> str:
    return f"{name:<10}{used:>10}{soft:>10}{hard:>10}  {status}"


def _table(uses: list[Use]) -> str:
    from .loop.pools import status_of

    rows = [_row("Pool", "Used", "Soft", "Hard", "Status")]
    for use in uses:
        pool, amount = use.pool, _amount(use.used, exact=use.exact)
        rows.append(_row(pool.name, amount, f"{pool.soft:,}", f"{pool.hard:,}", status_of(use)))
    used, soft = _total(uses)
    amount, share = _amount(used, exact=all(use.exact for use in uses)), f"{used * 100 // soft}% {level(used, soft)}"
    rows.append(_row("TOTAL", amount, f"{soft:,}", "", share))
    if any(use.used is None for use in uses):
        rows.append("? is not known and not in the total.")
    return "\n".join(rows)


def _total(uses: list[Use]) -> tuple[int, int]:
    return sum(use.used or 0 for use in uses), sum(use.pool.soft for use in uses)


def _document(uses: list[Use]) -> dict[str, Json]:
    from .loop.pools import status_of

    used, soft = _total(uses)
    pools = [
        {
            "pool": use.pool.name,
            "used": use.used,
            "exact": use.exact,
            "soft": use.pool.soft,
            "hard": use.pool.hard,
            "status": status_of(use),
            "source": use.source,
        }
        for use in uses
    ]
    return {"pools": pools, "total": {"used": used, "soft": soft, "percent": used * 100 // soft}}


@context.command()
@RUN_OPTION
@JSON_FLAG
def budget(run_id: str | None, as_json: bool) -> None:
    """The pools: used, limits, and how near they are.

    Normal, Warning (from 80 %) or Critical (from 95 %) of the soft limit.

    Exit code 8: a pool is past its hard limit.
    """
    uses = _uses(run_id)
    say(_table(uses), _document(uses), as_json)
    sys.exit(8 if any((use.used or 0) > use.pool.hard for use in uses) else 0)


@context.command()
@RUN_OPTION
@JSON_FLAG
def show(run_id: str | None, as_json: bool) -> None:
    """What each pool's figure was measured from."""
    uses = _uses(run_id)
    rows = [f"{use.pool.name:<10}{_amount(use.used, exact=use.exact):>10}  {use.source}" for use in uses]
    say("\n".join(rows), _document(uses), as_json)


@context.command()
@RUN_OPTION
@JSON_FLAG
def optimize(run_id: str | None, as_json: bool) -> None:
    """Make room, and say what was freed.

    In this order; it also says what only you can do.

    In a terminal it archives what nobody is told of any more: settled entries and reports, 90 days old. Deletes nothing.
    """
    from .core.board_entries import aged_entries
    from .loop.optimize import put_away, steps

    store, now = open_here().project.board(), time_in()
    archived = [] if inside_claude_code() else put_away(store, now)
    board = store.load()
    waiting = [name for _, name in aged_entries(board, now)]
    found = steps(_uses(run_id), board, now, archived, waiting)
    rows = [f"{number}. {name}: {told}." for number, (name, told) in enumerate(found, 1)]
    say(
        "\n".join(rows),
        {"steps": [{"step": name, "result": told} for name, told in found], "archived": archived},
        as_json,
    )
