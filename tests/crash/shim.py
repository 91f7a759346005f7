"""Faults at an exact call, without a tracer: the n-th call of `os` that can change a file dies or fails.

The process is forked, so that nothing else of the test is touched; one point costs a few milliseconds.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections import namedtuple
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.crash.scenarios import run

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = ("open", "write", "fsync", "replace", "rename", "unlink", "mkdir", "ftruncate", "truncate")
Outcome = namedtuple("Outcome", "code acked reached calls")
Outcome.__doc__ = (
    """`code`: exit code, negative for a signal. `reached`: whether the n-th call came at all. `calls`: names."""
)


class Fault:
    """Counts the calls and strikes at the n-th. `how`: before, after, half, or an errno; `on` forever or once."""

    def __init__(self, number: int, how: str | int, *, lasting: bool = False) -> None:
        self.number, self.how, self.lasting = number, how, lasting
        self.seen: list[str] = []

    def install(self) -> None:
        for name in CALLS:
            setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _wrapped(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **keywords: object) -> object:
            if name == "open" and not (len(args) > 1 and isinstance(args[1], int) and args[1] & os.O_CREAT):
                return real(*args, **keywords)
            self.seen.append(name)
            at = len(self.seen)
            if at != self.number and not (self.lasting and at > self.number):
                return real(*args, **keywords)
            if isinstance(self.how, int):
                raise OSError(self.how, os.strerror(self.how))
            if self.how == "half" and name == "write" and isinstance(args[1], bytes):
                real(args[0], args[1][: len(args[1]) // 2])
            if self.how == "after":
                with suppress(OSError):
                    real(*args, **keywords)
            os.kill(os.getpid(), signal.SIGKILL)
            return None

        return call


def strike(name: str, folder: str, fault: Fault) -> Outcome:
    """Let scenario *name* act in *folder* in a forked process with *fault*."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside the threads of a parallel test run
        child = os.fork()
    if child == 0:
        os.close(reading)
        _act(name, folder, fault, writing)
    os.close(writing)
    with open(reading, encoding="utf-8") as file:
        lines = file.read().split()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    acked = [line[4:] for line in lines if line.startswith("ack:")]
    calls = [line[5:] for line in lines if line.startswith("call:")]
    return Outcome(code, acked, code < 0 or len(calls) >= fault.number, calls)


def _act(name: str, folder: str, fault: Fault, writing: int) -> None:
    real_write, code = os.write, 1
    try:
        fault.install()
        code = run(name, folder, lambda word: _tell(real_write, writing, f"ack:{word}"))
        for call in fault.seen:
            _tell(real_write, writing, f"call:{call}")
    except BaseException:  # noqa: BLE001 - a forked child must never return into the test
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _tell(write: Callable[[int, bytes], int], handle: int, line: str) -> None:
    write(handle, line.encode() + b"\n")
