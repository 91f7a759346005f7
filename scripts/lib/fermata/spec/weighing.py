"""How much speaks for a list being the phases of a document: its words, the headings above it, the work in its parts.

A word that counts phases and little else needs little more. One that counts much else (`Step`), a bare number and a heading
without any need a heading above that plans, or parts which show that they are work. Chooses none of several lists.
"""

from __future__ import annotations

from .blocks import Block
from .elsewhere import NO_PHASES, labelled
from .labels import label_of
from .marks import Mark
from .status import is_status
from .titles import STRONG, VERSIONS
from .words import HISTORY_WORDS, LOOSE_PLAN_WORDS, OTHER_WORDS, PLAN_WORDS, SURE_WORDS, fold

ENOUGH = 3.0
KINDS = {"heading": 1.5, "summary": 1.0, "bold": 0.5, "item": 0.0, "row": 0.0, "text": -0.5}
SURE, LOOSE, NOT = 2.0, 1.5, -3.0
SEVERAL = 3  # headings marked TODO and DONE that make a list by themselves


def weigh(blocks: list[Block], marks: list[Mark], ends: list[int]) -> float:
    """`ENOUGH` or more for a list of phases. *ends*: behind the last block of each."""
    first = marks[0]
    strong = first.title.word in STRONG
    context = _context(blocks, first)
    work = _work(blocks, marks, ends, doubtful=context < 0)
    if strong:
        said = (
            first.title.word in SURE_WORDS or work or _listing(blocks, marks, ends) or (not context and _outline(marks))
        )
        alone = first.kind == "heading" and first.level == 1 and len(marks) == 1
        fits = (context > 0 or bool(said)) and not alone
    else:
        fits = len(marks) > 1 and _is_planned(blocks, marks, ends, context)
    score = KINDS[first.kind] + (2.0 if strong else -1.0) + (SURE if context > 0 else context) + work
    score += 1.0 if len(marks) > 1 else -1.0
    score += 1.0 if first.title.number.rstrip("abcdefgh") in ("0", "1", "") else -0.5
    return score if fits else 0.0


def _is_planned(blocks: list[Block], marks: list[Mark], ends: list[int], context: float) -> bool:
    """Whether a list that is not counted by a word for phases is one of work."""
    if context < 0:
        return False
    if _tallied(blocks, marks, ends):
        return True
    boxes = _boxes(blocks, marks, ends)
    first = marks[0]
    if first.kind == "heading" and not first.title.word and _top(blocks, first):  # else the document's own sections
        marked = not first.title.number and len(marks) >= SEVERAL
        return marked or (context > 0 and 5 * boxes >= 4 * len(marks))
    if first.title.word in VERSIONS:  # those that are all out are a history
        return context > 0 and boxes > 0 and not all(mark.title.done for mark in marks)
    return context == SURE or (context == LOOSE and boxes > 0)


def _top(blocks: list[Block], mark: Mark) -> bool:
    """Whether nothing stands above it but the document's own title."""
    if len(mark.parents) == 1 and not any(block.kind == "heading" for block in blocks[: mark.parents[0]]):
        return len(blocks[mark.parents[0]].text.split()) > 1  # `Plan` alone is a section
    return not mark.parents or blocks[mark.parents[-1]].level == 1


def _context(blocks: list[Block], mark: Mark) -> float:
    """What the headings above say: the nearest counts most."""
    score = 0.0
    for distance, at in enumerate(reversed(mark.parents)):
        text = fold(blocks[at].text).replace("_", " ")
        if mark.title.word in SURE_WORDS and blocks[at].level == 1:  # a title names the subject of the plan
            text = OTHER_WORDS.sub(" ", text)
        if HISTORY_WORDS.search(text):
            return 2 * NOT
        planned, other = PLAN_WORDS.search(text), OTHER_WORDS.search(text)
        sure = planned and PLAN_WORDS.search(LOOSE_PLAN_WORDS.sub(" ", text))
        if planned and (sure or not other):
            return score if score < 0 else SURE if sure else LOOSE
        section = labelled(blocks[at])
        if section and section[1] in NO_PHASES and not is_status(blocks[at].text):
            return 2 * NOT
        if other:
            score = min(score, NOT if distance == 0 else NOT + 1)
    return score


def _work(blocks: list[Block], marks: list[Mark], ends: list[int], *, doubtful: bool) -> float:
    """0–2 by how many of the phases hold checkboxes, a duration, a status, or (unless *doubtful*) fields."""
    telling = 0
    for mark, end in zip(marks, ends, strict=True):
        head, inside = blocks[mark.at], blocks[mark.at + 1 : end]
        lines = (line for block in inside for line in (block.bold or block.text).split("\n")[:40])
        labels = not doubtful and (
            any(map(label_of, lines)) or (mark.kind == "row" and any(map(label_of, head.heads[1:])))
        )
        telling += mark.title.timed or labels or any(block.checked is not None for block in inside)
    if not telling:
        return 0.0
    return 2.0 if 2 * telling >= len(marks) else 1.0


def _boxes(blocks: list[Block], marks: list[Mark], ends: list[int]) -> int:
    """How many of the parts hold checkboxes, a duration or a status."""
    return sum(
        mark.title.timed or any(block.checked is not None for block in blocks[mark.at : end])
        for mark, end in zip(marks, ends, strict=True)
    )


def _tallied(blocks: list[Block], marks: list[Mark], ends: list[int]) -> bool:
    """Whether nearly all parts hold checkboxes that go on with their number: `- [ ] 2.1 …` below `## 2. …`."""
    going_on = sum(
        any(
            block.checked is not None and block.text.startswith(f"{mark.title.number}.")
            for block in blocks[mark.at + 1 : end]
        )
        for mark, end in zip(marks, ends, strict=True)
        if mark.title.number
    )
    return len(marks) > 1 and 5 * going_on >= 4 * len(marks)


def _outline(marks: list[Mark]) -> bool:
    """Whether these are the document's own sections, counted from its first."""
    first = marks[0]
    return first.kind == "heading" and len(first.parents) <= 1 and len(marks) > 1 and first.title.number in ("0", "1")


def _listing(blocks: list[Block], marks: list[Mark], ends: list[int]) -> bool:
    """Whether these are headings of which nearly all hold plain bullets, as things to do are written."""
    plain = sum(
        any(block.kind == "item" and not block.bold for block in blocks[mark.at + 1 : end])
        for mark, end in zip(marks, ends, strict=True)
    )
    return marks[0].kind == "heading" and len(marks) > 1 and 5 * plain >= 4 * len(marks)
