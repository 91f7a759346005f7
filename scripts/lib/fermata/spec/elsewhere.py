"""What a section outside of the phases says of each of them: `Success criteria by phase`, and below it a heading for each.

Only such a section, and only where its heading is a field's label; anything else outside of the phases is none of theirs.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .blocks import Block
from .labels import label_of
from .references import Index
from .words import fold

FIELDS = ("criteria", "commands", "gotchas")
NO_PHASES = ("criteria", "gotchas")
BY_PHASE = re.compile(
    r"\s*(?:\(?(?:by|per|for each|of each|je|nach|pro|par|por|de cada)\s+(?:phase|milestone|sprint|fase|hito|jalon)n?\)?)\s*:?\Z"
)


class Section(NamedTuple):
    """`place`: of the phase in the document's list. `inside`: the items and fences below the heading."""

    place: int
    field: str
    sure: float
    inside: list[Block]


def sections_elsewhere(blocks: list[Block], index: Index, taken: list[tuple[int, int]]) -> list[Section]:
    """In the document's order. *taken*: the blocks of each phase, from and up to."""
    own = {at for first, end in taken for at in range(first, end)}
    found: list[Section] = []
    above: tuple[int, str, float] | None = None  # level, field and sureness of the section that we are in
    within = False
    for at, block in enumerate(blocks):
        if block.kind == "heading":
            within = False
            if at in own or (above and block.level <= above[0]):
                above = None
            named = index.named(block.text).known if above else []
            if above and len(named) == 1:
                found.append(Section(named[0], above[1], above[2], []))
                within = True
            elif not above and at not in own:
                above = labelled(block)
        elif within and block.kind in ("item", "code"):
            found[-1].inside.append(block)
    return found


def labelled(block: Block) -> tuple[int, str, float] | None:
    """The level of a heading over such a section, the field it names, and how sure that is."""
    cut = BY_PHASE.search(fold(block.text))
    label = label_of(block.text[: cut.start()] if cut else block.text)
    return (block.level, label.field, 0.7) if label and label.field in FIELDS and not label.rest else None
