from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import pytest

import fermata
from fermata import cli as module
from fermata.cli import cli, main
from fermata.core.board import HANDLERS as BOARD_HANDLERS
from fermata.core.board_entries import add_entry
from fermata.core.board_rules import add_task
from fermata.core.fold import HANDLERS
from fermata.store.errors import Refused
from fermata.views.board_repair import WORDS as BOARD_WORDS
from fermata.views.repair import WORDS, in_words
from tests.keyboard import in_a_terminal
from tests.loop.bench import Bench, built
from tests.store.runs import RUN, SESSION
from tests.typed import Out, run

OTHER = "orch_20260203_040506_1b2c"
PACKAGE = os.path.dirname(os.path.abspath(fermata.__file__))
# The board's groups have their own tests.
VERBS = sorted(name for name, command in cli.commands.items() if not isinstance(command, click.Group))
# What each verb needs to be called at all.
ARGUMENTS: dict[str, list[str]] = {
    "brief": ["d-001"],
    "show": ["state"],
    "handoff": ["show"],
    "route": ["Fix it"],
    "rollback": ["cp_1_aaaa"],
}
BACK = ("rollback", "undo")  # need a run with checkpoints: test_cli_checkpoint.py types them
PEOPLE = ("repair", *BACK)  # refused but in a person's terminal
SLOW = ("rehearse",)  # plays for a minute; its own tests play it
ANYWHERE = ("version", "setup", "doctor")  # need no repository
SAYS = {"doctor": (0, 8)}  # what this machine lacks is no error of the command


class Keyboard(io.StringIO):
    """Standard input as a terminal has it."""

    def isatty(self) -> bool:
        return True


