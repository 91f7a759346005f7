"""The gate's one table: who may use which tool while a run is on.

Decides from facts that the caller has gathered; touches nothing. Four kinds of actor exist: the session's main
thread, an agent that reads, an agent that may write (bound to a dispatch with a scope, behind a standing approval),
and a stranger (an agent of the session that no dispatch explains). All but the writer live under the closed table,
before the approval and after it: whoever orchestrates or looks does not change files.
"""

from __future__ import annotations

from .scope import covers, protected
from .shell import launcher_verb, reading_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    Guarded = tuple[str, ...]

MAIN, READER, WRITER, STRANGER = "main", "reader", "writer", "stranger"
PASS, ALLOW, DENY = "pass", "allow", "deny"


class Call:
    """One tool call: its name, the Bash command, the file it would change.

    `path` is repository-relative and resolved; None outside the repository, "" when the call names no file.
    """

    def __init__(self, tool: str, command: str, path: str | None) -> None:
        self.tool, self.command, self.path = tool, command, path


class Facts:
    """What the hook knows.

    `scope`: the globs of the writer's dispatch. `launcher`: absolute path of `scripts/fermata`. `grant`: cli, scope or
    none. `guarded`: texts that no writer's command may mention. `stale`: why the approval does not cover a dispatch that
    was to write, which makes its agent a reader. `worktree`: the absolute path of the one that the dispatch works in, to
    which `Call.path` is relative then; empty: in place.
    """

    def __init__(  # noqa: PLR0913 - one name for each fact
        self,
        *,
        actor: str,
        dispatch: str,
        scope: list[str],
        launcher: str,
        grant: str,
        plan_mode: bool,
        guarded: Guarded,
        stale: str = "",
        worktree: str = "",
    ) -> None:
        self.actor, self.dispatch, self.scope = actor, dispatch, scope
        self.launcher, self.grant, self.plan_mode, self.guarded = launcher, grant, plan_mode, guarded
        self.stale, self.worktree = stale, worktree


class Verdict:
    """`pass` leaves the call to the host's own rules, `allow` answers it, `deny` refuses with a reason."""

    def __init__(self, answer: str, reason: str = "") -> None:
        self.answer, self.reason = answer, reason


LOOKING_VERBS = frozenset("brief status show log spec".split())
MODEL_VERBS = LOOKING_VERBS | frozenset("start next harvest check wait".split())
STARTERS = frozenset(("Agent", "SendMessage"))
READS = frozenset(
    "Read Grep Glob LS NotebookRead ToolSearch AskUserQuestion SubagentHandback SendMessage Agent TaskStop TaskOutput "
    "KillShell BashOutput TodoWrite TaskCreate TaskUpdate TaskList TaskGet ExitPlanMode".split()
)
EDITS = frozenset(("Edit", "Write", "MultiEdit", "NotebookEdit"))
GRANTS_CLI = ("cli", "scope")
WAY_OUT = "Go on with `fermata next`; the user can type /fermata:stop to park the run"
HELD_MAIN = (
    "the session is in plan mode, so the run holds: nothing is lost, nothing goes on and nothing changes. "
    "Tell the user to leave plan mode (Shift+Tab) and then type /fermata:resume, and end your turn."
)
HELD_AGENT = (
    "the user has switched the session to plan mode, so nothing may change now. Hand in your result; if the work is not "
    "done, say so in it: it is offered again when plan mode is left."
)


def judge(call: Call, facts: Facts) -> Verdict:
    """The first rule of the table that has an answer decides; the last one always has."""
    for rule in RULES:
        verdict = rule(call, facts)
        if verdict is not None:
            return verdict
    return Verdict(DENY, f"{call.tool} is not among the tools open now. {WAY_OUT}.")


def hold_in_plan_mode(call: Call, facts: Facts) -> Verdict | None:
    """In plan mode the user wants to look: reading, asking and handing in go on, the run and the files stand still.

    The client alone does not see to that: it asks with Yes preselected, and lets shell commands through by its classifier.
    """
    if not facts.plan_mode or _looks(call, facts):
        return None
    return Verdict(DENY, HELD_MAIN if facts.actor == MAIN else HELD_AGENT)


def _looks(call: Call, facts: Facts) -> bool:
    """Whether the call moves and changes nothing."""
    if call.tool == "Bash":
        return launcher_verb(call.command, facts.launcher) in LOOKING_VERBS or reading_error(call.command) is None
    return call.tool in READS - STARTERS or own_skills(call, facts) is not None


def own_launcher(call: Call, facts: Facts) -> Verdict | None:
    """Our own command line: its model verbs are granted, its other verbs are for people."""
    if call.tool != "Bash":
        return None
    verb = launcher_verb(call.command, facts.launcher)
    if verb is None:
        return None
    if verb not in MODEL_VERBS:
        verbs = ", ".join(sorted(MODEL_VERBS))
        return Verdict(DENY, f"`fermata {verb}` is for people in a terminal. Verbs for you: {verbs}.")
    return Verdict(ALLOW if facts.grant in GRANTS_CLI and not facts.plan_mode else PASS)


