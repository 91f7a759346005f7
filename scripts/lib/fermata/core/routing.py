"""Which workflow a goal asks for: a few whole words, in a fixed order of precedence, and how sure that is.

Decides nothing else: what the user chose comes first, no lane opens a gate, and a lane whose workflow is not there
falls to the one that plans and asks. The same goal always gives the same answer.

The rows are tried from top to bottom; the first that matches names the lane. Confidence is the weight of that lane's rows
that match, divided by the weights of all rows that match, each counted once: `fix` alone is 1.00, beside `add` the lane of
`add` has 2/3 = 0.67. From 0.80 on the lane is taken, from 0.60 on it is taken with a caution; below, or when nothing
matches, the plan is made and the user asked. The weights are such that no two lanes can be level.
"""

from __future__ import annotations

import re
from collections import namedtuple

from .consultation import line
from .workflow import walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from .records import Run, Workflow

DEFAULT = "plan_then_build"
Row = namedtuple("Row", "words lane weight")
ROWS = (
    Row(("project", "system", "platform"), "decompose_first", 3),
    Row(("refactor", "restructure"), DEFAULT, 2),
    Row(("add", "create", "implement"), DEFAULT, 2),
    Row(("fix", "bug", "error", "typo"), "build_only", 1),
)
CLASSES = {"build_only": "simple", "plan_then_build": "complex", "decompose_first": "huge", "multi_task": "complex"}
GO, CAUTION = 0.80, 0.60
TASK = re.compile(r"\bT\d+\b")

Route = namedtuple("Route", "lane workflow complexity signal confidence band note")
Route.__doc__ = (
    """`lane` is what the signal asks for, `workflow` what will run; `note` says why they differ, else it is ""."""
)


def route(
    goal: str, known: Container[str], *, choice: str | None = None, by: str = "your choice", proven: bool = True
) -> Route:
    """The route of *goal*.

    Args:
        goal: as the user typed it.
        known: the names of the workflows there are.
        choice: the workflow that the user named, which always wins.
        by: how they named it.
        proven: whether the project has a check that would prove a small change.
    """
    if choice:
        return Route(choice, choice, CLASSES.get(choice, "complex"), by, 1.0, "go", "")
    tasks = sorted(set(TASK.findall(goal)))
    if len(tasks) > 1:
        return _settled("multi_task", f"several tasks: {', '.join(tasks[:5])}", 1.0, known, proven=proven)
    words = set(
        re.findall(r"\w+(?:[-'./]\w+)*", goal.casefold())
    )  # `bug-free`, `fix_it`, `src/system/a.py`: one word each
    found = [(row, next(word for word in row.words if word in words)) for row in ROWS if words & set(row.words)]
    if not found:
        return Route(DEFAULT, DEFAULT, CLASSES[DEFAULT], "none", 0.0, "ask", "")
    lane, word = found[0][0].lane, found[0][1]
    own, total = (sum(row.weight for row, _ in found if row.lane in lanes) for lanes in ((lane,), CLASSES))
    return _settled(lane, f'"{word}"', round(own / total, 2), known, proven=proven)


def _settled(lane: str, signal: str, confidence: float, known: Container[str], *, proven: bool) -> Route:
    band = "go" if confidence >= GO else "caution" if confidence >= CAUTION else "ask"
    note = ""
    if band == "ask":
        note = "the signals disagree, so the plan is made and you are asked"
    elif lane not in known:
        note = f"workflow {lane} is not there yet"
    elif lane == "build_only" and not proven:
        note = "the project has no checks that would prove a small change, so a plan must bring some"
    return Route(lane, DEFAULT if note else lane, CLASSES[lane], signal, confidence, band, note)


def split_choice(goal: str, known: Container[str]) -> tuple[str | None, str]:
    """What the user chose by `WORKFLOW: GOAL`, and the goal itself; a word that names no workflow belongs to the goal."""
    name, colon, rest = goal.partition(":")
    chosen = bool(colon) and name.strip() in known and bool(rest.strip())
    return (name.strip(), rest.strip()) if chosen else (None, goal)


def agents_of(workflow: Workflow) -> list[str]:
    """Who works in *workflow*, in the order of its stages."""
    return list(dict.fromkeys(stage["agent"] for _, stage in walk(workflow["stages"]) if "agent" in stage))


def route_text(found: Route, goal: str, agents: list[str]) -> str:
    """The route for a person, in a few lines."""
    rows = [
        f"Goal       {line(goal, 600)}",
        f"Complexity {found.complexity}",
        f"Workflow   {found.workflow}" + (f" (asked for: {found.lane}; {found.note})" if found.note else ""),
        f"Signal     {found.signal}",
        f"Confidence {found.confidence:.2f} ({found.band})",
    ]
    return "\n".join([*rows, f"Agents     {', '.join(agents)}"])


def route_of(run: Run) -> Route | None:
    """How *run* was routed; None for one that an older fermata opened."""
    kept = run.get("routing")
    return Route(*[kept[key] for key in Route._fields]) if kept else None


def route_shown(run: Run) -> str:
    """The route as `/orchestrate` shows it; "" in a run that hides it."""
    found = route_of(run)
    return route_text(found, run["goal"], agents_of(run["workflow"])) if found and run["mode"] == "explicit" else ""
