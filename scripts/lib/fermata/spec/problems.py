"""What keeps a specification from being carried out (problems), and what it leaves open (gaps). Each says where, and what to do.

`strict_problems` is for whoever is about to carry it out; `find_problems` for anybody who reads.
"""

from __future__ import annotations

from ..checks.command import CommandError, parse_command
from ..core.consultation import line as one_line
from ..core.scope import glob_error
from .blocks import Block
from .names import name_error, same_name
from .records import MAX_ENTRIES, Finding, Phase, Spec, fields_of

MAX_PHASES = 500
MAX_MODULES = 500
SHOWN = 80
FORM = "write them as `### Phase 1: Name` under `## Implementation Phases`"


def find_problems(phases: list[Phase], lines: list[str]) -> list[Finding]:
    """In the order of their lines. *lines* are the document's."""
    if not phases:
        return [_no_phases(lines)]
    found = [*_counts(phases), *_double_names(phases)]
    for phase in phases:
        found += [*_module_names(phase, lines), *_globs(phase, lines), *_files(phase, lines)]
        found += _commands(phase, lines)
    return sorted(found, key=lambda finding: finding["line"])


def find_gaps(phases: list[Phase], blocks: list[Block], others: list[int]) -> list[Finding]:
    """What is left open, but for phases that are done. *others*: the places of lists of phases that were not read."""
    found = [
        finding(
            blocks[at].first,
            "",
            "",
            f"here begins another list of phases, `{shown(blocks[at].text)}` first; it was not read. Keep one list",
        )
        for at in others
    ]
    for phase in phases:
        for field, missing in MISSING if not phase["done"] else ():
            if not phase.get(field):
                found.append(finding(phase["lines"][0], field, phase["name"], missing))
    return sorted(found, key=lambda gap: gap["line"])


MISSING = (
    ("modules", "no modules: add `Modules: NAME, NAME`, one for each part that an agent can work on by itself"),
    ("tasks", "no tasks: add a bullet for each thing to do"),
    ("commands", "no test command: add `Test Command: COMMAND`, one shell line that fails when the phase is not right"),
    ("criteria", "no success criteria: add `Success Criteria:` with a bullet for each thing that must be true"),
)


def strict_problems(spec: Spec) -> list[Finding]:
    """The problems of *spec* for whoever carries it out as it stands: a phase without modules is one too."""
    bare = [gap for gap in spec.gaps if gap["field"] == "modules"]
    return sorted([*spec.problems, *bare], key=lambda problem: problem["line"])


def finding(line: int, field: str, phase: str, message: str) -> Finding:
    return {"line": line, "field": field, "phase": phase, "message": message}


def shown(text: str) -> str:
    """*text* as a message may hold it: one line, nothing that moves a cursor."""
    return one_line(text, SHOWN)


def _no_phases(lines: list[str]) -> Finding:
    if not any(line.strip() for line in lines):
        return finding(1, "", "", f"the document is empty; it needs phases: {FORM}")
    return finding(1, "", "", f"no implementation phases were found; {FORM}")


def _counts(phases: list[Phase]) -> list[Finding]:
    found = []
    if len(phases) > MAX_PHASES:
        over = phases[MAX_PHASES]
        message = f"{len(phases)} phases; {MAX_PHASES} are the most. Split the document"
        found.append(finding(over["lines"][0], "", over["name"], message))
    for phase in phases:
        if len(phase["modules"]) > MAX_MODULES:
            message = f"{len(phase['modules'])} modules; {MAX_MODULES} are the most. Split the phase"
            found.append(finding(_line(phase, "modules"), "modules", phase["name"], message))
        for field, values in fields_of(phase).items():
            if len(values) >= MAX_ENTRIES:
                message = f"{MAX_ENTRIES} {field} or more, and no more are read. Split the phase"
                found.append(finding(_line(phase, field), field, phase["name"], message))
    return found


def _double_names(phases: list[Phase]) -> list[Finding]:
    first: dict[str, int] = {}
    found = []
    for phase in phases:
        key = same_name(" ".join(phase["name"].split()))
        line = first.setdefault(key, phase["lines"][0])
        if line != phase["lines"][0]:
            message = f"another phase is called `{shown(phase['name'])}` already, on line {line}; rename one of them"
            found.append(finding(phase["lines"][0], "name", phase["name"], message))
    return found


def _module_names(phase: Phase, lines: list[str]) -> list[Finding]:
    found = []
    known: dict[str, str] = {}
    for name in phase["modules"]:
        error, twin = name_error(name), known.get(same_name(name))
        known.setdefault(same_name(name), name)
        if error:
            message = f"module `{shown(name)}`: {error}. Rename it"
        elif twin == name:
            message = f"module `{shown(name)}` is named twice; name it once"
        elif twin is not None:
            message = f"modules `{shown(twin)}` and `{shown(name)}` are one on a disk that does not tell case apart; rename one"
        else:
            continue
        found.append(finding(_place(phase, "modules", name, lines), "modules", phase["name"], message))
    return found


def _globs(phase: Phase, lines: list[str]) -> list[Finding]:
    found = []
    for glob in phase["scope"]:
        error = glob_error(glob)
        if error:
            message = f"scope `{shown(glob)}`: {error}"
            found.append(finding(_place(phase, "scope", glob, lines), "scope", phase["name"], message))
    return found


def _files(phase: Phase, lines: list[str]) -> list[Finding]:
    found = []
    for path in phase["files"]:
        if ".." in path.split("/"):
            message = f"file `{shown(path)}` leads out of the repository; write it relative to the repository's root"
            found.append(finding(_place(phase, "files", path, lines), "files", phase["name"], message))
    return found


def _commands(phase: Phase, lines: list[str]) -> list[Finding]:
    """Those that cannot be run; nothing runs for a phase that is done."""
    found = []
    for command in phase["commands"] if not phase["done"] else ():
        error = _command_error(command)
        if error:
            line = _place(phase, "commands", command.partition("\n")[0], lines)
            found.append(finding(line, "commands", phase["name"], f"command `{shown(command)}`: {error}"))
    return found


def _command_error(command: str) -> str:
    try:
        parse_command(command)
    except CommandError as error:
        return str(error)
    return ""


def _line(phase: Phase, field: str) -> int:
    known = phase["fields"].get(field)
    return known["lines"][0] if known else phase["lines"][0]


def _place(phase: Phase, field: str, value: str, lines: list[str]) -> int:
    """The line of the field that holds *value*, else its first."""
    known = phase["fields"].get(field)
    first, last = known["lines"] if known else phase["lines"]
    return next((n for n in range(first, min(last, len(lines)) + 1) if value in lines[n - 1]), first)
