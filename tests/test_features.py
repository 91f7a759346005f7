"""docs/reference/features.md lists what fermata does, with the tests that prove it. After a change of features.yaml:
`PYTHONPATH=scripts/lib python -m tests.test_features`."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml

from fermata.cli import cli
from fermata.core.workflow import OUTCOMES
from fermata.definitions.names import workflow_names
from tests.definitions.test_config_reference import WHOLE, keys
from tests.test_docs import AGENTS, BARE_NAMES, COMMANDS, SKILLS, unknown_calls

ROOT = Path(__file__).resolve().parents[1]
SOURCE, PAGE = ROOT / "docs/reference/features.yaml", ROOT / "docs/reference/features.md"
GROUPS = (
    *("Approval", "Workflows", "Parallel work", "Proof", "State", "Recovery"),
    *("Budgets", "Board", "Settings", "Looking in", "Installing"),
)
HEAD = """\
# What fermata does

Each row: what it does, what is typed for it (or the file, key, agent, workflow, stage kind or hook that does it), and the tests that prove it. The
words of a link are the test's name, with `test_` before them and `_` between; *long* ones run with `./scripts/test --long`.
This page is made from [features.yaml](features.yaml). A command, verb, agent, workflow, key, stage kind or hook without a row fails the tests,
and so does a row whose test is not there.
"""
# What only compares lists and pages proves nothing that a user can see.
LISTS = (
    *("test_features.py", "test_docs.py", "places/test_page.py"),
    *("definitions/test_reference.py", "definitions/test_config_reference.py"),
)


class Row(NamedTuple):
    """One thing that fermata does; `names` is `with` of the file, `tests` are FILE::NAME below tests/."""

    group: str
    does: str
    names: list[str]
    tests: list[str]


def rows(text: str) -> list[Row]:
    """All rows of a features file, in its order.

    Raises:
        ValueError, KeyError: not the three keys, or an empty one.
    """
    found = []
    for group, entries in yaml.safe_load(text).items():
        for entry in entries:
            row = Row(group, entry.pop("does"), entry.pop("with"), entry.pop("tests"))
            if entry or not all(row):
                raise ValueError(f"{row.does!r}: does, with and tests, none of them empty; also there: {list(entry)}")
            found.append(row)
    return found


ROWS = rows(SOURCE.read_text())


# --- what the product has -----------------------------------------------------------------------------------------------------


def verbs(group: click.Group, prefix: str = "fermata") -> set[str]:
    """`fermata status`, `fermata task add` …: every command that does something itself."""
    found: set[str] = set()
    for name, command in group.commands.items():
        whole = f"{prefix} {name}"
        found |= verbs(command, whole) if isinstance(command, click.Group) else {whole}
    return found


def product() -> set[str]:
    """A name for everything that a user types or sets, that a project can define, and that the client starts."""
    hooks: dict[str, Any] = json.loads((ROOT / "hooks/hooks.json").read_text())["hooks"]
    return {
        *verbs(cli),
        *(f"/{path.stem}" if path.stem in BARE_NAMES else f"/fermata:{path.stem}" for path in COMMANDS),
        *(f"agent {path.stem}" for path in AGENTS),
        *(f"skill {path.parent.name}" for path in SKILLS),
        *(f"workflow {name}" for name in workflow_names("/nowhere")),
        *(f"stage {kind}" for kind in OUTCOMES),
        *(f"hook {event}" for event in hooks),
        *(f"key {name}" for name, _ in keys(WHOLE)),
    }


def sources() -> str:
    return "".join(
        path.read_text() for path in (ROOT / "scripts").rglob("*") if path.suffix in ("", ".py") and path.is_file()
    )


def covers(name: str) -> str:
    """What of the product *name* stands for: `fermata show plan` is `fermata show`."""
    words = name.split()
    known = product()
    return next((" ".join(words[:end]) for end in range(len(words), 0, -1) if " ".join(words[:end]) in known), name)


def unknown(name: str) -> bool:
    """Whether nothing in the product is called so."""
    kind, _, rest = name.partition(" ")
    if kind == "file":
        return not (ROOT / rest).is_file()
    if kind == "env":
        return re.search(rf"\b{re.escape(rest)}\b", sources()) is None
    return covers(name) not in product() or bool(unknown_calls(f"`{name}`"))


# --- what the tests have --------------------------------------------------------------------------------------------------------


@cache
def functions(path: str) -> dict[str, ast.FunctionDef]:
    """The tests that pytest collects from tests/*path*."""
    file = ROOT / "tests" / path
    if not re.fullmatch(r"(?:.*/)?test_\w+\.py", path) or not file.is_file():
        return {}
    body = ast.parse(file.read_text()).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def marks(test: str) -> str:
    path, _, name = test.partition("::")
    return " ".join(ast.unparse(mark) for mark in functions(path)[name].decorator_list)


def is_long(test: str) -> bool:
    """Whether all of it waits for `--long`; a table may hold back single rows."""
    return any(mark.split("(")[0] == "pytest.mark.long" for mark in marks(test).split(" "))


