"""What a repair would do, for the person who decides: what is damaged, what stays, what goes, what becomes of the approval.

Of a run and of the board alike; what is the board's own stands in `board_repair.py`.

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
from . import board_repair
from .status import shown_status, where

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..core.records import Json
    from ..loop.site import Site
    from ..store.repair import Damage, Repaired, Store

    Paint = Callable[[str, str], str]

MAX_SHOWN = 12
BOARD = "board"
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
    "worktree_made": "a worktree was made for {item}",
    "merged": "the change of {item} was brought in: {outcome}",
    "branch_moved": "the user's branch has new commits, which come into the run's first",
    "landed": "the run's branch was brought home: {commit} {why}",
    "spec_changed": "the specification was changed: {reason}",
    "worktree_released": "the worktree of {item} was no longer needed",
    "checkpoint_made": "a checkpoint was made: {id} ({name})",
    "rolled_back": "the run was rolled back to {id}",
    "approval_requested": "plan {digest:.8} was put to you",
    "report_shown": "the report on plan {digest:.8} was shown",
    "question_shown": "the picker asked about plan {digest:.8}",
    "code_refused": "a wrong code was typed",
    "approval_kept": "plan {digest:.8} lay inside the plan that you had approved",
    "approval_waived": "the approval of plan {digest:.8} was waived by the rule {rule}",
    "decision_made": "you decided on plan {digest:.8}: {decision}",
    "approval_voided": "the approval was withdrawn: {reason}",
    "base_moved": "{reason}",
    "tasks_placed": "its tasks were put on the board",
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


def find_damage(site: Site, name: str | None) -> tuple[list[str], tuple[Store, Damage] | None]:
    """The runs looked at, and `board` where there is one, and the one of all that can be repaired, if any.

    Raises:
        Usage: several could be; or there is no such run.
        Damaged: the only damage there is cannot be repaired.
    """
    stores = _stores(site, name)
    found, hopeless = [], []
    for store in stores.values():
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
    return list(stores), found[0] if found else None


def _stores(site: Site, name: str | None) -> dict[str, Store]:
    """What is looked at: the one called *name*, else every run and the board."""
    board = site.project.board()
    if name == BOARD:
        return {BOARD: board}
    names = [os.path.basename(site.shown(name).folder)] if name else site.project.run_ids()
    runs: dict[str, Store] = {one: site.project.run(one) for one in names}
    return {**runs, BOARD: board} if name is None and board.exists() else runs


def fate_of_approval(site: Site, store: Store, damage: Damage) -> str:
    """What becomes of the human's yes: it stands only if the journal that remains has its line, and its record agrees."""
    if damage.state["status"] in ENDED:
        return f"none is needed: the run is {damage.state['status']}"
    folder, approved = site.project.data_folder(), damage.state["approved"]
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
    words = WORDS.get(event["type"]) or board_repair.WORDS.get(event["type"])
    told = words.format_map(body) if words else line(event["type"], 40)
    return f"{line(event['ts'], 20)}  {told}"


def document(site: Site, store: Store, damage: Damage) -> dict[str, Json]:
    """The same facts for `--json`; `run` is `board` where it is that."""
    return {
        "run": os.path.basename(store.folder),
        "damaged": True,
        "repaired": False,
        "reason": damage.reason,
        "last_good_line": damage.seq,
        "gone": [
            {"line": number, "type": event and event["type"], "ts": event and event["ts"]}
            for number, event in gone(damage)
        ],
        "approval": fate_of_approval(site, store, damage) if store.holds != BOARD else None,
        "folder": store.folder,
    }


def text(site: Site, store: Store, damage: Damage, paint: Paint) -> str:
    """What the person reads before the question; *paint* gives words the colour of their kind."""
    rows, kept = [("Damage", paint(line(damage.reason, 200), "bad"))], _lines(1, damage.seq)
    cuts = damage.last > damage.seq
    goes = [("Goes", _goes(damage))] if cuts else []
    if store.holds == BOARD:
        rows += [("Stays", f"{kept}: {board_repair.holds(damage.state)}"), *goes]
        yours = "no file of your work tree is touched; ids that are lost here are given to nothing else"
    else:
        rows.insert(0, ("Goal", line(damage.state["goal"], 100)))
        rows += [("Stays", f"{kept}, to {damage.state['updated']}; it goes on at: {where(damage.state)}"), *goes]
        rows += [("Approval", line(fate_of_approval(site, store, damage), 300))] if cuts else []
        yours = "no file of your work tree is touched; work that is lost here is offered to agents again"
    rows.append(("Kept", f"what is there now, as copies named *.damaged-TIME, in {store.folder}"))
    head = f"{paint(os.path.basename(store.folder), 'name')}  {paint('damaged', 'bad')}"
    return "\n".join([head, *(f"{paint(f'{name:<10}', 'name')}{told}" for name, told in [*rows, ("Yours", yours)])])


def _goes(damage: Damage) -> str:
    lines = [f"{number:>12}  {in_words(event)}" for number, event in gone(damage)]
    if len(lines) > MAX_SHOWN:
        lines = [*lines[: MAX_SHOWN - 2], f"{'':>12}  … {len(lines) - MAX_SHOWN + 1} more …", lines[-1]]
    return "\n".join([f"{_lines(damage.seq + 1, damage.last)}, as far as it can still be read:", *lines])


def _lines(first: int, last: int) -> str:
    return f"line {first}" if first == last else f"lines {first}–{last}"


def done_text(store: Store, repaired: Repaired, paint: Paint) -> str:
    """What the person reads afterwards."""
    state, name = repaired.state, os.path.basename(store.folder)
    a_run = store.holds != BOARD
    now = f"{shown_status(state)}, at: {where(state)}" if a_run else board_repair.holds(state)
    rows = [f"{paint(name, 'name')}  {paint('repaired', 'good')}: {now}"]
    rows += [f"{paint('Kept      ', 'name')}{os.path.join(store.folder, copy)}" for copy in repaired.copies]
    if a_run and state["status"] not in ENDED:
        rows.append(f"{paint('Next      ', 'name')}type /fermata:resume {name} in Claude Code")
    return "\n".join(rows)
