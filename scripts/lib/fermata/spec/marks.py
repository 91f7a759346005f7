"""Which blocks of a document may open a phase, each by itself: how it would be counted, and under which headings it stands.

Whether they are phases is decided in `lists`, which sees them together.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .blocks import Block
from .labels import label_of
from .status import LEADER, is_status, is_time
from .titles import KNOWN, STRONG, TASKS, VERSIONS, Title, read_title, unnumbered
from .words import FRAME, PHASES_HEADING, PHASES_WORDS, PLAN_WORDS, fold

WAITS = re.compile(
    r"(?<!\w)(?:depends on|dependencies|blocked by|requires|hangt ab von|abhangig von|depend de|depende de)\s*[:：]"
)
ORDER = re.compile(
    r"(?<!\w)(?:implementation|build|execution|delivery|migration|development) (?:order|sequence)(?!\w)|reihenfolge"
    r"|orden de implementacion|ordem de implementacao|ordre d.implementation|实施顺序|実装順序|구현 순서"
)
STEPS = (
    KNOWN - STRONG - TASKS - VERSIONS - {"week", "day", "woche", "semaine", "semana"}
)  # a column of these counts work
PART = re.compile(r"\d{1,2}\.\d{1,2}\.?\s")
LETTERS = re.compile(r"[^\W\d_]{2}")
MAX_LINE, MAX_NAME, LEAST = 160, 100, 2


class Mark(NamedTuple):
    """A block that may open a phase. `parents`: the places of the headings above it, outermost first."""

    at: int
    kind: str
    level: int
    title: Title
    parents: tuple[int, ...]


def _paths(blocks: list[Block]) -> list[tuple[int, ...]]:
    """For each block the headings above it."""
    stack: list[int] = []
    paths = []
    for at, block in enumerate(blocks):
        if block.kind == "heading":
            while stack and blocks[stack[-1]].level >= block.level:
                stack.pop()
        paths.append(tuple(stack))
        if block.kind == "heading":
            stack.append(at)
    return paths


def find_marks(blocks: list[Block]) -> list[Mark]:
    """In the order of the document."""
    paths = _paths(blocks)
    found = []
    parted = any(block.checked is not None and block.level > 1 and PART.match(block.text) for block in blocks)
    for at, block in enumerate(blocks):
        above = blocks[paths[at][-1]] if paths[at] else None
        under = fold(above.text).replace("_", " ") if above else ""
        kind, title = _opens(block, under, section=above is not None and above.level > 1)
        if title is None and parted and block.checked is not None and block.level == 1:
            title = _task_title(block)
        if title and title.word in TASKS | VERSIONS and kind not in ("heading", "bold"):
            continue
        if title and _counts(title.word, under):
            level = block.level if kind in ("heading", "item", "row") else 0
            found.append(Mark(at, kind, level, title, paths[at]))
    return found


def _task_title(block: Block) -> Title | None:
    """`- [ ] 2. Crane`, in a document whose tasks have parts: `- [ ] 2.1 …`."""
    title = read_title(block.text, bare=True) if block.text[:1].isdigit() else None
    return title._replace(name=title.title) if title and not title.word else None


def _counts(word: str, under: str) -> bool:
    """Whether a code of a single letter (`S1`) counts phases below the heading *under*: it may count priorities, risks, decisions."""
    if len(word) != 1 or word in "mv" or not word.isascii():
        return True
    return bool(PHASES_WORDS.search(under) or (word in "eistw" and PLAN_WORDS.search(under)))


def _opens(block: Block, under: str, *, section: bool) -> tuple[str, Title | None]:
    """How *block* could open a phase, and its title.

    Args:
        block: any.
        under: the nearest heading, folded.
        section: it is not the document's own title: there `1. Overview` numbers the document's sections.
    """
    planned = section and bool(PLAN_WORDS.search(under))
    if block.kind == "heading":
        title = read_title(block.text, bare=planned or not section, tail=True)
        return "heading", title or _marked(block.text) or (_unnumbered(block.text, under) if section else None)
    if block.kind == "summary":
        return "summary", read_title(block.text)
    if block.kind == "row":
        return "row", _row_title(block, under)
    if block.kind == "item":
        return "item", _line_title(block) or _item_title(block, under)
    if block.kind == "text" and block.level == 0:
        return ("bold" if block.bold else "text"), _line_title(block)
    return "", None


def _unnumbered(text: str, under: str) -> Title | None:
    """`### Foundation` right under `## Milestones`."""
    if not PHASES_HEADING.match(under.strip()) or label_of(text) or FRAME.match(fold(text)):
        return None
    return unnumbered(text)


def _marked(text: str) -> Title | None:
    """`### TODO: Crane`."""
    return unnumbered(text) if LEADER.match(text) else None


def _line_title(block: Block) -> Title | None:
    """A line that begins with bold words or is short; a sentence that mentions a phase opens none."""
    line = block.text.partition("\n")[0]
    if block.bold:
        bold = read_title(block.bold.rstrip(":：."))
        if bold and (bold.title or len(line) <= len(block.bold) + 2):
            whole = read_title(line) if len(line) < len(block.bold) + 30 else None
            return bold._replace(done=whole.done, timed=whole.timed) if whole else bold
        return read_title(line) if bold else None
    title = read_title(line) if len(line) <= MAX_LINE else None
    if title is None or (
        block.kind == "text" and ("." in title.name[:-1].replace(title.number, "") or not line[0].isupper())
    ):
        return None
    return title


def _item_title(block: Block, under: str) -> Title | None:
    """`1. **Foundation**` in an ordered list under a heading that speaks of phases, or that plans where each says what it waits for."""
    waits = bool(PLAN_WORDS.search(under)) and WAITS.search(fold(block.text))
    if not block.ordered or block.level != 1 or not (waits or PHASES_WORDS.search(under) or ORDER.search(under)):
        return None
    words = block.bold.rstrip(":：") if block.bold else block.text.partition("\n")[0]
    if waits:
        words = re.split(r"[:：](?:\s|\Z)|[.;]\s", words, maxsplit=1)[0]
    title = read_title(f"{block.ordered} {words}", bare=True)
    return title._replace(name=title.title) if title else None


def _row_title(block: Block, under: str) -> Title | None:
    """`| Phase 1 | Foundation | … |`, or `| 1 | Foundation |` in a column that is called Phase."""
    if not block.cells:
        return None
    first, head = block.cells[0].text, fold(block.heads[0]) if block.heads else ""
    word = head.strip("# ")
    beside = fold(block.heads[1]).strip() if len(block.heads) > 1 else ""
    rest = _name_beside(block)
    if head in NUMBER_HEADS and beside in STRONG:
        word = beside
    counted = (
        word in STRONG
        or (word in STEPS and bool(PLAN_WORDS.search(under)))
        or (head in NUMBER_HEADS and bool(PHASES_WORDS.search(under) or ORDER.search(under)))
    )
    title = read_title(first, bare=counted)
    if title is None and counted and re.fullmatch(r"\d{1,2}[a-z]?", fold(first).strip()):
        title = read_title(f"{word if word in KNOWN else 'phase'} {first}".capitalize())
    if title is None and head.strip() in STRONG and LEAST < len(first) < MAX_NAME:
        return _unnumbered(first, "phases")
    if title and not title.title and len(rest) < MAX_NAME and LETTERS.search(rest):
        return read_title(f"{title.name}: {rest}") or title
    return title


TIME_HEADS = re.compile(
    r"(?:due|due date|date|target|target date|weeks?|when|deadline|duration|timeline|time|dauer|fecha|data"
    r"|duracion|duree|duracao|durata|sure|сроки?|期限|期間|时间|周期|기간)\Z"
)
NUMBER_HEADS = ("#", "n", "no", "no.", "nr", "nr.", "id", "order", "순서", "顺序", "順序", "順番")
# What a column beside the numbers may say that names nothing.
FACT_HEADS = re.compile(
    r"(?:status|state|progress|done|owner|who|assignee|agent|priority|effort|estimates?|estimation|size|points|cost|risk|depends?(?: on)?"
    r"|dependenc(?:y|ies)|blocked by|after|count|tasks? count|#.*|%.*|estado|dono|prioridad|prioridade|esfuerzo|esforco|etat|statut"
    r"|priorite|abhangig\w*|stand|aufwand|状态|進捗|状態|负责人|优先级|依赖|工期|상태|담당|우선순위|의존)\Z"
)


def _name_beside(block: Block) -> str:
    """What stands in the second column of a row, or in the third where the second holds times; empty where that is no name."""
    for head, cell in list(zip(block.heads, block.cells, strict=False))[1:3]:
        plain = fold(head).strip()
        if not (TIME_HEADS.match(plain) or is_time(cell.text)):
            return "" if FACT_HEADS.match(plain) or is_status(cell.text) else cell.text
    return ""
