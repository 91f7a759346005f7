from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fermata.checks.counts import read_counts
from fermata.core.evidence import Counts


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("===== 3 passed in 0.12s =====", Counts(3, 0, 0, 0, 3), id="passed"),
        pytest.param("3 passed in 0.12s", Counts(3, 0, 0, 0, 3), id="quiet"),
        pytest.param(
            "=== 2 failed, 3 passed, 1 skipped, 1 error in 61.02s (0:01:01) ===", Counts(3, 2, 1, 1, 7), id="all"
        ),
        pytest.param("1 failed, 2 errors in 0.5s", Counts(0, 1, 2, 0, 3), id="errors"),
        pytest.param(
            "= 1 passed, 2 xfailed, 1 xpassed, 4 deselected, 1 warning in 1s =", Counts(4, 0, 0, 0, 4), id="expected"
        ),
        pytest.param("2 passed, 3 subtests passed in 0.01s", Counts(2, 0, 0, 0, 2), id="subtests"),
        pytest.param("1 passed, 2 rerun in 0.01s", Counts(1, 0, 0, 0, 1), id="rerun"),
        pytest.param("no tests ran in 0.00s", Counts(), id="none"),
        pytest.param("============ no tests ran in 0.01s ============", Counts(), id="none-decorated"),
        pytest.param("====== no tests collected in 0.01s ======", Counts(), id="none-collected"),
        pytest.param("5 tests collected in 0.01s", Counts(), id="collect-only"),
        pytest.param("no tests collected (3 deselected) in 0.01s", Counts(), id="all-deselected-collect"),
        pytest.param("3/5 tests collected (2 deselected) in 0.01s", Counts(), id="some-deselected-collect"),
        pytest.param("5 deselected in 0.01s", Counts(), id="all-deselected"),
        pytest.param("2 skipped in 0.01s", Counts(0, 0, 0, 2, 2), id="skipped"),
        pytest.param("== 1 passed in 0.12 seconds ==", Counts(1, 0, 0, 0, 1), id="old-pytest"),
        pytest.param(
            "\x1b[32m=== \x1b[32m\x1b[1m7 passed\x1b[0m\x1b[32m in 0.01s\x1b[0m\x1b[32m ===\x1b[0m",
            Counts(7, 0, 0, 0, 7),
            id="colour",
        ),
    ],
)
def test_pytest_closing_lines(line: str, expected: Counts) -> None:
    output = f"collected 9 items\n....\n{line}\n"
    assert read_counts(["pytest"], output) == expected
    assert read_counts("make test", output) == expected


@pytest.mark.parametrize(
    ("closing", "expected"),
    [
        pytest.param("Ran 3 tests in 0.001s\n\nOK", Counts(3, 0, 0, 0, 3), id="ok"),
        pytest.param("Ran 1 test in 0.001s\n\nOK", Counts(1, 0, 0, 0, 1), id="one"),
        pytest.param("Ran 4 tests in 0.1s\n\nOK (skipped=1, expected failures=1)", Counts(3, 0, 0, 1, 4), id="skipped"),
        pytest.param(
            "Ran 6 tests in 0.1s\n\nFAILED (failures=1, errors=2, unexpected successes=1)",
            Counts(2, 2, 2, 0, 6),
            id="failed",
        ),
        pytest.param("Ran 0 tests in 0.000s\n\nOK", Counts(), id="zero"),
        pytest.param("Ran 0 tests in 0.000s\n\nNO TESTS RAN", Counts(), id="zero-3.12"),
        pytest.param("Ran 0 tests in 0.000s\n\nNO TESTS RAN (skipped=2)", Counts(0, 0, 0, 2, 2), id="class-skipped"),
        pytest.param("Ran 0 tests in 0.000s\n\nFAILED (errors=1)", Counts(0, 0, 1, 0, 1), id="import-error"),
    ],
)
def test_unittest_closing_lines(closing: str, expected: Counts) -> None:
    assert read_counts(["python3", "-m", "unittest"], f"...\n{'-' * 70}\n{closing}\n") == expected


