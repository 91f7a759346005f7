"""Handoffs: what one agent leaves to the next, as a typed record that fermata makes from the run.

Decides what stands in a record and how it reads in a brief. A pure function of the run: agents write none, and the
journal alone brings every record back. Its shape is in `definitions/schemas/handoffs/`.
"""

from __future__ import annotations

from .check_runs import checks_of, last_runs
from .consultation import clean, code_of, line
from .contract import judges_plan, plans
from .position import dispatches_of, frame_of
from .recalled import used_learnings
from .verdicts import judged, verdict_lines
from .workflow import BAD_NEWS, FAILED, GIVEN, good, stage_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Dispatch, Json, Run

MAX_DETAILS = 2_000
NARROW = (
    "only what is left. Was the work unclear, or too much at once? Say it more exactly, and split it into smaller steps "
    "with fewer files each. What is inside the approved plan goes on without asking the user again."
)


def handoff(run: Run, node: str, output: str = "") -> dict[str, Json] | None:
    """The record for the agent that is to work at *node*; None where nobody hands over.

    From the planner to whoever carries the plan out; from there back to the planner when the work went wrong and the
    workflow leads back to planning.

    Args:
        run: as it was when the dispatch was made.
        node: the receiving stage.
        output: the end of what a red check printed, which the run does not hold.
    """
    stage = stage_at(run["workflow"], node)
    if plans(stage):
        came = None if sent_back(run, node) else cause(run, node)
        return _back(run, stage["agent"], came, output) if came else None
    return _over(run, stage["agent"]) if stage.get("access") == "write" and run["approved"] else None


def cause(run: Run, node: str) -> tuple[str, str, int] | None:
    """What sent the run to *node* with bad news: outcome, its node, that node's visit. None for good news."""
    frame, prefix = frame_of(run, node)
    came = frame["came_from"].get(node.rpartition("/")[2])
    if not came:
        return None
    sent = stage_at(run["workflow"], prefix + came["stage"])
    if came["outcome"] not in BAD_NEWS and ("verdict" not in sent or good(sent, came["outcome"])):
        return None
    return came["outcome"], prefix + came["stage"], frame["visits"][came["stage"]]


def sent_back(run: Run, node: str) -> tuple[str, str] | None:
    """Verdict and node of the stage that judged the plan of *node* and wants it made anew; None where none did."""
    came = cause(run, node)
    return came[:2] if came and judges_plan(stage_at(run["workflow"], came[1])) else None


def _over(run: Run, agent: str) -> dict[str, Json] | None:
    approved = run["approved"]
    assert approved is not None
    planned = stage_at(run["workflow"], approved["node"])["plan"]
    plan = run["kept"].get(planned)
    if planned in GIVEN or plan is None:
        return None
    source = stage_at(run["workflow"], planned)
    scopes = approved["envelope"]["scopes"]
    context = {
        "task_id": run["run"],
        "plan_id": code_of(approved["digest"]),
        "plan_summary": line(plan.get("summary", ""), 500),
        "learnings_loaded": [f"{one['id']}: {one['title']}" for one in used_learnings(run, planned)],
        "requirements_summary": {
            "scope_in": sorted({glob for scope in scopes for glob in scope}),
            "scope_out": [line(entry, 300) for entry in plan.get("scope_out", [])],
        },
    }
    return {"format": 1, "from": source["agent"], "to": agent, "context": context}


def _back(run: Run, agent: str, came: tuple[str, str, int], output: str) -> dict[str, Json]:
    outcome, node, visit = came
    made = [d for d in run["dispatches"].values() if d["access"] == "write"]
    steps = _Steps(run, node, visit)
    failed = [d for d in made if d["state"] == "failed" and (d["node"] == steps.node or outcome != FAILED)]
    reason, details = _why(run, outcome, steps.node if outcome == FAILED else node, visit)
    context = {
        "failure_reason": line(reason, 1_000),
        "completed_steps": steps.completed,
        "failed_step": steps.failed or line(stage_at(run["workflow"], node).get("title", node), 120),
        "error_details": clean("\n".join(filter(None, (details, output))), MAX_DETAILS),
        "suggestion": line(failed[-1].get("suggestion", ""), 600) if failed else "",
    }
    return {"format": 1, "from": made[-1]["agent"] if made else "fermata", "to": agent, "context": context}


