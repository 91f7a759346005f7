"""The settings' `stages`, applied to the workflow in use: what is left of it, and which model each stage's agents get.

Decides which names and keys fit that workflow; every misfit is told with the file and line that says so.
"""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

from ..checks.command import CommandError, parse_command
from ..core.canonical import digest
from ..core.commands import without_stages
from ..core.switches import CannotSkip, named, without
from .problems import DefinitionError
from .workflow_files import load_workflow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.records import Json, Workflow
    from .settings import Settings


def workflow_in_use(settings: Settings, root: str, routed: str | None = None) -> tuple[Workflow, str]:
    """The workflow that a new run follows, without what is switched off, and its digest.

    Raises:
        DefinitionError: there is none, it is wrong, or `stages` does not fit it.
    """
    workflow, name = load_workflow(routed or settings.config.workflow, root, waive=settings.config.waive)
    problems = _misfits(settings, workflow)
    if problems:
        raise DefinitionError("\n".join(problems))
    left = workflow
    for stage in switched_off(settings):
        left = _without(left, stage, settings)
    return left, name if left is workflow else digest("fermata workflow 1", left)


def _without(workflow: Workflow, stage: str, settings: Settings) -> Workflow:
    try:
        return without(workflow, stage)
    except CannotSkip as why:
        says = f"got False, and {stage} cannot be left out: {why}"
        raise DefinitionError(settings.problem(("stages", stage, "enabled"), says)) from None


def switched_off(settings: Settings) -> list[str]:
    """The ids of the stages that are not enabled."""
    return [name for name, stage in settings.config.stages.items() if not stage.enabled]


def models(settings: Settings) -> dict[str, str]:
    """Stage id to model, for the stages whose agents do not inherit it."""
    return {name: stage.model for name, stage in settings.config.stages.items() if stage.model != "inherit"}


def stage_commands(settings: Settings, workflow: Workflow) -> list[dict[str, Json]]:
    """The stages of *workflow* that a command-line agent does, each with the whole command."""
    found: list[dict[str, Json]] = []
    for name, stage in sorted(settings.config.stages.items()):
        if stage.command is not None and stage.enabled:
            command = settings.config.commands[stage.command]
            argv, minutes = list(command.argv), command.minutes
            found.append({"stage": name, "name": stage.command, "argv": argv, "minutes": minutes})
    return without_stages(found, workflow)


def _command_misfits(settings: Settings, workflow: Workflow) -> Iterator[str]:
    known = settings.config.commands
    for name, setting in settings.config.stages.items():
        place = ("stages", name, "command")
        if setting.command is None:
            continue
        if setting.command not in known:
            names = ", ".join(sorted(known)) or "none"
            yield settings.problem(place, f'names "{setting.command}"; known under `commands`: {names}')
        with suppress(LookupError):
            stage = named(workflow, name)[1]
            if stage["kind"] != "agents":
                yield settings.problem(
                    place, f"a stage of kind {stage['kind']} has no agent whose work a command could do"
                )
    for name, command in known.items():
        error = _argv_error(list(command.argv))
        if error:
            yield settings.problem(("commands", name, "argv"), error)


def _argv_error(argv: list[str]) -> str | None:
    """Why *argv* is nothing that can be shown word for word and started without a shell."""
    try:
        parsed = parse_command(shlex.join(argv))
    except CommandError as error:
        return str(error)
    if parsed.argv != tuple(argv):
        return f"{shlex.join(argv)[:200]} would need a shell; name a program, in a script of yours if need be"
    return None


def fitting_models(settings: Settings, pinned: Workflow) -> dict[str, str]:
    """`models` for a run that follows *pinned* already, which has lost the stages that were switched off then.

    Raises:
        DefinitionError: `stages` names a stage that the run does not have and the settings do not switch off.
    """
    problems = _misfits(settings, pinned, gone=switched_off(settings))
    if problems:
        raise DefinitionError("\n".join(problems))
    return models(settings)


def _misfits(settings: Settings, workflow: Workflow, gone: list[str] | None = None) -> list[str]:
    found: list[str] = [*_command_misfits(settings, workflow)]
    for name in settings.config.stages:
        try:
            _, stage = named(workflow, name)
        except LookupError as error:
            if name not in (gone or []):
                found.append(settings.problem(("stages", name), str(error)))
            continue
        if stage["kind"] != "agents" and name in models(settings):
            says = f"got {models(settings)[name]!r}; a stage of kind {stage['kind']} starts no agent of its own"
            found.append(settings.problem(("stages", name, "model"), says))
    return found
