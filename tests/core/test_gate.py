from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata.core.gate import (
    ALLOW,
    DENY,
    EDITS,
    MAIN,
    MODEL_VERBS,
    PASS,
    READER,
    READS,
    STRANGER,
    WRITER,
    Call,
    Facts,
    Verdict,
    judge,
)

LAUNCHER = "/plugins/fermata/scripts/fermata"
ACTORS = (MAIN, READER, WRITER, STRANGER)
GUARDED = ("/data/fermata", ".git/fermata", "FERMATA_APPROVE", "claude -p", "claude plugin", ".claude/settings", "tmux")
UNKNOWN = ("PowerShell", "mcp__fs__write_file", "Foo", "WebFetch", "EnterPlanMode", "Workflow", "")


def make_call(tool: str = "Read", command: str = "", path: str | None = "") -> Call:
    return Call(tool, command, path)


def make_facts(actor: str = MAIN, **fields: Any) -> Facts:
    values: dict[str, Any] = {
        "actor": actor,
        "dispatch": "d-003",
        "scope": ["src/**"],
        "launcher": LAUNCHER,
        "grant": "scope",
        "plan_mode": False,
        "guarded": GUARDED,
        **fields,
    }
    return Facts(**values)


def answer(call: Call, actor: str = MAIN, **fields: Any) -> str:
    return str(judge(call, make_facts(actor, **fields)).answer)


MAIN_ONLY = ("AskUserQuestion", "Agent", "SendMessage")
TABLE = [
    *[(tool, "", "", dict.fromkeys(ACTORS, PASS)) for tool in sorted(READS - set(MAIN_ONLY))],
    *[(tool, "", "", {MAIN: PASS}) for tool in MAIN_ONLY],
    *[(tool, "", "src/a.py", {WRITER: ALLOW}) for tool in sorted(EDITS)],
    *[(tool, "", "docs/a.md", {}) for tool in sorted(EDITS)],
    *[(tool, "", None, {}) for tool in sorted(EDITS)],
    *[(tool, "", "", {}) for tool in sorted(EDITS)],
    *[(tool, "", "", {WRITER: PASS}) for tool in UNKNOWN if tool != "Workflow"],
    *[(tool, "", "", {}) for tool in ("Workflow", "CronCreate", "ScheduleWakeup")],
    ("Bash", "git status", "", dict.fromkeys(ACTORS, PASS)),
    ("Bash", "touch x", "", {WRITER: PASS}),
    ("Bash", "pytest -q", "", {WRITER: PASS}),
    ("Bash", "", "", {WRITER: PASS}),
    ("Skill", "fermata:orchestration", "", dict.fromkeys(ACTORS, PASS)),
    ("Skill", "other:thing", "", {WRITER: PASS}),
    ("Skill", "notfermata:x", "", {WRITER: PASS}),
    *[("Bash", f'"{LAUNCHER}" {verb}', "", dict.fromkeys(ACTORS, ALLOW)) for verb in sorted(MODEL_VERBS)],
    *[("Bash", f'"{LAUNCHER}" {verb}', "", {}) for verb in ("approve", "approve --force", "repair", "rehearse", "--help next", "")],
]  # fmt: skip


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize(
    ("tool", "command", "path", "answers"),
    [pytest.param(*row, id=f"{row[0]}-{row[1]}-{row[2]}") for row in TABLE],
)
def test_table(actor: str, tool: str, command: str, path: str | None, answers: dict[str, str]) -> None:
    verdict = judge(make_call(tool, command, path), make_facts(actor))
    assert verdict.answer == answers.get(actor, DENY)
    assert bool(verdict.reason) is (verdict.answer == DENY)


