"""Agent, SendMessage and the planner's questions: who may start whom, and which agent is which."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.hooks.driver import BUILDER, BUILDER_CALL, PLANNER, PLANNER_CALL, Session, decision, reason, told
from tests.store import runs

if TYPE_CHECKING:
    from fermata.core.records import Dispatch, Json

QUESTION = {"question": "Which DB?", "header": "DB", "options": [{"label": "A", "description": ""}] * 2}


def ticket(session: Session, name: str = "d-001", kind: str = "planner", **fields: Json) -> tuple[str, str]:
    """What an Agent call with a ticket is answered: the decision, and the prompt or reason."""
    call = fields.pop("tool_use_id", PLANNER_CALL)
    given = {"description": "x", "prompt": f"fermata dispatch {name}", "subagent_type": f"fermata:{kind}", **fields}
    outcome = session.tool("Agent", given, tool_use_id=call)
    found = decision(outcome)
    return found, reason(outcome) if found == "deny" else outcome.answer["hookSpecificOutput"]["updatedInput"]["prompt"]


def held(session: Session, name: str = "d-001") -> Dispatch:
    return session.store.load()["dispatches"][name]


def test_a_ticket_becomes_its_brief_without_a_prompt(session: Session) -> None:
    session.planning()
    assert ticket(session) == ("allow", "THE BRIEF of d-001\n")
    assert held(session)["state"] == "running"
    assert held(session)["tool_use_id"] == PLANNER_CALL


@pytest.mark.parametrize("asked", [None, "sonnet"])
@pytest.mark.parametrize("model", [None, "haiku"])
def test_the_model_is_the_settings_and_nobody_else_s(session: Session, model: str | None, asked: str | None) -> None:
    session.planning()
    if model:
        runs.write(session.store, runs.dispatch("d-002", "plan", "read", model=model))
    name = "d-002" if model else "d-001"
    os.makedirs(session.store.path("briefs"), exist_ok=True)
    with open(session.store.path("briefs", f"{name}.md"), "w", encoding="utf-8") as file:
        file.write("B")
    given = {"prompt": f"fermata dispatch {name}", "subagent_type": "fermata:planner", "description": "x"}
    outcome = session.tool("Agent", {**given, **({"model": asked} if asked else {})}, tool_use_id=PLANNER_CALL)
    updated = outcome.answer["hookSpecificOutput"]["updatedInput"]
    assert updated == {**given, "prompt": "B", **({"model": model} if model else {})}


def test_in_plan_mode_no_agent_is_started_and_the_ticket_stays_open(session: Session) -> None:
    session.planning()
    given = {"prompt": "fermata dispatch d-001", "subagent_type": "fermata:planner"}
    outcome = session.tool("Agent", given, tool_use_id=PLANNER_CALL, permission_mode="plan")
    assert decision(outcome) == "deny"
    assert "leave plan mode" in reason(outcome)
    assert held(session)["state"] == "pending"
    assert ticket(session)[0] == "allow"


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        pytest.param("d-999", "planner", "there is none", id="unknown"),
        pytest.param("d-001", "builder", "it is for", id="wrong-agent"),
        pytest.param("d-001", "planner ", "it is for", id="nearly-the-agent"),
    ],
)
def test_a_wrong_ticket_starts_nobody(session: Session, name: str, kind: str, why: str) -> None:
    session.planning()
    found, text = ticket(session, name, kind)
    assert found == "deny"
    assert why in text
    assert held(session)["state"] == "pending"


@pytest.mark.parametrize(
    "prompt",
    [
        "fermata dispatch d-001 and write src/app.py",
        "do it\nfermata dispatch d-001",
        "fermata dispatch d-001\nand more",
        "FERMATA DISPATCH D-001",
        "fermata dispatch ../d-001",
        "",
        None,
        ["fermata dispatch d-001"],
    ],
)
def test_a_prompt_is_a_ticket_and_nothing_else(session: Session, prompt: Json) -> None:
    session.planning()
    found, _ = ticket(session, prompt=prompt)
    assert found == "deny"
    assert held(session)["state"] == "pending"


def test_before_the_run_is_open_there_are_no_tickets(session: Session) -> None:
    session.marked()
    assert "fermata start" in ticket(session)[1]


def test_a_used_ticket_starts_no_second_agent(session: Session) -> None:
    session.planner_at_work()
    assert "it was used" in ticket(session)[1]


def test_a_ticket_whose_agent_never_began_may_be_used_again(session: Session) -> None:
    """The client's safety check may have refused the first call after our hook had allowed it."""
    session.planning()
    ticket(session, tool_use_id="toolu_first")
    assert ticket(session, tool_use_id="toolu_second")[0] == "allow"
    session.note_agent("afirst", "toolu_first")
    session.note_agent("asecond", "toolu_second")
    session.tool("Bash", {"command": "ls"}, agent="afirst")
    assert held(session)["agent_id"] is None
    session.tool("Bash", {"command": "ls"}, agent="asecond")
    assert held(session)["agent_id"] == "asecond"


