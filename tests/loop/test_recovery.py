"""What goes wrong on a real tree gets its category, its brief and its time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from fermata.core.actions import AGENT, HUMAN, PAUSE
from fermata.core.moments import moment
from fermata.core.recovery import Facts, told
from fermata.loop import own_files, results
from fermata.loop.answer import answer
from fermata.loop.own_files import ROOT, own_files_changed
from fermata.loop.standstill import goes_on_at, shown_time, stay
from tests.loop.bench import Bench, built


def failure(bench: Bench) -> tuple[str, str]:
    body = bench.events("dispatch_failed")[-1]
    return str(body["category"]), str(body["rule"])


@pytest.mark.parametrize(
    ("cause", "category", "rule"),
    [
        ("unclear", "design_flaw", "wrong_plan"),
        ("missing", "blocker", "missing"),
        ("exhausted", "code_error", "gave_up"),
    ],
)
def test_a_cause_that_an_agent_names_is_kept_by_its_rule(bench: Bench, cause: str, category: str, rule: str) -> None:
    bench.building()
    bench.takes(built(status="failed", cause=cause, caveats=["it cannot be done"]))
    assert failure(bench) == (category, rule)


def test_a_made_up_cause_is_sent_back(bench: Bench) -> None:
    bench.building()
    assert "cause: 'critical' is not one of" in bench.refused(built(status="failed", cause="critical"))


def test_the_tree_comes_before_what_an_agent_says(bench: Bench) -> None:
    """It left something behind outside its scope: the user is asked about that, not told of the agent's reason."""
    bench.building()
    bench.sandbox.write("elsewhere.txt", "mine\n")
    for _ in range(4):
        bench.hand_in(built(status="failed", cause="unclear", caveats=["the plan is unclear"]))
    assert failure(bench) == ("blocker", "scope_left")
    assert bench.kinds() == [HUMAN]


def test_what_steers_fermata_halts_the_run_when_it_was_changed(bench: Bench) -> None:
    bench.building()
    bench.sandbox.write(".fermata/config.yaml", "checks: {full: []}\n")
    for _ in range(4):
        bench.hand_in(built())
    assert failure(bench) == ("critical", "protected_path")
    assert bench.run["waiting"]
    assert bench.run["waiting"]["kind"] == "halted"
    bench.tell("retry_granted")
    assert bench.kinds() == [AGENT]


def test_fermatas_own_files_that_changed_meanwhile_halt_the_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.building()
    bench.sandbox.write("src/app.py", "print(2)\n")
    monkeypatch.setattr(results, "own_files_changed", lambda _brief: ["scripts/lib/fermata/core/gate.py"])
    bench.takes(built("src/app.py"))
    assert failure(bench) == ("critical", "plugin_changed")
    assert "scripts/lib/fermata/core/gate.py of fermata's own changed" in str(bench.run["waiting"])


def test_a_change_of_the_plugin_is_seen_and_its_caches_are_none(tmp_path: Path) -> None:
    plugin, brief = tmp_path / "plugin", tmp_path / "d-002.md"
    for name in ("hooks/hook", "scripts/lib/a.py", "docs/page.md"):
        (plugin / name).parent.mkdir(parents=True, exist_ok=True)
        (plugin / name).write_text("x")
    brief.write_text("x")
    os.utime(brief, (time.time() + 60, time.time() + 60))
    assert own_files_changed(str(brief), str(plugin)) == []
    os.utime(brief, (1, 1))
    assert own_files_changed(str(brief), str(plugin)) == ["hooks/hook", "scripts/lib/a.py"]
    (plugin / "scripts/lib/__pycache__").mkdir()
    (plugin / "scripts/lib/__pycache__/a.pyc").write_text("x")
    os.utime(plugin / "hooks/hook", (1, 1))  # the change time cannot be set back
    assert own_files_changed(str(brief), str(plugin)) == ["hooks/hook", "scripts/lib/a.py"]
    assert own_files_changed(str(tmp_path / "none"), str(plugin)) == []


