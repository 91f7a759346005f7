"""Whatever is journalled, in whatever order: the gate holds, nothing is stuck, and the fold is one function."""

from __future__ import annotations

import copy
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from fermata.core.actions import (
    AGENT,
    ASK,
    CHECK,
    CONTINUE,
    CREATE,
    DECIDE,
    FINISH,
    HUMAN,
    LAUNCH,
    LIMIT,
    MERGE,
    OVER,
    PAUSE,
    RELEASE,
    REOPEN,
    REQUEST,
    WAIT_AGENTS,
    WAIT_CHECKS,
    WAIT_COMMANDS,
    Action,
    needs_nobody,
    next_actions,
)
from fermata.core.consultation import plan_of
from fermata.core.fold import apply, fold, step
from fermata.core.items import on_branch
from fermata.core.order import common
from fermata.core.position import ENDED, leaves
from fermata.core.recovery import CODE_ERROR, RULES, Facts, told
from fermata.core.workflow import MOVED, outcomes, stage_at
from fermata.definitions.names import workflow_names
from fermata.definitions.workflow_files import load_workflow
from tests.core.build import (
    FAN,
    LIMITS,
    REPLANNING,
    Player,
    judgement,
    make_check,
    make_event,
    make_plan,
    make_spec,
    make_step,
    make_workflow,
    plan_stage,
    side_by_side,
    stamp,
    through_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata.core.records import Event, Run, Workflow

    Move = Callable[[], object]

PLANS = [
    make_plan(),
    make_plan(make_step()),
    make_plan(make_step(scope=("lib/**", "src/*")), make_step("b"), make_step("c"), checks=[]),
    make_plan(*FAN),
]
VOIDING = ("approval_voided", "spec_changed")
MOST = 60  # dispatches that one word of the user's can lead to, in any workflow here
FAILURES: list[dict[str, object]] = [
    {**told(Facts(rule.kind, (rule.words or ("",))[0])), "error": error}
    for rule in RULES
    if rule.kind != "check"
    for error in ("e1", "e2")[: 1 + (rule.category == CODE_ERROR)]
]
FAILURES += [{**told(Facts("api", "rate_limit")), "refused": True, "until": until} for until in (stamp(0), "")]
RED: list[dict[str, object]] = [
    {**told(Facts("check", word)), "error": error, "tree": tree}
    for word in ("", "network", "no_program")
    for error, tree in (("e1", "t1"), ("e1", "t2"), ("e2", "t1"))
]
REVIEWS: list[dict[str, object]] = [
    {"verdict": verdict, "summary": "s", "findings": []} for verdict in ("approve", "reject")
]


def kept_of(player: Player, name: str) -> list[dict[str, object]]:
    """What an accepted result of dispatch *name* may keep."""
    stage = stage_at(player.run["workflow"], player.run["dispatches"][name]["node"])
    if "verdict" in stage:
        return [judgement(verdict) for verdict in stage["on"] if verdict != "failed"]
    return PLANS if "steps" in stage.get("keep", []) else [{}]


def answers(player: Player, action: Action) -> list[Move]:
    """Every way in which *action* can end, the good ones first."""
    name, say = action.subject, player.tell
    if action.kind == CHECK:
        ends: list[tuple[str | None, list[str]]] = [
            ("green", []),
            ("red", []),
            ("lost", []),
            ("unstable", ["a"]),
            ("unstable", ["b"]),
            (None, []),
        ]
        ended: list[Move] = [lambda e=end, c=changed: player.check(action, e, changed=c) for end, changed in ends]  # type: ignore[misc]
        return [*(ended * 3), *[lambda k=kind: player.check(action, "red", **k) for kind in RED]]
    if action.kind == WAIT_CHECKS:
        return [lambda o=outcome: player.finish_check(name, o) for outcome in ("green", "red", "lost")]  # type: ignore[misc]
    if action.kind in (WAIT_AGENTS, WAIT_COMMANDS):
        moves: list[Move] = [lambda k=kept: player.accept(name, kept=k) for kept in kept_of(player, name)]  # type: ignore[misc]
        return [
            *(moves * 4),
            lambda: player.fail(name),
            *[lambda k=kind: say("dispatch_failed", id=name, reason="x", **k) for kind in FAILURES],
            lambda: player.accept(name, kept=kept_of(player, name)[0], unexplained=["x"]),
            lambda: say("result_rejected", id=name, error="x", repair=1),
            lambda: player.ask(name),
        ]
    if action.kind == DECIDE:
        choices = [lambda d=d: player.decide(d) for d in ("approve", "modify", "more_recon", "abort")]
        return [*choices, lambda: player.decide(digest="0" * 64)]
    if action.kind == FINISH and action.node:
        moved = {"node": action.node, "visit": action.visit, "changed": ["x"]}
        theirs = {"node": action.node, "visit": action.visit, "head": "f" * 40}
        ways: list[Move] = [lambda: player.favour(action), lambda: say("tree_moved", **moved)]
        return [*ways, *[lambda: say("branch_moved", **theirs)] * on_branch(player.run)]
    if action.kind == MERGE:
        ways = [lambda: player.merge(action), lambda: player.merge(action, "x has changed since")]
        may = MOVED in outcomes(stage_at(player.run["workflow"], action.node))
        return [*ways, *[lambda: player.merge(action, outcome=MOVED)] * may]
    if action.kind == RELEASE:
        return [lambda: player.release(action), lambda: player.release(action, "it holds a repository")]
    if action.kind in (AGENT, ASK, CONTINUE, LAUNCH):
        return [lambda: player.favour(action), lambda: player.fail(name)]
    return [lambda: player.favour(action)]


def noise(player: Player) -> list[Move]:
    """What can be journalled besides: late, doubled and foreign news, and a human's other commands."""
    run, say = player.run, player.tell
    lease = {"session": "s-2", "generation": run["generation"] + 1, "interactive": True}
    old: dict[str, object] = {**lease, "generation": run["generation"] - 1}
    checks = [[], [make_check()], [make_check("other", "make")]]
    found: list[Move] = [
        lambda: say("run_stopped"),
        lambda: say("lease_taken", **lease),
        lambda: say("lease_taken", **old),
        lambda: say("approval_voided", reason="gone"),
        lambda: say("retry_granted"),
        lambda: say("limit_reached", node="plan", why="x"),
        lambda: say("report_shown", digest="0"),
        lambda: say("question_shown", tool_use_id="t", at=1.0, digest="0"),
        lambda: say("decision_made", digest="0" * 64, decision="approve", channel="picker"),
        *[
            lambda c=c: say("settings_reloaded", limits=LIMITS, grant="cli", project_checks={"full": c, "quick": []})
            for c in checks
        ],
    ]
    if on_branch(run):
        for digests in ({}, {"s3": "e"}, {"s1": "e", "s2": "e"}):
            body = {"plan": make_spec(**digests), "reason": "SPEC.md was changed", "changes": ["one"]}
            found.append(lambda b=body: say("spec_changed", **b))  # type: ignore[misc]
    for name in list(run["dispatches"])[-3:]:
        found += [
            lambda n=name: player.fail(n),  # type: ignore[misc]
            lambda n=name: player.accept(n),  # type: ignore[misc]
            lambda n=name: player.start(n),  # type: ignore[misc]
            lambda n=name: player.ask(n),  # type: ignore[misc]
            lambda n=name: player.reply(n),  # type: ignore[misc]
        ]
    # A decision told twice is a second decision: `host.decisions` asks under the lock whether the gate is still open.
    told = [e for e in player.events[1:] if e["type"] not in ("decision_made", "run_completed", "run_aborted")][-12:]
    return [*found, *[lambda e=event: say(e["type"], **copy.deepcopy(e["body"])) for event in told]]


def holds(player: Player) -> None:
    """The invariants of every state a run can be in."""
    run = player.run
    actions = player.actions()
    assert actions
    assert len(set(actions)) == len(actions)
    assert actions == player.actions() == next_actions(through_json(run), player.minute)
    assert needs_nobody(actions) is not any(a.kind in (WAIT_AGENTS, DECIDE, ASK, HUMAN, OVER) for a in actions)
    assert (run["status"] in (*ENDED, "stopped")) is (actions[0].kind == OVER)
    assert (run["status"] == "waiting") is (actions[0].kind in (HUMAN, REOPEN))
    writing = [a for a in actions if a.kind == CREATE and stage_at(run["workflow"], a.node)["access"] == "write"]
    if writing:
        stands(run, player.events)
    apart(run)


def apart(run: Run) -> None:
    """Nobody changes what another one is changing: in place one agent writes, beside it none, and scopes share no path."""
    if run["status"] in ENDED or run["voided"]:
        return
    here = {node.partition("/")[0] for node, _, _ in leaves(run)}
    live = [
        d for d in run["dispatches"].values() if d["access"] == "write" and d["state"] not in ("completed", "failed")
    ]
    live = [d for d in live if d["node"].partition("/")[0] in here]
    assert len(live) == 1 or all("worktree" in d for d in live)
    for one, other in combinations(live, 2):
        assert one["worktree"] != other["worktree"]
        assert on_branch(run) or not common(one["scope"], other["scope"])


def stands(run: Run, events: list[Event]) -> None:
    """A human said yes, after the last withdrawal, to just the plan that is about to be built."""
    approved = run["approved"]
    assert approved is not None
    assert approved["envelope"]["scopes"] == [sorted(step["scope"]) for step in plan_of(run, approved["node"])["steps"]]
    told = [e for e in events if e["type"] in ("decision_made", *VOIDING)]
    voided = max((e["seq"] for e in told if e["type"] in VOIDING), default=0)
    yes = [e for e in told if e["body"].get("decision") == "approve" and e["body"]["digest"] == approved["digest"]]
    assert any(e["seq"] == approved.get("seq") and e["hash"] == approved.get("hash") for e in yes)
    assert approved.get("seq", 0) > voided or run["status"] in ENDED


def play(player: Player, choices: list[int], *, noisy: bool, check: Callable[[Player], None] = holds) -> None:
    for choice in choices:
        writers = {d["id"] for d in player.run["dispatches"].values() if d["access"] == "write"}
        approved = player.run["approved"]
        moves = [move for action in player.actions() if action.kind != OVER for move in answers(player, action)]
        if noisy:
            moves += noise(player)
        if not moves:
            break
        before, journal = copy.deepcopy(player.run), copy.deepcopy(player.events)
        was = player.run
        moves[choice % len(moves)]()
        assert was == before
        assert player.events[: len(journal)] == journal
        now = {d["id"] for d in player.run["dispatches"].values() if d["access"] == "write"}
        assert now == writers or approved
        check(player)


choices = st.lists(st.integers(0, 200), max_size=60)
SHIPPED = [load_workflow(name, "/nowhere")[0] for name in workflow_names("/nowhere")]
workflows = st.sampled_from([REPLANNING, *SHIPPED])


@settings(deadline=None, max_examples=100)
@given(workflows, choices)
def test_no_sequence_of_events_skips_the_gate_or_gets_stuck(workflow: Workflow, given_choices: list[int]) -> None:
    player = Player(workflow=workflow)
    play(player, given_choices, noisy=True)
    again = fold(player.events)
    assert again == player.run == fold(copy.deepcopy(player.events))


@settings(deadline=None, max_examples=100)
@given(workflows, st.integers(0, 40), choices)
def test_no_sequence_after_an_approval_skips_the_gate(workflow: Workflow, steps: int, given_choices: list[int]) -> None:
    player = Player(workflow=workflow).approved()
    for _ in range(steps):
        action = player.actions()[0]
        if action.kind == OVER:
            break
        player.favour(action)
    play(player, given_choices, noisy=True)


@settings(deadline=None, max_examples=60)
@given(choices)
def test_fold_is_repeated_apply_also_through_the_cache_on_disk(given_choices: list[int]) -> None:
    player = Player()
    play(player, given_choices, noisy=True, check=lambda _: None)
    run: Run | None = None
    for event in player.events:
        run = apply(through_json(run) if run else None, event)
        assert run == through_json(run)
    assert run == fold(player.events)


def finish_well(player: Player, most: int = 400) -> None:
    for _ in range(most):
        action = player.actions()[0]
        if action.kind == OVER:
            if player.run["status"] != "stopped":
                return
            player.tell("lease_taken", session="s", generation=player.run["generation"] + 1, interactive=True)
        else:
            player.favour(action)
    raise AssertionError(f"{most} events later: {player.actions()}")


@settings(deadline=None, max_examples=100)
@given(workflows, choices)
def test_from_every_state_good_answers_lead_to_the_end(workflow: Workflow, given_choices: list[int]) -> None:
    player = Player(workflow=workflow)
    play(player, given_choices, noisy=True, check=lambda _: None)
    finish_well(player)
    assert player.run["status"] in ENDED


@settings(deadline=None, max_examples=100)
@given(workflows, st.lists(st.integers(0, 200), min_size=1, max_size=20), st.integers(1, 40))
def test_without_a_human_every_run_comes_to_rest(workflow: Workflow, pattern: list[int], most: int) -> None:
    """Each kind of bad answer again and again: the run ends, or waits for a human, in bounded time."""
    player = Player(workflow=workflow, limits={**LIMITS, "dispatches": most})
    for turn in range(600):
        actions = player.actions()
        if actions[0].kind in (OVER, HUMAN):
            return
        moves = answers(player, actions[0])
        if actions[0].kind == WAIT_AGENTS:
            moves = moves[:-2]  # results sent back and questions are counted by `loop.results`, not here
        moves[pattern[turn % len(pattern)] % len(moves)]()
        assert len(player.run["dispatches"]) <= most
        if actions[0].kind == DECIDE and "decision" not in (player.run["gate"] or {}):
            player.decide("modify")
    raise AssertionError(player.actions())


class Quick(Player):
    """Keeps no run as it was before: for long plays that compare none."""

    def tell(self, kind: str, **body: object) -> Run:
        event = make_event(kind, len(self.events) + 1, self.minute, **body)
        self.run = step(self.run, event)
        self.events.append(event)
        return self.run


@settings(deadline=None, max_examples=40)
@given(workflows, st.lists(st.sampled_from([*FAILURES, *RED]), min_size=1, max_size=8), st.integers(1, 4))
def test_whatever_fails_and_however_often_the_user_says_go_on_dispatches_are_bounded(
    workflow: Workflow, failures: list[dict[str, object]], retries: int
) -> None:
    """Nothing but failures after the approval: each word of the user's buys at most one visit's tries and one new plan's."""
    player, turn, made = Quick(workflow=workflow, limits={**LIMITS, "dispatches": 500}).approved(), 0, []
    for _ in range(retries):
        before = len(player.run["dispatches"])
        while player.actions()[0].kind not in (HUMAN, OVER):
            action, kind = player.actions()[0], failures[turn % len(failures)]
            turn += 1
            plans = action.subject in player.run["dispatches"] and "steps" in stage_at(workflow, action.node).get(
                "keep", []
            )
            if action.kind == WAIT_AGENTS and not plans and kind in FAILURES:
                player.tell("dispatch_failed", id=action.subject, reason="x", **kind)
            elif action.kind == CHECK and kind in RED:
                player.check(action, "red", **kind)
            else:
                player.favour(action)
        made.append(len(player.run["dispatches"]) - before)
        if player.actions()[0].kind == OVER:
            break
        player.tell("retry_granted")
    assert max(made) <= MOST


@given(
    plan=st.sampled_from(PLANS),
    full=st.lists(st.sampled_from(["a", "b", "c"]), unique=True, max_size=3),
    quick=st.lists(st.sampled_from(["q", "r"]), unique=True, max_size=2),
)
@settings(deadline=None, max_examples=30)
def test_favourable_run_completes_within_bounds(plan: dict[str, object], full: list[str], quick: list[str]) -> None:
    checks = {"full": [make_check(n, n) for n in full], "quick": [make_check(n, n) for n in quick]}
    player = Player(project_checks=checks)
    player.create(player.until(CREATE, "plan"))
    player.start("d-001")
    player.accept("d-001", kept=plan)
    finish_well(player, 120)
    assert player.run["status"] == "completed"
    assert not player.run["failures"]


@given(
    items=st.lists(st.text(max_size=3), unique=True, min_size=1, max_size=6),
    parallel=st.integers(1, 4),
    given_choices=choices,
)
@settings(deadline=None, max_examples=40)
def test_agents_side_by_side(items: list[str], parallel: int, given_choices: list[int]) -> None:
    workflow = make_workflow(plan_stage(items=items, parallel=parallel))
    player = Player(workflow=workflow, project_checks={"full": [], "quick": []})

    def bounded(played: Player) -> None:
        holds(played)
        live = [d for d in played.run["dispatches"].values() if d["state"] not in ("completed", "failed")]
        assert len(live) <= parallel
        done = [d["item"] for d in played.run["dispatches"].values() if d["state"] != "failed"]
        assert len(set(done)) == len(done)

    play(player, given_choices, noisy=False, check=bounded)
    finish_well(player)
    assert player.run["status"] == "completed"


@given(st.integers(1, 4), st.integers(0, 60), choices)
@settings(deadline=None, max_examples=60)
def test_coders_side_by_side(most: int, steps: int, given_choices: list[int]) -> None:
    """Never more than may be, never two in one place, and from wherever it came good answers lead to the end."""
    player = side_by_side(limits={**LIMITS, "dispatches": 400, "parallel": most})
    for _ in range(steps):
        action = player.actions()[0]
        if action.kind == OVER:
            break
        player.favour(action)

    def bounded(played: Player) -> None:
        holds(played)
        live = [d for d in played.run["dispatches"].values() if d["state"] not in ("completed", "failed")]
        assert len(live) <= most or played.run["voided"] or played.run["approved"] is None

    play(player, given_choices, noisy=False, check=bounded)
    finish_well(player, 800)
    assert player.run["status"] in ENDED
    assert (
        all(tree["state"] == "released" for tree in player.run.get("worktrees", {}).values())
        or player.run["status"] == "aborted"
    )


@given(st.floats(0, 10_000), st.floats(0, 10_000))
def test_time_only_ever_adds_a_limit(early: float, late: float) -> None:
    player = Player()
    first, second = (next_actions(player.run, minutes) for minutes in sorted((early, late)))
    assert [a.kind for a in first] in ([CHECK], [LIMIT])
    assert first == second or [a.kind for a in second] == [LIMIT]


def test_kinds_of_actions_all_come_up() -> None:
    """Guards the properties above: a player that never came past the gate would prove nothing."""
    seen: set[str] = set()

    def note(player: Player) -> None:
        seen.update(player.kinds())

    for seed in range(16):
        chance, player = Random(seed), Player(limits={**LIMITS, "dispatches": 6})
        for _ in range(3 * seed):  # from ever further along a good way
            player.favour(player.actions()[0])
            note(player)
            if player.run["status"] in ENDED:
                break
        play(player, [chance.randrange(201) for _ in range(60)], noisy=False, check=note)
    command = {"stage": "build", "name": "other", "argv": ["other"], "minutes": 1}
    play(Player(commands=[command]), [0] * 90, noisy=False, check=note)
    needed = {
        LAUNCH,
        WAIT_COMMANDS,
        CREATE,
        CHECK,
        REQUEST,
        FINISH,
        LIMIT,
        AGENT,
        CONTINUE,
        ASK,
        DECIDE,
        WAIT_CHECKS,
        WAIT_AGENTS,
        HUMAN,
        OVER,
        PAUSE,
        REOPEN,
    }
    assert seen == needed
