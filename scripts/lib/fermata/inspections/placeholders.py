"""Finds code that stands in for code: functions without a body, marks of work left over, invented results.

Judges the added lines of changed files alone. What is no code (documents, data), a generator's, a dependency's or a
fixture is left out; tests may speak of mocks and stubs. The specification makes exceptions.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections import namedtuple
from typing import TYPE_CHECKING

from ..core.scope import covers
from . import brace_bodies
from .changes import Finding, Misuse, Report
from .javascript_imports import LANGUAGES as JAVASCRIPT
from .python_bodies import docstrings, empty_bodies, raised_words
from .scan import Scan, scan_other, scan_python
from .source_files import is_foreign, is_generated, is_test, lexer_name, may_be_code
from .words import ABSTRACT, NOT_DONE, invented, judge_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .changes import Changes

Hit = namedtuple("Hit", "line what rule")
Hit.__doc__ = """A line of one file, what was found there, and the rule that found it."""

# A text without any of these holds no placeholder, and is not taken apart: a lexer reads about 1 MB a second.
SUSPICIOUS = re.compile(
    r"todo|fixme|xxx|hack|implement|placeholder|stub|mock|dummy|fake|canned|simulat|pretend|hard-?coded|sample|for now|for the time being|temporary"
    r"|\breal(?:ity)?\b|in (?:a|an|the) |in production|would|should|replaced?|rest of|existing|remaining|code here|logic here|omitted|\?\?\?|toy",
    re.IGNORECASE,
)  # fmt: skip
EMPTY = re.compile(r"\{\s*(?://|/\*|#)")  # a body that begins with a comment
ENDS = (
    r"\b(?:throw|raise|panic!?|die|fatalError|bail!|assert!?|croak|abort|log\.(?:Fatal|Panic)\w*|logger\.fatal|exit|stop"
    r"|Err|errors?\.New|fmt\.Errorf|status\.Errorf?|Promise\.reject|reject)"
)
PRINTS = r"\b(?:echo|puts|(?:console\.\w+|fmt\.Print\w*|e?println!|System\.out\.print\w*)\s*\()"
SAID = rf"(?:[\"'`]\s*TODO\b(?=\s*[:(\"'`])|[\"'`][^\"'`\n]{{0,120}}?(?:{NOT_DONE}|implement me))"
# A test that is only announced, or does nothing: `it.todo("adds")`, `it("adds", () => {})`.
NO_TEST = re.compile(
    r"""\b(?:it|test)(?:\.todo\s*\(|\s*\(\s*(?:"[^"\n]*"|'[^'\n]*'|`[^`\n]*`)\s*,\s*(?:async\s*)?(?:\(\w*\)\s*=>|function\s*\w*\s*\(\w*\))\s*\{\s*\}\s*\))"""
)
CODE = (
    (re.compile(r"\b(?:todo|unimplemented)!\s*[(\[{;]"), None),
    (re.compile(r"(?<![\w.])TODO\s*\("), ("kotlin",)),
    (re.compile(r"(?<!\?)\?\?\?(?!\?)"), ("scala",)),
    (re.compile(r"\bnew\s+(?:[\w.]+\.)?NotImplemented(?:Error|Exception)?\s*\("), None),
    (re.compile(r"\braise\s+NotImplementedError\b[^\n]*"), ("ruby", "python")),
    (re.compile(rf"{ENDS}\b[^;\n]{{0,120}}?{SAID}[^\n]{{0,120}}", re.IGNORECASE), None),
    (re.compile(rf"{PRINTS}[^\n]{{0,80}}{NOT_DONE}", re.IGNORECASE), None),
)  # fmt: skip
SENTINEL = re.compile(
    r"^\s*(?:var|const|let|export|public|static|final|private)?\s*\w*(?:Err|ERR|Error)\w*\s*:?=|^\s*(?:\w+\s+)?=\s*errors\.New",
    re.MULTILINE,
)
BOILERPLATE = re.compile(r"init\(coder:\)")
RETURNS = re.compile(r"^\s*(?:return\b|\w*\s*=>)|\breturn\b|=>")
CONSTANT = re.compile(
    r"^\s*return\s*[\[({]*\s*(?:[\"'`]|-?\d|[\])}]|true|false|null|nil|none|undefined|ok\b|success|\{|new\b|[\w.]*response)",
    re.IGNORECASE,
)


def find_placeholders(changes: Changes, allow: tuple[str, ...] = ()) -> Report:
    """Every placeholder in an added line; *allow* are the specification's exceptions: globs of paths, or words.

    A glob has one of `/`, `*`, `.`; any other entry is a word: a rule, or a word of what was found.
    """
    globs = [entry for entry in allow if any(c in entry for c in "/*.")]
    words = {entry.lower() for entry in allow} - {glob.lower() for glob in globs}
    found, judged = list[Finding](), 0
    for file, text in changes.texts(
        lambda path: may_be_code(path) and not is_foreign(path) and not covers(globs, path)
    ):
        language = lexer_name(file.path, text[:80].split("\n", 1)[0])
        if language is None:
            continue
        if is_generated(file.path, text):
            changes.notes.append(f"{file.path}: it says that a program made it, so it was not judged")
            continue
        judged += 1
        try:
            hits = placeholders(file.path, text, language)
        except Misuse as error:
            raise Misuse(f"{file.path}: {error}") from None
        found += [Finding(file.path, *hit) for hit in hits if not _allowed(hit, words)]
    return Report(changes.without_old_lines(found), judged, changes.notes)


def _allowed(hit: Hit, words: set[str]) -> bool:
    return hit.rule in words or bool(words & set(re.findall(r"[\w-]+", hit.what.lower())))


def placeholders(path: str, text: str, language: str) -> list[Hit]:
    """What of one whole text is a placeholder, in the order of its lines, one of a rule on each line."""
    tests = is_test(path)
    found: dict[tuple[int, str], Hit] = {}
    hits = _python(path, text, tests=tests) if language == "python" else None
    if hits is None:
        worth = SUSPICIOUS.search(text) or EMPTY.search(text) or (tests and NO_TEST.search(text))
        hits = _other(text, language, tests=tests) if worth else iter(())
    for hit in hits:
        found.setdefault((hit.line, hit.rule), hit)
    return [found[key] for key in sorted(found)]


def _python(path: str, text: str, *, tests: bool) -> Iterator[Hit] | None:
    scan = scan_python(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a text's own SyntaxWarnings are not ours to print
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return None if scan is None else _python_hits(path, scan, tree, tests=tests)


def _python_hits(path: str, scan: Scan, tree: ast.Module, *, tests: bool) -> Iterator[Hit]:
    if not path.endswith(".pyi"):
        for number, what in empty_bodies(tree, dict(scan.comments), tests=tests):
            yield Hit(number, what, "empty-body")
    if not tests:
        for number, what in raised_words(tree):
            yield Hit(number, what, "not-implemented")
    for number, rule, words in judge_lines(docstrings(tree), doc=True, double=tests):
        yield Hit(number, f'the docstring says "{words}"', rule)
    yield from _comments(scan, tests=tests)


def _other(text: str, language: str, *, tests: bool) -> Iterator[Hit]:
    scan = scan_other(text, language)
    for number, rule, words in judge_lines(scan.docs, doc=True, double=tests):
        yield Hit(number, f'the comment says "{words}"', rule)
    yield from _comments(scan, tests=tests)
    if tests:
        yield from _empty_tests(scan, language)
    else:
        yield from _code(scan, language)
        for number, what in brace_bodies.empty_bodies(scan, language):
            yield Hit(number, what, "empty-body")


def _comments(scan: Scan, *, tests: bool) -> Iterator[Hit]:
    for number, rule, words in judge_lines(scan.comments, double=tests):
        yield Hit(number, f'the comment says "{words}"', rule)
    if tests:
        return
    lines = scan.bare.split("\n")
    for number, comment in scan.comments:
        word = invented(comment)
        if word and _returns(lines, number):
            yield Hit(number, f'returns what a comment calls "{word}"', "invented")


def _returns(lines: list[str], number: int) -> bool:
    """Whether there is a `return` on the line of a comment or, of something constant, on the next line with code."""
    here = lines[number - 1] if number <= len(lines) else ""
    if here.strip():
        return RETURNS.search(here) is not None
    after = next((line for line in lines[number : number + 3] if line.strip()), "")
    return CONSTANT.search(after) is not None or re.match(r"\s*return\s*$", after.rstrip(" ;")) is not None


def _empty_tests(scan: Scan, language: str) -> Iterator[Hit]:
    for found in NO_TEST.finditer(scan.code) if language in JAVASCRIPT else ():
        if scan.bare[found.start()] != " ":  # not inside a string
            yield Hit(scan.line_of(found.start()), f"`{found[0][:60]}` tests nothing", "empty-body")


def _code(scan: Scan, language: str) -> Iterator[Hit]:
    for pattern, languages in CODE:
        if languages is not None and language not in languages:
            continue
        for found in pattern.finditer(scan.code):
            at = found.start()
            line = scan.code[scan.code.rfind("\n", 0, at) + 1 : found.end()]
            in_string = scan.bare[at : at + 2].strip() == "" != scan.code[at : at + 2].strip()
            if in_string or ABSTRACT.search(found[0]) or BOILERPLATE.search(found[0]) or SENTINEL.search(line):
                continue
            yield Hit(scan.line_of(at), f"`{found[0].strip()[:60]}` is no implementation", "not-implemented")
