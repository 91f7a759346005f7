"""The contract on real briefs: never more than it allows, never a word of a field that it does not name."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fermata.core.actions import Action
from fermata.core.contract import MAX_CHARS, VOCABULARY, WHOLE_GOAL, contract, contract_errors, cut, mark
from fermata.core.workflow import stage_at
from fermata.definitions.brief_files import INLINE, brief_fields, brief_names, key_instructions, template
from fermata.definitions.schema_files import schema
from fermata.loop.brief_fields import Piece
from fermata.loop.briefs import Brief, _within
from tests.core.build import WORKFLOW, make_stage, make_step
from tests.loop.bench import Bench, asked, built, plan, review
from tests.loop.test_handoffs import REPLANNING

if TYPE_CHECKING:
    from fermata.core.records import Run, Stage

OLD = ["goal", "base", "baseline", "project_checks", "mode", "answers", "feedback", "rounds"]


# --- the contract by itself


def test_the_vocabulary_is_right_by_its_own_rules() -> None:
    assert list(contract_errors(list(VOCABULARY))) == []
    assert all(0 < field.chars <= MAX_CHARS and field.says for field in VOCABULARY.values())


@pytest.mark.parametrize(
    ("entry", "keep", "sees"),
    [
        pytest.param("goal", [], ("goal", 200, False), id="a-name-has-the-usual-size"),
        pytest.param("goal", ["steps"], ("goal", WHOLE_GOAL, False), id="who-plans-reads-the-goal"),
        pytest.param({"field": "goal", "chars": 7}, ["steps"], ("goal", 7, False), id="a-size-of-its-own"),
        pytest.param({"field": "diff", "as": "pointer"}, [], ("diff", 60_000, True), id="pointer"),
        pytest.param({"field": "diff", "as": "content"}, [], ("diff", 60_000, False), id="content"),
        pytest.param("previous", [], ("previous", 500, False), id="dependency-summary"),
        pytest.param("item", [], ("item", 2_000, False), id="instructions"),
    ],
)
def test_what_an_entry_means(entry: Any, keep: list[str], sees: tuple[str, int, bool]) -> None:
    assert contract({"keep": keep, "sees": [entry]}) == {sees[0]: sees}


def test_a_run_pinned_with_names_alone_still_gets_its_briefs(bench: Bench) -> None:
    run = bench.run
    stage_at(run["workflow"], "plan")["sees"] = OLD
    text = Brief(bench.site, run, Action("create", "plan", 1, None), [], "d-001").text("x")
    assert "## Goal, in the user's words\n```\nAdd a thing\n```" in text
    assert "${" not in text


@given(text=st.text(), limit=st.integers(1, 50))
def test_a_cut_keeps_the_beginning_and_counts_the_rest(text: str, limit: int) -> None:
    found = cut(text, limit, "there")
    assert found == text if len(text) <= limit else found == text[:limit] + mark(len(text) - limit, "there")


pieces = st.lists(
    st.builds(Piece, st.text(alphabet="ab`\n#", max_size=60), st.sampled_from(["", "diff", None]), st.text(max_size=9)),
    max_size=6,
)


@given(pieces=pieces, room=st.integers(1, 120))
@settings(deadline=None)
def test_pieces_never_take_more_than_their_room(pieces: list[Piece], room: int) -> None:
    shown = _within(pieces, room, "there")
    lengths = sum(len(part) for part in shown)
    fences = sum(2 * 10 + 6 for piece in pieces if piece.kind is not None)
    assert lengths <= room + len(pieces[0].lead if pieces else "") + len(mark(999, "there")) + fences
    size = sum(len(piece.lead) + len(piece.body) for piece in pieces)
    first = len(pieces[0].lead) if pieces else 0  # is always there
    assert any("the whole is in there" in part for part in shown) is (size > max(room, first))


# --- whole briefs


@functools.lru_cache
def frame(stage_brief: str, result: str, launcher: str) -> int:
    """Characters of a brief without any field."""
    values = dict.fromkeys(INLINE, "") | {"dispatch": "d-999", "launcher": launcher, "fields": "", "schema": ""}
    values |= key_instructions()
    written: str = template(stage_brief).substitute(values)
    return len(written) + len(json.dumps(schema(result), separators=(",", ":")))


def ceiling(stage: Stage, folder: str, launcher: str) -> int:
    """The most that a brief of *stage* can have: its frame, and for each field its limit, its heading and a mark."""
    around = len(folder) + 200  # heading, mark, path; fences of at most nine ticks
    fences = 25 * 30  # a fence for each red check
    fields: int = sum(sees.chars + around for sees in contract(stage).values())
    return frame(stage["brief"], stage["result"], launcher) + fields + fences


NASTY = st.sampled_from(["x", "`" * 30, "```\n# Limits\n", "é\u202e\x1b[31m", "word ", "\n", '{"a": 1}\n'])
LONG = st.builds(lambda unit, times: unit * times, NASTY, st.sampled_from([1, 40, 900, 60_000]))


def stretched(run: Run, text: str) -> Run:
    """*run* with *text* wherever a person, an agent or a program put words into it."""
    found: Run = json.loads(json.dumps(run))
    found["goal"] = text
    found["base"]["dirty"] = [text] * 60
    for dispatch in found["dispatches"].values():
        dispatch.update({"summary": text, "reason": text, "changed": [text] * 60, "suggestion": text})
        dispatch["answers"] = [{"question": text, "answer": text}] * 9
    for check in found["checks"].values():
        check.update({"why": text, "name": check["name"]})
    for kept in found["kept"].values():
        kept["summary"] = text
        for step in kept.get("steps", []):
            step.update({"title": text, "objective": text, "acceptance": [text] * 9, "constraints": [text] * 9})
            step.update({"read_first": [text] * 9})
        kept["scope_out"] = [text] * 9
        for finding in kept.get("findings", []):
            if isinstance(finding, dict):
                finding.update({"issue": text, "path": text, "recommendation": text})
    if found["gate"]:
        found["gate"].update({"words": text, "decision": "modify"})
    return found


@pytest.fixture(scope="module")
def rejected(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A run in which everything has happened once: an answer, two steps, a failed try, a red check, a rejection."""
    bench = Bench(tmp_path_factory.mktemp("contract")).begin()
    bench.settle()
    bench.work()
    bench.takes(asked("Which?"))
    bench.tell("questions_answered", id="d-001", answers={"Which?": "ANSWER"})
    bench.work()
    bench.takes(plan(make_step("One"), make_step("Two", ("README.md",))))
    bench.settle()
    bench.approve().settle()
    bench.work()
    bench.takes(built(status="failed", caveats=["no"], suggestion="other"))
    bench.settle()
    bench.work()
    bench.build().settle()
    bench.work()
    bench.build("README.md", "changed\n").settle()
    bench.work()
    bench.takes(review("reject", {"severity": "high", "path": "src/app.py", "issue": "loud"}))
    bench.settle()
    return bench


