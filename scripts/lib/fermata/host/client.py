"""What the client's environment tells of who sits at it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def interactive(env: Mapping[str, str]) -> bool:
    """Whether a person sits at this client: `cli` in a terminal, `sdk-cli` with `-p` (measured on 2.1.197 and 2.1.329)."""
    return env.get("CLAUDE_CODE_ENTRYPOINT") == "cli" and not nested(env)


def nested(env: Mapping[str, str]) -> bool:
    """Whether this client was started by another one's Bash tool, which leaves this variable behind (measured on both).

    A model that takes pains can remove the variable; SECURITY.md says what that means.
    """
    return "CLAUDE_CODE_EXECPATH" in env
