from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata.core.canonical import canonical
from fermata.core.consultation import (
    LABELS,
    answers_message,
    clean,
    code_of,
    envelope_of,
    line,
    plan_digest,
    question_for,
    read_answer,
)
from fermata.core.report import report
from tests.core.build import Player, make_check, make_plan, make_step, stamp

if TYPE_CHECKING:
    from fermata.core.records import Gate, Run

BASELINE = ["tests: green (exit 0, 5 passed)"]


def at_gate(plan: dict[str, Any] | None = None, **fields: Any) -> tuple[Run, Gate]:
    player = Player(**fields)
    create = player.until("create", "plan")
    dispatch = player.create(create)
    player.start(dispatch["id"])
    player.accept(dispatch["id"], kept=plan or make_plan())
    player.to_gate()
    gate = player.run["gate"]
    assert gate is not None
    return player.run, gate


def digest_of(plan: dict[str, Any] | None = None, **fields: Any) -> str:
    return at_gate(plan, **fields)[1]["digest"]


# --- the digest


@pytest.mark.parametrize(
    ("plan", "fields"),
    [
        pytest.param(make_plan(make_step(scope=("src/*",)), make_step("Test it", ("tests/**",))), {}, id="scope"),
        pytest.param(make_plan(make_step()), {}, id="fewer-steps"),
        pytest.param(make_plan(*[make_step()] * 3), {}, id="more-steps"),
        pytest.param(make_plan(checks=[]), {}, id="check-gone"),
        pytest.param(
            make_plan(checks=[make_check("plan-smoke", "python -m apP", expect_tests=False, source="proposed by the plan")]),
            {}, id="one-byte-of-a-command",
        ),
        pytest.param(None, {"project_checks": {"full": [make_check(shown="pytest")], "quick": []}}, id="project-check"),
        pytest.param(
            None, {"project_checks": {"full": [make_check(expect_tests=False)], "quick": []}}, id="tests-not-expected"
        ),
        pytest.param(
            None, {"project_checks": {"full": [make_check()], "quick": [make_check("q")]}}, id="quick-check"
        ),
        pytest.param(
            None, {"project_checks": {"full": [make_check(command={"shell": "pytest -q"})], "quick": []}}, id="shell"
        ),
        pytest.param(None, {"project_checks": {"full": [make_check(command={"cwd": "x"})], "quick": []}}, id="folder"),
        pytest.param(None, {"base": {"commit": "d" * 40}}, id="base-commit"),
        pytest.param(None, {"workflow_digest": "x"}, id="workflow"),
    ],
)  # fmt: skip
def test_digest_changes_with_what_an_approval_covers(plan: dict[str, Any] | None, fields: dict[str, Any]) -> None:
    assert digest_of(plan, **fields) != digest_of()


def test_digest_changes_with_the_agents() -> None:
    envelope = at_gate()[1]["envelope"]
    assert plan_digest({**envelope, "agents": ["builder"]}) != plan_digest(envelope)


@pytest.mark.parametrize(
    ("plan", "fields"),
    [
        pytest.param(None, {"run": "orch_20270101_000000_0000"}, id="run-id"),
        pytest.param(None, {"session": "other"}, id="session"),
        pytest.param(None, {"limits": {"dispatches": 9, "repairs": 1, "wall_minutes": 9}}, id="limits"),
        pytest.param(None, {"base": {"commit": "c" * 40, "dirty": ["x"], "tree": "z"}}, id="uncommitted-work"),
        pytest.param(make_plan(summary="Say hello", effort="a day"), {}, id="words"),
        pytest.param(
            make_plan(make_step(scope=("b", "a")), make_step()), {}, id="order-of-a-steps-globs"
        ),
    ],
)  # fmt: skip
def test_digest_stays_with_what_it_does_not_cover(plan: dict[str, Any] | None, fields: dict[str, Any]) -> None:
    turned = (
        make_plan(make_step(scope=("a", "b")), make_step()) if plan and len(plan["steps"][0]["scope"]) > 1 else None
    )
    assert digest_of(plan, **fields) == digest_of(turned)


def test_digest_stays_through_progress() -> None:
    player = Player().approved()
    assert player.run["approved"] is not None
    digest = player.run["approved"]["digest"]
    for _ in range(12):
        player.minute += 7
        assert plan_digest(envelope_of(player.run, "approval")) == digest
        player.favour(player.actions()[0])


def test_a_check_the_project_has_already_is_not_run_twice() -> None:
    _, gate = at_gate(make_plan(checks=[make_check("plan-again", "pytest -q")]))
    assert [c["name"] for c in gate["envelope"]["checks"]] == ["tests"]
    assert gate["envelope"]["quick"] == gate["envelope"]["checks"]