def proves_nothing(test: str) -> str | None:
    """Why *test* is no proof; None for one that pytest runs and that looks at something."""
    path, _, name = test.partition("::")
    function = functions(path).get(name)
    if function is None:
        return "there is no such test"
    if path in LISTS:
        return "it compares lists and pages alone"
    if "mark.skip" in marks(test) or "mark.xfail" in marks(test):
        return "it is skipped"
    if not any(isinstance(node, (ast.Assert, ast.Call)) for node in ast.walk(ast.Module(function.body, []))):
        return "it looks at nothing"
    return None


def spoken(path: str) -> str:
    """The text of tests/*path* and of the builders and drivers that it imports."""
    text = (ROOT / "tests" / path).read_text()
    beside = {
        ROOT / f"{module.replace('.', '/')}.py"
        for module in re.findall(r"^ *from (tests[\w.]+) import", text, re.MULTILINE)
    }
    return text + "".join(other.read_text() for other in beside if other.is_file())


def unmentioned(row: Row) -> list[str]:
    """Names of *row* that none of its tests' files speaks of: then they prove something else."""
    text = "".join(spoken(test.partition("::")[0]) for test in row.tests)
    named = [name for name in row.names if not name.startswith(("file ", "env "))]
    last = {name: re.findall(r"[\w-]+", covers(name))[-1] for name in named}
    return [name for name, word in last.items() if not re.search(rf"(?<![A-Za-z]){re.escape(word)}(?![A-Za-z])", text)]


# --- the page -----------------------------------------------------------------------------------------------------------------------


def shown(name: str) -> str:
    kind, _, rest = name.partition(" ")
    if kind == "file":
        up = "../" * len(PAGE.parent.relative_to(ROOT).parts)
        return f"[{rest}]({up}{rest})"
    if name.startswith(("/", "fermata ")) or kind in ("key", "env"):
        return f"`{name if name.startswith(('/', 'fermata ')) else rest}`"
    return f"{kind} `{rest}`"


def link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name.removeprefix('test_').replace('_', ' ')}](../../tests/{path}){' *long*' if is_long(test) else ''}"


def page(found: list[Row]) -> str:
    parts = [HEAD]
    for group in dict.fromkeys(row.group for row in found):
        parts.append(f"\n## {group}\n\n| what it does | with | proven by |\n|---|---|---|\n")
        for row in (row for row in found if row.group == group):
            proofs = " · ".join(link(test) for test in row.tests)
            parts.append(f"| {row.does} | {', '.join(shown(name) for name in row.names)} | {proofs} |\n")
    return "".join(parts)


def test_the_page_is_the_one_made_from_the_rows() -> None:
    assert PAGE.read_text() == page(ROWS), "run: PYTHONPATH=scripts/lib python -m tests.test_features"


def test_the_groups_are_these() -> None:
    assert tuple(dict.fromkeys(row.group for row in ROWS)) == GROUPS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.does[:60])
def test_a_row(row: Row) -> None:
    assert {test: why for test in row.tests if (why := proves_nothing(test))} == {}
    assert [name for name in row.names if unknown(name)] == []
    assert unmentioned(row) == []
    assert len(set(row.tests)) == len(row.tests)
    assert not re.search(r"[|\n`]", row.does), "it is one cell of a table"


def test_nothing_that_fermata_has_is_without_a_row() -> None:
    listed = {covers(name) for row in ROWS for name in row.names}
    missing = sorted(product() - listed)
    assert missing == [], (
        "add to docs/reference/features.yaml, in the group where it belongs, what it does and the test that proves it:\n"
        + "".join(f"  - does: …\n    with: [{name}]\n    tests: [FILE.py::test_…]\n" for name in missing)
    )


def test_no_two_rows_say_the_same() -> None:
    assert len({row.does for row in ROWS}) == len(ROWS)


# --- the guard's own guard ----------------------------------------------------------------------------------------------------------


def test_there_is_something_to_look_at() -> None:
    assert len(ROWS) >= 60
    kinds = {name.partition(" ")[0].partition(":")[0] for name in product()}
    assert {"fermata", "/fermata", "/build", "agent", "skill", "workflow", "stage", "hook", "key"} <= kinds


@pytest.mark.parametrize(
    ("test", "why"),
    [
        pytest.param("test_features.py::test_a_row", "lists and pages", id="this-file"),
        pytest.param("test_features.py::test_nothing", "no such test", id="not-there"),
        pytest.param("e2e/cast.py::cast", "no such test", id="no-test"),
        pytest.param("e2e/test_nowhere.py::test_x", "no such test", id="no-file"),
        pytest.param("../tests/e2e/test_gate.py::planner", "no such test", id="a-helper"),
    ],
)
def test_what_is_no_proof_is_found(test: str, why: str) -> None:
    assert why in str(proves_nothing(test))


@pytest.mark.parametrize(
    "name",
    [
        *("fermata shwo", "fermata task", "fermata check --basline", "/build:x", "/fermata:build", "agent nobody"),
        *("workflow conductor", "hook Nothing", "key limits.token", "stage wait", "file docs/none.md", "env FERMATA_X"),
    ],
)
def test_what_the_product_does_not_have_is_found(name: str) -> None:
    assert unknown(name)


def test_a_row_whose_tests_speak_of_something_else_is_found() -> None:
    row = Row("Board", "Learnings", ["fermata learning find"], ["core/test_scope.py::test_cover"])
    assert unmentioned(row) == ["fermata learning find"]


if __name__ == "__main__":
    PAGE.write_text(page(ROWS))
