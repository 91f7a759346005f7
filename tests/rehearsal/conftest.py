"""Gives each test a client, a project, a throw-away plugin and a scripted model."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from fermata.rehearsal.client import Client, Mode, World, installed_clients, make_home
from fermata.rehearsal.model import ScriptedModel
from fermata.rehearsal.script import Script
from fermata.rehearsal.simulated.program import VERSIONS, make_client
from fermata.rehearsal.terminal import Terminal
from tests.rehearsal.throwaway import Plugin, make_plugin

SIMULATED = "simulated "


STAND_INS = (SIMULATED + VERSIONS[-1], pytest.param(SIMULATED + VERSIONS[0], marks=pytest.mark.long))


@pytest.fixture(params=(*VERSIONS, *STAND_INS))
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    """The oldest supported and the newest known client; on a build server both must be there. And what stands in for them."""
    if request.param.startswith(SIMULATED):
        return make_client(tmp_path / "client", request.param.removeprefix(SIMULATED))
    folder = os.environ.get("FERMATA_CLIENTS", "")
    found = {one.version: one for one in installed_clients(Path(folder))} if folder else {}
    if request.param not in found:
        why = f"no client {request.param} in FERMATA_CLIENTS={folder!r}; ./scripts/test fetches it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    return found[request.param]


@pytest.fixture
def real(client: Client) -> None:
    """For what a simulated client does not do, and does not claim to: no safety check of auto mode, no compaction."""
    if client.simulated:
        pytest.skip("only the real client does this")


@dataclass
class Stage:
    """One rehearsal: where it plays, who answers, what its hooks saw."""

    world: World
    model: ScriptedModel
    plugin: Plugin
    folder: Path
    _open: ExitStack

    def terminal(self, *arguments: str) -> Terminal:
        """A started session that waits for its first prompt."""
        terminal = self._open.enter_context(Terminal(self.world, *arguments, log=self.folder / "terminal.log"))
        terminal.wait_for_text("❯")
        terminal.wait_quiet()
        return terminal


SetStage = Callable[..., Stage]


@pytest.fixture
def set_stage(client: Client, tmp_path: Path) -> Iterator[SetStage]:
    with ExitStack() as opened:

        def build(
            script: Script,
            *,
            mode: Mode | None = None,
            allows: Callable[[str], bool] = lambda _action: True,
            **plugin: object,
        ) -> Stage:
            project = tmp_path / "project"
            project.mkdir()
            subprocess.run(["git", "init", "-q", str(project)], check=True)
            made = make_plugin(tmp_path / "plugin", **plugin)  # type: ignore[arg-type]
            model = opened.enter_context(ScriptedModel(script, allows))
            opened.callback(lambda: fail_on(model.failures))
            world = World(client, make_home(tmp_path / "home", project), project, model.url, (made.root,), mode)
            return Stage(world, model, made, tmp_path, opened)

        yield build


def fail_on(failures: tuple[str, ...]) -> None:
    if failures:
        pytest.fail(f"the script failed: {failures[0]}")
