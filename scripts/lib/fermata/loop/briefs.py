"""Builds a brief: the template of the stage, filled with the fields that the stage lets its agents see, each within its size.

Decides how a field reads and how long it may be; which fields a stage sees stands in the workflow.
"""

from __future__ import annotations

import json

from ..core.consultation import answers_text, clean, line
from ..core.position import checks_of, commands_for, dispatches_of, item_of
from ..core.workflow import stage_at
from ..definitions.brief_files import template
from ..definitions.schema_files import schema
from ..git.snapshot import diff_text, take_snapshot
from ..store.files import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..core.actions import Action
    from ..core.records import CheckRun, Dispatch, Json, Run
    from .site import Site

MAX_GOAL, MAX_DIFF, MAX_TAIL = 20_000, 60_000, 4_000


class Brief:
    """The fields of one dispatch's brief; every method named like a field gives its text."""

    def __init__(self, site: Site, run: Run, action: Action, scope: list[str]) -> None:
        self.site, self.run, self.stage = site, run, stage_at(run["workflow"], action.node)
        self.at, self.visit, self.own_item, self.globs = action.node, action.visit, action.subject, scope
        self.store = site.project.run(run["run"])

    def text(self, dispatch_id: str, launcher: str) -> str:
        """The whole brief. A template cannot use a field its stage may not see: such a definition does not load."""
        values = {name: _FIELDS[name](self) for name in self.stage["sees"]}
        values |= {"dispatch": dispatch_id, "launcher": launcher, "schema": self._schema()}
        lines = template(self.stage["brief"]).substitute(values).splitlines()
        return "\n".join(_without_gaps(lines)) + "\n"

    def _schema(self) -> str:
        return json.dumps(schema(self.stage["result"]), separators=(",", ":"), ensure_ascii=False)

    def goal(self) -> str:
        return _fenced(clean(self.run["goal"], MAX_GOAL))

    def base(self) -> str:
        base = self.run["base"]
        dirty = base["dirty"]
        text = f"Branch {line(base['branch'] or '(detached)')} at {str(base['commit'])[:12]}."
        if dirty:
            text += (
                f" Uncommitted work of the user's that stays as it is: {', '.join(line(d, 120) for d in dirty[:20])}."
            )
        return text

    def baseline(self) -> str:
        return "\n".join(baseline_lines(self.run)) or "No checks were found in this project."

    def project_checks(self) -> str:
        return (
            _commands(self.run["project_checks"]["full"])
            or "None were found: your plan must bring at least one command under `checks`."
        )

    def checks(self) -> str:
        found = list(commands_for(self.run, {"id": "", "kind": "checks", "commands": "full"}))
        return _commands(found) or "None."

    def mode(self) -> str:
        if self.run["interactive"]:
            return ""
        return "This session has no one to answer. Ask nothing; write what you decided under `assumptions`, which the user reads before approving."

    def rounds(self) -> str:
        left = (self.stage.get("questions", 0) if self.run["interactive"] else 0) - len(self._answers_rounds())
        if left <= 0:
            return 'No question round is left: hand in a plan (`status` "plan").'
        return (
            f'If a decision is the user\'s and the repository does not answer it, hand in `status` "questions" with 1 to 4 `questions` '
            f'(2 to 4 options each); {left} round(s) left. Ask only what changes the plan. Otherwise hand in `status` "plan".'
        )

    def _answers_rounds(self) -> list[int]:
        return [r for d in dispatches_of(self.run, self.at, self.visit) for r in range(d["round"])]

    def answers(self) -> str:
        found = [a for d in self.run["dispatches"].values() if d["node"] == self.at for a in d["answers"]]
        return "## The user's answers\n" + answers_text(found) if found else ""

    def feedback(self) -> str:
        """What the human said at the gate that sent the run back here."""
        gate = self.run["gate"]
        if not gate or gate.get("decision") not in ("modify", "more_recon"):
            return ""
        words = gate.get("words", "")
        asked = (
            "The user wants a closer look before deciding."
            if gate["decision"] == "more_recon"
            else "The user wants the plan changed."
        )
        said = (
            f" In the user's words:\n{_fenced(words)}"
            if words
            else " They did not say how: ask them with a question round, if one is left."
        )
        previous = self.run["kept"].get(self.at, {})
        return (
            f"## What the user said to your last plan\n{asked}{said}\nThe last plan:\n{_fenced(_plan_text(previous))}"
        )

    def plan(self) -> str:
        approved = self.run["approved"]
        kept = self.run["kept"].get(stage_at(self.run["workflow"], approved["node"])["plan"], {}) if approved else {}
        return _fenced(_plan_text(kept)) if kept else "No plan."

    def item(self) -> str:
        if self.own_item is not None:
            return line(self.own_item, 500)
        step = item_of(self.run, self.at)
        if not isinstance(step, dict):
            return 'Mend what is described under "What went wrong" below, within the approved plan.'
        out = [line(step["title"]), clean(step["objective"])]
        for title, key in (
            ("Read first", "read_first"),
            ("Constraints", "constraints"),
            ("Acceptance criteria", "acceptance"),
        ):
            if step.get(key):
                out += [f"{title}:", *[f"- {clean(entry, 500)}" for entry in step[key]]]
        return _fenced("\n".join(out))

    def scope(self) -> str:
        return ", ".join(f"`{glob}`" for glob in self.globs)

    def failure(self) -> str:
        """What went wrong before: failed attempts of this visit, and the check or review that sent the run back here."""
        parts = [
            f"- {d['id']} failed: {line(d['reason'], 1_000)}"
            for d in dispatches_of(self.run, self.at, self.visit)
            if d["state"] == "failed"
        ]
        parts += self._cause()
        return "## What went wrong\n" + "\n".join(parts) if parts else ""

    def _cause(self) -> list[str]:
        frame, prefix = self.run["position"], ""
        if "/" in self.at:
            outer, _, _ = self.at.partition("/")
            prefix = outer + "/"
            frame = frame["inner"].get(outer.partition(".")[2], frame)
        came = frame["came_from"].get(self.stage["id"])
        if not came or came["outcome"] not in ("red", "reject"):
            return []
        node = prefix + came["stage"]
        visit = frame["visits"][came["stage"]]
        if came["outcome"] == "red":
            return [
                check_text(self.store.path("checks"), c)
                for c in last_runs(checks_of(self.run, node, visit))
                if c.get("outcome") != "green"
            ]
        review = self.run["kept"].get(node, {})
        said = [clean(review.get("summary", ""), 2_000), *map(_finding, review.get("findings", []))]
        return ["The review rejected the change. In the reviewer's words:", _fenced("\n".join(said))]

    def diff(self) -> str:
        tree = take_snapshot(self.site.repo)
        found = diff_text(self.site.repo, str(self.run["base"]["tree"]), tree, MAX_DIFF).replace("\r\n", "\n")
        return _fenced(clean(found, 2 * MAX_DIFF) or "(no change)", "diff")

    def reports(self) -> str:
        done = [d for d in self.run["dispatches"].values() if d["access"] == "write" and d["state"] == "completed"]
        return "\n".join(_report(d) for d in done) or "None."

    def evidence(self) -> str:
        lines = [check_line(c) for c in latest_checks(self.run)]
        return "\n".join(f"- {entry}" for entry in lines) or "Nothing."


