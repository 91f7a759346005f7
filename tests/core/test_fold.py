from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from fermata.core.actions import REQUEST, next_actions
from fermata.core.check_runs import check_verdict, commands_for
from fermata.core.consultation import envelope_of, plan_digest
from fermata.core.fold import HANDLERS, apply, fold
from fermata.core.fold_error import FoldError
from fermata.core.gate_events import open_gate
from fermata.core.items import in_force, item_of, items_over
from fermata.core.position import leaves, next_name
from fermata.core.records import CheckRun
from fermata.core.small_change import RULE
from fermata.definitions.workflow_files import load_workflow
from tests.core.build import (
    LIMITS,
    NO_WAY_BACK,
    WORKFLOW,
    Player,
    created,
    make_check,
    make_event,
    make_plan,
    make_spec,
    make_stage,
    make_step,
    make_workflow,
    plan_stage,
    side_by_side,
    through_json,
)

if TYPE_CHECKING:
    from fermata.core.records import Workflow

# --- the whole way


def test_favourable_run_goes_from_goal_to_done() -> None:
    player = Player().to_end()
    assert player.run["status"] == "completed"
    served = [(d["node"], d["visit"], d["agent"]) for d in player.run["dispatches"].values()]
    assert served == [
        ("plan", 1, "planner"),
        ("steps.0/build", 1, "builder"),
        ("steps.1/build", 1, "builder"),
        ("review", 1, "reviewer"),
    ]
    checked = [(c["node"], c["name"]) for c in player.run["checks"].values()]
    assert checked == [
        ("baseline", "tests"),
        *[(node, name) for node in ("steps.0/check", "steps.1/check", "verify") for name in ("tests", "plan-smoke")],
    ]


def test_each_step_is_built_inside_its_own_scope() -> None:
    player = Player().to_end()
    assert player.run["dispatches"]["d-002"]["scope"] == ["src/**"]
    assert player.run["dispatches"]["d-003"]["scope"] == ["tests/**"]


def test_nothing_is_folded_from_no_events() -> None:
    assert fold([]) is None


def test_a_run_without_finalise_ends_past_its_last_stage() -> None:
    player = Player(workflow=make_workflow(plan_stage()))
    player.until("finish")
    assert player.only("finish") == ("finish", "", 0, "")
    assert list(leaves(player.run)) == []
    assert player.to_end().run["status"] == "completed"


# --- a new plan after the approval


def back_to_plan() -> Workflow:
    """As plan_then_build, but a rejected review goes back to the planner."""
    workflow = copy.deepcopy(WORKFLOW)
    review = next(s for s in workflow["stages"] if s["id"] == "review")
    review["on"] = {"approve": "finish", "reject": "plan"}
    return workflow


def at_second_gate(plan: dict[str, Any]) -> Player:
    """Approved, built, rejected by the review, and planned anew."""
    player = Player(workflow=back_to_plan())
    player.approved().until("wait_agents", "review")
    player.accept(list(player.run["dispatches"])[-1], kept={"verdict": "reject", "summary": "no", "findings": []})
    player.until("wait_agents", "plan")
    player.accept(list(player.run["dispatches"])[-1], kept=plan)
    assert player.only("request")[:3] == ("request", "approval", 2)
    return player


def kept(player: Player, **fields: Any) -> dict[str, Any]:
    """The body of `approval_kept` for the plan that waits."""
    approved = player.run["approved"]
    assert approved is not None
    envelope = envelope_of(player.run, "approval")
    body = {"node": "approval", "visit": 2, "digest": plan_digest(envelope), "envelope": envelope}
    return {**body, "approval": approved["digest"], **fields}


NARROW = make_plan(make_step("Mend it", ("src/a.py",)), checks=[])


def replanned() -> Player:
    player = at_second_gate(NARROW)
    player.tell("approval_kept", **kept(player))
    return player


def test_a_plan_inside_the_approved_one_goes_on_under_the_same_approval() -> None:
    player = at_second_gate(NARROW)
    approved = copy.deepcopy(player.run["approved"])
    player.tell("approval_kept", **kept(player))
    assert player.run["approved"] == approved
    assert player.only("create").node == "steps~2.0/build"
    gate = in_force(player.run)
    assert gate is not None
    assert gate["envelope"]["scopes"] == [["src/a.py"]]
    verify = {"id": "verify", "kind": "checks", "commands": "full"}
    assert [c["name"] for c in commands_for(player.run, verify)] == ["tests", "plan-smoke"]  # type: ignore[arg-type]
    assert player.to_end().run["status"] == "completed"


@pytest.mark.parametrize(
    ("plan", "fields"),
    [
        pytest.param(make_plan(make_step(scope=("lib/**",))), {}, id="wider"),
        pytest.param(NARROW, {"approval": "0" * 64}, id="another-approval"),
    ],
)
def test_a_journal_that_keeps_an_approval_for_more_than_it_covers_is_not_believed(
    plan: dict[str, Any], fields: dict[str, Any]
) -> None:
    player = at_second_gate(plan)
    with pytest.raises(FoldError, match="no standing approval covers that plan"):
        player.tell("approval_kept", **kept(player, **fields))


