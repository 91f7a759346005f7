"""The pages that a run leaves for people, by name: made from accepted results and evidence, and from nothing else.

A pure function of the run, so that every page can be made anew from the journal. Decides no path but the name of a page.
"""

from __future__ import annotations

import re

from .check_runs import checks_of, last_runs
from .consultation import clean, line
from .contract import contract, judges_plan, plans
from .items import items_over
from .plan_text import plan_document
from .position import dispatches_of, outcome_of
from .verdicts import verdict_lines
from .workflow import FAILED, good, stage_at, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import CheckRun, Dispatch, Json, Run, Stage

MAX_SLUG = 40


def slug(text: str) -> str:
    """*text* as part of a file's name: its first words in lower case."""
    words = re.findall(r"[a-z0-9]+", text.casefold())
    return "-".join(words)[:MAX_SLUG].strip("-") or "untitled"


def plan_name(run: Run) -> str | None:
    """The page that holds the plan, for a stage that is told where it lies; None while there is none."""
    if not any(plans(stage) and stage["id"] in run["kept"] for stage in run["workflow"]["stages"]):
        return None
    return f"plans/{run['created'][:10]}-{slug(run['goal'])}-plan" if _by_date(run) else "implementation_plan"


def _by_date(run: Run) -> bool:
    return any("stage" in contract(stage) for _, stage in walk(run["workflow"]["stages"]))


def pages(run: Run) -> dict[str, str]:
    """Name (`recon_structure`, `tracking/phase_1_complete`) to text of every page there is by now."""
    found = dict(_recon(run))
    plan = plan_name(run)
    made = [stage["id"] for stage in run["workflow"]["stages"] if plans(stage) and stage["id"] in run["kept"]]
    if plan:
        found |= dict.fromkeys((plan, "implementation_plan"), plan_document(run["kept"][made[-1]], run["goal"]))
    found |= dict(_phases(run))
    verification = _verification(run)
    return {**found, "verification": verification} if verification else found


# --- what was found before the plan


def _recon(run: Run) -> Iterator[tuple[str, str]]:
    """Of each target the newest result."""
    for dispatch in run["dispatches"].values():
        kept = dispatch.get("kept", {})
        if dispatch["result"] == "recon" and dispatch["state"] == "completed" and kept:
            target = str(dispatch["item"] or kept.get("target", "")).partition(":")[0]
            yield f"recon_{slug(target)}", _looked(dispatch, kept)


def _looked(dispatch: Dispatch, kept: dict[str, Json]) -> str:
    out = [f"# Recon: {line(kept.get('target', ''), 300)}", f"Status: {kept.get('status', '')} ({dispatch['id']})"]
    out += [clean(kept.get("summary", ""), 300), "## Findings"]
    for topic, found in kept.get("findings", {}).items():
        entries = [found] if isinstance(found, str) else found
        out.append(f"### {line(topic, 100)}\n" + "\n".join(f"- {clean(entry, 600)}" for entry in entries))
    advice = [f"- {clean(entry, 400)}" for entry in kept.get("recommendations", [])]
    return "\n\n".join([*out, "## Recommendations", "\n".join(advice) or "none"])


# --- phases of the plan


def _phases(run: Run) -> Iterator[tuple[str, str]]:
    for stage in run["workflow"]["stages"]:
        if stage["kind"] == "foreach":
            for prefix in dict.fromkeys(
                d["node"].partition("/")[0] for d in run["dispatches"].values() if "/" in d["node"]
            ):
                index = prefix.rpartition(".")[2]
                if prefix.partition(".")[0].partition("~")[0] == stage["id"] and _complete(run, stage, prefix):
                    yield f"tracking/phase_{int(index) + 1}_complete", _phase(run, prefix, int(index))


def _complete(run: Run, stage: Stage, prefix: str) -> bool:
    """Whether one entry of a foreach is done: its last work ended well in its newest visit, and was brought in."""
    last = [inner for inner in stage["stages"] if inner["kind"] != "merge"][-1]
    node = f"{prefix}/{last['id']}"
    visits = [d["visit"] for d in (*run["dispatches"].values(), *run["checks"].values()) if d["node"] == node]
    apart = any("worktree" in d for d in run["dispatches"].values() if d["node"].startswith(f"{prefix}/"))
    merges = [m["outcome"] for key, m in run.get("merges", {}).items() if key.startswith(f"{prefix}/")]
    if not visits or (apart and merges[-1:] != ["done"]):
        return False
    outcome = outcome_of(run, node, max(visits), last)
    return outcome is not None and outcome != FAILED and good(last, outcome)


def _phase(run: Run, prefix: str, index: int) -> str:
    items = items_over(run, stage_at(run["workflow"], prefix))
    item = items[index] if index < len(items) and isinstance(items[index], dict) else {}
    inside = [d for d in run["dispatches"].values() if d["node"].startswith(f"{prefix}/")]
    checks = last_runs(
        [c for c in run["checks"].values() if c["node"].startswith(f"{prefix}/") and c["state"] == "finished"]
    )
    changed = sorted({path for d in inside if d["state"] == "completed" for path in d["changed"]})
    parts = [
        f"# Phase {index + 1} of {len(items)} complete: {line(item.get('title', ''), 100)}",
        clean(item.get("objective", ""), 1_000),
        "## Done\n" + "\n".join(_done(d) for d in inside),
        "## Files changed\n" + ("\n".join(f"- `{line(path, 300)}`" for path in changed) or "none"),
        "## Checks, run by fermata\n" + ("\n".join(map(_checked, checks)) or "none in this phase"),
    ]
    return "\n\n".join(filter(None, parts))


def _done(dispatch: Dispatch) -> str:
    told = dispatch["summary"] if dispatch["state"] == "completed" else dispatch["reason"]
    return f"- {dispatch['id']} {dispatch['agent']}, {dispatch['state']}: {line(told, 600)}"


def _checked(check: CheckRun) -> str:
    return f"- {check['name']}: {check.get('outcome')} ({line(check.get('why', ''), 300)})"


# --- verification


def _verification(run: Run) -> str:
    """Evidence and verdicts of the stages behind the work; "" before there are any."""
    out: list[str] = []
    wrote = False
    for stage in run["workflow"]["stages"]:
        wrote = wrote or any(inner.get("access") == "write" for _, inner in walk([stage]))
        visit = run["position"]["visits"].get(stage["id"])
        if wrote and visit:
            out += _verified(run, stage, visit)
    return "\n\n".join(["# Verification", *out]) if out else ""


def _verified(run: Run, stage: Stage, visit: int) -> list[str]:
    title, node = line(stage.get("title", stage["id"]), 100), stage["id"]
    if run["position"].get("skipped", {}).get(node) == visit:
        return [f"## {title}\nskipped: its condition was not met"]
    if stage["kind"] == "checks":
        made = [c for c in last_runs(checks_of(run, node, visit)) if c["state"] == "finished"]
        rows = [_checked(check) for check in made]
        return (
            ["\n".join([f"## {title}", *(rows or ["nothing was run"])])] if outcome_of(run, node, visit, stage) else []
        )
    done = [d for d in dispatches_of(run, node, visit) if d["state"] == "completed"]
    if "verdict" not in stage or judges_plan(stage) or not done:
        return []
    kept = run["kept"].get(node, {})
    head = f"## {title}\n{kept.get(stage['verdict'], '')}: {clean(kept.get('summary', ''), 2_000)}"
    return ["\n".join([head, *verdict_lines(kept)])]
