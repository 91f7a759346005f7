"""Functions of languages with braces whose body is a comment and nothing else.

A body of `{}` alone says nothing about what is missing, and is often meant; one that holds only a comment is a wish,
unless the comment says why nothing happens.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .words import ON_PURPOSE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .scan import Scan

LANGUAGES = {
    *(
        "javascript",
        "typescript",
        "jsx",
        "tsx",
        "vue",
        "go",
        "rust",
        "java",
        "kotlin",
        "scala",
        "c",
        "cpp",
        "csharp",
        "php",
        "swift",
        "dart",
    ),
    *("groovy", "objective-c", "zig"),
}
# What closes the parameters, then perhaps a type or an arrow, then a body of blanks: its comments are blanked, too.
BODY = re.compile(
    r"\)[ \t]*(?:(?::|->|=>|throws\b|const\b|noexcept\b|override\b|async\b)?[ \t]*[\w<>\[\]|&*., :?]{0,80}?(?:=>)?)[ \t\n]{0,3}\{(\s*)\}"
)
# `if f(x) { … }`: what opens the block stands at the beginning, not before the bracket.
NO_FUNCTION = re.compile(
    r"(?:^|[;{}])\s*(?:else\s*)?(?:if|for|foreach|while|loop|switch|case|catch|with|synchronized|using|lock|match|elseif|elif|select|guard"
    r"|return|unless|try)\b[^{}]*$"
)
LOOK_BACK = 2_000  # characters that a list of parameters may have


def empty_bodies(scan: Scan, language: str) -> Iterator[tuple[int, str]]:
    """Line and words of each function with a body of comments alone."""
    if language not in LANGUAGES or not scan.comments:
        return
    for found in BODY.finditer(scan.bare):
        first, last = scan.line_of(found.start(1)), scan.line_of(found.end(1))
        said = " ".join(text for number, text in scan.comments if first <= number <= last).strip()
        before = _before_parameters(scan.bare, found.start())
        if said and not NO_FUNCTION.search(before) and not ON_PURPOSE.search(said) and _inside(scan, found):
            named = re.search(r"([\w$]+)\s*$", before)
            yield scan.line_of(found.start()), f"`{named[1] if named else 'a function'}` is a comment and nothing else"


def _inside(scan: Scan, found: re.Match[str]) -> bool:
    """A comment on the same line can stand before or behind the braces; between them something was blanked."""
    return len(found[1].strip("\n")) >= len("//") and scan.code[found.start(1) : found.end(1)].strip() == ""


def _before_parameters(text: str, close: int) -> str:
    """What stands on the line before the bracket that the one at *close* ends."""
    depth = 0
    for at in range(close, max(-1, close - LOOK_BACK), -1):
        depth += (text[at] == ")") - (text[at] == "(")
        if depth == 0:
            return text[text.rfind("\n", 0, at) + 1 : at][-200:]
    return ""
