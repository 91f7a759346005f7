"""The plugin's data folder: which session drives which run, and what a human approved.

It lies outside the project, where a sandboxed Bash cannot write. Hooks write it; the command line only reads it.
"""

from __future__ import annotations

import os

from .errors import Damaged
from .files import make_folder, read_json, safe_name, write_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Event, Gate, Json
    from .run_store import RunStore

    Marker = dict[str, Json]
    Approval = dict[str, Json]


class DataFolder:
    """`${CLAUDE_PLUGIN_DATA}`."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def marker_path(self, session: str) -> str:
        """Where the marker of *session* lies; the launcher of the hooks tests this very path."""
        return os.path.join(self.folder, "active", safe_name(session.lower()))

    def marker(self, session: str) -> Marker | None:
        """What *session* drives: run, store, root, goal, generation; None when it drives nothing."""
        found = read_json(self.marker_path(session))
        return found if isinstance(found, dict) else None

    def set_marker(self, session: str, marker: Marker) -> None:
        """From now on every hook of *session* is bound by the run named in *marker*."""
        make_folder(os.path.join(self.folder, "active"))
        write_json(self.marker_path(session), marker, sync=True)

    def clear_marker(self, session: str) -> None:
        """The session is free again."""
        for path in (self.marker_path(session), self.marker_path(session) + ".stops"):
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass

    def approval_path(self, run_id: str) -> str:
        return os.path.join(self.folder, "approvals", safe_name(run_id) + ".json")

    def approval(self, run_id: str) -> Approval | None:
        """The human's yes as it was given, with the approved envelope and text; None when there is none."""
        path = self.approval_path(run_id)
        try:
            if os.stat(path).st_mode & 0o022:
                raise Damaged(f"{path} can be written by others, so it proves nothing; run: chmod 600 {path}")
        except FileNotFoundError:
            return None
        found = read_json(path)
        return found if isinstance(found, dict) else None

    def write_approval(self, run_id: str, approval: Approval) -> None:
        """Keep a human's yes. Only a hook that saw the human's act may call this."""
        make_folder(os.path.join(self.folder, "approvals"))
        write_json(self.approval_path(run_id), approval, sync=True)

    def drop_approval(self, run_id: str) -> None:
        try:
            os.unlink(self.approval_path(run_id))
        except FileNotFoundError:
            pass


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
    return None


def journal_error(run_store: RunStore, approval: Approval) -> str | None:
    """Whether the journal still holds the very line of the approval; walks it, so only for calls that may take a while."""
    event: Event | None = next((e for e in run_store.events() if e["seq"] == approval.get("seq")), None)
    if event is None or event["hash"] != approval.get("hash") or event["body"].get("digest") != approval.get("digest"):
        return "the journal no longer contains the approval"
    return None
