"""Which phases a phase depends on: by a field, a sentence or a graph of the document. What it does not say is left open.

A mention counts where it names a phase of this document by number or name. "Each after the one before" is a default of
whoever carries the phases out and is not made up here.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from .blocks import Block
from .fields import Reading, Said
from .problems import finding, shown
from .records import Finding, Phase
from .references import Index
from .words import fold

VERB = re.compile(
    r"(?<!\w)(?:depends?(?: up)?on|depends? (?:up)?on|dependent on|depending on|requires?|blocked (?:by|on|until)|builds? (?:up)?on|after|following|follows|needs"
    r"|prerequisites?|pre-requisites?|gated (?:on|by)|waits? (?:for|on)|hangt (?:von|ab von)|abhangig von|setzt|nach|benotigt|depend de|dependent de|apres|necessite|depende de|dependen de|dependem de"
    r"|requiere|despues de|tras|depois de|apos|requer)(?!\w)|依赖于?|依賴於?|依存|前提|之后|以后|完成后"
)
NOTHING = re.compile(
    r"(?<!\w)(?:no (?:\w+ )?(?:dependenc|prerequisit|depend)\w*|none|nothing|standalone|independent|can (?:start|begin) (?:immediately|at once|any ?time)|start(?:s)? immediately"
    r"|without dependencies|keine\w*|unabhangig|aucune?|ninguna?|nenhuma?|independiente|independente)(?!\w)|无依赖|无|なし|無し"
)
NOT = re.compile(r"(?:\bnot?|n't|\bnever|\bnicht|\bno longer|\bindependent\w*)\s+(?:\w+\s+){0,2}\Z")
PARALLEL = re.compile(
    r"in parallel (?:with|to)|parallel (?:with|to|zu)|parallele?ly with|alongside|concurrent(?:ly)? with|simultaneously with|en parallele (?:de|avec|a)|en paralelo con|em paralelo com|与.{0,12}并行|並行"
)
STOP = re.compile(r"[.;!?](?:\s|\Z)|\s(?:but|blocks|and can|can (?:be|run|start)|before|unblocks|enables)\s|。|；")
ARROW = re.compile(r"\s*(?:-+(?:\|[^|]*\||\.)?-*>|=+>|-\.->|→|⟶|➜|➔|──*[>►▶→]|[►▶])(?:\|[^|]*\|)?\s*")
NODE = re.compile(r"(?<!\w)(\w{1,30})\s*(?:\[+|\(+|\{+|>)\s*\"?([^\]\)\}\"\n]{1,120})")
DOWN = frozenset("↓▼⬇│|v\\/ \t┃┆")
MAX_SENTENCE = 140
FIELD, SENTENCE, GRAPH = 1.0, 0.7, 0.6


class _Found:
    """What was said of each phase, the surest source first."""

    def __init__(self, size: int) -> None:
        self.said: list[dict[float, tuple[list[int], int]]] = [{} for _ in range(size)]

    def add(self, place: int, on: list[int], sure: float, line: int) -> None:
        known, first = self.said[place].get(sure, ([], line))
        self.said[place][sure] = (
            list(dict.fromkeys([*known, *(other for other in on if other != place or sure == FIELD)])),
            first,
        )


def read_dependencies(readings: list[Reading], blocks: list[Block], taken: list[tuple[int, int]]) -> list[Finding]:
    """Set `depends_on` and `depends_said` of every phase; what is wrong with what the document says.

    Args:
        taken: the blocks of each phase, from and up to. All others are outside of the phases.
    """
    phases = [reading.phase for reading in readings]
    index, found = Index(phases), _Found(len(phases))
    wrong: list[Finding] = []
    parallel: list[tuple[int, list[int], int]] = []
    for place, reading in enumerate(readings):
        for said in reading.said:
            if said.field:
                wrong += _field(place, said, phases, index, found)
            else:
                _sentences(said.text, place, index, found, parallel, said.line)
    inside = {at for first, end in taken for at in range(first, end)}
    for at, block in enumerate(blocks):
        if block.kind == "code":
            _graph(block, index, found)
        elif at not in inside and block.kind in ("text", "item", "row"):
            _outside(block, index, found, parallel)
    for place, beside, line in parallel:
        _beside(place, beside, found, line)
    _settle(phases, found)
    return [*wrong, *_cycles(phases)]


def _field(place: int, said: Said, phases: list[Phase], index: Index, found: _Found) -> list[Finding]:
    phase, named = phases[place], index.listed(said.text)
    if named.known or NOTHING.search(fold(said.text)):
        found.add(place, named.known, FIELD, said.line)
    if named.unknown:
        message = f"it depends on `{shown(said.text)}`, but there is no phase {shown(', '.join(named.unknown))}; name one of this document"
        return [finding(said.line, "depends_on", phase["name"], message)]
    if not named.known:
        near = (
            get_close_matches(" ".join(fold(said.text).split()), list(index.names)[:500], 1, 0.8)
            if len(said.text) < 120
            else []
        )
        if near:
            meant = phases[index.names[near[0]]]["name"]
            return [
                finding(
                    said.line,
                    "depends_on",
                    phase["name"],
                    f"it depends on `{shown(said.text)}`, which is no phase; did you mean `{shown(meant)}`?",
                )
            ]
    return []


def _sentences(
    text: str, place: int, index: Index, found: _Found, parallel: list[tuple[int, list[int], int]], line: int
) -> None:
    """Sentences of a phase's own text; one that begins with another phase speaks of that one."""
    folded = fold(text)
    for match in VERB.finditer(folded):
        if NOT.search(folded[: match.start()][-40:]):
            continue
        before, on = index.named(text[: match.start()]), index.named(_rest(text, folded, match.end()))
        if on.known and on.start < 40:
            for subject in before.known or [place]:
                found.add(subject, on.known, SENTENCE, line)
    beside = PARALLEL.search(folded)
    if beside:
        on = index.named(_rest(text, folded, beside.end()))
        if on.known:
            parallel.append((place, on.known, line))


