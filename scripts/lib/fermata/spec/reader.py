"""A specification's text in, its phases out. The one door to this package's readers; touches no file."""

from __future__ import annotations

from ..core.uncollected import Uncollected
from .blocks import read_blocks
from .dependencies import read_dependencies
from .elsewhere import sections_elsewhere
from .fields import read_phase, read_section
from .lists import find_phases
from .problems import find_gaps, find_problems
from .records import Spec
from .references import Index

BOM = "\ufeff"


def read_spec(text: str) -> Spec:
    """What *text* says about implementation phases. Never raises: a text without any has a problem that says so."""
    with Uncollected():
        return _read(text)


def _read(text: str) -> Spec:
    text = text.removeprefix(BOM).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    lines = text.split("\n")
    blocks = read_blocks(text)
    found = find_phases(blocks)
    readings = [read_phase(blocks, part, lines) for part in found.parts]
    phases = [reading.phase for reading in readings]
    taken = [(part.at, part.end) for part in found.parts]
    index = Index(phases)
    for section in sections_elsewhere(blocks, index, taken):
        read_section(phases[section.place], section, lines)
    wrong = read_dependencies(readings, blocks, taken, index)
    title = next((block.text for block in blocks if block.kind == "heading" and block.level == 1), "")
    problems = sorted([*find_problems(phases, lines), *wrong], key=lambda problem: problem["line"])
    return Spec(title, phases, find_gaps(phases, blocks, found.others), problems)
