"""Builders: runs on disk in every state that the store and the hooks have to deal with."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from fermata.core.consultation import envelope_of, plan_digest
from fermata.store.project import Project
from fermata.store.run_store import RunStore

if TYPE_CHECKING:
    from fermata.core.records import Json, Run

RUN = "orch_20260102_030405_0a1b"
SESSION = "0d5c1c1e-1111-4222-8333-444455556666"
CHECK = {
    "name": "tests",
    "command": {"argv": ["true"], "shell": None, "cwd": ".", "shown": "true"},
    "expect_tests": False,
    "source": "settings",
}
WORKFLOW: dict[str, Json] = {
    "format": 1,
    "name": "small",
    "title": "Plan, approve, build",
    "stages": [
        {
            "id": "plan",
            "kind": "agents",
            "agent": "planner",
            "access": "read",
            "brief": "plan",
            "result": "plan",
            "keep": ["summary", "findings", "steps", "checks", "risks", "effort"],
            "questions": 5,
            "tries": 5,
        },
        {
            "id": "approval",
            "kind": "gate",
            "plan": "plan",
            "rounds": 10,
            "on": {"modify": "plan", "more_recon": "plan", "abort": "abort"},
        },
        {
            "id": "steps",
            "kind": "foreach",
            "over": "plan.steps",
            "stages": [
                {
                    "id": "build",
                    "kind": "agents",
                    "agent": "builder",
                    "access": "write",
                    "scope": "item",
                    "brief": "build",
                    "result": "build",
                    "tries": 5,
                }
            ],
        },
        {"id": "finish", "kind": "finalise", "rounds": 3, "on": {"stale": "abort"}},
    ],
}
STEP = {"title": "Add it", "objective": "It is there", "scope": ["src/**"], "acceptance": ["it works"]}
KEPT_PLAN = {
    "summary": "one step",
    "findings": ["nothing odd"],
    "steps": [STEP],
    "checks": [],
    "risks": {"high": [], "medium": [], "low": ["none"]},
    "effort": "small",
}


def created_body(run: str = RUN, **changes: Json) -> dict[str, Json]:
    body: dict[str, Json] = {
        "run": run,
        "mode": "implicit",
        "goal": "Add a thing",
        "interactive": True,
        "session": SESSION,
        "workflow": WORKFLOW,
        "workflow_digest": "f" * 64,
        "limits": {"dispatches": 50, "wall_minutes": 600, "repairs": 3, "silence_minutes": 20, "check_minutes": 5},
        "grant": "cli",
        "base": {"commit": "0" * 40, "branch": "main", "tree": "1" * 40, "dirty": []},
        "project_checks": {"full": [CHECK], "quick": []},
    }
    return {**body, **changes}


def write(store: RunStore, *news: tuple[str, dict[str, Json]]) -> Run:
    """Journal *news* as they are."""
    return store.transact("test", lambda _: list(news))


def make_run(folder: str | os.PathLike[str], run: str = RUN, **changes: Json) -> RunStore:
    """A run that has just been opened, in *folder*/runs."""
    store = RunStore(os.path.join(folder, "runs", run))
    os.makedirs(os.path.dirname(store.folder), exist_ok=True)
    write(store, ("run_created", created_body(run, **changes)))
    return store


def make_project(folder: str | os.PathLike[str]) -> Project:
    project = Project(os.fspath(folder))
    project.prepare()
    return project


def dispatch(name: str, node: str, access: str, visit: int = 1, **changes: Json) -> tuple[str, dict[str, Json]]:
    agent, result = ("builder", "build") if access == "write" else ("planner", "plan")
    body: dict[str, Json] = {
        "id": name,
        "node": node,
        "visit": visit,
        "item": None,
        "agent": agent,
        "access": access,
        "result": result,
        "scope": ["src/**"] if access == "write" else [],
        "base_tree": None,
    }
    return "dispatch_created", {**body, **changes}


def started(name: str, tool_use_id: str = "toolu_1") -> tuple[str, dict[str, Json]]:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return "dispatch_started", {"id": name, "tool_use_id": tool_use_id, "at": now}


def bound(name: str, agent_id: str = "agent1") -> tuple[str, dict[str, Json]]:
    return "agent_bound", {"id": name, "agent_id": agent_id, "transcript": "/nowhere"}


def accepted(name: str, kept: dict[str, Json] | None = None) -> tuple[str, dict[str, Json]]:
    body = {"id": name, "result": "r" * 64, "summary": "done", "kept": kept or {}, "changed": [], "unexplained": []}
    return "result_accepted", body


def note(store: RunStore, text: str) -> Run:
    """An event that carries *text* and leaves the run where it was: one of many repairs of a running dispatch."""
    return write(store, ("result_rejected", {"id": "d-001", "error": text, "repair": 1}))


def plan_done(store: RunStore) -> Run:
    """The planner's result is in; nobody has been asked yet."""
    return write(
        store, dispatch("d-001", "plan", "read"), started("d-001"), bound("d-001"), accepted("d-001", KEPT_PLAN)
    )


def ask_approval(store: RunStore, *, shown: bool = True) -> str:
    """The gate waits; gives the plan's digest."""
    envelope = envelope_of(store.load(), "approval")
    digest = plan_digest(envelope)
    visit = store.load()["position"]["visits"]["approval"]
    news: list[tuple[str, dict[str, Json]]] = [
        ("approval_requested", {"node": "approval", "visit": visit, "digest": digest, "envelope": dict(envelope)})
    ]
    if shown:
        news.append(("report_shown", {"digest": digest}))
    write(store, *news)
    os.makedirs(store.path("artifacts"), exist_ok=True)
    with open(store.path("artifacts", "approval.md"), "w", encoding="utf-8") as file:
        file.write(f"FERMATA report {digest}\n")
    return digest


def approve(store: RunStore, digest: str) -> Run:
    """The journal's half of an approval; the record outside is the caller's."""
    return write(store, ("decision_made", {"digest": digest, "decision": "approve", "words": "", "channel": "picker"}))
