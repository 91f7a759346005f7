"""How much of an old text is still told: all of it for a month, its first sentences for two more, then a line.

Computed each time it is read, from the text and its age; nothing that is kept ever changes by it.
"""

from __future__ import annotations

import re

from .moments import epoch

DAY = 86_400
FULL, SUMMARY, INDEX = 1, 2, 3
SUMMARY_FROM, INDEX_FROM = 30, 90  # days
# What is told of a text: the share of its characters, and a length below which cutting would leave nothing to read.
SHARE = {SUMMARY: (4, 120), INDEX: (20, 60)}
SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")


def age_days(created: str, now: str) -> int:
    """Whole days from one of the journal's times (`2026-11-21T09:15:02Z`) to another; 0 when the clock was set back."""
    return max(0, (epoch(now) - epoch(created)) // DAY)


def tier_of(created: str, now: str) -> int:
    """1: told in full; 2: from the 30th day on a summary; 3: from the 90th an index line."""
    days = age_days(created, now)
    return FULL if days < SUMMARY_FROM else SUMMARY if days < INDEX_FROM else INDEX


def told(text: str, tier: int) -> str:
    """What *tier* leaves of *text*: its first sentences within about a quarter, or its beginning within a twentieth."""
    if tier == FULL:
        return text
    part, least = SHARE[tier]
    room = max(least, len(text) // part)
    return text if len(text) <= room else _beginning(text, room)


def _beginning(text: str, room: int) -> str:
    """The whole sentences that *room* characters hold, with a mark; where not even one fits, its first words."""
    end = 0
    for gap in SENTENCE.finditer(text):
        if gap.start() + 2 > room:
            break
        end = gap.start()
    if end:
        return f"{text[:end]} …"
    cut = text[: room - 2]
    return f"{cut.rpartition(' ')[0] or cut} …"
