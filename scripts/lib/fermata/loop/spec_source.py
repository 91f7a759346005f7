"""The SPEC.md of a run: read when it begins, kept as it was read, and looked at again for what was changed since.

Decides whether it can be carried out at all; what it says is read in `spec/`. Writes nothing but the copy that agents read.
"""

from __future__ import annotations

import os
from hashlib import sha256

from ..core.position import at_work
from ..store.errors import Usage
from ..store.files import make_folder, write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json, Run
    from ..store.run_store import RunStore
    from .site import Site


class BadSpec(Usage):
    """A specification that cannot be carried out."""

    exit_code = 8


def read_document(root: str, path: str) -> str:
    """The text of the document at *path*, relative to *root*. Raises BadSpec."""
    from ..spec.file import SpecError, read_spec_text

    try:
        return read_spec_text(os.path.join(root, path), root)
    except SpecError as error:
        raise BadSpec(str(error)) from None


def plan_from(root: str, path: str, text: str) -> dict[str, Json]:
    """The plan that *text*, read from *path*, makes in the project at *root*.

    Raises:
        BadSpec: it cannot be carried out; a line for each reason.
    """
    from ..spec.file import SpecError
    from ..spec.plan import plan_of_spec
    from ..spec.problems import strict_problems
    from ..spec.reader import read_spec

    spec = read_spec(text)
    wrong = [f"{path}:{found['line']}: {found['message']}" for found in strict_problems(spec)]
    if wrong:
        raise BadSpec("\n".join(wrong))
    try:
        plan = plan_of_spec(spec, text, path, lambda folder: os.path.isdir(os.path.join(root, folder)))
    except SpecError as error:
        raise BadSpec(str(error)) from None
    named = _named(text)
    for step in plan["steps"]:
        step["spec"]["path"] = f"artifacts/{_file(named)}"
    return {**plan, "source": {"path": path, "sha256": named}}


def _named(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def keep_spec(store: RunStore, text: str) -> None:
    """Keep the document as it was read, for the agents: whatever becomes of it, this is what was approved."""
    make_folder(store.path("artifacts"))
    write_text(store.path("artifacts", _file(_named(text))), text, sync=True)


def _file(named: str) -> str:
    return f"spec-{named[:12]}.md"


def note_changed_spec(site: Site, store: RunStore) -> None:
    """An edit of the document voids the approval, and the gate asks again, saying which phases read otherwise."""
    run = store.load()
    plan = run["kept"].get("spec")
    if plan is None or "landed" in run:
        return
    path, root = plan["source"]["path"], site.repo.root
    try:
        text = read_document(root, path)
        if _named(text) == plan["source"]["sha256"]:
            return
        new = plan_from(root, path, text)
    except BadSpec as error:
        why = f"{path} was changed and cannot be carried out: {error}. Mend it, then go on"
        store.note("cli", "limit_reached", {"node": run["position"]["at"] or "", "why": why}, _may_wait)
        return
    changes = changed_parts(plan, new)
    if not changes or _end_first(run, plan, new):  # no changes: words beside the phases
        return
    keep_spec(store, text)
    body = {"plan": new, "reason": f"{path} was changed", "changes": changes}
    store.note("cli", "spec_changed", body, lambda now: now["kept"].get("spec") == plan)


def _end_first(run: Run, plan: dict[str, Json], new: dict[str, Json]) -> bool:
    """Whether agents are at work, and all of them on parts that read as before: they end first.

    While an approval is asked for anew nobody may change anything, so it would cost them what they are doing.
    """
    same = {
        str(place)
        for place, (one, other) in enumerate(zip(plan["steps"], new["steps"], strict=False))
        if one["digest"] == other["digest"]
    }
    busy = [run["dispatches"][name]["node"].partition("/")[0].partition(".")[2] for name in at_work(run)]
    return bool(busy) and same.issuperset(busy)


def _may_wait(run: Run) -> bool:
    return run["status"] == "executing" and run["waiting"] is None


def changed_parts(plan: dict[str, Json], new: dict[str, Json]) -> list[str]:
    """A line for each phase of the document that reads otherwise, is new, or is gone."""
    old, now = _digests(plan), _digests(new)
    found = [f"phase: {name} reads otherwise" for name in now if name in old and now[name] != old[name]]
    found += [f"phase: {name} is new" for name in now if name not in old]
    found += [f"phase: {name} is gone" for name in old if name not in now]
    moved = [name for name in now if name in old] != [name for name in old if name in now]
    return [*found, *["the phases come in another order"] * moved]


def _digests(plan: dict[str, Json]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for step in plan["steps"]:
        found.setdefault(step["phase"], []).append(step["digest"])
    return found
