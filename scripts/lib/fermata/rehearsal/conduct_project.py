"""The second piece's project on the disk: made, changed as a person would, and tested apart from fermata."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from .five_phases import FILES, SPEC_PATH
from .journal import PATIENCE
from .play import git

if TYPE_CHECKING:
    from pathlib import Path

OLDEST_NODE = 18  # the first whose runner knows `node --test`
HOOKS = ("commit-msg", "post-merge")


def make_project(folder: Path, spec: str) -> Path:
    """The data-flow system before anything is built, committed; its hooks write down that they ran."""
    for name, text in {**FILES, SPEC_PATH: spec}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Begin")
    for name in HOOKS:
        hook = folder / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f'#!/bin/sh\necho {name} >> "$(git rev-parse --git-common-dir)/witness"\n')
        hook.chmod(0o755)
    return folder


def node_works() -> bool:
    """Whether there is a node that can run the front end's tests."""
    program = shutil.which("node")
    if program is None:
        return False
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.", said)
    return found is not None and int(found[1]) >= OLDEST_NODE


def append(path: Path, text: str) -> None:
    """Add *text*, as a person with an editor would."""
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def passes(command: str, project: Path) -> bool:
    """The rehearsal's own run of a command, apart from everything fermata did."""
    done = subprocess.run(["bash", "-c", command], cwd=project, capture_output=True, check=False, timeout=PATIENCE)
    return done.returncode == 0
