"""Which phases a phase depends on: by a field, a sentence or a graph of the document. What it does not say is left open.

A mention counts where it names a phase of this document by number or name. "Each after the one before" is a default of
whoever carries the phases out and is not made up here.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from .blocks import Block
from .entries import Reading, Said
from .graphs import read_arrows, read_graph
from .labels import label_of
from .problems import finding, shown
from .records import Finding, Phase
from .references import BARE, Index
from .saying import FIELD, GRAPH, GUESS, NOTHING, PARALLEL, SENTENCE, STOP, VERB, Found
from .words import fold

NOT = re.compile(r"(?:\bnot?|n't|\bnever|\bnicht|\bno longer|\bindependent\w*)\s+(?:\w+\s+){0,2}\Z")
MAX_SENTENCE, MAX_LINE, MAX_NAME = 140, 2_000, 120
NEAR = 40  # characters between "depends on" and the phase it names, and before it where a "not" would stand


def read_dependencies(
    readings: list[Reading], blocks: list[Block], taken: list[tuple[int, int]], index: Index
) -> list[Finding]:
    """Set `depends_on` and `depends_said` of every phase; what is wrong with what the document says.

    Args:
        readings: of each phase.
        blocks: the document's.
        taken: the blocks of each phase, from and up to. All others are outside of the phases.
        index: of the phases.
    """
    phases = [reading.phase for reading in readings]
    found = Found(len(phases))
    wrong: list[Finding] = []
    for place, reading in enumerate(readings):
        for said in reading.said:
            if said.field:
                wrong += _field(place, said, phases, index, found)
            else:
                _sentences(said, place, index, found)
    inside = {at for first, end in taken for at in range(first, end)}
    for at, block in enumerate(blocks):
        if block.kind == "code":
            read_graph(block, index, found)
        elif at not in inside and block.kind in ("text", "item", "row"):
            _outside(block, index, found)
    for place, beside, line in found.beside:
        _beside(place, beside, found, line)
    _settle(phases, found)
    return [*wrong, *_cycles(phases)]


def _field(place: int, said: Said, phases: list[Phase], index: Index, found: Found) -> list[Finding]:
    phase, named = phases[place], index.listed(said.text)
    if named.known or NOTHING.search(fold(said.text)):
        found.add(place, named.known, FIELD, said.line)
    if named.unknown:
        message = f"it depends on `{shown(said.text)}`, but there is no phase {shown(', '.join(named.unknown))}; name one of this document"
        return [finding(said.line, "depends_on", phase["name"], message)]
    if not named.known:
        near = (
            get_close_matches(" ".join(fold(said.text).split()), list(index.names)[:500], 1, 0.8)
            if len(said.text) < MAX_NAME
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


def _sentences(said: Said, place: int, index: Index, found: Found) -> None:
    """Sentences of a phase's own text; one that begins with another phase speaks of that one."""
    text, line = said.text, said.line
    folded = fold(text)
    for match in VERB.finditer(folded):
        if NOT.search(folded[: match.start()][-NEAR:]):
            continue
        rest = _rest(text, folded, match.end())
        before, on = index.named(text[: match.start()]), index.named(rest)
        if on.start < 0 and rest.startswith((":", "：")):  # `Depends on: 2, 4.` at the end of a sentence
            numbers = rest[1:].strip(" *")
            on = index.listed(numbers) if BARE.match(numbers) else on
            if NOTHING.match(fold(numbers)):
                found.add(place, [], SENTENCE, line)
        if on.known and on.start < NEAR:
            for subject in before.known or [place]:
                found.add(subject, on.known, SENTENCE, line)
    beside = PARALLEL.search(folded)
    if beside:
        on = index.named(_rest(text, folded, beside.end()))
        if on.known:
            found.beside.append((place, on.known, line))


def _rest(text: str, folded: str, start: int) -> str:
    stop = STOP.search(folded, start, start + MAX_SENTENCE)
    return text[start : stop.start() if stop else start + MAX_SENTENCE]


def _row(block: Block, index: Index, found: Found) -> bool:
    """A row of an overview that says in a column of its own what a phase waits for; whether it has such a column."""
    heads = [label_of(head) for head in block.heads]
    column = next((at for at, label in enumerate(heads) if label and label.field == "depends_on"), 0)
    if not column or column >= len(block.cells):
        return False
    subjects = index.listed(block.cells[0].text).known
    text = block.cells[column].text.partition("(")[0]
    on = index.listed(text)
    if len(subjects) == 1 and not on.unknown and (on.known or NOTHING.search(fold(text))):
        found.add(subjects[0], on.known, SENTENCE, block.first)
    return True


def _outside(block: Block, index: Index, found: Found) -> None:
    """Lines outside of the phases that say something of one they name."""
    if block.kind == "row" and _row(block, index, found):
        return
    for number, line in enumerate(block.text.split("\n")):
        folded = fold(line)
        at = min(block.first + number, block.last)
        if len(folded) > MAX_LINE:
            continue
        read_arrows(line, index, found, at)
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
            elif verb and verb.start() == end and not NOT.search(folded[: verb.start()][-NEAR:]):
                on = index.named(_rest(line, folded, verb.end())).known
                if on:
                    found.add(subject, on, SENTENCE, at)
        if beside and subjects:
            others = index.named(_rest(line, folded, beside.end())).known
            found.beside += [(subject, others, at) for subject in subjects[:50] if others]


def _beside(place: int, others: list[int], found: Found, line: int) -> None:
    """Beside other phases: not after them. It then depends on what they do, else on the phase before the first of them."""
    if SENTENCE in found.said[place] or FIELD in found.said[place]:
        return
    first = min([place, *others])
    known = next(
        (found.said[other][sure][0] for other in others for sure in (FIELD, SENTENCE) if sure in found.said[other]),
        None,
    )
    on = [p for p in known if p != place] if known is not None else ([first - 1] if first else [])
    found.add(place, on, GUESS, line)


def _settle(phases: list[Phase], found: Found) -> None:
    for place, phase in enumerate(phases):
        said = found.said[place]
        for sure in (FIELD, SENTENCE, GUESS, GRAPH):
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
