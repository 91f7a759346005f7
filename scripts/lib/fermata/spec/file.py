"""Reading a specification from disk: everything that is no document of a page or a few hundred is refused with its reason.

Nothing is waited for (a FIFO), nothing is read twice, and with a root given nothing outside of it is read.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..definitions.names import SPEC_FILE

if TYPE_CHECKING:
    from .records import Spec


MAX_BYTES = 1_000_000


class SpecError(Exception):
    """A file that is no specification; `str()` names it, the rule and the next move."""

    exit_code = 8


def read_spec_file(path: str, root: str = "") -> Spec:
    """The specification in *path*.

    Args:
        path: of the file.
        root: the repository; with it a *path* that leads out of it, by a link too, is refused.

    Raises:
        SpecError: missing, empty, too large, no plain file, no UTF-8 text, outside of *root*.
    """
    from .reader import read_spec  # slow to load: who only looks whether the text has changed needs none of it

    return read_spec(read_spec_text(path, root))


def read_spec_text(path: str, root: str = "") -> str:
    """Its text, as `read_spec` takes it. Raises SpecError."""
    if "\0" in path:
        raise SpecError("the path of a specification cannot hold a NUL byte; name a file such as .spec/SPEC.md")
    if root and not _inside(path, root):
        raise SpecError(
            f"{path} leads out of the repository {root}; a specification lies within it. Copy it to {SPEC_FILE}"
        )
    data = _read(path)
    if len(data) > MAX_BYTES:
        raise SpecError(
            f"{path} has more than {MAX_BYTES:,} bytes; a specification has {MAX_BYTES:,} at most. Split it"
        )
    if b"\0" in data:
        raise SpecError(
            f"{path}:{1 + data[: data.index(0)].count(10)}: a NUL byte; this is no text. Name the Markdown file"
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = 1 + data[: error.start].count(b"\n")
        raise SpecError(f"{path}:{line}: byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8") from None
    if not text.strip("\ufeff \t\r\n"):
        raise SpecError(f"{path}:1: the file is empty; /fermata:prelude helps to write a specification")
    return text


def _inside(path: str, root: str) -> bool:
    top = os.path.realpath(root)
    return os.path.realpath(path).startswith(top.rstrip(os.sep) + os.sep)


def _read(path: str) -> bytes:
    """At most one byte more than allowed. Opened without waiting: a FIFO nobody writes to would hold us for ever."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        raise SpecError(
            f"{path}: there is no such file; name the specification, or let /fermata:prelude write {SPEC_FILE}"
        ) from None
    except OSError as error:
        raise SpecError(f"{path}: {error.strerror}; name a plain file that can be read") from None
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise SpecError(f"{path} is {_kind(mode)}, no plain file; name the Markdown file")
        with os.fdopen(os.dup(handle), "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecError(f"{path}: {error.strerror}; name a plain file that can be read") from None
    finally:
        os.close(handle)


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a FIFO"
    return "a device or a socket"
