from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fermata.core.fingerprint import fingerprint
from fermata.core.output import tail_of
from tests.core.test_evidence import make_evidence

FAILURE = """
____ test_sum ____
tmp_path = PosixPath('/tmp/pytest-of-ann/pytest-{run}/test_sum0')
    def test_sum(tmp_path):
>       assert add(1, 2) == 3, object()
E       AssertionError: <object object at 0x{address}>
E       assert 4 == 3
tests/test_sum.py:{line}: AssertionError
2026-01-0{run} 10:11:1{run},123 ERROR worker pid={run}77 took 1.{run}3s in /tmp/x{run}/y
=== short test summary info ===
FAILED tests/test_sum.py::test_sum - AssertionError: <object object at 0x{address}>
=== 1 failed, {run} passed in 0.{run}2s ===
"""


def test_fingerprint_ignores_times_addresses_places_and_order() -> None:
    one = FAILURE.format(run=1, address="7f00aa", line=10)
    two = FAILURE.format(run=2, address="7f11bb", line=22)
    turned = "\n".join(reversed(two.splitlines()))
    prints = {fingerprint(make_evidence(exit_code=1, tail=tail)) for tail in (one, two, turned)}
    assert len(prints) == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"tail": "E   assert 5 == 3\nFAILED t.py::test_sum"}, id="another-value"),
        pytest.param({"tail": "E   assert 4 == 3\nFAILED t.py::test_other"}, id="another-test"),
        pytest.param({"exit_code": 2}, id="another-exit-code"),
        pytest.param({"exit_code": None, "signal": 11}, id="signal"),
        pytest.param({"exit_code": None, "timed_out": True}, id="timed-out"),
        pytest.param({"error": "disk full"}, id="own-error"),
    ],
)
def test_fingerprint_tells_errors_apart(other: dict[str, Any]) -> None:
    base = {"exit_code": 1, "tail": "E   assert 4 == 3\nFAILED t.py::test_sum"}
    assert fingerprint(make_evidence(**base)) != fingerprint(make_evidence(**{**base, **other}))


def test_fingerprint_without_failing_lines_uses_the_last_lines() -> None:
    first, second = ("one\ntwo", "one\nthree")
    assert fingerprint(make_evidence(exit_code=3, tail=first)) != fingerprint(make_evidence(exit_code=3, tail=second))


OUTPUTS = Path(__file__).parents[1] / "checks" / "outputs"


@pytest.mark.parametrize("runner", ["cargo", "go", "jest", "mocha", "node", "node-fail-spec", "vitest"])
def test_the_same_failure_of_a_real_runner_comes_back_with_the_same_fingerprint(runner: str) -> None:
    name = runner if "fail" in runner else f"{runner}-fail"
    texts = [(OUTPUTS / f"{name}{ending}.txt").read_text() for ending in ("", "-again")]
    prints = {fingerprint(make_evidence(exit_code=1, tail=tail_of(text))) for text in texts}
    assert texts[0] != texts[1]
    assert len(prints) == 1
