"""Dispatches that another command-line agent carries out: started like a check, answered through the door of every agent.

Argv only, never a shell. The command runs detached, in a process group that its time limit ends; its standard output is
the result, its standard error the log. A failure of any kind fails the dispatch, which is then offered again with the reason.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from ..checks.command import Command
from ..checks.runner import CheckError, CheckSpec, Lost, Running, answer_path, read_check, start_check
from ..core.commands import at_command, command_for, words_for
from ..core.consultation import line
from ..core.fingerprint import fingerprint, word_of
from ..core.recovery import Facts, told
from ..core.workflow import stage_at
from ..store.run_store import utc_now
from .results import accept_only_result
from .worktrees import root_of

if TYPE_CHECKING:
    from ..core.actions import Action
    from ..core.evidence import Evidence
    from ..core.records import Run
    from ..store.run_store import News, RunStore
    from .site import Site

MAX_ANSWER = 400_001  # one more than the door reads, so that it is the door that says so


def launch(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """Journal that the command begins, then start it; one that dies in between is lost and offered again."""
    command = command_for(run, stage_at(run["workflow"], action.node))
    name, mine = action.subject, False

    def decide(now: Run | None) -> News:
        nonlocal mine
        mine = now is not None and now["dispatches"][name]["state"] == "pending"
        if mine and command is None:
            reason = "its command is not the approved one any more"
            return [("dispatch_failed", {"id": name, "reason": reason, **told(Facts("lost"))})]
        return [("dispatch_started", {"id": name, "at": utc_now()})] if mine else []

    store.transact("cli", decide)
    if not mine or command is None:
        return
    brief = store.path("briefs", f"{name}.md")
    argv, by_input = words_for(command, brief)
    spec = CheckSpec(
        id=name,
        name=command["name"],
        command=Command(tuple(argv), None, ".", shlex.join(argv)),
        root=root_of(site, run, action.node).root,
        time_limit=command["minutes"] * 60,
        stdin=brief if by_input else None,
        answer=True,
    )
    start_check(spec, store.path("checks"))


def collect_commands(site: Site, store: RunStore) -> None:
    """Take the answer of every command that has ended since. For whoever holds the lock of who drives the run."""
    for name in at_command(store.load()):
        try:
            found = read_check(store.path("checks"), name)
        except CheckError as error:  # the caller died between the journal and the start
            found = Lost(name, str(error))
        if not isinstance(found, Running):
            _take(site, store, name, found)


def _take(site: Site, store: RunStore, name: str, found: Evidence | Lost) -> None:
    failed = _failure(found)
    if failed is None:
        with open(answer_path(store.path("checks"), name), encoding="utf-8", errors="replace") as file:
            accept_only_result(site.repo, store, name, file.read(MAX_ANSWER))
        return
    reason, kind = failed
    body = {"id": name, "reason": line(reason, 1_000), **kind}
    store.note("runner", "dispatch_failed", body, lambda now: now["dispatches"][name]["state"] == "running")


def _failure(found: Evidence | Lost) -> tuple[str, dict[str, str]] | None:
    """Why there is no answer to take, in words and as the journal keeps it; None when the command ended with 0."""
    if isinstance(found, Lost):
        return f"lost: {found.why}", told(Facts("lost"))
    if found.error:
        return f"lost: {found.error}", told(Facts("lost"))
    ended = _ended(found)
    last = next((row.strip() for row in reversed(found.tail.splitlines()) if row.strip()), "")
    said = f": {line(last, 300)}" if last else ""
    kind = {**told(Facts("program", word_of(found))), "error": fingerprint(found)}
    return (f"the command {ended}{said}", kind) if ended else None


def _ended(found: Evidence) -> str:
    if found.timed_out:
        return f"was stopped after {found.seconds:.0f} s, its time limit"
    if found.exit_code:
        return f"ended with exit code {found.exit_code}"
    return f"was ended by signal {found.signal}" if found.signal else ""
