"""The closed gate and the open one, from end to end: what each tool call is answered."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hooks.driver import BUILDER, LAUNCHER, PLANNER, ROOT, Session, decision, make_session, reason
from tests.store import runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata.core.records import Json

CLOSED = ("marked", "planning", "planner_at_work", "at_gate")


@pytest.fixture(scope="module")
def at_gate(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Shared: no call of these tables may change anything."""
    return make_session(tmp_path_factory.mktemp("gate")).at_gate()


@pytest.fixture(scope="module")
def building(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return make_session(tmp_path_factory.mktemp("building")).building()


DENIED = [
    pytest.param("Write", {"file_path": "src/app.py", "content": "x"}, id="write"),
    pytest.param("Edit", {"file_path": "src/app.py"}, id="edit"),
    pytest.param("MultiEdit", {"file_path": "src/app.py"}, id="multi-edit"),
    pytest.param("NotebookEdit", {"notebook_path": "a.ipynb"}, id="notebook"),
    pytest.param("Write", {}, id="write-nothing"),
    pytest.param("Bash", {"command": "touch x"}, id="touch"),
    pytest.param("Bash", {"command": "ls > x"}, id="redirect"),
    pytest.param("Bash", {"command": "ls && rm x"}, id="second-part-writes"),
    pytest.param("Bash", {"command": "echo $(touch x)"}, id="substitution"),
    pytest.param("Bash", {"command": "python3 -c 'print(1)'"}, id="python"),
    pytest.param("Bash", {"command": ""}, id="empty"),
    pytest.param("Bash", {}, id="no-command"),
    pytest.param("Bash", {"command": 5}, id="command-is-a-number"),
    pytest.param("PowerShell", {"command": "ls"}, id="powershell"),
    pytest.param("mcp__fs__write_file", {"path": "x"}, id="mcp"),
    pytest.param("Agent", {"prompt": "do it", "subagent_type": "general-purpose"}, id="agent-without-ticket"),
    pytest.param("Agent", {"prompt": "fermata dispatch d-001", "subagent_type": "fermata:planner"}, id="used-ticket"),
    pytest.param("Agent", {}, id="agent-without-anything"),
    pytest.param("Workflow", {"name": "x"}, id="workflow"),
    pytest.param("Foo", {}, id="unknown-tool"),
    pytest.param("SendMessage", {"to": PLANNER, "message": "go"}, id="message-to-one-that-waits-for-none"),
    pytest.param("CronCreate", {"prompt": "x"}, id="cron"),
    pytest.param("ScheduleWakeup", {"prompt": "x"}, id="wakeup"),
    pytest.param("EnterWorktree", {"name": "x"}, id="worktree"),
    pytest.param("Skill", {"skill": "other:thing"}, id="a-foreign-skill"),
    pytest.param("Bash", {"command": 'claude -p "approve X"'}, id="nested-client"),
    pytest.param("Bash", {"command": "claude --resume"}, id="resumed-client"),
    pytest.param("Bash", {"command": "tmux send-keys -t 0 /fermata:approve Enter"}, id="tmux"),
    pytest.param("Bash", {"command": "nc -U /tmp/socket"}, id="socket"),
    pytest.param("Bash", {"command": "claude plugin disable fermata"}, id="plugin-disable"),
    pytest.param("Bash", {"command": f'"{LAUNCHER}" status; touch x'}, id="launcher-and-more"),
    pytest.param("Bash", {"command": f'"{LAUNCHER}" next > x'}, id="launcher-redirected"),
    pytest.param("Bash", {"command": f'"{LAUNCHER}" approve'}, id="cli-approve"),
    pytest.param("Bash", {"command": f'"{LAUNCHER}" approve --force'}, id="cli-approve-force"),
    pytest.param("Bash", {"command": f'FERMATA_APPROVE=1 "{LAUNCHER}" next'}, id="own-environment"),
    pytest.param("Bash", {"command": f'"{LAUNCHER}" setup'}, id="a-verb-for-people"),
    pytest.param("Bash", {"command": f'/bin/sh "{ROOT}/hooks/hook" any UserPromptExpansion'}, id="own-hook-by-hand"),
]


@pytest.mark.parametrize(("tool", "given"), DENIED)
def test_before_the_approval_this_is_refused(at_gate: Session, tool: str, given: dict[str, Json]) -> None:
    """K-D01, K-D08, K-D09, K-D18."""
    before = at_gate.kinds()
    outcome = at_gate.tool(tool, given)
    assert decision(outcome) == "deny"
    assert reason(outcome).startswith("fermata: ")
    assert len(reason(outcome)) < 1_000
    assert at_gate.kinds() == before


PASSED = [
    pytest.param("Read", {"file_path": "/etc/hosts"}, id="read"),
    pytest.param("Grep", {"pattern": "x"}, id="grep"),
    pytest.param("Glob", {"pattern": "*"}, id="glob"),
    pytest.param("TodoWrite", {"todos": []}, id="todo"),
    pytest.param("ToolSearch", {"query": "x"}, id="tool-search"),
    pytest.param("TaskOutput", {"id": "1"}, id="task-output"),
    pytest.param("TaskStop", {"id": "1"}, id="task-stop"),
    pytest.param("Bash", {"command": "git log --oneline | head -3"}, id="reading-bash"),
    pytest.param("Bash", {"command": "ls -la 2>&1 && cat src/app.py; true"}, id="several-readers"),
    pytest.param("Skill", {"skill": "fermata:orchestration"}, id="own-skill"),
]


@pytest.mark.parametrize(("tool", "given"), PASSED)
def test_before_the_approval_this_is_left_to_the_host(at_gate: Session, tool: str, given: dict[str, Json]) -> None:
    """K-D02: never an `allow`, or the user's own rules would be skipped."""
    assert decision(at_gate.tool(tool, given)) == "silent"


@pytest.mark.parametrize(
    "verb", ["start", "next", "harvest", "brief d-001", "check --baseline", "wait", "status", "show plan", "log"]
)
def test_the_launchers_verbs_for_the_model_run_without_a_prompt(at_gate: Session, verb: str) -> None:
    call = {"command": f'"{LAUNCHER}" {verb}'}
    assert decision(at_gate.tool("Bash", call)) == "allow"
    expected = "silent" if verb.split(maxsplit=1)[0] in ("brief", "status", "show", "log") else "deny"
    assert decision(at_gate.tool("Bash", call, permission_mode="plan")) == expected


@pytest.mark.parametrize("phase", CLOSED)
@pytest.mark.parametrize("agent", [None, PLANNER, "aunknown"], ids=["main", "planner", "stranger"])
def test_nobody_writes_in_any_closed_phase(session: Session, phase: str, agent: str | None) -> None:
    getattr(session, phase)()
    for tool, given in (("Write", {"file_path": "src/app.py"}), ("Bash", {"command": "touch x"}), ("Foo", {})):
        assert decision(session.tool(tool, given, agent=agent)) == "deny"
    assert decision(session.tool("Read", {"file_path": "src/app.py"}, agent=agent)) == "silent"


@pytest.mark.parametrize("tool", ["Agent", "AskUserQuestion", "SendMessage"])
def test_an_agent_starts_nobody_and_asks_nobody(building: Session, tool: str) -> None:
    given = {"prompt": "fermata dispatch d-002", "subagent_type": "fermata:builder", "to": PLANNER}
    for agent in (BUILDER, PLANNER, "aunknown"):
        outcome = building.tool(tool, given, agent=agent)
        assert decision(outcome) == "deny"
        assert "main thread" in reason(outcome)


# --- after the approval -------------------------------------------------------------------------------------------------


def inside(session: Session, *parts: str) -> str:
    return os.path.join(session.root, *parts)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        pytest.param("src/app.py", "silent", id="inside-relative"),
        pytest.param("{root}/src/new/deep.py", "silent", id="inside-absolute"),
        pytest.param("{root}/docs/a.md", "deny", id="outside-the-scope"),
        pytest.param("{root}/src/../docs/a.md", "deny", id="dots"),
        pytest.param("/etc/hosts", "deny", id="outside-the-repository"),
        pytest.param("{root}/../x.py", "deny", id="beside-the-repository"),
        pytest.param("{root}/.git/fermata/runs/x/state.json", "deny", id="the-store"),
        pytest.param("{root}/.GIT/config", "deny", id="the-store-in-other-case"),
        pytest.param("{root}/src/link/x", "deny", id="through-a-link-out"),
        pytest.param("{root}/src/gitlink/fermata/lock", "deny", id="through-a-link-to-the-store"),
        pytest.param("{data}/approvals/x.json", "deny", id="the-approvals"),
        pytest.param("~/x.py", "deny", id="home-by-tilde"),
        pytest.param("{root}/.claude/settings.json", "deny", id="project-settings"),
        pytest.param("{root}/.claude/settings.local.json", "deny", id="local-settings"),
        pytest.param("~/.claude/settings.json", "deny", id="user-settings"),
        pytest.param("{root}/.mcp.json", "deny", id="mcp-settings"),
        pytest.param("{plugin}/hooks/hook", "deny", id="the-plugin"),
        pytest.param("", "deny", id="no-path"),
        pytest.param("src/\0x", "deny", id="nul"),
        pytest.param("src/\ud800x", "deny", id="surrogate"),
        pytest.param(["src/app.py"], "deny", id="not-text"),
    ],
)
@pytest.mark.parametrize("tool", ["Write", "Edit", "NotebookEdit"])
def test_a_builder_edits_inside_its_scope_and_nowhere_else(
    building: Session, tool: str, path: Json, wanted: str
) -> None:
    """K-D03, K-D17."""
    for name, target in (("link", "/etc"), ("gitlink", inside(building, ".git"))):
        if not os.path.lexists(inside(building, "src", name)):
            os.symlink(target, inside(building, "src", name))
    if isinstance(path, str):
        path = path.replace("{root}", building.root).replace("{data}", building.data.folder).replace("{plugin}", ROOT)
    key = "notebook_path" if tool == "NotebookEdit" else "file_path"
    assert decision(building.tool(tool, {key: path}, agent=BUILDER)) == wanted


