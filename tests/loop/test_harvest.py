from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from fermata.core.actions import AGENT
from fermata.loop.harvest import harvest
from tests.loop.bench import CONFIG, Bench, age, plan


def said(text: str, *, tool: bool = False) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": text}]
    if tool:
        content.append({"type": "tool_use", "id": "t", "name": "Read", "input": {}})
    return {"type": "assistant", "message": {"role": "assistant", "content": content}}


@pytest.fixture
def planning(bench: Bench) -> Bench:
    bench.settle()
    bench.work()
    return bench


def write(bench: Bench, *rows: dict[str, Any], old: float = 30) -> None:
    path = bench.transcript("d-001")
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))
    age(path, old)


def state(bench: Bench) -> str:
    return str(bench.run["dispatches"]["d-001"]["state"])


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


def test_a_result_that_no_hook_saw_is_taken_from_the_transcript(planning: Bench) -> None:
    write(planning, {"type": "user", "message": {"content": "brief"}}, said(json.dumps(plan())))
    assert harvest(planning.site, planning.store) == ["d-001: taken from its transcript"]
    assert state(planning) == "completed"
    assert harvest(planning.site, planning.store) == []


@pytest.mark.parametrize(
    ("rows", "old"),
    [
        pytest.param([said(json.dumps(plan()))], 5, id="just-written"),
        pytest.param([said(json.dumps(plan()), tool=True)], 30, id="calls-a-tool"),
        pytest.param(
            [said(json.dumps(plan())), {"type": "user", "message": {"content": "go on"}}], 30, id="told-to-go-on"
        ),
        pytest.param([], 30, id="empty"),
        pytest.param([said("")], 30, id="no-words"),
    ],
)
def test_an_agent_that_is_still_at_it_is_left_alone(planning: Bench, rows: list[dict[str, Any]], old: float) -> None:
    write(planning, *rows, old=old)
    assert harvest(planning.site, planning.store) == []
    assert state(planning) == "running"


def test_words_that_are_no_result_are_counted_as_a_repair(planning: Bench) -> None:
    write(planning, said("All done!"))
    (told,) = harvest(planning.site, planning.store)
    assert "no JSON object" in told
    assert planning.run["dispatches"]["d-001"]["repairs"] == 1


def test_the_same_words_are_judged_once(planning: Bench) -> None:
    write(planning, said("All done!"))
    assert [len(harvest(planning.site, planning.store)) for _ in range(5)] == [1, 0, 0, 0, 0]
    assert (planning.run["dispatches"]["d-001"]["repairs"], state(planning)) == (1, "running")
    write(planning, said("All done, really!"))
    assert [len(harvest(planning.site, planning.store)) for _ in range(2)] == [1, 0]
    assert planning.run["dispatches"]["d-001"]["repairs"] == 2
    write(planning, said("All done, really!"), old=16 * 60)
    assert harvest(planning.site, planning.store) == ["d-001: lost: its agent has been silent for 15 minutes"]


def test_words_that_are_no_unicode_are_judged_once_too(planning: Bench) -> None:
    write(planning, said("broken \ud800"))
    assert [len(harvest(planning.site, planning.store)) for _ in range(2)] == [1, 0]


@pytest.mark.parametrize(("minutes", "lost"), [pytest.param(14, False, id="14"), pytest.param(16, True, id="16")])
def test_silence_is_a_loss_after_its_minutes(planning: Bench, minutes: int, lost: bool) -> None:
    write(planning, said("looking", tool=True), old=minutes * 60)
    found = harvest(planning.site, planning.store)
    assert (found == ["d-001: lost: its agent has been silent for 15 minutes"]) is lost
    assert state(planning) == ("failed" if lost else "running")
    if lost:
        assert [a.kind for a in planning.settle()] == [AGENT]
        assert planning.newest["id"] == "d-002"


@pytest.mark.parametrize(("minutes", "lost"), [pytest.param(14, False, id="14"), pytest.param(16, True, id="16")])
def test_without_a_transcript_the_start_counts(bench: Bench, minutes: int, lost: bool) -> None:
    bench.settle()
    bench.tell("dispatch_started", id="d-001", tool_use_id="t", at=stamp(minutes * 60))
    bench.tell("agent_bound", id="d-001", agent_id="a", transcript="/nowhere/at/all.jsonl")
    harvest(bench.site, bench.store)
    assert state(bench) == ("failed" if lost else "running")


