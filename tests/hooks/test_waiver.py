"""The rule that stands in for a yes: the hook holds it against what it saw itself, not against what the run says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.core.consultation import envelope_of, plan_digest
from fermata.core.routing import route
from fermata.definitions.workflow_files import load_workflow
from fermata.git.repo import head_commit
from tests.hooks.driver import BUILDER, BUILDER_CALL, LAUNCHER, OTHER_SESSION, Outcome, Session, decision, told
from tests.store import runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata.core.records import Json

GOAL = "Fix the typo"


def asked(session: Session, goal: str = GOAL, **fields: Json) -> Session:
    """The person typed the goal, the session opened the run, and the gate has been reached."""
    assert decision(session.type("build", GOAL)) == "silent"
    return opened(session, goal, **fields)


def opened(session: Session, goal: str, **fields: Json) -> Session:
    workflow, digest = load_workflow("build_only", "/nowhere")
    base: Json = {"commit": head_commit(session.repo), "branch": "main", "tree": "1" * 40, "dirty": []}
    given = {"session": session.session, "base": base, "goal": goal, "workflow": workflow, "workflow_digest": digest}
    body = runs.created_body(session.run_id, **{**given, "grant": "scope", **fields})
    session.project.start(session.run_id, lambda store: runs.write(store, ("run_created", body)))
    runs.ask_approval(session.store, shown=False)
    return session


def ran(session: Session, **fields: Json) -> Outcome:
    """PostToolUse of the session's own `start`."""
    command = {"command": f'"{LAUNCHER}" start', "description": "x"}
    given = {"tool_name": "Bash", "tool_input": command, "tool_response": {"stdout": ""}, "tool_use_id": "toolu_b"}
    return session.hook("PostToolUse", **{**given, **fields})


def test_a_typed_goal_passes_the_gate_and_the_user_is_told(session: Session) -> None:
    outcome = ran(asked(session))
    assert "Run `fermata next`" in told(outcome)
    assert (
        "no approval is asked for, by the rule small_change: at most 3 files" in (outcome.answer or {})["systemMessage"]
    )
    event = session.store.events()[-1]
    assert (event["type"], event["actor"], event["body"]["rule"]) == ("approval_waived", "hook", "small_change")
    assert event["body"]["envelope"]["scopes"] == [["**"]]
    record = session.data.approval(session.run_id)
    assert record is not None
    assert (record["seq"], record["hash"], record["channel"]) == (event["seq"], event["hash"], "waived")
    before = session.kinds()
    ran(session)
    assert session.kinds() == before


def other_goal(session: Session) -> None:
    marker = session.data.marker(session.session)
    assert marker is not None
    session.data.set_marker(session.session, {**marker, "goal": "Another goal"})


def untyped(session: Session) -> None:
    marker = session.data.marker(session.session)
    assert marker is not None
    session.data.set_marker(session.session, {key: marker[key] for key in marker if key != "typed"})


def wider(session: Session) -> None:
    """What is asked about is not what the rule is for, whatever the workflow says."""
    run = session.store.load()
    envelope = {**envelope_of(run, "approval"), "scopes": [["**"], ["**"]]}
    runs.write(session.store, ("base_moved", {"commit": "f" * 40, "branch": "main", "reason": "x"}))
    body = {"node": "approval", "visit": 1, "digest": plan_digest(envelope), "envelope": envelope}  # type: ignore[arg-type]
    runs.write(session.store, ("approval_requested", body))


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        pytest.param(other_goal, {}, id="another-goal-was-typed"),
        pytest.param(untyped, {}, id="no-goal-was-typed-here"),
        pytest.param(wider, {}, id="another-scope"),
        pytest.param(lambda s: s.extra.update(CLAUDE_CODE_ENTRYPOINT="sdk-cli"), {}, id="headless"),
        pytest.param(lambda s: s.extra.update(CLAUDE_CODE_EXECPATH="/x"), {}, id="nested"),
        pytest.param(lambda _: None, {"permission_mode": "plan"}, id="plan-mode"),
        pytest.param(lambda _: None, {"agent_id": BUILDER, "agent_type": "x"}, id="an-agent-s-call"),
        pytest.param(lambda _: None, {"tool_input": {"command": "true"}}, id="another-command"),
    ],
)
def test_else_a_person_is_asked(session: Session, change: Callable[[Session], object], fields: dict[str, Json]) -> None:
    asked(session)
    change(session)
    ran(session, **fields)
    assert not session.is_approved
    assert "approval_waived" not in session.kinds()


