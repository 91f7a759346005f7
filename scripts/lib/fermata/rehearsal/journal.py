"""The journal of the run that is played: shown event by event, and waited for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..core.consultation import line
from ..store.errors import StoreError
from ..store.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..store.run_store import RunStore

    Say = Callable[[str, str], None]

PATIENCE = 90.0


class Failed(Exception):
    """Something that had to happen did not; `str()` says what was expected and what was seen."""


class Journal:
    """Follows the only run of a project, shows its events, and lets the director wait for one."""

    def __init__(self, project: Path, say: Say) -> None:
        self._project, self._say = Project(str(project / ".git")), say
        self._seen: list[tuple[str, dict[str, object]]] = []
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Journal:  # noqa: PYI034 - Self is Python 3.11
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def store(self) -> RunStore:
        return self._project.run(self._project.run_ids()[0])

    def wait(self, kind: str, wanted: Callable[[dict[str, object]], bool] = lambda _body: True) -> dict[str, object]:
        """The first event of *kind* that *wanted* takes. Raises Failed when none comes in time."""
        with self._news:
            if not self._news.wait_for(lambda: self._first(kind, wanted) is not None, PATIENCE):
                last = self._seen[-1][0] if self._seen else "nothing"
                raise Failed(f"no {kind} in the journal within {PATIENCE:.0f} s; it ends with {last}")
            found = self._first(kind, wanted)
        assert found is not None
        return found

    def _first(self, kind: str, wanted: Callable[[dict[str, object]], bool]) -> dict[str, object] | None:
        return next((body for k, body in self._seen if k == kind and wanted(body)), None)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                events = self.store.events() if self._project.run_ids() else []
            except StoreError:
                events = []
            with self._news:
                for event in events[len(self._seen) :]:
                    self._seen.append((event["type"], event["body"]))
                    self._say("event", told(event["type"], event["body"]))
                self._news.notify_all()
            self._stop.wait(0.1)


TOLD = ("id", "name", "outcome", "decision", "channel", "reason", "error", "summary", "why")


def told(kind: str, body: dict[str, object]) -> str:
    """One journal event on one line."""
    return f"{kind.replace('_', ' '):<20} " + "  ".join(line(str(body[key]), 70) for key in TOLD if body.get(key))
