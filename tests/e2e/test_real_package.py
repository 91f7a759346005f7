"""A real package from PyPI with its own test suite gets a feature through `/build`: its tests, run by fermata, decide."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.messages import ToolUse
from fermata.rehearsal.orchestrator import bash
from fermata.rehearsal.script import Conversation, Heard, Report
from tests.e2e.cast import built, cast, number, plan
from tests.e2e.conftest import commit_all, git

if TYPE_CHECKING:
    from tests.e2e.conftest import SetStage

PACKAGE, ARCHIVE = "inflection==0.5.1", "inflection-0.5.1.tar.gz"
SHA256 = "1a29730d366e996aaacffb2f1f1cb9593dc38e2ddd30c91250c6dde09ea9b417"
TESTS = 455
GOAL = "Add kebabize(word): DeviceType becomes device-type"
MODULE, SUITE = "inflection/__init__.py", "test_inflection.py"
FEATURE = '''def kebabize(word: str) -> str:
    """
    Make a lowercase form with dashes from the expression in the string.

    Example::

        >>> kebabize("DeviceType")
        'device-type'

    """
    return dasherize(underscore(word))


'''
NEW_TESTS = """

@pytest.mark.parametrize(
    ("word", "expected"),
    [("DeviceType", "device-type"), ("IOError", "io-error"), ("already-there", "already-there")],
)
def test_kebabize(word, expected):
    assert expected == inflection.kebabize(word)
"""
ANCHOR = "_irregular('person', 'people')"
DASHES = 'word = word.replace("-", "_")'
BREAKING = 'word = word.replace("_", "-")'  # kebab made the wrong way: every user of underscore() breaks


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, fetched once into a folder beside the clients."""
    cache = Path(os.environ.get("FERMATA_CLIENTS") or tmp_path_factory.mktemp("clients")).parent / "packages"
    if not (cache / ARCHIVE).exists():
        fresh = tmp_path_factory.mktemp("download")
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-binary",
            ":all:",
            "--no-deps",
            "-q",
            "-d",
            str(fresh),
            PACKAGE,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{PACKAGE} cannot be fetched: {done.stderr[-300:]}")
        cache.mkdir(parents=True, exist_ok=True)
        beside = cache / f"new-{os.getpid()}"  # renamed when whole: another worker may be at it, too
        shutil.copyfile(fresh / ARCHIVE, beside)
        beside.replace(cache / ARCHIVE)
    assert hashlib.sha256((cache / ARCHIVE).read_bytes()).hexdigest() == SHA256
    return cache / ARCHIVE


@pytest.fixture
def package(archive: Path, place: Path) -> Path:
    """The unpacked source as a git repository."""
    with tarfile.open(archive) as file:
        file.extractall(place.parent / "unpacked", filter="data")
    (place.parent / "unpacked" / archive.name.removesuffix(".tar.gz")).rename(place)
    return commit_all(place)


def planner(heard: Heard) -> Conversation:
    assert f"tests: green (exit 0, {TESTS} passed" in heard.text, heard.text  # the baseline that fermata ran
    yield bash("grep -n 'def underscore' -A 20 inflection/__init__.py; grep -c def test_inflection.py")
    yield Report(plan(MODULE, SUITE, title="Add kebabize"))


def edits(package: Path, *pairs: tuple[str, str, str]) -> Conversation:
    """Read and edit as an agent does, one Edit for each (file, old text, new text)."""
    for name in dict.fromkeys(name for name, _, _ in pairs):
        yield ToolUse("Read", {"file_path": str(package / name)})
    for name, old, new in pairs:
        yield ToolUse("Edit", {"file_path": str(package / name), "old_string": old, "new_string": new})


def last_test(package: Path) -> str:
    """The last lines of the suite, which an Edit can append to."""
    return git(package, "show", f"HEAD:{SUITE}")[-300:]


def environment() -> dict[str, str]:
    """A PATH on which `python3` has pytest."""
    return {"PATH": f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("version", "mode"), [pytest.param("2.1.329", "auto", marks=pytest.mark.long), ("2.1.197", "default")]
)
def test_a_working_feature_is_proven_by_the_packages_own_tests(
    set_stage: SetStage, package: Path, version: str, mode: str
) -> None:
    def builder(_heard: Heard) -> Conversation:
        end = last_test(package)
        yield from edits(package, (MODULE, ANCHOR, FEATURE + ANCHOR), (SUITE, end, end + NEW_TESTS))
        yield Report(built(MODULE, SUITE))

    stage = set_stage(version, cast(package, planner=planner, builder=builder), package, mode=mode, env=environment())
    said = stage.approved(f"/build {GOAL}").result
    assert stage.status() == "completed"
    assert f"Checked: tests green (exit 0, {TESTS + 3} passed" in said.replace("as c-002 on this very tree: ", "")
    assert git(package, "status", "--porcelain").split() == ["M", MODULE, "M", SUITE]
    assert "def kebabize" in git(package, "diff")


@pytest.mark.long
def test_a_claim_of_success_is_refuted_by_the_packages_own_tests(set_stage: SetStage, package: Path) -> None:
    """The first builder breaks `underscore`, which has tests of its own, and says that all is well."""

    def builder(heard: Heard) -> Conversation:
        end = last_test(package)
        if number(heard) == 2:
            yield from edits(
                package, (MODULE, DASHES, BREAKING), (MODULE, ANCHOR, FEATURE + ANCHOR), (SUITE, end, end + NEW_TESTS)
            )
            yield Report(built(MODULE, SUITE, summary="Added; all 458 tests pass."))
        yield from edits(package, (MODULE, BREAKING, DASHES))
        yield Report(built(MODULE))

    stage = set_stage(
        "2.1.329", cast(package, planner=planner, builder=builder), package, mode="default", env=environment()
    )
    stage.approved(f"/build {GOAL}")
    outcomes = [body["outcome"] for body in stage.events("check_finished")]
    assert outcomes == ["green", "red", "green", "green"]
    wrong = stage.brief("d-003").partition("## What went wrong")[2]
    assert "fermata ran `python3 -m pytest`: red" in wrong
    assert "test_underscore" in wrong
    assert stage.status() == "completed"
    assert (package / MODULE).read_text().count(DASHES) == 1
