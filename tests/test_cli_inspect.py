"""`fermata inspect` as it is typed, and as the runner of the checks starts it."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

import fermata
from fermata.checks.command import parse_command
from fermata.checks.runner import CheckSpec, read_check, start_check, wait_checks
from fermata.core.evidence import Evidence
from tests.git.sandbox import Sandbox, make_sandbox
from tests.typed import Out, run

LIBRARY = Path(fermata.__file__).parents[1]
MAIN = f"import sys; sys.path.insert(0, {str(LIBRARY)!r}); from fermata.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    made = make_sandbox(tmp_path / "pro ject")
    made.write("a.py", "x = 1\n")
    made.commit()
    monkeypatch.chdir(made.root)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    return made


def typed(capsys: pytest.CaptureFixture[str], *words: str) -> Out:
    return run(["inspect", *words], capsys)


@pytest.mark.parametrize(
    ("words", "text", "says"),
    [
        pytest.param(("placeholders",), "# TODO: x\n", 'b c.py:1: the comment says "TODO" [todo]', id="placeholders"),
        pytest.param(("imports",), "\nimport ghost\n", "b c.py:2: cannot import `ghost`", id="imports"),
        pytest.param(
            ("files", "--path", "b c.py", "--path", "d.py"), "x = 1\n", "d.py:0: is not there [missing]", id="files"
        ),
    ],
)
def test_findings_are_lines_with_their_place_and_the_code_is_1(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], text: str, says: str
) -> None:
    sandbox.write("b c.py", text)
    out = typed(capsys, *words)
    assert out.code == 1
    first, *_, last = out.out.splitlines()
    assert first.startswith(says)
    assert last.startswith("1 finding; looked at ")


@pytest.mark.parametrize("kind", ["placeholders", "imports", "lint", "files --path b.py"])
def test_clean_says_how_much_was_looked_at_and_every_kind_takes_a_base(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    sandbox.write("b.py", "x = 2\n")
    out = typed(capsys, *kind.split(), "--base", "HEAD")
    assert out.code == 0
    assert out.out.splitlines()[-1].startswith("0 findings; looked at ")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        pytest.param(("placeholders", "--base", "gone"), 8, "'gone' is not known", id="base"),
        pytest.param(("files",), 8, "no file was named", id="no-path"),
        pytest.param(("files", "--path", "../x"), 8, "not a path inside the repository", id="path"),
        pytest.param(("everything",), 2, "No such command", id="kind"),
        pytest.param(("lint", "--fix"), 2, "No such option", id="option"),
    ],
)
def test_misuse_is_told_and_is_no_finding(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, says: str
) -> None:
    assert sandbox.root
    out = typed(capsys, *words)
    assert (out.code, says in out.err) == (code, True), out


def test_without_a_repository_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed(capsys, "placeholders").code == 8


def test_as_json_it_is_one_object(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox.write("b.py", "# FIXME\n")
    found = json.loads(typed(capsys, "placeholders", "--json").out)
    assert found["findings"] == [{"path": "b.py", "line": 1, "what": 'the comment says "FIXME"', "rule": "todo"}]
    assert found["judged"] == 1


def test_names_and_words_can_do_nothing_to_a_terminal(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox.write("b\x1b[31m\u202e.py", "# TODO\x1b[2J: x\n")
    out = typed(capsys, "placeholders")
    assert out.code == 1
    assert "\x1b" not in out.out
    assert "\u202e" not in out.out


def test_hundreds_of_findings_are_cut_and_counted(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    sandbox.write("b.py", "# TODO: x\n" * 300)
    lines = typed(capsys, "placeholders").out.splitlines()
    assert lines[-2:] == ["… and 100 more", "300 findings; looked at 1 changed files with code."]


@pytest.mark.parametrize(
    ("text", "code"), [pytest.param("x = 2\n", 0, id="clean"), pytest.param("def f(): ...\n", 1, id="a-liar")]
)
def test_the_runner_of_the_checks_has_its_evidence(sandbox: Sandbox, tmp_path: Path, text: str, code: int) -> None:
    """One mechanism: exit code, output and tree, as of any test command; and the tree is what was judged."""
    sandbox.write("b.py", text)
    folder = tmp_path / "checks"
    folder.mkdir()
    words = shlex.join(
        [
            sys.executable,
            "-I",
            "-c",
            MAIN,
            "inspect",
            "placeholders",
            "--base",
            sandbox.git("rev-parse", "HEAD").strip(),
        ]
    )
    spec = CheckSpec("c-1", "placeholders", parse_command(words), str(sandbox.root), 30.0, repo=str(sandbox.root))
    start_check(spec, str(folder))
    assert wait_checks(str(folder), ["c-1"], 30)
    found = read_check(str(folder), "c-1")
    assert isinstance(found, Evidence)
    assert found.exit_code == code
    assert ("b.py:1: `f` is `...` and nothing else [empty-body]" in found.tail) == bool(code)
    assert found.tree_before == found.tree_after is not None
