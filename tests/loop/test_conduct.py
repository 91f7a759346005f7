"""A SPEC.md carried out on a real repository: modules side by side, phases validated and committed, one merge at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from fermata.core.actions import DECIDE, HUMAN, OVER
from fermata.core.phases import phase_rows
from fermata.core.report import voided_lines
from fermata.loop.answer import answer
from tests.loop.bench import Bench, built, review
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

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def begun(tmp_path: Path) -> Bench:
    return spec_bench(tmp_path)


@pytest.fixture
def integrated(begun: Bench) -> Bench:
    """Both phases are on the run's branch."""
    return second_phase(first_phase(begun))


def test_from_spec_to_merge(begun: Bench) -> None:
    assert begun.kinds() == [DECIDE]
    begun.approve()
    head = begun.sandbox.git("rev-parse", "HEAD")
    (first,) = live(begun)
    assert place(begun, first) != begun.sandbox.root
    does(begun, first, proto__messages_txt="ask, answer\n")
    (judge,) = live(begun)
    assert begun.hand_in(judged("messages are defined"), judge).accepted
    assert sorted(live(begun)) == ["d-003", "d-004"], "both modules of the next phase at once"
    assert (place(begun, "d-003") / "gen/messages.txt").read_text() == "ask, answer\n", (
        "what the phase's command made is there"
    )
    assert begun.sandbox.git("status", "--porcelain") == ""
    assert begun.sandbox.git("rev-parse", "HEAD") == head
    does(begun, "d-003", server__main_txt="answers\n")
    does(begun, "d-004", client__main_txt="asks\n")
    (judge,) = live(begun)
    assert begun.hand_in(judged("the server answers", "the client asks"), judge).accepted
    (reviewer,) = live(begun)
    assert begun.hand_in(review(), reviewer).accepted
    (auditor,) = live(begun)
    assert begun.hand_in(review(), auditor).accepted
    assert begun.kinds() == [OVER]
    assert begun.run["status"] == "completed"
    assert begun.run["landed"]["commit"], begun.run["landed"]
    assert begun.sandbox.git("status", "--porcelain") == ""
    assert (begun.sandbox.root / "client/main.txt").read_text() == "asks\n"
    assert begun.sandbox.git("worktree", "list").count("\n") == 1
    log = begun.sandbox.git("log", "--first-parent", "--format=%s", branch(begun)).splitlines()
    assert log[:2] == ["Phase 2: Service", "Phase 1: Interfaces"]
    assert [row["state"] for row in phase_rows(begun.run)] == ["integrated", "integrated"]
    assert phase_rows(begun.run)[1]["commit"] == begun.sandbox.git("rev-parse", branch(begun)).strip()


def test_a_module_that_lies_is_found_out_and_mended(begun: Bench) -> None:
    first_phase(begun)
    server, client = live(begun)
    does(begun, server, server__notes_txt="all tests pass\n")
    does(begun, client, client__main_txt="asks\n")
    (fixer,) = live(begun)
    assert begun.run["dispatches"][fixer]["agent"] == "fix-executor"
    assert "test -s server/main.txt" in begun.brief(fixer)
    assert branch_files(begun) == [
        ".fermata/config.yaml",
        ".spec/SPEC.md",
        "check.sh",
        "gen.sh",
        "gen/messages.txt",
        "proto/messages.txt",
    ]
    does(begun, fixer, server__main_txt="answers\n")
    (judge,) = live(begun)
    assert begun.run["dispatches"][judge]["agent"] == "code-reviewer"


@pytest.mark.long
def test_the_same_error_again_is_a_persons_to_decide_and_the_branch_stands_before_the_phase(begun: Bench) -> None:
    first_phase(begun)
    stands = begun.sandbox.git("rev-parse", branch(begun))
    server, client = live(begun)
    does(begun, server, server__notes_txt="1\n")
    does(begun, client, client__main_txt="asks\n")
    (fixer,) = live(begun)
    does(begun, fixer, server__notes_txt="2\n")
    assert begun.kinds() == [HUMAN]
    assert begun.sandbox.git("rev-parse", branch(begun)) == stands


