"""Journals for tests: events with defaults, and a player who answers what `next_actions` asks for.

The player stands for everything around the core: `loop.drive`, the hooks, the agents and the human. It writes the same
events with the same bodies as they do.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from fermata.core.actions import (
    AGENT,
    ASK,
    CHECK,
    CONTINUE,
    CREATE,
    DECIDE,
    FINISH,
    HUMAN,
    LAUNCH,
    LIMIT,
    MERGE,
    PAUSE,
    RELEASE,
    REOPEN,
    REQUEST,
    WAIT_AGENTS,
    WAIT_CHECKS,
    WAIT_COMMANDS,
    WORKTREE,
    Action,
    next_actions,
)
from fermata.core.check_runs import commands_at
from fermata.core.commands import command_for
from fermata.core.consultation import envelope_of, plan_digest
from fermata.core.fold import apply
from fermata.core.items import in_force, item_of, on_branch, own_tree
from fermata.core.position import next_name
from fermata.core.workflow import SPEC, TASKS, stage_at, wants
from fermata.definitions.workflow_files import load_workflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata.core.records import Dispatch, Event, NamedCheck, Run, Stage, Workflow

WORKFLOW, WORKFLOW_DIGEST = load_workflow("plan_then_build", "/nowhere")


def _changed(**stages: dict[str, str]) -> Workflow:
    """The default workflow with other ways out of some stages."""
    found = copy.deepcopy(WORKFLOW)
    for stage in found["stages"]:
        if stage["id"] in stages:
            stage["on"] = stages[stage["id"]]
    return found


REPLANNING = _changed(verify={"red": "plan"})
NO_WAY_BACK = _changed(steps={"done": "verify"}, rework={"done": "verify"})
LIMITS = {
    "dispatches": 40,
    "repairs": 3,
    "wall_minutes": 480,
    "silence_minutes": 15,
    "check_minutes": 30,
    "parallel": 5,
}


def make_check(name: str = "tests", shown: str = "pytest -q", **fields: Any) -> NamedCheck:
    command = {"argv": shown.split(), "shell": None, "cwd": ".", "shown": shown, **fields.pop("command", {})}
    return {"name": name, "command": command, "expect_tests": True, "source": "pyproject.toml", **fields}  # type: ignore[typeddict-item]


def make_step(title: str = "Add it", scope: tuple[str, ...] = ("src/**",), **fields: Any) -> dict[str, Any]:
    return {"title": title, "objective": f"{title} well", "scope": list(scope), "acceptance": ["it works"], **fields}


def make_plan(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What the plan stage keeps of a planner's result."""
    plan = {
        "summary": "Add a greeting",
        "findings": ["there is no greeting yet"],
        "assumptions": ["English is fine"],
        "steps": list(steps) or [make_step(), make_step("Test it", ("tests/**",))],
        "checks": [make_check("plan-smoke", "python -m app", expect_tests=False, source="proposed by the plan")],
        "risks": {"high": ["it may greet twice"], "medium": [], "low": ["a typo"]},
        "effort": "an hour",
    }
    return {**plan, **fields}


def make_part(title: str = "Add it", scope: str = "src/**", *waits: str, **fields: Any) -> dict[str, Any]:
    """A task of a decomposition."""
    name = title.lower().replace(" ", "-")
    place = {"name": name, "epic": "Greeting", "feature": "Words", "blocked_by": list(waits), "priority": "P2"}
    return {**make_step(title, (scope,)), **place, **fields}


def make_tasks(*titles: str) -> dict[str, Any]:
    """Tasks of the board, as a run is given them."""
    named = titles or ("Add it", "Test it")
    steps = [make_step(title, task=f"t-{number:06d}", note="") for number, title in enumerate(named, 1)]
    return make_plan(*steps, checks=[])


def make_spec(**digests: str) -> dict[str, Any]:
    """Two phases of a specification, one module and two, as a run is given them; *digests* by the number of a step."""
    plan: list[tuple[str, str, list[int]]] = [
        ("one", "module", []), ("one", "phase", [1]), ("two", "module", [2]), ("two", "module", [2]), ("two", "phase", [3, 4]),
    ]  # fmt: skip
    steps = []
    for number, (phase, part, after) in enumerate(plan, 1):
        own = {"phase": phase, "part": part, "digest": digests.get(f"s{number}", "d"), "spec": {"lines": [1, 2]}}
        known = {
            "module": f"m{number}",
            "criteria": ["it works"],
            "checks": [make_check("own", "make")] * (part == "phase"),
        }
        steps.append(make_step(f"{phase} {number}", (f"m{number}/**",), after=after, **own, **known))
    return make_plan(*steps, checks=[], source={"path": "SPEC.md", "sha256": "a" * 64})


