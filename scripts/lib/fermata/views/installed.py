"""What Claude Code's own files say about hooks: switched off, another plugin's, fermata installed twice or switched off.

Reads settings and the list of installed plugins; starts nothing, and takes a file that cannot be read for one that says nothing.
"""

from __future__ import annotations

import json
import os

from .finding import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..core.records import Json

EVENTS = (
    "SessionStart UserPromptExpansion PreToolUse PostToolUse PostToolUseFailure SubagentStop Stop StopFailure "
    "ConfigChange".split()
)
MANAGED = ("/etc/claude-code/managed-settings.json", "/Library/Application Support/ClaudeCode/managed-settings.json")


def config_home(env: Mapping[str, str]) -> str:
    """The client's folder of the user."""
    return env.get("CLAUDE_CONFIG_DIR") or os.path.join(env.get("HOME", ""), ".claude")


def own_settings(root: str, env: Mapping[str, str]) -> list[str]:
    """The files of the user's, the project's and the user's own settings for the project: the later overrides the earlier."""
    project = os.path.join(root, ".claude")
    names = ((config_home(env), "settings.json"), (project, "settings.json"), (project, "settings.local.json"))
    return [os.path.join(*name) for name in names]


def read_object(path: str) -> dict[str, Json]:
    """The JSON object in *path*; empty when there is none to be read."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def switched_off(root: str, env: Mapping[str, str]) -> Iterator[Finding]:
    """Settings under which no hook of fermata's runs."""
    for path in (*own_settings(root, env), *MANAGED):
        found = read_object(path)
        if found.get("disableAllHooks"):
            yield Finding(
                "hooks off", False, f"{path} switches all hooks off, so nothing holds. Remove disableAllHooks"
            )
        enabled = found.get("enabledPlugins")
        for name, on in enabled.items() if isinstance(enabled, dict) else ():
            if _is_fermata(name) and on is False:
                yield Finding("plugin", False, f"{path} switches {name} off. Switch it on in /plugin")


def installed(env: Mapping[str, str], version: str, root: str) -> Iterator[Finding]:
    """Which fermata the client has, against this one (*version*, at *root*)."""
    found = [(name, entry) for name, entry in _plugins(env) if _is_fermata(name)]
    if not found:
        yield Finding(
            "plugin", None, f"fermata {version}, {root}; not installed in Claude Code. There: /plugin install fermata"
        )
        return
    told = "; ".join(f"{name} {entry.get('version')} ({entry.get('scope', 'user')})" for name, entry in found)
    if len({(name, entry.get("version")) for name, entry in found}) > 1:
        yield Finding(
            "plugin", False, f"installed more than once: {told}. Each answers every call; remove all but one in /plugin"
        )
    elif str(found[0][1].get("version")) != version:
        path = found[0][1].get("installPath")
        text = f"Claude Code has {told}, this is {version}. Use {path}/scripts/fermata, or update the plugin in /plugin"
        yield Finding("plugin", False, text)
    else:
        yield Finding("plugin", True, told)


def others(root: str, env: Mapping[str, str]) -> Iterator[Finding]:
    """Hooks of the user, the project and other plugins on events that fermata uses: they run beside its own."""
    plugins = [
        (name, os.path.join(str(entry.get("installPath")), "hooks", "hooks.json"))
        for name, entry in _plugins(env)
        if entry.get("installPath") and not _is_fermata(name)
    ]
    for name, path in [*((path, path) for path in (*own_settings(root, env), *MANAGED)), *plugins]:
        hooks = read_object(path).get("hooks")
        shared = [event for event in EVENTS if isinstance(hooks, dict) and hooks.get(event)]
        if shared:
            yield Finding("others", None, f"{name} has hooks on {', '.join(shared)} too; a refusal by either counts")


def _is_fermata(name: object) -> bool:
    return str(name).partition("@")[0] == "fermata"


def _plugins(env: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Json]]]:
    """Every installed plugin as `name@marketplace` and its entry: one for each scope it is installed in."""
    plugins = read_object(os.path.join(config_home(env), "plugins", "installed_plugins.json")).get("plugins")
    for name, entries in plugins.items() if isinstance(plugins, dict) else ():
        for entry in entries if isinstance(entries, list) else [entries]:
            if isinstance(entry, dict):
                yield str(name), entry
