"""The checks of a run: each is journalled, started, and its evidence journalled when it has ended.

Decides whether a command has to run at all: a green run of it on the very same tree proves as much. What evidence proves
is judged in `core.evidence`, which commands are due in `core.actions`.
"""

from __future__ import annotations

from functools import partial

from ..checks.command import parse_command
from ..checks.command import to_json as to_json_command
from ..checks.runner import CheckError, CheckSpec, Lost, Running, load_spec, read_check, start_check
from ..core.actions import Action
from ..core.check_runs import commands_at
from ..core.evidence import judge, to_json
from ..core.fingerprint import fingerprint, word_of
from ..core.items import names_tree
from ..core.position import next_name
from ..core.recovery import Facts, told
from ..git.snapshot import take_snapshot
from .screens import judge_picture
from .site import still_due
from .worktrees import root_of, started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import CheckRun, Json, NamedCheck, Run
    from ..store.run_store import News, RunStore
    from .site import Site


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
        return {
            "id": check["id"],
            "outcome": "lost",
            "why": found.why,
            "changed": [],
            "before": None,
            "tree": None,
            "counts": None,
        }
    spec = load_spec(folder, check["id"])
    verdict = judge(found, expect_tests=spec.expect_tests)
    if "screen" in check:
        verdict = judge_picture(store, spec.root, check, verdict)
    evidence = to_json(found)
    taken = {key: evidence[key] for key in ("counts", "exit_code", "seconds", "command")}
    taken["command"] = to_json_command(parse_command(check["shown"]))  # as it was approved, not where this program lies
    if verdict.outcome == "red":
        taken |= {**told(Facts("check", word_of(found))), "error": fingerprint(found)}
    return {
        "id": check["id"],
        "outcome": verdict.outcome,
        "why": verdict.why,
        "changed": list(found.changed)[:100],
        "before": found.tree_before,
        "tree": found.tree_after,
        **taken,
    }


def begin_check(site: Site, store: RunStore, run: Run, action: Action) -> None:
    """A check: journalled first, then started; one that dies in between is lost and runs again."""
    named = next(c for c in commands_at(run, action.node) if c["name"] == action.subject)
    name = next_name(run, "checks")
    body = {
        "id": name,
        "node": action.node,
        "visit": action.visit,
        "name": named["name"],
        "shown": named["command"]["shown"],
    }
    if "out" in named:
        body["screen"] = named["out"]
    repo = root_of(site, run, action.node)
    known = None if names_tree(action.node) else _same_on_same_tree(run, named, take_snapshot(repo))
    mine = False

    def decide(now: Run | None) -> News:
        nonlocal mine
        mine = now is not None and name not in now["checks"] and still_due(action, now)
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
            command=started(named),
            root=repo.root,
            time_limit=run["limits"]["check_minutes"] * 60,
            expect_tests=named["expect_tests"],
            repo=repo.root,
        )
        start_check(spec, store.path("checks"))


def _same_on_same_tree(run: Run, named: NamedCheck, tree: str) -> CheckRun | None:
    """A green run of the very same command on the very same tree: running it again would prove nothing more."""
    shown = named["command"]["shown"]
    if "out" in named or "inspection" in named:  # run for its picture; told apart from another base each time
        return None
    ended = [
        c
        for c in run["checks"].values()
        if c.get("outcome") == "green" and c["shown"] == shown and c.get("tree") == tree
    ]
    return next((c for c in reversed(ended) if not named["expect_tests"] or _ran_tests(c)), None)


def _ran_tests(check: CheckRun) -> bool:
    """False for what was green only because nobody expected it to run a test."""
    counts = check.get("counts")
    return counts is None or counts["total"] > counts["skipped"]


def _taken_over(name: str, known: CheckRun) -> dict[str, Json]:
    """The journal's words for a check whose evidence stands already."""
    why = str(known.get("why"))
    why = why if why.startswith("as ") else f"as {known['id']} on this very tree: {why}"
    return {
        "id": name,
        "outcome": "green",
        "why": why,
        "changed": [],
        "before": known.get("before"),
        "tree": known.get("tree"),
        "counts": known.get("counts"),
    }
