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
BOX = re.compile(r"\s*\[([ xX✓✔~])\]\s*")
SIGN = "\N{OBJECT REPLACEMENT CHARACTER}"
_LATER = re.compile(r"(?:future|later|backlog|stretch|optional)[\s.!]*\Z")  # a status only behind a sign
DONE_SIGNS = frozenset("✅✔☑✓🏁")
OPEN_SIGNS = frozenset("⬜☐⏳🚧🔄🔜📋⏸❌🔲🟡🔴🟢⭕🔵")
_STATUS = rf"(?:{'|'.join(map(re.escape, sorted(STATUS_WORDS, key=len, reverse=True)))})"
_DONE = re.compile(rf"(?:{'|'.join(map(re.escape, sorted(DONE_WORDS, key=len, reverse=True)))})(?!\w)")
_TIME = rf"(?:{DURATION_WORDS})"
_IS_STATUS = re.compile(
    rf"(?:status:\s*)?{_STATUS}(?:[\s,;:.!—–-]+(?:{_STATUS}|on|as|of|in|at|by|pr|[0-9a-f]{{7,40}}|v?[\d./#-]+|{_TIME}))*[\s.!]*\Z"
)
_IS_TIME = re.compile(
    rf"(?:est(?:imated)?\.?|duration|effort|timeline|timebox|target|due|dauer|duree|duracion|duracao)?[:.\s]*"
    rf"(?:{_TIME}|~|≈|about|approx\.?|ca\.?|up to|[\s,;:/+&.–—-]|to|of|in|and|a|bis|\d+(?:[.,]\d+)?)*{_TIME}[\w\s,/.–—+-]{{0,24}}\Z"
)
BRACKETED = re.compile(r"\s*(?:\(([^()]{1,80})\)|\[([^\[\]]{1,80})\]|（([^（）]{1,60})）)\s*")
TRAILERS = (re.compile(r"\s+[-–—|·:]+\s+([^-–—|]{2,40})\Z"), re.compile(r":\s*([^:]{2,30})\Z"))


class Cleaned(NamedTuple):
    text: str
    done: bool
    timed: bool


def clean_title(text: str) -> Cleaned:
    """*text* without marks of status, durations, anchors, emoji."""
    text = ANCHOR.sub("", text)
    done = any(char in DONE_SIGNS for char in text)
    timed = done or any(char in OPEN_SIGNS for char in text)
    while box := BOX.match(text):
        done, timed, text = done or box[1] in "xX✓✔", True, text[box.end() :]
    text, after = _without_signs(text.replace("~~", "").replace("**", ""))
    done, timed = done or _says_done(after), timed or bool(after)
    text, found = _without_brackets(text)
    done, timed = done or any(map(_says_done, found)), timed or bool(found)
    for form in TRAILERS:
        trailer = form.search(text)
        said = fold(trailer[1]).strip() if trailer else ""
        if trailer and text[: trailer.start()].strip() and (_IS_STATUS.match(said) or _IS_TIME.match(said)):
            done, timed, text = done or _says_done(said), True, text[: trailer.start()]
    bare = re.search(r"(?<=\w)\s+(COMPLETED?|DONE|FINISHED|SHIPPED)\s*\Z", text)
    if bare:
        done, timed, text = True, True, text[: bare.start()]
    return Cleaned(re.sub(r"\s+", " ", text).strip(" \t\u3000").strip(), done, timed)


def _without_signs(text: str) -> tuple[str, str]:
    """*text* without emoji, and the status that followed the last of them (`✅ DONE`)."""
    if text.isascii():
        return text, ""
    marked = "".join(SIGN if _is_sign(char) else char for char in text)
    head, sign, tail = marked.rpartition(SIGN)
    after = fold(tail).strip(" -–—:")
    if not (sign and head.strip(f" {SIGN}") and (_IS_STATUS.match(after) or _LATER.match(after))):
        head, after = marked, ""
    bare = re.sub(rf"\s*{SIGN}+\s*(?=[:：,.;])", "", head)
    return re.sub(rf"\s*{SIGN}+\s*", " ", bare), after


def _without_brackets(text: str) -> tuple[str, list[str]]:
    found: list[str] = []

    def judge(match: re.Match[str]) -> str:
        said = fold(match[1] or match[2] or match[3]).strip(" *_~`")
        if _IS_STATUS.match(said) or _IS_TIME.match(said) or not said.strip():
            found.append(said)
            return " " if match.end() < len(text) and text[match.end()] not in ":：.,;" else ""
        return match[0]

    return BRACKETED.sub(judge, text), found


def _says_done(said: str) -> bool:
    return bool(_DONE.match(re.sub(r"\Astatus:\s*", "", said)))


def says_done(text: str) -> bool:
    """Whether the value of a status field (`Complete`, `✅ Done`) says that the work is done."""
    if any(char in DONE_SIGNS for char in text[:4]):
        return True
    return _says_done(fold("".join(char for char in text if not _is_sign(char))).strip(" *_[]()"))


def _is_sign(char: str) -> bool:
    """Emoji and what joins them; not letters, digits or punctuation of any script."""
    return ord(char) > LATIN and (
        unicodedata.category(char) in ("So", "Sk", "Cs", "Cn", "Co") or char in "\ufe0f\u200d\u20e3✓✔"
    )
