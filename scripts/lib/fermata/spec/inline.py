"""The words of one line or paragraph without their markup: links, emphasis, code spans. Knows no blocks."""

from __future__ import annotations

import re
from typing import NamedTuple

from markdown_it.token import Token

CHECKBOX = re.compile(r"\s*\[([ xX✓✔~/-])\](?:\s+|$)")
LINK = re.compile(
    r"(!?)\[([^\[\]\n]{0,300})\](?:\([^()\s]{0,500}(?:\([^()\s]{0,100}\)[^()\s]{0,100})?(?:\s+\"[^\"\n]{0,200}\")?\)|\[[^\[\]\n]{0,80}\])"
)
WORDS = re.compile(r"\w")
PLAIN_NAME = re.compile(r"[a-z][a-z0-9]*(?:_+[a-z0-9]+)*")
NAME_PARTS = 5  # tokens that a name between underscores may consist of


class Inline(NamedTuple):
    text: str
    bold: str
    spans: tuple[str, ...]


def read_inline(token: Token) -> Inline:
    """The words of an inline token. Line breaks stay, for several fields may stand in one paragraph."""
    text: list[str] = []
    bold: list[str] = []
    spans: list[str] = []
    strong, began = 0, False  # `began`: whether something else than bold has come already
    children = token.children or []
    _keep_names(children)
    for child in children:
        piece = ""
        if child.type == "strong_open":
            strong += 1
        elif child.type == "strong_close":
            strong -= 1
            began = began or not strong
        elif child.type in ("softbreak", "hardbreak"):
            piece = "\n"
        elif child.type in ("text", "code_inline"):
            piece = child.content
            if child.type == "code_inline":
                spans.append(child.content)
        elif child.type == "html_inline" and child.content.lower().startswith("<br"):
            piece = "\n"
        if strong and not began:
            bold.append(piece)
        elif WORDS.search(CHECKBOX.sub("", piece)):
            began = True
        text.append(piece)
    return Inline(_without_links("".join(text)), _without_links("".join(bold)), tuple(spans))


def _keep_names(children: list[Token]) -> None:
    """Underscores that Markdown takes for emphasis and that are part of a name become text: `__init__.py`, `docs/_static_/`."""
    open_at: list[int] = []
    for at, child in enumerate(children):
        if child.markup not in ("_", "__") or not child.type.endswith(("_open", "_close")):
            continue
        if child.nesting > 0:
            open_at.append(at)
            continue
        first = open_at.pop()
        inner = children[first + 1 : at]
        word = "".join(part.content for part in inner) if len(inner) <= NAME_PARTS else ""
        plain = word and not any(char.isspace() for char in word) and all(part.type == "text" for part in inner)
        before, behind = (_text_at(children, place) for place in (first - 1, at + 1))
        joined = before.endswith(("/", "\\", ".")) or re.match(r"[./\\(\-]\w|[/(]", behind)
        if plain and (joined or (child.markup == "__" and PLAIN_NAME.fullmatch(word) and not behind.startswith(":"))):
            for end in (children[first], child):
                end.type, end.content = "text", end.markup


def _text_at(children: list[Token], at: int) -> str:
    return children[at].content if 0 <= at < len(children) and children[at].type == "text" else ""


def _without_links(text: str) -> str:
    """A link's words without its address; an image says nothing."""
    return (
        LINK.sub(lambda match: "" if match[1] else match[2], text).strip()
        if "](" in text or "][" in text
        else text.strip()
    )
