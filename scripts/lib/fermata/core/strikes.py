"""Where trying again is of no use: tries that are used up, the same error twice, a flaw in the plan, a loop.

Decides from the run alone, counting only what happened since a human last let it go on; never what is done about it.
"""

from __future__ import annotations

from collections import namedtuple

from .recovery import BLOCKER, CODE_ERROR, DESIGN_FLAW, STRIKES, TRANSIENT, explained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import CheckRun, Dispatch, Run

MAX_CALLED = 80
Impasse = namedtuple("Impasse", "why replan")
Impasse.__doc__ = (
    """Why a stage cannot go on by itself, and whether a new plan could help; if not, the user is asked."""
)


def since(run: Run, kind: str, entries: list[Dispatch] | list[CheckRun]) -> set[str]:
    """The ids of those of *entries* that were made since a human last let the run go on."""
    known = list(run[kind])[run["granted"].get(kind, 0) :]  # type: ignore[literal-required]
    return {entry["id"] for entry in entries} & set(known)


def failed_for_good(run: Run, made: list[Dispatch]) -> Impasse | None:
    """Whether the failures of one visit of a stage say that another try is of no use before any number of tries."""
    counted = since(run, "dispatches", made)
    failed = [d for d in made if d["state"] == "failed" and d["id"] in counted]
    if not failed:
        return None
    last = failed[-1]
    if last.get("category") == DESIGN_FLAW:
        return Impasse(f"{last['id']} ({explained(last.get('rule'))}): {last['reason']}", True)
    same = [d for d in failed if d.get("error") and d.get("error") == last.get("error") and d["item"] == last["item"]]
    if last.get("category") == CODE_ERROR and len(same) >= STRIKES:
        names = " and ".join(d["id"] for d in same[-STRIKES:])
        return Impasse(f"{names} failed with the same error: {last['reason']}", True)
    return None


def tries_used_up(failed: list[Dispatch], stage: str, tries: int) -> Impasse:
    """All the tries there are have failed. What only time or the network can mend, no new plan can."""
    last = failed[-1]
    why = f"{tries} dispatches of {stage} failed; the last one: {last['reason']}"
    return Impasse(why, last.get("category") != TRANSIENT)


def red_again(run: Run, runs: list[CheckRun], visit: int) -> Impasse | None:
    """Whether a check of this visit cannot pass: it failed just as at an earlier one, which on the same tree is a loop.

    Args:
        run: the fold of the journal.
        runs: all runs at the node, oldest first.
        visit: the newest one.
    """
    counted = since(run, "checks", runs)
    red = [c for c in runs if c.get("outcome") == "red" and c.get("error") and c["id"] in counted]
    for now in (c for c in red if c["visit"] == visit):
        if now.get("category") == BLOCKER:
            return Impasse(f"{called(now)} ({explained(now.get('rule'))}): {now.get('why')}", False)
        before = [c for c in red if c["visit"] < visit and (c["name"], c.get("error")) == (now["name"], now["error"])]
        if any(c.get("tree") == now.get("tree") for c in before):
            why = f"a loop, {called(now)} failed with the same error on the same tree twice: {now.get('why')}"
            return Impasse(why, False)
        if len(before) + 1 >= STRIKES:
            return Impasse(f"{called(now)} failed with the same error {len(before) + 1} times: {now.get('why')}", True)
    return None


def called(check: CheckRun) -> str:
    """What a check is called in words; one that a specification only numbers by its command, an inspection with its paths."""
    inspected = check["shown"].partition("fermata inspect ")[2].replace("--path ", "")
    if inspected:
        return inspected if len(inspected) <= MAX_CALLED else f"{inspected[:MAX_CALLED]}…"
    numbered = check["name"].rstrip("0123456789") in ("spec-", "command-")
    return f"`{check['shown']}`" if numbered else check["name"]
