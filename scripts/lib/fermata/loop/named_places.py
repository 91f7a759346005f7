"""Whether the places that a judgement names as evidence, `path:line`, are there: a place that nobody can look at shows nothing.

Judges only criteria that are called met, and of their words only what has the form of a place; what stands at it is the
reviewer's to judge.
"""

from __future__ import annotations

import os
import re

from ..core.consultation import line
from ..git.repo import path_text, run_git

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json
    from ..git.repo import Repo

APART = re.compile(r"[\s`\"'()\[\]<>,;]+")
# With a folder or an ending of letters: neither `12:30` nor `127.0.0.1:80` is a place.
PLACE = re.compile(r"(?P<path>[^:]*(?:/[^/:]+|[^/:]\.[A-Za-z]\w*)):(?P<line>[1-9]\d{0,6})(?:[-:–]\d+)*[.:]?")
MAX_READ = 8_000_000


def places_error(repo: Repo, value: dict[str, Json]) -> str | None:
    """Why the evidence of *value*, a result with `criteria`, cannot be what was seen in *repo*; None where it can."""
    for one in value["criteria"]:
        said = one["evidence"].replace(f"{repo.root}/", "")
        found = [match for word in APART.split(said) if (match := PLACE.fullmatch(word))]
        wrong = [why for match in found if (why := _absent(repo, match["path"], int(match["line"])))]
        if one["met"] and found and len(wrong) == len(found):
            return (
                f'the evidence for "{line(one["criterion"], 120)}" names {line(wrong[0], 300)} in the tree that you judge; '
                "name a place that is there, as path:line from its top, or the check of fermata's and how it ended"
            )
    return None


def _absent(repo: Repo, path: str, number: int) -> str | None:
    """Why there is no line *number* of *path*; which may be absolute, or the end of a path alone."""
    ends = [_lines(whole) for whole in _candidates(repo, path)]
    if not ends:
        return f"{path}:{number}, and there is no such file"
    return None if number <= max(ends) else f"{path}:{number}, and that file has {max(ends)} lines"


def _candidates(repo: Repo, path: str) -> list[str]:
    top = os.path.realpath(repo.root)
    whole = os.path.realpath(os.path.join(top, path))
    if os.path.isfile(whole) and whole.startswith(f"{top}{os.sep}"):
        return [whole]
    listed = run_git(repo, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split(b"\0")[:-1]
    ended = [os.path.join(top, name) for name in map(path_text, listed) if name.endswith(path)]
    return [name for name in ended if os.path.isfile(name) and not os.path.islink(name)]


def _lines(whole: str) -> int:
    """How many lines a file has; a last one without an end counts. Of a huge file: more than anybody names."""
    with open(whole, "rb") as file:
        data = file.read(MAX_READ + 1)
    return MAX_READ if len(data) > MAX_READ else data.count(b"\n") + (data[-1:] not in (b"", b"\n"))
