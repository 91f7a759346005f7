"""Whether what a Go file imports is there: a folder of the module, a declared module, or the standard library.

Judged by folders and by go.mod alone; the Go tools are not run, because they may download.
"""

from __future__ import annotations

import os
import posixpath
import re

from .changes import Finding, read_text
from .scan import scan_other
from .source_files import folders_above

GROUP = re.compile(r"^import\s*\((.*?)^\s*\)", re.MULTILINE | re.DOTALL)
SINGLE = re.compile(r'^import\s+(?:[\w.]+\s+)?"([^"\n]+)"', re.MULTILINE)
ENTRY = re.compile(r'^[ \t]*(?:[\w.]+[ \t]+)?"([^"\n]+)"', re.MULTILINE)
MODULE = re.compile(r"^module\s+(\S+)", re.MULTILINE)
REQUIRED = re.compile(
    r"^\s*(?:require\s+|replace\s+)?([\w.~-]+\.[\w.~-]+/\S+|[\w.-]+\.[\w-]+)\s+(?:v\d|=>)", re.MULTILINE
)
GENERATED = re.compile(r"(?:^|/)(?:gen|generated|pb|proto|\w+pb)(?:/|$)")


def go_findings(root: str, files: list[tuple[str, str]], kept: list[str]) -> list[Finding]:
    """What *files* (path and text) import and is not there; *kept* is every path of the tree."""
    folders = {posixpath.dirname(path) for path in kept if path.endswith(".go")}
    modules = {posixpath.dirname(path): _module(root, path) for path in kept if posixpath.basename(path) == "go.mod"}
    found = []
    for path, text in files:
        home = next((folder for folder in folders_above(path) if folder in modules), None)
        if home is None:
            continue
        for line, name in imports_of(text):
            what = _missing(root, (home, modules, folders), name)
            if what:
                found.append(Finding(path, line, what, "import"))
    return found


def imports_of(text: str) -> list[tuple[int, str]]:
    """Line and path of each import."""
    text = scan_other(text, "go").code
    spans = [
        (match.start(1) + one.start(1), one[1]) for match in GROUP.finditer(text) for one in ENTRY.finditer(match[1])
    ]
    spans += [(match.start(1), match[1]) for match in SINGLE.finditer(text)]
    return sorted((text.count("\n", 0, at) + 1, name) for at, name in spans)


def _module(root: str, path: str) -> tuple[str, list[str]]:
    """Name and requirements of a go.mod."""
    text, _ = read_text(os.path.join(root, path))
    named = MODULE.search(text or "")
    return (named[1].strip('"') if named else ""), [match[1] for match in REQUIRED.finditer(text or "")]


def _missing(root: str, project: tuple[str, dict[str, tuple[str, list[str]]], set[str]], name: str) -> str | None:
    home, modules, folders = project
    for folder, (module, _) in modules.items():
        if module and (name == module or name.startswith(f"{module}/")):
            place = posixpath.normpath(posixpath.join(folder, name[len(module) + 1 :]))
            whole = os.path.join(root, place)
            there = place.removeprefix("./") in folders or (place == "." and "" in folders) or _has_go(whole)
            hint = (
                "generated code is missing; was the generator run?"
                if GENERATED.search(name)
                else f"{place}/ has no Go file"
            )
            return None if there else f"cannot import `{name}`: {hint}"
    if "." not in name.partition("/")[0] or os.path.isdir(os.path.join(root, home, "vendor", name)):
        return None  # the standard library's names have no dot in their first part
    required = modules[home][1]
    if any(name == one or name.startswith(f"{one}/") for one in required):
        return None
    return (
        f"cannot import `{name}`: {posixpath.join(home, 'go.mod')} does not require it; `go get` or `go mod tidy` would"
    )


def _has_go(folder: str) -> bool:
    try:
        return any(name.endswith(".go") for name in os.listdir(folder))
    except OSError:
        return False
