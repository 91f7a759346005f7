from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fermata.checks.runner import CheckError, start_check, stop_check, wait_checks
from fermata.core.actions import AGENT, ASK, CONTINUE, DECIDE, HUMAN, OVER, WAIT_AGENTS, WAIT_CHECKS
from fermata.core.consultation import plan_digest
from fermata.git.snapshot import take_snapshot
from fermata.loop import drive as module
from fermata.loop import own_checks
from fermata.loop.drive import drive
from fermata.loop.site import open_site
from fermata.store.errors import Conflict, Damaged, LockTimeout, Usage
from fermata.store.lock import locked
from tests.core.build import make_step
from tests.loop.bench import Bench, asked, built, plan, review
from tests.store.runs import RUN, SESSION

LOOK = """\
format: 1
name: look
title: Look at several things at once
stages:
  - {id: look, kind: agents, agent: reviewer, access: read, brief: build, result: review, sees: [goal, plan, item, scope, checks, failure],
     items: [alpha, beta, gamma, delta], parallel: 3}
  - {id: finish, kind: finalise, on: {stale: next}}
"""
TWO = "checks: {full: [{name: tests, command: sh check.sh, tests: false}, {name: lint, command: sh lint.sh, tests: false}]}\n"


def two_checks(folder: Path) -> Bench:
    bench = Bench(folder, TWO)
    bench.sandbox.write("lint.sh", "exit 0\n")
    bench.sandbox.commit()
    return bench.begin()


# --- a whole run ------------------------------------------------------------------------------------------------------------


def test_a_run_from_goal_to_done(bench: Bench) -> None:
    assert [a.kind for a in bench.drive()] == [WAIT_CHECKS]
    assert bench.kinds() == [AGENT]
    bench.work()
    assert bench.kinds() == [WAIT_AGENTS]
    bench.takes(asked("Which?"))
    assert bench.kinds() == [ASK]
    bench.tell("questions_answered", id="d-001", answers={"Which?": "yes"})
    assert bench.kinds() == [CONTINUE]
    bench.work()
    bench.takes(plan())
    assert bench.kinds() == [DECIDE]
    bench.approve()
    assert bench.kinds() == [AGENT]
    bench.work()
    bench.build()
    assert bench.kinds() == [AGENT]
    bench.work()
    bench.takes(review())
    assert bench.kinds() == [OVER]
    assert bench.run["status"] == "completed"
    assert bench.events("run_completed") == [{"tree": take_snapshot(bench.site.repo)}]
    assert "src/app.py" in bench.sandbox.git("status", "--porcelain")


# --- dispatches ---------------------------------------------------------------------------------------------------------------


def test_the_brief_is_on_disk_before_the_journal_names_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.settle()
    seen = []
    real = type(bench.store).note

    def note(store: object, actor: str, kind: str, *rest: object) -> object:
        if kind == "dispatch_created":
            seen.append(bench.brief("d-002"))
        return real(store, actor, kind, *rest)  # type: ignore[arg-type]

    bench.work()
    bench.takes(plan())
    bench.settle()
    bench.approve()
    monkeypatch.setattr(type(bench.store), "note", note)
    bench.drive()
    assert [text.splitlines()[0] for text in seen] == ["# Build: d-002"]


def test_a_writer_has_the_step_s_scope_and_a_base_that_git_keeps(bench: Bench) -> None:
    bench.planned(make_step(scope=("src/**",)), make_step("Then", ("README.md",))).approve().settle()
    made = bench.newest
    assert (made["access"], made["scope"]) == ("write", ["src/**"])
    kept = bench.sandbox.git("rev-parse", f"refs/fermata/{RUN}/d-002^{{tree}}").strip()
    assert kept == made["base_tree"]


def test_a_reader_has_neither(bench: Bench) -> None:
    bench.settle()
    assert (bench.newest["scope"], bench.newest["base_tree"]) == ([], None)


def test_dispatches_made_at_once_have_each_their_own_brief(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "workflow: look\n", look=LOOK).begin()
    assert [a.subject for a in bench.drive()] == ["d-001", "d-002", "d-003"]
    for name, dispatch in bench.run["dispatches"].items():
        text = bench.brief(name)
        assert text.startswith(f"# Build: {name}\n")
        items = [word for word in ("alpha", "beta", "gamma", "delta") if word in text]
        assert items == [dispatch["item"]]


# --- idempotent -----------------------------------------------------------------------------------------------------------------


def test_driving_again_changes_nothing(bench: Bench) -> None:
    bench.planned()
    before = bench.store.events()
    report = Path(bench.store.path("artifacts", "approval.md")).read_text()
    assert bench.drive() == bench.drive()
    assert bench.store.events() == before
    assert Path(bench.store.path("artifacts", "approval.md")).read_text() == report


