"""Where the environment lies, what its locks hold, and how it is made from inside; test_launcher.py starts it whole."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fermata import environment
from fermata.environment import (
    EnvironmentFailure,
    Steps,
    data_home,
    ensure,
    environment_python,
    lock_key,
    setup_command,
)
from tests.tiny_packages import make_wheel, write_lock

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
LOCKS = [ROOT / "scripts" / name for name in environment.LOCKS.values()]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"a", id="one-byte"),
        pytest.param(bytes(range(256)) * 2, id="length-of-two-bytes"),
        pytest.param(b"x" * 70_000, id="length-of-three-bytes"),
        pytest.param(LOCKS[0].read_bytes(), id="the-lock-itself"),
    ],
)
def test_lock_key_is_what_cksum_prints(content: bytes, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_bytes(content)
    printed = subprocess.run(["cksum"], input=content, capture_output=True, check=True).stdout
    assert lock_key(str(lock)) == printed.split()[0].decode()


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        pytest.param({"HOME": "/h"}, "/h/.local/share/fermata", id="home"),
        pytest.param({"HOME": "/h", "XDG_DATA_HOME": "/d"}, "/d/fermata", id="xdg"),
        pytest.param(
            {"HOME": "/h", "XDG_DATA_HOME": "d"}, "/h/.local/share/fermata", id="relative-xdg-counts-as-unset"
        ),
        pytest.param({"HOME": "/h", "XDG_DATA_HOME": ""}, "/h/.local/share/fermata", id="empty-xdg-counts-as-unset"),
        pytest.param({"XDG_DATA_HOME": "/d"}, "/d/fermata", id="xdg-without-home"),
    ],
)
def test_data_home(env: dict[str, str], folder: str) -> None:
    assert data_home(env) == folder


def test_data_home_without_any_home_says_what_to_set() -> None:
    with pytest.raises(EnvironmentFailure, match="set HOME or XDG_DATA_HOME"):
        data_home({})


def test_environment_is_not_ready_before_it_is_made(home: str) -> None:
    assert environment_python(str(ROOT), {"HOME": home}) is None


def test_setup_command_survives_a_shell(tmp_path: Path) -> None:
    root = f'{tmp_path}/it\'s "here" $HOME'
    words = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {setup_command(root)}"], capture_output=True, text=True, check=True
    )
    assert words.stdout.splitlines() == [f"{root}/scripts/fermata", "setup"]


def test_hooks_can_import_it_cheaply() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import fermata.environment; print(*sys.modules)"
    argv = [sys.executable, "-I", "-S", "-c", code, str(ROOT / "scripts/lib")]
    loaded = set(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split())
    assert "fermata.environment" in loaded
    assert loaded & {"subprocess", "typing", "dataclasses", "shutil", "re", "json", "argparse", "contextlib"} == set()


def pins(lock: Path) -> dict[str, set[str]]:
    """Name → pinned versions; a universal lock may pin one per Python version."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_holds_hashes_and_no_addresses(lock: Path) -> None:
    text = lock.read_text()
    packages = re.split(r"\n(?=[a-z])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    assert len(packages) > 10
    assert [package for package in packages if "--hash=sha256:" not in package] == []
    assert not re.search(r"://|index|find-links|trusted-host", text)


def test_locks_have_what_pyproject_asks_for_and_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime, test = (pins(lock) for lock in LOCKS)

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[^\w-]", requirement)[0].lower() for requirement in requirements}

    assert names(project["dependencies"]) <= runtime.keys()
    assert names(project["optional-dependencies"]["test"]) <= test.keys()
    assert {name: test.get(name) for name in runtime} == runtime


@pytest.mark.parametrize(
    ("settings", "file", "expected"),
    [
        pytest.param({}, None, False, id="none"),
        pytest.param({"PIP_INDEX_URL": "https://packages.example"}, None, True, id="variable"),
        pytest.param({"PIP_INDEX_URL": ""}, None, False, id="empty-variable"),
        pytest.param({}, ".config/pip/pip.conf", True, id="file"),
        pytest.param({}, ".pip/pip.conf", True, id="old-file"),
        pytest.param({"XDG_CONFIG_HOME": "/nowhere"}, ".config/pip/pip.conf", False, id="config-lies-elsewhere"),
        pytest.param({"PIP_CONFIG_FILE": os.devnull}, ".config/pip/pip.conf", False, id="files-switched-off"),
    ],
)
def test_pip_settings_are_noticed(
    settings: dict[str, str], file: str | None, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "PIP_SYSTEM_FILES", ())
    if file:
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    assert environment._has_pip_settings({"HOME": str(tmp_path), **settings}) is expected


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "moves"), [(Terminal(), True), (io.StringIO(), False)], ids=["terminal", "pipe"])
def test_only_a_terminal_sees_movement(stream: io.StringIO, moves: bool, tmp_path: Path) -> None:
    Steps(stream, {}, str(tmp_path)).run("waiting", [sys.executable, "-I", "-c", "import time; time.sleep(0.3)"])
    assert ("\r" in stream.getvalue()) is moves
    assert "waiting …" in stream.getvalue()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        pytest.param(["/nowhere/pip"], "cannot start /nowhere/pip: No such file", id="missing-program"),
        pytest.param(
            [sys.executable, "-I", "-c", "print('out'); exit('err')"],
            r"exit code 1:\s+(out\s+err|err\s+out)",
            id="failing",
        ),
    ],
)
def test_failed_step_names_itself_and_what_was_said(argv: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure, match=f"installing: .*{said}"):
        Steps(io.StringIO(), {}, str(tmp_path)).run("installing", argv)


@pytest.mark.skipif(shutil.which("bash") is None, reason="the stand-in interpreter needs bash's exec -a")
def test_without_venv_module_pip_target_is_used(tmp_path: Path, home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real interpreter, except that `-m venv` fails as on a Debian without python3-venv."""
    real = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    crippled = tmp_path / "python3"
    crippled.write_text(
        f'#!/usr/bin/env bash\n[ "$3" = venv ] && echo "no ensurepip" && exit 1\nexec -a "$0" "{real}" "$@"\n'
    )
    crippled.chmod(0o755)
    monkeypatch.setattr(sys, "_base_executable", str(crippled))
    root = tmp_path / "plugin"
    wheel = make_wheel(tmp_path / "wheels")
    write_lock(root / "scripts/requirements.lock", wheel)
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheel.parent),
        "PIP_USER": "1",
    }
    said = io.StringIO()

    folder = ensure(str(root), env, "env", said)

    assert "trying pip --target instead" in said.getvalue()
    code = "import probe, sys; print(probe.__file__, sys.prefix)"
    shown = subprocess.run([f"{folder}/bin/python", "-I", "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split()[1] == folder
    assert shown.stdout.startswith(folder)


@pytest.mark.long
def test_real_lock_installs_and_imports(home: str) -> None:
    """Needs the package index, as `scripts/test` did a moment ago."""
    env = {**os.environ, "HOME": home}
    said = io.StringIO()
    ensure(str(ROOT), env, "env", said, sure=True)
    python = environment_python(str(ROOT), env)
    assert python, said.getvalue()
    code = "import click, filelock, jsonschema, markdown_it, pydantic, pyte, rich, yaml"
    subprocess.run([python, "-I", "-c", code], check=True)