STAGES = [("plan", 1), ("steps.0/build", 1), ("steps.1/build", 1), ("rework", 1), ("review", 1)]


@pytest.mark.parametrize(("node", "visit"), STAGES)
@settings(deadline=None, max_examples=3)
@given(text=LONG)
def test_no_brief_exceeds_its_contract(rejected: Bench, node: str, visit: int, text: str) -> None:
    run = stretched(rejected.run, text)
    brief = Brief(rejected.site, run, Action("create", node, visit, None), ["src/**"], "d-999")
    found = brief.text("fermata")
    assert len(found) <= ceiling(brief.stage, rejected.store.folder, "fermata")
    assert "${" not in found


@pytest.mark.parametrize("name", [name for name in VOCABULARY if name != "stage"])
@pytest.mark.parametrize("chars", [1, 100])
def test_each_field_keeps_to_its_own_limit(rejected: Bench, name: str, chars: int) -> None:
    run = stretched(rejected.run, "long words " * 2_000)
    brief = Brief(rejected.site, run, Action("create", "rework", 1, None), ["src/**"] * 900, "d-999")
    text = brief.field(contract({"sees": [{"field": name, "chars": chars}]})[name])
    assert len(text) <= chars + len(rejected.store.folder) + 400
    whole = brief.wholes.get(brief.store.path("artifacts", f"d-999-{name}.md"), "")
    assert ("the whole is in" in text) is (len(whole) > chars)


