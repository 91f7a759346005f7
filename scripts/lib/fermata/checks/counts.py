"""Reads how many tests ran from the closing lines of the test runners fermata knows.

Any other runner gives None, which is "not counted" and never a number; so does a runner that prints packages where it
could print tests. A runner that the command names but whose output holds no count has shown no test: zeros, so that a
check which expects tests does not pass. Where several runners spoke, the one that closed last is read.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from fermata.core.evidence import Counts
from fermata.core.output import plain

from . import compiled_counts, javascript_counts, python_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOKED_AT = 1 << 20  # characters at the end of the output; of a longer one the sum over several sections is too low
READERS = (*python_counts.READERS, *javascript_counts.READERS, *compiled_counts.READERS)
SEPARATORS = re.compile(r"&&|\|\||[;|\n]")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
STARTERS = frozenset("env npx npm pnpm yarn bun bunx node exec dlx x".split())
OTHER_OUTPUT = re.compile(r"-R|-json|--(?:json|format|reporters?|test-reporter)(?:=.*)?")


def read_counts(command: str | Sequence[str], output: str) -> Counts | None:
    """What the runner counted.

    Args:
        command: the argv, or the text of a shell line; a wrapper such as `make test` is known by its output alone.
        output: the end of what the command printed, colour codes and all.
    """
    lines = [line.rstrip() for line in plain(output[-LOOKED_AT:]).splitlines()]
    closings = [closing for read in READERS if (closing := read(lines))]
    if closings:
        return max(closings, key=lambda closing: closing.at).counts
    runner = named_runner(command)
    if runner == "pytest":
        return python_counts.dots(lines)
    return Counts() if runner else None


def named_runner(command: str | Sequence[str]) -> str:
    """The runner that the command itself names, or nothing; `pip install pytest` is no test run."""
    parts = [_words(part) for part in SEPARATORS.split(command)] if isinstance(command, str) else [list(command)]
    return next((runner for words in parts if (runner := _python_runner(words) or _other_runner(words))), "")


def _python_runner(words: list[str]) -> str:
    names = {word.rsplit("/", 1)[-1] for word in words}
    if {"install", "add"} & names:
        return ""
    if {"pytest", "py.test"} & names:
        return "pytest"
    return "unittest" if "unittest" in names else ""


def _other_runner(words: list[str]) -> str:
    """Never `go test`: what it prints by default holds no count. Nor one that was told to print something else."""
    if any(OTHER_OUTPUT.fullmatch(word) for word in words):
        return ""
    if "--test" in words and words[0].rsplit("/", 1)[-1] == "node":
        return "node"
    rest = [word for word in words if not word.startswith(("-", "+")) and not ASSIGNMENT.match(word)]
    while rest and rest[0] in STARTERS:
        rest = rest[1:]
    first = rest[0].rsplit("/", 1)[-1].split(".")[0] if rest else ""
    if first == "cargo":
        return "cargo" if rest[1:2] in (["test"], ["t"]) else ""
    return first if first in {"jest", "vitest", "mocha"} else ""


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
