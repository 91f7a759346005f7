"""`fermata spec lint`: what a person sees, what a program gets, and with which exit code it ends."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fermata.cli import main
from tests.test_cli import Call, call

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["call"]

SPEC = """\
# Shop

## Implementation Phases

### Phase 1: Interface ✅

Modules: proto
- Write it

Test Command: make test

Success Criteria:
- It is there

### Phase 2: Service

- Answer

Depends on: Phase 1
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path / "repo")], check=True)
    (tmp_path / "repo" / ".spec").mkdir()
    (tmp_path / "repo" / "below").mkdir()
    (tmp_path / "repo" / ".spec" / "SPEC.md").write_text(SPEC)
    return tmp_path / "repo"


def test_phases_then_gaps_then_how_it_stands(call: Call, repo: Path) -> None:
    found = call("spec", "lint", cwd=repo)
    assert (found.code, found.err) == (0, "")
    assert found.out == (
        "Phase 1: Interface  lines 5-13  done\n"
        "  Modules           proto\n"
        "  Tasks             Write it\n"
        "  Test command      make test\n"
        "  Success criteria  It is there\n"
        "\n"
        "Phase 2: Service  lines 15-19\n"
        "  Tasks             Answer\n"
        "  Depends on        Phase 1: Interface\n"
        "\n"
        ".spec/SPEC.md:15: gap: Phase 2: Service: no modules: add `Modules: NAME, NAME`, one for each part that an agent can work on by itself\n"
        ".spec/SPEC.md:15: gap: Phase 2: Service: no test command: add `Test Command: COMMAND`, one shell line that fails when the phase is not right\n"
        ".spec/SPEC.md:15: gap: Phase 2: Service: no success criteria: add `Success Criteria:` with a bullet for each thing that must be true\n"
        "\n"
        "2 phases, 3 gaps: nothing is wrong, but `/conduct` wants modules in each phase (1 without).\n"
    )


def test_the_repositorys_specification_is_found_from_below(call: Call, repo: Path) -> None:
    assert "../.spec/SPEC.md:15: gap" in call("spec", "lint", cwd=repo / "below").out


def test_a_program_gets_every_field_gap_and_problem(call: Call, repo: Path) -> None:
    (repo / "other.md").write_text(SPEC.replace("Depends on: Phase 1", "Depends on: Phase 7"))
    found = call("spec", "lint", "other.md", "--json", cwd=repo)
    assert (found.code, set(found.json)) == (8, {"title", "phases", "gaps", "problems"})
    assert [phase["name"] for phase in found.json["phases"]] == ["Phase 1: Interface", "Phase 2: Service"]
    (problem,) = found.json["problems"]
    assert set(problem) == {"line", "field", "phase", "message"}
    assert (problem["line"], problem["field"], problem["phase"]) == (19, "depends_on", "Phase 2: Service")


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(lambda _: None, "no such file", id="missing"),
        pytest.param(lambda path: path.mkdir(), "a folder", id="folder"),
        pytest.param(lambda path: path.write_text(""), "empty", id="empty"),
        pytest.param(lambda path: path.write_text("words\n"), "no implementation phases", id="no phases"),
        pytest.param(lambda path: path.write_bytes(b"\xff\xfe"), "not UTF-8", id="binary"),
        pytest.param(lambda path: path.symlink_to("/etc/passwd"), "out of the repository", id="link"),
    ],
)
def test_8_what_is_no_specification(call: Call, repo: Path, make: object, says: str, as_json: bool) -> None:
    make(repo / "x.md")  # type: ignore[operator]
    found = call("spec", "lint", "x.md", *(["--json"] if as_json else []), cwd=repo)
    assert found.code == 8
    assert says in (found.json["problems"][0]["message"] if as_json else found.out + found.err)
    assert "Traceback" not in found.err


def test_who_names_none_is_told_of_one_that_lies_elsewhere(call: Call, repo: Path) -> None:
    (repo / ".spec/SPEC.md").rename(repo / "SPEC.md")
    found = call("spec", "lint", cwd=repo)
    assert found.code == 8
    assert "SPEC.md is there: fermata spec lint SPEC.md" in found.err
    assert "no such file; name" in call("spec", "lint", "x.md", cwd=repo).err


def test_a_name_cannot_steer_the_terminal(call: Call, repo: Path) -> None:
    (repo / "x.md").write_text("# P\n## Phase 1: A\x1b[2J\n- \x1b]0;t\x07x\n## Phase 2: B\nModules: \x1b[31mred\n")
    found = call("spec", "lint", "x.md", cwd=repo)
    assert "\x1b" not in found.out + found.err


def test_other_commands_do_not_load_the_reader() -> None:
    code = "import sys; import fermata.cli; sys.exit(any(name.split('.')[0] == 'markdown_it' or name.startswith('fermata.spec.') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": "scripts/lib"}).returncode == 0
    assert callable(main)
