"""Going back in a run that works on a branch of its own: that branch goes back, and nobody's work tree is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from fermata.core.phases import phase_rows
from fermata.git.repo import GitError
from fermata.git.run_branch import commit_tree_on, tree_of
from fermata.loop import rollback
from fermata.loop.checkpoints import apart_from, checkpoint_on_branch, make_checkpoint
from fermata.loop.rollback import last_rollback, roll_back
from fermata.store.errors import Conflict
from fermata.views.checkpoints import checkpoint_text, rollback_text
from tests.loop.bench import Bench
from tests.loop.conducting import does, first_phase, judged, live, reviewed, says, second_phase, spec_bench
from tests.store.oracles import sound

LONG = pytest.mark.long
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return spec_bench(tmp_path)


def head(bench: Bench) -> str:
    return bench.sandbox.git("rev-parse", f"fermata/{bench.run['run']}").strip()


def to_the_end(bench: Bench) -> None:
    reviewed(bench)
    bench.settle()
    assert bench.run["status"] == "completed"
    assert sound(bench.store)


@LONG
def test_each_phase_leaves_a_checkpoint_and_the_run_goes_back_to_it(bench: Bench) -> None:
    """C19, C20, C22, D23."""
    first_phase(bench)
    (first,) = bench.run.get("checkpoints", [])
    assert (first["name"], first["commit"]) == ("Phase 1: Interfaces", head(bench))
    second_phase(bench).settle()
    names = [one["name"] for one in bench.run.get("checkpoints", [])]
    assert names == ["Phase 1: Interfaces", "Phase 2: Service"]
    mine, last = bench.sandbox.state(), head(bench)
    found = roll_back(bench.store, bench.site.repo, first["id"])
    assert (found.restored, found.branch) == (
        ["client/main.txt", "server/main.txt"],
        f"fermata/{bench.run['run']}",
    )
    assert head(bench) == first["commit"]
    assert [row["commit"] for row in phase_rows(bench.run)] == [first["commit"], None]
    assert "  changed      client/main.txt" in rollback_text(bench.run["run"], found, "").splitlines()
    ours = {path: digest for path, digest in bench.sandbox.state().items() if "/fermata/" not in path}
    assert ours == {path: digest for path, digest in mine.items() if "/fermata/" not in path}
    assert bench.sandbox.git("rev-parse", f"refs/fermata/{bench.run['run']}/{found.undo}").strip() == last
    second_phase(bench).settle()
    assert head(bench) != last
    to_the_end(bench)
    assert bench.sandbox.git("show", "HEAD:server/main.txt") == "answers\n"


def test_the_branch_goes_back_and_the_phase_is_offered_again(bench: Bench) -> None:
    """As far as an everyday run has time for it."""
    bench.settle()
    bench.approve()
    (module,) = live(bench)
    at = make_checkpoint(bench.store, bench.site.repo, "at the start")
    assert at.get("branch") == bench.run["base"]["commit"]
    does(bench, module, proto__messages_txt="wrong\n")
    roll_back(bench.store, bench.site.repo, at["id"])
    assert [d["node"] for d in bench.run["dispatches"].values()] == ["phases.0/implement"]
    (again,) = live(bench)
    run = bench.run
    assert (run["dispatches"][again]["node"], run["dispatches"][again]["visit"]) == ("phases.0/implement", 2)
    assert not (bench.sandbox.root / run["dispatches"][again].get("worktree", "") / "proto").exists()


@LONG
def test_undo_leads_forward_again(bench: Bench) -> None:
    first_phase(bench)
    second_phase(bench).settle()
    first, _ = bench.run.get("checkpoints", [])
    last = head(bench)
    for name in live(bench):
        with pytest.raises(Conflict, match=name):
            roll_back(bench.store, bench.site.repo, first["id"])
        says(bench, name, {"verdict": "approve", "summary": "good", "findings": []})
    bench.settle()
    roll_back(bench.store, bench.site.repo, first["id"])
    again = roll_back(bench.store, bench.site.repo, first["id"])
    assert again.undo == last_rollback(bench.run)["id"]
    roll_back(bench.store, bench.site.repo, last_rollback(bench.run)["id"])
    assert head(bench) == last
    (name,) = live(bench)
    says(bench, name, {"verdict": "approve", "summary": "good", "findings": []})
    bench.settle()
    assert bench.run["status"] == "completed"


@LONG
def test_back_to_before_the_first_phase(bench: Bench) -> None:
    bench.settle()
    bench.approve()
    (module,) = live(bench)
    at = make_checkpoint(bench.store, bench.site.repo, "at the start")
    does(bench, module, proto__messages_txt="wrong\n")
    (judge,) = live(bench)
    says(bench, judge, judged("messages are defined"))
    bench.settle()
    roll_back(bench.store, bench.site.repo, at["id"])
    assert head(bench) == bench.run["base"]["commit"]
    (module,) = live(bench)
    assert not (bench.sandbox.root / bench.run["dispatches"][module].get("worktree", "") / "proto").exists()
    does(bench, module, proto__messages_txt="right\n")
    (judge,) = live(bench)
    says(bench, judge, judged("messages are defined"))
    bench.settle()
    second_phase(bench)
    to_the_end(bench)
    assert bench.sandbox.git("show", "HEAD:proto/messages.txt") == "right\n"


@LONG
def test_killed_between_the_journal_and_the_branch_it_is_finished(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_phase(bench)
    second_phase(bench).settle()
    for name in live(bench):
        says(bench, name, {"verdict": "approve", "summary": "good", "findings": []})
    bench.settle()
    first, *_ = bench.run.get("checkpoints", [])

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rollback, "move_branch", dies)
        with pytest.raises(KeyboardInterrupt):
            roll_back(bench.store, bench.site.repo, first["id"])
    found = roll_back(bench.store, bench.site.repo, first["id"])
    assert len([one for one in bench.run.get("checkpoints", []) if "back_to" in one]) == 1
    assert (head(bench), found.restored) == (first["commit"], ["client/main.txt", "server/main.txt"])


@LONG
def test_a_branch_that_somebody_has_checked_out_stays(bench: Bench, tmp_path: Path) -> None:
    first_phase(bench)
    second_phase(bench).settle()
    first, last = bench.run.get("checkpoints", [])
    bench.sandbox.git("worktree", "add", "-q", str(tmp_path / "look"), f"fermata/{bench.run['run']}")
    events = len(bench.store.events())
    with pytest.raises(GitError, match="checked out"):
        roll_back(bench.store, bench.site.repo, first["id"])
    assert (head(bench), len(bench.store.events())) == (last["commit"], events)


@LONG
def test_what_has_landed_is_git_s_to_revert(bench: Bench) -> None:
    first_phase(bench)
    second_phase(bench)
    to_the_end(bench)
    with pytest.raises(Conflict, match="git revert -m 1") as told:
        roll_back(bench.store, bench.site.repo, bench.run["checkpoints"][0]["id"])
    bench.sandbox.git(*str(told.value).partition("git ")[2].replace("-m 1", "--no-edit -m 1").split())
    assert not (bench.sandbox.root / "server/main.txt").exists()


def test_a_run_that_ended_unmerged_is_not_git_s_to_revert(bench: Bench) -> None:
    bench.settle()
    bench.approve()
    at = make_checkpoint(bench.store, bench.site.repo, "at the start")
    bench.tell("run_aborted")
    with pytest.raises(Conflict, match="nothing of it was merged into your branch") as told:
        roll_back(bench.store, bench.site.repo, at["id"])
    assert f"git merge {bench.run['base']['commit'][:12]}" in str(told.value)
    assert f"git branch -D fermata/{bench.run['run']}" in str(told.value)


def test_a_phase_s_checkpoint_is_compared_with_the_run_s_branch(bench: Bench) -> None:
    """The user's tree never held it."""
    repo = bench.site.repo
    commit = commit_tree_on(repo, bench.run["run"], tree_of(repo, "HEAD"), "Phase 1", [bench.run["base"]["commit"]])
    bench.store.note("cli", "checkpoint_made", checkpoint_on_branch(repo, bench.run, "Phase 1", commit))
    bench.sandbox.write("mine.txt", "mine\n")
    (at,) = bench.run.get("checkpoints", [])
    assert apart_from(repo, bench.run, at) == []
    assert f"0 files on fermata/{bench.run['run']};" in checkpoint_text(bench.run, at, 0)
