"""What the human is asked when a run cannot go on by itself: the question, its choices, and what counts as an answer.

Pure text from the run, compared byte by byte when the answer comes back, as at the gate. Decides which choices there
are; never which one is taken.
"""

from __future__ import annotations

from .canonical import digest
from .check_runs import last_runs
from .consultation import MAX_WORDS, clean, line
from .items import OWN, items_over, lying
from .position import stuck_step
from .recovery import REPLANS, explained
from .workflow import stage_at, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from .records import Json, Question, Run

    Choice = Literal["later", "retry", "skip", "abort"]

LATER, RETRY, SKIP, ABORT = "Not now", "Retry differently", "Skip the step", "Abort"
GO_ON = "Go on"
MAX_RED = 3
# Where nothing was tried that could be done differently: a ceiling, a change by hand, the API.
KEEPS_ON = ("unexplained", "refused")


def choices(run: Run) -> dict[str, tuple[Choice, str]]:
    """Label to choice and its description. The first one is preselected in the picker, so it changes nothing."""
    found: dict[str, tuple[Choice, str]] = {LATER: ("later", "The run is parked; /fermata:resume goes on with it")}
    if _ceiling(run):
        found[GO_ON] = ("retry", "Files stay as they are, and what was counted starts anew")
    else:
        found[RETRY] = ("retry", "What was counted starts anew; type what to do differently as your own answer")
    step = _step(run)
    if step is not None and step.get("optional"):
        found[SKIP] = ("skip", "The plan calls it optional; what it has changed so far stays")
    found[ABORT] = ("abort", "The run ends; nothing is reverted")
    return found


def _ceiling(run: Run) -> bool:
    waiting = run["waiting"]
    assert waiting is not None
    return waiting["kind"] in KEEPS_ON or "limits." in waiting["why"]


def _step(run: Run) -> dict[str, Json] | None:
    index = stuck_step(run)
    if index is None:
        return None
    steps = items_over(run, stage_at(run["workflow"], str(run["position"]["at"])))
    step = steps[int(index)] if int(index) < len(steps) else None
    return step if isinstance(step, dict) else None


def digest_of(run: Run) -> str:
    """What names this very standstill, so that an answer counts for no other one."""
    waiting = run["waiting"]
    assert waiting is not None
    counted = [len(run["dispatches"]), len(run["checks"]), run["generation"]]
    return digest("fermata standstill 1", [run["run"], waiting["kind"], waiting["node"], waiting["why"], counted])


def facts(run: Run) -> list[str]:
    """Why the run waits, for people: where, tries and new plans used, the last error and what kind of failure it is."""
    waiting = run["waiting"]
    assert waiting is not None
    index, step = stuck_step(run), _step(run)
    found = [f"Step {int(index) + 1}: {line(step['title'], 100)}"] if index and step else []
    found.append(f"Why: {line(waiting['why'], 500)}")
    found += [*_output(run, waiting["node"]), *_counted(run, waiting["node"])]
    last = run["failures"][-1] if run["failures"] else None
    if last and not _ceiling(run):
        found.append(f"Last error ({last['dispatch']}): {line(last['reason'], 400)}")
        said = explained(last.get("rule"))
        found += [f"Kind: {said}"] * bool(said)
    return found


def _output(run: Run, node: str) -> list[str]:
    """Where a person reads what failed here, and where the files lie that it was run on."""
    item = node.rpartition("/")[0]
    checks = last_runs([c for c in run["checks"].values() if c["node"].rpartition("/")[0] == item])
    red = [f"fermata show {c['id']}" for c in checks if c.get("outcome") == "red"]
    tree = lying(run).get(item or OWN)
    lies = f"; its files lie below {tree['path']}" if tree else ""
    return [f"Output: {'; '.join(red[:MAX_RED])}{lies}"] if red else []


def _counted(run: Run, node: str) -> list[str]:
    if _ceiling(run):
        return []
    tried = [d for d in run["dispatches"].values() if d["node"].rpartition("/")[0] == node.rpartition("/")[0]]
    tried = [d for d in tried if "/" in node or d["node"] == node]
    failed = sum(d["state"] == "failed" for d in tried)
    planned = any(stage.get("result") == "plan" for _, stage in walk(run["workflow"]["stages"]))
    plans = f"; new plans: {run.get('replans', 0)} of {REPLANS}" if planned else ""
    return [f"Tries here: {len(tried)}, {failed} of them failed{plans}"]


def question_for(run: Run) -> Question:
    """The canonical question of the picker."""
    text = ["fermata asks: how shall the run go on?", f"Goal: {line(run['goal'], 200)}", *facts(run)]
    options = [{"label": label, "description": says} for label, (_, says) in choices(run).items()]
    return {"question": "\n".join(text), "header": "Stuck", "options": options, "multiSelect": False}


def read_answer(run: Run, answer: str) -> tuple[Choice, str]:
    """The choice, and the human's own words, which say what to do differently."""
    known = choices(run)
    return (known[answer][0], "") if answer in known else ("retry", clean(answer, MAX_WORDS))


def skipped_body(run: Run) -> dict[str, Json] | None:
    """The journal's words for leaving out the step at which the run waits; None where that is no choice."""
    index, step, waiting = stuck_step(run), _step(run), run["waiting"]
    if index is None or step is None or waiting is None or not step.get("optional"):
        return None
    return {
        "node": waiting["node"],
        "index": index,
        "title": line(step["title"], 100),
        "why": line(waiting["why"], 500),
    }
