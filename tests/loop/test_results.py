from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fermata.loop import door
from fermata.loop.rejected import Rejected
from fermata.loop.results import Answer, one_object
from tests.core.build import make_step
from tests.loop.bench import Bench, asked, built, plan
from tests.store.runs import RUN

GOOD = '{"a": {"b": 1}}'
GOOD_VALUE = {"a": {"b": 1}}


# --- one object out of what an agent says -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD, id="alone"),
        pytest.param(f"\n\n  {GOOD}  \n", id="white-space"),
        pytest.param(f"```json\n{GOOD}\n```", id="fenced"),
        pytest.param(f"```\n{GOOD}\n```", id="fenced-without-a-kind"),
        pytest.param(f"```json  \r\n{GOOD}\r\n```", id="fenced-crlf"),
        pytest.param(f"I looked at all of it. Here it is:\n\n{GOOD}", id="a-sentence-before"),
        pytest.param(f"Here:\n```json\n{GOOD}\n```\nThat is all.", id="sentences-around-a-fence"),
        pytest.param(f"{GOOD}\nThat is all.", id="trailing-text"),
        pytest.param('{\n  "a": {\n    "b": 1\n  }\n}', id="printed-wide"),
        pytest.param('{"a": {"b": 1}}\n```', id="half-a-fence"),
    ],
)
def test_one_object_is_found(text: str) -> None:
    assert one_object(text) == GOOD_VALUE


def test_a_fence_inside_a_text_value_is_text() -> None:
    value = {"summary": "run\n```json\n{}\n```\nthen look"}
    assert one_object(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "no JSON object", id="nothing"),
        pytest.param("All is fine, every test passes.", "no JSON object", id="prose"),
        pytest.param("[1, 2]", "no JSON object", id="list"),
        pytest.param('"text"', "no JSON object", id="text"),
        pytest.param('{"a": 1', "not JSON at line 1, column 8", id="truncated"),
        pytest.param('{"a": "b', "not JSON", id="truncated-in-a-text"),
        pytest.param("{'a': 1}", "not JSON at line 1, column 2", id="python"),
        pytest.param(f"{GOOD}{GOOD}", "more than one JSON object", id="doubled"),
        pytest.param(f"{GOOD}\n\n{GOOD}", "more than one JSON object", id="twice"),
        pytest.param(f"```json\n{GOOD}\n```\n```json\n{GOOD}\n```", "2 JSON blocks", id="two-blocks"),
        pytest.param('{"a": 1, "a": 2}', 'the key "a" stands twice', id="twin-keys"),
        pytest.param('{"a": NaN}', "NaN is not JSON", id="nan"),
        pytest.param('{"a": -Infinity}', "-Infinity is not JSON", id="infinity"),
        pytest.param('{"a": 1e999}', "not usable JSON", id="too-large-a-number"),
        pytest.param('{"a": ' + "1" * 5_000 + "}", "4300 digits", id="5000-digits"),
        pytest.param('{"a": "\\ud800"}', "surrogates", id="lone-surrogate"),
        pytest.param('{"a":' * 40 + "1" + "}" * 40, "deeper than 32", id="40-deep"),
        pytest.param('{"a":' * 100_000, "400,000", id="500000-deep"),
        pytest.param('{"a":' * 70_000, "", id="70000-deep"),
        pytest.param('{"a": "' + "x" * 5_000_000 + '"}', "at most 400,000", id="5-MB"),
        pytest.param('{"a": "' + "x" * 300_000 + '"}', "at most 262,144", id="300-KB"),
    ],
)
def test_anything_else_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(Rejected) as refusal:
        one_object(text)
    assert says in str(refusal.value)


# --- the planner ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def planning(bench: Bench) -> Bench:
    bench.settle()
    bench.work()
    return bench


def test_a_plan_is_accepted_kept_and_written_down(planning: Bench) -> None:
    checks = [{"name": "smoke", "command": "cd src && python3 -m app"}]
    planning.takes(plan(make_step("One"), checks=checks))
    run = planning.run
    assert run["dispatches"]["d-001"]["state"] == "completed"
    assert run["dispatches"]["d-001"]["summary"] == "one step"
    assert run["kept"]["plan"]["steps"] == [make_step("One")]
    (check,) = run["kept"]["plan"]["checks"]
    assert (check["name"], check["command"]["argv"], check["command"]["cwd"]) == (
        "plan-smoke",
        ["python3", "-m", "app"],
        "src",
    )
    assert json.loads(Path(planning.store.path("results", "d-001-0.json")).read_text())["status"] == "plan"