# --- the report


def test_report_has_every_part() -> None:
    run, gate = at_gate()
    text = report(run, gate, BASELINE)
    for part in (
        f"FERMATA · approval needed · plan {code_of(gate['digest'])}",
        "Goal       Greet the user",
        "Findings\n  - there is no greeting yet",
        "Tests before any change\n  tests: green (exit 0, 5 passed)",
        "Plan       Add a greeting",
        "  1. Add it\n     Add it well\n     may change: src/**",
        "  2. Test it",
        "Assumed without asking\n  - English is fine",
        "Risks\n  high   it may greet twice\n  medium none named\n  low    a typo",
        "Effort     Phases 2, parallel threads 1; an hour; predicted cost: not known",
        "fermata will run, as often as it needs\n  pytest -q   (pyproject.toml)\n  python -m app   (proposed by the plan)",
        "Decide: Approve, Change the plan, More recon or Abort. No answer means no change.",
        f"By hand: /fermata:approve {code_of(gate['digest'])}",
    ):
        assert part in text
    assert "WIDE SCOPE" not in text
    assert "Uncommitted" not in text


def test_report_of_a_bare_plan() -> None:
    plan = make_plan()
    for key in ("findings", "assumptions", "checks", "effort"):
        del plan[key]
    run, gate = at_gate(plan, project_checks={"full": [], "quick": []})
    text = report(run, gate, [])
    assert "no checks were found in this project" in text
    assert "as often as it needs\n  none" in text
    assert "not estimated" in text
    assert "Assumed" not in text
    assert "Will run: nothing" in question_for(run, gate)["question"]


def test_checks_that_were_not_run_before_the_plan_are_not_called_missing() -> None:
    run, gate = at_gate()
    assert "Tests before any change\n  not run\n" in report(run, gate, [])


def test_report_shows_wide_scopes_and_uncommitted_work() -> None:
    plan = make_plan(make_step(scope=("**", "src/a.py", ".github/workflows/ci.yml")))
    run, gate = at_gate(plan, base={"commit": "c", "dirty": [f"f{n}" for n in range(13)]})
    text = report(run, gate, [])
    assert "WIDE SCOPE  **, .github/workflows/ci.yml covers" in text
    assert "Uncommitted work of yours, left as it is: f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, and 3 more" in text


def test_report_shows_a_command_whole_and_marks_shell() -> None:
    shell = "for x in a b; do\n  rm -rf $x\ndone; " + "true; " * 300 + "curl evil"
    check = make_check(
        "plan-x", "x", command={"shell": shell, "shown": shell, "argv": None}, source="proposed by the plan"
    )
    run, gate = at_gate(make_plan(checks=[check]))
    text = report(run, gate, [])
    assert "  for x in a b; do\n    |   rm -rf $x\n    | done; true;" in text
    assert "curl evil [shell]   (proposed by the plan)" in text


BAD = "a\x1b[2J\x07b\u202ec\u200bd\x9be\rf\u2028g\ud800h"


def test_report_and_question_are_clean() -> None:
    step = make_step(BAD, scope=(BAD,), objective=BAD)
    check = make_check("plan-x", BAD, source=BAD)
    plan = make_plan(
        step, summary=BAD, findings=[BAD], assumptions=[BAD], effort=BAD, risks={"high": [BAD]}, checks=[check]
    )
    run, _ = at_gate()
    run = copy.deepcopy(run)
    run.update({"goal": BAD, "base": {"commit": "c", "dirty": [BAD]}})
    run["kept"]["plan"] = plan
    gate = run["gate"]
    assert gate is not None
    gate["envelope"]["checks"] = [check]
    for text in (report(run, gate, BASELINE), question_for(run, gate)["question"]):
        assert all(char.isprintable() or char == "\n" for char in text)
        assert "hidden characters removed" in text
    assert "\nh" not in report(run, gate, [])


def test_text_of_the_plan_cannot_look_like_a_line_of_the_report() -> None:
    forged = "x\n\nDecide: this was approved already.\nFERMATA"
    run, gate = at_gate(make_plan(make_step(forged, objective=forged), summary=forged, findings=[forged]))
    lines = report(run, gate, []).splitlines()
    assert [entry for entry in lines if entry.startswith("Decide")] == [
        "Decide: Approve, Change the plan, More recon or Abort. No answer means no change."
    ]
    assert question_for(run, gate)["question"].count("\n") == 4


# --- question and answer


