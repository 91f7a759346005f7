"""Whether what a JavaScript or TypeScript file imports is there: a file beside it, or an installed package.

Reads imports from the code as a lexer sees it, never from comments or strings, and runs nothing.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from typing import TYPE_CHECKING, Any

from .changes import Finding, read_text
from .scan import scan_other
from .source_files import LEXERS, folders_above

if TYPE_CHECKING:
    from collections.abc import Iterator

LANGUAGES = {"javascript", "typescript", "jsx", "tsx", "vue"}
IMPORT = re.compile(
    r"""\b(?:import|export)\b(?P<what>(?:\s+type\b)?[\s\w$*{},]*?\bfrom\s*|\s*)(?P<q>["'])(?P<name>[^"'\n]{1,300})(?P=q)"""
    r"""|\b(?:require|import|require\.resolve)\s*\(\s*(?P<q2>["'])(?P<name2>[^"'\n]{1,300})(?P=q2)\s*\)"""
)
OPTIONAL = re.compile(r"\btry\s*\{[^}]{0,400}\Z")
ENDINGS = (
    ".ts",
    ".tsx",
    ".d.ts",
    ".mts",
    ".cts",
    ".js",
    ".jsx",
    ".mjs",
    ".cjs",
    ".json",
    ".vue",
    ".svelte",
    ".node",
    ".css",
    ".scss",
)
WRITTEN_AS = {".js": (".ts", ".tsx", ".d.ts", ".jsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
BUILT_IN = set(
    "assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain events fs http http2 https"
    " inspector module net os path perf_hooks process punycode querystring readline repl stream string_decoder sys timers tls trace_events tty"
    " url util v8 vm wasi worker_threads zlib".split()
)
# Schemes, and names that a bundler or framework makes up: nothing on disk answers to them.
VIRTUAL = re.compile(r"^(?:[a-z]+:|#|\$|virtual|~icons|https?:)")
GENERATED = re.compile(r"_pb\b|_grpc_pb\b|\.pb\b|(?:^|/)(?:__)?generated(?:__)?(?:/|$)|\.gen\b")
BUNDLER = re.compile(
    r"(?:^|/)(?:(?:vite|vitest|webpack|rspack|rollup|babel|jest|metro|astro)\.config\.\w+|\.babelrc(?:\.\w+)?)$"
)
COMMENT = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)


def javascript_findings(root: str, files: list[tuple[str, str]], kept: list[str]) -> list[Finding]:
    """What *files* (path and text) import and is not there; *kept* is every path of the tree."""
    project = _Project(root, kept)
    found = []
    for path, text in files:
        for line, name in imports_of(path, text):
            what = project.missing(path, name)
            if what:
                found.append(Finding(path, line, what, "import"))
    return found


def imports_of(path: str, text: str) -> Iterator[tuple[int, str]]:
    """Line and name of each import that is not inside a `try`."""
    scan = scan_other(text, LEXERS[posixpath.splitext(path)[1].lower()])
    for match in IMPORT.finditer(scan.code):
        at = match.start()
        if scan.bare[at] != scan.code[at] or OPTIONAL.search(scan.bare[max(0, at - 500) : at]):
            continue
        yield scan.line_of(at), match["name"] or match["name2"]


class _Project:
    """Packages and files of the project, by path."""

    def __init__(self, root: str, kept: list[str]) -> None:
        self.root, self.kept = root, set(kept)
        packages = {path: self._json(path) for path in kept if posixpath.basename(path) == "package.json"}
        self.packages = {
            posixpath.dirname(path): value for path, value in packages.items() if "node_modules" not in path
        }
        self._bundlers: list[str] = []
        self.own = {str(value.get("name")) for value in self.packages.values()}

    def _json(self, path: str) -> dict[str, Any]:
        text, _ = read_text(os.path.join(self.root, path))
        plain = COMMENT.sub(lambda match: match[1] or "", text or "")
        try:
            value = json.loads(re.sub(r",(\s*[}\]])", r"\1", plain))
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def missing(self, path: str, name: str) -> str | None:
        """Why the file at *path* cannot have *name*; None where it can, or where that cannot be told from files."""
        name = name.partition("?")[0]
        if name.startswith("."):
            place = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
            return None if self._file(place) else _absent(name, f"{place} is not there")
        if name.startswith("/") or VIRTUAL.match(name) or name.partition("/")[0] in BUILT_IN:
            return None
        return self._aliased(path, name) if self._alias(path, name) else self._package(path, name)

    def _file(self, place: str) -> bool:
        stem, ending = posixpath.splitext(place)
        tries = [place, *(place + one for one in ENDINGS), *(stem + one for one in WRITTEN_AS.get(ending, ()))]
        tries += [posixpath.join(place, f"index{one}") for one in ENDINGS]
        if any(one in self.kept or os.path.isfile(os.path.join(self.root, one)) for one in tries):
            return True
        return os.path.isfile(os.path.join(self.root, place, "package.json"))

    def _settings(self, path: str) -> tuple[str, dict[str, Any]] | None:
        """Folder and compiler options of the nearest tsconfig or jsconfig that speaks of paths."""
        for folder in folders_above(path):
            for name in ("tsconfig.json", "tsconfig.app.json", "jsconfig.json"):
                for place, options in self._extended(posixpath.join(folder, name)):
                    if "paths" in options or "baseUrl" in options:
                        return posixpath.join(posixpath.dirname(place), str(options.get("baseUrl", "."))), options
        return None

    def _extended(self, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The compiler options at *place*, then those of the files of the project that it extends."""
        todo, seen = [place], set[str]()
        while todo:
            place = todo.pop(0)
            if place in seen or place not in self.kept:
                continue
            seen.add(place)
            value = self._json(place)
            options, bases = value.get("compilerOptions"), value.get("extends", [])
            if isinstance(options, dict):
                yield place, options
            for base in bases if isinstance(bases, list) else [bases]:
                other = posixpath.normpath(posixpath.join(posixpath.dirname(place), str(base)))
                todo.append(other if other.endswith(".json") else f"{other}.json")

    def _alias(self, path: str, name: str) -> list[str]:
        """The places that *name* stands for by the settings' `paths`, or by the custom of `@/` for src."""
        found = self._settings(path)
        places = []
        if found:
            base, options = found
            for pattern, targets in (options.get("paths") or {}).items():
                head, star, tail = pattern.partition("*")
                if name == pattern or (star and name.startswith(head) and name.endswith(tail)):
                    rest = name[len(head) : len(name) - len(tail)] if star else ""
                    places += [posixpath.normpath(posixpath.join(base, str(one).replace("*", rest))) for one in targets]
            if not places and "baseUrl" in options and self._file(posixpath.normpath(posixpath.join(base, name))):
                places.append(posixpath.normpath(posixpath.join(base, name)))
        if not places and name.startswith(("@/", "~/")):
            places = [
                posixpath.normpath(posixpath.join(folder, below, name[2:]))
                for folder in folders_above(path)
                for below in ("src", "", "app")
            ]
        return places

    def _aliased(self, path: str, name: str) -> str | None:
        places = self._alias(path, name)
        if any(self._file(place) for place in places):
            return None
        return self._package(path, name) and _absent(name, f"{places[0]} is not there")

    def _package(self, path: str, name: str) -> str | None:
        parts = name.split("/")
        package = "/".join(parts[:2]) if name.startswith("@") else parts[0]
        if package in self.own:
            return None
        types = f"@types/{package.removeprefix('@').replace('/', '__')}"
        for folder in folders_above(path):
            if any(os.path.isdir(os.path.join(self.root, folder, "node_modules", one)) for one in (package, types)):
                return None
        declared = next((folder for folder in folders_above(path) if package in self._dependencies(folder)), None)
        if declared is None:
            bundled = self._bundled(parts[0]) or self._bundled(package)
            return None if bundled else _absent(name, "no package.json above it declares that package")
        place = posixpath.join(declared, "package.json")
        if any(os.path.exists(os.path.join(self.root, folder, ".pnp.cjs")) for folder in folders_above(path)):
            return None
        return f"cannot import `{name}`: declared in {place}, not installed; was `npm ci` run there?"

    def _bundled(self, name: str) -> bool:
        """Whether a bundler's configuration, which is a program, has *name* as a key: then it may stand for anything."""
        key = re.compile(
            rf"""(?:^|[\s{{,"'])\^?{re.escape(name)}(?:/[^"':]*)?["']?\s*:|\bfind:\s*["'/^]+{re.escape(name)}\b"""
        )
        self._bundlers = self._bundlers or [
            read_text(os.path.join(self.root, p))[0] or "" for p in self.kept if BUNDLER.search(p)
        ]
        return any(key.search(text) for text in self._bundlers)

    def _dependencies(self, folder: str) -> set[str]:
        value = self.packages.get(folder, {})
        keys = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")
        return {name for key in keys if isinstance(value.get(key), dict) for name in value[key]}


def _absent(name: str, why: str) -> str:
    if GENERATED.search(name):
        return f"cannot import `{name}`: generated code is missing ({why}); was the generator run?"
    return f"cannot import `{name}`: {why}"