def test_news_of_a_kept_approval_that_comes_late_moves_nothing() -> None:
    player = replanned()
    before = copy.deepcopy(player.run)
    player.tell("approval_kept", **kept(player))
    assert {**player.run, "updated": ""} == {**before, "updated": ""}


def test_a_plan_that_goes_beyond_is_asked_about_at_the_very_gate_it_has_come_to() -> None:
    player = at_second_gate(make_plan(make_step(scope=("lib/**",))))
    digest = player.run["approved"]["digest"]  # type: ignore[index]
    changes = ["may change: lib/** is new; approved: src/**"]
    player.tell("approval_voided", reason="the new plan goes beyond it", changes=changes)
    assert player.run["approved"] is None
    assert player.only("request")[:3] == ("request", "approval", 2)
    voided = player.run["voided"]
    assert voided is not None
    assert (voided["digest"], voided["changes"]) == (digest, changes)
    player.approved()
    assert player.run["voided"] is None
    assert player.only("create").node == "steps~2.0/build"


def test_an_approval_of_a_narrower_plan_that_falls_asks_about_that_one() -> None:
    player = replanned()
    player.until("wait_agents", "steps~2.0/build")
    position = copy.deepcopy(player.run["position"])
    player.tell("base_moved", commit="f" * 40, branch="main", reason="HEAD moved")
    assert in_force(player.run) is None
    player.approved()
    assert player.run["position"] == position
    assert player.run["approved"]["envelope"]["scopes"] == [["src/a.py"]]  # type: ignore[index]


# --- codes that were wrong


def test_wrong_codes_count_for_the_gate_that_is_asked_and_a_new_question_starts_anew() -> None:
    player = Player()
    player.to_gate()
    gate = player.run["gate"]
    assert gate is not None
    for _ in range(2):
        player.tell("code_refused", digest=gate["digest"])
    player.tell("code_refused", digest="0" * 64)
    assert player.run["gate"]["wrong_codes"] == 2  # type: ignore[index]
    player.tell("question_shown", tool_use_id="t", at=1.0, digest=gate["digest"])
    assert player.run["gate"]["wrong_codes"] == 0  # type: ignore[index]
    player.decide()
    before = copy.deepcopy(player.run["gate"])
    player.tell("code_refused", digest=gate["digest"])
    assert player.run["gate"] == before


# --- events


def conducted() -> Player:
    """A specification that is changed after the approval, and a user who commits before the end."""
    player = Player(workflow=load_workflow("conduct", "/nowhere")[0]).approved()
    player.tell("spec_changed", plan=make_spec(s5="e"), reason="SPEC.md was changed", changes=["two"])
    player.until("finish")
    player.tell("branch_moved", node="finish", visit=1, head="f" * 40)
    return player.to_end()


def test_every_event_type_is_played_here() -> None:
    player = Player()
    player.until("agent", "plan")
    player.tell("settings_reloaded", limits=LIMITS, grant="cli", project_checks={"full": [make_check()], "quick": []})
    player.start("d-001")
    player.tell("result_rejected", id="d-001", error="x", repair=1)
    player.ask("d-001")
    player.reply("d-001")
    player.favour(player.only("continue"))
    player.fail("d-001")
    player.to_gate()
    player.tell("question_shown", tool_use_id="t", at=1.0, digest="x")
    player.tell("code_refused", digest="x")
    player.decide()
    player.tell("approval_voided", reason="gone")
    player.approved().tell("base_moved", commit="f" * 40, branch="main", reason="HEAD moved")
    player.approved().until("finish")
    player.tell("tree_moved", node="finish", visit=1, changed=["a"])
    player.tell("retry_granted")
    player.tell("limit_reached", node="verify", why="x")
    player.tell("turn_failed", reason="429")
    player.tell("breaker_closed", until="2026-11-21T09:00:00Z")
    player.tell("step_skipped", node="verify", index="0", title="x", why="x")
    player.tell("handoff_supplied", id="d-001", fields={"suggestion": "x"})
    player.count("d-001")
    player.tell("run_stopped")
    player.tell("lease_taken", session="s-2", generation=2, interactive=True)
    player.tell("retry_granted")
    player.repaired()
    player.to_end()
    small = Player(workflow=load_workflow("build_only", "/nowhere")[0])
    gate = small.until(REQUEST)
    small.request(gate, shown=False)
    small.tell("approval_waived", digest=small.run["gate"]["digest"], rule=RULE)  # type: ignore[index]
    player.events += small.events
    player.tell("run_aborted")
    placed = Player().approved()
    placed.tell("tasks_placed", stage="plan", tasks={"one": "t-000001"})
    kept = replanned().events + placed.events
    apart = side_by_side().to_end().events
    apart += conducted().events
    gone_back = Player()
    saved = {"id": "cp_1_aaaa", "name": "x", "after": "", "commit": "", "tree": "t", "head": None, "place": "."}
    gone_back.tell("checkpoint_made", **saved)
    gone_back.tell("rolled_back", id="cp_1_aaaa", undo="cp_1_aaaa", restored=[], quarantined=[], skipped=[])
    kept += gone_back.events
    assert {event["type"] for event in (*player.events, *kept, *apart)} == {"run_created", *HANDLERS}
    assert player.run["status"] == "completed"


