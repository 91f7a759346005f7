"""Which paths a set of globs covers, and which globs no plan may ever hold.

A glob is repository-relative with forward slashes: `*` and `?` stay within one folder, `**` as a whole component
crosses folders, a trailing `/` means everything below. Matching is by component and case matters.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NEVER = (".git", ".claude", ".fermata", ".mcp.json")
BUILD_SERVER = (".github/workflows", ".gitlab-ci.yml", ".circleci", ".travis.yml", ".buildkite", "Jenkinsfile")
MAX_GLOB = 300


def _parts(glob: str) -> list[str]:
    return (glob + "**" if glob.endswith("/") else glob).split("/")


def _fits(part: str, name: str) -> bool:
    """Whether one component of a glob takes one name. The two usual kinds are told without `re`, which is slow to load."""
    head, star, tail = part.partition("*")
    if "?" not in part and "*" not in tail:
        return (
            (len(name) >= len(head) + len(tail) and name.startswith(head) and name.endswith(tail))
            if star
            else name == part
        )
    from fnmatch import fnmatchcase

    return fnmatchcase(name, part.replace("[", "[[]"))


def _matches(glob: str, names: list[str]) -> bool:
    """By component: one regular expression for the whole glob would backtrack for hours on `**/a/**/a/…`."""
    parts = _parts(glob)
    ends = {0}  # how many of the names the parts so far can have used up
    for place, part in enumerate(parts, 1):
        if part == "**":
            least = min(ends) + (place == len(parts))  # a closing `**` stands for at least one name
            ends = set(range(least, len(names) + 1))
        else:
            ends = {n + 1 for n in ends if n < len(names) and _fits(part, names[n])}
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
    if not 1 <= len(glob) <= MAX_GLOB or not glob.isprintable() or "\\" in glob or ":" in glob:
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
    return any(_reaches(_parts(glob.casefold()), place.casefold().split("/")) for place in BUILD_SERVER)


def _reaches(parts: list[str], names: list[str]) -> bool:
    for part, name in zip(parts, names, strict=False):
        if part == "**":
            return True
        if not _fits(part, name):
            return False
    return len(parts) >= len(names)


def contains(outer: str, inner: str) -> bool:
    """Whether it is proven that *outer* covers every path that *inner* covers. No proof is a no."""
    return _contains(tuple(_parts(outer)), tuple(_parts(inner)), {})


def _contains(outer: tuple[str, ...], inner: tuple[str, ...], known: dict[tuple[int, int], bool]) -> bool:
    """*known* holds what was found out for what is left of both; without it `**/a/**/a/…` would take hours."""
    if not outer or not inner:
        return outer == inner
    left = len(outer), len(inner)
    if left not in known:
        if outer[0] != "**":
            known[left] = inner[0] != "**" and _takes(outer[0], inner[0]) and _contains(outer[1:], inner[1:], known)
        else:  # a closing `**` stands for at least one name, and so does whatever is left of *inner*
            known[left] = len(outer) == 1 or _contains(outer[1:], inner, known) or _contains(outer, inner[1:], known)
    return known[left]


def _takes(outer: str, inner: str) -> bool:
    """The same for one component: equal; a plain name that fits; or what one `*` leaves fixed is fixed in *inner*."""
    if outer == inner:
        return True
    if not set(inner) & set("*?"):
        return _fits(outer, inner)
    head, star, tail = outer.partition("*")
    if not star or set(head + tail) & set("*?"):
        return False
    fixed = inner.replace("?", "*").split("*")
    return fixed[0].startswith(head) and fixed[-1].endswith(tail)


def meet(one: str, other: str) -> bool:
    """Whether some path may lie in both globs. In doubt yes: case and Unicode forms count as one, as on some disks."""
    from unicodedata import normalize

    first, second = ([normalize("NFC", part).casefold() for part in _parts(glob)] for glob in (one, other))
    return _meet(tuple(first), tuple(second), {})


def _meet(one: tuple[str, ...], other: tuple[str, ...], known: dict[tuple[int, int], bool]) -> bool:
    """*known* holds what was found out for what is left of both."""
    if not one or not other:
        return one == other
    left = len(one), len(other)
    if left not in known:
        if ("**",) in (one, other):  # a closing `**` stands for one name and whatever follows
            known[left] = True
        elif one[0] == "**":
            known[left] = _meet(one[1:], other, known) or _meet(one, other[1:], known)
        elif other[0] == "**":
            known[left] = _meet(one, other[1:], known) or _meet(one[1:], other, known)
        else:
            known[left] = _components_meet(one[0], other[0], {}) and _meet(one[1:], other[1:], known)
    return known[left]


def _components_meet(one: str, other: str, known: dict[tuple[int, int], bool]) -> bool:
    """Whether some name fits both components."""
    if not one or not other:
        return not (one + other).strip("*")
    left = len(one), len(other)
    if left not in known:
        if one[0] == "*":
            known[left] = _components_meet(one[1:], other, known) or _components_meet(one, other[1:], known)
        elif other[0] == "*":
            known[left] = _components_meet(one, other[1:], known) or _components_meet(one[1:], other, known)
        else:
            same = one[0] == other[0] or "?" in (one[0], other[0])
            known[left] = same and _components_meet(one[1:], other[1:], known)
    return known[left]
