"""`drive(site, store)`: do all that needs nobody, journal it, and say what is left for an agent or a human.

Idempotent: every step looks again under the lock whether it is still to be done, so two callers, or one that died
half-way, end in the same state. One process at a time drives a run: what is journalled and not yet started would look
lost to another.
"""

from __future__ import annotations

import time
from functools import partial
from math import inf

from ..checks.runner import wait_checks
from ..core.actions import CHECK, CREATE, FINISH, LAUNCH, LIMIT, OWN, REOPEN, REQUEST, STARTS, Action, next_actions
from ..core.check_runs import checks_of, last_runs
from ..core.commands import at_command, command_for
from ..core.consultation import envelope_of, plan_digest
from ..core.envelope import beyond
from ..core.items import clashing, in_force, item_of, on_branch, own_tree
from ..core.position import ENDED, next_name, outcome_of
from ..core.report import report
from ..core.workflow import stage_at, walk
from ..git.repo import branch, head_commit
from ..git.snapshot import changed_paths, keep_tree, take_snapshot
from ..store import run_store
from ..store.files import write_text
from ..store.lock import locked
from ..store.run_tasks import on_board, settle
from .artifacts import keep_pages
from .branch import finish_branch
from .briefs import Brief, write_brief
from .check_text import baseline_lines
from .command_agents import collect_commands, launch
from .memory import remember
from .own_checks import begin_check, collect_checks
from .site import LAUNCHER, minutes_since, still_due
from .spec_source import note_changed_spec
from .tokens import count_tokens, predict
from .worktrees import PERFORM as ON_WORKTREES
from .worktrees import clear_strays, root_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import CheckRun, Json, Run, Stage
    from ..store.run_store import News, RunStore
    from .site import Site

MAX_TURNS = 500
DRIVE_SECONDS = 60.0


def drive(site: Site, store: RunStore, *, check: bool = True) -> tuple[Run, list[Action]]:
    """Advance the run as far as it goes by itself; without *check* no further than to where a check is to be started.

    Raises:
        StoreError, OSError, GitError: what was journalled stays; call again.
    """
    with locked(store.path("drive.lock"), DRIVE_SECONDS):
        read_settings_anew(site, store)
        note_moved_base(site, store)
        note_changed_spec(site, store)
        void_fallen_approval(site, store)
        count_tokens(site, store)
        for _ in range(MAX_TURNS):
            collect_checks(store)
            collect_commands(site, store)
            run = tell_board(site, store)
            actions = next_actions(run, minutes_since(run["created"]))
            own = next((a for a in actions if a.kind in OWN and (check or a.kind not in STARTS)), None)
            if own is None:
                keep_pages(store, run)
                return run, actions
            PERFORM[own.kind](site, store, run, own)  # one at a time: the next one gets the id after it
    raise RuntimeError("the engine did not settle")


def run_checks(site: Site, store: RunStore) -> bool:
    """`see_through`, however long it takes: for where nothing outlives its caller."""
    return see_through(site, store, inf)


def see_through(site: Site, store: RunStore, seconds: float) -> bool:
    """Start the checks that are due, stay while they run and while those run that follow them; at most *seconds*.

    A phase has half a dozen, one after the other: nobody has to be told of each. Gives whether any ran.
    """
    end = time.monotonic() + seconds
    with locked(store.path("drive.lock"), DRIVE_SECONDS):
        collect_commands(site, store)
        collect_checks(store)  # one that was journalled and never started would be waited for in vain
    running = any_ran = under_way(store.load()) or under_way(drive(site, store)[0])
    while running and wait_checks(store.path("checks"), running, end - time.monotonic()) and time.monotonic() < end:
        running = under_way(drive(site, store)[0])
    return bool(any_ran)


def under_way(run: Run) -> list[str]:
    """The names of the checks and command-line agents that fermata is running."""
    return [c["id"] for c in run["checks"].values() if c["state"] == "running"] + at_command(run)


