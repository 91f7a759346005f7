"""Which phases of the document a piece of text names: by number, by range, by name. Says nothing about why it names them."""

from __future__ import annotations

import re
from typing import NamedTuple

from .records import Phase
from .titles import read_title
from .words import CJK_DIGITS, CJK_WEAK, CJK_WORDS, NUMBER_WORDS, PHASE_WORDS, WEAK_PHASE_WORDS, fold, number_of

SHORTEST = 2
_TABLES = (PHASE_WORDS, WEAK_PHASE_WORDS)
_WORD = "|".join(sorted({re.escape(w) for t in _TABLES for row in t.values() for w in row}, key=len, reverse=True))
_NAMED = "|".join(sorted((re.escape(w) for w in NUMBER_WORDS if len(w) > SHORTEST), key=len, reverse=True))
_N = rf"(?:\d{{1,3}}(?:\.\d{{1,2}})?[a-z]?|[ivx]{{1,5}}|[a-h]|{_NAMED})(?!\w)"
_AND = r"(?:,\s*(?:and\s|und\s|et\s|y\s|e\s)?|and\s|und\s|et\s|y\s|e\s|&|\+|/|[-–—]|to\s|through\s|bis\s|a\s|or\s)"
REFERENCE = re.compile(
    rf"(?<!\w)(?:{_WORD})(?:s|n|en)?[\s#-]*(?P<list>{_N}(?:\s*{_AND}\s*(?:(?:{_WORD})(?:s|n|en)?[\s#-]*)?{_N}){{0,20}})"
)
SHORT = re.compile(r"(?<![\w.-])(?P<word>[mps])[-.]?(?P<list>\d{1,3}(?:\.\d{1,2})?[a-z]?)(?![\w.]\w)(?!\w)")
_CJK = "|".join(map(re.escape, sorted(CJK_WORDS + CJK_WEAK, key=len, reverse=True)))
_HAN = "".join(CJK_DIGITS)
CJK_REFERENCE = re.compile(
    rf"(?:第\s*(?P<one>\d{{1,3}}|[{_HAN}]{{1,3}})\s*(?:个|個|の)?(?:{_CJK}))|(?:(?:{_CJK})\s*(?P<two>\d{{1,3}}|[{_HAN}]{{1,3}})(?!\w*週))"
)
_PIECE = re.compile(rf"(?<!\w)(?P<n>{_N})|(?P<to>[-–—]|to\s|through\s|bis\s)")
BARE = re.compile(r"\s*#?\d{1,3}[a-z]?(?:\s*(?:,|and|&|;)\s*#?\d{1,3}[a-z]?)*\s*\.?\Z")


class Named(NamedTuple):
    """`known`: places in the list of phases, in the order they are named. `unknown`: numbers that no phase has.

    `start`: where in the text the first is named; `end`: behind the last. -1 where none is.
    """

    known: list[int]
    unknown: list[str]
    start: int
    end: int


class Index:
    """The phases of a document by what they may be called."""

    def __init__(self, phases: list[Phase]) -> None:
        self.numbers: dict[str, int] = {}
        self.names: dict[str, int] = {}
        self.size = len(phases)
        self.short = False
        for place, phase in enumerate(phases):
            if phase["number"]:
                self.numbers.setdefault(phase["number"], place)
            for name in (phase["name"], phase["title"]):
                if len(name) > SHORTEST:
                    self.names.setdefault(_key(name), place)
            title = read_title(phase["name"])
            self.short = self.short or (title is not None and title.word in ("m", "p", "s"))

    def named(self, text: str) -> Named:
        """What *text* names with a word and a number (`phases 1 and 2`)."""
        folded = fold(text)
        found = [(m.start(), m.end(), self._numbers(m["list"])) for m in REFERENCE.finditer(folded)]
        if self.short or not found:
            found += [(m.start(), m.end(), [m["list"]]) for m in SHORT.finditer(folded) if self.short]
        if not folded.isascii():
            found += [(m.start(), m.end(), [number_of(m["one"] or m["two"])]) for m in CJK_REFERENCE.finditer(folded)]
        found.sort()
        numbers = [number for _, _, some in found for number in some]
        known = list(dict.fromkeys(self.numbers[n] for n in numbers if n in self.numbers))
        unknown = [n for n in numbers if n not in self.numbers]
        return Named(known, unknown, found[0][0] if found else -1, found[-1][1] if found else -1)

    def listed(self, text: str) -> Named:
        """What a field names: also bare numbers and whole names between commas."""
        named = self.named(text)
        if named.start >= 0:
            return named
        if BARE.match(text):
            numbers = re.findall(r"\d{1,3}[a-z]?", fold(text))
            known = [self.numbers[n] for n in numbers if n in self.numbers]
            return Named(known, [n for n in numbers if n not in self.numbers], 0, len(text))
        known = [
            place
            for place in (self.called(part) for part in re.split(r"[,;、，]|\sand\s|\sund\s", text))
            if place is not None
        ]
        return Named(known, [], 0 if known else -1, len(text) if known else -1)

    def called(self, name: str) -> int | None:
        """The phase of exactly this name or title."""
        return self.names.get(_key(name))

    def _numbers(self, listed: str) -> list[str]:
        """`1-3` and `1, 2 and 4` as single numbers; a range runs through the document's own numbers."""
        numbers: list[str] = []
        upto = False
        for piece in _PIECE.finditer(listed):
            if piece["to"]:
                upto = True
                continue
            number = number_of(piece["n"]) or piece["n"]
            if upto and numbers and numbers[-1] in self.numbers and number in self.numbers:
                first, last = self.numbers[numbers[-1]], self.numbers[number]
                numbers += [n for n, place in self.numbers.items() if first < place < last]
            upto = False
            numbers.append(number)
        return numbers


def _key(name: str) -> str:
    return " ".join(re.sub(r"[^\w]+", " ", fold(name)).split())
