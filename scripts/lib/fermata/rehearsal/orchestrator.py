"""A main thread that does what `fermata next` says, word by word: the obedient model of every rehearsal.

It knows the few forms of an answer (`DO:`, `WAIT:`, `HELD:`, `DONE:` …) and nothing of workflows.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .messages import ToolResult, ToolUse
from .script import Conversation, Heard, Turn

LAUNCHER = re.compile(r'`("[^"\n]+/scripts/fermata") (start|resume|next)`')
TICKET = re.compile(r"subagent_type: (\S+)\s+description: (.+?)\s+prompt: (fermata dispatch d-\d+)")
LETTER = re.compile(r"to: (\S+)\s+summary: (\S+)\s+message: (fermata dispatch d-\d+)")
# How fermata's facts end, which a hook adds where a conversation begins anew: all that is left after a compaction.
GO_ON = re.compile(r'Go on with: ("[^"\n]+/scripts/fermata") (next)')
NEXT = re.compile(r'THEN: ("[^"\n]+" next)')
COMMAND = re.compile(r'^ {2}("[^"\n]+" wait --max \d+)$', re.MULTILINE)
WAITING = "I wait for the agents."

# What a mischievous orchestrator slips in before it obeys: given the answer of `next` that it just heard.
Mischief = Callable[[str], "Turn | None"]


def bash(command: str) -> ToolUse:
    """A Bash call as the client's models make it."""
    return ToolUse("Bash", {"command": command, "description": "part of the run"})


def agent(kind: str, description: str, prompt: str) -> ToolUse:
    """An Agent call in the foreground, where the client knows that."""
    given = {"subagent_type": kind, "description": description, "prompt": prompt, "run_in_background": False}
    return ToolUse("Agent", given)


def any_question() -> ToolUse:
    """A question in the model's own words; fermata puts its own in their place."""
    options = [{"label": label, "description": label} for label in ("Yes, go ahead", "No")]
    question = {"question": "Shall I go on?", "header": "Go on", "options": options, "multiSelect": False}
    return ToolUse("AskUserQuestion", {"questions": [question]})


def obedient(mischief: Mischief | None = None) -> Callable[[Heard], Conversation]:
    """The actor. *mischief* is called once for each answer of `next`; what it gives is played first."""

    def play(heard: Heard) -> Conversation:
        while heard.compacted and not GO_ON.search(heard.context):
            heard = yield "I look for the way on."  # the facts come after the turn that the client kept
        launcher, verb = _launcher(heard)
        command = f"{launcher} {verb}"
        while True:
            heard = yield bash(command)
            told = _bash_text(heard)
            trick = mischief(told) if mischief else None
            if trick is not None:
                heard = yield trick
            waits = COMMAND.search(told)
            command = waits[1] if waits else f"{launcher} next"
            # A session that was resumed may have forgotten its last turns: what it was told before is stale then.
            if not waits and not (trick and heard.text):
                heard = yield _obeyed(told)
                typed = LAUNCHER.search(heard.text)  # another command of the user's, which says anew how to begin
                command = f"{typed[1]} {typed[2]}" if typed else command

    return play


def _obeyed(told: str) -> Turn:
    """The one thing that *told* asks for; what asks for nothing is relayed to the user."""
    if told.startswith("DO: call the Agent"):
        return [agent(*groups) for groups in TICKET.findall(told)]
    letter = LETTER.search(told)
    if letter:
        return ToolUse("SendMessage", {"to": letter[1], "summary": letter[2], "message": letter[3]})
    if "AskUserQuestion" in told:
        return any_question()
    return WAITING if told.startswith("WAIT") else told or "I was told nothing."


def _launcher(heard: Heard) -> tuple[str, str]:
    match = GO_ON.search(heard.context) if heard.compacted else LAUNCHER.search(heard.text)
    if match is None:
        raise LookupError(f"nothing names the launcher in: {heard.text[:300]} {heard.context[:300]}")
    return match[1], match[2]


def _bash_text(heard: Heard) -> str:
    results: list[ToolResult] = [result for result in heard.results if result.name == "Bash"]
    return results[-1].text if results else ""