@pytest.mark.parametrize(
    ("command", "output", "expected"),
    [
        pytest.param(["npm", "test"], "5 assertions fine\n", None, id="other-runner"),
        pytest.param("echo hi", "hi\n", None, id="no-runner"),
        pytest.param(["npx", "--yes", "jest"], "", Counts(), id="silent-jest"),
        pytest.param("cd web && env A=b ./node_modules/.bin/vitest run", "", Counts(), id="silent-vitest"),
        pytest.param(["node", "node_modules/mocha/bin/mocha.js"], "", Counts(), id="silent-mocha"),
        pytest.param(["node", "--test", "src"], "", Counts(), id="silent-node"),
        pytest.param(["cargo", "+nightly", "test", "--no-run"], "Finished\n", Counts(), id="cargo-that-only-builds"),
        pytest.param(["cargo", "build", "test"], "Finished\n", None, id="cargo-that-builds"),
        pytest.param(["eslint", "jest"], "", None, id="jest-as-a-folder"),
        pytest.param(["npm", "install", "jest"], "", None, id="installing-jest"),
        pytest.param(["node", "build.js"], "", None, id="node-without-test"),
        pytest.param(["mocha", "-R", "json"], "{}\n", None, id="told-to-print-json"),
        pytest.param(["node", "--test", "--test-reporter=dot"], "...\n", None, id="told-to-print-dots"),
        pytest.param(["go", "test", "./..."], "", None, id="go-names-no-count"),
        pytest.param(["go", "test", "-json", "./..."], "", None, id="go-json"),
        pytest.param(
            "pytest; npx jest",
            "3 passed in 1s\nTests:       2 passed, 2 total\n",
            Counts(2, 0, 0, 0, 2),
            id="the-runner-that-closed-last",
        ),
        pytest.param(["x"], "    # tests 3\n    # pass 3\n    # fail 0\n", None, id="node-inner-block"),
        pytest.param(["x"], "# tests 3\nbye\n", None, id="node-comment"),
        pytest.param(["x"], "Tests: see below\n", None, id="a-sentence"),
        pytest.param(["x"], "3 files changed in 2s\n", None, id="other-words"),
        pytest.param(["pytest", "--version"], "pytest 9\n", Counts(), id="pytest-that-ran-nothing"),
        pytest.param("cd x && .venv/bin/python -m pytest -p no:terminal", "", Counts(), id="silent-pytest"),
        pytest.param(["pytest", "-qq"], "..F.s [100%]\n", Counts(3, 1, 0, 1, 5), id="dots-only"),
        pytest.param(["uv", "run", "pytest"], "", Counts(), id="wrapped-pytest"),
        pytest.param(["python3", "-m", "unittest"], "boom\n", Counts(), id="unittest-without-line"),
        pytest.param("pip install pytest && make", "done\n", None, id="installing-is-not-testing"),
        pytest.param(["pytest"], "1 passed in 1s\n2 failed in 1s\n", Counts(0, 2, 0, 0, 2), id="last-line-wins"),
        pytest.param("echo 'unclosed | pytest", "", Counts(), id="unbalanced-part"),
    ],
)
def test_recognition(command: str | list[str], output: str, expected: Counts | None) -> None:
    assert read_counts(command, output) == expected


def test_only_the_end_of_a_long_output_is_read() -> None:
    assert read_counts(["x"], "1 passed in 1s\n" + "y\n" * 600_000) is None


