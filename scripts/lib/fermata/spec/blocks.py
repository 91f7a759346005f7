"""Markdown as a flat list of blocks: headings, items, paragraphs, code, table rows, each with its lines. Judges nothing.

CommonMark and tables are markdown-it's work. Front matter is skipped unread, so nothing in it can do harm.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from .inline import CHECKBOX, read_inline

SUMMARY = re.compile(r"<summary\b[^>]*>(.{0,400}?)</summary\s*>", re.IGNORECASE | re.DOTALL)
HTML_HEADING = re.compile(r"<h([1-6])\b[^>]*>(.{0,400}?)</h\1\s*>", re.IGNORECASE | re.DOTALL)
DETAILS_END = re.compile(r"</details\s*>", re.IGNORECASE)
TAG = re.compile(r"<[^<>]{0,300}>")
FRONT_MATTER = re.compile(r"---[ \t]*\n(?:[^\n]*\n){0,400}?(?:---|\.\.\.)[ \t]*(?:\n|\Z)")


class Block(NamedTuple):
    """One block.

    `kind`: heading, item, text, code, row, summary, close (of an HTML details).
    `level`: 1–6 of a heading; how many lists an item or text stands in (0: none); the table's ordinal of a row.
    """

    kind: str
    level: int
    text: str
    """Without markup; of `code` as it stands. Lines of a paragraph are kept apart."""
    first: int
    last: int
    bold: str = ""
    """What is set in bold at the very beginning."""
    spans: tuple[str, ...] = ()
    """Code spans."""
    checked: bool | None = None
    """Of an item with a checkbox."""
    ordered: str = ""
    """The number that an ordered item bears, as `1.`"""
    info: str = ""
    """A fence's language."""
    cells: tuple[Block, ...] = ()
    heads: tuple[str, ...] = ()
    """Of a row: the table's headings."""


def _parser() -> MarkdownIt:
    # Links are taken off by `LINK`: the library's own rule takes fourteen times as long for a line of opening brackets.
    return MarkdownIt("commonmark", {"maxNesting": 40}).enable(["table", "strikethrough"]).disable(["link", "image"])


def without_front_matter(text: str) -> str:
    """*text* with its front matter as blank lines, so that every line keeps its number."""
    found = FRONT_MATTER.match(text)
    return "\n" * found[0].count("\n") + text[found.end() :] if found else text


def read_blocks(text: str) -> list[Block]:
    """The blocks of *text*, which has plain line ends and no byte order mark."""
    reader = _Reader(_parser().parse(without_front_matter(text)))
    return reader.read()


class _Reader:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.blocks: list[Block] = []
        self.lists: list[str] = []
        self.item: tuple[int, str] | None = None  # line and number of an item whose text has not come yet
        self.tables = 0
        self.heads: tuple[str, ...] = ()

    def read(self) -> list[Block]:
        at = 0
        while at < len(self.tokens):
            at = self._take(at)
        return self.blocks

    def _take(self, at: int) -> int:
        token = self.tokens[at]
        if token.type in ("bullet_list_open", "ordered_list_open"):
            self.lists.append(token.type)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            self.lists.pop()
        elif token.type == "list_item_open":
            self._end_item()
            self.item = (_first(token), f"{token.info}{token.markup}" if token.info else "")
        elif token.type == "list_item_close":
            self._end_item()
        elif token.type == "heading_open":
            self._end_item()
            self._add("heading", int(token.tag[1]), token, self.tokens[at + 1])
            return at + 3
        elif token.type == "inline":
            self._paragraph(token)
        elif token.type in ("fence", "code_block"):
            self._end_item()
            first, last = _lines(token)
            info = token.info.split()[0].lower() if token.info.split() else ""
            self.blocks.append(Block("code", len(self.lists), token.content, first, last, info=info or token.type[:5]))
        elif token.type == "html_block":
            self._html(token)
        elif token.type == "table_open":
            return self._table(at)
        return at + 1

    def _end_item(self) -> None:
        """An item that begins with something else than text is still an item."""
        if self.item:
            line, number = self.item
            self.item = None
            self.blocks.append(Block("item", len(self.lists), "", line, line, ordered=number))

    def _add(self, kind: str, level: int, place: Token, inline: Token) -> None:
        read = read_inline(inline)
        first, last = _lines(place)
        self.blocks.append(Block(kind, level, read.text, first, last, read.bold, read.spans))

    def _paragraph(self, token: Token) -> None:
        if not self.item:
            self._add("text", len(self.lists), token, token)
            return
        read, number = read_inline(token), self.item[1]
        self.item = None
        box = CHECKBOX.match(read.text)
        first, last = _lines(token)
        text = read.text[box.end() :] if box else read.text
        checked = box[1] not in " ~/-" if box else None
        self.blocks.append(Block("item", len(self.lists), text, first, last, read.bold, read.spans, checked, number))

    def _html(self, token: Token) -> None:
        """Of HTML only what gives a document its outline: summaries, the ends of their details, headings."""
        if token.content.lstrip().startswith("<!--"):
            return
        found = [(m.start(), "summary", 0, m[1]) for m in SUMMARY.finditer(token.content)]
        found += [(m.start(), "heading", int(m[1]), m[2]) for m in HTML_HEADING.finditer(token.content)]
        found += [(m.start(), "close", 0, "") for m in DETAILS_END.finditer(token.content)]
        for start, kind, level, inner in sorted(found):
            line = _first(token) + token.content.count("\n", 0, start)
            text = " ".join(TAG.sub("", inner).replace("**", "").split())
            self.blocks.append(Block(kind, level, text, line, line))

    def _table(self, at: int) -> int:
        """Each row of the body as one block; the place behind the table."""
        self.tables += 1
        rows: list[list[Block]] = []
        while self.tokens[at].type != "table_close":
            token = self.tokens[at]
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                read = read_inline(token)
                first, last = _lines(token)
                rows[-1].append(Block("text", 0, read.text, first, last, read.bold, read.spans))
            at += 1
        heads = tuple(cell.text for cell in rows[0]) if rows else ()
        for row in rows[1:]:
            text = " | ".join(cell.text for cell in row)
            line = row[0].first if row else 1
            self.blocks.append(Block("row", self.tables, text, line, line, cells=tuple(row), heads=heads))
        return at + 1


def _first(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1


def _lines(token: Token) -> tuple[int, int]:
    return (token.map[0] + 1, max(token.map)) if token.map else (1, 1)