Call = Callable[..., Out]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run one command in *cwd*, as *session* (None: a terminal)."""

    def type_it(*words: str, cwd: str | Path, session: str | None = SESSION) -> Out:
        monkeypatch.chdir(cwd)
        if words[:1] and words[0] in PEOPLE:
            session = None
            monkeypatch.setattr(sys, "stdin", Keyboard(""))
        if session:
            monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", session)
        else:
            monkeypatch.delenv("CLAUDE_CODE_SESSION_ID", raising=False)
        return run(words, capsys)

    return type_it


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def root(bench: Bench) -> str:
    return str(bench.sandbox.root)


# --- every verb ------------------------------------------------------------------------------------------------------------------


def test_the_verbs_are_found() -> None:
    assert len(VERBS) >= 13
    assert {"start", "next", "status", "show", "log", "rehearse"} <= set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(call: Call, tmp_path: Path, verb: str) -> None:
    for flag in ("--help", "-h"):
        found = call(verb, flag, cwd=tmp_path)
        assert (found.code, found.err) == (0, "")
        assert found.out.startswith(f"Usage: fermata {verb}")
        assert "--json" in found.out
        for option in cli.commands[verb].params:
            if isinstance(option, click.Option) and option.name != "help":
                assert option.help, f"{verb} {option.name} explains nothing"


def test_help_names_every_verb(call: Call, tmp_path: Path) -> None:
    found = call("--help", cwd=tmp_path)
    assert found.code == 0
    assert all(re.search(rf"^  {verb} ", found.out, re.MULTILINE) for verb in cli.commands)


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in (*SLOW, *BACK)])
def test_every_verb_prints_one_json_object(call: Call, bench: Bench, verb: str) -> None:
    bench.begin().settle()
    found = call(verb, *ARGUMENTS.get(verb, []), "--json", cwd=root(bench))
    assert found.code in SAYS.get(verb, (0,))
    assert found.err == ""
    assert isinstance(found.json, dict)
    assert found.out.isascii()
    assert found.out.count("\n") == 1


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in (*SLOW, *BACK)])
def test_every_verb_prints_text(call: Call, bench: Bench, verb: str) -> None:
    bench.begin().settle()
    found = call(verb, *ARGUMENTS.get(verb, []), cwd=root(bench))
    assert found.code in SAYS.get(verb, (0,))
    assert found.err == ""
    assert found.out.strip()


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in (*SLOW, *ANYWHERE)])
def test_outside_a_repository_every_verb_says_so(call: Call, tmp_path: Path, verb: str) -> None:
    found = call(verb, *ARGUMENTS.get(verb, []), cwd=tmp_path)
    assert (found.code, found.out) == (2, "")
    assert (
        found.err == f"fermata: {tmp_path} is not inside a git repository, and fermata proves and undoes by git. "
        'Run: git init && git add -A && git commit -m "Begin"\n'
    )


# --- exit codes --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param([], "Usage: fermata", id="nothing"),
        pytest.param(["staus"], "No such command 'staus'", id="verb"),
        pytest.param(["status", "--jso"], "No such option", id="flag"),
        pytest.param(["show"], "Missing argument 'PART'", id="argument-missing"),
        pytest.param(["status", "x"], "unexpected extra argument", id="argument-too-many"),
        pytest.param(["log", "-n", "0"], "0 is not in the range", id="range"),
        pytest.param(["wait", "--max", "541"], "541 is not in the range", id="too-long-a-wait"),
        pytest.param(["wait", "--max", "soon"], "'soon' is not a valid integer range", id="no-number"),
        pytest.param(["rehearse", "--mode", "bypass"], "'bypass' is not one of", id="choice"),
        pytest.param(["show", "plans"], "nothing is called 'plans'", id="part"),
        pytest.param(["show", "plan"], "no plan has reached the gate yet", id="no-plan"),
        pytest.param(["brief", "d-007"], "there is no dispatch d-007", id="no-dispatch"),
        pytest.param(
            ["status", "--run", "orch_20000101_000000_0000"],
            f"there is no run orch_20000101_000000_0000 here; known: {RUN}",
            id="no-run",
        ),
    ],
)
def test_2_usage(call: Call, bench: Bench, words: list[str], says: str) -> None:
    bench.begin()
    found = call(*words, cwd=root(bench))
    assert found.code == 2
    assert says in found.err + found.out


@pytest.mark.parametrize("verb", ["start", "next", "harvest", "wait"])
def test_2_only_the_session_that_drives_moves_the_run(call: Call, bench: Bench, verb: str) -> None:
    bench.begin()
    found = call(verb, cwd=root(bench), session=None)
    assert (found.code, found.out) == (2, "")
    assert "only the Claude Code session that drives a run can move it" in found.err
    found = call(verb, cwd=root(bench), session="another")
    assert "this session drives no run" in found.err


@pytest.mark.parametrize("verb", ["next", "wait", "harvest", "brief", "show", "log", "resume"])
def test_2_before_start_there_is_no_run(call: Call, bench: Bench, verb: str) -> None:
    bench.mark()
    found = call(verb, *ARGUMENTS.get(verb, []), cwd=root(bench))
    assert (found.code, found.out) == (2, ""), found.err


def test_0_status_without_a_run(call: Call, bench: Bench) -> None:
    found = call("status", cwd=root(bench))
    assert (found.code, found.out) == (0, 'No run here yet. Type /build "GOAL" in Claude Code.\n')
    assert call("status", "--json", cwd=root(bench)).json == {"format": 1, "run": None}


def test_3_a_headless_run_waits_for_a_human(call: Call, bench: Bench) -> None:
    bench.begin(interactive=False).planned()
    found = call("next", cwd=root(bench))
    assert found.code == 3
    assert found.out.startswith("HELD: plan ")
    found = call("next", "--json", cwd=root(bench))
    assert (found.code, found.json["exit"]) == (3, 3)
    assert call("status", cwd=root(bench)).code == 3


def test_3_the_picker_is_work_and_status_says_waiting(call: Call, bench: Bench) -> None:
    bench.begin().planned()
    assert call("next", cwd=root(bench)).code == 0
    assert call("status", cwd=root(bench), session=None).code == 3


def test_4_another_session_has_taken_over(call: Call, bench: Bench) -> None:
    bench.begin().tell("lease_taken", session="another", generation=2, interactive=True)
    found = call("next", cwd=root(bench))
    assert found.code == 4
    assert "driven by another session now; the user can take it over with /fermata:resume" in found.err


def test_status_names_a_line_that_a_crash_tore_off(call: Call, bench: Bench) -> None:
    bench.begin().planned()
    with open(bench.store.journal, "ab") as file:
        file.write(b'{"seq": 99, "half a li')
    call("resume", cwd=root(bench), session=None)
    (name,) = bench.store.torn()
    assert name in call("status", cwd=root(bench)).out
    assert call("status", "--json", cwd=root(bench)).json["torn"] == [name]


@pytest.mark.parametrize("verb", ["next", "status", "log", "resume", "wait"])
def test_5_a_damaged_journal_moves_nothing(call: Call, bench: Bench, verb: str) -> None:
    bench.begin().settle()
    path = Path(bench.store.journal)
    path.write_bytes(path.read_bytes().replace(b"Add a thing", b"Add another"))
    os.unlink(bench.store.state)
    before = path.read_bytes()
    found = call(verb, cwd=root(bench))
    assert (found.code, found.out) == (5, "")
    assert "line 1 is damaged" in found.err
    assert path.read_bytes() == before


# --- repair ------------------------------------------------------------------------------------------------------------------------


def damaged(bench: Bench, line: int) -> Path:
    """The bench's journal with something else in one of its lines."""
    path = Path(bench.store.journal)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line - 1] = lines[line - 1].replace(b'"actor":"', b'"actor":"not ')
    path.write_bytes(b"".join(lines))
    return path


