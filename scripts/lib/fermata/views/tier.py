"""How strong the gate is here, told honestly: what a model that sets out to get round it would need.

Reads the client's settings files and what the hook saw when the session was bound; promises nothing it cannot see.
"""

from __future__ import annotations

import json
import os
from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.records import Json

Tier = namedtuple("Tier", "level name why")
MANAGED = ("/etc/claude-code/managed-settings.json", "/Library/Application Support/ClaudeCode/managed-settings.json")


def tier_of(marker: Mapping[str, Json] | None, env: Mapping[str, str]) -> Tier:
    """0 advisory, 1 guarded, 2 OS-enforced, 3 managed."""
    if marker is None:
        return Tier(0, "advisory", "no session drives the run, so no hook holds anything right now")
    if marker.get("mode") == "bypassPermissions":
        return Tier(
            0, "advisory", "permission prompts are bypassed; a model that wants to can reach any file through Bash"
        )
    if not marker.get("interactive"):
        return Tier(0, "advisory", "headless: nobody sees what a command is about to do")
    user = _settings(
        os.path.join(env.get("CLAUDE_CONFIG_DIR") or os.path.join(env.get("HOME", ""), ".claude"), "settings.json")
    )
    project = _settings(os.path.join(str(marker.get("root", "")), ".claude", "settings.json"))
    managed = next((found for path in MANAGED if (found := _settings(path))), {})
    sandbox = {**_sandbox(user), **_sandbox(project), **_sandbox(managed)}
    if not (
        sandbox.get("enabled") and sandbox.get("failIfUnavailable") and sandbox.get("allowUnsandboxedCommands") is False
    ):
        return Tier(1, "guarded", "commands outside the rules need your prompt; Bash is not sandboxed")
    if managed.get("allowManagedHooksOnly"):
        return Tier(3, "managed", "Bash is sandboxed, and only managed settings can switch the hooks off")
    return Tier(2, "OS-enforced", "Bash is sandboxed, so a command cannot write the approval")


def _sandbox(settings: dict[str, Json]) -> dict[str, Json]:
    found = settings.get("sandbox")
    return found if isinstance(found, dict) else {}


def _settings(path: str) -> dict[str, Json]:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
