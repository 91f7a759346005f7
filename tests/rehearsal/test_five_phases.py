"""The second piece's project is what it says: a clean SPEC.md, modules that pass its commands, a lie that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.conduct_project import make_project, node_works, passes
from fermata.rehearsal.five_modules import FAULTS, MODULES, RESOLVED, SHARED
from fermata.rehearsal.five_phases import GENERATE, specification
from fermata.spec.reader import read_spec

if TYPE_CHECKING:
    from pathlib import Path


def build(folder: Path, *layers: dict[str, str]) -> Path:
    project = make_project(folder, specification(node=node_works()))
    for files in layers:
        for name, text in files.items():
            (project / name).parent.mkdir(exist_ok=True)
            (project / name).write_text(text, encoding="utf-8")
    (project / "proto/generate.sh").chmod(0o755)
    return project


@pytest.mark.parametrize("node", [True, False], ids=["node", "no-node"])
def test_the_document_leaves_nothing_open(*, node: bool) -> None:
    found = read_spec(specification(node=node))
    assert (found.problems, found.gaps) == ([], [])
    assert [module for phase in found.phases for module in phase["modules"]] == list(MODULES)
    assert found.phases[0]["commands"] == [GENERATE]
    assert found.phases[1]["commands"][0].startswith("cd grpc-service && ")


def test_good_modules_pass_every_command_and_the_lie_does_not(tmp_path: Path) -> None:
    project = build(tmp_path / "a project", *MODULES.values(), {SHARED: RESOLVED})
    commands = [
        command for phase in read_spec(specification(node=node_works())).phases for command in phase["commands"]
    ]
    assert [command for command in commands if not passes(command, project)] == []
    build_again = {**MODULES["grpc-service"], **FAULTS["grpc-service"]}
    for name, text in build_again.items():
        (project / name).write_text(text, encoding="utf-8")
    assert not passes(commands[1], project)


def test_the_file_in_which_two_modules_meet_passes_for_neither_alone(tmp_path: Path) -> None:
    for module in ("ingest", "store"):
        project = build(tmp_path / module, *MODULES.values(), MODULES[module])
        assert not passes("python3 -m unittest discover -v -s backend -t .", project)
