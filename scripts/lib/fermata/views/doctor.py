"""Proves an installation: each finding is something that was just tried or read, never a guess.

Looks at client, plugin, interpreter, environment, hooks (a harmless probe must be refused; where they were seen at work),
others' hooks on the same events, the state of every run here, and how strong the gate is. Changes nothing but a temporary
folder of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time

from .. import __version__
from ..core.items import lying
from ..core.position import ENDED
from ..environment import EnvironmentFailure, environment_python, setup_command
from ..git.repo import find_repo
from ..git.three_way import OLDEST_GIT
from ..host.bound import PLUGIN_ROOT
from ..store.data import DataFolder
from ..store.errors import StoreError
from ..store.project import Project
from .finding import Finding
from .installed import config_home, installed, others, switched_off
from .tier import tier_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..core.records import Json
    from ..git.repo import Repo

FLOOR = (2, 1, 197)
TESTED = "2.1.197 and 2.1.329"
SESSION = "00000000-0000-4000-8000-000000000000"
LATELY = 3


def examine(cwd: str, env: Mapping[str, str]) -> list[Finding]:
    """Every finding, in the order a person would mend them."""
    repo = find_repo(cwd)
    root = repo.root if repo else cwd
    data = _data_folder(repo, env)
    return [
        _client(env),
        *installed(env, __version__, PLUGIN_ROOT),
        _interpreter(env),
        _environment(env),
        _git(env),
        _probe(env),
        *switched_off(root, env),
        _seen(data, env),
        *others(root, env),
        *_runs(repo),
        _tier(repo, data, env),
    ]


def _client(env: Mapping[str, str]) -> Finding:
    name = env.get("CLAUDE_CODE_EXECPATH") or env.get("FERMATA_CLIENT") or shutil.which("claude", path=env.get("PATH"))
    if not name:
        return Finding(
            "client",
            None,
            "`claude` is not on PATH here, so its version is unknown. Get it: npm install -g @anthropic-ai/claude-code",
        )
    try:
        said = subprocess.run([name, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("client", False, f"{name} does not run: {error}. Install Claude Code anew")
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", said)
    if not found:
        return Finding(
            "client", False, f"{name} --version said {said.strip()[:60]!r}, not a version. Is it Claude Code?"
        )
    old = tuple(map(int, found.groups())) < FLOOR
    wanted = ".".join(map(str, FLOOR))
    return Finding(
        "client",
        not old,
        f"Claude Code {found[0]}"
        + (f"; fermata needs {wanted} or newer. Run: claude update" if old else f" (tested with {TESTED})"),
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


def _git(env: Mapping[str, str]) -> Finding:
    name, wanted = shutil.which("git", path=env.get("PATH")), ".".join(map(str, OLDEST_GIT))
    if not name:
        return Finding("git", False, f"not on PATH; install git {wanted} or newer")
    said = subprocess.run([name, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout.strip()
    found = re.search(r"(\d+)\.(\d+)", said)
    if not found:
        return Finding(
            "git", False, f"{name} --version said {said[:60]!r}, not a version. Install git {wanted} or newer"
        )
    old = tuple(map(int, found.groups())) < OLDEST_GIT
    return Finding("git", not old, said + (f"; fermata merges with {wanted} or newer. Update git" if old else ""))


def _probe(env: Mapping[str, str]) -> Finding:
    """A write by a session that drives a run, sent through the shipped hook in a folder of its own: it must be refused."""
    with tempfile.TemporaryDirectory(prefix="fermata-doctor-") as folder:
        marker = {"run": "orch_probe", "store": folder, "root": folder, "goal": "probe"}
        DataFolder(folder).set_marker(SESSION, {**marker, "interactive": True, "mode": "default"})
        kept = {name: env[name] for name in ("PATH", "HOME", "XDG_DATA_HOME") if name in env}
        kept |= {"CLAUDE_PLUGIN_DATA": folder, "CLAUDE_CODE_SESSION_ID": SESSION}
        command = ["/bin/sh", os.path.join(PLUGIN_ROOT, "hooks", "hook"), "bound", "PreToolUse"]
        try:
            done = subprocess.run(
                command, input=_write_call(folder), capture_output=True, text=True, env=kept, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Finding("gate", False, f"the hook did not answer: {error}. Install the plugin anew")
    if _decision(done.stdout) == "deny":
        return Finding("gate", True, "a write before the approval was tried on the hook, and refused")
    said = (done.stderr or done.stdout).strip()[:200] or "it said nothing"
    return Finding(
        "gate", False, f"the hook did not refuse a write (exit {done.returncode}): {said}. Install the plugin anew"
    )


def _write_call(folder: str) -> str:
    """What the client sends for a Write."""
    given = {"file_path": os.path.join(folder, "probe.txt"), "content": ""}
    payload: dict[str, Json] = {"hook_event_name": "PreToolUse", "session_id": SESSION, "cwd": folder}
    payload |= {"transcript_path": "", "tool_name": "Write", "tool_input": given, "tool_use_id": "probe"}
    return json.dumps(payload)


def _decision(answer: str) -> Json:
    """The verdict as the client reads it: of one JSON object, and of nothing else."""
    try:
        return json.loads(answer)["hookSpecificOutput"]["permissionDecision"]
    except (ValueError, KeyError, TypeError):
        return None


def _data_folder(repo: Repo | None, env: Mapping[str, str]) -> DataFolder | None:
    """The plugin's data folder: as a run here noted it, else where the client keeps it."""
    folder = Project(repo.common_dir).data_folder() if repo else None
    if folder:
        return DataFolder(folder)
    kept = os.path.join(config_home(env), "plugins", "data")
    names = sorted(os.listdir(kept)) if os.path.isdir(kept) else []
    return next((DataFolder(os.path.join(kept, name)) for name in names if name.startswith("fermata-")), None)


