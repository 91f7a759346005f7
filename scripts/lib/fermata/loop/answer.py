"""What `fermata next` says: one thing to do now, in words a model cannot take two ways, at most about 1,500 characters."""

from __future__ import annotations

from ..core.actions import (
    AGENT,
    ASK,
    CHECK,
    CONTINUE,
    DECIDE,
    HUMAN,
    LAUNCH,
    OVER,
    PAUSE,
    WAIT_AGENTS,
    WAIT_CHECKS,
    WAIT_COMMANDS,
    Action,
)
from ..core.budget import spent, winding_down
from ..core.consultation import code_of, is_given, line, written_into
from ..core.escalation import facts
from ..core.memory import kept_text
from ..core.outcome import changed_beside, stage_lines
from ..core.phases import left_on_branch
from ..core.recovery import explained
from ..core.small_change import waivable
from .check_text import called, latest_checks
from .site import LAUNCHER
from .standstill import shown_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.records import Run, Waiting

GATE_WAITS = 3
MAX_TICKETS = 10  # more stay open; the next answer has them
CALL = f'"{LAUNCHER}"'


def answer(run: Run, actions: list[Action], minutes: float = 0.0) -> tuple[str, int]:
    """The text, and the exit code: 0 there is something to do or the run is over, 3 only a human can go on.

    *minutes* is how long the run has lasted: near one of its ceilings the user is to hear of it.
    """
    kinds = [action.kind for action in actions]
    for kind, say in SAY:
        if kind in kinds:
            text, code = say(run, [action for action in actions if action.kind == kind])
            near = winding_down(run, minutes) if kind in (AGENT, CHECK, WAIT_CHECKS, WAIT_COMMANDS) else None
            return (f"{text}\n{_near_end(near)}" if near else text), code
    return _over(run, actions)


def _near_end(near: str) -> str:
    return (
        f"NOTE: {near}. At 100 % the run waits for the user, and nothing is kept back for another try. "
        "Tell the user this once, then go on."
    )


def _agents(run: Run, actions: list[Action]) -> tuple[str, int]:
    tickets = []
    for action in actions[:MAX_TICKETS]:
        dispatch = run["dispatches"][action.subject]
        tickets.append(
            f"  subagent_type: fermata:{dispatch['agent']}   description: {dispatch['id']} {dispatch['agent']}   prompt: fermata dispatch {dispatch['id']}"
        )
    times = "once" if len(tickets) == 1 else f"{len(tickets)} times in ONE message"
    text = [f"DO: call the Agent tool {times}, with exactly:", *tickets]
    text += ["  (run_in_background: false where the tool has that field)", f"THEN: {CALL} next"]
    return "\n".join(text), 0


def _continue(run: Run, actions: list[Action]) -> tuple[str, int]:
    dispatch = run["dispatches"][actions[0].subject]
    text = [
        f"DO: the user has answered {dispatch['id']}. Send the answers on with SendMessage (load it by ToolSearch `select:SendMessage` if it is not listed):",
        f"  to: {dispatch['agent_id']}   summary: answers   message: fermata dispatch {dispatch['id']}",
        "  Only if SendMessage does not exist or fails, call the Agent tool instead:",
        f"  subagent_type: fermata:{dispatch['agent']}   description: {dispatch['id']} {dispatch['agent']}   prompt: fermata dispatch {dispatch['id']}",
        f"THEN: {CALL} next",
    ]
    return "\n".join(text), 0


def _ask(run: Run, actions: list[Action]) -> tuple[str, int]:
    dispatch = run["dispatches"][actions[0].subject]
    questions = "; ".join(line(q["question"], 200) for q in dispatch["questions"])
    return _picker(f"the {dispatch['agent']} asks the user: {questions}"), 0


def _picker(why: str) -> str:
    return (
        f"DO: {why}\n"
        "  Call AskUserQuestion once (load it by ToolSearch `select:AskUserQuestion` if it is not listed) with any one question and two options:\n"
        "  fermata puts its own words in their place, and the user answers them. Do not answer for the user.\n"
        f"THEN: {CALL} next"
    )