@pytest.mark.parametrize(
    ("events", "said"),
    [
        pytest.param([make_event("run_stopped")], 'line 1 is "run_stopped"; a journal opens with', id="no-opening"),
        pytest.param([created(), created()], 'line 1 is "run_created"; a journal opens with', id="opens-twice"),
        pytest.param([created(), make_event("teleported", 2)], 'line 2 ("teleported") has an unknown type', id="newer"),
        pytest.param([created(), make_event("dispatch_failed", 2, id="d-9", reason="")], "names 'd-9'", id="no-dispatch"),
        pytest.param(
            [created(), make_event("check_finished", 2, id="c-9", outcome="green")], "names 'c-9'", id="no-check"
        ),
        pytest.param([created(), make_event("lease_taken", 2)], "names 'generation'", id="key-missing"),
        pytest.param(
            [created(), make_event("dispatch_created", 2, id="d-1", access="write")],
            "d-1 may write, and no approval stands", id="writer-without-approval",
        ),
    ],
)  # fmt: skip
def test_journal_that_cannot_be_read(events: list[Any], said: str) -> None:
    with pytest.raises(FoldError) as caught:
        fold(events)
    assert said in str(caught.value)


def test_apply_changes_neither_run_nor_event() -> None:
    player = Player().approved()
    before, events = copy.deepcopy(player.run), copy.deepcopy(player.events)
    apply(player.run, make_event("run_stopped", 99))
    assert player.run == before
    fold(player.events)
    assert player.events == events


# --- dispatches


def running() -> Player:
    player = Player()
    player.until("agent", "plan")
    player.start("d-001")
    return player


def test_dispatch_goes_through_its_states() -> None:
    player = Player()
    states = []
    player.until("create", "plan")
    player.create(player.only("create"))
    for act in (player.start, player.ask, player.reply):
        states.append((player.run["dispatches"]["d-001"]["state"], player.kinds()))
        act("d-001")
    states.append((player.run["dispatches"]["d-001"]["state"], player.kinds()))
    assert states == [
        ("pending", ["agent"]),
        ("running", ["wait_agents"]),
        ("asking", ["ask"]),
        ("answered", ["continue"]),
    ]
    dispatch = player.run["dispatches"]["d-001"]
    assert dispatch["answers"] == [{"question": "Which?", "answer": "a"}]
    assert dispatch["round"] == 1
    assert dispatch["questions"] == []


def test_message_with_the_answers_keeps_agent_and_ticket() -> None:
    player = running()
    first = copy.deepcopy(player.run["dispatches"]["d-001"])
    player.ask("d-001")
    player.reply("d-001")
    player.favour(player.only("continue"))
    now = player.run["dispatches"]["d-001"]
    assert (now["tool_use_id"], now["agent_id"], now["state"]) == (first["tool_use_id"], first["agent_id"], "running")


def test_ticket_handed_in_again_unbinds_the_agent_before() -> None:
    player = running()
    player.ask("d-001")
    player.reply("d-001")
    player.tell("dispatch_started", id="d-001", tool_use_id="again", at="x")
    now = player.run["dispatches"]["d-001"]
    assert (now["tool_use_id"], now["agent_id"]) == ("again", None)


def test_second_start_does_not_take_a_working_agents_ticket() -> None:
    player = running()
    before = copy.deepcopy(player.run["dispatches"])
    player.tell("dispatch_started", id="d-001", tool_use_id="twin", at="x")
    assert player.run["dispatches"] == before


def test_repairs_are_counted_and_forgiven_after_a_question() -> None:
    player = running()
    player.tell("result_rejected", id="d-001", error="x", repair=1)
    assert player.run["dispatches"]["d-001"]["repairs"] == 1
    player.ask("d-001")
    assert player.run["dispatches"]["d-001"]["repairs"] == 0


LATE = [
    pytest.param("dispatch_started", {"tool_use_id": "t", "at": "x"}, id="started"),
    pytest.param("agent_bound", {"agent_id": "a", "transcript": "t"}, id="bound"),
    pytest.param("result_rejected", {"error": "x", "repair": 1}, id="rejected"),
    pytest.param("questions_raised", {"questions": []}, id="asked"),
    pytest.param("questions_answered", {"answers": {"Which?": "b"}}, id="answered"),
    pytest.param(
        "result_accepted",
        {"kept": {"steps": []}, "changed": ["z"], "unexplained": ["z"], "summary": "late"},
        id="accepted",
    ),
    pytest.param("dispatch_failed", {"reason": "late"}, id="failed"),
    pytest.param("dispatch_created", {"access": "read", "node": "plan"}, id="created"),
]


