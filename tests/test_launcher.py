"""The launcher as a person and the client start it: from odd places, for the first time, many at once, and in vain."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fermata.environment import environment_folder, environment_python
from tests.tiny_packages import make_wheel, write_lock

ROOT = Path(__file__).resolve().parents[1]
BASE = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
# The venv module and pip take three seconds on an idle machine.
PIP = pytest.mark.timeout(120)
CLI = """
import json, os, sys
def main():
    import probe
    print(json.dumps({"argv": sys.argv[1:], "prefix": sys.prefix, "cwd": os.getcwd()}))
    return 4 if "conflict" in sys.argv else 0
"""
# Says what it was asked, waits at the gate if there is one, and lays out what uv would.
UV = """#!{python} -I
import os, pathlib, sys, zipfile
with open({log!r}, "a") as log:
    log.write(sys.argv[1] + "\\n")
sys.stdin.read()
if sys.argv[1] == "venv":
    base, new = sys.argv[3], pathlib.Path(sys.argv[4])
    (new / "bin").mkdir(parents=True)
    (new / "bin/python").symlink_to(base)
    (new / "pyvenv.cfg").write_text("home = " + os.path.dirname(base) + "\\ninclude-system-site-packages = false")
else:
    if os.path.exists({gate!r}):
        open({gate!r}).read()
    new = pathlib.Path(sys.argv[4]).parents[1]
    packages = new / "lib/python{version}/site-packages"
    zipfile.ZipFile({wheel!r}).extractall(packages)
