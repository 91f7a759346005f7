"""A run on a real repository, moved by the real `drive`; the test plays the hooks, the agents and the human."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fermata.checks.runner import wait_checks
from fermata.core.actions import CREATE, WAIT_CHECKS, Action, next_actions
from fermata.core.small_change import RULE
from fermata.loop.drive import drive
from fermata.loop.results import Answer, accept_result
from fermata.loop.site import Site, open_site
from fermata.loop.start import start_run
from fermata.store.data import DataFolder
from fermata.store.run_store import utc_now
from tests.core.build import make_step
from tests.git.sandbox import Sandbox, make_sandbox
from tests.store.runs import RUN, SESSION

if TYPE_CHECKING:
    from fermata.core.records import Dispatch, Run
    from fermata.store.run_store import RunStore

CONFIG = "checks: {full: [{name: tests, command: sh check.sh, tests: false}]}\n"


def plan(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A planner's result."""
    values = {
        "status": "plan",
        "summary": "one step",
        "findings": ["src/app.py prints"],
        "assumptions": [],
        "steps": list(steps) or [make_step()],
        "checks": [],
        "risks": {"high": [], "medium": [], "low": ["none"]},
        "effort": "small",
    }
    return {**values, **fields}


def asked(*texts: str) -> dict[str, Any]:
    """A planner's question round."""
    options = [{"label": "yes", "description": ""}, {"label": "no", "description": ""}]
    return {"status": "questions", "questions": [{"question": t, "header": "Q", "options": options} for t in texts]}


def built(*paths: str, **fields: Any) -> dict[str, Any]:
    """A builder's result."""
    values = {"status": "completed", "summary": "built", "files_modified": list(paths), "tests_run": [], "caveats": []}
    return {**values, **fields}


def review(verdict: str = "approve", *findings: dict[str, str], **fields: Any) -> dict[str, Any]:
    return {"verdict": verdict, "summary": f"I {verdict}", "findings": list(findings), **fields}


