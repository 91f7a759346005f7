"""Where the run stands, for a person: a few lines of text, or the same facts as JSON."""

from __future__ import annotations

from ..core.actions import DECIDE, HUMAN, next_actions
from ..core.budget import KINDS, added, room, spent, winding_down
from ..core.consultation import code_of, line, some_of
from ..core.escalation import facts
from ..core.items import item_of, items_over, lying, on_branch
from ..core.memory import kept_text
from ..core.outcome import changed_beside, skipped
from ..core.pages import plan_name
from ..core.phases import ACTIVE, INTEGRATED, phase_rows
from ..core.position import ENDED, leaves
from ..core.recalled import used_learnings, used_text
from ..core.report import voided_lines
from ..core.routing import route_of
from ..core.small_change import LIMITS
from ..core.task_news import rows
from ..core.workflow import stage_at
from ..loop.check_text import called
from ..loop.site import minutes_since
from ..loop.standstill import shown_time
from .tier import tier_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Literal

    from ..core.records import Dispatch, Json, Run

MAX_DISPATCHES, MAX_TASKS, MAX_BESIDE = 8, 20, 10
MARKS = {"completed": "✓", "failed": "✗", "running": "…", "pending": "·", "asking": "?", "answered": "·"}


def shown_status(run: Run) -> str:
    """The status a person is told: a run whose next move is a human's is waiting."""
    kinds = {action.kind for action in next_actions(run)}
    return "waiting" if run["status"] == "executing" and kinds & {DECIDE, HUMAN} else run["status"]


def document(run: Run, marker: Mapping[str, Json] | None, env: Mapping[str, str]) -> dict[str, Json]:
    """The facts of `status --json`. Keys are stable; what fermata does not know is null."""
    agents = list(run["dispatches"].values())
    stages = run["workflow"]["stages"]
    at = run["position"]["at"]
    plan = plan_name(run) or ("approval" if run["gate"] or run["approved"] else None)
    return {
        "format": 1,
        "run": run["run"],
        "mode": run["mode"],
        "status": shown_status(run),
        "goal": run["goal"],
        "currentStage": at,
        "planFilePath": f"artifacts/{plan}.md" if plan else None,
        "stages": {s["id"]: {"status": _stage_status(run, s["id"])} for s in stages},
        "routing": _routing(run, agents),
        "agent_states": [_agent_state(d, run.get("used", {}).get(d["id"])) for d in agents],
        "active_threads": [
            {"id": d["id"], "target": d["agent"], "status": d["state"], "created_at": d.get("created")}
            for d in agents
            if d["state"] in ("pending", "running")
        ],
        "learnings": {"used": used_learnings(run), "kept": run.get("remembered", {})},
        "checkpoints": run.get("checkpoints", []),
        "phases": phase_rows(run),
        "branch": _branch(run),
        "failures": run["failures"],
        "tasks": list(rows(run)),
        "approval": _approval(run),
        "checks": [
            {k: c.get(k) for k in ("id", "name", "node", "state", "outcome", "why", "counts")}
            for c in run["checks"].values()
        ],
        "worktrees": [{"item": item, **tree} for item, tree in lying(run).items()],
        "waiting": run["waiting"],
        "replans": run.get("replans", 0),
        "skipped": run.get("left_out", []),
        "repairs": run.get("repairs", []),
        "turn_failed": run.get("turn_failed"),
        "session": {"id": run["session"], "generation": run["generation"], "interactive": run["interactive"]},
        "tier": tier_of(marker, env)._asdict(),
        "cost": cost(run),
    }


def _routing(run: Run, agents: list[Dispatch]) -> dict[str, Json]:
    chosen = run.get("routing", {})
    sequence = [{"agent": d["agent"], "status": "active" if d["state"] == "running" else d["state"]} for d in agents]
    why = {key: chosen.get(key) for key in ("lane", "signal", "confidence", "band")}
    return {"workflow": run["workflow"]["name"], "agent_sequence": sequence, **why}