def test_questions_are_a_round_of_their_own(planning: Bench) -> None:
    planning.takes(asked("Which words shall it use?"))
    dispatch = planning.run["dispatches"]["d-001"]
    assert (dispatch["state"], dispatch["round"]) == ("asking", 1)
    assert dispatch["questions"][0]["question"] == "Which words shall it use?"


def test_a_headless_session_has_no_one_to_ask(tmp_path: Path) -> None:
    bench = Bench(tmp_path).begin(interactive=False)
    bench.settle()
    bench.work()
    assert "no question round is left" in bench.refused(asked("Which words?"))


def test_the_sixth_question_round_is_refused(planning: Bench) -> None:
    for _ in range(5):
        planning.takes(asked("And now?"))
        planning.tell("questions_answered", id="d-001", answers={"And now?": "yes"})
        planning.tell("dispatch_started", id="d-001", at="2026-01-02T03:04:05Z")
    assert "no question round is left" in planning.refused(asked("And now?"))
    planning.takes(plan())


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        pytest.param({"steps": [make_step(scope=(".git/**",))]}, "steps[0].scope holds '.git/**'", id="git-folder"),
        pytest.param({"steps": [make_step(), make_step(scope=("a/.claude/x",))]}, "steps[1].scope", id="claude-folder"),
        pytest.param({"steps": [make_step(scope=(".fermata/config.yaml",))]}, "`.fermata` steers", id="own-settings"),
        pytest.param({"steps": [make_step(scope=("../x",))]}, "without `..`", id="parent"),
        pytest.param(
            {"steps": [make_step(scope=("/etc/passwd",))]}, "relative to the repository's root", id="absolute"
        ),
        pytest.param({"steps": [make_step(scope=("~/x",))]}, "relative to the repository's root", id="home"),
        pytest.param({"steps": [make_step(scope=("a\nb",))]}, "printable", id="newline"),
        pytest.param(
            {"checks": [{"name": "a", "command": "echo 'x"}]}, "checks a: the command has an unbalanced", id="quote"
        ),
        pytest.param(
            {"checks": [{"name": "a", "command": "   "}]}, "checks a: the command is empty", id="blank-command"
        ),
        pytest.param({"checks": [{"name": "a", "command": "cd ../x && ls"}]}, "without `..`", id="command-outside"),
        pytest.param(
            {"checks": [{"name": "a", "command": "a"}, {"name": "a", "command": "b"}]}, "same name", id="twins"
        ),
        pytest.param({"checks": [{"name": "a\n", "command": "a"}]}, "checks[0].name", id="name-with-newline"),
        pytest.param({"questions": asked("Really?")["questions"]}, "questions", id="plan-with-questions"),
    ],
)
def test_a_plan_that_must_not_be_is_sent_back(planning: Bench, fields: dict[str, Any], says: str) -> None:
    assert says in planning.refused(plan(**fields))
    assert planning.run["dispatches"]["d-001"]["state"] == "running"


def test_a_plan_may_say_that_it_has_no_questions(planning: Bench) -> None:
    planning.takes(plan(questions=[]))


def test_without_checks_of_the_project_a_plan_brings_its_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path, config="").begin()
    bench.settle()
    bench.work()
    assert "no checks that fermata knows" in bench.refused(plan())
    bench.takes(plan(checks=[{"name": "runs", "command": "python3 src/app.py"}]))


# --- the builder: the tree decides ------------------------------------------------------------------------------------------


def test_a_change_inside_the_scope_is_accepted(bench: Bench) -> None:
    bench.building()
    bench.sandbox.write("src/new.py")
    bench.sandbox.write("src/app.py", "print(3)\n")
    bench.takes(built("src/app.py", "src/new.py"))
    dispatch = bench.newest
    assert (dispatch["state"], dispatch["changed"], dispatch["unexplained"]) == (
        "completed", ["src/app.py", "src/new.py"], [],
    )  # fmt: skip


