"""Whether the imports of changed files can be had. Which languages are judged stands here; how, in a module for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .changes import Report
from .go_imports import go_findings
from .javascript_imports import LANGUAGES, javascript_findings
from .python_imports import python_findings
from .source_files import is_foreign, is_generated, lexer_name, may_be_code

if TYPE_CHECKING:
    from .changes import Changes

WITHOUT = {
    "css",
    "scss",
    "html",
    "yaml",
    "toml",
    "sql",
    "make",
    "docker",
    "bash",
    "terraform",
}  # languages that import no code


def find_broken_imports(changes: Changes) -> Report:
    """Every import in a changed file that leads nowhere. Other languages than Python, JavaScript, TypeScript and Go are not judged."""
    by_language: dict[str, list[tuple[str, str]]] = {"python": [], "javascript": [], "go": []}
    others: set[str] = set()
    for file, text in changes.texts(lambda path: may_be_code(path) and not is_foreign(path)):
        language = lexer_name(file.path, text[:80].split("\n", 1)[0])
        kind = "javascript" if language in LANGUAGES else language
        if kind in by_language and not file.path.endswith(".pyi") and not is_generated(file.path, text):
            by_language[kind].append((file.path, text))
        elif language:
            others.add(language)
    kept = changes.all_paths()
    found, notes = python_findings(changes.root, by_language["python"], kept)
    found += javascript_findings(changes.root, by_language["javascript"], kept)
    found += go_findings(changes.root, by_language["go"], kept)
    unknown = sorted(others - LANGUAGES - set(by_language) - WITHOUT)
    if unknown:
        notes.append(
            f"imports of {', '.join(unknown)} were not judged: only those of Python, JavaScript, TypeScript and Go are"
        )
    return Report(sorted(found), sum(map(len, by_language.values())), [*changes.notes, *notes])
