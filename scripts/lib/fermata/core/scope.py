"""Which paths a set of globs covers, and which globs no plan may ever hold.

A glob is repository-relative with forward slashes: `*` and `?` stay within one folder, `**` crosses folders,
a trailing `/` means everything below. Matching is by component and case matters.
"""

from __future__ import annotations

import re
from functools import lru_cache

NEVER = (".git", ".claude", ".fermata", ".mcp.json")
WIDE = ("**", "*", ".github/workflows", ".gitlab-ci.yml", ".circleci")
SAFE_GLOB = re.compile(r"[^\x00-\x1f\x7f\\:]{1,300}\Z")


@lru_cache(maxsize=512)
def _pattern(glob: str) -> re.Pattern[str]:
    if glob.endswith("/"):
        glob += "**"
    out, i = [], 0
    while i < len(glob):
        if glob.startswith("**/", i):
            out.append(r"(?:[^/]+/)*")
            i += 3
        elif glob.startswith("**", i):
            out.append(r".+")
            i += 2
        else:
            out.append({"*": r"[^/]*", "?": r"[^/]"}.get(glob[i]) or re.escape(glob[i]))
            i += 1
    return re.compile("".join(out) + r"\Z", re.DOTALL)


def covers(globs: list[str], path: str) -> bool:
    """Whether *path* (repository-relative, resolved, forward slashes) is inside one of *globs*."""
    return any(_pattern(glob).match(path) for glob in globs)


def outside(globs: list[str], paths: list[str]) -> list[str]:
    """Those of *paths* that no glob covers, in their order."""
    return [path for path in paths if not covers(globs, path)]


def glob_error(glob: str) -> str | None:
    """Why *glob* may not stand in a plan, or None.

    The places that steer git, Claude Code or fermata itself can never be in a plan's scope, whoever approves it.
    """
    if not SAFE_GLOB.match(glob):
        return "use 1 to 300 printable characters, forward slashes, no colon"
    parts = glob.split("/")
    if glob.startswith(("/", "~")) or ".." in parts or "." in parts:
        return "write it relative to the repository's root, without `..`, `.` or `~`"
    first = parts[0].casefold()
    if first in NEVER or any(part.casefold() == ".git" for part in parts):
        return f"`{parts[0]}` steers git, Claude Code or fermata and is never in a plan's scope"
    return None


def is_wide(glob: str) -> bool:
    """Whether *glob* deserves a line of its own in the report: all of the repository, or what its build server obeys."""
    bare = glob.rstrip("/")
    return bare in WIDE or any(bare.startswith(w + "/") for w in WIDE[2:]) or glob.startswith("**")
