"""The plugin's data folder: which session drives which run, and what a human approved.

It lies outside the project, where a sandboxed Bash cannot write. Hooks write it; the command line only reads it.
"""

from __future__ import annotations

import os
import stat
import time

from .errors import Damaged, StoreError
from .files import LEFTOVER_AGE, forget, make_folder, read_json, remove_leftovers, safe_name, write_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.records import Event, Gate, Json
    from .run_store import RunStore

    Marker = dict[str, Json]
    Approval = dict[str, Json]

SEEN_SECONDS = 30 * 86_400.0
MAX_SESSION = 64
MAX_RUNS = 8  # of one client, whose agents may still live


class DataFolder:
    """`${CLAUDE_PLUGIN_DATA}`."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def marker_path(self, session: str) -> str:
        """Where the marker of *session* lies; the launcher of the hooks tests this very path.

        Raises:
            StoreError: no session has such a name.
        """
        plain = session.isascii() and session.replace("-", "").replace("_", "").isalnum() and session[0].isalnum()
        if not plain or len(session) > MAX_SESSION:
            raise StoreError(f"{session[:80]!r} is no session id: letters, digits, `_`, `-`, at most 64")
        return os.path.join(self.folder, "active", session)

    def marker(self, session: str) -> Marker | None:
        """What *session* drives: run, store, root, goal; None when it drives nothing. Raises Damaged."""
        path = self.marker_path(session)
        found = read_json(path)
        if found is None and not os.path.lexists(path):
            return None
        if not isinstance(found, dict) or not all(isinstance(found.get(key), str) for key in ("run", "store", "root")):
            raise Damaged(f"{path} does not say what this session drives; type /fermata:stop, or remove it")
        return found

    def set_marker(self, session: str, marker: Marker) -> None:
        """From now on every hook of *session* is bound by the run named in *marker*."""
        remove_leftovers(make_folder(os.path.join(self.folder, "active")), LEFTOVER_AGE, time.time())
        write_json(self.marker_path(session), marker, sync=True)

    def note_strength(self, session: str, **seen: Json) -> None:
        """Keep in the marker what a hook saw of `mode` or `interactive`: the strength that `status` tells follows them."""
        marker = self.marker(session)
        if marker and any(marker.get(key) != value for key, value in seen.items()):
            self.set_marker(session, {**marker, **seen})

    def note_client(self, pid: str, marker: Marker) -> None:
        """In the client *pid* the run of *marker* is driven: agents that outlive their session, or their run, are known by that."""
        if pid.isdecimal():
            folder = make_folder(os.path.join(self.folder, "clients"))
            before = [other for other in self.markers_in_client(pid) if other["run"] != marker["run"]]
            write_json(os.path.join(folder, pid), [*before, marker][-MAX_RUNS:])
            remove_leftovers(folder, SEEN_SECONDS, time.time(), "")

    def markers_in_client(self, pid: str) -> list[Marker]:
        """The markers of the runs that were driven in the client *pid*."""
        found = read_json(os.path.join(self.folder, "clients", pid)) if pid.isdecimal() else None
        return [marker for marker in found if isinstance(marker, dict)] if isinstance(found, list) else []

    def forget_client(self, pid: str) -> None:
        """No agent of a run lives in the client *pid* any more."""
        if pid.isdecimal():
            forget(os.path.join(self.folder, "clients", pid))

    def clear_marker(self, session: str) -> None:
        """The session is free again."""
        for end in ("", ".stops", ".asked"):
            forget(self.marker_path(session) + end)

    def note_asked(self, session: str, name: str) -> None:
        """The picker of *session* has shown the question round *name*."""
        write_json(self.marker_path(session) + ".asked", name)

    def asked(self, session: str) -> str | None:
        """The question round that the picker of *session* has shown last; None when it showed none."""
        found = read_json(self.marker_path(session) + ".asked")
        return found if isinstance(found, str) else None

    def note_seen(self, session: str) -> None:
        """Leave a trace that hooks run in *session*; traces of a month ago are swept."""
        folder = make_folder(os.path.join(self.folder, "seen"))
        with open(os.path.join(folder, os.path.basename(self.marker_path(session))), "w", encoding="utf-8"):
            pass
        remove_leftovers(folder, SEEN_SECONDS, time.time(), "")

    def seen_lately(self) -> list[tuple[str, float]]:
        """The sessions that hooks of fermata were seen in, with the time of their last start; newest first."""
        folder = os.path.join(self.folder, "seen")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        found = [(name, os.stat(os.path.join(folder, name)).st_mtime) for name in names]
        return sorted(found, key=lambda seen: seen[1], reverse=True)

    def seen(self, session: str) -> bool:
        """Whether a hook of fermata has run in *session*."""
        return os.path.exists(os.path.join(self.folder, "seen", os.path.basename(self.marker_path(session))))

    def approval_path(self, run_id: str) -> str:
        return os.path.join(self.folder, "approvals", safe_name(run_id) + ".json")

    def approval(self, run_id: str) -> Approval | None:
        """The human's yes as it was given, with the approved envelope and text; None when there is none."""
        path = self.approval_path(run_id)
        if not os.path.lexists(path):
            return None
        _refuse_foreign(os.path.dirname(path), stat.S_ISDIR)
        _refuse_foreign(path, stat.S_ISREG)
        found = read_json(path)
        return found if isinstance(found, dict) else None

    def write_approval(self, run_id: str, approval: Approval) -> None:
        """Keep a human's yes. Only a hook that saw the human's act may call this."""
        remove_leftovers(make_folder(os.path.join(self.folder, "approvals")), LEFTOVER_AGE, time.time())
        write_json(self.approval_path(run_id), approval, sync=True)

    def drop_approval(self, run_id: str) -> None:
        forget(self.approval_path(run_id))