def decided_in(bench: Bench) -> int:
    (line,) = [event["seq"] for event in bench.store.events() if event["type"] == "decision_made"]
    return line


def test_repair_shows_and_asks_and_no_is_no(call: Call, bench: Bench) -> None:
    bench.begin().building()
    line, last = decided_in(bench), len(bench.store.events())
    path = damaged(bench, line)
    before = path.read_bytes()
    found = call("repair", cwd=root(bench))  # nothing is typed
    assert found.code == 130
    assert f"line {line} is not as fermata wrote it" in found.out
    assert re.search(
        rf"^Stays     lines 1–{line - 1}, to 20\S+Z; it goes on at: The human decides$", found.out, re.MULTILINE
    )
    assert f"Goes      lines {line}–{last}, as far as it can still be read:" in found.out
    assert re.search(r"you decided on plan [0-9a-f]{8}: approve$", found.out, re.MULTILINE)
    assert re.search(r"d-002 \(builder\) was prepared$", found.out, re.MULTILINE)
    assert "Approval  is among what goes: fermata asks you again before anything may change" in found.out
    assert f"Let it go on from line {line - 1}? [y/N]" in found.out
    assert "\x1b" not in found.out
    assert path.read_bytes() == before
    assert not [name for name in os.listdir(path.parent) if "damaged" in name]
    assert call("status", cwd=root(bench), session=None).code == 5


def test_repair_goes_on_from_the_last_good_line(call: Call, bench: Bench) -> None:
    bench.begin().building()
    line = decided_in(bench)
    before = damaged(bench, line).read_bytes()
    found = call("repair", RUN, "--yes", cwd=root(bench))
    assert (found.code, found.err) == (0, "")
    assert f"{RUN}  repaired: waiting, at: The human decides" in found.out
    assert f"Next      type /fermata:resume {RUN} in Claude Code" in found.out
    (kept,) = re.findall(r"^Kept      (.*journal\.jsonl\.damaged-.*)$", found.out, re.MULTILINE)
    assert Path(kept).read_bytes() == before
    shown = call("status", cwd=root(bench), session=None)
    assert (shown.code, "Repaired  20" in shown.out) == (3, True)
    assert "repaired" in call("log", cwd=root(bench), session=None).out.splitlines()[-1]
    again = call("repair", cwd=root(bench))
    assert (again.code, again.out) == (0, f"Nothing is damaged: {RUN} is whole. Nothing was changed.\n")


def test_after_a_repair_the_approval_is_asked_for_again_and_the_work_offered_again(bench: Bench, call: Call) -> None:
    bench.begin().building()
    bench.sandbox.write("src/app.py", "print(2)\n")
    damaged(bench, decided_in(bench))
    assert call("repair", "--yes", cwd=root(bench)).code == 0
    assert call("next", cwd=root(bench)).out.startswith("DO: the user decides about plan")
    assert bench.run["approved"] is None
    bench.approve().settle()
    assert bench.newest["id"] == "d-003", "d-002's agent may be at work still"
    assert bench.newest["state"] == "pending"
    assert (bench.sandbox.root / "src/app.py").read_text() == "print(2)\n"


def test_after_a_repair_no_check_takes_the_evidence_of_a_lost_one(bench: Bench, call: Call) -> None:
    bench.begin().building().build()
    bench.settle()
    (second,) = [e["seq"] for e in bench.store.events() if e["type"] == "check_started" and e["body"]["id"] == "c-002"]
    damaged(bench, second)
    assert call("repair", "--yes", cwd=root(bench)).code == 0
    bench.settle()
    assert [c["id"] for c in bench.run["checks"].values()][:2] == ["c-001", "c-003"]
    assert {c["outcome"] for c in bench.run["checks"].values()} == {"green"}


