from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fermata.core.contract import VOCABULARY, contract, plans
from fermata.core.routing import DEFAULT
from fermata.core.workflow import walk
from fermata.definitions import workflow_files
from fermata.definitions.brief_files import (
    ALWAYS,
    INLINE,
    SKILLS,
    brief_fields,
    brief_names,
    key_instructions,
    template,
)
from fermata.definitions.problems import DefinitionError
from fermata.definitions.workflow_files import AGENTS, HERE, MAY, NEEDS, load_workflow
from fermata.loop.brief_fields import Fields

SHIPPED = sorted(path.stem for path in Path(HERE, "workflows").glob("*.yaml"))
SOURCE = Path(HERE, "workflows", "plan_then_build.yaml").read_text()
BASIC: dict[str, Any] = yaml.safe_load(SOURCE)
for _stage in [*BASIC["stages"], *BASIC["stages"][3]["stages"]]:
    if True in _stage:
        _stage["on"] = _stage.pop(True)

Change = Callable[[dict[str, Any]], object]


def put(folder: Path, value: object, name: str = "mine") -> str:
    path = folder / ".fermata" / "workflows" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else yaml.safe_dump(json.loads(json.dumps(value)), sort_keys=False))
    return str(folder)


def stages() -> dict[str, dict[str, Any]]:
    """The shipped workflow's stages by id, together with `all`, the whole of it; changing one changes the whole."""
    whole = copy.deepcopy(BASIC)
    whole["stages"][3]["stages"].append({"id": "merge", "kind": "merge", "rounds": 2, "on": {"conflict": "build"}})
    found: dict[str, Any] = {stage["id"]: stage for _, stage in walk(whole["stages"])}
    return {**found, "all": whole}


def problems(folder: Path, change: Change) -> str:
    found = stages()
    change(found)
    with pytest.raises(DefinitionError) as error:
        load_workflow("mine", put(folder, found["all"]))
    assert all(line.startswith("mine.yaml: ") for line in str(error.value).splitlines())
    return str(error.value)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_workflow_loads_under_its_own_name(tmp_path: Path, name: str) -> None:
    workflow, digest = load_workflow(name, str(tmp_path))
    assert workflow["name"] == name
    assert len(digest) == 64
    assert load_workflow(name, str(tmp_path)) == (workflow, digest)


def test_the_default_workflow_is_shipped() -> None:
    from fermata.definitions.config import Config

    assert DEFAULT in SHIPPED
    assert Config().workflow == DEFAULT  # where neither the user nor the router says another


def test_the_project_s_own_comes_first(tmp_path: Path) -> None:
    changed = copy.deepcopy(BASIC)
    changed["title"] = "Our own way"
    root = put(tmp_path, changed, "plan_then_build")
    assert load_workflow("plan_then_build", root)[0]["title"] == "Our own way"
    assert load_workflow("plan_then_build", "/nowhere")[0]["title"] == BASIC["title"]


def test_a_workflow_of_the_project_s_own(tmp_path: Path) -> None:
    assert load_workflow("mine", put(tmp_path, BASIC))[0]["name"] == "plan_then_build"


def test_an_unknown_one_is_told_with_the_known(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as error:
        load_workflow("mein", put(tmp_path, BASIC))
    assert str(error.value) == f'workflow "mein" is not known; known: {", ".join(sorted(["mine", *SHIPPED]))}'


def test_yaml_1_1_s_true_is_the_key_on(tmp_path: Path) -> None:
    assert True in yaml.safe_load(SOURCE)["stages"][0]
    workflow, _ = load_workflow("mine", put(tmp_path, SOURCE))
    assert workflow["stages"][0]["on"] == {"red": "next"}
    quoted = SOURCE.replace(" on:", ' "on":')
    assert load_workflow("mine", put(tmp_path, quoted))[0] == workflow


# --- the digest -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: s["all"].update(title="Another"), id="title"),
        pytest.param(lambda s: s["plan"].update(questions=4), id="questions"),
        pytest.param(lambda s: s["plan"].update(tries=4), id="tries"),
        pytest.param(lambda s: s["review"]["on"].update(reject="abort"), id="edge"),
        pytest.param(lambda s: s["build"].update(scope="plan"), id="scope"),
        pytest.param(lambda s: s["plan"]["sees"].append("diff"), id="field"),
        pytest.param(lambda s: s["all"]["stages"].pop(0), id="stage-less"),
        pytest.param(lambda s: s["finish"].pop("title"), id="stage-title"),
    ],
)
def test_any_change_changes_the_digest(tmp_path: Path, change: Change) -> None:
    before = load_workflow("mine", put(tmp_path, BASIC))[1]
    found = stages()
    change(found)
    assert load_workflow("mine", put(tmp_path, found["all"]))[1] != before


