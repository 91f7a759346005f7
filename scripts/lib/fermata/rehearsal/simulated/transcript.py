"""The files in which a session's conversations lie: the session's own, and one for each agent with a note of who began it.

It decides where they lie and what of a cut-off one counts, as the client does; what is said in them is not its business.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from .payloads import Fields, Who

CONTINUE = ("Continue from where you left off.", "No response requested.")


def session_file(home: Path, cwd: str, session: str) -> Path:
    """Where the client keeps the transcript of *session*."""
    return home / ".claude" / "projects" / re.sub(r"[^A-Za-z0-9]", "-", cwd) / f"{session}.jsonl"


def agent_file(session: Path, agent_id: str) -> Path:
    """Beside the session's own, under its name."""
    return session.with_suffix("") / "subagents" / f"agent-{agent_id}.jsonl"


def note_agent(transcript: Path, who: Who, description: str, tool_use_id: str) -> None:
    """Say which call began the agent. It is there at the agent's first tool call, not before."""
    transcript.parent.mkdir(parents=True, exist_ok=True)
    told = {"agentType": who.agent_type, "description": description, "toolUseId": tool_use_id, "spawnDepth": 1}
    transcript.with_suffix(".meta.json").write_text(json.dumps(told))


def append(path: Path, session: str, message: Fields) -> None:
    """Add one message as a row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"type": message["role"], "sessionId": session, "message": message}) + "\n")


def load(path: Path) -> list[Fields]:
    """The messages of a session that is taken up again. A call that was cut off is dropped, with its turn."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    messages: list[Fields] = [row["message"] for row in rows]
    while messages and _calls(messages[-1]):
        messages.pop()
        asked, replied = CONTINUE
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": replied}]
    return messages


def _calls(message: Fields) -> bool:
    content = message["content"]
    blocks = content if isinstance(content, list) else []
    return message["role"] == "assistant" and any(block.get("type") == "tool_use" for block in blocks)
