"""Parts of a run as text: the plan, a dispatch, a check, the state, the journal's lines."""

from __future__ import annotations

import json
import os
import re

from ..core.consultation import clean, line
from ..store.errors import Usage
from ..store.files import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.records import Event
    from ..store.run_store import RunStore

MAX_OUTPUT = 60_000


def show_part(store: RunStore, part: str) -> str:
    """The text of *part*. Raises Usage when there is no such part."""
    if part in ("plan", "approval"):
        return _file(store, "artifacts/approval.md", "no plan has reached the gate yet")
    if part == "state":
        return json.dumps(read_json(store.state) or store.snapshot(), indent=1, ensure_ascii=False)
    if re.match(r"d-\d{3,}\Z", part):
        return _dispatch(store, part)
    if re.match(r"c-\d{3,}\Z", part):
        evidence = json.dumps(read_json(store.path("checks", f"{part}.json")), indent=1, ensure_ascii=False)
        return f"{evidence}\n\n{_file(store, f'checks/{part}.log', f'there is no check {part}')}"
    raise Usage(f"nothing is called {part[:60]!r}; known: plan, state, a dispatch (d-001), a check (c-001)")


def _dispatch(store: RunStore, name: str) -> str:
    text = _file(store, f"briefs/{name}.md", f"there is no dispatch {name}")
    folder = store.path("results")
    results = sorted(n for n in os.listdir(folder) if n.startswith(f"{name}-")) if os.path.isdir(folder) else []
    shown = [
        f"\n## Result {n}\n{json.dumps(read_json(os.path.join(folder, n)), indent=1, ensure_ascii=False)}"
        for n in results
    ]
    return text + "\n".join(shown)


def _file(store: RunStore, name: str, missing: str) -> str:
    try:
        with open(store.path(*name.split("/")), encoding="utf-8", errors="replace") as file:
            return clean(file.read(), MAX_OUTPUT)
    except FileNotFoundError:
        raise Usage(f"{missing} (run {os.path.basename(store.folder)})") from None


TELLING = (
    "id",
    "node",
    "name",
    "outcome",
    "why",
    "decision",
    "channel",
    "reason",
    "error",
    "summary",
    "goal",
    "digest",
)


def log_lines(events: list[Event]) -> Iterator[str]:
    """One line per event."""
    for event in events:
        told = "  ".join(f"{key}={line(str(event['body'][key]), 80)}" for key in TELLING if event["body"].get(key))
        yield f"{event['seq']:>4}  {event['ts']}  {event['actor']:<8}  {event['type']:<18} {told}"