def _seen(data: DataFolder | None, env: Mapping[str, str]) -> Finding:
    session = env.get("CLAUDE_CODE_SESSION_ID")
    found = data.seen_lately() if data else []
    if session and session in [name for name, _ in found]:
        return Finding("hooks", True, f"they have run in this session, {session}")
    if session:
        missing = (
            "no hook of fermata has run in this session. Switch the plugin on in /plugin and start the session anew"
        )
        return Finding("hooks", False, missing)
    if not found:
        return Finding("hooks", None, "not seen at work yet. Start Claude Code here, then run this again")
    told = ", ".join(f"{name} ({_ago(when)})" for name, when in found[:LATELY])
    return Finding("hooks", True, f"last seen at the start of session {told}")


def _ago(when: float) -> str:
    """How long ago the time *when* was, in its largest unit."""
    seconds = max(0.0, time.time() - when)
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {name} ago"
    return "just now"


def _runs(repo: Repo | None) -> Iterator[Finding]:
    if repo is None:
        yield Finding(
            "repository", False, "not inside a git repository; fermata proves and undoes by git. Run: git init"
        )
        return
    project = Project(repo.common_dir)
    names = project.run_ids()
    if not names:
        yield Finding("state", None, 'no run here yet; type /build "GOAL" in Claude Code')
    for name in names:
        yield from _run(project, name, repo.root)


def _run(project: Project, name: str, root: str) -> Iterator[Finding]:
    try:
        yield Finding("state", True, f"{name}: {len(project.run(name).events())} events, unbroken")
        run = project.run(name).load()
    except StoreError as error:
        yield Finding("state", False, str(error))
        return
    for tree in lying(run).values():
        if run["status"] in ENDED and os.path.lexists(os.path.join(root, tree["path"])):
            way = f"look into it, then: git worktree remove -f -f '{tree['path']}'"
            yield Finding("worktree", None, f"{name} has ended and left {tree['path']}; {way}")


def _tier(repo: Repo | None, data: DataFolder | None, env: Mapping[str, str]) -> Finding:
    try:
        marker = _marker(repo, data, env.get("CLAUDE_CODE_SESSION_ID"))
    except StoreError as error:
        return Finding("strength", False, str(error))
    if marker is None:
        return Finding("strength", None, "told while a session drives a run; none does here")
    tier = tier_of(marker, env)
    return Finding("strength", None, f"{tier.name}: {tier.why}")


def _marker(repo: Repo | None, data: DataFolder | None, session: str | None) -> dict[str, Json] | None:
    """The marker of *session*, else of the session that drives the newest open run."""
    found = data.marker(session) if data and session else None
    if found is None and repo and data:
        runs = Project(repo.common_dir).open_runs()
        found = data.marker(runs[0]["session"]) if runs else None
    return found
