"""Where an agent ends: its answer goes through the one door (`loop.results.accept_result`), which needs the full environment.

The hook itself has only the standard library, so it hands the answer to a process of the ready environment.
"""

from __future__ import annotations

import json
import os
import sys

from . import answers
from .bound import PLUGIN_ROOT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .answers import Answer
    from .bound import Bound

DOOR = os.path.join(PLUGIN_ROOT, "scripts", "lib", "fermata", "loop", "door.py")
SECONDS = 50


def handback(bound: Bound, env: Mapping[str, str]) -> Answer | None:
    """PreToolUse of SubagentHandback: a bad result is sent back with its error; anything else passes."""
    dispatch = bound.dispatch_of_agent()
    if dispatch is None or dispatch["state"] != "running" or bound.fenced or bound.ended:
        return None
    error = judge(bound, dispatch["id"], str(bound.payload.tool_input.get("message", "")), env)
    return answers.deny(error) if error else None


def stopped(bound: Bound, env: Mapping[str, str]) -> Answer | None:
    """SubagentStop: the same for clients and agents without a handback."""
    dispatch = bound.dispatch_of_agent()
    if dispatch is None or dispatch["state"] != "running" or bound.fenced:
        return None
    if bound.ended:
        body = {"id": dispatch["id"], "reason": "the run had ended before it handed in"}
        bound.store.note("hook", "dispatch_failed", body)
        return None
    error = judge(bound, dispatch["id"], bound.payload.message, env)
    return answers.block(f"fermata: {error}") if error else None


def judge(bound: Bound, dispatch_id: str, text: str, env: Mapping[str, str]) -> str | None:
    """What is wrong with *text* as the result of *dispatch_id*; None when it was accepted or the dispatch failed for good."""
    from ..environment import environment_python, setup_command

    python = environment_python(PLUGIN_ROOT, env)
    if python is None:
        return f"results cannot be judged before fermata is set up. Tell the user to run once in a terminal: {setup_command(PLUGIN_ROOT)}"
    request = {"root": bound.root, "store": bound.store.folder, "dispatch": dispatch_id, "text": text}
    answer = _ask_door(python, request)
    return None if answer["accepted"] else str(answer["message"])


def _ask_door(python: str, request: dict[str, str]) -> dict[str, object]:
    import subprocess

    done = subprocess.run(
        [python, "-I", DOOR], input=json.dumps(request).encode(), capture_output=True, timeout=SECONDS, check=False
    )
    try:
        found: dict[str, object] = json.loads(done.stdout)
    except ValueError:
        sys.stderr.write(done.stderr.decode(errors="replace")[-2_000:])
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return {"accepted": False, "message": f"the result could not be judged ({last[:300]}); hand in again"}
    return found
