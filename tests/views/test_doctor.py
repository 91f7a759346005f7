"""`doctor`: each word is something that was tried or read; what is wrong says what to do."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fermata import __version__
from fermata.store.data import DataFolder
from fermata.views import doctor, installed
from fermata.views.finding import Finding, findings_text
from tests.hooks.driver import SESSION, Session, make_session

if TYPE_CHECKING:
    from fermata.core.records import Json


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return make_session(tmp_path)


@pytest.fixture(autouse=True)
def nothing_managed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A place of the test's own for managed settings."""
    path = tmp_path / "managed-settings.json"
    monkeypatch.setattr(installed, "MANAGED", (str(path),))
    return path


def terminal(session: Session, **more: str) -> dict[str, str]:
    """The environment of a terminal beside the session."""
    kept = {name: value for name, value in session.env().items() if not name.startswith("CLAUDE")}
    return {**kept, "CLAUDE_CONFIG_DIR": os.path.join(session.home, ".claude"), **more}


def findings(session: Session, **more: str) -> list[Finding]:
    return doctor.examine(session.root, terminal(session, **more))


def rows(session: Session, name: str, **more: str) -> list[tuple[bool | None, str]]:
    return [(found.ok, found.text) for found in findings(session, **more) if found.name == name]


def write(path: str | Path, value: Json) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(value))


def config(session: Session, *names: str) -> Path:
    return Path(session.home, ".claude", *names)


def test_a_sound_installation(session: Session) -> None:
    found = findings(session)
    assert [one.name for one in found if one.ok is False] == []
    assert ("gate", True) in [(one.name, one.ok) for one in found]


def program(folder: Path, says: str) -> str:
    path = folder / "claude"
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("says", "ok", "text"),
    [
        pytest.param("echo '2.1.197 (Claude Code)'", True, "Claude Code 2.1.197 (tested", id="floor"),
        pytest.param("echo '2.1.196 (Claude Code)'", False, "needs 2.1.197 or newer. Run: claude update", id="old"),
        pytest.param("echo '3.0.0 (Claude Code)'", True, "Claude Code 3.0.0", id="newer"),
        pytest.param("echo hello", False, "said 'hello', not a version", id="something-else"),
        pytest.param("exit 1", False, "said '', not a version", id="fails"),
    ],
)
def test_the_client(session: Session, tmp_path: Path, says: str, *, ok: bool, text: str) -> None:
    ((found, said),) = rows(session, "client", FERMATA_CLIENT=program(tmp_path, says))
    assert (found, text in said) == (ok, True), said


def test_a_client_that_does_not_start(session: Session) -> None:
    assert rows(session, "client", FERMATA_CLIENT="/nowhere/claude")[0][0] is False
    assert rows(session, "client", PATH="/nowhere")[0][0] is None


def test_no_environment_names_the_command_that_makes_it(session: Session, tmp_path: Path) -> None:
    ((ok, text),) = rows(session, "environment", XDG_DATA_HOME=str(tmp_path / "empty"))
    assert (ok, text.endswith("/scripts/fermata' setup")) == (False, True)


@pytest.mark.parametrize(
    ("hook", "why"),
    [
        pytest.param("exit 0", "it said nothing", id="silent"),
        pytest.param("exit 1", "(exit 1)", id="crash"),
        pytest.param("echo '{}'", "{}", id="no-decision"),
        pytest.param("""echo '"permissionDecision": "deny"'""", "did not refuse", id="only-the-words"),
    ],
)
def test_a_hook_that_does_not_refuse(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hook: str, why: str
) -> None:
    (tmp_path / "plugin" / "hooks").mkdir(parents=True)
    (tmp_path / "plugin" / "hooks" / "hook").write_text(f"#!/bin/sh\n{hook}\n")
    monkeypatch.setattr(doctor, "PLUGIN_ROOT", str(tmp_path / "plugin"))
    ((ok, text),) = rows(session, "gate")
    assert (ok, why in text) == (False, True), text


def test_hooks_are_seen_from_a_terminal_beside_the_session(session: Session) -> None:
    assert rows(session, "hooks") == [(None, "not seen at work yet. Start Claude Code here, then run this again")]
    data = DataFolder(str(config(session, "plugins", "data", "fermata-inline")))
    for number, age in enumerate((30, 90, 7_200, 200_000)):
        data.note_seen(f"session-{number}")
        path = os.path.join(data.folder, "seen", f"session-{number}")
        os.utime(path, (os.stat(path).st_mtime - age,) * 2)
    told = "last seen at the start of session session-0 (just now), session-1 (2 min ago), session-2 (2 h ago)"
    assert rows(session, "hooks") == [(True, told)]


def test_hooks_are_seen_from_within_a_session(session: Session) -> None:
    session.hook("SessionStart", source="startup")
    session.type("build", "a goal")
    assert rows(session, "hooks", CLAUDE_CODE_SESSION_ID=SESSION) == [
        (True, f"they have run in this session, {SESSION}")
    ]
    ((ok, text),) = rows(session, "hooks", CLAUDE_CODE_SESSION_ID="another")
    assert (ok, "Switch the plugin on in /plugin" in text) == (False, True)


@pytest.mark.parametrize("where", ["user", "project", "local", "managed"])
def test_hooks_switched_off(session: Session, nothing_managed: Path, where: str) -> None:
    project = Path(session.root, ".claude")
    path = {
        "user": config(session, "settings.json"),
        "project": project / "settings.json",
        "local": project / "settings.local.json",
        "managed": nothing_managed,
    }[where]
    write(path, {"disableAllHooks": True})
    assert rows(session, "hooks off") == [
        (False, f"{path} switches all hooks off, so nothing holds. Remove disableAllHooks")
    ]


