"""The run of a specification that is played, by the names of its modules: waits for what becomes of each of them.

Reads the journal and the scripted model; decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .journal import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.records import Dispatch, Json, Run
    from .journal import Journal
    from .messages import Request
    from .model import ScriptedModel

Body = dict[str, object]


class ConductRun:
    """The project's only run."""

    def __init__(self, journal: Journal, model: ScriptedModel) -> None:
        self._journal, self._model = journal, model

    @property
    def now(self) -> Run:
        return self._journal.store.load()

    @property
    def steps(self) -> list[Json]:
        found: list[Json] = self.now["kept"]["spec"]["steps"]
        return found

    def commands(self) -> list[str]:
        """What the document says its phases are validated by."""
        checks = [check for step in self.steps for check in step.get("checks", []) if "inspection" not in check]
        return list(dict.fromkeys(check["command"]["shown"] for check in checks))

    def item(self, module: str) -> str:
        """The item that builds *module*, as its nodes begin."""
        return f"phases.{[step.get('module') for step in self.steps].index(module)}/"

    def closing(self, module: str) -> str:
        """The item that validates and integrates the phase of *module*."""
        steps = self.steps
        (phase,) = [step["phase"] for step in steps if step.get("module") == module]
        return f"phases.{[step['part'] == 'phase' and step['phase'] == phase for step in steps].index(True)}/"

    def dispatches(self, item: str) -> list[Dispatch]:
        """All that were made for *item*, oldest first."""
        return [d for d in self.now["dispatches"].values() if d["node"].startswith(item)]

    def half_done(self, module: str) -> None:
        """Wait until the agent of *module* has written its first file, and is at work on the next.

        Raises:
            TimeoutError: it never did.
        """

        def wrote(request: Request) -> bool:
            return f"\nModule: {module}\n" in request.first and any(r.name == "Write" for r in request.results)

        self._model.wait_for(wrote, PATIENCE)

    def accepted(self, module: str) -> Body:
        """Wait for an accepted result of *module*."""
        return self._journal.wait("result_accepted", self._of(self.item(module)))

    def lost(self, module: str) -> Body:
        """Wait for a dispatch of *module* that failed."""
        return self._journal.wait("dispatch_failed", self._of(self.item(module)))

    def red(self, module: str, words: str = "") -> Body:
        """Wait for a red check of the phase of *module* that says *words*."""
        item = self.closing(module)
        return self._journal.wait("check_finished", lambda e: self._red(e, item, words))

    def merged(self, module: str, outcome: str, stage: str = "integrate") -> Body:
        """Wait until the phase of *module* comes out of that merge so."""
        node = f"{self.closing(module)}{stage}"
        return self._journal.wait("merged", lambda e: (e["node"], e["outcome"]) == (node, outcome))

    def _of(self, item: str) -> Callable[[Body], bool]:
        return lambda body: self.now["dispatches"][str(body["id"])]["node"].startswith(item)

    def _red(self, body: Body, item: str, words: str) -> bool:
        check = self.now["checks"][str(body["id"])]
        told = f"{check['name']} {body['why']}"
        return body["outcome"] == "red" and check["node"].startswith(item) and words in told
