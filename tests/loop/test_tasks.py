"""Runs that carry out tasks of the board: what the board is told, in which order, and whatever happens in between."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fermata.core import board_rules
from fermata.core.actions import AGENT, HUMAN
from fermata.core.board_texts import BoardError, spec_text
from fermata.definitions.names import SHIPPED
from fermata.loop.start import start_run
from fermata.store.errors import Usage
from fermata.store.journal import append
from fermata.store.run_store import utc_now
from fermata.store.run_tasks import settle, settle_all
from tests.core.build import make_part, make_step
from tests.loop.bench import CONFIG, Bench, built, plan, review
from tests.store.runs import RUN

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata.core.board_records import Board, Task

MANY = " ".join(str(number) for number in range(1, 22))
LATER = "2099-01-01T00:00:00Z"
SOUND = {"scope": ["src/**"], "acceptance": ["it works"]}


class Desk(Bench):
    """A bench with a board."""

    def act(self, rule: Callable[..., Any], *args: Any, **fields: Any) -> None:
        self.site.project.prepare()
        self.site.project.board().act("person", lambda board: rule(board, *args, **fields))

    def task(self, title: str = "Add it", **fields: Any) -> Desk:
        self.act(board_rules.add_task, title, **{**SOUND, **fields})
        return self

    @property
    def board(self) -> Board:
        return self.site.project.board().load()

    def tasks(self) -> dict[str, Task]:
        return self.board["tasks"]

    def states(self) -> list[str]:
        return [task["status"] for task in self.tasks().values()]

    def told(self) -> list[str]:
        """What the board's journal says of tasks after they were made, in order."""
        events = self.site.project.board().events()
        return [
            f"{e['type'][5:]} {e['body']['id'][-1]}"
            for e in events
            if e["type"][:5] == "task_" and e["type"] != "task_created"
        ]

    def opened(self, goal: str = "t-1 t-2") -> Desk:
        """A run for the tasks that *goal* names, at its gate."""
        self.begin(goal)
        self.settle()
        return self

    def carry(self, path: str = "src/app.py", **fields: Any) -> Desk:
        """The next builder does its work."""
        self.settle()
        self.work()
        self.sandbox.write(path, f"print({self.newest['id']!r})\n")
        self.takes(built(path, **fields))
        self.settle()
        return self


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Two tasks on the board, the second waits for the first."""
    return Desk(tmp_path).task("Add it").task("Test it", scope=["tests/**"], blocked_by=["1"])


def test_each_task_is_claimed_reported_and_verified_when_its_step_is(desk: Desk) -> None:
    desk.opened().approve()
    assert desk.states() == ["TODO", "TODO"]
    desk.settle()
    claim = desk.tasks()["t-000001"]["claim"]
    assert claim is not None
    assert claim["by"] == RUN
    desk.carry(summary="the thing is there")
    first, second = desk.tasks().values()
    assert (first["status"], second["status"]) == ("DONE", "IN_PROGRESS")
    assert first["reported"] is not None
    assert first["reported"]["summary"] == "the thing is there"
    board = desk.site.project.board()
    note = board.details(board.load()["notes"]["t-000001"]["result"]["line"])["text"]
    assert note.startswith("the thing is there\n\nChanged: src/app.py\nBy d-001 of run ")
    verified = first["verified"]
    assert verified is not None
    assert (verified["by"], verified["run"], verified["checks"]) == ("checks", RUN, ["tests"])
    assert verified["tree"] == list(desk.run["checks"].values())[-1]["tree"]
    desk.carry("tests/test_app.py")
    desk.work()
    desk.takes(review())
    desk.settle()
    assert desk.run["status"] == "completed"
    assert desk.told() == [f"{what} {one}" for one in "12" for what in ("claimed", "reported", "verified")]


def test_the_spec_is_in_the_brief_with_the_names_of_task_and_note(desk: Desk) -> None:
    said = spec_text("Greet in French", ["src/words.py"], ["no new dependency"], ["bonjour is said"])
    desk.act(board_rules.write_note, "1", "french", "spec", said)
    desk.opened().approve().settle()
    brief = desk.brief()
    for part in ("t-000001", "`french`", "Greet in French", "- src/words.py", "- no new dependency", "- it works"):
        assert part in brief
    desk.carry()
    assert "its spec note is `spec`" in desk.brief()
    store = desk.site.project.board()
    line = store.load()["notes"]["t-000002"]["spec"]["line"]
    assert "## Acceptance criteria\n- it works" in store.details(line)["text"]  # written by fermata, as nobody had


def test_a_red_task_is_blocked_with_the_reason_and_goes_on_when_the_user_says_so(desk: Desk) -> None:
    desk.opened().approve()
    desk.sandbox.write("check.sh", "! grep -q d-00 src/app.py\n")
    for _ in range(2):
        desk.carry()
    assert [action.kind for action in desk.settle()] == [HUMAN]
    first, second = desk.tasks().values()
    assert (first["status"], second["status"]) == ("BLOCKED", "TODO")
    assert f"run {RUN} waits: tests failed with the same error 2 times" in first["why"]
    desk.tell("retry_granted")
    desk.settle()
    assert desk.states() == ["IN_PROGRESS", "TODO"]


def test_an_aborted_run_blocks_what_it_had_not_done_and_never_again(desk: Desk) -> None:
    desk.opened().approve()
    desk.carry()
    desk.tell("run_aborted")
    settle(desk.site.project, desk.store)
    assert desk.states() == ["DONE", "BLOCKED"]
    assert desk.tasks()["t-000002"]["why"] == f"run {RUN} was ended before this was done"


def test_a_no_at_the_gate_blocks_and_who_opens_a_task_again_is_not_contradicted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.opened()
    gate = desk.run["gate"]
    assert gate is not None
    desk.tell("decision_made", digest=gate["digest"], decision="abort", words="", channel="picker")
    desk.drive()
    assert desk.states() == ["BLOCKED", "BLOCKED"]
    with monkeypatch.context() as patch:
        patch.setattr("fermata.store.run_store.utc_now", lambda: LATER)
        desk.act(board_rules.set_status, "1", "TODO")
    desk.drive()
    settle_all(desk.site.project)
    assert desk.states() == ["TODO", "BLOCKED"]


def test_a_parked_run_gives_its_task_back_and_takes_it_again(desk: Desk) -> None:
    desk.opened().approve().settle()
    desk.tell("run_stopped")
    settle(desk.site.project, desk.store)
    assert desk.states() == ["TODO", "TODO"]
    desk.tell("lease_taken", session="s-1", generation=2, interactive=True)
    desk.settle()
    assert desk.states() == ["IN_PROGRESS", "TODO"]


def test_a_step_whose_task_another_one_holds_waits_and_says_who(desk: Desk) -> None:
    desk.opened().approve()
    desk.act(board_rules.claim_task, "ada", LATER, utc_now(), "1")
    (action,) = desk.settle()
    assert action.kind == HUMAN
    assert "t-000001 is claimed by ada until 2099" in str(action.subject)
    assert not desk.run["dispatches"]
    assert desk.tasks()["t-000001"]["status"] == "IN_PROGRESS"
    desk.act(board_rules.release_task, "1", "ada")
    desk.tell("retry_granted")
    assert [action.kind for action in desk.settle()] == [AGENT]
    assert desk.told() == ["claimed 1", "released 1", "claimed 1"]


def test_steps_without_checks_of_their_own_are_verified_by_those_the_run_ends_on(tmp_path: Path) -> None:
    text = (Path(SHIPPED) / "multi_task.yaml").read_text()
    bare = re.sub(r"      - id: check\n(?:        .*\n)+", "", text).replace("name: multi_task", "name: bare")
    desk = Desk(tmp_path, CONFIG + "workflow: bare\n", bare=bare).task().opened("t-1")
    desk.approve()
    desk.carry()
    assert desk.states() == ["IN_PROGRESS"]
    desk.work()
    desk.takes(review())
    desk.settle()
    assert desk.run["status"] == "completed"
    assert desk.states() == ["DONE"]


def test_what_a_person_has_done_meanwhile_stays_done(desk: Desk) -> None:
    desk.opened().approve().settle()
    desk.act(board_rules.set_status, "1", "DONE")
    desk.carry()
    assert desk.states() == ["DONE", "IN_PROGRESS"]
    verified = desk.tasks()["t-000001"]["verified"]
    assert verified is not None
    assert verified["by"] == "person"


def test_what_a_dead_process_left_is_finished_by_the_next_start(desk: Desk) -> None:
    desk.opened().approve().settle()
    desk.tell("run_stopped")  # and the hook died here
    assert desk.states() == ["IN_PROGRESS", "TODO"]
    settle_all(desk.site.project)
    assert desk.states() == ["TODO", "TODO"]


def archived(_board: Board) -> list[tuple[str, dict[str, Any]]]:
    return [("task_archived", {"id": "t-000001"})]


class Died(Exception):
    """The process, at a write."""


def dying(at: int) -> Callable[..., Any]:
    """Appends to a journal, but dies right before write number *at*, whoever's journal it is."""
    left = at

    def write(*args: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Died
        return append(*args)

    return write


def play(desk: Desk, monkeypatch: pytest.MonkeyPatch, at: int | None, agents: int) -> bool:
    """Go on until so many *agents* have been begun; die once before write *at*. False: it never came to that write."""
    died = False
    for _ in range(40):
        try:
            with monkeypatch.context() as patch:
                if at is not None and not died:
                    patch.setattr("fermata.store.journal.append", dying(at))
                actions = desk.settle()
        except Died:
            died = True
            continue
        if len(desk.run["dispatches"]) >= agents or not any(action.kind == AGENT for action in actions):
            return died
        name = desk.work()
        desk.sandbox.write("src/app.py", f"print({name!r})\n")
        desk.takes(built("src/app.py"))
    raise AssertionError("it did not come to an end")


PARTS = (make_part("Add it"), make_part("Test it", "tests/**", "add-it"))


def end_of(desk: Desk) -> list[tuple[Any, ...]]:
    return [
        (t["title"], t["status"], t["parent"], tuple(t["blocked_by"]), bool(t["claim"])) for t in desk.tasks().values()
    ]


def decomposed(folder: Path, *parts: dict[str, Any]) -> Desk:
    """At the gate of a decomposition."""
    desk = Desk(folder, CONFIG + "workflow: decompose_first\n")
    desk.begin("Build a greeting system")
    desk.settle()
    desk.work()
    desk.takes(plan(*(parts or PARTS)))
    desk.settle()
    return desk


@pytest.mark.timeout(90)  # a run from its goal on for each write
@pytest.mark.parametrize("workflow", ["multi_task", "decompose_first"])
def test_a_process_that_dies_at_any_write_leaves_nothing_undone_and_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workflow: str
) -> None:
    """One task from its claim to the reviewer; or a decomposition onto the board and to its first planner."""

    def opened(name: str) -> Desk:
        folder = tmp_path / name
        desk = decomposed(folder) if workflow == "decompose_first" else Desk(folder).task().opened("t-1")
        desk.approve()
        return desk

    whole = opened("whole")
    assert play(whole, monkeypatch, None, 2) is False
    assert ("DONE" if workflow == "multi_task" else "IN_PROGRESS") in whole.states()
    for at in range(30):
        desk = opened(f"at {at}")
        if not play(desk, monkeypatch, at, 2):
            break
        assert end_of(desk) == end_of(whole), at
        assert desk.told() == whole.told(), at
    assert at >= 6


