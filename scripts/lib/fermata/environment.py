"""Where fermata's own Python environment lies, whether it is ready, and how it is made.

Hooks and the command line import the cheap questions at the top; the launcher and `scripts/test` run the file to
have an environment made. It never touches another environment, never installs anything that the lock file does not
name with its hash, and asks nothing. Standard library only, because it runs before there is anything else.

Usage: environment.py ensure          make the environment unless it is ready
       environment.py setup [--test]  the same, and import every package of it to be sure
       environment.py import          what both start inside an environment to do that
Writes: $XDG_DATA_HOME/fermata (else ~/.local/share/fermata): `env-KEY`, `env-test-KEY`, their `.lock`, `python`.
Exit codes: 0 ready, the folder is on standard output · 2 usage · 6 not possible here · 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from typing import TextIO

LOCKS = {"env": "requirements.lock", "env-test": "requirements-test.lock"}
# uv reads none of pip's settings: whoever has some (a company's index, a proxy) must get pip.
PIP_SETTINGS = (
    "INDEX_URL",
    "EXTRA_INDEX_URL",
    "NO_INDEX",
    "FIND_LINKS",
    "CERT",
    "CLIENT_CERT",
    "PROXY",
    "TRUSTED_HOST",
)
PIP_SYSTEM_FILES = ("/etc/pip.conf", "/etc/xdg/pip/pip.conf", "/Library/Application Support/pip/pip.conf")


class EnvironmentFailure(Exception):
    """No environment could be made; `str()` says which step failed, where, and what was said."""


def data_home(env: Mapping[str, str]) -> str:
    """fermata's own data folder, absolute, without looking whether it is there.

    Raises:
        EnvironmentFailure: neither XDG_DATA_HOME (absolute; a relative one counts as unset) nor HOME is set.
    """
    base = env.get("XDG_DATA_HOME", "")
    if base.startswith("/"):
        return f"{base}/fermata"
    if not env.get("HOME"):
        raise EnvironmentFailure("HOME is not set, so there is no place for the environment; set HOME or XDG_DATA_HOME")
    return f"{env['HOME']}/.local/share/fermata"


def lock_key(lock: str) -> str:
    """The CRC that POSIX `cksum` prints for the file *lock*: the launcher's shell must arrive at the same name.

    `cksum` runs the polynomial of zlib from the other end of each byte, and over the length as well.
    """
    with open(lock, "rb") as file:
        data = file.read()
    data += len(data).to_bytes((len(data).bit_length() + 7) // 8, "little")
    mirrored = data.translate(bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256)))
    return str(int(f"{zlib.crc32(mirrored, 0xFFFFFFFF):032b}"[::-1], 2))


def environment_folder(root: str, env: Mapping[str, str], kind: str = "env") -> str:
    """Folder of the environment that the lock file in *root* asks for; *kind* is a key of LOCKS."""
    return f"{data_home(env)}/{kind}-{lock_key(f'{root}/scripts/{LOCKS[kind]}')}"


def environment_python(root: str, env: Mapping[str, str], kind: str = "env") -> str | None:
    """The environment's interpreter, or None when it is not ready: then say `setup_command(root)`."""
    folder = environment_folder(root, env, kind)
    return f"{folder}/bin/python" if is_ready(folder) else None


def is_ready(folder: str) -> bool:
    """Whether *folder* was finished and its interpreter is still there."""
    return os.path.isfile(f"{folder}/ready") and os.access(f"{folder}/bin/python", os.X_OK)


def setup_command(root: str) -> str:
    """The one command that a person runs in a terminal, quoted for a shell."""
    launcher = os.path.join(root, "scripts", "fermata")
    return "'{}' setup".format(launcher.replace("'", "'\\''"))


def discard_running() -> bool:
    """Mark the environment that runs this process as not ready; False when it is none of ours."""
    try:
        os.remove(os.path.join(sys.prefix, "ready"))
    except OSError:
        return False
    return True