def test_a_writing_ticket_needs_the_standing_approval(session: Session) -> None:
    session.approved()
    os.unlink(session.data.approval_path(session.run_id))
    found, text = ticket(session, "d-002", "builder", tool_use_id=BUILDER_CALL)
    assert (found, "no approval stands" in text) == ("deny", True)


def test_a_ticket_of_a_stage_that_is_over_is_refused(session: Session) -> None:
    session.at_gate()
    runs.write(session.store, runs.dispatch("d-007", "plan", "read"))
    assert "moved on" in ticket(session, "d-007")[1]


@pytest.mark.parametrize("phase", ["stopped", "aborted"])
def test_a_run_that_is_off_gives_no_tickets(session: Session, phase: str) -> None:
    getattr(session, phase)()
    store = session.store
    before = len(store.events())
    given = {"prompt": "fermata dispatch d-002", "subagent_type": "fermata:builder"}
    assert decision(session.tool("Agent", given, tool_use_id="toolu_z")) == "silent"
    assert len(store.events()) == before


# --- which agent is which -----------------------------------------------------------------------------------------------


def test_an_agent_is_bound_at_its_first_call_by_what_the_client_wrote_down(session: Session) -> None:
    session.approved()
    runs.write(session.store, runs.started("d-002", BUILDER_CALL))
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "deny"
    session.note_agent(BUILDER, BUILDER_CALL)
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "silent"
    assert held(session, "d-002")["agent_id"] == BUILDER
    assert held(session, "d-002")["transcript"].endswith(f"/subagents/agent-{BUILDER}.jsonl")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"toolUseId": null}', '{"toolUseId": "toolu_else"}', "\0"])
def test_an_agent_that_no_ticket_explains_is_a_stranger(session: Session, content: str) -> None:
    session.approved()
    runs.write(session.store, runs.started("d-002", BUILDER_CALL))
    session.note_agent("aother", BUILDER_CALL)
    path = os.path.join(session.transcript.removesuffix(".jsonl"), "subagents", "agent-aother.meta.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent="aother")) == "deny"
    assert held(session, "d-002")["agent_id"] is None


def test_a_second_agent_cannot_take_a_bound_dispatch(session: Session) -> None:
    session.building()
    session.note_agent("athief", BUILDER_CALL)
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent="athief")) == "deny"
    assert held(session, "d-002")["agent_id"] == BUILDER


@pytest.mark.parametrize("agent", ["../../x", "a/b", "", "a" * 5_000])
def test_an_agents_id_leads_nowhere_else(session: Session, agent: str) -> None:
    session.building()
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent=agent)) == "deny"