def test_the_approved_tasks_come_onto_the_board_once_with_all_that_is_above_them(tmp_path: Path) -> None:
    parts = (
        make_part("Docs", "docs/**", "api", epic="Ship", feature="Docs"),
        make_part("Api", "src/**", feature="Core", priority="P1"),
    )
    desk = decomposed(tmp_path, *parts)
    assert not desk.site.project.board().exists()
    desk.approve()
    desk.settle()
    desk.settle()
    assert len(desk.tasks()) == 6
    by_source = {t.get("source", "").partition("/")[2]: t for t in desk.tasks().values()}
    api, docs = by_source["api"], by_source["docs"]
    assert docs["blocked_by"] == [api["id"]]
    assert (api["priority"], docs["priority"]) == ("P1", "P2")
    assert desk.tasks()[str(api["parent"])]["title"] == "Core"
    assert desk.tasks()[str(desk.tasks()[str(docs["parent"])]["parent"])]["title"] == "Ship"
    assert api["status"] == "IN_PROGRESS"
    assert [step["task"] for step in desk.run["kept"]["decompose"]["steps"]] == [api["id"], docs["id"]]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        pytest.param(
            [make_part("A", "src/**", "b"), make_part("B", "src/**", "a")], "a → b → a wait for each other", id="circle"
        ),
        pytest.param([make_part("A", "src/**", "z")], 'blocked_by names "z"; known: a', id="unknown"),
        pytest.param([make_part("A", "/etc/**")], "steps[0].scope holds '/etc/**'", id="scope"),
        pytest.param(
            [make_part(f"P{n}") for n in range(20)], "20 tasks are too many: at least 41 more agents", id="many"
        ),
    ],
)
def test_a_decomposition_that_cannot_be_carried_out_is_sent_back(
    tmp_path: Path, parts: list[dict[str, Any]], says: str
) -> None:
    desk = Desk(tmp_path, CONFIG + "workflow: decompose_first\n")
    desk.begin("Build a greeting system")
    desk.settle()
    desk.work()
    assert says in desk.refused(plan(*parts))


