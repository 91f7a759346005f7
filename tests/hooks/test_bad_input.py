"""What must not get in or go round: results of the wrong shape, agents over a limit, ends that come twice or too late, and
what a session is told at its start whatever started it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from fermata.loop.results import Answer
from tests.definitions.test_schema_files import BAD, GOOD, changed
from tests.hooks.driver import BUILDER, OTHER_SESSION, PLANNER, Session, decision, reason
from tests.hooks.test_results import PLAN, REFUSED, hand_in
from tests.hooks.test_sessions import start
from tests.hooks.test_tickets import held, ticket
from tests.loop.bench import CONFIG, Bench
from tests.store import runs

if TYPE_CHECKING:
    from fermata.core.records import Json

WAYS = [row[1:] for row in BAD if row[0] == "plan"]


# --- K-H10: a result whose shape is wrong -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A run whose planner is sent back up to ten times before another one gets the work."""
    return Bench(tmp_path_factory.mktemp("shared"), CONFIG + "limits: {repairs: 10}\n").begin()


@pytest.fixture
def planner(shared: Bench) -> Bench:
    """Its planner is at work and has a repair left."""
    shared.settle()
    if shared.newest["repairs"] == 10:
        shared.hand_in("the last try")
        if shared.run["waiting"]:  # the same twice is a standstill
            shared.tell("retry_granted")
        shared.settle()
    if shared.newest["state"] == "pending":
        shared.work()
    return shared


def test_there_are_twenty_ways() -> None:
    assert len(WAYS) >= 20


@pytest.mark.parametrize(("which", "path", "new", "says"), WAYS, ids=[f"{n}-{row[1]}" for n, row in enumerate(WAYS, 1)])
def test_a_plan_of_the_wrong_shape_goes_back_with_place_and_rule(
    planner: Bench, which: int, path: str, new: object, says: str
) -> None:
    name, before = planner.newest["id"], planner.newest["repairs"]
    told = planner.refused(changed(GOOD["plan"][which], path, new))
    assert told.startswith(f"{name}: the result was not accepted: ")
    assert says.partition("xxx")[0] in told
    assert f"{9 - before} of 10 repairs left after this" in told
    assert (planner.newest["state"], planner.newest["repairs"]) == ("running", before + 1)


@pytest.mark.parametrize("repairs", [0, 1, 3])
def test_after_its_repairs_a_result_is_the_dispatch_s_end_and_no_loop(tmp_path: Any, repairs: int) -> None:
    bench = Bench(tmp_path, CONFIG + f"limits: {{repairs: {repairs}}}\n").begin()
    bench.settle()
    bench.work()
    bad = changed(GOOD["plan"][1], "steps", [])
    told = [bench.hand_in(bad) for _ in range(repairs + 3)]
    assert [answer.accepted for answer in told] == [False] * repairs + [True] * 3
    assert told[repairs] == Answer(True, "")
    assert bench.newest["state"] == "failed"
    after = f" after {repairs} repairs" if repairs else ""
    assert f"no valid result{after}: steps: [] " in str(bench.newest["reason"])
    assert len(bench.events("result_rejected")) == repairs + 1
    bench.settle()
    assert bench.newest["id"] == "d-002"
    assert f"no valid result{after}: steps" in bench.brief()


def test_the_agent_hears_place_and_rule_when_it_stops(session: Session) -> None:
    session.planner_at_work()
    text = json.dumps({**json.loads(PLAN), "steps": "one"})
    outcome = hand_in(session, "last words", text)
    assert decision(outcome) == "block"
    assert "steps: 'one' is not of type 'array'" in reason(outcome)


# --- K-I02: agents over a limit ------------------------------------------------------------------------------------------------

LIMITS = [
    pytest.param("40 dispatches were made; limits.dispatches is 40", id="dispatches"),
    pytest.param("481 minutes have passed; limits.wall_minutes is 480", id="wall-minutes"),
    pytest.param("20,400 tokens were used; limits.tokens is 20,000", id="tokens"),
    pytest.param("5 dispatches of plan failed; the last one: lost", id="tries"),
]


@pytest.mark.parametrize("why", LIMITS)
@pytest.mark.parametrize("name", ["d-001", "d-002"], ids=["its-ticket", "a-made-up-one"])
def test_over_a_limit_no_agent_starts_and_the_numbers_are_told(session: Session, why: str, name: str) -> None:
    session.planning()
    runs.write(session.store, ("limit_reached", {"node": "plan", "why": why}))
    found, told = ticket(session, name)
    assert found == "deny"
    assert why in told
    assert "/fermata:resume" in told
    assert held(session)["state"] == "pending"