@pytest.mark.parametrize(("kind", "body"), LATE)
@pytest.mark.parametrize("ending", ["failed", "completed"])
def test_late_news_about_a_dispatch_moves_nothing(ending: str, kind: str, body: dict[str, Any]) -> None:
    player = running()
    if ending == "failed":
        player.fail("d-001")
    else:
        player.accept("d-001")
    before = copy.deepcopy(player.run)
    player.tell(kind, id="d-001", **body)
    assert player.run == before


def test_only_the_last_failures_are_kept() -> None:
    player = Player(limits={**LIMITS, "dispatches": 500})
    for number in range(30):
        player.until("agent", "plan")
        player.fail(f"d-{number + 1:03d}", f"reason {number}")
        if player.run["waiting"]:
            player.tell("retry_granted")
    assert [f["reason"] for f in player.run["failures"]] == [f"reason {n}" for n in range(10, 30)]


# --- several agents at once


def panel(**fields: Any) -> Player:
    return Player(
        workflow=make_workflow(plan_stage(items=["api", "data", "tests"], **fields)),
        project_checks={"full": [], "quick": []},
    )


def test_items_are_dispatched_as_far_as_parallel_allows() -> None:
    player = panel(parallel=2)
    assert [a.subject for a in player.actions()] == ["api", "data"]
    for action in player.actions():
        player.create(action)
    assert player.kinds() == ["agent", "agent"]
    player.start("d-001")
    player.accept("d-001")
    assert [(a.kind, a.subject) for a in player.actions()] == [("create", "tests"), ("agent", "d-002")]


def test_items_without_parallel_go_one_by_one_and_failed_ones_again() -> None:
    player = panel()
    player.create(player.only("create"))
    player.start("d-001")
    player.fail("d-001")
    assert player.only("create").subject == "api"
    assert player.to_end().run["status"] == "completed"
    assert [d["item"] for d in player.run["dispatches"].values()] == ["api", "api", "data", "tests"]


# --- checks


def make_runs(*outcomes: str) -> list[CheckRun]:
    runs: list[CheckRun] = []
    for text in outcomes:
        outcome, _, changed = text.partition(":")
        run: CheckRun = {"id": "c", "node": "n", "visit": 1, "name": "t", "shown": "t", "state": "finished"}
        if outcome == "running":
            run["state"] = "running"
        else:
            run.update({"outcome": outcome, "changed": changed.split(",")})
        runs.append(run)
    return runs


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        pytest.param([], None, id="none"),
        pytest.param(["running"], None, id="running"),
        pytest.param(["green"], "green", id="green"),
        pytest.param(["red"], "red", id="red"),
        pytest.param(["unstable:a"], None, id="unstable-once"),
        pytest.param(["unstable:a", "unstable:a"], "green", id="its-own-output"),
        pytest.param(["unstable:a", "unstable:b"], None, id="another-path"),
        pytest.param(["unstable:a", "unstable:b", "unstable:c"], "red", id="never-stable"),
        pytest.param(["unstable:a", "unstable:b", "unstable:b"], "green", id="own-output-the-third-time"),
        pytest.param(["unstable:a", "running"], None, id="running-again"),
        pytest.param(["unstable:a", "green"], "green", id="stable-the-second-time"),
        pytest.param(["lost"], None, id="lost"),
        pytest.param(["lost", "lost"], None, id="lost-twice"),
        pytest.param(["lost", "lost", "lost"], "red", id="lost-three-times"),
        pytest.param(["lost:a", "unstable:a"], "green", id="lost-then-unstable"),
        pytest.param(["lost", "green"], "green", id="lost-then-green"),
        pytest.param(["red", "green"], "green", id="the-last-counts"),
    ],
)
def test_check_verdict(outcomes: list[str], verdict: str | None) -> None:
    assert check_verdict(make_runs(*outcomes)) == verdict


def test_lost_check_is_run_again() -> None:
    player = Player()
    action = player.only("check")
    player.check(action, "lost")
    assert player.only("check") == action
    player.check(action)
    assert player.at == "plan"


def test_check_reported_twice_counts_as_first_told() -> None:
    player = Player()
    name = player.check(player.only("check"), "red")
    before = copy.deepcopy(player.run)
    player.finish_check(name, "green")
    player.tell("check_started", id=name, node="verify", visit=3, name="other", shown="x")
    assert player.run == before


def test_red_waits_for_the_other_commands() -> None:
    player = Player().approved()
    first = player.until("check", "steps.0/check")
    player.check(first, "red")
    assert [a.subject for a in player.actions()] == ["plan-smoke"]
    player.check(player.actions()[0])
    assert player.only("create")[:3] == ("create", "steps.0/build", 2)


def test_checks_run_side_by_side() -> None:
    player = Player(project_checks={"full": [make_check("a"), make_check("b")], "quick": []})
    first, second = player.actions()
    name = player.check(first, None)
    assert [(a.kind, a.subject) for a in player.actions()] == [("check", "b"), ("wait_checks", name)]
    player.check(second)
    assert player.only("wait_checks").subject == name


