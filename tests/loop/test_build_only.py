"""The workflow for small fixes on a real repository: nobody is asked, and what is handed in stays small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.core.actions import DECIDE, next_actions
from fermata.loop.answer import answer
from fermata.views.status import document, text
from tests.loop.bench import CONFIG, Bench, built, review

if TYPE_CHECKING:
    from pathlib import Path

CHOSEN = CONFIG + "workflow: build_only\n"
SMALL = "at most 3 files and 50 changed lines"


def said(bench: Bench) -> str:
    return answer(bench.run, next_actions(bench.run))[0]


def working(folder: Path) -> Bench:
    """The rule holds, and the builder is at work."""
    bench = Bench(folder, CHOSEN).begin("Fix the typo").waive()
    bench.settle()
    bench.work()
    return bench


def test_from_goal_to_end_without_a_question(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CHOSEN).begin("Fix the typo")
    bench.settle()
    assert "wait --max 1" in said(bench)
    bench.waive().settle()
    bench.work()
    brief = bench.brief()
    assert "Fix the typo" in brief
    assert SMALL in brief
    bench.build().settle()
    bench.work()
    assert "Fix the typo" in bench.brief()
    bench.takes(review())
    bench.settle()
    assert bench.run["status"] == "completed"
    assert "fermata ran the checks itself" in said(bench)
    assert f"waived by rule small_change: nobody was asked; {SMALL}" in text(bench.run, None, {})
    approval = document(bench.run, None, {})["approval"]
    assert (approval["channel"], approval["rule"]) == ("waived", "small_change")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        pytest.param({f"src/{name}.py": "x\n" for name in "abcd"}, "4 files changed", id="files"),
        pytest.param({"src/app.py": "x\n" * 60}, "lines were added and removed", id="lines"),
        pytest.param({".github/workflows/ci.yml": "on: push\n"}, "steers the build server", id="build-server"),
        pytest.param({"logo.bin": "\0\1\2"}, "is no text", id="no-text"),
    ],
)
def test_what_is_more_is_sent_back(tmp_path: Path, files: dict[str, str], says: str) -> None:
    bench = working(tmp_path)
    for name, content in files.items():
        bench.sandbox.write(name, content)
    refused = bench.refused(built(*files))
    assert "this is more than a small change: " in refused
    assert says in refused
    assert "/build with a plan" in refused


def test_all_that_was_built_since_the_beginning_is_counted(tmp_path: Path) -> None:
    """K: three small pieces of work in a row are no small change."""
    bench = working(tmp_path)
    bench.sandbox.write("src/a.py", "x\n" * 40)
    bench.takes(built("src/a.py"))
    bench.settle()
    bench.work()
    bench.takes(review("reject", {"severity": "high", "issue": "more"}))
    bench.settle()
    bench.work()
    bench.sandbox.write("src/b.py", "x\n" * 20)
    assert "60 lines" in bench.refused(built("src/b.py"))


def test_work_of_the_user_s_from_before_is_not_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CHOSEN)
    for name in "abcd":
        bench.sandbox.write(f"src/{name}.py", "x\n" * 100)
    bench.begin("Fix the typo").waive().settle()
    bench.work()
    bench.build()


@pytest.mark.parametrize("name", [".claude/settings.json", ".fermata/config.yaml"])
def test_protected_places_stay_outside(tmp_path: Path, name: str) -> None:
    bench = working(tmp_path)
    bench.sandbox.write(name, "{}\n")
    assert "outside your scope" in bench.refused(built(name))


def test_the_settings_can_ask_as_always(tmp_path: Path) -> None:
    bench = Bench(tmp_path, CHOSEN + "waive: false\n").begin("Fix the typo")
    assert [action.kind for action in bench.settle()] == [DECIDE]
    assert "AskUserQuestion" in said(bench)
    bench.approve().settle()
    bench.work()
    bench.sandbox.write("src/app.py", "x\n" * 60)
    bench.takes(built("src/app.py"))  # a person said yes to the goal: the rule's limits are not for that


def test_without_a_check_that_would_prove_it_a_person_is_asked(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "workflow: build_only\n").begin("Fix the typo")
    bench.settle()
    assert "AskUserQuestion" in said(bench)
