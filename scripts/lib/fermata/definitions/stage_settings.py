"""The settings' `stages`, applied to the workflow in use: what is left of it, and which model each stage's agents get.

Decides which names and keys fit that workflow; every misfit is told with the file and line that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.canonical import digest
from ..core.switches import CannotSkip, named, without
from .problems import DefinitionError
from .workflow_files import load_workflow

if TYPE_CHECKING:
    from ..core.records import Workflow
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
    found: list[str] = []
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