@pytest.mark.long
def test_another_error_each_time_is_mended_twice_and_then_a_persons_to_decide(tmp_path: Path) -> None:
    spec = SPEC.replace("test -s server/main.txt", "grep -q answers server/main.txt || ! cat server/main.txt")
    bench = first_phase(spec_bench(tmp_path, spec))
    stands = bench.sandbox.git("rev-parse", branch(bench))
    server, client = live(bench)
    does(bench, server, server__main_txt="cannot bind\n")
    does(bench, client, client__main_txt="asks\n")
    for error in ("wrong protocol\n", "queue overflows\n"):
        (fixer,) = live(bench)
        assert bench.run["dispatches"][fixer]["agent"] == "fix-executor"
        does(bench, fixer, server__main_txt=error)
    assert bench.kinds() == [HUMAN]
    assert bench.sandbox.git("rev-parse", branch(bench)) == stands
    assert [d["agent"] for d in bench.run["dispatches"].values()].count("fix-executor") == 2


@pytest.mark.long
def test_a_criterion_that_is_not_met_goes_back_to_be_mended(begun: Bench) -> None:
    first_phase(begun)
    server, client = live(begun)
    does(begun, server, server__main_txt="answers\n")
    does(begun, client, client__main_txt="asks\n")
    (judge,) = live(begun)
    says(begun, judge, judged("the server answers", "the client asks", met=False))
    (fixer,) = live(begun)
    assert "NOT met: the server answers" in begun.brief(fixer)


SHARED = SPEC.replace("Modules: server, client", "Modules: server, client\nScope: server/**, client/**, list.txt")


def test_modules_that_meet_in_one_file_are_brought_together_by_an_architect(tmp_path: Path) -> None:
    bench = first_phase(spec_bench(tmp_path, SHARED))
    server, client = live(bench)
    does(bench, server, server__main_txt="answers\n", list_txt="server\n")
    does(bench, client, client__main_txt="asks\n", list_txt="client\n")
    (architect,) = live(bench)
    assert bench.run["dispatches"][architect]["agent"] == "synthesis-architect"
    assert "list.txt: add/add" in bench.brief(architect)
    marked = (place(bench, architect) / "list.txt").read_text()
    assert "<<<<<<<" in marked
    (place(bench, architect) / "list.txt").write_text(marked + "x\n")
    said = bench.hand_in(built("list.txt"), architect)
    assert "conflict markers are still in list.txt" in said.message
    does(bench, architect, list_txt="server\nclient\n")
    (judge,) = live(bench)
    says(bench, judge, judged("the server answers", "the client asks"))
    bench.settle()
    assert bench.sandbox.git("show", f"{branch(bench)}:list.txt") == "server\nclient\n"


# --- the user, meanwhile


@pytest.mark.long
def test_a_commit_of_the_users_is_taken_in_and_checked(integrated: Bench) -> None:
    integrated.sandbox.write("mine.txt", "mine\n")
    integrated.sandbox.commit()
    mine = integrated.sandbox.git("rev-parse", "HEAD")
    reviewed(integrated)
    assert integrated.kinds() == [OVER]
    assert integrated.run["landed"]["commit"], integrated.run["landed"]
    assert integrated.sandbox.git("merge-base", "--is-ancestor", mine.strip(), "HEAD") == ""
    assert (integrated.sandbox.root / "mine.txt").read_text() == "mine\n"
    assert (integrated.sandbox.root / "client/main.txt").read_text() == "asks\n"


@pytest.mark.long
def test_a_commit_that_comes_during_the_reviews_is_taken_in_too(integrated: Bench) -> None:
    (reviewer,) = live(integrated)
    integrated.sandbox.write("mine.txt", "mine\n")
    integrated.sandbox.commit()
    says(integrated, reviewer, review())
    (auditor,) = live(integrated)
    says(integrated, auditor, review())
    reviewed(integrated)
    assert integrated.kinds() == [OVER]
    assert integrated.run["landed"]["commit"], integrated.run["landed"]
    assert (integrated.sandbox.root / "mine.txt").exists()


@pytest.mark.long
def test_a_commit_in_conflict_is_settled_first(integrated: Bench) -> None:
    integrated.sandbox.write("client/main.txt", "mine\n")
    integrated.sandbox.commit()
    (architect,) = live(integrated)
    assert integrated.run["dispatches"][architect]["agent"] == "synthesis-architect"
    assert "client/main.txt: add/add" in integrated.brief(architect)
    does(integrated, architect, client__main_txt="mine, and asks\n")
    reviewed(integrated)
    assert integrated.kinds() == [OVER]
    assert integrated.run["landed"]["commit"], integrated.run["landed"]
    assert (integrated.sandbox.root / "client/main.txt").read_text() == "mine, and asks\n"


