"""The process beside one check: runs its command in a process group of its own, limits it, writes its evidence.

Started by `runner.start_check` as `python -I supervisor.py FOLDER ID LOCK`, where LOCK is an inherited descriptor that
is locked. It never judges. What puts itself into a session of its own (a build daemon) is neither waited for nor
killed; all else of the command's group is, as soon as the command ends, and also if this process is killed (`guard.py`).
Exit codes: 0, or 1 if it could not start.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if __name__ == "__main__":  # -I leaves the path to us; nothing of the project may be imported
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from fermata.checks.capture import Capture, read_end
from fermata.checks.command import to_json as command_json
from fermata.checks.counts import LOOKED_AT, read_counts
from fermata.checks.environment import check_environment
from fermata.checks.guard import Guard, signal_group
from fermata.checks.runner import CheckSpec, check_path, load_spec
from fermata.core.evidence import Evidence, name_changes, to_json
from fermata.core.output import tail_of
from fermata.git.repo import find_repo
from fermata.git.run import GitError
from fermata.git.snapshot import changed_paths, take_snapshot
from fermata.store.files import write_json

if TYPE_CHECKING:
    from types import FrameType

GRACE_SECONDS = 2.0  # between SIGTERM and SIGKILL
DRAIN_SECONDS = 0.5  # for what is still in the pipe when something outside the group holds it open
PIECE = 65_536
TAIL_FROM = 65_536  # characters: the tail is far shorter once colour codes are gone


class Supervisor:
    """One run of one command, from start to the last byte it will ever be asked for."""

    def __init__(self, spec: CheckSpec, log: str) -> None:
        self.spec = spec
        self.log = log
        self.stopped = self.timed_out = False
        self.wake, self.woken = os.pipe()
        for end in (self.wake, self.woken):
            os.set_blocking(end, False)

    def take_signals(self) -> None:
        """Let SIGTERM and the end of a child interrupt the waiting, by a byte in a pipe."""
        signal.set_wakeup_fd(self.woken, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopped = True

    def run(self) -> Evidence:
        """Snapshot, run, snapshot; whatever fermata itself cannot do becomes the evidence's `error`."""
        started = datetime.now(timezone.utc).astimezone().isoformat(timespec="seconds")
        evidence = Evidence(
            self.spec.id, self.spec.name, command_json(self.spec.command), started=started, log=self.log
        )
        try:
            before = self._tree()
            evidence = self._command(evidence._replace(tree_before=before))
            after = self._tree()
            return evidence._replace(tree_after=after, changed=self._changed(before, after))
        except (GitError, OSError) as error:
            return evidence._replace(error=evidence.error or str(error))

    def _tree(self) -> str | None:
        if self.spec.repo is None:
            return None
        repo = find_repo(self.spec.repo)
        if repo is None:
            raise GitError(("snapshot",), None, f"there is no git work tree at {self.spec.repo}")
        return take_snapshot(repo)

    def _changed(self, before: str | None, after: str | None) -> tuple[str, ...]:
        repo = find_repo(self.spec.repo) if self.spec.repo else None
        if repo is None or before is None or after is None or before == after:
            return ()
        return name_changes([change.path for change in changed_paths(repo, before, after)])

    def _command(self, evidence: Evidence) -> Evidence:
        """*evidence* with how the command ended and what it said."""
        if self.stopped:
            return evidence._replace(error="it was stopped before it started")
        begin = time.monotonic()
        code = self._captured()
        end = read_end(self.log, LOOKED_AT)
        command = self.spec.command
        return evidence._replace(
            exit_code=code if code >= 0 and not self.timed_out else None,
            signal=-code if code < 0 and not self.timed_out else None,
            timed_out=self.timed_out,
            seconds=round(time.monotonic() - begin, 3),
            counts=read_counts(command.argv or command.shell or "", end),
            tail=tail_of(end[-TAIL_FROM:]),
            error="it was stopped before it ended" if self.stopped else "",
        )

    def _captured(self) -> int:
        capture = Capture(self.log)
        answer = Capture(self.log[: -len(".log")] + ".out") if self.spec.answer else None
        try:
            return self._started(capture, answer)
        finally:
            capture.finish()
            if answer:
                answer.finish()

    def _started(self, capture: Capture, answer: Capture | None) -> int:
        """The exit code, or the negative number of the signal; 126 and 127 as a shell would for what cannot start."""
        command = self.spec.command
        folder = os.path.realpath(os.path.join(self.spec.root, command.cwd))
        top = os.path.realpath(self.spec.root)
        if os.path.commonpath((folder, top)) != top or not os.path.isdir(folder):
            capture.write(f"the folder {command.cwd} is not a folder inside {top}\n".encode())
            return 126
        try:
            with open(self.spec.stdin or os.devnull, "rb") as given:
                process = subprocess.Popen(
                    command.words,
                    cwd=folder,
                    env=check_environment(os.environ),
                    stdin=given,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE if answer else subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            program = command.words[0]
            # the error itself is no help: with an unreadable folder on PATH every missing program is "denied"
            missing = "/" not in program and shutil.which(program) is None
            why = "not found on PATH" if missing else error.strerror
            capture.write(f"{program}: {why}\n".encode("utf-8", "replace"))
            return 127 if missing or isinstance(error, FileNotFoundError) else 126
        try:
            with Guard(process.pid):
                return self._watch(process, capture, answer)
        finally:
            process.wait()

    def _watch(self, process: subprocess.Popen[bytes], capture: Capture, answer: Capture | None) -> int:
        """Read output until the command has ended, ending it when its time is up or somebody asks for it."""
        assert process.stdout is not None
        limit = time.monotonic() + self.spec.time_limit
        kill_at: float | None = None
        with selectors.DefaultSelector() as selector, process.stdout, process.stderr or contextlib.nullcontext():
            selector.register(self.wake, selectors.EVENT_READ)
            selector.register(process.stdout, selectors.EVENT_READ, answer or capture)
            if process.stderr:
                selector.register(process.stderr, selectors.EVENT_READ, capture)
            while process.poll() is None:
                now = time.monotonic()
                if kill_at is None and (self.stopped or now >= limit):
                    self.timed_out = not self.stopped
                    signal_group(process.pid, signal.SIGTERM)
                    kill_at = now + GRACE_SECONDS
                elif kill_at is not None and now >= kill_at:
                    signal_group(process.pid, signal.SIGKILL)
                    kill_at = now + GRACE_SECONDS
                self._read(selector, (limit if kill_at is None else kill_at) - now)
            signal_group(process.pid, signal.SIGKILL)
            self._drain(selector)
        return process.returncode

    def _read(self, selector: selectors.BaseSelector, seconds: float) -> None:
        for key, _events in selector.select(max(0.0, seconds)):
            if key.fd == self.wake:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.wake, PIECE)
                continue
            piece = os.read(key.fd, PIECE)
            key.data.write(piece)
            if not piece:
                selector.unregister(key.fileobj)

    def _drain(self, selector: selectors.BaseSelector) -> None:
        selector.unregister(self.wake)
        limit = time.monotonic() + DRAIN_SECONDS
        while selector.get_map() and (left := limit - time.monotonic()) > 0:
            self._read(selector, left)


def _detach(lock: int) -> None:
    """Go on in a child that nobody waits for; its process id is written into the lock file first."""
    os.set_inheritable(lock, False)  # no command may inherit the lock and outlive us with it
    child = os.fork()
    if child:
        os.write(lock, str(child).encode())
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nothing, descriptor)
    os.close(nothing)


def main(argv: list[str]) -> int:
    """Run the check that *argv* names: folder, id, descriptor of the held lock."""
    folder, check_id, lock = argv
    spec = load_spec(folder, check_id)
    supervisor = Supervisor(spec, check_path(folder, check_id, ".log"))
    supervisor.take_signals()
    _detach(int(lock))
    try:
        evidence = supervisor.run()
    except Exception as error:  # noqa: BLE001 - our own bug must become evidence, or the check would only be "lost"
        kind = type(error).__name__
        evidence = Evidence(spec.id, spec.name, command_json(spec.command), error=f"fermata failed: {kind}: {error}")
    write_json(check_path(folder, check_id, ".json"), to_json(evidence), sync=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
