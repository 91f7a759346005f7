"""What stages with a `verdict` said, in words: criteria and findings of a review, concerns about a plan, differences between pictures.

Decides nothing: which verdict leads where stands in the workflow, and what it is worth in the checks.
"""

from __future__ import annotations

from .consultation import clean, line
from .workflow import FAILED, stage_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Json, Run


MAX_CRITERION = 600  # of one line of a specification, and of what is said of it


def judged(run: Run, node: str, outcome: str) -> bool:
    """Whether *outcome* is a verdict of the stage at *node*."""
    return "verdict" in stage_at(run["workflow"], node) and outcome != FAILED


def verdict_lines(kept: dict[str, Json]) -> list[str]:
    """Everything that a judging stage found, one entry each."""
    return [*_criteria(kept), *_findings(kept), *concern_lines(kept), *_views(kept)]


def _criteria(kept: dict[str, Json]) -> list[str]:
    """What is not met comes first: it is what somebody has to mend."""
    told = sorted(kept.get("criteria", []), key=lambda entry: bool(entry["met"]))
    return [
        f"- {'met' if one['met'] else 'NOT met'}: {line(one['criterion'], MAX_CRITERION)}. Evidence: {line(one['evidence'], MAX_CRITERION)}"
        for one in told
    ]


def _findings(kept: dict[str, Json]) -> list[str]:
    found = []
    for finding in kept.get("findings", []):
        path = f" `{line(finding['path'], 200)}`" if finding.get("path") else ""
        found.append(f"- {finding['severity']}{path}: {clean(finding['issue'], 600)}{_advice(finding)}")
    return found


def concern_lines(kept: dict[str, Json]) -> list[str]:
    """Each concern about a plan on one line."""
    return [
        f"- {concern['severity']}, {line(concern['area'], 60)}: {line(concern['issue'], 600)}{_advice(concern)}"
        for concern in kept.get("concerns", [])
    ]


def _advice(found: dict[str, str]) -> str:
    return f" Do: {clean(found['recommendation'], 600)}" if found.get("recommendation") else ""


def _views(kept: dict[str, Json]) -> list[str]:
    found = []
    for view in kept.get("views", []):
        found.append(f"- {line(view['view'], 60)}: {view['verdict']}. Expected: {line(view['expected'], 300)}")
        found += [f"  seen: {line(view['seen'], 300)}"] if view.get("seen") else []
        found += [f"  differs: {line(entry, 300)}" for entry in view.get("differences", [])]
    return found
