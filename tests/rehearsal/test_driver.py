"""The rehearsal's own machinery, tried on real clients: if these fail, no end-to-end test means anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from fermata.rehearsal.client import Headless, run_headless
from fermata.rehearsal.messages import ApiError, ToolUse
from fermata.rehearsal.script import Conversation, Heard, Report, Script
from fermata.rehearsal.simulated.program import VERSIONS
from tests.rehearsal.conftest import SIMULATED
from tests.rehearsal.throwaway import Rule, decide

if TYPE_CHECKING:
    from tests.rehearsal.conftest import SetStage

OLDEST, NEWEST = VERSIONS[0], VERSIONS[-1]
# Every day each real client in one mode; the end-to-end tests play the other ones, too.
IN_EACH_MODE = pytest.mark.parametrize(
    ("client", "mode"),
    [
        (OLDEST, "default"),
        (NEWEST, "auto"),
        (SIMULATED + NEWEST, "default"),
        (SIMULATED + NEWEST, "auto"),
        pytest.param(OLDEST, "auto", marks=pytest.mark.long),
        pytest.param(NEWEST, "default", marks=pytest.mark.long),
        pytest.param(SIMULATED + OLDEST, "default", marks=pytest.mark.long),
        pytest.param(SIMULATED + OLDEST, "auto", marks=pytest.mark.long),
    ],
    indirect=["client"],
)
WORKER = {"worker": "You are the worker of this rehearsal."}


def bash(command: str) -> ToolUse:
    return ToolUse("Bash", {"command": command, "description": "a rehearsed command"})


def dispatch(brief: str) -> ToolUse:
    return ToolUse("Agent", {"description": brief, "prompt": f"BRIEF {brief}", "subagent_type": "foo:worker"})


def greet(heard: Heard) -> Conversation:
    while True:
        heard = yield f"You said: {heard.text}"


@IN_EACH_MODE
def test_a_turn_on_the_screen(set_stage: SetStage, mode: Literal["default", "auto"]) -> None:
    stage = set_stage(Script(greet), mode=mode)
    terminal = stage.terminal()
    terminal.submit("good day")
    terminal.wait_for_text("You said: good day")
    assert [request.last for request in stage.model.of_kind("main")] == ["good day"]


def test_a_headless_turn(set_stage: SetStage) -> None:
    stage = set_stage(Script(greet))
    outcome = run_headless(stage.world, "good day")
    assert (outcome.code, outcome.result) == (0, "You said: good day")
    assert stage.model.tokens() == 1050


def try_to_write(heard: Heard) -> Conversation:
    heard = yield bash("touch made-by-bash")
    result = heard.result("Bash")
    yield f"error={result.is_error} because {result.text}"


@IN_EACH_MODE
def test_a_hook_denies_a_command(set_stage: SetStage, mode: Literal["default", "auto"]) -> None:
    stage = set_stage(
        Script(try_to_write), mode=mode, rules=[Rule("PreToolUse", decide("PreToolUse", "deny", "held by the gate"))]
    )
    terminal = stage.terminal()
    terminal.submit("write")
    terminal.wait_for_text("held by the gate")
    terminal.wait_for_text("error=True")
    assert not (stage.world.project / "made-by-bash").exists()


def test_auto_mode_asks_the_model_before_an_action(set_stage: SetStage, real: None) -> None:
    del real
    stage = set_stage(Script(try_agent), mode="auto", allows=lambda action: "BRIEF" not in action, agents=WORKER)
    terminal = stage.terminal()
    terminal.submit("go")
    terminal.wait_for_text("error=True")
    assert stage.model.of_kind("agent") == ()


def try_agent(heard: Heard) -> Conversation:
    heard = yield dispatch("alpha")
    yield f"error={heard.result('Agent').is_error}"


def two_agents(heard: Heard) -> Conversation:
    heard = yield dispatch("alpha"), dispatch("beta")
    told = ""
    while True:
        told += heard.text + heard.context + "".join(result.text for result in heard.results)
        names = [name for name in ("alpha", "beta") if f"report of {name}" in told]
        heard = yield f"heard of {' and '.join(names) or 'nobody'}"


def work(heard: Heard) -> Conversation:
    name = heard.text.split()[1]
    heard = yield bash(f"echo output of {name}")
    assert heard.result("Bash").text == f"output of {name}"
    yield ApiError(529, "overloaded_error", "rehearsed")
    yield Report(f"report of {name}")


@IN_EACH_MODE
def test_two_agents_at_once(set_stage: SetStage, mode: Literal["default", "auto"]) -> None:
    allow = Rule("PreToolUse", decide("PreToolUse", "allow"))
    stage = set_stage(Script(two_agents, {WORKER["worker"]: work}), mode=mode, agents=WORKER, rules=[allow])
    terminal = stage.terminal()
    terminal.submit("go")
    terminal.wait_for_text("heard of alpha and beta", 60)
    assert len({request.agent_id for request in stage.model.of_kind("agent")}) == 2
    assert {str(event["agent_type"]) for event in stage.plugin.seen("SubagentStop")} == {"foo:worker"}


def ask(heard: Heard) -> Conversation:
    options = [{"label": label, "description": f"choose {label}"} for label in ("Abort", "SQLite", "Postgres")]
    question = {"question": "Which database?", "header": "Database", "multiSelect": False, "options": options}
    heard = yield ToolUse("AskUserQuestion", {"questions": [question]})
    yield f"answered: {heard.result('AskUserQuestion').text}"


@IN_EACH_MODE
def test_a_question_is_answered_by_keys(set_stage: SetStage, mode: Literal["default", "auto"]) -> None:
    stage = set_stage(Script(ask), mode=mode)
    terminal = stage.terminal()
    terminal.submit("ask me")
    terminal.wait_for_text("choose Postgres")
    terminal.wait_quiet()
    terminal.press("down", "enter")
    terminal.wait_for_text("answered:")
    (after,) = [event for event in stage.plugin.seen("PostToolUse") if event["tool_name"] == "AskUserQuestion"]
    assert after["tool_response"]["answers"] == {"Which database?": "SQLite"}  # type: ignore[index]


def long_talk(heard: Heard) -> Conversation:
    while True:
        heard = yield f"compacted={heard.compacted} {heard.text[-20:]}"


def test_a_compacted_session_goes_on(set_stage: SetStage, real: None) -> None:
    del real
    stage = set_stage(Script(long_talk))
    terminal = stage.terminal()
    for word in ("first word", "second word"):  # one turn is "not enough messages" for the older client
        terminal.submit(word)
        terminal.wait_for_text(f"compacted=False {word}")
    terminal.submit("/compact")
    stage.model.wait_for(lambda request: request.kind == "compaction")
    terminal.wait_until(lambda _screen: bool(stage.plugin.seen("PostCompact")), "the end of the compaction")
    terminal.wait_quiet()
    terminal.submit("next word")
    terminal.wait_for_text("compacted=True")


def long_job(heard: Heard) -> Conversation:
    for command in ("echo first > first", "echo second; tail -f /dev/null"):
        if "go on" not in heard.text:  # a killed client may have forgotten its last turns
            heard = yield bash(command)
    yield "I go on" if "go on" in heard.text else f"unexpected: {heard}"


def test_a_killed_session_goes_on(set_stage: SetStage) -> None:
    stage = set_stage(Script(long_job), mode="bypassPermissions")
    terminal = stage.terminal()
    terminal.submit("work")
    stage.model.wait_for(lambda request: any(result.name == "Bash" for result in request.results))
    terminal.wait_for_text("tail -f")
    terminal.kill9()
    session = str(stage.plugin.seen("SessionStart")[0]["session_id"])
    again = stage.terminal("--resume", session)
    again.submit("go on")
    again.wait_for_text("I go on")
    assert (stage.world.project / "first").exists()


def test_a_killed_headless_session_goes_on(set_stage: SetStage) -> None:
    stage = set_stage(Script(long_job), mode="bypassPermissions")
    first = Headless(stage.world, "work")
    stage.model.wait_for(lambda request: any(result.name == "Bash" for result in request.results))
    first.kill9()
    session = str(stage.plugin.seen("SessionStart")[0]["session_id"])
    outcome = run_headless(stage.world, "go on", resume=session)
    assert outcome.result == "I go on"