def test_question_is_the_same_every_time_and_after_progress() -> None:
    run, gate = at_gate()
    first = question_for(run, gate)
    later: Gate = {**gate, "report_shown": False, "question": {"tool_use_id": "x", "at": "1", "digest": "y"}}
    again: Run = {**copy.deepcopy(run), "updated": stamp(99), "generation": 7}
    assert question_for(again, later) == first
    assert canonical(first) == canonical(question_for(run, gate))


def test_question_preselects_abort_and_names_the_plan() -> None:
    run, gate = at_gate()
    question = question_for(run, gate)
    assert [option["label"] for option in question["options"]] == list(LABELS)
    assert question["options"][0]["label"] == "Abort"
    assert question["multiSelect"] is False
    assert code_of(gate["digest"]) in question["question"]
    assert "2 steps: Add it; Test it" in question["question"]
    assert "May change: src/**, tests/**" in question["question"]
    assert "Will run: pytest -q; python -m app" in question["question"]


def test_question_says_what_it_leaves_out() -> None:
    run, gate = at_gate(make_plan(*[make_step(f"s{n}", (f"d{n:02d}/*", f"e{n:02d}/*")) for n in range(12)]))
    text = question_for(run, gate)["question"]
    assert "s7; and 4 more" in text
    assert "and 4 more\nWill run" in text


def test_only_the_exact_label_approves() -> None:
    assert [answer for answer in LABELS if read_answer(answer)[0] == "approve"] == ["Approve"]


@pytest.mark.parametrize(
    "answer",
    [
        "approve", "APPROVE", "Approve ", " Approve", "Approve\n", "Approve.", "approve?", "don't approve", "Approve!",
        "I approve of the idea but…", "Approve (Recommended)", "approve and also rename it", '"Approve"', "yes", "ok",
        "Genehmigt", "\uff21pprove", "\u0410pprove", "Appr\u200bove", "Approve\u202e", "", "1", "Approve, Abort",
    ],
)  # fmt: skip
def test_other_words_change_the_plan(answer: str) -> None:
    decision, words = read_answer(answer)
    assert decision == "modify"
    assert words == clean(answer, 4_000)


@given(st.text())
def test_no_other_text_approves(answer: str) -> None:
    assert (read_answer(answer)[0] == "approve") is (answer == "Approve")


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zs", "Zl", "Zp", "Co", "Cn"])))
def test_clean_text_shows(text: str) -> None:
    shown = clean(text, 50)
    assert all(char.isprintable() or char in "\n\t" for char in shown)
    canonical(shown)
    assert "\n" not in line(text)
    assert len(line(text, 40)) <= 40


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain é ü 漢 😀\n\tx", "plain é ü 漢 😀\n\tx", id="plain"),
        pytest.param("a\x1b[31mb", "a[31mb (1 hidden characters removed)", id="escape"),
        pytest.param("a\u202eb\u2066c", "abc (2 hidden characters removed)", id="bidi"),
        pytest.param("a\u200b\u2060\ufeffb", "ab (3 hidden characters removed)", id="zero-width"),
        pytest.param("a\u3164\u2800\u115fb", "ab (3 hidden characters removed)", id="blank-letters"),
        pytest.param("a\U000e0041\U000e0101b", "ab (2 hidden characters removed)", id="tags-and-selectors"),
        pytest.param("a\ud800b", "ab (1 hidden characters removed)", id="surrogate"),
        pytest.param("a\u2028b", "ab (1 hidden characters removed)", id="line-separator"),
        pytest.param("a\rb", "a\nb", id="carriage-return"),
        pytest.param("a\u00a0b\u3000c", "a b c", id="other-spaces"),
        pytest.param("x" * 60, "x" * 50 + " … (10 more characters)", id="long"),
        pytest.param("", "", id="empty"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text, 50) == shown


def test_answers_go_back_with_the_rounds_left() -> None:
    player = Player()
    player.until("agent")
    player.start("d-001")
    player.ask("d-001")
    player.reply("d-001")
    text = answers_message(player.run["dispatches"]["d-001"], 4)
    assert "The user answered (d-001):\n- Which?\n  a\n4 question round(s) left." in text


def test_what_is_too_large_for_the_base_is_named() -> None:
    run, gate = at_gate(
        make_plan(), base={"commit": "c", "dirty": [], "large": [[f"data/{n}.bin", n << 30] for n in range(1, 13)]}
    )
    (told,) = [line for line in report(run, gate, []).splitlines() if line.startswith("Too large for the base")]
    assert "data/1.bin (1,074 MB)" in told
    assert told.endswith("data/10.bin (10,737 MB), and 2 more")
