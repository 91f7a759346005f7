from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fermata.checks import python_project
from fermata.checks.detect import detect
from fermata.definitions.config import CheckSetting

UNITTEST = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n"
PLAIN = "def test_a(): pass\n"


def script(text: str, **fields: object) -> str:
    return json.dumps({"scripts": {"test": text}, **fields})


def build(root: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        if "bin/python" in name:
            (root / name).chmod(0o755)
    return str(root)


@pytest.fixture(params=[True, False], ids=["system-pytest", "no-system-pytest"])
def system_pytest(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    has: bool = request.param
    monkeypatch.setattr(python_project, "_system_has_pytest", lambda: has)
    return has


@pytest.mark.parametrize(
    ("files", "shown", "why"),
    [
        pytest.param({"pytest.ini": ""}, "python3 -m pytest", "pytest.ini configures pytest", id="pytest.ini"),
        pytest.param(
            {"pyproject.toml": "[tool.pytest.ini_options]\n"}, "python3 -m pytest", "pyproject.toml", id="pyproject"
        ),
        pytest.param(
            {"pyproject.toml": "[tool.pytest]\n"}, "python3 -m pytest", "pyproject.toml", id="pyproject-native"
        ),
        pytest.param({"setup.cfg": "[metadata]\n[tool:pytest]\n"}, "python3 -m pytest", "setup.cfg", id="setup.cfg"),
        pytest.param({"tox.ini": "[tox]\n[pytest]\n"}, "python3 -m pytest", "tox.ini", id="tox.ini"),
        pytest.param(
            {"tests/unit/test_a.py": PLAIN}, "python3 -m pytest", "tests/unit/test_a.py is", id="tests-folder"
        ),
        pytest.param({"test/a_test.py": PLAIN}, "python3 -m pytest", "test/a_test.py is", id="test-folder"),
        pytest.param({"test_a.py": PLAIN}, "python3 -m pytest", "test_a.py is", id="top"),
        pytest.param(
            {"pytest.ini": "", ".venv/bin/python": ""}, ".venv/bin/python -m pytest", "pytest.ini", id="dot-venv"
        ),
        pytest.param({"pytest.ini": "", "venv/bin/python": ""}, "venv/bin/python -m pytest", "pytest.ini", id="venv"),
        pytest.param(
            {"pytest.ini": "", "tests/test_a.py": UNITTEST}, "python3 -m pytest", "pytest.ini", id="configured-unittest"
        ),
    ],
)
@pytest.mark.usefixtures("system_pytest")
def test_pytest_projects(files: dict[str, str], shown: str, why: str, tmp_path: Path) -> None:
    (found,) = detect(build(tmp_path, files))
    assert (found.name, found.command.shown) == ("tests", shown)
    assert not found.command.is_shell
    assert why in found.why


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({}, id="empty"),
        pytest.param(
            {"setup.cfg": "[metadata]\n", "tox.ini": "[tox]\n", "pyproject.toml": "[tool.ruff]\n"}, id="other-sections"
        ),
        pytest.param({"pyproject.toml": 'x = """\n[tool.pytest]\n"""\n'}, id="section-inside-a-string"),
        pytest.param({"pyproject.toml": "# [tool.pytest]\n"}, id="section-in-a-comment"),
        pytest.param({"pyproject.toml": "[tool.pytest-asyncio]\n"}, id="similar-name"),
        pytest.param({"pyproject.toml": "= broken\n"}, id="broken-toml"),
        pytest.param({"tests/helper.py": "", "src/test_a.py": PLAIN}, id="no-test-file-in-a-known-place"),
        pytest.param({"package.json": "{}"}, id="no-script"),
        pytest.param({"package.json": "{broken"}, id="broken-json"),
        pytest.param({"package.json": "[1]"}, id="json-list"),
        pytest.param({"package.json": "[" * 100_000}, id="deep-json"),
        pytest.param({"package.json": '{"scripts": ["test"]}'}, id="scripts-list"),
        pytest.param({"package.json": '{"scripts": {"test": 1, "lint": "eslint ."}}'}, id="no-text-and-no-lint"),
        pytest.param({"package.json": script('echo "Error: no test specified" && exit 1')}, id="placeholder"),
        pytest.param({"package.json": script("jest --watch")}, id="watcher"),
        pytest.param({"package.json": script("jest --watchAll")}, id="watcher-of-all"),
        pytest.param({"package.json": script("vitest watch")}, id="watching-command"),
        pytest.param({"a/b/package.json": script("jest")}, id="two-folders-down"),
        pytest.param({"node_modules/x/package.json": script("jest")}, id="somebody-elses-package"),
        pytest.param({".x/Cargo.toml": "", "examples/go.mod": "", "vendor/go.mod": ""}, id="hidden-or-no-project"),
        pytest.param({"-x/go.mod": "", "a\nb/go.mod": ""}, id="folders-that-no-command-can-name"),
    ],
)
def test_nothing_speaks_for_a_command(files: dict[str, str], tmp_path: Path) -> None:
    assert detect(build(tmp_path, files)) == []