def guard_own_places(call: Call, facts: Facts) -> Verdict | None:
    """State, approvals, plugin and settings are out of every tool's reach, whoever asks and whatever was approved."""
    if call.tool in EDITS and call.path and protected(call.path):
        return Verdict(
            DENY, f"`{call.path}` steers git, Claude Code or fermata; no agent changes it while a run is on."
        )
    if facts.actor == WRITER:
        found = next((text for text in facts.guarded if text in call.command), None)
        if found:
            return Verdict(
                DENY,
                f"the command mentions `{found}`, which belongs to the user's side of the gate. Work inside the scope.",
            )
    return None


def only_main_asks(call: Call, facts: Facts) -> Verdict | None:
    """Starting agents, writing to them and asking the user is the orchestrating thread's part, under its own rules."""
    if call.tool == "Agent" and facts.actor != MAIN:
        from .recovery import DEPTH

        return Verdict(
            DENY,
            f"only the main thread starts agents: the depth is at most {DEPTH}, and this would be {DEPTH + 1}. "
            "Do the work yourself, or say in your result that it is too large.",
        )
    if call.tool in ("AskUserQuestion", "SendMessage") and facts.actor != MAIN:
        return Verdict(DENY, f"{call.tool} belongs to the main thread. Put what you need into your result instead.")
    return None


def let_reading_pass(call: Call, facts: Facts) -> Verdict | None:
    del facts
    return Verdict(PASS) if call.tool in READS else None


def own_skills(call: Call, facts: Facts) -> Verdict | None:
    del facts
    return Verdict(PASS) if call.tool == "Skill" and call.command.startswith("fermata:") else None


def writer_edits(call: Call, facts: Facts) -> Verdict | None:
    """After approval: Edit and Write inside the dispatch's scope, and nowhere else."""
    if facts.actor != WRITER or call.tool not in EDITS:
        return None
    if not call.path:
        tree = f"your worktree `{facts.worktree}`; every path lies below it" if facts.worktree else "the repository"
        where = "the call names no file" if call.path == "" else f"the file lies outside {tree}"
        return Verdict(DENY, f"{where}. {facts.dispatch} may change: {', '.join(facts.scope)}.")
    if not covers(facts.scope, call.path):
        return Verdict(
            DENY,
            f"`{call.path}` is outside the scope of {facts.dispatch} (may change: {', '.join(facts.scope)}). "
            "Report the need in your result; the plan decides.",
        )
    return Verdict(ALLOW if facts.grant == "scope" else PASS)


def writer_stays_in_its_worktree(call: Call, facts: Facts) -> Verdict | None:
    """A shell command of an agent in a worktree begins there: forgotten once, it would change the user's own tree."""
    if facts.actor != WRITER or call.tool != "Bash" or not facts.worktree:
        return None
    if any(call.command.lstrip().startswith(f"cd {quoted} && ") for quoted in _quoted(facts.worktree)):
        return None
    return (
        None
        if reading_error(call.command) is None
        else Verdict(DENY, f'you work in a worktree of your own; begin the command with: cd "{facts.worktree}" && ')
    )


def _quoted(path: str) -> tuple[str, ...]:
    return (f'"{path}"', f"'{path}'") + ((path,) if " " not in path else ())


def writer_works(call: Call, facts: Facts) -> Verdict | None:
    """After approval a writer's other tools are the host's business; the diff at hand-in decides what counts."""
    if facts.actor == WRITER and call.tool not in ("Workflow", "CronCreate", "ScheduleWakeup"):
        return Verdict(PASS)
    return None


def stale_approval(call: Call, facts: Facts) -> Verdict | None:
    """An agent that was to write, and whose approval no longer covers it, is told so and not that it may not write."""
    if not facts.stale or (call.tool == "Bash" and reading_error(call.command) is None):
        return None
    return Verdict(
        DENY,
        f"the approval is stale: {facts.stale}. Nothing more is changed under it. Hand in what you have; "
        "`fermata next` then asks the user again.",
    )


def closed_bash(call: Call, facts: Facts) -> Verdict | None:
    del facts
    if call.tool != "Bash":
        return None
    error = reading_error(call.command)
    if error is None:
        return Verdict(PASS)
    return Verdict(
        DENY,
        f"only reading is open here: {error}. Read, Grep, Glob and read-only programs joined by |, && or ; are free; "
        f"`fermata check` runs the project's tests. {WAY_OUT}.",
    )


def closed_edit(call: Call, facts: Facts) -> Verdict | None:
    if call.tool not in EDITS:
        return None
    why = {
        MAIN: "the main thread changes nothing while a run is on; a builder does, after the approval",
        READER: f"{facts.dispatch} only reads",
    }.get(facts.actor, "this agent holds no dispatch with a standing approval")
    return Verdict(DENY, f"{call.tool} was refused: {why}. {WAY_OUT}.")


RULES = (
    hold_in_plan_mode,
    own_launcher,
    guard_own_places,
    only_main_asks,
    let_reading_pass,
    own_skills,
    writer_edits,
    writer_stays_in_its_worktree,
    writer_works,
    stale_approval,
    closed_bash,
    closed_edit,
)
