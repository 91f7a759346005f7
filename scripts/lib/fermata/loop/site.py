"""One run together with the places it touches: repository, store, data folder, launcher. Gathered once, passed on."""

from __future__ import annotations

import os
import time

from ..checks.environment import ends_with_its_caller
from ..core.actions import next_actions
from ..core.moments import epoch
from ..core.position import ENDED
from ..git.repo import Repo, find_repo, without_repo, worktree_name
from ..store.data import DataFolder, approval_error, journal_error
from ..store.errors import Conflict, Usage
from ..store.project import Project
from ..store.run_store import RunStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.actions import Action
    from ..core.records import Run

LAUNCHER = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "fermata"))


class Site:
    """A repository with fermata's store, seen from the command line."""

    def __init__(self, repo: Repo, session: str | None, *, confined: bool = False) -> None:
        self.repo = repo
        self.session = session
        self.confined = confined  # nothing that is started here outlives this process
        self.project = Project(repo.common_dir)

    @property
    def data(self) -> DataFolder:
        """The plugin's data folder. Raises Usage when no hook has left its path, which means that none ran here."""
        folder = self.project.data_folder()
        if folder is None:
            raise Usage(
                "no hook of fermata has run in this repository, so nothing could hold. "
                'Enable the plugin in Claude Code (/plugin) and type /build "GOAL"'
            )
        return DataFolder(folder)

    def driven(self) -> RunStore:
        """The run that this session drives; from now on the site is the work tree in which it works.

        Raises:
            Usage: called outside a session, or by a session that no command has bound to a run.
            Conflict: another session has taken the run over.
        """
        if not self.session:
            raise Usage(
                'only the Claude Code session that drives a run can move it; type /build "GOAL" or /fermata:resume there'
            )
        marker = self.data.marker(self.session)
        if marker is None:
            raise Usage('this session drives no run; the user types /build "GOAL" or /fermata:resume')
        store = self.project.run(str(marker["run"]))
        # The session's Bash may stand in another worktree by now: never take that one's tree for the run's.
        repo = find_repo(str(marker["root"]))
        if repo is None or repo.common_dir != self.repo.common_dir:
            raise Usage(
                f"{marker['root']}, where this session began, is no work tree of this repository any more. "
                f"Start Claude Code where it lies now; /fermata:resume goes on there"
            )
        self.repo = repo
        if store.exists():
            run = store.load()
            if run["session"] != self.session:
                raise Conflict(
                    f"run {run['run']} is driven by another session now; the user can take it over with /fermata:resume"
                )
        return store

    def shown(self, run_id: str | None) -> RunStore:
        """The run to look at: the one named, else this session's, else the newest."""
        if run_id:
            store = self.project.run(run_id)
            if not store.exists():
                known = ", ".join(self.project.run_ids()[:5]) or "none"
                raise Usage(f"there is no run {run_id} here; known: {known}")
            return store
        folder = self.project.data_folder()
        marker = DataFolder(folder).marker(self.session) if folder and self.session else None
        if marker and self.project.run(str(marker["run"])).exists():
            return self.project.run(str(marker["run"]))
        return self.project.run(self.project.newest(worktree_name(self.repo)))

    def standing_approval_error(self, store: RunStore, run: Run, *, deep: bool) -> str | None:
        """Why what the journal calls approved does not stand, or None. *deep* also walks the journal."""
        if run["approved"] is None or run["status"] in ENDED:
            return None
        approval = self.data.approval(run["run"])
        error = approval_error(approval, run["approved"], self.project.folder)
        if error is None and deep and approval is not None:
            error = journal_error(store, approval)
        return error


def open_site(cwd: str, env: Mapping[str, str]) -> Site:
    """The site that *cwd* lies in.

    Raises:
        Usage: not inside a git work tree.
    """
    repo = find_repo(cwd)
    if repo is None:
        raise Usage(without_repo(cwd))
    return Site(repo, env.get("CLAUDE_CODE_SESSION_ID") or None, confined=ends_with_its_caller(env))


def still_due(action: Action, run: Run) -> bool:
    """Whether *action* is still to be done, asked under the lock before what was done of it is journalled."""
    return action in next_actions(run, minutes_since(run["created"]))


def minutes_since(created: str) -> float:
    """Minutes from the journal's time *created* to now; 0 when the clock was set back."""
    return max(0.0, (time.time() - epoch(created)) / 60)
