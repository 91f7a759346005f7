"""Each shipped workflow on the real client, from the typed command to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.rehearse import ASKED
from tests.e2e.cast import FAREWELL, FILES, cast

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import SetStage

DONE = "DONE: the run is complete"


@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])
def test_a_small_fix_is_built_without_a_question_and_the_user_is_told(
    set_stage: SetStage, place: Path, version: str
) -> None:
    stage = set_stage(version, cast(place), FILES, mode="auto")
    terminal = stage.terminal()
    terminal.submit("/orchestrate Fix the missing farewell")
    terminal.wait_for_text("no approval is asked for, by the rule small_change")
    screen = terminal.wait_for_text(DONE)
    assert "Workflow   build_only" in screen
    assert "Confidence 1.00 (go)" in screen
    assert ASKED not in screen
    assert stage.status() == "completed"
    assert [e["rule"] for e in stage.events("approval_waived")] == ["small_change"]
    assert (place / FAREWELL).read_text() == "Goodbye 1\n"
    terminal.submit("/fermata:status")
    terminal.wait_for_text("waived by rule small_change: nobody was asked")
