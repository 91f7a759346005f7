"""Three coders at once in the real client: each in its own worktree, nobody elsewhere, and the last step waits for all."""

from __future__ import annotations

import json
import os
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.client import Headless
from fermata.rehearsal.messages import ToolUse
from fermata.rehearsal.orchestrator import bash
from fermata.rehearsal.script import Conversation, Heard, Report
from tests.e2e.cast import FILES, built, cast, number, write
from tests.e2e.conftest import asked, git

if TYPE_CHECKING:
    from fermata.rehearsal.client import Mode
    from fermata.rehearsal.messages import Request
    from fermata.rehearsal.script import Actor
    from tests.e2e.conftest import SetStage, Stage

pytestmark = pytest.mark.timeout(240)

GOAL = "Say farewell in three ways"
PROJECT = {**FILES, ".fermata/config.yaml": "workflow: plan_code_review\n" + FILES[".fermata/config.yaml"]}
AFTER: dict[str, list[int]] = {"one.txt": [], "two.txt": [1], "three.txt": [1], "four.txt": [1], "five.txt": [2, 3, 4]}
APART = ("two.txt", "three.txt", "four.txt")
DONE = "DONE: the run is complete"


def plan(**after: list[int]) -> str:
    """One file a step."""
    steps = [
        {"title": f"Write {name}", "objective": f"Write {name}.", "scope": [name], "acceptance": ["it is there"]}
        | {"after": [] if name == "one.txt" else needs}
        for name, needs in ({**AFTER, **after}).items()
    ]
    found = {"status": "plan", "summary": "Five files.", "findings": ["greeting.txt greets"], "assumptions": []}
    return json.dumps(found | {"steps": steps, "checks": [], "risks": {"low": ["none"]}, "effort": "minutes"})


def planner(_heard: Heard) -> Conversation:
    """Two steps for one file first; it is told, and mends it."""
    steps = json.loads(plan())
    steps["steps"][2]["scope"] = ["two.txt", "three.txt"]
    heard = yield Report(json.dumps(steps))
    del heard
    yield Report(plan())


def place_of(heard: Heard) -> str:
    """The worktree that the brief names; empty where it names none."""
    found = re.search(r"worktree of your own:\n`([^`]+)`", heard.text)
    return found[1] if found else ""


def coder(project: Path, may_end: dict[str, threading.Event]) -> Actor:
    """Writes its file where it works. In a worktree it first tries what it must not, and is held up until it may end."""

    def play(heard: Heard) -> Conversation:
        brief, name = heard, re.findall(r"You may change only: `([^`]+)`", heard.text)[0]
        where, told = place_of(heard), ["in place"]
        if where:
            beside = f"{where[:-1]}{2 if where.endswith('1') else 1}"
            told = []
            for tree in (str(project), beside):
                heard = yield ToolUse("Write", {"file_path": f"{tree}/{name}", "content": "stray\n"})
                told.append(
                    "outside your worktree" if "outside your worktree" in heard.result("Write").text else "let in"
                )
            heard = yield bash(f"touch {name}")
            told.append("sent back" if "begin the command with: cd" in heard.result("Bash").text else "let in")
            may_end[f"{name} {number(brief)}" if f"{name} {number(brief)}" in may_end else name].wait(120)
        yield from write(Path(where or project), name, f"{name}\n")
        yield Report(built(name, summary="; ".join(told)))

    return play


def held_up(request: Request, name: str) -> bool:
    """Whether the coder of *name* has tried, last of all, what it must not do with a shell."""
    mine = request.first.startswith("# Build") and f"only: `{name}`" in request.first
    return mine and any("begin the command with: cd" in result.text for result in request.results)


def set_off(stage: Stage, surface: str) -> Headless | None:
    """Up to the three coders at work."""
    if surface == "terminal":
        terminal = stage.terminal()
        terminal.submit(f"/build {GOAL}")
        asked(terminal, "Write one.txt")
        terminal.press("2")
        headless = None
    else:
        stage.headless(f"/build {GOAL}")
        (gate,) = stage.events("approval_requested")
        world = replace(stage.world, env={**stage.world.env, "FERMATA_APPROVE": str(gate["digest"])})
        headless = Headless(world, "/fermata:resume")
        stage.open.callback(headless.kill9)
    for name in APART:  # each has tried three times what it must not
        stage.model.wait_for(lambda request, n=name: held_up(request, n), 60)  # type: ignore[misc]
    return headless