@pytest.mark.parametrize("actor", [MAIN, READER, STRANGER])
@pytest.mark.parametrize(
    ("tool", "command"),
    [
        *[(tool, "") for tool in ("Write", "Edit", "MultiEdit", "NotebookEdit", *UNKNOWN)],
        ("Bash", "touch x"),
        ("Bash", "FERMATA_APPROVED=1 fermata next"),
        ("Bash", "claude -p approve"),
        ("Bash", "claude --resume"),
        ("Bash", "claude plugin disable fermata"),
        ("Bash", "claude mcp list"),
        ("Bash", "tmux send-keys approve Enter"),
        ("Bash", "nc -U $CLAUDE_CODE_MESSAGING_SOCKET"),
        ("Bash", f"echo '{{}}' | python3 {LAUNCHER}"),
        ("Bash", f"{LAUNCHER} next; touch x"),
    ],
)
def test_closed_gate_refuses(actor: str, tool: str, command: str) -> None:
    assert answer(make_call(tool, command, "src/a.py" if tool in EDITS else ""), actor) == DENY


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize("tool", sorted(EDITS))
@pytest.mark.parametrize(
    "path",
    [
        ".git/fermata/runs/x/journal.jsonl", ".git/hooks/pre-commit", ".git", "sub/.git/config", ".GIT/config",
        ".claude/settings.json", ".claude/settings.local.json", "packages/a/.claude/settings.json", ".Claude/x",
        ".mcp.json", "sub/.MCP.json", ".fermata/config.yaml", ".fermata/worktrees/x/a",
    ],
)  # fmt: skip
def test_own_places_are_out_of_reach_whoever_asks(actor: str, tool: str, path: str) -> None:
    wide = make_facts(actor, scope=["**", path, ".*/**"])
    verdict = judge(make_call(tool, "", path), wide)
    assert verdict.answer == DENY
    assert path in verdict.reason


@pytest.mark.parametrize("tool", ["Bash", "PowerShell"])
@pytest.mark.parametrize("text", GUARDED)
def test_writers_command_may_not_mention_the_users_side(tool: str, text: str) -> None:
    verdict = judge(make_call(tool, f"cd /; x {text}/y"), make_facts(WRITER))
    assert verdict.answer == DENY
    assert text in verdict.reason


@pytest.mark.parametrize(
    ("path", "said"),
    [
        pytest.param("docs/a.md", "`docs/a.md` is outside the scope of d-003 (may change: src/**)", id="outside"),
        pytest.param("SRC/a.py", "outside the scope", id="other-case"),
        pytest.param("src", "outside the scope", id="the-folder-itself"),
        pytest.param(None, "outside the repository", id="other-tree"),
        pytest.param("", "names no file", id="no-file"),
    ],
)
def test_denial_names_path_scope_and_way_out(path: str | None, said: str) -> None:
    verdict = judge(make_call("Edit", "", path), make_facts(WRITER))
    assert verdict.answer == DENY
    assert said in verdict.reason
    assert "src/**" in verdict.reason


def test_no_file_is_in_no_scope() -> None:
    assert answer(make_call("Write", "", ""), WRITER, scope=["*", "**"]) == DENY


@pytest.mark.parametrize(
    ("actor", "said"),
    [(MAIN, "a builder does, after the approval"), (READER, "d-003 only reads"), (STRANGER, "holds no dispatch")],
)
def test_denied_edit_says_who_may(actor: str, said: str) -> None:
    reason = judge(make_call("Write", "", "src/a.py"), make_facts(actor)).reason
    assert said in reason
    assert "/fermata:stop" in reason


def test_denied_command_names_the_part_and_the_way_on() -> None:
    reason = judge(make_call("Bash", "ls > x"), make_facts()).reason
    assert "`>` outside quotes" in reason
    assert "fermata check" in reason


@pytest.mark.parametrize(
    ("grant", "plan_mode", "launcher", "edit"),
    [
        ("scope", False, ALLOW, ALLOW),
        ("cli", False, ALLOW, PASS),
        ("none", False, PASS, PASS),
        ("odd", False, PASS, PASS),
        ("scope", True, DENY, DENY),
        ("cli", True, DENY, DENY),
        ("none", True, DENY, DENY),
    ],
)
def test_grant(grant: str, *, plan_mode: bool, launcher: str, edit: str) -> None:
    facts = {"grant": grant, "plan_mode": plan_mode}
    assert answer(make_call("Bash", f"'{LAUNCHER}' next"), WRITER, **facts) == launcher
    assert answer(make_call("Edit", "", "src/a.py"), WRITER, **facts) == edit