def test_a_change_outside_the_scope_is_sent_back_until_it_is_put_back(bench: Bench) -> None:
    bench.building()
    bench.sandbox.write("src/app.py", "print(3)\n")
    bench.sandbox.write("README.md", "mine\n")
    said = bench.refused(built("src/app.py"))
    assert "changed outside your scope (src/**): README.md" in said
    assert "2 of 3 repairs left" in said
    bench.sandbox.write("README.md", "hello\n")
    bench.takes(built("src/app.py"))


@pytest.mark.parametrize("name", [".claude/settings.json", "sub/.mcp.json"])
def test_no_scope_covers_what_steers_the_client(bench: Bench, name: str) -> None:
    bench.building(make_step(scope=("**",)))
    bench.sandbox.write(name)
    assert "changed outside your scope" in bench.refused(built(name))


def test_a_claim_that_the_tree_does_not_bear_out_is_sent_back(bench: Bench) -> None:
    bench.building()
    said = bench.refused(built("src/app.py"))
    assert "`files_modified` names src/app.py, which did not change; the tree says: nothing changed" in said


def test_a_change_that_nobody_claims_is_sent_back(bench: Bench) -> None:
    bench.building()
    bench.sandbox.write("src/new.py")
    assert "src/new.py changed, but `files_modified` does not say so" in bench.refused(built())
    (bench.sandbox.root / "src/app.py").unlink()
    assert "src/app.py, src/new.py changed" in bench.refused(built())


def test_what_was_not_the_agent_waits_for_the_user(bench: Bench) -> None:
    bench.building()
    bench.sandbox.write("src/app.py", "print(3)\n")
    bench.sandbox.write("notes.txt", "the user's\n")
    bench.takes(built("src/app.py", unexplained=["notes.txt"]))
    run = bench.run
    assert bench.newest["changed"] == ["src/app.py"]
    assert (run["status"], run["waiting"] and run["waiting"]["why"]) == (
        "waiting", "notes.txt changed during d-002, and not by its agent",
    )  # fmt: skip


def test_an_unexplained_file_that_did_not_change_is_nothing(bench: Bench) -> None:
    bench.building()
    bench.sandbox.write("src/app.py", "print(3)\n")
    bench.takes(built("src/app.py", unexplained=["README.md"]))
    assert bench.run["status"] == "executing"


def test_what_tools_leave_behind_is_no_change(bench: Bench) -> None:
    bench.building()
    for name in ("src/__pycache__/app.pyc", ".pytest_cache/x", "build.log", "ignored/x"):
        bench.sandbox.write(name)
    bench.takes(built())
    assert bench.newest["changed"] == []