def test_no_commands_are_green() -> None:
    assert Player(project_checks={"full": [], "quick": []}).at == "plan"


def test_quick_checks_go_with_steps_and_full_ones_with_the_end() -> None:
    player = Player(project_checks={"full": [make_check()], "quick": [make_check("fast", "pytest -x")]}).to_end()
    named = {(c["node"], c["name"]) for c in player.run["checks"].values()}
    assert named == {
        ("baseline", "tests"),
        ("steps.0/check", "fast"),
        ("steps.1/check", "fast"),
        ("verify", "tests"),
        ("verify", "plan-smoke"),
    }


# --- the gate


def test_decision_for_another_plan_is_no_decision() -> None:
    player = Player()
    player.to_gate()
    player.decide(digest="0" * 64)
    assert player.only("decide")
    assert player.run["approved"] is None


def test_decision_counts_once() -> None:
    player = Player()
    player.to_gate()
    player.decide("modify")
    assert player.at == "plan"
    before = copy.deepcopy(player.run)
    player.decide("approve")
    player.decide("abort")
    assert player.run == before


def test_decision_before_the_gate_is_open_is_none() -> None:
    player = Player()
    player.tell("decision_made", digest="x", decision="approve", words="", channel="picker")
    player.tell("report_shown", digest="x")
    player.tell("question_shown", tool_use_id="t", at=1.0, digest="x")
    assert player.run["gate"] is None
    assert player.run["approved"] is None


def test_decision_after_the_end_is_none() -> None:
    player = Player()
    player.to_gate()
    player.tell("run_aborted")
    player.decide()
    assert player.run["approved"] is None
    assert player.run["status"] == "aborted"


def test_approval_keeps_where_it_stands_in_the_journal() -> None:
    player = Player().approved()
    approved = player.run["approved"]
    assert approved is not None
    assert (approved["seq"], approved["hash"]) == (len(player.events), player.events[-1]["hash"])
    assert (approved["decision"], approved["channel"]) == ("approve", "picker")


def test_what_was_approved_does_not_change_afterwards() -> None:
    """The cache on disk and the journal's fold must tell the same, also when the hook shows the report late."""
    player = Player()
    player.until("request")
    envelope = player.run
    del envelope
    digest = player.request(player.only("request"))
    player.decide()
    approved = copy.deepcopy(player.run["approved"])
    player.tell("report_shown", digest=digest)
    player.tell("question_shown", tool_use_id="t", at=1.0, digest=digest)
    assert player.run["approved"] == approved


@pytest.mark.parametrize("decision", ["modify", "more_recon"])
def test_another_look_makes_a_new_plan_that_is_asked_about_again(decision: str) -> None:
    player = Player()
    player.to_gate()
    player.decide(decision, words="smaller please")
    assert player.only("create")[:3] == ("create", "plan", 2)
    gate = player.run["gate"]
    assert gate is not None
    assert gate["words"] == "smaller please"
    player.to_gate()
    again = player.run["gate"]
    assert again is not None
    assert again["visit"] == 2
    assert "decision" not in again
    assert player.to_end().run["status"] == "completed"


def test_abort_ends_the_run() -> None:
    player = Player()
    player.to_gate()
    player.decide("abort")
    assert player.run["status"] == "aborted"
    assert player.only("over").subject == "aborted"


def test_ten_rounds_at_the_gate_then_the_human_says_whether_to_go_on() -> None:
    player = Player(limits={**LIMITS, "dispatches": 100})
    for _ in range(10):
        player.to_gate()
        player.decide("modify")
    assert player.only("human").node == "approval"
    assert "10. time; the limit is 10 rounds" in player.only("human").subject
    player.tell("retry_granted")
    assert player.at == "plan"


# --- an approval that falls


def test_same_plan_approved_again_goes_on_where_it_was() -> None:
    player = Player().approved()
    player.until("agent", "steps.1/build")
    player.start("d-003")
    position, dispatches = copy.deepcopy(player.run["position"]), copy.deepcopy(player.run["dispatches"])
    player.tell("approval_voided", reason="the record is gone")
    assert player.run["approved"] is None
    assert player.only("request")[:3] == ("request", "approval", 2)
    player.approved()
    assert player.run["position"] == position
    assert player.run["dispatches"] == dispatches
    assert player.only("wait_agents").subject == "d-003"
    assert player.run["voided"] is None
    assert player.to_end().run["status"] == "completed"


@pytest.mark.parametrize("plan", [make_plan(), make_plan(make_step(scope=("lib/**",)))], ids=["same-digest", "other"])
def test_new_plan_after_a_fallen_approval_is_built_anew(plan: dict[str, Any]) -> None:
    player = Player().approved()
    player.until("check", "steps.1/check")
    built = set(player.run["dispatches"])
    player.tell("approval_voided", reason="gone")
    player.to_gate()
    player.decide("modify")
    player.create(player.only("create"))
    name = list(player.run["dispatches"])[-1]
    player.start(name)
    player.accept(name, kept=plan)
    player.approved()
    create = player.only("create")
    assert create.node == "steps~2.0/build"
    player.to_end()
    anew = [d["node"] for d in player.run["dispatches"].values() if d["id"] not in built and d["access"] == "write"]
    assert anew == [f"steps~2.{n}/build" for n in range(len(plan["steps"]))]


