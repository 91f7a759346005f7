"""Every shipped workflow, and one of a project's own, on a real repository from the goal to its end; and its briefs."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fermata.core.actions import AGENT, DECIDE, OVER, next_actions
from fermata.core.board_rules import add_task
from fermata.core.small_change import waivable
from fermata.definitions.names import workflow_names
from tests.core.build import make_part, make_step
from tests.loop.bench import CONFIG, Bench, built, plan, review

if TYPE_CHECKING:
    from collections.abc import Callable

GUIDE = Path(__file__).resolve().parents[2] / "docs/how-to/write-a-workflow.md"
GOAL = "Add a thing"
NINTH = re.findall(r"```yaml\n(format: 1\n.*?)```", GUIDE.read_text(), re.DOTALL)


def looked(target: str = "structure", status: str = "found") -> dict[str, Any]:
    """What an agent that looks hands in."""
    return {
        "target": target,
        "status": status,
        "summary": f"{target} seen",
        "findings": {"where": ["src/app.py prints", "nobody calls it"]},
        "recommendations": [f"mind the {target}"],
    }


PARTS = {"implement": ("2.0", "2.1", "2.2", "2.3"), "test": ("3.1", "3.2", "3.3"), "final": ("4.0", "4.2", "4.3")}


def critic(verdict: str = "APPROVE", *issues: str) -> dict[str, Any]:
    """What a critic of the plan hands in."""
    concerns = [{"area": "scope", "severity": "high", "issue": i, "recommendation": "narrow it"} for i in issues]
    found = {"verdict": verdict, "approved": verdict == "APPROVE", "confidence": "high", "summary": f"I say {verdict}"}
    return {**found, "concerns": concerns}


def staged(name: str, *files: str, status: str = "completed") -> dict[str, Any]:
    """What a stage agent hands in."""
    part = {"status": status, "tasksCompleted": [name], "issues": []}
    caveats = ["it cannot be done"] if status == "failed" else []
    return {
        "stageName": name,
        "status": status,
        "summary": f"{name} is {status}",
        "phases": dict.fromkeys(PARTS[name], part),
        "files_modified": list(files),
        "caveats": caveats,
    }


class Cast:
    """Agents who answer each dispatch by its schema; who writes leaves another text each time."""

    def __init__(self, folder: Path, workflow: str, settings: str = "", config: str = CONFIG, **files: str) -> None:
        self.bench = Bench(folder, config + f"workflow: {workflow}\n{settings}", **files)
        for title, scope in TASKS.items():
            self.bench.site.project.board().act(
                "person", partial(add_task, title=title, scope=[scope], acceptance=["it is"])
            )
        self.bench.begin("t-1, t-2" if workflow == "multi_task" else GOAL)
        self.steps = [make_step(title, (scope,)) for title, scope in TASKS.items()]
        self.told: list[tuple[str, str, str]] = []  # dispatch, agent, node
        self.bad: dict[str, Callable[[], dict[str, Any]]] = {}

    def result(self, name: str) -> dict[str, Any]:
        dispatch = self.bench.run["dispatches"][name]
        if name in self.bad:
            return self.bad[name]()
        if dispatch["access"] == "write":
            path = dispatch["scope"][0].replace("**", "app.py")
            self.bench.sandbox.write(path, f"print({name!r})\n")
            return built(path) if dispatch["result"] == "build" else staged(dispatch["node"], path)
        steps = self.steps
        if "/" in dispatch["node"]:
            steps = steps[:1] if "each.0/" in dispatch["node"] else steps[1:]
        given = {
            "decomposition": plan(*(make_part(title, scope) for title, scope in TASKS.items())),
            "recon": looked(str(dispatch["item"])[:40]),
            "plan": plan(*steps, rollback="git checkout"),
            "review": review(),
            "critique": critic(),
            "look": {"verdict": "not_compared", "summary": "no pictures", "views": []},
        }
        return given[dispatch["result"]]

    def play(self, until: str = OVER, most: int = 40) -> Cast:
        """Go on up to the first action of kind *until*."""
        for _ in range(most):
            actions = self.bench.settle()
            if any(action.kind == until for action in actions):
                return self
            if actions[0].kind == DECIDE:
                gate = self.bench.run["gate"]
                assert gate is not None
                self.bench.waive() if waivable(self.bench.run, gate) else self.bench.approve()
            names = [action.subject for action in actions if action.kind == AGENT]
            for name in names:
                self.bench.work(name)
            for name in names:
                dispatch = self.bench.run["dispatches"][name]
                self.told.append((name, dispatch["agent"], dispatch["node"]))
                assert self.bench.hand_in(self.result(name), name).accepted
        raise AssertionError(f"it never came to {until}: {next_actions(self.bench.run)}")

    def brief(self, place: int) -> str:
        """The brief of the dispatch at *place* in what was told."""
        return self.bench.brief(self.told[place][0])


TASKS = {"Add it": "src/**", "Test it": "tests/**"}
ORDER = {
    "multi_task": ["builder", "builder", "reviewer"],
    "decompose_first": ["architect", "planner", "builder", "planner", "builder", "reviewer"],
    "build_only": ["builder", "reviewer"],
    "plan_then_build": ["planner", "builder", "builder", "reviewer"],
    "phased": ["recon", "recon", "recon", "oracle", "reviewer", "fixer", "fixer", "reviewer"],
    "plan_code_review": ["planner", "builder", "builder", "reviewer"],
    "staged": ["planner", "reviewer", "stage-agent", "stage-agent", "stage-agent", "reviewer"],
}


def test_every_shipped_workflow_is_played_here() -> None:
    assert sorted([*ORDER, "conduct"]) == workflow_names("/nowhere"), "conduct is played in test_conduct.py"


@pytest.mark.parametrize("name", sorted(ORDER))
def test_a_shipped_workflow_comes_to_its_end(tmp_path: Path, name: str) -> None:
    cast = Cast(tmp_path, name).play()
    assert [agent for _, agent, _ in cast.told] == ORDER[name]
    assert cast.bench.run["status"] == "completed"
    assert bool(cast.bench.events("decision_made")) is (name != "build_only")


def in_order(text: str, *parts: str) -> bool:
    places = [text.find(part) for part in parts]
    return -1 not in places and places == sorted(places)


def test_recon_is_told_one_side_and_the_oracle_hears_of_all(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "phased").play()
    heads = (
        "## Agent Mode",
        "## Skills Context",
        "## Task Context",
        "## Objective",
        "## Success Criteria",
        "## Output Format",
    )
    assert in_order(cast.brief(0), *heads, '"title":"recon"')
    assert "- [ ] " in cast.brief(0)
    assert "Structure: " in cast.brief(0)
    assert "Tests: " not in cast.brief(0)
    for topic in ("Structure", "Tests", "Risks"):
        assert f"{topic}: " in cast.brief(3)
    assert "Recommended: mind the " in cast.brief(3)
    assert "nobody calls it" in cast.brief(3)
    assert "Rollback   git checkout" in Path(cast.bench.store.path("artifacts", "approval.md")).read_text()


def test_a_phase_is_told_its_place_in_the_plan(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "phased").play()
    heads = (
        "## Skills Context",
        "## Task Context",
        "## Plan Reference",
        "## Files to Modify",
        "## Objective",
        "## Success Criteria",
        "## Output",
    )
    for place in (5, 6):
        assert in_order(cast.brief(place), *heads)
    assert "Phase 1 of 2" in cast.brief(5)
    assert "Dependencies, done before: none" in cast.brief(5)
    assert "Phase 2 of 2" in cast.brief(6)
    assert "done before: 1. Add it" in cast.brief(6)


def test_more_recon_looks_again_with_the_user_s_words(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "phased").play(DECIDE)
    gate = cast.bench.run["gate"]
    assert gate is not None
    words = "look at the printer, too"
    cast.bench.tell("decision_made", digest=gate["digest"], decision="more_recon", words=words, channel="picker")
    cast.play(DECIDE)
    assert [agent for _, agent, _ in cast.told] == ["recon", "recon", "recon", "oracle", "reviewer"] * 2
    assert words in cast.brief(5)
    assert cast.brief(8).count("Recommended: ") == 3  # the newest of each, not both


def gives_up() -> dict[str, Any]:
    return built(status="failed", caveats=["it cannot be done"], suggestion="split it")


@pytest.mark.parametrize("name", ["plan_code_review", "phased"])
def test_strikes_lead_back_to_the_planner_who_hears_why(tmp_path: Path, name: str) -> None:
    cast = Cast(tmp_path, name)
    first = 6 if name == "phased" else 2
    strikes = 2
    cast.bad = {f"d-{number:03d}": gives_up for number in range(first, first + strikes)}
    cast.play()
    agents = [agent for _, agent, _ in cast.told]
    builder, planner = ("fixer", "oracle") if name == "phased" else ("builder", "planner")
    assert agents[first - 1 : first + strikes] == [builder] * strikes + [planner]
    assert "it cannot be done" in cast.brief(first - 1 + strikes)
    assert cast.bench.run["status"] == "completed"
    assert len(cast.bench.events("decision_made")) == 1  # the plan made anew lies inside the approved one


def test_a_stage_is_told_its_own_settings_and_one_paragraph_before_it(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "staged").play()
    for place, stage, previous in ((2, "implement", "one step"), (3, "test", "implement is completed")):
        brief = cast.brief(place)
        assert f'"stageName": "{stage}"' in brief
        assert previous in brief
        assert in_order(brief, '"task"', '"stageName"', '"stageConfig"', '"previousStageSummary"', '"planFilePath"')
    assert '"title": "TEST"' not in cast.brief(2)
    assert '"2.1": "implement"' in cast.brief(2)
    assert '"3.1"' not in cast.brief(2)


def test_a_stage_that_fails_goes_back_one(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "staged")
    cast.bad = {f"d-{number:03d}": lambda: staged("test", status="failed") for number in (4, 5)}
    cast.play()
    assert [node for _, _, node in cast.told] == [
        *("plan", "plan_review", "implement", "test", "test"),
        *("implement", "test", "final", "review"),
    ]


def test_the_workflow_of_the_guide_runs(tmp_path: Path) -> None:
    """What the how-to shows is a ninth workflow, which no package ships."""
    (text,) = NINTH
    name = re.findall(r"^name: (\w+)$", text, re.MULTILINE)[0]
    assert name not in workflow_names("/nowhere")
    cast = Cast(tmp_path, name, **{name: text}).play()
    assert cast.bench.run["status"] == "completed"
    assert [agent for _, agent, _ in cast.told] == ["recon", "recon", "planner", "fixer", "fixer", "reviewer"]
