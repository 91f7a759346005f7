"""The board's commands as a person types them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

from fermata.cli import cli
from fermata.core import board_rules
from fermata.core.gate import MODEL_VERBS
from fermata.store.project import Project
from tests.typed import Out, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Say = Callable[..., Out]

OTHERS = ("checkpoint", "config", "context", "inspect", "spec", "worktree")  # groups that are not the board's
GROUPS = {
    name: command for name, command in cli.commands.items() if isinstance(command, click.Group) and name not in OTHERS
}
LEAVES = [(group, verb) for group, found in GROUPS.items() for verb in found.commands]
# What each command needs to be called at all; the board has one of everything by then.
ARGUMENTS: dict[str, list[str]] = {
    "task add": ["more"],
    "task update": ["1", "--title", "Better"],
    "task release": ["2"],
    "task archive": ["1"],
    "note write": ["1", "plan", "--text", "first"],
    "note read": ["1", "spec"],
    "report add": ["the parser", "--findings", "it parses"],
    "learning find": ["parser"],
    "backlog take": ["1"],
    **{f"{kind} close": ["1", "--how", "mended"] for kind in ("debt", "report", "learning", "backlog")},
}
SPEC = ["--objective", "Make it so", "--file", "a.py", "--constraint", "none", "--acceptance", "it works"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path / "project")], check=True)
    return tmp_path / "project"


@pytest.fixture
def say(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Type one command in a terminal, with *stdin* behind it."""

    def type_it(*words: str, stdin: bytes = b"") -> Out:
        monkeypatch.chdir(root)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        return run(words, capsys)

    return type_it


def prepare(say: Say) -> None:
    """One of everything; task 2 is claimed."""
    for words in (
        (
            "task",
            "add",
            "Write the parser",
            "--description",
            "all of it",
            "--scope",
            "src/**",
            "--acceptance",
            "it parses",
        ),
        ("task", "add", "Test it", "--priority", "P1"),
        ("task", "claim", "2"),
        ("note", "write", "1", "spec", *SPEC),
        ("debt", "add", "old code", "--task", "1", "--category", "design"),
        ("report", "add", "parser", "--findings", "it is old"),
        ("learning", "add", "The parser reads UTF-8 only", "--tag", "csv"),
        ("backlog", "add", "A faster parser", "--text", "ten times"),
    ):
        assert say(*words).code == 0


def needs(group: str, verb: str) -> list[str]:
    command = GROUPS[group].commands[verb]
    arguments = [p for p in command.params if isinstance(p, click.Argument) and p.required]
    return ARGUMENTS.get(f"{group} {verb}", ["1"] * len(arguments))


def test_there_are_commands_to_test() -> None:
    assert set(GROUPS) == {"task", "note", "debt", "report", "learning", "backlog"}
    assert len(LEAVES) >= 25


@pytest.mark.parametrize(("group", "verb"), LEAVES)
def test_every_command_explains_itself(say: Say, group: str, verb: str) -> None:
    found = say(group, verb, "--help")
    assert (found.code, found.err) == (0, "")
    assert found.out.startswith(f"Usage: fermata {group} {verb}")
    for option in GROUPS[group].commands[verb].params:
        if isinstance(option, click.Option) and option.name != "help":
            assert option.help, f"{group} {verb} {option.name} explains nothing"
    assert f"  {verb} " in say(group, "-h").out


@pytest.mark.parametrize(("group", "verb"), LEAVES)
def test_every_command_prints_text_and_one_json_object(say: Say, group: str, verb: str) -> None:
    prepare(say)
    words = needs(group, verb)
    text = say(group, verb, *words)
    assert (text.code, text.err) == (0, "")
    assert text.out.strip()
    if verb in ("close", "take", "archive", "release"):
        say("task", "claim", "2")
        words = [{"release": "2", "archive": "3"}.get(verb, "2"), *words[1:]]
        say("task", "add", "third")
        say(
            *{"close": (group, "add", "again"), "take": ("backlog", "add", "again")}.get(verb, ("task", "list")),
            *(["--findings", "x"] if (group, verb) == ("report", "close") else []),
        )
    found = say(group, verb, *words, "--json")
    assert (found.code, found.err) == (0, "")
    assert isinstance(found.json, dict)
    assert found.out.isascii()
    assert found.out.count("\n") == 1


