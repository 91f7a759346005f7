"""Whether a plan stays inside what a human has approved.

Decides what of a new envelope the approved one does not cover, and says it in lines that a person reads: the new
against the old. What cannot be proven to be inside counts as outside. Asks nothing and grants nothing.
"""

from __future__ import annotations

from .commands import shown
from .scope import contains

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import Envelope, NamedCheck


def beyond(approved: Envelope, new: Envelope) -> list[str]:
    """What *new* has that *approved* does not cover, one line each; empty when the approval covers all of it.

    Covered is: every glob inside an approved one (of any step), the same commands or fewer, the same agents or fewer,
    as many steps or fewer, as many at once or fewer, the same base commit, the same workflow.
    """
    found = [*scopes_beyond(approved, new["scopes"]), *_commands(approved, new), *_numbers(approved, new)]
    return [*found, *_spec(approved, new)]


def scopes_beyond(approved: Envelope, scopes: list[list[str]]) -> Iterator[str]:
    """A line for each glob of *scopes* that is not proven to be inside an approved one."""
    globs = sorted({glob for scope in approved["scopes"] for glob in scope})
    for glob in sorted({glob for scope in scopes for glob in scope}):
        if not any(contains(outer, glob) for outer in globs):
            yield f"may change: {glob} is new; approved: {_list(globs)}"


def _commands(approved: Envelope, new: Envelope) -> Iterator[str]:
    """`quick` may take what was approved as a full check, too: the command is the same, it only runs more often."""
    said = _list([_said(check) for check in approved["checks"]])
    told: list[NamedCheck] = []
    for known, checks in (
        (approved["checks"], new["checks"]),
        ([*approved["checks"], *approved["quick"]], new["quick"]),
        (approved.get("screens", []), new.get("screens", [])),
        (approved.get("setup", []), new.get("setup", [])),
        ([*approved["checks"], *_own(approved)], _own(new)),
    ):
        for check in checks:
            if not _among(check, known) and not _among(check, told):
                told.append(check)
                yield f"will run: {_said(check)} is new; approved: {said}"


def _own(envelope: Envelope) -> list[NamedCheck]:
    return [check for checks in envelope.get("own", []) for check in checks]


def _among(check: NamedCheck, known: list[NamedCheck]) -> bool:
    """What of a check is approved: the very command, and whether it must run tests. Its name and source are labels."""
    return any((c["command"], c["expect_tests"]) == (check["command"], check["expect_tests"]) for c in known)


def _said(check: NamedCheck) -> str:
    folder, tests = check["command"]["cwd"], check["expect_tests"]
    where = f" in {folder}" if folder not in ("", ".") else ""
    return f"`{check['command']['shown']}`{where}{'' if tests else ' (no tests expected)'}"


def _numbers(approved: Envelope, new: Envelope) -> Iterator[str]:
    for command in new.get("commands", []):
        if command not in approved.get("commands", []):
            yield f"by command: {shown(command)} is new"
    more = sorted(set(new["agents"]) - set(approved["agents"]))
    if more:
        yield f"agents: {_list(more)} is new; approved: {_list(approved['agents'])}"
    if new["steps"] > approved["steps"]:
        yield f"steps: {new['steps']}; approved: {approved['steps']}"
    if new.get("threads", 1) > approved.get("threads", 1):
        yield f"parallel threads: {new.get('threads', 1)}; approved: {approved.get('threads', 1)}"
    if new["base_commit"] != approved["base_commit"]:
        yield f"base commit: {new['base_commit'][:12] or 'none'}; approved: {approved['base_commit'][:12] or 'none'}"
    if new["workflow"] != approved["workflow"]:
        yield f"workflow: its definition is {new['workflow'][:12]}; approved: {approved['workflow'][:12]}"


def _spec(approved: Envelope, new: Envelope) -> Iterator[str]:
    if new.get("branch") != approved.get("branch"):
        yield f"merged into: {new.get('branch') or 'no branch'}; approved: {approved.get('branch') or 'no branch'}"
    for part in new.get("parts", []):
        if part not in approved.get("parts", []):
            yield f"spec: {part['title']} is new or reads otherwise"


def _list(texts: list[str]) -> str:
    return ", ".join(texts) or "none"
