"""Dependencies that a document draws: Mermaid's arrows, arrows in a line, trees by indentation, chains that point down."""

from __future__ import annotations

import re
from itertools import pairwise

from .blocks import Block
from .references import Index
from .saying import GRAPH, VERB, Found
from .words import fold

ARROW = re.compile(r"\s*(?:-+(?:\|[^|]*\||\.)?-*>|=+>|-\.->|→|⟶|➜|➔|──*[>►▶→]|[►▶])(?:\|[^|]*\|)?\s*")
DRAWN = re.compile(r"->|→|=>|▼|↓|[─-][►▶>]|⟶")
NODE = re.compile(r"(?<!\w)(\w{1,30})\s*(?:\[+|\(+|\{+|>)\s*\"?([^\]\)\}\"\n]{1,120})")
SHORT = re.compile(r"(?:phase|[pm])[-_]?(\d{1,3}[a-z]?)")
BRANCH = re.compile(r"[\s│|]*[├└+`]")
DOWN = frozenset("↓▼⬇│|v\\/ \t┃┆")
POINTS_DOWN = frozenset("↓▼⬇v")
MAX_PIECE, MAX_DRAWING = 100, 20_000


def read_arrows(line: str, index: Index, found: Found, at: int) -> None:
    """`Phase 1 → Phase 2 → Phase 3` in a line of text: nothing but phases between the arrows."""
    pieces = ARROW.split(line) if ARROW.search(line) else []
    _connect([index.named(piece).known if len(piece) < MAX_PIECE else [] for piece in pieces], found, at)


def read_graph(block: Block, index: Index, found: Found) -> None:
    """A fence with arrows; any other is left alone."""
    if DRAWN.search(block.text) and len(block.text) <= MAX_DRAWING:
        drawing = _Drawing(block, index, found)
        for number, line in enumerate(block.text.split("\n"), block.first + 1):
            drawing.take(line, min(number, block.last))


def _connect(pieces: list[list[int]], found: Found, at: int) -> None:
    for before, after in pairwise(pieces):
        for place in after if before else ():
            found.add(place, before, GRAPH, at)


class _Drawing:
    """`above`: the phases last seen; `fallen`: an arrow that points down has come since. `stack`: a tree's open branches."""

    def __init__(self, block: Block, index: Index, found: Found) -> None:
        self.index, self.found = index, found
        self.nodes: dict[str, list[int]] = {}
        for ident, label in NODE.findall(block.text):
            place = index.called(label)
            self.nodes[ident] = index.named(label).known or ([place] if place is not None else [])
        self.above: list[int] = []
        self.fallen = False
        self.stack: list[tuple[int, list[int]]] = []

    def take(self, line: str, at: int) -> None:
        if line.strip() and set(line) <= DOWN:
            self.fallen = self.fallen or bool(set(line) & POINTS_DOWN)
            return
        pieces = [self._places(piece) for piece in ARROW.split(line)]
        _connect(pieces, self.found, at)
        named = [piece for piece in pieces if piece]
        indent = len(line) - len(line.lstrip(" \t│|├└─+-`"))
        self.stack = [entry for entry in self.stack if entry[0] < indent]
        if not named:
            return
        if BRANCH.match(line) and self.stack:
            _connect([self.stack[-1][1], named[0]], self.found, at)
        elif self.fallen and not VERB.search(fold(line)):
            _connect([self.above, named[0]], self.found, at)
        self.above, self.fallen = named[-1], False
        self.stack.append((indent, named[-1]))

    def _places(self, piece: str) -> list[int]:
        """The phases that a piece between arrows names, by a node's id too; not those behind a "depends on"."""
        verb = VERB.search(fold(piece))
        named = self.index.named(piece[: verb.start()] if verb else piece).known
        if named:
            return named
        found = []
        for word in re.split(r"[&,\s]+", re.sub(r"[\[({].*", "", piece.strip())):
            short = SHORT.fullmatch(fold(word))
            if self.nodes.get(word):
                found += self.nodes[word]
            elif short and short[1] in self.index.numbers:
                found.append(self.index.numbers[short[1]])
        return found
