from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from fermata.store.errors import Damaged, Usage
from fermata.views.parts import log_lines, show_part
from tests.loop.bench import Bench, built
from tests.views.test_status import HIDDEN, HOSTILE


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path).begin(HOSTILE)


def test_before_the_gate_there_is_no_plan(bench: Bench) -> None:
    with pytest.raises(Usage, match="no plan has reached the gate yet"):
        show_part(bench.store, "plan")


def test_the_plan_is_the_report(bench: Bench) -> None:
    bench.planned()
    assert show_part(bench.store, "plan").startswith("FERMATA · approval needed · plan ")
    assert show_part(bench.store, "approval") == show_part(bench.store, "plan")


def test_a_dispatch_is_its_brief_and_its_results(bench: Bench) -> None:
    bench.building()
    assert "## Result" not in show_part(bench.store, "d-002")
    bench.sandbox.write("src/app.py", "print(2)\n")
    bench.takes(built("src/app.py", summary=HOSTILE[:500]))
    shown = show_part(bench.store, "d-002")
    assert shown.startswith("# Build: d-002")
    assert '## Result d-002-0.json\n{\n "status": "completed"' in shown


def test_a_check_is_its_evidence_and_its_output(bench: Bench) -> None:
    bench.sandbox.write("check.sh", "printf 'out \\033[2Jput\\n'\n")
    bench.settle()
    evidence, _, output = show_part(bench.store, "c-001").partition("\n\n")
    assert json.loads(evidence)["exit_code"] == 0
    assert "out " in output


def test_a_check_that_left_no_evidence_is_what_the_journal_knows(bench: Bench) -> None:
    bench.building().build().settle()
    taken = next(c for c in bench.run["checks"].values() if c["why"].startswith("as "))
    assert json.loads(show_part(bench.store, taken["id"]))["why"] == taken["why"]


def test_the_state_is_the_run_as_of_now(bench: Bench) -> None:
    bench.settle()
    assert json.loads(show_part(bench.store, "state"))["run"]["dispatches"]["d-001"]["state"] == "pending"
    Path(bench.store.state).write_text("{broken")
    assert json.loads(show_part(bench.store, "state"))["run"]["run"] == bench.run["run"]


def test_without_a_journal_the_state_shows_what_is_left(bench: Bench) -> None:
    bench.settle()
    os.unlink(bench.store.journal)
    assert json.loads(show_part(bench.store, "state"))["run"]["status"] == "executing"
    Path(bench.store.state).write_text("{broken")
    with pytest.raises(Damaged):
        show_part(bench.store, "state")


@pytest.mark.parametrize(
    ("part", "says"),
    [
        pytest.param("d-999", "there is no dispatch d-999", id="dispatch"),
        pytest.param("c-999", "there is no check c-999", id="check"),
        pytest.param("plans", "nothing is called 'plans'; known: plan, state", id="word"),
        pytest.param("../../config", "nothing is called '../../config'", id="path"),
        pytest.param("d-001/../x", "nothing is called", id="path-behind-an-id"),
        pytest.param("d-001\n", "nothing is called 'd-001\\n'", id="newline"),
        pytest.param("", "nothing is called ''", id="empty"),
        pytest.param("\x1b[2J" * 100, "nothing is called '\\x1b[2J", id="escape"),
    ],
)
def test_an_unknown_part(bench: Bench, part: str, says: str) -> None:
    with pytest.raises(Usage) as error:
        show_part(bench.store, part)
    assert says in str(error.value)
    assert len(str(error.value)) < 200


def test_the_log_has_one_line_for_each_event(bench: Bench) -> None:
    bench.building()
    events = bench.store.events()
    lines = list(log_lines(events))
    assert len(lines) == len(events)
    assert re.match(r"   1  \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  cli       run_created        goal=x", lines[0])
    assert any("decision_made" in line and "decision=approve  channel=picker" in line for line in lines)


def test_nothing_shown_moves_the_cursor(bench: Bench) -> None:
    bench.sandbox.write("check.sh", "printf 'a\\033[2J\\007\\r\\233b'; exit 0\n")
    bench.building()
    bench.sandbox.write("src/app.py", "print(2)\n")
    bench.takes(built("src/app.py", summary="\u202e\u200b\x9b31m"))
    bench.settle()
    parts = ["plan", "state", *bench.run["dispatches"], *bench.run["checks"]]
    for shown in [*(show_part(bench.store, part) for part in parts), *log_lines(bench.store.events())]:
        found = HIDDEN.findall(shown.replace("\t", ""))
        assert not found, found
