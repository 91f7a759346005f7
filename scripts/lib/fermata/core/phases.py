"""The phases of a specification as a run carries them out: how far each is, and how they read in a report and a status.

Pure functions of the plan and of the run; decides nothing.
"""

from __future__ import annotations

from .order import waits_for
from .position import inside
from .workflow import SPEC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Frame, Json, Run

PENDING, ACTIVE, INTEGRATED = "pending", "active", "integrated"


def grouped(steps: list[Json]) -> dict[str, list[int]]:
    """By phase the places of its steps, its closing one last; empty for a plan that is none of a specification's."""
    found: dict[str, list[int]] = {}
    for index, step in enumerate(steps):
        if "phase" in step:
            found.setdefault(step["phase"], []).append(index)
    return found


def parts_of(steps: list[Json]) -> list[dict[str, str]]:
    """What an approval remembers of each step: its title, and the digest of what the specification says of it."""
    return [{"title": step["title"], "digest": step["digest"]} for step in steps]


def before(steps: list[Json], places: list[int]) -> list[str]:
    """The phases that have to be integrated before the one whose steps are at *places*."""
    waits = {other for index in places for other in waits_for(steps, index)} - set(places)
    return list(dict.fromkeys(steps[index]["phase"] for index in sorted(waits)))


def phase_rows(run: Run) -> list[dict[str, Json]]:
    """A row for each phase: name, state, modules (name, state), and the commit that it was integrated as."""
    steps: list[Json] = run["kept"].get(SPEC, {}).get("steps", [])
    frame, stage = _frame(run)
    rows = []
    for name, places in grouped(steps).items():
        states = [_state(run, frame, stage, index) for index in places]
        state = states[-1] if states[-1] == INTEGRATED else ACTIVE if set(states) != {PENDING} else PENDING
        modules = [
            {"module": steps[index].get("module", ""), "state": "built" if one == INTEGRATED else one}
            for index, one in zip(places[:-1], states, strict=False)
        ]
        commit = _commit(run, frame, stage, places[-1]) if state == INTEGRATED else None  # else of before a rollback
        rows.append({"phase": name, "state": state, "modules": modules, "commit": commit})
    return rows


def standing(run: Run) -> list[str]:
    """The phases that are integrated and read as they did when an approval was withdrawn: they are not built again."""
    voided = run["voided"]
    if voided is None:
        return []
    steps: list[Json] = run["kept"].get(SPEC, {}).get("steps", [])
    old = voided["envelope"].get("parts", [])
    new = parts_of(steps)
    done = [row["phase"] for row in phase_rows(run) if row["state"] == INTEGRATED]
    return [
        name
        for name, places in grouped(steps).items()
        if name in done and all(old[at : at + 1] == new[at : at + 1] for at in places)
    ]


def left_on_branch(run: Run) -> str:
    """What a run that has ended without its merge leaves on its own branch, and what its user can do with that; or nothing."""
    if not any("commit" in merge for merge in run.get("merges", {}).values()):
        return ""
    name = f"fermata/{run['run']}"
    return f" Validated phases are on the branch {name}: `git merge {name}` takes them in, `git branch -D {name}` lets them go."


def _frame(run: Run) -> tuple[Frame, str]:
    """The frame and the id of the stage that repeats over the phases."""
    over = [s["id"] for s in run["workflow"]["stages"] if s.get("over") == f"{SPEC}.steps"]
    return (run["voided"] or run)["position"], over[0] if over else ""


def _state(run: Run, frame: Frame, stage: str, index: int) -> str:
    if frame["at"] != stage:
        return INTEGRATED if stage in frame["visits"] or run["status"] == "completed" else PENDING
    inner = frame["inner"].get(str(index))
    return PENDING if inner is None else INTEGRATED if inner["at"] is None else ACTIVE


def _commit(run: Run, frame: Frame, stage: str, index: int) -> str | None:
    """Of the newest merge of that item onto the run's branch."""
    if stage not in frame["visits"]:
        return None
    prefix = inside(frame, stage, str(index))
    found = [m.get("commit") for key, m in run.get("merges", {}).items() if key.startswith(prefix)]
    return next((commit for commit in reversed(found) if commit), None)
