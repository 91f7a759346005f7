"""The fields of one phase, from the blocks that belong to it: what stands under a label, and the bullets under none (tasks).

Whether a value may be what it is (a module's name, a glob) is judged in `problems`; which phase a dependency means, in
`dependencies`.
"""

from __future__ import annotations

import re

from .blocks import Block
from .commands import SHELLS, criterion_commands, fenced_commands, line_commands
from .elsewhere import Section
from .entries import ENTRY_FIELDS, NONE, Entries, Reading, Said, module_names, spans_in
from .labels import BOLD_LABEL, NUMBERED, RUNS, Label, label_of
from .lists import Part
from .paths import as_written, listed_paths
from .records import Phase, new_phase
from .status import clean_title, says_done
from .words import fold


def read_phase(blocks: list[Block], part: Part, lines: list[str]) -> Reading:
    """The phase that *part* found. *lines*: the document's, for what markup would change."""
    inside = blocks[part.at + 1 : part.end]
    head = blocks[part.at]
    last = max([head.last, *(block.last for block in inside)])
    title = part.title
    phase = new_phase(title.name, title.number, title.title, [head.first, last])
    phase["done"] = title.done or head.checked is True
    reader = _Reader(phase, lines)
    reader.said.append(Said(head.text.partition("\n")[0], head.first, field=False))
    reader.open(head)
    for block in inside:
        reader.take(block)
    reader.drop_guesses()
    return Reading(phase, reader.said)


def read_section(phase: Phase, section: Section, lines: list[str]) -> None:
    """Add to *phase* what a section outside of it says."""
    reader = _Reader(phase, lines)
    reader.field, reader.sure = section.field, section.sure
    for block in section.inside:
        reader.take(block)