def test_a_task_s_plan_stays_inside_what_was_approved_for_it(tmp_path: Path) -> None:
    desk = decomposed(tmp_path)
    desk.approve()
    desk.settle()
    desk.work()
    assert "`src/**`" in desk.brief()
    assert "outside what was approved for this task (src/**)" in desk.refused(plan(make_step(scope=("tests/**",))))
    more = [{"name": "more", "command": "sh more.sh"}]
    assert "checks names more: the commands were approved" in desk.refused(plan(make_step(), checks=more))
    desk.takes(plan(make_step("Write the words", ("src/words.py",))))
    desk.settle()
    assert "Write the words" in desk.brief()
    assert desk.newest["scope"] == ["src/**"]


@pytest.mark.parametrize(
    ("make", "named", "says"),
    [
        pytest.param(lambda d: d.task(), "7", "there is no task '7'", id="unknown"),
        pytest.param(lambda d: d.task().act(board_rules.set_status, "1", "DONE"), "1", "t-000001 is DONE; leave it out", id="done"),
        pytest.param(
            lambda d: d.task().act(board_rules.set_status, "1", "BLOCKED", "no key"),
            "1", "t-000001 is BLOCKED (no key); when that is out of the way: fermata task update t-000001 --status TODO", id="blocked",
        ),
        pytest.param(
            lambda d: d.task().act(archived), "1", "t-000001 is ARCHIVED; leave it out", id="archived"
        ),
        pytest.param(
            lambda d: d.task().act(board_rules.claim_task, "ada", LATER, utc_now(), "1"), "1", "t-000001 is claimed by ada until 2099", id="claimed"
        ),
        pytest.param(
            lambda d: d.task(scope=[]), "1", "t-000001 has no scope, so nothing could hold it: fermata task update t-000001 --scope 'GLOB'", id="no-scope"
        ),
        pytest.param(lambda d: d.task(acceptance=[]), "", "t-000001 has no acceptance, so nothing could hold", id="no-acceptance"),
        pytest.param(lambda d: d.task(scope=[".git/**"]), "1", "t-000001 may change '.git/**', which no plan may hold", id="steers"),
        pytest.param(lambda d: d.task().task("b", blocked_by=["1"]), "2", "t-000002 waits for t-000001, not verified yet; name that too", id="waits"),
        pytest.param(lambda d: d.task().task("b", parent="1"), "1", "t-000001 waits for t-000002", id="parts"),
        pytest.param(lambda d: d.task().act(board_rules.set_status, "1", "BLOCKED", "x"), "", "no task of the board can begin now", id="none-ready"),
        pytest.param(lambda d: [d.task() for _ in range(21)], MANY, "21 tasks are named; one run carries out at most", id="many"),
    ],
)  # fmt: skip
def test_a_task_that_cannot_be_carried_out_is_refused_before_there_is_a_run(
    tmp_path: Path, make: Callable[[Desk], Any], named: str, says: str
) -> None:
    desk = Desk(tmp_path)
    make(desk)
    desk.mark("Carry out", workflow="multi_task", tasks=named.split())
    with pytest.raises(BoardError) as error:
        start_run(desk.site)
    assert says in str(error.value)
    assert not desk.store.exists()


