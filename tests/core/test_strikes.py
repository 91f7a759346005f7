"""When trying again is of no use: two strikes, flaws, loops, blockers, and what a human's word starts anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fermata.core.actions import AGENT, CREATE, HUMAN, PAUSE, REOPEN
from fermata.core.escalation import choices, digest_of, facts, question_for, read_answer, skipped_body
from fermata.core.fold import fold
from fermata.core.recovery import Facts, told
from tests.core.build import NO_WAY_BACK, Player, make_plan, make_step, stamp, through_json

if TYPE_CHECKING:
    from fermata.core.records import Workflow

RED = {**told(Facts("check")), "error": "e" * 64}
ONE = make_plan(make_step("One"), checks=[])


def building(plan: dict[str, Any] | None = None, **fields: Any) -> Player:
    """The first builder is at work."""
    player = Player(**fields)
    player.accept(player.until("wait_agents", "plan").subject, kept=plan or ONE)
    player.approved()
    player.until("wait_agents", "steps.0/build")
    return player


def fails(player: Player, kind: str, word: str = "", **body: Any) -> None:
    """The agent at work ends by a failure of that kind."""
    name = next(d["id"] for d in player.run["dispatches"].values() if d["state"] == "running")
    player.tell("dispatch_failed", **{"id": name, "reason": f"{kind} {word}", **told(Facts(kind, word)), **body})


def red(player: Player, node: str = "steps.0/check", **fields: Any) -> None:
    """The next check there is red, on a tree of its own unless said otherwise."""
    tree = f"{len(player.events):040x}"
    player.check(player.until("check", node), "red", **{"before": tree, "tree": tree, **RED, **fields})


def why(player: Player) -> str:
    waiting = player.run["waiting"]
    assert waiting
    return str(waiting["why"])


def test_the_same_error_twice_leads_to_the_planner_whatever_tries_are_left() -> None:
    player = building()
    red(player)
    assert player.only(CREATE).node == "steps.0/build"
    red(player)
    assert player.at == "plan"
    assert player.run["replans"] == 1


def test_tests_that_are_red_before_the_plan_cost_no_new_plan() -> None:
    player = Player()
    player.check(player.until("check", "baseline"), "red", **RED)
    assert player.at == "plan"
    assert "replans" not in player.run


def test_another_error_is_no_second_strike() -> None:
    player = building()
    for number in range(4):
        red(player, error=f"{number:064x}")
    assert player.only(CREATE).node == "steps.0/build"


def test_without_a_way_back_the_second_strike_asks_the_user_who_may_let_it_go_on() -> None:
    player = building(workflow=NO_WAY_BACK)
    red(player)
    red(player)
    assert player.only(HUMAN).node == "steps.0/check"
    assert "tests failed with the same error 2 times" in why(player)
    player.tell("retry_granted")
    red(player)  # counted anew
    assert player.only(CREATE).node == "steps.0/build"
    red(player)
    assert player.only(HUMAN).node == "steps.0/check"


def test_the_same_error_on_the_same_tree_is_a_loop_and_no_plan_is_made() -> None:
    """K-I01."""
    player = building()
    for _ in range(2):
        red(player, tree="a" * 40)
    assert player.only(HUMAN).node == "steps.0/check"
    assert why(player).startswith("a loop, tests failed with the same error on the same tree twice")
    assert "replans" not in player.run


def test_strikes_at_the_last_checks_count_against_who_mends() -> None:
    player = building()
    red(player, "verify")
    assert player.only(CREATE).node == "rework"
    red(player, "verify")
    assert player.at == "plan"
    assert player.run["position"]["came_from"]["plan"] == {"stage": "verify", "outcome": "red"}


def test_red_checks_before_the_plan_count_for_nothing() -> None:
    player = Player()
    player.check(player.until("check", "baseline"), "red", **told(Facts("check", "no_program")), error="e" * 64)
    assert player.only(CREATE).node == "plan"


def test_a_program_that_is_not_there_is_asked_about_at_once() -> None:
    player = building()
    red(player, **told(Facts("check", "no_program")))
    assert player.only(HUMAN).node == "steps.0/check"
    assert "blocker, rule no_program" in why(player)


def test_a_check_without_network_runs_again_before_anybody_hears_of_it() -> None:
    player = building()
    for number in range(3):
        action = player.until("check", "steps.0/check")
        assert (action.visit, number) == (1, number)
        player.check(action, "red", **told(Facts("check", "network")), error="e" * 64)
    assert player.only(CREATE).node == "steps.0/build"


@pytest.mark.parametrize("cause", ["wrong_approach", "unclear", "too_large"])
def test_a_flaw_in_the_plan_goes_to_the_planner_at_once(cause: str) -> None:
    player = building()
    fails(player, "gave_up", cause)
    assert player.at == "plan"


def test_agents_that_give_up_in_the_same_words_strike_twice() -> None:
    player = building()
    for _ in range(2):
        player.until("wait_agents", "steps.0/build")
        fails(player, "gave_up", error="f" * 64)
    assert player.at == "plan"
    player = building()
    for number in range(3):
        player.until("wait_agents", "steps.0/build")
        fails(player, "gave_up", error=f"{number:064x}")
    assert player.only(CREATE).node == "steps.0/build"


def test_only_one_new_plan_is_made_and_then_the_user_is_asked() -> None:
    player = building()
    fails(player, "gave_up", "unclear")
    player.accept(player.until("wait_agents", "plan").subject, kept=ONE)
    player.approved()
    player.until("wait_agents", "steps~2.0/build")
    fails(player, "gave_up", "unclear")
    assert player.only(HUMAN).node == "steps"
    assert "again after 1 new plan, the limit" in why(player)
    player.tell("retry_granted")
    assert player.only(CREATE).node == "steps~2.0/build"
    assert player.to_end().run["status"] == "completed"


@pytest.mark.parametrize(
    ("kind", "word", "wait"),
    [
        ("gave_up", "missing", "blocked"),
        ("scope", "", "blocked"),
        ("api", "billing_error", "blocked"),
        ("tampering", "plugin", "halted"),
        ("tampering", "protected", "halted"),
    ],
)
def test_what_trying_cannot_mend_waits_for_the_user_at_once(kind: str, word: str, wait: str) -> None:
    player = building()
    fails(player, kind, word)
    assert player.run["waiting"]
    assert player.run["waiting"]["kind"] == wait
    assert player.only(HUMAN).node == "steps.0/build"
    player.tell("retry_granted")
    assert player.only(CREATE).node == "steps.0/build"


def test_what_only_time_can_mend_is_not_planned_anew() -> None:
    player = building()
    for _ in range(5):
        player.until("wait_agents", "steps.0/build")
        fails(player, "lost")
    assert player.only(HUMAN).node == "steps.0/build"
    assert "5 dispatches of build failed" in why(player)


# --- pauses and the quota


def test_what_nobody_answered_is_offered_again_later_and_later() -> None:
    player, minutes = building(), []
    for _ in range(4):
        player.until("wait_agents", "steps.0/build")
        began = player.minute
        fails(player, "api", "overloaded")
        while player.actions()[0].kind == PAUSE:
            player.minute += 1
        minutes.append(player.minute - began)
    assert minutes == [1, 2, 5, 10]


def test_a_pause_says_its_time_and_ends_by_itself() -> None:
    player = building()
    player.minute = 7
    fails(player, "api", "overloaded")
    assert player.only(PAUSE).subject == "2026-11-21T00:07:30Z"
    assert player.actions() == player.actions()
    player.minute = 8
    assert player.only(CREATE).node == "steps.0/build"


def test_the_user_s_word_ends_a_pause() -> None:
    player = building()
    fails(player, "api", "overloaded")
    player.tell("limit_reached", node="steps.0/build", why="x")
    player.tell("retry_granted")
    assert player.only(CREATE).node == "steps.0/build"


def test_a_quota_holds_until_its_time() -> None:
    player = building()
    made = len(player.run["dispatches"])
    fails(player, "api", "rate_limit", refused=True, until=stamp(90))
    for minute in (0, 30, 89):
        player.minute = minute
        assert player.only(HUMAN)
    player.minute = 90
    assert player.only(REOPEN).subject == stamp(90)
    player.tell("breaker_closed", until=stamp(91))  # of another standstill
    assert player.run["status"] == "waiting"
    player.tell("breaker_closed", until=stamp(90))
    assert player.only(CREATE).node == "steps.0/build"
    assert len(player.run["dispatches"]) == made


def test_a_quota_without_a_time_waits_for_the_user() -> None:
    player = building()
    fails(player, "api", "rate_limit", refused=True)
    player.minute = 10_000
    assert player.only(HUMAN)
    player.tell("retry_granted")
    player.minute = 0
    assert player.only(CREATE)


# --- the question


def test_the_question_says_what_a_person_needs_and_changes_with_the_standstill() -> None:
    player = building(make_plan(make_step("One"), make_step("Two"), checks=[]))
    fails(player, "gave_up", "missing", reason="the agent gave up: no key for the service")
    asked = question_for(player.run)
    for part in (
        "fermata asks: how shall the run go on?",
        "Step 1: One",
        "Why: d-002 (blocker, rule missing",
        "Tries here: 1, 1 of them failed; new plans: 0 of 1",
        "Last error (d-002): the agent gave up: no key for the service",
        "Kind: blocker, rule missing: ",
    ):
        assert part in asked["question"]
    assert [option["label"] for option in asked["options"]] == ["Not now", "Retry differently", "Abort"]
    assert len(asked["question"]) < 2_000
    for stage in player.run["workflow"]["stages"]:
        stage.pop("result", None)
    assert "Tries here: 1, 1 of them failed\n" in question_for(player.run)["question"], "where nobody plans"
    first = digest_of(player.run)
    player.tell("retry_granted")
    player.until("wait_agents", "steps.0/build")
    fails(player, "gave_up", "missing", reason="the agent gave up: no key for the service")
    assert digest_of(player.run) != first


@pytest.mark.parametrize(
    ("answer", "choice", "words"),
    [
        ("Not now", "later", ""),
        ("Retry differently", "retry", ""),
        ("Abort", "abort", ""),
        ("Skip the step", "retry", "Skip the step"),  # no choice here, so words like any other
        ("abort", "retry", "abort"),
        ("use the other API", "retry", "use the other API"),
    ],
)
def test_an_answer(answer: str, choice: str, words: str) -> None:
    player = building()
    fails(player, "gave_up", "missing")
    assert read_answer(player.run, answer) == (choice, words)
    assert skipped_body(player.run) is None


def test_a_ceiling_asks_whether_to_go_on() -> None:
    player = building()
    player.tell("limit_reached", node="steps.0/build", why="40 dispatches were made; limits.dispatches is 40")
    assert list(choices(player.run)) == ["Not now", "Go on", "Abort"]
    assert not any(fact.startswith("Last error") for fact in facts(player.run))


def test_the_question_names_the_output_of_what_failed_and_where_its_files_lie() -> None:
    """Of the item that is stuck, each check in its last run."""
    player = building()
    player.tell("limit_reached", node="steps.0/build", why="a loop")
    run, check = player.run, {"visit": 1, "shown": "pytest", "state": "finished"}
    rows = [("c-901", "steps.0/check", "red"), ("c-902", "steps.0/check", "red"), ("c-903", "steps.1/check", "red")]
    rows += [("c-904", "steps.0/quick", "green")]
    for name, node, outcome in rows:
        label = "tests" if node.endswith("check") else "quick"
        run["checks"][name] = {**check, "id": name, "node": node, "name": label, "outcome": outcome}  # type: ignore[typeddict-item]
    assert "Output: fermata show c-902" in facts(run)
    run["worktrees"] = {"steps.0": {"path": "below/steps.0", "commit": "", "tree": "", "visit": 1, "state": "open"}}
    assert "Output: fermata show c-902; its files lie below below/steps.0" in facts(run)


def optional(workflow: Workflow | None = None) -> Player:
    steps = (make_step("One", optional=True), make_step("Two"))
    player = building(make_plan(*steps, checks=[]), **({"workflow": workflow} if workflow else {}))
    fails(player, "gave_up", "missing")
    return player


def test_an_optional_step_can_be_skipped_and_the_run_remembers() -> None:
    player = optional()
    assert list(choices(player.run)) == ["Not now", "Retry differently", "Skip the step", "Abort"]
    body = skipped_body(player.run)
    assert body
    player.tell("step_skipped", **body)
    assert player.only(CREATE).node == "steps.1/build"
    assert [step["title"] for step in player.run.get("left_out", [])] == ["One"]
    assert player.to_end().run["status"] == "completed"
    assert fold(player.events) == through_json(player.run)


def test_a_step_is_skipped_once_and_only_where_the_run_waits() -> None:
    player = optional()
    body = skipped_body(player.run)
    assert body
    player.tell("step_skipped", **{**body, "index": "1"})
    assert player.run["status"] == "waiting"
    player.tell("step_skipped", **body)
    player.tell("step_skipped", **body)
    assert len(player.run.get("left_out", [])) == 1
    assert player.only(CREATE).node == "steps.1/build"


def test_a_step_can_be_skipped_when_the_new_plans_are_used_up() -> None:
    steps = (make_step("One", optional=True), make_step("Two"))
    player = building(make_plan(*steps, checks=[]))
    fails(player, "gave_up", "unclear")
    player.accept(player.until("wait_agents", "plan").subject, kept=make_plan(*steps, checks=[]))
    player.approved()
    player.until("wait_agents", "steps~2.0/build")
    fails(player, "gave_up", "unclear")
    assert "Skip the step" in choices(player.run)
    player.tell("step_skipped", **(skipped_body(player.run) or {}))
    assert player.only(CREATE).node == "steps~2.1/build"


def test_the_user_s_words_stay_until_an_agent_has_done_its_work() -> None:
    player = building()
    fails(player, "gave_up", "missing")
    player.tell("retry_granted", words="use the other API", channel="picker")
    player.until("wait_agents", "steps.0/build")
    fails(player, "lost")
    assert player.run.get("advice") == "use the other API"
    player.accept(player.until("wait_agents", "steps.0/build").subject)
    assert "advice" not in player.run


def test_counts_survive_a_repair_and_a_takeover() -> None:
    player = building()
    red(player)
    player.repaired()
    player.tell("run_stopped")
    player.tell("lease_taken", session="s-2", generation=2, interactive=True)
    player.run = fold(player.events)  # type: ignore[assignment]
    red(player)
    assert player.at == "plan"
    assert player.only(CREATE).node == "plan"
    assert AGENT not in player.kinds()
