"""What a run from a specification must not let through, and must not skip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.core.actions import AGENT, DECIDE, WAIT_AGENTS, WAIT_CHECKS
from fermata.core.report import report
from fermata.loop.answer import answer
from fermata.loop.drive import see_through
from fermata.loop.try_checks import Wanted, try_checks
from tests.loop.bench import built
from tests.loop.conducting import (
    SPEC,
    branch,
    branch_files,
    does,
    first_phase,
    judged,
    live,
    place,
    reviewed,
    says,
    second_phase,
    spec_bench,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.long
def test_the_command_of_every_phase_runs_again_on_the_whole(tmp_path: Path) -> None:
    bench = spec_bench(tmp_path)
    first_phase(bench)
    second_phase(bench)
    bench.settle()
    whole = [c["shown"] for c in bench.run["checks"].values() if c["node"] == "verify"]
    assert whole == ["sh check.sh", 'sh gen.sh && echo "generated"', "test -s server/main.txt"]


def test_what_a_lost_agent_left_outside_its_scope_comes_nowhere(tmp_path: Path) -> None:
    bench = spec_bench(tmp_path)
    bench.settle()
    bench.approve()
    (first,) = live(bench)
    (place(bench, first) / "stray.txt").write_text("not mine\n")
    (place(bench, first) / "check.sh").write_text("exit 0 # loosened\n")
    bench.tell("dispatch_failed", id=first, reason="lost", category="transient")
    (second,) = live(bench)
    assert place(bench, second) == place(bench, first), "what it has built is kept"
    does(bench, second, proto__messages_txt="ask, answer\n")
    (judge,) = live(bench)
    says(bench, judge, judged("messages are defined"))
    bench.settle()
    merged = [body["paths"] for body in bench.events("merged") if body["node"].endswith("/gather")]
    assert merged == [["proto/messages.txt"]]
    assert "stray.txt" not in branch_files(bench)


def test_what_a_lost_fix_executor_left_outside_the_scope_does_not_come_with_the_phase(tmp_path: Path) -> None:
    bench = spec_bench(tmp_path)
    bench.settle()
    bench.approve()
    (module,) = live(bench)
    does(bench, module, proto__notes_txt="all tests pass\n")
    (lost,) = live(bench)
    assert bench.run["dispatches"][lost]["agent"] == "fix-executor"
    there = place(bench, lost)
    (there / "stray.txt").write_text("not mine\n")
    (there / "check.sh").write_text("exit 0 # loosened\n")
    (there / "proto/messages.txt").write_text("ask\n")
    bench.tell("dispatch_failed", id=lost, reason="lost", category="transient")
    (fixer,) = live(bench)
    assert place(bench, fixer) == there
    assert (there / "proto/messages.txt").read_text() == "ask\n", "what it had built is kept"
    assert not (there / "stray.txt").exists()
    does(bench, fixer, proto__messages_txt="ask, answer\n")
    (judge,) = live(bench)
    says(bench, judge, judged("messages are defined"))
    bench.settle()
    assert "gen/messages.txt" in branch_files(bench)
    assert "stray.txt" not in branch_files(bench)
    assert bench.sandbox.git("show", f"{branch(bench)}:check.sh") == "exit 0\n"
    assert bench.sandbox.git("show", f"refs/fermata/{bench.run['run']}/{fixer}-strays:stray.txt") == "not mine\n"


def test_what_the_checks_make_outside_a_modules_scope_is_not_its_agents_to_answer_for(tmp_path: Path) -> None:
    bench = spec_bench(tmp_path)
    bench.settle()
    bench.approve()
    (module,) = live(bench)
    there = place(bench, module)
    (there / "proto").mkdir()
    (there / "proto/messages.txt").write_text("ask, answer\n")
    *_, last = try_checks(bench.site, Wanted(dispatch=module), 15)
    assert "put back as it was: gen/messages.txt" in last["text"]
    assert not (there / "gen").exists()
    (there / "stray.txt").write_text("the agent's own\n")
    assert "stray.txt" not in try_checks(bench.site, Wanted(dispatch=module), 15)[-1]["text"]
    assert "stray.txt" in bench.hand_in(built("proto/messages.txt"), module).message
    (there / "stray.txt").unlink()
    does(bench, module, proto__messages_txt="ask, answer\n")


def test_agents_at_work_on_what_reads_as_before_end_before_a_changed_spec_is_asked_about(tmp_path: Path) -> None:
    bench = spec_bench(tmp_path)
    bench.settle()
    bench.approve()
    (first,) = live(bench)
    bench.sandbox.write(".spec/SPEC.md", SPEC.replace("- the client asks", "- the client asks twice"))
    assert bench.kinds() == [WAIT_AGENTS]
    does(bench, first, proto__messages_txt="ask, answer\n")
    assert bench.kinds() == [DECIDE]


def test_agents_at_work_on_what_was_changed_are_not_waited_for(tmp_path: Path) -> None:
    bench = spec_bench(tmp_path)
    bench.settle()
    bench.approve()
    live(bench)
    bench.sandbox.write(".spec/SPEC.md", SPEC.replace("messages are defined", "all messages are defined"))
    assert bench.kinds() == [DECIDE]


def test_one_wait_sees_the_checks_of_a_phase_through_one_after_the_other(tmp_path: Path) -> None:
    bench = spec_bench(
        tmp_path, SPEC.replace("Test Command: sh gen.sh", "Test Command: test -s check.sh\nTest Command: sh gen.sh")
    )
    bench.settle()
    bench.approve()
    (first,) = live(bench)
    does(bench, first, proto__messages_txt="ask, answer\n")
    assert [action.kind for action in bench.drive()] == [WAIT_CHECKS]
    see_through(bench.site, bench.store, 15)
    ended = [c["state"] for c in bench.run["checks"].values()]
    assert len(ended) > 1
    assert set(ended) == {"finished"}
    assert [action.kind for action in bench.drive()] == [AGENT]


@pytest.mark.long
def test_what_was_run_is_told_by_its_command_and_where_the_work_is_comes_first(tmp_path: Path) -> None:
    bench = reviewed(second_phase(first_phase(spec_bench(tmp_path))))
    bench.settle()
    text, _ = answer(bench.run, bench.drive())
    rows = text.splitlines()
    assert rows[0].startswith("DONE: the run is complete")
    assert rows[1].startswith(f"{branch(bench)} is merged into ")
    assert [row for row in rows if row.startswith('Checked: `sh gen.sh && echo "generated"` green')]
    assert "command-1" not in text
    assert "gen/messages.txt" in text.partition("Changed: ")[2].partition("\n")[0]


def test_the_gate_shows_a_phases_commands_apart_from_what_fermata_looks_for(tmp_path: Path) -> None:
    bench = spec_bench(tmp_path)
    bench.settle()
    gate = bench.run["gate"]
    assert gate is not None
    rows = report(bench.run, gate, []).splitlines()
    assert '     validated by: sh gen.sh && echo "generated"' in rows
    assert "Risks" not in rows, "the document names none, and nobody else has looked"
