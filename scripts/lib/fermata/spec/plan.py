"""Makes the plan of a run of a specification's phases: a step for each module, and one that closes each phase.

Decides order, scopes and checks from the document and from what lies in the project; nobody is asked and nothing is run.
A module follows the closings of the phases that its own depends on; a phase closes after its modules.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from ..checks.command import CommandError, parse_command, to_json
from ..checks.counts import named_runner
from ..core.canonical import digest
from ..core.consultation import line
from ..core.scope import glob_error
from .file import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.records import Json, NamedCheck
    from .records import Phase, Spec

MODULE, CLOSING = "module", "phase"
EVERYWHERE = "**"
MAX_GAPS = 20
ALLOWS = re.compile(r"allow(?:ed)? placeholders?:\s*(.+)", re.IGNORECASE)


def plan_of_spec(spec: Spec, text: str, path: str, is_folder: Callable[[str], bool]) -> dict[str, Json]:
    """The plan: summary, findings, steps, the checks of the whole, effort.

    Args:
        spec: without problems.
        text: what it was read from.
        path: of the document, as a person is shown it.
        is_folder: whether a relative path is a folder of the project.

    Raises:
        SpecError: a scope that no plan may hold, or a command that cannot be run.
    """
    lines, problems = text.splitlines(), list[str]()
    steps: list[dict[str, Json]] = []
    closing: dict[str, int] = {}
    for phase in in_order(spec.phases):
        if phase["done"]:  # the document says so: it is there already
            continue
        before = [closing[name] for name in depends_on(spec.phases, phase) if name in closing]
        try:
            made = _steps(phase, lines, is_folder)
        except (CommandError, ValueError) as error:
            problems.append(f"{path}:{phase['lines'][0]}: {phase['name']}: {error}")
            continue
        first = len(steps) + 1
        steps += [{**step, "after": before} for step in made[:-1]]
        steps.append({**made[-1], "after": list(range(first, first + len(made) - 1))})
        closing[phase["name"]] = len(steps)
    if problems:
        raise SpecError("\n".join(problems))
    if not steps:
        raise SpecError(f"{path}: every phase is marked as done; take the mark off what is to be built")
    return _plan(spec, path, steps)


def _plan(spec: Spec, path: str, steps: list[dict[str, Json]]) -> dict[str, Json]:
    count = sum(not phase["done"] for phase in spec.phases)
    modules = len(steps) - count
    many = f"{count} phase{'s' * (count != 1)}, {modules} module{'s' * (modules != 1)}"
    gaps = [f"line {gap['line']}: {line(gap['message'], 300)}" for gap in spec.gaps[:MAX_GAPS]]
    gaps += [f"{line(p['name'], 100)} is marked as done: it is not built again" for p in spec.phases if p["done"]]
    more = [f"and {len(spec.gaps) - MAX_GAPS} more: fermata spec lint {path}"] * (len(spec.gaps) > MAX_GAPS)
    commands = {c["command"]["shown"]: c for step in steps for c in step.get("checks", []) if "inspection" not in c}
    return {
        "summary": f"{line(spec.title or path, 200)}: {many}, as {path} says; each phase is validated before it is integrated",
        "findings": [*gaps, *more] or [f"{path} leaves nothing open"],
        "steps": steps,
        # Each phase counts its own commands from 1; among those of all phases no two may have the same name.
        "checks": [{**c, "name": f"spec-{number}"} for number, c in enumerate(commands.values(), 1)],
        "effort": many,
    }


def in_order(phases: list[Phase]) -> list[Phase]:
    """*phases* so that each comes after those it depends on; else as they stand."""
    found: list[Phase] = []
    left = list(phases)
    while left:
        done = {phase["name"] for phase in found}
        ready = next((p for p in left if done.issuperset(depends_on(phases, p))), left[0])
        left.remove(ready)
        found.append(ready)
    return found


def depends_on(phases: list[Phase], phase: Phase) -> list[str]:
    """The phases that have to be integrated before: those that the document names, else the one above."""
    names = [p["name"] for p in phases]
    place = names.index(phase["name"])
    return phase["depends_on"] if phase["depends_said"] else names[max(0, place - 1) : place]


def _steps(phase: Phase, lines: list[str], is_folder: Callable[[str], bool]) -> list[dict[str, Json]]:
    first, last = phase["lines"]
    section = [text.rstrip() for text in lines[first - 1 : last]]
    checks = _checks(phase)
    found = []
    for module in phase["modules"]:
        scope = module_scope(module, phase, is_folder)
        found.append(_step(phase, MODULE, f"{phase['name']} · {module}", scope) | {"module": module})
    closing = _step(phase, CLOSING, f"{phase['name']} · validate and integrate", _union([s["scope"] for s in found]))
    found.append({**closing, "checks": checks})
    said = [digest("fermata spec part 1", [section, step]) for step in found]
    return [{**step, "digest": one, "spec": {"lines": phase["lines"]}} for step, one in zip(found, said, strict=True)]


def _step(phase: Phase, part: str, title: str, scope: list[str]) -> dict[str, Json]:
    wrong = [f"scope holds {glob!r}: {error}" for glob in scope if (error := glob_error(glob))]
    if wrong:
        raise ValueError("; ".join(wrong))
    return {
        "title": line(title, 160),
        "objective": line("; ".join(phase["tasks"]) or phase["title"], 2_000),
        "part": part,
        "phase": phase["name"],
        "tasks": phase["tasks"],
        "criteria": phase["criteria"],
        "acceptance": phase["criteria"],
        "gotchas": phase["gotchas"],
        "scope": scope,
    }


def module_scope(module: str, phase: Phase, is_folder: Callable[[str], bool]) -> list[str]:
    """What a module may change: what the phase says; else its folder and the files that belong to no other module; else all."""
    if phase["scope"]:
        return sorted(phase["scope"])
    folders = [m for m in phase["modules"] if "/" in m or is_folder(m) or any(_below(f, m) for f in phase["files"])]
    if module not in folders:
        return [EVERYWHERE]
    others = [f for f in phase["files"] if not any(_below(f, m) for m in folders)]
    own = module if "." in module.rpartition("/")[2] and not is_folder(module) else f"{module.rstrip('/')}/**"
    return sorted({own, *others})


def _below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder.rstrip('/')}/") or path == folder


def _union(scopes: list[list[str]]) -> list[str]:
    found = sorted({glob for scope in scopes for glob in scope})
    return [EVERYWHERE] if EVERYWHERE in found else found


def _checks(phase: Phase) -> list[NamedCheck]:
    """How the phase is validated, in this order: its commands may make what the inspections behind them look at."""
    paths = [part for path in phase["files"] for part in ("--path", path)]
    wanted = [_inspection("placeholders", *[part for word in _allowed(phase) for part in ("--allow", word)])]
    wanted += [_command(number, text) for number, text in enumerate(phase["commands"], 1)]
    wanted += [_inspection("files", *paths)] * bool(paths)
    return [*wanted, _inspection("imports"), _inspection("lint")]


def _allowed(phase: Phase) -> list[str]:
    """What the document says may stand in for code: `Allow placeholders: TODO, legacy/**`, under its gotchas."""
    found = [match[1] for text in phase["gotchas"] if (match := ALLOWS.match(text.strip()))]
    return [word for text in found for part in text.split(",") if (word := part.strip(" `\t."))]


def _inspection(kind: str, *options: str) -> NamedCheck:
    command = to_json(parse_command(shlex.join(["fermata", "inspect", kind, *options])))
    source = "fermata's own inspection"
    return {"name": kind, "command": command, "expect_tests": False, "source": source, "inspection": True}


def _command(number: int, text: str) -> NamedCheck:
    command = parse_command(text)
    tests = bool(named_runner(command.argv or command.shell or ""))
    return {"name": f"command-{number}", "command": to_json(command), "expect_tests": tests, "source": "the spec"}
