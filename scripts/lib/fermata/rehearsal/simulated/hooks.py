"""Starts a plugin's hooks as the client does and reads their answers; decides nothing of its own.

Measured on both clients: the exec form without a shell, the matcher's three kinds, the time limit, and that only exit
code 2 or one valid JSON object is heard. Everything else lets the call go on, unless `onFailure` says block, which the
older client does not know.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .payloads import Fields

TOOL_SUBJECT = frozenset(("PreToolUse", "PostToolUse", "PostToolUseFailure", "PermissionRequest"))
SUBJECTS = {"SessionStart": "source", "SubagentStart": "agent_type", "SubagentStop": "agent_type"}
PATIENCE = 60.0


@dataclass(frozen=True)
class Heard:
    """What the hooks of one event said together. `verdict`: deny, allow, block or nothing; a refusal beats a yes."""

    verdict: str = ""
    reason: str = ""
    updated: Fields | None = None
    context: str = ""
    messages: tuple[str, ...] = ()

    def and_then(self, other: Heard) -> Heard:
        first = other if other.verdict and self.verdict not in ("deny", "block") else self
        context = "\n".join(filter(None, (self.context, other.context)))
        updated = other.updated if other.updated is not None else self.updated
        return Heard(first.verdict, first.reason, updated, context, self.messages + other.messages)

    @property
    def refused(self) -> bool:
        return self.verdict in ("deny", "block")


@dataclass(frozen=True)
class Hooks:
    """The hooks of all plugins. `knows_on_failure`: whether this client honours `onFailure`."""

    plugins: tuple[Path, ...]
    data: Path
    knows_on_failure: bool
    _files: dict[Path, Fields] = field(default_factory=dict)

    def fire(self, payload: Fields, env: Mapping[str, str]) -> Heard:
        """Start every hook of the event that matches, one after the other."""
        heard = Heard()
        for plugin in self.plugins:
            named = {
                "CLAUDE_PLUGIN_ROOT": str(plugin),
                "CLAUDE_PLUGIN_DATA": str(self.data / f"{plugin_name(plugin)}-inline"),
            }
            Path(named["CLAUDE_PLUGIN_DATA"]).mkdir(parents=True, exist_ok=True)
            for hook in self._matching(plugin, payload):
                heard = heard.and_then(self._start(hook, payload, {**env, **named}))
        return heard

    def _matching(self, plugin: Path, payload: Fields) -> Iterable[Fields]:
        event = str(payload["hook_event_name"])
        subject = str(payload.get("tool_name" if event in TOOL_SUBJECT else SUBJECTS.get(event, ""), ""))
        for entry in _objects(_object(self._file(plugin).get("hooks")).get(event)):
            if not subject or matches(str(entry.get("matcher", "")), subject):
                yield from _objects(entry.get("hooks"))

    def _file(self, plugin: Path) -> Fields:
        if plugin not in self._files:
            path = plugin / "hooks" / "hooks.json"
            self._files[plugin] = json.loads(path.read_text()) if path.is_file() else {}
        return self._files[plugin]

    def _start(self, hook: Fields, payload: Fields, env: Mapping[str, str]) -> Heard:
        argv = [word.replace("${CLAUDE_PLUGIN_ROOT}", env["CLAUDE_PLUGIN_ROOT"]) for word in command_of(hook)]
        closed = self.knows_on_failure and hook.get("onFailure") == "block"
        failure = Heard("block", "a hook failed") if closed else Heard()
        limit = hook.get("timeout")
        try:
            done = subprocess.run(
                argv,
                input=json.dumps(payload).encode(),
                capture_output=True,
                cwd=str(payload["cwd"]),
                env=dict(env),
                timeout=float(limit) if isinstance(limit, (int, float)) else PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return failure
        if done.returncode == 2:  # noqa: PLR2004 - the client's word for refusal
            return Heard("block", done.stderr.decode(errors="replace").strip())
        said = read_answer(done.stdout)
        return failure if said is None and done.returncode else said or Heard()


def command_of(hook: Fields) -> list[str]:
    """The program and its arguments: without `args` it is a line for a shell."""
    given = hook.get("args")
    command = str(hook.get("command", ""))
    return [command, *map(str, given)] if isinstance(given, list) else ["/bin/sh", "-c", command]


def matches(matcher: str, subject: str) -> bool:
    """As the client matches: all, a list of exact names, or a regular expression."""
    if matcher in ("", "*"):
        return True
    if re.fullmatch(r"[\w|, ]+", matcher):
        return subject in re.split(r"[|, ]+", matcher)
    return re.search(matcher, subject) is not None


def read_answer(data: bytes) -> Heard | None:
    """One JSON object and nothing beside it, else None."""
    try:
        found = json.loads(data)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    special = _object(found.get("hookSpecificOutput"))
    verdict = str(special.get("permissionDecision") or ("block" if found.get("decision") == "block" else ""))
    updated = special.get("updatedInput")
    shown = found.get("systemMessage")
    return Heard(
        verdict,
        str(special.get("permissionDecisionReason") or found.get("reason") or ""),
        updated if isinstance(updated, dict) else None,
        str(special.get("additionalContext") or ""),
        (str(shown),) if shown else (),
    )


def plugin_name(plugin: Path) -> str:
    """The manifest's name, else the folder's."""
    manifest = plugin / ".claude-plugin" / "plugin.json"
    return str(json.loads(manifest.read_text()).get("name")) if manifest.is_file() else plugin.name


def _object(value: object) -> Fields:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Fields]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
