"""Does the work of a tool call: runs the command, reads and writes the file. Whether it may is decided before.

Also says what the client would let pass without asking a person, which a simulated one cannot ask.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...core.shell import reading_error
from .payloads import Fields, bash_done

EDITS = frozenset(("Write", "Edit"))
ASKS_NOBODY = frozenset(("Read", "Agent", "SendMessage", "AskUserQuestion", "SubagentHandback"))
NOTHING = "(Bash completed with no output)"


@dataclass(frozen=True)
class Done:
    """How a call ended: what the model reads, what hooks are told. An error has no response."""

    text: str
    response: Fields = field(default_factory=dict)
    is_error: bool = False


@dataclass(frozen=True)
class Place:
    """Where tools work: the folder and the environment of commands."""

    cwd: Path
    env: Mapping[str, str]


def passes_unasked(mode: str, tool: str, given: Fields) -> bool:
    """Whether the permission mode lets the call run when no hook has allowed it."""
    if tool in ASKS_NOBODY or mode in ("auto", "bypassPermissions") or (mode == "acceptEdits" and tool in EDITS):
        return True
    return tool == "Bash" and reading_error(str(given.get("command", ""))) is None


def run_tool(place: Place, tool: str, given: Fields) -> Done:
    """Carry out one call of a tool that needs nothing but files and commands."""
    try:
        return TOOLS[tool](place, given)
    except (OSError, KeyError, UnicodeDecodeError) as error:
        return Done(f"{tool}: {error}", is_error=True)


def _bash(place: Place, given: Fields) -> Done:
    limit = given.get("timeout")
    seconds = float(limit) / 1000 if isinstance(limit, (int, float)) else 120.0
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", str(given["command"])],
            cwd=place.cwd,
            env=dict(place.env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            start_new_session=True,  # as the client does
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Done(f"Command timed out after {seconds:.0f}s", is_error=True)
    stdout, stderr = (data.decode(errors="replace").rstrip("\n") for data in (done.stdout, done.stderr))
    said = "\n".join(filter(None, (stdout, stderr)))
    if done.returncode:
        return Done("\n".join(filter(None, (f"Exit code {done.returncode}", said))), is_error=True)
    return Done(said or NOTHING, bash_done(stdout, stderr))


def _read(place: Place, given: Fields) -> Done:
    path = place.cwd / str(given["file_path"])
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    numbered = "\n".join(f"{number}\t{line}" for number, line in enumerate(lines, 1))
    file = {"filePath": str(path), "content": text, "numLines": len(lines), "startLine": 1, "totalLines": len(lines)}
    return Done(numbered, {"type": "text", "file": file})


def _write(place: Place, given: Fields) -> Done:
    path = place.cwd / str(given["file_path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(given["content"]), encoding="utf-8")
    return Done(f"The file {path} has been written.", {"filePath": str(path), "content": str(given["content"])})


def _edit(place: Place, given: Fields) -> Done:
    path, old, new = place.cwd / str(given["file_path"]), str(given["old_string"]), str(given["new_string"])
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        return Done(f"old_string occurs {text.count(old)} times in {path}", is_error=True)
    path.write_text(text.replace(old, new), encoding="utf-8")
    return Done(f"The file {path} has been edited.", {"filePath": str(path), "oldString": old, "newString": new})


TOOLS: dict[str, Callable[[Place, Fields], Done]] = {"Bash": _bash, "Read": _read, "Write": _write, "Edit": _edit}