_FIELDS: dict[str, Callable[[Brief], str]] = {
    name: getattr(Brief, name)
    for name in "goal base baseline project_checks mode answers feedback rounds plan item scope checks failure diff reports evidence".split()
}


def baseline_lines(run: Run) -> list[str]:
    """One line per check that was run before the plan."""
    first = run["workflow"]["stages"][0]
    return [check_line(c) for c in last_runs(checks_of(run, first["id"], 1))] if first["kind"] == "checks" else []


def latest_checks(run: Run) -> list[CheckRun]:
    """The newest finished run of each check, by name."""
    newest = {c["name"]: c for c in run["checks"].values() if c["state"] == "finished"}
    return list(newest.values())


def last_runs(checks: list[CheckRun]) -> list[CheckRun]:
    """Of several runs of the same check the last one."""
    return list({c["name"]: c for c in checks}.values())


def check_line(check: CheckRun) -> str:
    """One check and how it ended, on one line."""
    return f"{check['name']}: {check.get('outcome', 'running')} ({line(check.get('why', ''), 200)})"


def check_text(folder: str, check: CheckRun) -> str:
    """A check that failed, with the end of its output."""
    evidence = read_json(f"{folder}/{check['id']}.json") or {}
    shown = line(evidence.get("command", {}).get("shown", check["name"]), 300)
    tail = clean(str(evidence.get("tail", "")), 20_000)[-MAX_TAIL:]
    return f"fermata ran `{shown}`: {check.get('outcome')} ({line(check.get('why', ''), 300)}). The end of its output:\n{_fenced(tail)}"


def _report(dispatch: Dispatch) -> str:
    changed = ", ".join(line(path, 300) for path in dispatch["changed"][:20])
    return f"- {dispatch['id']}: {line(dispatch['summary'], 600)} (changed: {changed or 'nothing'})"


def _finding(finding: dict[str, Json]) -> str:
    path = f" `{line(finding['path'], 200)}`" if finding.get("path") else ""
    advice = f" Do: {clean(finding['recommendation'], 600)}" if finding.get("recommendation") else ""
    return f"- {finding['severity']}{path}: {clean(finding['issue'], 600)}{advice}"


def _plan_text(kept: dict[str, Json]) -> str:
    out = [clean(kept.get("summary", ""), 1_000)]
    for number, step in enumerate(kept.get("steps", []), 1):
        out.append(
            f"{number}. {line(step['title'], 100)}: {line(step['objective'], 400)} (may change {', '.join(step['scope'])})"
        )
        out += [f"   - done when: {line(entry, 300)}" for entry in step["acceptance"]]
    return "\n".join(out)


def _commands(checks: list[Json]) -> str:
    return "\n".join(f"- `{line(c['command']['shown'], 2_000)}` ({line(c['source'])})" for c in checks)


def _fenced(text: str, kind: str = "") -> str:
    """*text* as data: behind a fence longer than any inside it."""
    ticks = "```"
    while ticks in text:
        ticks += "`"
    return f"{ticks}{kind}\n{text}\n{ticks}"


def _without_gaps(lines: list[str]) -> list[str]:
    """Empty fields leave runs of blank lines; one is enough."""
    return [text for i, text in enumerate(lines) if text or i == 0 or lines[i - 1]]