def test_two_threads_at_once_make_one_of_each(tmp_path: Path) -> None:
    bench = two_checks(tmp_path)
    ready, errors = threading.Barrier(2), []

    def one() -> None:
        try:
            ready.wait()
            drive(bench.site, bench.store)
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    bench.settle()
    assert [body["name"] for body in bench.events("check_started")] == ["tests", "lint"]
    assert [body["outcome"] for body in bench.events("check_finished")] == ["green", "green"]
    assert len(bench.events("dispatch_created")) == 1


DRIVE = """
import sys
sys.path[:0] = sys.argv[1:2]
from fermata.loop.drive import drive
from fermata.loop.site import open_site
site = open_site(sys.argv[2], {"CLAUDE_CODE_SESSION_ID": sys.argv[3]})
print("ready", flush=True)
sys.stdin.readline()
drive(site, site.driven())
"""


def test_three_processes_at_once_make_one_of_each(tmp_path: Path) -> None:
    bench = two_checks(tmp_path)
    library = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(module.__file__))))
    words = [sys.executable, "-c", DRIVE, library, str(bench.sandbox.root), SESSION]
    running = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in running:
        _, error = process.communicate(timeout=15)
        assert process.returncode == 0, error
    bench.settle()
    assert [body["name"] for body in bench.events("check_started")] == ["tests", "lint"]
    assert [body["outcome"] for body in bench.events("check_finished")] == ["green", "green"]


