"""End a program with everything it started.

It knows only process ids. The client starts shells in sessions of their own, so a process group is
not enough: the tree is read before anything is ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess


def end_group(pid: int) -> None:
    """Send SIGKILL to *pid*, its process group and all its descendants."""
    for one in (pid, *descendants(pid)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(one, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def end_alone(pid: int) -> tuple[int, ...]:
    """Send SIGKILL to *pid* alone, as a crash of it would; gives what it had started, which lives on."""
    left = descendants(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return left


def descendants(pid: int) -> tuple[int, ...]:
    """All living processes below *pid*, parents before children."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found = list(children.get(pid, ()))
    for one in found:  # grows while it is walked
        found.extend(children.get(one, ()))
    return tuple(found)


def _parents() -> list[tuple[int, int]]:
    """Every process with its parent: from /proc where there is one, since a small system may have no `ps`."""
    if os.path.isdir("/proc/self"):
        return [pair for name in os.listdir("/proc") if name.isdigit() and (pair := _from_proc(int(name)))]
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [(int(child), int(parent)) for child, parent in (line.split() for line in listing.splitlines())]


def _from_proc(pid: int) -> tuple[int, int] | None:
    """None when it has just ended. The program's name stands in brackets and may hold anything."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return pid, int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return None
