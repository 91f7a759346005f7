"""A board in memory: applies rules, folds what they say, keeps the events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fermata.core import board_rules
from fermata.core.board import fold, new_board, step

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata.core.board_records import Board, Json, Task
    from fermata.core.board_rules import News
    from fermata.core.records import Event


def at(minute: int) -> str:
    """The time so many minutes after noon."""
    return f"2026-11-21T{12 + minute // 60:02d}:{minute % 60:02d}:00Z"


class Desk:
    def __init__(self) -> None:
        self.board: Board = new_board()
        self.events: list[Event] = []
        self.minute = 0

    @property
    def now(self) -> str:
        return at(self.minute)

    def do(self, rule: Callable[..., News], *words: Json, **names: Json) -> News:
        """Ask *rule*, and let happen what it says."""
        news = rule(self.board, *words, **names)
        for kind, body in news:
            self.tell(kind, body)
        return news

    def tell(self, kind: str, body: dict[str, Json]) -> None:
        seq = len(self.events) + 1
        event: Event = {"seq": seq, "prev": "", "type": kind, "ts": self.now, "actor": "test", "body": body, "hash": ""}
        self.events.append(json.loads(json.dumps(event)))
        self.board = step(self.board, event)

    def add(self, title: str = "Do it", **names: Json) -> str:
        """A new task; gives its id."""
        return str(self.do(board_rules.add_task, title, **names)[0][1]["id"])

    def claim(self, by: str = "w", name: str | None = None, minutes: int = 60) -> str | None:
        news = self.do(board_rules.claim_task, by, at(self.minute + minutes), self.now, name)
        return str(news[0][1]["id"]) if news else None

    def verify(self, name: str) -> None:
        self.do(board_rules.verify_task, name, "run", "f" * 40, {"tests": "green"})

    def task(self, name: str) -> Task:
        return self.board["tasks"][name]

    def replayed(self) -> Board:
        """The fold of the events, through JSON as the journal keeps them."""
        return fold(self.events)


def desk(*titles: str, **names: Json) -> Desk:
    """A board with these tasks."""
    found = Desk()
    for title in titles:
        found.add(title, **names)
    return found
