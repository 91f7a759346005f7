"""ConfigChange: whether new settings of the client may reach a session while it drives a run.

Refuses the one change after which no hook would run and nothing would hold: `disableAllHooks`. The file stays as it was
written, and sessions that start later follow it. Every other change passes; switching the plugin off in /plugin is the
user's way out, and stays one.
"""

from __future__ import annotations

from ..core.quick_json import loads
from . import answers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .answers import Answer
    from .payload import Payload

MAX_BYTES = 1_000_000


def config_change(payload: Payload) -> Answer | None:
    """The answer to a change of `file_path`. Both clients keep a refusal to themselves; `fermata doctor` names such a file."""
    path = str(payload.raw.get("file_path") or "")
    if not _ends_hooks(path):
        return None
    return answers.block(
        f"fermata: this session drives a run, so it goes on with hooks although {path} now says disableAllHooks. "
        f"To work without them, let go of the run (/fermata:stop) and start Claude Code again"
    )


def _ends_hooks(path: str) -> bool:
    """A file that is gone or cannot be read as JSON is one that the client does not follow either."""
    try:
        with open(path, "rb") as file:
            found = loads(file.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and bool(found.get("disableAllHooks"))