@pytest.mark.parametrize(
    ("config", "goal", "says"),
    [
        pytest.param(CONFIG + "workflow: multi_task\n", "Do something", "the goal names none (t-000042)", id="no-task"),
        pytest.param("workflow: multi_task\n", "t-1", "this project has no checks that fermata knows", id="no-checks"),
        pytest.param(
            CONFIG + "workflow: multi_task\nlimits: {dispatches: 2}\n", "t-1 t-2",
            "at least 3 agents are needed, and limits.dispatches is 2", id="no-room",
        ),
    ],
)  # fmt: skip
def test_tasks_that_could_not_come_to_an_end_begin_no_run(tmp_path: Path, config: str, goal: str, says: str) -> None:
    desk = Desk(tmp_path, config).task().task()
    desk.mark(goal)
    with pytest.raises(Usage) as error:
        start_run(desk.site)
    assert says in str(error.value)
    assert not desk.store.exists()


def test_all_that_can_begin_is_taken_urgent_first_and_at_most_twenty(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for number in range(21):
        desk.task(f"Task {number}", priority="P1" if number == 20 else "P2")
    desk.task("Later", blocked_by=["1"])
    desk.mark("Carry out", workflow="multi_task", tasks=[])
    start_run(desk.site)
    found = [step["task"] for step in desk.run["kept"]["tasks"]["steps"]]
    assert found == ["t-000021", *[f"t-{n:06d}" for n in range(1, 20)]]


def test_named_tasks_come_behind_what_they_wait_for(desk: Desk) -> None:
    desk.begin("t-2 and t-1")
    assert desk.run["routing"]["signal"].startswith("several tasks of the board")
    assert [step["task"] for step in desk.run["kept"]["tasks"]["steps"]] == ["t-000001", "t-000002"]


def test_nobody_can_change_this_plan_so_the_gate_has_two_answers(desk: Desk) -> None:
    from fermata.core.consultation import question_for
    from fermata.core.report import report

    desk.opened()
    gate = desk.run["gate"]
    assert gate is not None
    assert [option["label"] for option in question_for(desk.run, gate)["options"]] == ["Abort", "Approve"]
    text = report(desk.run, gate, [])
    assert "task: t-000001" in text
    assert "at least 3; limits.dispatches allows 40 more" in text
