"""Two sessions in one repository: what the second one gets in the same work tree, in another worktree, and after a move."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.git.sandbox import Sandbox
from tests.hooks.driver import OTHER_SESSION, decision, reason
from tests.places.play import NEW, Play, built, make_play

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return make_play(tmp_path)


def second(play: Play, root: Path | None = None, below: str = "") -> Play:
    found = Play(play.folder, OTHER_SESSION, root=root or Path(play.root))
    found.below = below
    return found


def linked(play: Play) -> Path:
    play.sandbox.git("worktree", "add", "-q", "-b", "other", "../linked work")
    return play.folder / "linked work"


@pytest.mark.parametrize("below", [pytest.param("", marks=pytest.mark.long), "packages/two"], ids=["top", "monorepo"])
def test_a_second_run_in_the_same_work_tree_is_refused_with_three_ways_on(play: Play, below: str) -> None:
    """Also from two folders of a monorepo: both would change the same index and be judged by the same tree."""
    for name in ("one", "two"):
        play.sandbox.write(f"packages/{name}/index.js")
    play.sandbox.commit()
    play.below = "packages/one" if below else ""
    play.planned()
    other = second(play, below=below)
    assert decision(other.type("build", "Something else")) == "silent"
    said = other.fermata("start")
    assert (said.code, said.out) == (4, "")
    for words in (play.run_id, "/fermata:stop", "/fermata:resume", "/fermata:abort", "git worktree add"):
        assert words in said.err
    assert other.data.marker(OTHER_SESSION) is None
    assert "HELD" in play.settled("status") or "waiting" in play.fermata("status").out


@pytest.mark.long
def test_two_worktrees_have_a_run_each_and_neither_sees_the_others_changes(play: Play) -> None:
    other = second(play, linked(play))
    play.planned()
    start = other.hook("SessionStart", source="startup")
    assert start.answer is None, "a run of another worktree is none of this session's business"
    other.planned()
    assert decision(play.agent(play.approves(), built(NEW), NEW)) == "silent"
    assert decision(other.agent(other.approves(), built(NEW), NEW)) == "silent"
    for one in (play, other):
        told = one.settled("next")
        assert "reviewer" in told
    assert play.run_id != other.run_id
    assert play.store.load()["base"]["worktree"] == "."
    assert other.store.load()["base"]["worktree"] == "worktrees/linked-work"


def test_a_run_is_not_taken_over_in_another_worktree(play: Play) -> None:
    root = linked(play)
    play.planned()
    name = play.run_id
    other = second(play, root)
    for args in ("", name):
        outcome = other.type("resume", args)
        assert decision(outcome) == "block"
        assert name in reason(outcome)
        assert other.data.marker(OTHER_SESSION) is None
    assert f"works in another worktree, {play.root}; start Claude Code there" in reason(other.type("resume", name))
    assert play.store.load()["session"] == play.session


@pytest.mark.long
def test_a_run_of_a_worktree_that_is_gone_can_be_ended_from_anywhere(play: Play) -> None:
    other = second(play, linked(play))
    other.planned()
    name = other.run_id
    play.sandbox.git("worktree", "remove", "--force", "../linked work")
    outcome = play.type("resume", name)
    assert f"is gone; /fermata:abort {name} ends it" in reason(outcome)
    assert "is ended" in reason(play.type("abort", name))
    assert play.project.run(name).load()["status"] == "aborted"


@pytest.mark.long
def test_a_session_whose_shell_stands_in_another_worktree_goes_on_in_its_own(play: Play) -> None:
    root = linked(play)
    play.planned()
    told = play.approves()
    assert decision(play.agent(told, built(NEW), NEW)) == "silent"
    play.below = os.path.relpath(root, play.root)
    assert "reviewer" in play.settled("next")
    checked = [c for c in play.store.load()["checks"].values() if c["state"] == "finished"][-1]
    assert NEW in Sandbox(Path(play.root)).names(str(checked["tree"]))


def test_a_parked_run_waits_while_another_is_on_in_its_work_tree(play: Play) -> None:
    play.planned()
    name = play.run_id
    play.type("stop")
    other = second(play)
    other.planned()
    outcome = play.type("resume", name)
    assert decision(outcome) == "block"
    assert other.run_id in reason(outcome)
    assert play.project.run(name).load()["status"] == "stopped"


def test_a_repository_that_was_moved_asks_again(play: Play) -> None:
    """K-I06: nothing of the old place is written again, and a yes that was given there is asked for anew."""
    play.planned()
    play.approves()
    name = play.run_id
    moved = play.folder / "moved"
    shutil.move(play.root, moved)
    other = second(play, moved)
    assert decision(other.type("resume", name)) == "silent"
    told = other.settled("next")
    assert "the user decides about plan" in told
    run = other.store.load()
    assert (run["session"], run["approved"]) == (OTHER_SESSION, None)
    assert run["voided"] is not None
    assert "another repository" in run["voided"]["reason"]
    assert not os.path.exists(play.root)


@pytest.mark.long
def test_every_place_of_a_repository_shows_the_same_run(play: Play) -> None:
    """K-I10: a subfolder, a linked worktree, a folder behind a link."""
    root = linked(play)
    play.planned()
    (Path(play.root) / "deep/er").mkdir(parents=True)
    (play.folder / "by link").symlink_to(play.root)
    for place in (Path(play.root) / "deep/er", root, play.folder / "by link/src"):
        play.below = os.path.relpath(place, play.root)
        assert play.run_id in play.fermata("status").out


@pytest.mark.long
def test_stash_clean_and_another_branch_leave_the_run_and_are_noticed(play: Play) -> None:
    """K-G18."""
    play.planned()
    play.approves()
    play.sandbox.write("mine.txt")
    for words in (("stash", "-q", "-u"), ("clean", "-q", "-fdx"), ("checkout", "-q", "-b", "elsewhere")):
        play.sandbox.git(*words)
    told = play.settled("next")
    assert "the user decides about plan" in told
    voided = play.store.load()["voided"]
    assert voided is not None
    assert "(main) to" in voided["reason"]
    assert "(elsewhere)" in voided["reason"]
