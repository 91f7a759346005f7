"""The consultation report: what a human reads before the yes. Findings, plan, risks, effort, the exact commands, how to answer.

Pure text from the run; the same run always gives the same report. Decides nothing.
"""

from __future__ import annotations

from .commands import shown
from .consultation import (
    MAX_WORDS,
    PROJECT,
    clean,
    code_of,
    is_given,
    lane_lines,
    line,
    plan_of,
    runs_of,
    some_of,
    written_into,
)
from .critique import critique_of
from .forecast import dispatches_ahead
from .items import on_branch
from .order import waits_for
from .phases import before, grouped, standing
from .recalled import used_learnings, used_text
from .scope import is_wide
from .verdicts import concern_lines
from .workflow import stage_at, target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Gate, Json, NamedCheck, Run

MAX_DIRTY = 10


def _risks(plan: dict[str, Json]) -> list[str]:
    found = []
    for level in ("high", "medium", "low"):
        risks = plan.get("risks", {}).get(level, [])
        found.append(f"  {level:<7}" + ("; ".join(line(r, 300) for r in risks) or "none named"))
    return found


def _commands(gate: Gate) -> list[str]:
    """Each command whole, as it will be run, with its line breaks: what is approved here is what runs."""
    found = []
    for check in [*runs_of(gate), *gate["envelope"].get("screens", [])]:
        shown = "\n    | ".join(clean(check["command"]["shown"], MAX_WORDS).split("\n"))
        shell = " [shell]" if check["command"]["shell"] else ""
        found.append(f"  {shown}{shell}   ({line(check['source'])})")
    return found or ["  none"]


def _agents_by_command(gate: Gate) -> list[str]:
    """Stages that another program carries out, word for word as it will be started."""
    commands = gate["envelope"].get("commands", [])
    rows = [f"  {clean(shown(command), MAX_WORDS)}" for command in commands]
    return ["", "Done by other command-line agents, which fermata starts itself", *rows] if rows else []


def _phases(run: Run, steps: list[Json], own: list[list[NamedCheck]]) -> list[str]:
    """A specification's phases: modules with their scopes, what validates each, what it waits for; of what stands, that."""
    found, stays = [], standing(run)
    for name, places in grouped(steps).items():
        first, last = steps[places[-1]]["spec"]["lines"]
        if name in stays:
            found.append(f"  {line(name, 120)}   (lines {first} to {last}; integrated, and stays as it is)")
            continue
        after = ", ".join(line(other, 80) for other in before(steps, places))
        found.append(f"  {line(name, 120)}   (lines {first} to {last}; after: {after or 'none'})")
        for index in places[:-1]:
            scope = ", ".join(line(glob, 300) for glob in steps[index]["scope"])
            found.append(f"     module {line(steps[index]['module'], 80)}; may change: {scope}")
        found += _validation(own[places[-1]])
        criteria = [line(text, 200) for text in steps[places[-1]]["criteria"]]
        found.append(f"     judged by: {'; '.join(criteria) or 'its validation alone; the document names no criteria'}")
    return found


def _validation(checks: list[NamedCheck]) -> list[str]:
    """A phase's own commands, and on a line of its own what fermata looks for in each phase."""
    commands = [check for check in checks if "inspection" not in check]
    looked = [check["name"] for check in checks if "inspection" in check]
    told = "; ".join(line(check["command"]["shown"], 300) for check in commands)
    if not told:
        told = "no command: the document names none, and none was found in this project"
    elif all(check["name"].startswith(PROJECT) for check in commands):
        told += "   (the project's own; the document names none)"
    found = [f"     validated by: {told}"]
    return [*found, f"     inspected by fermata: {', '.join(looked)}"] if looked else found


def _steps(steps: list[Json], wide: int) -> list[str]:
    found = []
    for number, step in enumerate(steps, 1):
        after = [str(one + 1) for one in waits_for(steps, number - 1)]
        told = f"   (after {', '.join(after) or 'none'})" if wide > 1 else ""
        told += " (optional: you may skip it if it fails)" if step.get("optional") else ""
        found.append(f"  {number}. {line(step['title'], 120)}{told}")
        found.append(f"     {line(step['objective'], 1_000)}")
        found.append(f"     may change: {', '.join(line(g, 300) for g in step['scope'])}")
        found += _among_tasks(step)
    return found


