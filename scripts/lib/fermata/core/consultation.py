"""What the human is asked at the gate: the plan's digest, the question, and what counts as an answer.

Pure text from the run. The same words are compared byte by byte when the answer comes back, so nothing here may
depend on the time or the machine.
"""

from __future__ import annotations

from .canonical import digest
from .commands import shown
from .critique import critique_of
from .items import on_branch, parallel_of
from .order import threads
from .phases import grouped, parts_of
from .workflow import GIVEN, GOAL, SPEC, stage_at, walk

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
PROJECT = "project-"  # how a check of the project's is called where it validates a phase
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


def is_given(run: Run, gate: Gate) -> bool:
    """Whether nobody is there who could plan anew."""
    return stage_at(run["workflow"], gate["node"])["plan"] in GIVEN


def written_into(run: Run) -> str:
    """Where a wish belongs that changes what nobody here has planned."""
    spec = run["kept"].get(SPEC)
    return f"{line(spec['source']['path'], 200)}, then type /conduct again" if spec else "a new goal"


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
        envelope["own"] = [_own(step, project["full"]) for step in steps]
        envelope["parts"] = parts_of(steps)
    wide = threads(steps, max(_parallels(run, node), default=1))
    if wide > 1:
        envelope["threads"] = wide
        envelope["setup"] = list(run.get("worktree_setup", {}).get("commands", []))
    return envelope


def _own(step: Json, full: list[NamedCheck]) -> list[NamedCheck]:
    """What validates a step of a specification. A phase that brings no command is held to the project's own.

    Those get a prefix: a check of the project's may be called as an inspection is.
    """
    checks: list[NamedCheck] = step.get("checks", [])
    if not checks or any("inspection" not in check for check in checks):
        return checks
    project: list[NamedCheck] = [{**check, "name": f"{PROJECT}{check['name']}"} for check in full]
    return [*checks[:1], *project, *checks[1:]]


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
        "May change: " + ", ".join(some_of(sorted({g for s in steps for g in s["scope"]}), MAX_GLOBS)),
        "Will run: " + ("; ".join(line(c["command"]["shown"], 120) for c in runs_of(gate)) or "nothing"),
    ]
    others = gate["envelope"].get("commands", [])
    if others:
        text.append("By command: " + "; ".join(line(shown(command), 160) for command in others))
    critique = critique_of(run)
    if critique and not critique["approved"]:
        many = f"{len(critique['concerns'])} concern(s), told in the report"
        text.append(f"A critic says {critique['verdict']} (confidence {critique['confidence']}): {many}")
    if run["mode"] == "explicit":  # one picker for the lane and the plan: a yes is a yes to both
        text += [f"Lane: {lane}" for lane in lane_lines(run)]
    changes = run["voided"]["changes"] if run["voided"] else []
    if changes:
        text.insert(1, "Beyond what you approved: " + "; ".join(some_of(changes, MAX_TITLES)))
    return {
        "question": "\n".join(text),
        "header": "Approval",
        "options": OPTIONS[:2] if is_given(run, gate) else OPTIONS,
        "multiSelect": False,
    }


def _size(steps: list[Json]) -> str:
    phases = grouped(steps)
    if not phases:
        titles = some_of([step["title"] for step in steps], MAX_TITLES)
        return f"{len(steps)} step{'s' * (len(steps) != 1)}: " + "; ".join(titles)
    told = [f"{name} ({', '.join(steps[at]['module'] for at in places[:-1])})" for name, places in phases.items()]
    return f"{len(told)} phase{'s' * (len(told) != 1)}: " + "; ".join(some_of(told, MAX_TITLES))


def lane_lines(run: Run) -> list[str]:
    """How the run was routed, as one entry; empty where no router was asked."""
    found = run.get("routing")
    if not found:
        return []
    note = f"; {found['note']}" if found["note"] else ""
    sure = f"signal {line(found['signal'], 80)}, confidence {found['confidence']:.2f} ({found['band']}){note}"
    return [f"{found['workflow']}: {sure}. For another one: Abort, then /orchestrate WORKFLOW: GOAL"]


def some_of(texts: list[str], most: int) -> list[str]:
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


def runs_of(gate: Gate) -> list[NamedCheck]:
    return [*gate["envelope"]["checks"], *gate["envelope"].get("setup", [])]