def test_approval_can_fall_twice_and_the_plan_be_changed_after() -> None:
    player = Player().approved()
    player.until("agent", "steps.0/build")
    for _ in range(2):
        player.tell("approval_voided", reason="gone")
        player.tell("approval_voided", reason="gone again")
        player.approved()
    player.tell("approval_voided", reason="gone")
    player.to_gate()
    player.decide("modify")
    assert player.only("create")[:3] == ("create", "plan", 2)


def test_fallen_approval_of_a_waiting_run_still_waits() -> None:
    player = Player().approved()
    player.until("check", "verify")
    player.tell("limit_reached", node="verify", why="x")
    player.tell("approval_voided", reason="gone")
    assert player.kinds() == ["human"]
    player.tell("retry_granted")
    assert player.only("request")


def test_new_plan_after_modify_never_meets_an_old_result() -> None:
    player = Player()
    for _ in range(3):
        player.to_gate()
        player.decide("modify")
    player.approved()
    plans = [(d["node"], d["visit"]) for d in player.run["dispatches"].values()]
    assert plans == [("plan", n) for n in (1, 2, 3, 4)]


# --- limits


def test_tries_are_counted_then_a_human_lets_it_go_on() -> None:
    player = Player()
    for number in range(1, 6):
        player.until("agent", "plan")
        player.fail(f"d-{number:03d}", f"died {number}")
    waits = player.only("human")
    assert waits.node == "plan"
    assert "5 dispatches of plan failed; the last one: died 5" in waits.subject
    player.tell("retry_granted")
    for number in range(6, 10):
        player.until("agent", "plan")
        player.fail(f"d-{number:03d}")
    assert player.only("create")
    player.until("agent", "plan")
    player.fail("d-010")
    assert player.only("human")


def test_red_checks_send_the_builder_back_five_times_then_wait() -> None:
    player = Player(workflow=NO_WAY_BACK).approved()
    for visit in range(1, 6):
        for action in (player.until("check", "steps.0/check"), *player.actions()[1:]):
            assert action.visit == visit
            player.check(action, "red")
    assert player.only("human").node == "steps.0/check"
    player.tell("retry_granted")
    assert player.only("create")[:3] == ("create", "steps.0/build", 6)
    assert player.to_end().run["status"] == "completed"


def test_review_that_rejects_three_times_waits() -> None:
    player = Player().approved()
    for _ in range(3):
        action = player.until("wait_agents", "review")
        player.accept(action.subject, kept={"verdict": "reject", "summary": "no", "findings": []})
    assert player.only("human").node == "review"
    assert [d["node"] for d in player.run["dispatches"].values()].count("rework") == 2
    assert player.run["position"]["came_from"]["rework"] == {"stage": "review", "outcome": "reject"}
    player.tell("retry_granted")
    assert player.at == "rework"
    assert player.to_end().run["status"] == "completed"


def test_settings_are_read_anew_but_what_was_approved_stays() -> None:
    player = Player().approved()
    checks = {"full": [make_check("other", "make test")], "quick": []}
    player.tell("settings_reloaded", limits={**LIMITS, "dispatches": 3}, grant="none", project_checks=checks)
    assert player.run["grant"] == "none"
    assert "limits.dispatches is 3" in player.until("limit").subject
    assert {c["name"] for c in player.run["checks"].values()} == {"tests", "plan-smoke"}


def test_settings_that_change_while_a_check_runs_leave_no_dead_end() -> None:
    player = Player()
    player.check(player.only("check"), None)
    checks = {"full": [make_check("other", "make test")], "quick": []}
    player.tell("settings_reloaded", limits=LIMITS, grant="scope", project_checks=checks)
    assert player.only("check").subject == "other"
    assert player.to_end().run["status"] == "completed"


def test_lease_of_an_older_generation_is_no_lease() -> None:
    player = Player()
    player.tell("lease_taken", session="s-2", generation=2, interactive=True)
    player.tell("lease_taken", session="s-1", generation=2, interactive=True)
    player.tell("lease_taken", session="s-1", generation=1, interactive=True)
    assert (player.run["session"], player.run["generation"]) == ("s-2", 2)


def test_request_for_another_visit_or_told_twice_changes_nothing() -> None:
    player = Player()
    player.to_gate()
    request = next(e for e in player.events if e["type"] == "approval_requested")
    before = copy.deepcopy(player.run)
    player.tell("approval_requested", **request["body"])
    assert player.run == before
    player.decide("modify")
    player.to_gate()
    before = copy.deepcopy(player.run)
    player.tell("approval_requested", **request["body"])
    assert player.run == before


