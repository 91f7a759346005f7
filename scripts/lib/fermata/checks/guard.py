"""Ends a check's command if the process that supervises it is killed; does nothing else.

The guard is a process in a session of its own. It reads from a pipe whose other end only the supervisor holds: an end
without the word of dismissal means that the supervisor is gone, and then the command's whole group is killed. That
works alike on Linux and macOS and reaches children of children, which a parent-death signal would not. It keeps the
check's lock until the group has been killed, so a check is never called lost while its command still runs. Who kills
the guard as well, or a command that left its group, gets past it.
"""

from __future__ import annotations

import contextlib
import os
import signal

DISMISSED = b"."


class Guard:
    """While it is entered the process group *group* may live; afterwards, however that comes about, it is killed.

    Raises:
        OSError: there can be no further process; the group has been killed.
    """

    def __init__(self, group: int) -> None:
        self.group = group
        listen, self.speak = os.pipe()  # neither end is inherited by a program that is started
        stands, stand = os.pipe()
        try:
            self.pid = os.fork()
        except OSError:
            signal_group(group, signal.SIGKILL)
            raise
        if self.pid == 0:
            try:
                os.close(self.speak)
                os.close(stands)
                _stand_by(listen, stand, group)
            finally:
                os._exit(0)
        os.close(listen)
        os.close(stand)
        os.read(stands, 1)  # until the guard has left our session, the end of ours would be its end too
        os.close(stands)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        signal_group(self.group, signal.SIGKILL)
        with contextlib.suppress(BrokenPipeError):
            os.write(self.speak, DISMISSED)
        os.close(self.speak)
        os.waitpid(self.pid, 0)


def _stand_by(listen: int, stand: int, group: int) -> None:
    os.setsid()  # who ends the supervisor's group or session does not end the guard with it
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.close(stand)
    if os.read(listen, 1) != DISMISSED:
        signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: signal.Signals) -> None:
    """Signal a process group; it is gone, or holds only other users' processes, when that fails."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
