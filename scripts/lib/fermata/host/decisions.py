"""A human's act becomes a decision: the picker's answer, a typed command, the client's own environment.

Only hooks call this. A decision is journalled first and then, for a yes, kept outside the project together with the
journal line it is bound to and the text that was approved.
"""

from __future__ import annotations

import os
import time

from ..core.actions import DECIDE, next_actions
from ..core.consultation import MIN_SECONDS, code_of, line, question_for, read_answer
from ..core.small_change import LIMITS, RULE, waivable
from . import answers
from .client import interactive, nested
from .tickets import asking_dispatch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.records import Channel, Decision, Gate, Json, Run
    from .answers import Answer
    from .bound import Bound


MAX_WRONG_CODES = 5


def pending_gate(run: Run | None) -> Gate | None:
    """The gate that waits for a human right now."""
    if run is None or not any(action.kind == DECIDE for action in next_actions(run)):
        return None
    return run["gate"]


def decide(bound: Bound, gate: Gate, decision: Decision, words: str, channel: Channel) -> None:
    """Journal the decision; for a yes, write the approval's record."""
    body = {"digest": gate["digest"], "decision": decision, "words": words, "channel": channel}

    def still_open(now: Run) -> bool:
        current = pending_gate(now)
        return current is not None and current["digest"] == gate["digest"]

    run = bound.store.note("operator" if channel == "environment" else "human", "decision_made", body, still_open)
    bound.run = run
    approved = run["approved"]
    if decision == "approve" and approved and approved["digest"] == gate["digest"]:
        bound.data.write_approval(run["run"], _record(bound, run, approved))


def _record(bound: Bound, run: Run, approved: Gate) -> dict[str, Json]:
    return {
        "format": 1,
        "run": run["run"],
        "store": bound.project_folder,
        "session": bound.payload.session,
        "digest": approved["digest"],
        "envelope": approved["envelope"],
        "channel": approved.get("channel"),
        "seq": approved.get("seq"),
        "hash": approved.get("hash"),
        "ts": run["updated"],
        "text": report_text(bound),
    }


def report_text(bound: Bound) -> str:
    """The report of the gate, as it was written when the approval was asked for."""
    with open(bound.store.path("artifacts", "approval.md"), encoding="utf-8") as file:
        return file.read()


def picked(bound: Bound) -> Answer | None:
    """PostToolUse of AskUserQuestion: the human's choice, if the question was ours."""
    run, response = bound.run, bound.payload.response
    given = response.get("answers") if isinstance(response, dict) else None
    if run is None or bound.parked or not isinstance(given, dict):
        return None
    texts = {str(key): str(value) for key, value in given.items()}
    asking = asking_dispatch(run)
    if asking:
        return _answered(bound, asking["id"], {q["question"] for q in asking["questions"]}, texts)
    if run["waiting"]:
        return _standstill_answered(bound, run, texts)
    gate = pending_gate(run)
    if gate is None or gate["question"] is None or gate["question"]["tool_use_id"] != bound.payload.tool_use_id:
        return None
    error = _answer_error(question_for(run, gate)["question"], gate["question"], gate["digest"], texts)
    if error:
        return answers.context(
            "PostToolUse", f"fermata: this is no decision: {error}. Run `fermata next` and ask again."
        )
    decision, words = read_answer(next(iter(texts.values())))
    decide(bound, gate, decision, words, "picker")
    return answers.context("PostToolUse", f"fermata: the user decided: {decision}. Run `fermata next`.")


def _answered(bound: Bound, dispatch_id: str, asked: set[str], texts: dict[str, str]) -> Answer:
    if set(texts) != asked or not all(texts.values()):
        return answers.context(
            "PostToolUse", "fermata: not every question was answered. Run `fermata next` and ask again."
        )
    body = {"id": dispatch_id, "answers": texts}
    bound.store.note(
        "human", "questions_answered", body, lambda now: now["dispatches"][dispatch_id]["state"] == "asking"
    )
    return answers.context("PostToolUse", f"fermata: the answers to {dispatch_id} are kept. Run `fermata next`.")


def _standstill_answered(bound: Bound, run: Run, texts: dict[str, str]) -> Answer | None:
    """The human says how a run goes on that could not by itself."""
    from ..core import escalation

    shown = run["waiting"].get("question") if run["waiting"] else None
    if shown is None or shown["tool_use_id"] != bound.payload.tool_use_id:
        return None
    digest = escalation.digest_of(run)
    error = _answer_error(escalation.question_for(run)["question"], shown, digest, texts)
    if error:
        return answers.context("PostToolUse", f"fermata: this is no answer: {error}. Run `fermata next` and ask again.")
    choice, words = escalation.read_answer(run, next(iter(texts.values())))
    kind, body = _going_on(run, choice, words)

    def same(now: Run) -> bool:
        return bool(now["waiting"]) and escalation.digest_of(now) == digest

    bound.run = bound.store.note("human", kind, body, same)
    return answers.context("PostToolUse", f"fermata: the user chose: {choice}. Run `fermata next`.")


