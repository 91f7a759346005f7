"""How each field of a brief reads: its text from the run, the tree and the evidence, whole and as pieces.

Decides no length and nothing about who may see a field; that is the contract's part. Every word that comes from a
person, an agent, a file or a program is data: its piece goes behind a fence, or it is one entry of a list on one line.
"""

from __future__ import annotations

import json
import os
from collections import namedtuple

from ..core.check_runs import decisive
from ..core.commands import command_for
from ..core.consultation import answers_text, clean, line, plan_of
from ..core.contract import MAX_LINE, VOCABULARY, Sees, contract, judges_plan, plans
from ..core.handoff import cause, handoff_text, sent_back
from ..core.items import conflicts_at, item_of, on_branch, open_worktree, own_tree
from ..core.memory import looked_text
from ..core.order import all_before
from ..core.pages import plan_name
from ..core.plan_text import plan_document, plan_text
from ..core.position import dispatches_of
from ..core.recovery import explained
from ..core.report import no_baseline
from ..core.small_change import LIMITS, waived
from ..core.verdicts import MAX_CRITERION, judged, verdict_lines
from ..core.workflow import FAILED, GOAL, stage_at
from ..git.snapshot import changed_paths, diff_text, take_snapshot
from ..inspections.source_files import is_test
from .artifacts import page_path
from .check_text import baseline_lines, check_line, failed_check, latest_checks, red_checks
from .handoffs import record_for
from .memory import recall
from .screens import screens_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.actions import Action
    from ..core.records import Dispatch, Json, Run
    from ..core.relevance import Learnt
    from ..git.repo import Repo
    from .site import Site

# Behind a fence with the info string `kind`; None: fermata's own list, as it is.
Piece = namedtuple("Piece", "body kind lead", defaults=("", ""))

WHOLE, MAX_DIFF = 1_000_000, 1_000_000  # no field is longer, not even where only its path is sent
ALL_TAILS = 4_000
MAX_NAMED_TESTS = 20
LOOSENED = (
    "Tests that were there before and have changed: {}. One that was loosened so that it passes is a reason to reject."
)
CONFIG = ("title", "parts", "agent", "access", "result", "tries", "rounds", "questions", "parallel")


