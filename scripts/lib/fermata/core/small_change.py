"""The one rule by which an approval is waived: a small change, judged by its effect when it is handed in.

Decides whether a gate may be passed without asking, and whether what changed is still small. Grants nothing itself: a
hook that saw the person type the goal journals the waiver, and the door holds every result against the limits below.
"""

from __future__ import annotations

from .scope import is_wide
from .workflow import GOAL, stage_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Gate, Run

RULE = "small_change"
MAX_FILES, MAX_LINES = 3, 50
LIMITS = f"at most {MAX_FILES} files and {MAX_LINES} changed lines, none of the build server's files"


def waivable(run: Run, gate: Gate) -> bool:
    """Whether *gate* may be passed by the rule: its workflow says so, and nobody has been asked about it yet.

    Never twice in a run: when an approval fell, a person is asked. Never for a plan that the run was given, which may
    be large. And never without a check that will prove the work.
    """
    says = stage_at(run["workflow"], gate["node"]).get("waive") == RULE
    unasked = not gate["report_shown"] and gate["question"] is None and run["voided"] is None
    own = GOAL not in run["kept"]
    return says and own and unasked and run["interactive"] and bool(gate["envelope"]["checks"])


def waived(run: Run) -> bool:
    """Whether the run works under the rule instead of a person's yes."""
    return run["approved"] is not None and run["approved"].get("channel") == "waived"


def too_much(changes: list[tuple[str, int | None]]) -> str | None:
    """Why *changes* are more than small, or None.

    Args:
        changes: path and number of added and removed lines of each changed file; None for a file that is no text.
    """
    wide = [path for path, _ in changes if is_wide(path)]
    binary = [path for path, lines in changes if lines is None]
    total = sum(lines or 0 for _, lines in changes)
    if wide:
        return f"`{wide[0]}` steers the build server"
    if len(changes) > MAX_FILES:
        return f"{len(changes)} files changed"
    if binary:
        return f"`{binary[0]}` is no text, so its lines cannot be counted"
    return f"{total} lines were added and removed" if total > MAX_LINES else None
