"""The shapes of everything fermata keeps, as JSON sees them.

This module is imported for type checking only. State is plain JSON on purpose: a hook that runs at every tool call
reads it with `json` alone (importing `dataclasses` or `typing` would double the hook's time), keys that a newer
version wrote survive a rewrite by an older one, and `state.json` is the record itself and not a rendering of it.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from typing_extensions import NotRequired

Json = Any

RunStatus = Literal["executing", "waiting", "stopped", "completed", "aborted"]
DispatchState = Literal["pending", "running", "asking", "answered", "completed", "failed"]
Decision = Literal["approve", "modify", "more_recon", "abort"]
Channel = Literal["picker", "typed", "environment", "waived"]
Access = Literal["read", "write"]
WaitKind = Literal["limit", "unexplained", "refused", "blocked", "halted"]


class Event(TypedDict):
    """One line of the journal. `prev` is the hash of the line before; `ts` informs, `seq` orders."""

    seq: int
    prev: str
    type: str
    ts: str
    actor: str
    body: dict[str, Json]
    hash: str


class Stage(TypedDict):
    """One node of a workflow, as pinned into the run (see `definitions/model.py` for the rules)."""

    id: str
    kind: Literal["agents", "gate", "checks", "foreach", "merge", "finalise"]
    title: NotRequired[str]
    agent: NotRequired[str]
    access: NotRequired[Access]
    result: NotRequired[str]
    brief: NotRequired[str]
    sees: NotRequired[list[Json]]
    keep: NotRequired[list[str]]
    verdict: NotRequired[str]
    require: NotRequired[list[str]]
    parts: NotRequired[dict[str, str]]
    when: NotRequired[dict[str, Json]]
    questions: NotRequired[int]
    items: NotRequired[list[str]]
    parallel: NotRequired[int]
    tries: NotRequired[int]
    rounds: NotRequired[int]
    scope: NotRequired[str]
    plan: NotRequired[str]
    waive: NotRequired[str]
    commands: NotRequired[str]
    brings: NotRequired[str]
    over: NotRequired[str]
    stages: NotRequired[list[Stage]]
    on: NotRequired[dict[str, str]]


class Workflow(TypedDict):
    format: int
    name: str
    title: str
    branch: NotRequired[bool]  # the run works on a branch of its own; absent: in the user's tree
    stages: list[Stage]


class CommandJson(TypedDict):
    """A command as it will be run; part of the plan's digest."""

    argv: list[str] | None
    shell: str | None
    cwd: str
    shown: str


class NamedCheck(TypedDict):
    name: str
    command: CommandJson
    expect_tests: bool
    source: str
    out: NotRequired[str]  # the image that it writes
    inspection: NotRequired[bool]  # fermata's own program, told with what the worktree began


class Question(TypedDict):
    question: str
    header: str
    options: list[dict[str, str]]
    multiSelect: NotRequired[bool]


class Dispatch(TypedDict):
    """One agent's assignment. `node` and `visit` say which round of which stage it serves."""

    id: str
    node: str
    visit: int
    item: str | None
    agent: str
    access: Access
    result: str
    state: DispatchState
    scope: list[str]
    base_tree: str | None
    tool_use_id: str | None
    agent_id: str | None
    transcript: str
    repairs: int
    round: int
    questions: list[Question]
    answers: list[dict[str, str]]
    changed: list[str]
    unexplained: list[str]
    summary: str
    reason: str
    suggestion: NotRequired[str]
    kept: NotRequired[dict[str, Json]]  # of one among several at one stage
    started: str | None
    rejected: NotRequired[str]  # digest of the answer that was sent back last
    category: NotRequired[str]  # of its failure, by `rule` of `core.recovery`
    rule: NotRequired[str]
    error: NotRequired[str]  # fingerprint of its failure
    again: NotRequired[str]  # not to be offered again before
    model: NotRequired[str]  # absent: inherited
    command: NotRequired[str]  # the name of the command that does it instead of an agent of the session
    worktree: NotRequired[str]  # relative to the top of the user's tree; absent: in place
    beside: NotRequired[str]  # the user's own tree when a dispatch in a worktree began
    tree: NotRequired[str]  # the one it worked in, as its accepted result left it
    elsewhere: NotRequired[list[str]]  # what changed in the user's own tree meanwhile, by whomever
    created: NotRequired[str]
    learnings: NotRequired[list[dict[str, str]]]  # of the board's, which the brief was given: id, title
    learnt: NotRequired[dict[str, Json]]  # what it leaves to the project (see `memory.py`)


