"""What a person does about a handoff that is lost, damaged or says too little: made anew, added to, sent again.

The journal brings the record back; what a person adds is journalled too, so that it is in the brief and survives. Asks
nobody and decides nothing about the run.
"""

from __future__ import annotations

from functools import partial

from ..core.actions import CREATE, Action
from ..definitions.schema_files import schema_errors
from ..store.errors import Usage
from ..store.files import write_json
from .briefs import Brief, write_brief
from .handoffs import find_handoff, handoff_path, schema_of
from .site import LAUNCHER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Dispatch, Json, Run
    from ..store.run_store import RunStore
    from .site import Site

BETWEEN = ";"  # the entries of a list that is given as text


def repair_handoff(store: RunStore, dispatch: str | None, given: dict[str, str]) -> tuple[str, dict[str, Json], str]:
    """Write the record of *dispatch* (else the newest) as the journal has it, with *given* in its context.

    Returns:
        The dispatch, the record, and what was wrong with its file.

    Raises:
        Usage: there is no handoff, a field is unknown, or the record would break its schema.
    """
    found = find_handoff(store, dispatch)
    if found is None:
        raise Usage("no agent has handed over to another one yet, so there is nothing to repair")
    name, record, said = found
    record = {**record, "context": {**record["context"], **_values(record, given)}}
    errors = schema_errors(schema_of(record), record)
    if errors:
        raise Usage(f"the handoff to {name} would not be valid: {'; '.join(errors)}. Nothing was changed")
    if given:
        fields = {key: record["context"][key] for key in given}
        store.note("person", "handoff_supplied", {"id": name, "fields": fields}, partial(_known, name))
    write_json(handoff_path(store, name), record, sync=True)
    return name, record, said


def _known(name: str, run: Run) -> bool:
    return name in run["dispatches"]


def _values(record: dict[str, Json], given: dict[str, str]) -> dict[str, Json]:
    """*given* in the shapes of the record's context: a text, or a list of them."""
    plain = {key: value for key, value in record["context"].items() if isinstance(value, (str, list))}
    unknown = sorted(set(given) - set(plain))
    if unknown:
        raise Usage(f"a handoff of this kind has no {', '.join(unknown)}; fields that can be set: {', '.join(plain)}")
    return {key: _listed(text) if isinstance(plain[key], list) else text for key, text in given.items()}


def _listed(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(BETWEEN) if entry.strip()]


def resend(site: Site, store: RunStore, dispatch: str | None) -> str:
    """Write the brief of the open dispatch anew, from the journal; gives its id. Its ticket stays good.

    Raises:
        Usage: none is open, several are and none was named, or an agent is at work on it.
    """
    run = store.load()
    opened = [d for d in run["dispatches"].values() if _open(d)]
    if dispatch is not None and dispatch not in run["dispatches"]:
        raise Usage(f"there is no dispatch {dispatch[:60]}; known: {', '.join(run['dispatches']) or 'none'}")
    wanted = [d for d in opened if dispatch in (None, d["id"])]
    if len(wanted) != 1:
        raise Usage(_why_not(run, dispatch, [d["id"] for d in opened]))
    (found,) = wanted
    action = Action(CREATE, found["node"], found["visit"], found["item"])
    write_brief(Brief(site, run, action, found["scope"], found["id"]), f'"{LAUNCHER}"', found["node"], run)
    return found["id"]


def _open(dispatch: Dispatch) -> bool:
    """Whether its brief is still to be read: no agent has begun."""
    return dispatch["state"] == "pending" or (dispatch["state"] == "running" and dispatch["agent_id"] is None)


def _why_not(run: Run, dispatch: str | None, opened: list[str]) -> str:
    if dispatch is None:
        some = ", ".join(opened)
        return (
            f"several dispatches are open; name one: {some}" if opened else "no dispatch is open; nothing to send again"
        )
    state = run["dispatches"][dispatch]["state"]
    more = ". Its agent has read its brief; stop it with Esc, then `fermata next` offers the work again"
    return f"{dispatch} is {state}, so its brief is not sent again{more if state == 'running' else ''}"
