"""Figures with their bounds: one table on the screen, in a file or as JSON, and an exit code that says whether all hold.

Measures nothing itself.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Row(NamedTuple):
    """One figure: what, its value, the bound it must not pass (None: told for information), whether lower is better."""

    name: str
    value: float
    bound: float | None
    unit: str
    lower: bool = True

    @property
    def holds(self) -> bool | None:
        if self.bound is None:
            return None
        return self.value <= self.bound if self.lower else self.value >= self.bound


def options(purpose: str | None, rounds: int) -> argparse.ArgumentParser:
    """The words that every benchmark understands; *rounds* is its own default."""
    parser = argparse.ArgumentParser(description=purpose, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=rounds, help=f"rounds of each timing (default {rounds})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    parser.add_argument("--table", type=Path, metavar="FILE", help="also write the Markdown table to this file")
    return parser


def report(given: argparse.Namespace, measure: Callable[[Path], list[Row]]) -> int:
    """Measure in a throw-away folder and tell the figures. 0: every bound holds; 8: one does not."""
    folder = Path(tempfile.mkdtemp(prefix="fermata-bench-"))
    try:
        rows = measure(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(rows))
    if given.json:
        told = [{**row._asdict(), "holds": row.holds} for row in rows]
        given.json.write_text(json.dumps(told, indent=1) + "\n")
    if given.table:
        given.table.write_text(table(rows) + "\n")
    return 8 if any(row.holds is False for row in rows) else 0


def table(rows: list[Row]) -> str:
    """A Markdown table."""
    out = ["| figure | value | bound | |", "|---|---|---|---|"]
    for row in rows:
        bound = "" if row.bound is None else f"{'≤' if row.lower else '≥'} {row.bound:g}"
        held = {True: "holds", False: "**does not hold**", None: ""}[row.holds]
        out.append(f"| {row.name} | {row.value:.3g} {row.unit} | {bound} | {held} |")
    return "\n".join(out)
