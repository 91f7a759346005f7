"""Proposes a project's test command from what lies in its folder: pytest, or unittest where there is no pytest.

Nothing of the project is run or imported; whether its own interpreter has pytest is read from the folder's contents. A
proposal is shown and approved like any other command.
"""

from __future__ import annotations

import glob
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from .command import Command, parse_command

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERPRETERS = (".venv/bin/python", "venv/bin/python")
SECTIONS = (
    ("pytest.ini", ""),
    (".pytest.ini", ""),
    ("pytest.toml", ""),
    (".pytest.toml", ""),
    ("setup.cfg", r"^\[tool:pytest\]"),
    ("tox.ini", r"^\[pytest\]"),
)
TOML_SECTION = re.compile(
    r"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*pytest[ \t]*(?:\.[ \t]*ini_options[ \t]*)?\]", re.MULTILINE
)
TEST_FOLDERS = ("tests", "test")
TEST_FILE = re.compile(r"(?:test_.*|.*_test)\.py\Z")
UNITTEST_IMPORT = re.compile(r"^[ \t]*(?:import unittest|from unittest)\b", re.MULTILINE)
FILES_LIMIT, BYTES_LIMIT = 500, 200_000


class NamedCommand(NamedTuple):
    """A proposed check: its name, its command and the short reason for it."""

    name: str
    command: Command
    why: str


class _TestFile(NamedTuple):
    path: str
    uses_unittest: bool


def detect(root: str) -> list[NamedCommand]:
    """The test command of the project at *root*; an empty list where nothing speaks for one."""
    python = next((path for path in INTERPRETERS if os.access(os.path.join(root, path), os.X_OK)), "python3")
    config = _pytest_config(root)
    tests = list(_test_files(root))
    if config:
        return [_propose(f"{python} -m pytest", f"{config} configures pytest")]
    if not tests:
        return []
    first = tests[0].path
    if any(test.uses_unittest for test in tests) and not _has_pytest(root, python):
        why = f"{first} uses unittest, and {python} has no pytest"
        return [_propose(f"{python} -m unittest discover{_unittest_start(root, first)}", why)]
    return [_propose(f"{python} -m pytest", f"{first} is a test file")]


def _propose(text: str, why: str) -> NamedCommand:
    return NamedCommand("tests", parse_command(text), why)


def _pytest_config(root: str) -> str:
    """The name of the file that configures pytest, or nothing."""
    for name, section in SECTIONS:
        text = _read(os.path.join(root, name))
        if text is not None and re.search(section, text, re.MULTILINE):
            return name
    text = _read(os.path.join(root, "pyproject.toml"))
    return "pyproject.toml" if text and _toml_names_pytest(text) else ""


def _toml_names_pytest(text: str) -> bool:
    if sys.version_info >= (3, 11):
        import tomllib

        try:
            tool = tomllib.loads(text).get("tool")
        except tomllib.TOMLDecodeError:
            return False
        return isinstance(tool, dict) and "pytest" in tool
    without_strings = re.sub(r'""".*?"""|\'\'\'.*?\'\'\'', "", text, flags=re.DOTALL)
    return TOML_SECTION.search(without_strings) is not None


def _test_files(root: str) -> Iterator[_TestFile]:
    """Test files below tests/ or test/, then those at the top; at most 500 are looked at."""
    seen = 0
    for folder in (*TEST_FOLDERS, ""):
        for place, folders, files in os.walk(os.path.join(root, folder)):
            folders[:] = sorted(name for name in folders if folder and not name.startswith((".", "__")))
            for name in sorted(filter(TEST_FILE.match, files)):
                seen += 1
                if seen > FILES_LIMIT:
                    return
                full = os.path.join(place, name)
                text = _read(full) or ""
                yield _TestFile(os.path.relpath(full, root), UNITTEST_IMPORT.search(text) is not None)


def _read(path: str) -> str | None:
    """The start of a regular file, or None; a FIFO would hang whoever opens it."""
    if not os.path.isfile(path):
        return None
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(BYTES_LIMIT)
    except OSError:
        return None


def _has_pytest(root: str, python: str) -> bool:
    if python == "python3":
        return _system_has_pytest()
    home = os.path.join(root, os.path.dirname(os.path.dirname(python)))
    if glob.glob(os.path.join(glob.escape(home), "lib", "python3*", "site-packages", "pytest", "__init__.py")):
        return True
    shares = re.search(r"(?m)^include-system-site-packages\s*=\s*true", _read(os.path.join(home, "pyvenv.cfg")) or "")
    return shares is not None and _system_has_pytest()


def _system_has_pytest() -> bool:
    """Ask the `python3` on PATH, from a folder where nothing of the project can be imported."""
    question = "import importlib.util, sys; sys.exit(importlib.util.find_spec('pytest') is None)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(
            ["python3", "-c", question],
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _unittest_start(root: str, first: str) -> str:
    """Options of `unittest discover`: a folder of tests that is a package is imported from the project's top."""
    folder = first.split(os.sep, 1)[0] if os.sep in first else ""
    if not folder:
        return ""
    is_package = os.path.isfile(os.path.join(root, folder, "__init__.py"))
    return f" -s {folder} -t ." if is_package else f" -s {folder}"