def read_settings_anew(site: Site, store: RunStore) -> None:
    """A run that was resumed goes on with the settings as they are now: the user may have changed them meanwhile."""
    if store.load()["settings_due"]:
        from .start import reload_settings  # pydantic and YAML: too dear for every `next`

        reload_settings(site, store)


def note_moved_base(site: Site, store: RunStore) -> None:
    """A commit or a change of branch since the run began: what was approved for another base has to be approved again."""
    if on_branch(store.load()):  # begun from a commit that stays what it is
        return
    base, now = store.load()["base"], {"commit": head_commit(site.repo), "branch": branch(site.repo)}
    moved = {key: base[key] for key in now} != now
    if moved:
        was, new = str(base["commit"])[:8], str(now["commit"])[:8]
        reason = f"HEAD moved from {was} ({base['branch']}) to {new} ({now['branch']})"
        store.note("cli", "base_moved", {**now, "reason": reason}, lambda run: run["status"] not in ENDED)


def void_fallen_approval(site: Site, store: RunStore) -> None:
    """An approval whose record or journal line is gone no longer stands: say so and ask again."""
    error = site.standing_approval_error(store, store.load(), deep=True)
    if error:
        store.note("cli", "approval_voided", {"reason": error}, lambda run: run["approved"] is not None)


def tell_board(site: Site, store: RunStore) -> Run:
    """Bring the board's tasks up to date; a step whose task another one holds waits for the user. Gives the run."""
    run = store.load()
    if not on_board(run):
        return run
    trouble = settle(site.project, store)
    body = {"node": run["position"]["at"] or "", "why": "; ".join(trouble)}
    return store.transact(
        "cli", lambda now: [("limit_reached", body)] if trouble and now and now["status"] == "executing" else []
    )


# --- fermata's own actions ----------------------------------------------------------------------------------------


def _create(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """A dispatch: base tree, brief on disk, then the journal."""
    stage = stage_at(run["workflow"], action.node)
    scope, repo = _scope(run, stage, action.node), root_of(site, run, action.node)
    name = next_name(run, "dispatches")
    clash = clashing(run, scope)
    if clash:
        store.note("cli", "limit_reached", {"node": action.node, "why": clash}, partial(still_due, action))
        return
    base, item = None, own_tree(run, action.node)
    command = command_for(run, stage)
    if item and stage["access"] == "write":
        clear_strays(site.repo, run, run["worktrees"][item]["path"], name, scope)
    if stage["access"] == "write" or command:  # a command that only looks is held to it
        base = take_snapshot(repo)
        keep_tree(repo, base, f"{run['run']}/{name}", f"fermata: before {name}")
    brief = Brief(site, run, action, scope, name)
    write_brief(brief, f'"{LAUNCHER}"', action.node, run)
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
        "at": run_store.utc_now(),
    }
    model = run.get("models", {}).get(stage["id"])
    if model:
        body["model"] = model
    if command:
        body["command"] = command["name"]
    if item:
        body |= {"worktree": run["worktrees"][item]["path"], "beside": take_snapshot(site.repo)}
    if brief.fields.learnings:
        body["learnings"] = [{"id": one.id, "title": one.title} for one in brief.fields.learnings]
    store.note("cli", "dispatch_created", body, lambda now: name not in now["dispatches"] and still_due(action, now))


def _scope(run: Run, stage: Stage, node: str) -> list[str]:
    carried_out = in_force(run)
    if stage["access"] != "write" or carried_out is None:
        return []
    if stage.get("scope") == "item":
        step = item_of(run, node)
        return sorted(step["scope"]) if isinstance(step, dict) else []
    return sorted({glob for scope in carried_out["envelope"]["scopes"] for glob in scope})


