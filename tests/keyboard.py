"""A person at a plain terminal: one program in a pseudo-terminal, and what is typed when it asks."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PROMPT = b"[y/N]"


def in_a_terminal(
    argv: Sequence[str], cwd: str | Path, env: Mapping[str, str], typed: str, seconds: float = 15
) -> tuple[str, int]:
    """Run *argv*; *typed* is typed when it asks for yes or no. Gives all it drew, and its exit code."""
    master, slave = pty.openpty()
    # `setsid -c` in effect: a terminal of its own, so that Ctrl-C is a signal.
    child = subprocess.Popen(
        [sys.executable, "-c", OWN_TERMINAL, *argv],
        cwd=cwd,
        env=dict(env),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        shown = _talk(master, typed, time.monotonic() + seconds)
        return shown.decode(), child.wait(5)
    finally:
        child.kill()
        child.wait()
        os.close(master)


OWN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)


def _talk(master: int, typed: str, deadline: float) -> bytes:
    shown, asked = b"", False
    with suppress(OSError):  # Linux answers EIO once the other side is closed
        while time.monotonic() < deadline:
            if not select.select([master], [], [], 0.5)[0]:
                # Python forgets a Ctrl-C that comes just as it begins to wait for a line; a person presses it again.
                os.write(master, typed.encode() if asked else b"")
                continue
            data = os.read(master, 65536)
            if not data:
                break
            shown += data
            if PROMPT in shown and not asked:
                asked = True
                os.write(master, typed.encode())
    return shown
