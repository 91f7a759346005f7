"""What a heading, a bold line, an item or a cell says as the title of a phase: its number, its name, whether it is done.

Says only what the words are. Whether they open a phase at all is decided by `lists`, which sees the whole document.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .status import Cleaned, clean_title
from .words import (
    CJK,
    CJK_DIGITS,
    CJK_WEAK,
    CJK_WORDS,
    NOT_TITLES,
    NUMBER_WORDS,
    PHASE_WORDS,
    TASK_WORDS,
    WEAK_PHASE_WORDS,
    fold,
    number_of,
)

MAX_TITLE = 200
CODE = 3  # letters of a code such as `CM0`
LEAST = 10  # characters of a title


class Title(NamedTuple):
    """`word` is what it is counted by, in small letters (`phase`); empty for a bare number. `weak`: counts much else too."""

    word: str
    number: str
    name: str
    title: str
    done: bool
    weak: bool
    timed: bool
    """Whether a duration or a status stood with it, as it does with work."""


def _alternatives(table: dict[str, tuple[str, ...]]) -> str:
    words = sorted({word for row in table.values() for word in row}, key=len, reverse=True)
    return "|".join(map(re.escape, words))


STRONG = frozenset(word for row in PHASE_WORDS.values() for word in row) | frozenset(CJK_WORDS)
TASKS = frozenset(word for row in TASK_WORDS.values() for word in row)
_WORDS = "|".join(map(_alternatives, (PHASE_WORDS, WEAK_PHASE_WORDS, TASK_WORDS)))
VERSIONS = frozenset(("v", "version "))
KNOWN = STRONG | TASKS | VERSIONS | {word for row in WEAK_PHASE_WORDS.values() for word in row}
_NAMED = "|".join(sorted(map(re.escape, NUMBER_WORDS), key=len, reverse=True))
_CJK = "|".join(map(re.escape, sorted(CJK_WORDS + CJK_WEAK, key=len, reverse=True)))
_HAN = "".join(CJK_DIGITS)
_COUNT = rf"(?:\d{{1,3}}(?:\.\d{{1,2}}){{0,2}}[a-z]?(?:\s?[-–+/&]\s?\d{{1,3}}[a-z]?)?\+?|[ivx]{{1,5}}|[a-z]|{_NAMED})"
_BEFORE = r"(?:\d{1,2}(?:\.\d{1,2}){0,3}[.)]?\s+|[ivx]{1,4}\.\s+|[a-z][.)]\s+|the\s+|[\u2e80-\uffff]\s+)?"
_AFTER = r"(?P<after>\s*(?:[:：.)\]|,、]|[-–—−~→·]|\()\s*|\s+|\Z)"
# Each is tried at the beginning of the folded text, in this order.
FORMS = (
    re.compile(
        rf"{_BEFORE}(?:\w{{2,20}}\s+)??(?P<word>{_WORDS})(?:\s+(?:n?[#°º]?\s*|[emps](?=\d))|[-_#]\s*)(?P<number>{_COUNT})(?![\w])"
        r"(?:\s+(?:of|von|sur|de|di|van)\s+\d{1,2}(?!\w))?"
        rf"{_AFTER}"
    ),
    re.compile(rf"{_BEFORE}(?P<word>{_WORDS})(?P<number>\d{{1,3}}[a-z]?)(?!\w){_AFTER}"),
    re.compile(
        rf"(?P<number>\d{{1,2}}(?:st|nd|rd|th|ere|re|eme|e|a|o|\.|ª|º)?|{_NAMED})[\s.]+(?P<word>{_WORDS})(?!\w)(?!\s+\d){_AFTER}"
    ),
    re.compile(
        rf"第\s*(?P<number>\d{{1,3}}|[{_HAN}]{{1,3}})\s*(?:个|個|の)?(?P<word>{_CJK})(?P<after>\s*[:：.、|,·（(\-–—]*\s*)"
    ),
    re.compile(r"(?P<number>\d{1,2})\s?(?P<word>단계|차 스프린트|주차)(?P<after>\s*[:：.|,(（\-–—]+\s*|\s+|\Z)"),
    re.compile(
        rf"(?P<word>{_CJK})\s*(?P<number>\d{{1,3}}(?:\.\d{{1,2}})?[a-z]?|[{_HAN}]{{1,3}}|[a-h](?![a-z]))(?P<after>\s*[:：.、|,·（(\-–—]*\s*)"
    ),
    re.compile(r"(?P<word>v|version )(?P<number>\d{1,3}(?:\.\d{1,3}){0,2})(?P<after>\s*[:：]\s*|\s+[-–—]+\s+)(?=\S)"),
    # A code of capitals counts: `Phase PWA: …`, `CM0 — …`; `_titled` looks that they are capitals.
    re.compile(rf"{_BEFORE}(?P<word>{_WORDS})\s+(?P<number>[a-z0-9]{{2,8}})(?P<after>\s*[:：]\s*|\s+[–—]\s+)"),
    re.compile(
        r"(?P<word>[a-uw-z](?=-?\d)|(?!(?:fr|nfr|us|uc|ac|adr|rfc|tc|sc|qa|br|rn|ca|id|no|v)[-.]?\d)[a-z]{2,3})"
        r"[-.]?(?P<number>\d{1,3}(?:\.\d{1,2})?[a-z]?)(?!\w)(?P<after>\s*[:：.)|]\s*|\s+[-–—]+\s+|\Z)"
    ),
)
TAIL = re.compile(
    rf".{{2,120}}[(\[]\s*(?P<word>{_WORDS})\s+(?P<number>{_COUNT})(?:\s+[-–—]\s+[^()\[\]]{{1,20}})?\s*[)\]]\s*\Z",
    re.DOTALL,
)
BARE = re.compile(r"(?P<word>)(?P<number>\d{1,2}(?:\s?[-–]\s?\d{1,2})?)(?P<after>[.):]\s+|\s+[-–—]\s+)(?=\S)")
# Whatever a title is counted by: most lines of a document hold none of it and are looked at no further.
COUNTED = re.compile(rf"{_WORDS}|{_CJK}|(?<!\w)(?:[a-z]{{1,3}}|version )[-.]?\d")
HEAD = 160
PARTICLES = (
    "の",
    "で",
    "から",
    "まで",
    "には",
    "に関",
    "的",
    "之后",
    "以后",
)  # what they join speaks of the phase before them


def read_title(text: str, *, bare: bool = False, tail: bool = False) -> Title | None:
    """The title of a phase that *text* is, or None. With *bare* also `1. Foundation`, with *tail* `Foundation (Phase 1)`."""
    line = text.partition("\n")[0].strip()
    if not line or len(line) > 4 * MAX_TITLE or not (bare or COUNTED.search(fold(line[:HEAD]))):
        return None
    cleaned = clean_title(line)
    folded = fold(cleaned.text)
    for form in (*FORMS, *((BARE,) if bare else ())):
        match = form.match(folded)
        if match:
            return _titled(cleaned, match)
    match = TAIL.match(folded) if tail else None
    return _tailed(cleaned, match) if match else None


def unnumbered(text: str) -> Title | None:
    """*text* as the title of a phase that nothing counts."""
    cleaned = clean_title(text.partition("\n")[0])
    name = _cut(cleaned.text.rstrip(":：-–—|").strip())
    return Title("", "", name, name, cleaned.done, True, cleaned.timed) if name else None


def _titled(cleaned: Cleaned, match: re.Match[str]) -> Title | None:
    after = match["after"]
    rest = cleaned.text[match.end() :].strip()
    word, number = match["word"], _number(match["number"])
    coded = cleaned.text[match.start("word" if len(word) <= CODE else "number") : match.end("number")]
    if not number and coded.isupper():
        number = match["number"]
    if (
        not number
        or (word.isascii() and 1 < len(word) <= CODE and word not in KNOWN and not coded.isupper())
        or _is_reference(word, number, after, rest)
    ):
        return None
    remark = re.match(r"[^()（）]*[)）]\s*[:：]\s*(?=\S)", rest) if "(" in after or "（" in after else None
    if remark:  # `Step 1 (at once): Rails`
        rest = rest[remark.end() :]
    elif "(" in after or "（" in after:
        rest = rest.rstrip(")） ") if rest.count("(") < rest.count(")") else rest
    start = 0
    if word:  # the number of a section before it is none of the phase's name
        head = re.match(_BEFORE, fold(cleaned.text))
        start = (
            head.end()
            if head and head.end() <= match.start("word") and match.start("number") > match.start("word")
            else 0
        )
    name = cleaned.text[start:].strip().rstrip(":：-–—|").strip()
    title = re.sub(r"\A[\s:：.\-–—|]+", "", rest).strip()
    return Title(word, number, _cut(name), _cut(title), cleaned.done, word not in STRONG, cleaned.timed)


def _tailed(cleaned: Cleaned, match: re.Match[str]) -> Title | None:
    """`Foundation (Phase 2)`."""
    word, number = match["word"], _number(match["number"])
    title = cleaned.text[: match.start("word")].rstrip("([ ").strip()
    if not number:
        return None
    return Title(word, number, _cut(cleaned.text), _cut(title), cleaned.done, word not in STRONG, cleaned.timed)


def _number(found: str) -> str:
    number = found.strip().rstrip("+")
    ordinal = re.match(r"(\d{1,2})(?:st|nd|rd|th|ere|re|eme|e|a|o|\.|ª|º)\Z", number)
    if ordinal and not number.endswith(("a", "e")):
        return ordinal[1]
    if re.fullmatch(r"[n-z]", number) and number not in "vx":
        return number
    return number_of(number) or (number if re.match(r"\d", number) else "")


def _is_reference(word: str, number: str, after: str, rest: str) -> bool:
    """Whether the words speak of a phase instead of opening one: `Phase 1 of the handshake`, `Phase 2 deliverables`."""
    first = re.match(r"[\w'’]+", fold(rest))
    said = first[0] if first else ""
    if not word:
        return not rest
    if after.strip():
        whole = fold(rest).strip(" :.")
        return (whole in NOT_TITLES and after.strip() not in (":", "：")) or (
            after.strip() == "," and rest[:1].islower()
        )
    if not rest:
        return word in ("m", "p", "s") and not number
    letter_only = number.isalpha() or (len(number) == 1 and not number.isdigit())
    return (
        rest.startswith(PARTICLES)
        or said in NOT_TITLES
        or letter_only
        or not (rest[0].isupper() or rest[0].isdigit() or ord(rest[0]) > CJK)
    )


def _cut(text: str) -> str:
    """A title of one line that does not go on for ever: up to its first sentence."""
    if len(text) <= MAX_TITLE // 2:
        return text
    end = re.search(r"[.;!?](?=\s)", text)
    cut = text[: end.start()] if end and end.start() >= LEAST else text
    return cut[:MAX_TITLE].rstrip()
