"""Proves an installation: each finding is something that was just tried or read, never a guess.

Looks at client, interpreter, environment, hooks (a harmless probe must be refused), other plugins' hooks on the same
events, the state of every run here, and how strong the gate is. Changes nothing but a temporary folder of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import namedtuple

from ..environment import EnvironmentFailure, environment_python, setup_command
from ..git.repo import find_repo
from ..host.bound import PLUGIN_ROOT
from ..store.data import DataFolder
from ..store.errors import StoreError
from ..store.project import Project
from .tier import tier_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..core.records import Json
    from ..git.repo import Repo

Finding = namedtuple("Finding", "name ok text")
Finding.__doc__ = """`ok`: True fine, False must be mended, None could not be looked at or is only worth knowing."""

FLOOR = (2, 1, 197)
TESTED = "2.1.197 and 2.1.329"
EVENTS = ("PreToolUse", "PostToolUse", "SubagentStop", "Stop", "UserPromptExpansion", "SessionStart")


def examine(cwd: str, env: Mapping[str, str]) -> list[Finding]:
    """Every finding, in the order a person would mend them."""
    repo = find_repo(cwd)
    data = _data_folder(repo)
    return [
        _client(env),
        _interpreter(env),
        _environment(env),
        _probe(),
        _seen(data, env),
        *_others(env),
        *_runs(repo),
        _tier(repo, data, env),
    ]


def _client(env: Mapping[str, str]) -> Finding:
    name = env.get("CLAUDE_CODE_EXECPATH") or env.get("FERMATA_CLIENT") or shutil.which("claude", path=env.get("PATH"))
    if not name:
        return Finding("client", None, "`claude` is not on PATH here; start Claude Code to use fermata")
    try:
        said = subprocess.run([name, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("client", False, f"{name} does not run: {error}")
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", said)
    if not found:
        return Finding("client", False, f"{name} --version said {said.strip()[:60]!r}, not a version")
    old = tuple(map(int, found.groups())) < FLOOR
    wanted = ".".join(map(str, FLOOR))
    return Finding(
        "client",
        not old,
        f"Claude Code {found[0]}"
        + (f"; fermata needs {wanted} or newer. Update it" if old else f" (tested with {TESTED})"),
    )


def _interpreter(env: Mapping[str, str]) -> Finding:
    from ..environment import data_home

    link = os.path.join(data_home(env), "python")
    if os.access(link, os.X_OK):
        return Finding("interpreter", True, f"hooks start {os.path.realpath(link)}")
    found = shutil.which("python3", path=env.get("PATH"))
    return Finding(
        "interpreter",
        bool(found),
        f"hooks start {found}" if found else "no python3 on PATH; hooks cannot run. Install Python 3.10 or newer",
    )


def _environment(env: Mapping[str, str]) -> Finding:
    try:
        python = environment_python(PLUGIN_ROOT, env)
    except (EnvironmentFailure, OSError) as error:
        return Finding("environment", False, str(error))
    if python is None:
        return Finding("environment", False, f"not ready; run once in a terminal: {setup_command(PLUGIN_ROOT)}")
    return Finding("environment", True, os.path.dirname(os.path.dirname(python)))


def _probe() -> Finding:
    """A write by a session that drives a run, sent through the shipped hook in a folder of its own: it must be refused."""
    with tempfile.TemporaryDirectory(prefix="fermata-doctor-") as folder:
        session = "00000000-0000-4000-8000-000000000000"
        marker = {
            "run": "orch_probe",
            "store": folder,
            "root": folder,
            "goal": "probe",
            "interactive": True,
            "mode": "default",
        }
        DataFolder(folder).set_marker(session, marker)
        call = {
            "hook_event_name": "PreToolUse",
            "session_id": session,
            "cwd": folder,
            "transcript_path": "",
            "tool_name": "Write",
        }
        tool = {
            "tool_input": {"file_path": os.path.join(folder, "probe.txt"), "content": ""},
            "tool_use_id": "probe",
        }
        payload: dict[str, Json] = {**call, **tool}
        env = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_DATA_HOME") if name in os.environ}
        env |= {"CLAUDE_PLUGIN_DATA": folder, "CLAUDE_CODE_SESSION_ID": session}
        command = ["/bin/sh", os.path.join(PLUGIN_ROOT, "hooks", "hook"), "bound", "PreToolUse"]
        done = subprocess.run(
            command, input=json.dumps(payload), capture_output=True, text=True, env=env, timeout=30, check=False
        )
    if '"permissionDecision": "deny"' in done.stdout:
        return Finding("gate", True, "a write before the approval was tried on the hook, and refused")
    return Finding(
        "gate",
        False,
        f"the hook let a write pass (exit {done.returncode}): {(done.stderr or done.stdout).strip()[:200] or 'it said nothing'}",
    )


def _data_folder(repo: Repo | None) -> DataFolder | None:
    folder = Project(repo.common_dir).data_folder() if repo else None
    return DataFolder(folder) if folder else None


def _seen(data: DataFolder | None, env: Mapping[str, str]) -> Finding:
    session = env.get("CLAUDE_CODE_SESSION_ID")
    if not session:
        return Finding(
            "hooks", None, "not inside a Claude Code session, so whether its hooks run cannot be seen from here"
        )
    if data is None:
        return Finding("hooks", None, "no /build was typed in this repository yet; type it to see the hooks at work")
    if data.seen(session):
        return Finding("hooks", True, "this session's hooks have run")
    return Finding(
        "hooks",
        False,
        "no hook of fermata has run in this session; enable the plugin in /plugin and restart the session",
    )


def _others(env: Mapping[str, str]) -> Iterator[Finding]:
    """Hooks of the user and of other plugins on events that fermata uses: they run beside its own."""
    home = env.get("CLAUDE_CONFIG_DIR") or os.path.join(env.get("HOME", ""), ".claude")
    files = [os.path.join(home, "settings.json"), *_plugin_hook_files(home)]
    for path in files:
        found = sorted(set(_hooks_in(path)) & set(EVENTS))
        if found:
            yield Finding(
                "others", None, f"{path} has hooks of its own on {', '.join(found)}; a refusal by either counts"
            )
        if (_json(path) or {}).get("disableAllHooks"):
            yield Finding("others", False, f"{path} switches all hooks off (disableAllHooks); fermata cannot hold")


def _plugin_hook_files(home: str) -> Iterator[str]:
    installed = (_json(os.path.join(home, "plugins", "installed_plugins.json")) or {}).get("plugins", {})
    for name, entries in installed.items() if isinstance(installed, dict) else ():
        for entry in entries if isinstance(entries, list) else [entries]:
            path = entry.get("installPath") if isinstance(entry, dict) else None
            if path and not str(name).startswith("fermata@"):
                yield os.path.join(str(path), "hooks", "hooks.json")


def _hooks_in(path: str) -> list[str]:
    hooks = (_json(path) or {}).get("hooks")
    return list(hooks) if isinstance(hooks, dict) else []


def _json(path: str) -> dict[str, Json] | None:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _runs(repo: Repo | None) -> Iterator[Finding]:
    if repo is None:
        yield Finding(
            "repository", False, "not inside a git repository; fermata proves and undoes by git. Run: git init"
        )
        return
    project = Project(repo.common_dir)
    yield from (_run(project, name) for name in project.run_ids())


def _run(project: Project, name: str) -> Finding:
    try:
        return Finding("state", True, f"{name}: {len(project.run(name).events())} events, unbroken")
    except StoreError as error:
        return Finding("state", False, str(error))


def _tier(repo: Repo | None, data: DataFolder | None, env: Mapping[str, str]) -> Finding:
    session = env.get("CLAUDE_CODE_SESSION_ID")
    marker = data.marker(session) if data and session else None
    if marker is None and repo and data:
        runs = Project(repo.common_dir).open_runs()
        marker = data.marker(runs[0]["session"]) if runs else None
    if marker is None:
        return Finding("strength", None, "told by `fermata status` while a session drives a run")
    tier = tier_of(marker, env)
    return Finding("strength", None, f"{tier.name}: {tier.why}")


def text(findings: list[Finding]) -> str:
    """One line per finding."""
    signs = {True: "✓", False: "✗", None: "·"}
    return "\n".join(f"{signs[f.ok]} {f.name:<12}{f.text}" for f in findings)