def _agent_state(dispatch: Dispatch, tokens: Json) -> dict[str, Json]:
    return {
        "agent": dispatch["agent"],
        "dispatch": dispatch["id"],
        "status": dispatch["state"],
        "output": {"summary": dispatch["summary"], "changed": dispatch["changed"]},
        "current_step": dispatch["node"],
        "tokens": tokens,
    }


def cost(run: Run) -> dict[str, Json] | None:
    """Tokens used as far as they are counted, the ceiling, and what was predicted; None while nothing is known."""
    used = run.get("used", {})
    gate = run["approved"] or run["gate"]
    predicted = gate.get("predicted") if gate else None
    if not used and predicted is None and "tokens" not in run["limits"]:
        return None
    agents = added(tokens for name, tokens in used.items() if not name.startswith("main "))
    session = added(tokens for name, tokens in used.items() if name.startswith("main "))
    return {
        "total": spent(run),
        "agents": {kind: agents[kind] for kind in KINDS},  # type: ignore[literal-required]
        "session": {kind: session[kind] for kind in KINDS},  # type: ignore[literal-required]
        "limit": run["limits"].get("tokens"),
        "left": room(run),
        "predicted": predicted,
    }


def _stage_status(run: Run, name: str) -> str:
    if run["status"] == "completed":
        return "skipped" if skipped(run, name) else "completed"
    frame = run["position"]
    if frame["at"] == name:
        return "stopped" if run["status"] == "stopped" else "in_progress"
    if skipped(run, name):
        return "skipped"
    return "completed" if name in frame["visits"] else "pending"


def _approval(run: Run) -> dict[str, Json] | None:
    gate = run["approved"] or run["gate"]
    if gate is None:
        return None
    return {
        "digest": gate["digest"],
        "code": code_of(gate["digest"]),
        "decision": gate.get("decision"),
        "channel": gate.get("channel"),
        "rule": gate.get("rule"),
        "covers": _covered(run),
        "voided": {key: run["voided"][key] for key in ("digest", "reason", "changes")} if run["voided"] else None,
    }


def _covered(run: Run) -> str | None:
    """The digest of a later plan that the approval covers, so that nobody was asked about it."""
    gate = run["gate"]
    return gate["digest"] if run["approved"] and gate and "kept" in gate else None


def text(run: Run, marker: Mapping[str, Json] | None, env: Mapping[str, str]) -> str:
    """Ten lines or so, most important first."""
    head = [f"{run['run']}  {shown_status(run)}", f"Goal      {line(run['goal'], 160)}", f"Stage     {where(run)}"]
    strength, elsewhere = _strength(run, marker, env), _elsewhere(run, env)
    parts = (
        _route(run),
        _plan(run),
        _phases(run),
        _tasks(run),
        _dispatches(run),
        _left_out(run),
        _beside(run),
        _worktrees(run),
        _checks(run),
        _passed_over(run),
        _tokens(run),
        _memory(run),
        strength,
        _repairs(run),
        elsewhere,
        _next(run),
    )
    return "\n".join([*head, *(row for part in parts for row in part)])


def _route(run: Run) -> Iterator[str]:
    found = route_of(run)
    if found:
        note = f"; asked for {found.lane}, {found.note}" if found.note else ""
        if found.signal == "your choice" and not found.note:
            yield f"Workflow  {found.workflow}, as you chose"
            return
        yield f"Workflow  {found.workflow}: signal {line(found.signal, 80)}, confidence {found.confidence:.2f} ({found.band}){note}"


def _plan(run: Run) -> Iterator[str]:
    approval = _approval(run)
    if approval:
        word = {"approve": "approved", None: "waits for you"}.get(
            approval["decision"], f"decided: {approval['decision']}"
        )
        by = f" by {approval['channel']}" if approval["channel"] else ""
        if approval["rule"]:
            word, by = f"waived by rule {approval['rule']}: nobody was asked;", f" {LIMITS}"
        inside = f"; the new plan {code_of(approval['covers'])} is inside it" if approval["covers"] else ""
        yield f"Plan      {approval['code']} {word}{by}{inside}"
    for fallen in voided_lines(run):
        yield f"          {line(fallen, 250)}" if not fallen.startswith(" ") else f"            {line(fallen, 250)}"


