"""`/conduct` in the real client: phases of a SPEC.md built side by side, validated, and merged into the user's branch once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.conduct_cast import SETTINGS, ConductCast
from fermata.rehearsal.five_phases import FILES, SPEC_PATH, specification
from tests.e2e.conftest import asked, git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import SetStage

DONE = "DONE: the run is complete"


def project(*phases: int) -> dict[str, str]:
    """The project with a SPEC.md of *phases*."""
    return {**FILES, SPEC_PATH: specification(node=True, phases=phases)}


def test_two_phases_in_the_terminal(set_stage: SetStage, place: Path) -> None:
    stage = set_stage("2.1.329", ConductCast().script(), project(1, 3), settings=SETTINGS)
    before = git(place, "rev-parse", "HEAD").strip()
    terminal = stage.terminal()
    terminal.submit("/conduct")
    print(asked(terminal, "Phase 1"))
    terminal.press("2")
    stage.journal.wait("run_completed")
    print(terminal.wait_for_text(DONE))
    print(git(place, "log", "--graph", "--format=%h %s%n%b"))
