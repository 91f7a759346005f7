from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from fermata.definitions.config import Checks, CheckSetting, Config, Limits, StageSetting, Worktrees
from fermata.definitions.problems import DefinitionError
from fermata.definitions.settings import PROJECT_FILE, load_settings


def put(folder: Path, text: str | bytes) -> str:
    path = folder / PROJECT_FILE
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(folder)


def problems(folder: Path, text: str | bytes) -> list[str]:
    with pytest.raises(DefinitionError) as error:
        load_settings(put(folder, text))
    assert error.value.exit_code == 8
    return str(error.value).splitlines()


DEFAULTS = {
    "workflow": "plan_then_build",
    "waive": True,
    "remember": True,
    "grant": "scope",
    "checks": {"full": [], "quick": [], "minutes": 30},
    "limits": {
        "dispatches": 40,
        "tokens": None,
        "repairs": 3,
        "wall_minutes": 480,
        "silence_minutes": 15,
        "parallel": 5,
        "agent_minutes": None,
    },
    "worktrees": {"links": [], "setup": []},
    "stages": {},
}
ALL: dict[str, Any] = {
    "workflow": "my_own",
    "waive": False,
    "remember": False,
    "grant": "none",
    "checks": {
        "full": [{"name": "tests", "command": "pytest -q", "tests": True}, {"name": "lint", "command": "ruff check .", "tests": False}],
        "quick": [{"name": "unit", "command": "cd sub && pytest -q unit", "tests": True}],
        "minutes": 5,
    },
    "limits": {"dispatches": 9, "tokens": 250_000, "repairs": 0, "wall_minutes": 60, "silence_minutes": 3, "parallel": 2, "agent_minutes": 10},
    "worktrees": {"links": ["data"], "setup": ["npm ci"]},
    "stages": {"review": {"enabled": False, "model": "haiku"}},
}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("# nothing yet\n", id="comment"),
        pytest.param("---\n...\n", id="empty-document"),
        pytest.param("\ufeff", id="bom"),
        pytest.param("{}", id="braces"),
    ],
)
def test_the_defaults(tmp_path: Path, text: str) -> None:
    assert load_settings(str(tmp_path)).values() == DEFAULTS
    assert load_settings(put(tmp_path, text)).values() == DEFAULTS