class _Steps:
    """How far the newest pass over the plan's steps came: titles of the done ones, the one that failed and its node."""

    def __init__(self, run: Run, node: str, visit: int) -> None:
        stage = stage_at(run["workflow"], node)
        self.node, self.failed, self.completed = node, "", list[str]()
        own = stage["kind"] == "foreach"
        passes = [d for d in run["dispatches"].values() if "/" in d["node"] and d["access"] == "write"]
        if own:
            prefix = f"{node}~{visit}." if visit > 1 else f"{node}."
            passes = [d for d in passes if d["node"].startswith(prefix)]
        if not passes:
            return
        outer, _, index = passes[-1]["node"].partition("/")[0].rpartition(".")
        over = stage_at(run["workflow"], outer)["over"].partition(".")
        titles = [f"{n}. {line(step['title'], 100)}" for n, step in enumerate(run["kept"][over[0]][over[2]], 1)]
        failed = _failed_items(run, passes) if own else []
        begun = [_index(d) for d in passes]
        self.completed = [titles[at] for at in sorted({*begun, *range(int(index) + 1 if not own else 0)} - set(failed))]
        if own:
            self.failed = "; ".join(titles[at] for at in failed)
            self.node = next(d["node"] for d in reversed(passes) if _index(d) in failed)


def _index(dispatch: Dispatch) -> int:
    """Which item of its foreach it worked on."""
    return int(dispatch["node"].partition("/")[0].rpartition(".")[2])


def _failed_items(run: Run, passes: list[Dispatch]) -> list[int]:
    """The items of one pass that came to no good end: in place the last one begun, in a worktree each that was not brought in."""
    brought = {key.partition("/")[0] for key, merge in run.get("merges", {}).items() if merge["outcome"] == "done"}
    apart = {_index(d) for d in passes if "worktree" in d and d["node"].partition("/")[0] not in brought}
    return sorted(apart or {_index(passes[-1])})


def _why(run: Run, outcome: str, node: str, visit: int) -> tuple[str, str]:
    """Reason and details, from the tries, the checks or the review that ended badly."""
    if judged(run, node, outcome):
        review = run["kept"].get(node, {})
        said = "the review rejected the change" if outcome == "reject" else f"{node} ended {outcome}"
        return f"{said}: {review.get('summary', '')}", "\n".join(verdict_lines(review))
    if outcome == "red":
        red = [c for c in last_runs(checks_of(run, node, visit)) if c.get("outcome") != "green"]
        told = [f"{c['name']}: {c.get('outcome')} ({line(c.get('why', ''), 300)})" for c in red]
        return f"{len(red)} check(s) did not pass: {'; '.join(told)}", "\n".join(told)
    tries = _failures(run, node)
    if tries:
        told = [f"{d['id']}: {line(d['reason'], 600)}" for d in tries]
        return f"{len(tries)} tries failed; the last one: {tries[-1]['reason']}", "\n".join(told)
    red = [c for c in run["checks"].values() if c["node"].rpartition("/")[0] == node.rpartition("/")[0]]
    told = [f"{c['name']}: {c.get('outcome')} ({line(c.get('why', ''), 300)})" for c in last_runs(red)]
    return "its checks did not become green", "\n".join(told)


def _failures(run: Run, node: str) -> list[Dispatch]:
    visits = [d["visit"] for d in run["dispatches"].values() if d["node"] == node]
    made = dispatches_of(run, node, max(visits, default=0))
    return [d for d in made if d["state"] == "failed"] if made and made[-1]["state"] == "failed" else []


def handoff_text(record: dict[str, Json]) -> str:
    """The record as the receiving agent reads it."""
    context, head = record["context"], f"From {record['from']} to {record['to']}."
    if "plan_id" in context:
        scope = context["requirements_summary"]
        rows = [
            ("Plan", f"{context['plan_id']}: {context['plan_summary']}"),
            ("Scope of the whole plan", ", ".join(scope["scope_in"])),
            ("Left alone on purpose", "; ".join(scope["scope_out"])),
            ("Learnings", "; ".join(context["learnings_loaded"])),
        ]
    else:
        rows = [
            ("The work failed", context["failure_reason"]),
            ("Failed step", context["failed_step"]),
            ("Completed steps (they stay in the tree)", "; ".join(context["completed_steps"]) or "none"),
            ("Suggestion", context["suggestion"]),
            ("Details", "\n" + context["error_details"] if context["error_details"] else ""),
            ("Plan anew", NARROW),
        ]
    return "\n".join([head, *[f"{title}: {text}" for title, text in rows if text]])