def test_a_wide_scope_does_not_reach_the_home_folder(session: Session) -> None:
    """The client expands `~`; a scope of `**` must not see a folder of that name."""
    session.approved("**")
    runs.write(
        session.store,
        runs.dispatch("d-003", "steps.0/build", "write", scope=["**"]),
        runs.started("d-003", "toolu_wide"),
        runs.bound("d-003", "awide"),
    )
    assert decision(session.tool("Write", {"file_path": "anything.py"}, agent="awide")) == "silent"
    assert decision(session.tool("Write", {"file_path": "~/.bashrc"}, agent="awide")) == "deny"
    both = {"file_path": "ok.py", "notebook_path": ".git/hooks/post-commit"}
    assert decision(session.tool("NotebookEdit", both, agent="awide")) == "deny"


@pytest.mark.parametrize(
    "command",
    [
        "echo x > {store}/runs/a/journal.jsonl",
        "tee {data}/approvals/x.json",
        "sed -i s/a/b/ {store}/runs/a/state.json",
        "cp x {data}/approvals/",
        "mv .git/fermata .git/gone",
        "rm -rf .git/fermata",
        "ln -sf x {data}/active/y",
        "python3 -c \"open('{data}/approvals/x')\"",
        "echo '{}' | /bin/sh {plugin}/hooks/hook any UserPromptExpansion",
        "claude -p '/fermata:approve x'",
        "claude --resume x",
        "tmux send-keys x",
        "FERMATA_APPROVE=1 true",
        "echo '{}' > .claude/settings.local.json",
        "echo 'grant: scope' > ~/.config/fermata/config.yaml",
        "claude plugin uninstall fermata",
        "env -u CLAUDE_CODE_EXECPATH claude",
    ],
)
def test_a_builders_shell_may_not_mention_the_users_side(building: Session, command: str) -> None:
    """K-D04, K-D17, K-D18: a speed bump, told as such."""
    places = {"{store}": building.project.folder, "{data}": building.data.folder, "{plugin}": ROOT}
    for name, place in places.items():
        command = command.replace(name, place)
    assert decision(building.tool("Bash", {"command": command}, agent=BUILDER)) == "deny"


