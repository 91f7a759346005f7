"""What a default `/build` shows, asks and does in the session that drives it, as bounds that only a decision may raise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.orchestrator import bash
from fermata.rehearsal.play import REPORT
from fermata.rehearsal.script import Conversation, Heard, Report
from tests.e2e.cast import FAREWELL, FILES, GOAL, careful_builder, cast, plan, questions
from tests.e2e.conftest import ROOT, asked, wished, wishes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import SetStage, Stage

PAGE = ROOT / "docs/reference/performance.md"
# One planner's question round, a plan of one step, one builder, one reviewer, checks that are green.
BOUNDS = {
    "pickers, of which one is the planner's own question": 2,
    "other prompts of the client": 0,
    "lines on the screen from the command to the end": 75,
    "characters in them, the client's own included": 2_700,
    "tool calls of the driving session": 20,
    "characters that fermata's answers bring into its context": 3_000,
    "model requests of the driving session": 24,
}


def asking_planner(_heard: Heard) -> Conversation:
    yield bash("git log --oneline | head -3; ls && cat greeting.txt")
    yield Report(questions("Shall it be short?"))
    yield Report(plan())


def measured(stage: Stage, place: Path, screen: str) -> dict[str, int]:
    """The figures of a run that came to its end, by the names of BOUNDS."""
    pickers = wished(place).count("AskUserQuestion")
    last = max(stage.model.of_kind("main"), key=lambda request: len(request.messages))
    results = [result for message in last.messages for result in message.results if result.name != "ToolSearch"]
    answers = [result.text.replace(str(ROOT), "") for result in results if result.name == "Bash"]
    lines = [line.strip() for line in screen[screen.index(GOAL) :].splitlines() if re.search(r"\w", line)]
    figures = (
        pickers,
        len(wished(place)) - pickers,
        len(lines),
        sum(map(len, lines)),
        len(results),
        sum(map(len, answers)),
        len(stage.model.of_kind("main")),
    )
    return dict(zip(BOUNDS, figures, strict=True))


@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])
def test_a_default_build_stays_within_its_bounds(set_stage: SetStage, place: Path, version: str) -> None:
    script = cast(place, planner=asking_planner, builder=careful_builder(place))
    stage = set_stage(version, script, FILES, mode="default", settings=wishes(place))
    terminal = stage.terminal()
    terminal.submit(f"/build {GOAL}")
    terminal.wait_for_text("Shall it be short?")
    terminal.wait_quiet()
    terminal.press("1")
    asked(terminal, "farewell")
    terminal.press("2")
    terminal.wait_for_text("DONE: the run is complete", 60)
    screen = terminal.wait_quiet(1)
    assert REPORT in screen, "nothing has scrolled away"
    found = measured(stage, place, screen)
    print(found)  # with `-s`: the numbers of the page
    assert {name: (found[name], most) for name, most in BOUNDS.items() if found[name] > most} == {}
    assert all(found[name] for name in BOUNDS if BOUNDS[name]), "what counts nothing bounds nothing"
    assert (place / FAREWELL).read_text() == "Farewell\n"


def test_the_page_has_these_bounds() -> None:
    rows = dict(re.findall(r"^\| ([^|]+) \| [\d,]+ \| ≤ ([\d,]+) \|$", PAGE.read_text(), re.MULTILINE))
    assert {name: int(most.replace(",", "")) for name, most in rows.items()} == BOUNDS
