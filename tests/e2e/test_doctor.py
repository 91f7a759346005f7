"""`fermata doctor` beside a session of the real client, and in it: it knows where its hooks have run."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.orchestrator import bash
from fermata.rehearsal.script import Conversation, Heard, Script
from tests.e2e.conftest import ROOT

if TYPE_CHECKING:
    from tests.e2e.conftest import SetStage

DOCTOR = f'"{ROOT}/scripts/fermata" doctor --json'


def look_inside(_heard: Heard) -> Conversation:
    heard = yield bash(DOCTOR)
    yield heard.result("Bash").text


def hooks_row(told: str) -> tuple[bool | None, str]:
    (found,) = [row for row in json.loads(told)["findings"] if row["name"] == "hooks"]
    return found["ok"], found["text"]


@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])
def test_the_hooks_of_a_session_are_seen_in_it_and_beside_it(set_stage: SetStage, version: str) -> None:
    stage = set_stage(version, Script(look_inside), {"a.txt": "a\n"}, mode="bypassPermissions")
    env = {**stage.world.environment(), "FERMATA_CLIENT": str(stage.world.client.path)}
    before = subprocess.run(
        ["/bin/sh", "-c", DOCTOR], cwd=stage.project, env=env, capture_output=True, text=True, check=True
    )
    assert hooks_row(before.stdout)[0] is None
    outcome = stage.headless("How are you?")
    # The data folder is the client's own: no /build was typed here yet.
    assert hooks_row(outcome.result) == (True, f"they have run in this session, {outcome.session_id}")
    beside = subprocess.run(
        ["/bin/sh", "-c", DOCTOR], cwd=stage.project, env=env, capture_output=True, text=True, check=True
    )
    ok, text = hooks_row(beside.stdout)
    assert (ok, text.startswith(f"last seen at the start of session {outcome.session_id} (")) == (True, True)
    assert f"Claude Code {version}" in beside.stdout