def _rest(text: str, folded: str, start: int) -> str:
    stop = STOP.search(folded, start, start + MAX_SENTENCE)
    return text[start : stop.start() if stop else start + MAX_SENTENCE]


def _outside(block: Block, index: Index, found: _Found, parallel: list[tuple[int, list[int], int]]) -> None:
    for number, line in enumerate(block.text.split("\n")):
        folded = fold(line)
        at = min(block.first + number, block.last)
        if len(folded) > 2_000:
            continue
        _arrows(line, index, found, at)
        verb = VERB.search(folded)
        free = NOTHING.search(folded)
        beside = PARALLEL.search(folded)
        if not (verb or free or beside):
            continue
        end = min(m.start() for m in (verb, free, beside) if m)
        subjects = index.named(line[:end]).known
        label = re.split(r"[:：(]", line, maxsplit=1)[0]
        named = index.called(label.strip("*- "))
        subjects = subjects or ([named] if named is not None else [])
        for subject in subjects[:50]:
            if free and free.start() == end and not re.match(r"\s*(?:of|on)\s", folded[free.end() :]):
                found.add(subject, [], SENTENCE, at)
            elif verb and verb.start() == end and not NOT.search(folded[: verb.start()][-40:]):
                on = index.named(_rest(line, folded, verb.end())).known
                if on:
                    found.add(subject, on, SENTENCE, at)
        if beside and subjects:
            others = index.named(_rest(line, folded, beside.end())).known
            parallel += [(subject, others, at) for subject in subjects[:50] if others]


def _arrows(line: str, index: Index, found: _Found, at: int) -> None:
    """`Phase 1 → Phase 2 → Phase 3` in a line of text: nothing but phases between the arrows."""
    pieces = ARROW.split(line) if ARROW.search(line) else []
    places = [index.named(piece) if len(piece) < 100 else None for piece in pieces]
    for before, after in zip(places, places[1:], strict=False):
        if before and after:
            for place in after.known:
                found.add(place, before.known, GRAPH, at)