def _decide(run: Run, actions: list[Action]) -> tuple[str, int]:
    del actions
    gate = run["gate"]
    assert gate is not None
    if waivable(run, gate):
        return (
            f"DO: a small change may need no approval; let fermata's hook see to it with\n  {CALL} wait --max 1\nwhich also says what is next.",
            0,
        )
    if run["interactive"]:
        return _picker(f"the user decides about plan {code_of(gate['digest'])}; fermata has shown them the report."), 0
    text = [
        f"HELD: plan {code_of(gate['digest'])} waits for a human's approval, and a headless session has none.",
        "Tell the user, then end your turn:",
        f"  read it:    {CALL} show plan",
        f"  approve it: FERMATA_APPROVE={gate['digest']} claude -p /fermata:resume",
        "              (the whole digest; a part of it, or that of another plan, approves nothing)",
        "  or decide in a terminal session: claude, then /fermata:resume",
    ]
    return "\n".join(text), GATE_WAITS


def _wait_checks(run: Run, actions: list[Action]) -> tuple[str, int]:
    names = _some([called(run["checks"][action.subject]) for action in actions], ", ", 600)
    return f"DO: fermata is running {names}; wait for it with\n  {CALL} wait --max 90\nwhich also says what is next.", 0


def _wait_commands(run: Run, actions: list[Action]) -> tuple[str, int]:
    named = [f"{run['dispatches'][action.subject].get('command')} ({action.subject})" for action in actions]
    names = _some(named, ", ", 600)
    return (
        f"DO: fermata has started {names}; wait for it with\n  {CALL} wait --max 90\nwhich also says what is next.",
        0,
    )


def _check_here(run: Run, actions: list[Action]) -> tuple[str, int]:
    """Where nothing outlives the command that started it, the checks wait for a command that stays."""
    del run
    names = _some([line(action.subject, 80) for action in actions], ", ", 400)
    text = [
        f"DO: fermata has to run {names}, and the sandbox ends them with the command that starts them. Run",
        f"  {CALL} wait --max 540",
        "with Bash's `timeout: 600000`, so that it can stay to their end; if it is cut off, with `run_in_background: true`.",
        "It also says what is next.",
    ]
    return "\n".join(text), 0


def _wait_agents(run: Run, actions: list[Action]) -> tuple[str, int]:
    del run
    names = _some([action.subject for action in actions], ", ", 600)
    return f"WAIT: {names} at work. End your turn now; you are woken when it hands in. Then: {CALL} next", 0


def _human(run: Run, actions: list[Action]) -> tuple[str, int]:
    waiting = run["waiting"]
    assert waiting is not None
    if run["interactive"] and waiting["kind"] != "refused":
        why = f"the run cannot go on by itself: {line(actions[0].subject, 500)}. The user says how it goes on."
        return _picker(why), 0
    ways = [f"  /fermata:resume   go on {_how(waiting)}", "  /fermata:abort    end the run; nothing is reverted"]
    at = waiting.get("until")
    text = [f"HELD: the run waits for the user: {line(actions[0].subject, 500)}."]
    if at:
        text[0] = f"HELD: the run waits until {shown_time(at)}: {line(actions[0].subject, 500)}."
        text.append(f"From then on it goes on by itself: {CALL} next. Before that it offers nothing.")
    elif run["failures"] and waiting["kind"] != "refused":  # then the reason is the last failure
        text += [line(fact, 500) for fact in facts(run)[1:]]
    return "\n".join([*text, "Tell the user so, with these two ways on, and end your turn:", *ways]), GATE_WAITS


def _how(waiting: Waiting) -> str:
    return "at once" if waiting.get("until") else "(what was counted starts anew; files stay as they are)"


def _pause(run: Run, actions: list[Action]) -> tuple[str, int]:
    at, failed = actions[0].subject, run["failures"][-1] if run["failures"] else None
    why = f" ({line(failed['reason'], 200)})" if failed else ""
    text = [
        f"DO: nothing is begun before {shown_time(at)}, because nobody answered{why}. Wait for it with",
        f"  {CALL} wait --max 90",
        "which also says what is next.",
    ]
    return "\n".join(text), 0


def _some(texts: list[str], between: str, room: int) -> str:
    """As many of *texts* as there is *room* for, in characters, and how many are left out."""
    shown: list[str] = []
    for text in texts:
        room -= len(text) + len(between)
        if room < 0 and shown:
            return between.join([*shown, f"and {len(texts) - len(shown)} more (`fermata status --json` names all)"])
        shown.append(text)
    return between.join(shown)