"""


class Plugin:
    """A copy of the launcher in a folder with an awkward name, a lock with one tiny package, a PATH of our own."""

    def __init__(self, folder: Path, home: str) -> None:
        self.root = folder / "it's a plugin"
        self.bin = folder / "bin"
        self.calls = folder / "uv-calls"
        self.gate = folder / "gate"
        self.launcher = self.root / "scripts/fermata"
        package = self.root / "scripts/lib/fermata"
        package.mkdir(parents=True)
        for name in ("fermata", "lib/fermata/__init__.py", "lib/fermata/__main__.py", "lib/fermata/environment.py"):
            shutil.copy(ROOT / "scripts" / name, self.root / "scripts" / name)
        (package / "cli.py").write_text(CLI)
        self.wheel = make_wheel(folder / "wheels")
        write_lock(self.root / "scripts/requirements.lock", self.wheel)
        self.bin.mkdir()
        for tool in ("cksum", "readlink"):
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        self.env = {"PATH": str(self.bin), "HOME": home, "PIP_CONFIG_FILE": os.devnull}

    def program(self, name: str, text: str) -> None:
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def with_python(self, name: str = "python3") -> Plugin:
        self.program(name, f'#!/bin/sh\nexec "{BASE}" "$@"\n')
        return self

    def with_uv(self) -> Plugin:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        facts = {"log": str(self.calls), "gate": str(self.gate), "wheel": str(self.wheel)}
        self.program("uv", UV.format(python=BASE, version=version, **facts))
        return self

    def with_pip(self) -> Plugin:
        self.env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheel.parent)}
        return self

    @property
    def folder(self) -> Path:
        return Path(environment_folder(str(self.root), self.env))

    def leftovers(self) -> list[str]:
        return [entry.name for entry in self.folder.parent.glob("*.new-*")]

    def start(self, *args: str, launcher: Path | None = None) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        argv = [str(launcher or self.launcher), *args]
        return subprocess.Popen(argv, env=self.env, stdout=pipe, stderr=pipe, text=True, start_new_session=True)

    def run(self, *args: str, launcher: Path | None = None) -> subprocess.CompletedProcess[str]:
        process = self.start(*args, launcher=launcher)
        out, err = process.communicate()
        return subprocess.CompletedProcess(args, process.returncode, out, err)


@pytest.fixture
def plugin(tmp_path: Path, home: str) -> Plugin:
    return Plugin(tmp_path, home)


@pytest.fixture
def ready(plugin: Plugin) -> Plugin:
    done = plugin.with_python().with_uv().run("status")
    assert done.returncode == 0, done.stderr
    return plugin


def blocked(plugin: Plugin) -> subprocess.Popen[str]:
    """A first start that stands in the middle of installing until somebody writes to the gate."""
    os.mkfifo(plugin.gate)
    first = plugin.with_python().with_uv().start("status")
    until(first, "installing with uv")
    return first


def until(process: subprocess.Popen[str], said: str) -> None:
    assert process.stderr
    for line in process.stderr:
        if said in line:
            return
    pytest.fail(f"ended with {process.wait()} without saying {said!r}")


def release(plugin: Plugin) -> None:
    plugin.gate.write_text("go")
    plugin.gate.unlink()


def test_arguments_exit_code_and_folder_pass_through(
    ready: Plugin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = ready.run("conflict", "", "two words", "*", "$HOME")
    assert done.returncode == 4
    shown = json.loads(done.stdout)
    assert shown == {
        "argv": ["conflict", "", "two words", "*", "$HOME"],
        "prefix": str(ready.folder),
        "cwd": str(tmp_path),
    }


def test_works_through_links_to_links(ready: Plugin, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/absolute").symlink_to(ready.launcher)
    (tmp_path / "relative link").symlink_to("elsewhere/absolute")
    done = ready.run("status", launcher=tmp_path / "relative link")
    assert (done.returncode, done.stderr) == (0, "")


def test_works_by_bare_name_in_its_own_folder(ready: Plugin) -> None:
    argv = ["/bin/sh", "fermata", "status"]
    done = subprocess.run(argv, cwd=ready.launcher.parent, env=ready.env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_launcher_and_package_agree_where_it_lies(ready: Plugin) -> None:
    assert environment_python(str(ready.root), ready.env) == f"{ready.folder}/bin/python"


def test_ready_environment_needs_neither_python_nor_installer(ready: Plugin) -> None:
    before = ready.calls.read_text()
    (ready.bin / "python3").unlink()
    done = ready.run("status")
    assert (done.returncode, done.stderr) == (0, "")
    assert ready.calls.read_text() == before


def test_first_use_says_what_it_does(plugin: Plugin) -> None:
    done = plugin.with_python().with_uv().run("status")
    said = [line.split(" ", 2)[1] for line in done.stderr.splitlines()]
    assert said == ["making", "making", "installing", "importing", "ready"]
    assert all(line.startswith("fermata: ") for line in done.stderr.splitlines())


def test_first_use_leaves_standard_input_alone(plugin: Plugin) -> None:
    plugin.with_python().with_uv()
    (plugin.root / "scripts/lib/fermata/cli.py").write_text(
        "import sys\ndef main():\n    print(sys.stdin.read())\n    return 0\n"
    )
    argv = [str(plugin.launcher)]  # the stand-in for uv reads all it can
    done = subprocess.run(argv, env=plugin.env, input="for the verb", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "for the verb"


def without_stamp(folder: Path) -> None:
    (folder / "ready").unlink()


def with_dangling_python(folder: Path) -> None:
    (folder / "bin/python").unlink()
    (folder / "bin/python").symlink_to("/nowhere/python3.10")


def with_file_in_its_place(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("")


def with_leftover_of_a_killed_start(folder: Path) -> None:
    folder.rename(f"{folder}.new-1")


@pytest.mark.parametrize(
    "damage", [without_stamp, with_dangling_python, with_file_in_its_place, with_leftover_of_a_killed_start]
)
def test_unfinished_environment_is_remade(ready: Plugin, damage: Callable[[Path], None]) -> None:
    damage(ready.folder)
    done = ready.run("status")
    assert done.returncode == 0, done.stderr
    assert ready.calls.read_text().split() == ["venv", "pip"] * 2
    assert ready.leftovers() == []


def lose_package(plugin: Plugin) -> None:
    (package,) = plugin.folder.glob("lib/python*/site-packages/probe/__init__.py")
    package.unlink()
    shutil.rmtree(package.parent)


def test_lost_package_is_remade_at_the_next_start(ready: Plugin) -> None:
    lose_package(ready)
    done = ready.run("status")
    assert (done.returncode, done.stdout) == (6, "")
    assert "lacks `probe`" in done.stderr
    assert "Traceback" not in done.stderr
    assert ready.run("status").returncode == 0


def test_setup_repairs_at_once_and_says_where(ready: Plugin) -> None:
    lose_package(ready)
    done = ready.run("setup")
    assert (done.returncode, json.loads(done.stdout)["prefix"]) == (0, str(ready.folder))
    assert "it is made anew" in done.stderr
    assert ready.run("status").returncode == 0


def test_setup_for_the_tests_prints_another_environment(ready: Plugin) -> None:
    write_lock(ready.root / "scripts/requirements-test.lock", ready.wheel)
    done = ready.run("setup", "--test")
    assert done.stdout == environment_folder(str(ready.root), ready.env, "env-test") + "\n"
    assert environment_python(str(ready.root), ready.env, "env-test")


def test_our_own_missing_module_is_shown_as_the_bug_it_is(ready: Plugin) -> None:
    (ready.root / "scripts/lib/fermata/cli.py").unlink()
    done = ready.run("status")
    assert done.returncode == 1
    assert "No module named 'fermata.cli'" in done.stderr
    assert environment_python(str(ready.root), ready.env)


def test_concurrent_first_starts_make_one(plugin: Plugin) -> None:
    first = blocked(plugin)
    others = [plugin.start("status") for _ in range(2)]
    for other in others:
        until(other, "waiting for it")
    release(plugin)
    for process in (first, *others):
        process.communicate()
        assert process.returncode == 0
    assert plugin.calls.read_text().split() == ["venv", "pip"]


def test_kill_in_the_middle_leaves_nothing_that_counts(plugin: Plugin) -> None:
    first = blocked(plugin)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    plugin.gate.unlink()
    assert plugin.leftovers()
    assert not plugin.folder.exists()
    assert plugin.run("status").returncode == 0
    assert plugin.leftovers() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "time-out"])
def test_interruption_cleans_up_and_can_be_repeated(plugin: Plugin, number: signal.Signals) -> None:
    first = blocked(plugin)
    os.killpg(first.pid, number)
    _, said = first.communicate()
    assert first.returncode != 0
    assert "Traceback" not in said
    assert plugin.leftovers() == []
    plugin.gate.unlink()
    assert plugin.run("status").returncode == 0


def test_hooks_get_a_link_to_the_real_interpreter(ready: Plugin) -> None:
    link = ready.folder.parent / "python"
    assert os.readlink(link) == BASE
    link.unlink()
    link.symlink_to("/nowhere/python3")
    assert ready.run("status").returncode == 0
    assert os.readlink(link) == BASE


# Runs what it is given, but believes that it is an old one.
PRETEND = "import sys; sys.version_info = (3, 8, 20, 'final', 0); exec(sys.argv[1])"
OLD = f"""#!/bin/sh
[ "$1" = --version ] && echo "Python 3.8.20" && exit
[ "$1" = -c ] && exec "{BASE}" -I -c "{PRETEND}" "$2"
echo "started although it is too old" >&2
exit 1
"""


def test_old_python_is_named_with_the_way_out(plugin: Plugin) -> None:
    plugin.program("python3", OLD)
    done = plugin.run("status")
    assert done.returncode == 6
    assert "needs Python 3.10 or newer; python3 is Python 3.8.20" in done.stderr
    assert "FERMATA_PYTHON=" in done.stderr


def test_missing_python_is_said(plugin: Plugin) -> None:
    done = plugin.run("status")
    assert done.returncode == 6
    assert "there is no working python3 on PATH" in done.stderr


def test_newer_python_beside_an_old_one_is_used(plugin: Plugin) -> None:
    plugin.with_python("python3.12").with_uv().program("python3", OLD)
    assert plugin.run("status").returncode == 0


def test_python_can_be_named(plugin: Plugin, tmp_path: Path) -> None:
    named = tmp_path / "my python"
    named.symlink_to(BASE)
    plugin.with_uv().env["FERMATA_PYTHON"] = str(named)
    assert plugin.run("status").returncode == 0


@pytest.mark.parametrize(
    ("home", "said"),
    [
        pytest.param("/dev/null", "/dev/null/.local", id="home-cannot-hold-a-folder"),
        pytest.param("", "HOME is not set", id="no-home"),
    ],
)
def test_unwritable_home_is_named(plugin: Plugin, home: str, said: str) -> None:
    plugin.with_python().with_uv().env["HOME"] = home
    done = plugin.run("status")
    assert done.returncode == 6
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@PIP
def test_no_network_names_the_step_and_a_command_that_works_later(plugin: Plugin, tmp_path: Path) -> None:
    plugin.with_python().with_pip().env["PIP_FIND_LINKS"] = str(tmp_path / "empty")
    failed = plugin.run("status")
    assert failed.returncode == 6
    assert "installing with pip" in failed.stderr
    assert "probe==1.0" in failed.stderr
    assert plugin.leftovers() == []
    assert not plugin.folder.exists()

    command = failed.stderr.splitlines()[-1].strip()
    subprocess.run(["/bin/sh", "-c", command], env=plugin.with_pip().env, capture_output=True, check=True)
    assert plugin.run("status").returncode == 0


@PIP
def test_pip_takes_over_when_uv_fails(plugin: Plugin) -> None:
    plugin.with_python().program("uv", "#!/bin/sh\necho broken shim\nexit 127\n")
    # In the lock, not in pip's settings, which would keep uv out from the start.
    with (plugin.root / "scripts/requirements.lock").open("a") as lock:
        lock.write(f"--no-index\n--find-links {plugin.wheel.parent}\n")
    done = plugin.run("status")
    assert done.returncode == 0, done.stderr
    assert "broken shim" in done.stderr
    assert "trying pip instead" in done.stderr


def with_another_hash(lock: str) -> str:
    return lock[: lock.index("sha256:")] + "sha256:" + "0" * 64


def without_hash(lock: str) -> str:
    return lock[: lock.index("--hash")]


@PIP
@pytest.mark.parametrize(
    ("change", "said"), [(with_another_hash, "DO NOT MATCH THE HASHES"), (without_hash, "Hashes are required")]
)
def test_only_what_the_lock_vouches_for_is_installed(plugin: Plugin, change: Callable[[str], str], said: str) -> None:
    lock = plugin.root / "scripts/requirements.lock"
    lock.write_text(change(lock.read_text()))
    done = plugin.with_python().with_uv().with_pip().run("status")
    assert done.returncode == 6
    assert said in done.stderr
    # The person has settings for pip, which uv would not read.
    assert not plugin.calls.exists()


def test_nothing_installed_is_not_ready(plugin: Plugin, tmp_path: Path) -> None:
    plugin.with_python().wheel = make_wheel(tmp_path / "hollow", package="")
    done = plugin.with_uv().run("status")
    assert done.returncode == 6
    assert "no package is installed" in done.stderr
