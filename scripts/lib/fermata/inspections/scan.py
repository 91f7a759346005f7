"""Takes a source text apart: comments, docstrings, and the code that is neither, each by line.

Python is read by its own tokenizer; every other language, and Python that does not parse, by Pygments.
"""

from __future__ import annotations

import io
import time
import tokenize
from typing import NamedTuple

from .changes import Misuse

LONG_LINE = 5_000  # a lexer may take quadratic time on it, and nobody wrote it by hand
SECONDS = 5  # for one file; some lexers take quadratic time on texts made for it


class Scan(NamedTuple):
    """`code` is the text without comments, `bare` the same without the contents of strings; both keep every line and column."""

    comments: list[tuple[int, str]]
    docs: list[tuple[int, str]]
    code: str
    bare: str

    def line_of(self, offset: int) -> int:
        """The number of the line that *offset* of `code` lies in, from 1."""
        return self.code.count("\n", 0, offset) + 1


def scan_python(text: str) -> Scan | None:
    """None where the text is no Python that can be read to its end. Docstrings are the parser's business: there are none here."""
    lines = text.split("\n")
    code, bare = [list(line) for line in lines], [list(line) for line in lines]
    comments = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                comments.append((token.start[0], token.string))
                _blank(code, token.start, token.end)
                _blank(bare, token.start, token.end)
            elif token.type == tokenize.STRING:
                _blank(bare, token.start, token.end)
    except (tokenize.TokenError, SyntaxError, ValueError, IndexError):
        return None
    return Scan(comments, [], _joined(code), _joined(bare))


def _blank(rows: list[list[str]], start: tuple[int, int], end: tuple[int, int]) -> None:
    for number in range(start[0] - 1, min(end[0], len(rows))):
        first = start[1] if number == start[0] - 1 else 0
        last = end[1] if number == end[0] - 1 else len(rows[number])
        rows[number][first:last] = " " * len(rows[number][first:last])


def _joined(rows: list[list[str]]) -> str:
    return "\n".join("".join(row) for row in rows)


def scan_other(text: str, lexer: str) -> Scan:
    """*text* as Pygments' lexer of that name reads it. What the lexer cannot read counts as code.

    Raises:
        Misuse: it takes too long, so there is nothing that could be called judged.
    """
    from pygments.lexers import get_lexer_by_name  # 25 ms: only where a text is suspicious
    from pygments.token import Comment, String

    shown = "\n".join(line if len(line) <= LONG_LINE else "" for line in text.split("\n"))
    comments: list[tuple[int, str]] = []
    docs: list[tuple[int, str]] = []
    code, bare = list[str](), list[str]()
    number, began = 1, time.monotonic()
    for kind, value in get_lexer_by_name(lexer, stripnl=False, ensurenl=False).get_tokens(shown):
        if time.monotonic() - began > SECONDS:
            raise Misuse(
                f"{len(text):,} characters of {lexer} could not be read within {SECONDS} s; leave the file out or mend it"
            )
        blank = "".join("\n" if c == "\n" else " " for c in value)
        comment = kind in Comment and kind not in (Comment.Preproc, Comment.PreprocFile, Comment.Hashbang)
        doc = kind in String.Doc
        if comment or doc:
            (docs if doc else comments).extend(enumerate(value.split("\n"), number))
        code.append(blank if comment or doc else value)
        bare.append(blank if comment or doc or kind in String else value)
        number += value.count("\n")
    return Scan(comments, docs, "".join(code), "".join(bare))