def test_a_builder_works_freely_otherwise(building: Session) -> None:
    for command in ("pytest -q", "touch src/x", "npm test > out.txt"):
        assert decision(building.tool("Bash", {"command": command}, agent=BUILDER)) == "silent"


@pytest.mark.parametrize("tool", ["Workflow", "CronCreate", "ScheduleWakeup"])
def test_a_builder_starts_nothing_that_outlives_it(building: Session, tool: str) -> None:
    assert decision(building.tool(tool, {}, agent=BUILDER)) == "deny"


@pytest.mark.parametrize("agent", [None, PLANNER, "aunknown", ""], ids=["main", "planner", "stranger", "empty"])
def test_only_the_builder_writes_after_the_approval(building: Session, agent: str | None) -> None:
    assert decision(building.tool("Write", {"file_path": "src/app.py"}, agent=agent)) == "deny"
    assert decision(building.tool("Bash", {"command": "touch src/x"}, agent=agent)) == "deny"


@pytest.mark.parametrize("grant", ["scope", "cli", "none"])
def test_the_grant_says_what_runs_without_a_prompt(session: Session, grant: str) -> None:
    session.marked()
    body = runs.created_body(session.run_id, session=session.session, grant=grant)
    session.project.start(session.run_id, lambda store: runs.write(store, ("run_created", body)))
    wanted = "allow" if grant != "none" else "silent"
    assert decision(session.tool("Bash", {"command": f'"{LAUNCHER}" next'})) == wanted


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param("record-gone", id="the-record-outside-is-gone"),
        pytest.param("record-of-another-plan", id="it-names-another-plan"),
        pytest.param("record-writable", id="others-could-have-written-it"),
        pytest.param("record-not-json", id="it-is-not-json"),
        pytest.param("state-forged", id="the-state-was-forged"),
    ],
)
def test_without_a_standing_approval_the_builder_reads_only(session: Session, spoil: str) -> None:
    """K-C05, K-C06, K-C15, K-D12, K-D14."""
    session.building()
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "silent"
    path = session.data.approval_path(session.run_id)
    if spoil == "record-gone":
        os.unlink(path)
    elif spoil == "record-of-another-plan":
        session.data.write_approval(
            session.run_id, {**(session.data.approval(session.run_id) or {}), "digest": "0" * 64}
        )
    elif spoil == "record-writable":
        os.chmod(path, 0o666)
    elif spoil == "record-not-json":
        os.truncate(path, 10)
    else:
        with open(session.store.state, encoding="utf-8") as file:
            text = file.read().replace(str(session.digest), "0" * 64)
        with open(session.store.state, "w", encoding="utf-8") as file:
            file.write(text)
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "deny"
    assert decision(session.tool("Bash", {"command": "touch src/x"}, agent=BUILDER)) == "deny"


