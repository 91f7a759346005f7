"""Runs the linters that the project has configured on the files that changed.

Each linter is one row: how its configuration is recognised, where it is installed, what is run and how its answer is
read. Nothing is downloaded; one that is configured and not installed is a finding. Files as a whole are judged, as the
linters do.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from .changes import Finding, Report, read_text
from .source_files import folders_above, is_foreign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .changes import Changes

LINT_SECONDS = 300
AT_ONCE = 400  # files on one command line
SCRIPT = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue")
PLACED = re.compile(r"^(?:\./)?(?P<path>[^\s:][^:\n]*):(?P<line>\d+)(?::\d+)?:?\s+(?P<what>.+)$")

MARKED = re.compile(r"^::error (?P<where>[^\n]*?)::(?P<what>.*)$", re.MULTILINE)
ESCAPED = re.compile(r"%([0-9A-F]{2})")


class Linter(NamedTuple):
    """`files`: names of its configuration; `inside`: names of shared ones, with the words by which they speak of it."""

    name: str
    endings: tuple[str, ...]
    files: tuple[str, ...]
    inside: dict[str, str]
    words: tuple[str, ...]
    install: str
    read: Callable[[str], list[tuple[str, int, str]]]
    folders: bool = False


def _lines(output: str) -> list[tuple[str, int, str]]:
    """`path:line:column: words` as most linters write it."""
    found = [PLACED.match(line) for line in output.splitlines()]
    return [(match["path"], int(match["line"]), match["what"]) for match in found if match]


def _github(output: str) -> list[tuple[str, int, str]]:
    """The words by which a build server marks lines: `::error title=T,file=F,line=N,…::words`."""
    found = []
    for match in MARKED.finditer(output):
        said = dict(part.partition("=")[::2] for part in match["where"].split(","))
        path, title = (ESCAPED.sub(lambda code: chr(int(code[1], 16)), said.get(key, "")) for key in ("file", "title"))
        found.append((path, int(said.get("line") or 0), f"{match['what']} ({title})"))
    return found


def _eslint(output: str) -> list[tuple[str, int, str]]:
    """Errors alone: a warning fails nobody's build."""
    try:
        files = json.loads(output[output.index("[") :])
    except ValueError:
        return []
    return [
        (file["filePath"], one.get("line") or 0, f"{one['message']} ({one.get('ruleId') or 'eslint'})")
        for file in files
        for one in file["messages"]
        if one["severity"] > 1
    ]


LINTERS = (
    Linter(
        "ruff", (".py", ".pyi"), ("ruff.toml", ".ruff.toml"), {"pyproject.toml": r"^\[tool\.ruff"},
        ("check", "--no-fix", "--no-cache", "--force-exclude", "--quiet", "--output-format", "concise", "--"), "pip install ruff", _lines,
    ),
    Linter("flake8", (".py",), (".flake8",), {"setup.cfg": r"^\[flake8\]", "tox.ini": r"^\[flake8\]"}, ("--",), "pip install flake8", _lines),
    Linter(
        "pylint", (".py",), (".pylintrc", "pylintrc"), {"pyproject.toml": r"^\[tool\.pylint"},
        ("--score=n", "--msg-template={path}:{line}: {msg} ({symbol})", "--"), "pip install pylint", _lines,
    ),
    Linter(
        "eslint", SCRIPT, tuple(f"eslint.config.{end}" for end in ("js", "mjs", "cjs", "ts", "mts"))
        + tuple(f".eslintrc{end}" for end in ("", ".js", ".cjs", ".json", ".yml", ".yaml")), {"package.json": r'"eslintConfig"\s*:'},
        ("--no-error-on-unmatched-pattern", "--format", "json", "--"), "npm ci", _eslint,
    ),
    Linter(
        "golangci-lint", (".go",), tuple(f".golangci.{end}" for end in ("yml", "yaml", "toml", "json")), {},
        ("run",), "see https://golangci-lint.run/welcome/install/", _lines, folders=True,
    ),
    Linter(
        "biome", (*SCRIPT, ".css"), ("biome.json", "biome.jsonc"), {},
        ("lint", "--diagnostic-level=error", "--max-diagnostics=none", "--no-errors-on-unmatched", "--reporter=github", "--"), "npm ci", _github,
    ),
    Linter(
        "oxlint", SCRIPT, (".oxlintrc.json",), {}, ("--quiet", "--no-error-on-unmatched-pattern", "--format", "unix", "--"), "npm ci", _lines,
    ),
    Linter("rubocop", (".rb",), (".rubocop.yml",), {}, ("--force-exclusion", "--format", "emacs", "--"), "bundle install", _lines),
)  # fmt: skip