def test_every_key(tmp_path: Path) -> None:
    assert load_settings(put(tmp_path, yaml.safe_dump(ALL))).values() == ALL
    for model, values in (
        (Config, ALL),
        (Checks, ALL["checks"]),
        (Limits, ALL["limits"]),
        (CheckSetting, ALL["checks"]["full"][0]),
        (StageSetting, ALL["stages"]["review"]),
        (Worktrees, ALL["worktrees"]),
    ):
        assert set(values) == set(model.model_fields), "a key that this test does not know"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xef\xbb\xbfgrant: cli\n", id="bom"),
        pytest.param(b"grant: cli\r\nchecks:\r\n  minutes: 30\r\n", id="crlf"),
        pytest.param("grant: cli\n".encode("utf-16"), id="utf-16"),
        pytest.param(b"grant: 'cli'", id="no-newline-at-the-end"),
    ],
)
def test_other_ways_to_write_it(tmp_path: Path, data: bytes) -> None:
    assert load_settings(put(tmp_path, data)).config.grant == "cli"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("limit: {}", 'allowed here: checks, grant, limits, remember, stages, waive, workflow, worktrees. Did you mean "limits"?', id="up"),
        pytest.param("x: 1", 'unknown key "x"; allowed here: checks, grant, limits, remember, stages, waive, workflow, worktrees.', id="no-guess"),
        pytest.param("limits: {dispatch: 1}", 'wall_minutes. Did you mean "dispatches"?', id="limits"),
        pytest.param("checks: {ful: []}", '"checks.ful"; allowed here: full, minutes, quick. Did you mean "full"?', id="checks"),
        pytest.param("stages: {review: {modle: opus}}", '"stages.review.modle"; allowed here: enabled, model. Did you mean "model"?', id="stage"),
        pytest.param("checks: {full: [{name: a, command: b, test: true}]}", '"checks.full.0.test"; allowed here: command, name, tests.', id="check"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_named_with_the_known_ones(tmp_path: Path, text: str, says: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(f"{PROJECT_FILE}: ")
    assert says in problem


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("grant: all", "grant: got 'all'; Input should be 'cli', 'scope' or 'none'", id="grant"),
        pytest.param("grant: [scope]", "grant: got ['scope']", id="grant-list"),
        pytest.param("workflow: 7", "workflow: got 7", id="workflow-number"),
        pytest.param("workflow: ../x", "workflow: got '../x'", id="workflow-path"),
        pytest.param('workflow: "a\\n"', "workflow: got 'a\\n'", id="workflow-newline"),
        pytest.param("limits: {dispatches: '4'}", "limits.dispatches: got '4'; Input should be a valid integer", id="text-for-number"),
        pytest.param("limits: {dispatches: yes}", "limits.dispatches: got True", id="yes-for-number"),
        pytest.param("limits: {dispatches: 4.0}", "limits.dispatches: got 4.0", id="float-for-number"),
        pytest.param("limits: {dispatches: .inf}", "limits.dispatches: got inf", id="infinity"),
        pytest.param("limits: {dispatches: 0}", "greater than or equal to 1", id="too-few"),
        pytest.param("limits: {dispatches: 501}", "less than or equal to 500", id="too-many"),
        pytest.param("limits: {repairs: -1}", "limits.repairs: got -1", id="negative"),
        pytest.param("limits: {wall_minutes: 10081}", "limits.wall_minutes", id="more-than-a-week"),
        pytest.param("limits: {tokens: 999}", "limits.tokens", id="less-than-one-answer"),
        pytest.param("limits: {silence_minutes: 0}", "limits.silence_minutes", id="no-silence"),
        pytest.param("limits: {parallel: 11}", "limits.parallel", id="eleven-at-once"),
        pytest.param("worktrees: {links: [../x]}", "write it relative to the repository's root", id="a-link-to-above"),
        pytest.param("worktrees: {links: [.git]}", "`.git` steers git", id="a-link-to-git"),
        pytest.param("worktrees: {links: ['a*']}", "write one path", id="a-link-to-many"),
        pytest.param("limits: {agent_minutes: 0}", "limits.agent_minutes", id="no-time-to-work"),
        pytest.param("checks: {minutes: 241}", "checks.minutes: got 241", id="minutes"),
        pytest.param("checks:", "checks: got None", id="nothing-below"),
        pytest.param("checks: {full: {name: a, command: b}}", "checks.full: got {'name'", id="mapping-for-list"),
        pytest.param("checks: {full: [pytest]}", "checks.full.0: got 'pytest'", id="text-for-mapping"),
        pytest.param("checks: {full: [{name: a}]}", "checks.full.0.command: got {'name': 'a'}; Field required", id="no-command"),
        pytest.param("checks: {full: [{name: A, command: b}]}", "checks.full.0.name: got 'A'", id="name"),
        pytest.param("checks: {full: [{name: ../a, command: b}]}", "checks.full.0.name", id="name-path"),
        pytest.param("checks: {full: [{name: a, command: ''}]}", "checks.full.0.command: got ''", id="empty-command"),
        pytest.param("checks: {full: [{name: a, command: [ls]}]}", "checks.full.0.command: got ['ls']", id="list-command"),
        pytest.param("checks: {full: [{name: a, command: b, tests: 1}]}", "checks.full.0.tests: got 1", id="one-for-true"),
        pytest.param(yaml.safe_dump({"checks": {"full": [{"name": "a", "command": "x" * 2_001}]}}), "2000 characters", id="long-command"),
        pytest.param(yaml.safe_dump({"checks": {"full": [{"name": f"a{n}", "command": "b"} for n in range(21)]}}), "at most 20 items", id="21-checks"),
        pytest.param("stages: {review: {model: gpt}}", "stages.review.model: got 'gpt'; Input should be 'inherit', 'sonnet', ", id="model"),
        pytest.param("stages: {review: {enabled: 0}}", "stages.review.enabled: got 0", id="zero-for-false"),
        pytest.param("stages: {review: }", "stages.review: got None", id="stage-nothing"),
        pytest.param("stages: {Review: {}}", "stages.Review.[key]: got 'Review'", id="stage-name"),
        pytest.param("stages: [review]", "stages: got ['review']", id="stage-list"),
        pytest.param("checks: {full: [{name: a, command: b}, {name: a, command: c}]}", 'two checks are called "a"; give each', id="twins"),
        pytest.param("- 1", "the file: got [1]", id="list"),
        pytest.param("just words", "the file: got 'just words'", id="words"),
        pytest.param("1: 2", "1: got 1; Keys should be strings", id="number-as-key"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    assert any(says in problem and problem.startswith(f"{PROJECT_FILE}: ") for problem in problems(tmp_path, text))


def test_every_problem_has_its_line(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "grant: all\nlimit: 1\nchecks: {minutes: 0}\n")) == 3


BOMB = "a: &a [x, x, x, x]\n" + "".join(
    f"b{n}: &b{n} [{', '.join(['*' + ('a' if n == 0 else f'b{n - 1}')] * 9)}]\n" for n in range(12)
)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param("grant: [", "not YAML", id="open-bracket"),
        pytest.param("grant: cli\n  x: 1", "not YAML", id="indentation"),
        pytest.param("\tgrant: cli", "not YAML", id="tab"),
        pytest.param(b"\x00\x01", "not YAML", id="binary"),
        pytest.param(b"grant: \xff\xff", "not YAML", id="not-utf-8"),
        pytest.param("grant: cli\n---\ngrant: none", "single document", id="two-documents"),
        pytest.param(BOMB, "aliases (*name) are not used here", id="alias-bomb"),
        pytest.param("grant: &g cli\nworkflow: *g", "aliases", id="alias"),
        pytest.param("a: &a\n  <<: *a", "aliases", id="alias-to-itself"),
        pytest.param(
            "grant: !!python/object/apply:os.system ['touch canary']",
            "could not determine a constructor",
            id="python-call",
        ),
        pytest.param(
            "grant: !!python/object:os.stat_result []", "could not determine a constructor", id="python-object"
        ),
        pytest.param("grant: !own cli", "could not determine a constructor", id="own-tag"),
        pytest.param("grant: cli\ngrant: none", 'the key "grant" stands twice', id="twin-keys"),
        pytest.param("limits: {repairs: 1, repairs: 9}", 'the key "repairs" stands twice', id="twin-keys-below"),
        pytest.param("? [a]\n: b", "unhashable key", id="list-as-key"),
        pytest.param("workflow: 2026-99-99", "a value cannot be read", id="no-such-month"),
        pytest.param("limits: {repairs: " + "1" * 5_000 + "}", "a value cannot be read", id="5000-digits"),
        pytest.param("a: !!bool maybe", "a value cannot be read", id="no-bool"),
        pytest.param("a: !!timestamp soon", "a value cannot be read", id="no-time"),
        pytest.param("a: !!float x", "a value cannot be read", id="no-number"),
        pytest.param("[" * 50_000, "not YAML", id="50000-deep"),
        pytest.param("# " + "x" * 1_000_000, "more than 100,000 bytes; shorten it", id="1-MB"),
        pytest.param("grant: '" + "x" * 99_000 + "'", "grant: got 'xxx", id="99-KB-value"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_quickly(tmp_path: Path, data: str | bytes, says: str) -> None:
    began = time.monotonic()
    found = problems(tmp_path, data)
    assert says in found[0]
    assert all(len(problem) < 500 for problem in found)
    assert time.monotonic() - began < 5
    assert not os.path.exists("canary")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(os.mkdir, id="folder"),
        pytest.param(lambda path: os.symlink("gone", path), id="dangling-link"),
        pytest.param(os.mkfifo, id="fifo"),
        pytest.param(lambda path: os.symlink("/dev/zero", path), id="device"),
    ],
)
def test_what_is_no_file_is_refused_and_hangs_nobody(tmp_path: Path, make: Any) -> None:
    (tmp_path / ".fermata").mkdir()
    make(str(tmp_path / PROJECT_FILE))
    with pytest.raises(DefinitionError, match="not a file"):
        load_settings(str(tmp_path))
