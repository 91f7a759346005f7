"""Checkpoints of a run that the engine drives, and what becomes of it when a person goes back to one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fermata.core.actions import AGENT
from fermata.git import snapshot
from fermata.git.run import run_git
from fermata.loop import checkpoints
from fermata.loop.checkpoints import find_checkpoint, make_checkpoint
from fermata.loop.rollback import roll_back
from fermata.store.errors import Conflict
from tests.core.build import make_step
from tests.git.sandbox import Sandbox
from tests.loop.bench import CONFIG, Bench, built, plan, review
from tests.store.oracles import sound

if TYPE_CHECKING:
    from fermata.core.records import Checkpoint

TWO = (make_step("One", ("one.py",)), make_step("Two", ("two.py",)))


@pytest.fixture
def built_twice(bench: Bench) -> Bench:
    """Both steps are built, and the reviewer is offered."""
    bench.building(*TWO).build("one.py").settle()
    bench.work()
    bench.build("two.py").settle()
    return bench


def known(bench: Bench) -> list[Checkpoint]:
    return bench.run.get("checkpoints", [])


def test_each_accepted_writer_leaves_a_checkpoint(built_twice: Bench) -> None:
    """D21, D23."""
    first, second = known(built_twice)
    assert [(one["name"], one["after_agent"], one["after"]) for one in (first, second)] == [
        ("after d-002", "builder", "d-002"),
        ("after d-003", "builder", "d-003"),
    ]
    run = built_twice.run["run"]
    for one in (first, second):
        kept = built_twice.sandbox.git("rev-parse", f"refs/fermata/{run}/{one['id']}^{{tree}}").strip()
        assert kept == one["tree"] == built_twice.run["dispatches"][one["after"]].get("tree")
    assert first["head"] == built_twice.sandbox.git("rev-parse", "HEAD").strip()


def test_it_costs_one_process_of_git_s(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree is looked at anyway."""
    bench.building(*TWO)
    bench.sandbox.write("one.py", "print(2)\n")
    started = list[str]()
    real = run_git

    def counted(*given: object, **named: object) -> bytes:
        started.append(str(given[1]))
        return real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(snapshot, "run_git", counted)
    bench.takes(built("one.py"))
    without = list(started)
    started.clear()
    monkeypatch.setattr(checkpoints, "pin_tree", lambda *_: None)
    bench.settle()
    bench.work()
    bench.sandbox.write("two.py", "print(2)\n")
    started.clear()
    bench.takes(built("two.py"))
    assert len(without) == len(started) + 1


def test_a_run_that_was_rolled_back_builds_again_and_ends(built_twice: Bench) -> None:
    bench = built_twice
    found = roll_back(bench.store, bench.site.repo, known(bench)[0]["id"])
    assert found.quarantined == ["two.py"]
    assert [(a.kind, a.node, a.visit) for a in bench.settle()] == [(AGENT, "steps.1/build", 2)]
    assert bench.run["dispatches"]["d-004"]["state"] == "failed"
    bench.work()
    bench.build("two.py", "print(3)\n").settle()
    bench.work()
    bench.takes(review())
    bench.settle()
    assert bench.run["status"] == "completed"
    assert sound(bench.store)


def test_the_project_s_check_runs_anew_on_what_is_there_then(bench: Bench) -> None:
    """A green that was seen on another tree proves nothing about the one that was gone back to."""
    bench.building(*TWO).build("one.py").settle()
    bench.work()
    (first,) = known(bench)
    bench.sandbox.write("check.sh", "exit 1\n")
    bench.sandbox.write("two.py", "x\n")
    bench.takes(built("two.py", unexplained=["check.sh"]))
    before = len(bench.run["checks"])
    roll_back(bench.store, bench.site.repo, first["id"])
    assert (bench.sandbox.root / "check.sh").read_text() == "exit 1\n"
    bench.settle()
    fresh = list(bench.run["checks"].values())[before:]
    assert fresh[0]["node"] == "steps.0/check"
    assert fresh[0].get("outcome") == "red"


