"""The command line's group `task`: reads arguments, calls the rules through the store, prints."""

from __future__ import annotations

from functools import partial

import click

from .cli_parts import ALL, COUNT, JSON_FLAG, given_text, read_board, say, tell_task, time_in, write_board
from .core.board import PRIORITIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .cli_parts import OpenSite
    from .core.board_records import Board, Json
    from .store.run_store import News

STATUSES = ("TODO", "IN_PROGRESS", "BLOCKED", "DONE", "ARCHIVED")
BY = click.option("--by", default="person", show_default=True, metavar="NAME", help="Who works on it.")


@click.group()
def task() -> None:
    """The project's tasks: what is to be done, by whom, after what. Each command of the group knows --json."""


def _task_fields(command: Callable[..., None]) -> Callable[..., None]:
    """The options that `add` and `update` share."""
    for option in (
        click.option("--acceptance", multiple=True, metavar="TEXT", help="An acceptance criterion; may be repeated."),
        click.option("--scope", multiple=True, metavar="GLOB", help="What it may change; may be repeated."),
        click.option("--blocked-by", multiple=True, metavar="TASK", help="A task that comes first; may be repeated."),
        click.option("--priority", type=click.Choice(PRIORITIES), help="P1 is the most urgent; P2 unless said."),
        click.option("--description", metavar="TEXT", help="More about it; `-` reads it from standard input."),
    ):
        command = option(command)
    return command


def _given(description: str | None = None, **fields: Json) -> dict[str, Json]:
    """The options that were used."""
    found = {key: list(value) if isinstance(value, tuple) else value for key, value in fields.items()}
    found["description"] = None if description is None else given_text(description)
    return {key: value for key, value in found.items() if value not in (None, [])}


@task.command("add")
@click.argument("title")
@click.option("--parent", metavar="TASK", help="The task that it is a part of.")
@_task_fields
@JSON_FLAG
@click.pass_obj
def add_task(site: OpenSite, /, *, title: str, as_json: bool, **fields: Json) -> None:
    """Put a task on the board."""
    from .core import board_rules

    given = _given(**fields)
    board, news = write_board(site, lambda board: board_rules.add_task(board, title, **given))
    tell_task(board, news[0][1]["id"], as_json=as_json)


@task.command("list")
@click.option("--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only these; may be repeated.")
@click.option("--parent", metavar="TASK", help="Only the parts of this task.")
@click.option("--ready", is_flag=True, help="Only what can begin now.")
@ALL
@COUNT
@JSON_FLAG
@click.pass_obj
def list_tasks(  # noqa: PLR0913 - one name for each option
    site: OpenSite,
    /,
    *,
    statuses: tuple[str, ...],
    parent: str | None,
    ready: bool,
    everything: bool,
    count: int,
    as_json: bool,
) -> None:
    """The tasks: those at work first, then by priority and age."""
    from .core.board_texts import task_of
    from .views.board import chosen_tasks, shortened, task_row

    _, board = read_board(site)
    now, above = time_in(), task_of(board, parent)["id"] if parent else None
    found = chosen_tasks(board, statuses, above, now, ready=ready, everything=everything)
    shown = found[:count]
    rows = [] if as_json else [task_row(board, one, now) for one in shown]
    nothing = "No such task." if board["tasks"] else 'No task yet. `fermata task add "TITLE"` puts one on the board.'
    say(shortened(rows, len(found), nothing), {"total": len(found), "tasks": shown}, as_json)


@task.command("show")
@click.argument("name", metavar="TASK")
@JSON_FLAG
@click.pass_obj
def show_task(site: OpenSite, /, *, name: str, as_json: bool) -> None:
    """A task whole."""
    from .core.board_texts import task_of
    from .views.board import task_text

    store, board = read_board(site)
    found = task_of(board, name)
    details = store.details(*found["lines"])
    notes = board["notes"].get(found["id"], {})
    say(task_text(board, found, details, time_in()), {**found, **details, "notes": notes}, as_json)


