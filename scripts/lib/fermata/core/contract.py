"""What a brief may hold: the fields a stage can name under `sees`, how long each may be, and how a longer one is cut.

Decides which entries are right and what they mean; never how a field reads (`loop/brief_fields.py`). What is no field
here can be in no brief: no conversation history, no files as they lie on disk, no output without an end, nothing of
other stages but what a field below names.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .records import Json

Field = namedtuple("Field", "chars title says")
Field.__doc__ = """A field of the vocabulary: its usual size, its heading in a brief ("" where it stands in a sentence), what it is."""

Sees = namedtuple("Sees", "field chars pointer")
Sees.__doc__ = """One entry of a contract: the field, its limit in characters, whether only a path to it is sent."""

MAX_CHARS = 100_000
MAX_LINE = 100  # of a list entry, and of what a pointer says about the text behind it
WHOLE_GOAL = 20_000
VOCABULARY: dict[str, Field] = {
    "goal": Field(200, "Goal, in the user's words", "what the user typed; 20,000 characters in a stage that plans"),
    "base": Field(3_000, "Where it starts", "branch, commit, and the paths with uncommitted work of the user's"),
    "baseline": Field(2_000, "Tests before any change, run by fermata", "one line for each check run before the plan"),
    "project_checks": Field(
        4_000, "The checks that will decide whether the work is done", "the project's own commands"
    ),
    "found": Field(
        12_000, "What was found before", "the newest result of each agent that looked at an entry of `items`"
    ),
    "learnings": Field(
        4_000,
        "What was learnt in this project before (claims: look before you rely on one)",
        "the [board](board.md)'s learnings that share words with the goal, the most relevant first",
    ),
    "answers": Field(6_000, "The user's answers", "to this stage's questions"),
    "feedback": Field(8_000, "What the user said to your last plan", "their words at the gate, and that plan"),
    "handoff": Field(4_000, "Handed over", "the record from the planner to who builds, or back to who plans anew"),
    "item": Field(2_000, "Objective", "this dispatch's own work: its step of the plan, or its entry of `items`"),
    "item.plan": Field(4_000, "How it is to be done", "what a planner inside the same foreach made of the item"),
    "module": Field(
        4_000, "Your part of the specification", "module, phase, tasks, and where in the specification they stand"
    ),
    "criteria": Field(
        8_000, "Success criteria", "those of the step, one a line; a result with `criteria` answers each of them"
    ),
    "gotchas": Field(3_000, "Gotchas", "what the specification warns of"),
    "conflict": Field(6_000, "The conflict", "what could not be merged for this step, and what both sides are"),
    "draft": Field(16_000, "The plan to judge", "the newest plan, which nobody has approved yet"),
    "plan": Field(8_000, "The approved plan", "summary and every step with its acceptance criteria"),
    "plan.summary": Field(500, "The approved plan in short", "its summary alone"),
    "plan.steps": Field(2_200, "The steps of the approved plan", "their titles alone"),
    "previous": Field(500, "What was done just before", "the last accepted result's summary, as one paragraph"),
    "failure": Field(6_000, "What went wrong", "failed tries, and the check or review that sent the run back here"),
    "reports": Field(6_000, "What the builders reported (claims, not evidence)", "one entry for each accepted change"),
    "evidence": Field(2_000, "What fermata ran on this very tree (evidence)", "one line for each check's newest run"),
    "files": Field(4_000, "The files that the run has changed", "their paths alone"),
    "screens": Field(
        4_000, "Pictures", "each view, and the pictures of it before and after the change, or why there is none"
    ),
    "diff": Field(60_000, "The change", "everything that differs from where the run began"),
    "stage": Field(
        2_000, "This stage", "one JSON object: task, stageName, stageConfig, previousStageSummary, planFilePath"
    ),
    "phase": Field(3_000, "", "which step of the plan this is, what is done before it, where the plan is"),
    "checks": Field(4_000, "", "the commands that decide"),
    "scope": Field(6_000, "", "the globs that may be changed"),
    "mode": Field(500, "", "whether somebody is there to answer"),
    "rounds": Field(500, "", "how many question rounds are left"),
}
KEYS = ("field", "chars", "as")
NEVER = "never sent: conversation history, raw files, whole outputs, details of other stages"


def contract(stage: Mapping[str, Json]) -> dict[str, Sees]:
    """What *stage*'s agents are sent, by field, in the order written. An entry is a name, or a name with its limits."""
    found = {}
    for entry in stage.get("sees", []):
        given = {"field": entry} if isinstance(entry, str) else entry
        name = given["field"]
        found[name] = Sees(name, given.get("chars", _usual(stage, name)), given.get("as") == "pointer")
    return found


def _usual(stage: Mapping[str, Json], name: str) -> int:
    """Who plans works on the goal itself; to everybody else it is what the work is for."""
    return WHOLE_GOAL if name == "goal" and plans(stage) else VOCABULARY[name].chars


def plans(stage: Mapping[str, Json]) -> bool:
    """Whether what *stage* keeps is a plan."""
    return "steps" in stage.get("keep", [])


def judges_plan(stage: Mapping[str, Json]) -> bool:
    """Whether *stage* says of the newest plan what it is worth, before anybody is asked about it."""
    return "verdict" in stage and "draft" in contract(stage)


def contract_errors(entries: list[Json]) -> Iterator[tuple[int, str]]:
    """What is wrong with a stage's `sees`: the place in the list, and the words that follow it in a message."""
    seen: list[str] = []
    for place, entry in enumerate(entries):
        given = {"field": entry} if isinstance(entry, str) else entry
        error = _entry_error(given) if isinstance(given, dict) else f"is {entry!r:.80}; write a field's name"
        name = given.get("field") if isinstance(given, dict) else None
        if error is None and name in seen:
            error = f'names "{name}" twice; keep one'
        if error:
            yield place, error
        seen.append(str(name))


def _entry_error(given: dict[str, Json]) -> str | None:
    foreign = [str(key) for key in given if key not in KEYS]
    if foreign:
        return f'has the key "{foreign[0][:60]}"; allowed here: {", ".join(KEYS)}'
    name, chars, kind = given.get("field"), given.get("chars", 1), given.get("as", "content")
    if not isinstance(name, str) or name not in VOCABULARY:
        return f'names "{str(name)[:60]}"; known: {", ".join(VOCABULARY)} ({NEVER})'
    if type(chars) is not int or not 1 <= chars <= MAX_CHARS:
        return f"({name}): chars is {chars!r:.60}; a whole number from 1 to {MAX_CHARS:,}"
    if kind not in ("content", "pointer"):
        return f"({name}): as is {kind!r:.60}; content or pointer"
    if kind == "pointer" and not VOCABULARY[name].title:
        return f'({name}): "{name}" is what the agent must know to begin; it is sent as content only'
    return None


def cut(text: str, limit: int, where: str) -> str:
    """*text*, or its first *limit* characters and a mark that says what is missing and *where* the whole is."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}{mark(len(text) - limit, where)}"


def mark(missing: int, where: str) -> str:
    """The words at the place where *missing* characters were left out."""
    return f" … [cut here: {missing:,} more characters; the whole is in {where}]"
