"""Writes a check's output to its log, however much there is: the beginning as it comes, the end when it is over.

At most 1 MB of the beginning and 4 MB of the end are kept; memory stays below about 8 MB. Nothing is interpreted here.
"""

from __future__ import annotations

import os

HEAD = 1 << 20
TAIL = 4 << 20


class Capture:
    """An open log. Call `finish` exactly once; the end of a long output is only in the file after that."""

    def __init__(self, path: str, head: int = HEAD, tail: int = TAIL) -> None:
        self.path, self.head, self.tail = path, head, tail
        self.written = self.left_out = 0
        self.end = bytearray()
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def write(self, data: bytes) -> None:
        """Take the next piece of output.

        Raises:
            OSError: the disk is full.
        """
        now = data[: self.head - self.written]
        self._put(now)
        self.written += len(now)
        self.end += data[len(now) :]
        if len(self.end) > 2 * self.tail:
            self._forget()

    def _forget(self) -> None:
        too_many = len(self.end) - self.tail
        if too_many > 0:
            del self.end[:too_many]
            self.left_out += too_many

    def _put(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.file, rest) :]

    def finish(self) -> None:
        """Write the end, after a line that says how much is left out before it, and close the log."""
        try:
            self._forget()
            if self.left_out:
                self._put(f"\n[{self.left_out:,} bytes of output are left out here]\n".encode())
            self._put(bytes(self.end))
        finally:
            os.close(self.file)


def read_end(path: str, size: int = 65_536) -> str:
    """The last *size* bytes of a log as text."""
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - size))
        return file.read().decode("utf-8", "replace")
