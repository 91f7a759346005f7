"""Find, install and start the real Claude Code client in a world of its own.

It decides which program is run, in which home folder and with which environment: nothing of the
caller's Claude settings leaks in, and nothing is written outside the folders that were given. It asks
nobody anything and never touches the user's own `~/.claude`.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from .messages import JsonObject
from .processes import end_alone, end_group

Mode = Literal["default", "auto", "acceptEdits", "plan", "bypassPermissions"]
_KEY = "test-key"
# What a program needs to run at all; everything else of the caller stays out.
_KEPT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "SHELL",
    "USER",
    "LOGNAME",
    "TZ",
    "LD_LIBRARY_PATH",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
)


class ClientMissingError(Exception):
    """No client program, and the text says how to get one."""


@dataclass(frozen=True)
class Client:
    """One installed client program. `version` looks like `2.1.329`; `simulated`: it only stands in for that one."""

    path: Path
    version: str
    simulated: bool = False


def find_client(env: Mapping[str, str], cache: Path | None = None) -> Client:
    """`FERMATA_CLIENT`, else `claude` on PATH, else the newest one in *cache* (see `install_client`).

    Raises:
        ClientMissingError: none of these; or FERMATA_CLIENT names something that does not run.
    """
    named = env.get("FERMATA_CLIENT") or shutil.which("claude", path=env.get("PATH"))
    if named:
        return open_client(Path(named))
    cached = installed_clients(cache) if cache else ()
    if cached:
        return cached[-1]
    raise ClientMissingError(
        "no Claude Code client: FERMATA_CLIENT is not set and `claude` is not on PATH. "
        "Install one (`npm install -g @anthropic-ai/claude-code`) or set FERMATA_CLIENT to the program's path."
    )


def open_client(path: Path) -> Client:
    """Ask the program at *path* for its version.

    Raises:
        ClientMissingError: it does not start, or prints no version.
    """
    try:
        done = subprocess.run([str(path), "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClientMissingError(
            f"{path} does not run: {error}. Set FERMATA_CLIENT to a Claude Code program."
        ) from None
    found = re.match(r"\d+\.\d+\.\d+", done.stdout.strip())
    if not found:
        raise ClientMissingError(
            f"{path} --version printed {done.stdout.strip()[:80]!r}, not a version. "
            "Set FERMATA_CLIENT to a Claude Code program."
        )
    return Client(path, found.group())


def installed_clients(folder: Path) -> tuple[Client, ...]:
    """The clients under *folder*/VERSION, oldest first."""
    found = [
        Client(_program(entry), entry.name)
        for entry in (folder.iterdir() if folder.is_dir() else ())
        if re.fullmatch(r"\d+\.\d+\.\d+", entry.name) and _program(entry).is_file()
    ]
    return tuple(sorted(found, key=lambda client: [int(part) for part in client.version.split(".")]))


def install_client(version: str, folder: Path) -> Client:
    """Fetch one version with npm into *folder*/VERSION, unless it is there.

    Raises:
        ClientMissingError: no npm, or npm failed; its last words are in the message.
    """
    home = folder / version
    if not _program(home).is_file():
        npm = shutil.which("npm")
        if npm is None:
            raise ClientMissingError(f"client {version} is not in {folder} and npm is not on PATH to fetch it")
        home.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--prefix", str(home), "--no-audit", "--no-fund", f"{_package()}@{version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not _program(home).is_file():
            raise ClientMissingError(f"`{' '.join(command)}` failed ({done.returncode}): {done.stderr.strip()[-400:]}")
    return Client(_program(home), version)


def _package() -> str:
    system = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}.get(
        platform.system(), platform.system().lower()
    )
    machine = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x64"
    return f"@anthropic-ai/claude-code-{system}-{machine}"


def _program(home: Path) -> Path:
    name = "claude.exe" if platform.system() == "Windows" else "claude"
    return home / "node_modules" / _package() / name


def make_home(folder: Path, project: Path, *, settings: JsonObject | None = None) -> Path:
    """Write a home folder in which the client starts without first-run dialogs.

    *settings* becomes the user's `settings.json`. A home that exists is kept and only trusts *project* as well.
    """
    (folder / ".claude").mkdir(parents=True, exist_ok=True)
    state_file = folder / ".claude.json"
    state = json.loads(state_file.read_text()) if state_file.exists() else {}
    state.update(
        hasCompletedOnboarding=True,
        theme="dark",
        bypassPermissionsModeAccepted=True,
        customApiKeyResponses={"approved": [_KEY], "rejected": []},
    )
    trusted = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
    for path in {str(project), str(project.resolve())}:
        state.setdefault("projects", {}).setdefault(path, {}).update(trusted)
    state_file.write_text(json.dumps(state))
    user = {"skipDangerousModePermissionPrompt": True, "skipAutoPermissionPrompt": True, **(settings or {})}
    (folder / ".claude" / "settings.json").write_text(json.dumps(user))
    return folder


@dataclass(frozen=True)
class World:
    """Everything one session runs in: program, home, project, model address, plugins, permission mode."""

    client: Client
    home: Path
    project: Path
    url: str
    plugins: tuple[Path, ...] = ()
    mode: Mode | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def with_mode(self, mode: Mode | None) -> World:
        return replace(self, mode=mode)

    def environment(self) -> dict[str, str]:
        """The client's environment: a few neutral variables of the caller, ours, and `env` on top."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        ours = {
            "HOME": str(self.home),
            "ANTHROPIC_API_KEY": _KEY,
            "ANTHROPIC_BASE_URL": self.url,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
        }
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            ours["IS_SANDBOX"] = "1"  # the client refuses bypassPermissions for root outside a sandbox
        return {**kept, **ours, **self.env}

    def command(self, *arguments: str) -> list[str]:
        mode = ["--permission-mode", self.mode] if self.mode else []
        plugins = [word for plugin in self.plugins for word in ("--plugin-dir", str(plugin))]
        return [str(self.client.path), *mode, *plugins, *arguments]


