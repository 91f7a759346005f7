"""How the scripted model finds its place in a conversation; no client needed."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from fermata.rehearsal.messages import ApiError, JsonObject, Text, ToolUse, encode, events, parse_request
from fermata.rehearsal.model import ScriptedModel
from fermata.rehearsal.script import Conversation, Heard, Report, Script, as_reply
from tests.rehearsal.histories import call, heard_result, request, said, user


def counting(heard: Heard) -> Conversation:
    """Says in each turn how many it has heard, and what."""
    number = 1
    while True:
        heard = yield f"{number}: {heard.text}"
        number += 1


def spoken(script: Script, *messages: JsonObject, tools: tuple[str, ...] = ("Bash",)) -> str:
    """The reply to a history, as one line."""
    reply = script(parse_request(1, request(*messages, tools=tools), {}))
    if isinstance(reply, ApiError):
        return f"error {reply.status}"
    return " ".join(b.text if isinstance(b, Text) else f"<{b.name} {json.dumps(b.input)}>" for b in reply.blocks)


@pytest.mark.parametrize(
    ("history", "reply"),
    [
        pytest.param([user("a")], "1: a", id="opening"),
        pytest.param([user("a"), said("1: a"), user("b")], "2: b", id="second-turn"),
        pytest.param([user("a<system-reminder>x</system-reminder>")], "1: a", id="reminders-are-not-text"),
        pytest.param(
            [user("a"), said("No response requested."), user("b")], "1: a\nb", id="foreign-turn-is-passed-over"
        ),
        pytest.param([user("a"), said("1: a"), said("API Error"), user("b")], "1: a\nb", id="two-turns-in-one"),
        pytest.param([user("a"), user("b")], "1: a\nb", id="two-prompts-before-an-answer"),
        pytest.param(
            [user("a"), call("ToolSearch", first="s1"), heard_result("s1", "found", note="Tool loaded.")],
            "1: a",
            id="a-tool-search-is-not-heard",
        ),
        pytest.param([user("a"), said("1: a"), user("b"), said("2:\n b"), user("c")], "3: c", id="white-space-differs"),
    ],
)
def test_place_in_a_history(history: list[JsonObject], reply: str) -> None:
    script = Script(counting)
    assert spoken(script, *history) == reply
    assert spoken(script, *history) == reply, "a retry hears the same"


def two_calls(heard: Heard) -> Conversation:
    heard = yield [ToolUse("Bash", {"command": "one"}), ToolUse("Bash", {"command": "two"})]
    heard = yield " and ".join(f"{result.text}{'!' if result.is_error else ''}" for result in heard.results)


def test_results_of_parallel_calls_come_in_order() -> None:
    history = (
        user("go"),
        call("Bash", "Bash", first="t1"),
        heard_result("t1", "yes"),
        heard_result("t2", "no", error=True),
    )
    assert spoken(Script(two_calls), *history) == "yes and no!"


def test_a_forgotten_turn_is_said_again() -> None:
    assert spoken(Script(two_calls), user("go"), user("go on")).startswith("<Bash")


def asking(heard: Heard) -> Conversation:
    heard = yield ToolUse("AskUserQuestion")
    yield heard.result("AskUserQuestion").text


@pytest.mark.parametrize(
    ("history", "tools", "reply"),
    [
        pytest.param([], ("AskUserQuestion",), "<AskUserQuestion {}>", id="offered"),
        pytest.param([], (), "<AskUserQuestion {}>", id="no-search"),
        pytest.param(
            [], ("ToolSearch",), '<ToolSearch {"query": "select:AskUserQuestion", "max_results": 1}>', id="deferred"
        ),
        pytest.param(
            [call("ToolSearch", first="s1"), heard_result("s1", "found", note="Tool loaded.")],
            ("ToolSearch", "AskUserQuestion"),
            "<AskUserQuestion {}>",
            id="loaded",
        ),
        pytest.param(
            [call("ToolSearch", first="s1"), heard_result("s1", "No matching deferred tools found")],
            ("ToolSearch",),
            "<AskUserQuestion {}>",
            id="not-to-be-had",
        ),
        pytest.param(
            [
                call("ToolSearch", first="s1"),
                heard_result("s1", "found"),
                call("AskUserQuestion", first="q1"),
                heard_result("q1", "yes"),
            ],
            ("ToolSearch", "AskUserQuestion"),
            "yes",
            id="answered",
        ),
    ],
)
def test_deferred_tools(history: list[JsonObject], tools: tuple[str, ...], reply: str) -> None:
    assert spoken(Script(asking), user("go"), *history, tools=("Bash", *tools)) == reply


def failing(heard: Heard) -> Conversation:
    heard = yield ApiError(529, "overloaded_error", "busy", times=2)
    heard = yield f"at last {heard.text}"
    yield ApiError(500, "api_error", "again")
    yield "end"


def test_errors_come_as_often_as_told_and_lose_no_text() -> None:
    script = Script(failing)
    assert [spoken(script, user("a")) for _ in range(4)] == ["error 529", "error 529", "at last a", "at last a"]
    later = user("a"), said("at last a"), user("b")
    assert [spoken(script, *later) for _ in range(2)] == ["error 500", "end"]


def test_another_agent_has_errors_of_its_own() -> None:
    script = Script(agents={"MARKER": failing})
    first, second = (
        parse_request(1, request(user("a"), system="MARKER"), {"x-claude-code-agent-id": name})
        for name in ("one", "two")
    )
    assert isinstance(script(first), ApiError)
    assert isinstance(script(second), ApiError)
    assert isinstance(script(first), ApiError)
    assert not isinstance(script(first), ApiError)


def test_an_agent_is_told_apart_by_its_marker() -> None:
    script = Script(counting, {"MARKER": asking})
    is_agent = {"x-claude-code-agent-id": "a1"}
    known = script(parse_request(1, request(user("brief"), system="x MARKER y"), is_agent))
    unknown = script(parse_request(1, request(user("brief"), system="other"), is_agent))
    assert (known, unknown) == (
        as_reply(ToolUse("AskUserQuestion"), handback=False),
        as_reply("Done.", handback=False),
    )


@pytest.mark.parametrize(
    ("tools", "reply"),
    [
        pytest.param(("SubagentHandback",), '<SubagentHandback {"message": "my report"}>', id="handback"),
        pytest.param((), "my report", id="plain"),
    ],
)
def test_a_report_goes_out_as_the_client_wants_it(tools: tuple[str, ...], reply: str) -> None:
    def reports(_heard: Heard) -> Conversation:
        yield Report("my report")
        yield "not reached"

    assert spoken(Script(reports), user("go"), tools=("Bash", *tools)) == reply


@pytest.mark.parametrize(
    ("system", "tools", "headers", "last", "kind"),
    [
        pytest.param("You are Claude Code", ("Bash",), {}, "hi", "main", id="main"),
        pytest.param("x", ("Bash",), {"x-claude-code-agent-id": "a"}, "hi", "agent", id="agent-by-header"),
        pytest.param("cc_is_subagent=true;", ("Bash",), {}, "hi", "agent", id="agent-by-system"),
        pytest.param("You are a security monitor", (), {}, "hi", "classifier", id="classifier"),
        pytest.param("Make a title", (), {}, "hi", "helper", id="helper"),
        pytest.param(
            "You are Claude Code",
            ("Bash",),
            {},
            "Your task is to create a detailed summary of the conversation so far",
            "compaction",
            id="compaction",
        ),
    ],
)
def test_kinds_of_request(system: str, tools: tuple[str, ...], headers: dict[str, str], last: str, kind: str) -> None:
    assert parse_request(1, request(user(last), system=system, tools=tools), headers).kind == kind


def test_a_stream_says_the_same_as_the_message() -> None:
    answer = as_reply(["text", ToolUse("Bash", {"command": "ls"})], handback=False)
    assert not isinstance(answer, ApiError)
    message = encode(answer, "m", allows=lambda action: "ls" not in action)
    told = list(events(message))
    assert [event["type"] for event in told][:1] + [event["type"] for event in told][-2:] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]
    deltas = [event["delta"] for event in told if event["type"] == "content_block_delta"]
    assert deltas == [
        {"type": "text_delta", "text": "text"},
        {"type": "input_json_delta", "partial_json": '{"command": "ls"}'},
    ]
    (ending,) = [event["delta"] for event in told if event["type"] == "message_delta"]
    assert ending == {
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "safeguard_results": message["safeguard_results"],
    }
    assert '"outcome": "flagged"' in json.dumps(ending)


def post(url: str, body: JsonObject) -> tuple[int, JsonObject]:
    asked = urllib.request.Request(f"{url}/v1/messages?beta=true", json.dumps(body).encode())
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_server_counts_requests_and_tokens() -> None:
    with ScriptedModel(Script(counting)) as model:
        status, message = post(model.url, request(user("a")))
        assert (status, message["content"]) == (200, [{"type": "text", "text": "1: a"}])
        assert model.wait_for(lambda one: one.last == "a", 5).kind == "main"
        assert (len(model.requests), model.tokens()) == (1, 1050)
        with pytest.raises(TimeoutError, match=r"no such model request within 0\.01 s; came: .*1 main 'a'"):
            model.wait_for(lambda one: one.last == "b", 0.01)


def test_a_faulty_script_is_an_error_of_the_test() -> None:
    def faulty(heard: Heard) -> Conversation:
        yield heard.result("Bash").text

    with ScriptedModel(Script(faulty)) as model:
        status, _ = post(model.url, request(user("a")))
        assert status == 400
        assert "no result of Bash" in model.failures[0]
        assert model.tokens() == 0


@pytest.mark.parametrize("allowed", [pytest.param(True, id="allowed"), pytest.param(False, id="flagged")])
def test_the_safety_check_of_older_clients(allowed: bool) -> None:
    judged = []

    def allows(action: str) -> bool:
        judged.append(action)
        return allowed

    check = user("<transcript>\nUser: go\nBash rm -r build\n</transcript>\nErr on the side of blocking.")
    with ScriptedModel(Script(), allows) as model:
        _, message = post(model.url, request(check, system="You are a security monitor", tools=()))
    assert judged == ["Bash rm -r build"]
    assert ("<block>no</block>" in json.dumps(message)) is allowed
