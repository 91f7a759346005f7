"""Which workflow a goal asks for: a few whole words, in a fixed order of precedence, and how sure that is.

Decides nothing else: what the user chose comes first, no lane opens a gate, and a lane whose workflow is not there
falls to the one that plans and asks. The same goal always gives the same answer.

Before all words come two facts: several tasks of the board are named (or the goal is nothing but one), and a plan for this
very goal was approved before. Then the rows are tried from top to bottom; the first that matches names the lane.
`project`, `system` and `platform` count only where one is to be made, since an architect is dear: as the thing itself (`a
billing system`; not `a system test`, `the system`, `add it to a project`), and in no goal that mends or restructures.

Confidence is the weight of that lane's rows
that match, divided by the weights of all rows that match, each counted once: `fix` alone is 1.00, beside `add` the lane of
`add` has 2/3 = 0.67. From 0.80 on the lane is taken, from 0.60 on it is taken with a caution; below, or when nothing
matches, the plan is made and the user asked. The weights are such that no two lanes can be level.
"""

from __future__ import annotations

import re
from collections import namedtuple

from .consultation import line
from .task_choice import ids_in, only_ids
from .workflow import walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from .records import Run, Workflow

DEFAULT = "plan_then_build"
Row = namedtuple("Row", "words lane weight")
HUGE = Row(("project", "system", "platform"), "decompose_first", 3)
ROWS = (
    HUGE,
    Row(("refactor", "restructure"), DEFAULT, 2),
    Row(("add", "create", "implement"), DEFAULT, 2),
    Row(("fix", "bug", "error", "typo"), "build_only", 1),
)
CLASSES = {"build_only": "simple", "plan_then_build": "complex", "decompose_first": "huge", "multi_task": "complex"}
GO, CAUTION = 0.80, 0.60
# `bug-free`, `fix_it`, `src/system/a.py`: one word each; a mark that ends a clause is a token, too.
TOKEN = re.compile(r"\w+(?:[-'./]\w+)*|[.,;:!?()]")
EXISTING = {"refactor", "restructure", "fix", "bug", "error", "typo"}
# What may stand behind the thing itself; what before it says that it is there already, or only where something else goes.
BEHIND = set(
    "for to that which who where with without of in on and or from using by like so as at via into under".split()
)
DEFINITE = set("the this that these those our my your its their each every any current existing".split())
BEFORE = set("to in on of for from with within into inside at across by via using through like about".split())
REACH = 6  # words that are looked at before it, within its clause

Route = namedtuple("Route", "lane workflow complexity signal confidence band note")
Route.__doc__ = (
    """`lane` is what the signal asks for, `workflow` what will run; `note` says why they differ, else it is ""."""
)


def route(  # noqa: PLR0913 - one name for each fact
    goal: str,
    known: Container[str],
    *,
    choice: str | None = None,
    by: str = "your choice",
    proven: bool = True,
    plan: str = "",
) -> Route:
    """The route of *goal*.

    Args:
        goal: as the user typed it.
        known: the names of the workflows there are.
        choice: the workflow that the user named, which always wins.
        by: how they named it.
        proven: whether the project has a check that would prove a small change.
        plan: names a plan that was approved before for this goal, and still fits; "" where there is none.
    """
    if choice:
        return Route(choice, choice, CLASSES.get(choice, "complex"), by, 1.0, "go", "")
    tasks = ids_in(goal)
    if len(tasks) > 1 or only_ids(goal):
        signal = f"{'several tasks' if len(tasks) > 1 else 'a task'} of the board: {', '.join(tasks[:5])}"
        return _settled("multi_task", signal, 1.0, known, proven=True)
    if plan:
        return _settled("build_only", plan, 1.0, known, proven=True)
    found = _signals(TOKEN.findall(goal.casefold()))
    if not found:
        return Route(DEFAULT, DEFAULT, CLASSES[DEFAULT], "none", 0.0, "ask", "")
    lane, word = found[0][0].lane, found[0][1]
    own, total = (sum(row.weight for row, _ in found if row.lane in lanes) for lanes in ((lane,), CLASSES))
    return _settled(lane, f'"{word}"', round(own / total, 2), known, proven=proven)


def _signals(tokens: list[str]) -> list[tuple[Row, str]]:
    """The rows that match, each with its word."""
    words = set(tokens)
    found = [(row, next(word for word in row.words if word in words)) for row in ROWS if words & set(row.words)]
    made = not words & EXISTING and any(_is_made(tokens, place) for place in range(len(tokens)))
    return [(row, word) for row, word in found if row is not HUGE or made]


def _is_made(tokens: list[str], place: int) -> bool:
    """Whether at *place* stands a project, system or platform that is to be made: the thing itself, and not a known one."""
    if tokens[place] not in HUGE.words:
        return False
    after = tokens[place + 1] if place + 1 < len(tokens) else "."
    if after not in BEHIND and after[0].isalnum():
        return False
    before = tokens[max(0, place - REACH) : place]
    marks = [at for at, token in enumerate(before) if not token[0].isalnum()]
    return not (DEFINITE | BEFORE) & set(before[marks[-1] + 1 if marks else 0 :])


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
