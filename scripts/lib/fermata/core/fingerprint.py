"""Recognises an error that comes back, and what a check's evidence says of its kind.

Two runs of a check that failed in the same way have the same fingerprint. Decides nothing about what follows.
"""

from __future__ import annotations

import re

from .canonical import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .evidence import Evidence

FAILING = re.compile(
    r"(?i)^E  |^\s*not ok |^\s*[✖✗✕×] |^FAILED |^ERROR\b|error\b|exception\b|\bfail(?:ed|ure|ures|s)?\b|\bpanic|not found|cannot |denied"
)
CLOSING = re.compile(
    r"^=+ .* =+$|^-+ .* -+$|^Ran \d+ tests?\b|^FAILED \(|^\d+ (?:failed|passed|errors?)\b.* in "
    r"|^Tests?(?: Suites| Files)?:? +\d|^test result: |^[#ℹ] [a-z_]+ [\d.]+$|^\d+ (?:passing|failing|pending)\b"
)
PROGRAM_MISSING = 127
UNREACHED = re.compile(
    r"Could not resolve host|Temporary failure in name resolution|\bEAI_AGAIN\b|\bENETUNREACH\b|Network is unreachable"
    r"|\bETIMEDOUT\b|Connection timed out|\bReadTimeoutError\b|\bECONNRESET\b"
)
NOISE = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"), "<time>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<address>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"(?:/private)?/(?:tmp|var/folders|var/tmp)/[^\s'\":,)]+"), "<tmp>"),
    (re.compile(r"\b\d+(?:\.\d+)?\s?(?:ns|us|µs|ms|s|sec|secs|seconds?|minutes?)\b"), "<duration>"),
    (re.compile(r"(?<=[\w/]):\d+(?::\d+)?\b|(?<=\bline )\d+"), "<line>"),
    (re.compile(r"(?i)(?<=\bpid[ =:])\s*\d+"), "<pid>"),
    (re.compile(r"(?<=') \(\d+\)(?= panicked)"), " <pid>"),
    (re.compile(r"\[gw\d+\]\s*"), ""),
    (re.compile(r"\s+"), " "),
)


def fingerprint(evidence: Evidence) -> str:
    """A hash that stays the same while the same error comes back: how it ended, and its failing lines as a set.

    Times, durations, addresses, temporary paths, line numbers and the order of lines do not count.
    """
    lines = [line for line in evidence.tail.splitlines() if line.strip() and not CLOSING.search(line.strip())]
    failing = [line for line in lines if FAILING.search(line)] or lines[-10:]
    said = sorted({_normal(line) for line in failing})
    ended = [evidence.exit_code, evidence.signal, evidence.timed_out]
    return digest("fermata error 1", [ended, evidence.error, said])


def _normal(line: str) -> str:
    for pattern, word in NOISE:
        line = pattern.sub(word, line)
    return line.strip()


def words_print(text: str) -> str:
    """The same for an error that is known by its words alone, an agent's reason say."""
    return digest("fermata words 1", [_normal(line) for line in text.splitlines() if line.strip()])


def word_of(evidence: Evidence) -> str:
    """What the evidence of a red check shows beside the exit code, as `recovery.RULES` calls it: `no_program`, `network`, or nothing.

    A program is missing when fermata itself could not start it; a shell's 127 may be the work at hand.
    """
    program = (evidence.command.get("argv") or [""])[0]
    if evidence.exit_code == PROGRAM_MISSING and evidence.tail.strip() == f"{program}: not found on PATH":
        return "no_program"
    counted = evidence.counts is not None and evidence.counts.failed > 0
    return "network" if not counted and UNREACHED.search(evidence.tail) else ""
