"""Measures how worktrees are made ready, against git alone in the same round, and says which targets hold.

    python3 benchmarks/worktrees.py [--rounds 5] [--files 5000] [--json FILE] [--table FILE]

Every figure is a median of ratios, each taken in one round. The floor is MODULES times a plain `git worktree add`, which
takes no snapshot, links nothing and hides nothing; the two take turns, worktree by worktree, so that what else the disk
does strikes both. Exit code 0: every target holds; 8: one does not.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from figures import Row, options, report
from project import ROOT

from fermata.git.repo import Repo, find_repo
from fermata.git.worktrees import Base, base_now, free_path, make_worktree, remove_worktree

if TYPE_CHECKING:
    from collections.abc import Callable

assert ROOT  # its import has set the path

MODULES = 8
RUN = "orch_20261121_000000_0000"


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def repository(folder: Path, files: int) -> Repo:
    """*files* tracked files of about 4 kB in folders of fifty, a few of them changed, a few untracked."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    for number in range(files):
        place = folder / f"pkg{number // 50:03d}" / f"module_{number}.py"
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"# {number}\n" + "value = 'some text that is here to be text'\n" * 95)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "begin")
    (folder / "pkg000/module_0.py").write_text("changed\n")
    (folder / "new.py").write_text("new\n")
    found = find_repo(str(folder))
    assert found is not None
    return found


def spent_by(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def one_round(repo: Repo) -> tuple[float, float]:
    """Seconds for the snapshot of what the user has and MODULES worktrees of it; and for as many of git's own."""
    bases = list[Base]()
    ours, plain = spent_by(lambda: bases.append(base_now(repo, f"{RUN}/base"))), 0.0
    paths = [free_path(repo, RUN, f"code.{number}") for number in range(MODULES)]
    places = [f"{repo.root}/.fermata/worktrees/plain/{number}" for number in range(MODULES)]
    for number, (path, place) in enumerate(zip(paths, places, strict=True)):
        for own in (True, False) if number % 2 else (False, True):
            if own:
                ours += spent_by(partial(make_worktree, repo, path, bases[0].commit, []))
            else:
                plain += spent_by(partial(git, Path(repo.root), "worktree", "add", "--detach", place))
    for path, place in zip(paths, places, strict=True):
        shutil.rmtree(os.path.join(repo.root, path))
        remove_worktree(repo, path, f"{RUN}/left")
        git(Path(repo.root), "worktree", "remove", "--force", place)
    os.sync()
    return ours, plain


def ready(folder: Path, rounds: int, files: int, bound: float | None) -> list[Row]:
    repo = repository(folder / str(files), files)
    found = [one_round(repo) for _ in range(rounds + 1)][1:]  # the first one warms the disk
    ratios = [ours / plain for ours, plain in found]
    what = f"{MODULES} worktrees of {files:,} files, snapshot included"
    return [
        Row(what, statistics.median(ratios), bound, f"x {MODULES} plain `git worktree add`"),
        Row(f"{what}, worst round", max(ratios), None, "x"),
        Row(f"{what}, by the clock", statistics.median(ours for ours, _ in found), None, "s"),
    ]


def main() -> int:
    parser = options(__doc__, rounds=5)
    parser.add_argument("--files", type=int, default=5_000, help="files in the large repository (default 5000)")
    given = parser.parse_args()

    def measure(folder: Path) -> list[Row]:
        return [*ready(folder, given.rounds, given.files, 1.0), *ready(folder, given.rounds, 50, None)]

    return report(given, measure)


if __name__ == "__main__":
    sys.exit(main())
