from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fermata.core.consultation import code_of, question_for
from fermata.core.report import report
from fermata.core.small_change import waivable
from fermata.definitions.problems import DefinitionError
from fermata.loop.drive import drive
from fermata.loop.site import LAUNCHER, minutes_since
from fermata.loop.start import project_checks, reload_settings, start_run
from fermata.loop.try_checks import Wanted, try_checks
from fermata.store.errors import Conflict, StoreError, Usage
from tests.core.build import make_step
from tests.git.sandbox import make_sandbox
from tests.loop.bench import CONFIG, Bench, plan
from tests.store.runs import RUN, SESSION, make_run

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_run_carries_what_it_began_with(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CONFIG + "grant: cli\nlimits: {dispatches: 7}\n")
    bench.sandbox.write("notes.txt")
    commit = bench.sandbox.git("rev-parse", "HEAD").strip()
    run = bench.begin("A goal; `touch x` $(touch y)").run
    assert (run["goal"], run["session"], run["status"]) == ("A goal; `touch x` $(touch y)", SESSION, "executing")
    assert (run["grant"], run["limits"]["dispatches"], run["limits"]["check_minutes"]) == ("cli", 7, 30)
    assert (run["base"]["commit"], run["base"]["branch"], run["base"]["dirty"]) == (commit, "main", ["notes.txt"])
    assert [c["command"]["shown"] for c in run["project_checks"]["full"]] == ["sh check.sh"]
    assert start_run(bench.site) == run
    assert len(bench.events("run_created")) == 1


def test_without_settings_the_checks_are_found(tmp_path: Path) -> None:
    bench = Bench(tmp_path, config="")
    bench.sandbox.write("tests/test_a.py", "def test_a(): pass\n")
    (check,) = bench.begin().run["project_checks"]["full"]
    assert (check["name"], check["expect_tests"], check["source"]) == ("tests", True, "tests/test_a.py is a test file")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        pytest.param(
            'checks: {full: [{name: a, command: "echo \'x"}]}',
            "line 1: checks.full.0.command: the command has an unbalanced",
            id="quote",
        ),
        pytest.param(
            "checks: {quick: [{name: a, command: ' '}]}",
            "line 1: checks.quick.0.command: the command is empty",
            id="blank",
        ),
        pytest.param('checks: {full: [{name: a, command: "ls \\u202e"}]}', "U+202E", id="hidden"),
        pytest.param(
            "workflow: nosuch",
            'workflow "nosuch" is not known; known: build_only, conduct, decompose_first, multi_task, phased, plan_code_review, plan_then_build, staged',
            id="workflow",
        ),
        pytest.param("limit: {}", 'unknown key "limit"', id="key"),
    ],
)
def test_wrong_settings_open_no_run(tmp_path: Path, config: str, says: str) -> None:
    bench = Bench(tmp_path, config)
    bench.mark()
    with pytest.raises(DefinitionError) as error:
        start_run(bench.site)
    assert says in str(error.value)
    assert not bench.store.exists()


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.sandbox.git("update-ref", "-d", "HEAD")
    bench.mark()
    with pytest.raises(Usage, match="has no commit yet; make the first one"):
        start_run(bench.site)


@pytest.mark.parametrize(
    ("mark", "name"), [("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"), ("rebase-merge", "rebase")]
)
def test_an_unfinished_operation(tmp_path: Path, mark: str, name: str) -> None:
    bench = Bench(tmp_path)
    (bench.sandbox.root / ".git" / mark).write_text("")
    bench.mark()
    with pytest.raises(Usage, match=f"a {name} is in progress"):
        start_run(bench.site)


def test_another_run_that_is_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    other = make_run(bench.site.project.folder, "orch_20260101_000000_ffff", goal="The other goal")
    bench.mark()
    with pytest.raises(Conflict, match="'The other goal'"):
        start_run(bench.site)
    other.note("test", "run_stopped", {})
    assert start_run(bench.site)["run"] == RUN


def test_no_command_has_bound_the_session(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="this session drives no run"):
        start_run(Bench(tmp_path).site)


