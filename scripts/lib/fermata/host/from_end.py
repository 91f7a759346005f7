"""The lines of a large file, last one first, in blocks that grow. Only reads, and knows nothing of what stands in them."""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

BLOCK, MAX_BLOCK = 65_536, 524_288


def open_plain(path: str) -> BufferedReader:
    """*path* for reading bytes; a pipe in its place is an OSError, and nobody waits for who writes into it."""
    file = open(path, "rb", opener=_at_once)  # noqa: SIM115 - the caller closes it
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "not a plain file", path)


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def lines_from_end(file: BufferedReader, needle: bytes = b"", most: int | None = None) -> Iterator[bytes]:
    """The lines of *file* from its end on; the last one may still be being written.

    Args:
        file: opened for reading bytes.
        needle: lines that stand together where it does not occur may be left out, so that megabytes cost little.
        most: stop once so many bytes were read; None reads to the beginning.
    """
    size = end = file.seek(0, os.SEEK_END)
    step = BLOCK
    rest: list[bytes] = []  # of the line that begins further in front, last part first
    while end > 0:
        if most is not None and size - end >= most:
            return
        step = min(step, end)
        end -= step
        file.seek(end)
        head, newline, lines = file.read(step).partition(b"\n")
        if newline:
            whole = b"".join((lines, *reversed(rest)))
            if needle in whole:
                yield from reversed(whole.split(b"\n"))
            rest = []
        rest.append(head)
        step = min(2 * step, MAX_BLOCK)
    yield b"".join(reversed(rest))
