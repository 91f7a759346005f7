"""`fermata checkpoint`, `rollback` and `undo` as a person types them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fermata.core.gate import MODEL_VERBS
from tests.keyboard import in_a_terminal
from tests.loop.played import Played
from tests.typed import Out, run

if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[..., Out]

LIB = Path(__file__).resolve().parents[1] / "scripts" / "lib"


@pytest.fixture
def play(tmp_path: Path) -> Played:
    """Two agents have worked: the first changed README.md, the second that again and made new.txt."""
    play = Played(tmp_path / "a project")
    play.acts(README_md="one\n")
    play.acts(README_md="two\n", new_txt="new\n")
    return play


@pytest.fixture
def say(play: Played, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    monkeypatch.chdir(play.user.root)
    for name in ("CLAUDECODE", "CLAUDE_CODE_SESSION_ID"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: run(words, capsys)


def first(play: Played) -> str:
    return play.store.load()["checkpoints"][0]["id"]


def test_saved_listed_shown_compared(say: Say, play: Played) -> None:
    saved = say("checkpoint", "save", "before the \x1b[31mrefactoring", "--json")
    assert saved.code == 0
    made = saved.json
    assert made["name"] == "before the [31mrefactoring (1 hidden characters removed)"
    rows = say("checkpoint", "list").out.splitlines()
    assert [row.split("  ")[0] for row in rows] == [one["id"] for one in say("checkpoint", "list", "--json").json]
    assert "before the [31mrefactoring" in rows[-1]
    assert rows[0].endswith("after d-002  [builder]")
    shown = say("checkpoint", "show", first(play))
    assert f"refs/fermata/{play.store.load()['run']}/{first(play)}" in shown.out
    assert "Differs   2 files" in shown.out
    assert say("checkpoint", "show", first(play), "--json").json["differs"] == ["README.md", "new.txt"]
    assert "+two" in say("checkpoint", "diff", first(play)).out
    assert say("checkpoint", "diff", first(play), "--stat", "--json").json == [
        {"path": "README.md", "lines": 2},
        {"path": "new.txt", "lines": 1},
    ]
    assert say("checkpoint", "diff", made["id"]).out == "Nothing has changed since.\n"
    assert say("status", "--json").json["checkpoints"][-1]["id"] == made["id"]


def test_there_and_back_again(say: Say, play: Played) -> None:
    looked = say("rollback", first(play), "--dry-run")
    assert (looked.code, play.files()["README.md"]) == (0, "two\n")
    assert "restores     README.md" in looked.out
    assert "moves aside  new.txt" in looked.out
    done = say("rollback", first(play), "--yes")
    assert (done.code, play.files().get("new.txt"), play.files()["README.md"]) == (0, None, "one\n")
    assert done.out.endswith("To take this back: fermata undo\n")
    undone = say("undo", "--yes", "--json")
    assert (undone.json["restored"], undone.json["quarantined"]) == (["README.md", "new.txt"], [])
    assert play.files()["new.txt"] == "new\n"
    assert "the run was rolled back to" not in say("log").err


def test_a_file_that_was_changed_on_top_is_named_with_the_way_to_the_other_version(say: Say, play: Played) -> None:
    """K-G03: exit code 4, and the command that is offered does what it says."""
    play.user.write("README.md", "mine\n")
    done = say("rollback", first(play), "--yes")
    assert done.code == 4
    assert "left as is   README.md: changed since the run left it" in done.out
    command = next(line for line in done.out.splitlines() if "git show" in line).partition("version: ")[2]
    assert os.system(command) == 0, "as the person would paste it"
    assert play.files()[f"README.md.{first(play)}"] == "one\n"
    assert play.files()["README.md"] == "mine\n"
    (left,) = say("rollback", first(play), "--yes", "--json").json["skipped"]
    assert (left["path"], left["held"]) == ("README.md", True)


def test_commits_since_then_are_told_of_and_stay(say: Say, play: Played) -> None:
    """K-G06."""
    before = play.user.git("rev-parse", "HEAD").strip()
    head = play.user.commit("mine")
    out = say("rollback", first(play), "--yes").out
    assert "no branch was moved" in out
    assert f"git revert --no-edit {before[:12]}..{head[:12]}" in out
    assert f"git branch before-{first(play)} {before[:12]}" in out
    assert play.user.git("rev-parse", "HEAD").strip() == head


@pytest.mark.parametrize(
    ("name", "code"),
    [("../../HEAD", 8), ("HEAD", 8), ("refs/heads/main", 8), ("cp_1_aaaa; rm x", 8), ("cp_1763712000_3fa9", 4)],
)
@pytest.mark.parametrize("words", [("rollback", "--yes"), ("checkpoint", "show"), ("checkpoint", "diff")])
def test_what_is_no_checkpoint_of_the_run(say: Say, words: tuple[str, ...], name: str, code: int) -> None:
    """K-G14."""
    found = say(*words, name)
    assert (found.code, "fermata checkpoint list" in found.err) == (code, True)


def test_a_name_that_looks_like_an_option_is_a_usage_error(say: Say) -> None:
    assert say("rollback", "-f").code == 2
    assert say("rollback", "--", "-f").code == 8


def test_another_run_s_checkpoint_is_unknown(say: Say, play: Played) -> None:
    """K-G14."""
    from tests.store.runs import make_run

    other = "orch_20250102_030405_0a1b"
    make_run(os.path.dirname(os.path.dirname(play.store.folder)), other)
    assert say("rollback", first(play), "--run", other, "--yes").code == 4


def test_without_a_terminal_nobody_is_asked_and_nothing_done(say: Say, play: Played) -> None:
    for words in (("rollback", first(play)), ("rollback", first(play), "--json")):
        found = say(*words)
        assert (found.code, "--yes" in found.err) == (3, True)
    assert say("undo", "--yes").code == 2
    assert play.files()["README.md"] == "two\n"


def test_inside_claude_code_it_is_refused(say: Say, play: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDECODE", "1")
    for words in (("rollback", first(play), "--yes"), ("undo", "--yes"), ("checkpoint", "save")):
        assert say(*words).code == 3
    assert say("checkpoint", "list").code == 0
    assert play.files()["README.md"] == "two\n"
    assert not {"checkpoint", "rollback", "undo"} & set(MODEL_VERBS)


@pytest.mark.parametrize(("typed", "code", "text"), [("y\n", 0, "one\n"), ("n\n", 3, "two\n")])
def test_in_a_terminal_it_shows_and_asks(play: Played, typed: str, code: int, text: str) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("CLAUDE")}
    argv = [sys.executable, "-m", "fermata", "rollback", first(play)]
    shown, ended = in_a_terminal(argv, play.user.root, {**env, "PYTHONPATH": str(LIB)}, typed)
    assert "restores     README.md" in shown
    assert (ended, play.files()["README.md"]) == (code, text)


def test_variables_of_git_s_lead_nowhere_else(
    say: Say, play: Played, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """K-G16."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert say("checkpoint", "save").code == 0
    assert say("rollback", first(play), "--yes").code == 0
    assert say("undo", "--yes").code == 0
    assert not (tmp_path / "elsewhere").exists()