@pytest.mark.parametrize("agent", [PLANNER, BUILDER], ids=["planner", "builder"])
def test_an_agent_starts_no_agent(session: Session, agent: str) -> None:
    session.building()
    given = {"prompt": "fermata dispatch d-002", "subagent_type": "fermata:builder", "description": "x"}
    assert decision(session.tool("Agent", given, agent=agent)) == "deny"
    assert held(session, "d-002")["agent_id"] == BUILDER


# --- K-I03: an agent's end that comes twice, as a stranger's, or too late ---------------------------------------------------------


def gone(session: Session, phase: str) -> None:
    """The planner is at work, and then its work is over before it says so."""
    session.planner_at_work()
    if phase == "given-up":
        runs.write(session.store, ("dispatch_failed", {"id": "d-001", "reason": "lost: silent"}))
    elif phase == "offered-again":
        runs.write(
            session.store,
            ("dispatch_failed", {"id": "d-001", "reason": "lost"}),
            runs.dispatch("d-002", "plan", "read"),
        )
    elif phase == "accepted":
        hand_in(session, "last words", PLAN)
    elif phase == "gate":
        runs.write(session.store, runs.accepted("d-001", {**runs.KEPT_PLAN, "steps": [runs.STEP]}))
        runs.ask_approval(session.store, shown=True)
    elif phase == "aborted":
        session.type("abort")
        runs.write(session.store, ("dispatch_failed", {"id": "d-001", "reason": "the run had ended"}))


@pytest.mark.parametrize("phase", ["given-up", "offered-again", "accepted", "gate", "aborted"])
def test_a_result_that_comes_too_late_changes_nothing(session: Session, phase: str) -> None:
    gone(session, phase)
    store = session.store  # an ended run lets go of its session
    before = store.events()
    for way in REFUSED:
        for text in (PLAN, "no JSON at all"):
            assert decision(hand_in(session, way, text)) == "silent"
    assert store.events() == before


def test_an_end_that_comes_twice_counts_once(session: Session) -> None:
    session.planner_at_work()
    for _ in range(3):
        assert decision(hand_in(session, "last words", PLAN)) == "silent"
    assert session.kinds().count("result_accepted") == 1


@pytest.mark.parametrize("agent", ["anew", "", "a" * 5_000, "../../a"])
def test_an_end_under_another_id_is_nobody_s(session: Session, agent: str) -> None:
    session.planner_at_work()
    before = session.store.events()
    assert decision(hand_in(session, "last words", PLAN, agent)) == "silent"
    assert session.store.events() == before
    assert held(session)["state"] == "running"


# --- K-I04: a session's start -----------------------------------------------------------------------------------------------------

SOURCES = ("startup", "compact", "clear", "fork", "resume")
PHASES = ("planning", "planner_at_work", "at_gate", "approved", "building")
YES = re.compile(r"approv|go ahead|proceed|\byes\b|\bconfirm", re.IGNORECASE)


def injected(answer: dict[str, Json] | None) -> str:
    """Everything that a start puts into the session: for the model, and for the person."""
    found = answer or {}
    return str(found.get("hookSpecificOutput", {}).get("additionalContext", "")) + str(found.get("systemMessage", ""))


@pytest.mark.parametrize("phase", PHASES)
def test_whatever_started_it_the_driving_session_hears_the_same_facts(session: Session, phase: str) -> None:
    getattr(session, phase)()
    told = {source: injected(start(session, source).answer) for source in SOURCES}
    assert len(set(told.values())) == 1, told
    text = told["resume"]
    assert session.run_id in text
    assert "Add a thing" in text
    assert ("The gate is open for plan" in text) is (phase in ("approved", "building"))
    assert ("The gate is closed" in text) is (phase not in ("approved", "building"))
    assert len(text) <= 2_000
    assert not YES.search(text)


@pytest.mark.parametrize("phase", PHASES)
def test_another_session_hears_one_line_and_no_yes(session: Session, phase: str) -> None:
    getattr(session, phase)()
    before = session.store.events()
    for source in SOURCES:
        told = injected(start(Session(session.folder, OTHER_SESSION), source).answer)
        assert session.run_id in told
        assert len(told) < 300
        assert not YES.search(told)
    assert session.store.events() == before