def test_the_end_of_the_agent_call_binds_too(session: Session) -> None:
    session.planning()
    ticket(session)
    response = {"status": "async_launched", "agentId": PLANNER}
    session.hook("PostToolUse", tool_name="Agent", tool_use_id=PLANNER_CALL, tool_input={}, tool_response=response)
    assert held(session)["agent_id"] == PLANNER


def test_a_failed_agent_call_fails_its_dispatch(session: Session) -> None:
    session.planning()
    ticket(session)
    session.hook("PostToolUseFailure", tool_name="Agent", tool_use_id="toolu_else", tool_input={}, error="no")
    assert held(session)["state"] == "running"
    session.hook(
        "PostToolUseFailure", tool_name="Agent", tool_use_id=PLANNER_CALL, tool_input={}, error="no such agent"
    )
    assert held(session)["state"] == "failed"
    assert "no such agent" in held(session)["reason"]


def test_an_agent_that_died_fails_its_dispatch(session: Session) -> None:
    session.building()
    session.hook("StopFailure", agent_id="aother", agent_type="x", error="unknown")
    session.hook("StopFailure", error="unknown")
    assert held(session, "d-002")["state"] == "running"
    session.hook("StopFailure", agent_id=BUILDER, agent_type="x", error="unknown", last_assistant_message="API 400")
    assert "API 400" in held(session, "d-002")["reason"]


# --- the planner's questions ----------------------------------------------------------------------------------------------


@pytest.fixture
def asking(session: Session) -> Session:
    session.planner_at_work()
    runs.write(session.store, ("questions_raised", {"id": "d-001", "questions": [QUESTION]}))
    return session


def test_the_planners_questions_take_the_place_of_the_models(asking: Session) -> None:
    models = {"questions": [{"question": "Mine?"}], "answers": {"Mine?": "yes"}}
    outcome = asking.tool("AskUserQuestion", models)
    assert outcome.answer["hookSpecificOutput"]["updatedInput"] == {"questions": [{"multiSelect": False, **QUESTION}]}


@pytest.mark.parametrize("answers", [{}, {"Mine?": "A"}, {"Which DB?": ""}, {"Which DB?": "A", "Mine?": "B"}])
def test_half_an_answer_is_asked_again(asking: Session, answers: dict[str, str]) -> None:
    outcome = asking.hook("PostToolUse", tool_name="AskUserQuestion", tool_input={}, tool_response={"answers": answers})
    assert "ask again" in told(outcome)
    assert held(asking)["state"] == "asking"


def test_the_answers_go_to_the_agent_that_asked(asking: Session) -> None:
    response = {"answers": {"Which DB?": "A \u202e\x1b[2J"}}
    asking.hook("PostToolUse", tool_name="AskUserQuestion", tool_input={}, tool_response=response)
    assert held(asking)["state"] == "answered"
    assert decision(asking.tool("SendMessage", {"to": "aother", "message": "x"})) == "deny"
    outcome = asking.tool(
        "SendMessage", {"to": PLANNER, "message": "fermata dispatch d-001", "content": "c", "summary": "s"}
    )
    assert decision(outcome) == "allow"
    updated = outcome.answer["hookSpecificOutput"]["updatedInput"]
    assert "Which DB?" in updated["message"]
    assert updated["content"] == updated["message"]
    assert updated["to"] == PLANNER
    assert "\x1b" not in updated["message"]
    assert held(asking)["state"] == "running"
    assert decision(asking.tool("SendMessage", {"to": PLANNER, "message": "more"})) == "deny"


def test_where_no_message_can_be_sent_the_ticket_serves_again(asking: Session) -> None:
    asking.hook(
        "PostToolUse", tool_name="AskUserQuestion", tool_input={}, tool_response={"answers": {"Which DB?": "A"}}
    )
    found, prompt = ticket(asking, tool_use_id="toolu_again")
    assert found == "allow"
    assert "THE BRIEF" in prompt
    assert "Which DB?" in prompt
