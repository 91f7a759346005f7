from __future__ import annotations

import os
from pathlib import Path

import pytest

from fermata.checks import detect as module
from fermata.checks.detect import detect

UNITTEST = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n"
PLAIN = "def test_a(): pass\n"


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
    monkeypatch.setattr(module, "_system_has_pytest", lambda: has)
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
        pytest.param({"package.json": "{}"}, id="other-language"),
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
