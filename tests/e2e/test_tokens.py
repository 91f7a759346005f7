"""What `status` says the run has used is what the model said it used: no answer twice, none forgotten."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from fermata.rehearsal.messages import Answer, Request, Text, Usage
from fermata.rehearsal.script import Script
from tests.e2e.cast import FILES, GOAL, cast
from tests.e2e.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.rehearsal.messages import Reply
    from tests.e2e.conftest import SetStage, Stage


class Metered(Script):
    """Every answer claims another usage, and is written in several blocks; `told` keeps what each request was told."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.told: list[tuple[Request, Usage]] = []

    def __call__(self, request: Request) -> Reply:
        reply = self._script(request)
        if not isinstance(reply, Answer):
            return reply
        n = len(request.messages)
        usage = Usage(input=100 + n, output=10 + n, cache_read=5_000 + 7 * n, cache_creation=300 + n)
        self.told.append((request, usage))
        return Answer((Text("Let me see."), *reply.blocks), usage)

    def total(self, kind: str) -> dict[str, int]:
        found = [usage for request, usage in self.told if request.kind == kind]
        names = ("input", "output", "cache_read", "cache_creation")
        return {name: sum(getattr(usage, name) for usage in found) for name in names}


def cost(stage: Stage) -> dict[str, Any]:
    command = [str(ROOT / "scripts" / "fermata"), "status", "--json"]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(stage.world.home), **stage.world.env}
    done = subprocess.run(command, cwd=stage.project, env=env, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["status"] == "completed"
    return found


@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])
def test_status_tells_what_the_model_told(set_stage: SetStage, place: Path, version: str) -> None:
    metered = Metered(cast(place))
    stage = set_stage(version, metered, FILES, mode="default")
    stage.approved(f"/build {GOAL}")
    found = cost(stage)
    agents, session = found["cost"]["agents"], found["cost"]["session"]
    assert agents == metered.total("agent")
    # The session goes on after its last `next`, and what it says then is in no journal.
    said = metered.total("main")
    assert all(0 < session[kind] <= said[kind] for kind in session)
    assert found["cost"]["total"] == sum(agents.values()) + sum(session.values())
    by_dispatch = [state["tokens"] for state in found["agent_states"]]
    assert {kind: sum(tokens[kind] for tokens in by_dispatch) for kind in agents} == agents