@pytest.mark.parametrize(
    ("files", "tail"),
    [
        pytest.param({"tests/test_a.py": UNITTEST, "tests/__init__.py": ""}, "discover -s tests -t .", id="package"),
        pytest.param({"tests/test_a.py": UNITTEST}, "discover -s tests", id="folder"),
        pytest.param({"test_a.py": "from unittest import TestCase\n"}, "discover", id="top"),
    ],
)
def test_unittest_projects(files: dict[str, str], tail: str, tmp_path: Path, system_pytest: bool) -> None:
    (found,) = detect(build(tmp_path, files))
    expected = "python3 -m pytest" if system_pytest else f"python3 -m unittest {tail}"
    assert found.command.shown == expected
    assert system_pytest or "uses unittest, and python3 has no pytest" in found.why


def test_pytest_is_looked_for_in_the_projects_own_environment(tmp_path: Path, system_pytest: bool) -> None:
    root = build(tmp_path, {"tests/test_a.py": UNITTEST, ".venv/bin/python": "#!/bin/sh\ntouch canary\n"})
    assert "unittest" in detect(root)[0].command.shown
    build(tmp_path, {".venv/pyvenv.cfg": "include-system-site-packages = true\n"})
    assert ("pytest" in detect(root)[0].command.shown.split()) is system_pytest
    build(tmp_path, {".venv/lib/python3.11/site-packages/pytest/__init__.py": ""})
    assert detect(root)[0].command.shown == ".venv/bin/python -m pytest"
    assert not list(tmp_path.rglob("canary"))


def test_asking_the_system_imports_nothing_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, {"sitecustomize.py": f"open({str(tmp_path / 'canary')!r}, 'w')\n", "tests/test_a.py": UNITTEST})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    detect(str(tmp_path))
    assert not (tmp_path / "canary").exists()


def test_pipes_in_the_place_of_files_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pyproject.toml")
    (tmp_path / "tests").mkdir()
    os.mkfifo(tmp_path / "tests/test_a.py")
    assert detect(str(tmp_path))[0].why == "tests/test_a.py is a test file"


CRATE = '[package]\nname = "x"\n'
RUST_TEST = "#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {}\n}\n"
GO_TEST = "package a\n\nfunc TestA(t *testing.T) {}\n"


@pytest.mark.parametrize(
    ("files", "shown", "why"),
    [
        pytest.param(
            {"package.json": script("jest  --ci")}, "npm test", "package.json has the script test: jest --ci", id="npm"
        ),
        pytest.param({"package.json": script("x " * 90)}, "npm test", "x x x…", id="long-script"),
        pytest.param({"package.json": script("jest --watchAll=false")}, "npm test", "jest", id="watching-switched-off"),
        pytest.param({"package.json": script("jest --watchman")}, "npm test", "jest", id="watchman-is-no-watching"),
        pytest.param(
            {"package.json": '{"scripts": {"test": "jest --watch", "test:ci": "jest --ci"}}'},
            "npm run test:ci",
            "the script test:ci: jest --ci",
            id="script-for-servers",
        ),
        pytest.param(
            {"package.json": script("jest"), "package-lock.json": ""}, "npm test", "package-lock.json is", id="npm-lock"
        ),
        pytest.param(
            {"package.json": script("jest"), "pnpm-lock.yaml": ""}, "pnpm test", "pnpm-lock.yaml is there", id="pnpm"
        ),
        pytest.param({"package.json": script("jest"), "yarn.lock": ""}, "yarn test", "yarn.lock is there", id="yarn"),
        pytest.param(
            {"package.json": script("vitest"), "bun.lockb": ""}, "bun run test", "bun.lockb is there", id="bun"
        ),
        pytest.param(
            {"package.json": script("jest", packageManager="yarn@4.1.0"), "package-lock.json": ""},
            "yarn test",
            "package.json",
            id="manager-named",
        ),
        pytest.param({"package.json": script("jest", packageManager="rm -rf@1")}, "npm test", "", id="manager-unknown"),
        pytest.param({"Cargo.toml": CRATE, "src/lib.rs": RUST_TEST}, "cargo test", "Cargo.toml is there", id="crate"),
        pytest.param(
            {"Cargo.toml": "[workspace]\nmembers = ['a']\n", "a/Cargo.toml": CRATE, "a/tests/it.rs": RUST_TEST},
            "cargo test --workspace",
            "Cargo.toml is there",
            id="cargo-workspace",
        ),
        pytest.param(
            {"Cargo.toml": "[workspace]\ndefault-members = ['a']\n", "a/Cargo.toml": CRATE, "a/l.rs": "/// ```\n"},
            "cargo test",
            "Cargo.toml",
            id="cargo-default-members",
        ),
        pytest.param({"go.mod": "module a\n", "x/a_test.go": GO_TEST}, "go test ./...", "go.mod is there", id="go"),
    ],
)
def test_other_projects(files: dict[str, str], shown: str, why: str, tmp_path: Path) -> None:
    (found,) = detect(build(tmp_path, files))
    assert (found.name, found.command.shown) == ("tests", shown)
    assert not found.command.is_shell
    assert why in found.why
    assert found.expect_tests


