"""What a repair would do, for the person who decides: what is damaged, what stays, what goes, what becomes of the approval.

Lines that go are shown as far as they can be read; nothing of them is trusted. Changes nothing.
"""

from __future__ import annotations

import json
import os

from ..core.consultation import code_of, line
from ..core.position import ENDED
from ..store.data import DataFolder, approval_error
from ..store.errors import Damaged, Usage
from ..store.repair import examine
from .status import shown_status, where

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..core.records import Json
    from ..loop.site import Site
    from ..store.repair import Damage, Repaired
    from ..store.run_store import RunStore

    Paint = Callable[[str, str], str]

MAX_SHOWN = 12
WORDS = {
    "run_created": "the run began: {goal}",
    "lease_taken": "a session took the run over",
    "settings_reloaded": "the settings were read anew",
    "dispatch_created": "{id} ({agent}) was prepared",
    "dispatch_started": "{id} began its work",
    "agent_bound": "an agent was bound to {id}",
    "result_rejected": "{id} was sent back: {error}",
    "questions_raised": "{id} asked you something",
    "questions_answered": "you answered {id}",
    "result_accepted": "{id} handed in: {summary}",
    "dispatch_failed": "{id} failed: {reason}",
    "turn_failed": "a turn of the session broke off: {reason}",
    "tokens_used": "{id}: its tokens were counted",
    "check_started": "{id} began: check {name}",
    "check_finished": "{id} ended {outcome}: {why}",
    "approval_requested": "plan {digest:.8} was put to you",
    "report_shown": "the report on plan {digest:.8} was shown",
    "question_shown": "the picker asked about plan {digest:.8}",
    "code_refused": "a wrong code was typed",
    "approval_kept": "plan {digest:.8} lay inside the plan that you had approved",
    "approval_waived": "the approval of plan {digest:.8} was waived by the rule {rule}",
    "decision_made": "you decided on plan {digest:.8}: {decision}",
    "approval_voided": "the approval was withdrawn: {reason}",
    "base_moved": "{reason}",
    "tree_moved": "files had changed behind the last check",
    "limit_reached": "a limit was reached: {why}",
    "retry_granted": "you let the run go on",
    "breaker_closed": "the API took work again, as it had said",
    "step_skipped": "you left out the step {title}",
    "handoff_supplied": "you added to what {id} is handed",
    "run_stopped": "you parked the run",
    "run_aborted": "you ended the run",
    "run_completed": "the run was complete",
    "repaired": "an earlier repair gave up lines {first}–{last}",
}


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def find_damage(site: Site, run_id: str | None) -> tuple[list[str], tuple[RunStore, Damage] | None]:
    """The runs looked at, and the one of them that can be repaired, if any.

    Raises:
        Usage: several could be; or there is no such run.
        Damaged: the only damage there is cannot be repaired.
    """
    names = [os.path.basename(site.shown(run_id).folder)] if run_id else site.project.run_ids()
    found, hopeless = [], []
    for name in names:
        store = site.project.run(name)
        try:
            damage = examine(store)
        except Damaged as error:
            hopeless.append(error)
            continue
        if damage:
            found.append((store, damage))
    if len(found) > 1:
        several = ", ".join(os.path.basename(store.folder) for store, _ in found)
        raise Usage(f"several runs are damaged; name the one to repair: {several}")
    if not found and hopeless:
        raise hopeless[0]
    return names, found[0] if found else None


def fate_of_approval(site: Site, store: RunStore, damage: Damage) -> str:
    """What becomes of the human's yes: it stands only if the journal that remains has its line, and its record agrees."""
    if damage.run["status"] in ENDED:
        return f"none is needed: the run is {damage.run['status']}"
    folder, approved = site.project.data_folder(), damage.run["approved"]
    try:
        record = DataFolder(folder).approval(os.path.basename(store.folder)) if folder else None
        error = approval_error(record, approved, site.project.folder) if approved else None
    except Damaged as found:
        record, error = None, str(found)
    if approved and error is None:
        return f"stands: plan {code_of(approved['digest'])} was approved in line {approved['seq']}, which stays"
    if approved:
        return f"does not stand: {error}. fermata asks you again"
    if record or b'"decision":"approve"' in damage.rest:
        return "is among what goes: fermata asks you again before anything may change"
    return "none had been given yet"