def forge(session: Session, change: Callable[[Json], None]) -> None:
    """Rewrite `state.json`, which hooks read, as a program with the user's rights could."""
    with open(session.store.state, encoding="utf-8") as file:
        state = json.load(file)
    change(state["run"])
    with open(session.store.state, "w", encoding="utf-8") as file:
        json.dump(state, file)


def _envelope(**fields: Json) -> Callable[[Json], None]:
    return lambda run: run["approved"]["envelope"].update(fields)


LONGER = {"argv": ["true", "x"], "shell": None, "cwd": ".", "shown": "true x"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(_envelope(scopes=[["src/**", "s/*"]]), "may change: s/* is new; approved: src/**", id="scope"),
        pytest.param(lambda run: run["dispatches"]["d-002"].update(scope=["**"]), "may change: ** is new; approved: src/**", id="the-dispatchs-scope"),
        pytest.param(_envelope(checks=[{**runs.CHECK, "command": LONGER}]), "will run: `true x` (no tests expected) is new; approved: `true`", id="argv"),
        pytest.param(_envelope(agents=["builder", "builder2"]), "agents: builder2 is new; approved: builder", id="agents"),
        pytest.param(_envelope(steps=2), "steps: 2; approved: 1", id="steps"),
        pytest.param(_envelope(base_commit="f" * 40), "base commit: ffffffffffff; approved: ", id="base"),
        pytest.param(_envelope(workflow="e" * 64), "workflow: its definition is eeeeeeeeeeee; approved: ffffffffffff", id="workflow"),
        pytest.param(_envelope(checks=[]), "not what was approved: it is less than that", id="a-check-gone"),
        pytest.param(_envelope(branch="main"), "merged into: main; approved: no branch", id="a-branch-of-its-own"),
    ],
)  # fmt: skip
def test_one_thing_changed_after_the_approval_stops_the_next_change(
    session: Session, change: Callable[[Json], None], said: str
) -> None:
    """K-D06, K-D12: what the state says is held against the record outside the project."""
    session.building()
    text = (session.data.approval(session.run_id) or {}).get("text")
    forge(session, change)
    for tool, given in (("Edit", {"file_path": "src/app.py"}), ("Bash", {"command": "touch src/x"}), ("Foo", {})):
        outcome = session.tool(tool, given, agent=BUILDER)
        assert decision(outcome) == "deny"
        assert "fermata: the approval is stale: " in reason(outcome)
        assert said in reason(outcome)
    assert decision(session.tool("Bash", {"command": "git diff | head"}, agent=BUILDER)) == "silent"
    assert (session.data.approval(session.run_id) or {}).get("text") == text


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
def test_a_commit_after_the_approval_stops_the_next_change(session: Session, *, packed: bool) -> None:
    """K-D12."""
    session.building()
    write = {"file_path": "src/app.py"}
    if packed:
        subprocess.run(["git", "pack-refs", "--all"], cwd=session.root, check=True)
    assert decision(session.tool("Write", write, agent=BUILDER)) == "silent"
    commit = "git -c user.name=U -c user.email=u@example.org commit -q --allow-empty -m x"
    subprocess.run(commit.split(), cwd=session.root, check=True)
    if packed:
        subprocess.run(["git", "pack-refs", "--all"], cwd=session.root, check=True)
    outcome = session.tool("Write", write, agent=BUILDER)
    assert decision(outcome) == "deny"
    assert "the approval is stale: HEAD is at " in reason(outcome)


