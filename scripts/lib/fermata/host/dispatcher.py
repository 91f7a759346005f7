"""The one entry of every hook: finds out whether the session drives a run, calls the event's function, answers in the host's words.

The client lets a tool run when a hook crashes, hangs or prints something else. So here every error of a gate becomes a
refusal with a way out, and a deadline of our own comes before the client's.
"""

from __future__ import annotations

import os
import sys

# `signal` itself loads `enum`.
from _signal import ITIMER_REAL, SIGALRM, setitimer, signal  # type: ignore[import-not-found]

from ..core.quick_json import dumps_ascii
from .payload import PayloadError, read_payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO, TextIO

    from ..store.data import DataFolder
    from .answers import Answer
    from .payload import Payload

GATES = ("PreToolUse", "SubagentStop", "UserPromptExpansion", "ConfigChange")
# The client waits 60 s (hooks.json); judging a result may take a while, everything else is short.
DEADLINE = {"SubagentStop": 55.0, "PreToolUse": 55.0, "UserPromptExpansion": 55.0}
USUAL_DEADLINE = 8.0
WAY_OUT = "The user can park the run with /fermata:stop, or switch the plugin off in /plugin."


class _Late(Exception):
    pass


def main(event: str, stdin: BinaryIO, stdout: TextIO, env: Mapping[str, str]) -> int:
    """Read the payload, answer. Returns 0 always, but 2 (the client's word for refusal) when a gate cannot even print."""
    _set_deadline(DEADLINE.get(event, USUAL_DEADLINE))
    try:
        answer = _answer(event, stdin, env)
    except Exception as error:  # noqa: BLE001 - a gate must turn every error into a refusal
        answer = _refusal(event, error)
    setitimer(ITIMER_REAL, 0)
    try:
        if answer is not None:
            stdout.write(dumps_ascii(answer))
            stdout.flush()
    except (OSError, ValueError):
        sys.stderr.write("fermata could not answer\n")
        return 2 if event in GATES else 0
    return 0


def _set_deadline(seconds: float) -> None:
    def late(_signal: int, _frame: object) -> None:
        raise _Late(f"no answer within {seconds:.0f} s")

    signal(SIGALRM, late)
    setitimer(ITIMER_REAL, seconds)


def _answer(event: str, stdin: BinaryIO, env: Mapping[str, str]) -> Answer | None:
    folder = env.get("CLAUDE_PLUGIN_DATA")
    if not folder:
        return None  # not started by the client as a plugin's hook: nothing can be bound
    from ..store.data import DataFolder

    data = DataFolder(folder)
    try:
        payload = read_payload(stdin.read())
    except PayloadError:
        if _drives_nothing(data, env):
            return None  # other work is not to be disturbed
        raise
    if event == "UserPromptExpansion":
        from .commands import expansion

        return expansion(payload, env)
    if event == "SessionStart":
        data.note_seen(payload.session)
    marker = data.marker(payload.session)
    if marker is None:
        return _unbound(event, payload, data, env)
    if event == "ConfigChange":  # whatever state the run is in
        from .config_change import config_change

        return config_change(payload)
    from ..store.errors import Damaged
    from .bound import Bound

    try:
        bound = Bound(data, marker, payload)
    except Damaged as error:
        from .damaged import while_damaged

        return while_damaged(event, payload, error)
    if event == "PreToolUse":
        from .pre_tool_use import pre_tool_use

        return pre_tool_use(bound, env)
    from .events import BOUND_EVENTS

    return BOUND_EVENTS[event](bound, env)


def _drives_nothing(data: DataFolder, env: Mapping[str, str]) -> bool:
    """Whether the client's own word for the session, where it gives one, has no marker."""
    session = env.get("CLAUDE_CODE_SESSION_ID", "")
    return session != "" and not os.path.lexists(data.marker_path(session))


def _unbound(event: str, payload: Payload, data: DataFolder, env: Mapping[str, str]) -> Answer | None:
    """A session that drives nothing is told at most that a run waits here; agents of a run that live on in it only read."""
    if event == "PreToolUse" and payload.agent_id is not None:
        from .pre_tool_use import left_behind

        return left_behind(data, payload, env)
    if event != "SessionStart" or env.get("CLAUDE_CODE_ENTRYPOINT") != "cli":
        return None
    from ..git.repo import find_repo, worktree_name
    from ..store.project import Project
    from .events import other_session

    repo = find_repo(env.get("CLAUDE_PROJECT_DIR") or payload.cwd)
    return other_session(Project(repo.common_dir).open_runs(worktree_name(repo))) if repo else None


def _refusal(event: str, error: Exception) -> Answer | None:
    """What a failed hook says. A sensor says nothing to the model; a gate refuses and tells the way out."""
    from ..core.consultation import line

    what = f"{type(error).__name__}: {error}" if not isinstance(error, PayloadError) else f"unusable payload, {error}"
    reason = f"fermata could not decide ({line(what, 400)}), and what it cannot decide it refuses. {WAY_OUT}"
    sys.stderr.write(reason + "\n")
    if event == "PreToolUse":
        from .answers import deny

        return deny(reason)
    if event in GATES:
        from .answers import block

        return block(reason)
    return None
