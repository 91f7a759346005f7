"""`fermata inspect`: looks at what changed since a base and prints what is wrong with it, one finding on a line.

A short-lived command like a test's: the runner of the checks runs it, and people may. Exit code 0: nothing found. 1:
findings. 2 and 8: what was asked for cannot be judged.
"""

from __future__ import annotations

import sys

import click

from .cli_parts import JSON_FLAG, here, say
from .core.consultation import line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .inspections.changes import Report

MAX_SHOWN = 200
MAX_NOTES = 20
BASE = click.option(
    "--base", metavar="ID", help="Judge what differs from this commit, tree or branch; HEAD if not said."
)


@click.group()
def inspect() -> None:
    """Look for what is not finished in what changed.

    Missing files, placeholders, imports that lead nowhere, and what the project's linters say.

    Prints `path:line: what [rule]`. Exit code 1: there are findings. 8: the base or a path cannot be judged.
    """


@inspect.command()
@click.option(
    "--path", "paths", multiple=True, metavar="P", help="A file, a folder or a glob, from the repository's top."
)
@BASE
@JSON_FLAG
def files(paths: tuple[str, ...], base: str | None, as_json: bool) -> None:
    """Are the files there, not empty, and not ignored by git?

    They need not differ from the base, which every kind takes.
    """
    from .inspections.changes import Changes
    from .inspections.present import find_missing

    _tell(find_missing(Changes(here(), base), paths), "paths", as_json=as_json)


@inspect.command()
@BASE
@click.option(
    "--allow", multiple=True, metavar="GLOB|WORD", help="Leave out these paths, this rule, or findings with this word."
)
@JSON_FLAG
def placeholders(base: str | None, allow: tuple[str, ...], as_json: bool) -> None:
    """Is code standing in for code in the added lines?

    Functions without a body, marks of work left over, made-up results.
    """
    from .inspections.changes import Changes
    from .inspections.placeholders import find_placeholders

    _tell(find_placeholders(Changes(here(), base), allow), "changed files with code", as_json=as_json)


@inspect.command()
@BASE
@JSON_FLAG
def imports(base: str | None, as_json: bool) -> None:
    """Can what the changed files import be had?

    Python, JavaScript, TypeScript and Go. Runs no module of the project.
    """
    from .inspections.changes import Changes
    from .inspections.imports import find_broken_imports

    _tell(find_broken_imports(Changes(here(), base)), "changed files of these languages", as_json=as_json)


@inspect.command()
@BASE
@JSON_FLAG
def lint(base: str | None, as_json: bool) -> None:
    """What do the project's own linters say?

    Of the changed files. Runs those that are configured of: ruff, flake8, pylint, eslint, golangci-lint, biome, oxlint, rubocop. Downloads nothing.
    """
    from .inspections.changes import Changes
    from .inspections.linters import run_linters

    _tell(run_linters(Changes(here(), base)), "changed files that a linter is configured for", as_json=as_json)


def _tell(report: Report, what: str, *, as_json: bool) -> None:
    """Print the findings, then what was looked at: nothing found means nothing without it."""
    shown = [f"{line(f.path, 300)}:{f.line}: {line(f.what, 500)} [{f.rule}]" for f in report.findings[:MAX_SHOWN]]
    more = len(report.findings) - len(shown)
    notes = [f"note: {line(note, 400)}" for note in report.notes[:MAX_NOTES]]
    left = len(report.notes) - len(notes)
    count = len(report.findings)
    total = f"{count} finding{'s' * (count != 1)}; looked at {report.judged} {what}."
    text = [
        *shown,
        *[f"… and {more} more"] * bool(more),
        *notes,
        *[f"note: … and {left} more notes"] * bool(left),
        total,
    ]
    value = {"findings": [f._asdict() for f in report.findings], "judged": report.judged, "notes": report.notes}
    say("\n".join(text), value, as_json)
    sys.exit(1 if report.findings else 0)
