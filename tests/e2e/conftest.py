"""The real plugin in the real client: a project, the ready environment, a scripted model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fermata.environment import ensure
from fermata.rehearsal.client import Client, Mode, World, installed_clients, make_home
from fermata.rehearsal.model import ScriptedModel
from fermata.rehearsal.script import Script
from fermata.rehearsal.terminal import Terminal
from fermata.store.project import Project
from fermata.store.run_store import RunStore

ROOT = Path(__file__).resolve().parents[2]
GIT = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t", "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture(scope="session")
def data_home(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An XDG_DATA_HOME in which fermata's environment is ready: the one these tests run beside, else a new one."""
    beside = Path(sys.prefix).parent
    home = beside.parent if beside.name == "fermata" else tmp_path_factory.mktemp("data")
    ensure(str(ROOT), {**os.environ, "XDG_DATA_HOME": str(home)}, "env", sys.stderr)
    return str(home)


def client_named(version: str) -> Client:
    """The client *version*; a build server must have it."""
    folder = os.environ.get("FERMATA_CLIENTS", "")
    found = {one.version: one for one in installed_clients(Path(folder))} if folder else {}
    if version not in found:
        why = f"no client {version} in FERMATA_CLIENTS={folder!r}; ./scripts/test fetches it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    return found[version]


def make_project(folder: Path, files: dict[str, str]) -> Path:
    """A git repository with *files* committed."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    env = {**os.environ, **GIT}
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "begin"]):
        subprocess.run(["git", *words], cwd=folder, env=env, check=True)
    return folder


@dataclass
class Stage:
    """One end-to-end run: where it plays and who answers."""

    world: World
    model: ScriptedModel
    folder: Path
    open: ExitStack
    terminals: list[Terminal] = field(default_factory=list)

    @property
    def project(self) -> Path:
        return self.world.project

    def terminal(self, *arguments: str) -> Terminal:
        """A started session that waits for its first prompt."""
        terminal = self.open.enter_context(Terminal(self.world, *arguments, log=self.folder / "terminal.log"))
        terminal.wait_for_text("❯")
        terminal.wait_quiet()
        self.terminals.append(terminal)
        return terminal

    def run_store(self) -> RunStore:
        """The only run of the project."""
        project = Project(str(self.project / ".git"))
        (name,) = project.run_ids()
        return project.run(name)

    def events(self, kind: str | None = None) -> list[dict[str, object]]:
        """The journal's bodies of one type."""
        return [e["body"] for e in self.run_store().events() if kind in (None, e["type"])]


SetStage = Callable[..., Stage]


@pytest.fixture
def set_stage(tmp_path: Path, data_home: str) -> Iterator[SetStage]:
    with ExitStack() as opened:

        def build(
            version: str, script: Script, project: dict[str, str] | Path, *, mode: Mode | None = None, env: dict[str, str] | None = None
        ) -> Stage:
            folder = project if isinstance(project, Path) else make_project(tmp_path / "a project", project)
            model = opened.enter_context(ScriptedModel(script))
            home = make_home(tmp_path / "home", folder)
            world = World(client_named(version), home, folder, model.url, (ROOT,), mode, {"XDG_DATA_HOME": data_home, **(env or {})})
            stage = Stage(world, model, tmp_path, opened)
            opened.callback(lambda: _fail_on(model.failures))
            return stage

        yield build


def _fail_on(failures: tuple[str, ...]) -> None:
    if failures:
        pytest.fail(f"the script failed: {failures[0]}")
