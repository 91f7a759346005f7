"""Installing fermata as a user does: the manifests are valid, the marketplace works from a folder and from git, and nothing is lost on the way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.script import Script
from tests.e2e.cast import FILES, GOAL, cast
from tests.e2e.conftest import ROOT, commit_all, git

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import SetStage, Stage


def plugin_command(stage: Stage, *words: str) -> str:
    """`claude plugin …` in the stage's own home; must end well."""
    command = [str(stage.world.client.path), "plugin", *words]
    env = {**stage.world.environment(), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(command, cwd=stage.folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def copy_of_plugin(folder: Path) -> Path:
    """The files of this checkout that git would take."""
    listed = git(ROOT, "ls-files", "-co", "--exclude-standard", "-z").split("\0")
    for name in filter(None, listed):
        if not name.startswith("tests/") and (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


class GitOverHttp(BaseHTTPRequestHandler):
    """Smart HTTP of one folder of repositories: a CGI server for git's own `http-backend`, nothing else."""

    folder: Path

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Nothing goes to stderr."""

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("content-length", 0))))

    def _answer(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        env = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE, check=True)
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address under which the repositories in *folder* can be cloned."""
    handler = type("Handler", (GitOverHttp,), {"folder": folder})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def installed_path(stage: Stage) -> Path:
    listing = json.loads((stage.world.home / ".claude/plugins/installed_plugins.json").read_text())
    (entry,) = listing["plugins"]["fermata@fermata"]
    return Path(entry["installPath"])


def works_without_plugin_dir(stage: Stage, place: Path) -> None:
    """A bare `/build` gets to its gate, by the installed plugin alone."""
    bare = replace(stage, world=replace(stage.world, plugins=()))
    said = bare.headless(f"/build {GOAL}").result
    assert "waits for a human's approval" in said
    assert str(ROOT) not in said
    assert git(place, "status", "--porcelain") == ""


@pytest.mark.parametrize("version", ["2.1.329", "2.1.197"])
def test_the_manifests_are_valid_to_the_letter(set_stage: SetStage, tmp_path: Path, version: str) -> None:
    stage = set_stage(version, Script(), {"a": ""})
    assert "Validation passed" in plugin_command(stage, "validate", "--strict", str(ROOT))
    broken = copy_of_plugin(tmp_path / "broken")
    (broken / "CLAUDE.md").write_text("A file that has no place in a plugin.\n")
    manifest = broken / ".claude-plugin" / "plugin.json"
    manifest.write_text(manifest.read_text().replace('"author"', '"auhtor"'))
    with pytest.raises(AssertionError, match="validate"):
        plugin_command(stage, "validate", "--strict", str(broken))


@pytest.mark.parametrize("version", [pytest.param("2.1.329", marks=pytest.mark.long), "2.1.197"])
def test_installed_from_a_folder(set_stage: SetStage, place: Path, tmp_path: Path, version: str) -> None:
    stage = set_stage(version, cast(place), FILES, mode="default")
    plugin_command(stage, "marketplace", "add", str(copy_of_plugin(tmp_path / "fermata copy")))
    plugin_command(stage, "install", "fermata@fermata")
    works_without_plugin_dir(stage, place)


@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])
def test_installed_from_a_git_repository(set_stage: SetStage, place: Path, tmp_path: Path, version: str) -> None:
    stage = set_stage(version, cast(place), FILES, mode="default")
    source = commit_all(copy_of_plugin(tmp_path / "source"))
    git(tmp_path, "clone", "-q", "--bare", str(source), "served/fermata.git")
    with served(tmp_path / "served") as url:
        plugin_command(stage, "marketplace", "add", f"{url}/fermata.git")
        plugin_command(stage, "install", "fermata@fermata")
    installed = installed_path(stage)
    assert installed.is_relative_to(stage.world.home)
    for program in ("hooks/hook", "scripts/fermata"):
        assert os.access(installed / program, os.X_OK), f"{program} lost its executable bit"
    works_without_plugin_dir(stage, place)
