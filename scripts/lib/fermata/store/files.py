"""Whole files or none: atomic JSON, bounded reading, safe names."""

from __future__ import annotations

import os

from ..core.quick_json import dumps, loads
from .errors import Damaged, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json

NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
MAX_NAME = 64
MAX_STATE = 32_000_000
# Seconds after which a temporary file whose writer we do not know is nobody's.
LEFTOVER_AGE = 60.0


def safe_name(name: str) -> str:
    """*name*, when it may become a file's name.

    Raises:
        StoreError: it could leave its folder or confuse a file system.
    """
    if not 1 <= len(name) <= MAX_NAME or not NAME.issuperset(name) or name[0] in "._-" or name[-1] == ".":
        raise StoreError(f"{name[:80]!r} is not a usable name: lower-case letters, digits, `.`, `_`, `-`, at most 64")
    return name


def make_folder(path: str) -> str:
    """*path* as a folder only its owner can read. Raises OSError."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def write_text(path: str, text: str, *, sync: bool = False) -> None:
    """Replace *path* with *text*, or leave it untouched.

    A reader sees the old file or the new one, never half of either. The temporary file sits in the same folder
    because a rename is atomic only within one file system. *sync* is for files that nothing else could rebuild.

    Raises:
        OSError: disk full, read-only folder; the old file is still whole.
    """
    data = text.encode()
    temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            write_all(handle, data)
            if sync:
                os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C and a hook's deadline leave nothing behind either
        forget(temporary)
        raise
    if sync:
        sync_folder(os.path.dirname(path))


def forget(path: str) -> None:
    """Delete the file at *path*, if there is one. Raises OSError."""
    try:  # noqa: SIM105 - contextlib would be one more module for every hook to load
        os.unlink(path)
    except FileNotFoundError:
        pass


def write_all(handle: int, data: bytes) -> None:
    """Write the whole of *data*; the system may take it in pieces. Raises OSError."""
    written = os.write(handle, data)
    while written < len(data):
        written += os.write(handle, data[written:])


def sync_folder(path: str) -> None:
    """Make a rename or a new file in *path* last through a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: str, value: Json, *, sync: bool = False) -> None:
    """`write_text` for a JSON value. Raises ValueError for what JSON cannot say, before anything is written."""
    write_text(path, dumps(value) + "\n", sync=sync)


def read_json(path: str) -> Json:
    """The JSON value in *path*; None when there is no such file.

    Raises:
        Damaged: not a plain file, too large, or not JSON.
        OSError: it cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        size = os.fstat(handle).st_size
        if size > MAX_STATE:
            raise Damaged(f"{path} has more than {MAX_STATE:,} bytes; fermata never writes such a file. Move it aside")
        data = os.read(handle, size)
    finally:
        os.close(handle)
    try:
        return loads(data)
    except (ValueError, RecursionError):
        raise Damaged(f"{path} is not JSON; move it aside") from None


def remove_leftovers(folder: str, dead_after: float, now: float, ending: str = ".tmp") -> None:
    """Delete temporary files (those with *ending*) that were left in *folder* *dead_after* seconds or more before *now*."""
    if not os.path.isdir(folder):
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(ending) and entry.is_file(follow_symlinks=False):
                try:
                    if now - entry.stat(follow_symlinks=False).st_mtime >= dead_after:
                        os.unlink(entry.path)
                except FileNotFoundError:  # another process sweeps, too
                    continue