def test_it_looks_at_this_plugin(tmp_path: Path) -> None:
    old = tmp_path / "brief"
    old.touch()
    os.utime(old, (1, 1))
    assert "scripts/lib/fermata/core/gate.py" in own_files_changed(str(old))
    assert {*own_files.FOLDERS} <= {*os.listdir(ROOT)}


def test_invalid_results_in_the_same_words_are_two_strikes(bench: Bench) -> None:
    bench.building()
    for _ in range(2):
        for _ in range(4):
            bench.hand_in("no JSON at all")
        assert failure(bench) == ("code_error", "invalid")
        bench.settle()
        if bench.newest["state"] == "pending":
            bench.work()
    assert bench.run["position"]["at"] == "plan"
    assert "split it into smaller steps" in bench.brief()


def test_a_red_check_has_its_rule_and_fingerprint(bench: Bench) -> None:
    bench.building()
    bench.sandbox.write("check.sh", "echo nothing; exit 3\n")
    bench.sandbox.write("src/app.py", "print(3)\n")
    bench.takes(built("src/app.py", unexplained=["check.sh"]))
    bench.tell("retry_granted")
    bench.settle()
    ended = bench.events("check_finished")[-1]
    assert (ended["outcome"], ended["category"], ended["rule"], len(ended["error"])) == ("red", "code_error", "red", 64)
    assert "rule" not in bench.events("check_finished")[0]


def test_a_check_whose_program_is_gone_is_a_blocker(tmp_path: Path) -> None:
    config = "checks:\n  full:\n    - {name: gone, command: no-such-program-here, tests: false}\n"
    bench = Bench(tmp_path, config).begin()
    bench.building()  # red before the plan as well, where it only informs
    bench.sandbox.write("src/app.py", "print(3)\n")
    bench.takes(built("src/app.py"))
    assert bench.kinds() == [HUMAN]
    assert "gone (blocker, rule no_program" in str(bench.run["waiting"])


def test_the_users_words_are_in_the_next_brief(bench: Bench) -> None:
    bench.building()
    bench.takes(built(status="failed", cause="missing", caveats=["no key for the service"]))
    bench.tell("retry_granted", words="Use the key in ``` .env ```", channel="picker")
    bench.settle()
    part = bench.brief().partition("## What went wrong\n")[2]
    assert part.startswith("The user says what to do differently:\n````\nUse the key in ``` .env ```\n````\n")
    assert "d-002 failed (blocker, rule missing: " in part


# --- waiting for a time


def test_a_pause_is_said_and_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.settle()
    bench.tell("dispatch_failed", id=bench.work(), reason="529 Overloaded", **told(Facts("api", "overloaded")))
    (action,) = bench.settle()
    assert action.kind == PAUSE
    text, code = answer(bench.run, [action])
    assert (code, "529 Overloaded" in text, "wait --max 90" in text) == (0, True, True)
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    stay(bench.run, 5)
    stay(bench.run, 90)
    assert slept[0] == 5
    assert 20 < slept[1] <= 31


@pytest.mark.parametrize("seconds", [3_600, -5])
def test_a_quota_is_waited_out_by_next_itself(bench: Bench, seconds: int) -> None:
    bench.settle()
    until = moment(time.time() + seconds)
    body = {**told(Facts("api", "rate_limit")), "refused": True, "until": until}
    bench.tell("dispatch_failed", id=bench.work(), reason="429", **body)
    actions = bench.settle()
    if seconds < 0:
        assert [action.kind for action in actions] == [AGENT]
        assert bench.events("breaker_closed") == [{"until": until}]
        return
    text, code = answer(bench.run, actions)
    assert text.startswith(f"HELD: the run waits until {shown_time(until)}")
    assert "/fermata:resume   go on at once" in text
    assert code == 3
    assert goes_on_at(bench.run) == until
    assert len(bench.events("dispatch_created")) == 1


def test_a_run_that_waits_for_nothing_is_not_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.settle()
    monkeypatch.setattr(time, "sleep", lambda _seconds: pytest.fail("it slept"))
    stay(bench.run, 90)
