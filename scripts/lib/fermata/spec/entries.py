"""The entries of a phase's fields as they come in: each with its lines and how sure it is. Decides nothing about labels."""

from __future__ import annotations

import re
from typing import NamedTuple

from .blocks import Block
from .names import name_error
from .paths import as_written, paths_in
from .records import MAX_ENTRIES, Phase, fields_of

MAX_ENTRY = 2_000
NONE = re.compile(
    r"(?:none|n/?a|nil|no|nothing|tbd|keine?|aucune?|ninguna?|nenhuma?|无|無|なし|[-–—]+)\.?\Z", re.IGNORECASE
)
ENTRY_FIELDS = ("tasks", "criteria", "gotchas")


class Said(NamedTuple):
    """What a phase says of its dependencies. `field`: under a label of its own, else in a sentence."""

    text: str
    line: int
    field: bool


class Reading(NamedTuple):
    phase: Phase
    said: list[Said]


class Entries:
    """Adds to the lists of one phase. `lines`: the document's."""

    def __init__(self, phase: Phase, lines: list[str]) -> None:
        self.phase, self.lines = phase, lines

    def add(self, field: str, value: str, first: int, last: int, sure: float) -> None:
        entries = fields_of(self.phase)[field]
        value = value.strip()[:MAX_ENTRY]
        again = field not in ENTRY_FIELDS and field != "modules" and value in entries
        if value and len(entries) < MAX_ENTRIES and not again:
            entries.append(value)
            self.mark(field, first, last, sure)

    def extend(self, field: str, text: str, line: int, sure: float) -> None:
        """A line that goes on with the entry before it."""
        entries = fields_of(self.phase)[field]
        if entries and len(entries[-1]) < MAX_ENTRY:
            entries[-1] = f"{entries[-1]} {text}"
            self.mark(field, line, line, sure)

    def drop_guesses(self) -> None:
        """Under another word than `Modules` (components, packages) only names are modules, not descriptions."""
        known = self.phase["fields"].get("modules")
        if known and known["sure"] < 1.0 and any(name_error(name) for name in self.phase["modules"]):
            self.phase["modules"] = []
            del self.phase["fields"]["modules"]

    def mark(self, field: str, first: int, last: int, sure: float) -> None:
        """That *field* stands on these lines too."""
        known = self.phase["fields"].get(field)
        if known:
            known["lines"] = [min(known["lines"][0], first), max(known["lines"][1], last)]
            known["sure"] = min(known["sure"], sure)
        else:
            self.phase["fields"][field] = {"lines": [first, last], "sure": sure}

    def source(self, first: int, last: int) -> str:
        return "\n".join(self.lines[first - 1 : last])

    def raw(self, text: str, line: int) -> str:
        """The source behind the label: `*` and `_` in a command are no emphasis."""
        source = self.lines[line - 1] if line <= len(self.lines) else text
        if "`" in source:
            at = source.find("`")
            return source[at:].strip() if at >= 0 else text
        _, colon, rest = source.partition(":")
        if colon and len(rest.strip()) >= len(text.strip()):
            return rest.strip().lstrip("*").strip()
        return text

    def paths(self, block: Block) -> None:
        if block.kind == "code":
            return
        found = paths_in(block.text, block.spans)
        for path in as_written(found, self.source(block.first, block.last)) if found else ():
            self.add("files", path, block.first, block.last, 0.7)


def spans_in(text: str, block: Block) -> tuple[str, ...]:
    """The code spans of *block* that stand in *text*, a part of it."""
    return tuple(span for span in block.spans if span in text)


def module_names(text: str, *, item: bool) -> list[str]:
    """`auth, billing`; of an item the name alone, not what is said about it."""
    if NONE.match(text.strip()):
        return []
    if item:
        text = re.split(r"\s+[-–—:(]|[:：]\s", text, maxsplit=1)[0]
    return [name.strip("`*\"'") for name in re.split(r"[,;、，]\s*", text) if name.strip("`*\"' ")]