def test_nothing_moves_under_a_dirty_tree(integrated: Bench) -> None:
    integrated.sandbox.write("src/app.py", "print('mine')\n")
    head = integrated.sandbox.git("rev-parse", "HEAD")
    reviewed(integrated)
    actions = integrated.settle()
    assert [action.kind for action in actions] == [OVER]
    assert integrated.sandbox.git("rev-parse", "HEAD") == head
    assert (integrated.sandbox.root / "src/app.py").read_text() == "print('mine')\n"
    said, code = answer(integrated.run, actions)
    assert code == 0
    assert f"NOT MERGED: it stays on {branch(integrated)}, because not committed yet: src/app.py" in said
    assert f"git merge {branch(integrated)}" in said


@pytest.mark.long
def test_an_edit_of_the_users_holds_nobody_up(begun: Bench) -> None:
    first_phase(begun)
    server, _ = live(begun)
    begun.sandbox.write("notes.txt", "mine\n")
    does(begun, server, server__main_txt="answers\n")
    assert begun.run["dispatches"][server]["elsewhere"] == ["notes.txt"]
    assert begun.run["status"] == "executing"


# --- the document, changed meanwhile


def test_an_edit_of_a_phase_to_come_is_asked_about_and_what_is_done_stays(begun: Bench) -> None:
    first_phase(begun)
    live(begun)
    begun.sandbox.write(".spec/SPEC.md", SPEC.replace("the client asks", "the client asks twice"))
    assert begun.kinds() == [DECIDE]
    told = "\n".join(voided_lines(begun.run))
    assert ".spec/SPEC.md was changed" in told
    assert "Phase 2: Service reads otherwise" in told
    assert "Phase 1" not in told
    page = Path(begun.store.path("artifacts", "approval.md")).read_text()
    assert "Phase 1: Interfaces   (lines 5 to 12; integrated, and stays as it is)" in page
    begun.approve()
    again = live(begun)
    assert [begun.run["dispatches"][name]["node"] for name in again] == ["phases.2/implement", "phases.3/implement"]
    assert [begun.run["dispatches"][name]["visit"] for name in again] == [2, 2]
    for name, path in zip(again, ("server__main_txt", "client__main_txt"), strict=True):
        does(begun, name, **{path: "x\n"})
    (judge,) = live(begun)
    says(begun, judge, judged("the server answers", "the client asks twice"))
    reviewed(begun)
    assert begun.kinds() == [OVER]
    assert str(begun.run["landed"]["why"]).startswith("not committed yet: .spec/SPEC.md")


@pytest.mark.long
def test_words_beside_the_phases_change_nothing(begun: Bench) -> None:
    first_phase(begun)
    live(begun)
    begun.sandbox.write(".spec/SPEC.md", "Some words.\n\n" + SPEC)
    assert DECIDE not in begun.kinds()


@pytest.mark.long
def test_a_document_that_can_no_longer_be_carried_out_holds_the_run(begun: Bench) -> None:
    first_phase(begun)
    begun.sandbox.write(".spec/SPEC.md", "# Nothing\n")
    assert begun.kinds() == [HUMAN]
    assert begun.run["waiting"]
    assert "cannot be carried out" in begun.run["waiting"]["why"]


# --- phases side by side

BESIDE = SPEC.replace("### Phase 2: Service\n", "### Phase 2: Service\nDepends on: none\n\n")


@pytest.mark.long
def test_phases_that_need_nothing_of_each_other_are_at_work_at_once_and_the_later_one_is_checked_on_the_whole(
    tmp_path: Path,
) -> None:
    bench = spec_bench(tmp_path, BESIDE)
    bench.settle()
    bench.approve()
    proto, server, client = live(bench)
    does(bench, proto, proto__messages_txt="ask, answer\n")
    does(bench, server, server__main_txt="answers\n")
    does(bench, client, client__main_txt="asks\n")
    first, second = live(bench)
    says(bench, first, judged("messages are defined"))
    bench.settle()
    says(bench, second, judged("the server answers", "the client asks"))
    (again,) = live(bench)
    moved = [merge for merge in bench.run["merges"].values() if merge["outcome"] == "moved"]
    assert len(moved) == 1
    assert (place(bench, again) / "gen/messages.txt").exists(), "what the other phase brought is there"
    says(bench, again, judged("the server answers", "the client asks"))
    reviewed(bench)
    assert bench.kinds() == [OVER]
    log = bench.sandbox.git("log", "--first-parent", "--format=%s", branch(bench)).splitlines()
    assert log[:2] == ["Phase 2: Service", "Phase 1: Interfaces"]
