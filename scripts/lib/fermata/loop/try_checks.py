"""`fermata check`: runs the checks that are open now, for a builder that wants to know. Counts for nothing in the run."""

from __future__ import annotations

import os
import time
from math import inf
from typing import NamedTuple

from ..checks.runner import CheckSpec, Lost, Running, read_check, start_check, wait_checks
from ..core.check_runs import decisive
from ..core.consultation import line
from ..core.evidence import judge
from ..definitions.settings import load_settings
from ..git.repo import find_repo
from ..git.snapshot import take_snapshot
from ..git.worktrees import FOLDER
from ..store.errors import Usage
from .start import project_checks
from .worktrees import put_back, started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json, NamedCheck
    from ..git.repo import Repo
    from .site import Site

MAX_NAMED = 10


class Wanted(NamedTuple):
    """Which checks, and for which dispatch: they run where it works."""

    baseline: bool = False
    quick: bool = False
    dispatch: str | None = None


def try_checks(site: Site, which: Wanted, seconds: float) -> list[dict[str, Json]]:
    """Run and wait at most *seconds*, or to the end where nothing outlives its caller; one entry per check with name, outcome and text.

    Before an approval, and with `baseline`, these are the project's own checks; afterwards those that were approved.
    """
    wanted, folder, minutes = _wanted(site, baseline=which.baseline, quick=which.quick, dispatch=which.dispatch)
    root = _root(site, which.dispatch)
    tree = find_repo(root) if which.dispatch and f"/{FOLDER}/" in root else None
    before = take_snapshot(tree) if tree else None
    os.makedirs(folder, mode=0o700, exist_ok=True)
    stamp = f"try-{int(time.time())}-{os.urandom(2).hex()}"
    ids = [f"{stamp}-{number}" for number in range(len(wanted))]
    for name, check in zip(ids, wanted, strict=True):
        spec = CheckSpec(
            name,
            check["name"],
            started(check),
            root,
            minutes * 60,
            expect_tests=check["expect_tests"],
        )
        start_check(spec, folder)
    wait_checks(folder, ids, inf if site.confined else seconds)
    found = [_entry(folder, name, check) for name, check in zip(ids, wanted, strict=True)]
    if tree and before and found and all(entry["outcome"] != "running" for entry in found):
        found[-1]["text"] += _own_output_gone(site, tree, before, which.dispatch, stamp)
    return found


def _own_output_gone(site: Site, tree: Repo, before: str, dispatch: str | None, stamp: str) -> str:
    """Put back what the checks made in a worktree outside its scope: whoever ran them there must not answer for it."""
    run = site.shown(None).load()
    if dispatch not in run["dispatches"] or run["dispatches"][dispatch]["access"] != "write":
        return ""
    gone = put_back(tree, before, run["dispatches"][dispatch]["scope"], f"{run['run']}/{stamp}-output")
    told = ", ".join(line(path, 200) for path in gone[:MAX_NAMED])
    return f"\nmade by the checks, outside your scope, and put back as it was: {told}" if gone else ""


def _root(site: Site, dispatch: str | None) -> str:
    """Where *dispatch* works. Raises Usage for one that is not known."""
    if dispatch is None or not site.project.run_ids():
        return site.repo.root
    known = site.shown(None).load()["dispatches"]
    if dispatch not in known:
        raise Usage(f"there is no dispatch {dispatch[:60]}; known: {', '.join(known) or 'none'}")
    own = site.repo.root.partition(f"/{FOLDER}/")[0]  # called from inside a worktree
    return os.path.join(own, known[dispatch].get("worktree", ""))


def _wanted(site: Site, *, baseline: bool, quick: bool, dispatch: str | None) -> tuple[list[NamedCheck], str, int]:
    """The checks, the folder for what they leave, and how many minutes each may take."""
    project = site.project
    if not project.run_ids():
        settings = load_settings(site.repo.root)
        found = project_checks(site.repo.root, settings)
        project.prepare()
        chosen = (found["quick"] or found["full"]) if quick else found["full"]
        return chosen, os.path.join(project.folder, "checks"), settings.config.checks.minutes
    store = site.shown(None)
    run = store.load()
    minutes, approved = run["limits"]["check_minutes"], run["approved"]
    if baseline or not approved:
        found = run["project_checks"]
        return (found["quick"] or found["full"]) if quick else found["full"], store.path("checks"), minutes
    if dispatch in run["dispatches"] and "own" in approved["envelope"]:
        return decisive(run, run["dispatches"][dispatch]["node"]), store.path("checks"), minutes
    return approved["envelope"]["quick" if quick else "checks"], store.path("checks"), minutes


def _entry(folder: str, name: str, check: NamedCheck) -> dict[str, Json]:
    found = read_check(folder, name)
    shown = check["command"]["shown"]
    if isinstance(found, Running):
        return {"name": check["name"], "outcome": "running", "text": f"… {shown}: still running"}
    if isinstance(found, Lost):
        return {"name": check["name"], "outcome": "lost", "text": f"lost {shown}: {found.why}"}
    verdict = judge(found, expect_tests=check["expect_tests"])
    tail = "" if verdict.outcome == "green" else "\n" + found.tail
    return {
        "name": check["name"],
        "outcome": verdict.outcome,
        "text": f"{verdict.outcome} {shown}: {verdict.why}{tail}",
    }