def test_an_approval_whose_line_stays_is_not_asked_for_again(bench: Bench, call: Call) -> None:
    bench.begin().building()
    line = decided_in(bench)
    damaged(bench, len(bench.store.events()))
    found = call("repair", "--yes", cwd=root(bench))
    assert re.search(
        rf"^Approval  stands: plan [0-9a-f]{{8}} was approved in line {line}, which stays$", found.out, re.MULTILINE
    )
    bench.settle()
    assert bench.run["approved"] is not None


def test_an_approval_whose_record_is_gone_does_not_stand(bench: Bench, call: Call) -> None:
    bench.begin().building()
    bench.data.drop_approval(RUN)
    damaged(bench, len(bench.store.events()))
    found = call("repair", "--yes", cwd=root(bench))
    assert (
        "Approval  does not stand: the approval's record outside the project is missing. fermata asks you" in found.out
    )


def test_repair_with_json_asks_nothing_and_needs_yes(call: Call, bench: Bench) -> None:
    bench.begin().building()
    line, last = decided_in(bench), len(bench.store.events())
    path = damaged(bench, line)
    before = path.read_bytes()
    found = call("repair", "--json", cwd=root(bench))
    assert (found.code, found.json["damaged"], found.json["repaired"]) == (5, True, False)
    assert found.json["last_good_line"] == line - 1
    assert [gone["line"] for gone in found.json["gone"]] == list(range(line, last + 1))
    assert path.read_bytes() == before
    found = call("repair", "--json", "--yes", cwd=root(bench))
    assert (found.code, found.json["repaired"], len(found.json["copies"])) == (0, True, 2)
    assert call("repair", "--json", cwd=root(bench)).json == {"damaged": False, "runs": [RUN]}


@pytest.mark.parametrize("flags", [[], ["--yes"], ["--json"]])
@pytest.mark.parametrize(
    ("name", "why"),
    [("CLAUDECODE", "outside Claude Code"), ("CLAUDE_CODE_SESSION_ID", "outside Claude Code"), ("", "no terminal")],
)
def test_3_repair_is_for_people(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, flags: list[str], name: str, why: str
) -> None:
    bench.begin().building()
    path = damaged(bench, 3)
    before = path.read_bytes()
    monkeypatch.chdir(root(bench))
    monkeypatch.setattr(sys, "stdin", Keyboard("y\n") if name else io.StringIO("y\n"))
    if name:
        monkeypatch.setenv(name, "1")
    with pytest.raises(Refused, match=why):
        cli.main(["repair", *flags], standalone_mode=False)
    assert main(["repair", *flags]) == 3
    assert path.read_bytes() == before


def test_5_what_cannot_be_repaired_says_what_is_left(call: Call, bench: Bench) -> None:
    """K-A11: and what it names works."""
    bench.begin().building()
    os.unlink(bench.store.journal)
    found = call("repair", "--yes", cwd=root(bench))
    assert (found.code, found.out) == (5, "")
    assert f"`fermata show state --run {RUN}`" in found.err
    shown = call("show", "state", "--run", RUN, cwd=root(bench), session=None)
    assert (shown.code, json.loads(shown.out)["run"]["run"]) == (0, RUN)


def test_what_the_lost_lines_say_cannot_move_the_cursor(call: Call, bench: Bench) -> None:
    bench.begin().building()
    path = damaged(bench, 3)
    body = {"goal": "\x1b[2J\u202e{0.__class__}", "id": "{id}"}
    hostile = [
        {"type": kind, "ts": "\x1b]0;x\x07", "body": body} for kind in ("run_created", "\x1b[1m", "dispatch_started")
    ]
    wrong: list[Any] = [{"type": 3, "ts": "x", "body": {}}, {"type": "x", "ts": "x", "body": []}]
    lines = path.read_bytes().splitlines(keepends=True)[:3]
    path.write_bytes(b"".join([*lines, *(json.dumps(event).encode() + b"\n" for event in hostile + wrong)]))
    found = call("repair", "--yes", cwd=root(bench))
    assert found.code == 0
    assert "\x1b" not in found.out
    assert "\u202e" not in found.out
    assert found.out.count("cannot be read") >= 2


