"""What commands of the command line share: the `--json` flag, how an answer is printed, the way to the board.

Everybody may read the board; only people in a terminal write it (fermata's own code calls the store itself), so that no
agent can tell it what is done.
"""

from __future__ import annotations

import json
import os
import sys
import time

import click

from .core.moments import moment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .core.board_records import Board, Json
    from .loop.site import Site
    from .store.board import BoardStore
    from .store.run_store import News

    OpenSite = Callable[[], Site]

MAX_READ = 1_000_000
MAX_MESSAGE = 20_000
JSON_FLAG = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
COUNT = click.option(
    "-n", "count", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Show at most N."
)
ALL = click.option("--all", "everything", is_flag=True, help="Also what is archived or closed.")


def say(text: str, value: Json, as_json: bool) -> None:
    """Print *text*, or *value* as JSON in ASCII: what was named by others can then do nothing to a terminal."""
    try:
        click.echo(json.dumps(value) if as_json else text)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the reader has enough; the interpreter flushes into nothing


def here() -> str:
    """The current folder. Raises StoreError where it is gone."""
    from .store.errors import StoreError

    try:
        return os.getcwd()
    except FileNotFoundError:
        raise StoreError("this folder is gone; cd into one that is there, and run the command again") from None


def open_here() -> Site:
    """The repository that the current folder lies in. Raises Usage, StoreError."""
    from .loop.site import open_site

    return open_site(here(), os.environ)


def inside_claude_code() -> bool:
    """Whether a session of Claude Code started this command: then no person typed it."""
    return bool(os.environ.get("CLAUDECODE") or os.environ.get("CLAUDE_CODE_SESSION_ID"))


def time_in(minutes: float = 0) -> str:
    """The time so many minutes from now, as the board has it: `2026-11-21T09:15:02Z`."""
    return moment(time.time() + 60 * minutes)


def read_board(site: OpenSite) -> tuple[BoardStore, Board]:
    store = site().project.board()
    return store, store.load()


def write_board(site: OpenSite, rule: Callable[[Board], News]) -> tuple[Board, News]:
    """Raises Refused when a session of Claude Code asks: its agents read the board and never write it."""
    from .store.errors import Refused

    if inside_claude_code():
        raise Refused(
            "the board is written by people and by fermata itself; type this in a terminal outside Claude Code"
        )
    project = site().project
    project.prepare()
    store = project.board()
    news = store.act("person", rule)
    return store.load(), news


def given_text(given: str) -> str:
    """*given*, or standard input for `-`."""
    if given != "-":
        return given
    data = sys.stdin.buffer.read(MAX_READ + 1)
    if len(data) > MAX_READ:
        raise click.UsageError(f"standard input has more than {MAX_READ:,} bytes; shorten it")
    return data.decode(errors="surrogateescape")  # the rule about texts says where it is not UTF-8


def tell_task(board: Board, name: str, *, as_json: bool) -> None:
    """Print what has become of a task."""
    from .views.board import task_row

    task = board["tasks"][name]
    say(task_row(board, task, time_in()), task, as_json)
