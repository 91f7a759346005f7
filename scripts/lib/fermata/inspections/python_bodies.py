"""Python functions that do nothing yet: a body of `pass`, `...`, `raise NotImplementedError` or a docstring alone.

Knows what is meant to have no body: abstract and overloaded methods, protocols, hooks that say so, null objects.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from .words import ABSTRACT, NOT_DONE, ON_PURPOSE

if TYPE_CHECKING:
    from collections.abc import Iterator

    Function = ast.FunctionDef | ast.AsyncFunctionDef

# Decorators below which an empty body is the usual one: declarations, and containers of commands.
DECLARES = re.compile(
    r"abstract\w*|overload|singledispatch(?:method)?|group|callback|hookspec\w*|type_check_only|runtime_checkable|extern"
)
BASE = re.compile(r"Protocol|ABC|.*Interface|.*Protocol|Enum")
BASE_CLASS = re.compile(r"^_?(?:Base|Abstract|I[A-Z][a-z]|Null|No-?[oO]p|Dummy)|(?:Base|Interface|Protocol|Mixin|ABC)$")
TO_DERIVE = re.compile(r"(?:an?\s+|the\s+)?(?:abstract|interface|base\s+class)\b", re.IGNORECASE)
# What stands behind these is for the type checker, or says that there is nothing on this platform.
ELSEWHERE = re.compile(r"\bTYPE_CHECKING\b|\bsys\.(?:platform|version_info)\b|\bos\.name\b|\bplatform\.system\b")
NO_OP = re.compile(r"(?:^|_)(?:no_?op|nop|nothing|null|ignore\w*|discard|swallow)(?:_|$)|^visit_")
LIFE = {"__init__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__del__", "__init_subclass__", "log_message"}
SAID = re.compile(rf"{NOT_DONE}|^\W*TODO\b(?=\s*(?:$|[:(]))|\bcoming soon\b", re.IGNORECASE)


class Place(NamedTuple):
    """Around a function: the class it is a method of, and whether all of it only declares."""

    parent: ast.ClassDef | None
    declares: bool


def empty_bodies(tree: ast.Module, comments: dict[int, str], *, tests: bool) -> Iterator[tuple[int, str]]:
    """Line and words of each function in *tree* that is a placeholder.

    Args:
        tree: a whole file.
        comments: by line; one inside an empty body may say that nothing is meant to happen there.
        tests: the file is a test: only its test functions have to do something, doubles need not.
    """
    bases = {_last_name(base) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases}
    for function, place in _functions(tree, Place(None, declares=False)):
        if place.parent is not None and place.parent.name in bases:
            continue  # somebody in this file derives from it, so it is a hook or abstract
        if tests and not function.name.startswith("test"):
            continue
        what = _emptiness(function)
        if what and not _meant(function, place, what) and not _explained(function, comments):
            yield function.lineno, f"`{function.name}` is {what} and nothing else"


def _functions(node: ast.AST, place: Place) -> Iterator[tuple[Function, Place]]:
    """Without recursion into expressions: a deep one has no functions with a body."""
    todo: list[tuple[ast.AST, Place]] = [(node, place)]
    while todo:
        current, around = todo.pop()
        for child in ast.iter_child_nodes(current):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield child, around
                todo.append((child, Place(None, around.declares)))
            elif isinstance(child, ast.ClassDef):
                todo.append((child, Place(child, around.declares or _declares(child))))
            elif isinstance(child, ast.stmt):
                checking = isinstance(child, ast.If) and ELSEWHERE.search(ast.unparse(child.test)) is not None
                todo.append((child, Place(around.parent, around.declares or checking)))


def _declares(parent: ast.ClassDef) -> bool:
    keywords = [ast.unparse(word.value) for word in parent.keywords if word.arg == "metaclass"]
    names = [_last_name(base) for base in parent.bases] + [word.rpartition(".")[2] for word in keywords]
    return (
        any(BASE.fullmatch(name.removesuffix("Meta")) for name in names) or BASE_CLASS.search(parent.name) is not None
    )


def _last_name(node: ast.AST) -> str:
    while isinstance(node, (ast.Subscript, ast.Call)):
        node = node.value if isinstance(node, ast.Subscript) else node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _emptiness(function: Function) -> str | None:
    body = function.body
    doc = ast.get_docstring(function, clean=False) is not None
    rest = body[1:] if doc else body
    kinds = [_kind(statement) for statement in rest]
    if not rest:
        return "a docstring"
    return kinds[-1] if all(kinds) else None


def _kind(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Pass):
        return "`pass`"
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and statement.value.value is ...:
        return "`...`"
    if (
        isinstance(statement, ast.Raise)
        and statement.exc is not None
        and _last_name(statement.exc) in ("NotImplementedError", "NotImplemented")
    ):
        return f"`raise {_last_name(statement.exc)}`"
    if isinstance(statement, ast.Assert) and isinstance(statement.test, ast.Constant) and statement.test.value:
        return "`assert True`"
    return None


def _meant(function: Function, place: Place, what: str) -> bool:
    if place.declares or any(DECLARES.fullmatch(_last_name(one)) for one in function.decorator_list):
        return True
    text = ast.get_docstring(function) or ""
    raised = function.body[-1]
    if isinstance(raised, ast.Raise):
        whole = ast.get_docstring(place.parent) if place.parent else None
        return ABSTRACT.search(text + ast.unparse(raised)) is not None or TO_DERIVE.match(whole or "") is not None
    if what == "a docstring" and function.name == "__init__":
        return True
    return function.name in LIFE or NO_OP.search(function.name) is not None or ON_PURPOSE.search(text) is not None


def _explained(function: Function, comments: dict[int, str]) -> bool:
    end = function.end_lineno or function.lineno
    said = " ".join(comments.get(number, "") for number in range(function.lineno, end + 2))
    return ON_PURPOSE.search(said) is not None and not isinstance(function.body[-1], ast.Raise)


def raised_words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and words of each error, assertion or print that says that something is not implemented."""
    for node in ast.walk(tree):
        spoken = _spoken(node)
        for said in ast.walk(spoken) if spoken is not None else ():
            if isinstance(said, ast.Constant) and isinstance(said.value, str):
                found = SAID.search(said.value)
                if found and not ABSTRACT.search(said.value):
                    yield said.lineno, f'says "{found[0]}"'


def _spoken(node: ast.AST) -> ast.AST | None:
    """The words that a statement fails with or prints."""
    if isinstance(node, ast.Raise):
        return node.exc
    if isinstance(node, ast.Assert):
        return node.msg
    call = node.value if isinstance(node, ast.Expr) else None
    return call if isinstance(call, ast.Call) and _last_name(call.func) in ("print", "echo") else None


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every line of every docstring, with its number."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.body:
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                yield from enumerate(first.value.value.split("\n"), first.value.lineno)
