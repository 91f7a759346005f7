"""Measures checkpoints and rollbacks against plain git in the same run, and says which targets hold.

    python3 benchmarks/checkpoint.py [--rounds 15] [--json FILE] [--table FILE]

Each figure is the median of ratios that were taken one right after the other, because ratios stay the same on a busy
machine and milliseconds do not. A checkpoint is measured against `git add -A && git commit` of the same three changed
files and one new one, in a second repository just like the first: in the same one, the commit would find the files stored
already, and only one of the two would pay for that. A rollback of three files, less the checkpoint that it takes first, against
`git reset --hard`. The time of the Python interpreter is not in it: the engine saves its checkpoints in its own process.
Exit code 0: every target holds; 8: one does not.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from figures import Row, options, report
from project import created

from fermata.git.repo import Repo, find_repo
from fermata.git.snapshot import changed_paths, look, take_snapshot
from fermata.loop.checkpoints import checkpoint_after, make_checkpoint
from fermata.loop.rollback import roll_back
from fermata.store.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata.core.records import Dispatch
    from fermata.store.run_store import News, RunStore

WHO = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
Body = dict[str, object]
RUN = "orch_20261121_000000_0000"
SIZES = ((50, 2.5), (5_000, 1.4))


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", *WHO, *words], cwd=root, check=True, capture_output=True)


def repository(root: Path, count: int) -> Repo:
    """*count* tracked files, fifty in a folder, none of them as young as the index."""
    for number in range(count):
        place = root / f"d{number // 50}" / f"f{number}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"line of file {number}\n" * 20)
    git(root, "init", "-q")
    time.sleep(1.2)  # git reads each file again that is as young as its index
    git(root, "add", "-A")
    git(root, "commit", "-qm", "begin")
    found = find_repo(str(root))
    assert found is not None
    return found


def run_store(repo: Repo) -> RunStore:
    """A run to which checkpoints can belong."""
    project = Project(repo.common_dir)
    project.prepare()
    store = project.run(RUN)
    store.transact("bench", lambda _: [("run_created", created(RUN))])
    return store


def seconds(act: Callable[..., object], *given: object) -> float:
    began = time.perf_counter()
    act(*given)
    return time.perf_counter() - began


def commit_all(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "bench")


def change(root: Path, number: int, *, new: bool = True) -> None:
    for file in range(3):
        with (root / "d0" / f"f{file}.txt").open("a") as text:
            text.write(f"change {number}\n")
    if new:
        (root / f"new{number}.txt").write_text(f"{number}\n")


def saving(folder: Path, rounds: int) -> list[Row]:
    """A checkpoint, and the commit of the same changes in a repository just like it: each stores what it finds itself."""
    rows = []
    for count, bound in SIZES:
        root, other = folder / f"save{count}", folder / f"plain{count}"
        repo = repository(root, count)
        repository(other, count)
        store, ratios, ours = run_store(repo), list[float](), list[float]()
        for number in range(rounds + 1):
            change(root, number)
            change(other, number)
            saved = seconds(make_checkpoint, store, repo, "bench")
            plain = seconds(commit_all, other)
            commit_all(root)
            ours.append(saved * 1000)
            ratios.append(saved / plain)
        ratio, took = statistics.median(ratios[1:]), statistics.median(ours[1:])
        rows += [
            Row(f"checkpoint of {count:,} files", ratio, bound, "x `git add -A && git commit`"),
            Row(f"checkpoint of {count:,} files", took, None, "ms"),
        ]
    return rows


def accept(store: RunStore, repo: Repo, number: int) -> None:
    """What the journal says of an agent that has changed three files in place."""
    name, base = f"d-{number + 1:03d}", take_snapshot(repo)
    change(Path(repo.root), number, new=False)
    seen = look(repo)
    dispatch: Dispatch = {"id": name}  # type: ignore[typeddict-item]
    body: Body = {"id": name, "node": "look", "visit": 1, "item": None, "agent": "builder", "access": "read"}
    body |= {"result": "build", "scope": [], "base_tree": base}
    started = {"id": name, "tool_use_id": name, "at": "2026-11-21T00:00:00Z"}
    paths = [found.path for found in changed_paths(repo, base, seen.tree)]
    done: Body = {
        "id": name,
        "result": "",
        "summary": "",
        "kept": {},
        "changed": paths,
        "unexplained": [],
        "tree": seen.tree,
    }
    saved = checkpoint_after(repo, store.load(), dispatch, seen)
    news: News = [("dispatch_created", body), ("dispatch_started", started)]
    news += [("result_accepted", done), ("checkpoint_made", saved)]
    store.transact("bench", lambda _: news)


def going_back(folder: Path, rounds: int) -> list[Row]:
    """A rollback of three files less a checkpoint of the same tree, and a reset of the same three files."""
    rows = []
    for count, _ in SIZES:
        root = folder / f"back{count}"
        repo = repository(root, count)
        store, ratios, ours = run_store(repo), list[float](), list[float]()
        at = make_checkpoint(store, repo, "bench")["id"]
        for number in range(rounds + 1):
            accept(store, repo, number)
            saved = seconds(make_checkpoint, store, repo, "bench")
            back = seconds(roll_back, store, repo, at)
            change(root, number, new=False)
            plain = seconds(git, root, "reset", "-q", "--hard")
            ours.append(back * 1000)
            ratios.append((back - saved) / plain)
        ratio, took = statistics.median(ratios[1:]), statistics.median(ours[1:])
        rows += [
            Row(
                f"rollback of 3 of {count:,} files, less a checkpoint",
                ratio,
                2.0 if count > 50 else None,  # noqa: PLR2004
                "x `git reset --hard`",
            ),
            Row(f"rollback of 3 of {count:,} files", took, None, "ms"),
        ]
    return rows


def main() -> int:
    given = options(__doc__, rounds=15).parse_args()
    return report(given, lambda folder: [*saving(folder, given.rounds), *going_back(folder, given.rounds)])


if __name__ == "__main__":
    sys.exit(main())
