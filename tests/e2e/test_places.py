"""Odd places that only the real client can show: its Bash sandbox, other plugins' hooks, subfolders, linked worktrees."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.e2e.cast import FAREWELL, FILES, GOAL, cast
from tests.e2e.conftest import git

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.rehearsal.messages import JsonObject
    from tests.e2e.conftest import SetStage

BUILD = f"/build {GOAL}"
SANDBOX: JsonObject = {
    "sandbox": {
        "enabled": True,
        "failIfUnavailable": True,
        "allowUnsandboxedCommands": False,
        "autoAllowBashIfSandboxed": True,
    }
}
SANDBOXED = pytest.mark.skipif(
    not (shutil.which("bwrap") and shutil.which("socat")), reason="the client's sandbox needs bubblewrap and socat"
)


@SANDBOXED
@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])
def test_in_the_bash_sandbox_a_whole_run_is_verified(set_stage: SetStage, place: Path, version: str) -> None:
    """Each command there has its own process space: a check that was left behind would be killed."""
    stage = set_stage(version, cast(place), FILES, mode="default", settings=SANDBOX)
    stage.approved(BUILD)
    assert stage.status() == "completed"
    assert {body["outcome"] for body in stage.events("check_finished")} == {"green"}
    assert git(place, "status", "--porcelain") == f"?? {FAREWELL}\n"
    assert stage.run_store().load()["base"]["dirty"] == []