def test_every_kind_of_event_has_words() -> None:
    assert set(WORDS) == {"run_created", *HANDLERS}
    assert set(BOARD_WORDS) == set(BOARD_HANDLERS)
    assert all(in_words({"type": kind, "ts": "T", "body": {}}).startswith("T  ") for kind in {*WORDS, *BOARD_WORDS})


def test_2_of_several_damaged_runs_one_is_named(call: Call, bench: Bench) -> None:
    bench.begin().building()
    other = bench.store.folder.replace(RUN, OTHER)
    shutil.copytree(bench.store.folder, other)
    damaged(bench, 3)
    shutil.copy(bench.store.journal, other)
    found = call("repair", "--yes", cwd=root(bench))
    assert (found.code, found.out) == (2, "")
    assert f"several runs are damaged; name the one to repair: {OTHER}, {RUN}" in found.err
    assert call("repair", OTHER, "--yes", cwd=root(bench)).code == 0
    assert call("repair", "--yes", cwd=root(bench)).code == 0
    assert (
        call("repair", cwd=root(bench)).out
        == "Nothing is damaged: 2 runs here, and each is whole. Nothing was changed.\n"
    )


def damaged_board(bench: Bench) -> Path:
    """Two tasks and a learning, the second of the tasks with other words than it was given."""
    store = bench.site.project.board()
    for title in ("one", "two"):
        store.act("test", partial(add_task, title=title))
    store.act("test", partial(add_entry, kind="learning", title="three"))
    path = Path(store.journal)
    path.write_bytes(path.read_bytes().replace(b'"two"', b'"twx"'))
    Path(store.state).write_text("{")  # who has the whole of it in the cache does not read the journal again
    return path


def test_repair_brings_the_board_back_and_loses_no_byte(call: Call, bench: Bench) -> None:
    bench.begin()
    path = damaged_board(bench)
    before = path.read_bytes()
    for words in (["task", "list"], ["learning", "list"]):
        found = call(*words, cwd=root(bench), session=None)
        assert (found.code, "`fermata repair board` shows what is lost" in found.err) == (5, True)
    shown = call("repair", cwd=root(bench))
    assert shown.code == 130
    assert "board  damaged" in shown.out
    assert "Stays     line 1: 1 tasks" in shown.out
    assert "Goes      lines 2–3, as far as it can still be read:" in shown.out
    assert re.search(r"t-000002 was added: twx$", shown.out, re.MULTILINE)
    assert re.search(r"learning-000001 was added: three$", shown.out, re.MULTILINE)
    assert path.read_bytes() == before
    done = call("repair", "board", "--yes", cwd=root(bench))
    assert (done.code, done.err) == (0, "")
    assert "board  repaired: 1 tasks" in done.out
    (kept,) = re.findall(r"^Kept      (/.*journal\.jsonl\.damaged-.*)$", done.out, re.MULTILINE)
    assert Path(kept).read_bytes() == before
    assert (
        call("repair", cwd=root(bench)).out
        == "Nothing is damaged: 1 runs and the board here, and each is whole. Nothing was changed.\n"
    )
    assert call("repair", "board", cwd=root(bench)).out == "Nothing is damaged: board is whole. Nothing was changed.\n"
    added = call("task", "add", "three", cwd=root(bench), session=None)
    assert added.out.startswith("t-000004"), "an id that was lost is not given again"


def test_repair_of_a_board_without_a_good_line_says_what_is_left(call: Call, bench: Bench) -> None:
    path = damaged_board(bench.begin())
    path.write_bytes(path.read_bytes().replace(b'"one"', b'"onx"'))
    found = call("repair", "board", "--yes", cwd=root(bench))
    assert found.code == 5
    assert "has no good line, so there is nothing to go on from. Nothing was changed." in found.err
    assert "Keep a copy of the folder; if you move it away, `fermata task add` begins an empty board" in found.err
    assert "several runs are damaged" not in call("repair", cwd=root(bench)).err


def test_repair_in_a_real_terminal_has_colour_and_ctrl_c_loses_nothing(bench: Bench) -> None:
    bench.begin().building()
    path = damaged(bench, decided_in(bench))
    before = path.read_bytes()
    shown, code = at_keyboard(bench, "\x03")
    assert code == 130
    assert "interrupted; nothing is lost" in shown
    assert path.read_bytes() == before
    shown, code = at_keyboard(bench, "n\r")
    assert (code, "Nothing was changed." in shown) == (5, True)
    shown, code = at_keyboard(bench, "y\r")
    assert code == 0
    assert "\x1b[31mdamaged\x1b[0m" in shown
    assert "\x1b[32mrepaired\x1b[0m" in shown
    assert bench.store.events()[-1]["type"] == "repaired"


