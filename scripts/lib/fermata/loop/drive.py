"""`drive(site, store)`: do all that needs nobody, journal it, and say what is left for an agent or a human.

Idempotent: every step looks again under the lock whether it is still to be done, so two callers, or one that died
half-way, end in the same state.
"""

from __future__ import annotations

from functools import partial

from ..checks.command import from_json
from ..checks.runner import CheckError, CheckSpec, Lost, Running, load_spec, read_check, start_check
from ..core.actions import CHECK, CREATE, FINISH, LIMIT, OWN, REQUEST, Action, next_actions
from ..core.consultation import envelope_of, plan_digest, report
from ..core.evidence import judge, to_json
from ..core.fold import commands_for, item_of, outcome_of
from ..core.workflow import stage_at, walk
from ..git.snapshot import changed_paths, keep_tree, take_snapshot
from ..store.files import write_text
from .briefs import Brief, baseline_lines
from .site import LAUNCHER, minutes_since

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import CheckRun, Json, Run, Stage
    from ..store.run_store import News, RunStore
    from .site import Site

MAX_TURNS = 500


def drive(site: Site, store: RunStore) -> tuple[Run, list[Action]]:
    """Advance the run as far as it goes by itself.

    Raises:
        StoreError, OSError, GitError: what was journalled stays; call again.
    """
    void_fallen_approval(site, store)
    for _ in range(MAX_TURNS):
        collect_checks(store)
        run = store.load()
        actions = next_actions(run, minutes_since(run["created"]))
        own = [action for action in actions if action.kind in OWN]
        if not own:
            return run, actions
        for action in own:
            PERFORM[action.kind](site, store, run, action)
    raise RuntimeError("the engine did not settle")


def void_fallen_approval(site: Site, store: RunStore) -> None:
    """An approval whose record or journal line is gone no longer stands: say so and ask again."""
    error = site.standing_approval_error(store, store.load(), deep=True)
    if error:
        store.note("cli", "approval_voided", {"reason": error}, lambda run: run["approved"] is not None)


def collect_checks(store: RunStore) -> None:
    """Journal the evidence of every check that has ended since."""
    for check in store.load()["checks"].values():
        if check["state"] == "running":
            body = finished_body(store, check)
            if body:
                store.note("runner", "check_finished", body, partial(_runs, check["id"]))


def _runs(name: str, run: Run) -> bool:
    return run["checks"][name]["state"] == "running"


def finished_body(store: RunStore, check: CheckRun) -> dict[str, Json] | None:
    """The journal's words for a check that has ended; None while it runs."""
    folder = store.path("checks")
    try:
        found = read_check(folder, check["id"])
    except CheckError as error:  # the caller died between the journal and the start
        found = Lost(check["id"], str(error))
    if isinstance(found, Running):
        return None
    if isinstance(found, Lost):
        return {"id": check["id"], "outcome": "lost", "why": found.why, "changed": [], "tree": None, "counts": None}
    verdict = judge(found, expect_tests=load_spec(folder, check["id"]).expect_tests)
    evidence = to_json(found)
    taken = {key: evidence[key] for key in ("counts", "exit_code", "seconds", "command")}
    return {
        "id": check["id"],
        "outcome": verdict.outcome,
        "why": verdict.why,
        "changed": list(found.changed)[:100],
        "tree": found.tree_after,
        **taken,
    }


# --- fermata's own actions ----------------------------------------------------------------------------------------


def _still(action: Action, run: Run) -> bool:
    return action in next_actions(run)


