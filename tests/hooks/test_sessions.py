"""Stop, SessionStart, and the marker's life: build, stop, abort, resume, another session."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fermata.checks.command import parse_command
from fermata.checks.runner import CheckSpec, start_check, wait_checks
from fermata.store.repair import examine, repair
from fermata.store.run_store import RunStore
from tests.hooks.driver import (
    BUILDER,
    BUILDER_CALL,
    LAUNCHER,
    OTHER_SESSION,
    Session,
    decision,
    make_session,
    reason,
    told,
)
from tests.store import runs

if TYPE_CHECKING:
    from fermata.core.records import Json
    from tests.hooks.driver import Outcome


def stop(session: Session) -> Outcome:
    return session.hook("Stop", stop_hook_active=False, last_assistant_message="bye", background_tasks=[])


def test_work_that_needs_nobody_is_named_at_most_three_times_per_event(session: Session) -> None:
    session.planning()
    for _ in range(2):
        found = [told(stop(session)) for _ in range(5)]
        assert [f'"{LAUNCHER}" next' in text for text in found] == [True, True, True, False, False]
        runs.write(
            session.store, ("dispatch_created", runs.dispatch(f"d-{len(session.kinds()):03d}", "plan", "read")[1])
        )


def test_in_plan_mode_nothing_is_named_for_the_run_holds(session: Session) -> None:
    session.planning()
    assert session.hook("Stop", permission_mode="plan").answer is None
    assert told(stop(session))


def failed(session: Session, error: str) -> None:
    """What the client tells of a `fermata next` that ended with an error."""
    given = {"command": f'"{LAUNCHER}" next'}
    session.hook(
        "PostToolUseFailure", tool_name="Bash", tool_input=given, error=error, tool_use_id="t", is_interrupt=False
    )


@pytest.mark.parametrize(
    ("error", "rests"),
    [
        pytest.param("Exit code 1\nfermata: this is a bug of fermata's (…)", True, id="a-bug"),
        pytest.param("Exit code 6\nfermata: no space left", True, id="no-disk"),
        pytest.param("Exit code 3\nHELD: approval", False, id="a-human-is-waited-for"),
    ],
)
def test_no_repetition_of_a_command_that_has_just_failed_is_asked_for(
    session: Session, error: str, *, rests: bool
) -> None:
    session.planning()
    failed(session, error)
    assert (stop(session).answer is None) is rests
    runs.write(session.store, ("dispatch_created", runs.dispatch("d-007", "plan", "read")[1]))
    assert f'"{LAUNCHER}" next' in told(stop(session))


@pytest.mark.parametrize("phase", ["marked", "planner_at_work", "building", "stopped", "aborted"])
def test_the_session_may_rest_while_somebody_is_waited_for(session: Session, phase: str) -> None:
    """Neither while an agent works nor when the run is off."""
    getattr(session, phase)()
    assert stop(session).answer is None


def test_at_the_gate_the_session_rests_once_the_picker_was_shown(session: Session) -> None:
    """K-D22: never "keep going" while a human has the word; but somebody has to give it to them first."""
    session.at_gate()
    assert f'"{LAUNCHER}" next' in told(stop(session))
    session.tool("AskUserQuestion", {"questions": []}, tool_use_id="toolu_ask")
    assert stop(session).answer is None
    assert stop(session).answer is None


def start(session: Session, source: str) -> Outcome:
    return session.hook("SessionStart", source=source, model="m")


@pytest.mark.parametrize("source", ["compact", "resume"])
def test_the_driving_session_is_told_the_facts_again(session: Session, source: str) -> None:
    session.at_gate()
    text = told(start(session, source))
    assert session.run_id in text
    assert f'"{LAUNCHER}" next' in text
    assert "The gate is closed" in text
    assert len(text.encode()) < 1_024 + len(LAUNCHER)


@pytest.mark.parametrize("phase", ["planning", "at_gate", "building"])
def test_the_facts_state_the_gate_and_hold_no_word_of_approval(session: Session, phase: str) -> None:
    """K-I04: what is injected must not read like a human's yes."""
    getattr(session, phase)()
    text = told(start(session, "compact"))
    assert ("The gate is open for plan" in text) == (phase == "building")
    assert "approv" not in text.lower()
    assert "yes" not in text.lower().split()


