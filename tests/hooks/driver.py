"""A driving session seen from its hooks: a repository, the plugin's data folder, and the client's way of starting a hook."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path
from typing import TYPE_CHECKING

from fermata.environment import environment_folder
from fermata.git.repo import Repo, find_repo, head_commit
from fermata.git.snapshot import take_snapshot
from fermata.store.data import DataFolder
from fermata.store.project import Project
from fermata.store.run_store import RunStore
from tests.git.sandbox import copied, new_model
from tests.store import runs

if TYPE_CHECKING:
    from fermata.core.records import Json

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
LAUNCHER = os.path.join(ROOT, "scripts", "fermata")
PAYLOADS = os.path.join(os.path.dirname(__file__), "payloads")
SESSION = "7b7db805-f215-4ac6-a705-aff203992d5d"
OTHER_SESSION = "24101b97-e72d-4024-ac27-f9ee3249d6d8"
PLANNER, BUILDER = "a1b2c3d4e5f60718", "b1b2c3d4e5f60718"
PLANNER_CALL, BUILDER_CALL, PICKER_CALL = "toolu_plan", "toolu_build", "toolu_ask"
SECONDS = 60

with open(os.path.join(ROOT, "hooks", "hooks.json"), encoding="utf-8") as _file:
    HOOKS: dict[str, list[dict[str, Json]]] = json.load(_file)["hooks"]

Outcome = namedtuple("Outcome", "code answer stderr seconds")
Outcome.__doc__ = (
    """One hook's end. `code` None: hooks.json starts nothing for this call. `answer`: its JSON object, or None."""
)
SILENT = Outcome(None, None, "", 0.0)


def entry_for(event: str, tool: str) -> dict[str, Json] | None:
    """The one entry of hooks.json that the client starts for this call."""
    found = [entry for entry in HOOKS.get(event, []) if _matches(entry.get("matcher", ""), tool)]
    assert len(found) <= 1
    return found[0] if found else None


def _matches(matcher: str, tool: str) -> bool:
    """As the client matches: all, a list of exact names, or a regular expression."""
    if matcher in ("", "*") or not tool:
        return True
    if re.fullmatch(r"[\w|, ]+", matcher):
        return tool in re.split(r"[|, ]+", matcher)
    return re.search(matcher, tool) is not None


def start_hook(event: str, tool: str, data: bytes, env: dict[str, str], cwd: str) -> Outcome:
    """Start what hooks.json names, as the client does, and hold its answer to the protocol (O12)."""
    entry = entry_for(event, tool)
    if entry is None:
        return SILENT
    (hook,) = entry["hooks"]
    argv = [
        word.replace("${CLAUDE_PLUGIN_ROOT}", env["CLAUDE_PLUGIN_ROOT"]) for word in (hook["command"], *hook["args"])
    ]
    began = time.monotonic()
    done = subprocess.run(argv, input=data, capture_output=True, env=env, cwd=cwd, timeout=SECONDS, check=False)
    seconds = time.monotonic() - began
    assert done.returncode in (0, 2), done.stderr.decode(errors="replace")
    answer = None
    if done.stdout:
        answer = json.loads(done.stdout)
        assert isinstance(answer, dict)
        assert done.stdout.decode("ascii").strip() == done.stdout.decode("ascii")
    assert done.returncode == 0 or done.stderr
    return Outcome(done.returncode, answer, done.stderr.decode(errors="replace"), seconds)


def decision(outcome: Outcome) -> str:
    """deny, allow, rewrite, block, or silent."""
    if outcome.code == 2:
        return "deny"
    if outcome.answer is None:
        return "silent"
    if outcome.answer.get("decision") == "block":
        return "block"
    specific = outcome.answer.get("hookSpecificOutput", {})
    found = specific.get("permissionDecision", "rewrite" if "updatedInput" in specific else "silent")
    assert isinstance(found, str)
    return found


def reason(outcome: Outcome) -> str:
    assert outcome.answer is not None, outcome.stderr
    specific = outcome.answer.get("hookSpecificOutput", {})
    return str(specific.get("permissionDecisionReason") or outcome.answer.get("reason") or "")


