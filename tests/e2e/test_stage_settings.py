"""What the settings say of single stages reaches the wire: each agent's model; a stage that is off has no agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.orchestrator import obedient
from fermata.rehearsal.story import MARKS
from tests.e2e.cast import FILES, GOAL, cast, starting_agents

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import SetStage, Stage

STAGES = "stages:\n  plan: {model: haiku}\n  build: {model: opus}\n  baseline: {enabled: false}\n"


def models_of(stage: Stage, role: str) -> set[str]:
    """The models of all requests that agents of *role* made."""
    return {request.model for request in stage.model.of_kind("agent") if MARKS[role] in request.system}


@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])
def test_each_agent_has_the_model_of_its_stage(set_stage: SetStage, place: Path, version: str) -> None:
    files = {**FILES, ".fermata/config.yaml": FILES[".fermata/config.yaml"] + STAGES}
    stage = set_stage(version, cast(place, main=starting_agents(obedient(), model="sonnet")), files, mode="default")
    stage.approved(f"/build {GOAL}")
    assert stage.status() == "completed"
    (main,) = {request.model for request in stage.model.of_kind("main")}
    (planner,) = models_of(stage, "planner")
    (builder,) = models_of(stage, "builder")
    assert "haiku" in planner
    assert "opus" in builder
    assert models_of(stage, "reviewer") == {main}, (
        "without a setting it is the session's, whatever the session asks for"
    )
    run = stage.run_store().load()
    assert [d.get("model") for d in run["dispatches"].values()] == ["haiku", "opus", None]
    assert "baseline" not in {check["node"] for check in run["checks"].values()}
