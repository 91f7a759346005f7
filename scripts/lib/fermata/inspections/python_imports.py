"""Whether what a Python file imports is there: in the project, in the standard library, in the project's environment.

No module of the project or of a dependency is executed: files are parsed, and the project's own interpreter is asked
where a package would be found, with nothing of the project on its path.
"""

from __future__ import annotations

import ast
import os
import posixpath
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from .changes import Finding, read_text
from .python_environment import is_newer_python, not_installed
from .source_files import GENERATED_MODULE, folders_above

if TYPE_CHECKING:
    from collections.abc import Iterator

MENDS_IMPORT = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}
SUPPRESS = re.compile(rf"\bsuppress\(.*\b(?:{'|'.join(sorted(MENDS_IMPORT))})\b")
CONDITIONS = ("TYPE_CHECKING", "platform", "version_info", "os.name", "implementation")


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
    notes: list[str] = []
    for path, text in files:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            if is_newer_python(root, path, text):
                notes.append(f"{path}: the project's Python reads it and fermata's own does not, so it was not judged")
                continue
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
    for name, why in not_installed(root, kept, outside, notes).items():
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
        elif isinstance(node, ast.With) and any(SUPPRESS.search(ast.unparse(item)) for item in node.items):
            continue
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
        for place in sorted(self.modules | self.folders):
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
        wholes = [place for base in bases if (place := self._place(base, parts))]
        if not wholes:
            return _absent(one.module, "the project's own package has no such module")
        wrong = [self._names_in(whole, one) for whole in wholes]  # which of them is on the path, only its caller knows
        return None if None in wrong else wrong[0]

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
    if GENERATED_MODULE.search(name.replace("`", ".").replace(" ", ".")):
        return f"cannot import `{name}`: generated code is missing ({why}); was the generator run?"
    return f"cannot import `{name}`: {why}"
