"""The real plugin in the real client: a project, the ready environment, a scripted model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from fermata.environment import ensure
from fermata.rehearsal.client import Client, Mode, Outcome, World, installed_clients, make_home, run_headless
from fermata.rehearsal.journal import Journal
from fermata.rehearsal.messages import JsonObject
from fermata.rehearsal.model import ScriptedModel
from fermata.rehearsal.play import ASKED
from fermata.rehearsal.script import Script
from fermata.rehearsal.terminal import Terminal
from fermata.store.project import Project
from fermata.store.run_store import RunStore

ROOT = Path(__file__).resolve().parents[2]
GIT = {
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@t",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@t",
    "GIT_CONFIG_NOSYSTEM": "1",
}


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
    return commit_all(folder)


def commit_all(folder: Path) -> Path:
    """Make *folder* a git repository that holds all its files."""
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "begin")
    return folder


def git(folder: Path, *words: str) -> str:
    """What plain git says in *folder*."""
    env = {**os.environ, **GIT}
    return subprocess.run(["git", *words], cwd=folder, env=env, check=True, capture_output=True, text=True).stdout


@dataclass
class Stage:
    """One end-to-end run: where it plays and who answers."""

    world: World
    model: ScriptedModel
    folder: Path
    open: ExitStack
    terminals: list[Terminal] = field(default_factory=list)
    _journal: list[Journal] = field(default_factory=list)

    @property
    def project(self) -> Path:
        return self.world.project

    @property
    def journal(self) -> Journal:
        """Waits for events of the project's only run."""
        if not self._journal:
            self._journal.append(self.open.enter_context(Journal(self.project, lambda *_: None)))
        return self._journal[0]

    def headless(self, prompt: str, **env: str) -> Outcome:
        """`claude -p PROMPT`, with *env* on top of its environment; it must end well."""
        outcome = run_headless(replace(self.world, env={**self.world.env, **env}), prompt)
        assert outcome.code == 0, outcome.stderr
        return outcome

    def approved(self, prompt: str) -> Outcome:
        """A headless run up to its gate, and then approved by the operator: gives the second session's outcome."""
        self.headless(prompt)
        (asked,) = self.events("approval_requested")
        return self.headless("/fermata:resume", FERMATA_APPROVE=str(asked["digest"]))

    def terminal(self, *arguments: str, world: World | None = None) -> Terminal:
        """A started session that waits for its first prompt."""
        terminal = self.open.enter_context(Terminal(world or self.world, *arguments, log=self.folder / "terminal.log"))
        terminal.wait_for_text("❯")
        terminal.wait_quiet()
        self.terminals.append(terminal)
        return terminal

    def run_store(self) -> RunStore:
        """The only run of the project."""
        project = Project(str(self.project / ".git"))
        (name,) = project.run_ids()
        return project.run(name)

    def brief(self, dispatch: str) -> str:
        """What the agent of one dispatch was told."""
        return Path(self.run_store().path("briefs", f"{dispatch}.md")).read_text()

    def status(self) -> str:
        return str(self.run_store().load()["status"])

    def events(self, kind: str | None = None) -> list[dict[str, object]]:
        """The journal's bodies of one type."""
        return [e["body"] for e in self.run_store().events() if kind in (None, e["type"])]


SetStage = Callable[..., Stage]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where `set_stage` makes a project from files: actors need its absolute path."""
    return tmp_path / "a project"


@pytest.fixture
def set_stage(tmp_path: Path, place: Path, data_home: str) -> Iterator[SetStage]:
    with ExitStack() as opened:

        def build(
            version: str,
            script: Script,
            project: dict[str, str] | Path,
            *,
            mode: Mode | None = None,
            env: dict[str, str] | None = None,
            settings: JsonObject | None = None,
        ) -> Stage:
            folder = project if isinstance(project, Path) else make_project(place, project)
            model = opened.enter_context(ScriptedModel(script))
            home = make_home(tmp_path / "home", folder, settings=settings)
            world = World(
                client_named(version),
                home,
                folder,
                model.url,
                (ROOT,),
                mode,
                {"XDG_DATA_HOME": data_home, **(env or {})},
            )
            stage = Stage(world, model, tmp_path, opened)
            opened.callback(lambda: _fail_on(model.failures))
            return stage

        yield build


def _fail_on(failures: tuple[str, ...]) -> None:
    if failures:
        pytest.fail(f"the script failed: {failures[0]}")


def asked(terminal: Terminal, title: str, timeout: float = 30.0) -> str:
    """Wait until the picker asks about the plan called *title*, and a person has had the time to read it."""
    terminal.wait_until(
        lambda screen: title in screen.rpartition(ASKED)[2] and "Enter to select" in screen,
        f"the gate for {title!r}",
        timeout,
    )
    return terminal.wait_quiet(1.2)


def wishes(place: Path) -> JsonObject:
    """User settings whose hook writes down every permission that the client asks its user for."""
    command = f"cat >> '{place.parent}/wishes.jsonl'; echo >> '{place.parent}/wishes.jsonl'"
    return {"hooks": {"PermissionRequest": [{"matcher": "", "hooks": [{"type": "command", "command": command}]}]}}


def wished(place: Path) -> list[str]:
    """The tools that the client asked its user about."""
    path = place.parent / "wishes.jsonl"
    rows = path.read_text().splitlines() if path.exists() else []
    return [json.loads(row)["tool_name"] for row in rows if row]