def stamp(minute: int) -> str:
    return f"2026-11-21T{minute // 60 % 24:02d}:{minute % 60:02d}:00Z"


def make_event(kind: str, seq: int = 1, minute: int = 0, **body: Any) -> Event:
    return {
        "seq": seq,
        "prev": f"{seq - 1:064x}",
        "type": kind,
        "ts": stamp(minute),
        "actor": "test",
        "body": body,
        "hash": f"{seq:064x}",
    }


def created(**fields: Any) -> Event:
    body = {
        "run": "orch_20261121_091502_3fa9",
        "mode": "implicit",
        "goal": "Greet the user",
        "interactive": True,
        "session": "s-1",
        "workflow": WORKFLOW,
        "workflow_digest": WORKFLOW_DIGEST,
        "limits": LIMITS,
        "grant": "scope",
        "base": {"commit": "c" * 40, "branch": "main", "tree": "t" * 40, "dirty": []},
        "project_checks": {"full": [make_check()], "quick": []},
    }
    return make_event("run_created", **copy.deepcopy({**body, **fields}))


def judgement(verdict: str) -> dict[str, Any]:
    """What a stage with a verdict keeps of its result."""
    found: dict[str, Any] = {"verdict": verdict, "summary": "good", "findings": []}
    return (
        found | {"approved": verdict == "APPROVE", "confidence": "high", "concerns": []} if verdict.isupper() else found
    )