def _branch(run: Run) -> dict[str, Json] | None:
    """The run's own branch, and what became of it."""
    return {"name": f"fermata/{run['run']}", "landed": run.get("landed")} if on_branch(run) else None


def _phases(run: Run) -> Iterator[str]:
    """How many phases of a specification are integrated, and what is being worked on."""
    found = phase_rows(run)
    if found:
        done = [row for row in found if row["state"] == INTEGRATED]
        yield f"Phases    {len(done)} of {len(found)} integrated on fermata/{run['run']}"
    for row in found:
        modules = ", ".join(f"{line(m['module'], 60)} {m['state']}" for m in row["modules"])
        mark = {INTEGRATED: "✓", ACTIVE: "…"}.get(row["state"], "·")
        yield f"  {mark} {line(row['phase'], 100)}: {row['commit'][:12] if row['commit'] else modules}"
    landed = run.get("landed")
    if landed and landed["commit"]:
        yield f"Merged    {line(str(landed['onto']), 100)} is at {landed['commit'][:12]}"
    elif landed:
        yield f"Not merged  {line(str(landed['why']), 250)}. {line(str(landed['how']), 250)}"


def _dispatches(run: Run) -> Iterator[str]:
    for dispatch in list(run["dispatches"].values())[-MAX_DISPATCHES:]:
        note = dispatch["reason"] if dispatch["state"] == "failed" else dispatch["summary"]
        if dispatch.get("category"):
            note = f"({dispatch.get('category')}) {note}"
        mark, name = MARKS[dispatch["state"]], f"{dispatch['id']} {dispatch['agent'] + ' ':<9}{dispatch['state']:<10}"
        yield f"  {mark} {name}{line(note, 80)}"


def _left_out(run: Run) -> Iterator[str]:
    for step in run.get("left_out", []):
        yield f"Skipped   {line(step['title'], 100)}: {line(step['why'], 150)}"


def _beside(run: Run) -> Iterator[str]:
    found = changed_beside(run)
    if found:
        shown = ", ".join(some_of(found, MAX_BESIDE))
        yield f"Beside    changed in your own tree while agents worked, by you or by a command of theirs: {shown}"


def _worktrees(run: Run) -> Iterator[str]:
    """What works where, and what lies there still when nobody works any more."""
    for item, tree in lying(run).items():
        here = [d["id"] for d in run["dispatches"].values() if d.get("worktree") == tree["path"]]
        who = f" ({here[-1]})" if here else ""
        yield f"Worktree  {item}{who}: {tree['path']}"
        if tree.get("left"):
            yield f"          left: {line(tree['left'], 150)}"
        if tree.get("left") or run["status"] in ENDED:
            yield f"          when you need nothing of it: git worktree remove -f -f '{tree['path']}'"


def _checks(run: Run) -> Iterator[str]:
    key: Literal["shown", "name"] = "shown" if on_branch(run) else "name"
    for check in {c[key]: c for c in run["checks"].values()}.values():
        yield f"  {check.get('outcome', '…'):<5} {called(check)}: {line(check.get('why', 'running'), 90)}"


def _passed_over(run: Run) -> Iterator[str]:
    for stage in run["workflow"]["stages"]:
        if skipped(run, stage["id"]):
            yield f"  skipped {line(stage.get('title', stage['id']), 80)}: its condition was not met"


def _tokens(run: Run) -> Iterator[str]:
    told = tokens_line(run)
    if told:
        yield f"Tokens    {told}"
    near = None if run["status"] in ENDED else winding_down(run, minutes_since(run["created"]))
    if near:
        yield f"Near end  {near}: agents go one at a time now, and nothing is kept back for another try"


def _memory(run: Run) -> Iterator[str]:
    """What agents were given of earlier runs, and what this one left to later ones."""
    if used := used_learnings(run):
        yield f"Learnings {line(used_text(used), 300)}"
    if kept := kept_text(run):
        yield f"Board     {line(kept, 300)}"