@pytest.mark.parametrize(("minutes", "lost"), [pytest.param(9, False, id="9"), pytest.param(11, True, id="11")])
def test_an_agent_that_works_longer_than_it_may_is_given_up(tmp_path: Path, minutes: int, lost: bool) -> None:
    bench = Bench(tmp_path, config=CONFIG + "limits: {agent_minutes: 10}\n")
    bench.begin()
    bench.settle()
    bench.work()
    write(bench, said("still looking", tool=True), old=0)
    assert harvest(bench.site, bench.store) == []
    bench.tell("questions_raised", id="d-001", questions=[])
    bench.tell("questions_answered", id="d-001", answers={})
    bench.tell("dispatch_started", id="d-001", at=stamp(minutes * 60))  # the user's thinking is not the agent's time
    found = harvest(bench.site, bench.store)
    assert (found == ["d-001: lost: its agent has worked for more than limits.agent_minutes, 10"]) is lost
    assert state(bench) == ("failed" if lost else "running")
    if lost:
        assert [a.kind for a in bench.settle()] == [AGENT]
        assert bench.newest["id"] == "d-002"


@pytest.mark.parametrize(("seconds", "lost"), [pytest.param(50, False, id="50-s"), pytest.param(70, True, id="70-s")])
def test_a_ticket_whose_agent_never_began_is_lost_after_a_minute(bench: Bench, seconds: int, lost: bool) -> None:
    bench.settle()
    bench.tell("dispatch_started", id="d-001", tool_use_id="t", at=stamp(seconds))
    harvest(bench.site, bench.store)
    assert state(bench) == ("failed" if lost else "running")


def test_a_run_that_has_ended_has_nothing_to_take(planning: Bench) -> None:
    write(planning, said(json.dumps(plan())))
    planning.tell("run_aborted")
    assert harvest(planning.site, planning.store) == []
    assert planning.events("result_accepted") == []


STOPPED = {
    "type": "user",
    "message": {"content": [{"type": "text", "text": "[Request interrupted by user for tool use]"}]},
}


@pytest.mark.parametrize(
    ("rows", "over"),
    [
        pytest.param([STOPPED], True, id="stopped"),
        pytest.param([said("Looking", tool=True), STOPPED, {"type": "api-request"}], True, id="in-a-tool-call"),
        pytest.param([STOPPED, said("Again")], False, id="taken-up-again"),
        pytest.param([{"type": "user", "message": {"content": "brief"}}], False, id="at-work"),
    ],
)
def test_an_agent_that_the_user_stopped_is_offered_again_at_once(
    planning: Bench, rows: list[dict[str, Any]], over: bool
) -> None:
    write(planning, *rows, old=0)
    harvest(planning.site, planning.store)
    assert (state(planning) == "failed") == over
    if over:
        assert "the user stopped its agent" in planning.run["dispatches"]["d-001"]["reason"]
        assert [a.kind for a in planning.settle()] == [AGENT]


@pytest.mark.parametrize(
    ("note", "found"),
    [
        pytest.param('{"toolUseId": "t"}', True, id="its-own"),
        pytest.param('{"toolUseId": "u"}', False, id="anothers"),
        pytest.param('["t"]', False, id="no-object"),
        pytest.param("{", False, id="half-written"),
    ],
)
def test_an_agent_that_no_hook_saw_is_found_by_the_clients_notes(bench: Bench, note: str, found: bool) -> None:
    """Stopped before its first tool call."""
    session = bench.folder / "s.jsonl"
    folder = bench.folder / "s" / "subagents"
    folder.mkdir(parents=True)
    (folder / "agent-a1.meta.json").write_text(note)
    (folder / "agent-a1.jsonl").write_text(json.dumps(STOPPED) + "\n")
    bench.settle()
    bench.mark(transcript=str(session))
    bench.tell("dispatch_started", id="d-001", tool_use_id="t", at=stamp(5))
    harvest(bench.site, bench.store)
    assert bench.run["dispatches"]["d-001"]["agent_id"] == ("a1" if found else None)
    assert state(bench) == ("failed" if found else "running")