def test_comments_and_order_of_keys_do_not(tmp_path: Path) -> None:
    before = load_workflow("plan_then_build", "/nowhere")[1]
    assert load_workflow("mine", put(tmp_path, BASIC))[1] == before
    assert load_workflow("mine", put(tmp_path, yaml.safe_dump(BASIC, sort_keys=True) + "# more\n"))[1] == before


# --- what goes with which kind ----------------------------------------------------------------------------------------------------

OF_KIND = {
    "agents": "plan",
    "gate": "approval",
    "checks": "verify",
    "foreach": "steps",
    "merge": "merge",
    "finalise": "finish",
}
KIND_KEYS = {kind: (NEEDS[kind], MAY[kind]) for kind in NEEDS}
NEEDED = [(kind, key) for kind, (needs, _) in KIND_KEYS.items() for key in needs]
KNOWN = set(workflow_files.StageFile.model_fields) - {"id", "kind", "title", "on"}
FOREIGN = [(kind, key) for kind, (needs, may) in KIND_KEYS.items() for key in sorted(KNOWN - {*needs, *may})]
VALUES = {
    "agent": "planner", "access": "read", "result": "plan", "brief": "plan", "sees": [], "keep": [], "verdict": "x", "questions": 1,
    "items": ["x"], "parallel": 1, "tries": 1, "rounds": 1, "scope": "plan", "plan": "plan", "commands": "full", "over": "plan.steps",
    "waive": "small_change", "brings": "before", "require": ["risks"], "parts": {"1.1": "a"}, "when": {"changed": ["a/**"]},
    "stages": [{"id": "z", "kind": "finalise", "on": {"stale": "next"}}],
}  # fmt: skip


def test_every_kind_is_tried() -> None:
    assert set(OF_KIND) == set(KIND_KEYS)
    assert set(VALUES) == KNOWN


@pytest.mark.parametrize(("kind", "key"), NEEDED)
def test_a_missing_key(tmp_path: Path, kind: str, key: str) -> None:
    assert f"a stage of kind {kind} needs `{key}`" in problems(tmp_path, lambda s: s[OF_KIND[kind]].pop(key))


@pytest.mark.parametrize(("kind", "key"), FOREIGN)
def test_a_key_too_many(tmp_path: Path, kind: str, key: str) -> None:
    said = problems(tmp_path, lambda s: s[OF_KIND[kind]].update({key: VALUES[key]}))
    assert f"`{key}` does not go with kind {kind}; allowed: id, kind, title, on" in said


