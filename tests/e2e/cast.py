"""What the agents of these tests say and do: a plan, a file, a verdict; and who plays them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from fermata.rehearsal.messages import ToolUse
from fermata.rehearsal.orchestrator import Mischief, bash, obedient
from fermata.rehearsal.script import Actor, Conversation, Heard, Report, Script
from fermata.rehearsal.story import MARKS

if TYPE_CHECKING:
    from pathlib import Path

GOAL = "Say farewell as well"
# Its check is a shell's work, so that a test waits for the client and not for a test runner.
FILES = {
    "greeting.txt": "Hello\n",
    "check.sh": "#!/bin/sh\n! grep -l BROKEN *.txt\n",
    ".fermata/config.yaml": "checks:\n  full:\n    - {name: sound, command: sh check.sh, tests: false}\n",
}
FAREWELL = "farewell.txt"


def only_looking(items: str) -> dict[str, str]:
    """A project whose workflow looks at each letter of *items*, three at a time, and is done."""
    workflow = f"""\
format: 1
name: look
title: Look at {len(items)} things
stages:
  - id: look
    kind: agents
    agent: reviewer
    access: read
    brief: review
    result: review
    sees: [goal, plan, diff, reports, evidence]
    items: [{", ".join(items)}]
    parallel: 3
    tries: 5
  - id: finish
    kind: finalise
    on: {{stale: next}}
"""
    files = {".fermata/config.yaml": "workflow: look\n", ".fermata/workflows/look.yaml": workflow}
    return {"README.md": "a project\n", **files}


def plan(*scope: str, title: str = "Add a farewell") -> str:
    """A plan of one step, as a planner hands it in."""
    step = {
        "title": title,
        "objective": f"Write Goodbye into {FAREWELL}.",
        "scope": list(scope or (FAREWELL,)),
        "acceptance": [f"{FAREWELL} says Goodbye"],
    }
    found = {"status": "plan", "summary": "One file.", "findings": ["greeting.txt greets"], "assumptions": []}
    return json.dumps(
        found | {"steps": [step], "checks": [], "risks": {"low": ["none to speak of"]}, "effort": "minutes"}
    )


def questions(*texts: str) -> str:
    """A planner's question round; each question has the options Yes and No."""
    options = [{"label": label, "description": label} for label in ("Yes", "No")]
    asked = [{"question": text, "header": "Ask", "options": options} for text in texts]
    return json.dumps({"status": "questions", "questions": asked})


def built(*files: str, summary: str = "Done, all tests pass.", **extra: object) -> str:
    """A builder's report, which is always full of confidence."""
    found = {"status": "completed", "summary": summary, "files_modified": list(files), "tests_run": [], "caveats": []}
    return json.dumps(found | extra)


def verdict(word: str, summary: str = "As planned.") -> str:
    """A reviewer's verdict: approve or reject."""
    findings = [{"severity": "high", "path": FAREWELL, "issue": summary}] if word == "reject" else []
    return json.dumps({"verdict": word, "summary": summary, "findings": findings})


def number(heard: Heard) -> int:
    """The number of the dispatch whose brief was heard: 2 for d-002."""
    found = re.search(r"\A# \w+: d-(\d+)", heard.text)
    assert found, f"no brief: {heard.text[:200]}"
    return int(found[1])


def write(project: Path, name: str, content: str) -> Conversation:
    """The turns that write one file: the client wants a file read before it is written again."""
    yield ToolUse("Read", {"file_path": str(project / name)})
    yield ToolUse("Write", {"file_path": str(project / name), "content": content})


def parts(*names: str) -> str:
    """A decomposition into tasks that each write one file, each waiting for the one before it; the last is named first."""
    steps = [
        {
            "name": name,
            "epic": "Greetings",
            "feature": "Words" if number < 2 else "More words",
            "title": f"Write {name}",
            "objective": f"Write {name}.txt.",
            "scope": [f"{name}.txt"],
            "acceptance": [f"{name}.txt is there"],
            "blocked_by": list(names[number - 1 : number]),
            "priority": "P2",
        }
        for number, name in enumerate(names)
    ]
    found = {"status": "plan", "summary": "A file for each.", "findings": ["greeting.txt greets"], "assumptions": []}
    return json.dumps(found | {"steps": steps[::-1], "checks": [], "risks": {"low": ["none"]}, "effort": "an hour"})