def _going_on(run: Run, choice: str, words: str) -> tuple[str, dict[str, Json]]:
    """The event that carries out a choice."""
    from ..core.escalation import skipped_body

    skipped = skipped_body(run) if choice == "skip" else None
    if skipped:
        return "step_skipped", {**skipped, "channel": "picker"}
    if choice in ("later", "abort"):
        return ("run_stopped" if choice == "later" else "run_aborted"), {}
    return "retry_granted", {"words": words, "channel": "picker"}


def _answer_error(question: str, shown: dict[str, str], digest: str, texts: dict[str, str]) -> str | None:
    if list(texts) != [question] or not texts[question].strip():
        return "the answer is not to fermata's own question"
    if shown["digest"] != digest:
        return "the plan changed while the question was open"
    if time.time() - float(shown["at"]) < MIN_SECONDS:
        return "it came in less than a second, faster than a person reads"
    return None


def typed(bound: Bound, env: Mapping[str, str]) -> str | None:
    """`/fermata:approve CODE`, typed. None when it was taken, else why not."""
    gate = pending_gate(bound.run)
    if not interactive(env):
        return "an approval is typed by a person in a terminal session; this session is not one"
    if bound.fenced:
        return "another session drives this run now; approve it there"
    if bound.payload.mode == "plan":
        return "in plan mode nothing can be built; leave it first (Shift+Tab), then type it again"
    if gate is None:
        return "nothing waits for an approval here. /fermata:status shows where the run stands"
    if not gate["report_shown"]:
        return "the report has not been shown yet; let the session run `fermata next` first"
    error = _code_error(bound, gate, bound.payload.args.strip())
    if error is None:
        decide(bound, gate, "approve", "", "typed")
    return error


def _code_error(bound: Bound, gate: Gate, given: str) -> str | None:
    """Why *given* does not name the plan that waits; journals a wrong one. The code is no secret: it says which plan is meant."""
    code = code_of(gate["digest"])
    if gate.get("wrong_codes", 0) >= MAX_WRONG_CODES:
        return (
            f"{MAX_WRONG_CODES} codes were wrong, so this gate takes none until it has asked again. "
            "Tell the session to run `fermata next`, and answer in the picker; after that a code is taken too"
        )
    if not given:
        return f"name the plan: /fermata:approve {code}"
    if given.casefold() == code:
        return None
    bound.run = bound.store.note("human", "code_refused", {"digest": gate["digest"], "given": line(given, 80)})
    return f"the plan that waits is {code}, not {line(given, 40)!r}. Type: /fermata:approve {code}"


def from_environment(bound: Bound, env: Mapping[str, str]) -> bool:
    """FERMATA_APPROVE in the client's own environment names the waiting plan: an operator approved it before the client began."""
    gate = pending_gate(bound.run)
    if gate is None or env.get("FERMATA_APPROVE") != gate["digest"] or nested(env) or bound.fenced:
        return False
    decide(bound, gate, "approve", "", "environment")
    return True


def waive(bound: Bound, env: Mapping[str, str]) -> str | None:
    """Pass the gate by the workflow's own rule, if a person typed this very goal in this session; the words that say so.

    The run's word for it does not count: the marker, which only the hook on the typed command writes, must say it, too.
    """
    run, gate, marker = bound.run, pending_gate(bound.run), bound.marker
    if run is None or gate is None or not waivable(run, gate) or gate["envelope"]["scopes"] != [["**"]]:
        return None
    typed_here = marker.get("typed") is True and (marker["run"], marker.get("goal")) == (run["run"], run["goal"])
    if not typed_here or not interactive(env) or bound.fenced or bound.payload.mode == "plan":
        return None
    body = {"digest": gate["digest"], "rule": RULE, "envelope": gate["envelope"]}

    def still_open(now: Run) -> bool:
        current = pending_gate(now)
        return current is not None and current["digest"] == gate["digest"] and waivable(now, current)

    bound.run = bound.store.note("hook", "approval_waived", body, still_open)
    approved = bound.run["approved"]
    if approved is None or approved["digest"] != gate["digest"]:
        return None
    bound.data.write_approval(run["run"], _record(bound, bound.run, approved))
    return f"fermata: no approval is asked for, by the rule {RULE}: {LIMITS}. What goes beyond is sent back. /fermata:abort ends it."


def current_report(bound: Bound) -> str | None:
    """The report that the human has not seen yet; journals that it is now being shown."""
    gate = pending_gate(bound.run)
    if gate is None or gate["report_shown"] or not os.path.exists(bound.store.path("artifacts", "approval.md")):
        return None
    body = {"digest": gate["digest"]}
    bound.store.note("hook", "report_shown", body)
    return report_text(bound)
