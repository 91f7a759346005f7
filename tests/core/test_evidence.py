from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from fermata.core.canonical import canonical
from fermata.core.evidence import CHANGED_LIMIT, Counts, Evidence, from_json, judge, name_changes, to_json

if TYPE_CHECKING:
    from fermata.core.records import CommandJson

COMMAND: CommandJson = {"argv": ["pytest"], "shell": None, "cwd": ".", "shown": "pytest"}


def make_evidence(**fields: Any) -> Evidence:
    values = {"id": "c-1", "name": "tests", "command": COMMAND, "exit_code": 0, "seconds": 1.25, **fields}
    return Evidence(**values)


FIVE = Counts(passed=5, total=5)


@pytest.mark.parametrize(
    ("fields", "expect_tests", "outcome", "said"),
    [
        pytest.param({"counts": FIVE}, True, "green", "exit 0, 5 passed, 1.2 s", id="pass"),
        pytest.param({}, False, "green", "no test count", id="no-runner"),
        pytest.param({}, True, "green", "no test count", id="unrecognised-runner"),
        pytest.param({"counts": Counts()}, False, "green", "0 tests", id="zero-tests-not-expected"),
        pytest.param({"counts": Counts()}, True, "red", "0 tests ran; tests are expected", id="zero-tests"),
        pytest.param({"counts": Counts(skipped=3, total=3)}, True, "red", "0 tests ran (3 skipped)", id="all-skipped"),
        pytest.param(
            {"exit_code": 1, "counts": Counts(3, 2, 0, 0, 5)}, True, "red", "exit 1: 2 failed, 3 passed", id="failed"
        ),
        pytest.param({"exit_code": 2, "tail": "a\nboom\n\n"}, False, "red", "exit 2: boom", id="failed-without-count"),
        pytest.param(
            {"exit_code": 127, "tail": "x: No such file"},
            True,
            "red",
            "could not start (exit 127): x: No",
            id="missing",
        ),
        pytest.param({"exit_code": 126}, True, "red", "could not start (exit 126)", id="not-executable"),
        pytest.param(
            {"counts": Counts(1, 2, 0, 0, 3)},
            True,
            "red",
            "exit 0, yet the test runner counted 2 failed",
            id="swallowed",
        ),
        pytest.param({"counts": Counts(1, 0, 1, 0, 2)}, False, "red", "counted 1 errors", id="swallowed-error"),
        pytest.param({"exit_code": None, "signal": 9}, True, "red", "ended by SIGKILL", id="signal"),
        pytest.param({"exit_code": None, "signal": 40}, True, "red", "ended by signal 40", id="odd-signal"),
        pytest.param(
            {"exit_code": None, "timed_out": True, "seconds": 600.2}, True, "red", "after 600 s", id="timed-out"
        ),
        pytest.param({"exit_code": None, "error": "disk full"}, True, "lost", "no result: disk full", id="own-error"),
        pytest.param({"exit_code": 0, "error": "stopped"}, True, "lost", "no result: stopped", id="stopped"),
        pytest.param({"exit_code": None}, True, "lost", "names no exit code", id="nothing-known"),
        pytest.param(
            {"counts": FIVE, "tree_before": "a", "tree_after": "b", "changed": ("x", "y", "z", "w")},
            True,
            "unstable",
            "x, y, z and 1 more changed while it ran",
            id="tree-changed",
        ),
        pytest.param(
            {"counts": FIVE, "tree_before": "a", "tree_after": None}, True, "unstable", "the tree", id="tree-half-known"
        ),
        pytest.param({"exit_code": 1, "tree_before": "a", "tree_after": "b"}, True, "red", "exit 1", id="red-wins"),
        pytest.param(
            {"counts": Counts(), "tree_before": "a", "tree_after": "b"}, True, "red", "0 tests", id="zero-wins"
        ),
    ],
)
def test_judgement(fields: dict[str, Any], expect_tests: bool, outcome: str, said: str) -> None:
    found = judge(make_evidence(**fields), expect_tests=expect_tests)
    assert found.outcome == outcome
    assert said in found.why
    assert "\n" not in found.why


def test_json_round_trip_is_canonical_and_tolerates_newer_keys() -> None:
    evidence = make_evidence(
        counts=FIVE, changed=("ä",), tree_before="t", tree_after="t", tail="ok\n", started="2026-01-01"
    )
    value = json.loads(canonical(to_json(evidence)))
    assert from_json(value) == evidence
    assert from_json({**value, "newer": 1}) == evidence
    assert from_json(to_json(make_evidence())) == make_evidence()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"format": 2}, "format is 2", id="format"),
        pytest.param({"exit_code": "0"}, "exit_code is '0', want an integer or null", id="text-for-integer"),
        pytest.param({"exit_code": False}, "exit_code", id="bool-for-integer"),
        pytest.param({"timed_out": 0}, "timed_out", id="integer-for-bool"),
        pytest.param({"counts": {"passed": 1}}, "counts", id="half-counts"),
        pytest.param(
            {"counts": {"passed": -1, "failed": 0, "errors": 0, "skipped": 0, "total": 0}}, "counts", id="negative"
        ),
        pytest.param({"changed": "abc"}, "changed", id="text-for-list"),
        pytest.param({"command": None}, "command", id="no-command"),
    ],
)
def test_damaged_json_is_refused_by_key(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match="run the check again") as caught:
        from_json({**to_json(make_evidence()), **change})
    assert said in str(caught.value)


def test_missing_key_and_other_type_are_refused() -> None:
    value = to_json(make_evidence())
    del value["tail"]
    with pytest.raises(ValueError, match="the key 'tail' is missing"):
        from_json(value)
    with pytest.raises(ValueError, match="format is 'list'"):
        from_json([])


@pytest.mark.parametrize("count", [0, 1, CHANGED_LIMIT - 1, CHANGED_LIMIT])
def test_few_changes_are_named_one_by_one(count: int) -> None:
    paths = [f"{number:05}" for number in range(count)]
    assert name_changes(paths) == tuple(paths)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda paths: [*paths[:-1], "z"], id="the-last-one-differs"),
        pytest.param(lambda paths: [*paths, "z"], id="one-more"),
        pytest.param(lambda paths: [*paths[:150], "00150x", *paths[151:]], id="one-in-the-middle"),
        pytest.param(lambda paths: paths[1:], id="one-less"),
    ],
)
def test_many_changes_are_told_apart_wherever_they_differ(other: Callable[[list[str]], list[str]]) -> None:
    paths = [f"{number:05}" for number in range(1234)]
    named = name_changes(paths)
    assert named == name_changes(list(paths))
    assert len(named) == CHANGED_LIMIT
    assert named[-1].startswith("and 1,135 more (")
    assert name_changes(other(paths)) != named


def test_the_judgement_counts_all_changes() -> None:
    changed = name_changes([f"{number:05}" for number in range(1234)])
    found = judge(make_evidence(tree_before="a", tree_after="b", changed=changed), expect_tests=False)
    assert "00000, 00001, 00002 and 1,231 more changed while it ran" in found.why