def _refuse_foreign(path: str, is_kind: Callable[[int], bool]) -> None:
    """Raise Damaged unless *path* itself (no link) is of the right kind, is ours, and nobody else may write it."""
    found = os.lstat(path)
    if not is_kind(found.st_mode) or found.st_uid != os.getuid():
        raise Damaged(f"{path} is a link or belongs to someone else, so it proves nothing; remove it, approve again")
    if found.st_mode & 0o022:
        raise Damaged(f"{path} can be written by others, so it proves nothing; run: chmod go-w {path}")


def approval_error(approval: Approval | None, approved: Gate, store: str) -> str | None:
    """Why *approval* does not stand for what the journal calls approved, or None. Reads nothing."""
    if approval is None:
        return "the approval's record outside the project is missing"
    if approval.get("store") != store:
        return "the approval was given for another repository"
    if approval.get("digest") != approved["digest"]:
        return "the approval names another plan"
    if (approval.get("seq"), approval.get("hash")) != (approved.get("seq"), approved.get("hash")):
        return "the journal is not the one that the approval was given in"
    if approval.get("envelope") != approved["envelope"]:
        return f"what the run calls approved is not what was approved: {_difference(approval, approved)}"
    return None


def _difference(approval: Approval, approved: Gate) -> str:
    from ..core.envelope import beyond

    try:
        changes = beyond(approval["envelope"], approved["envelope"])
    except (KeyError, TypeError, AttributeError):
        changes = ["the record's envelope is not whole"]
    return "; ".join(changes) or "it is less than that"


def journal_error(run_store: RunStore, approval: Approval) -> str | None:
    """Whether the journal still holds the very line of the approval; walks it: for calls that may take a while."""
    event: Event | None = next((e for e in run_store.events() if e["seq"] == approval.get("seq")), None)
    if event is None or event["hash"] != approval.get("hash") or event["body"].get("digest") != approval.get("digest"):
        return "the journal no longer contains the approval"
    return None