@pytest.mark.parametrize(("group", "verb"), LEAVES)
def test_outside_a_repository_every_command_says_so(
    say: Say, root: Path, group: str, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fermata.loop.site.find_repo", lambda _: None)
    found = say(group, verb, *needs(group, verb))
    assert (found.code, found.out) == (2, "")
    assert found.err.startswith(f"fermata: {root} is not inside a git repository")


READING = {"list", "show", "read", "find"}


@pytest.mark.parametrize("name", ["CLAUDECODE", "CLAUDE_CODE_SESSION_ID"])
@pytest.mark.parametrize(("group", "verb"), LEAVES)
def test_a_session_reads_the_board_and_never_writes_it(
    say: Say, root: Path, monkeypatch: pytest.MonkeyPatch, *, group: str, verb: str, name: str
) -> None:
    prepare(say)
    before = Project(str(root / ".git")).board().events()
    monkeypatch.setenv(name, "1")
    found = say(group, verb, *needs(group, verb))
    if verb in READING:
        assert found.code == 0
    else:
        assert (found.code, found.out) == (3, "")
        assert "the board is written by people and by fermata itself" in found.err
    assert Project(str(root / ".git")).board().events() == before


def test_while_a_run_is_on_the_gate_keeps_the_model_from_all_of_it() -> None:
    assert not MODEL_VERBS & set(GROUPS)


def test_an_empty_board_says_how_to_begin(say: Say, root: Path) -> None:
    assert say("task", "list").out == 'No task yet. `fermata task add "TITLE"` puts one on the board.\n'
    assert say("debt", "list").out == "No debt here.\n"
    assert not (root / ".git" / "fermata").exists()


def test_a_task_from_first_to_last(say: Say) -> None:
    prepare(say)
    say("task", "add", "Ship it", "--blocked-by", "1", "--parent", "2", "--priority", "P1")
    assert say("task", "list").out.splitlines()[1:] == [
        "t-000003  P1  TODO         Ship it  [waits for t-000001]",
        "t-000001  P2  TODO         Write the parser",
    ]
    part = say("task", "show", "3").out
    assert "Part of     t-000002 Test it\nAfter       t-000001\nVerified    no" in part
    assert say("task", "list", "--ready").out == "t-000001  P2  TODO         Write the parser\n"
    assert say("task", "claim", "--by", "me").out.startswith(
        "t-000001  P2  IN_PROGRESS  Write the parser  [me until 20"
    )
    assert say("task", "claim", "--by", "you").out.startswith("No task can begin now.")
    assert say("task", "claim", "--json", "--by", "you").json == {"id": None}
    assert say("task", "update", "1", "--status", "DONE").out == "t-000001  P2  DONE         Write the parser\n"
    shown = say("task", "show", "1").out
    for part in ("Scope       src/**", "Verified    a person's word", "all of it", "  - it parses", "  spec  spec  "):
        assert part in shown
    assert say("task", "claim", "--by", "you").out.startswith("t-000003")
    assert say("task", "archive", "1", "--related").out == "Archived: t-000001, debt-000001\n"
    assert "t-000001" not in say("task", "list").out
    assert "t-000001" in say("task", "list", "--all").out
    assert say("debt", "list").out == "No debt here.\n"


def test_a_task_is_changed(say: Say) -> None:
    prepare(say)
    say(
        "task",
        "update",
        "1",
        "--title",
        "Better",
        "--blocked-by",
        "2",
        "--scope",
        "lib/**",
        "--description",
        "-",
        stdin=b"new",
    )
    found = say("task", "show", "1", "--json").json
    assert [found[key] for key in ("title", "blocked_by", "scope", "description", "acceptance")] == [
        "Better", ["t-000002"], ["lib/**"], "new", ["it parses"],
    ]  # fmt: skip
    say("task", "update", "1", "--not-blocked-by", "2", "--status", "BLOCKED", "--why", "no key")
    assert say("task", "list", "--status", "BLOCKED").out == "t-000001  P2  BLOCKED      Better  [no key]\n"


def test_long_lists_say_what_they_leave_out(say: Say) -> None:
    for n in range(4):
        say("backlog", "add", f"thing {n}")
    assert say("backlog", "list", "-n", "2").out.splitlines() == [
        "backlog-000004  thing 3",
        "backlog-000003  thing 2",
        "… and 2 more; -n shows more of them",
    ]
    assert say("backlog", "list", "-n", "2", "--json").json["total"] == 4


def test_all_that_was_done_long_ago_is_archived(say: Say) -> None:
    prepare(say)
    say("task", "update", "1", "--status", "DONE")
    assert say("task", "archive", "--older-than", "1").out == "Nothing was done so long ago.\n"


def test_learnings_are_found_by_what_they_are_about(say: Say) -> None:
    prepare(say)
    assert say("learning", "find", "Speed up the PARSER").out == "- learning-000001: The parser reads UTF-8 only\n"
    assert say("learning", "find", "parser", "--limit", "5").out == "No learning shares a word with it.\n"


def test_a_note_is_read_as_it_was_written(say: Say) -> None:
    prepare(say)
    text = "line one\nline two with ünïcode"
    assert say("note", "write", "1", "progress", stdin=text.encode()).out.startswith(
        "t-000001: progress  progress  30 char"
    )
    assert say("note", "read", "1", "progress").out == text + "\n"
    assert say("note", "read", "1", "spec").out.startswith("## Objective\nMake it so\n")
    assert len(say("note", "list", "1").out.splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "stdin", "code", "says"),
    [
        pytest.param("task show 99", b"", 2, "there is no task '99'", id="no-task"),
        pytest.param("task add", b"", 2, "Missing argument 'TITLE'", id="no-title"),
        pytest.param("task claim 2 --by me", b"", 4, "is claimed by person until", id="claimed"),
        pytest.param("task claim --minutes 0", b"", 2, "0 is not in the range", id="no-minutes"),
        pytest.param("task update 1", b"", 2, "nothing to change was given", id="no-change"),
        pytest.param("task update 1 --why x", b"", 2, "--why goes with --status BLOCKED", id="why-alone"),
        pytest.param("task archive", b"", 2, "name one task, or give --older-than DAYS", id="archive-nothing"),
        pytest.param("task archive 1 --older-than 3", b"", 2, "name one task, or", id="archive-both"),
        pytest.param("note write 1 ../x --text x", b"", 2, "'../x' is no name for a note", id="note-path"),
        pytest.param("note write 1 x", b"y" * 100_000, 2, "has 100,000 characters; at most 60,000", id="100-kb"),
        pytest.param("note write 1 x", b"y" * 1_000_001, 2, "standard input has more than 1,000,000", id="1-mb"),
        pytest.param("note write 1 x", b"a\xffb", 2, "is not UTF-8 at character 2", id="no-utf-8"),
        pytest.param("note write 1 x --kind spec", b"x", 2, "missing or empty: Objective", id="no-spec"),
        pytest.param("note write 1 x --file a", b"", 2, "go with --objective", id="half-a-spec"),
        pytest.param("note read 1 plan", b"", 2, "t-000001 has no note 'plan'; it has: spec", id="no-note"),
        pytest.param("note read 2 plan", b"", 2, "it has: none", id="no-notes"),
        pytest.param("debt show 9", b"", 2, "there is no debt '9'", id="no-debt"),
        pytest.param("debt add x --category y", b"", 2, "'y' is not one of", id="category"),
        pytest.param("report add x", b"", 2, "Missing option '--findings'", id="no-findings"),
        pytest.param("debt close 1", b"", 2, "Missing option '--how'", id="no-how"),
    ],
)
def test_mistakes_are_told(say: Say, root: Path, *, words: str, stdin: bytes, code: int, says: str) -> None:
    prepare(say)
    before = Project(str(root / ".git")).board().events()
    found = say(*words.split(), stdin=stdin)
    assert (found.code, found.out) == (code, "")
    assert says in found.err
    assert Project(str(root / ".git")).board().events() == before


