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
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listing.splitlines():
        child, parent = (int(word) for word in line.split())
        children.setdefault(parent, []).append(child)
    found = list(children.get(pid, ()))
    for one in found:  # grows while it is walked
        found.extend(children.get(one, ()))
    return tuple(found)
