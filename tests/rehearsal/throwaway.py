"""A plugin made on the spot: its hooks write down what they get and answer what a test told them."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOOK = r"""
import fcntl, json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
event = json.load(sys.stdin)
with open(os.path.join(here, "seen.jsonl"), "a") as log:
    fcntl.flock(log, fcntl.LOCK_EX)
    env = {k: v for k, v in os.environ.items() if k.startswith(("CLAUDE", "AI_AGENT", "ANTHROPIC"))}
    log.write(json.dumps({"event": event, "env": env, "ppid": os.getppid()}) + "\n")
    log.flush()
    answers = json.load(open(os.path.join(here, "answers.json")))
    used_file = os.path.join(here, "used.json")
    used = json.load(open(used_file)) if os.path.exists(used_file) else {}
    for number, rule in enumerate(answers):
        if rule["event"] != event["hook_event_name"]:
            continue
        if rule["contains"] not in json.dumps(event) or used.get(str(number), 0) >= rule["times"]:
            continue
        used[str(number)] = used.get(str(number), 0) + 1
        json.dump(used, open(used_file, "w"))
        print(json.dumps(rule["answer"]))
        break
"""

EVENTS = (
    "PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest", "UserPromptSubmit", "UserPromptExpansion",
    "SessionStart", "SessionEnd", "PostCompact", "Stop", "StopFailure", "SubagentStart", "SubagentStop", "Notification",
)  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """When *event* fires and its stdin contains *contains*, answer *answer*, at most *times* times."""

    event: str
    answer: Mapping[str, object]
    contains: str = ""
    times: int = 999


def decide(event: str, decision: str, reason: str = "because", **more: object) -> dict[str, object]:
    return {
        "hookSpecificOutput": {
            "hookEventName": event,
            "permissionDecision": decision,
            "permissionDecisionReason": reason,
            **more,
        }
    }


@dataclass(frozen=True)
class Plugin:
    root: Path

    def seen(self, event: str = "") -> list[dict[str, object]]:
        """The stdin of every hook call so far, or of those of one event."""
        return [row["event"] for row in self.rows() if event in ("", row["event"]["hook_event_name"])]

    def rows(self) -> list[dict[str, dict[str, object]]]:
        log = self.root / "hooks" / "seen.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def answer(self, rules: Sequence[Rule]) -> None:
        (self.root / "hooks" / "answers.json").write_text(json.dumps([vars(rule) for rule in rules]))


def make_plugin(
    root: Path,
    *,
    name: str = "foo",
    agents: Mapping[str, str] | None = None,
    commands: Mapping[str, str] | None = None,
    rules: Sequence[Rule] = (),
    events: Sequence[str] = EVENTS,
) -> Plugin:
    """Write a plugin. *agents*: name → body (the body is also the marker); *commands*: file name → whole text."""
    for folder in (".claude-plugin", "hooks", "agents", "commands"):
        (root / folder).mkdir(parents=True)
    (root / ".claude-plugin" / "plugin.json").write_text(
        json.dumps({"name": name, "version": "0.0.1", "description": "x"})
    )
    (root / "hooks" / "hook.py").write_text(HOOK)
    command = f"{shlex.quote(sys.executable)} -I -S {shlex.quote(str(root / 'hooks' / 'hook.py'))}"
    entry = [{"hooks": [{"type": "command", "command": command}]}]
    (root / "hooks" / "hooks.json").write_text(json.dumps({"hooks": dict.fromkeys(events, entry)}))
    for agent, body in (agents or {}).items():
        text = f"---\nname: {agent}\ndescription: does {agent} work\n---\n{body}\n"
        (root / "agents" / f"{agent}.md").write_text(text)
    for command_name, text in (commands or {}).items():
        (root / "commands" / f"{command_name}.md").write_text(text)
    plugin = Plugin(root)
    plugin.answer(rules)
    return plugin