@pytest.mark.parametrize(
    ("files", "shown"),
    [
        pytest.param({"Cargo.toml": CRATE, "src/lib.rs": "pub fn a() {}\n"}, "cargo test", id="cargo"),
        pytest.param({"Cargo.toml": CRATE, "target/x.rs": RUST_TEST}, "cargo test", id="cargo-target"),
        pytest.param({"go.mod": "", "a_test.go": "package a\n", "a.go": GO_TEST}, "go test ./...", id="go"),
    ],
)
def test_without_a_test_in_sight_none_is_expected(files: dict[str, str], shown: str, tmp_path: Path) -> None:
    (found,) = detect(build(tmp_path, files))
    assert (found.command.shown, found.expect_tests) == (shown, False)
    assert "no test yet" in found.why


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {"pytest.ini": "", "package.json": script("jest"), "Cargo.toml": CRATE, "go.mod": ""},
            {
                "tests": "python3 -m pytest",
                "tests-npm": "npm test",
                "tests-cargo": "cargo test",
                "tests-go": "go test ./...",
            },
            id="four-kinds-at-the-top",
        ),
        pytest.param(
            {"pytest.ini": "", "web/package.json": script("jest"), "web/yarn.lock": ""},
            {"tests": "python3 -m pytest", "tests-web": "cd web && yarn test"},
            id="front-end-in-a-folder",
        ),
        pytest.param(
            {
                "api/requirements.txt": "",
                "api/test_a.py": PLAIN,
                ".venv/bin/python": "",
                "web/package.json": script("x"),
            },
            {"tests-api": "cd api && ../.venv/bin/python -m pytest", "tests-web": "cd web && npm test"},
            id="nothing-at-the-top",
        ),
        pytest.param(
            {"pytest.ini": "", "a/setup.py": "", "a/test_a.py": PLAIN, "b/pytest.ini": "", "c/test_c.py": PLAIN},
            {"tests": "python3 -m pytest", "tests-b": "cd b && python3 -m pytest"},
            id="python-below-python",
        ),
        pytest.param(
            {"package.json": script("npm test -ws", workspaces=["web"]), "web/package.json": script("jest")},
            {"tests": "npm test"},
            id="npm-workspace",
        ),
        pytest.param(
            {"package.json": "{}", "pnpm-workspace.yaml": "", "pnpm-lock.yaml": "", "web/package.json": script("jest")},
            {"tests-web": "cd web && pnpm test"},
            id="workspace-without-a-script-of-its-own",
        ),
        pytest.param(
            {
                "Cargo.toml": "[workspace]\nexclude = [\n  'fuzz/',\n]\n",
                "core/Cargo.toml": CRATE,
                "fuzz/Cargo.toml": CRATE,
            },
            {"tests": "cargo test --workspace", "tests-fuzz": "cd fuzz && cargo test"},
            id="crate-outside-the-workspace",
        ),
        pytest.param(
            {"Cargo.toml": CRATE, "side/Cargo.toml": CRATE},
            {"tests": "cargo test", "tests-side": "cd side && cargo test"},
            id="crates-without-a-workspace",
        ),
        pytest.param(
            {"go.work": "", "a/go.mod": "", "b/go.mod": ""},
            {"tests-a": "cd a && go test ./...", "tests-b": "cd b && go test ./..."},
            id="go-workspace",
        ),
        pytest.param(
            {"A b/go.mod": "", "a-b/go.mod": "", "a-b/Cargo.toml": "", "ü/go.mod": ""},
            {
                "tests-a-b": "cd 'A b' && go test ./...",
                "tests-a-b-cargo": "cd a-b && cargo test",
                "tests-a-b-go": "cd a-b && go test ./...",
                "tests": "cd 'ü' && go test ./...",
            },
            id="names-stay-unique",
        ),
    ],
)
def test_several_commands_in_one_repository(files: dict[str, str], expected: dict[str, str], tmp_path: Path) -> None:
    found = detect(build(tmp_path, files))
    assert {one.name: one.command.shown for one in found} == expected
    assert not any(one.command.is_shell for one in found)
    assert [one.name for one in found] == list(expected)


def test_names_fit_the_settings_and_their_number_is_bounded(tmp_path: Path) -> None:
    found = detect(build(tmp_path, {f"{'x' * 60}{number:02}/go.mod": "" for number in range(30)}))
    assert len(found) == 10
    assert len({one.name for one in found}) == 10
    for one in found:
        CheckSetting(name=one.name, command=one.command.shown)


def test_links_to_other_places_are_not_followed(tmp_path: Path) -> None:
    root = build(tmp_path / "project", {})
    build(tmp_path / "outside", {"go.mod": ""})
    (tmp_path / "project").mkdir(exist_ok=True)
    (tmp_path / "project/link").symlink_to(tmp_path / "outside")
    assert detect(root) == []
