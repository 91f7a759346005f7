"""Checks in words: how each ended, and the end of what a failed one printed. Decides nothing about what it means."""

from __future__ import annotations

from ..core.check_runs import checks_of, last_runs
from ..core.consultation import clean, line
from ..core.items import on_branch
from ..core.strikes import called as in_words
from ..store.files import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from ..core.records import CheckRun, Run

MAX_TAIL = 4_000


def baseline_lines(run: Run) -> list[str]:
    """One line per check that was run before the plan."""
    first = run["workflow"]["stages"][0]
    return [check_line(c) for c in last_runs(checks_of(run, first["id"], 1))] if first["kind"] == "checks" else []


def latest_checks(run: Run) -> list[CheckRun]:
    """The newest finished run of each check: by name, or where each phase counts its own by the command itself."""
    key: Literal["shown", "name"] = "shown" if on_branch(run) else "name"
    newest = {c[key]: c for c in run["checks"].values() if c["state"] == "finished"}
    return list(newest.values())


def called(check: CheckRun) -> str:
    """What a check is called, on one line."""
    return line(in_words(check), 100)


def red_checks(run: Run, node: str, visit: int) -> list[CheckRun]:
    """Of one visit of a stage the checks that did not end green, each in its last run."""
    return [c for c in last_runs(checks_of(run, node, visit)) if c.get("outcome") != "green"]


def check_line(check: CheckRun) -> str:
    """One check and how it ended, on one line."""
    return f"{called(check)}: {check.get('outcome', 'running')} ({line(check.get('why', ''), 200)})"


def failed_check(folder: str, check: CheckRun, most: int = MAX_TAIL) -> tuple[str, str]:
    """A check that failed, in a sentence, and at most the last *most* characters of its output."""
    evidence = read_json(f"{folder}/{check['id']}.json") or {}
    shown = line(evidence.get("command", {}).get("shown", check["name"]), 300)
    tail = clean(str(evidence.get("tail", "")), 20_000)[-most:]
    return (
        f"fermata ran `{shown}`: {check.get('outcome')} ({line(check.get('why', ''), 300)}). The end of its output:",
        tail,
    )