class Steps:
    """Runs the steps of making an environment and tells a person about them on *stream*."""

    def __init__(self, stream: TextIO, env: Mapping[str, str], cwd: str) -> None:
        self.stream, self.env, self.cwd = stream, env, cwd

    def say(self, text: str) -> None:
        """One line, with our name in front."""
        print(f"fermata: {text}", file=self.stream, flush=True)

    def run(self, what: str, argv: Sequence[str]) -> None:
        """Run *argv* as the step *what*, showing its output only if it fails.

        Raises:
            EnvironmentFailure: it cannot be started or exits with anything but 0.
        """
        import subprocess
        import tempfile

        self.say(f"{what} …")
        with tempfile.TemporaryFile("w+", errors="replace") as log:
            try:
                # Not the caller's folder: uv would take its settings from a project that is none of ours.
                process = subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(self.env), cwd=self.cwd
                )
            except OSError as error:
                raise EnvironmentFailure(f"{what}: cannot start {argv[0]}: {error.strerror}") from None
            try:
                self._wait(process)
            except BaseException:
                process.kill()
                process.wait()
                raise
            if process.returncode:
                log.seek(0)
                said = "".join(f"\n    {line.rstrip()}" for line in log.readlines()[-8:])
                raise EnvironmentFailure(f"{what}: {argv[0]} ended with exit code {process.returncode}:{said}")

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        import itertools
        import subprocess

        if not self.stream.isatty():
            process.wait()
            return
        for mark in itertools.cycle("|/-\\"):
            try:
                process.wait(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                print(f"\r{mark}", end="", file=self.stream, flush=True)
        print("\r \r", end="", file=self.stream, flush=True)


def ensure(root: str, env: Mapping[str, str], kind: str, stream: TextIO, *, sure: bool = False) -> str:
    """Folder of a ready environment, made if need be; with *sure*, one whose packages do not import is remade.

    Processes that come at the same time wait for the first and use what it made.

    Raises:
        EnvironmentFailure: it could not be made; nothing is left that counts as ready.
    """
    folder = environment_folder(root, env, kind)
    data = os.path.dirname(folder)
    steps = Steps(stream, installer_env(env), data)
    try:
        if not _usable(folder, steps, sure=sure):
            os.makedirs(data, exist_ok=True)
            with _hold(f"{folder}.lock", steps):
                # Looked at again: whoever held the lock before may have made it.
                if not _usable(folder, steps, sure=sure):
                    _make(folder, f"{root}/scripts/{LOCKS[kind]}", steps)
        _link_interpreter(f"{data}/python", folder)
    except OSError as error:
        raise EnvironmentFailure(f"{error.filename or data}: {error.strerror}") from None
    return folder


def installer_env(env: Mapping[str, str]) -> dict[str, str]:
    """The person's own settings (index, proxy, cache), less those that would send the packages elsewhere."""
    elsewhere = {"PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PYTHONHOME", "PYTHONPATH"}
    kept = {name: value for name, value in env.items() if name not in elsewhere}
    return {**kept, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}


def _usable(folder: str, steps: Steps, *, sure: bool) -> bool:
    if not is_ready(folder):
        return False
    try:
        if sure:
            _import_all(folder, steps)
    except EnvironmentFailure as failure:
        steps.say(f"{failure}\n  it is made anew")
        return False
    return True


def _import_all(folder: str, steps: Steps) -> None:
    steps.run("importing every package", [f"{folder}/bin/python", "-I", os.path.realpath(__file__), "import"])


def _hold(lock: str, steps: Steps) -> TextIO:
    """An open file that holds *lock* until it is closed; the kernel does that too when this process dies."""
    import fcntl

    file = open(lock, "w", encoding="ascii")  # noqa: SIM115  # the caller closes it, which lets go of the lock
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        steps.say("another process is making the environment; waiting for it …")
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _make(folder: str, lock: str, steps: Steps) -> None:
    """Make the environment beside *folder* and rename it there once it is known to work."""
    import glob
    import shutil
    import time

    started = time.monotonic()
    steps.say(f"making its Python environment in {folder} (once, takes up to a minute)")
    for left in glob.glob(f"{glob.escape(folder)}.new-*"):
        shutil.rmtree(left, ignore_errors=True)
    # A name of its own: an installer that outlived a killed process may still be writing into the old one.
    new = f"{folder}.new-{os.getpid()}"
    try:
        _install(new, lock, steps)
        _import_all(new, steps)
        with open(f"{new}/ready", "w", encoding="ascii") as file:
            file.write("fermata's environment; made by environment.py, remade when this file is missing\n")
        if os.path.isfile(folder) or os.path.islink(folder):
            os.remove(folder)
        elif os.path.exists(folder):
            os.rename(folder, f"{new}.old")
        os.rename(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(f"{new}.old", ignore_errors=True)
    steps.say(f"ready after {time.monotonic() - started:.1f} s")


def _install(new: str, lock: str, steps: Steps) -> None:
    import shutil

    # Not the interpreter of a virtual environment that happens to be active, nor a version manager's shim.
    base = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    uv = shutil.which("uv", path=steps.env.get("PATH"))
    wanted = ["--require-hashes", "-r", lock]
    if uv and not _has_pip_settings(steps.env):
        try:
            steps.run("making a virtual environment with uv", [uv, "venv", "--python", base, new])
            steps.run("installing with uv", [uv, "pip", "install", "--python", f"{new}/bin/python", *wanted])
        except EnvironmentFailure as failure:
            steps.say(f"{failure}\n  trying pip instead")
            shutil.rmtree(new, ignore_errors=True)
        else:
            return
    pip = ["-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", *wanted]
    try:
        steps.run("making a virtual environment", [base, "-I", "-m", "venv", new])
    except EnvironmentFailure as failure:
        steps.say(f"{failure}\n  trying pip --target instead")
        shutil.rmtree(new, ignore_errors=True)
        steps.run("installing with pip --target", [base, *pip, "--target", _venv_by_hand(new, base)])
    else:
        steps.run("installing with pip", [f"{new}/bin/python", *pip])


def _has_pip_settings(env: Mapping[str, str]) -> bool:
    if any(env.get(f"PIP_{name}") for name in PIP_SETTINGS):
        return True
    # pip itself takes PIP_CONFIG_FILE=/dev/null to mean: no settings file at all.
    if env.get("PIP_CONFIG_FILE"):
        return os.path.isfile(env["PIP_CONFIG_FILE"])
    home = env.get("HOME", "")
    config = env.get("XDG_CONFIG_HOME") or f"{home}/.config"
    own = (f"{config}/pip/pip.conf", f"{home}/.pip/pip.conf", f"{home}/Library/Application Support/pip/pip.conf")
    return any(os.path.isfile(name) for name in (*PIP_SYSTEM_FILES, *own))


def _venv_by_hand(new: str, base: str) -> str:
    """What the venv module makes, where it is missing: all that Python's start-up looks for. The package folder."""
    packages = f"{new}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    os.makedirs(packages)
    os.mkdir(f"{new}/bin")
    os.symlink(base, f"{new}/bin/python")
    with open(f"{new}/pyvenv.cfg", "w", encoding="utf-8") as file:
        file.write(f"home = {os.path.dirname(base)}\ninclude-system-site-packages = false\n")
    return packages


def _link_interpreter(link: str, folder: str) -> None:
    """Point *link* at the interpreter under *folder*: hooks start it without any shim or search."""
    base = os.path.realpath(f"{folder}/bin/python")
    if os.path.realpath(link) != base:
        os.symlink(base, f"{link}.{os.getpid()}")
        os.replace(f"{link}.{os.getpid()}", link)


def import_installed() -> int:
    """Import every public module that the running environment's packages brought; how many.

    Raises:
        ImportError: one is damaged or built for another interpreter; or there was none at all.
    """
    import importlib
    from importlib.metadata import distributions

    names = set()
    for distribution in distributions():
        # The venv module's own tools: setuptools refuses to be imported in an arbitrary order.
        if distribution.metadata["Name"] in ("pip", "setuptools"):
            continue
        for file in distribution.files or ():
            if file.parts[1:] == ("__init__.py",):
                names.add(file.parts[0])
    # Names with a dash are type stubs; a leading underscore is a package's private side.
    for name in sorted(name for name in names if name.isidentifier() and not name.startswith("_")):
        importlib.import_module(name)
    if not names:
        raise ImportError(f"no package is installed in {sys.prefix}")
    return len(names)


def main(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Run one verb of the usage above."""
    import argparse
    import signal

    parser = argparse.ArgumentParser(description="Make fermata's own Python environment ready.")
    parser.add_argument("verb", choices=("ensure", "setup", "import"), help="`setup` also imports every package")
    parser.add_argument("--test", action="store_true", help="the environment of the tests, not the one of the plugin")
    options = parser.parse_args(argv)
    if options.verb == "import":
        return 0 if import_installed() else 1
    root = os.path.realpath(f"{os.path.realpath(__file__)}/../../../..")
    # So that a time-out's SIGTERM cleans up as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    kind = "env-test" if options.test else "env"
    try:
        print(ensure(root, env, kind, sys.stderr, sure=options.verb == "setup"))
    except EnvironmentFailure as failure:
        print(f"fermata: no Python environment: {failure}", file=sys.stderr)
        print("Run this once in a terminal that has network and may write there:", file=sys.stderr)
        print(f"    {setup_command(root)}{' --test' if options.test else ''}", file=sys.stderr)
        return 6
    except KeyboardInterrupt:
        print("fermata: interrupted; nothing half-made is used, the next start makes it anew.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