def told(outcome: Outcome) -> str:
    """What the model reads of it."""
    return str(((outcome.answer or {}).get("hookSpecificOutput") or {}).get("additionalContext", ""))


class Session:
    """One session of the client in one repository; `run` methods put the run on disk into a state."""

    def __init__(self, folder: Path, session: str = SESSION, root: Path | None = None) -> None:
        self.folder, self.session = folder, session
        self.root = str(root or folder / "project")
        self.data = DataFolder(str(folder / "plugin data"))
        self.home = str(folder / "home")
        self.transcript = os.path.join(self.home, ".claude", "projects", "p", f"{session}.jsonl")
        self.extra: dict[str, str] = {}
        os.makedirs(os.path.dirname(self.transcript), exist_ok=True)

    @property
    def repo(self) -> Repo:
        found = find_repo(self.root)
        assert found is not None
        return found

    @property
    def project(self) -> Project:
        return Project(self.repo.common_dir)

    @property
    def run_id(self) -> str:
        marker = self.data.marker(self.session)
        assert marker is not None
        return str(marker["run"])

    @property
    def store(self) -> RunStore:
        return self.project.run(self.run_id)

    def env(self) -> dict[str, str]:
        found = {
            "PATH": os.environ["PATH"],
            "HOME": self.home,
            "XDG_DATA_HOME": os.path.join(self.home, "share"),
            "CLAUDECODE": "1",
            "CLAUDE_CODE_CHILD_SESSION": "1",
            "CLAUDE_CODE_ENTRYPOINT": "cli",
            "CLAUDE_CODE_SESSION_ID": self.session,
            "CLAUDE_PLUGIN_ROOT": ROOT,
            "CLAUDE_PLUGIN_DATA": self.data.folder,
            "CLAUDE_PROJECT_DIR": self.root,
        }
        return {**found, **self.extra}

    def hook(self, event: str, data: bytes | None = None, **fields: Json) -> Outcome:
        """The client's call of *event*; *fields* over the common ones, or *data* as it is."""
        payload = {
            "session_id": self.session,
            "transcript_path": self.transcript,
            "cwd": self.root,
            "permission_mode": "default",
            "hook_event_name": event,
            **fields,
        }
        given = json.dumps(payload).encode() if data is None else data
        return start_hook(event, str(fields.get("tool_name", "")), given, self.env(), self.root)

    def tool(self, name: str, tool_input: Json = None, *, agent: str | None = None, **fields: Json) -> Outcome:
        """PreToolUse of tool *name*, by the main thread or by *agent*."""
        who = {} if agent is None else {"agent_id": agent, "agent_type": "fermata:builder"}
        given = {"tool_name": name, "tool_input": tool_input or {}, "tool_use_id": "toolu_x", **who, **fields}
        return self.hook("PreToolUse", **given)

    def type(self, command: str, args: str = "", **fields: Json) -> Outcome:
        """A person types `/fermata:COMMAND ARGS`."""
        name = command if ":" in command else f"fermata:{command}"
        given = {"command_name": name, "command_args": args, "command_source": "plugin", "prompt": f"/{name} {args}"}
        return self.hook("UserPromptExpansion", **{**given, **fields})

    def note_agent(self, agent: str, tool_use_id: str) -> None:
        """What the client writes down when it starts an agent."""
        folder = os.path.join(self.transcript.removesuffix(".jsonl"), "subagents")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, f"agent-{agent}.meta.json"), "w", encoding="utf-8") as file:
            json.dump({"agentType": "fermata:builder", "toolUseId": tool_use_id, "spawnDepth": 1}, file)

    # --- states of the run --------------------------------------------------------------------------------------

    def marked(self) -> Session:
        """/build was typed; nothing has begun."""
        assert decision(self.type("build", "Add a thing")) == "silent"
        return self

    def planning(self) -> Session:
        """The planner's ticket is open."""
        self.marked()
        base: Json = {"commit": head_commit(self.repo), "branch": "main", "tree": "1" * 40, "dirty": []}
        run_id, body = self.run_id, runs.created_body(self.run_id, session=self.session, base=base)
        self.project.start(run_id, lambda store: runs.write(store, ("run_created", body)))
        runs.write(self.store, runs.dispatch("d-001", "plan", "read"))
        with open(self.store.path("briefs", "d-001.md"), "w", encoding="utf-8") as file:
            file.write("THE BRIEF of d-001\n")
        return self

    def planner_at_work(self) -> Session:
        self.planning()
        runs.write(self.store, runs.started("d-001", PLANNER_CALL), runs.bound("d-001", PLANNER))
        return self

    def at_gate(self, *, shown: bool = True, scope: str = "src/**") -> Session:
        """The plan waits for a human."""
        self.planner_at_work()
        plan = {**runs.KEPT_PLAN, "steps": [{**runs.STEP, "scope": [scope]}]}
        runs.write(self.store, runs.accepted("d-001", plan))
        runs.ask_approval(self.store, shown=shown)
        return self

    def approved(self, scope: str = "src/**") -> Session:
        """A human said yes; the builder's ticket is open."""
        self.at_gate(scope=scope)
        run = runs.approve(self.store, str(self.digest))
        gate = run["approved"]
        assert gate is not None
        record = {"run": self.run_id, "store": self.project.folder, "digest": gate["digest"]}
        given = {"envelope": gate["envelope"], "seq": gate.get("seq"), "hash": gate.get("hash")}
        self.data.write_approval(self.run_id, {**record, **given})
        tree = take_snapshot(self.repo)
        runs.write(self.store, runs.dispatch("d-002", "steps.0/build", "write", base_tree=tree))
        with open(self.store.path("briefs", "d-002.md"), "w", encoding="utf-8") as file:
            file.write("THE BRIEF of d-002\n")
        return self

    def building(self) -> Session:
        """The builder works, bound to its dispatch."""
        self.approved()
        runs.write(self.store, runs.started("d-002", BUILDER_CALL), runs.bound("d-002", BUILDER))
        return self

    def stopped(self) -> Session:
        self.building()
        assert decision(self.type("stop")) == "block"
        return self

    def aborted(self) -> Session:
        self.building()
        assert decision(self.type("abort")) == "block"
        return self

    @property
    def digest(self) -> str | None:
        gate = self.store.load()["gate"]
        return gate["digest"] if gate else None

    @property
    def is_approved(self) -> bool:
        """Whether anything counts as a yes: in the journal or outside."""
        run = self.store.load()
        return run["approved"] is not None or self.data.approval(run["run"]) is not None

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.store.events()]