def test_nothing_on_the_board_can_do_anything_to_a_terminal(say: Say) -> None:
    nasty = "a\x1b[2Jb\u202ec\rd\u200b"
    say("task", "add", nasty, "--description", nasty, "--scope", nasty, "--acceptance", nasty)
    say("task", "claim", "1", "--by", nasty)
    say("note", "write", "1", "n", "--text", nasty)
    say("debt", "add", nasty, "--text", nasty, "--source", nasty, "--task", "1")
    say("learning", "add", nasty, "--tag", nasty)
    say("debt", "close", "1", "--how", nasty)
    for words in (
        "task list", "task show 1", "note list 1", "note read 1 n", "debt list --all", "debt show 1", "learning list",
        "learning find abc", "task show " + nasty, "note read 1 " + nasty,
    ):  # fmt: skip
        found = say(*words.split(" "))
        for hidden in "\x1b\u202e\r\u200b":
            assert hidden not in found.out + found.err, words
    assert "\x1b" in say("task", "show", "1", "--json").json["title"]


def test_a_damaged_board_is_told_and_left_alone(say: Say, root: Path) -> None:
    prepare(say)
    journal = root / ".git" / "fermata" / "board" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"Write the parser", b"Write the parsed"))
    os.unlink(journal.with_name("state.json"))
    for words in (["task", "list"], ["task", "add", "x"]):
        found = say(*words)
        assert (found.code, found.out) == (5, "")
        assert "line 1 is damaged" in found.err
        assert "`fermata repair board` shows what is lost" in found.err


def test_what_a_run_reports_is_told_as_reported(say: Say, root: Path) -> None:
    prepare(say)
    board = Project(str(root / ".git")).board()
    board.act("cli", lambda b: board_rules.claim_task(b, "orch_1/d-003", "2999-01-01T00:00:00Z", "2026", "1"))
    board.act("cli", lambda b: board_rules.report_task(b, "1", "orch_1/d-003", "done", "all green"))
    assert "reported done, not verified" in say("task", "list").out
    shown = say("task", "show", "1").out
    assert "Reported    done by orch_1/d-003" in shown
    assert "Verified    no" in shown
    board.act("cli", lambda b: board_rules.verify_task(b, "1", "orch_1", "0123456789abcdef", {"tests": "green"}))
    assert "Verified    tests green on tree 0123456789ab (orch_1), 20" in say("task", "show", "1").out
