"""What keeps a specification from being carried out, each at its line with the rule and the next move."""

from __future__ import annotations

import pytest

from fermata.spec.names import name_error
from fermata.spec.problems import MAX_MODULES, MAX_PHASES, strict_problems
from fermata.spec.reader import read_spec

GOOD = ["a", "auth", "a.b", "a_b-c", "0", "services/auth", "x" * 64]
BAD = [
    "../../x", "/abs", "a/../../b", ".", "..", "", "-rf", "a b", "a;rm -rf ~", "$(id)", "a\nb", "a\0b", "x" * 65, "x" * 300, "a//b", "a/",
    "CON", "con", "nul.txt", "aux/x", "com1", "a.", "a:b", "a ", " a", "C:x", "c:/x", "~root", "\\\\srv", "a\\b",
    "--upload-pack=x", "a..b", "@{", "a@{1}", "a.lock", "x.lock/y", ".git", ".hidden", "Auth", "é", "e\u0301", "a\u202eb", "a\u200bb", "🚀", "a*", "a?",
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_module_may_be_called(name: str) -> None:
    assert name_error(name) is None


@pytest.mark.parametrize("name", BAD, ids=ascii)
def test_a_module_may_not_be_called(name: str) -> None:
    assert name_error(name)


FORM = "# P\n## Implementation Phases\n### Phase 1: A\nModules: {}\n- x\n### Phase 2: B\nModules: b\n- y\n{}\n"
PROBLEMS = [
    ("climbing name", FORM.format("ok, ../../x", ""), 4, "modules", "`../../x`"),
    ("device", FORM.format("CON", ""), 4, "modules", "Windows"),
    ("case", FORM.format("auth, auth", ""), 4, "modules", "twice"),
    ("double phase", "# P\n## Phase 1: A\n- [ ] x\n## Phase 1: a\n- [ ] y\n", 4, "name", "line 2"),
    ("unknown number", FORM.format("a", "Depends on: Phase 9"), 9, "depends_on", "no phase 9"),
    ("misspelt name", "# P\n## Phase 1: Interfaces\n- [ ] x\n## Phase 2: B\n\n\nDepends on: Interfces\n", 7, "depends_on", "mean `Phase 1: Interfaces`"),
    ("circle", "# P\n## Phase 1: A\nDepends on: Phase 2\n## Phase 2: B\nDepends on: Phase 1\n", 3, "depends_on", "wait for each other"),
    ("itself", "# P\n## Phase 1: A\nDepends on: Phase 1\n## Phase 2: B\n- [ ] x\n", 3, "depends_on", "wait for each other"),
    ("climbing scope", FORM.format("a", "Scope: `../x/**`"), 9, "scope", "`../x/**`"),
    ("absolute scope", FORM.format("a", "Scope: `/etc/**`"), 9, "scope", "`/etc/**`"),
    ("steering scope", FORM.format("a", "Scope: `.git/hooks/**`"), 9, "scope", "`.git`"),
    ("climbing file", FORM.format("a", "Files: `../secrets.env`"), 9, "files", "`../secrets.env`"),
    ("open quote", FORM.format("a", "Test Command: pytest -k 'x"), 9, "commands", "`pytest -k 'x`"),
    ("climbing command", FORM.format("a", "Test Command: cd ../.. && make"), 9, "commands", "`cd ../.. && make`"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "field", "words"), [pytest.param(*row[1:], id=row[0]) for row in PROBLEMS])
def test_a_problem_names_line_field_value_and_rule(text: str, line: int, field: str, words: str) -> None:
    (problem,) = read_spec(text).problems
    assert (problem["line"], problem["field"]) == (line, field)
    assert words in problem["message"]
    assert problem["phase"].startswith("Phase ")


def test_there_is_a_limit_to_phases_and_to_modules() -> None:
    many = "# P\n" + "".join(f"## Phase {n}: T{n}\n- [ ] x\n" for n in range(1, MAX_PHASES + 2))
    assert [problem["line"] for problem in read_spec(many).problems] == [2 + 2 * MAX_PHASES]
    tasks = "# P\n## Phase 1: A\n" + "- [ ] x\n" * 5_000 + "## Phase 2: B\n- [ ] y\n"
    assert ["2000 tasks" in problem["message"] for problem in read_spec(tasks).problems] == [True]
    names = ", ".join(f"m{n}" for n in range(MAX_MODULES + 1))
    assert "501 modules" in read_spec(FORM.format(names, "")).problems[0]["message"]


def test_without_modules_a_phase_is_a_gap_to_a_reader_and_a_problem_to_whoever_carries_it_out() -> None:
    spec = read_spec("# P\n## Phase 1: A\n- [ ] x\n## Phase 2: B\nModules: b\n- y\n")
    assert spec.problems == []
    assert [(p["line"], p["phase"], p["field"]) for p in strict_problems(spec)] == [(2, "Phase 1: A", "modules")]


def test_what_a_message_repeats_cannot_move_a_cursor() -> None:
    text = FORM.format("a\x1b[2Jb", "")
    assert "\x1b" not in read_spec(text).problems[0]["message"]
