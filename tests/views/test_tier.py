from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fermata.views import tier as module
from fermata.views.tier import tier_of

SANDBOX = {"sandbox": {"enabled": True, "failIfUnavailable": True, "allowUnsandboxedCommands": False}}
HALF = {"sandbox": {"enabled": True, "failIfUnavailable": True}}
OTHER_HALF = {"sandbox": {"allowUnsandboxedCommands": False}}
ODD = {"user": ["x"], "project": {"sandbox": "on", "permissions": ["x"]}, "local": {"permissions": {"allow": "Bash"}}}
OFF = {"sandbox": {"enabled": False}}
ALLOWED = {"permissions": {"allow": ["Read", "Bash"]}}
ROWS: list[tuple[str, dict[str, Any], dict[str, Any], tuple[int, str]]] = [
    ("plain", {}, {}, (1, "guarded")),
    ("accept-edits", {"mode": "acceptEdits"}, {}, (1, "guarded")),
    ("bypass", {"mode": "bypassPermissions"}, {"user": SANDBOX}, (0, "advisory")),
    ("headless", {"interactive": False}, {"user": SANDBOX}, (0, "advisory")),
    ("auto", {"mode": "auto"}, {}, (0, "advisory")),
    ("auto-in-a-sandbox", {"mode": "auto"}, {"user": SANDBOX}, (2, "OS-enforced")),
    ("bash-allowed", {}, {"project": ALLOWED}, (0, "advisory")),
    ("bash-allowed-with-a-star", {}, {"local": {"permissions": {"allow": ["Bash(*)"]}}}, (0, "advisory")),
    ("some-commands-allowed", {}, {"user": {"permissions": {"allow": ["Bash(git status)"]}}}, (1, "guarded")),
    ("sandbox-of-the-user", {}, {"user": SANDBOX}, (2, "OS-enforced")),
    ("sandbox-of-the-project", {}, {"project": SANDBOX}, (2, "OS-enforced")),
    ("half-a-sandbox", {}, {"user": {"sandbox": {"enabled": True}}}, (1, "guarded")),
    ("unsandboxed-allowed", {}, {"user": {"sandbox": {**SANDBOX["sandbox"], "allowUnsandboxedCommands": True}}}, (1, "guarded")),
    ("may-be-unavailable", {}, {"user": {"sandbox": {**SANDBOX["sandbox"], "failIfUnavailable": False}}}, (1, "guarded")),
    ("some-commands-excluded", {}, {"user": SANDBOX, "project": {"sandbox": {"excludedCommands": ["docker"]}}}, (1, "guarded")),
    ("put-together", {}, {"user": HALF, "project": OTHER_HALF}, (2, "OS-enforced")),
    ("project-switches-it-off", {}, {"user": SANDBOX, "project": OFF}, (1, "guarded")),
    ("local-switches-it-off", {}, {"project": SANDBOX, "local": OFF}, (1, "guarded")),
    ("managed-switches-it-on", {}, {"local": OFF, "managed": SANDBOX}, (2, "OS-enforced")),
    ("managed", {}, {"managed": {**SANDBOX, "allowManagedHooksOnly": True}}, (3, "managed")),
    ("managed-hooks-without-sandbox", {}, {"managed": {"allowManagedHooksOnly": True}}, (1, "guarded")),
    ("managed-hooks-of-the-user-count-nothing", {}, {"user": {**SANDBOX, "allowManagedHooksOnly": True}}, (2, "OS-enforced")),
    ("settings-that-are-none", {}, ODD, (1, "guarded")),
]  # fmt: skip


@pytest.mark.parametrize(("marker", "settings", "expected"), [pytest.param(*row[1:], id=row[0]) for row in ROWS])
def test_the_tier(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    marker: dict[str, Any],
    settings: dict[str, Any],
    expected: tuple[int, str],
) -> None:
    home, root = tmp_path / "home", tmp_path / "project"
    places = {
        "user": home / "settings.json", "project": root / ".claude/settings.json", "local": root / ".claude/settings.local.json",
        "managed": tmp_path / "managed.json",
    }  # fmt: skip
    monkeypatch.setattr(module, "MANAGED", (str(tmp_path / "none.json"), str(places["managed"])))
    for name, value in settings.items():
        places[name].parent.mkdir(parents=True, exist_ok=True)
        places[name].write_text(json.dumps(value))
    values = {"interactive": True, "mode": "default", "root": str(root), **marker}
    found = tier_of(values, {"CLAUDE_CONFIG_DIR": str(home)})
    assert (found.level, found.name) == expected
    assert found.why


def test_without_a_session_nothing_holds() -> None:
    assert tier_of(None, {})[:2] == (0, "advisory")


def test_broken_settings_promise_nothing(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{")
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude" / "settings.json").mkdir()
    marker = {"interactive": True, "mode": "default", "root": str(tmp_path)}
    assert tier_of(marker, {"CLAUDE_CONFIG_DIR": str(tmp_path)}).name == "guarded"


def test_the_home_folder_counts_without_a_setting(tmp_path: Path) -> None:
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude" / "settings.json").write_text(json.dumps(SANDBOX))
    marker = {"interactive": True, "mode": "default", "root": "/nowhere"}
    assert tier_of(marker, {"HOME": str(tmp_path)}).name == "OS-enforced"
