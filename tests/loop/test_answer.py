from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest

from fermata.core.actions import Action, next_actions
from fermata.core.fold import step
from fermata.loop.answer import answer
from fermata.views.status import text as status
from tests.core.build import Player, make_check, make_event

MOST = 1_500


def say(run: Any, *actions: Action) -> tuple[str, int]:
    text, code = answer(run, list(actions) or next_actions(run))
    assert len(text) <= MOST, len(text)
    return text, code


def player(**fields: Any) -> Player:
    return Player(**fields)


def test_a_ticket() -> None:
    play = player()
    play.until("agent")
    text, code = say(play.run)
    assert text.startswith(
        "DO: call the Agent tool once, with exactly:\n  subagent_type: fermata:planner   description: d-001 planner   prompt: fermata dispatch d-001\n"
    )
    assert text.endswith('fermata" next')
    assert code == 0


def _many(count: int) -> tuple[Any, list[Action]]:
    play = player()
    play.until("agent")
    run = copy.deepcopy(play.run)
    actions = []
    for number in range(1, count + 1):
        name = f"d-{number:03d}"
        run["dispatches"][name] = {**run["dispatches"]["d-001"], "id": name, "agent": "reviewer"}
        actions.append(Action("agent", "plan", 1, name))
    return run, actions


@pytest.mark.parametrize(("count", "shown"), [(2, 2), (10, 10), (16, 10)])
def test_many_tickets_go_out_in_one_message(count: int, shown: int) -> None:
    run, actions = _many(count)
    text, _ = say(run, *actions)
    assert f"{shown} times in ONE message" in text
    assert text.count("prompt: fermata dispatch d-") == shown


def test_waiting_for_sixteen_agents() -> None:
    run, actions = _many(16)
    text, code = say(run, *[a._replace(kind="wait_agents") for a in actions])
    assert text.startswith("WAIT: d-001, d-002")
    assert code == 0


def test_questions_go_to_the_user() -> None:
    play = player()
    play.until("wait_agents")
    questions = [{"question": f"{n} " + "Which words? " * 40, "header": "Q", "options": []} for n in range(4)]
    play.tell("questions_raised", id="d-001", questions=questions)
    text, code = say(play.run)
    assert text.startswith("DO: the planner asks the user: 0 Which words?")
    assert "Do not answer for the user." in text
    assert code == 0


def test_answers_go_back_to_the_agent() -> None:
    play = player()
    play.until("wait_agents")
    play.ask("d-001")
    play.reply("d-001")
    text, _ = say(play.run)
    assert "SendMessage" in text
    assert f"to: {play.run['dispatches']['d-001']['agent_id']} " in text
    assert "Only if SendMessage does not exist or fails" in text


def test_checks_are_waited_for() -> None:
    checks = [make_check(f"{'long-name-' * 3}{n}", f"run {n}") for n in range(28)]
    play = player(project_checks={"full": checks, "quick": []})
    for action in play.actions():
        play.check(action, None)
    text, code = say(play.run)
    assert "wait --max 90" in text
    assert "more (`fermata status --json` names all)" in text
    assert code == 0


def test_the_gate_in_a_session_and_headless() -> None:
    play = player()
    play.to_gate()
    assert play.run["gate"] is not None
    digest = play.run["gate"]["digest"]
    text, code = say(play.run)
    assert f"the user decides about plan {digest[:8]}" in text
    assert code == 0
    text, code = say({**play.run, "interactive": False})
    assert text.startswith(f"HELD: plan {digest[:8]} waits for a human's approval")
    assert f"FERMATA_APPROVE={digest} claude -p /fermata:resume" in text
    assert code == 3


def test_a_limit_is_the_user_s() -> None:
    play = player()
    play.until("agent")
    play.start("d-001")
    play.fail("d-001", "x" * 3_000)
    play.tell("limit_reached", node="plan", why="y" * 3_000)
    play.run["interactive"] = False
    text, code = say(play.run)
    assert text.startswith("HELD: the run waits for the user: yyy")
    assert "Last error (d-001): xxx" in text
    assert "/fermata:resume" in text
    assert "/fermata:abort" in text
    assert code == 3


def test_done() -> None:
    text, code = say(player().to_end().run)
    assert text.startswith(
        "DONE: the run is complete; fermata ran the checks itself on this very tree.\nChanged: nothing\nChecked: tests green (green)"
    )
    assert code == 0


def test_done_with_long_names_and_many_checks() -> None:
    run: Any = copy.deepcopy(player().to_end().run)
    for dispatch in run["dispatches"].values():
        dispatch["changed"] = [f"src/{'deep/' * 30}\x1b[31m{n}.py" for n in range(60)]
    known = next(iter(run["checks"].values()))
    for number in range(28):
        run["checks"][f"c-1{number}"] = {**known, "id": f"c-1{number}", "name": f"check-{number}", "why": "w" * 400}
    text, _ = say(run)
    assert "\x1b" not in text
    assert text.count("and 58 more") == 1
    assert "Nothing is committed" in text


def test_what_changed_in_the_users_own_tree_beside_the_worktrees_is_told() -> None:
    run = player().to_end().run
    run["dispatches"]["d-002"]["elsewhere"] = ["stray.txt"]
    run["dispatches"]["d-003"]["elsewhere"] = ["notes.md", "stray.txt"]
    wanted = "In the user's own tree, by them or by an agent's command: notes.md, stray.txt"
    assert wanted in say(run)[0].splitlines()
    beside = (
        "Beside    changed in your own tree while agents worked, by you or by a command of theirs: notes.md, stray.txt"
    )
    assert beside in status(run, None, {}).splitlines()


def test_done_without_any_check_claims_nothing() -> None:
    run = {**player().to_end().run, "checks": {}}
    assert "this workflow ran no checks, so nothing is proven." in say(run)[0]


@pytest.mark.parametrize(
    ("event", "says"),
    [pytest.param("run_aborted", "ABORTED: the run has ended; nothing was reverted.", id="aborted"),
     pytest.param("run_stopped", "STOPPED: the run is parked", id="stopped")],
)  # fmt: skip
def test_over(event: str, says: str) -> None:
    play = player()
    play.tell(event)
    text, code = say(play.run)
    assert text.startswith(says)
    assert code == 0


def test_what_needs_a_human_goes_before_everything_else() -> None:
    play = player()
    play.until("agent")
    run = play.run
    run["waiting"] = {"kind": "limit", "node": "plan", "why": "x"}
    run["interactive"] = False
    kinds = ["wait_agents", "agent", "human"]
    for order in itertools.permutations(kinds):
        text, _ = say(run, *[Action(kind, "plan", 1, "d-001") for kind in order])
        assert text.startswith("HELD:")


def test_an_old_run_answers_as_well() -> None:
    run = step(None, make_event("run_created", **_body()))
    assert say(run)[1] == 0


def _body() -> dict[str, Any]:
    from tests.core.build import created

    body = created()["body"]
    return {
        **body,
        "workflow": {**body["workflow"], "stages": body["workflow"]["stages"][1:]},
        "project_checks": {"full": [], "quick": []},
    }