def test_dispatch_limit_waits_and_goes_on() -> None:
    player = Player(limits={**LIMITS, "dispatches": 2})
    action = player.until("limit")
    assert "2 dispatches were made; limits.dispatches is 2" in action.subject
    assert action.node == "steps.1/build"
    player.favour(action)
    assert player.only("human")
    player.tell("retry_granted")
    assert player.only("create").node == "steps.1/build"


def test_wall_limit_waits_and_goes_on() -> None:
    player = Player()
    player.until("create", "plan")
    player.minute = 480
    action = player.only("limit")
    assert "480 minutes have passed; limits.wall_minutes is 480" in action.subject
    player.favour(action)
    player.minute = 500
    player.tell("retry_granted")
    assert player.only("create")
    player.minute = 979
    assert player.only("create")
    player.minute = 980
    assert "480 minutes" in player.only("limit").subject


def test_clock_set_back_grants_no_minutes() -> None:
    player = Player()
    player.tell("limit_reached", node="plan", why="x")
    player.run["created"] = "2026-11-22T00:00:00Z"
    player.tell("retry_granted")
    assert player.run["granted"]["minutes"] == 0


def test_limit_does_not_stop_what_is_at_work() -> None:
    player = running()
    player.minute = 999
    assert player.only("wait_agents")


def test_retry_without_waiting_grants_nothing() -> None:
    player = Player()
    before = copy.deepcopy(player.run)
    player.tell("retry_granted")
    assert player.run == before


# --- changes that nobody explains


def test_unexplained_change_waits_for_the_human() -> None:
    player = Player().approved()
    action = player.until("wait_agents", "steps.0/build")
    player.accept(action.subject, changed=["src/a"], unexplained=["README.md"])
    assert player.only("human").node == "steps.0/build"
    assert "README.md changed during d-002" in player.only("human").subject
    player.tell("retry_granted")
    assert player.actions()[0].node == "steps.0/check"


def test_moved_tree_is_verified_again_after_the_human_agrees() -> None:
    player = Player().approved()
    for visit in (1, 2, 3):
        player.until("finish")
        player.tell("tree_moved", node="finish", visit=visit, changed=["a", "b"])
        assert "a, b changed after the last check" in player.only("human").subject
        player.tell("retry_granted")
        assert player.actions()[0][:3] == ("check", "verify", visit + 1)
    assert player.to_end().run["status"] == "completed"


# --- stop, lease, end


def test_stopped_run_does_nothing_until_the_lease_is_taken() -> None:
    player = running()
    player.tell("run_stopped")
    assert player.only("over").subject == "stopped"
    player.accept("d-001")
    assert player.at == "plan"
    player.tell("lease_taken", session="s-2", generation=2, interactive=False)
    assert (player.run["session"], player.run["generation"], player.run["interactive"]) == ("s-2", 2, False)
    assert player.at == "approval"


def test_stopped_run_that_waited_waits_again() -> None:
    player = Player()
    player.tell("limit_reached", node="plan", why="x")
    player.tell("run_stopped")
    player.tell("lease_taken", session="s-2", generation=2, interactive=True)
    assert player.only("human").subject == "x"


def test_news_that_asks_for_the_human_does_not_wake_a_stopped_run() -> None:
    player = Player().approved()
    action = player.until("wait_agents", "steps.0/build")
    player.tell("run_stopped")
    player.accept(action.subject, unexplained=["x"])
    assert player.run["status"] == "stopped"
    player.tell("retry_granted")
    assert player.run["status"] == "stopped"


def test_stopped_run_with_news_waits_once_it_is_taken_up() -> None:
    player = Player().approved()
    action = player.until("wait_agents", "steps.0/build")
    player.tell("run_stopped")
    player.accept(action.subject, unexplained=["x"])
    player.tell("lease_taken", session="s-2", generation=2, interactive=True)
    assert player.only("human")


def test_lost_agents_of_the_session_before_are_offered_again() -> None:
    player = running()
    player.tell("lease_taken", session="s-2", generation=2, interactive=True)
    player.fail("d-001", "lost: its session ended")
    assert player.only("create")[:3] == ("create", "plan", 1)


@pytest.mark.parametrize("end", ["run_aborted", "run_completed"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param("run_stopped", {}, id="stop"),
        pytest.param("run_aborted", {}, id="abort"),
        pytest.param("run_completed", {"tree": None}, id="complete"),
        pytest.param("lease_taken", {"session": "x", "generation": 9, "interactive": True}, id="lease"),
        pytest.param("limit_reached", {"node": "plan", "why": "x"}, id="limit"),
        pytest.param("tree_moved", {"node": "finish", "visit": 1, "changed": []}, id="tree"),
        pytest.param("retry_granted", {}, id="retry"),
        pytest.param("approval_voided", {"reason": "x"}, id="void"),
        pytest.param(
            "result_accepted",
            {"id": "d-002", "kept": {}, "changed": [], "unexplained": ["x"], "summary": ""}, id="late-result",
        ),
    ],
)  # fmt: skip
def test_an_end_is_final(end: str, kind: str, body: dict[str, Any]) -> None:
    player = Player().approved()
    player.until("wait_agents", "steps.0/build")
    status = player.tell(end, tree=None)["status"]
    player.tell(kind, **body)
    assert player.run["status"] == status
    assert player.only("over").subject == status
    assert player.run["waiting"] is None


