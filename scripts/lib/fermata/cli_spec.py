"""`fermata spec`: what fermata reads in a specification, and whether it could be carried out. Changes nothing."""

from __future__ import annotations

import os
import sys

import click

from .cli_parts import JSON_FLAG, here, say

COLOURS = {"good": "green", "bad": "red"}


@click.group()
def spec() -> None:
    """Read a specification: phases, gaps, problems.

    docs/reference/spec.md says which forms are read.
    """


@spec.command()
@click.argument("path", required=False, metavar="[SPEC.md]")
@JSON_FLAG
def lint(path: str | None, *, as_json: bool) -> None:
    """Show a specification's phases, gaps and problems.

    Without a path: .spec/SPEC.md.

    Exit code 8: a problem, or a file that is no specification. Gaps do not change it.
    """
    from .definitions.names import SPEC_FILE, spec_elsewhere
    from .git.repo import find_repo
    from .spec.file import SpecError, read_spec_file
    from .spec.problems import finding
    from .spec.records import Spec
    from .views.spec import document, text

    repo = find_repo(here())
    root = repo.root if repo else ""
    named = path or (os.path.relpath(os.path.join(root, SPEC_FILE)) if root else SPEC_FILE)
    try:
        there = "" if path or os.path.lexists(named) else spec_elsewhere(root)
        if there:
            raise SpecError(f"{named}: there is no such file, and {there} is there: fermata spec lint {there}")
        found = read_spec_file(named, root if _belongs(named, root) else "")
    except SpecError as error:
        if not as_json:
            raise
        found = Spec("", [], [], [finding(1, "", "", str(error))])
    say(text(found, named, _paint), document(found), as_json)
    sys.exit(8 if found.problems else 0)


def _belongs(path: str, root: str) -> bool:
    """Whether *path*, as typed, is one of the repository's: then no link may lead it out. Any other file is the user's to name."""
    return bool(root) and os.path.join(os.path.realpath(os.curdir), path).startswith(root + os.sep)


def _paint(words: str, kind: str) -> str:
    """*words* in their kind's colour; click leaves it out where no terminal reads."""
    return click.style(words, fg=COLOURS.get(kind), bold=kind == "name" or None, dim=kind == "faint" or None)