def test_a_run_whose_goal_is_not_the_typed_one_is_asked_about(session: Session) -> None:
    ran(asked(session, "Delete everything"))
    assert not session.is_approved
    assert session.kinds()[-1] == "report_shown"


def test_a_run_that_was_taken_up_again_is_asked_about(session: Session) -> None:
    asked(session)
    other = Session(session.folder, OTHER_SESSION, None)
    assert decision(other.type("resume")) == "silent"
    ran(other)
    assert not other.is_approved


def test_without_the_record_outside_nobody_writes(session: Session) -> None:
    """The journal alone opens nothing: a line that only says so is an approval that fell."""
    asked(session)
    gate = session.store.load()["gate"]
    assert gate is not None
    runs.write(session.store, ("approval_waived", {"digest": gate["digest"], "rule": "small_change"}))
    at_work(session)
    outcome = session.tool("Write", {"file_path": f"{session.root}/src/app.py", "content": "x"}, agent=BUILDER)
    assert decision(outcome) == "deny"


def at_work(session: Session) -> None:
    runs.write(
        session.store,
        runs.dispatch("d-001", "build", "write", scope=["**"], base_tree="1" * 40),
        runs.started("d-001", BUILDER_CALL),
        runs.bound("d-001", BUILDER),
    )


def test_under_the_rule_the_client_s_own_prompts_stay(session: Session) -> None:
    """Nobody said yes, so fermata answers no prompt of the client's for the user."""
    ran(asked(session))
    at_work(session)
    inside = session.tool("Write", {"file_path": f"{session.root}/src/app.py", "content": "x"}, agent=BUILDER)
    assert decision(inside) == "silent"
    outside = session.tool("Write", {"file_path": f"{session.root}/.claude/x.md", "content": "x"}, agent=BUILDER)
    assert decision(outside) == "deny"


def test_orchestrate_shows_the_routing_to_the_user_once(session: Session) -> None:
    assert decision(session.type("orchestrate", f"build_only: {GOAL}")) == "silent"
    marker = session.data.marker(session.session)
    assert marker is not None
    assert (marker["goal"], marker["workflow"], marker["style"]) == (GOAL, "build_only", "explicit")
    opened(session, GOAL, mode="explicit", routing=route(GOAL, ["build_only"], choice="build_only")._asdict())
    shown = (ran(session).answer or {})["systemMessage"]
    for row in (f"Goal       {GOAL}", "Complexity simple", "Workflow   build_only", "Agents     builder, reviewer"):
        assert row in shown
    assert "Confidence 1.00 (go)" in shown
    assert "by the rule small_change" in shown
    again = ran(session, tool_input={"command": f'"{LAUNCHER}" next'})
    assert "Complexity" not in str(again.answer)


@pytest.mark.parametrize("args", ["", "   "])
def test_orchestrate_wants_a_goal(session: Session, args: str) -> None:
    assert decision(session.type("orchestrate", args)) == "block"
    assert session.data.marker(session.session) is None


def test_build_takes_a_choice_too_and_hides_the_routing(session: Session) -> None:
    session.type("build", f"plan_then_build: {GOAL}")
    marker = session.data.marker(session.session)
    assert marker is not None
    assert (marker["goal"], marker["workflow"], marker["style"]) == (GOAL, "plan_then_build", "implicit")
