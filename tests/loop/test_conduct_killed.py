"""fermata is killed at every git process of a specification's run, one after the other, and started again each time."""

from __future__ import annotations

import itertools
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from fermata.core.actions import OVER
from tests.loop.bench import Bench, review
from tests.loop.conducting import branch, does, first_phase, judged, live, says, spec_bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]
REAL = subprocess.run


class Killed(BaseException):
    """No `except Exception` takes it, as none takes a kill."""


def killed_everywhere(bench: Bench, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> int:
    """Drive the run until it needs somebody, killed at the first git process, the second, and so on; gives how often."""
    for most in range(1, 2_000):
        begun = itertools.count(1)

        def run(*args: Any, begun: Iterator[int] = begun, most: int = most, **options: Any) -> Any:
            its_turn = next(begun) == most  # two may be begun at once, from two threads
            if its_turn and not after:
                raise Killed
            done = REAL(*args, **options)
            if its_turn:
                raise Killed
            return done

        with monkeypatch.context() as patched:
            patched.setattr("fermata.git.run.subprocess.run", run)
            try:
                bench.settle()
            except Killed:
                continue
        return most - 1
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("after", [False, True], ids=["before-it", "after-it"])
def test_it_ends_as_if_nothing_had_happened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    bench, kills = first_phase(spec_bench(tmp_path)), []
    server, client = live(bench)
    does(bench, server, server__main_txt="answers\n")
    does(bench, client, client__main_txt="asks\n")
    kills.append(killed_everywhere(bench, monkeypatch, after=after))
    (judge,) = live(bench)
    says(bench, judge, judged("the server answers", "the client asks"))
    bench.sandbox.write("mine.txt", "mine\n")
    bench.sandbox.commit()
    kills.append(killed_everywhere(bench, monkeypatch, after=after))
    for _ in range(2):
        (name,) = live(bench)
        says(bench, name, review())
    kills.append(killed_everywhere(bench, monkeypatch, after=after))
    assert min(kills) > 3
    assert bench.kinds() == [OVER]
    assert bench.run["landed"]["commit"], bench.run["landed"]
    log = bench.sandbox.git("log", "--first-parent", "--format=%s", branch(bench)).splitlines()
    assert [row for row in log if row.startswith("Phase")] == ["Phase 2: Service", "Phase 1: Interfaces"]
    texts = {
        name: (bench.sandbox.root / name).read_text() for name in ("mine.txt", "server/main.txt", "client/main.txt")
    }
    assert texts == {"mine.txt": "mine\n", "server/main.txt": "answers\n", "client/main.txt": "asks\n"}
    assert bench.sandbox.git("status", "--porcelain") == ""
    assert bench.sandbox.git("worktree", "list").count("\n") == 1