def test_a_run_with_a_branch_of_its_own_goes_on_wherever_head_goes(session: Session) -> None:
    """Its agents work on what it began from, in worktrees; the user may commit meanwhile."""
    session.building()
    forge(session, _envelope(branch="main"))
    record = session.data.approval(session.run_id)
    assert record is not None
    record["envelope"]["branch"] = "main"
    session.data.write_approval(session.run_id, record)
    commit = "git -c user.name=U -c user.email=u@example.org commit -q --allow-empty -m x"
    subprocess.run(commit.split(), cwd=session.root, check=True)
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "silent"


def test_a_record_dated_in_the_future_is_ordered_by_its_line(session: Session) -> None:
    """K-D21: nothing compares times, so no clock can make an approval stand or fall."""
    session.building()
    record = session.data.approval(session.run_id) or {}
    for ts in ("2099-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "", None):
        session.data.write_approval(session.run_id, {**record, "ts": ts})
        assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "silent"
    session.data.write_approval(session.run_id, {**record, "seq": record["seq"] + 1, "ts": "2099-01-01T00:00:00Z"})
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "deny"


def test_a_waiting_gate_lets_every_turn_end(session: Session) -> None:
    """K-D22: once the question was shown, nothing says "go on"."""
    session.at_gate()
    body = {"tool_use_id": "toolu_ask", "at": time.time() - 5, "digest": session.digest}
    runs.write(session.store, ("question_shown", body))
    planner: Json = {"agent_id": PLANNER, "agent_type": "fermata:planner"}
    turns: list[tuple[str, Json]] = [("Stop", {}), ("SubagentStop", planner)]
    for event, who in turns:
        for active in (False, True):
            outcome = session.hook(event, stop_hook_active=active, last_assistant_message="bye", **who)
            assert (outcome.code, outcome.answer) == (0, None)


def test_a_stopped_run_lets_its_agents_finish_and_frees_the_session(session: Session) -> None:
    session.stopped()
    assert decision(session.tool("Write", {"file_path": "anything"})) == "silent"
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "silent"
    assert decision(session.tool("Write", {"file_path": "docs/a.md"}, agent=BUILDER)) == "deny"
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent="aunknown")) == "deny"