PHASES = ("marked", "planning", "planner_at_work", "at_gate", "building", "stopped", "aborted")


def make_session(folder: Path, session: str = SESSION) -> Session:
    """A session in a new repository with one commit, on a machine where fermata is set up."""
    made = Session(folder, session)
    # Two such repositories have one commit id, so that the same plan has the same digest in both.
    copied(_model(), Path(made.root))
    make_environment(made.env())
    return made


@functools.cache
def _model() -> str:
    sandbox = new_model()
    sandbox.write("src/app.py", "x = 1\n")
    sandbox.commit("begin")
    return str(sandbox.root)


def make_environment(env: dict[str, str]) -> None:
    """A ready environment, whose interpreter is the one of this test run: nothing is downloaded."""
    folder = environment_folder(ROOT, env)
    os.makedirs(os.path.join(folder, "bin"))
    python = os.path.join(folder, "bin", "python")
    with open(python, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    os.chmod(python, 0o755)
    with open(os.path.join(folder, "ready"), "w", encoding="utf-8"):
        pass
    os.symlink(os.path.realpath(sys.executable), os.path.join(os.path.dirname(folder), "python"))


def recorded() -> list[tuple[str, str, dict[str, Json]]]:
    """Every recorded payload: client, name, content."""
    found = []
    for client in sorted(os.listdir(PAYLOADS)):
        for name in sorted(os.listdir(os.path.join(PAYLOADS, client))):
            with open(os.path.join(PAYLOADS, client, name), encoding="utf-8") as file:
                found.append((client, name.removesuffix(".json"), json.load(file)))
    return found