def at_keyboard(bench: Bench, typed: str) -> tuple[str, int]:
    """`fermata repair`, run by this interpreter in a pseudo-terminal."""
    code = (
        f"import sys; sys.path.insert(0, {os.path.dirname(PACKAGE)!r}); from fermata.cli import main; sys.exit(main())"
    )
    env = {name: value for name, value in os.environ.items() if name != "CLAUDE_CODE_SESSION_ID"}
    return in_a_terminal([sys.executable, "-c", code, "repair"], root(bench), env, typed)


def test_6_what_git_cannot_do(call: Call, bench: Bench) -> None:
    bench.begin().planned().approve()
    (bench.sandbox.root / ".git" / "index").write_bytes(b"DIRC rubbish")
    found = call("next", cwd=root(bench))
    assert found.code == 6
    assert found.err.startswith("fermata: git ")


def test_6_what_cannot_be_written(call: Call, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/some/where")

    bench.begin()
    monkeypatch.setattr("fermata.store.run_store.journal.append", full)
    found = call("next", cwd=root(bench))
    assert found.code == 6
    assert found.err.startswith("fermata: No space left on device (/some/where). Nothing that was journalled is lost")


def test_7_a_lock_that_is_held(call: Call, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from fermata.store.lock import locked

    bench.begin()
    monkeypatch.setattr("fermata.loop.drive.DRIVE_SECONDS", 0.05)
    with locked(bench.store.path("drive.lock")):
        found = call("next", cwd=root(bench))
    assert found.code == 7
    assert "is held by another process" in found.err


@pytest.mark.parametrize("verb", ["start", "resume", "check"])
def test_8_wrong_settings(call: Call, bench: Bench, verb: str) -> None:
    if verb == "resume":
        bench.begin()
    else:
        bench.mark()
    bench.sandbox.write(".fermata/config.yaml", '"gr\\e[2Jant": all\nlimit: 1\n')
    found = call(verb, cwd=root(bench))
    assert (found.code, found.out) == (8, "")
    assert (
        'unknown key "limit"; allowed here: checks, commands, grant, limits, remember, stages, waive, workflow, worktrees. Did you mean "limits"?'
        in found.err
    )
    assert found.err.count("unknown key") == 2
    assert "\x1b" not in found.err


def test_8_a_red_check(call: Call, bench: Bench) -> None:
    assert call("check", cwd=root(bench)).code == 0
    bench.sandbox.write("check.sh", "echo WRONG; exit 1\n")
    found = call("check", cwd=root(bench))
    assert found.code == 8
    assert found.out == "red sh check.sh: exit 1: WRONG\nWRONG\n\n"


def test_7_a_check_that_still_runs(call: Call, bench: Bench) -> None:
    bench.sandbox.write("check.sh", "while ! test -e ../go; do sleep 0.05; done\n")
    found = call("check", "--max", "1", "--json", cwd=root(bench))
    (bench.folder / "go").touch()
    assert found.code == 7
    assert found.json["checks"][0]["outcome"] == "running"


def test_130_ctrl_c_while_waiting(call: Call, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.sandbox.write("check.sh", "while ! test -e ../go; do sleep 0.05; done\n")
    bench.begin().drive()
    with monkeypatch.context() as patch:
        patch.setattr("fermata.checks.runner.time.sleep", lambda _: os.kill(os.getpid(), signal.SIGINT))
        found = call("wait", cwd=root(bench))
    assert found.code == 130
    assert found.err.endswith("interrupted; nothing is lost, run the same command again\n")
    (bench.folder / "go").touch()
    assert bench.kinds() == ["agent"]


def test_1_a_bug_of_ours_is_one_line_and_a_path(call: Call, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("by\nnothing\x1b[2J")

    monkeypatch.setattr(module, "open_here", broken)
    found = call("status", cwd=root(bench))
    assert (found.code, found.out, found.err.count("\n")) == (1, "", 1)
    assert found.err.startswith("fermata: this is a bug of fermata's (ZeroDivisionError: by nothing[2J (1 hidden")
    path = Path(found.err.strip().partition("Details: ")[2])
    assert path.is_relative_to(os.environ["HOME"])
    assert "ZeroDivisionError" in path.read_text()
    assert "Nothing that was journalled is lost. Do not just repeat the command: tell the user" in found.err


def test_1_a_bug_whose_details_can_be_kept_nowhere_shows_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(module, "open_here", broken)
    monkeypatch.setenv("XDG_DATA_HOME", "/proc/nothing/here")
    assert main(["status"]) == 1
    err = capsys.readouterr().err
    assert "could be kept nowhere" in err
    assert "in broken" in err


# --- going on ------------------------------------------------------------------------------------------------------------------------


def test_a_run_by_the_command_line_alone(call: Call, bench: Bench) -> None:
    bench.mark()
    here = root(bench)
    assert call("start", cwd=here).out.startswith("DO: fermata is running tests; wait for it with")
    assert call("wait", cwd=here).out.startswith("DO: call the Agent tool once")
    assert call("start", cwd=here).out == call("next", cwd=here).out
    bench.planned().approve()
    assert "prompt: fermata dispatch d-002" in call("next", cwd=here).out
    bench.work()
    assert call("harvest", cwd=here).out == "Nothing to take: every agent at work is accounted for.\n"
    assert call("next", cwd=here).out.startswith("WAIT: d-002 at work.")
    assert call("brief", "d-002", cwd=here, session=None).out.startswith("# Build: d-002")
    assert call("handoff", "show", cwd=here, session=None).out.startswith("d-002: ")
    assert '"from": "planner"' in call("handoff", "show", "d-002", cwd=here, session=None).out
    assert call("log", "-n", "2", cwd=here, session=None).out.count("\n") == 2
    assert call("resume", cwd=here, session=None).out.startswith(
        f"{RUN} is whole (executing). To go on, type /fermata:resume {RUN}"
    )


def test_wait_goes_on_after_a_caller_that_died_before_its_check_began(
    call: Call, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    bench.begin()
    with monkeypatch.context() as patch:
        patch.setattr("fermata.loop.own_checks.start_check", killed)
        assert call("next", cwd=root(bench)).code == 130
    found = call("wait", cwd=root(bench))
    assert (found.code, found.err) == (0, "")


def test_check_with_a_run_tries_what_was_approved(call: Call, bench: Bench) -> None:
    bench.begin().building()
    bench.sandbox.write(".fermata/config.yaml", "checks: {full: [{name: other, command: 'false'}]}\n")
    assert [c["name"] for c in call("check", "--json", cwd=root(bench)).json["checks"]] == ["tests"]
    bench.takes(built(unexplained=[".fermata/config.yaml"]))


# --- wherever it is called -------------------------------------------------------------------------------------------------------------


def test_a_subfolder_and_a_linked_worktree_see_the_same_run(call: Call, bench: Bench) -> None:
    bench.begin().settle()
    bench.sandbox.git("worktree", "add", "-q", "-b", "other", "../linked work")
    (bench.sandbox.root / "src/deep er").mkdir()
    found = [
        call("status", "--json", cwd=place).json
        for place in (root(bench), bench.sandbox.root / "src/deep er", bench.folder / "linked work")
    ]
    assert found[0]["run"] == RUN
    assert found[0] == found[1] == found[2]


def test_inside_the_git_folder_there_is_no_work_tree(call: Call, bench: Bench) -> None:
    assert call("status", cwd=bench.sandbox.root / ".git").code == 2


def test_a_folder_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    shutil.rmtree(gone)
    assert main(["status"]) == 6


# --- as a process ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """`scripts/fermata`, and an environment in which it is ready: the one these tests run beside, else a new one."""
    from fermata.environment import ensure

    top = os.path.dirname(os.path.dirname(os.path.dirname(PACKAGE)))
    beside = Path(sys.prefix).parent
    home = beside.parent if beside.name == "fermata" else tmp_path_factory.mktemp("data")
    env = {**os.environ, "XDG_DATA_HOME": str(home)}
    ensure(top, env, "env", sys.stderr)
    return os.path.join(top, "scripts", "fermata"), env


def start(launcher: tuple[str, dict[str, str]], *words: str, cwd: str | Path, **fields: Any) -> subprocess.Popen[str]:
    path, env = launcher
    return subprocess.Popen(
        [path, *words],
        cwd=cwd,
        env={**env, "CLAUDE_CODE_SESSION_ID": SESSION},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **fields,
    )


@pytest.mark.timeout(120)
def test_the_launcher_gives_on_code_and_words(
    launcher: tuple[str, dict[str, str]], bench: Bench, tmp_path: Path
) -> None:
    bench.begin(interactive=False).planned()
    for words, code in (
        (["next"], 3),
        (["status"], 3),
        (["show", "nothing"], 2),
        (["version", "--json"], 0),
        (["log"], 0),
    ):
        process = start(launcher, *words, cwd=bench.sandbox.root / "src")
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, err
        assert bool(out) is (code != 2)
        assert "Traceback" not in err
    process = start(launcher, "status", cwd=tmp_path)
    assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == 2


@pytest.mark.timeout(120)
def test_a_reader_that_has_enough_is_no_error(launcher: tuple[str, dict[str, str]], bench: Bench) -> None:
    bench.begin("A goal\n" + "x" * 300_000).settle()
    for words in (["log", "--json"], ["show", "state"]):
        process = start(launcher, *words, cwd=bench.sandbox.root)
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(10)
        process.stdout.close()
        assert (process.wait(60), process.stderr.read()) == (0, "")
        process.stderr.close()


# --- route and start ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        pytest.param("Fix the typo", ("build_only", '"fix"', 1.0), id="fix"),
        pytest.param("Say farewell", ("plan_then_build", "none", 0.0), id="no-signal"),
        pytest.param("build_only: Say farewell", ("build_only", "your choice", 1.0), id="choice"),
    ],
)
def test_route_says_lane_signal_and_confidence(
    call: Call, bench: Bench, goal: str, expected: tuple[str, str, float]
) -> None:
    found = call("route", goal, "--json", cwd=root(bench)).json
    assert (found["workflow"], found["signal"], found["confidence"]) == expected
    assert found["agents"][-1] == "reviewer"
    shown = call("route", goal, cwd=root(bench)).out
    assert f"Workflow   {expected[0]}" in shown
    assert f"Signal     {expected[1]}" in shown
    assert bench.site.project.run_ids() == []


@pytest.mark.parametrize(("style", "shows"), [("explicit", True), ("implicit", False)])
def test_start_shows_the_routing_where_it_was_asked_for(call: Call, bench: Bench, style: str, *, shows: bool) -> None:
    bench.mark("Add a thing", style=style)
    out = call("start", cwd=root(bench)).out
    assert ("Complexity complex" in out) is shows
    status = call("status", cwd=root(bench)).out
    assert 'Workflow  plan_then_build: signal "add", confidence 1.00 (go)' in status
    assert call("status", "--json", cwd=root(bench)).json["routing"]["confidence"] == 1.0


def test_a_person_mends_a_handoff_and_sends_it_again(call: Call, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.begin()
    bench.planned().approve().settle()
    here = root(bench)
    for action in ("repair", "resend"):
        refused = call("handoff", action, cwd=here)
        assert (refused.code, f"`fermata handoff {action}` is for people" in refused.err) == (3, True)
    done = call("handoff", "repair", "--set", "plan_summary=Two words.", cwd=here, session=None)
    assert (done.code, "d-002: the handoff is written anew" in done.out) == (0, True)
    assert "Two words." in call("handoff", "show", cwd=here, session=None).out
    sent = call("handoff", "resend", cwd=here, session=None)
    assert (sent.code, "The brief of d-002 is written anew" in sent.out) == (0, True)
    assert "Two words." in bench.brief("d-002")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"From a pipe.")))
    piped = call("handoff", "repair", "d-002", "--set", "plan_summary=-", "--json", cwd=here, session=None)
    assert piped.json["handoff"]["context"]["plan_summary"] == "From a pipe."
    wrong = call("handoff", "repair", "--set", "plan_summary", cwd=here, session=None)
    assert (wrong.code, "says no value" in wrong.err) == (2, True)


def commands_of(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    for part, command in group.commands.items():
        yield f"{name} {part}", command
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{name} {part}")


@pytest.mark.parametrize(("name", "command"), [pytest.param(*row, id=row[0]) for row in commands_of(cli, "fermata")])
def test_in_a_list_of_commands_none_is_cut_short(name: str, command: click.Command) -> None:
    assert not command.get_short_help_str(62).endswith("..."), name
