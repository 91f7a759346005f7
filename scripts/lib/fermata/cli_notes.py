"""The command line's group `note`: reads arguments, calls the rules through the store, prints."""

from __future__ import annotations

import click

from .cli_parts import JSON_FLAG, MAX_READ, given_text, read_board, say, write_board
from .core.board_texts import NOTE_KINDS
from .core.consultation import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cli_parts import OpenSite


@click.group()
def note() -> None:
    """Notes of a task: spec, plan, result, progress, review. Each command of the group knows --json."""


@note.command("write")
@click.argument("task_name", metavar="TASK")
@click.argument("name", metavar="NOTE")
@click.option("--kind", type=click.Choice(NOTE_KINDS), default="progress", show_default=True, help="What it is.")
@click.option("--text", default="-", metavar="TEXT", help="What it says; `-`, as without it, reads standard input.")
@click.option("--objective", metavar="TEXT", help="For a spec: what it is for, in one sentence.")
@click.option("--file", "files", multiple=True, metavar="PATH", help="For a spec: what to read first; may be repeated.")
@click.option("--constraint", "constraints", multiple=True, metavar="TEXT", help="For a spec; may be repeated.")
@click.option("--acceptance", multiple=True, metavar="TEXT", help="For a spec: a criterion; may be repeated.")
@JSON_FLAG
@click.pass_obj
def write_note(  # noqa: PLR0913 - one name for each option
    site: OpenSite,
    /,
    *,
    task_name: str,
    name: str,
    kind: str,
    text: str,
    objective: str | None,
    as_json: bool,
    **parts: tuple[str, ...],
) -> None:
    """Write a note, or write it anew. A spec has four parts, given by options or as `##` headings of the text."""
    from .core import board_rules
    from .core.board_texts import spec_text, task_of
    from .views.board import note_row

    if objective is not None:
        kind, text = "spec", spec_text(objective, *(parts[key] for key in ("files", "constraints", "acceptance")))
    elif any(parts.values()):
        raise click.UsageError("--file, --constraint and --acceptance go with --objective")
    said = given_text(text)
    board, _ = write_board(site, lambda board: board_rules.write_note(board, task_name, name, kind, said))
    found = task_of(board, task_name)["id"]
    written = board["notes"][found][name]
    say(f"{found}: {note_row(name, written)}", {"task": found, "name": name, **written}, as_json)


@note.command("read")
@click.argument("task_name", metavar="TASK")
@click.argument("name", metavar="NOTE")
@JSON_FLAG
@click.pass_obj
def read_note(site: OpenSite, /, *, task_name: str, name: str, as_json: bool) -> None:
    """Print a note."""
    from .core.board_texts import BoardError, note_name, task_of

    store, board = read_board(site)
    found = task_of(board, task_name)["id"]
    notes = board["notes"].get(found, {})
    if note_name(name) not in notes:
        raise BoardError(f"{found} has no note {name!r}; it has: {', '.join(notes) or 'none'}")
    text = store.details(notes[name]["line"])["text"]
    say(clean(text, MAX_READ), {"task": found, "name": name, **notes[name], "text": text}, as_json)


@note.command("list")
@click.argument("task_name", metavar="TASK")
@JSON_FLAG
@click.pass_obj
def list_notes(site: OpenSite, /, *, task_name: str, as_json: bool) -> None:
    """The notes of a task."""
    from .core.board_texts import task_of
    from .views.board import note_row

    _, board = read_board(site)
    found = task_of(board, task_name)["id"]
    notes = board["notes"].get(found, {})
    rows = "\n".join(note_row(name, one) for name, one in notes.items())
    say(rows or f"{found} has no notes.", {"task": found, "notes": notes}, as_json)
