"""What stands about a title without being of it: marks of status, durations, emoji, anchors; and what a status says.

Knows no phases; a title comes out as it was written but for these.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from .words import DONE_WORDS, DURATION_WORDS, STATUS_WORDS, fold

LATIN = 0xA9
ANCHOR = re.compile(r"\s*\{#[^}\s]{0,80}\}\s*\Z")
KEYCAP = re.compile("(\\d)\ufe0f?\u20e3\\s*")
BOX = re.compile(r"\s*\[([ xX✓✔~])\]\s*")
SIGN = "\N{OBJECT REPLACEMENT CHARACTER}"
_LATER = re.compile(r"(?:future|later|backlog|stretch|optional)[\s.!]*\Z")  # a status only behind a sign
DONE_SIGNS = frozenset("✅✔☑✓🏁")
OPEN_SIGNS = frozenset("⬜☐⏳🚧🔄🔜📋⏸❌🔲🟡🔴🟢⭕🔵")
_STATUS = rf"(?:{'|'.join(map(re.escape, sorted(STATUS_WORDS, key=len, reverse=True)))})"
_DONE = re.compile(rf"(?:{'|'.join(map(re.escape, sorted(DONE_WORDS, key=len, reverse=True)))})(?!\w)")
_TIME = rf"(?:{DURATION_WORDS})"
_IS_STATUS = re.compile(
    rf"(?:status:\s*)?(?:\d{{1,3}}\s?%\s*)?{_STATUS}"
    rf"(?:[\s,;:.!—–-]+(?:{_STATUS}|on|as|of|in|at|by|pr|[0-9a-f]{{7,40}}|v?[\d./#-]+|\(?\d{{1,3}}\s?%\)?|\d+ tests?|{_TIME}))*[\s.!]*\Z"
)
_SPAN = (
    rf"(?:est(?:imated)?\.?(?: effort| time| duration)?|time|duration|effort|timeline|timebox|target|due|dauer|duree|duracion|duracao)?[:.\s]*"
    rf"(?:{_TIME}|~|≈|about|approx\.?|ca\.?|up to|[\s,;:/+&.–—-]|to|of|in|and|a|bis|\d+(?:[.,]\d+)?)*{_TIME}"
)
_TIMED = re.compile(
    rf"{_SPAN}(?:(?P<whole>\+?(?:\s+(?:of work|work|total|each|max|effort|estimated|remaining))?[\s.]*)"
    rf"|[\w\s,/.–—+-]{{0,24}})\Z"  # in brackets a word may follow
)
BRACKETED = re.compile(r"\s*(?:\(([^()]{1,80})\)|\[([^\[\]]{1,80})\]|[（【]([^（）【】]{1,60})[）】])\s*")
SIGNED = re.compile(
    rf"[(\[]{SIGN}[^()\[\]]{{1,30}}[)\]]\Z"
)  # whatever stands in brackets behind a sign says how far it is
TRAILERS = (
    re.compile(r"\s+[-–—|·:]+\s+((?:(?!\s[-–—·]\s)[^|]){2,40})\Z"),
    re.compile(r":\s*([^:]{2,30})\Z"),
    re.compile(r"\s+(COMPLETED?|DONE|FINISHED|SHIPPED)\s*\Z"),
    re.compile(r"\s+[-–—]\s+([^-–—|()]{2,30}?)\s*\([^()]{1,40}\)\Z"),
)
LEADER = re.compile(
    r"\s*(DONE|COMPLETED?|FINISHED|TODO|WIP|DOING|IN PROGRESS|PENDING|NEXT)\s*(?:[:：]|\s[-–—])\s+(?=\S)"
)


class Cleaned(NamedTuple):
    text: str
    done: bool
    timed: bool


def clean_title(text: str) -> Cleaned:
    """*text* without marks of status, durations, anchors, emoji."""
    text = KEYCAP.sub(r"\1. ", ANCHOR.sub("", text))
    done = not DONE_SIGNS.isdisjoint(text)
    timed = done or not OPEN_SIGNS.isdisjoint(text)
    while box := BOX.match(text):
        done, timed, text = done or box[1] in "xX✓✔", True, text[box.end() :]
    text, after = _without_signs(text.replace("~~", "").replace("**", ""))
    done, timed = done or _says_done(after), timed or bool(after)
    text, found = _without_brackets(text)
    done, timed = done or any(map(_says_done, found)), timed or bool(found)
    leader = LEADER.match(text)
    if leader:
        done, timed, text = done or _says_done(fold(leader[1])), True, text[leader.end() :]
    while said := _trailing(text):
        done, timed, text = done or _says_done(said[1]), True, text[: said[0]]
    return Cleaned(re.sub(r"\s+", " ", text).strip(" \t\u3000").strip(), done, timed)


def _trailing(text: str) -> tuple[int, str] | None:
    """Where a status or a duration at the end of *text* begins, and what it says."""
    for form in TRAILERS:
        trailer = form.search(text)
        said = fold(trailer[1]).strip() if trailer else ""
        if trailer and text[: trailer.start()].strip() and (_IS_STATUS.match(said) or _is_time(said)):
            return trailer.start(), said
    return None


def _without_signs(text: str) -> tuple[str, str]:
    """*text* without emoji, and the status or duration that followed the last of them (`✅ DONE`)."""
    if text.isascii():
        return text, ""
    marked = SIGNED.sub(SIGN, "".join(SIGN if _is_sign(char) else char for char in text))
    head, sign, tail = marked.rpartition(SIGN)
    after = fold(tail).strip(" -–—:")
    if not (sign and head.strip(f" {SIGN}") and (_IS_STATUS.match(after) or _LATER.match(after) or _is_time(after))):
        head, after = marked, ""
    bare = re.sub(rf"\s*{SIGN}+\s*(?=[:：,.;])", "", head)
    return re.sub(rf"\s*{SIGN}+\s*", " ", bare), after


def _without_brackets(text: str) -> tuple[str, list[str]]:
    found: list[str] = []

    def judge(match: re.Match[str]) -> str:
        said = fold(match[1] or match[2] or match[3]).strip(" *_~`")
        if _IS_STATUS.match(said) or _TIMED.match(said) or not said.strip():
            found.append(said)
            return " " if match.end() < len(text) and text[match.end()] not in ":：.,;" else ""
        return match[0]

    return BRACKETED.sub(judge, text), found


def _says_done(said: str) -> bool:
    return bool(_DONE.match(re.sub(r"\A(?:status:\s*)?(?:100\s?%\s*)?", "", said)))


def says_done(text: str) -> bool:
    """Whether the value of a status field (`Complete`, `✅ Done`) says that the work is done."""
    if any(char in DONE_SIGNS for char in text[:4]):
        return True
    return _says_done(fold("".join(char for char in text if not _is_sign(char))).strip(" *_[]()"))


def is_time(text: str) -> bool:
    """Whether *text* is a duration or a time and nothing else."""
    return _is_time(fold(text).strip())


def _is_time(folded: str) -> bool:
    found = _TIMED.match(folded)
    return found is not None and found["whole"] is not None


def is_status(text: str) -> bool:
    """Whether *text* says how far the work is, and nothing else (`✅ Done`, `In progress`)."""
    return bool(_IS_STATUS.match(fold("".join(char for char in text if not _is_sign(char))).strip(" :")))


def _is_sign(char: str) -> bool:
    """Emoji and what joins them; not letters, digits or punctuation of any script."""
    return ord(char) > LATIN and (
        unicodedata.category(char) in ("So", "Sk", "Cs", "Cn", "Co") or char in "\ufe0f\u200d\u20e3✓✔"
    )