def _graph(block: Block, index: Index, found: _Found) -> None:
    """A fence with arrows: Mermaid's nodes by their ids, drawn trees by their indentation, chains by arrows that point down."""
    if not re.search(r"->|→|=>|▼|↓|[─-][►▶>]|⟶", block.text) or len(block.text) > 20_000:
        return
    nodes: dict[str, list[int]] = {}
    for ident, label in NODE.findall(block.text):
        place = index.called(label)
        nodes[ident] = index.named(label).known or ([place] if place is not None else [])
    above: list[int] = []
    fallen = False  # an arrow that points down has come since `above`
    stack: list[tuple[int, list[int]]] = []
    for number, line in enumerate(block.text.split("\n"), block.first + 1):
        at = min(number, block.last)
        if line.strip() and set(line) <= DOWN:
            fallen = fallen or bool(set(line) & set("↓▼⬇v"))
            continue
        pieces = [_places(piece, nodes, index) for piece in ARROW.split(line)]
        for before, after in zip(pieces, pieces[1:], strict=False):
            for place in after:
                found.add(place, before, GRAPH, at) if before else None
        indent = len(line) - len(line.lstrip(" \t│|├└─+-`"))
        branch = bool(re.match(r"[\s│|]*[├└+`]", line))
        stack = [entry for entry in stack if entry[0] < indent]
        last = next((piece for piece in reversed(pieces) if piece), [])
        first = next((piece for piece in pieces if piece), [])
        if branch and stack and first:
            for place in first:
                found.add(place, stack[-1][1], GRAPH, at)
        elif fallen and above and first and not VERB.search(fold(line)):
            for place in first:
                found.add(place, above, GRAPH, at)
        if last:
            above, fallen = last, False
            stack.append((indent, last))


def _places(piece: str, nodes: dict[str, list[int]], index: Index) -> list[int]:
    verb = VERB.search(fold(piece))
    named = index.named(piece[: verb.start()] if verb else piece).known
    if named:
        return named
    found = []
    for word in re.split(r"[&,\s]+", re.sub(r"[\[({].*", "", piece.strip())):
        found += nodes.get(word, [])
        short = re.fullmatch(r"(?:phase|[pm])[-_]?(\d{1,3}[a-z]?)", fold(word))
        if not nodes.get(word) and short and short[1] in index.numbers:
            found.append(index.numbers[short[1]])
    return found


def _beside(place: int, others: list[int], found: _Found, line: int) -> None:
    """Beside other phases: not after them. It then depends on what they do, else on the phase before the first of them."""
    if SENTENCE in found.said[place] or FIELD in found.said[place]:
        return
    first = min([place, *others])
    known = next(
        (found.said[other][sure][0] for other in others for sure in (FIELD, SENTENCE) if sure in found.said[other]),
        None,
    )
    on = [p for p in known if p != place] if known is not None else ([first - 1] if first else [])
    found.add(place, on, 0.5, line)


def _settle(phases: list[Phase], found: _Found) -> None:
    for place, phase in enumerate(phases):
        said = found.said[place]
        for sure in (FIELD, SENTENCE, 0.5, GRAPH):
            if sure in said:
                on, line = said[sure]
                phase["depends_on"] = [phases[other]["name"] for other in sorted(on)]
                phase["depends_said"] = True
                known = phase["fields"].get("depends_on")
                lines = known["lines"] if known and sure == FIELD else [line, line]
                phase["fields"]["depends_on"] = {
                    "lines": lines,
                    "sure": min(sure, known["sure"]) if known and sure == FIELD else sure,
                }
                break


def _cycles(phases: list[Phase]) -> list[Finding]:
    """A problem for each phase that waits for itself, once per circle."""
    by_name = {phase["name"]: phase for phase in phases}
    done: set[str] = set()
    found = []
    for phase in phases:
        path: list[str] = []
        stack = [(phase["name"], iter(phase["depends_on"]))] if phase["name"] not in done else []
        path = [name for name, _ in stack]
        while stack:
            name, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                done.add(name)
                stack.pop()
                path.pop()
            elif following in path:
                circle = [*path[path.index(following) :], following]
                message = f"phases wait for each other: {shown(' → '.join(circle))}. Take one of these dependencies out"
                where = by_name[following]["fields"].get(
                    "depends_on", {"lines": by_name[following]["lines"], "sure": 1.0}
                )
                found.append(finding(where["lines"][0], "depends_on", following, message))
            elif following not in done and following in by_name:
                stack.append((following, iter(by_name[following]["depends_on"])))
                path.append(following)
    return found
