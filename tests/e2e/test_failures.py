"""Agents that fail, lie or never come back: the run sends back, offers again, waits for a human, and goes on when told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.messages import ApiError
from fermata.rehearsal.script import Conversation, Heard, Report
from tests.e2e.cast import FAREWELL, FILES, GOAL, built, cast, number, verdict, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import SetStage, Stage

BUILD = f"/build {GOAL}"


def waits_for_a_human(stage: Stage, said: str, why: str) -> None:
    """The run waits for *why*, and the session told its user so, with both ways on."""
    run = stage.run_store().load()
    assert run["status"] == "waiting"
    assert run["waiting"]
    assert why in run["waiting"]["why"]
    assert why in said
    assert "/fermata:resume" in said
    assert "/fermata:abort" in said


@pytest.mark.long
def test_a_review_that_rejects_three_times_waits_for_a_human_and_goes_on_when_told(
    set_stage: SetStage, place: Path
) -> None:
    def reviewer(heard: Heard) -> Conversation:
        yield Report(verdict("approve" if number(heard) > 7 else "reject", "It could be friendlier."))

    stage = set_stage("2.1.329", cast(place, reviewer=reviewer), FILES, mode="auto")
    told = stage.approved(BUILD)
    accepted = [body["id"] for body in stage.events("result_accepted")]
    assert accepted == [
        "d-001",
        "d-002",
        "d-003",
        "d-004",
        "d-005",
        "d-006",
        "d-007",
    ]  # a plan, then three builds and reviews
    waits_for_a_human(stage, told.result, "review ended reject for the 3. time")
    assert "It could be friendlier." not in stage.brief("d-002")
    assert "It could be friendlier." in stage.brief("d-004")
    assert "It could be friendlier." in stage.brief("d-006")
    stage.headless("/fermata:resume")
    assert stage.status() == "completed"


@pytest.mark.long
def test_a_check_that_stays_red_is_planned_anew_once_and_then_waits_for_a_human(
    set_stage: SetStage, place: Path
) -> None:
    def builder(heard: Heard) -> Conversation:
        word = "BROKEN" if number(heard) < 7 else "Goodbye"
        yield from write(place, FAREWELL, f"{word} {number(heard)}\n")
        yield Report(built(FAREWELL))

    stage = set_stage("2.1.197", cast(place, builder=builder), FILES, mode="default")
    told = stage.approved(BUILD)
    outcomes = [body["outcome"] for body in stage.events("check_finished")]
    assert outcomes == ["green", *["red"] * 4]  # before the plan, then twice the same error for each of two plans
    assert [body["agent"] for body in stage.events("dispatch_created")][3] == "planner"
    waits_for_a_human(stage, told.result, "the work failed again after 1 new plan")
    assert FAREWELL in stage.brief("d-003").partition("## What went wrong")[2]  # the check's own output names the file
    assert "split it into smaller steps" in stage.brief("d-004")
    stage.headless("/fermata:resume")
    assert stage.status() == "completed"


@pytest.mark.long  # the first pause is half a minute
@pytest.mark.parametrize(("version", "mode"), [("2.1.329", "auto"), ("2.1.197", "default")])
def test_an_agent_that_dies_of_an_api_error_is_offered_again(
    set_stage: SetStage, place: Path, version: str, mode: str
) -> None:
    def builder(heard: Heard) -> Conversation:
        if number(heard) == 2:
            yield ApiError(400, "invalid_request_error", "the prompt is too spicy", times=99)
        yield from write(place, FAREWELL, "Goodbye\n")
        yield Report(built(FAREWELL))

    stage = set_stage(version, cast(place, builder=builder), FILES, mode=mode)
    stage.approved(BUILD)
    (failed,) = stage.events("dispatch_failed")
    assert failed["id"] == "d-002"
    assert "spicy" in str(failed["reason"])
    assert stage.status() == "completed"


@pytest.mark.long  # every day test_gate.py has such a result sent back, and `fermata rehearse` an invalid one
@pytest.mark.parametrize(
    ("false_claim", "sent_back"),
    [
        pytest.param(
            built(FAREWELL, "greeting.txt"),
            "`files_modified` names greeting.txt, which did not change",
            id="claims-too-much",
        ),
        pytest.param(
            built(),
            f"{FAREWELL} changed, but `files_modified` does not say so",
            id="claims-too-little",
        ),
    ],
)
def test_a_builder_whose_claim_differs_from_the_tree_is_sent_back(
    set_stage: SetStage, place: Path, false_claim: str, sent_back: str
) -> None:
    def builder(_heard: Heard) -> Conversation:
        yield from write(place, FAREWELL, "Goodbye\n")
        heard = yield Report(false_claim)
        words = heard.text + "".join(result.text for result in heard.results)
        yield Report(built(FAREWELL) if sent_back in words else f"I was not told why: {words}")

    stage = set_stage("2.1.329", cast(place, builder=builder), FILES, mode="default")
    stage.approved(BUILD)
    (rejected,) = stage.events("result_rejected")
    assert sent_back in str(rejected["error"])
    assert stage.status() == "completed"


@pytest.mark.long
@pytest.mark.parametrize(("version", "mode"), [("2.1.329", "auto"), ("2.1.197", "default")])
def test_a_dispatch_whose_result_stays_invalid_after_three_repairs_fails_and_another_agent_gets_the_work(
    set_stage: SetStage, place: Path, version: str, mode: str
) -> None:
    def builder(heard: Heard) -> Conversation:
        yield from write(place, FAREWELL, f"Goodbye {number(heard)}\n")
        if number(heard) == 2:
            for attempt in range(4):
                yield Report(f"I am done, believe me. ({attempt})")
        yield Report(built(FAREWELL))

    stage = set_stage(version, cast(place, builder=builder), FILES, mode=mode)
    stage.approved(BUILD)
    assert [(body["id"], body["repair"]) for body in stage.events("result_rejected")] == [
        ("d-002", n) for n in (1, 2, 3, 4)
    ]
    (failed,) = stage.events("dispatch_failed")
    assert "no valid result after 3 repairs" in str(failed["reason"])
    assert "no valid result after 3 repairs" in stage.brief("d-003")
    assert stage.status() == "completed"
