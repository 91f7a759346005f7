"""Proposes a repository's test commands from what lies at its top and in the folders right below it.

Python, npm and its kin, cargo and go are known. Nothing of the project is run or imported, and no lint command is
guessed. A proposal is shown and approved like any other command; `checks` in the settings replaces them all.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, NamedTuple

from . import compiled_project, javascript_project, python_project
from .command import Command, CommandError, parse_command
from .project_files import Place, Proposal, folders_below

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDERS_LIMIT = 50
PROPOSALS_LIMIT = 10
NAME_LIMIT = 41  # as long as the name of a check in the settings may be
NO_PROJECTS = frozenset("doc docs example examples fixtures test tests".split())


class NamedCommand(NamedTuple):
    """A proposed check: its name, its command and the short reason for it.

    `expect_tests` is false where the command builds and no test is in sight yet.
    """

    name: str
    command: Command
    why: str
    expect_tests: bool = True


class _Found(NamedTuple):
    place: Place
    kind: str
    proposal: Proposal


def detect(root: str) -> list[NamedCommand]:
    """The test commands of the repository at *root*, at most 10, with unique names; empty where nothing speaks for one.

    The first at the top is `tests`; others are named by their folder (`tests-web`), by their kind (`tests-cargo`), or
    by both.
    """
    named: dict[str, NamedCommand] = {}
    for found in _all(root):
        try:
            command = parse_command(_text(found))
        except CommandError:
            continue  # a folder whose name does not show
        name = _name(found, set(named))
        named[name] = NamedCommand(name, command, found.proposal.why, found.proposal.expect_tests)
        if len(named) == PROPOSALS_LIMIT:
            break
    return list(named.values())


def _all(root: str) -> Iterator[_Found]:
    top = Place(root, "")
    found = list(_in_place(top))
    yield from found
    at_top = {one.kind for one in found}
    for folder in folders_below(root, FOLDERS_LIMIT):
        if folder not in NO_PROJECTS:
            below = _in_place(Place(root, folder))
            yield from (one for one in below if not _belongs_to_top(one, top, at_top))


def _in_place(place: Place) -> Iterator[_Found]:
    proposals = {
        "python": python_project.propose(place) if not place.folder or python_project.is_own_project(place) else None,
        "npm": javascript_project.propose(place),
        "cargo": compiled_project.propose_cargo(place),
        "go": compiled_project.propose_go(place),
    }
    yield from (_Found(place, kind, proposal) for kind, proposal in proposals.items() if proposal)


def _belongs_to_top(found: _Found, top: Place, at_top: set[str]) -> bool:
    """Whether a command at the top takes care of the tests in this folder already.

    A Python folder is on its own if it configures pytest; a workspace of npm or cargo speaks for its members; a Go
    module is always on its own, since `./...` stops where another module begins.
    """
    if found.kind == "python":
        return "python" in at_top and not python_project.configures_pytest(found.place)
    if found.kind == "npm":
        return "npm" in at_top and javascript_project.is_workspace(top)
    return found.kind == "cargo" and compiled_project.in_workspace(top, found.place.folder)


def _text(found: _Found) -> str:
    folder = found.place.folder
    return f"cd {shlex.quote(folder)} && {found.proposal.text}" if folder else found.proposal.text


def _name(found: _Found, taken: set[str]) -> str:
    folder = re.sub(r"[^a-z0-9_-]+", "-", found.place.folder.lower()).strip("-")
    stem = f"tests-{folder}"[:NAME_LIMIT] if folder else "tests"
    with_kind = f"{stem[: NAME_LIMIT - len(found.kind) - 1]}-{found.kind}"
    numbered = (f"{stem[: NAME_LIMIT - 3]}-{number}" for number in range(2, PROPOSALS_LIMIT + 3))
    return next(name for name in (stem, with_kind, *numbered) if name not in taken)
