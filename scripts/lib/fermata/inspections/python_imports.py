"""Whether what a Python file imports is there: in the project, in the standard library, in the project's environment.

No module of the project or of a dependency is executed: files are parsed, and the project's own interpreter is asked
where a package would be found, with nothing of the project on its path.
"""

from __future__ import annotations

import ast
import json
import os
import posixpath
import re
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from .changes import Finding, read_text
from .source_files import folders_above

if TYPE_CHECKING:
    from collections.abc import Iterator

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
ASK_SECONDS = 30
ENVIRONMENTS = (".venv", "venv", "env")
GENERATED = re.compile(r"(?:^|\.)(?:\w+_pb2(?:_grpc)?|_?generated|gen)(?:\.|$)")
MENDS_IMPORT = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
CONDITIONS = ("TYPE_CHECKING", "platform", "version_info", "os.name", "implementation")
# Import names that are not a part of their package's name, among the most used.
KNOWN_AS = {
    "bs4": "beautifulsoup4", "pil": "pillow", "sklearn": "scikitlearn", "cv2": "opencvpython", "dotenv": "pythondotenv", "jwt": "pyjwt",
    "openssl": "pyopenssl", "crypto": "pycryptodome", "serial": "pyserial", "git": "gitpython", "attr": "attrs", "fitz": "pymupdf",
    "pkgresources": "setuptools", "googleapiclient": "googleapipythonclient", "mysqldb": "mysqlclient", "google": "protobuf",
}  # fmt: skip
SHORTEST = 3  # a shorter name is part of too many others
REQUIREMENT = re.compile(r"""^\s*["']?([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(?:[<>=!~;@"',\s]|$)""")


class Import(NamedTuple):
    """One imported module: its dotted name, how many dots before it, and which names are taken out of it."""

    line: int
    module: str
    level: int
    names: tuple[str, ...]


def python_findings(root: str, files: list[tuple[str, str]], kept: list[str]) -> tuple[list[Finding], list[str]]:
    """What *files* (path and text) import and is not there, and notes about what could not be judged.

    Args:
        root: the top of the work tree.
        files: the changed ones.
        kept: every path of the tree.
    """
    project = _Project(root, kept)
    found: list[Finding] = []
    outside: dict[str, list[tuple[str, Import]]] = {}
    for path, text in files:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None) or 0
            found.append(
                Finding(path, line, f"is no Python that could be imported: {getattr(error, 'msg', error)}", "syntax")
            )
            continue
        for one in imports_of(tree):
            what = project.missing(path, one)
            if what == "":
                outside.setdefault(one.module, []).append((path, one))
            elif what:
                found.append(Finding(path, one.line, what, "import"))
    notes: list[str] = []
    for name, why in _not_installed(project, outside, notes).items():
        found += [Finding(path, one.line, why, "import") for path, one in outside[name]]
    return found, notes