@dataclass(frozen=True)
class Outcome:
    """What a headless session left: exit code, its stream-json events, the lines that were not JSON, stderr."""

    code: int
    events: tuple[JsonObject, ...]
    noise: tuple[str, ...]
    stderr: str

    def of_type(self, kind: str, subtype: str | None = None) -> tuple[JsonObject, ...]:
        return tuple(e for e in self.events if e.get("type") == kind and subtype in (None, e.get("subtype")))

    @property
    def session_id(self) -> str:
        return next((str(e["session_id"]) for e in self.events if "session_id" in e), "")

    @property
    def results(self) -> tuple[str, ...]:
        """What the main thread said at the end of each of its turns: background agents wake it for more than one."""
        return tuple(str(event["result"]) for event in self.of_type("result") if event.get("result"))

    @property
    def result(self) -> str:
        """The last of `results`; empty if the session was killed before it."""
        return self.results[-1] if self.results else ""


class Headless:
    """A running `claude -p`."""

    def __init__(self, world: World, prompt: str, *, resume: str = "", arguments: Iterable[str] = ()) -> None:
        options = ["--output-format", "stream-json", "--verbose", "--include-hook-events", *arguments]
        if resume:
            options += ["--resume", resume]
        self._process = subprocess.Popen(
            world.command("-p", *options, "--", prompt),
            cwd=world.project,
            env=world.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )

        self._output = ("", "")
        # Read all along: a full pipe would stop the client.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, timeout: float = 120.0) -> Outcome:
        """Wait for the end.

        Raises:
            TimeoutError: still running after *timeout* seconds; it was ended with all its children.
        """
        self._reader.join(timeout)
        if self._reader.is_alive():
            outcome = self.kill9()
            last = "\n".join(json.dumps(event)[:400] for event in outcome.events[-5:])
            raise TimeoutError(
                f"`claude -p` did not end within {timeout} s; its last events: {last}\n{outcome.stderr[-500:]}"
            )
        return _outcome(self._process.returncode, *self._output)

    def kill9(self) -> Outcome:
        """End it and all it started at once, as a crash of the machine would; gives what it said before."""
        end_group(self._process.pid)
        self._reader.join()
        return _outcome(self._process.returncode, *self._output)

    def crash(self) -> tuple[int, ...]:
        """End the client alone: a detached check lives on. Gives what it had started, for the caller to end."""
        return end_alone(self._process.pid)

    def _read(self) -> None:
        self._output = self._process.communicate()


def run_headless(
    world: World, prompt: str, *, resume: str = "", arguments: Iterable[str] = (), timeout: float = 120.0
) -> Outcome:
    """Run `claude -p PROMPT` to its end."""
    return Headless(world, prompt, resume=resume, arguments=arguments).wait(timeout)


def _outcome(code: int, out: str, err: str) -> Outcome:
    events: list[JsonObject] = []
    noise = []
    for line in out.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if isinstance(value, dict):
            events.append(value)
        elif line.strip():
            noise.append(line)
    return Outcome(code, tuple(events), tuple(noise), err)