def _create(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """A dispatch: base tree, brief on disk, then the journal."""
    stage = stage_at(run["workflow"], action.node)
    scope = _scope(run, stage, action.node)
    name = f"d-{len(run['dispatches']) + 1:03d}"
    base = None
    if stage["access"] == "write":
        base = take_snapshot(site.repo)
        keep_tree(site.repo, base, f"{run['run']}/{name}", f"fermata: before {name}")
    brief = Brief(site, run, action, scope)
    write_text(store.path("briefs", f"{name}.md"), brief.text(name, LAUNCHER), sync=True)
    body = {
        "id": name,
        "node": action.node,
        "visit": action.visit,
        "item": action.subject,
        "agent": stage["agent"],
        "access": stage["access"],
        "result": stage["result"],
        "scope": scope,
        "base_tree": base,
    }
    store.note("cli", "dispatch_created", body, lambda now: name not in now["dispatches"] and _still(action, now))


def _scope(run: Run, stage: Stage, node: str) -> list[str]:
    if stage["access"] != "write" or not run["approved"]:
        return []
    if stage.get("scope") == "item":
        step = item_of(run, node)
        return sorted(step["scope"]) if isinstance(step, dict) else []
    return sorted({glob for scope in run["approved"]["envelope"]["scopes"] for glob in scope})


def _check(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """A check: journalled first, then started; one that dies in between is lost and runs again."""
    stage = stage_at(run["workflow"], action.node)
    named = next(c for c in commands_for(run, stage) if c["name"] == action.subject)
    name = f"c-{len(run['checks']) + 1:03d}"
    body = {
        "id": name,
        "node": action.node,
        "visit": action.visit,
        "name": named["name"],
        "shown": named["command"]["shown"],
    }
    known = _same_on_same_tree(run, named["command"]["shown"], take_snapshot(site.repo))
    mine = False

    def decide(now: Run | None) -> News:
        nonlocal mine
        mine = now is not None and name not in now["checks"] and _still(action, now)
        if not mine:
            return []
        return (
            [("check_started", body), ("check_finished", _taken_over(name, known))]
            if known
            else [("check_started", body)]
        )

    store.transact("cli", decide)
    if mine and not known:
        spec = CheckSpec(
            id=name,
            name=named["name"],
            command=from_json(named["command"]),
            root=site.repo.root,
            time_limit=run["limits"]["check_minutes"] * 60,
            expect_tests=named["expect_tests"],
            repo=site.repo.root,
        )
        start_check(spec, store.path("checks"))


def _same_on_same_tree(run: Run, shown: str, tree: str) -> CheckRun | None:
    """A green run of the very same command on the very same tree: running it again would prove nothing more."""
    ended = [
        c
        for c in run["checks"].values()
        if c.get("outcome") == "green" and c["shown"] == shown and c.get("tree") == tree
    ]
    return ended[-1] if ended else None


def _taken_over(name: str, known: CheckRun) -> dict[str, Json]:
    """The journal's words for a check whose evidence stands already."""
    why = str(known.get("why"))
    why = why if why.startswith("as ") else f"as {known['id']} on this very tree: {why}"
    return {
        "id": name,
        "outcome": "green",
        "why": why,
        "changed": [],
        "tree": known.get("tree"),
        "counts": known.get("counts"),
    }


def _request(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """Ask for the approval: envelope, digest, report."""
    del site
    envelope = envelope_of(run, action.node)
    body = {"node": action.node, "visit": action.visit, "digest": plan_digest(envelope), "envelope": envelope}
    after = store.note("cli", "approval_requested", body, partial(_still, action))
    write_report(store, after)


def write_report(store: RunStore, run: Run) -> str:
    """The consultation report of the gate the run is at; also kept under `artifacts/`."""
    assert run["gate"] is not None
    text = report(run, run["gate"], baseline_lines(run))
    write_text(store.path("artifacts", "approval.md"), text + "\n")
    return text


def _finish(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """Complete the run, if the tree is still the very one that the last green checks saw."""
    verified = _verified_tree(run)
    changed = [c.path for c in changed_paths(site.repo, verified, take_snapshot(site.repo))] if verified else []
    if changed and action.node:
        body = {"node": action.node, "visit": action.visit, "changed": changed[:50]}
        store.note("cli", "tree_moved", body, partial(_still, action))
    else:
        store.note("cli", "run_completed", {"tree": verified}, partial(_still, action))


def _verified_tree(run: Run) -> str | None:
    """The tree of the newest check of a stage that ran every command green; None where a workflow checks nothing."""
    full = {s["id"] for _, s in walk(run["workflow"]["stages"]) if s["kind"] == "checks" and s["commands"] == "full"}
    ended = [c for c in run["checks"].values() if c["node"] in full and c["state"] == "finished"]
    if not ended:
        return None
    last = ended[-1]
    stage = stage_at(run["workflow"], last["node"])
    return last.get("tree") if outcome_of(run, last["node"], last["visit"], stage) == "green" else None


def _limit(site: Site, store: RunStore, run: Run, action: Action) -> None:
    del site
    body = {"node": action.node, "why": action.subject}
    store.note("cli", "limit_reached", body, lambda now: not now["waiting"] and now["updated"] == run["updated"])


PERFORM = {CREATE: _create, CHECK: _check, REQUEST: _request, FINISH: _finish, LIMIT: _limit}