def test_a_marker_with_an_unusable_run_name(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.mark(run="../../elsewhere")
    with pytest.raises(StoreError):
        start_run(bench.site)


def test_settings_are_read_anew_and_what_was_approved_stays(bench: Bench) -> None:
    bench.building()
    bench.sandbox.write(".fermata/config.yaml", CONFIG.replace("check.sh", "lint.sh") + "grant: none\n")
    reload_settings(bench.site, bench.store)
    reload_settings(bench.site, bench.store)
    run = bench.run
    assert run["grant"] == "none"
    assert run["approved"] is not None
    assert [c["command"]["shown"] for c in run["approved"]["envelope"]["checks"]] == ["sh check.sh"]
    assert len(bench.events("settings_reloaded")) == 1
    bench.sandbox.write(".fermata/config.yaml", "grant: [")
    with pytest.raises(DefinitionError):
        reload_settings(bench.site, bench.store)
    assert bench.run["grant"] == "none"


def test_a_stage_s_model_is_kept_in_its_dispatch_and_read_anew(tmp_path: Path) -> None:
    """E22, E25."""
    bench = Bench(tmp_path, CONFIG + "stages: {plan: {model: haiku}, review: {enabled: false}}\n").begin()
    bench.settle()
    assert bench.newest.get("model") == "haiku"
    bench.work()
    bench.takes(plan())
    bench.settle()
    bench.sandbox.write(".fermata/config.yaml", CONFIG + "stages: {build: {model: opus}, review: {enabled: false}}\n")
    reload_settings(bench.site, bench.store)
    assert bench.run["models"] == {"build": "opus"}
    bench.approve().settle()
    assert [d.get("model") for d in bench.run["dispatches"].values()] == ["haiku", "opus"]
    bench.sandbox.write(".fermata/config.yaml", CONFIG + "stages: {review: {model: opus}}\n")
    with pytest.raises(DefinitionError, match='"review" is no stage'):
        reload_settings(bench.site, bench.store)


def test_a_stage_that_is_off_is_not_in_the_run_nor_in_what_is_approved(tmp_path: Path) -> None:
    """E04."""
    whole = Bench(tmp_path / "whole").begin().planned()
    less = Bench(tmp_path / "less", CONFIG + "stages: {review: {enabled: false}}\n").begin().planned()
    assert less.run["workflow_digest"] != whole.run["workflow_digest"]
    assert less.run["gate"] is not None
    assert less.run["gate"]["envelope"]["workflow"] == less.run["workflow_digest"]
    less.approve().settle()
    less.work()
    less.build().settle()
    assert less.run["status"] == "completed"
    assert [d["agent"] for d in less.run["dispatches"].values()] == ["planner", "builder"]


def test_checks_of_the_user_s_own_file_are_told_as_such(tmp_path: Path, home: str) -> None:
    path = Path(home, ".config/fermata/config.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(CONFIG)
    (check,) = Bench(tmp_path, config="").begin().run["project_checks"]["full"]
    assert check["source"] == str(path)


def test_the_configured_checks_win_over_what_is_found(tmp_path: Path) -> None:
    from fermata.definitions.settings import load_settings

    sandbox = make_sandbox(tmp_path)
    sandbox.write("pytest.ini", "[pytest]\n")
    root = str(sandbox.root)
    assert [c["source"] for c in project_checks(root, load_settings(root))["full"]] == ["pytest.ini configures pytest"]
    sandbox.write(".fermata/config.yaml", CONFIG)
    assert [c["source"] for c in project_checks(root, load_settings(root))["full"]] == [".fermata/config.yaml"]


def test_trying_the_checks_leaves_the_run_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (before,) = try_checks(bench.site, Wanted(baseline=False, quick=False), 15)
    assert (before["name"], before["outcome"]) == ("tests", "green")
    bench.begin().building()
    events = len(bench.store.events())
    bench.sandbox.write("check.sh", "echo WRONG; exit 2\n")
    (found,) = try_checks(bench.site, Wanted(baseline=False, quick=True), 15)
    assert found["outcome"] == "red"
    assert found["text"].endswith("WRONG\n")
    assert len(bench.store.events()) == events


def test_the_launcher_is_the_one_in_this_checkout() -> None:
    assert Path(LAUNCHER).name == "fermata"
    assert Path(LAUNCHER).is_file()


def test_a_clock_that_was_set_back_counts_no_minutes() -> None:
    assert minutes_since("2999-01-01T00:00:00Z") == 0.0
    assert minutes_since("2020-01-01T00:00:00Z") > 60


@pytest.mark.parametrize(
    ("config", "goal", "marker", "expected"),
    [
        pytest.param("", "Fix the typo", {}, ("build_only", '"fix"'), id="router"),
        pytest.param("", "Say farewell", {}, ("plan_then_build", "none"), id="no-signal"),
        pytest.param("workflow: plan_then_build\n", "Fix it", {}, ("plan_then_build", "the settings"), id="settings"),
        pytest.param("", "Add it", {"workflow": "build_only"}, ("build_only", "your choice"), id="choice"),
        pytest.param(
            "workflow: plan_then_build\n",
            "x",
            {"workflow": "build_only"},
            ("build_only", "your choice"),
            id="choice-first",
        ),
    ],
)
def test_how_a_run_is_routed(
    tmp_path: Path, config: str, goal: str, marker: dict[str, str], expected: tuple[str, str]
) -> None:
    run = Bench(tmp_path, CONFIG + config).begin(goal, **marker).run
    routing = run["routing"]
    assert (routing["workflow"], routing["signal"]) == expected
    assert run["workflow"]["name"] == expected[0]
    assert run["mode"] == "implicit"


def ended(folder: Path, status: str, goal: str = "Say farewell") -> Bench:
    """A project with one run, whose plan was approved and which is over or parked."""
    bench = Bench(folder).begin(goal)
    bench.planned(make_step("One", ("src/**",)), make_step("Two", ("docs/**",))).approve()
    bench.tell(status)
    return bench


AGAIN = "orch_20991121_091502_3fa9"


@pytest.mark.parametrize("status", ["run_aborted", "run_stopped"])
def test_a_plan_approved_before_for_the_same_goal_is_taken_over_and_asked_about(tmp_path: Path, status: str) -> None:
    bench = ended(tmp_path, status)
    code = code_of(str(bench.run["approved"]["digest"]))  # type: ignore[index]
    bench.mark("Say  farewell\n", run=AGAIN)
    run = start_run(bench.site)
    assert run["workflow"]["name"] == "build_only"
    assert run["routing"]["signal"] == f"plan {code}, approved in {bench.run['run']}"
    drive(bench.site, bench.site.project.run(AGAIN))
    run = bench.site.project.run(AGAIN).load()
    gate = run["gate"]
    assert gate is not None
    assert gate["envelope"]["scopes"] == [["src/**"], ["docs/**"]]
    assert not waivable(run, gate)
    text = report(run, gate, [])
    assert f"this is plan {code}, approved in {bench.run['run']}" in text
    assert "  2. Two" in text


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda b: b.mark("Say farewell now", run=AGAIN), id="another-goal"),
        pytest.param(lambda b: b.mark("Say farewell", run=AGAIN, workflow="plan_then_build"), id="chosen-workflow"),
        pytest.param(
            lambda b: (b.mark("Say farewell", run=AGAIN), b.sandbox.commit("the user's own")), id="another-base"
        ),
    ],
)
def test_an_earlier_plan_that_does_not_fit_is_left_alone(tmp_path: Path, spoil: Callable[[Bench], object]) -> None:
    bench = ended(tmp_path, "run_aborted")
    spoil(bench)
    run = start_run(bench.site)
    assert (run["workflow"]["name"], run["kept"]) == ("plan_then_build", {})


