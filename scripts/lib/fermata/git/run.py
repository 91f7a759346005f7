"""Runs git, always in the same hardened way; the rest of the package reaches git through here only.

A repository's own configuration can name programs (fsmonitor, hooks, pager, filters, external diff). None of them is
run, because an agent may have written it; filters need `no_filters` of `repo.py` besides. Nothing is downloaded.
The one exception is `run_users_git`, by which the final merge is made as the user would make it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from contextlib import suppress
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .repo import Repo

FIXED = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.quotePath=false",
    "core.safecrlf=false",  # `true` lets a line ending abort a snapshot
    "core.splitIndex=false",
    "core.untrackedCache=false",
    "gc.auto=0",
    "log.showSignature=false",
    "maintenance.auto=false",
    "safe.bareRepository=explicit",
    "status.submoduleSummary=false",
)
SETTINGS = {
    "GIT_ALLOW_PROTOCOL": "none",  # a missing object of a partial clone is an error here, not a download
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",  # refs/replace could show another content than the one that is there
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
USERS_OWN = (
    *(f"GIT_{role}_{part}" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")),
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
)
"""Variables that say who the user is, not where git works: kept where git runs as the user would run it."""
MAX_OUTPUT = 65_536
GRACE_SECONDS = 5
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class GitError(Exception):
    """git could not do what was asked. `command` is without the fixed options, `code` is None if it did not end."""

    def __init__(self, command: tuple[str, ...], code: int | None, detail: str, where: str = "") -> None:
        super().__init__(command, code, detail, where)
        self.command, self.code, self.detail, self.where = command, code, detail, where

    def __str__(self) -> str:
        ended = "" if self.code is None else f" (exit {self.code})"
        place = f" in {self.where}" if self.where else ""
        return _CONTROL.sub("?", f"git {' '.join(self.command)[:200]} failed{ended}{place}: {self.detail}")


def _git_environment(root: str) -> dict[str, str]:
    """The caller's environment without any GIT_* variable and without relative folders on PATH.

    GIT_DIR is left to git's own discovery on purpose: naming it would switch off git's check of who owns the
    repository. The ceiling keeps discovery from ending in a repository further up. System and user configuration
    stay in force: ignore rules and `safe.directory` live there, and both belong to the user.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    path = os.pathsep.join(part for part in kept.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(part))
    places = {"GIT_WORK_TREE": root, "GIT_CEILING_DIRECTORIES": os.path.dirname(root), "PATH": path}
    return {**kept, **SETTINGS, **places}


def path_text(raw: bytes) -> str:
    r"""A path as text that JSON can carry: bytes that are not UTF-8 appear as `\xNN`."""
    return raw.decode("utf-8", "backslashreplace")


def run_git(
    repo: Repo,
    *args: str,
    index: str | None = None,
    stdin: bytes | None = None,
    ok: tuple[int, ...] = (0,),
    seconds: float = 120,
) -> bytes:
    """Run one git command at the top of the work tree and return what it printed.

    Args:
        repo: where; the command runs at the top of its work tree.
        args: subcommand and its arguments; `-c name=value` pairs may stand before it and win over the fixed ones.
        index: absolute path of another index file than the repository's.
        stdin: bytes for its standard input; without them that is empty.
        ok: exit codes that are an answer and not an error.
        seconds: how long it may take.

    Raises:
        GitError: git is missing, ended otherwise, or took longer than *seconds*.
    """
    environment = _git_environment(repo.root)
    if index is not None:
        environment["GIT_INDEX_FILE"] = index
    try:
        done = subprocess.run(
            _command_line(args),
            cwd=repo.root,
            env=environment,
            input=stdin or b"",
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise GitError(_shown(args), None, f"no answer within {seconds:g} s", repo.root) from None
    except OSError as error:
        raise _cannot_start(repo, args, error) from None
    if done.returncode not in ok:
        raise GitError(_shown(args), done.returncode, _last_lines(done.stderr), repo.root)
    return done.stdout


def run_users_git(
    repo: Repo, *args: str, settings: Mapping[str, str], seconds: float, held: tuple[int, ...] = ()
) -> tuple[int | None, str]:
    """Run one git command as the user would: their hooks, signing and filters run. Only the final merge asks for this.

    Args:
        repo: where; the command runs at the top of its work tree.
        args: subcommand and its arguments.
        settings: configuration that goes before the user's.
        seconds: after these, git and all that it has started are ended.
        held: open files that it inherits: a lock on one lasts as long as it works, also when this process is killed.

    Returns:
        Exit code, None where the time was over, and the last lines of what was printed.

    Raises:
        GitError: git could not be started.
    """
    environment = _git_environment(repo.root)
    for name in SETTINGS:
        environment.pop(name)
    environment |= {name: os.environ[name] for name in USERS_OWN if name in os.environ}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    for name in ("GIT_WORK_TREE", "GIT_CEILING_DIRECTORIES"):  # a hook that calls git would carry them elsewhere
        del environment[name]
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                ["git", "--no-pager", *args],
                cwd=repo.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=held,
            )
        except OSError as error:
            raise _cannot_start(repo, args, error) from None
        code: int | None = None
        with suppress(subprocess.TimeoutExpired):
            try:
                code = process.wait(seconds)
            finally:
                if code is None:
                    _end(process)
        output.seek(max(0, output.seek(0, os.SEEK_END) - MAX_OUTPUT))
        return code, _last_lines(output.read(), 12)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End *process* and all that it has started; git removes its locks when it is asked to end."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)


def _command_line(args: tuple[str, ...]) -> list[str]:
    """*args* as a whole command, with the fixed options."""
    return ["git", "--no-pager", *(part for setting in FIXED for part in ("-c", setting)), *args]


def _cannot_start(repo: Repo, args: tuple[str, ...], error: OSError) -> GitError:
    """The error for a git that could not even be started."""
    if not os.path.isdir(repo.root):
        return GitError(_shown(args), None, f"the work tree {repo.root} is gone")
    if isinstance(error, FileNotFoundError):
        return GitError(_shown(args), None, "git is not on PATH; install it, or start Claude Code where it is")
    return GitError(_shown(args), None, f"could not start: {error.strerror}", repo.root)


def _shown(args: tuple[str, ...]) -> tuple[str, ...]:
    rest = list(args)
    while rest[:1] == ["-c"]:
        del rest[:2]
    return tuple(rest)


def _last_lines(stderr: bytes, count: int = 3) -> str:
    """The last lines git wrote to its error channel, on one line and without control characters."""
    lines = [_CONTROL.sub("", line) for line in stderr.decode("utf-8", "replace").splitlines()]
    kept = [line.strip()[:300] for line in lines if line.strip()]
    return " / ".join(kept[-count:]) or "it gave no reason"


def read_git(repo: Repo, args: tuple[str, ...], limit: int, seconds: float = 60) -> bytes:
    """The first *limit* bytes of what git prints; git is ended there, so that memory stays bounded."""
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                _command_line(args),
                cwd=repo.root,
                env=_git_environment(repo.root),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        except OSError as error:
            raise _cannot_start(repo, args, error) from None
        alarm = Timer(seconds, process.kill)
        alarm.start()
        with process:
            assert process.stdout is not None
            output = process.stdout.read(limit)
            if len(output) == limit:
                process.kill()
        alarm.cancel()
        if process.returncode != 0 and len(output) < limit:
            errors.seek(0)
            raise GitError(_shown(args), process.returncode, _last_lines(errors.read()), repo.root)
    return output
