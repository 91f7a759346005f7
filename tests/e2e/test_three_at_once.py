"""Three reading agents at once: each result reaches the dispatch it belongs to, in whatever order and however close they end."""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, NamedTuple

import pytest

from fermata.rehearsal.client import Headless
from fermata.rehearsal.orchestrator import bash, obedient
from fermata.rehearsal.script import Conversation, Heard, Report, Script
from fermata.rehearsal.story import MARKS
from tests.e2e.cast import in_background, only_looking

if TYPE_CHECKING:
    from fermata.rehearsal.client import Mode
    from fermata.rehearsal.messages import Request
    from fermata.rehearsal.script import Actor
    from tests.e2e.conftest import SetStage, Stage

pytestmark = pytest.mark.timeout(120)

PROMPT = "/build Look at three things"
PROJECT = only_looking("abc")
Waves = tuple[tuple[int, ...], ...]
WAVES: dict[str, Waves] = {"reversed": ((3,), (2,), (1,)), "two-together": ((2,), (1, 3)), "all-together": ((1, 2, 3),)}


class Kind(NamedTuple):
    """`background`: whether the model wants its agents there; 2.1.329 has them all there, whatever it wants."""

    client: str
    surface: str = "terminal"
    mode: Mode = "default"
    background: bool = False


KINDS = {
    "329-terminal-auto": Kind("2.1.329", mode="auto"),
    "329-terminal-default": Kind("2.1.329"),
    "329-headless-default": Kind("2.1.329", "headless"),
    "197-terminal-foreground": Kind("2.1.197"),
    "197-terminal-background": Kind("2.1.197", background=True),
    "197-headless-foreground": Kind("2.1.197", "headless"),
}
EVERYDAY = {"197-headless-foreground-reversed"}  # the other client: test_side_by_side
ROWS = [
    pytest.param(kind, waves, id=f"{name}-{order}", marks=[] if f"{name}-{order}" in EVERYDAY else [pytest.mark.long])
    for name, kind in KINDS.items()
    for order, waves in WAVES.items()
]


def held(text: str) -> int:
    """The number of the dispatch that the brief in *text* is for; 0 where there is none."""
    found = re.match(r"# Review: d-(\d+)", text)
    return int(found[1]) if found else 0


def look(may_end: dict[int, threading.Event]) -> Actor:
    """An agent that looks, is held up until it may end, and reports what it was to look at."""

    def play(heard: Heard) -> Conversation:
        number = held(heard.text)
        yield bash("git log --oneline | head -3")
        may_end[number].wait(60)
        yield Report(json.dumps({"verdict": "approve", "summary": f"looked at {number}", "findings": []}))

    return play


def spoken(stage: Stage) -> dict[int, Request]:
    """The last request of each agent: what it was told to do, and its id."""
    return {held(request.first): request for request in stage.model.of_kind("agent")}


@pytest.mark.parametrize(("kind", "waves"), ROWS)
def test_each_result_reaches_its_own_dispatch(set_stage: SetStage, kind: Kind, waves: Waves) -> None:
    may_end = {number: threading.Event() for number in (1, 2, 3)}
    main = in_background(obedient()) if kind.background else obedient()
    stage = set_stage(kind.client, Script(main, {MARKS["reviewer"]: look(may_end)}), PROJECT, mode=kind.mode)
    headless = Headless(stage.world, PROMPT) if kind.surface == "headless" else None
    if headless:
        stage.open.callback(headless.kill9)
    else:
        stage.terminal().submit(PROMPT)
    for number in may_end:  # all three stand before their last word
        stage.model.wait_for(lambda request, n=number: held(request.first) == n and len(request.results) > 0)  # type: ignore[misc]
    for wave in waves:
        for number in wave:
            may_end[number].set()
        for number in wave:
            stage.journal.wait("result_accepted", lambda body, n=number: body["id"] == f"d-{n:03d}")  # type: ignore[misc]
    stage.journal.wait("run_completed")
    if headless:
        assert "DONE: the run is complete" in headless.wait().result
    else:
        stage.terminals[0].wait_for_text("DONE: the run is complete")
    check(stage, waves)


def check(stage: Stage, waves: Waves) -> None:
    """Each dispatch has its own agent, its own item and its own result; they ended in the order of *waves*."""
    accepted = [(int(str(body["id"])[2:]), body["summary"]) for body in stage.events("result_accepted")]
    assert all(summary == f"looked at {number}" for number, summary in accepted)
    order = [number for number, _ in accepted]
    for wave in waves:
        assert set(order[: len(wave)]) == set(wave)
        order = order[len(wave) :]
    assert not order
    bound = {int(str(body["id"])[2:]): body["agent_id"] for body in stage.events("agent_bound")}
    assert bound == {number: request.agent_id for number, request in spoken(stage).items()}
    assert [body["item"] for body in stage.events("dispatch_created")] == ["a", "b", "c"]
    assert stage.events("dispatch_failed") == stage.events("result_rejected") == []
