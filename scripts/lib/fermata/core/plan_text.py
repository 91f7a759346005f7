"""A plan as a page: phases with objective, files, steps and verification, risks and the way back. Pure text; decides nothing."""

from __future__ import annotations

from .consultation import clean, line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Json


def plan_document(plan: dict[str, Json], goal: str) -> str:
    """The whole plan that a stage kept, as Markdown."""
    phases = [_phase(number, step) for number, step in enumerate(plan.get("steps", []), 1)]
    checks = [f"- `{line(check['command']['shown'], 2_000)}`" for check in plan.get("checks", [])]
    return "\n\n".join(
        filter(
            None,
            [
                f"# Implementation plan: {line(goal, 200)}",
                clean(plan.get("summary", ""), 1_000),
                _section("Findings", _list(plan.get("findings", []))),
                _section("Assumptions", _list(plan.get("assumptions", []))),
                _section("Left alone on purpose", _list(plan.get("scope_out", []))),
                *phases,
                _section("Checks of the plan's own", "\n".join(checks)),
                _section("Risks", _risks(plan)),
                _section("Rollback", clean(plan.get("rollback", ""), 600)),
                _section("Effort", line(plan.get("effort", ""), 120)),
            ],
        )
    )


def _phase(number: int, step: dict[str, Json]) -> str:
    """One step. The ones before it are what it depends on: steps are built in their order."""
    after = f"Depends on: phase {number - 1}" if number > 1 else "Depends on: nothing"
    files = [f"- `{line(glob, 300)}` may change" for glob in step["scope"]]
    files += [f"- `{line(path, 300)}` to read first" for path in step.get("read_first", [])]
    done = [f"- [ ] {clean(entry, 400)}" for entry in step["acceptance"]]
    parts = [
        f"## Phase {number}: {line(step['title'], 100)}",
        after + (f". Difficulty: {step['difficulty']}" if step.get("difficulty") else ""),
        f"### Objective\n{clean(step['objective'], 1_000)}",
        "### Files\n" + "\n".join(files),
        "### Steps\n" + (steps_text(step) or "1. What the objective says"),
        "### Verification\n" + "\n".join(done),
    ]
    return "\n\n".join(parts)


def steps_text(step: dict[str, Json]) -> str:
    """What is to be done in a step of the plan, numbered, and its constraints; "" where the plan does not say."""
    done = [f"{number}. {clean(entry, 300)}" for number, entry in enumerate(step.get("steps", []), 1)]
    return "\n".join([*done, *[f"- Constraint: {clean(entry, 400)}" for entry in step.get("constraints", [])]])


def _risks(plan: dict[str, Json]) -> str:
    risks = plan.get("risks", {})
    return "\n".join(
        f"- {level}: {line(risk, 300)}" for level in ("high", "medium", "low") for risk in risks.get(level, [])
    )


def _list(entries: list[str]) -> str:
    return "\n".join(f"- {clean(entry, 400)}" for entry in entries)


def _section(title: str, text: str) -> str:
    return f"## {title}\n{text}" if text else ""


def plan_text(plan: dict[str, Json]) -> str:
    """The plan in short: its summary, and each step with what it may change and when it is done; "" for none."""
    out = [clean(plan["summary"], 1_000)] if plan.get("summary") else []
    for number, step in enumerate(plan.get("steps", []), 1):
        scope = ", ".join(step["scope"])
        out.append(f"{number}. {line(step['title'], 100)}: {line(step['objective'], 400)} (may change {scope})")
        out += [f"   - done when: {line(entry, 300)}" for entry in step["acceptance"]]
    return "\n".join(out)
