"""A throw-away repository with a run of any length, and the environment in which the client starts a hook there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts" / "lib"))

from fermata.store.project import Project  # noqa: E402 - the path must be set first
from fermata.store.run_store import RunStore  # noqa: E402

if TYPE_CHECKING:
    from fermata.core.records import Run

    News = list[tuple[str, dict[str, object]]]

PYTHON = os.path.realpath(sys.executable)
SESSION = "0b5e1c7e-0000-4000-8000-000000000001"


def created(run_id: str) -> dict[str, object]:
    """The first event of a run, as `start` writes it, with the shipped workflow."""
    workflow = {
        "format": 1,
        "name": "bench",
        "title": "bench",
        "stages": [
            {
                "id": "look",
                "kind": "agents",
                "agent": "planner",
                "access": "read",
                "brief": "plan",
                "result": "plan",
                "sees": ["goal", "base", "baseline", "project_checks", "mode", "answers", "feedback", "rounds"],
                "questions": 5,
                "tries": 10,
            },
            {"id": "finish", "kind": "finalise", "on": {"stale": "next"}},
        ],
    }
    return {
        "run": run_id,
        "mode": "implicit",
        "goal": "bench",
        "interactive": True,
        "session": SESSION,
        "workflow": workflow,
        "workflow_digest": "0" * 64,
        "limits": {"dispatches": 40, "repairs": 3, "wall_minutes": 480, "silence_minutes": 15, "check_minutes": 30},
        "grant": "scope",
        "base": {"commit": "0" * 40, "branch": "main", "tree": "0" * 40, "dirty": []},
        "project_checks": {"full": [], "quick": []},
    }


def make_repository(project: Path) -> None:
    """A git repository with one empty commit."""
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    subprocess.run(["git", "-C", str(project), *who, "commit", "-q", "--allow-empty", "-m", "begin"], check=True)


def _say(news: News, run: Run | None) -> News:
    del run  # it is what the news make of it
    return news


def make_run(folder: Path, events: int) -> tuple[Path, Path, RunStore]:
    """A repository whose only run has *events* lines in its journal, and a data folder that binds SESSION to it."""
    project, data = folder / "project", folder / "data"
    make_repository(project)
    store = Project(str(project / ".git"))
    store.prepare()
    run_id = "orch_20261121_000000_0000"
    run = store.run(run_id)
    dispatch = {
        "id": "d-001",
        "node": "look",
        "visit": 1,
        "item": None,
        "agent": "planner",
        "access": "read",
        "result": "plan",
        "scope": [],
        "base_tree": None,
    }
    news = [("run_created", created(run_id)), ("dispatch_created", dispatch)]
    news += [
        ("dispatch_started", {"id": "d-001", "tool_use_id": f"toolu_{n}", "at": "2026-11-21T00:00:00Z"})
        for n in range(events - 2)
    ]
    for part in (news[:1], *(news[start : start + 500] for start in range(1, len(news), 500))):
        run.transact("bench", partial(_say, part))
    (data / "active").mkdir(parents=True)
    marker = {
        "run": run_id,
        "store": store.folder,
        "root": str(project),
        "goal": "bench",
        "interactive": True,
        "mode": "default",
    }
    (data / "active" / SESSION).write_text(json.dumps(marker))
    store.note_data_folder(str(data))
    return project, data, run


def payload(project: Path, command: str = "git log --oneline | head -20") -> bytes:
    """A Bash call of the main thread."""
    found = {
        "session_id": SESSION,
        "transcript_path": "",
        "cwd": str(project),
        "permission_mode": "default",
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": command, "description": "look at the history"},
        "tool_use_id": "toolu_bench",
    }
    return json.dumps(found).encode()


def environment(folder: Path, project: Path, data: Path, session: str = SESSION) -> dict[str, str]:
    """What the client gives a hook, with the interpreter link that set-up leaves."""
    link = folder / "xdg" / "fermata" / "python"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(PYTHON)
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "xdg"),
        "CLAUDE_PLUGIN_DATA": str(data),
        "CLAUDE_PROJECT_DIR": str(project),
        "CLAUDE_CODE_SESSION_ID": session,
        "CLAUDE_CODE_ENTRYPOINT": "cli",
    }