@pytest.mark.parametrize(
    ("version", "surface", "mode"),
    [
        pytest.param("2.1.329", "terminal", "auto", id="329-terminal-auto"),
        pytest.param("2.1.329", "headless", "default", id="329-headless-default", marks=pytest.mark.long),
        pytest.param("2.1.329", "terminal", "default", id="329-terminal-default", marks=pytest.mark.long),
        pytest.param("2.1.197", "terminal", "default", id="197-terminal-default", marks=pytest.mark.long),
        pytest.param("2.1.197", "headless", "default", id="197-headless-default", marks=pytest.mark.long),
    ],
)
def test_three_coders_at_once(set_stage: SetStage, place: Path, version: str, surface: str, mode: Mode) -> None:
    may_end = {name: threading.Event() for name in APART}
    stage = set_stage(version, cast(place, planner=planner, builder=coder(place, may_end)), PROJECT, mode=mode)
    before = git(stage.project, "rev-parse", "HEAD") if surface == "headless" else ""
    headless = set_off(stage, surface)
    assert sorted(p.name for p in place.glob("*.txt")) == ["greeting.txt", "one.txt"]
    assert len(list((place / ".fermata/worktrees").glob("orch_*/code.*/one.txt"))) == 3
    for name in ("three.txt", "two.txt", "four.txt"):
        may_end[name].set()
    stage.journal.wait("run_completed")
    if headless:
        assert DONE in headless.wait().result
        assert git(stage.project, "rev-parse", "HEAD") == before
    else:
        stage.terminals[0].wait_for_text(DONE)
    check(stage, place)


def check(stage: Stage, place: Path) -> None:
    """What was refused, what was brought in, and in which order."""
    (sent_back,) = stage.events("result_rejected")
    assert "steps 2 and 3 could be at work at the same time and both change `two.txt`" in str(sent_back["error"])
    told = {str(body["changed"]): body["summary"] for body in stage.events("result_accepted") if body["changed"]}
    refused = "outside your worktree; outside your worktree; sent back"
    assert told == {
        "['one.txt']": "in place",
        "['five.txt']": "in place",
        **{f"['{name}']": refused for name in APART},
    }
    assert sorted(str(body["paths"]) for body in stage.events("merged")) == sorted(f"['{name}']" for name in APART)
    order = [e["type"] + str(e["body"].get("node", "")) for e in stage.run_store().events()]
    last = order.index("dispatch_createdcode.4/build")
    assert all(order.index(f"mergedcode.{n}/merge") < last for n in (1, 2, 3))
    for name in AFTER:
        assert (place / name).read_text() == f"{name}\n"
    assert git(place, "worktree", "list").count("\n") == 1
    assert not list((place / ".fermata/worktrees").glob("orch_*/code.*"))
    assert sorted(git(place, "status", "--porcelain").split()) == sorted(["??"] * 5 + list(AFTER))


@pytest.mark.parametrize("version", [pytest.param("2.1.329", marks=pytest.mark.long)])
def test_one_that_vanishes_is_replaced_in_its_worktree(set_stage: SetStage, place: Path, version: str) -> None:
    may_end = {name: threading.Event() for name in APART}
    script = cast(place, planner=planner, builder=coder(place, may_end))
    stage = set_stage(version, script, PROJECT, mode="auto")
    set_off(stage, "terminal")
    may_end["three.txt"].set()
    may_end["four.txt"].set()
    for name in ("code.2/merge", "code.3/merge"):
        stage.journal.wait("merged", lambda body, n=name: body["node"] == n)  # type: ignore[misc]
    stage.terminals[0].wait_for_text("Waiting for 1 background agent to finish")
    run = stage.run_store().load()
    (lost,) = [d for d in run["dispatches"].values() if d["state"] == "running"]
    os.utime(lost["transcript"], (1, 1))  # silent for years
    may_end[f"two.txt {len(run['dispatches']) + 1}"] = threading.Event()
    may_end[f"two.txt {len(run['dispatches']) + 1}"].set()
    stage.terminals[0].submit("go on")
    for name in ("code.1/merge", "code.4/build"):
        kind = "merged" if name.endswith("merge") else "dispatch_created"
        stage.journal.wait(kind, lambda body, n=name: body["node"] == n)  # type: ignore[misc]
    stage.journal.wait("run_completed")
    stage.terminals[0].wait_for_text(DONE)
    (failed,) = stage.events("dispatch_failed")
    assert failed["id"] == lost["id"]
    assert "silent for 15 minutes" in str(failed["reason"])
    again = [d for d in stage.run_store().load()["dispatches"].values() if d["node"] == lost["node"]][-1]
    assert again["worktree"] == lost["worktree"]
    for name in AFTER:
        assert (place / name).read_text() == f"{name}\n"
    may_end["two.txt"].set()