def gone(damage: Damage) -> Iterator[tuple[int, dict[str, Json] | None]]:
    """The lines that go: each one's number and, where it can be read, its event."""
    lines = damage.rest.split(b"\n")
    for number in range(damage.seq + 1, damage.last + 1):
        index = number - damage.seq - 1
        yield number, _event(lines[index]) if index < len(lines) else None


def _event(data: bytes) -> dict[str, Json] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("body"), dict):
        return None
    return found if isinstance(found.get("type"), str) and isinstance(found.get("ts"), str) else None


def in_words(event: dict[str, Json] | None) -> str:
    """One event for a person; it may be forged, so it is only ever text."""
    if event is None:
        return "cannot be read"
    body = _Known({str(key): line(str(value), 80) for key, value in event["body"].items()})
    told = WORDS[event["type"]].format_map(body) if event["type"] in WORDS else line(event["type"], 40)
    return f"{line(event['ts'], 20)}  {told}"


def document(site: Site, store: RunStore, damage: Damage) -> dict[str, Json]:
    """The same facts for `--json`."""
    return {
        "run": damage.run["run"],
        "damaged": True,
        "repaired": False,
        "reason": damage.reason,
        "last_good_line": damage.seq,
        "gone": [
            {"line": number, "type": event and event["type"], "ts": event and event["ts"]}
            for number, event in gone(damage)
        ],
        "approval": fate_of_approval(site, store, damage),
        "folder": store.folder,
    }


def text(site: Site, store: RunStore, damage: Damage, paint: Paint) -> str:
    """What the person reads before the question; *paint* gives words the colour of their kind."""
    rows = [
        ("Goal", line(damage.run["goal"], 100)),
        ("Damage", paint(line(damage.reason, 200), "bad")),
        ("Stays", f"{_lines(1, damage.seq)}, to {damage.run['updated']}; it goes on at: {where(damage.run)}"),
    ]
    if damage.last > damage.seq:
        rows.append(("Goes", _goes(damage)))
        rows.append(("Approval", line(fate_of_approval(site, store, damage), 300)))
    rows.append(("Kept", f"what is there now, as copies named *.damaged-TIME, in {store.folder}"))
    rows.append(("Yours", "no file of your work tree is touched; work that is lost here is offered to agents again"))
    head = f"{paint(damage.run['run'], 'name')}  {paint('damaged', 'bad')}"
    return "\n".join([head, *(f"{paint(f'{name:<10}', 'name')}{told}" for name, told in rows)])


def _goes(damage: Damage) -> str:
    lines = [f"{number:>12}  {in_words(event)}" for number, event in gone(damage)]
    if len(lines) > MAX_SHOWN:
        lines = [*lines[: MAX_SHOWN - 2], f"{'':>12}  … {len(lines) - MAX_SHOWN + 1} more …", lines[-1]]
    return "\n".join([f"{_lines(damage.seq + 1, damage.last)}, as far as it can still be read:", *lines])


def _lines(first: int, last: int) -> str:
    return f"line {first}" if first == last else f"lines {first}–{last}"


def done_text(store: RunStore, repaired: Repaired, paint: Paint) -> str:
    """What the person reads afterwards."""
    run = repaired.run
    rows = [f"{paint(run['run'], 'name')}  {paint('repaired', 'good')}: {shown_status(run)}, at: {where(run)}"]
    rows += [f"{paint('Kept      ', 'name')}{os.path.join(store.folder, name)}" for name in repaired.copies]
    if run["status"] not in ENDED:
        rows.append(f"{paint('Next      ', 'name')}type /fermata:resume {run['run']} in Claude Code")
    return "\n".join(rows)
