"""A whole run as a session of the client drives it: its hooks and its Bash are processes, the agents and the person are us."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import namedtuple
from pathlib import Path
from typing import TYPE_CHECKING

from tests.git.sandbox import Sandbox, make_sandbox
from tests.hooks.driver import LAUNCHER, Outcome, Session, decision, make_environment, reason

if TYPE_CHECKING:
    from fermata.core.records import Json

CONFIG = "checks: {full: [{name: tests, command: sh check.sh, tests: false}]}\n"
NEW = "src/new.py"
TICKET = re.compile(r"subagent_type: (\S+)\s+description: (.+?)\s+prompt: (fermata dispatch (d-\d+))")
COMMAND = re.compile(r'^ {2}"[^"\n]+" (wait --max \d+)$', re.MULTILINE)
SECONDS = 60

Said = namedtuple("Said", "code out err")
Said.__doc__ = """How a command of ours ended."""


def plan(*scope: str) -> dict[str, Json]:
    step = {"title": "Add it", "objective": "It is there", "scope": list(scope or (NEW,)), "acceptance": ["it works"]}
    risks: dict[str, list[str]] = {"high": [], "medium": [], "low": ["none"]}
    found = {"status": "plan", "summary": "one step", "findings": ["nothing odd"], "assumptions": [], "steps": [step]}
    return {**found, "checks": [], "risks": risks, "effort": "small"}


def built(*paths: str) -> dict[str, Json]:
    return {"status": "completed", "summary": "built", "files_modified": list(paths), "tests_run": [], "caveats": []}


REVIEW: dict[str, Json] = {"verdict": "approve", "summary": "as planned", "findings": []}


class Play(Session):
    """One session in one repository. `below` is the folder that it was started in, relative to the root."""

    wrap: tuple[str, ...] = ()  # words before each command of ours, as `unshare`
    below = ""
    without: tuple[str, ...] = ()  # variables of the session's environment that are not set

    @property
    def sandbox(self) -> Sandbox:
        return Sandbox(Path(self.root))

    @property
    def cwd(self) -> str:
        return os.path.join(self.root, self.below)

    def env(self) -> dict[str, str]:
        found = {**super().env(), "CLAUDE_PROJECT_DIR": self.cwd.rstrip("/"), **self.extra}
        return {name: value for name, value in found.items() if name not in self.without}

    def fermata(self, *words: str) -> Said:
        """A command of ours in the session's Bash, past the gate, and what the hooks do after it."""
        given: dict[str, Json] = {
            "tool_input": {"command": f'"{LAUNCHER}" {" ".join(words)}'},
            "tool_use_id": "toolu_b",
        }
        assert decision(self.hook("PreToolUse", tool_name="Bash", **given)) == "allow"
        env = {**self.env(), "CLAUDE_CODE_EXECPATH": "/usr/bin/claude"}
        done = subprocess.run(
            [*self.wrap, LAUNCHER, *words], cwd=self.cwd, env=env, capture_output=True, timeout=SECONDS, check=False
        )
        said = Said(done.returncode, done.stdout.decode(), done.stderr.decode())
        event = "PostToolUse" if said.code == 0 else "PostToolUseFailure"
        given |= {"tool_response": {}} if said.code == 0 else {"error": f"Exit code {said.code}", "is_interrupt": False}
        self.hook(event, tool_name="Bash", **given)
        assert "Traceback" not in said.err
        return said

    def settled(self, *words: str) -> str:
        """What is due after *words* and all waiting."""
        said = self.fermata(*words)
        for _ in range(20):
            waits = COMMAND.search(said.out)
            if said.code or not waits:
                break
            said = self.fermata(*waits[1].split())
        assert said.code in (0, 3), said
        return str(said.out)

    def agent(self, told: str, result: dict[str, Json], *files: str) -> Outcome:
        """The Agent call that was *told*, the files that the agent writes, and the *result* that it hands in."""
        match = TICKET.search(told)
        assert match, told
        kind, description, prompt, name = match.groups()
        call = {"subagent_type": kind, "description": description, "prompt": prompt}
        use, agent = f"toolu_{name}", f"a{name.replace('-', '')}"
        given = self.hook("PreToolUse", tool_name="Agent", tool_input=call, tool_use_id=use)
        assert decision(given) == "allow", reason(given)
        self.note_agent(agent, use)
        for path in files:
            full = os.path.join(self.root, path)
            assert decision(self.tool("Write", {"file_path": full, "content": "y = 2\n"}, agent=agent)) == "allow"
            self.sandbox.write(path, "y = 2\n")
        return self.hand_in(agent, result)

    def hand_in(self, agent: str, result: dict[str, Json]) -> Outcome:
        words: dict[str, Json] = {"last_assistant_message": json.dumps(result), "stop_hook_active": False}
        return self.hook("SubagentStop", agent_id=agent, agent_type="x", **words)

    def planned(self, *scope: str) -> str:
        """/build was typed, the planner has handed in; gives what is due."""
        typed = self.type("build", "Add a thing")
        assert decision(typed) == "silent", reason(typed)
        assert decision(self.agent(self.settled("start"), plan(*scope))) == "silent"
        return self.settled("next")

    def approves(self) -> str:
        """The person types the code of the plan; gives what is due."""
        typed = self.type("approve", str(self.digest)[:8])
        assert decision(typed) == "silent", reason(typed)
        return self.settled("next")

    def whole(self, path: str = NEW) -> str:
        """From /build to the end, with one new file; gives the last answer."""
        self.planned(path)
        assert decision(self.agent(self.approves(), built(path), path)) == "silent"
        assert decision(self.agent(self.settled("next"), REVIEW)) == "silent"
        return self.settled("next")


def users_own(sandbox: Sandbox) -> dict[str, str]:
    """O5: all that is the user's, without what a run is there to change."""
    found = sandbox.state()
    own = {path: value for path, value in found.items() if "/refs/fermata/" not in path and not path.endswith(NEW)}
    return {**own, "status": found["status"].replace(f"? {NEW}\0", "").replace("? src/\0", "")}


def make_play(folder: Path, name: str = "project", *, commits: bool = True) -> Play:
    """A session in a new repository with one commit and one check, on a machine where fermata is set up."""
    play = Play(folder, root=folder / name)
    files = {"check.sh": "exit 0\n", ".fermata/config.yaml": CONFIG} if commits else None
    make_sandbox(folder / name, files, commits=commits)
    make_environment(play.env())
    return play
