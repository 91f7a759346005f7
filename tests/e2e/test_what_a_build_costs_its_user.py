"""What a default `/build` shows, asks and does in the session that drives it, as bounds that only a decision may raise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.script import Conversation, Heard, Report
from tests.e2e.cast import FILES, GOAL, careful_builder, cast, plan, questions
from tests.e2e.conftest import ROOT, asked, wished, wishes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import SetStage, Stage

PAGE = ROOT / "docs/reference/performance.md"
# One planner's question round, a plan of one step, one builder, one reviewer, checks that are green.
BOUNDS = {
    "pickers, of which one is the planner's own question": 2,
    "other prompts of the client": 0,
    "characters that fermata shows": 1_600,
    "lines on the screen from the command to the end": 90,
    "tool calls of the driving session": 16,
    "characters that those calls bring into its context": 6_000,
    "model requests of the driving session": 20,
}


def asking_planner(_heard: Heard) -> Conversation:
    yield Report(questions("Shall it be short?"))
    yield Report(plan())


def said_by_fermata(screen: str) -> str:
    """What hooks show the user: each under the call it belongs to, indented, up to an empty line before the next thing."""
    blocks = re.findall(r"says: (.*?)(?=\n\n?[●❯✻]|\Z)", screen, re.DOTALL)
    return "\n".join(" ".join(block.split()) for block in blocks)


def measured(stage: Stage, place: Path, screen: str) -> dict[str, int]:
    """The figures of a run that came to its end, by the names of BOUNDS."""
    pickers = wished(place).count("AskUserQuestion")
    last = max(stage.model.of_kind("main"), key=lambda request: len(request.messages))
    results = [result for message in last.messages for result in message.results if result.name != "ToolSearch"]
    whole = screen[screen.index("❯ /fermata:build") :]
    figures = (
        pickers,
        len(wished(place)) - pickers,
        len(said_by_fermata(whole)),
        len([line for line in whole.splitlines() if line.strip()]),
        len(results),
        sum(len(result.text) for result in results),
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
    found = measured(stage, place, terminal.wait_quiet(1))
    print(found)
    assert {name: (found[name], most) for name, most in BOUNDS.items() if found[name] > most} == {}
    assert all(found[name] for name in BOUNDS if BOUNDS[name]), "what counts nothing bounds nothing"


def test_the_page_has_these_bounds() -> None:
    rows = dict(re.findall(r"^\| ([^|]+) \| [\d,]+ \| ≤ ([\d,]+) \|$", PAGE.read_text(), re.MULTILINE))
    assert {name: int(most.replace(",", "")) for name, most in rows.items()} == BOUNDS
