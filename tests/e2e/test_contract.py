"""What an agent is told on the wire: its brief and the client's own frame, and not a word of what its contract leaves out."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.messages import Request, ToolUse, plain_text
from fermata.rehearsal.script import Conversation, Heard, Report
from fermata.rehearsal.story import MARKS
from tests.e2e.cast import FILES, built, cast, number, plan, verdict, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import SetStage, Stage

GOAL = "GOALSTART Say farewell, twice. " + "As politely as it can be done. " * 900 + "GOALEND"
FRAME = 6_000  # characters that the client puts around a brief: reminders, its own settings


def two_steps() -> str:
    """A plan with a word of its own in each of its parts."""
    found = json.loads(plan("one.txt"))
    (step,) = found["steps"]
    one = {**step, "title": "TITLEONE", "objective": "OBJECTIVEONE", "acceptance": ["ACCEPTANCEONE"]}
    two = {
        **one,
        "title": "TITLETWO",
        "objective": "OBJECTIVETWO",
        "acceptance": ["ACCEPTANCETWO"],
        "scope": ["two.txt"],
    }
    said = {"summary": "PLANSUMMARY", "findings": ["FINDING"], "assumptions": ["ASSUMPTION"], "scope_out": ["SCOPEOUT"]}
    return json.dumps({**found, **said, "steps": [one, two], "effort": "EFFORT"})


def planner(heard: Heard) -> Conversation:
    """Reads the whole goal, as its brief says where that is."""
    whole = re.search(r"the whole is in `(.+)`", heard.text)
    assert whole, heard.text
    yield ToolUse("Read", {"file_path": whole[1]})
    yield Report(two_steps())


def told(stage: Stage, role: str) -> list[Request]:
    """The first request of each of *role*'s agents, in their order."""
    found = [r for r in stage.model.of_kind("agent") if MARKS[role] in r.system]
    return list({request.agent_id: request for request in reversed(found)}.values())[::-1]


def words(request: Request) -> str:
    """All that the first message of an agent says, reminders included."""
    messages = request.body["messages"]
    assert isinstance(messages, list)
    return plain_text(messages[0]["content"])


@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])
def test_an_agent_hears_its_brief_and_nothing_of_others(set_stage: SetStage, place: Path, version: str) -> None:
    def builder(heard: Heard) -> Conversation:
        name = "one.txt" if "OBJECTIVEONE" in heard.text else "two.txt"
        yield from write(place, name, f"DIFFERENCE {number(heard)}\n")
        yield Report(built(name, summary=f"CLAIM of {name}", caveats=["CAVEAT"]))

    def reviewer(_heard: Heard) -> Conversation:
        yield Report(verdict("approve"))

    stage = set_stage(version, cast(place, planner=planner, builder=builder, reviewer=reviewer), FILES, mode="default")
    stage.approved(f"/build {GOAL}")
    assert stage.status() == "completed"
    planners, builders, reviewers = (told(stage, role) for role in ("planner", "builder", "reviewer"))
    assert (len(planners), len(builders), len(reviewers)) == (1, 2, 1)
    for request, dispatch in zip([*planners, *builders, *reviewers], ("d-001", "d-002", "d-003", "d-004"), strict=True):
        assert request.first.strip() == stage.brief(dispatch).strip(), "the brief is all that the client was given"
        assert len(words(request)) <= len(stage.brief(dispatch)) + FRAME
    sees(planners[0], ["GOALSTART"], ["GOALEND", "TITLEONE"])
    sees(
        builders[0],
        ["OBJECTIVEONE", "ACCEPTANCEONE", "GOALSTART", "PLANSUMMARY", "SCOPEOUT", "TITLETWO"],
        ["GOALEND", "OBJECTIVETWO", "ACCEPTANCETWO", "FINDING", "ASSUMPTION", "EFFORT"],
    )
    sees(
        builders[1],
        ["OBJECTIVETWO", "ACCEPTANCETWO", "TITLEONE", "CLAIM of one.txt"],
        ["OBJECTIVEONE", "ACCEPTANCEONE", "GOALEND", "CAVEAT", "FINDING", "DIFFERENCE"],
    )
    sees(
        reviewers[0],
        ["ACCEPTANCEONE", "ACCEPTANCETWO", "CLAIM of two.txt", "DIFFERENCE 2", "GOALSTART"],
        ["GOALEND", "CAVEAT", "FINDING", "ASSUMPTION", "EFFORT"],
    )
    read = next(r for request in stage.model.of_kind("agent") for r in request.results if r.name == "Read")
    assert not read.is_error, "the path that a mark names can be read"
    assert "GOALEND" in read.text
    for request in stage.model.of_kind("main"):
        assert "You plan one goal" not in json.dumps(request.body["messages"]), "no brief goes through the conversation"


def sees(request: Request, has: list[str], lacks: list[str]) -> None:
    text = words(request)
    assert [word for word in has if word not in text] == []
    assert [word for word in lacks if word in text] == []