IN_PLAN_MODE = [
    *[("Bash", f"'{LAUNCHER}' {verb}", DENY) for verb in "start next harvest check wait approve".split()],
    *[("Bash", f"'{LAUNCHER}' {verb}", PASS) for verb in ("status", "show plan", "log", "brief d-003")],
    *[(tool, "", DENY) for tool in ("Agent", "SendMessage", *sorted(EDITS), "WebFetch", "EnterPlanMode")],
    *[(tool, "", PASS) for tool in ("Read", "ToolSearch", "SubagentHandback", "TodoWrite", "ExitPlanMode")],
    ("Bash", "git log | head", PASS),
    ("Bash", "python -m pytest", DENY),
    ("Skill", "fermata:orchestration", PASS),
    ("Skill", "other:one", DENY),
]


@pytest.mark.parametrize("actor", ACTORS)
@pytest.mark.parametrize(("tool", "command", "expected"), IN_PLAN_MODE)
def test_in_plan_mode_the_run_holds_and_looking_goes_on(actor: str, tool: str, command: str, expected: str) -> None:
    call = make_call(tool, command, "src/a.py" if tool in EDITS else "")
    verdict = judge(call, make_facts(actor, plan_mode=True))
    assert verdict.answer == expected
    if expected == DENY:
        assert "plan mode" in verdict.reason
        assert ("Shift+Tab" in verdict.reason) is (actor == MAIN)


calls = st.builds(
    Call,
    st.sampled_from([*sorted(READS), *sorted(EDITS), *UNKNOWN, "Bash", "Skill"]) | st.text(max_size=10),
    st.sampled_from(["ls", "touch x", f"'{LAUNCHER}' next", "fermata:x", ""]) | st.text(max_size=20),
    st.none() | st.sampled_from(["", "src/a.py", ".git/x", "a"]) | st.text(max_size=10),
)
facts = st.builds(
    make_facts,
    st.sampled_from(ACTORS),
    grant=st.sampled_from(["cli", "scope", "none"]),
    plan_mode=st.booleans(),
    scope=st.lists(st.sampled_from(["src/**", "**", "*"]), max_size=2),
)


@given(calls, facts)
def test_every_call_has_an_answer(call: Call, given_facts: Facts) -> None:
    verdict: Verdict = judge(call, given_facts)
    assert verdict.answer in (PASS, ALLOW, DENY)
    assert bool(verdict.reason) is (verdict.answer == DENY)
    if given_facts.plan_mode or given_facts.grant == "none":
        assert verdict.answer != ALLOW
    if given_facts.actor != WRITER and call.tool not in READS and call.tool not in ("Bash", "Skill"):
        assert verdict.answer == DENY


# --- a writer in a worktree of its own

WORKTREE = "/p/a project/.fermata/worktrees/orch_1/code.2"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        pytest.param(f'cd "{WORKTREE}" && touch x', PASS, id="there"),
        pytest.param(f"cd '{WORKTREE}' && pytest -q && touch x", PASS, id="there-in-other-quotes"),
        pytest.param("touch x", DENY, id="elsewhere"),
        pytest.param(f'cd "{WORKTREE}"; touch x', DENY, id="goes-on-when-cd-fails"),
        pytest.param(f'cd "{WORKTREE}-2" && touch x', DENY, id="anothers"),
        pytest.param("cd /p && touch x", DENY, id="in-the-users-tree"),
        pytest.param(f"cd {WORKTREE} && touch x", DENY, id="a-space-without-quotes"),
        pytest.param("git log --oneline", PASS, id="reading"),
        pytest.param(f'"{LAUNCHER}" check --for d-003', ALLOW, id="fermata-itself"),
    ],
)
def test_a_writer_in_a_worktree_begins_its_commands_there(command: str, expected: str) -> None:
    assert answer(make_call("Bash", command), WRITER, worktree=WORKTREE) == expected
    verdict = judge(make_call("Bash", command), make_facts(WRITER, worktree=WORKTREE))
    assert (f'cd "{WORKTREE}" && ' in verdict.reason) is (expected == DENY)


def test_a_writer_in_a_worktree_is_told_where_it_may_write() -> None:
    verdict = judge(make_call("Write", path=None), make_facts(WRITER, worktree=WORKTREE))
    assert verdict.answer == DENY
    assert f"outside your worktree `{WORKTREE}`" in verdict.reason
    assert answer(make_call("Write", path="src/a.py"), WRITER, worktree=WORKTREE) == ALLOW
