"""Proposes the test command of a Python project: pytest, or unittest where there is no pytest.

Whether the project's own interpreter has pytest is read from the folder's contents; only the system's is asked.
"""

from __future__ import annotations

import glob
import os
import re
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from .project_files import FILES_LIMIT, Place, Proposal, read_text, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator

INTERPRETERS = (".venv/bin/python", "venv/bin/python")
MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "pytest.ini", "tox.ini")
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


class _TestFile(NamedTuple):
    path: str
    uses_unittest: bool


def propose(place: Place) -> Proposal | None:
    """pytest where it is configured or test files lie; unittest where they use it and the interpreter has no pytest."""
    python = _interpreter(place)
    config = configures_pytest(place)
    if config:
        return Proposal(f"{python} -m pytest", f"{place.shown(config)} configures pytest")
    tests = list(_test_files(place.path()))
    if not tests:
        return None
    first = tests[0].path
    if any(test.uses_unittest for test in tests) and not _has_pytest(place, python):
        why = f"{place.shown(first)} uses unittest, and {python} has no pytest"
        return Proposal(f"{python} -m unittest discover{_unittest_start(place, first)}", why)
    return Proposal(f"{python} -m pytest", f"{place.shown(first)} is a test file")


def is_own_project(place: Place) -> bool:
    """Whether the folder has a file that makes it a Python project of its own."""
    return any(place.has(name) for name in MANIFESTS)


def _interpreter(place: Place) -> str:
    """The project's own, then the repository's, then the system's, as seen from the folder."""
    choices = [*INTERPRETERS, *(f"../{path}" for path in INTERPRETERS if place.folder)]
    return next((path for path in choices if os.access(place.path(path), os.X_OK)), "python3")


def configures_pytest(place: Place) -> str:
    """The name of the file that configures pytest, or nothing."""
    for name, section in SECTIONS:
        text = read_text(place.path(name))
        if text is not None and re.search(section, text, re.MULTILINE):
            return name
    text = read_text(place.path("pyproject.toml"))
    return "pyproject.toml" if text and _toml_names_pytest(text) else ""


def _toml_names_pytest(text: str) -> bool:
    table = read_toml(text)
    if table is not None:
        tool = table.get("tool")
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
                text = read_text(full) or ""
                yield _TestFile(os.path.relpath(full, root), UNITTEST_IMPORT.search(text) is not None)


def _has_pytest(place: Place, python: str) -> bool:
    if python == "python3":
        return _system_has_pytest()
    home = place.path(os.path.dirname(os.path.dirname(python)))
    if glob.glob(os.path.join(glob.escape(home), "lib", "python3*", "site-packages", "pytest", "__init__.py")):
        return True
    settings = read_text(os.path.join(home, "pyvenv.cfg")) or ""
    shares = re.search(r"(?m)^include-system-site-packages\s*=\s*true", settings)
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


def _unittest_start(place: Place, first: str) -> str:
    """Options of `unittest discover`: a folder of tests that is a package is imported from the project's top."""
    folder = first.split(os.sep, 1)[0] if os.sep in first else ""
    if not folder:
        return ""
    return f" -s {folder} -t ." if os.path.isfile(place.path(folder, "__init__.py")) else f" -s {folder}"
