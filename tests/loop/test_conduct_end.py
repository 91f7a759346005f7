"""The end of a run from a specification: what is run on the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.loop.test_conduct import first_phase, second_phase, spec_bench

if TYPE_CHECKING:
    from pathlib import Path


def test_the_command_of_every_phase_runs_again_on_the_whole(tmp_path: Path) -> None:
    bench = spec_bench(tmp_path)
    first_phase(bench)
    second_phase(bench)
    bench.settle()
    whole = [c["shown"] for c in bench.run["checks"].values() if c["node"] == "verify"]
    assert whole == ["sh check.sh", 'sh gen.sh && echo "generated"', "test -s server/main.txt"]