class CheckRun(TypedDict):
    id: str
    node: str
    visit: int
    name: str
    shown: str
    state: Literal["running", "finished"]
    outcome: NotRequired[str]
    why: NotRequired[str]
    changed: NotRequired[list[str]]
    before: NotRequired[str | None]
    tree: NotRequired[str | None]
    counts: NotRequired[dict[str, int] | None]
    screen: NotRequired[str]  # the image that it writes
    late: NotRequired[bool]  # of those: taken when an agent that writes had been made
    category: NotRequired[str]  # of a red one, by `rule` of `core.recovery`
    rule: NotRequired[str]
    error: NotRequired[str]  # its fingerprint


class Envelope(TypedDict):
    """What an approval covers. Its canonical JSON is what the plan digest is taken over."""

    workflow: str
    base_commit: str
    scopes: list[list[str]]
    checks: list[NamedCheck]
    quick: list[NamedCheck]
    agents: list[str]
    steps: int
    screens: NotRequired[list[NamedCheck]]
    commands: NotRequired[list[dict[str, Json]]]  # stage, name, argv, minutes
    threads: NotRequired[int]  # absent: one at a time
    setup: NotRequired[list[NamedCheck]]  # run in each worktree
    own: NotRequired[list[list[NamedCheck]]]  # by step: what `commands: item` runs
    parts: NotRequired[list[dict[str, str]]]  # by step of a spec: its title, and the digest of what the spec says of it
    branch: NotRequired[str]  # the branch of the user's that the run's own is merged into


class Gate(TypedDict):
    """The approval that is being asked for, or was given."""

    node: str
    visit: int
    digest: str
    envelope: Envelope
    report_shown: bool
    question: dict[str, str] | None
    decision: NotRequired[Decision]
    words: NotRequired[str]
    channel: NotRequired[Channel]
    rule: NotRequired[str]  # by which nobody was asked
    kept: NotRequired[str]  # digest of the approval that covers this plan, so that nobody was asked about it
    wrong_codes: NotRequired[int]
    predicted: NotRequired[int]  # tokens, from earlier runs of the project
    seq: NotRequired[int]
    hash: NotRequired[str]


class Frame(TypedDict):
    """Where a list of sibling stages stands. `inner` holds a frame for each opened item of a foreach."""

    at: str | None
    visits: dict[str, int]
    came_from: dict[str, dict[str, str]]
    inner: dict[str, Frame]
    skipped: NotRequired[dict[str, int]]  # by stage: the visit that its `when` passed over


class Waiting(TypedDict):
    """Why only a human can let the run go on."""

    kind: WaitKind
    node: str
    why: str
    until: NotRequired[str]  # then it goes on by itself
    question: NotRequired[dict[str, str]]  # the picker that shows it


class Voided(TypedDict):
    """An approval that no longer holds, where the run stood when it fell, and what goes beyond it."""

    envelope: Envelope
    position: Frame
    reason: str
    digest: str
    changes: list[str]


class Repair(TypedDict):
    """What a person had `fermata repair` cut off: the lines' numbers, and the name of the copy that still holds them."""

    at: str
    first: int
    last: int
    reason: str
    copy: str


class Worktree(TypedDict):
    """Where an item works that could be at work beside another. `visit` counts those that the item has had.

    `commit` and `tree` are what it is told apart from; on a branch of the run's own they follow what was merged into it.
    """

    path: str
    commit: str
    tree: str
    visit: int
    state: Literal["open", "done", "conflict", "released"]
    left: NotRequired[str]  # why it was not removed
    ref: NotRequired[str]  # what keeps what lay in it