def _request(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """Ask for the approval: envelope, digest, report. A plan inside what was approved is not asked about again."""
    envelope = envelope_of(run, action.node)
    body: dict[str, Json] = {"node": action.node, "visit": action.visit}
    body |= {"digest": plan_digest(envelope), "envelope": envelope, **predict(site, run, envelope["steps"])}
    after = store.transact("cli", lambda now: _request_news(now, body) if now and still_due(action, now) else [])
    write_report(store, after)


def _request_news(run: Run, body: dict[str, Json]) -> News:
    approved = run["approved"]
    if approved is None:
        return [("approval_requested", body)]
    changes = beyond(approved["envelope"], body["envelope"])
    if not changes:
        return [("approval_kept", {**body, "approval": approved["digest"], "line": approved.get("seq")})]
    void = {"reason": "the new plan goes beyond it", "changes": changes, "digest": approved["digest"]}
    return [("approval_voided", void), ("approval_requested", body)]


def write_report(store: RunStore, run: Run) -> str:
    """The consultation report of the gate the run is at; also kept under `artifacts/`."""
    assert run["gate"] is not None
    text = report(run, run["gate"], baseline_lines(run))
    write_text(store.path("artifacts", "approval.md"), text + "\n")
    return text


def _finish(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """Complete the run, if the tree is still the very one that the last green checks saw."""
    proofs = _proofs(run)
    if "landed" in run:  # nothing of what was proven lies in a worktree any more
        _complete(site, store, action, proofs[-1].get("tree") if proofs else None)
        return
    now = take_snapshot(root_of(site, run, action.node) if action.node else site.repo)
    trees = {str(c["tree"]) for c in proofs if c.get("tree")} - {now}
    own = {path for c in proofs if c.get("outcome") == "unstable" for path in c["changed"]}  # made by a check itself
    changed = sorted({c.path for tree in trees for c in changed_paths(site.repo, tree, now)} - own)
    if changed and action.node:
        body = {"node": action.node, "visit": action.visit, "changed": changed[:50]}
        store.note("cli", "tree_moved", body, partial(still_due, action))
    elif on_branch(run) and run["approved"]:
        finish_branch(site, store, run, action)
    else:
        _complete(site, store, action, now if proofs else None)


def _complete(site: Site, store: RunStore, action: Action, tree: str | None) -> None:
    """First the board, which takes each thing once, then the journal: a crash in between forgets nothing."""
    run = store.load()
    if still_due(action, run):
        kept = remember(site, run)
        body = {"tree": tree, "remembered": kept} if kept else {"tree": tree}
        store.note("cli", "run_completed", body, partial(still_due, action))


def _proofs(run: Run) -> list[CheckRun]:
    """The last run of each command in the newest visit of a stage that ran all of them; empty where none was green.

    Each is held against the tree by itself: the user may have changed something between two of them.
    """
    full = {s["id"] for _, s in walk(run["workflow"]["stages"]) if s["kind"] == "checks" and s["commands"] == "full"}
    ended = [c for c in run["checks"].values() if c["node"] in full and c["state"] == "finished"]
    if not ended:
        return []
    node, visit = ended[-1]["node"], ended[-1]["visit"]
    green = outcome_of(run, node, visit, stage_at(run["workflow"], node)) == "green"
    return last_runs(checks_of(run, node, visit)) if green else []


def _limit(site: Site, store: RunStore, run: Run, action: Action) -> None:
    del site
    body = {"node": action.node, "why": action.subject}
    store.note("cli", "limit_reached", body, lambda now: not now["waiting"] and now["updated"] == run["updated"])


def _reopen(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """The API takes work again by the time that it had said itself."""
    del site, run
    store.note("cli", "breaker_closed", {"until": action.subject}, partial(still_due, action))


PERFORM = {
    CREATE: _create,
    CHECK: begin_check,
    LAUNCH: launch,
    REQUEST: _request,
    FINISH: _finish,
    LIMIT: _limit,
    REOPEN: _reopen,
    **ON_WORKTREES,
}
