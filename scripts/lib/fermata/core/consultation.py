"""What the human is asked at the gate: the plan's digest, the report, the question, and what counts as an answer.

Pure text from the run. The same words are compared byte by byte when the answer comes back, so nothing here may
depend on the time or the machine.
"""

from __future__ import annotations

from .canonical import digest
from .commands import shown
from .critique import critique_of
from .forecast import dispatches_ahead
from .items import on_branch, parallel_of
from .order import threads, waits_for
from .recalled import used_learnings, used_text
from .scope import is_wide
from .workflow import GIVEN, GOAL, stage_at, target, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import Decision, Dispatch, Envelope, Gate, Json, NamedCheck, Question, Run

LABELS: dict[str, Decision] = {
    "Abort": "abort",
    "Approve": "approve",
    "Change the plan": "modify",
    "More recon": "more_recon",
}
OPTIONS = [
    {"label": "Abort", "description": "Nothing is changed; the run ends"},
    {"label": "Approve", "description": "Build exactly this plan"},
    {"label": "Change the plan", "description": "The planner asks what to change; or type it as your own answer"},
    {"label": "More recon", "description": "The planner looks further before you decide"},
]
MIN_SECONDS = 1.0
MAX_WORDS = 4_000
MAX_DIRTY = 10
# Unicode's other spaces; as printable as a blank, but `str.isprintable` says no to them.
SPACES = dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000), " ")
MAX_TITLES, MAX_GLOBS = 8, 20
# What prints as nothing although Unicode calls it printable: fillers, joiners, and selectors that text hides in.
BLANK = dict.fromkeys((0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, *range(0xE0100, 0xE01F0)))


def _shows(char: str) -> bool:
    return char.isprintable() or char in "\n\t"


def clean(text: str, limit: int = 2_000) -> str:
    """*text* as it may stand on a terminal: nothing that is hidden, moves the cursor or turns the text around.

    Removes control, bidi, zero-width, unassigned and surrogate characters and says how many; cuts visibly at *limit*.
    """
    given = str(text).replace("\r", "\n").translate(SPACES)
    bare = given if given.isprintable() else "".join(filter(_shows, given))
    bare = bare.translate(BLANK)
    lost = len(given) - len(bare)
    shown = bare if len(bare) <= limit else bare[:limit] + f" … ({len(bare) - limit:,} more characters)"
    return shown + (f" ({lost} hidden characters removed)" if lost else "")