def test_what_another_process_has_journalled_and_not_yet_started_is_not_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other caller waits until this one has started its check."""
    real = start_check
    other = threading.Thread(target=lambda: drive(bench.site, bench.store))

    def start(*given: object) -> None:
        monkeypatch.setattr(own_checks, "start_check", real)
        other.start()
        other.join(0.3)  # had it not to wait, it would be through by now
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(own_checks, "start_check", start)
    bench.drive()
    other.join()
    bench.settle()
    assert [body["outcome"] for body in bench.events("check_finished")] == ["green"]


def test_one_that_hangs_is_named_to_the_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRIVE_SECONDS", 0.05)
    with locked(bench.store.path("drive.lock")), pytest.raises(LockTimeout):
        bench.drive()


# --- checks ---------------------------------------------------------------------------------------------------------------------


def test_a_green_check_and_a_red_one(tmp_path: Path) -> None:
    bench = two_checks(tmp_path)
    bench.sandbox.write("lint.sh", "echo BAD LINE 7; exit 3\n")
    bench.settle()
    found = {c["name"]: c for c in bench.run["checks"].values()}
    assert (found["tests"]["outcome"], found["lint"]["outcome"]) == ("green", "red")
    assert "BAD LINE 7" in found["lint"]["why"]
    assert found["tests"]["tree"] == found["lint"]["tree"] != bench.run["base"]["tree"]
    assert bench.newest["agent"] == "planner"  # a red baseline goes on to the plan


def test_a_tree_that_changes_each_time_makes_the_check_s_own_output(bench: Bench) -> None:
    bench.sandbox.write("check.sh", "date +%s%N > out.txt\n")
    bench.settle()
    assert [body["outcome"] for body in bench.events("check_finished")] == ["unstable", "unstable"]
    assert [body["changed"] for body in bench.events("check_finished")] == [["out.txt"], ["out.txt"]]
    assert [a.kind for a in bench.drive()] == [AGENT]


def test_a_check_that_dies_is_lost_and_runs_again(bench: Bench) -> None:
    bench.sandbox.write("check.sh", "test -e ../go || sleep 60\n")
    (action,) = bench.drive()
    Path(bench.folder, "go").touch()
    assert stop_check(bench.store.path("checks"), action.subject)
    bench.settle()
    assert [(body["id"], body["outcome"]) for body in bench.events("check_finished")] == [
        ("c-001", "lost"),
        ("c-002", "green"),
    ]


def test_a_caller_killed_between_journal_and_start_loses_one_check(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(own_checks, "start_check", killed)
        with pytest.raises(KeyboardInterrupt):
            bench.drive()
    assert bench.run["checks"]["c-001"]["state"] == "running"
    bench.settle()
    assert [(body["id"], body["outcome"]) for body in bench.events("check_finished")] == [
        ("c-001", "lost"),
        ("c-002", "green"),
    ]


def test_a_check_that_cannot_start_says_so_and_is_lost_the_next_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise CheckError("check c-001 could not be started: no processes left")

    with monkeypatch.context() as patch:
        patch.setattr(own_checks, "start_check", broken)
        with pytest.raises(CheckError):
            bench.drive()
    assert bench.kinds() == [AGENT]


def test_the_same_command_on_the_same_tree_runs_once(bench: Bench) -> None:
    bench.sandbox.write("check.sh", "echo ran >> ../count\n")
    bench.building().build().settle()
    ran = Path(bench.folder, "count").read_text().count("ran")
    events = bench.events("check_finished")
    assert [body["outcome"] for body in events] == ["green"] * 3  # baseline, after the step, verification
    assert ran == 2
    assert events[2]["why"].startswith("as c-002 on this very tree: exit 0")
    assert events[2]["tree"] == events[1]["tree"]


def test_what_was_red_is_never_taken_over(bench: Bench) -> None:
    bench.building()
    bench.sandbox.write("check.sh", "echo ran >> ../count; exit 1\n")
    bench.sandbox.write("src/app.py", "print(4)\n")
    bench.takes(built("src/app.py", unexplained=["check.sh"]))
    bench.tell("retry_granted")
    for _ in range(2):
        bench.settle()
        bench.work()
        bench.takes(built())
        bench.settle()
        if bench.run["waiting"]:
            assert "a loop, tests failed with the same error on the same tree twice" in bench.run["waiting"]["why"]
            bench.tell("retry_granted")
    assert [body["outcome"] for body in bench.events("check_finished")] == ["green", "red", "red", "red"]
    assert Path(bench.folder, "count").read_text().count("ran") == 3


def test_a_quick_check_that_ran_no_test_does_not_stand_for_one_that_must(tmp_path: Path) -> None:
    config = "checks: {full: [{name: tests, command: python3 -m unittest}], quick: [{name: q, command: python3 -m unittest, tests: false}]}\n"
    bench = Bench(tmp_path, config)
    bench.sandbox.write("test_a.py", "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n")
    bench.begin().building(make_step(scope=("test_a.py",)))
    # A run of no tests that ends with 0, as unittest did before Python 3.12.
    bench.sandbox.write("unittest.py", "print('Ran 0 tests in 0.000s\\n\\nOK')\n")
    (bench.sandbox.root / "test_a.py").unlink()
    bench.takes(built("test_a.py", unexplained=["unittest.py"]))
    bench.tell("retry_granted")
    bench.settle()
    found = {c["name"]: c["outcome"] for c in bench.run["checks"].values()}
    assert found == {"tests": "red", "q": "green"}


# --- the gate -----------------------------------------------------------------------------------------------------------------------


def test_the_gate_asks_with_a_report_on_disk(bench: Bench) -> None:
    bench.planned()
    gate = bench.run["gate"]
    assert gate is not None
    assert gate["digest"] == plan_digest(gate["envelope"])
    text = Path(bench.store.path("artifacts", "approval.md")).read_text()
    for words in (f"plan {gate['digest'][:8]}", "Add it well", "sh check.sh", "tests: green"):
        assert words in text
    assert len(bench.events("approval_requested")) == 1


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(lambda b: b.data.drop_approval(RUN), "is missing", id="record-gone"),
        pytest.param(
            lambda b: _alter(b, store="/elsewhere/.git/fermata"), "another repository", id="another-repository"
        ),
        pytest.param(lambda b: _alter(b, digest="0" * 64), "another plan", id="another-plan"),
        pytest.param(lambda b: _alter(b, seq=3), "the journal is not the one", id="another-line"),
        pytest.param(lambda b: _alter(b, hash="0" * 64), "the journal is not the one", id="another-hash"),
    ],
)
def test_an_approval_without_its_record_is_void_and_asked_for_again(bench: Bench, damage: object, says: str) -> None:
    bench.building()
    assert callable(damage)
    damage(bench)
    assert bench.kinds() == [DECIDE]
    (body,) = bench.events("approval_voided")
    assert says in body["reason"]
    assert bench.run["approved"] is None
    bench.approve()
    assert bench.kinds() == [WAIT_AGENTS]  # a yes to the very same plan goes on where it was


def test_a_record_that_anyone_could_have_written_stops_the_run(bench: Bench) -> None:
    bench.building()
    os.chmod(bench.data.approval_path(RUN), 0o666)
    with pytest.raises(Damaged, match="can be written by others"):
        bench.drive()


def _alter(bench: Bench, **fields: object) -> None:
    record = bench.data.approval(RUN)
    assert record is not None
    bench.data.write_approval(RUN, {**record, **fields})


# --- the end --------------------------------------------------------------------------------------------------------------------------


def test_a_tree_that_moved_waits_for_the_user_and_is_verified_again(bench: Bench) -> None:
    bench.reviewing()
    bench.sandbox.write("README.md", "the user's\n")
    bench.takes(review())
    (action,) = bench.settle()
    assert (action.kind, action.subject) == (
        HUMAN,
        "README.md changed after the last check, and not by an agent of the run",
    )
    bench.tell("retry_granted")
    assert bench.kinds() == [AGENT]  # verified on the new tree, then reviewed on it
    assert bench.newest["agent"] == "reviewer"
    bench.work()
    bench.takes(review())
    assert bench.kinds() == [OVER]
    assert bench.run["status"] == "completed"
    proof = bench.events("check_finished")[-1]
    assert bench.events("run_completed") == [{"tree": proof["tree"]}]


def test_every_check_must_have_seen_the_tree_not_only_the_last_one(tmp_path: Path) -> None:
    """`tests` is green, the user changes a file, `lint` is lost and runs again on the new tree."""
    bench = Bench(tmp_path, TWO.replace("}]}", "}], quick: [{name: q, command: 'true', tests: false}]}"))
    bench.sandbox.write("lint.sh", "test -e ../go || sleep 60\n")
    bench.sandbox.commit()
    go = Path(bench.folder, "go")
    go.touch()
    bench.begin().building().build()
    go.unlink()
    folder = bench.store.path("checks")
    assert wait_checks(folder, [a.subject for a in bench.drive()], 15)  # the quick one
    bench.drive()
    newest = {c["name"]: c["id"] for c in bench.run["checks"].values()}
    assert wait_checks(folder, [newest["tests"]], 15)
    bench.sandbox.write("README.md", "the user's\n")
    go.touch()
    assert stop_check(folder, newest["lint"])
    assert bench.kinds() == [AGENT]
    bench.work()
    bench.takes(review())
    (action,) = bench.settle()
    assert (action.kind, action.subject.partition(",")[0]) == (HUMAN, "README.md changed after the last check")


def test_a_file_that_a_check_makes_itself_does_not_hold_the_end(tmp_path: Path) -> None:
    bench = two_checks(tmp_path)
    bench.sandbox.write("check.sh", "date +%s%N > out.txt\n")
    bench.sandbox.commit()
    bench.building().build().settle()
    bench.work()
    bench.takes(review())
    assert bench.kinds() == [OVER]
    assert bench.run["status"] == "completed"


def test_a_limit_is_reached_once_and_waits(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "limits: {dispatches: 1}\n").begin()
    bench.settle()
    bench.work()
    bench.tell("dispatch_failed", id="d-001", reason="lost")
    (action,) = bench.drive()
    assert (action.kind, action.subject) == (HUMAN, "1 dispatches were made; limits.dispatches is 1")
    bench.drive()
    assert len(bench.events("limit_reached")) == 1


# --- who may drive ------------------------------------------------------------------------------------------------------------------------


def test_only_the_session_that_drives_may_move_the_run(bench: Bench, tmp_path: Path) -> None:
    root = str(bench.sandbox.root)
    with pytest.raises(Usage, match="only the Claude Code session"):
        open_site(root, {}).driven()
    with pytest.raises(Usage, match="drives no run"):
        open_site(root, {"CLAUDE_CODE_SESSION_ID": "another"}).driven()
    bench.tell("lease_taken", session="another", generation=2, interactive=True)
    with pytest.raises(Conflict, match="driven by another session now"):
        bench.site.driven()
    with pytest.raises(Usage, match="is not inside a git repository"):
        open_site(str(tmp_path), {})
    os.unlink(os.path.join(bench.site.project.folder, "data-folder"))
    with pytest.raises(Usage, match="no hook of fermata has run"):
        bench.site.driven()


def test_a_journal_that_was_cut_back_voids_nothing_and_stops(bench: Bench) -> None:
    bench.building()
    path = Path(bench.store.journal)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    with pytest.raises(Damaged):
        bench.drive()
    state = json.loads(Path(bench.store.state).read_text())
    assert state["run"]["approved"] is not None


def test_a_resumed_run_goes_on_with_the_settings_as_they_are_now(bench: Bench) -> None:
    """E22."""
    bench.begin().planned()
    config = Path(bench.site.repo.root) / ".fermata" / "config.yaml"
    config.write_text(config.read_text() + "grant: cli\n")
    bench.drive()
    assert bench.run["grant"] == "scope"
    bench.tell("lease_taken", session=SESSION, generation=2, interactive=True)
    bench.drive()
    assert bench.run["grant"] == "cli"
    bench.drive()
    assert len(bench.events("settings_reloaded")) == 1
