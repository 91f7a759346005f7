"""The riskiest part: twelve reading dispatches through the real hooks and the one door, every third first result invalid."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Literal

import pytest

from fermata.rehearsal.client import run_headless
from fermata.rehearsal.orchestrator import bash, obedient
from fermata.rehearsal.script import Conversation, Heard, Report, Script
from tests.e2e.cast import only_looking

if TYPE_CHECKING:
    from tests.e2e.conftest import SetStage, Stage

REVIEWER = "You review the change of a fermata run."
PROJECT = only_looking("abcdefghijkl")


def look(heard: Heard) -> Conversation:
    """One agent: looks, then reports; every third reports prose first."""
    number = int(re.search(r"# Review: d-(\d+)", heard.text)[1])  # type: ignore[index]
    yield bash("git log --oneline | head -3")
    if number % 3 == 0:
        yield Report("All fine, I looked everywhere!")
    yield Report(json.dumps({"verdict": "approve", "summary": f"looked at {number}", "findings": []}))


def cast() -> Script:
    return Script(obedient(), {REVIEWER: look})


def check(stage: Stage) -> None:
    """All twelve handed in once, four were sent back once, nothing failed."""
    assert len(stage.events("result_accepted")) == 12
    assert sorted(str(body["id"]) for body in stage.events("result_rejected")) == ["d-003", "d-006", "d-009", "d-012"]
    assert stage.events("dispatch_failed") == []
    assert len(stage.events("run_completed")) == 1


# Every day test_tasks.py has eight dispatches, and `fermata rehearse` sends a result back.
CASES = [("2.1.329", "auto"), ("2.1.329", "default"), ("2.1.197", "default")]


@pytest.mark.long
@pytest.mark.parametrize(("version", "mode"), CASES)
def test_on_the_screen(set_stage: SetStage, version: str, mode: Literal["default", "auto"]) -> None:
    stage = set_stage(version, cast(), PROJECT, mode=mode)
    terminal = stage.terminal()
    terminal.submit("/build Look at twelve things")
    terminal.wait_for_text("DONE: the run is complete", 120)
    check(stage)


@pytest.mark.long
@pytest.mark.parametrize(("version", "mode"), CASES)
def test_headless(set_stage: SetStage, version: str, mode: Literal["default", "auto"]) -> None:
    stage = set_stage(version, cast(), PROJECT, mode=mode)
    outcome = run_headless(stage.world, "/build Look at twelve things")
    assert outcome.code == 0, outcome.stderr
    check(stage)
