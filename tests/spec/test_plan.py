"""Phases become steps: a module each, then what closes the phase; order, scopes and checks come from the document."""

from __future__ import annotations

from typing import Any

import pytest

from fermata.core.order import order_error
from fermata.spec.file import SpecError
from fermata.spec.plan import plan_of_spec
from fermata.spec.reader import read_spec


def document(*phases: str) -> str:
    return "# Flow\n\n## Implementation Phases\n\n" + "\n".join(phases)


def phase(number: int, modules: str = "", **fields: str) -> str:
    said = {
        "Modules": modules or f"m{number}",
        "Test Command": "pytest -q",
        **{k.replace("_", " "): v for k, v in fields.items()},
    }
    rows = "".join(f"{name}: {text}\n\n" for name, text in said.items())
    return f"### Phase {number}: P{number}\n\n{rows}- Do it\n\nSuccess Criteria:\n\n- it works\n"


def planned(text: str, *folders: str) -> dict[str, Any]:
    spec = read_spec(text)
    assert not spec.problems, spec.problems
    return plan_of_spec(spec, text, "SPEC.md", folders.__contains__)


def order(plan: dict[str, Any]) -> list[tuple[str, list[int]]]:
    return [(step.get("module", "closes"), step["after"]) for step in plan["steps"]]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        pytest.param(
            document(phase(1), phase(2, "a, b"), phase(3)),
            [("m1", []), ("closes", [1]), ("a", [2]), ("b", [2]), ("closes", [3, 4]), ("m3", [5]), ("closes", [6])],
            id="each-after-the-one-before",
        ),
        pytest.param(
            document(phase(1), phase(2), phase(3, Depends_on="Phase 1")),
            [("m1", []), ("closes", [1]), ("m2", [2]), ("closes", [3]), ("m3", [2]), ("closes", [5])],
            id="beside-where-the-document-says-so",
        ),
        pytest.param(
            document(phase(1, Depends_on="Phase 2"), phase(2, Depends_on="none")),
            [("m2", []), ("closes", [1]), ("m1", [2]), ("closes", [3])],
            id="a-later-one-first",
        ),
        pytest.param(
            document(phase(1).replace("P1", "P1 ✅"), phase(2)),
            [("m2", []), ("closes", [1])],
            id="what-is-done-is-not-built-again",
        ),
    ],
)
def test_the_order(text: str, steps: list[tuple[str, list[int]]]) -> None:
    plan = planned(text)
    assert order(plan) == steps
    assert order_error(plan["steps"]) is None


@pytest.mark.parametrize(
    ("text", "folders", "scopes"),
    [
        pytest.param(phase(1, "api"), [], [["**"], ["**"]], id="nothing-known"),
        pytest.param(phase(1, "api"), ["api"], [["api/**"], ["api/**"]], id="a-folder"),
        pytest.param(phase(1, "src/api, ui").replace("Do it", "Write `ui/a.js`"), [], [["src/api/**"], ["ui/**"], ["src/api/**", "ui/**"]], id="paths"),
        pytest.param(phase(1, "api, ui").replace("Do it", "Write `package.json`"), ["api", "ui"],
                     [["api/**", "package.json"], ["package.json", "ui/**"], ["api/**", "package.json", "ui/**"]], id="a-shared-file"),
        pytest.param(phase(1, "api, ui", Scope="lib/**, api/**"), ["api"], [["api/**", "lib/**"]] * 3, id="as-the-document-says"),
    ],
)  # fmt: skip
def test_the_scopes(text: str, folders: list[str], scopes: list[list[str]]) -> None:
    assert [step["scope"] for step in planned(document(text), *folders)["steps"]] == scopes


def checks(plan: dict[str, Any]) -> list[tuple[str, str, bool]]:
    return [(c["name"], c["command"]["shown"], c["expect_tests"]) for c in plan["steps"][-1]["checks"]]


def test_the_checks_of_a_phase_are_its_commands_and_the_inspections() -> None:
    plan = planned(document(phase(1).replace("Do it", "Write `src/a.py`")))
    assert checks(plan) == [
        ("placeholders", "fermata inspect placeholders", False),
        ("command-1", "pytest -q", True),
        ("files", "fermata inspect files --path src/a.py", False),
        ("imports", "fermata inspect imports", False),
        ("lint", "fermata inspect lint", False),
    ]
    assert "checks" not in plan["steps"][0]


def test_a_specification_makes_exceptions() -> None:
    text = phase(1) + "\nGotchas:\n\n- Allow placeholders: TODO, `legacy/**`\n"
    shown = checks(planned(document(text)))[0][1]
    assert shown == "fermata inspect placeholders --allow TODO --allow 'legacy/**'"


def test_a_digest_is_of_its_own_section() -> None:
    one, other = planned(document(phase(1), phase(2))), planned("Words.\n\n" + document(phase(1), phase(2, "m2, m3")))
    told = [step["digest"] for step in one["steps"]]
    again = [step["digest"] for step in other["steps"]]
    assert told[:2] == again[:2]
    assert not set(told[2:]) & set(again[2:])
    assert len(set(told)) == len(told)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(phase(1, Scope=".git/**"), "SPEC.md:5: Phase 1: P1: scope holds '.git/**'", id="git"),
        pytest.param(phase(1, Scope=".claude/**"), "scope holds '.claude/**'", id="claude"),
        pytest.param(phase(1).replace("pytest -q", "pytest 'x"), "unbalanced", id="quote"),
        pytest.param(phase(1).replace("P1", "P1 ✅"), "every phase is marked as done", id="all-done"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(text: str, says: str) -> None:
    spec = read_spec(document(text))
    problems = [problem["message"] for problem in spec.problems]
    try:
        plan_of_spec(spec, document(text), "SPEC.md", lambda _: False)
    except SpecError as error:
        problems.append(str(error))
    assert any(says in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("phases", "says"),
    [([phase(1)], "1 phase, 1 module"), ([phase(1), phase(2, "a, b")], "2 phases, 3 modules")],
    ids=["one", "many"],
)
def test_its_size(phases: list[str], says: str) -> None:
    assert planned(document(*phases))["effort"] == says
