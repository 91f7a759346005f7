"""Handoff records on disk: made from the run, held against their schema, written beside the run's other artifacts.

The journal is the truth: a record that is lost or was changed is made anew from it. The file is for whoever looks.
"""

from __future__ import annotations

from ..core.contract import contract
from ..core.fold import fold
from ..core.handoff import MAX_DETAILS, cause, handoff
from ..core.workflow import stage_at
from ..definitions.schema_files import schema_errors
from ..store.errors import Damaged, Usage
from ..store.files import read_json, write_json
from .check_text import failed_check, red_checks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json, Run
    from ..store.run_store import RunStore


def record_for(store: RunStore, run: Run, node: str, dispatch: str) -> dict[str, Json] | None:
    """The handoff to *dispatch*, which is to work at *node*, with the output of red checks and what a person added."""
    outcome, place, visit = cause(run, node) or ("", "", 0)
    red = red_checks(run, place, visit) if outcome == "red" else []
    room = MAX_DETAILS // (2 * max(1, len(red)))
    texts = ["\n".join(failed_check(store.path("checks"), check, room)) for check in red]
    return _with_supplied(run, handoff(run, node, "\n".join(texts)), dispatch)


def _with_supplied(run: Run, record: dict[str, Json] | None, dispatch: str) -> dict[str, Json] | None:
    added = run.get("supplied", {}).get(dispatch, {})
    return {**record, "context": {**record["context"], **added}} if record and added else record


def write_handoff(store: RunStore, run: Run, node: str, dispatch: str) -> None:
    """Keep the record that *dispatch* is handed, where there is one. Raises ValueError for one that breaks its schema."""
    record = _handed(store, run, node, dispatch)
    if record is not None:
        errors = schema_errors(schema_of(record), record)
        if errors:
            raise ValueError(f"the handoff to {dispatch} is not valid: {'; '.join(errors)}")
        write_json(handoff_path(store, dispatch), record, sync=True)


def _handed(store: RunStore, run: Run, node: str, dispatch: str) -> dict[str, Json] | None:
    """The record, if the contract of *node*'s stage lets it see one."""
    return record_for(store, run, node, dispatch) if "handoff" in contract(stage_at(run["workflow"], node)) else None


def schema_of(record: dict[str, Json]) -> str:
    """The name of the schema that *record* must be valid against."""
    return "handoffs/build" if "plan_id" in record["context"] else "handoffs/replan"


def handoff_path(store: RunStore, dispatch: str) -> str:
    """Where the record that *dispatch* is handed lies."""
    return store.path("artifacts", f"{dispatch}-handoff.json")


def find_handoff(store: RunStore, dispatch: str | None) -> tuple[str, dict[str, Json], str] | None:
    """The handoff to *dispatch*, else the newest one: its dispatch, the record, what is to be said about its file.

    None when nobody has handed over yet.

    Raises:
        Usage: *dispatch* is not known, or was handed nothing.
    """
    events = store.events()
    made = {e["body"]["id"]: e for e in events if e["type"] == "dispatch_created"}
    if dispatch is not None and dispatch not in made:
        raise Usage(f"there is no dispatch {dispatch[:60]}; known: {', '.join(made) or 'none'}")
    for name in [dispatch] if dispatch else reversed(list(made)):
        run = fold(events[: made[name]["seq"] - events[0]["seq"]])
        record = _handed(store, run, made[name]["body"]["node"], name) if run else None
        record = _with_supplied(store.load(), record, name)
        if record is not None:
            return name, record, _note(store, name, record)
    if dispatch:
        raise Usage(f"nothing was handed over to {dispatch}; `fermata handoff show` has the newest handoff")
    return None


def _note(store: RunStore, dispatch: str, record: dict[str, Json]) -> str:
    path = handoff_path(store, dispatch)
    try:
        kept = read_json(path)
    except Damaged:
        kept = "damaged"
    if kept == record:
        return path
    return f"{path} is {'missing' if kept is None else 'not as it was written'}; this is from the journal"
