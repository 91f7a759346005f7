"""Agents for whatever workflow: each plays by the schema of the result that it has to hand in, well unless there is trouble."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, NamedTuple

from fermata.rehearsal.orchestrator import obedient
from fermata.rehearsal.script import Conversation, Heard, Report, Script
from tests.e2e.cast import (
    FAREWELL,
    good_builder,
    good_looker,
    good_recon,
    good_reviewer,
    good_stage_agent,
    number,
    parts,
    plan,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fermata.rehearsal.messages import Request
    from fermata.rehearsal.script import Actor

WRITES = {"build", "stage"}
SCHEMA = re.compile(r"schema `(\w+)`(?: or `(\w+)`)?")
BY_HEADING = {"# Critique": "critique"}  # an agent that knows two schemas: its brief says which


class Part(NamedTuple):
    """Which agent is on: the schema of its result, and how many with that kind of access began before it."""

    schema: str
    writes: bool
    nth: int


def numbered_planner(heard: Heard) -> Conversation:
    """Every plan has its own title."""
    yield Report(plan(title=f"Plan no. {number(heard)}"))


def architect(_heard: Heard) -> Conversation:
    """One task, which writes the farewell."""
    yield Report(parts(FAREWELL.removesuffix(".txt")))


def actors(project: Path) -> dict[str, Actor]:
    """Who does well, by schema."""
    return {
        "plan": numbered_planner,
        "decomposition": architect,
        "build": good_builder(project),
        "stage": good_stage_agent(project),
        "recon": good_recon,
        "review": good_reviewer,
        "critique": good_reviewer,
        "look": good_looker,
    }


class Troupe(Script):
    """Everyone. *trouble* is asked first who plays a part; where it names nobody, the part is played well."""

    def __init__(self, project: Path, trouble: Callable[[Part], Actor | None] = lambda _part: None) -> None:
        super().__init__(obedient())
        self._actors, self._trouble = actors(project), trouble
        self._begun: dict[bool, list[int]] = {True: [], False: []}
        self._order = threading.Lock()

    def actor(self, request: Request) -> Actor:
        found = SCHEMA.search(request.system) if request.kind == "agent" else None
        return self._play(found[1]) if found else super().actor(request)

    def _play(self, schema: str) -> Actor:
        def play(heard: Heard) -> Conversation:
            part = self._part(BY_HEADING.get(heard.text.partition(":")[0], schema), number(heard))
            yield from (self._trouble(part) or self._actors[part.schema])(heard)

        return play

    def _part(self, schema: str, dispatch: int) -> Part:
        """The same for every request of one agent: the order is that in which they were first heard of."""
        begun = self._begun[schema in WRITES]
        with self._order:
            if dispatch not in begun:
                begun.append(dispatch)
            return Part(schema, schema in WRITES, begun.index(dispatch))


def gives_up(why: str) -> Callable[[str], Actor]:
    """An agent that says of its work that it cannot be done; by the schema of its result."""

    def of(schema: str) -> Actor:
        def play(heard: Heard) -> Conversation:
            common = {"status": "failed", "summary": why, "files_modified": [], "caveats": [why]}
            name = heard.text.partition('"stageName": "')[2].partition('"')[0]
            parts = {"1.0": {"status": "failed", "tasksCompleted": [], "issues": [why]}}
            own = {"stageName": name, "phases": parts} if schema == "stage" else {"tests_run": []}
            yield Report(json.dumps(common | own))

        return play

    return of
