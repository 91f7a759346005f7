from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from fermata.cli import main
from tests.loop.bench import CONFIG, Bench
from tests.test_cli import Call, call

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["call"]


def test_every_value_is_told_with_its_file(call: Call, tmp_path: Path, home: str) -> None:
    mine = os.path.join(home, ".config/fermata/config.yaml")
    os.makedirs(os.path.dirname(mine))
    with open(mine, "w") as file:
        file.write("grant: cli\n")
    root = Bench(tmp_path, CONFIG + "limits:\n  repairs: 2\n").sandbox.root
    (root / "below").mkdir()
    found = call("config", "show", "--origin", cwd=root / "below")
    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    assert f"grant: cli  # {mine}:1" in lines
    assert "  repairs: 2  # .fermata/config.yaml:3" in lines
    assert "  minutes: 30  # default" in lines
    told = call("config", "show", "--origin", "--json", cwd=root).json
    assert (told["settings"]["grant"], told["origin"]["grant"]) == ("cli", f"{mine}:1")
    assert "default" not in call("config", "show", cwd=root).out


@pytest.mark.parametrize(
    ("config", "says"),
    [
        pytest.param("grant: all\n", "line 1: grant: got 'all'", id="value"),
        pytest.param("a: &a b\nworkflow: *a\n", "aliases (*name) are not used here", id="alias"),
        pytest.param("workflow: nosuch\n", 'workflow "nosuch" is not known', id="workflow"),
        pytest.param("stages:\n  reviw: {model: opus}\n", 'line 2: stages.reviw: "reviw" is no stage of', id="stage"),
        pytest.param("stages: {approval: {enabled: false}}\n", "a gate is passed by a human only", id="gate"),
        pytest.param("stages: {verify: {model: opus}}\n", "starts no agent of its own", id="model"),
        pytest.param("checks: {full: [{name: a, command: 'x \"'}]}\n", "line 1: checks.full.0.command:", id="command"),
    ],
)
def test_8_settings_that_cannot_be_used(call: Call, tmp_path: Path, config: str, says: str) -> None:
    found = call("config", "check", cwd=Bench(tmp_path, config).sandbox.root)
    assert (found.code, found.out) == (8, "")
    assert says in found.err


def test_sound_settings_are_told_with_the_stages_that_are_left(call: Call, tmp_path: Path) -> None:
    root = Bench(tmp_path, "stages: {baseline: {enabled: false}}\n").sandbox.root
    assert call("config", "check", cwd=root).out == (
        ".fermata/config.yaml: sound. Workflow plan_then_build: plan → approval → steps → rework → verify → review → finish\n"
    )
    told = call("config", "check", "--json", cwd=root).json
    assert told["ok"] is True
    assert told["stages"][0] == "plan"


def test_outside_a_repository_the_defaults_hold(call: Call, tmp_path: Path) -> None:
    assert call("config", "check", cwd=tmp_path).out.startswith("No settings, so the defaults: sound.")


def test_the_schema_is_json_either_way(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "schema"]) == 0
    long = capsys.readouterr().out
    assert main(["config", "schema", "--json"]) == 0
    short = capsys.readouterr().out
    assert json.loads(long) == json.loads(short)
    assert short.count("\n") == 1 < long.count("\n")


@pytest.mark.parametrize("verb", ["show", "check", "schema"])
def test_each_part_explains_itself(call: Call, tmp_path: Path, verb: str) -> None:
    found = call("config", verb, "--help", cwd=tmp_path)
    assert found.code == 0
    assert "--json" in found.out
