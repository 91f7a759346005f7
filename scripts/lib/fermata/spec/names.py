"""Which names a module may have: a folder, a worktree and a branch are called by it, on every system.

A name is lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or digit, at most 64 long; or several of
them with slashes between. Two may not become one on a disk that does not tell case or Unicode forms apart.
"""

from __future__ import annotations

import re
from unicodedata import normalize

PART = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
DEVICES = frozenset(
    ("con", "prn", "aux", "nul", "conin$", "conout$", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)))
)
MAX_NAME = 200
RULE = "a module is named by lower-case letters, digits, `.`, `_` and `-`, 64 at most, as `auth` or `services/auth`"


def name_error(name: str) -> str | None:
    """Why *name* cannot be a module's, or None. The rule that it breaks, in a few words."""
    if len(name) > MAX_NAME:
        return f"it has {len(name)} characters, {MAX_NAME} are the most"
    if name.startswith(("/", "~")) or re.match(r"[A-Za-z]:", name):
        return "it is no path within the repository"
    for part in name.split("/"):
        error = _part_error(part)
        if error:
            return error
    return None


def _part_error(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "`..`, `.` and empty parts lead elsewhere"
    if part.endswith((".", " ")):
        return "it ends in a dot or a space, which some disks drop"
    if ".." in part or "@{" in part or part.lower().endswith(".lock"):
        return "git takes no branch with `..`, `@{` or `.lock` at its end"
    if part.lower().split(".")[0] in DEVICES:
        return "it is a device on Windows"
    return None if PART.match(part) else RULE


def same_name(name: str) -> str:
    """What *name* becomes on a disk that tells neither case nor Unicode forms apart."""
    return normalize("NFC", normalize("NFC", name).casefold())
