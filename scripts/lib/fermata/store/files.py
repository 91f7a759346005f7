"""Whole files or none: atomic JSON, bounded reading, safe names."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress

from .errors import Damaged, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
MAX_STATE = 32_000_000
# Seconds after which a temporary file whose writer we do not know is nobody's.
LEFTOVER_AGE = 60.0


def safe_name(name: str) -> str:
    """*name*, when it may become a file's name.

    Raises:
        StoreError: it could leave its folder or confuse a file system.
    """
    if not NAME.match(name) or name.endswith("."):
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
    temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with open(os.open(temporary, flags, 0o600), "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if sync:
            sync_folder(os.path.dirname(path))
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


def sync_folder(path: str) -> None:
    """Make a rename or a new file in *path* last through a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: str, value: Json, *, sync: bool = False) -> None:
    """`write_text` for a JSON value. Raises ValueError for what JSON cannot say, before anything is written."""
    write_text(path, json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n", sync=sync)


def read_json(path: str) -> Json:
    """The JSON value in *path*; None when there is no such file.

    Raises:
        Damaged: not a plain file, too large, or not JSON.
        OSError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_STATE + 1)
    except FileNotFoundError:
        return None
    if len(data) > MAX_STATE:
        raise Damaged(f"{path} has more than {MAX_STATE:,} bytes; fermata never writes such a file. Move it aside")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise Damaged(f"{path} is not JSON; move it aside") from None


def remove_leftovers(folder: str, dead_after: float, now: float) -> None:
    """Delete temporary files that a crash left in *folder* *dead_after* seconds or more before *now*."""
    if not os.path.isdir(folder):
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".tmp") and entry.is_file(follow_symlinks=False):
                with suppress(FileNotFoundError):
                    if now - entry.stat(follow_symlinks=False).st_mtime >= dead_after:
                        os.unlink(entry.path)