def test_a_goal_of_100_kb(tmp_path: Path) -> None:
    goal = "Make it so. " * 8_500
    bench = Bench(tmp_path).begin(goal=goal)
    bench.building()
    whole = bench.store.path("artifacts", "d-001-goal.md")
    assert f"{goal[:WHOLE_GOAL]} … [cut here: 82,000 more characters; the whole is in `{whole}`]\n```" in bench.brief(
        "d-001"
    )
    assert Path(whole).read_text() == goal + "\n"
    assert Path(whole).stat().st_mode & 0o777 == 0o600
    assert f"{goal[:200]} … [cut here: 101,800 more characters; the whole is in `" in bench.brief("d-002")
    assert len(bench.brief("d-001")) < 27_000
    assert len(bench.brief("d-002")) < 5_000


def test_a_pointer_is_one_line_and_a_path(rejected: Bench) -> None:
    stage = {**stage_at(rejected.run["workflow"], "review"), "sees": [{"field": "diff", "as": "pointer"}, "goal"]}
    brief = Brief(rejected.site, rejected.run, Action("create", "review", 1, None), [], "d-999")
    brief.stage = stage  # type: ignore[assignment]
    text = brief.text("x")
    path = brief.store.path("artifacts", "d-999-diff.md")
    shown = re.search(
        r"## The change\ndiff --git a/README.md b/README.md \(\d+ characters; read them in `(.+)` if", text
    )
    assert shown
    assert shown[1] == path
    assert "+print(2)" not in text
    assert "+print(2)" in brief.wholes[path]
    assert list(brief.wholes) == [path]


# --- canaries: a word of its own in every place that words come from

CANARIES = {
    "goal": "CANARYGOAL", "base": "CANARYDIRTY.txt", "answers": "CANARYANSWER", "feedback": "CANARYWORDS",
    "plan.summary": "CANARYSUMMARY", "plan.steps": "CANARYTITLE", "plan": "CANARYACCEPTANCE", "item": "CANARYOBJECTIVE",
    "failure": "CANARYREASON", "reports": "CANARYCLAIM", "previous": "CANARYLAST", "evidence": "CANARYWHY", "diff": "CANARYLINE",
    "draft": "CANARYFINDING", "files": "CANARYPATH", "handoff": "CANARYSCOPEOUT", "checks": "CANARYCOMMAND",
}  # fmt: skip
# What more than its own field may show, because the field is made of it.
ALSO = {
    "plan": ("plan.summary", "plan.steps", "item"), "handoff": ("plan.summary",), "feedback": ("plan", "plan.summary", "plan.steps", "item"),
    "stage": ("goal", "previous", "reports"), "reports": ("previous", "files"), "files": ("base",), "diff": ("files", "base"), "item": ("plan.steps", "plan"),
    "draft": ("goal", "plan", "plan.summary", "plan.steps", "item", "handoff", "checks"),
    "project_checks": ("checks",), "baseline": ("evidence",), "previous": ("reports",),
}  # fmt: skip
SECRET = ("CANARYTRANSCRIPT", "CANARYCAVEAT", "CANARYOUTPUT")


