"""The project's own linters: which are configured for which files, how their answers are read, and when they are not there."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from fermata.inspections.changes import Changes
from fermata.inspections.linters import LINTERS, run_linters
from tests.git.sandbox import Sandbox, make_sandbox

RUFF = Path(sys.executable).with_name("ruff")


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A project; on PATH there is git and a shell, and no linter."""
    made = make_sandbox(tmp_path / "pro ject")
    made.write(".gitignore", "node_modules/\n.venv/\n")
    made.commit()
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("git", "sh", "cat", "sleep"):
        (programs / name).symlink_to(
            next(Path(p) / name for p in os.environ["PATH"].split(":") if (Path(p) / name).exists())
        )
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    return made


def found(sandbox: Sandbox) -> list[str]:
    return [f"{f.path}:{f.line}: {f.what} [{f.rule}]" for f in run_linters(Changes(str(sandbox.root))).findings]


def install(sandbox: Sandbox, place: str, says: str = "", code: int = 0) -> Path:
    """A linter that notes where and with which words it was started, prints *says* and ends with *code*."""
    sandbox.write(f"{place}.txt", says)
    whole = sandbox.root / place
    sandbox.write(
        place,
        f'#!/bin/sh\npwd > "{whole}.cwd"\nprintf "%s\\n" "$@" > "{whole}.words"\ncat "{whole}.txt"\nexit {code}\n',
        0o755,
    )
    return whole


def started(program: Path) -> tuple[str, list[str]]:
    return Path(f"{program}.cwd").read_text().strip(), Path(f"{program}.words").read_text().splitlines()


def test_none_configured_is_said_and_is_no_finding(sandbox: Sandbox) -> None:
    sandbox.write("a.py", "import os\n")
    report = run_linters(Changes(str(sandbox.root)))
    assert (report.findings, report.judged) == ([], 0)
    assert report.notes[0].startswith("none configured")


@pytest.mark.parametrize(
    ("config", "text", "file", "linter"),
    [
        pytest.param("ruff.toml", "", "a.py", "ruff", id="ruff"),
        pytest.param("pyproject.toml", "[tool.ruff.lint]\n", "a.py", "ruff", id="ruff-in-pyproject"),
        pytest.param("setup.cfg", "[flake8]\n", "a.py", "flake8", id="flake8-in-setup"),
        pytest.param(".pylintrc", "", "a.py", "pylint", id="pylint"),
        pytest.param("eslint.config.mjs", "", "a.ts", "eslint", id="eslint"),
        pytest.param(".eslintrc.json", "{}", "a.jsx", "eslint", id="eslint-old"),
        pytest.param("package.json", '{"eslintConfig": {}}', "a.js", "eslint", id="eslint-in-package"),
        pytest.param(".golangci.yml", "", "a.go", "golangci-lint", id="golangci"),
        pytest.param("biome.jsonc", "{}", "a.css", "biome", id="biome"),
        pytest.param(".oxlintrc.json", "{}", "a.tsx", "oxlint", id="oxlint"),
        pytest.param(".rubocop.yml", "", "a.rb", "rubocop", id="rubocop"),
    ],
)
def test_configured_and_not_installed_is_a_finding_that_says_how(
    sandbox: Sandbox, config: str, text: str, file: str, linter: str
) -> None:
    sandbox.write(config, text)
    sandbox.write(file)
    (says,) = found(sandbox)
    assert says.startswith(f"{config}:0: {linter} is configured here and not installed")
    assert next(one.install for one in LINTERS if one.name == linter) in says


@pytest.mark.parametrize("text", ["[tool.black]\n", "# [tool.ruff]\n", ""], ids=["other", "comment", "empty"])
def test_a_shared_file_counts_only_where_it_speaks_of_the_linter(sandbox: Sandbox, text: str) -> None:
    sandbox.write("pyproject.toml", text)
    sandbox.write("a.py")
    assert found(sandbox) == []


def test_ruff_itself(sandbox: Sandbox) -> None:
    sandbox.write("pyproject.toml", '[tool.ruff.lint]\nselect = ["F"]\n')
    sandbox.write("sub dir/bad.py", "import os\n")
    sandbox.write("good.py", "x = 1\n")
    (sandbox.root / ".venv/bin").mkdir(parents=True)
    (sandbox.root / ".venv/bin/ruff").symlink_to(RUFF)
    (says,) = found(sandbox)
    assert says.startswith("sub dir/bad.py:1: F401")
    assert (sandbox.root / "sub dir/bad.py").read_text() == "import os\n"