def test_in_plan_mode_a_builder_changes_nothing_and_hands_in(session: Session) -> None:
    session.building()
    plan = {"agent": BUILDER, "permission_mode": "plan"}
    outcome = session.tool("Write", {"file_path": "src/app.py"}, **plan)
    assert decision(outcome) == "deny"
    assert "offered again when plan mode is left" in reason(outcome)
    assert decision(session.tool("Bash", {"command": "touch src/x"}, **plan)) == "deny"
    assert decision(session.tool("Bash", {"command": "git diff"}, **plan)) == "silent"
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "silent"


def test_a_parked_run_is_still_found_by_fermatas_own_command_in_plan_mode(session: Session) -> None:
    session.at_gate()
    runs.write(session.store, ("run_aborted", {}))
    call = {"command": f'"{LAUNCHER}" status'}
    assert decision(session.tool("Bash", call, permission_mode="plan")) == "silent"
    assert session.data.marker(session.session) is not None


def test_an_aborted_run_takes_the_pen_from_its_agents_and_frees_the_session(session: Session) -> None:
    session.aborted()
    store = session.store
    assert decision(session.tool("Write", {"file_path": "anything"})) == "silent"
    assert decision(session.tool("Write", {"file_path": "src/app.py"}, agent=BUILDER)) == "deny"
    assert decision(session.tool("Bash", {"command": "touch src/x"}, agent=BUILDER)) == "deny"
    session.hook("SubagentStop", agent_id=BUILDER, agent_type="fermata:builder", last_assistant_message="late")
    assert session.data.marker(session.session) is None
    assert store.events()[-1]["type"] == "dispatch_failed"


# --- two builders side by side


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A second builder works in a worktree, beside which there is another one's."""
    session = make_session(tmp_path_factory.mktemp("apart")).building()
    tree = Path(session.root) / ".fermata/worktrees/orch_1/code.1"
    for place in (tree, tree.parent / "code.2"):
        (place / "src").mkdir(parents=True)
    (tree / "src/out").symlink_to(Path(session.root) / "src")
    made = runs.dispatch(
        "d-003", "steps.0/build", "write", worktree=".fermata/worktrees/orch_1/code.1", beside="0" * 40
    )
    runs.write(session.store, made, runs.started("d-003", "toolu_apart"), runs.bound("d-003", "agent-apart"))
    return session


@pytest.mark.parametrize(
    ("path", "answered"),
    [
        pytest.param(".fermata/worktrees/orch_1/code.1/src/a.py", "silent", id="own"),
        pytest.param(".fermata/worktrees/orch_1/code.1/docs/a.md", "deny", id="own-outside-the-scope"),
        pytest.param(".fermata/worktrees/orch_1/code.1/.git", "deny", id="own-way-to-the-repository"),
        pytest.param(".fermata/worktrees/orch_1/code.1/src/out/a.py", "deny", id="through-a-link"),
        pytest.param(".fermata/worktrees/orch_1/code.1/../code.2/src/a.py", "deny", id="up-and-down"),
        pytest.param(".fermata/worktrees/orch_1/code.2/src/a.py", "deny", id="anothers"),
        pytest.param("src/a.py", "deny", id="the-users-tree"),
    ],
)
def test_an_edit_in_a_worktree_is_judged_from_there(apart: Session, path: str, answered: str) -> None:
    outcome = apart.tool("Write", {"file_path": str(Path(apart.root) / path), "content": "x"}, agent="agent-apart")
    assert decision(outcome) == answered


def test_the_one_in_place_has_no_business_in_a_worktree(apart: Session) -> None:
    given = {"file_path": str(Path(apart.root) / ".fermata/worktrees/orch_1/code.1/src/a.py"), "content": "x"}
    assert "steers git, Claude Code or fermata" in reason(apart.tool("Write", given, agent=BUILDER))
    assert (
        decision(apart.tool("Write", {**given, "file_path": str(Path(apart.root) / "src/a.py")}, agent=BUILDER))
        == "silent"
    )


def test_a_command_without_cd_is_sent_back_with_it(apart: Session) -> None:
    said = reason(apart.tool("Bash", {"command": "touch x"}, agent="agent-apart"))
    assert f'cd "{apart.root}/.fermata/worktrees/orch_1/code.1" && ' in said