def line(text: str, limit: int = 160) -> str:
    """*text* cleaned and on one line; cut with an ellipsis."""
    flat = " ".join(clean(text, 20 * limit).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def plan_of(run: Run, node: str) -> dict[str, Json]:
    """The plan that the gate at *node* asks about: what its `plan` stage kept, what the run was given, or the goal itself."""
    source = stage_at(run["workflow"], node)["plan"]
    return goal_plan(run["goal"]) if source == GOAL and GOAL not in run["kept"] else run["kept"][source]


def goal_plan(goal: str) -> dict[str, Json]:
    """What the user typed, as a plan of one step that may change whatever a plan may change at all."""
    step = {
        "title": line(goal, 100),
        "objective": clean(goal, 20_000),
        "scope": ["**"],
        "acceptance": ["the goal is met", "the checks pass"],
    }
    return {
        "summary": line(goal, 1_000),
        "findings": ["none: nobody looked before"],
        "steps": [step],
        "effort": "small",
    }


def _given(run: Run, gate: Gate) -> bool:
    """Whether nobody is there who could plan anew."""
    return stage_at(run["workflow"], gate["node"])["plan"] in GIVEN


def envelope_of(run: Run, node: str) -> Envelope:
    """What an approval of the plan as it stands would cover, for the gate at *node*."""
    plan = plan_of(run, node)
    steps = plan["steps"]
    extra = list(plan.get("checks", []))
    agents = {s["agent"] for _, s in walk(run["workflow"]["stages"]) if s.get("access") == "write" or s.get("verdict")}
    project = run["project_checks"]
    known = {c["command"]["shown"] for c in project["full"]}
    full = project["full"] + [c for c in extra if c["command"]["shown"] not in known]
    envelope: Envelope = {
        "workflow": run["workflow_digest"],
        "base_commit": str(run["base"].get("commit") or ""),
        "scopes": [sorted(step["scope"]) for step in steps],
        "checks": full,
        "quick": project["quick"] or full,
        "agents": sorted(agents),
        "steps": len(steps),
    }
    if project.get("screens") and _takes_pictures(run):
        envelope["screens"] = project["screens"]
    if run.get("commands"):
        envelope["commands"] = run["commands"]
    if on_branch(run):
        envelope["branch"] = str(run["base"].get("branch") or "")
        envelope["setup"] = list(run.get("worktree_setup", {}).get("commands", []))
    if any("digest" in step for step in steps):
        envelope["own"] = [step.get("checks", []) for step in steps]
        envelope["parts"] = [{"title": step["title"], "digest": step["digest"]} for step in steps]
    wide = threads(steps, max(_parallels(run, node), default=1))
    if wide > 1:
        envelope["threads"] = wide
        envelope["setup"] = list(run.get("worktree_setup", {}).get("commands", []))
    return envelope


def _takes_pictures(run: Run) -> bool:
    return any(stage.get("commands") == "screens" for _, stage in walk(run["workflow"]["stages"]))


def _parallels(run: Run, node: str) -> Iterator[int]:
    """How many steps each foreach over the plan of the gate at *node* may have at work at once."""
    over = f"{stage_at(run['workflow'], node)['plan']}.steps"
    for _, stage in walk(run["workflow"]["stages"]):
        if stage["kind"] == "foreach" and stage["over"] == over:
            yield parallel_of(run, stage)


def plan_digest(envelope: Envelope) -> str:
    """SHA-256, 64 hex digits, over the canonical envelope. Progress, times and plugin version are not in it."""
    return digest("fermata plan 1", envelope)


def code_of(plan: str) -> str:
    """The short name of a plan that a person types; it names the plan and is no secret."""
    return plan[:8]


def question_for(run: Run, gate: Gate) -> Question:
    """The canonical question of the picker. Abort comes first because the first option is preselected."""
    steps = plan_of(run, gate["node"])["steps"]
    text = [
        f"fermata asks: may the agents carry out this plan? (plan {code_of(gate['digest'])})",
        f"Goal: {line(run['goal'], 200)}",
        _size(steps),
        "May change: " + ", ".join(_some(sorted({g for s in steps for g in s["scope"]}), MAX_GLOBS)),
        "Will run: " + ("; ".join(line(c["command"]["shown"], 120) for c in _runs(gate)) or "nothing"),
    ]
    others = gate["envelope"].get("commands", [])
    if others:
        text.append("By command: " + "; ".join(line(shown(command), 160) for command in others))
    critique = critique_of(run)
    if critique and not critique["approved"]:
        many = f"{len(critique['concerns'])} concern(s), told in the report"
        text.append(f"A critic says {critique['verdict']} (confidence {critique['confidence']}): {many}")
    if run["mode"] == "explicit":  # one picker for the lane and the plan: a yes is a yes to both
        text += [f"Lane: {lane}" for lane in _lane(run)]
    changes = run["voided"]["changes"] if run["voided"] else []
    if changes:
        text.insert(1, "Beyond what you approved: " + "; ".join(_some(changes, MAX_TITLES)))
    return {
        "question": "\n".join(text),
        "header": "Approval",
        "options": OPTIONS[:2] if _given(run, gate) else OPTIONS,
        "multiSelect": False,
    }


def _size(steps: list[Json]) -> str:
    from .phases import grouped

    phases = grouped(steps)
    if not phases:
        titles = _some([step["title"] for step in steps], MAX_TITLES)
        return f"{len(steps)} step{'s' * (len(steps) != 1)}: " + "; ".join(titles)
    told = [f"{name} ({', '.join(steps[at]['module'] for at in places[:-1])})" for name, places in phases.items()]
    return f"{len(told)} phase{'s' * (len(told) != 1)}: " + "; ".join(_some(told, MAX_TITLES))


def _lane(run: Run) -> list[str]:
    """How the run was routed, as one entry; empty where no router was asked."""
    found = run.get("routing")
    if not found:
        return []
    note = f"; {found['note']}" if found["note"] else ""
    sure = f"signal {line(found['signal'], 80)}, confidence {found['confidence']:.2f} ({found['band']}){note}"
    return [f"{found['workflow']}: {sure}. For another one: Abort, then /orchestrate WORKFLOW: GOAL"]


def _some(texts: list[str], most: int) -> list[str]:
    """The first of *texts*, each on one line, and how many are left out."""
    return [line(t, 80) for t in texts[:most]] + [f"and {len(texts) - most} more"] * (len(texts) > most)


def read_answer(answer: str) -> tuple[Decision, str]:
    """The decision and the human's own words. Words of their own are a change to the plan, never an approval."""
    if answer in LABELS:
        return LABELS[answer], ""
    return "modify", clean(answer, MAX_WORDS)


def answers_text(answers: list[dict[str, str]]) -> str:
    """The user's answers to an agent's questions, as a list."""
    return "\n".join(f"- {line(a['question'], 500)}\n  {clean(a['answer'], 2_000)}" for a in answers)


def answers_message(dispatch: Dispatch, rounds_left: int) -> str:
    """What an agent that asked is told when the user has answered."""
    return (
        f"The user answered ({dispatch['id']}):\n{answers_text(dispatch['answers'])}\n"
        f"{rounds_left} question round(s) left. Go on, and hand in the result as your brief says."
    )


def _risks(plan: dict[str, Json]) -> list[str]:
    found = []
    for level in ("high", "medium", "low"):
        risks = plan.get("risks", {}).get(level, [])
        found.append(f"  {level:<7}" + ("; ".join(line(r, 300) for r in risks) or "none named"))
    return found


def _runs(gate: Gate) -> list[NamedCheck]:
    return [*gate["envelope"]["checks"], *gate["envelope"].get("setup", [])]


def _commands(gate: Gate) -> list[str]:
    """Each command whole, as it will be run, with its line breaks: what is approved here is what runs."""
    found = []
    for check in [*_runs(gate), *gate["envelope"].get("screens", [])]:
        shown = "\n    | ".join(clean(check["command"]["shown"], MAX_WORDS).split("\n"))
        shell = " [shell]" if check["command"]["shell"] else ""
        found.append(f"  {shown}{shell}   ({line(check['source'])})")
    return found or ["  none"]


def _agents_by_command(gate: Gate) -> list[str]:
    """Stages that another program carries out, word for word as it will be started."""
    commands = gate["envelope"].get("commands", [])
    rows = [f"  {clean(shown(command), MAX_WORDS)}" for command in commands]
    return ["", "Done by other command-line agents, which fermata starts itself", *rows] if rows else []


def _phases(steps: list[Json], own: list[list[NamedCheck]]) -> list[str]:
    """A specification's phases: modules with their scopes, what validates each, what it waits for."""
    from .phases import before, grouped

    found = []
    for name, places in grouped(steps).items():
        first, last = steps[places[-1]]["spec"]["lines"]
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
    told = [line(check["command"]["shown"], 300) for check in checks if "inspection" not in check]
    looked = [check["name"] for check in checks if "inspection" in check]
    found = [f"     validated by: {'; '.join(told) or 'no command of its own'}"]
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
        *[f"Lane       {lane}" for lane in _lane(run) if run["mode"] == "explicit" or run["routing"]["band"] != "go"],
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
        "Decide: Approve or Abort. Words of your own end the run; put them into a new goal."
        if _given(run, gate)
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
        found += ["", f"{meant}: {', '.join(_some(dirty, MAX_DIRTY))}"]
    large = [f"{path} ({size / 1e6:,.0f} MB)" for path, size in run["base"].get("large", [])]
    if large:
        found += ["", f"Too large for the base, so no diff can show it: {', '.join(_some(large, MAX_DIRTY))}"]
    return found


def _critique(run: Run) -> list[str]:
    """What a critic said of the plan, where the workflow has one."""
    from .verdicts import concern_lines

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
    links = run.get("worktree_setup", {}).get("links", [])
    linked = f"; linked to yours: {', '.join(line(link, 200) for link in links)}" if links else ""
    if not on_branch(run):
        return [f"           agents that work at once have a worktree each, below .fermata/worktrees{linked}"]
    onto = line(run["base"].get("branch") or "", 200)
    end = (
        f"at the end {onto} moves to it once, forward only, with your hooks"
        if onto
        else "no branch is checked out here, so it stays there"
    )
    return [
        f"           each module and each phase has a worktree below .fermata/worktrees{linked}",
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
        *(_phases(plan["steps"], own) if own else _steps(plan["steps"], wide)),
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