def test_eslint_is_the_nearest_one_and_its_warnings_are_none(sandbox: Sandbox) -> None:
    sandbox.write("web/eslint.config.js")
    sandbox.write("web/src/a.ts")
    sandbox.write("web/b.js")
    answers = [
        {"filePath": str(sandbox.root / "web/src/a.ts"), "messages": [
            {"severity": 2, "line": 3, "message": "no", "ruleId": "no-x"}, {"severity": 1, "line": 1, "message": "hm", "ruleId": "y"}]},
        {"filePath": str(sandbox.root / "web/b.js"), "messages": []},
    ]  # fmt: skip
    eslint = install(sandbox, "web/node_modules/.bin/eslint", json.dumps(answers), 1)
    assert found(sandbox) == ["web/src/a.ts:3: no (no-x) [eslint]"]
    where, words = started(eslint)
    assert where == str(sandbox.root / "web")
    assert words[-3:] == ["b.js", "eslint.config.js", "src/a.ts"]
    assert "--fix" not in words


def test_golangci_gets_folders_and_only_changed_files_count(sandbox: Sandbox) -> None:
    sandbox.write(".golangci.yml", "")
    sandbox.write("old.go", "package a\n")
    sandbox.commit()
    sandbox.write("pkg/a.go", "package a\n")
    program = install(sandbox, ".venv/bin/golangci-lint", "pkg/a.go:2:1: unused (deadcode)\nold.go:1:1: old\n", 1)
    assert found(sandbox) == ["pkg/a.go:2: unused (deadcode) [golangci-lint]"]
    assert started(program)[1] == ["run", "./pkg"]


@pytest.mark.parametrize(
    ("linter", "config", "says", "found_there"),
    [
        pytest.param(
            *("biome", "biome.json"),
            "::error title=lint/x,file=web/a%2C b.js,line=3,endLine=3,col=1,endColumn=9::No debugger.\n::notice ::x\n",
            "web/a, b.js:3: No debugger. (lint/x) [biome]",
            id="biome",
        ),
        pytest.param(
            *("oxlint", ".oxlintrc.json"),
            "\nweb/a, b.js:1:1: No `debugger` [Error/eslint(no-debugger)]\n\n1 problem\n",
            "web/a, b.js:1: No `debugger` [Error/eslint(no-debugger)] [oxlint]",
            id="oxlint",
        ),
        pytest.param(
            *("rubocop", ".rubocop.yml"),
            "web/c.rb:2:1: W: Lint/Useless: Useless.\n",
            "web/c.rb:2: W: Lint/Useless: Useless. [rubocop]",
            id="rubocop",
        ),
    ],
)
def test_how_each_says_where(sandbox: Sandbox, linter: str, config: str, says: str, found_there: str) -> None:
    sandbox.write(config, "{}")
    for name in ("web/a, b.js", "web/c.rb"):
        sandbox.write(name)
    install(sandbox, f"node_modules/.bin/{linter}", says, 1)
    assert found(sandbox) == [found_there]


def test_a_linter_that_breaks_is_never_a_pass(sandbox: Sandbox) -> None:
    sandbox.write("ruff.toml")
    sandbox.write("a.py")
    install(sandbox, ".venv/bin/ruff", "error: bad configuration\n", 2)
    assert found(sandbox) == ["ruff.toml:0: ruff ended with exit 2: error: bad configuration [ruff]"]


def test_a_linter_that_hangs_is_ended(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fermata.inspections.linters.LINT_SECONDS", 0.2)
    sandbox.write("ruff.toml")
    sandbox.write("a.py")
    sandbox.write(".venv/bin/ruff", "#!/bin/sh\nexec sleep 30\n", 0o755)
    assert found(sandbox) == ["ruff.toml:0: ruff did not end within 0.2 s [ruff]"]


def test_a_name_that_looks_like_an_option_is_a_file(sandbox: Sandbox) -> None:
    sandbox.write("ruff.toml")
    sandbox.write("--fix.py")
    program = install(sandbox, ".venv/bin/ruff")
    assert found(sandbox) == []
    assert started(program)[1][-2:] == ["--", "--fix.py"]