class Player:
    """One run with its journal. `tell` adds an event; the other methods answer an action as its owner would."""

    def __init__(self, **fields: Any) -> None:
        self.minute = 0
        if wants(fields.get("workflow", WORKFLOW), TASKS):
            fields = {"given": {TASKS: make_tasks()}, **fields}
        if wants(fields.get("workflow", WORKFLOW), SPEC):
            fields = {"given": {SPEC: make_spec()}, **fields}
        self.events: list[Event] = [created(**fields)]
        self.run: Run = apply(None, self.events[0])

    def tell(self, kind: str, **body: Any) -> Run:
        event = make_event(kind, len(self.events) + 1, self.minute, **body)
        self.run = apply(self.run, event)
        self.events.append(event)
        return self.run

    def actions(self) -> list[Action]:
        return next_actions(self.run, self.minute)

    def kinds(self) -> list[str]:
        return [action.kind for action in self.actions()]

    def only(self, kind: str) -> Action:
        """The one action there is, which must be of *kind*."""
        actions = self.actions()
        assert [action.kind for action in actions] == [kind], actions
        return actions[0]

    @property
    def at(self) -> str | None:
        return self.run["position"]["at"]

    # --- fermata itself

    def create(self, action: Action) -> Dispatch:
        stage = stage_at(self.run["workflow"], action.node)
        name = next_name(self.run, "dispatches")
        scope = self._scope(stage, action.node)
        self.tell(
            "dispatch_created",
            id=name,
            node=action.node,
            visit=action.visit,
            item=action.subject,
            agent=stage["agent"],
            access=stage["access"],
            result=stage["result"],
            scope=scope,
            base_tree="b" * 40 if stage["access"] == "write" else None,
            **({"command": command["name"]} if (command := command_for(self.run, stage)) else {}),
            **self._apart(action.node),
        )
        return self.run["dispatches"][name]

    def _apart(self, node: str) -> dict[str, str]:
        item = own_tree(self.run, node)
        return {"worktree": self.run["worktrees"][item]["path"], "beside": "t" * 40} if item else {}

    def make_worktree(self, action: Action) -> None:
        path = f".fermata/worktrees/orch/{action.node}-{action.visit}"
        self.tell("worktree_made", item=action.node, visit=action.visit, path=path, commit="c" * 40, tree="t" * 40)

    def merge(self, action: Action, *conflicts: str, outcome: str = "") -> None:
        item = own_tree(self.run, action.node) or ""
        told: dict[str, Any] = {
            "item": item,
            "outcome": outcome or ("conflict" if conflicts else "done"),
            "paths": ["a"],
        }
        told |= {"conflicts": list(conflicts)}
        if on_branch(self.run) and told["outcome"] != "done":
            told |= {"begins": {"commit": "d" * 40, "tree": "v" * 40}}
        self.tell("merged", node=action.node, visit=action.visit, base="t" * 40, tree="u" * 40, **told)

    def land(self) -> None:
        self.tell("landed", commit="e" * 40, onto="main", why="", how="", branch="fermata/orch")

    def finish(self) -> None:
        """On a branch of its own the run first brings that home."""
        if on_branch(self.run) and self.run["approved"] and "landed" not in self.run:
            self.land()
        else:
            self.tell("run_completed", tree="t" * 40)

    def release(self, action: Action, left: str = "") -> None:
        path = self.run["worktrees"][action.node]["path"]
        self.tell("worktree_released", item=action.node, visit=action.visit, path=path, left=left, ref="r")

    def _scope(self, stage: Stage, node: str) -> list[str]:
        if stage["access"] != "write":
            return []
        step = item_of(self.run, node)
        if stage.get("scope") == "item" and isinstance(step, dict):
            return sorted(step["scope"])
        carried_out = in_force(self.run)
        assert carried_out is not None
        return sorted({glob for scope in carried_out["envelope"]["scopes"] for glob in scope})

    def check(self, action: Action, outcome: str | None = "green", **fields: Any) -> str:
        name = next_name(self.run, "checks")
        shown = next(c["command"]["shown"] for c in commands_at(self.run, action.node) if c["name"] == action.subject)
        self.tell("check_started", id=name, node=action.node, visit=action.visit, name=action.subject, shown=shown)
        if outcome:
            self.finish_check(name, outcome, **fields)
        return name

    def finish_check(self, name: str, outcome: str = "green", **fields: Any) -> None:
        body = {
            "outcome": outcome,
            "why": outcome,
            "changed": [],
            "before": "t" * 40,
            "tree": "t" * 40,
            "counts": None,
            **fields,
        }
        self.tell("check_finished", id=name, **body)

    def request(self, action: Action, *, shown: bool = True) -> str:
        envelope = envelope_of(self.run, action.node)
        digest = plan_digest(envelope)
        self.tell("approval_requested", node=action.node, visit=action.visit, digest=digest, envelope=envelope)
        if shown:
            self.tell("report_shown", digest=digest)
        return digest

    # --- the session, its agents and the human

    def start(self, name: str) -> None:
        self.tell("dispatch_started", id=name, tool_use_id=f"toolu_{len(self.events)}", at=stamp(self.minute))
        self.tell("agent_bound", id=name, agent_id=f"agent-{len(self.events)}", transcript=f"/t/{name}.jsonl")

    def accept(self, name: str, **fields: Any) -> None:
        stage = stage_at(self.run["workflow"], self.run["dispatches"][name]["node"])
        keep = stage.get("keep", [])
        kept: dict[str, Any] = dict.fromkeys(keep, "seen")
        if "steps" in keep:
            kept = make_plan()
        if "verdict" in keep:
            kept = judgement(next(iter(stage["on"])))
        body = {"result": "r" * 64, "summary": "done", "kept": kept, "changed": [], "unexplained": [], **fields}
        self.tell("result_accepted", id=name, **body)

    def fail(self, name: str, reason: str = "lost") -> None:
        self.tell("dispatch_failed", id=name, reason=reason)

    def count(self, name: str, tokens: int = 1_000, **fields: Any) -> None:
        """The transcript of *name* tells of so many tokens, nine tenths of them from the cache."""
        output = tokens // 10
        counted = {"input": 0, "output": output, "cache_read": tokens - output, "cache_creation": 0, "context": tokens}
        self.tell("tokens_used", **{"id": name, "size": tokens, **counted, **fields})

    def ask(self, name: str) -> None:
        options = [{"label": "a", "description": ""}, {"label": "b", "description": ""}]
        self.tell("questions_raised", id=name, questions=[{"question": "Which?", "header": "Q", "options": options}])

    def reply(self, name: str) -> None:
        self.tell("questions_answered", id=name, answers={"Which?": "a"})

    def decide(self, decision: str = "approve", **fields: Any) -> None:
        gate = self.run["gate"]
        assert gate is not None
        body = {"digest": gate["digest"], "decision": decision, "words": "", "channel": "picker", **fields}
        self.tell("decision_made", **body)

    def repaired(self, dispatches: int = 0, checks: int = 0) -> None:
        """Lines behind the newest were lost, in which so many names had been used."""
        line, used = len(self.events) + 1, {"dispatches": dispatches, "checks": checks}
        body = {"first": line, "last": line + 2, "reason": "bad", "copy": "journal.jsonl.damaged-1", "state": None}
        self.tell("repaired", **body, used=used)

    # --- whole stretches

    def favour(self, action: Action) -> None:
        """Answer *action* in the way that brings the run on."""
        answers: dict[str, Callable[[], object]] = {
            CREATE: lambda: self.create(action),
            CHECK: lambda: self.check(action),
            REQUEST: lambda: self.request(action),
            FINISH: self.finish,
            LIMIT: lambda: self.tell("limit_reached", node=action.node, why=action.subject),
            AGENT: lambda: self.start(action.subject),
            LAUNCH: lambda: self.tell("dispatch_started", id=action.subject, at=stamp(self.minute)),
            WAIT_COMMANDS: lambda: self.accept(action.subject),
            CONTINUE: lambda: self.tell("dispatch_started", id=action.subject, at=stamp(self.minute)),
            WAIT_AGENTS: lambda: self.accept(action.subject),
            WAIT_CHECKS: lambda: self.finish_check(action.subject),
            ASK: lambda: self.reply(action.subject),
            DECIDE: self.decide,
            HUMAN: lambda: self.tell("retry_granted"),
            PAUSE: lambda: setattr(self, "minute", self.minute + 1),
            REOPEN: lambda: self.tell("breaker_closed", until=action.subject),
            WORKTREE: lambda: self.make_worktree(action),
            MERGE: lambda: self.merge(action),
            RELEASE: lambda: self.release(action),
        }
        answers[action.kind]()

    def until(self, kind: str, node: str | None = None, most: int = 300) -> Action:
        """Play favourably up to the first action of *kind* (at *node*)."""
        for _ in range(most):
            for action in self.actions():
                if action.kind == kind and node in (None, action.node):
                    return action
            self.favour(self.actions()[0])
        raise AssertionError(f"{kind} at {node} never came; the run is at {self.actions()}")

    def to_gate(self) -> Action:
        return self.until(DECIDE)

    def approved(self) -> Player:
        self.to_gate()
        self.decide()
        return self

    def begun(self) -> str:
        """The next dispatch, made and at work."""
        name = self.create(self.only(CREATE))["id"]
        self.start(name)
        return name

    def accept_next(self, **fields: Any) -> None:
        """The next dispatch hands in."""
        self.accept(self.begun(), **fields)

    def to_end(self) -> Player:
        self.until("over")
        return self