# --- everything else that makes one wrong ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda s: s["plan"].update(agent="hacker"), 'stages.plan.agent names "hacker"; known agents: architect, builder, code-', id="agent"),
        pytest.param(lambda s: s["plan"].update(result="../x"), 'stages.plan.result names "../x"; known schemas: build, criteria, critique', id="schema"),
        pytest.param(lambda s: s["plan"].update(brief="plna"), 'stages.plan.brief: there is no brief "plna"; known: audit, build, conflict', id="brief"),
        pytest.param(lambda s: s["plan"].update(brief="../../../../../../SECURITY"), "there is no brief", id="brief-elsewhere"),
        pytest.param(lambda s: s["plan"].update(brief=""), "there is no brief", id="brief-empty"),
        pytest.param(lambda s: s["plan"]["sees"].append("secrets"), 'stages.plan.sees[11] names "secrets"; known: goal', id="field"),
        pytest.param(lambda s: s["plan"]["sees"].append("history"), "never sent: conversation history, raw files", id="field-that-is-never-sent"),
        pytest.param(lambda s: s["plan"]["sees"].append("scope"), 'names "scope", for which brief plan has no place', id="no-place"),
        pytest.param(lambda s: s["plan"]["sees"].remove("rounds"), 'brief plan uses "rounds", which `sees` does not allow', id="not-allowed"),
        pytest.param(lambda s: s["plan"]["keep"].append("stepz"), 'stages.plan.keep names "stepz"; schema plan has:', id="keep"),
        pytest.param(lambda s: s["review"].update(verdict="summary"), '"summary", which is no choice', id="verdict-no-choice"),
        pytest.param(lambda s: s["review"].update(keep=["summary"]), '"verdict", which its `keep` does not list', id="verdict-not-kept"),
        pytest.param(lambda s: s["review"].update(on={"approve": "finish"}), "each of approve, reject leads", id="verdict-half"),
        pytest.param(lambda s: s["build"].pop("scope"), "a stage that writes needs `scope`", id="no-scope"),
        pytest.param(lambda s: s["build"].update(parallel=2), "the foreach around it says how many", id="two-writers"),
        pytest.param(lambda s: s["steps"].update(parallel=2) or s["steps"]["stages"].pop(), "ends in a stage of kind merge", id="nothing-comes-back"),
        pytest.param(lambda s: s["steps"].update(parallel=2) or s["build"].update(scope="plan"), "`plan` would let items", id="side-by-side"),
        pytest.param(lambda s: s["steps"]["stages"].insert(0, s["steps"]["stages"].pop()), "a merge is the last stage of a foreach", id="merge-first"),
        pytest.param(lambda s: s["all"]["stages"].append({**s["merge"], "on": {"conflict": "abort"}}), "a merge is the last stage", id="merge-at-top"),
        pytest.param(lambda s: s["merge"].pop("on"), 'does not say where "conflict" leads', id="conflict-left-out"),
        pytest.param(lambda s: s["rework"].update(scope="item"), "stands in none; write plan", id="item-of-nothing"),
        pytest.param(lambda s: s["verify"]["on"].update(red="nowhere"), 'on.red names "nowhere"', id="edge-to-nowhere"),
        pytest.param(lambda s: s["verify"]["on"].update(gren="next"), 'has no outcome "gren"', id="outcome"),
        pytest.param(lambda s: s["verify"].pop("on"), 'does not say where "red" leads', id="outcome-left-out"),
        pytest.param(lambda s: s["all"]["stages"].append(dict(s["finish"])), 'two stages are called "finish"', id="twins"),
        pytest.param(lambda s: s["all"]["stages"].insert(0, {**s["rework"], "id": "early"}), "without an approval", id="writes-before-gate"),
        pytest.param(lambda s: s["approval"].update(waive="small_change"), "a plan that an agent made is always asked about", id="waives-a-plan"),
        pytest.param(lambda s: s["approval"].update(plan="goal", waive="anything"), "stages.2.waive: got 'anything'", id="another-rule"),
        pytest.param(lambda s: s["plan"].update(id="goal"), "means what the user typed", id="called-goal"),
        pytest.param(lambda s: s["all"]["stages"].remove(s["approval"]), "without an approval", id="no-gate"),
        pytest.param(lambda s: s["verify"].pop("rounds"), "can go round for ever", id="unbounded-cycle"),
        pytest.param(lambda s: s["steps"].update(over="plan.risks2"), "does not list", id="over-unkept"),
        pytest.param(lambda s: s["steps"].update(over="steps"), "stages.3.over", id="over-form"),
        pytest.param(lambda s: s["approval"].update(plan="review"), "names", id="gate-on-a-later-stage"),
        pytest.param(lambda s: s["all"].update(format=2), "format: got 2", id="format"),
        pytest.param(lambda s: s["all"].pop("name"), "name: got", id="no-name"),
        pytest.param(lambda s: s["all"].update(stages=[]), "stages: got []", id="no-stages"),
        pytest.param(lambda s: s["all"].update(stage=[]), 'unknown key "stage"; allowed here: branch, format, name, stages, title.', id="top-key"),
        pytest.param(lambda s: s["build"].update(agnet="x"), 'unknown key "stages.3.stages.0.agnet"; allowed here: access, agent,', id="inner-key"),
        pytest.param(lambda s: s["plan"].update(kind="agent"), "stages.1.kind: got 'agent'", id="kind"),
        pytest.param(lambda s: s["plan"].update(id="../x"), "stages.1.id: got '../x'", id="id"),
        pytest.param(lambda s: s["plan"].update(id="a.b"), "stages.1.id", id="id-with-a-dot"),
        pytest.param(lambda s: s["plan"].update(questions=6), "stages.1.questions: got 6", id="six-rounds"),
        pytest.param(lambda s: s["plan"].update(parallel=11), "stages.1.parallel: got 11", id="eleven-at-once"),
        pytest.param(lambda s: s["plan"].update(tries="5"), "stages.1.tries: got '5'", id="text-for-number"),
    ],
)  # fmt: skip
def test_a_wrong_one_never_loads(tmp_path: Path, change: Change, says: str) -> None:
    assert says in problems(tmp_path, change)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "the file: got None", id="empty"),
        pytest.param("stages: [", "mine.yaml: not YAML", id="not-yaml"),
        pytest.param("a: &a 1\nb: *a", "aliases", id="alias"),
        pytest.param("[" * 50_000, "not YAML", id="deep"),
        pytest.param("#" * 200_000, "more than 100,000 bytes", id="large"),
        pytest.param("name: !!python/name:os.system", "constructor", id="tag"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DefinitionError, match=r"\Amine\.yaml: ") as error:
        load_workflow("mine", put(tmp_path, text))
    assert says in str(error.value)