def _over(run: Run, actions: list[Action]) -> tuple[str, int]:
    del actions
    if run["status"] == "completed":
        changed = sorted({line(path, 400) for path in _changed(run)})
        checked = [
            f"Checked: {called(c)} {c.get('outcome')} ({line(c.get('why', ''), 120)})" for c in latest_checks(run)
        ]
        proof = (
            "fermata ran the checks itself on this very tree."
            if checked
            else "this workflow ran no checks, so nothing is proven."
        )
        text = [f"DONE: the run is complete; {proof}", f"Changed: {_some(changed, ', ', 500) or 'nothing'}"]
        text += [_some(checked, "\n", 600)] if checked else []
        text += [_some(told, "\n", 700)] if (told := stage_lines(run)) else []
        text += _went_wrong(run)
        text += [f"Tokens: {used}"] if (used := _tokens(run)) else []
        text += [f"Board: {line(kept, 300)}"] if (kept := kept_text(run)) else []
        text.insert(1 if "landed" in run else len(text), _where_it_is(run))
        text.append("Tell the user this result in a few sentences.")
        return "\n".join(text), 0
    words = {
        "aborted": f"ABORTED: the run has ended; nothing was reverted.{_at_the_gate(run)}{left_on_branch(run)}",
        "stopped": "STOPPED: the run is parked; the user goes on with /fermata:resume.",
    }
    return words.get(run["status"], run["status"]) + " Tell the user and end your turn.", 0


def _at_the_gate(run: Run) -> str:
    """What the user wrote instead of a yes, and where it belongs: nobody here could plan anew."""
    gate = run["gate"]
    if not gate or gate.get("decision") != "modify" or not is_given(run, gate):
        return ""
    return f" The user wrote at the gate: {line(gate.get('words', ''), 400)!r}. That goes into {written_into(run)}."


def _changed(run: Run) -> Iterator[str]:
    """What agents handed in, and what else came to the run's own branch: a check makes files, a lost agent leaves some."""
    for dispatch in run["dispatches"].values():
        if dispatch["state"] == "completed":
            yield from dispatch["changed"]
    for key, merge in run.get("merges", {}).items():
        if "/" in key and "commit" in merge:
            yield from merge["paths"]


def _where_it_is(run: Run) -> str:
    landed = run.get("landed")
    if landed is None:
        return "Nothing is committed; that is the user's."
    branch = f"fermata/{run['run']}"
    if landed["commit"]:
        note = f" ({line(landed['why'], 300)})" if landed["why"] else ""
        return (
            f"{branch} is merged into {line(str(landed['onto']), 100)}, which is at {landed['commit'][:12]} now{note}."
        )
    return f"NOT MERGED: it stays on {branch}, because {line(str(landed['why']), 300)}. The user goes on with: {line(str(landed['how']), 300)}."


def _went_wrong(run: Run) -> list[str]:
    """What of the report is no success: steps that the user left out, and failures on the way."""
    found = [f"Skipped: {line(step['title'], 100)} ({line(step['why'], 200)})" for step in run.get("left_out", [])]
    beside = [line(path, 200) for path in changed_beside(run)]
    if beside:
        found.append(f"In the user's own tree, by them or by an agent's command: {_some(beside, ', ', 300)}")
    if run["failures"]:
        last = run["failures"][-1]
        said = explained(last.get("rule"))
        kind = f" ({said})" if said else ""
        found.append(
            f"Failed on the way: {len(run['failures'])}; the last, {last['dispatch']}{kind}: {line(last['reason'], 200)}"
        )
    return found


def _tokens(run: Run) -> str:
    used, gate = spent(run), run["approved"]
    predicted = gate.get("predicted") if gate else None
    return f"{used:,} used" + (f", ~{predicted:,} predicted" if predicted else "") if used else ""


SAY = (
    (HUMAN, _human),
    (ASK, _ask),
    (CONTINUE, _continue),
    (AGENT, _agents),
    (DECIDE, _decide),
    (WAIT_CHECKS, _wait_checks),
    (CHECK, _check_here),
    (LAUNCH, _check_here),
    (WAIT_COMMANDS, _wait_commands),
    (WAIT_AGENTS, _wait_agents),
    (PAUSE, _pause),
    (OVER, _over),
)