class Merge(TypedDict):
    """How one item's change was brought into the user's tree, or what a stage of kind merge brings elsewhere."""

    outcome: Literal["done", "conflict", "moved"]
    paths: list[str]
    conflicts: list[str]
    base: str
    tree: str
    commit: NotRequired[str]  # on the run's branch
    head: NotRequired[str]  # of the user's branch, that it was brought up to


class Checkpoint(TypedDict):
    """A point to come back to. `place` is the work tree, as `git.repo.worktree_name` calls it, or `branch`; `head` its HEAD."""

    id: str
    name: str
    after_agent: str | None
    after: str  # the dispatch; empty: a person, or fermata before a rollback
    at: str
    commit: str  # empty: only the tree is kept
    tree: str
    head: str | None
    place: str
    back_to: NotRequired[str]  # it was made before a rollback to this one
    large: NotRequired[list[str]]  # untracked files that were too large for it
    branch: NotRequired[str]  # the commit at which the run's own branch was


class Setup(TypedDict):
    """What makes a worktree ready: places of the user's tree that it links to, and commands that are run in it."""

    links: list[str]
    commands: list[NamedCheck]
    missing: NotRequired[list[str]]  # installed packages that a file asks for and that do not lie in the user's tree


class Tokens(TypedDict):
    """Tokens that one conversation used, as the client counted them; `context` is what its newest answer left in the window."""

    input: int
    output: int
    cache_read: int
    cache_creation: int
    context: int
    size: NotRequired[int]  # bytes of the transcript that were counted


class Run(TypedDict):
    run: str
    mode: str
    status: RunStatus
    goal: str
    created: str
    updated: str
    interactive: bool
    session: str
    generation: int
    workflow: Workflow
    workflow_digest: str
    limits: dict[str, int]
    models: NotRequired[dict[str, str]]  # stage id to model, where it is not inherited
    commands: NotRequired[list[dict[str, Json]]]  # stages that a command-line agent does: stage, name, argv, minutes
    grant: str
    base: dict[str, Json]
    project_checks: dict[str, list[NamedCheck]]
    position: Frame
    granted: dict[str, int]
    dispatches: dict[str, Dispatch]
    checks: dict[str, CheckRun]
    kept: dict[str, dict[str, Json]]
    gate: Gate | None
    approved: Gate | None
    voided: Voided | None
    stale: str | None
    settings_due: bool
    waiting: Waiting | None
    failures: list[dict[str, str]]
    routing: NotRequired[dict[str, Json]]
    repairs: NotRequired[list[Repair]]
    skipped: NotRequired[dict[str, int]]
    turn_failed: NotRequired[str]
    replans: NotRequired[int]  # plans made anew because the work had failed
    advice: NotRequired[str]  # what the user said about a failure, for the next brief
    left_out: NotRequired[list[dict[str, str]]]  # optional steps that the user skipped
    supplied: NotRequired[dict[str, dict[str, str]]]  # by dispatch, what a person put into its handoff
    worktree_setup: NotRequired[Setup]
    worktrees: NotRequired[dict[str, Worktree]]  # by item
    merges: NotRequired[dict[str, Merge]]  # by node and visit
    landed: NotRequired[dict[str, str | None]]  # commit, onto, why, how: what became of the run's branch
    remember: NotRequired[bool]  # whether the end of the run writes the board; absent: yes
    remembered: NotRequired[dict[str, Json]]  # by kind the ids of what the run left on the board, or `error`
    checkpoints: NotRequired[list[Checkpoint]]  # oldest first
    visited: NotRequired[dict[str, int]]  # by node the highest number of a visit, once the run was rolled back
    used: NotRequired[dict[str, Tokens]]  # by dispatch; `main SESSION@BYTE` is the driving session's from that byte on


class Snapshot(TypedDict):
    """`state.json`: the fold of the journal up to `seq`, whose line has the hash `head` and ends at byte `bytes`."""

    format: int
    seq: int
    head: str
    bytes: int
    run: Run
