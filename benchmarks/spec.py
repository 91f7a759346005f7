"""Measures how fast a large specification is read, against a bare parse of the same text by the library beneath.

    python3 benchmarks/spec.py [--rounds 12] [--json FILE] [--table FILE]

`fermata spec lint` on 130 KB, launcher included, in milliseconds of processor time (what one waits for on an idle
machine; it stays the same on a busy one), as a ratio to a process that imports markdown-it and parses that text, and its
greatest memory. Exit code 0: every target holds; 8: one does not.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from figures import Row, options, report
from project import ROOT

SIZE = 130_000
TARGET_MS, TARGET_RATIO, TARGET_MB = 300.0, 3.0, 120.0
PARSE = (
    "import sys; from markdown_it import MarkdownIt; "
    "MarkdownIt('commonmark').enable('table').parse(open(sys.argv[1], encoding='utf-8').read())"
)
PHASE = """### Phase {n}: Part {n} of the importer (2 days)

Modules: reader{n}, writer{n}

- [ ] Read the file that a spreadsheet wrote, in `src/part{n}/reader.py`, and say where it is wrong
- [ ] Write it back **as it was**, see [the notes](docs/notes.md#part-{n})

Test Command: pytest -q tests/test_part{n}.py

Success Criteria:
- Every example file is read, and what is wrong in it is told with its line
- `pytest -q` passes

This phase depends on Phase {before}. It changes nothing that an earlier one made, and what it leaves open stands in the
notes; whoever goes on finds there what was tried, and why it was not kept.

| file | what |
|------|------|
| `src/part{n}/reader.py` | reads |
| `src/part{n}/writer.py` | writes |

"""


def specification(path: Path) -> Path:
    """A document of SIZE bytes with as many phases as that holds."""
    text, number = "# Importer\n\n## Implementation Phases\n\n", 0
    while len(text) < SIZE:
        number += 1
        text += PHASE.format(n=number, before=max(1, number - 1))
    path.write_text(text)
    return path


def spent(command: list[str], folder: Path) -> tuple[float, float]:
    """Milliseconds of processor time, and the most memory in MB, of *command* and all it started."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("CLAUDE")}
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 8), command
    scale = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes here
    return (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss / scale


def measure(folder: Path, rounds: int) -> list[Row]:
    path = specification(folder / "SPEC.md")
    launcher = str(ROOT / "scripts" / "fermata")
    calls = {
        "version": [launcher, "version"],
        "lint": [launcher, "spec", "lint", str(path)],
        "parse": [sys.executable, "-c", PARSE, str(path)],
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(rounds + 1):
        for name, command in calls.items():
            found[name].append(spent(command, folder))
    middle = {name: statistics.median(ms for ms, _ in rows[1:]) for name, rows in found.items()}
    memory = max(megabytes for _, megabytes in found["lint"])
    own = [lint[0] - version[0] for lint, version in zip(found["lint"][1:], found["version"][1:], strict=True)]
    floor = [lint[0] / parse[0] for lint, parse in zip(found["lint"][1:], found["parse"][1:], strict=True)]
    return [
        Row("a command that reads nothing (`version`)", middle["version"], None, "ms of CPU"),
        Row("`spec lint` on 130 KB", middle["lint"], None, "ms of CPU"),
        Row("`spec lint` on 130 KB, less that command", statistics.median(own), TARGET_MS, "ms of CPU"),
        Row("`spec lint` on 130 KB against a process that parses it", statistics.median(floor), TARGET_RATIO, "x"),
        Row("its greatest memory", memory, TARGET_MB, "MB"),
    ]


if __name__ == "__main__":
    given = options(__doc__, rounds=12).parse_args()
    sys.exit(report(given, lambda folder: measure(folder, given.rounds)))
