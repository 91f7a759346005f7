"""The person's side of a simulated session: a screen with a prompt and a picker, or standard output for a script.

It draws and reads keys; it never answers a question itself.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
import termios
import threading
import tty
from collections import deque
from typing import TYPE_CHECKING

from .payloads import Fields

if TYPE_CHECKING:
    from .session import Session

PROMPT = "❯ "
KEY = re.compile(r"\x1b\[[A-D]|.", re.DOTALL)
UP, DOWN, ENTER, BACKSPACE = "\x1b[A", "\x1b[B", "\r", "\x7f"
LEAVE = frozenset("\x03\x04")
OWN_WORDS = "Type something."


class Screen:
    """A terminal. Keys are read all along, so that what is typed in a turn waits for its end."""

    attended = True

    def __init__(self) -> None:
        self._keys: deque[str] = deque()
        self._changed = threading.Condition()
        self._drawing = threading.Lock()

    def play(self, session: Session) -> None:
        """Until the person leaves."""
        self._changed = session.changed  # one thing to wait for: a key, or an agent's end
        threading.Thread(target=self._read_keys, daemon=True).start()
        line = ""
        self._draw(PROMPT)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._keys or session.has_news)
                key = "" if session.has_news else self._keys.popleft()
            if key in LEAVE:
                return
            if not key:
                session.woken()
            elif key != ENTER:
                line = line[:-1] if key == BACKSPACE else line + key
                self._draw("\b \b" if key == BACKSPACE else key)
                continue
            elif line.strip():
                self._draw("\n")
                session.type(line)
                line = ""
            self._draw(f"\n{PROMPT}{line}")

    def show(self, text: str) -> None:
        self._draw(f"\n{text}\n")

    def ask(self, question: Fields) -> str:
        """The label that the person picked, or their own words."""
        options = question.get("options")
        told = [option for option in options if isinstance(option, dict)] if isinstance(options, list) else []
        rows = [(str(option.get("label")), str(option.get("description", ""))) for option in told]
        self._draw(f"\n{question.get('question')}\n")
        at = self._pick([*rows, (OWN_WORDS, "")])
        return rows[at][0] if at < len(rows) else self._own_words()

    def _pick(self, rows: list[tuple[str, str]]) -> int:
        """The row that the person chose: by arrows and Enter, or by its number alone."""
        at, above = 0, 0
        while True:
            lines = [
                line
                for i, (label, description) in enumerate(rows)
                for line in (f"{PROMPT if i == at else '  '}{i + 1}. {label}", f"     {description}")
                if line.strip()
            ]
            self._draw((f"\x1b[{above}A" if above else "") + "".join(f"\x1b[K{line}\n" for line in lines))
            above = len(lines)
            key = self._next_key()
            if key == ENTER:
                return at
            if key.isdigit() and 0 < int(key) <= len(rows):
                return int(key) - 1
            at = (at + {UP: -1, DOWN: 1}.get(key, 0)) % len(rows)

    def _own_words(self) -> str:
        words = ""
        while (key := self._next_key()) != ENTER:
            words += key
            self._draw(key)
        return words

    def _next_key(self) -> str:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._keys))
            return self._keys.popleft()

    def _read_keys(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while data := os.read(sys.stdin.fileno(), 65_536):
            with self._changed:
                self._keys.extend(key.replace("\n", ENTER) for key in KEY.findall(decoder.decode(data)))
                self._changed.notify_all()
        with self._changed:
            self._keys.extend(LEAVE)
            self._changed.notify_all()

    def _draw(self, text: str) -> None:
        with self._drawing:
            sys.stdout.write(text)
            sys.stdout.flush()


class Stream:
    """`-p`: JSON lines on standard output, one `result` for each turn of the main thread."""

    attended = False

    def play(self, session: Session, prompt: str) -> None:
        """One prompt, and every turn that its agents' ends begin."""
        told = {"session_id": session.origin.session, "cwd": session.origin.cwd}
        self._line({"type": "system", "subtype": "init", **told})
        self._result(session, session.type(prompt))
        while True:
            with session.changed:
                session.changed.wait_for(lambda: session.has_news or not session.agents.busy, 0.2)
            said = session.woken()
            if said is not None:
                self._result(session, said)
            elif not session.agents.busy and not session.has_news:
                return

    def show(self, text: str) -> None:
        self._line({"type": "system", "subtype": "informational", "content": text})

    def ask(self, question: Fields) -> str:
        raise AssertionError(f"nobody is here to answer {question.get('question')!r}")

    def _result(self, session: Session, said: str) -> None:
        self._line({"type": "result", "subtype": "success", "result": said, "session_id": session.origin.session})

    def _line(self, value: Fields) -> None:
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()


def take_terminal() -> None:
    """Keys one by one, drawn by us alone; Ctrl-C comes as a key."""
    tty.setcbreak(sys.stdin.fileno())
    mode = termios.tcgetattr(sys.stdin.fileno())
    mode[0] &= ~termios.ICRNL
    mode[3] &= ~termios.ISIG
    termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, mode)