OUTPUTS = Path(__file__).with_name("outputs")
PRINTED: dict[str, Counts | None] = {
    "cargo-broken": None,
    "cargo-fail": Counts(1, 1, 0, 0, 2),
    "cargo-fail-again": Counts(1, 1, 0, 0, 2),
    "cargo-fail-all": Counts(1, 1, 0, 0, 2),
    "cargo-filtered": Counts(),
    "cargo-pass": Counts(4, 0, 0, 1, 5),
    "cargo-quiet": Counts(4, 0, 0, 1, 5),
    "cargo-zero": Counts(),
    "go-broken": Counts(0, 0, 1, 0, 1),
    "go-broken-v": Counts(0, 0, 1, 0, 1),
    "go-exit": Counts(0, 0, 1, 0, 1),
    "go-fail": Counts(0, 2, 0, 0, 2),
    "go-fail-again": Counts(0, 2, 0, 0, 2),
    "go-fail-v": Counts(1, 2, 0, 0, 3),
    "go-json": None,
    "go-no-match": Counts(),
    "go-no-match-v": Counts(),
    "go-pass": None,
    "go-pass-v": Counts(3, 0, 0, 1, 4),
    "go-zero": Counts(),
    "go-zero-v": Counts(),
    "jest-broken": Counts(0, 0, 1, 0, 1),
    "jest-fail": Counts(2, 1, 0, 0, 3),
    "jest-fail-again": Counts(2, 1, 0, 0, 3),
    "jest-none-match": Counts(0, 0, 0, 4, 4),
    "jest-pass": Counts(2, 0, 0, 2, 4),
    "jest-zero": Counts(),
    "jest-zero-pass": Counts(),
    "mocha-broken": None,
    "mocha-fail": Counts(2, 1, 0, 0, 3),
    "mocha-fail-again": Counts(2, 1, 0, 0, 3),
    "mocha-json": None,
    "mocha-pass": Counts(2, 0, 0, 2, 4),
    "mocha-zero": Counts(),
    "node-fail": Counts(2, 1, 0, 0, 3),
    "node-fail-again": Counts(2, 1, 0, 0, 3),
    "node-fail-spec": Counts(2, 1, 0, 0, 3),
    "node-fail-spec-again": Counts(2, 1, 0, 0, 3),
    "node-pass": Counts(3, 0, 0, 2, 5),
    "node-pass-spec": Counts(3, 0, 0, 2, 5),
    "node-zero": Counts(),
    "npm-node-pass": Counts(3, 0, 0, 2, 5),
    "npm-workspaces": Counts(2, 0, 0, 3, 5),
    "vitest-broken": Counts(0, 0, 1, 0, 1),
    "vitest-fail": Counts(2, 1, 0, 0, 3),
    "vitest-fail-again": Counts(2, 1, 0, 0, 3),
    "vitest-pass": Counts(2, 0, 0, 2, 4),
    "vitest-pass-no-run": Counts(2, 0, 0, 2, 4),
    "vitest-zero": Counts(),
    "vitest-zero-pass": Counts(),
}
"""What node 20, jest 29, vitest 2, mocha 10, cargo 1.95 and go 1.19 printed, each with its output in a pipe."""


@pytest.mark.parametrize("name", sorted(path.stem for path in OUTPUTS.iterdir()))
def test_recorded_outputs(name: str) -> None:
    assert read_counts("make test", (OUTPUTS / f"{name}.txt").read_text()) == PRINTED[name]


def test_every_recorded_output_is_there() -> None:
    assert {path.stem for path in OUTPUTS.iterdir()} == PRINTED.keys()


def test_crates_are_added_up_over_a_long_output() -> None:
    crate = "\n".join(f"test number_{n} ... ok" for n in range(3000))
    section = f"running 3000 tests\n{crate}\n\ntest result: ok. 3000 passed; 0 failed; 0 ignored; 0 measured\n"
    doc_tests = "running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured\n"
    found = read_counts(["cargo", "test"], section * 4 + doc_tests * 40)
    assert found == Counts(12_000, 0, 0, 0, 12_000)


SUITE = """
import unittest
class T(unittest.TestCase):
    def test_a(self): pass
    def test_b(self): self.assertEqual(1, 2)
    @unittest.skip("no")
    def test_c(self): pass
"""


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["-m", "pytest", "-p", "no:cacheprovider"], id="pytest"),
        pytest.param(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=yes"], id="pytest-quiet-colour"),
        pytest.param(["-m", "pytest", "-qq", "-p", "no:cacheprovider"], id="pytest-very-quiet"),
        pytest.param(["-m", "unittest", "test_x"], id="unittest"),
    ],
)
def test_real_runners_are_read(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-B", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert read_counts(words, done.stdout) == Counts(1, 1, 0, 1, 3)
