"""A stage that another command-line agent carries out: a real program, judged by effect like any agent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fermata.checks.runner import stop_check, wait_checks
from fermata.core.actions import AGENT, DECIDE, HUMAN, LAUNCH, WAIT_COMMANDS
from fermata.core.commands import command_for, words_for
from fermata.core.consultation import question_for
from fermata.core.workflow import stage_at
from fermata.definitions.problems import DefinitionError
from fermata.loop.answer import answer
from fermata.loop.drive import drive, run_checks
from fermata.loop.harvest import harvest
from fermata.loop.start import reload_settings
from tests.checks.test_runner import gone
from tests.loop.bench import CONFIG, Bench, built, plan, review

GOOD = "printf 'print(2)\\n' > src/app.py; echo working >&2; cat answer.json"
SETTINGS = "commands: {{other: {{argv: {argv}, minutes: 1}}}}\nstages: {{{stage}: {{command: other}}}}\n"


def make_bench(
    folder: Path, script: str = GOOD, result: Any = None, argv: str = '[sh, agent.sh, "{brief}"]', stage: str = "build"
) -> Bench:
    """A run whose stage *stage* is the program agent.sh."""
    bench = Bench(folder, CONFIG + SETTINGS.format(argv=argv, stage=stage))
    bench.sandbox.write("agent.sh", script + "\n")
    bench.sandbox.write("answer.json", json.dumps(result or built("src/app.py")))
    bench.sandbox.commit()
    return bench.begin()


def ended(bench: Bench) -> list[str]:
    """Drive until no command is at work; what is due then."""
    for _ in range(30):
        actions = bench.settle()
        names = [a.subject for a in actions if a.kind == WAIT_COMMANDS]
        if not names:
            return [a.kind for a in actions]
        assert wait_checks(bench.store.path("checks"), names, 30)
    raise AssertionError("the command was offered again and again")


def test_a_command_builds_and_its_answer_comes_through_the_door(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, GOOD + '; cp "$1" ../seen.md; env > ../env.txt').planned()
    assert os.environ.setdefault("FERMATA_APPROVE", "secret")
    bench.approve()
    assert ended(bench) == [AGENT]
    dispatch = bench.run["dispatches"]["d-002"]
    assert (dispatch["state"], dispatch["command"], dispatch["changed"]) == ("completed", "other", ["src/app.py"])
    assert bench.newest["agent"] == "reviewer"
    assert (tmp_path / "seen.md").read_text() == bench.brief("d-002")
    assert "FERMATA" not in (tmp_path / "env.txt").read_text()
    assert "working" in Path(bench.store.path("checks", "d-002.log")).read_text()
    bench.work()
    bench.takes(review())
    bench.settle()
    assert bench.run["status"] == "completed"


def test_where_no_argument_holds_the_brief_it_comes_on_standard_input(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, "cat > ../seen.md; " + GOOD, argv="[sh, agent.sh]").planned().approve()
    assert ended(bench) == [AGENT]
    assert (tmp_path / "seen.md").read_text() == bench.brief("d-002")


def test_the_human_sees_word_for_word_what_is_started_and_the_digest_covers_it(tmp_path: Path) -> None:
    bench = make_bench(tmp_path).planned()
    gate = bench.run["gate"]
    assert gate
    words = "stage build by other, at most 1 min: sh agent.sh '{brief}'"
    assert words in Path(bench.store.path("artifacts", "approval.md")).read_text()
    assert words in question_for(bench.run, gate)["question"]
    assert gate["envelope"]["commands"] == [
        {"stage": "build", "name": "other", "argv": ["sh", "agent.sh", "{brief}"], "minutes": 1}
    ]


def test_what_was_approved_runs_whatever_the_settings_say_later(tmp_path: Path) -> None:
    bench = make_bench(tmp_path).planned().approve()
    bench.sandbox.write(".fermata/config.yaml", CONFIG + SETTINGS.format(argv="[sh, evil.sh]", stage="build"))
    reload_settings(bench.site, bench.store)
    run = bench.run
    assert run["commands"][0]["argv"] == ["sh", "evil.sh"]
    command = command_for(run, stage_at(run["workflow"], "steps.0/build"))
    assert command
    assert words_for(command, "/b.md") == (["sh", "agent.sh", "/b.md"], False)
    bench.sandbox.write(".fermata/config.yaml", CONFIG)
    reload_settings(bench.site, bench.store)
    assert bench.run["commands"] == []


@pytest.mark.parametrize(
    ("script", "result", "why"),
    [
        pytest.param("echo no quota >&2; exit 7", None, "exit code 7: no quota", id="exit-code"),
        pytest.param("echo all done", None, "no JSON object in it", id="prose"),
        pytest.param("cat answer.json", {"status": "completed"}, "'summary' is a required property", id="schema"),
        pytest.param("echo x > README.md; " + GOOD, built("src/app.py", "README.md"), "changed outside your scope", id="scope"),
        pytest.param("echo x > src/b.py; " + GOOD, None, "src/b.py changed, but `files_modified` does not say so", id="silent"),
        pytest.param("cat answer.json", None, "which did not change", id="claim-without-effect"),
        pytest.param("kill -9 $$", None, "ended by signal 9", id="killed"),
        pytest.param("yes | head -c 20000000; cat answer.json", None, "characters; at most", id="too-much"),
    ],
)  # fmt: skip
def test_a_failure_of_any_kind_fails_the_dispatch_and_is_told_to_the_next(
    tmp_path: Path, script: str, result: Any, why: str
) -> None:
    bench = make_bench(tmp_path, script, result).planned().approve()
    stray = "README.md" in script
    assert ended(bench) == [HUMAN if stray else AGENT]
    failed = [d for d in bench.run["dispatches"].values() if d["state"] == "failed"]
    assert why in failed[0]["reason"]
    if not stray:  # the same twice: the planner hears of it
        assert failed[-1]["error"] == failed[-2]["error"]
        assert f"{failed[0]['id']} failed" in bench.brief(failed[1]["id"])
        assert bench.newest["agent"] == "planner"
    else:
        assert (bench.sandbox.root / "README.md").read_text() == "x\n"  # refused, not undone


def test_a_command_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, "sleep 300 & echo $! > ../pid; wait").planned().approve()
    (action,) = bench.settle()
    assert (action.kind, action.subject) == (WAIT_COMMANDS, "d-002")
    said, code = answer(bench.run, [action])
    assert "fermata has started other (d-002)" in said
    assert code == 0
    assert harvest(bench.site, bench.store) == []  # no agent is missed
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        os.sched_yield()
    assert stop_check(bench.store.path("checks"), "d-002")
    assert wait_checks(bench.store.path("checks"), ["d-002"], 15)
    assert gone(int((tmp_path / "pid").read_text()))


def test_one_that_was_journalled_and_never_started_is_lost_and_offered_again(tmp_path: Path) -> None:
    bench = make_bench(tmp_path).planned().approve()
    bench.site.confined = True
    actions = drive(bench.site, bench.store, check=False)[1]
    assert [a.kind for a in actions] == [LAUNCH]
    assert "sandbox ends them with the command that starts them" in answer(bench.run, actions)[0]
    bench.tell("dispatch_started", id="d-002", at="2026-11-21T09:00:00Z")
    assert ended(bench) == [AGENT]
    states = [d["state"] for d in bench.run["dispatches"].values()][1:3]
    assert states == ["failed", "completed"]


def test_in_a_sandbox_it_stays_with_the_command_that_starts_it(tmp_path: Path) -> None:
    bench = make_bench(tmp_path).planned().approve()
    run_checks(bench.site, bench.store)
    assert os.path.exists(bench.store.path("checks", "d-002.json"))
    assert ended(bench) == [AGENT]


def test_one_that_only_looks_is_held_to_it(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, "echo x > notes.txt; cat answer.json", plan(), stage="plan")
    assert ended(bench) == [HUMAN]
    assert bench.newest["unexplained"] == ["notes.txt"]
    assert "notes.txt changed during d-001" in answer(bench.run, bench.settle())[0]


def test_one_that_plans_is_told_that_nobody_answers(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, "cat answer.json", plan(), stage="plan")
    assert ended(bench) == [DECIDE]
    assert "This session has no one to answer" in bench.brief("d-001")
    assert "No question round is left" in bench.brief("d-001")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("stages: {build: {command: other}}", 'names "other"; known under `commands`: none', id="unknown"),
        pytest.param("commands: {a: {argv: [x]}}\nstages: {verify: {command: a}}", "a stage of kind checks has no agent", id="kind"),
        pytest.param("commands: {a: {argv: [cd, x]}}", "would need a shell", id="shell-word"),
        pytest.param("commands: {a: {argv: [X=1, x]}}", "would need a shell", id="assignment"),
        pytest.param('commands: {a: {argv: ["a\\u202eb"]}}', "U+202E", id="hidden"),
        pytest.param('commands: {a: {argv: [""]}}', "empty word", id="empty"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_carried_out(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DefinitionError) as error:
        Bench(tmp_path, CONFIG + text + "\n").begin()
    assert says in str(error.value)
    assert ".fermata/config.yaml: line " in str(error.value)