def _among_tasks(step: Json) -> list[str]:
    """Where a step stands that is a task: on the board, in an epic and a feature, behind others."""
    above = f"{line(step['epic'], 100)} / {line(step['feature'], 100)}" if "epic" in step else ""
    behind = ", ".join(line(name, 60) for name in step.get("blocked_by", []))
    said = [("task", step.get("task", "")), ("called", step.get("name", "")), ("part of", above), ("after", behind)]
    found = "; ".join(f"{word}: {text}" for word, text in said if text)
    return [f"     {found}"] if found else []


def _agents(run: Run, gate: Gate) -> str:
    """How many agents the plan needs at least, against the limit; more is asked about when it is reached."""
    stages, source = run["workflow"]["stages"], str(stage_at(run["workflow"], gate["node"])["plan"])
    stage = stage_at(run["workflow"], gate["node"])
    kept = {**run["kept"], source: plan_of(run, gate["node"])}
    ahead = dispatches_ahead(stages, target(stages, stage, "approve"), kept)
    made, most = len(run["dispatches"]) - run["granted"].get("dispatches", 0), run["limits"]["dispatches"]
    return f"Agents     at least {ahead}; limits.dispatches allows {max(0, most - made)} more"


def voided_lines(run: Run) -> list[str]:
    """Why an approval that was given no longer counts, and what goes beyond it, new against old; empty when none fell."""
    voided = run["voided"]
    if voided is None:
        return []
    why = f"Asked again: your approval of plan {code_of(voided['digest'])} does not count here: {line(voided['reason'], 300)}"
    again = "  After a yes to the same plan the run goes on where it was"
    return [why, *([f"  {line(change, 600)}" for change in voided["changes"]] or [again])]


def _opening(run: Run, gate: Gate) -> list[str]:
    code, kept = code_of(gate["digest"]), gate.get("kept")
    head = (
        f"FERMATA · plan {code}, inside plan {code_of(kept)} that you approved: you are not asked again" if kept else ""
    )
    fallen = [] if kept else voided_lines(run)
    return [
        head or f"FERMATA · approval needed · plan {code}",
        *(["", *fallen] if fallen else []),
        *("", f"Goal       {line(run['goal'], 600)}"),
        *[
            f"Lane       {lane}"
            for lane in lane_lines(run)
            if run["mode"] == "explicit" or run["routing"]["band"] != "go"
        ],
    ]


def _cost(gate: Gate) -> str:
    predicted = gate.get("predicted")
    return f"~{predicted:,} tokens, as earlier runs here" if predicted else "not known"


def _closing(run: Run, gate: Gate) -> list[str]:
    if "kept" in gate:
        return []
    by_hand = f"By hand: /fermata:approve {code_of(gate['digest'])}"
    return [
        "",
        f"Decide: Approve or Abort. Words of your own end the run; put them into {written_into(run)}."
        if is_given(run, gate)
        else "Decide: Approve, Change the plan, More recon or Abort. No answer means no change.",
        by_hand if run["interactive"] else f"Headless: FERMATA_APPROVE={gate['digest']}",
    ]


def _learnings(run: Run, gate: Gate) -> list[str]:
    """Which of the project's learnings the planner was given, in one line; nothing where it was given none."""
    used = used_learnings(run, stage_at(run["workflow"], gate["node"])["plan"])
    return ["", f"Learnings  {line(used_text(used), 400)}"] if used else []


def _warnings(run: Run, plan: dict[str, Json]) -> list[str]:
    found: list[str] = []
    if plan.get("assumptions"):
        found += ["", "Assumed without asking", *[f"  - {line(a, 400)}" for a in plan["assumptions"]]]
    if plan.get("scope_out"):
        found += ["", "Left alone on purpose", *[f"  - {line(entry, 300)}" for entry in plan["scope_out"]]]
    wide = sorted({g for s in plan["steps"] for g in s["scope"] if is_wide(g)})
    if wide:
        shown = ", ".join(line(g, 300) for g in wide)
        found += ["", f"WIDE SCOPE  {shown} covers the whole repository or its build server's files"]
    dirty = run["base"].get("dirty", [])
    if dirty:
        meant = (
            "NOT PART OF IT: uncommitted work of yours"
            if on_branch(run)
            else "Uncommitted work of yours, left as it is"
        )
        found += ["", f"{meant}: {', '.join(some_of(dirty, MAX_DIRTY))}"]
    large = [f"{path} ({size / 1e6:,.0f} MB)" for path, size in run["base"].get("large", [])]
    if large:
        found += ["", f"Too large for the base, so no diff can show it: {', '.join(some_of(large, MAX_DIRTY))}"]
    return found