def test_a_plan_that_was_carried_out_or_never_approved_is_none(tmp_path: Path) -> None:
    bench = ended(tmp_path, "run_completed")
    bench.mark("Say farewell", run=AGAIN)
    assert start_run(bench.site)["workflow"]["name"] == "plan_then_build"
    other = Bench(tmp_path / "other").begin("Say farewell")
    other.planned()
    other.tell("run_aborted")
    other.mark("Say farewell", run=AGAIN)
    assert start_run(other.site)["workflow"]["name"] == "plan_then_build"


@pytest.mark.parametrize(
    ("goal", "style", "in_question", "in_report"),
    [
        pytest.param("Add it", "implicit", False, False, id="sure-and-hidden"),
        pytest.param("Add it", "explicit", True, True, id="sure-and-shown"),
        pytest.param("Add a fix", "implicit", False, True, id="a-caution-is-seen"),
        pytest.param("Say it", "implicit", False, True, id="a-guess-is-seen-and-nothing-more-asked"),
        pytest.param("Say it", "explicit", True, True, id="one-picker-for-lane-and-plan"),
    ],
)
def test_how_sure_the_lane_is_stands_where_it_is_decided(
    tmp_path: Path,
    goal: str,
    style: str,
    in_question: bool,
    in_report: bool,
) -> None:
    run = Bench(tmp_path).begin(goal, style=style).planned().run
    gate = run["gate"]
    assert gate is not None
    lane = f"plan_then_build: signal {run['routing']['signal']}, confidence "
    assert (f"\nLane: {lane}" in question_for(run, gate)["question"]) is in_question
    assert (f"Lane       {lane}" in report(run, gate, [])) is in_report


def test_without_checks_no_fix_is_taken_for_small(tmp_path: Path) -> None:
    run = Bench(tmp_path, config="").begin("Fix the typo").run
    assert (run["workflow"]["name"], run["routing"]["lane"]) == ("plan_then_build", "build_only")