def test_a_long_goal_does_not_flood_the_context(session: Session) -> None:
    session.marked()
    body = runs.created_body(session.run_id, session=session.session, goal="\u202e\x1b]0;x\x07 long " * 5_000)
    session.project.start(session.run_id, lambda store: runs.write(store, ("run_created", body)))
    text = told(start(session, "compact"))
    assert len(text) < 1_024
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_resumed_client_has_lost_its_agents(session: Session) -> None:
    session.building()
    start(session, "compact")
    assert session.store.load()["dispatches"]["d-002"]["state"] == "running"
    start(session, "resume")
    assert session.store.load()["dispatches"]["d-002"]["state"] == "failed"
    assert session.store.load()["generation"] == 2


@pytest.mark.parametrize("source", ["startup", "clear", "fork", "resume"])
def test_another_session_gets_one_line_for_the_human(session: Session, source: str) -> None:
    """K-B10: a fork, a cleared session and a new one drive nothing."""
    session.at_gate()
    other = Session(session.folder, OTHER_SESSION)
    outcome = start(other, source)
    assert outcome.answer is not None
    assert list(outcome.answer) == ["systemMessage"]
    assert session.run_id in outcome.answer["systemMessage"]
    assert len(outcome.answer["systemMessage"]) < 300
    other.extra = {"CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}
    assert start(other, source).answer is None
    assert decision(other.tool("Write", {"file_path": "src/app.py"})) == "silent"


def test_where_no_run_waits_nothing_is_said(session: Session) -> None:
    assert start(session, "startup").answer is None
    session.extra = {"CLAUDE_PROJECT_DIR": session.home}
    assert start(session, "startup").answer is None


# --- what `status` tells of the gate's strength ---------------------------------------------------------------------------


def strength(session: Session) -> tuple[object, object]:
    marker = session.data.marker(session.session)
    assert marker is not None
    return marker["mode"], marker["interactive"]


@pytest.mark.parametrize("mode", ["bypassPermissions", "auto", "acceptEdits"])
def test_a_switch_of_the_permission_mode_is_noticed(session: Session, mode: str) -> None:
    session.at_gate()
    assert strength(session) == ("default", True)
    call = {"command": f'"{LAUNCHER}" next'}
    session.hook("PostToolUse", tool_name="Bash", tool_input=call, tool_use_id="x", permission_mode=mode)
    assert strength(session) == (mode, True)
    session.type("status", permission_mode="plan")
    assert strength(session) == (mode, True)
    session.type("status", permission_mode="default")
    assert strength(session) == ("default", True)


def test_a_session_that_goes_on_headless_is_not_called_interactive(session: Session) -> None:
    session.at_gate()
    session.extra = {"CLAUDE_CODE_ENTRYPOINT": "sdk-cli"}
    start(session, "resume")
    assert strength(session) == ("default", False)


def test_looking_frees_nobody(session: Session) -> None:
    session.at_gate()
    with open(session.data.marker_path(session.session), "wb") as file:
        file.write(b"[]")
    assert decision(session.type("status")) == "block"
    assert decision(session.tool("Write", {"file_path": "src/app.py"})) == "deny"


# --- build --------------------------------------------------------------------------------------------------------------


def test_build_binds_the_session_and_keeps_the_goal_as_typed(session: Session) -> None:
    goal = "Add \"x\" & `y` $(z)\n  and more \\ 'q'"
    assert decision(session.type("build", goal)) == "silent"
    marker = session.data.marker(session.session)
    assert marker is not None
    assert marker["goal"] == goal
    assert marker["root"] == session.root
    assert session.project.data_folder() == session.data.folder
    assert decision(session.tool("Write", {"file_path": "src/app.py"})) == "deny"


@pytest.mark.parametrize(
    ("args", "fields", "why"),
    [
        pytest.param("", {}, "what shall be built? Type: /{word} ", id="no-goal"),
        pytest.param("  \n ", {}, "what shall be built", id="blank-goal"),
        pytest.param("x" * 100_001, {}, "at most", id="long-goal"),
        pytest.param(
            "x",
            {"permission_mode": "plan"},
            "leave plan mode first (Shift+Tab), then type /{word} again",
            id="plan-mode",
        ),
    ],
)
@pytest.mark.parametrize("word", ["build", "orchestrate"])
def test_a_goal_that_cannot_begin_binds_nothing_and_the_word_that_was_typed_is_said_back(
    session: Session, word: str, args: str, fields: dict[str, str], why: str
) -> None:
    outcome = session.type(word, args, **fields)
    assert decision(outcome) == "block"
    assert why.format(word=word) in reason(outcome)
    assert session.data.marker(session.session) is None


def test_build_outside_a_repository_says_what_to_do(session: Session) -> None:
    session.extra = {"CLAUDE_PROJECT_DIR": session.home}
    assert "git init" in reason(session.type("build", "x"))


START = {"command": f'"{LAUNCHER}" start'}


def test_a_start_that_is_still_at_work_in_the_background_keeps_the_session_bound(session: Session) -> None:
    session.marked()
    session.hook("PostToolUse", tool_name="Bash", tool_input=START, tool_response={"stdout": ""}, tool_use_id="t")
    assert session.data.marker(session.session) is not None


def test_a_start_that_failed_frees_the_session(session: Session) -> None:
    session.marked()
    session.hook("PostToolUseFailure", tool_name="Bash", tool_input=START, error="Exit code 2", tool_use_id="t")
    assert session.data.marker(session.session) is None


def test_a_second_build_in_a_driving_session_is_refused(session: Session) -> None:
    session.building()
    run_id = session.run_id
    assert run_id in reason(session.type("build", "another"))
    assert session.run_id == run_id


def test_a_goal_that_is_not_text_is_refused_and_nothing_is_bound(session: Session) -> None:
    assert decision(session.type("build", "half an emoji \ud83d")) in ("block", "silent")
    marker = session.data.marker(session.session)
    assert marker is None or "\ud83d" not in marker["goal"]


# --- stop, abort, resume --------------------------------------------------------------------------------------------------


def test_stop_before_the_run_began_frees_the_session(session: Session) -> None:
    session.marked()
    assert decision(session.type("stop")) == "block"
    assert session.data.marker(session.session) is None


def test_stop_and_resume_in_one_sitting_go_on(session: Session) -> None:
    session.at_gate()
    store = session.store
    session.type("stop")
    assert store.load()["status"] == "stopped"
    assert session.data.marker(session.session) is None
    assert decision(session.type("resume")) == "silent"
    assert store.load()["status"] == "executing"
    assert session.data.marker(session.session) is not None


def test_stop_and_abort_without_a_run_say_so(session: Session) -> None:
    assert "drives no run" in reason(session.type("stop"))
    assert "no open run" in reason(session.type("abort"))
    assert "no run waits" in reason(session.type("resume"))


def test_a_resume_elsewhere_takes_the_run_and_fences_the_old_session(session: Session) -> None:
    """K-B09."""
    session.building()
    other = Session(session.folder, OTHER_SESSION)
    assert decision(other.type("resume", session.run_id)) == "silent"
    assert session.store.load()["session"] == OTHER_SESSION
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "deny"
    before = session.kinds()
    session.hook("SubagentStop", agent_id=BUILDER, agent_type="x", last_assistant_message="{}")
    assert session.kinds() == before
    assert stop(session).answer is None


@pytest.mark.parametrize("name", ["../x", "orch_nope", "x" * 200, "\x1b[2J"])
def test_resume_of_no_run_names_the_known_ones(session: Session, name: str) -> None:
    session.at_gate()
    other = Session(session.folder, OTHER_SESSION)
    outcome = other.type("resume", name)
    assert decision(outcome) == "block"
    assert "\x1b" not in reason(outcome)
    assert other.data.marker(OTHER_SESSION) is None


def test_abort_names_the_run_that_was_meant(session: Session) -> None:
    """A session that drives one run can end another, and then its own stays."""
    session.at_gate()
    mine = session.store
    other = runs.make_run(session.project.folder, "orch_20250101_000000_0000", session=OTHER_SESSION)
    runs.write(other, ("run_stopped", {}))
    assert "orch_20250101_000000_0000" in reason(session.type("abort", "orch_20250101_000000_0000"))
    assert other.load()["status"] == "aborted"
    assert mine.load()["status"] == "executing"
    assert session.data.marker(session.session) is not None


def test_abort_ends_a_command_line_agent_of_the_run(session: Session) -> None:
    session.at_gate()
    store = session.store
    kind, body = runs.dispatch("d-009", "plan", "read")
    runs.write(store, (kind, {**body, "command": "other"}))
    store.note("cli", "dispatch_started", {"id": "d-009", "at": "2026-11-21T09:00:00Z"})
    os.makedirs(store.path("checks"), exist_ok=True)
    spec = CheckSpec("d-009", "other", parse_command("sleep 300"), str(session.root), 300.0, answer=True)
    start_check(spec, store.path("checks"))
    assert "ended" in reason(session.type("abort"))
    assert wait_checks(store.path("checks"), ["d-009"], 15)
    assert "stopped" in Path(store.path("checks", "d-009.json")).read_text()


def test_abort_from_a_session_that_drives_nothing(session: Session) -> None:
    session.at_gate()
    other = Session(session.folder, OTHER_SESSION)
    assert session.run_id in reason(other.type("abort"))
    assert session.store.load()["status"] == "aborted"
    assert decision(session.tool("Write", {"file_path": "src/app.py"})) == "silent"


# --- damage -----------------------------------------------------------------------------------------------------------


def damage(session: Session) -> RunStore:
    session.at_gate()
    store = session.store
    with open(store.journal, "r+b") as file:
        file.write(b"x")
    os.unlink(store.state)
    return store


@pytest.mark.parametrize(
    ("tool", "given", "found"),
    [
        pytest.param("Write", {"file_path": "src/app.py"}, "deny", id="write"),
        pytest.param("Edit", {"file_path": "/elsewhere/x"}, "deny", id="edit-outside"),
        pytest.param("Bash", {"command": "touch x"}, "deny", id="bash-that-writes"),
        pytest.param("Bash", {"command": f'"{LAUNCHER}" next'}, "deny", id="next"),
        pytest.param("Bash", {"command": f'"{LAUNCHER}" repair --yes'}, "deny", id="repair-is-for-people"),
        pytest.param("Agent", {"prompt": "fermata dispatch d-002"}, "deny", id="agent"),
        pytest.param("AskUserQuestion", {"questions": []}, "deny", id="picker"),
        pytest.param("Workflow", {}, "deny", id="workflow"),
        pytest.param("mcp__x__write", {}, "deny", id="unknown-tool"),
        pytest.param("Read", {"file_path": "src/app.py"}, "silent", id="read"),
        pytest.param("Grep", {"pattern": "x"}, "silent", id="grep"),
        pytest.param("Bash", {"command": "git log | head -3"}, "silent", id="bash-that-reads"),
        pytest.param("Bash", {"command": f'"{LAUNCHER}" status'}, "silent", id="status"),
        pytest.param("SubagentHandback", {"message": "done"}, "silent", id="an-agent-ends"),
    ],
)
@pytest.mark.parametrize("agent", [None, BUILDER], ids=["main", "agent"])
def test_a_damaged_run_refuses_changes_and_lets_read(
    session: Session, tool: str, given: dict[str, str], found: str, agent: str | None
) -> None:
    """K-E07."""
    damage(session)
    outcome = session.tool(tool, given, agent=agent)
    assert decision(outcome) == found
    if found == "deny":
        assert "line 1 is damaged" in reason(outcome)
        assert f"{LAUNCHER} repair" in reason(outcome)
        assert "/fermata:stop" in reason(outcome)


def test_a_damaged_run_holds_nobody_back_and_tells_the_person(session: Session) -> None:
    damage(session)
    assert stop(session).answer is None
    assert session.hook("SubagentStop", agent_id=BUILDER, last_assistant_message="done").answer is None
    for source in ("resume", "compact"):
        answer = start(session, source).answer
        assert answer is not None
        assert f"{LAUNCHER} repair" in answer["systemMessage"]


@pytest.mark.parametrize("command", ["status", "approve", "resume", "stop", "abort"])
def test_every_command_of_a_damaged_run_says_what_to_type(session: Session, command: str) -> None:
    damage(session)
    outcome = session.type(command, "12345678" if command == "approve" else "")
    assert decision(outcome) == "block"
    assert "line 1 is damaged" in reason(outcome)
    assert f"{LAUNCHER} repair" in reason(outcome)


def test_after_a_repair_the_session_goes_on_and_an_agent_of_a_lost_dispatch_is_a_stranger(session: Session) -> None:
    session.building()
    (line,) = [event["seq"] for event in session.store.events() if event["type"] == "decision_made"]
    with open(session.store.journal, "rb") as file:
        lines = file.readlines()
    lines[line - 1] = lines[line - 1].replace(b"picker", b"packer")
    with open(session.store.journal, "wb") as file:
        file.writelines(lines)
    os.unlink(session.store.state)
    write = {"file_path": os.path.join(session.root, "src", "app.py")}
    assert decision(session.tool("Write", write, agent=BUILDER)) == "deny"
    found = examine(session.store)
    assert found is not None
    repair(session.store, found)
    outcome = session.tool("Write", write, agent=BUILDER)
    assert decision(outcome) == "deny"
    assert "this agent holds no dispatch with a standing approval" in reason(outcome)
    assert decision(session.tool("Read", write, agent=BUILDER)) == "silent"
    assert session.store.load()["approved"] is None
    assert f'"{LAUNCHER}" next' in told(stop(session))


def test_the_ways_out_that_are_named_work_for_a_damaged_run(session: Session) -> None:
    """K-E12: a broken run must not brick the session."""
    damage(session)
    outcome = session.type("stop")
    assert decision(outcome) == "block"
    assert session.data.marker(session.session) is None
    assert decision(session.tool("Write", {"file_path": "src/app.py"})) == "silent"


def test_a_new_build_goes_over_a_damaged_run(session: Session) -> None:
    old = damage(session)
    assert decision(session.type("build", "start anew")) == "silent"
    assert session.run_id not in old.folder


def test_an_abort_of_a_damaged_run_frees_the_session(session: Session) -> None:
    damage(session)
    assert decision(session.type("abort")) == "block"
    assert session.data.marker(session.session) is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"run"', b"{}"])
def test_a_damaged_marker_holds_until_the_human_lets_go(session: Session, content: bytes) -> None:
    session.at_gate()
    with open(session.data.marker_path(session.session), "wb") as file:
        file.write(content)
    assert decision(session.tool("Write", {"file_path": "src/app.py"})) == "deny"
    session.type("stop")
    assert decision(session.tool("Write", {"file_path": "src/app.py"})) == "silent"


def test_two_sessions_in_two_repositories_do_not_meet(tmp_path_factory: pytest.TempPathFactory) -> None:
    one = make_session(tmp_path_factory.mktemp("one")).building()
    two = make_session(tmp_path_factory.mktemp("two"), OTHER_SESSION)
    assert decision(two.tool("Write", {"file_path": one.root + "/x"})) == "silent"
    assert "no run waits" in reason(two.type("resume"))


# --- /clear: the client goes on under another session's name --------------------------------------------------------------


def cleared(session: Session, agent: str = BUILDER, call: str = BUILDER_CALL) -> Session:
    """The session that follows /clear in the same client, which copies its notes about *agent* into it."""
    other = Session(session.folder, OTHER_SESSION)
    start(other, "clear")
    other.note_agent(agent, call)
    return other


@pytest.mark.parametrize("seen_before", [True, False], ids=["bound", "not-bound-yet"])
def test_an_agent_that_outlives_clear_only_reads(session: Session, seen_before: bool) -> None:
    if seen_before:
        session.building()
    else:
        session.approved()
        runs.write(session.store, runs.started("d-002", BUILDER_CALL))
    other = cleared(session)
    assert decision(other.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "deny"
    assert decision(other.tool("Bash", {"command": "echo x > src/app.py"}, agent=BUILDER)) == "deny"
    assert decision(other.tool("Bash", {"command": "cat src/app.py"}, agent=BUILDER)) == "silent"
    before = session.kinds()
    assert decision(other.tool("SubagentHandback", {"message": "{}"}, agent=BUILDER)) == "silent"
    assert session.kinds() == before


def test_what_else_happens_after_clear_is_nobodys_business(session: Session) -> None:
    session.building()
    other = cleared(session)
    assert decision(other.tool("Write", {"file_path": "src/app.py"})) == "silent"
    other.note_agent("amine", "toolu_mine")
    assert decision(other.tool("Write", {"file_path": "src/app.py"}, agent="amine")) == "silent"
    session.type("abort")
    assert decision(other.tool("Write", {"file_path": "src/app.py"}, agent="amine")) == "silent"


def test_an_agent_that_outlives_clear_reads_on_when_the_run_is_taken_over_there(session: Session) -> None:
    session.building()
    other = cleared(session)
    assert decision(other.type("resume")) == "silent"
    assert session.store.load()["dispatches"]["d-002"]["state"] == "failed"
    assert decision(other.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "deny"


def test_an_agent_given_up_for_lost_reads_on_when_the_run_has_ended(session: Session) -> None:
    session.building()
    runs.write(session.store, ("dispatch_failed", {"id": "d-002", "reason": "lost: silent"}))
    session.type("abort")
    assert session.data.marker(session.session) is None
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "deny"
    assert decision(session.tool("Write", {"file_path": "src/app.py"})) == "silent"


def test_where_no_agent_can_live_on_the_client_is_free_again(session: Session) -> None:
    session.at_gate()
    folder = os.path.join(session.data.folder, "clients")
    assert os.listdir(folder)
    session.type("abort")
    assert os.listdir(folder) == []


# --- the API fails ----------------------------------------------------------------------------------------------------------


LIMIT = "API Error: Request rejected (429) · This request would exceed your account's rate limit."
LATER_WORDS = f"Agent terminated early due to an API error: {LIMIT} (error type rate_limit, HTTP 429)."


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        pytest.param("StopFailure", {"agent_id": BUILDER, "error": "rate_limit", "last_assistant_message": LIMIT}, id="the-agent-ends"),
        pytest.param("PostToolUseFailure", {"tool_name": "Agent", "tool_use_id": BUILDER_CALL, "error": LATER_WORDS}, id="its-call-ends"),
    ],
)  # fmt: skip
def test_a_rate_limit_spends_no_further_dispatch(session: Session, event: str, fields: dict[str, Json]) -> None:
    session.building()
    session.hook(event, **fields)
    run = session.store.load()
    assert run["waiting"] is not None
    assert run["waiting"]["kind"] == "refused"
    assert "429" in run["waiting"]["why"]
    assert decision(session.type("resume")) == "silent"
    assert session.store.load()["waiting"] is None


@pytest.mark.parametrize("error", ["server_error", "unknown", "overloaded", ""])
def test_an_error_that_may_pass_offers_the_work_again(session: Session, error: str) -> None:
    session.building()
    session.hook("StopFailure", agent_id=BUILDER, error=error, last_assistant_message="API Error: 529 Overloaded.")
    run = session.store.load()
    assert run["waiting"] is None
    assert run["dispatches"]["d-002"]["state"] == "failed"


def test_a_turn_of_the_session_that_failed_is_told(session: Session) -> None:
    session.at_gate()
    session.hook("StopFailure", error="rate_limit", last_assistant_message=LIMIT)
    assert session.store.load()["turn_failed"] == f"rate_limit {LIMIT}"
    assert session.store.load()["status"] == "executing"


# --- the client's settings change ------------------------------------------------------------------------------------------


def settings_changed(session: Session, text: str | None) -> Outcome:
    """The client tells that a settings file changed, which holds *text* now (None: it is gone)."""
    path = os.path.join(session.root, ".claude", "settings.local.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if text is not None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return session.hook("ConfigChange", source="local_settings", file_path=path)


@pytest.mark.parametrize("phase", ["marked", "planning", "at_gate", "building"])
def test_settings_that_end_all_hooks_do_not_reach_a_driving_session(session: Session, phase: str) -> None:
    """K-D19."""
    getattr(session, phase)()
    outcome = settings_changed(session, '{"disableAllHooks": true}')
    assert decision(outcome) == "block"
    assert "settings.local.json now says disableAllHooks" in reason(outcome)
    assert "/fermata:stop" in reason(outcome)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"cleanupPeriodDays": 20}', id="another-setting"),
        pytest.param('{"disableAllHooks": false}', id="hooks-on"),
        pytest.param('{"enabledPlugins": {"fermata@x": false}}', id="the-plugin-off"),
        pytest.param('{"disableAllHooks": tr', id="half-written"),
        pytest.param("[true]", id="no-object"),
        pytest.param(None, id="gone"),
    ],
)
def test_every_other_change_of_settings_passes(session: Session, text: str | None) -> None:
    session.building()
    assert decision(settings_changed(session, text)) == "silent"


def test_a_session_that_drives_nothing_may_end_its_hooks(session: Session) -> None:
    assert decision(settings_changed(session, '{"disableAllHooks": true}')) == "silent"
    session.planning()
    session.type("stop")
    assert decision(settings_changed(session, '{"disableAllHooks": true}')) == "silent"


def test_a_damaged_run_keeps_its_hooks_too(session: Session) -> None:
    session.building()
    with open(session.store.journal, "r+b") as file:
        file.write(b"x")
    os.unlink(session.store.state)
    assert decision(settings_changed(session, '{"disableAllHooks": true}')) == "block"


def test_a_conduct_that_names_no_document_is_told_of_one_that_lies_elsewhere(session: Session) -> None:
    begun = reason(session.type("conduct"))
    assert "Type /conduct PATH" in begun
    (Path(session.root) / "SPEC.md").write_text("# Plan\n")
    assert "SPEC.md is there: type /conduct SPEC.md" in reason(session.type("conduct"))
    assert "Type /conduct PATH" in reason(session.type("conduct", "other.md"))
