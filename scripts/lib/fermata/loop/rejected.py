"""Why an answer of an agent is sent back: what it is told, and what kind of failure it is if it stays so."""

from __future__ import annotations

from ..core.recovery import Facts

INVALID = Facts("invalid")


class Rejected(Exception):
    """What is wrong with an answer; `str()` is what the agent is told, `facts` what kind of failure it is if it stays."""

    def __init__(self, said: str, facts: Facts = INVALID) -> None:
        super().__init__(said)
        self.facts = facts