def tokens_line(run: Run) -> str:
    """What was used, against the ceiling and against what was predicted; empty while nothing is known."""
    found = cost(run)
    if found is None:
        return ""
    used = f"{found['total']:,} used" if run.get("used") else "none counted yet"
    granted = f" ({found['left']:,} left)" if found["left"] is not None and run["granted"].get("tokens") else ""
    limit = f" of {found['limit']:,}{granted}" if found["limit"] else ""
    predicted = f"; predicted ~{found['predicted']:,}" if found["predicted"] else ""
    cached = found["agents"]["cache_read"] + found["session"]["cache_read"]
    return f"{used}{limit}{predicted}" + (f"; {cached:,} of them read from the cache" if cached else "")


def _tasks(run: Run) -> Iterator[str]:
    """The tasks of the board that the run carries out, and where it stands with each."""
    found = [f"{row['task']} {row['state']}" for row in rows(run)]
    more = f" and {len(found) - MAX_TASKS} more" if len(found) > MAX_TASKS else ""
    if found:
        yield f"Tasks     {', '.join(found[:MAX_TASKS])}{more}"


def _strength(run: Run, marker: Mapping[str, Json] | None, env: Mapping[str, str]) -> Iterator[str]:
    if run["status"] not in ENDED:
        tier = tier_of(marker, env)
        yield f"Strength  {tier.name}: {tier.why}"


def _repairs(run: Run) -> Iterator[str]:
    for repair in run.get("repairs", []):
        which = (
            f"lines {repair['first']}–{repair['last']}"
            if repair["last"] > repair["first"]
            else f"line {repair['first']}"
        )
        yield f"Repaired  {repair['at']}: gave up {which} ({line(repair['reason'], 90)}); {repair['copy']} has them"


def where(run: Run) -> str:
    """The stage or stages that the run stands at, in words."""
    at = run["position"]["at"]
    if run["status"] in ("completed", "aborted") or at is None:
        return run["status"]
    names = []
    for node, visit, stage in leaves(run):
        outer = node.partition("/")[0]
        of = ""
        if "." in outer:
            total = len(
                items_over(
                    run,
                    next(s for s in run["workflow"]["stages"] if s["id"] == outer.partition(".")[0].partition("~")[0]),
                )
            )
            step = item_of(run, node)
            of = f" (step {int(outer.rpartition('.')[2]) + 1} of {total})"
            of = f" ({line(step['title'], 100)})" if isinstance(step, dict) and "phase" in step else of
        names.append(f"{line(stage.get('title', stage['id']), 100)}{of}" + (f", round {visit}" if visit > 1 else ""))
    if not names:  # a list of which nothing is begun
        names = [line(stage_at(run["workflow"], at).get("title", at), 100)]
    return "; ".join(names)


def _elsewhere(run: Run, env: Mapping[str, str]) -> Iterator[str]:
    """For a session that is not the run's: another window, a fork, the one that follows /clear."""
    if run["status"] not in (*ENDED, "stopped") and env.get("CLAUDE_CODE_SESSION_ID", run["session"]) != run["session"]:
        yield "Elsewhere another session drives it; /fermata:resume takes it over here"


def _next(run: Run) -> Iterator[str]:
    if "turn_failed" in run:
        yield f"Broke off {line(run['turn_failed'], 300)}. In that session, type: go on"
    if run["waiting"] and run["status"] not in ENDED:
        at = run["waiting"].get("until")
        when = f"until {shown_time(at)}, then it goes on: " if at else ""
        yield f"Waits     {when}{line(run['waiting']['why'], 200)}. /fermata:resume goes on{' at once' * bool(at)}, /fermata:abort ends it"
        for fact in [] if at else facts(run):
            yield f"          {line(fact, 250)}"
    elif run["status"] == "stopped":
        yield "Parked    /fermata:resume goes on, /fermata:abort ends it"
    elif shown_status(run) == "waiting" and run["gate"]:
        yield f"Waits     for your decision about plan {code_of(run['gate']['digest'])}: fermata show plan"