def test_a_folder_in_its_place_is_told_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".fermata/workflows/plan_then_build.yaml").mkdir(parents=True)
    with pytest.raises(DefinitionError, match="not a file"):
        load_workflow("plan_then_build", str(tmp_path))


@pytest.mark.parametrize(
    ("sees", "says"),
    [
        pytest.param(["goal", {"field": "transcript"}], '[1] names "transcript"; known: goal, base,', id="field"),
        pytest.param(["goal", {"field": "goal", "chars": 3}], '[1] names "goal" twice', id="twice"),
        pytest.param(
            [{"field": "goal", "size": 3}], '[0] has the key "size"; allowed here: field, chars, as', id="key"
        ),
        pytest.param([{"chars": 3}], '[0] names "None"; known: goal', id="no-field"),
        pytest.param([{"field": "goal", "chars": "3"}], "[0] (goal): chars is '3'; a whole number from 1", id="text"),
        pytest.param([{"field": "goal", "chars": 0}], "chars is 0;", id="none"),
        pytest.param([{"field": "goal", "chars": True}], "chars is True;", id="bool"),
        pytest.param(
            [{"field": "goal", "chars": 100_001}], "chars is 100001; a whole number from 1 to 100,000", id="many"
        ),
        pytest.param([{"field": "goal", "as": "file"}], "[0] (goal): as is 'file'; content or pointer", id="as"),
        pytest.param([{"field": "rounds", "as": "pointer"}], "it is sent as content only", id="must-be-known"),
        pytest.param([7], "[0] is 7; write a field's name", id="number"),
        pytest.param([["goal"]], "[0] is ['goal']; write a field's name", id="list"),
    ],
)
def test_a_contract_that_says_something_else_never_loads(tmp_path: Path, sees: list[Any], says: str) -> None:
    assert says in problems(tmp_path, lambda s: s["plan"].update(sees=sees))


def test_limits_and_pointers_stay_in_the_pinned_workflow(tmp_path: Path) -> None:
    found = stages()
    found["review"]["sees"] = ["goal", {"field": "diff", "as": "pointer"}, {"field": "plan", "chars": 9}]
    workflow, _ = load_workflow("mine", put(tmp_path, found["all"]))
    review = next(stage for _, stage in walk(workflow["stages"]) if stage["id"] == "review")
    assert review["sees"] == found["review"]["sees"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        pytest.param("sees: [goal, base", "sees: [goal, bse", "sees: [goal, bse", id="a-field"),
        pytest.param("        sees: [item,", "        sees: [itm,", "sees: [itm,", id="in-a-foreach"),
        pytest.param("agent: reviewer", "agent: critic", "agent: critic", id="an-agent"),
        pytest.param("    questions: 5", "    questions: 6", "questions: 6", id="a-number"),
        pytest.param("    commands: quick", "    commands: quick\n        tires: 3", "tires: 3", id="an-unknown-key"),
        pytest.param("scope: item", "parallel: 1", "- id: build", id="what-is-not-there"),
    ],
)
def test_a_problem_names_its_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    text = SOURCE.replace(old, new)
    number = next(n for n, row in enumerate(text.splitlines(), 1) if line in row)
    with pytest.raises(DefinitionError) as error:
        load_workflow("mine", put(tmp_path, text))
    assert str(error.value).startswith(f"mine.yaml: line {number}: stages") or f"line {number}: unknown" in str(
        error.value
    )


