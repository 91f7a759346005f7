"""Coders side by side, on a real repository: a worktree each, one change after the other brought into the user's tree."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fermata.core.actions import AGENT, HUMAN, OVER, WAIT_AGENTS
from fermata.core.items import clashing
from fermata.git.bring_in import bring_in
from fermata.git.worktrees import remove_worktree
from fermata.loop import worktrees
from fermata.loop.try_checks import Wanted, try_checks
from fermata.store.errors import Usage
from fermata.views.doctor import _runs
from fermata.views.status import document, text
from tests.core.build import make_step
from tests.loop.bench import CONFIG, Bench, built, plan, review

PARALLEL = "workflow: plan_code_review\n" + CONFIG
FAN: list[dict[str, Any]] = [
    make_step("one", ("src/one.py",)),
    make_step("two", ("src/two/**",), after=[1]),
    make_step("three", ("src/three.py",), after=[1]),
    make_step("four", ("README.md",), after=[1]),
    make_step("five", ("src/five.py",), after=[2, 3, 4]),
]


@pytest.fixture
def begun(tmp_path: Path) -> Bench:
    return Bench(tmp_path, PARALLEL).begin()


def live(bench: Bench) -> list[str]:
    """The dispatches that nobody has begun yet, each then at work."""
    names = [action.subject for action in bench.settle() if action.kind == AGENT]
    for name in names:
        bench.work(name)
    return names


def place(bench: Bench, name: str) -> Path:
    """Where a dispatch works."""
    return bench.sandbox.root / bench.run["dispatches"][name].get("worktree", "")


def write(bench: Bench, name: str, path: str, text: str) -> None:
    target = place(bench, name) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def does(bench: Bench, name: str, path: str, text: str = "x = 1\n") -> None:
    """One builder changes one file where it works and hands in."""
    write(bench, name, path, text)
    answer = bench.hand_in(built(path), name)
    assert answer.accepted, answer.message


@pytest.fixture
def fan(begun: Bench) -> Bench:
    """The first step is done, three coders are at work."""
    begun.planned(*FAN).approve()
    (first,) = live(begun)
    assert place(begun, first) == begun.sandbox.root
    does(begun, first, "src/one.py")
    assert live(begun) == ["d-003", "d-004", "d-005"]
    return begun


def test_three_at_once_and_the_fifth_waits_for_all(fan: Bench) -> None:
    places = [place(fan, name) for name in ("d-003", "d-004", "d-005")]
    assert len({fan.sandbox.root, *places}) == 4
    assert all((where / "src/one.py").read_text() == "x = 1\n" for where in places), "what was done before is there"
    assert fan.kinds() == [WAIT_AGENTS] * 3
    status = fan.sandbox.git("status", "--porcelain")
    does(fan, "d-004", "src/three.py")
    assert fan.sandbox.git("status", "--porcelain") == status, "nothing comes back before it was checked"
    assert fan.kinds() == [WAIT_AGENTS] * 2
    assert (fan.sandbox.root / "src/three.py").read_text() == "x = 1\n"
    does(fan, "d-003", "src/two/deep/x.py")
    does(fan, "d-005", "README.md", "changed\n")
    (fifth,) = live(fan)
    assert place(fan, fifth) == fan.sandbox.root
    assert (fan.sandbox.root / "src/two/deep/x.py").exists()
    assert not any(where.exists() for where in places), "their worktrees are gone"
    assert fan.sandbox.git("worktree", "list").count("\n") == 1
    does(fan, fifth, "src/five.py")
    fan.settle()
    fan.work()
    fan.takes(review())
    assert fan.kinds() == [OVER]
    assert fan.run["status"] == "completed"
    assert fan.sandbox.uncommitted() == ["README.md", "src/five.py", "src/one.py", "src/three.py", "src/two/deep/x.py"]


def test_the_brief_says_where(fan: Bench) -> None:
    text, where = fan.brief("d-003"), place(fan, "d-003")
    assert f"`{where}`" in text
    assert f'begins with `cd "{where}" && `' in text
    assert "check --for d-003`" in text
    assert "Where you work" not in fan.brief("d-002")


def test_a_report_that_tells_of_the_threads(begun: Bench) -> None:
    begun.planned(*FAN)
    text = Path(begun.store.path("artifacts", "approval.md")).read_text()
    assert "Effort     Phases 5, parallel threads 3; small" in text
    assert "  5. five   (after 2, 3, 4)" in text
    assert "a worktree each, below .fermata/worktrees" in text


def test_two_steps_for_one_file_are_refused_with_it(begun: Bench) -> None:
    begun.settle()
    begun.work()
    said = begun.refused(plan(make_step("a", ("src/**",), after=[]), make_step("b", ("src/app.py",), after=[])))
    assert "steps 1 and 2 could be at work at the same time and both change `src/** and src/app.py`" in said
    begun.takes(plan(make_step("a", ("src/**",)), make_step("b", ("src/app.py",))))


def test_an_order_that_is_none_is_refused(begun: Bench) -> None:
    begun.settle()
    begun.work()
    assert "steps[0].after names 2, and step 1 ('a')" in begun.refused(plan(make_step("a", after=[2]), make_step("b")))


def test_a_change_of_the_users_own_tree_is_named(fan: Bench) -> None:
    fan.sandbox.write("notes.txt", "mine\n")
    write(fan, "d-003", "src/two/x.py", "x\n")
    answer = fan.hand_in(built("src/two/x.py"), "d-003")
    assert not answer.accepted
    assert "changed in the user's own tree, outside your worktree: notes.txt" in answer.message
    kept = f"refs/fermata/{fan.run['run']}/d-003-0-yours:notes.txt"
    assert fan.sandbox.git("show", kept) == "mine\n", "should the agent undo it, it is not lost"
    assert fan.hand_in(built("src/two/x.py", unexplained=["notes.txt"]), "d-003").accepted
    assert fan.kinds() == [HUMAN]
    assert "notes.txt changed during d-003" in fan.run["waiting"]["why"]  # type: ignore[index]
    fan.tell("retry_granted")
    does(fan, "d-004", "src/three.py")  # it was asked about once
    assert (fan.sandbox.root / "notes.txt").read_text() == "mine\n"


def test_what_lies_outside_the_scope_is_refused_in_a_worktree_too(fan: Bench) -> None:
    write(fan, "d-003", "src/app.py", "x\n")
    answer = fan.hand_in(built("src/app.py"), "d-003")
    assert "changed outside your scope (src/two/**): src/app.py" in answer.message


def test_a_file_that_the_user_has_changed_meanwhile_is_not_touched(fan: Bench) -> None:
    fan.sandbox.write("README.md", "the user's\n")
    write(fan, "d-005", "README.md", "the agent's\n")
    assert fan.hand_in(built("README.md", unexplained=[]), "d-005").accepted is False
    fan.tell("dispatch_failed", id="d-005", reason="x")
    (again,) = live(fan)
    assert (place(fan, again) / "README.md").read_text() == "the agent's\n", "in its worktree, as it was left"
    does(fan, again, "README.md", "the agent's second\n")
    old = place(fan, again)
    (anew,) = live(fan)
    assert (fan.sandbox.root / "README.md").read_text() == "the user's\n"
    (told,) = fan.events("merged")
    assert (told["outcome"], told["conflicts"]) == ("conflict", ["README.md has changed since"])
    assert place(fan, anew) != old
    assert not old.exists()
    assert (place(fan, anew) / "README.md").read_text() == "the user's\n", "on the new base"
    assert "README.md has changed since" in fan.brief(anew)
    kept = fan.events("worktree_released")[-1]["ref"]
    assert fan.sandbox.git("show", f"refs/fermata/{kept}:README.md") == "the agent's second\n"
    does(fan, anew, "README.md", "both\n")
    fan.settle()
    assert (fan.sandbox.root / "README.md").read_text() == "both\n"


def test_work_that_was_lost_is_offered_again_where_it_was_left(fan: Bench) -> None:
    write(fan, "d-003", "src/two/half.py", "half\n")
    fan.tell("dispatch_failed", id="d-003", reason="lost: its agent has been silent")
    (again,) = live(fan)
    assert place(fan, again) == place(fan, "d-003")
    run = fan.run["run"]
    assert fan.sandbox.git("show", f"refs/fermata/{run}/{again}:src/two/half.py") == "half\n"


def test_the_uncommitted_work_of_the_user_is_in_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, PARALLEL)
    bench.sandbox.write("src/app.py", "print('mine')\n")
    bench.sandbox.write("new.txt", "new\n")
    bench.begin().planned(make_step("a", ("a.py",), after=[]), make_step("b", ("b.py",), after=[])).approve()
    one, two = live(bench)
    for name in (one, two):
        assert (place(bench, name) / "src/app.py").read_text() == "print('mine')\n"
        assert (place(bench, name) / "new.txt").read_text() == "new\n"
    does(bench, two, "b.py")
    does(bench, one, "a.py")
    bench.settle()
    assert bench.sandbox.git("status", "--porcelain").split() == [
        "M",
        "src/app.py",
        "??",
        "a.py",
        "??",
        "b.py",
        "??",
        "new.txt",
    ]


def test_one_at_a_time_where_the_settings_say_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, PARALLEL + "limits: {parallel: 1}\n").begin().planned(*FAN).approve()
    for path in ("src/one.py", "src/two/x.py", "src/three.py", "README.md", "src/five.py"):
        (name,) = live(bench)
        assert place(bench, name) == bench.sandbox.root
        does(bench, name, path)
    assert "worktrees" not in bench.run


def test_two_at_a_time_where_the_settings_say_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, PARALLEL + "limits: {parallel: 2}\n").begin().planned(*FAN).approve()
    (first,) = live(bench)
    does(bench, first, "src/one.py")
    one, two = live(bench)
    does(bench, two, "src/three.py")
    (four,) = live(bench)
    assert (place(bench, four) / "src/three.py").exists(), "it begins with what is there by then"
    does(bench, one, "src/two/x.py")
    assert not live(bench)


def test_a_worktree_is_set_up_and_linked(tmp_path: Path) -> None:
    config = PARALLEL + "worktrees: {links: [data], setup: ['sh -c \"echo ready > made.log\"']}\n"
    bench = Bench(tmp_path, config)
    bench.sandbox.write("ignored/x", "x\n")
    bench.sandbox.write("data/big", "big\n")
    bench.sandbox.write(".git/info/exclude", "data\n")
    bench.begin().planned(make_step("a", ("a.py",), after=[]), make_step("b", ("b.py",), after=[])).approve()
    assert bench.run["approved"]["envelope"]["setup"][0]["command"]["shown"].startswith("sh -c")  # type: ignore[index]
    one, two = live(bench)
    for name in (one, two):
        assert (place(bench, name) / "made.log").read_text() == "ready\n"
        assert (place(bench, name) / "data/big").read_text() == "big\n"
        assert (place(bench, name) / "data").is_symlink()
    assert not (bench.sandbox.root / "made.log").exists()
    does(bench, one, "a.py")
    does(bench, two, "b.py")
    bench.settle()
    assert (bench.sandbox.root / "data/big").read_text() == "big\n", "a link's end is never removed"
    assert not (bench.sandbox.root / "made.log").exists()


def test_an_item_that_fails_lets_those_beside_it_come_to_their_end(fan: Bench) -> None:
    for _ in range(2):
        name = next(
            n for n, d in fan.run["dispatches"].items() if d["state"] == "running" and d["node"] == "code.1/build"
        )
        fan.tell("dispatch_failed", id=name, reason="cannot")
        live(fan)
    assert fan.run["position"]["at"] == "code"
    does(fan, "d-004", "src/three.py")
    fan.settle()
    assert (fan.sandbox.root / "src/three.py").exists()
    does(fan, "d-005", "README.md", "changed\n")
    fan.settle()
    assert fan.run["position"]["at"] == "plan"
    text = fan.brief()
    assert "Failed step: 2. two" in text
    assert "Completed steps (they stay in the tree): 1. one; 3. three; 4. four" in text
    assert not (fan.sandbox.root / ".fermata/worktrees" / fan.run["run"]).exists() or not os.listdir(
        fan.sandbox.root / ".fermata/worktrees" / fan.run["run"]
    )


# --- a crash between the journal and the disk


def test_a_worktree_that_was_only_journalled_is_made(begun: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    begun.planned(make_step("a", ("a.py",), after=[]), make_step("b", ("b.py",), after=[])).approve()
    with monkeypatch.context() as patched:
        patched.setattr(worktrees, "make_worktree", _dies)
        with pytest.raises(KeyboardInterrupt):
            begun.drive()
    assert len(begun.events("worktree_made")) == 1
    one, two = live(begun)
    assert [e["item"] for e in begun.events("worktree_made")] == ["code.0", "code.1"]
    does(begun, one, "a.py")
    does(begun, two, "b.py")


def test_a_merge_that_was_not_journalled_is_told_once(fan: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    does(fan, "d-004", "src/three.py")
    with monkeypatch.context() as patched:
        patched.setattr(worktrees, "bring_in", _then_dies(bring_in))
        with pytest.raises(KeyboardInterrupt):
            fan.settle()
    assert (fan.sandbox.root / "src/three.py").exists()
    assert not fan.events("merged")
    fan.settle()
    assert [(e["outcome"], e["paths"]) for e in fan.events("merged")] == [("done", ["src/three.py"])]


def test_a_worktree_that_was_removed_but_not_journalled_is_told(fan: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    does(fan, "d-004", "src/three.py")
    with monkeypatch.context() as patched:
        patched.setattr(worktrees, "remove_worktree", _then_dies(remove_worktree))
        with pytest.raises(KeyboardInterrupt):
            fan.settle()
    fan.settle()
    (told,) = fan.events("worktree_released")
    assert told["left"] == ""
    assert fan.sandbox.git("show", f"refs/fermata/{told['ref']}:src/three.py") == "x = 1\n"


def _dies(*_given: object) -> None:
    raise KeyboardInterrupt


def _then_dies(real: Callable[..., object]) -> Callable[..., object]:
    def call(*given: object) -> object:
        real(*given)
        raise KeyboardInterrupt

    return call


# --- what a person is told


def test_status_says_what_works_where_and_what_an_ended_run_left(fan: Bench) -> None:
    told = text(fan.run, None, {})
    for number, name in enumerate(("d-003", "d-004", "d-005"), 1):
        path = fan.run["dispatches"][name]["worktree"]
        assert f"Worktree  code.{number} ({name}): {path}" in told
    assert [tree["item"] for tree in document(fan.run, None, {})["worktrees"]] == ["code.1", "code.2", "code.3"]
    write(fan, "d-003", "src/two/half.py", "half\n")
    fan.tell("run_aborted")
    fan.drive()
    assert (place(fan, "d-003") / "src/two/half.py").exists(), "what holds unsaved work stays"
    path = fan.run["dispatches"]["d-003"]["worktree"]
    assert f"git worktree remove -f -f '{path}'" in text(fan.run, None, {})
    found = [f.text for f in _runs(fan.site.repo) if f.name == "worktree"]
    assert len(found) == 3
    assert f"has ended and left {path}; look into it" in found[0]


def test_the_checks_of_a_dispatch_run_where_it_works(fan: Bench) -> None:
    write(fan, "d-003", "check.sh", "exit 3\n")
    outcomes = [try_checks(fan.site, Wanted(dispatch=name), 15)[0]["outcome"] for name in ("d-003", "d-004")]
    assert outcomes == ["red", "green"]
    with pytest.raises(Usage, match="there is no dispatch d-999"):
        try_checks(fan.site, Wanted(dispatch="d-999"), 15)


def test_two_dispatches_in_one_scope_are_stopped_before_they_begin(fan: Bench) -> None:
    why = clashing(fan.run, ["src/two/x.py"])
    assert why == "d-003 is at work on `src/two/** and src/two/x.py`, and no two agents change the same files at once"
    assert clashing(fan.run, ["docs/**"]) is None