def test_uncommitted_work_of_before_is_the_base(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.sandbox.write("README.md", "the user's, uncommitted\n")
    bench.begin().building().build()
    assert bench.newest["changed"] == ["src/app.py"]


def test_an_agent_that_gives_up_has_failed_for_its_reason(bench: Bench) -> None:
    bench.building()
    bench.takes(built(status="failed", caveats=["the API", "is gone"]))
    assert bench.newest["state"] == "failed"
    assert bench.newest["reason"] == "the agent gave up: the API; is gone"


def test_the_last_repair_used_up_fails_the_dispatch(bench: Bench) -> None:
    bench.building()
    left = [bench.refused("no JSON at all") for _ in range(3)]
    assert [text.rpartition("; ")[2] for text in left] == [
        "2 of 3 repairs left after this.", "1 of 3 repairs left after this.", "0 of 3 repairs left after this.",
    ]  # fmt: skip
    assert bench.hand_in("no JSON at all") == Answer(True, "")
    assert bench.newest["state"] == "failed"
    assert bench.newest["reason"].startswith("no valid result after 3 repairs: no JSON object")
    assert [a.kind for a in bench.drive()] == ["agent"]
    assert bench.newest["id"] == "d-003"


def test_a_long_and_dirty_error_is_journalled_short_and_clean(bench: Bench) -> None:
    bench.building()
    said = bench.refused({"\x1b[31m\u202e" * 3_000: 1})
    assert len(said) < 1_700
    assert "\x1b" not in said
    assert "\u202e" not in said


# --- once, whoever calls -------------------------------------------------------------------------------------------------------


def test_the_same_answer_twice_counts_once(planning: Bench) -> None:
    planning.takes(plan())
    planning.takes(plan())
    assert len(planning.events("result_accepted")) == 1


def test_a_late_answer_changes_neither_journal_nor_file(planning: Bench) -> None:
    planning.takes(plan())
    before = Path(planning.store.path("results", "d-001-0.json")).read_bytes()
    planning.takes(plan(summary="another"))
    assert Path(planning.store.path("results", "d-001-0.json")).read_bytes() == before


@pytest.mark.parametrize("name", ["d-999", "nothing", ""])
def test_an_answer_for_an_unknown_dispatch_lets_the_agent_end(planning: Bench, name: str) -> None:
    before = len(planning.store.events())
    assert planning.hand_in("rubbish", name or "d-") == Answer(True, "")
    assert len(planning.store.events()) == before


def test_of_two_answers_at_once_the_journalled_one_is_in_the_file(
    planning: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other caller is between judging and journalling when this one's answer comes in."""
    from fermata.core.canonical import digest
    from fermata.loop import results

    real, first = results._news, plan(summary="first")

    def overtaken(*given: Any) -> Any:
        monkeypatch.setattr(results, "_news", real)
        found = real(*given)
        planning.takes(first)
        return found

    monkeypatch.setattr(results, "_news", overtaken)
    planning.takes(plan(summary="second"))
    (event,) = planning.events("result_accepted")
    kept = json.loads(Path(planning.store.path("results", "d-001-0.json")).read_text())
    assert kept["summary"] == "first"
    assert event["result"] == digest("fermata result 1", kept)


# --- the door as a process -------------------------------------------------------------------------------------------------------


def _door(request: object) -> subprocess.CompletedProcess[str]:
    text = request if isinstance(request, str) else json.dumps(request)
    return subprocess.run(
        [sys.executable, "-I", door.__file__],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=os.environ,
    )


def _request(bench: Bench, text: str, **fields: str) -> dict[str, str]:
    values = {"root": str(bench.sandbox.root), "store": bench.store.folder, "dispatch": "d-001", "text": text}
    return {**values, **fields}


def test_the_door_accepts_and_refuses(planning: Bench) -> None:
    refused = _door(_request(planning, "prose"))
    assert (refused.returncode, refused.stderr) == (0, "")
    assert "no JSON object" in json.loads(refused.stdout)["message"]
    accepted = _door(_request(planning, json.dumps(plan())))
    assert json.loads(accepted.stdout) == {"accepted": True, "message": ""}
    assert planning.newest["state"] == "completed"


def test_the_door_never_accepts_what_it_cannot_keep(planning: Bench, tmp_path: Path) -> None:
    for fields in ({"root": str(tmp_path)}, {"store": str(tmp_path / "none")}):
        answer = json.loads(_door(_request(planning, json.dumps(plan()), **fields)).stdout)
        assert not answer["accepted"]
        assert answer["message"].startswith("the result could not be kept")
    assert _door("not a request").returncode != 0


def test_what_an_agent_might_undo_of_the_users_is_kept(bench: Bench) -> None:
    """A user's edit that the builder, sent back, takes for its own and undoes."""
    bench.building()
    bench.sandbox.write("src/app.py", "print(3)\n")
    bench.sandbox.write("notes.txt", "the user's\n")
    assert "stays as it is, and you name it under `unexplained`" in bench.refused(built("src/app.py"))
    (bench.sandbox.root / "notes.txt").unlink()
    bench.takes(built("src/app.py"))
    assert bench.sandbox.git("show", f"refs/fermata/{RUN}/d-002-0:notes.txt") == "the user's\n"


def test_a_change_by_hand_that_the_builder_never_owns_up_to_is_the_next_ones_base(bench: Bench) -> None:
    bench.building()
    bench.sandbox.write("notes.txt", "the user's\n")
    for _ in range(4):
        bench.hand_in(built())
    assert bench.newest["state"] == "failed"
    assert bench.run["waiting"]
    assert (bench.run["waiting"]["kind"], "notes.txt" in bench.run["waiting"]["why"]) == ("blocked", True)
    bench.tell("retry_granted")
    bench.settle()
    bench.work()
    bench.build()
    assert (bench.sandbox.root / "notes.txt").read_text() == "the user's\n"
    assert bench.newest["changed"] == ["src/app.py"]
