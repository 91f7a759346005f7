"""The store's one family of errors, each with the exit code that a command ends with."""

from __future__ import annotations


class StoreError(Exception):
    """Something about the stored state; `str()` names the file, the rule and the next move."""

    exit_code = 6


REPAIR = "Nothing advances. In a terminal, `fermata repair` shows what is lost and goes on from the last good line"


class Conflict(StoreError):
    """Someone else drives the run, or another run is on."""

    exit_code = 4


class Damaged(StoreError):
    """State that cannot be trusted; nothing advances."""

    exit_code = 5


class LockTimeout(StoreError):
    """Another process holds the lock for longer than we may wait."""

    exit_code = 7


class Refused(StoreError):
    """A gate says no."""

    exit_code = 3


class Usage(StoreError):
    """What was asked for does not fit here."""

    exit_code = 2
