"""Which blocks of a document open its implementation phases: finds every list that could be one and takes the best.

A list is scored by what it is counted by, the headings it stands under, and whether its parts look like work. Where two
lists tell of the same phases, an overview and the phases themselves, the fuller one is taken. Reads no fields.
"""

from __future__ import annotations

from typing import NamedTuple

from .blocks import Block
from .elsewhere import NO_PHASES, labelled
from .labels import label_of
from .marks import Mark, find_marks
from .titles import STRONG, Title
from .words import HISTORY_WORDS, OTHER_WORDS, PLAN_WORDS, SURE_WORDS, fold

ENOUGH = 3.0
MAX_GROUPS = 40
SECTION = 2  # headings up to this level close an HTML details that nobody closed
KINDS = {"heading": 1.5, "summary": 1.0, "bold": 0.5, "item": 0.0, "row": 0.0, "text": -0.5}


class Part(NamedTuple):
    """A phase found: its title and the blocks that belong to it, from `at` up to `end` (which is not one of them)."""

    at: int
    end: int
    title: Title
    kind: str


class Group(NamedTuple):
    """A list that could be the phases."""

    marks: list[Mark]
    ends: list[int]
    score: float

    def size(self) -> int:
        return sum(end - mark.at for mark, end in zip(self.marks, self.ends, strict=True))


class Lists(NamedTuple):
    """`others`: the places of lists that were not taken although they would have counted as phases and tell of others."""

    parts: list[Part]
    others: list[int]


def find_phases(blocks: list[Block]) -> Lists:
    groups = [_scored(blocks, marks) for marks in _groups(find_marks(blocks))]
    good = [group for group in groups if group.score >= ENOUGH]
    if not good:
        return Lists([], [])
    best = _best(good)
    parts = [Part(m.at, end, m.title, m.kind) for m, end in zip(best.marks, best.ends, strict=True)]
    others = [group.marks[0].at for group in good if group is not best and _tells_of_others(group, best)]
    return Lists(parts, others)


def _groups(marks: list[Mark]) -> list[list[Mark]]:
    """Marks of one kind, level and word under one heading; then those of further headings that count on."""
    by_place: dict[tuple[object, ...], list[Mark]] = {}
    for mark in marks:
        by_place.setdefault(
            (mark.kind, mark.level, mark.title.word in STRONG, mark.title.word == "", mark.parents), []
        ).append(mark)
    merged: dict[tuple[object, ...], list[list[Mark]]] = {}
    for (kind, level, strong, bare, _), group in by_place.items():
        known = merged.setdefault((kind, level, strong, bare), [])
        last = known[-1] if known else None
        if last and strong and not _numbers(last) & _numbers(group):
            last.extend(group)
        else:
            known.append(list(group))
    return [group for known in merged.values() for group in known]


def _numbers(marks: list[Mark]) -> set[str]:
    return {mark.title.number for mark in marks}


def _ends(blocks: list[Block], marks: list[Mark]) -> list[int]:
    """Where each phase ends: at the next of its list, or at what closes it by its own kind."""
    opens = {mark.at for mark in marks}
    ends = []
    for mark in marks:
        end = mark.at + 1
        while end < len(blocks) and end not in opens and not _closes(blocks[end], mark):
            end += 1
        ends.append(end)
    return ends


def _closes(block: Block, mark: Mark) -> bool:
    if mark.kind == "heading":
        return block.kind == "heading" and block.level <= mark.level
    if mark.kind == "summary":
        return block.kind == "close" or (block.kind == "heading" and block.level <= SECTION)
    if mark.kind == "row":
        return True
    if block.kind in ("heading", "close", "summary"):
        return True
    return mark.kind == "item" and (block.level < mark.level or (block.kind == "item" and block.level <= mark.level))


def _scored(blocks: list[Block], marks: list[Mark]) -> Group:
    ends = _ends(blocks, marks)
    first = marks[0]
    score = KINDS[first.kind] + (2.0 if first.title.word in STRONG else -1.0)
    context = _context(blocks, first)
    score += context
    score += 1.0 if len(marks) > 1 else -1.0
    score += 1.0 if first.title.number.rstrip("abcdefgh") in ("0", "1", "") else -0.5
    work = _work(blocks, marks, ends, doubtful=context < 0)
    score += work
    title_only = first.kind == "heading" and first.level == 1 and len(marks) == 1
    said = first.title.word in SURE_WORDS or work or _listing(blocks, marks, ends) or (context == 0 and _outline(marks))
    unplanned = context <= 0 and (first.title.word not in STRONG or not said)
    return Group(marks, ends, 0.0 if title_only or unplanned else score)


def _context(blocks: list[Block], mark: Mark) -> float:
    """What the headings above say: the nearest counts most."""
    score = 0.0
    for distance, at in enumerate(reversed(mark.parents)):
        text = fold(blocks[at].text)
        if HISTORY_WORDS.search(text):
            return -6.0
        if PLAN_WORDS.search(text):
            return 2.0 if score >= 0 else score
        section = labelled(blocks[at])
        if section and section[1] in NO_PHASES:
            return -6.0
        if OTHER_WORDS.search(text):
            score = min(score, -3.0 if distance == 0 else -2.0)
    return score


def _work(blocks: list[Block], marks: list[Mark], ends: list[int], *, doubtful: bool) -> float:
    """0–2 by how many of the phases hold checkboxes, a duration, a status, or (unless *doubtful*) fields."""
    telling = 0
    for mark, end in zip(marks, ends, strict=True):
        head, inside = blocks[mark.at], blocks[mark.at + 1 : end]
        lines = (line for block in inside for line in (block.bold or block.text).split("\n")[:40])
        labelled = not doubtful and (
            any(map(label_of, lines)) or (mark.kind == "row" and any(map(label_of, head.heads[1:])))
        )
        telling += mark.title.timed or labelled or any(block.checked is not None for block in inside)
    if not telling:
        return 0.0
    return 2.0 if 2 * telling >= len(marks) else 1.0


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


def _best(groups: list[Group]) -> Group:
    """The fullest of those that tell of the same phases; an outer list before the lists inside its parts."""
    groups = sorted(groups, key=_rank, reverse=True)[:MAX_GROUPS]
    outer = [
        group
        for group in groups
        if not any(
            _strength(other) >= _strength(group) and other is not group and _inside(group, other) for other in groups
        )
    ]
    several = [group for group in outer if len(group.marks) > 1]  # a phase that stands alone is no list
    return max(several or outer or groups, key=lambda group: (_rank(group), -group.marks[0].at))


def _strength(group: Group) -> int:
    word = group.marks[0].title.word
    return 2 if word in STRONG else 1 if word else 0


def _rank(group: Group) -> float:
    return group.score + min(4.0, group.size() / max(1, 4 * len(group.marks))) + min(2.0, 0.25 * len(group.marks))


def _inside(group: Group, other: Group) -> bool:
    """Whether every phase of *group* lies within one of *other*."""
    return all(
        any(o.at < mark.at < end for o, end in zip(other.marks, other.ends, strict=True)) for mark in group.marks
    )


def _tells_of_others(group: Group, best: Group) -> bool:
    if _inside(group, best) or _inside(best, group):
        return False
    known = {fold(mark.title.title) for mark in best.marks}
    return group.marks[0].kind == "heading" and not {fold(mark.title.title) for mark in group.marks} & known
