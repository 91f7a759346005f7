"""The command line's groups `debt`, `report`, `learning` and `backlog`: reads arguments, calls the rules, prints."""

from __future__ import annotations

from functools import partial

import click

from .cli_parts import ALL, COUNT, JSON_FLAG, given_text, read_board, say, tell_task, time_in, write_board
from .core.board_texts import CATEGORIES
from .core.consultation import line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cli_parts import OpenSite
    from .core.board_records import Board, EntryKind, Json
    from .store.run_store import News

TASK_LINK = click.option("--task", metavar="TASK", help="The task that it belongs to.")
SOURCE = click.option("--source", default="", metavar="TEXT", help="Where it was found: a run, a file.")
TEXT = click.option(
    "--text", "--description", default="", metavar="TEXT", help="More about it; `-` reads it from standard input."
)


def _add_entry(site: OpenSite, kind: EntryKind, title: str, *, as_json: bool, **fields: Json) -> None:
    from .core.board_entries import add_entry
    from .views.board import entry_row

    if "text" in fields:
        fields["text"] = given_text(fields["text"])
    board, news = write_board(site, lambda board: add_entry(board, kind, title, **fields))
    entry = board["entries"][kind][news[0][1]["id"]]
    say(entry_row(entry), entry, as_json)


@click.group()
def debt() -> None:
    """Technical debt: what should be mended some day. Each command of the group knows --json."""


@debt.command("add")
@click.argument("title")
@click.option("--category", type=click.Choice(CATEGORIES), default="code", show_default=True, help="What it concerns.")
@TEXT
@TASK_LINK
@SOURCE
@JSON_FLAG
@click.pass_obj
def add_debt(site: OpenSite, /, *, title: str, as_json: bool, **fields: Json) -> None:
    """Note a debt."""
    _add_entry(site, "debt", title, as_json=as_json, **fields)


@click.group()
def report() -> None:
    """Recon reports: what was found out about a part of the project. Each command of the group knows --json."""


@report.command("add")
@click.argument("target")
@click.option("--findings", "text", required=True, metavar="TEXT", help="What was found; `-` reads standard input.")
@TASK_LINK
@SOURCE
@JSON_FLAG
@click.pass_obj
def add_report(site: OpenSite, /, *, target: str, as_json: bool, **fields: Json) -> None:
    """Keep what was found out about TARGET."""
    _add_entry(site, "report", target, as_json=as_json, **fields)


@click.group()
def learning() -> None:
    """What was learnt and should be known next time. Each command of the group knows --json."""


@learning.command("add")
@click.argument("text")
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="What it is about; may be repeated.")
@TASK_LINK
@SOURCE
@JSON_FLAG
@click.pass_obj
def add_learning(site: OpenSite, /, *, text: str, as_json: bool, **fields: Json) -> None:
    """Keep a learning, in a sentence or a few."""
    _add_entry(site, "learning", text, as_json=as_json, **fields)


@learning.command("find")
@click.argument("goal")
@click.option("--limit", type=click.IntRange(1, 100_000), default=2_000, show_default=True, help="Characters in all.")
@JSON_FLAG
@click.pass_obj
def find_learnings(site: OpenSite, /, *, goal: str, limit: int, as_json: bool) -> None:
    """The learnings that matter for GOAL, the most relevant first.

    Those that share words with it, rare words first.
    """
    from .core.relevance import relevant_learnings

    found = relevant_learnings(read_board(site)[1], goal, limit, time_in())
    rows = "\n".join(one.text for one in found)
    say(rows or "No learning shares a word with it.", {"learnings": [one._asdict() for one in found]}, as_json)


@click.group()
def backlog() -> None:
    """Things for later, until one becomes a task. Each command of the group knows --json."""


@backlog.command("add")
@click.argument("title")
@TEXT
@SOURCE
@JSON_FLAG
@click.pass_obj
def add_backlog(site: OpenSite, /, *, title: str, as_json: bool, **fields: Json) -> None:
    """Note a thing for later."""
    _add_entry(site, "backlog", title, as_json=as_json, **fields)


@backlog.command("take")
@click.argument("name", metavar="BACKLOG")
@JSON_FLAG
@click.pass_obj
def take(site: OpenSite, /, *, name: str, as_json: bool) -> None:
    """Make a task of it."""
    from .core.board_entries import take_up

    store = site().project.board()
    details: dict[str, Json] = {}

    def rule(board: Board) -> News:
        from .core.board_texts import entry_of

        details.update(store.details(entry_of(board, "backlog", name)["line"]))
        return take_up(board, name, details.get("description", ""))

    board, news = write_board(site, rule)
    tell_task(board, news[0][1]["id"], as_json=as_json)


def _add_common(group: click.Group, kind: EntryKind) -> None:
    """`list`, `show` and `close`, which are the same for each kind of entry."""

    @group.command("list")
    @click.option("--task", "task_name", metavar="TASK", help="Only what belongs to this task.")
    @ALL
    @COUNT
    @JSON_FLAG
    @click.pass_obj
    def list_entries(site: OpenSite, /, *, task_name: str | None, everything: bool, count: int, as_json: bool) -> None:
        """List them, the newest first."""
        from .core.board_texts import task_of
        from .views.board import entry_row, shortened

        _, board = read_board(site)
        about = task_of(board, task_name)["id"] if task_name else None
        entries = reversed(board["entries"][kind].values())
        found = [e for e in entries if (everything or e["status"] == "OPEN") and about in (None, e["task"])]
        rows = [entry_row(entry) for entry in found[:count]]
        say(shortened(rows, len(found), f"No {kind} here."), {"total": len(found), kind: found[:count]}, as_json)

    @group.command("show")
    @click.argument("name", metavar=kind.upper())
    @JSON_FLAG
    @click.pass_obj
    def show_entry(site: OpenSite, /, *, name: str, as_json: bool) -> None:
        """Show one whole."""
        from .core.board_texts import entry_of
        from .views.board import entry_text

        store, board = read_board(site)
        entry = entry_of(board, kind, name)
        details = store.details(entry["line"])
        say(entry_text(entry, details), {**entry, **details}, as_json)

    @group.command("close")
    @click.argument("name", metavar=kind.upper())
    @click.option("--how", required=True, metavar="TEXT", help="What became of it.")
    @JSON_FLAG
    @click.pass_obj
    def close(site: OpenSite, /, *, name: str, how: str, as_json: bool) -> None:
        """Settle, outdate or drop one; it leaves the list."""
        from .core.board_entries import close_entry

        board, news = write_board(site, partial(close_entry, kind=kind, name=name, how=how))
        entry = board["entries"][kind][news[0][1]["id"]]
        say(f"{entry['id']} closed: {line(how, 160)}", entry, as_json)


_add_common(debt, "debt")
_add_common(report, "report")
_add_common(learning, "learning")
_add_common(backlog, "backlog")
