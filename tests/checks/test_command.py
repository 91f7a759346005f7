from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fermata.checks.command import Command, CommandError, from_json, parse_command, to_json


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        pytest.param("pytest", ("pytest",), id="one-word"),
        pytest.param("  pytest -q\ttests ", ("pytest", "-q", "tests"), id="white-space"),
        pytest.param("pytest -k 'a and b'", ("pytest", "-k", "a and b"), id="single-quotes"),
        pytest.param('pytest -k "a b"', ("pytest", "-k", "a b"), id="double-quotes"),
        pytest.param(r"pytest a\ b \; \$x", ("pytest", "a b", ";", "$x"), id="backslash"),
        pytest.param("grep '$HOME;`id`|*' f", ("grep", "$HOME;`id`|*", "f"), id="syntax-in-single-quotes"),
        pytest.param('grep "a;b|c*" f', ("grep", "a;b|c*", "f"), id="syntax-in-double-quotes"),
        pytest.param("env FOO=1 pytest", ("env", "FOO=1", "pytest"), id="env"),
        pytest.param("make a=~b c#d", ("make", "a=~b", "c#d"), id="tilde-and-hash-inside-a-word"),
        pytest.param(".venv/bin/python -m pytest", (".venv/bin/python", "-m", "pytest"), id="path"),
    ],
)
def test_plain_commands_become_argv(text: str, argv: tuple[str, ...]) -> None:
    assert parse_command(text) == Command(argv, None, ".", text.strip())
    assert parse_command(text).words == argv


@pytest.mark.parametrize(
    "text",
    [
        "pytest; rm -rf ~",
        "pytest && ruff check",
        "pytest | tee log",
        "pytest || true",
        "pytest > log",
        "sleep 9 &",
        "pytest $(ls)",
        "pytest `ls`",
        'pytest "$HOME"',
        'pytest "`id`"',
        r'pytest "\$x"',
        "pytest $X",
        "pytest *.py",
        "pytest test_?.py",
        "pytest t[ab].py",
        "pytest {a,b}.py",
        "pytest ~/x",
        "pytest # fast",
        "pytest\nruff",
        "pytest \\\n -q",
        "FOO=1 pytest",
        "source venv/bin/activate",
        ". x",
        "! pytest",
        "cd sub",
        "time pytest",
        "cd a && b && c",
        "cd a; b",
        "cd a || b",
        "cd $X && b",
        "cd a b && c",
        "cd a && FOO=1 b",
        "cd a && cd b",
        "(cd a && b)",
        "cd 'a && b' && c | d",
    ],
)
def test_shell_syntax_goes_to_bash_whole(text: str) -> None:
    command = parse_command(text)
    assert command == Command(None, text, ".", text)
    assert command.is_shell
    assert command.words == ("bash", "-euo", "pipefail", "-c", text)


@pytest.mark.parametrize(
    ("text", "cwd", "argv"),
    [
        pytest.param("cd sub && pytest -q", "sub", ("pytest", "-q"), id="plain"),
        pytest.param("cd  'a b/c'/&&pytest", "a b/c", ("pytest",), id="quoted"),
        pytest.param("cd ./sub/ && make test", "sub", ("make", "test"), id="dots-and-slash"),
        pytest.param("cd . && make", ".", ("make",), id="top"),
        pytest.param("cd a && grep '&&' f", "a", ("grep", "&&", "f"), id="quoted-and"),
        pytest.param("cd ..a && x", "..a", ("x",), id="name-with-dots"),
    ],
)
def test_cd_becomes_a_folder(text: str, cwd: str, argv: tuple[str, ...]) -> None:
    assert parse_command(text) == Command(argv, None, cwd, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param(" \n\t", "is empty", id="blank"),
        pytest.param("pytest 'a", "unbalanced ' quote", id="single-quote"),
        pytest.param('pytest "a', 'unbalanced " quote', id="double-quote"),
        pytest.param("a && b 'c", "unbalanced", id="quote-in-shell-line"),
        pytest.param("pytest \\", "ends in a backslash", id="backslash"),
        pytest.param("a\0b", "U+0000", id="nul"),
        pytest.param("a \x1b[31m", "U+001B", id="escape"),
        pytest.param("a\rb", "U+000D", id="carriage-return"),
        pytest.param("a \u202eb", "U+202E", id="bidi"),
        pytest.param("a\u200bb", "U+200B", id="zero-width"),
        pytest.param("x" * 2001, "2,001 characters", id="long"),
        pytest.param("'' a", "empty word", id="empty-program"),
        pytest.param("cd .. && x", "inside the project", id="cd-up"),
        pytest.param("cd a/../../b && x", "inside the project", id="cd-up-inside"),
        pytest.param("cd /tmp && x", "inside the project", id="cd-absolute"),
        pytest.param("cd - && x", "inside the project", id="cd-back"),
        pytest.param("cd '' && x", "inside the project", id="cd-nowhere"),
    ],
)
def test_refused_texts(text: str, said: str) -> None:
    with pytest.raises(CommandError) as caught:
        parse_command(text)
    assert said in str(caught.value)


def test_exactly_two_thousand_characters_are_taken() -> None:
    assert parse_command("x" * 2000).argv == ("x" * 2000,)


@pytest.mark.parametrize(
    "text",
    [
        "printf %s a\\ b",
        "printf '%s|' 'a b' c",
        'printf "%s" "a\\"b"',
        'printf %s "a\\nb"',
        "printf %s a'b'\"c\"",
        "printf %s ''",
    ],
)
def test_argv_means_what_bash_would_have_meant(text: str, tmp_path: Path) -> None:
    by_argv = subprocess.run(parse_command(text).words, cwd=tmp_path, capture_output=True, check=True)
    by_bash = subprocess.run(["bash", "-c", text], cwd=tmp_path, capture_output=True, check=True)
    assert by_argv.stdout == by_bash.stdout
    assert not parse_command(text).is_shell


@pytest.mark.parametrize("text", ["pytest -q", "cd sub && pytest 'ä b'", "a && b | c"])
def test_json_round_trip(text: str) -> None:
    command = parse_command(text)
    assert from_json(to_json(command)) == command


def test_json_shape_is_stable() -> None:
    """The plan's digest covers it: another shape would void every approval."""
    assert to_json(parse_command("cd s && pytest -q")) == {
        "argv": ["pytest", "-q"],
        "shell": None,
        "cwd": "s",
        "shown": "cd s && pytest -q",
    }
    assert to_json(parse_command("a | b")) == {"argv": None, "shell": "a | b", "cwd": ".", "shown": "a | b"}


@pytest.mark.parametrize(
    "change",
    [{"argv": ["rm", "-rf", "x"]}, {"shell": "rm"}, {"cwd": "/"}, {"shown": "true"}, {"extra": 1}],
)
def test_json_that_shows_something_else_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(CommandError, match="would run something else"):
        from_json({**to_json(parse_command("pytest -q")), **change})


@pytest.mark.parametrize("value", [None, [], {}, {"shown": 1}])
def test_json_that_is_no_command_is_refused(value: object) -> None:
    with pytest.raises(CommandError, match="not a command"):
        from_json(value)