def test_after_a_rejected_review_a_person_goes_back_and_it_is_built_otherwise(built_twice: Bench) -> None:
    bench = built_twice
    bench.work()
    bench.takes(review("reject", {"severity": "high", "path": "two.py", "issue": "wrong"}))
    bench.settle()
    bench.work()
    bench.sandbox.write("two.py", "print(9)\n")
    bench.takes(built("two.py"))
    bench.settle()
    roll_back(bench.store, bench.site.repo, known(bench)[1]["id"])
    assert (bench.sandbox.root / "two.py").read_text() == "print(2)\n"
    (action,) = bench.settle()
    assert (action.kind, action.node) == (AGENT, "review")
    assert action.visit > 1


def test_items_side_by_side_are_opened_anew(tmp_path: Path) -> None:
    """What lay in their worktrees is nothing to go on from."""
    bench = Bench(tmp_path, "workflow: plan_code_review\n" + CONFIG).begin()
    steps = (make_step("One", ("one.py",), after=[]), make_step("Two", ("two.py",), after=[]))
    bench.settle()
    bench.work()
    bench.takes(plan(*steps))
    bench.settle()
    bench.approve().settle()
    at = make_checkpoint(bench.store, bench.site.repo, "before both")
    for name, path in (("d-002", "one.py"), ("d-003", "two.py")):
        bench.work(name)
        (bench.sandbox.root / bench.run["dispatches"][name].get("worktree", "") / path).write_text("x = 1\n")
    bench.takes_as(built("one.py"), "d-002")
    bench.settle()
    assert (bench.sandbox.root / "one.py").exists()
    with pytest.raises(Conflict, match="d-003"):
        roll_back(bench.store, bench.site.repo, at["id"])
    bench.takes_as(built("two.py"), "d-003")
    bench.settle()
    found = roll_back(bench.store, bench.site.repo, at["id"])
    assert found.quarantined == ["one.py", "two.py"]
    names = [action.subject for action in bench.settle()]
    assert len(names) == 2
    for name, path in zip(names, ("one.py", "two.py"), strict=True):
        bench.work(name)
        (bench.sandbox.root / bench.run["dispatches"][name].get("worktree", "") / path).write_text("x = 2\n")
        bench.takes_as(built(path), name)
    bench.settle()
    bench.work()
    bench.takes(review())
    bench.settle()
    assert (bench.sandbox.root / "one.py").read_text() == (bench.sandbox.root / "two.py").read_text() == "x = 2\n"
    assert bench.run["status"] == "completed"


def test_an_agent_that_gave_up_left_its_files_to_the_run(bench: Bench) -> None:
    bench.building(*TWO)
    at = make_checkpoint(bench.store, bench.site.repo, "meanwhile")
    bench.sandbox.write("one.py", "half\n")
    bench.takes(built("one.py", status="failed", caveats=["no"]))
    bench.settle()
    assert roll_back(bench.store, bench.site.repo, at["id"]).quarantined == ["one.py"]


def test_a_clean_function_for_the_run_s_own_tree(bench: Bench, tmp_path: Path) -> None:
    """C19: id, commit and message."""
    bench.sandbox.git("worktree", "add", "-q", str(tmp_path / "own"))
    tree = Sandbox(tmp_path / "own")
    tree.write("phase.txt", "1\n")
    at = make_checkpoint(bench.store, tree.repo, "phase 1: interfaces")
    assert find_checkpoint(bench.run, at["id"]) == at
    assert at["place"] == "worktrees/own"
    assert tree.git("log", "-1", "--format=%s", at["commit"]).strip() == "fermata: phase 1: interfaces"
    assert tree.git("show", f"{at['commit']}:phase.txt") == "1\n"


def test_two_in_one_second_have_names_of_their_own() -> None:
    assert len({checkpoints.new_id() for _ in range(20)}) > 18
