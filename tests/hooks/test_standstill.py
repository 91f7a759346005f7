"""A run that waits for its user: the picker asks in fermata's words, only a person's answer counts, and quotas keep their time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from fermata.core.escalation import digest_of, question_for
from fermata.core.moments import epoch
from fermata.core.recovery import Facts, told
from tests.hooks.driver import BUILDER, PICKER_CALL, PLANNER, Session, decision, reason
from tests.hooks.driver import told as heard
from tests.hooks.test_approval import MODELS_QUESTION
from tests.store import runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata.core.records import Json, Question

RETRY = "Retry differently"


@pytest.fixture
def stuck(session: Session) -> Session:
    """The builder gave up because something is missing."""
    session.building()
    body = {"id": "d-002", "reason": "the agent gave up: no key", **told(Facts("gave_up", "missing"))}
    runs.write(session.store, ("dispatch_failed", body))
    return session


def ours(session: Session) -> Question:
    return question_for(session.store.load())


def shown(session: Session, *, ago: float = 5.0, call: str = PICKER_CALL, digest: str = "") -> None:
    """The picker came up *ago* seconds before now."""
    named = digest or digest_of(session.store.load())
    runs.write(session.store, ("question_shown", {"tool_use_id": call, "at": time.time() - ago, "digest": named}))


def answer(session: Session, answers: Json, **fields: Json) -> str:
    """PostToolUse of AskUserQuestion with *answers*; what the model is told."""
    given = {
        "tool_name": "AskUserQuestion",
        "tool_input": {"questions": [ours(session)], "answers": answers},
        "tool_response": {"questions": [ours(session)], "answers": answers, "annotations": {}},
        "tool_use_id": PICKER_CALL,
        **fields,
    }
    return heard(session.hook("PostToolUse", **given))


def test_the_picker_asks_in_our_words_and_the_answer_lets_the_run_go_on(stuck: Session) -> None:
    outcome = stuck.tool("AskUserQuestion", {**MODELS_QUESTION, "annotations": {"a": 1}}, tool_use_id=PICKER_CALL)
    assert decision(outcome) == "rewrite"
    assert outcome.answer["hookSpecificOutput"]["updatedInput"] == {"questions": [ours(stuck)]}
    assert "less than a second" in answer(stuck, {ours(stuck)["question"]: RETRY})
    assert stuck.store.load()["status"] == "waiting"
    shown(stuck)
    assert "the user chose: retry" in answer(stuck, {ours(stuck)["question"]: RETRY})
    run, event = stuck.store.load(), stuck.store.events()[-1]
    assert (run["status"], run["waiting"]) == ("executing", None)
    assert (event["type"], event["actor"], event["body"]["channel"]) == ("retry_granted", "human", "picker")


@pytest.mark.parametrize(
    ("label", "kind", "status"),
    [
        pytest.param("Not now", "run_stopped", "stopped", id="later"),
        pytest.param("Abort", "run_aborted", "aborted", id="abort"),
        pytest.param("Skip the step", "retry_granted", "executing", id="a-step-that-is-needed"),
        pytest.param("use another service", "retry_granted", "executing", id="own-words"),
    ],
)
def test_each_choice(stuck: Session, label: str, kind: str, status: str) -> None:
    shown(stuck)
    answer(stuck, {ours(stuck)["question"]: label})
    run, event = stuck.store.load(), stuck.store.events()[-1]
    assert (event["type"], event["actor"], run["status"]) == (kind, "human", status)
    if kind == "retry_granted":
        assert run.get("advice") == label
        assert not run.get("left_out")


@pytest.mark.parametrize(
    ("make", "fields"),
    [
        pytest.param(lambda _: {"Shall I go on?": RETRY}, {}, id="another-question"),
        pytest.param(lambda q: {q: RETRY, "And?": "a"}, {}, id="a-second-question"),
        pytest.param(lambda q: {q: " "}, {}, id="blank"),
        pytest.param(lambda _: [RETRY], {}, id="a-list"),
        pytest.param(lambda _: None, {}, id="none"),
        pytest.param(lambda q: {q: RETRY}, {"tool_use_id": "toolu_other"}, id="another-call"),
        pytest.param(lambda q: {q: RETRY}, {"agent_id": PLANNER, "agent_type": "fermata:planner"}, id="an-agents-call"),
        pytest.param(lambda q: {q: RETRY}, {"tool_response": "Retry"}, id="text"),
        pytest.param(lambda q: {q: RETRY}, {"tool_name": "Bash"}, id="another-tool"),
    ],
)
def test_what_only_looks_like_the_answer_is_none(
    stuck: Session, make: Callable[[str], Json], fields: dict[str, Json]
) -> None:
    shown(stuck)
    before = stuck.kinds()
    answer(stuck, make(ours(stuck)["question"]), **fields)
    assert stuck.kinds() == before
    assert stuck.store.load()["status"] == "waiting"


@pytest.mark.parametrize("ago", [0.0, 0.5, -3600.0], ids=["at-once", "half-a-second", "clock-set-back"])
def test_faster_than_a_person_reads_is_no_answer(stuck: Session, ago: float) -> None:
    shown(stuck, ago=ago)
    assert "less than a second" in answer(stuck, {ours(stuck)["question"]: RETRY})
    assert stuck.store.load()["status"] == "waiting"


def test_an_answer_to_an_earlier_standstill_is_none(stuck: Session) -> None:
    shown(stuck, digest="0" * 64)
    assert "this is no answer" in answer(stuck, {ours(stuck)["question"]: RETRY})
    assert stuck.store.load()["status"] == "waiting"


def test_an_answer_before_any_question_was_shown_is_none(stuck: Session) -> None:
    answer(stuck, {ours(stuck)["question"]: RETRY})
    assert stuck.store.load()["status"] == "waiting"


def test_a_question_with_its_answer_filled_in_is_refused(stuck: Session) -> None:
    outcome = stuck.tool("AskUserQuestion", {**MODELS_QUESTION, "answers": {"x": RETRY}}, tool_use_id=PICKER_CALL)
    assert decision(outcome) == "deny"
    assert "question_shown" not in stuck.kinds()[-1]


def test_an_agent_asks_nobody(stuck: Session) -> None:
    assert decision(stuck.tool("AskUserQuestion", MODELS_QUESTION, agent=BUILDER)) == "deny"


def test_a_turn_that_ends_before_the_user_was_asked_goes_on_and_only_then(stuck: Session) -> None:
    assert "can go on" in heard(stuck.hook("Stop"))
    shown(stuck)
    assert decision(stuck.hook("Stop")) == "silent"
    assert heard(stuck.hook("Stop")) == ""


def test_nothing_new_begins_while_the_run_waits(stuck: Session) -> None:
    given = {"prompt": "fermata dispatch d-002", "subagent_type": "fermata:builder"}
    assert "the run is waiting (d-002 (blocker, rule missing" in reason(stuck.tool("Agent", given))


def test_an_agent_is_told_how_deep_agents_may_go(session: Session) -> None:
    """K-I02."""
    session.building()
    given = {"prompt": "help me", "subagent_type": "general-purpose"}
    assert "the depth is at most 1, and this would be 2" in reason(session.tool("Agent", given, agent=BUILDER))


def test_a_ceiling_says_its_numbers_where_an_agent_is_started(session: Session) -> None:
    """K-I02."""
    session.approved()
    runs.write(
        session.store,
        ("limit_reached", {"node": "steps.0/build", "why": "40 dispatches were made; limits.dispatches is 40"}),
    )
    given = {"prompt": "fermata dispatch d-002", "subagent_type": "fermata:builder"}
    assert "40 dispatches were made; limits.dispatches is 40" in reason(session.tool("Agent", given))


# --- what the API said


def test_a_quota_keeps_the_time_that_the_client_tells(session: Session) -> None:
    session.building()
    words = "API Error: Request rejected (429) · try again in 90 minutes"
    session.hook("StopFailure", agent_id=BUILDER, error="rate_limit", last_assistant_message=words)
    waiting = session.store.load()["waiting"]
    assert waiting
    assert waiting["kind"] == "refused"
    assert 80 * 60 < epoch(waiting["until"]) - time.time() < 91 * 60
    assert heard(session.hook("Stop")) == ""  # nobody is asked, and nothing is asked for


def test_a_refused_account_is_asked_about(session: Session) -> None:
    session.building()
    session.hook(
        "StopFailure", agent_id=BUILDER, error="authentication_failed", last_assistant_message="Please run /login"
    )
    waiting = session.store.load()["waiting"]
    assert waiting
    assert (waiting["kind"], "rule account" in waiting["why"]) == ("blocked", True)


def test_the_sessions_own_refusal_says_its_time(session: Session) -> None:
    session.at_gate()
    session.hook("StopFailure", error="rate_limit", last_assistant_message="You've hit your limit · resets 3pm (UTC)")
    assert "it takes work again at 20" in session.store.load()["turn_failed"]
