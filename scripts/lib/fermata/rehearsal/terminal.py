"""The client's screen and keyboard, in a pseudo-terminal of its own.

It sends keys and reads what is drawn; it never decides what to answer. Needs `pyte`, and a system
with pseudo-terminals (Linux, macOS, WSL).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import final

import pyte

from .client import World
from .processes import end_alone, end_group

KEYS = {
    "enter": "\r",
    "esc": "\x1b",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "tab": "\t",
    "shift-tab": "\x1b[Z",
    "backspace": "\x7f",
    "space": " ",
    "ctrl-c": "\x03",
    "ctrl-d": "\x04",
    "ctrl-o": "\x0f",
    "ctrl-u": "\x15",
}


class ScreenTimeoutError(TimeoutError):
    """The awaited text did not appear; the message shows the screen."""


def _unwrapped(screen: str) -> str:
    """The screen without white space: a long line may be broken anywhere."""
    return "".join(screen.split())


def permission_mode(screen: str) -> str:
    """The mode that the client names below its prompt; "" in default mode, which it does not name."""
    found = re.findall(r"(\w[\w ]*) on \(shift\+tab", screen)
    return found[-1] if found else ""


@final
class Terminal:
    """One client session on a screen. Use it as a context manager.

    Args:
        log: file that gets every byte the client draws.
        rows: high by default, so that a long question is drawn in full and nothing scrolls away.
    """

    def __init__(
        self, world: World, *arguments: str, log: Path | None = None, rows: int = 100, columns: int = 140
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._screen = _Screen(columns, rows, self._write)
        self._stream = pyte.ByteStream(self._screen)
        self._drawn = threading.Condition()
        self._last_output = time.monotonic()
        self._log = log.open("ab") if log else None
        self._process = subprocess.Popen(
            world.command(*arguments),
            cwd=world.project,
            env=world.environment(),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def screen(self) -> str:
        """What is drawn now, without trailing blanks and empty lines at the end."""
        with self._drawn:
            return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def wait_for_text(self, wanted: str | re.Pattern[str], timeout: float = 30.0) -> str:
        """Wait until *wanted* is on the screen; gives the screen.

        Raises:
            ScreenTimeoutError: it did not appear within *timeout* seconds.
        """
        pattern = re.compile(re.escape(wanted)) if isinstance(wanted, str) else wanted
        return self.wait_until(lambda screen: pattern.search(screen) is not None, f"{pattern.pattern!r}", timeout)

    def wait_until(self, accept: Callable[[str], bool], what: str, timeout: float = 30.0) -> str:
        """Wait until *accept* takes the screen; *what* names the wish in the error."""
        deadline = time.monotonic() + timeout
        with self._drawn:
            while not accept(self.screen()):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise ScreenTimeoutError(f"{what} not on the screen after {timeout} s:\n{self.screen()}")
                self._drawn.wait(left)
            return self.screen()

    def wait_quiet(self, seconds: float = 0.5, timeout: float = 30.0) -> str:
        """Wait until nothing was drawn for *seconds*: the client is ready for a key."""
        deadline = time.monotonic() + timeout
        with self._drawn:
            while (left := self._last_output + seconds - time.monotonic()) > 0:
                if time.monotonic() > deadline:
                    raise ScreenTimeoutError(f"still drawing after {timeout} s:\n{self.screen()}")
                self._drawn.wait(left)
            return self.screen()

    def type(self, text: str) -> None:
        """Type *text*, and wait until its end is drawn.

        The client takes a text and an Enter that arrive together for a paste, so Enter must come after it is drawn.
        """
        end = "".join(text.split())[-12:]
        before = _unwrapped(self.screen()).count(end)
        self._write(text)
        if end:
            self.wait_until(lambda screen: _unwrapped(screen).count(end) > before, f"typed text {end!r}", 10)
        self._settle()

    def paste(self, text: str) -> None:
        """Paste *text* as terminals do, in brackets, so that a line's end in it is not Enter."""
        self._write(f"\x1b[200~{text}\x1b[201~")
        self.wait_quiet()

    def press(self, *keys: str) -> None:
        """Press named keys (see KEYS) or single characters, one after the other."""
        for key in keys:
            self.send(key)
            time.sleep(0.05)  # two escape sequences in one read are taken for one
            self._settle()

    def send(self, key: str) -> None:
        """Send one key, and wait for nothing."""
        self._write(KEYS.get(key, key))

    def _settle(self) -> None:
        """Let the client draw what a key changed; a spinner may go on for ever."""
        with contextlib.suppress(ScreenTimeoutError):
            self.wait_quiet(0.15, 1)

    def switch_to(self, words: str, timeout: float = 20.0) -> None:
        """Press Shift+Tab until the line below the prompt says *words* ("plan mode", "accept edits"), busy or not.

        Raises:
            ScreenTimeoutError: the client has no such mode, or the line never changed.
        """
        deadline = time.monotonic() + timeout
        while (now := permission_mode(self.screen())) != words:
            self._write(KEYS["shift-tab"])
            left = deadline - time.monotonic()
            self.wait_until(lambda screen, now=now: permission_mode(screen) != now, f"a mode after {now!r}", left)  # type: ignore[misc]

    def submit(self, text: str) -> None:
        """Type *text* and press Enter."""
        self.type(text)
        self.press("enter")

    def ended(self, seconds: float) -> bool:
        """Whether the client ends by itself within *seconds*."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.poll() is not None

    def kill9(self) -> None:
        """End the client and all it started at once, as a crash of the machine would."""
        end_group(self._process.pid)
        self._process.wait()

    def crash(self) -> tuple[int, ...]:
        """End the client alone: a detached check lives on. Gives what it had started, for the caller to end."""
        left = end_alone(self._process.pid)
        self._process.wait()
        return left

    def close(self) -> None:
        """End everything that was started here. The screen can still be read."""
        if self._process.poll() is None:
            self.kill9()
        self._reader.join(5)
        with contextlib.suppress(OSError):
            os.close(self._master)
        if self._log:
            self._log.close()

    def _write(self, text: str) -> None:
        os.write(self._master, text.encode())

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # Linux answers EIO once the client's side is closed
                data = b""
            with self._drawn:
                if not data:
                    self._drawn.notify_all()
                    return
                if self._log:
                    self._log.write(data)
                self._stream.feed(data)
                self._last_output = time.monotonic()
                self._drawn.notify_all()


class _Screen(pyte.Screen):
    """A screen that answers the client's questions about the terminal."""

    def __init__(self, columns: int, rows: int, answer: Callable[[str], None]) -> None:
        self._answer = answer
        super().__init__(columns, rows)

    def write_process_input(self, data: str) -> None:
        self._answer(data)
