"""Which blocks of a document open its implementation phases: finds every list that could be one and takes the best.

`weighing` says how much speaks for each. Where two lists tell of the same phases, an overview and the phases themselves,
the fuller one is taken. Reads no fields.
"""

from __future__ import annotations

from typing import NamedTuple

from .blocks import Block
from .marks import Mark, find_marks
from .titles import STRONG, Title
from .weighing import ENOUGH, weigh
from .words import FRAME, fold

MAX_GROUPS = 40
STRONGEST = 2
HOLLOW = 3.0  # what a list of numbers without names or contents loses
SECTION = 2  # headings up to this level close an HTML details that nobody closed


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
    groups = [_scored(blocks, marks) for marks in map(_without_frame, _groups(find_marks(blocks))) if marks]
    good = [group for group in groups if group.score >= ENOUGH]
    if not good:
        return Lists([], [])
    best = _best(good)
    if best is None:
        return Lists([], [])
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
        if last and (_goes_on(last, group) or (strong and not _numbers(last) & _numbers(group))):
            last.extend(group)
        else:
            known.append(list(group))
    return [group for known in merged.values() for group in known]


def _without_frame(marks: list[Mark]) -> list[Mark]:
    """Numbered headings without those that frame them (`5. Risks`); none where the frame is most of them."""
    if marks[0].title.word or not marks[0].title.number:
        return marks
    kept = [mark for mark in marks if not FRAME.match(fold(mark.title.title))]
    return kept if 2 * len(kept) > len(marks) else []


def _goes_on(marks: list[Mark], more: list[Mark]) -> bool:
    """Whether *more* counts on by the same word where *marks* ended."""
    last, first = marks[-1].title, more[0].title
    return last.word == first.word and last.number.isdigit() and first.number == str(int(last.number) + 1)


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
    return Group(marks, ends, weigh(blocks, marks, ends))


def _best(groups: list[Group]) -> Group | None:
    """Of those that tell of the same phases the fullest; an outer list before the lists inside its parts.

    A word for phases weighs more than a word that counts much else, and several phases more than one that stands alone.
    """
    groups = sorted(groups, key=_rank, reverse=True)[:MAX_GROUPS]
    outer = [
        group
        for group in groups
        if not any(
            _strength(other) >= _strength(group) and other is not group and _inside(group, other) for other in groups
        )
    ]
    several = [group for group in outer if len(group.marks) > 1]
    best = max(several or outer or groups, key=lambda group: (_explicit(group), _rank(group), -group.marks[0].at))
    return None if any(_rivals(best, group) for group in outer) else best


def _explicit(group: Group) -> bool:
    """Whether these are phases by their word, with more to them than a line each."""
    return _strength(group) == STRONGEST and group.size() > len(group.marks)


def _rivals(group: Group, other: Group) -> bool:
    """Whether two lists of steps begin anew under headings beside each other, so that neither is the document's."""
    one, two = group.marks[0], other.marks[0]
    return (
        group is not other
        and _strength(group) < STRONGEST
        and (one.kind, one.level, one.title.word, one.title.number)
        == (two.kind, two.level, two.title.word, two.title.number)
        and one.parents[:-1] == two.parents[:-1]
        and one.kind == "heading"
    )


def _strength(group: Group) -> int:
    word = group.marks[0].title.word
    return STRONGEST if word in STRONG else 1 if word else 0


def _rank(group: Group) -> float:
    """How much speaks for a list against others: its own score, the length of its parts, their number."""
    hollow = group.size() == len(group.marks) and not any(mark.title.title for mark in group.marks)
    length = min(4.0, group.size() / max(1, 4 * len(group.marks))) + min(2.0, 0.25 * len(group.marks))
    return group.score + length + _in_sequence(group) - (HOLLOW if hollow else 0.0)


def _in_sequence(group: Group) -> bool:
    """Whether it counts on by one."""
    numbers = [mark.title.number for mark in group.marks]
    return all(n.isdigit() for n in numbers) and [int(n) - int(numbers[0]) for n in numbers] == list(
        range(len(numbers))
    )


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
