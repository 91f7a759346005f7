"""Parts of a run as text: the plan, a dispatch, a check, the state, the journal's lines."""

from __future__ import annotations

import json
import os
import re

from ..core.consultation import BLANK, clean, line
from ..core.output import redact
from ..loop.artifacts import page_names
from ..store.errors import Damaged, Usage
from ..store.files import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.records import Event, Json
    from ..store.run_store import RunStore

MAX_OUTPUT = 60_000


def show_part(store: RunStore, part: str) -> str:
    """The text of *part*. Raises Usage when there is no such part."""
    if part in ("plan", "approval"):
        return _file(store, "artifacts/approval.md", "no plan has reached the gate yet")
    if part == "state":
        return _json(_state(store))
    if re.match(r"d-\d{3,}\Z", part):
        return _dispatch(store, part)
    if re.match(r"c-\d{3,}\Z", part):
        return _check(store, part)
    names = page_names(store)
    if part == "artifacts":
        return "\n".join(names) or "no page has been written yet"
    page = next((name for name in names if part in (name, name.rpartition("/")[2])), None)
    if page:
        return _file(store, f"artifacts/{page}.md", "")
    raise Usage(
        f"nothing is called {part[:60]!r}; known: plan, state, artifacts, a dispatch (d-001), a check (c-001), {', '.join(names[:12])}"
    )


def _state(store: RunStore) -> Json:
    """The run as of now; where the journal is gone or damaged, what `state.json` still knows."""
    try:
        return store.snapshot() or read_json(store.state)
    except Damaged:
        return read_json(store.state)


def _check(store: RunStore, name: str) -> str:
    """Evidence and output; of a check that left no evidence (running, lost, taken over) what the journal knows."""
    known = store.load()["checks"].get(name)
    if known is None:
        raise Usage(f"there is no check {name} (run {os.path.basename(store.folder)})")
    text = _json(read_json(store.path("checks", f"{name}.json")) or known)
    if os.path.exists(store.path("checks", f"{name}.log")):
        text += "\n\n" + redact(_file(store, f"checks/{name}.log", ""))
    return text


def _json(value: Json) -> str:
    """JSON that stays JSON: what would not show, or move the cursor, stands there escaped."""
    text = json.dumps(value, indent=1, ensure_ascii=False)
    return "".join(c if c == "\n" or (c.isprintable() and ord(c) not in BLANK) else json.dumps(c)[1:-1] for c in text)


def _dispatch(store: RunStore, name: str) -> str:
    text = _file(store, f"briefs/{name}.md", f"there is no dispatch {name}")
    folder = store.path("results")
    results = sorted(n for n in os.listdir(folder) if n.startswith(f"{name}-")) if os.path.isdir(folder) else []
    shown = [f"\n## Result {n}\n{_json(read_json(os.path.join(folder, n)))}" for n in results]
    log = f"checks/{name}.log"
    said = (
        f"\n\n## What its command said\n{redact(_file(store, log, ''))}"
        if os.path.exists(store.path(*log.split("/")))
        else ""
    )
    return text + "\n".join(shown) + said


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
    "category",
    "rule",
    "reason",
    "until",
    "error",
    "words",
    "title",
    "summary",
    "goal",
    "digest",
    "first",
    "last",
    "copy",
    "approval",
    "changes",
)


def log_lines(events: list[Event]) -> Iterator[str]:
    """One line per event."""
    for event in events:
        told = "  ".join(f"{key}={line(str(event['body'][key]), 80)}" for key in TELLING if event["body"].get(key))
        yield f"{event['seq']:>4}  {event['ts']}  {event['actor']:<8}  {event['type']:<18} {told}"