def _critique(run: Run) -> list[str]:
    """What a critic said of the plan, where the workflow has one."""
    kept = critique_of(run)
    if kept is None:
        return []
    if not kept:
        return ["", "Critique   none: no critic came to a verdict"]
    said = f"{kept['verdict']}, confidence {kept['confidence']}: {line(kept['summary'], 600)}"
    return ["", f"Critique   {said}", *[f"  {line(entry, 1_200)}" for entry in concern_lines(kept)]]


def _worktrees(run: Run, wide: int) -> list[str]:
    if wide == 1 and not on_branch(run):
        return []
    setup = run.get("worktree_setup", {})
    links, missing = setup.get("links", []), [line(path, 200) for path in some_of(setup.get("missing", []), MAX_DIRTY)]
    lacks = (
        f"NOT INSTALLED  {', '.join(missing)}: checks that need it will fail. Install it here, worktrees link to yours"
    )
    lack = [f"{lacks}; or name `worktrees.setup` in .fermata/config.yaml"] if missing else []
    linked = f"; linked to yours: {', '.join(line(link, 200) for link in links)}" if links else ""
    if not on_branch(run):
        return [f"           agents that work at once have a worktree each, below .fermata/worktrees{linked}", *lack]
    onto = line(run["base"].get("branch") or "", 200)
    end = (
        f"at the end {onto} moves to it once, forward only, with your hooks"
        if onto
        else "no branch is checked out here, so it stays there"
    )
    return [
        f"           each module and each phase has a worktree below .fermata/worktrees{linked}",
        *lack,
        f"Branch     fermata/{run['run']}, from {str(run['base']['commit'])[:12]}: a commit for each phase that is validated; {end}",
    ]


def no_baseline(run: Run) -> str:
    """Why nothing is known of the checks before any change: a workflow need not run them then."""
    return "not run" if run["project_checks"]["full"] else "no checks were found in this project"


def report(run: Run, gate: Gate, baseline: list[str]) -> str:
    """The consultation report: findings, plan, risks by level, effort, exact commands, and how to answer.

    Args:
        run: at its gate.
        gate: the approval asked for, or the narrower plan that an approval covers.
        baseline: one line per check that was run before the plan.
    """
    plan = plan_of(run, gate["node"])
    tests = [f"  {b}" for b in baseline] or [f"  {no_baseline(run)}"]
    effort, wide = line(plan.get("effort", "not estimated"), 120), gate["envelope"].get("threads", 1)
    own = gate["envelope"].get("own", [])
    size = f"parallel threads {wide}" if own else f"Phases {len(plan['steps'])}, parallel threads {wide}"
    out = [
        *_opening(run, gate),
        *("", "Findings", *[f"  - {line(f, 400)}" for f in plan.get("findings", [])]),
        *("", "Tests before any change", *tests),
        *_learnings(run, gate),
        *("", f"Plan       {line(plan.get('summary', ''), 1_000)}"),
        *(_phases(run, plan["steps"], own) if own else _steps(plan["steps"], wide)),
        *_warnings(run, plan),
        *_critique(run),
        *(["", "Risks", *_risks(plan)] if "risks" in plan or not own else []),  # a specification names gotchas instead
        *(["", f"Rollback   {line(plan['rollback'], 600)}"] if plan.get("rollback") else []),
        *("", f"Effort     {size}; {effort}; predicted cost: {_cost(gate)}"),
        *_worktrees(run, wide),
        _agents(run, gate),
        *("", "fermata will run, as often as it needs", *_commands(gate)),
        *_agents_by_command(gate),
        *_closing(run, gate),
    ]
    return "\n".join(out)