class Fields:
    """The fields of one dispatch; `pieces` gives the text of one by its name."""

    def __init__(self, site: Site, run: Run, action: Action, scope: list[str], repo: Repo) -> None:
        self.repo = repo
        self.site, self.run, self.stage = site, run, stage_at(run["workflow"], action.node)
        self.at, self.visit, self.own_item, self.globs = action.node, action.visit, action.subject, scope
        self.store, self.dispatch = site.project.run(run["run"]), ""
        self.learnings: list[Learnt] = []  # those that the brief was given

    def pieces(self, field: str) -> list[Piece]:
        """The whole text of *field*, without those of its pieces that are empty."""
        assert field in VOCABULARY
        found = getattr(self, f"_{field.replace('.', '_')}")()
        listed = [Piece(found, None)] if isinstance(found, str) else found
        return [piece for piece in listed if piece.body or piece.lead]

    # --- the goal and where it starts

    def _goal(self) -> list[Piece]:
        return [Piece(clean(self.run["goal"], WHOLE))]

    def _base(self) -> str:
        base = self.run["base"]
        dirty = base["dirty"]
        text = f"Branch {line(base['branch'] or '(detached)')} at {str(base['commit'])[:12]}."
        if dirty:
            names = ", ".join(line(d, 120) for d in dirty[:20])
            text += f" Uncommitted work of the user's that stays as it is: {names}."
        return text

    def _baseline(self) -> str:
        return "\n".join(baseline_lines(self.run)) or f"{no_baseline(self.run).capitalize()}."

    def _project_checks(self) -> str:
        none = "None were found: your plan must bring at least one command under `checks`."
        return _commands(self.run["project_checks"]["full"]) or none

    def _found(self) -> list[Piece]:
        """What those who looked have handed in, the newest of each; their words, so each is data."""
        looked = {(d["node"], d["item"]): d for d in self.run["dispatches"].values() if "kept" in d}
        return [Piece(looked_text(d["kept"]), "", f"{d['id']}:") for d in looked.values()]

    def _learnings(self) -> list[Piece]:
        """Words of agents and of people of the project, from other runs: data, each with its id on the board."""
        sees = contract(self.stage).get("learnings") or Sees("learnings", VOCABULARY["learnings"].chars, pointer=False)
        step = item_of(self.run, self.at)
        about = [step["title"], step["objective"]] if isinstance(step, dict) else []
        self.learnings = recall(self.site, "\n".join([self.run["goal"], *about]), sees.chars)
        return [Piece("\n".join(one.text for one in self.learnings))]

    # --- the user

    def _mode(self) -> str:
        if self._somebody_answers():
            return ""
        return "This session has no one to answer. Ask nothing; write what you decided under `assumptions`, which the user reads before approving."

    def _somebody_answers(self) -> bool:
        """A command-line agent has ended before anybody could answer it."""
        return self.run["interactive"] and command_for(self.run, self.stage) is None

    def _rounds(self) -> str:
        asked = sum(d["round"] for d in dispatches_of(self.run, self.at, self.visit))
        left = (self.stage.get("questions", 0) if self._somebody_answers() else 0) - asked
        if left <= 0:
            return 'No question round is left: hand in a plan (`status` "plan").'
        return (
            f'If a decision is the user\'s and the repository does not answer it, hand in `status` "questions" with 1 to 4 `questions` '
            f'(2 to 4 options each); {left} round(s) left. Ask only what changes the plan. Otherwise hand in `status` "plan".'
        )

    def _answers(self) -> list[Piece]:
        found = [a for d in self.run["dispatches"].values() if d["node"] == self.at for a in d["answers"]]
        return [Piece(answers_text(found))]

    def _feedback(self) -> list[Piece]:
        """What the human said at the gate that sent the run back here."""
        gate = self.run["gate"]
        if not gate or gate.get("decision") not in ("modify", "more_recon"):
            return []
        recon = gate["decision"] == "more_recon"
        asked = "The user wants a closer look before deciding." if recon else "The user wants the plan changed."
        words = clean(gate.get("words", ""), WHOLE)
        if not words:
            asked += " They did not say how: ask them with a question round, if one is left."
        previous = plan_text(plan_of(self.run, gate["node"]))
        return [Piece(words, "", asked + " In the user's words:" * bool(words)), Piece(previous, "", "The last plan:")]

    # --- the plan and this dispatch's part of it

    def _kept_plan(self) -> dict[str, Json]:
        """The approved plan. One that is about to be replaced is seen by its planner only when the work went wrong."""
        approved = self.run["approved"]
        replacing = plans(self.stage) and "/" not in self.at
        if not approved or (replacing and not cause(self.run, self.at)):
            return {}
        made = stage_at(self.run["workflow"], approved["node"])["plan"] != GOAL or GOAL in self.run["kept"]
        return plan_of(self.run, approved["node"]) if made else {}  # else it would only repeat the goal

    def _plan(self) -> list[Piece]:
        return [Piece(plan_text(self._kept_plan()))]

    def _plan_summary(self) -> list[Piece]:
        return [Piece(clean(self._kept_plan().get("summary", ""), WHOLE))]

    def _plan_steps(self) -> list[Piece]:
        steps = self._kept_plan().get("steps", [])
        return [Piece("\n".join(f"{number}. {line(step['title'], MAX_LINE)}" for number, step in enumerate(steps, 1)))]

    def _item(self) -> list[Piece]:
        if self.own_item is not None:
            return [Piece(line(self.own_item, 500))]
        step = item_of(self.run, self.at)
        if not isinstance(step, dict):
            return [Piece('Mend what is described under "What went wrong", within the approved plan.', None)]
        out = [line(step["title"]), clean(step["objective"]), *_on_board(step)]
        for title, key in (
            ("Steps", "steps"),
            ("Acceptance criteria", "acceptance"),
            ("Constraints", "constraints"),
            ("Read first", "read_first"),
        ):
            if step.get(key):
                out += [f"{title}:", *[f"- {clean(entry, 500)}" for entry in step[key]]]
        return [Piece("\n".join(out))]

    def _item_plan(self) -> list[Piece]:
        """The newest plan that was made of this very item."""
        beside = self.at.rpartition("/")[0]
        found = [kept for node, kept in self.run["kept"].items() if "/" in node and node.rpartition("/")[0] == beside]
        return [Piece(plan_text(next((kept for kept in reversed(found) if "steps" in kept), {})))]

    # --- a step of a specification

    def _module(self) -> list[Piece]:
        step = _step_of(self.run, self.at)
        out = [f"{name}: {line(step[name.lower()], 300)}" for name in ("Module", "Phase") if step.get(name.lower())]
        spec = step.get("spec")
        if spec:
            first, last = spec["lines"]
            out.append(f"Specification: {os.path.join(self.store.folder, spec['path'])}, lines {first} to {last}")
        out += ["Tasks:", *_entries(step["tasks"])] if step.get("tasks") else []
        return [Piece("\n".join(out))]

    def _criteria(self) -> list[Piece]:
        return [Piece("\n".join(_entries(_step_of(self.run, self.at).get("criteria", []))))]

    def _gotchas(self) -> list[Piece]:
        return [Piece("\n".join(_entries(_step_of(self.run, self.at).get("gotchas", []))))]

    def _conflict(self) -> list[Piece]:
        """The newest merge of this very item, or of the whole, that did not go through."""
        ended = conflicts_at(self.run, self.at)
        if not ended:
            return []
        told = f"Markers in these files show both sides. What comes in, by itself: `git diff {ended[-1]['base'][:12]} {ended[-1]['tree'][:12]}`."
        return [
            Piece("\n".join(_entries(ended[-1]["conflicts"])), "", told),
            Piece("\n".join(_entries(ended[-1]["paths"])), "", "All paths of this merge:" * bool(ended[-1]["paths"])),
        ]

    def _plan_file(self) -> str | None:
        name = plan_name(self.run) or ("approval" if self.run["gate"] or self.run["approved"] else None)
        return page_path(self.store, name) if name else None

    def _phase(self) -> str:
        """Where this dispatch stands in the plan. Titles are one line each; the plan itself is a file."""
        outer = self.at.partition("/")[0]
        index, steps = outer.rpartition(".")[2], self._kept_plan().get("steps", [])
        if not index.isdecimal() or not steps:
            return ""
        done = all_before(steps)[int(index)] if own_tree(self.run, self.at) else range(int(index))
        before = [f"{one + 1}. {line(steps[one]['title'], MAX_LINE)}" for one in sorted(done)]
        place, number = self._plan_file(), int(index) + 1
        text = f"Phase {number} of {len(steps)} of {self.run['run']}. Dependencies, done before: {'; '.join(before) or 'none'}"
        return f"{text}\n\n## Plan Reference\nSection `Phase {number}` in `{place}`"

    def _scope(self) -> str:
        step = item_of(self.run, self.at)
        globs = self.globs or (sorted(step["scope"]) if isinstance(step, dict) else [])  # who only plans has none
        shown = ", ".join(f"`{glob}`" for glob in globs)
        return f"{shown}; nobody was asked, so it stays small: {LIMITS}" if waived(self.run) else shown

    def _checks(self) -> str:
        return _commands(decisive(self.run, self.at)) or "None."

    # --- what happened before

    def _previous(self) -> list[Piece]:
        stages = {d["id"]: stage_at(self.run["workflow"], d["node"]) for d in self.run["dispatches"].values()}
        ended = [d for d in self.run["dispatches"].values() if d["state"] == "completed" and d["summary"]]
        done = [d for d in ended if not judges_plan(stages[d["id"]])]
        return [Piece(f"{done[-1]['agent']} ({done[-1]['id']}): {line(done[-1]['summary'], WHOLE)}")] if done else []

    def _handoff(self) -> list[Piece]:
        record = record_for(self.store, self.run, self.at, self.dispatch)
        if record is None:
            return []
        plan = plan_text(self._kept_plan()) if plans(self.stage) else ""
        return [Piece(handoff_text(record)), *[Piece(plan, "", "The plan it was built by:")] * bool(plan)]

    def _failure(self) -> list[Piece]:
        """Failed tries of this visit, and the check or review that sent the run back here."""
        tries = self._tries(self.at, self.visit)
        judgement = plans(self.stage) and not sent_back(self.run, self.at)
        advice = self.run.get("advice", "")
        said = [Piece(clean(advice, WHOLE), "", "The user says what to do differently:")] * bool(advice)
        return [*said, Piece("\n".join(tries)), *([] if judgement else self._cause())]

    def _tries(self, node: str, visit: int) -> list[str]:
        return [_failed(d) for d in dispatches_of(self.run, node, visit) if d["state"] == "failed"]

    def _cause(self) -> list[Piece]:
        outcome, node, visit = cause(self.run, self.at) or ("", "", 0)
        if outcome == FAILED:
            return [Piece("\n".join(self._tries(node, visit)), "", f"Stage `{node}` failed, so this is yours now:")]
        if outcome == "red":
            red = red_checks(self.run, node, visit)
            texts = [failed_check(self.store.path("checks"), c, ALL_TAILS // len(red)) for c in red]
            return [Piece(tail, "", sentence) for sentence, tail in texts]
        if outcome and judged(self.run, node, outcome):
            review = self.run["kept"].get(node, {})
            said = "\n".join([clean(review.get("summary", "")), *verdict_lines(review)])
            lead = "The review rejected the change" if outcome == "reject" else f"Stage `{node}` ended {outcome}"
            return [Piece(said, "", f"{lead}. In the reviewer's words:"), *self._last_draft()]
        if outcome == "conflict" and on_branch(self.run):
            ended = self.run["merges"][f"{node}#{visit}"]
            return [Piece("\n".join(ended["conflicts"]), "", "This could not be merged as it is:")]
        if outcome == "conflict":
            ended = self.run["merges"][f"{node}#{visit}"]
            told = f"`git diff {ended['base'][:12]} {ended['tree'][:12]}` shows it; make it anew on what is there now."
            return [
                Piece(
                    "\n".join(ended["conflicts"]), "", f"Your change could not be brought into the user's tree. {told}"
                )
            ]
        return []

    def _last_draft(self) -> list[Piece]:
        """For a planner whose plan a critic sent back: that plan."""
        return [Piece(self._newest_plan(), "", "The plan it was said of:")] if sent_back(self.run, self.at) else []

    def _newest_plan(self) -> str:
        made = [s for s in self.run["workflow"]["stages"] if plans(s) and s["id"] in self.run["kept"]]
        return plan_document(self.run["kept"][made[-1]["id"]], self.run["goal"]) if made else ""

    def _draft(self) -> list[Piece]:
        return [Piece(self._newest_plan())]

    def _screens(self) -> str:
        return screens_text(self.store, self.run)

    def _reports(self) -> str:
        done = [d for d in self.run["dispatches"].values() if d["access"] == "write" and d["state"] == "completed"]
        return "\n".join(_report(d) for d in done) or "None."

    def _evidence(self) -> str:
        return "\n".join(f"- {check_line(c)}" for c in latest_checks(self.run)) or "Nothing."

    def began_with(self) -> str:
        """What a change is told apart from: the tree that the run began with, or on its own branch the item did."""
        if not on_branch(self.run):
            return str(self.run["base"]["tree"])
        tree = open_worktree(self.run, own_tree(self.run, self.at) or "") if "/" in self.at else None
        return tree["tree"] if tree else str(self.run["base"]["commit"])

    def _files(self) -> str:
        changed = changed_paths(self.repo, self.began_with(), take_snapshot(self.repo))
        return "\n".join(f"- {line(change.path, 300)}" for change in changed) or "None."

    def _diff(self) -> list[Piece]:
        began, tree = self.began_with(), take_snapshot(self.repo)
        found = diff_text(self.repo, began, tree, MAX_DIFF).replace("\r\n", "\n")
        older = [c.path for c in changed_paths(self.repo, began, tree) if c.kind != "added" and is_test(c.path)]
        lead = LOOSENED.format(", ".join(line(path, 200) for path in older[:MAX_NAMED_TESTS])) if older else ""
        return [Piece(clean(found.rstrip("\n"), 2 * MAX_DIFF) or "(no change)", "diff", lead)]

    def _stage(self) -> list[Piece]:
        """This stage and no other, as one JSON object."""
        previous = self._previous()
        config = {key: self.stage[key] for key in CONFIG if key in self.stage}  # type: ignore[literal-required]
        found = {
            "task": line(self.run["goal"], VOCABULARY["goal"].chars),
            "stageName": self.stage["id"],
            "stageConfig": {**config, "scope": self.globs},
            "previousStageSummary": line(previous[0].body, VOCABULARY["previous"].chars) if previous else None,
            "planFilePath": self._plan_file(),
        }
        return [Piece(json.dumps(found, indent=1, ensure_ascii=False), "json")]


def _step_of(run: Run, node: str) -> dict[str, Json]:
    step = item_of(run, node)
    return step if isinstance(step, dict) else {}


def _entries(found: list[str]) -> list[str]:
    return [f"- {line(entry, MAX_CRITERION)}" for entry in found]


def _on_board(step: dict[str, Json]) -> list[str]:
    """Which task of the board a step is, and the name of its spec note, whose parts follow."""
    note = step.get("note") or "spec"
    return [f"It is task {step['task']} of the board; its spec note is `{line(note, 80)}`."] if "task" in step else []


def _failed(dispatch: Dispatch) -> str:
    said = explained(dispatch.get("rule"))
    kind = f" ({said})" if said else ""
    return f"- {dispatch['id']} failed{kind}: {line(dispatch['reason'], 1_000)}"


def _report(dispatch: Dispatch) -> str:
    changed = ", ".join(line(path, 300) for path in dispatch["changed"][:20])
    return f"- {dispatch['id']}: {line(dispatch['summary'], 500)} (changed: {changed or 'nothing'})"


def _commands(checks: list[Json]) -> str:
    return "\n".join(f"- `{line(c['command']['shown'], 2_000)}` ({line(c['source'])})" for c in checks)
