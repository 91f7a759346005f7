"""The command line's group `worktree`: reads arguments, asks the view, prints, ends with an exit code."""

from __future__ import annotations

import sys

import click

from .cli_parts import JSON_FLAG, inside_claude_code, say
from .core.consultation import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .cli_parts import OpenSite

MAX_SHOWN = 200_000
RUN = click.option("--run", "run_id", metavar="RUN", help="Only those of this run.")


@click.group()
def worktree() -> None:
    """The worktrees in which agents work. Each command knows --json."""


@worktree.command("list")
@RUN
@JSON_FLAG
@click.pass_obj
def list_worktrees(site: OpenSite, /, *, run_id: str | None, as_json: bool) -> None:
    """Where they are, and what in them lies nowhere else.

    Each with its run, its item and the commit it began with.
    """
    from .views.worktrees import known, row_text

    found = [one.row for one in known(site().repo, site().project, run_id)]
    text = "\n".join(map(row_text, found)) or "There are no worktrees of fermata's here."
    say(clean(text, MAX_SHOWN), {"worktrees": [row._asdict() for row in found]}, as_json)


@worktree.command("cleanup")
@RUN
@click.option("--dry-run", "dry", is_flag=True, help="Say what would go, and remove nothing.")
@JSON_FLAG
@click.pass_obj
def clean_worktrees(site: OpenSite, /, *, run_id: str | None, dry: bool, as_json: bool) -> None:
    """Remove those of runs that are over, and those that were left.

    One in which anything lies that lies nowhere else is kept, and the reason is told; exit code 4 then.
    """
    from .store.errors import Refused
    from .views.worktrees import clean_up, known, row_text

    if inside_claude_code():
        raise Refused("`fermata worktree cleanup` is for people; type it in a terminal outside Claude Code")
    gone, kept = clean_up(known(site().repo, site().project, run_id), dry=dry)
    verb = "would go" if dry else "removed"
    told = [f"{verb}: {row.path}" for row in gone] + [f"kept: {row_text(row)}" for row in kept]
    if kept:
        told.append("Save what you need of these, then: git worktree remove -f -f PATH")
    found = {"removed": [row._asdict() for row in gone], "kept": [row._asdict() for row in kept], "dry_run": dry}
    say(clean("\n".join(told) or "Nothing to clean up.", MAX_SHOWN), found, as_json)
    sys.exit(4 if kept else 0)