def test_no_program_that_the_repository_names_is_run(say: Say, play: Played, tmp_path: Path) -> None:
    """K-G15: fsmonitor, hooks, filters, external diff, pager, each a canary."""
    canary, program = tmp_path / "canary", tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{canary}'\ncat\n")
    program.chmod(0o755)
    play.user.write(".git/info/attributes", "* filter=evil diff=evil\n")
    for hook in ("post-index-change", "reference-transaction", "pre-commit", "post-checkout", "post-commit"):
        (play.user.root / ".git/hooks" / hook).symlink_to(program)
    for key in ("core.fsmonitor", "core.pager", "diff.external", "core.editor", "gpg.program", "filter.evil.clean"):
        play.user.git("config", key, str(program))
    for key in ("filter.evil.smudge", "diff.evil.textconv", "diff.evil.command"):
        play.user.git("config", key, str(program))
    play.user.git("config", "filter.evil.required", "true")
    canary.unlink(missing_ok=True)
    for words in (
        ("checkpoint", "save"),
        ("checkpoint", "list"),
        ("checkpoint", "show", first(play)),
        ("checkpoint", "diff", first(play)),
        ("checkpoint", "diff", first(play), "--stat"),
        ("rollback", first(play), "--dry-run"),
        ("rollback", first(play), "--yes"),
        ("undo", "--yes"),
    ):
        assert say(*words).code == 0, words
    assert not canary.exists(), canary.read_text()
    play.user.git("status")
    assert canary.exists()  # the traps do work


def test_after_stash_clean_and_a_switch_of_branch_the_checkpoints_are_there(say: Say, play: Played) -> None:
    """K-G18."""
    play.user.git("checkout", "-q", "-b", "other")
    play.user.git("stash", "-u")
    play.user.git("clean", "-fdxq")
    play.user.git("gc", "-q", "--prune=now")
    assert len(say("checkpoint", "list").out.splitlines()) == 2
    play.user.git("stash", "pop")
    assert say("rollback", first(play), "--yes").code == 0
    assert play.files()["README.md"] == "one\n"


def test_outside_a_repository_and_without_a_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.git.sandbox import make_sandbox

    monkeypatch.chdir(tmp_path)
    assert run(["checkpoint", "list"], capsys).code == 2
    sandbox = make_sandbox(tmp_path / "p")
    monkeypatch.chdir(sandbox.root)
    assert run(["checkpoint", "list"], capsys).code == 2
    sandbox.git("clone", "-q", "--bare", ".", "../bare.git")
    monkeypatch.chdir(tmp_path / "bare.git")
    found = run(["rollback", "cp_1_aaaa"], capsys)
    assert (found.code, "bare" in found.err) == (2, True)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_twenty_thousand_files_and_a_gigabyte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """K-G17: in bounded time; what is too large is told of, and left where it is."""
    import time

    play = Played(tmp_path / "p")
    for number in range(20_000):
        folder = play.user.root / f"d{number // 200}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{number}.txt").write_text(f"{number}\n")
    play.user.commit("many")
    with (play.user.root / "dump.bin").open("wb") as file:
        file.truncate(1_000_000_000)
    monkeypatch.chdir(play.user.root)
    began = time.monotonic()
    saved = run(["checkpoint", "save"], capsys)
    assert saved.code == 0
    assert "too large: dump.bin" in saved.out
    name = saved.out.split()[0]
    agent = play.begins()
    play.user.write("d0/f0.txt", "changed\n")
    with (play.user.root / "dump.bin").open("r+b") as file:
        file.truncate(900_000_000)
    play.ends(agent)
    done = run(["rollback", name, "--yes"], capsys)
    assert time.monotonic() - began < 60
    assert done.code == 4
    assert "left as is   dump.bin" in done.out
    assert (play.user.root / "d0/f0.txt").read_text() == "0\n"
    assert (play.user.root / "dump.bin").stat().st_size == 900_000_000
