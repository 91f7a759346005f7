"""What a specification holds once it is read: its phases, what it leaves open, what is wrong with it. Plain data, no rules."""

from __future__ import annotations

from typing import NamedTuple, TypedDict

Lines = list[int]
"""First and last line, both counted from 1."""


class Field(TypedDict):
    """Where a field of a phase stands, and how sure it is that this is what was meant: 1.0 for the canonical form."""

    lines: Lines
    sure: float


class Phase(TypedDict):
    """One implementation phase. What the document does not say is empty, and a gap of the `Spec` names it."""

    name: str
    """As written, with its "Phase 1:", without marks of status, durations, emphasis and anchors."""
    number: str
    """`1`, `2a`, `2.1`, or empty."""
    title: str
    modules: list[str]
    tasks: list[str]
    commands: list[str]
    criteria: list[str]
    depends_on: list[str]
    """Names of other phases of the document."""
    depends_said: bool
    """Whether the document says what the phase depends on, "nothing" among it. If not, the phase before is the default."""
    gotchas: list[str]
    scope: list[str]
    files: list[str]
    done: bool
    lines: Lines
    fields: dict[str, Field]


class Finding(TypedDict):
    """A gap or a problem. `phase` and `field` are empty where it concerns the whole document."""

    line: int
    field: str
    phase: str
    message: str


class Spec(NamedTuple):
    """A document as read. A problem keeps it from being carried out, a gap does not."""

    title: str
    phases: list[Phase]
    gaps: list[Finding]
    problems: list[Finding]


MAX_ENTRIES = 2_000
"""Of one field of one phase."""

FIELDS = ("modules", "tasks", "commands", "criteria", "depends_on", "gotchas", "scope", "files")
"""The fields of a phase that are lists, in the order they are shown in."""


def fields_of(phase: Phase) -> dict[str, list[str]]:
    """The lists of *phase* by their names, to read and to add to."""
    return {
        "modules": phase["modules"],
        "tasks": phase["tasks"],
        "commands": phase["commands"],
        "criteria": phase["criteria"],
        "depends_on": phase["depends_on"],
        "gotchas": phase["gotchas"],
        "scope": phase["scope"],
        "files": phase["files"],
    }


def new_phase(name: str, number: str, title: str, lines: Lines) -> Phase:
    """A phase of which nothing else is known yet."""
    return {
        "name": name,
        "number": number,
        "title": title,
        "modules": [],
        "tasks": [],
        "commands": [],
        "criteria": [],
        "depends_on": [],
        "depends_said": False,
        "gotchas": [],
        "scope": [],
        "files": [],
        "done": False,
        "lines": lines,
        "fields": {},
    }
