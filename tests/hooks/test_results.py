"""Handing in, through the real door process: by the handback tool, and by an agent's last words."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from fermata.environment import environment_folder
from tests.hooks.driver import BUILDER, PLANNER, ROOT, Session, decision, reason
from tests.store import runs

if TYPE_CHECKING:
    from tests.hooks.driver import Outcome

PLAN = json.dumps(
    {"status": "plan", **{k: runs.KEPT_PLAN[k] for k in ("summary", "findings", "steps", "risks", "effort")}}
)
BUILD = {"status": "completed", "summary": "done", "files_modified": ["src/app.py"], "tests_run": [], "caveats": []}


def hand_in(session: Session, way: str, text: str, agent: str = PLANNER) -> Outcome:
    if way == "handback":
        return session.tool("SubagentHandback", {"message": text}, agent=agent)
    return session.hook(
        "SubagentStop", agent_id=agent, agent_type="x", last_assistant_message=text, stop_hook_active=False
    )


REFUSED = {"handback": "deny", "last words": "block"}


@pytest.mark.parametrize("way", REFUSED)
def test_a_good_result_is_taken_once(session: Session, way: str) -> None:
    session.planner_at_work()
    text = PLAN if way == "handback" else f"Here it is.\n```json\n{PLAN}\n```\n"
    assert decision(hand_in(session, way, text)) == "silent"
    assert session.store.load()["dispatches"]["d-001"]["state"] == "completed"
    assert decision(hand_in(session, "last words", PLAN)) == "silent"
    assert session.kinds().count("result_accepted") == 1
    with open(session.store.path("results", "d-001-0.json"), encoding="utf-8") as file:
        assert json.load(file)["status"] == "plan"


@pytest.mark.parametrize("way", REFUSED)
@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("All done, it works!", "no JSON object", id="prose"),
        pytest.param("", "no JSON object", id="nothing"),
        pytest.param('{"status": "plan"}', "required", id="off-schema"),
        pytest.param(PLAN[:-40], "Hand in one whole JSON object", id="truncated"),
        pytest.param(PLAN.replace('"effort": "small"', '"effort": 5'), "effort", id="off-schema-in-one-field"),
        pytest.param(PLAN + PLAN, "more than one", id="two"),
        pytest.param('{"a": "' + "x" * 5_000_000 + '"}', "Shorten", id="five-megabytes"),
        pytest.param(PLAN.replace("src/**", ".git/hooks/x"), "never in a plan's scope", id="scope-of-git"),
        pytest.param('{"status": "plan", "status": "plan"}', "stands twice", id="a-key-twice"),
        pytest.param('{"a": ' + "[" * 5_000 + "]" * 5_000 + "}", "", id="deep"),
        pytest.param('{"a": "\\ud800"}', "", id="surrogate"),
        pytest.param('{"a": NaN}', "NaN", id="nan"),
        pytest.param('{"a": "' + "x" * 500_000 + '"}', "Shorten", id="long"),
    ],
)
def test_a_bad_result_goes_back_with_its_error(session: Session, way: str, text: str, why: str) -> None:
    session.planner_at_work()
    outcome = hand_in(session, way, text)
    assert decision(outcome) == REFUSED[way]
    assert why in reason(outcome)
    assert "d-001" in reason(outcome)
    assert len(reason(outcome)) < 4_000
    dispatch = session.store.load()["dispatches"]["d-001"]
    assert (dispatch["state"], dispatch["repairs"]) == ("running", 1)


def test_after_three_repairs_the_dispatch_fails_and_the_agent_may_end(session: Session) -> None:
    session.planner_at_work()
    found = [decision(hand_in(session, "last words", "no")) for _ in range(5)]
    assert found == ["block", "block", "block", "silent", "silent"]
    assert session.store.load()["dispatches"]["d-001"]["state"] == "failed"


@pytest.mark.parametrize("way", REFUSED)
def test_a_stranger_hands_nothing_in(session: Session, way: str) -> None:
    session.planner_at_work()
    before = session.kinds()
    assert decision(hand_in(session, way, PLAN, "aunknown")) == "silent"
    assert session.kinds() == before


def test_the_clients_own_helper_at_compaction_is_nobody(session: Session) -> None:
    session.planner_at_work()
    outcome = session.hook("SubagentStop", agent_id="ahelper", agent_type="", last_assistant_message="summary")
    assert decision(outcome) == "silent"


def test_a_builders_claim_is_held_against_the_tree(session: Session) -> None:
    session.building()
    outcome = hand_in(session, "last words", json.dumps(BUILD), BUILDER)
    assert decision(outcome) == "block"
    assert "did not change" in reason(outcome)
    with open(os.path.join(session.root, "src", "app.py"), "a", encoding="utf-8") as file:
        file.write("y = 2\n")
    with open(os.path.join(session.root, "stray.txt"), "w", encoding="utf-8") as file:
        file.write("stray\n")
    assert "changed outside your scope" in reason(hand_in(session, "last words", json.dumps(BUILD), BUILDER))
    os.unlink(os.path.join(session.root, "stray.txt"))
    assert decision(hand_in(session, "last words", json.dumps(BUILD), BUILDER)) == "silent"
    assert session.store.load()["dispatches"]["d-002"]["changed"] == ["src/app.py"]


@pytest.mark.parametrize("way", REFUSED)
def test_without_the_environment_nothing_is_taken_and_the_way_out_is_named(session: Session, way: str) -> None:
    session.planner_at_work()
    shutil.rmtree(environment_folder(ROOT, session.env()))
    outcome = hand_in(session, way, PLAN)
    assert decision(outcome) == REFUSED[way]
    assert "setup" in reason(outcome)
    assert session.store.load()["dispatches"]["d-001"]["repairs"] == 0


@pytest.mark.parametrize("way", REFUSED)
def test_a_door_that_breaks_takes_nothing(session: Session, way: str) -> None:
    session.planner_at_work()
    python = os.path.join(environment_folder(ROOT, session.env()), "bin", "python")
    with open(python, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\necho 'ModuleNotFoundError: jsonschema' >&2\nexit 1\n")
    outcome = hand_in(session, way, PLAN)
    assert decision(outcome) == REFUSED[way]
    assert "jsonschema" in reason(outcome)
    assert session.store.load()["dispatches"]["d-001"]["state"] == "running"