@pytest.fixture(scope="module")
def sung(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A run with a canary in every place that words come from."""
    bench = Bench(tmp_path_factory.mktemp("canaries"))
    bench.sandbox.write("check.sh", "echo CANARYOUTPUT\n")
    bench.sandbox.commit()
    bench.sandbox.write("CANARYDIRTY.txt", "mine\n")
    bench.begin(goal="CANARYGOAL")
    bench.settle()
    bench.work()
    Path(bench.transcript("d-001")).write_text("CANARYTRANSCRIPT")
    bench.takes(asked("Which?"))
    bench.tell("questions_answered", id="d-001", answers={"Which?": "CANARYANSWER"})
    bench.work()
    step = make_step("CANARYTITLE", ("src/**",), objective="CANARYOBJECTIVE", acceptance=["CANARYACCEPTANCE"])
    found = plan(step, summary="CANARYSUMMARY", scope_out=["CANARYSCOPEOUT"], findings=["CANARYFINDING"])
    bench.takes(found | {"checks": [{"name": "more", "command": "sh check.sh CANARYCOMMAND"}]})
    bench.settle()
    bench.approve().settle()
    bench.work()
    bench.tell("dispatch_failed", id="d-002", reason="CANARYREASON")
    bench.settle()
    bench.work()
    bench.sandbox.write("src/CANARYPATH.py", "CANARYLINE = 1\n")
    bench.takes(built("src/CANARYPATH.py", summary="CANARYCLAIM CANARYLAST", caveats=["CANARYCAVEAT"]))
    bench.settle()
    run = bench.run
    for check in run["checks"].values():
        check["why"] = "CANARYWHY"
    assert run["gate"] is not None
    run["gate"].update({"decision": "modify", "words": "CANARYWORDS"})
    bench.sung = run  # type: ignore[attr-defined]
    return bench


def singing(bench: Bench, field: str) -> set[str]:
    """The canaries in a brief whose contract is *field* alone."""
    at = {"failure": "steps.0/build", "item": "steps.0/build", "answers": "plan", "feedback": "plan"}.get(
        field, "review"
    )
    run: Run = json.loads(json.dumps(bench.sung))  # type: ignore[attr-defined]
    brief = Brief(bench.site, run, Action("create", at, 1, None), ["src/**"], "d-999")
    write = field == "handoff"
    brief.stage = {**brief.stage, "access": "write" if write else "read", "sees": [field]}
    brief.fields.stage = brief.stage
    if write:
        brief.fields.at = "rework"
    text = brief.text("x")
    assert not [word for word in SECRET if word in text], "what no field may hold"
    return {name for name, word in CANARIES.items() if word in text}


@pytest.mark.parametrize("field", [name for name in VOCABULARY if VOCABULARY[name].title])
def test_a_brief_holds_the_fields_of_its_contract_and_nothing_else(sung: Bench, field: str) -> None:
    found = singing(sung, field)
    assert found <= {field, *ALSO.get(field, ())}
    if field in CANARIES:
        assert field in found, "the canary of the field itself is silent, so the others prove nothing"


def test_an_empty_contract_says_nothing_of_the_run(sung: Bench) -> None:
    stage: Any = make_stage("x", brief="review", result="review", sees=[])
    brief = Brief(sung.site, sung.run, Action("create", "review", 1, None), [], "d-999")
    brief.stage = stage
    assert "CANARY" not in brief.text("x")
    assert "Add" not in brief.text("x").partition("## Output")[0].partition("## The standard")[0]


# --- the shipped workflows


def test_every_shipped_brief_has_a_place_for_what_its_stages_must_say() -> None:
    used = {name: brief_fields(name) for name in brief_names()}
    assert set().union(*used.values()) == set(INLINE)


def test_the_workflow_with_a_way_back_loads(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "workflow: replanning\n", replanning=REPLANNING).begin()
    assert bench.run["workflow"]["stages"][5]["on"] == {"red": "plan"}
    assert WORKFLOW["stages"][5]["on"] == {"red": "rework"}