@task.command("update")
@click.argument("name", metavar="TASK")
@click.option("--title", metavar="TEXT", help="Another title.")
@_task_fields
@click.option("--not-blocked-by", multiple=True, metavar="TASK", help="A task that need not come first any more.")
@click.option("--status", type=click.Choice(STATUSES), help="TODO, BLOCKED (with --why) or DONE, on your word.")
@click.option("--why", default="", metavar="TEXT", help="What it is blocked by.")
@JSON_FLAG
@click.pass_obj
def update_task(  # noqa: PLR0913 - one name for each option
    site: OpenSite,
    /,
    *,
    name: str,
    status: str | None,
    why: str,
    not_blocked_by: tuple[str, ...],
    as_json: bool,
    **fields: Json,
) -> None:
    """Change what a task says, or its status. Scope and acceptance criteria are replaced, blockers are added."""
    from .core import board_rules
    from .core.board_texts import task_of

    given = _given(**fields)
    if why and status != "BLOCKED":
        raise click.UsageError("--why goes with --status BLOCKED")
    if not (given or status or not_blocked_by):
        raise click.UsageError("nothing to change was given; see fermata task update --help")

    def rule(board: Board) -> News:
        found, changes = task_of(board, name), dict(given)
        gone = {task_of(board, one)["id"] for one in not_blocked_by}
        if gone or "blocked_by" in changes:
            kept = [one for one in found["blocked_by"] if one not in gone]
            changes["blocked_by"] = kept + changes.get("blocked_by", [])
        news = board_rules.change_task(board, name, changes)
        return [*news, *(board_rules.set_status(board, name, status, why) if status else [])]

    board, _ = write_board(site, rule)
    tell_task(board, task_of(board, name)["id"], as_json=as_json)


@task.command("claim")
@click.argument("name", metavar="[TASK]", required=False)
@BY
@click.option(
    "--minutes",
    type=click.IntRange(1, 43_200),
    default=60,
    show_default=True,
    help="After that another may take it.",
)
@JSON_FLAG
@click.pass_obj
def claim_task(site: OpenSite, /, *, name: str | None, by: str, minutes: int, as_json: bool) -> None:
    """Take a task, or the next one that can begin.

    Nobody else gets it meanwhile. Again: more time.
    """
    from .core import board_rules

    rule = partial(board_rules.claim_task, by=by, until=time_in(minutes), now=time_in(), name=name)
    board, news = write_board(site, rule)
    if not news:
        say("No task can begin now. `fermata task list` says what each one waits for.", {"id": None}, as_json)
        return
    tell_task(board, news[0][1]["id"], as_json=as_json)


@task.command("release")
@click.argument("name", metavar="TASK")
@BY
@JSON_FLAG
@click.pass_obj
def release_task(site: OpenSite, /, *, name: str, by: str, as_json: bool) -> None:
    """Give a claimed task back undone."""
    from .core import board_rules

    board, news = write_board(site, partial(board_rules.release_task, name=name, by=by))
    tell_task(board, news[0][1]["id"], as_json=as_json)


@task.command("archive")
@click.argument("name", metavar="[TASK]", required=False)
@click.option("--related", is_flag=True, help="Also its parts, and the debt and reports that name one of them.")
@click.option("--older-than", type=click.IntRange(0, 3_650), metavar="DAYS", help="All that are DONE for so long.")
@JSON_FLAG
@click.pass_obj
def archive(site: OpenSite, /, *, name: str | None, related: bool, older_than: int | None, as_json: bool) -> None:
    """Put a task away, or all that were done long ago. The journal keeps them."""
    from .core.board_entries import aged_tasks, archive_task

    if (name is None) == (older_than is None):
        raise click.UsageError("name one task, or give --older-than DAYS")

    def rule(board: Board) -> News:
        names = [name] if name else aged_tasks(board, time_in(-1_440 * (older_than or 0)))
        found = [one for each in names for one in archive_task(board, each, time_in(), related=related)]
        return [one for n, one in enumerate(found) if one not in found[:n]]

    _, news = write_board(site, rule)
    gone = [body["id"] for _, body in news]
    say(f"Archived: {', '.join(gone)}" if gone else "Nothing was done so long ago.", {"archived": gone}, as_json)
