"""A specification as read, for a terminal and as JSON: its phases with their fields, then each gap and problem at its line."""

from __future__ import annotations

from ..core.consultation import line
from ..spec.records import FIELDS, fields_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.records import Json
    from ..spec.records import Finding, Phase, Spec

    Paint = Callable[[str, str], str]

NAMES = {
    "modules": "Modules",
    "tasks": "Tasks",
    "commands": "Test command",
    "criteria": "Success criteria",
    "depends_on": "Depends on",
    "gotchas": "Gotchas",
    "scope": "Scope",
    "files": "Files",
}
WIDTH = 18
MAX_SHOWN = 12
UNSURE = 0.7


def document(spec: Spec) -> Json:
    return {"title": spec.title, "phases": spec.phases, "gaps": spec.gaps, "problems": spec.problems}


def text(spec: Spec, path: str, paint: Paint) -> str:
    """Human lines. *paint* gives words the colour of their kind: name, good, bad, faint."""
    parts = [_phase(phase, paint) for phase in spec.phases]
    gaps = [_finding(path, gap, paint("gap", "faint")) for gap in spec.gaps]
    problems = [_finding(path, problem, paint("problem", "bad")) for problem in spec.problems]
    if gaps or problems:
        parts.append("\n".join([*gaps, *problems]))
    return "\n\n".join([*parts, _end(spec, paint)])


def _phase(phase: Phase, paint: Paint) -> str:
    first, last = phase["lines"]
    done = f"  {paint('done', 'good')}" if phase["done"] else ""
    rows = [f"{paint(line(phase['name'], 120), 'name')}  {paint(f'lines {first}-{last}', 'faint')}{done}"]
    for field in FIELDS:
        values = fields_of(phase)[field]
        known = phase["fields"].get(field)
        if not values and field == "depends_on" and phase["depends_said"]:
            values = ["nothing"]
        if values:
            unsure = f"  {paint('not sure', 'faint')}" if known and known["sure"] < UNSURE else ""
            rows += _rows(NAMES[field], values, unsure)
    return "\n".join(rows)


def _rows(name: str, values: list[str], unsure: str) -> list[str]:
    more = [f"… and {len(values) - MAX_SHOWN} more"] if len(values) > MAX_SHOWN else []
    shown = [*(line(value, 160) for value in values[:MAX_SHOWN]), *more]
    rows = [f"  {name.ljust(WIDTH)}{shown[0]}{unsure}"]
    return rows + [" " * (WIDTH + 2) + value for value in shown[1:]]


def _finding(path: str, finding: Finding, kind: str) -> str:
    where = f"{line(finding['phase'], 60)}: " if finding["phase"] else ""
    return f"{line(path, 300)}:{finding['line']}: {kind}: {where}{finding['message']}"


def _end(spec: Spec, paint: Paint) -> str:
    phases = _count(len(spec.phases), "phase")
    if spec.problems:
        return f"{phases}, {_count(len(spec.problems), 'problem')}: {paint('it cannot be carried out yet', 'bad')}."
    left = f", {_count(len(spec.gaps), 'gap')}" if spec.gaps else ""
    bare = sum(gap["field"] == "modules" for gap in spec.gaps)
    if bare:
        return f"{phases}{left}: {paint('nothing is wrong', 'good')}, but `/conduct` wants modules in each phase ({bare} without)."
    return f"{phases}{left}: {paint('it can be carried out', 'good')}."


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