def may_change(heard: Heard) -> str:
    """The one path that a brief allows."""
    return heard.text.partition("nothing beyond it: `" if "nothing beyond it" in heard.text else "change only: `")[
        2
    ].partition("`")[0]


def task_planner(heard: Heard) -> Conversation:
    """Plans what its brief allows."""
    yield Report(plan(may_change(heard), title="Write the file"))


def task_builder(project: Path, *broken: str) -> Actor:
    """Writes the one file that its brief allows; those in *broken* never pass the check."""

    def play(heard: Heard) -> Conversation:
        name = may_change(heard)
        said = "BROKEN" if name in broken else "Good"
        yield from write(project, name, f"{said} {number(heard)}\n")
        yield Report(built(name, summary=f"{name} is written"))

    return play


def good_planner(_heard: Heard) -> Conversation:
    yield Report(plan())


def good_reviewer(_heard: Heard) -> Conversation:
    yield Report(verdict("approve"))


def good_builder(project: Path) -> Actor:
    """Does what the plan says; every further dispatch leaves another text, so that there is a change to report."""

    def play(heard: Heard) -> Conversation:
        yield from write(project, FAREWELL, f"Goodbye {number(heard)}\n")
        yield Report(built(FAREWELL))

    return play


def good_recon(heard: Heard) -> Conversation:
    """Looks at its one side."""
    target = heard.text.partition("## Objective\n```\n")[2].partition(":")[0]
    yield ToolUse("Grep", {"pattern": "Hello"})
    found = {"where": ["greeting.txt greets"]}
    yield Report(
        json.dumps(
            {"target": target, "status": "found", "summary": f"{target} seen", "findings": found, "recommendations": []}
        )
    )


def good_stage_agent(project: Path) -> Actor:
    """Writes the file, or in a later stage another line of it."""

    def play(heard: Heard) -> Conversation:
        yield from write(project, FAREWELL, f"Goodbye {number(heard)}\n")
        name = heard.text.partition('"stageName": "')[2].partition('"')[0]
        phases = {"2.0": {"status": "completed", "tasksCompleted": [name], "issues": []}}
        found = {"stageName": name, "status": "completed", "summary": f"{name} is done", "phases": phases}
        yield Report(json.dumps(found | {"files_modified": [FAREWELL], "caveats": []}))

    return play


def careful_builder(project: Path) -> Actor:
    """Edits inside its scope, runs fermata's own check."""

    def play(heard: Heard) -> Conversation:
        yield from write(project, FAREWELL, "Goodbye\n")
        yield ToolUse("Edit", {"file_path": str(project / FAREWELL), "old_string": "Goodbye", "new_string": "Farewell"})
        yield bash(heard.text.partition("To run them now: `")[2].partition("`")[0])
        yield Report(built(FAREWELL))

    return play


def in_background(actor: Actor) -> Actor:
    """The same actor, which starts its agents in the background where the client leaves it the choice."""
    return starting_agents(actor, run_in_background=True)


def starting_agents(actor: Actor, **fields: bool | str) -> Actor:
    """The same actor, which adds *fields* to each call that starts an agent."""

    def eager(block: object) -> object:
        if isinstance(block, ToolUse) and block.name == "Agent":
            return ToolUse("Agent", {**block.input, **fields})
        return block

    def play(heard: Heard) -> Conversation:
        conversation = actor(heard)
        turn = next(conversation)
        while True:
            heard = yield [eager(block) for block in turn] if isinstance(turn, list) else turn  # type: ignore[misc]
            turn = conversation.send(heard)

    return play


def cast(
    project: Path,
    *,
    main: Actor | None = None,
    mischief: Mischief | None = None,
    planner: Actor = good_planner,
    builder: Actor | None = None,
    reviewer: Actor = good_reviewer,
    architect: Actor = good_planner,
) -> Script:
    """Everyone; who is not named does well."""
    builder = builder or good_builder(project)
    agents = {
        MARKS["planner"]: planner,
        MARKS["builder"]: builder,
        MARKS["reviewer"]: reviewer,
        "You take one large goal of a fermata run apart": architect,
        "You look at one side of a fermata run's goal": good_recon,
        "You plan one goal of a fermata run in phases": planner,
        "You mend what a check or a review of a fermata run found": builder,
        "You carry out one stage of a fermata run": good_stage_agent(project),
    }
    return Script(main or obedient(mischief), agents)