def install(session: Session, *entries: tuple[str, str, str]) -> None:
    """Plugins as the client lists them: name, version, scope."""
    plugins: dict[str, list[Json]] = {}
    for name, version, scope in entries:
        plugins.setdefault(name, []).append(
            {"version": version, "scope": scope, "installPath": f"/cache/{name}/{version}"}
        )
    write(config(session, "plugins", "installed_plugins.json"), {"version": 2, "plugins": plugins})


@pytest.mark.parametrize(
    ("entries", "ok", "text"),
    [
        pytest.param([], None, "not installed in Claude Code", id="none"),
        pytest.param([("other@x", "9", "user")], None, "not installed in Claude Code", id="another"),
        pytest.param([("fermata@x", __version__, "user")], True, f"fermata@x {__version__} (user)", id="one"),
        pytest.param([("fermata@x", "9.9", "user")], False, "/cache/fermata@x/9.9/scripts/fermata", id="other-version"),
        pytest.param(
            [("fermata@x", __version__, "user"), ("fermata@x", "9.9", "project")],
            False,
            "remove all but one",
            id="versions",
        ),
        pytest.param(
            [("fermata@x", __version__, "user"), ("fermata@y", __version__, "user")],
            False,
            "more than once",
            id="twice",
        ),
    ],
)
def test_the_plugin(session: Session, entries: list[tuple[str, str, str]], ok: bool | None, text: str) -> None:
    install(session, *entries)
    ((found, said),) = rows(session, "plugin")
    assert (found, text in said) == (ok, True), said


def test_a_plugin_that_is_switched_off(session: Session) -> None:
    install(session, ("fermata@x", __version__, "user"))
    path = config(session, "settings.json")
    write(path, {"enabledPlugins": {"fermata@x": False, "other@x": False}})
    assert (False, f"{path} switches fermata@x off. Switch it on in /plugin") in rows(session, "plugin")


def test_others_hooks_are_named(session: Session, tmp_path: Path) -> None:
    hooks: Json = {"hooks": {"Stop": [{"hooks": []}], "Notification": [{"hooks": []}], "PreToolUse": [{"hooks": []}]}}
    write(config(session, "settings.json"), hooks)
    write(tmp_path / "theirs" / "hooks" / "hooks.json", hooks)
    entry = {"version": "1", "scope": "user", "installPath": str(tmp_path / "theirs")}
    write(config(session, "plugins", "installed_plugins.json"), {"plugins": {"theirs@x": [entry]}})
    assert [text for _, text in rows(session, "others")] == [
        f"{config(session, 'settings.json')} has hooks on PreToolUse, Stop too; a refusal by either counts",
        "theirs@x has hooks on PreToolUse, Stop too; a refusal by either counts",
    ]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"hooks": 5, "enabledPlugins": [], "plugins": 3}', "\0"])
def test_files_that_say_nothing_sensible(session: Session, content: str) -> None:
    for name in ("settings.json", "plugins/installed_plugins.json"):
        path = config(session, *name.split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert [one.name for one in findings(session) if one.ok is False] == []


def test_a_damaged_run_is_named_and_the_rest_is_still_looked_at(session: Session) -> None:
    session.planning()
    Path(session.store.journal).write_text("not a journal\n" * 9)
    found = findings(session)
    ((ok, text),) = [(one.ok, one.text) for one in found if one.name == "state"]
    assert (ok, session.store.journal in text) == (False, True)
    assert found[-1].name == "strength"


def test_sound_runs_and_strength(session: Session) -> None:
    session.planning()
    ((ok, text),) = rows(session, "state")
    assert (ok, text.endswith("events, unbroken")) == (True, True)
    assert rows(session, "strength")[0][1].startswith("guarded: ")


def test_outside_a_repository(session: Session, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    found = doctor.examine(str(tmp_path / "plain"), terminal(session))
    assert [one.name for one in found if one.ok is False] == ["repository"]


@pytest.mark.parametrize("width", [80, 40, 200])
def test_rows_fit_the_terminal(width: int) -> None:
    long = Finding("others", None, "/home/dev/" + "word " * 60 + "/a/path/that/stays/whole")
    text = findings_text([long, Finding("gate", False, "x")], width, "/home/dev")
    assert max(map(len, text.splitlines())) < max(width, 43)
    assert text.splitlines()[0].startswith("· others      ~/word")
    assert text.endswith("One thing to mend, marked ✗.")
    assert findings_text([Finding("gate", True, "x")], width, "").endswith("\n\nNothing to mend.")


def test_the_probe_leaves_nothing(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    assert rows(session, "gate")[0][0] is True
    assert os.listdir(tmp_path / "tmp") == []


@pytest.mark.parametrize(
    ("said", "ok", "told"),
    [
        pytest.param("git version 2.38.0", True, "git version 2.38.0", id="the-oldest"),
        pytest.param("git version 2.37.9.windows.1", False, "merges with 2.38 or newer. Update git", id="too-old"),
        pytest.param("git version 2.50.1 (Apple Git-155)", True, "2.50.1", id="newer"),
        pytest.param("what", False, "not a version. Install git 2.38", id="no-version"),
    ],
)
def test_the_version_of_git(session: Session, tmp_path: Path, said: str, ok: bool, told: str) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o755)
    found = doctor._git({"PATH": str(program.parent)})
    assert found.ok is ok
    assert told in found.text
    assert rows(session, "git")[0][0] is True


def test_without_git(tmp_path: Path) -> None:
    assert doctor._git({"PATH": str(tmp_path)}).text == "not on PATH; install git 2.38 or newer"