def test_abort_of_a_waiting_run_waits_for_nobody() -> None:
    player = Player()
    player.tell("limit_reached", node="plan", why="x")
    player.tell("run_aborted")
    player.tell("retry_granted")
    assert player.only("over").subject == "aborted"


# --- looking


def test_items_and_nodes_of_a_foreach() -> None:
    player = Player().approved()
    steps = next(s for s in player.run["workflow"]["stages"] if s["id"] == "steps")
    assert [item["title"] for item in items_over(player.run, steps)] == ["Add it", "Test it"]
    assert item_of(player.run, "steps.1/build") == items_over(player.run, steps)[1]
    assert item_of(player.run, "steps~2.0/build") == items_over(player.run, steps)[0]
    assert item_of(player.run, "steps.7/build") is None
    assert item_of(player.run, "rework") is None


def test_foreach_over_something_that_is_no_list_has_no_items() -> None:
    player = Player()
    player.run["kept"]["plan"] = {"steps": "x"}
    assert items_over(player.run, make_stage("steps", "foreach")) == []


def test_open_gate_is_the_undecided_one() -> None:
    player = Player()
    assert open_gate(player.run) is None
    player.to_gate()
    assert open_gate(player.run) == player.run["gate"]
    player.decide()
    assert open_gate(player.run) is None


def test_state_read_back_from_disk_goes_on_the_same() -> None:
    player = Player().approved()
    player.until("check", "verify")
    assert next_actions(through_json(player.run)) == player.actions()


MOVED = {"commit": "f" * 40, "branch": "main", "reason": "HEAD moved"}


def test_a_moved_head_asks_again_and_a_yes_goes_on_where_the_run_was() -> None:
    player = Player().approved()
    player.until("agent", "steps.0/build")
    player.tell("base_moved", **MOVED)
    assert player.run["approved"] is None
    player.favour(player.only("request"))
    gate = player.run["gate"]
    assert gate is not None
    assert gate["envelope"]["base_commit"] == "f" * 40
    player.until("agent", "steps.0/build")
    assert list(player.run["dispatches"]) == ["d-001", "d-002"]


def test_a_moved_head_at_the_open_gate_is_asked_about_anew() -> None:
    player = Player()
    player.to_gate()
    before = player.run["gate"]
    player.tell("base_moved", **MOVED)
    player.to_gate()
    after = player.run["gate"]
    assert before is not None
    assert after is not None
    assert after["digest"] != before["digest"]


def test_after_a_repair_no_name_is_given_twice() -> None:
    """An agent, a check or a file of what was lost may be there still."""
    player = Player().approved()
    player.until("agent", "steps.0/build")
    assert list(player.run["dispatches"]) == ["d-001", "d-002"]
    assert (next_name(player.run, "dispatches"), next_name(player.run, "checks")) == ("d-003", "c-002")
    player.repaired(dispatches=5, checks=1)
    assert (next_name(player.run, "dispatches"), next_name(player.run, "checks")) == ("d-006", "c-002")
    player.repaired(dispatches=4, checks=7)
    assert (next_name(player.run, "dispatches"), next_name(player.run, "checks")) == ("d-006", "c-008")
    player.to_end()
    assert list(player.run["dispatches"]) == ["d-001", "d-002", "d-006", "d-007"]
    assert list(player.run["checks"])[:2] == ["c-001", "c-008"]
    assert [repair["copy"] for repair in player.run["repairs"]] == [
        "journal.jsonl.damaged-1",
        "journal.jsonl.damaged-1",
    ]


def test_a_repair_moves_the_run_nowhere() -> None:
    player = Player()
    player.to_gate()
    before = player.actions(), through_json(player.run)["position"]
    player.repaired()
    assert (player.actions(), player.run["position"]) == before
    ended = Player().to_end()
    ended.repaired()
    assert ended.run["status"] == "completed"


# --- the API refuses


def test_a_refusal_of_the_api_spends_no_further_dispatch() -> None:
    player = running()
    player.tell("dispatch_failed", id="d-001", reason="rate_limit API Error: 429", refused=True)
    assert player.only("human").subject.endswith("when that is over and you go on: rate_limit API Error: 429")
    player.tell("retry_granted")
    assert player.only("create")[:3] == ("create", "plan", 1)
    player.until("agent", "plan")
    player.fail("d-002", "boom")
    assert player.only("create"), "tries are counted anew"


def test_another_error_is_tried_again_at_once() -> None:
    player = running()
    player.tell("dispatch_failed", id="d-001", reason="server_error", refused=False)
    assert player.only("create")[:3] == ("create", "plan", 1)


def test_a_turn_that_failed_is_told_until_something_happens() -> None:
    player = running()
    player.tell("turn_failed", reason="rate_limit API Error: 429")
    assert player.run["turn_failed"] == "rate_limit API Error: 429"
    player.accept("d-001")
    assert "turn_failed" not in player.run