def imports_of(tree: ast.Module) -> Iterator[Import]:
    """Every import that has to succeed: not those behind a condition on the platform, nor with an answer to ImportError."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name, 0, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.lineno, node.module or "", node.level, tuple(alias.name for alias in node.names))
        elif isinstance(node, ast.Try) and any(map(_mends, node.handlers)):
            todo += [*node.orelse, *node.finalbody]
        elif isinstance(node, ast.If) and any(word in ast.unparse(node.test) for word in CONDITIONS):
            todo += [] if "TYPE_CHECKING" not in ast.unparse(node.test) else node.orelse
        elif not isinstance(node, ast.expr):
            todo += ast.iter_child_nodes(node)


def _mends(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(
        ast.unparse(one).rpartition(".")[2] in MENDS_IMPORT
        for one in ([*handler.type.elts] if isinstance(handler.type, ast.Tuple) else [handler.type])
    )


class _Project:
    """What the project itself has, by path; files are parsed at most once."""

    def __init__(self, root: str, kept: list[str]) -> None:
        self.root, self.kept = root, kept
        self.modules = {path for path in kept if path.endswith((".py", ".pyi", ".so", ".pyd"))}
        self.folders = {folder for path in self.modules for folder in folders_above(path)}
        self.tails: dict[str, list[str]] = {}
        for place in [*self.modules, *self.folders]:
            self.tails.setdefault(posixpath.basename(place).partition(".")[0], []).append(place)
        self._names: dict[str, set[str] | None] = {}

    def missing(self, path: str, one: Import) -> str | None:
        """Why *one* cannot be had; None where it can; "" where it is none of the project's."""
        if one.level:
            return self._relative(path, one)
        top = one.module.partition(".")[0]
        if top in sys.stdlib_module_names or top == "__main__":
            return None
        parts = one.module.split(".")
        bases = self._bases(path, parts)
        if not bases:
            return ""
        whole = next((place for base in bases if (place := self._place(base, parts))), None)
        if whole is None:
            return _absent(one.module, "the project's own package has no such module")
        return self._names_in(whole, one)

    def _relative(self, path: str, one: Import) -> str | None:
        base = posixpath.dirname(path)
        for _ in range(one.level - 1):
            if not base:
                return f"cannot import from {'.' * one.level}{one.module}: that leads out of the repository"
            base = posixpath.dirname(base)
        parts = one.module.split(".") if one.module else []
        place = self._place(base, parts)
        if place is None:
            return _absent("." * one.level + one.module, f"{posixpath.join(base, *parts)}.py is not there")
        return self._names_in(place, one)

    def _bases(self, path: str, parts: list[str]) -> list[str]:
        """Folders that could be on the path of whoever imports *parts*: those that hold its first part."""
        found = [posixpath.dirname(place) for place in self.tails.get(parts[0], [])]
        near = [folder for folder in [*folders_above(path), "src"] if self._on_disk(folder, parts[0])]
        own = [base for base in found if not self._is_package(base) or base in folders_above(path)]
        return [*dict.fromkeys([*near, *own])]

    def _is_package(self, folder: str) -> bool:
        return posixpath.join(folder, "__init__.py") in self.modules

    def _on_disk(self, folder: str, name: str) -> bool:
        """Also what git ignores, generated code say."""
        whole = os.path.join(self.root, folder, name)
        return os.path.isfile(f"{whole}.py") or _has_python(whole)

    def _place(self, base: str, parts: list[str]) -> str | None:
        """The file or folder of a module below *base*."""
        path = posixpath.join(base, *parts) if base else posixpath.join(*parts) if parts else ""
        for file in (f"{path}.py", posixpath.join(path, "__init__.py"), f"{path}.pyi"):
            if file in self.modules or os.path.isfile(os.path.join(self.root, file)):
                return file
        built = any(name.startswith(f"{path}.") and name.endswith((".so", ".pyd")) for name in self.modules)
        there = path in self.folders or built or not path or _has_python(os.path.join(self.root, path))
        return path if there else None

    def _names_in(self, place: str, one: Import) -> str | None:
        """A name that is taken out of a module has to be in it."""
        wanted = [name for name in one.names if name != "*"]
        folder = (
            place
            if not place.endswith((".py", ".pyi"))
            else posixpath.dirname(place)
            if "__init__.py" in place
            else None
        )
        known = self.names(place) if place.endswith((".py", ".pyi")) else set()
        if known is None:
            return None
        for name in wanted:
            inside = folder is not None and self._place(folder, [name]) is not None
            if name not in known and not inside:
                dotted = "." * one.level + one.module
                return _absent(f"{name}` from `{dotted}", f"{place} has no such name")
        return None

    def names(self, place: str) -> set[str] | None:
        """Names that a module binds; None where that cannot be told without running it."""
        if place not in self._names:
            text, _ = read_text(os.path.join(self.root, place))
            try:
                self._names[place] = _bound(ast.parse(text)) if text is not None else None
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._names[place] = None  # told at that file, if it changed
        return self._names[place]


def _has_python(folder: str) -> bool:
    try:
        return any(name.endswith(".py") for name in os.listdir(folder))
    except OSError:
        return False


def _bound(tree: ast.Module) -> set[str] | None:
    """Every name that could be an attribute of the module; None where it makes some by program."""
    found = {"__name__", "__file__", "__doc__", "__path__", "__package__", "__version__", "__all__", "__spec__"}
    todo: list[ast.AST] = [*tree.body]
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
            if node.name == "__getattr__":
                return None
            found |= {name for inner in ast.walk(node) if isinstance(inner, ast.Global) for name in inner.names}
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            if "*" in found:
                return None
        elif isinstance(node, ast.Name):
            if node.id in ("globals", "exec", "vars"):
                return None
            found |= {node.id} if isinstance(node.ctx, ast.Store) else set()
        elif isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and node.attr == "modules":
            return None
        todo += ast.iter_child_nodes(node)
    return found


def _absent(name: str, why: str) -> str:
    if GENERATED.search(name.replace("`", ".").replace(" ", ".")):
        return f"cannot import `{name}`: generated code is missing ({why}); was the generator run?"
    return f"cannot import `{name}`: {why}"


# --- what is not the project's own


def _not_installed(project: _Project, outside: dict[str, list[tuple[str, Import]]], notes: list[str]) -> dict[str, str]:
    """By module, why it cannot be imported. A declared one is not judged where the project's environment is not known."""
    if not outside:
        return {}
    own = _own_interpreter(project.root, [path for uses in outside.values() for path, _ in uses])
    python = own or _first_on_path("python3") or sys.executable
    absent = _ask(python, sorted(outside))
    if absent is None:
        notes.append(f"{python} did not answer, so what is installed was not judged")
        return {}
    declared = _declared(project)
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
        elif GENERATED.search(name):
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


def _ask(python: str, names: list[str]) -> list[str] | None:
    """Those of *names* that *python* does not find; None where it does not answer."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    try:
        done = subprocess.run(
            [python, "-c", ASK],
            input=json.dumps(names),
            env=kept,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS,
            check=True,
        )
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return [str(name) for name in found]


def _declared(project: _Project) -> dict[str, str]:
    """By plain name, the file that declares a dependency."""
    found: dict[str, str] = {}
    for path in project.kept:
        name = posixpath.basename(path)
        if name in ("pyproject.toml", "setup.cfg", "setup.py", "Pipfile", "environment.yml") or re.fullmatch(
            r"requirements[\w.-]*\.(?:txt|in)", name
        ):
            text, _ = read_text(os.path.join(project.root, path))
            for line in re.split(r"[\n,\[\]]", text or ""):
                match = REQUIREMENT.match(line)
                if match:
                    found.setdefault(_plain(match[1]), path)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]", "", name).lower()
