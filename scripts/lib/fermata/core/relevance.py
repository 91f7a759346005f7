"""Which learnings a brief should carry: those that share words with the goal, rare words first, within a size.

Simple on purpose, and the same on every machine. Two words are one when they differ only in case or a closing `s`. A
shared word weighs more the fewer learnings have it (log of their number over the number that have it, plus one); a
learning's weight is the sum over the words, of its text and tags, that the goal has, too. Of equals the newer goes first.
How much of an old one is told is for `tiers.py`; it is found by all its words.
"""

from __future__ import annotations

import re
from collections import namedtuple
from math import log

from .board_texts import LEARNING
from .consultation import line
from .tiers import FULL, tier_of, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .board_records import Board, Entry

WORD = re.compile(r"[^\W_]{3,}")
COMMON = frozenset(
    "the and for not are was but you all any can has had her him his how its may new now one our out own see".split()
)

Learnt = namedtuple("Learnt", "id title text")
Learnt.__doc__ = """A learning that matters: its id, its beginning for a list, and the line that an agent is told."""
TITLE = 120


def words_of(text: str) -> set[str]:
    """What *text* is about: its words of three letters or more, folded."""
    words = (word.casefold() for word in WORD.findall(text))
    return {word[:-1] if word.endswith("s") and len(word) > 3 else word for word in words if word not in COMMON}  # noqa: PLR2004


def relevant_learnings(board: Board, goal: str, limit_chars: int, now: str) -> list[Learnt]:
    """The learnings that matter for *goal*, one line each, the most relevant first, as old ones are told at *now*.

    Joined by newlines their texts have at most *limit_chars* characters; one that does not fit is left out whole, and a
    shorter one behind it may still come in. Closed learnings, and those that share no word with the goal, never come.
    """
    known = [
        (e, words_of(" ".join([e["title"], *e["tags"]])))
        for e in board["entries"]["learning"].values()
        if e["status"] == "OPEN"
    ]
    wanted = words_of(goal)
    having = {word: sum(word in words for _, words in known) for word in wanted}
    weighed = []
    for entry, words in known:
        weight = sum(log(len(known) / having[word]) + 1 for word in sorted(words & wanted))
        if weight:
            weighed.append((-weight, -entry["line"], entry))
    left, found = limit_chars, list[Learnt]()
    for _, _, entry in sorted(weighed, key=lambda one: one[:2]):
        text = learning_line(entry, tier_of(entry["created"], now))
        if len(text) <= left:
            found.append(Learnt(entry["id"], line(entry["title"], TITLE), text))
            left -= len(text) + 1
    return found


def learning_line(entry: Entry, tier: int = FULL) -> str:
    """A learning as a brief shows it: its id, what was learnt, and where."""
    source = f" ({line(entry['source'], 80)})" if entry["source"] else ""
    return f"- {entry['id']}: {line(told(entry['title'], tier), LEARNING + TITLE)}{source}"