def run_linters(changes: Changes) -> Report:
    """What the configured linters say of the changed files."""
    kept = set(changes.all_paths())
    shared: dict[str, str] = {}
    paths = [
        file.path
        for file in changes.files
        if not is_foreign(file.path) and os.path.isfile(os.path.join(changes.root, file.path))
    ]
    found, judged, notes = list[Finding](), set[str](), list[str]()
    for linter in LINTERS:
        for (folder, config), mine in _configured(linter, paths, kept, changes.root, shared).items():
            judged |= set(mine)
            findings, said = _run(linter, changes.root, (folder, config), mine)
            found += findings
            notes += said
    if not judged:
        notes.append(
            f"none configured: of {', '.join(linter.name for linter in LINTERS)} none is, for the files that changed"
        )
    return Report(sorted(set(found)), len(judged), notes)


def _configured(
    linter: Linter, paths: list[str], kept: set[str], root: str, shared: dict[str, str]
) -> dict[tuple[str, str], list[str]]:
    """The files that the linter is configured for, by the folder and name of their nearest configuration."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        if not path.endswith(linter.endings):
            continue
        place = next(
            (place for folder in folders_above(path) for place in _configs(linter, folder, kept, root, shared)), None
        )
        if place:
            found.setdefault((posixpath.dirname(place), place), []).append(path)
    return found


def _configs(linter: Linter, folder: str, kept: set[str], root: str, shared: dict[str, str]) -> Iterator[str]:
    yield from (place for name in linter.files if (place := posixpath.join(folder, name)) in kept)
    for name, words in linter.inside.items():
        place = posixpath.join(folder, name)
        if place in kept:
            if place not in shared:
                shared[place] = read_text(os.path.join(root, place))[0] or ""
            if re.search(words, shared[place], re.MULTILINE):
                yield place


def _program(linter: Linter, root: str, folder: str) -> str | None:
    """The project's own first, from the nearest folder up; then one that is installed for all."""
    for place in [folder, *folders_above(folder)] if folder else [""]:
        for below in ("node_modules/.bin", ".venv/bin", "venv/bin"):
            program = os.path.join(root, place, below, linter.name)
            if os.access(program, os.X_OK):
                return program
    active = os.environ.get("VIRTUAL_ENV")
    own = os.path.join(active, "bin", linter.name) if active else ""
    return own if os.access(own, os.X_OK) else shutil.which(linter.name)


def _run(linter: Linter, root: str, config: tuple[str, str], paths: list[str]) -> tuple[list[Finding], list[str]]:
    folder, place = config
    program = _program(linter, root, folder)
    if program is None:
        what = f"{linter.name} is configured here and not installed, so {len(paths)} changed files were not judged; {linter.install}"
        return [Finding(place, 0, what, linter.name)], []
    below = [os.path.relpath(path, folder) if folder else path for path in paths]
    if linter.folders:
        below = sorted({f"./{posixpath.dirname(path)}" for path in below})
    found: list[Finding] = []
    for start in range(0, len(below), AT_ONCE):
        found += _judge(linter, root, config, [program, *linter.words, *below[start : start + AT_ONCE]])
    mine = set(paths)
    return [f for f in found if f.path in mine or f.path == place], [f"{linter.name}: {len(paths)} files, by {place}"]


def _judge(linter: Linter, root: str, config: tuple[str, str], words: list[str]) -> list[Finding]:
    """One call. An exit code without findings is a linter that broke, and never a pass."""
    folder, place = config
    where = os.path.join(root, folder)
    try:
        done = subprocess.run(
            words, cwd=where, stdin=subprocess.DEVNULL, capture_output=True, timeout=LINT_SECONDS, check=False,
            env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "0"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return [Finding(place, 0, f"{linter.name} did not end within {LINT_SECONDS} s", linter.name)]
    except OSError as error:
        return [Finding(place, 0, f"{linter.name} could not be started: {error.strerror}", linter.name)]
    told = linter.read(done.stdout.decode("utf-8", "replace"))
    found = [Finding(_within(root, where, path), line, what, linter.name) for path, line, what in told]
    if done.returncode and not found:
        last = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()[-3:]
        return [
            Finding(place, 0, f"{linter.name} ended with exit {done.returncode}: {' / '.join(last)[:400]}", linter.name)
        ]
    return found


def _within(root: str, where: str, path: str) -> str:
    """*path*, as a linter named it, from the repository's top."""
    whole = os.path.realpath(os.path.join(where, path))
    return os.path.relpath(whole, os.path.realpath(root))
