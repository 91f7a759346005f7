"""How strong the gate is here, told honestly: what a model that sets out to get round it would need.

Reads the client's settings files and what the hook saw when the session was bound; promises nothing it cannot see.
"""

from __future__ import annotations

from collections import namedtuple

from .installed import MANAGED, own_settings, read_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.records import Json

Tier = namedtuple("Tier", "level name why")


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
    managed = next((found for path in MANAGED if (found := read_object(path))), {})
    layers = [*map(read_object, own_settings(str(marker.get("root", "")), env)), managed]
    if not _sandboxed(layers):
        return _prompted(marker, layers)
    if managed.get("allowManagedHooksOnly"):
        return Tier(3, "managed", "Bash is sandboxed, and only managed settings can switch the hooks off")
    return Tier(2, "OS-enforced", "Bash is sandboxed, so a command cannot write the approval")


def _sandboxed(layers: list[dict[str, Json]]) -> bool:
    """Whether every command of the model's runs in the sandbox or not at all."""
    sandbox: dict[str, Json] = {}
    for layer in layers:
        sandbox |= _sandbox(layer)
    excluded = any(_sandbox(layer).get("excludedCommands") for layer in layers)
    on = sandbox.get("enabled") and sandbox.get("failIfUnavailable")
    return bool(on) and sandbox.get("allowUnsandboxedCommands") is False and not excluded


def _prompted(marker: Mapping[str, Json], layers: list[dict[str, Json]]) -> Tier:
    """What a prompt for each command is worth here."""
    if marker.get("mode") == "auto":
        return Tier(0, "advisory", "auto mode: the client, not you, lets commands through; Bash is not sandboxed")
    allowed = [rule for layer in layers for rule in _allowed(layer)]
    if any(rule in ("Bash", "Bash(*)", "Bash(:*)") for rule in allowed):
        return Tier(0, "advisory", "settings allow every Bash command without a prompt; Bash is not sandboxed")
    return Tier(1, "guarded", "commands outside the rules need your prompt; Bash is not sandboxed")


def _allowed(settings: dict[str, Json]) -> list[Json]:
    rules = settings.get("permissions")
    found = rules.get("allow") if isinstance(rules, dict) else None
    return found if isinstance(found, list) else []


def _sandbox(settings: dict[str, Json]) -> dict[str, Json]:
    found = settings.get("sandbox")
    return found if isinstance(found, dict) else {}
