"""`fermata config`: the settings in force, whether they can be used, and their schema. Changes nothing."""

from __future__ import annotations

import json

import click

from .cli_parts import JSON_FLAG, here, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.records import Json
    from .definitions.settings import Settings


@click.group()
def config() -> None:
    """Show and check the settings, in their layers.

    Defaults, your own file, the project's. Each part takes --json.

    docs/reference/config.md lists every key.
    """


@config.command()
@click.option("--origin", is_flag=True, help="Say of each value which file and line it comes from.")
@JSON_FLAG
def show(*, origin: bool, as_json: bool) -> None:
    """The settings in force, as YAML."""
    from .views.settings import document, text

    _, settings = _settings()
    say(text(settings, origin=origin).rstrip("\n"), document(settings, origin=origin), as_json)


@config.command()
@JSON_FLAG
def check(*, as_json: bool) -> None:
    """Whether a run could begin with these settings. Exit code 8: no; the message says what to mend, and where."""
    from .definitions.stage_settings import workflow_in_use
    from .loop.start import project_checks

    root, settings = _settings()
    workflow, _ = workflow_in_use(settings, root)
    project_checks(root, settings)
    files = [layer.shown for layer in settings.layers]
    stages = [stage["id"] for stage in workflow["stages"]]
    told = f"{' and '.join(files) or 'No settings, so the defaults'}: sound. Workflow {settings.config.workflow}: {' → '.join(stages)}"
    found: Json = {"ok": True, "files": files, "workflow": settings.config.workflow, "stages": stages}
    say(told, found, as_json)


@config.command()
@JSON_FLAG
def schema(*, as_json: bool) -> None:
    """The JSON Schema of the settings, for editors."""
    from .views.settings import schema_of_settings

    found = schema_of_settings()
    say(json.dumps(found, indent=2), found, as_json)


def _settings() -> tuple[str, Settings]:
    """The project that the command stands in, or just this folder; and its settings."""
    from .definitions.settings import load_settings
    from .git.repo import find_repo

    cwd = here()
    repo = find_repo(cwd)
    root = repo.root if repo else cwd
    return root, load_settings(root)