def through_json(run: Run) -> Run:
    """The run as `state.json` gives it back."""
    found: Run = json.loads(json.dumps(run))
    return found


def make_stage(name: str, kind: str = "agents", **fields: Any) -> Stage:
    defaults: dict[str, dict[str, Any]] = {
        "agents": {"agent": "builder", "access": "read", "result": "build", "brief": "build", "sees": []},
        "gate": {"plan": "plan", "rounds": 3, "on": {"modify": "plan", "more_recon": "plan"}},
        "checks": {"commands": "full", "on": {"red": "abort"}},
        "foreach": {"over": "plan.steps"},
        "merge": {"on": {"conflict": "build"}},
        "finalise": {"on": {"stale": "abort"}},
    }
    return {"id": name, "kind": kind, **copy.deepcopy(defaults[kind]), **fields}  # type: ignore[typeddict-item]


def plan_stage(**fields: Any) -> Stage:
    values = {"agent": "planner", "result": "plan", "keep": ["steps"], **fields}
    return make_stage("plan", **values)


def make_workflow(*stages: Stage) -> Workflow:
    return {"format": 1, "name": "w", "title": "W", "stages": list(stages)}


FAN = [
    make_step("one", ("one.py",)),
    make_step("two", ("two.py",), after=[1]),
    make_step("three", ("three.py",), after=[1]),
    make_step("four", ("four.py",), after=[1]),
    make_step("five", ("five.py",), after=[2, 3, 4]),
]


def side_by_side(*steps: dict[str, Any], **fields: Any) -> Player:
    """A run whose second, third and fourth step can be at work at once, approved."""
    workflow, digest = load_workflow("plan_code_review", "/nowhere")
    player = Player(**{"workflow": workflow, "workflow_digest": digest, **fields})
    player.until(AGENT, "plan")
    player.start("d-001")
    player.accept("d-001", kept=make_plan(*(steps or FAN)))
    return player.approved()