class Bench:
    """One project, one data folder, one run."""

    def __init__(self, folder: Path, config: str = CONFIG, **files: str) -> None:
        self.folder = folder
        second = {f".fermata/workflows/{name}.yaml": text for name, text in files.items()}
        second |= {"check.sh": "exit 0\n", **({".fermata/config.yaml": config} if config else {})}
        self.sandbox: Sandbox = make_sandbox(folder / "pro ject", second)
        self.data = DataFolder(str(folder / "data"))
        self.site: Site = open_site(str(self.sandbox.root), {"CLAUDE_CODE_SESSION_ID": SESSION})
        self.site.project.note_data_folder(self.data.folder)

    @property
    def store(self) -> RunStore:
        return self.site.project.run(RUN)

    @property
    def run(self) -> Run:
        return self.store.load()

    def mark(self, goal: str = "Add a thing", **fields: Any) -> None:
        """What the hook on /build leaves."""
        marker = {"run": RUN, "store": self.site.project.folder, "root": str(self.sandbox.root), "goal": goal}
        self.data.set_marker(SESSION, {**marker, "interactive": True, "mode": "default", **fields})

    def begin(self, goal: str = "Add a thing", **fields: Any) -> Bench:
        self.mark(goal, **fields)
        start_run(self.site)
        return self

    def drive(self) -> list[Action]:
        return drive(self.site, self.store)[1]

    def settle(self) -> list[Action]:
        """Drive until no check is running."""
        for _ in range(20):
            actions = self.drive()
            running = [a.subject for a in actions if a.kind == WAIT_CHECKS]
            if not running:
                return actions
            assert wait_checks(self.store.path("checks"), running, 15), "the checks did not end"
        raise AssertionError("the run did not settle")

    def kinds(self) -> list[str]:
        return [action.kind for action in self.settle()]

    def tell(self, kind: str, **body: Any) -> Run:
        return self.store.note("test", kind, body)

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event["body"] for event in self.store.events() if event["type"] == kind]

    # --- agents and the human

    @property
    def newest(self) -> Dispatch:
        return list(self.run["dispatches"].values())[-1]

    def work(self, name: str = "") -> str:
        """The newest dispatch (or *name*) is at work, bound to an agent."""
        name = name or self.newest["id"]
        self.tell("dispatch_started", id=name, tool_use_id=f"toolu_{name}", at=utc_now())
        self.tell("agent_bound", id=name, agent_id=f"agent-{name}", transcript=self.transcript(name))
        return name

    def transcript(self, name: str) -> str:
        return str(self.folder / f"{name}.jsonl")

    def hand_in(self, value: Any, name: str = "") -> Answer:
        text = value if isinstance(value, str) else json.dumps(value)
        return accept_result(self.site.repo, self.store, name or self.newest["id"], text)

    def refused(self, value: Any) -> str:
        """The words with which the newest dispatch's *value* is sent back."""
        answer = self.hand_in(value)
        assert not answer.accepted, "it was accepted"
        return str(answer.message)

    def takes(self, value: Any) -> None:
        answer = self.hand_in(value)
        assert answer == Answer(True, ""), answer

    def takes_as(self, value: Any, name: str) -> None:
        """As `takes`, for one of several."""
        answer = self.hand_in(value, name)
        assert answer == Answer(True, ""), answer

    def planned(self, *steps: dict[str, Any], **fields: Any) -> Bench:
        """Up to the gate."""
        self.settle()
        self.work()
        self.takes(plan(*steps, **fields))
        self.settle()
        return self

    def approve(self) -> Bench:
        """The human's yes, in the journal and outside, as a hook writes it."""
        gate = self.run["gate"]
        assert gate is not None
        self.tell("decision_made", digest=gate["digest"], decision="approve", words="", channel="picker")
        return self.record()

    def waive(self) -> Bench:
        """The rule's pass, in the journal and outside, as a hook writes it."""
        self.settle()
        gate = self.run["gate"]
        assert gate is not None
        self.tell("approval_waived", digest=gate["digest"], rule=RULE, envelope=gate["envelope"])
        return self.record()

    def record(self) -> Bench:
        """What the journal calls approved, outside the project."""
        approved = self.run["approved"]
        assert approved is not None
        record = {"store": self.site.project.folder, "digest": approved["digest"], "seq": approved.get("seq")}
        self.data.write_approval(RUN, {**record, "hash": approved.get("hash"), "envelope": approved["envelope"]})
        return self

    def building(self, *steps: dict[str, Any], **fields: Any) -> Bench:
        """Approved, and the first builder at work."""
        self.planned(*steps, **fields).approve().settle()
        self.work()
        return self

    def build(self, path: str = "src/app.py", text: str = "print(2)\n") -> Bench:
        """The builder at work changes one file and hands in."""
        self.sandbox.write(path, text)
        self.takes(built(path))
        return self

    def reviewing(self) -> Bench:
        """Built, green, and the reviewer at work."""
        self.building().build().settle()
        self.work()
        return self

    def done(self) -> Bench:
        self.reviewing().takes(review())
        self.settle()
        return self

    def brief(self, name: str = "") -> str:
        return Path(self.store.path("briefs", f"{name or self.newest['id']}.md")).read_text()

    def field(self, name: str, action: Action | None = None, **changes: Any) -> str:
        """One field of the brief that *action* would get, after *changes* to the run."""
        from fermata.core.contract import contract
        from fermata.loop.briefs import Brief

        run: Run = {**self.run, **changes}  # type: ignore[typeddict-item]
        action = action or next((a for a in next_actions(run) if a.kind == CREATE), Action(CREATE, "plan", 1, None))
        brief = Brief(self.site, run, action, [], "d-999")
        return brief.field(contract({**brief.stage, "sees": [name]})[name])


def age(path: str, seconds: float) -> None:
    """Make *path* look as if it was last written *seconds* ago."""
    import time

    os.utime(path, (time.time() - seconds, time.time() - seconds))
