"""Which paths a set of globs covers, and which globs no plan may ever hold.

A glob is repository-relative with forward slashes: `*` and `?` stay within one folder, `**` as a whole component
crosses folders, a trailing `/` means everything below. Matching is by component and case matters.
"""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NEVER = (".git", ".claude", ".fermata", ".mcp.json")
BUILD_SERVER = (".github/workflows", ".gitlab-ci.yml", ".circleci")
SAFE_GLOB = re.compile(r"[^\x00-\x1f\x7f\\:]{1,300}\Z")


@lru_cache(maxsize=512)
def _patterns(glob: str) -> tuple[re.Pattern[str] | None, ...]:
    """One pattern for each component; None stands for `**`.

    One regular expression for the whole glob would backtrack for hours on `**/a/**/a/…`; `translate` does not.
    """
    if glob.endswith("/"):
        glob += "**"
    parts = glob.split("/")
    return tuple(None if part == "**" else re.compile(translate(part.replace("[", "[[]"))) for part in parts)


def _matches(glob: str, names: list[str]) -> bool:
    patterns = _patterns(glob)
    ends = {0}  # how many of the names the patterns so far can have used up
    for place, pattern in enumerate(patterns, 1):
        if pattern is None:
            least = min(ends) + (place == len(patterns))  # a closing `**` stands for at least one name
            ends = set(range(least, len(names) + 1))
        else:
            ends = {n + 1 for n in ends if n < len(names) and pattern.match(names[n])}
        if not ends:
            return False
    return len(names) in ends


def protected(path: str) -> bool:
    """Whether *path* steers git, Claude Code or fermata. At any depth: a session may have begun in a subfolder."""
    return any(part.casefold() in NEVER for part in path.split("/"))


def covers(globs: Iterable[str], path: str) -> bool:
    """Whether *path* (repository-relative, resolved, forward slashes) is inside one of *globs*.

    A protected path never is: `**` or `.c*/**` in a plan does not reach it.
    """
    names = path.split("/")
    return bool(path) and not protected(path) and any(_matches(glob, names) for glob in globs)


def outside(globs: list[str], paths: list[str]) -> list[str]:
    """Those of *paths* that no glob covers, in their order."""
    return [path for path in paths if not covers(globs, path)]


def glob_error(glob: str) -> str | None:
    """Why *glob* may not stand in a plan, or None.

    The places that steer git, Claude Code or fermata itself can never be in a plan's scope, whoever approves it.
    """
    if not SAFE_GLOB.match(glob) or not glob.isprintable():
        return "use 1 to 300 printable characters, forward slashes, no colon"
    parts = glob.split("/")
    if glob.startswith(("/", "~")) or ".." in parts or "." in parts or "" in parts[:-1]:
        return "write it relative to the repository's root, without `..`, `.`, `~` or empty parts"
    if any("**" in part and part != "**" for part in parts):
        return "`**` stands alone between slashes; within one folder write `*`"
    steers = next((part for part in parts if protected(part)), None)
    return f"`{steers}` steers git, Claude Code or fermata and is never in a plan's scope" if steers else None


def is_wide(glob: str) -> bool:
    """Whether *glob* deserves a line of its own in the report: it covers what the repository's build server obeys."""
    return any(_reaches(_patterns(glob.casefold()), place.split("/")) for place in BUILD_SERVER)


def _reaches(patterns: tuple[re.Pattern[str] | None, ...], names: list[str]) -> bool:
    for pattern, name in zip(patterns, names, strict=False):
        if pattern is None:
            return True
        if not pattern.match(name):
            return False
    return len(patterns) >= len(names)
