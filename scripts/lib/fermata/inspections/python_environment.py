"""What of a Python project's imports is installed: asked of its own interpreter, with nothing of the project on its path.

No module is executed, neither the project's nor a dependency's: the interpreter only says where it would find one.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from .changes import read_text
from .source_files import GENERATED_MODULE, folders_above

if TYPE_CHECKING:
    from .python_imports import Import

ASK = """
import importlib.util, json, sys
sys.path = [p for p in sys.path if p]
from importlib.machinery import PathFinder
def there(name):
    top, _, rest = name.partition(".")
    try:
        spec = importlib.util.find_spec(top)
        for part in rest.split(".") if rest else ():
            if spec is None or spec.submodule_search_locations is None:
                return False
            top += "." + part
            spec = PathFinder.find_spec(top, list(spec.submodule_search_locations))
    except (ImportError, ValueError, AttributeError):
        return True
    return spec is not None
print(json.dumps([name for name in json.load(sys.stdin) if not there(name)]))
"""
PARSE = """
import ast, sys
try:
    ast.parse(sys.stdin.buffer.read())
    print(True)
except (SyntaxError, ValueError, RecursionError, MemoryError):
    print(False)
"""
ASK_SECONDS = 30
ENVIRONMENTS = (".venv", "venv", "env")
# Import names that are not a part of their package's name, among the most used.
KNOWN_AS = {
    "bs4": "beautifulsoup4", "pil": "pillow", "sklearn": "scikitlearn", "cv2": "opencvpython", "dotenv": "pythondotenv", "jwt": "pyjwt",
    "openssl": "pyopenssl", "crypto": "pycryptodome", "serial": "pyserial", "git": "gitpython", "attr": "attrs", "fitz": "pymupdf",
    "pkgresources": "setuptools", "googleapiclient": "googleapipythonclient", "mysqldb": "mysqlclient", "google": "protobuf",
}  # fmt: skip
SHORTEST = 3  # a shorter name is part of too many others
REQUIREMENT = re.compile(r"""^\s*["']?([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:[<>=!~;@"',\s]|$)""")


def not_installed(
    root: str, kept: list[str], outside: dict[str, list[tuple[str, Import]]], notes: list[str]
) -> dict[str, str]:
    """By module, why it cannot be imported. A declared one is not judged where the project's environment is not known."""
    if not outside:
        return {}
    own = _own_interpreter(root, [path for uses in outside.values() for path, _ in uses])
    python = own or _first_on_path("python3") or sys.executable
    absent = _ask(python, sorted(outside))
    if absent is None:
        notes.append(f"{python} did not answer, so what is installed was not judged")
        return {}
    declared = _declared(root, kept)
    found = {}
    for name in absent:
        plain = _plain(name.partition(".")[0])
        known = declared.get(KNOWN_AS.get(plain, plain)) or next(
            (file for other, file in declared.items() if len(plain) >= SHORTEST and plain in other), None
        )
        if known and own is None:
            notes.append(
                f"`{name}` is declared in {known}; the project's environment is not here, so whether it is installed was not judged"
            )
        elif known:
            found[name] = f"cannot import `{name}`: declared in {known}, not installed in {python}"
        elif GENERATED_MODULE.search(name):
            found[name] = f"cannot import `{name}`: generated code is missing; was the generator run?"
        else:
            found[name] = (
                f"cannot import `{name}`: neither in the project nor in {python}, and no file declares it as a dependency"
            )
    return found


def _own_interpreter(root: str, paths: list[str]) -> str | None:
    """The interpreter of the environment that lies nearest to the changed files, or of the one that is active."""
    folders = dict.fromkeys(folder for path in paths for folder in folders_above(path))
    places = [os.path.join(root, folder, name) for folder in folders for name in ENVIRONMENTS]
    active = os.environ.get("VIRTUAL_ENV")
    for place in [*places, *([active] if active else [])]:
        python = os.path.join(place, "bin", "python")
        if os.access(python, os.X_OK):
            return python
    return None


def _first_on_path(name: str) -> str | None:
    from shutil import which

    return which(name)


def is_newer_python(root: str, path: str, text: str) -> bool:
    """Whether the project's interpreter parses *text*, at *path*, which fermata's own does not."""
    python = _own_interpreter(root, [path]) or _first_on_path("python3")
    return python is not None and _answer(python, PARSE, text) == "True"


def _ask(python: str, names: list[str]) -> list[str] | None:
    """Those of *names* that *python* does not find; None where it does not answer."""
    try:
        return [str(name) for name in json.loads(_answer(python, ASK, json.dumps(names)) or "")]
    except ValueError:
        return None


def _answer(python: str, program: str, given: str) -> str | None:
    """What *program*, run by *python* on *given*, prints; None where it does not end well."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    try:
        done = subprocess.run(
            [python, "-c", program],
            input=given,
            encoding="utf-8",
            env=kept,
            cwd="/",
            capture_output=True,
            timeout=ASK_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return done.stdout.strip()


def _declared(root: str, kept: list[str]) -> dict[str, str]:
    """By plain name, the file that declares a dependency."""
    found: dict[str, str] = {}
    for path in kept:
        name = posixpath.basename(path)
        listed = "requirements" if posixpath.basename(posixpath.dirname(path)) == "requirements" else name
        if name in ("pyproject.toml", "setup.cfg", "setup.py", "Pipfile", "environment.yml") or re.fullmatch(
            r"requirements[\w.-]*\.(?:txt|in)", f"{listed}-{name}" if listed != name else name
        ):
            text, _ = read_text(os.path.join(root, path))
            for line in re.split(r"[\n,\[\]]", text or ""):
                match = REQUIREMENT.match(line)
                if match:
                    found.setdefault(_plain(match[1]), path)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]", "", name).lower()
