"""The kinds of brief, whole, as a person reads them. After a wanted change: `PYTHONPATH=scripts/lib python -m tests.loop.test_brief_snapshots`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fermata.loop.site import LAUNCHER
from tests.core.build import make_step
from tests.loop.bench import CONFIG, Bench, review
from tests.loop.test_handoffs import REPLANNING, failed
from tests.loop.test_specification_steps import CONFLICT, conducting, told

FOLDER = Path(__file__).with_name("briefs")
KINDS = ("plan", "build", "rework", "review", "replan", "module", "criteria", "conflict", "audit")
GOAL = "Print 2 instead of 1.\nTell the reader of the README."


def plain(bench: Bench, text: str) -> str:
    """*text* without what differs from machine to machine and from run to run."""
    text = text.replace(bench.store.folder, "RUN").replace(LAUNCHER, "LAUNCHER")
    text = re.sub(r"^\{.*\}$", "(the schema)", text, flags=re.MULTILINE)
    text = re.sub(r"\bat [0-9a-f]{12}\b|\b[0-9a-f]{7}\.\.[0-9a-f]{7}\b", "COMMIT", text)
    text = re.sub(r"^Plan: [0-9a-f]{8}", "Plan: PLAN-ID", text, flags=re.MULTILINE)
    return re.sub(r"\b\d+\.\d s\b", "N s", text)


def briefs(folder: Path) -> Iterator[tuple[str, str]]:
    """The five briefs, from one run that goes wrong in most ways."""
    bench = Bench(folder, CONFIG + "workflow: replanning\n", replanning=REPLANNING)
    bench.sandbox.write("notes.txt", "mine\n")
    bench.begin(goal=GOAL)
    one = make_step("Print 2", objective="Change the number in src/app.py.", read_first=["src/app.py"])
    two = make_step("Tell it", ("README.md",), constraints=["no other words change"], acceptance=["README.md says 2"])
    bench.building(one, two, summary="Two small edits.", scope_out=["The tests stay as they are."])
    yield "plan", plain(bench, bench.brief("d-001"))
    bench.build().settle()
    yield "build", plain(bench, bench.brief())
    bench.work()
    bench.build("README.md", "It prints 2.\n").settle()
    yield "review", plain(bench, bench.brief())
    bench.work()
    finding = {
        "severity": "high",
        "path": "README.md",
        "issue": "It does not say where.",
        "recommendation": "Name the file.",
    }
    bench.takes(review("reject", finding, summary="Nearly."))
    bench.settle()
    yield "rework", plain(bench, bench.brief())
    bench.work()
    failed(bench, "Plan the README as a step of its own.")
    yield "replan", plain(bench, bench.brief())


def of_a_specification(folder: Path) -> Iterator[tuple[str, str]]:
    """Those of a run over the modules of a specification."""
    bench = conducting(folder)
    bench.sandbox.write("src/app.py", "print(2)\n")
    merges = {"steps.0/merge#1": CONFLICT}
    for kind, node in (("module", "module"), ("criteria", "criteria"), ("conflict", "resolve")):
        yield kind, plain(bench, told(bench, f"steps.0/{node}", merges=merges))
    yield "audit", plain(bench, told(bench, "audit"))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("briefs")
    return dict([*briefs(folder / "one"), *of_a_specification(folder / "two")])


@pytest.mark.parametrize("kind", KINDS)
def test_a_brief_reads_as_it_did(found: dict[str, str], kind: str) -> None:
    assert found[kind] == (FOLDER / f"{kind}.md").read_text()


def test_every_kind_is_here() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.md")) == sorted(KINDS)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in [*briefs(Path(scratch) / "one"), *of_a_specification(Path(scratch) / "two")]:
            (FOLDER / f"{name}.md").write_text(text)