class _Reader(Entries):
    """Goes through the blocks of a phase and knows which field they are under.

    `field`: empty before any label, `other` under one that is none of ours. `depth`: of the item that is the label.
    """

    def __init__(self, phase: Phase, lines: list[str]) -> None:
        super().__init__(phase, lines)
        self.said: list[Said] = []
        self.field, self.sure, self.depth, self.top = "", 0.9, 0, 0
        self.outer: tuple[str, float, int] = ("", 0.9, 0)
        self.fresh = False  # nothing has come under the label yet
        self.told = False  # the value stood on the label's own line, so a list that follows is none of it

    def open(self, head: Block) -> None:
        """The block that opens the phase may hold fields itself: a row in its cells, a paragraph in its further lines."""
        if head.kind == "row":
            self._cells(head, skip=1)
        elif head.kind in ("text", "item"):
            rest = head.text.partition("\n")[2]
            if rest:
                self._lines(head, rest, head.first + 1)
        self.paths(head)

    def take(self, block: Block) -> None:
        self.paths(block)
        if block.kind == "heading":
            self._heading(block)
        elif block.kind == "item":
            self._item(block)
        elif block.kind in ("text", "summary"):
            self._lines(block, block.text, block.first)
        elif block.kind == "code":
            self._code(block)
        elif block.kind == "row":
            self._cells(block, skip=0)

    def _under(self, label: Label, depth: int) -> None:
        if depth and not self.depth:
            self.outer = (self.field, self.sure, self.top)
        self.field, self.sure, self.depth, self.top, self.fresh = label.field, label.sure, depth, 0, True
        self.told = bool(label.rest.strip()) and not depth and label.field not in ENTRY_FIELDS

    def _heading(self, block: Block) -> None:
        label = label_of(block.text)
        self.depth = 0
        if label:
            self._under(label, 0)
            if label.rest:
                self._value(label.rest, block, block.first)
            return
        self.field, self.sure, self.top, self.fresh, self.told = "", 0.7, 0, False, False
        if NUMBERED.match(fold(block.text)):
            self.add("tasks", clean_title(block.text).text, block.first, block.first, 0.8)
            self.field = "detail"

    def _lines(self, block: Block, text: str, first: int) -> None:
        """A paragraph: each of its lines may begin a field, what follows belongs to it."""
        if block.bold.endswith(".") and text.startswith(block.bold):  # a run-in heading: `**Done when.** It floats.`
            text = f"{block.bold[:-1]}: {text[len(block.bold) :]}"
        for number, line in enumerate(text.split("\n")):
            at = min(first + number, block.last)
            label = label_of(line)
            if label and (label.colon or (block.bold and number == 0) or line.strip() == block.bold):
                self._under(label, 0)
                if label.rest.strip():
                    self._value(label.rest, block, at)
            elif self.field in ENTRY_FIELDS and number and not self.fresh:
                self.extend(self.field, line.strip(), at, self.sure)
            elif self.fresh and self.field not in ("", "other", "detail"):
                self._value(line, block, at)
            else:
                self._prose(line, block, at, last=number == text.count("\n"))

    def _prose(self, line: str, block: Block, at: int, *, last: bool) -> None:
        self.said.append(Said(line, at, field=False))
        if block.level or not last:
            return
        before, self.field, self.sure, self.top = self.field, "", 0.7, 0
        if line.rstrip().endswith((":", "：")):
            if RUNS.search(fold(line)):
                self.field, self.sure, self.fresh = "commands", 0.6, True
                return
        elif before == "other" or block.bold:
            return
        self.field = before if before in ("other", "detail") else ""

    def _item(self, block: Block) -> None:
        if self.told:
            self.field, self.sure, self.top, self.told = "", 0.9, 0, False
        if self.depth and block.level <= self.depth:
            self.field, self.sure, self.top = self.outer
            self.depth = 0
        own, below = self._cut(block)
        self._labelled_item(own)
        if below:
            self.depth = 0
            self._lines(block._replace(first=own.last + 1, level=0, bold=""), below, own.last + 1)

    def _cut(self, block: Block) -> tuple[Block, str]:
        """A line at the margin that begins with a label is a field, although Markdown lets the item before it go on."""
        lines = block.text.split("\n")
        for number, line in enumerate(lines[1:], 1):
            at = block.first + number
            label = label_of(line)
            source = self.lines[at - 1] if at <= len(self.lines) else " "
            if not source[:1].isspace() and ((label and label.colon) or BOLD_LABEL.match(source)):
                return block._replace(text="\n".join(lines[:number]), last=at - 1), "\n".join(lines[number:])
        return block, ""

    def _labelled_item(self, block: Block) -> None:
        label = label_of(block.text)
        if label and self._is_label(label, block):
            below = bool(self.top) and block.level > self.top  # of that item it may say much: `Module: ESNext`
            self._under(label._replace(sure=min(label.sure, 0.9)) if below else label, block.level)
            if label.rest.strip():
                self._value(label.rest, block, block.first)
            return
        if not block.text.strip():
            return
        if block.checked is not None and self.field in ("files", "scope", "other"):
            self.field, self.sure, self.top = "", 0.8, 0
        self.top = self.top or block.level
        if block.level > self.top:
            self.said.append(Said(block.text, block.first, field=False))
            if self.field != "commands" or not block.spans:
                return
        self._value(block.text, block, block.first, item=True)

    def _is_label(self, label: Label, block: Block) -> bool:
        """Inside a list of tasks or criteria `Tests: …` is one of them, unless it is set in bold or is the canonical word."""
        if not (label.colon or (block.bold and len(block.bold) + 2 >= len(block.text))):
            return False
        if block.checked is not None or (block.ordered and self.field == "tasks" and not label.colon):
            return False
        return self.field in ("", "other", "detail") or bool(block.bold) or label.sure == 1.0

    def _value(self, text: str, block: Block, line: int, *, item: bool = False) -> None:
        """One value of the field on hand."""
        field, self.fresh = self.field or ("tasks" if item else ""), False
        last = line if not item else block.last
        if field == "status":
            self.phase["done"] = self.phase["done"] or says_done(text)
        elif field == "depends_on":
            self.said.append(Said(text, line, field=True))
            self.mark(field, line, last, self.sure)
        elif field == "commands" and not NONE.match(text.strip()):
            spans = spans_in(text, block)
            for command in line_commands(self.raw(text, line), spans, sure=self.sure == 1.0):
                self.add(field, command, line, last, self.sure)
        elif field in ("scope", "files"):
            for path in as_written(listed_paths(text, spans_in(text, block)), self.source(line, last)):
                self.add(field, path, line, last, self.sure)
        elif field == "modules":
            for name in module_names(text, item=item):
                self.add(field, name, line, last, self.sure)
        elif field in ENTRY_FIELDS and not NONE.match(text.strip()):
            self._entry(field, " ".join(text.split()), block, line, last)

    def _entry(self, field: str, text: str, block: Block, line: int, last: int) -> None:
        self.add(field, text, line, last, self.sure if block.checked is None else max(self.sure, 0.8))
        if field == "criteria":
            for command in criterion_commands(text, spans_in(text, block)):
                self.add("commands", command, line, last, 0.7)

    def _code(self, block: Block) -> None:
        if self.field in ("commands", "criteria"):
            for command in fenced_commands(block.text, block.info):
                self.add("commands", command, block.first, block.last, min(self.sure, 0.9))
            if (
                self.field == "criteria"
                and block.info not in SHELLS - {"fence", "code_"}
                and block.info in ("text", "txt")
            ):
                for line in block.text.split("\n"):
                    self.add("criteria", line.strip(" -*"), block.first, block.last, self.sure)
        elif self.field in ("scope", "files", "tasks") and block.info in ("text", "txt", "fence", "code_"):
            for number, line in enumerate(block.text.split("\n"), block.first + 1):
                if self.field == "tasks":
                    self.add("tasks", line.strip(" -*"), number, number, 0.6)
                else:
                    for path in listed_paths(line, ()):
                        self.add(self.field, path, number, number, self.sure)
        self.fresh = False

    def _cells(self, block: Block, skip: int) -> None:
        """A row: each cell under a heading that is a label belongs to that field."""
        for cell, head in zip(block.cells[skip:], block.heads[skip:], strict=False):
            label = label_of(head)
            if not label or label.field == "other" or not cell.text.strip():
                continue
            kept = (self.field, self.sure, self.depth, self.top, self.fresh)
            self.field, self.sure = label.field, 0.7
            for value in re.split(r"\n|;\s+", cell.text):
                self._value(value, cell, block.first)
            self.field, self.sure, self.depth, self.top, self.fresh = kept