# --- briefs and what they name --------------------------------------------------------------------------------------------------------


def test_every_field_has_its_text_and_the_other_way_round() -> None:
    methods = {name for name in vars(Fields) if re.match(r"_[a-z]", name)}
    assert methods - {
        "_kept_plan",
        "_cause",
        "_last_draft",
        "_newest_plan",
        "_somebody_answers",
        "_tries",
        "_plan_file",
    } == {f"_{name.replace('.', '_')}" for name in VOCABULARY}


@pytest.mark.parametrize("name", brief_names())
def test_every_brief_names_only_known_fields_and_its_schema(name: str) -> None:
    assert brief_fields(name) <= set(INLINE)
    used = {m["named"] or m["braced"] for m in template(name).pattern.finditer(template(name).template)}
    assert set(ALWAYS) & used >= {"dispatch", "fields", "schema"}
    assert not [m for m in template(name).pattern.finditer(template(name).template) if m["invalid"] is not None]
    stages = [stage for each in SHIPPED for _, stage in walk(load_workflow(each, "/nowhere")[0]["stages"])]
    assert name in {stage.get("brief") for stage in stages}, "a brief that no workflow uses"


def test_every_agent_has_its_file() -> None:
    folder = Path(__file__).resolve().parents[2] / "agents"
    assert sorted(AGENTS) == sorted(path.stem for path in folder.glob("*.md"))


@pytest.mark.parametrize("name", brief_names())
def test_no_brief_goes_out_without_its_method(name: str) -> None:
    text, known = template(name).template, key_instructions()
    section = text.partition("## Skills Context\n")[2].partition("\n## ")[0]
    used = [place for place in known if f"${{{place}}}" in section]
    assert used, "a brief without a skills section"
    assert all(known[place].startswith("- ") and len(known[place]) < 600 for place in used)


def test_every_method_is_used_and_none_is_offered_to_the_model() -> None:
    assert set(key_instructions()) == {f"skill_{name}" for name in ("looking", "planning", "building", "reviewing")}
    used = "".join(template(name).template for name in brief_names())
    for place in key_instructions():
        assert f"${{{place}}}" in used, f"{place}: a method that no brief names"
        head = Path(SKILLS, place.removeprefix("skill_"), "SKILL.md").read_text().split("---")[1]
        assert "disable-model-invocation: true" in head
        assert "user-invocable: false" in head


def test_only_what_plans_or_looks_before_the_plan_hears_the_whole_goal() -> None:
    """Lower tiers get minimal context: who builds gets one line of the goal, and no stage anybody's history."""
    for name in SHIPPED:
        stages = [stage for _, stage in walk(load_workflow(name, "/nowhere")[0]["stages"])]
        for stage in [] if any(each.get("plan") == "goal" for each in stages) else stages:
            goal = contract(stage)["goal"].chars if "goal" in contract(stage) else 0
            if stage.get("access") == "write":
                assert goal <= 200, (name, stage["id"])
                assert "diff" not in contract(stage), (name, stage["id"])
            elif not plans(stage) and stage.get("agent") != "recon":
                assert goal <= 8_000, (name, stage["id"])


def test_the_fast_one_and_the_looker_work_in_a_shipped_workflow() -> None:
    known = {stage.get("agent") for name in SHIPPED for _, stage in walk(load_workflow(name, "/nowhere")[0]["stages"])}
    assert {"flash", "multimodal-looker", "fixer", "oracle", "recon", "stage-agent"} <= known
