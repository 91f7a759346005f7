"""What a run from a specification must not let through, and must not skip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.checks.javascript_project import not_installed
from fermata.checks.project_files import Place
from fermata.core.actions import AGENT, DECIDE, WAIT_AGENTS, WAIT_CHECKS
from fermata.core.report import report
from fermata.loop.answer import answer
from fermata.loop.drive import see_through
from fermata.loop.spec_source import BadSpec
from fermata.loop.try_checks import Wanted, try_checks
from fermata.loop.worktrees import root_of
from tests.loop.bench import CONFIG, Bench, built
from tests.loop.conducting import (
    SPEC,
    SPEC_FILE,
    begin_files,
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

    from fermata.core.records import Merge, Run


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


NO_COMMANDS = "\n".join(row for row in SPEC.splitlines() if not row.startswith("Test Command"))


def test_a_phase_without_a_command_is_held_to_the_projects_own(tmp_path: Path) -> None:
    bench = spec_bench(tmp_path, NO_COMMANDS)
    bench.settle()
    gate = bench.run["gate"]
    assert gate is not None
    shown = "     validated by: sh check.sh   (the project's own; the document names none)"
    assert report(bench.run, gate, []).splitlines().count(shown) == len(["phase 1", "phase 2"])
    bench.approve()
    (module,) = live(bench)
    assert "`sh check.sh`" in bench.brief(module)
    does(bench, module, proto__messages_txt="ask, answer\n")
    live(bench)
    found = [c["shown"] for c in bench.run["checks"].values() if c["node"] == "phases.1/check"]
    assert found[:2] == ["fermata inspect placeholders", "sh check.sh"]


def test_a_phase_that_nothing_can_validate_is_called_so_at_the_gate(tmp_path: Path) -> None:
    bench = spec_bench(tmp_path, NO_COMMANDS, config="workflow: conduct\n")
    bench.settle()
    gate = bench.run["gate"]
    assert gate is not None
    shown = "     validated by: no command: the document names none, and none was found in this project"
    assert shown in report(bench.run, gate, []).splitlines()


def test_words_at_the_gate_of_a_specification_are_sent_to_the_specification(tmp_path: Path) -> None:
    bench = spec_bench(tmp_path)
    bench.settle()
    gate = bench.run["gate"]
    assert gate is not None
    assert "put them into .spec/SPEC.md, then type /conduct again." in report(bench.run, gate, [])
    bench.tell("decision_made", digest=gate["digest"], decision="modify", words="keep a\nchangelog", channel="picker")
    text, _ = answer(bench.run, bench.drive())
    said = "The user wrote at the gate: 'keep a changelog'. That goes into .spec/SPEC.md, then type /conduct again."
    assert said in text


def test_a_run_that_was_aborted_tells_of_what_it_leaves_on_its_branch(tmp_path: Path) -> None:
    bench = spec_bench(tmp_path)
    bench.tell("run_aborted")
    assert "fermata/" not in answer(bench.run, bench.drive())[0]
    merged: Merge = {"outcome": "done", "paths": [], "conflicts": [], "base": "", "tree": "", "commit": "c" * 40}
    run: Run = {**bench.run, "merges": {"phases.1/integrate#1": merged}}
    text, _ = answer(run, bench.drive())
    assert f"`git merge {branch(bench)}` takes them in, `git branch -D {branch(bench)}` lets them go." in text


def test_a_specification_that_cannot_be_carried_out_names_who_mends_it(tmp_path: Path) -> None:
    with pytest.raises(BadSpec, match="no modules") as told:
        spec_bench(tmp_path, SPEC.replace("Modules: proto\n", ""))
    assert "let /fermata:prelude .spec/SPEC.md mend it with you; then type /conduct again" in str(told.value)


def test_packages_that_are_not_installed_are_named_at_the_gate_and_linked_once_they_are(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CONFIG)
    bench.sandbox.write(".gitignore", "node_modules/\n")
    bench.sandbox.write("client/package.json", '{"devDependencies": {"left-pad": "^1.3.0"}}')
    begin_files(bench)
    bench.begin("Carry out the spec", workflow="conduct", spec=SPEC_FILE).settle()
    gate = bench.run["gate"]
    assert gate is not None
    assert "NOT INSTALLED  client/node_modules: checks that need it will fail." in report(bench.run, gate, [])
    bench.approve()
    (module,) = live(bench)
    bench.sandbox.write("client/node_modules/left-pad/index.js", "x\n")
    root_of(bench.site, bench.run, bench.run["dispatches"][module]["node"])
    assert (place(bench, module) / "client/node_modules/left-pad/index.js").read_text() == "x\n"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"package.json": '{"scripts": {}}'}, id="asks for none"),
        pytest.param({"package.json": '{"dependencies": {"a": "1"}}', "node_modules/a/i.js": ""}, id="lies there"),
        pytest.param({"package.json": '{"dependencies": {"a": "1"}}', ".pnp.cjs": ""}, id="plug and play"),
        pytest.param({"package.json": "[]"}, id="no object"),
        pytest.param({"web/package.json": '{"dependencies": {"a": "1"}}', "node_modules/a/i.js": ""}, id="above it"),
    ],
)
def test_what_is_installed_is_not_missed(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    folder = "web" if "web/package.json" in files else ""
    assert not not_installed(Place(str(tmp_path), folder))
