"""Plays the histories whose journals are kept under `golden/`, as the fermata at hand writes them.

Run at a release, `python -m tests.store.play_golden` adds what is not there yet and never touches what is: an old
journal says how an old fermata wrote, and that does not change. Times and ids are the same each time.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts" / "lib"))

from fermata.checks.runner import read_check
from fermata.core.board_entries import add_entry
from fermata.core.escalation import skipped_body
from fermata.core.evidence import Evidence
from fermata.loop.checkpoints import make_checkpoint
from fermata.loop.rollback import last_rollback, roll_back
from fermata.store.repair import examine, repair
from fermata.store.run_store import FORMAT
from tests.core.build import make_part, make_step
from tests.loop.bench import CONFIG, Bench, asked, built, plan, review
from tests.loop.conducting import SPEC, SPEC_FILE, begin_files, first_phase, live, reviewed, says, second_phase
from tests.loop.test_replan import REPLAN
from tests.store.runs import SESSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fermata.core.records import Run

GOLDEN = Path(__file__).parent / "golden"
BY_HUMAN = {
    "step_skipped",
    "decision_made",
    "code_refused",
    "run_stopped",
    "run_aborted",
    "retry_granted",
    "lease_taken",
}


class Play(Bench):
    """A bench whose journal names nobody's machine, written by whom it would be in a session."""

    def tell(self, kind: str, **body: Any) -> Run:
        return self.store.note("human" if kind in BY_HUMAN else "hook", kind, body)

    def transcript(self, name: str) -> str:
        return f"/transcripts/{name}.jsonl"

    def at_gate(self) -> str:
        """The plan has been shown and asked about; gives its digest."""
        gate = self.run["gate"]
        assert gate is not None
        self.tell("report_shown", digest=gate["digest"])
        self.tell("question_shown", tool_use_id="toolu_ask", at="2026-01-02T03:04:05Z", digest=gate["digest"])
        return gate["digest"]


def whole(play: Play) -> None:
    """From the goal to the end, with an invalid result, a question round and a review."""
    play.settle()
    name = play.work()
    play.refused("no JSON")
    play.takes(asked("Which words?"))
    play.tell("questions_answered", id=name, answers={"Which words?": "yes"})
    play.tell("dispatch_started", id=name, at="2026-01-02T03:04:05Z")
    play.takes(plan())
    play.settle()
    play.at_gate()
    play.approve().settle()
    play.work()
    play.build().settle()
    play.work()
    play.takes(review())
    play.settle()


def changed_and_resumed(play: Play) -> None:
    """The first plan was sent back, an agent died, the run was parked and taken over; it waits at the gate."""
    play.planned()
    play.tell("decision_made", digest=play.at_gate(), decision="modify", words="smaller", channel="picker")
    play.settle()
    play.tell("dispatch_failed", id=play.work(), reason="the agent ended with an error: API error")
    play.settle()
    play.tell("run_stopped")
    play.tell("lease_taken", session=SESSION, generation=2, interactive=True)
    play.planned()
    play.at_gate()


def withdrawn(play: Play) -> None:
    """Approvals that fell, a base that moved, a tree that moved, a limit; at last the user ended it."""
    play.planned().approve().settle()
    play.data.drop_approval(play.run["run"])
    play.settle()
    play.approve().settle()
    play.sandbox.commit("the user's own")
    play.settle()
    play.approve().settle()
    play.work()
    play.build().settle()
    play.work()
    play.takes(review())
    play.sandbox.write("src/other.py", "changed = True\n")
    play.settle()
    play.tell("retry_granted")
    play.tell("limit_reached", node="verify", why="40 dispatches were made; limits.dispatches is 40")
    play.tell("run_aborted")


def mended(play: Play) -> None:
    """A journal that was damaged, cut by `fermata repair`, and went on."""
    play.building()
    play.takes(built(summary="nothing was to be done"))
    path = Path(play.store.journal)
    path.write_bytes(path.read_bytes().replace(b'"agent-d-002"', b'"agent-d-009"'))
    damage = examine(play.store)
    assert damage is not None
    repair(play.store, damage)
    play.settle()


def refused(play: Play) -> None:
    """The API refused the planner, and then a turn of the session; the run waits for the user."""
    play.settle()
    play.tell("dispatch_failed", id=play.work(), reason="the agent ended with an error: rate_limit", refused=True)
    play.tell("turn_failed", reason="rate_limit API Error: Request rejected (429)")


def recovered(play: Play) -> None:
    """A quota that came back, a flaw in the plan, and an optional step that the user left out; a person mended a handoff."""
    play.settle()
    quota = {"category": "transient", "rule": "quota", "refused": True, "until": "2026-01-02T03:00:00Z"}
    play.tell("dispatch_failed", id=play.work(), reason="the agent ended with an error: rate_limit", **quota)
    play.planned(make_step("A frame", ("frame.txt",), optional=True), make_step("Add it"))
    play.at_gate()
    play.approve().settle()
    play.work()
    play.takes(
        built(status="failed", cause="too_large", caveats=["too much at once"], suggestion="Leave the frame out.")
    )
    play.settle()
    play.tell("handoff_supplied", id=play.newest["id"], fields={"suggestion": "Keep the frame small."})
    play.work()
    play.takes(plan(make_step("A frame", ("frame.txt",), optional=True), make_step("Add it")))
    play.settle()
    play.work()
    play.takes(built(status="failed", cause="missing", caveats=["no frame library here"]))
    skipped = skipped_body(play.run)
    assert skipped is not None
    play.tell("step_skipped", **skipped, channel="picker")
    play.settle()


def replanned(play: Play) -> None:
    """Wrong codes before the yes; the reviewer rejected the work, and the new plan lies inside the approved one."""
    play.planned()
    digest = play.at_gate()
    play.tell("code_refused", digest=digest, given="00000000")
    play.approve().settle()
    play.work()
    play.build().settle()
    play.work()
    play.takes(review("reject", {"severity": "high", "path": "src/app.py", "issue": "it greets the wrong way"}))
    play.settle()
    play.work()
    play.takes(plan(make_step("Mend the greeting", ("src/app.py",))))
    play.settle()


def waived(play: Play) -> None:
    """A small change by the rule: nobody was asked, one try was too much, and the user's commit made fermata ask after all."""
    play.settle()
    gate = play.run["gate"]
    assert gate is not None
    play.tell("approval_waived", digest=gate["digest"], rule="small_change", envelope=gate["envelope"])
    play.record()
    play.settle()
    play.work()
    play.sandbox.write("src/app.py", "print(1)\n" * 60)
    play.refused(built("src/app.py"))
    play.build().settle()
    play.sandbox.commit("the user's own")
    play.settle()


def counted(play: Play) -> None:
    """Tokens of the agents and of the session; of an agent that another one took over from, and of one that ended late."""
    count = {"input": 3, "output": 200, "cache_read": 9_000, "cache_creation": 700, "context": 4_000, "size": 12_345}
    play.settle()
    name = play.work()
    play.takes(asked("Which words?"))
    play.tell("tokens_used", id=name, **count)
    play.tell("questions_answered", id=name, answers={"Which words?": "yes"})
    play.tell("dispatch_started", id=name, tool_use_id="toolu_again", at="2026-01-02T03:04:05Z")
    play.tell("agent_bound", id=name, agent_id="agent-again", transcript=play.transcript("again"))
    play.takes(plan())
    play.tell("tokens_used", id=name, **count)
    play.tell("tokens_used", id=f"main {SESSION}@77", **{**count, "size": 99_999})
    play.tell("limit_reached", node="approve", why="20,000 tokens were used; limits.tokens is 20,000")
    play.tell("retry_granted")
    play.tell("tokens_used", id=name, **{**count, "output": 300, "size": 23_456})
    play.settle()


def apart(play: Play) -> None:
    """Two coders at once; the user changes a file of one, which is built again."""
    play.settle()
    play.work()
    play.takes(plan(make_step("One", ("one.py",), after=[]), make_step("Two", ("two.py",), after=[])))
    play.settle()
    play.at_gate()
    play.approve()
    play.settle()
    for name in ("d-002", "d-003"):
        play.work(name)
    for name, path in (("d-002", "one.py"), ("d-003", "two.py")):
        Path(play.site.repo.root, play.run["dispatches"][name]["worktree"], path).write_text("x = 1\n")
    play.sandbox.write("two.py", "the user's\n")
    assert not play.hand_in(built("one.py"), "d-002").accepted
    assert play.hand_in(built("one.py", unexplained=["two.py"]), "d-002").accepted
    play.tell("retry_granted")
    assert play.hand_in(built("two.py"), "d-003").accepted
    play.settle()
    play.work()
    Path(play.site.repo.root, play.run["dispatches"]["d-004"]["worktree"], "two.py").write_text("x = 2\n")
    play.takes(built("two.py"))
    play.settle()
    play.work()
    play.takes(review())
    play.settle()
    assert play.run["status"] == "completed"


def decomposed(play: Play) -> None:
    """A goal taken apart: approved, put on the board, and the first task planned and built."""
    play.settle()
    play.work()
    play.takes(plan(make_part("Add it"), make_part("Test it", "tests/**", "add-it")))
    play.settle()
    play.at_gate()
    play.approve().settle()
    play.work()
    play.takes(plan())
    play.settle()
    play.work()
    play.build().settle()


def learnt(play: Play) -> None:
    """The planner was given a learning; what its agents learnt, one that gave up among them, went on the board."""
    rule = partial(add_entry, kind="learning", title="A thing has an end")
    play.site.project.board().act("person", rule)
    play.planned(debt=[{"title": "Two greetings", "category": "design"}]).approve().settle()
    play.work()
    play.takes(built(status="failed", caveats=["no"], learnings=["It cannot be done so"]))
    play.settle()
    play.work()
    play.sandbox.write("src/app.py", "print(2)\n")
    play.takes(built("src/app.py", learnings=["Print takes a number"], later=["Print it in French"]))
    play.settle()
    play.work()
    play.takes(review())
    play.settle()


def gone_back(play: Play) -> None:
    """Two steps are built; a person goes back to behind the first, takes that back, goes there again, and it is built on."""
    play.planned(make_step("One", ("one.py",)), make_step("Two", ("two.py",))).approve().settle()
    play.work()
    play.build("one.py").settle()
    play.work()
    play.build("two.py").settle()
    (first, *_) = play.run.get("checkpoints", [])
    make_checkpoint(play.store, play.site.repo, "before I look at it")
    roll_back(play.store, play.site.repo, first["id"])
    roll_back(play.store, play.site.repo, last_rollback(play.run)["id"])
    roll_back(play.store, play.site.repo, first["id"])
    play.settle()
    play.work()
    play.build("two.py", "print(3)\n").settle()
    play.work()
    play.takes(review())
    play.settle()
    assert play.run["status"] == "completed"


def conducted(play: Play) -> None:
    """Two phases of a specification; its second is changed and asked about again, the user commits meanwhile, and it is merged."""
    first_phase(play)
    play.sandbox.write(SPEC_FILE, SPEC.replace("the client asks", "the client asks twice"))
    play.settle()
    play.approve()
    second_phase(play, "the server answers", "the client asks twice")
    play.sandbox.commit()
    (reviewer,) = live(play)
    play.sandbox.write("mine.txt", "mine\n")
    play.sandbox.commit()
    says(play, reviewer, review())
    (auditor,) = live(play)
    says(play, auditor, review())
    reviewed(play)
    play.settle()
    assert play.run["status"] == "completed"


HISTORIES: dict[str, Callable[[Play], None]] = {
    "whole": whole,
    "changed-and-resumed": changed_and_resumed,
    "withdrawn": withdrawn,
    "repaired": mended,
    "refused": refused,
    "recovered": recovered,
    "replanned": replanned,
    "waived": waived,
    "counted": counted,
    "apart": apart,
    "decomposed": decomposed,
    "learnt": learnt,
    "gone-back": gone_back,
    "conducted": conducted,
}


def clock() -> Callable[[], str]:
    """A second passes from one look at it to the next."""
    ticks: Iterator[int] = count()
    return lambda: "2026-01-02T{:02}:{:02}:{:02}Z".format(*(3 + (n := next(ticks)) // 3600, n // 60 % 60, n % 60))


def quick_check(folder: str, name: str) -> Any:
    """As the real one; but every check took the same time."""
    found = read_check(folder, name)
    return found._replace(seconds=0.1) if isinstance(found, Evidence) else found


def play_history(name: str, folder: Path) -> Path:
    """Play history *name* in *folder*; gives the run's folder."""
    now = clock()
    dates = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2026-01-02T03:04:05Z")
    with ExitStack() as patched:
        patched.enter_context(mock.patch.dict(os.environ, dates))
        for place in ("fermata.store.run_store.utc_now", "fermata.store.repair.utc_now", "tests.loop.bench.utc_now"):
            patched.enter_context(mock.patch(place, now))
        names = (f"cp_1767323045_{number:04x}" for number in count())
        for place in ("checkpoints", "rollback"):
            patched.enter_context(mock.patch(f"fermata.loop.{place}.new_id", partial(next, names)))
        for place in ("drive", "site"):
            patched.enter_context(mock.patch(f"fermata.loop.{place}.minutes_since", return_value=1.0))
        patched.enter_context(mock.patch("fermata.loop.own_checks.read_check", quick_check))
        patched.enter_context(mock.patch("time.strftime", return_value="20260102T040000Z"))
        # A project's own workflow, in which a rejected review leads back to the plan.
        workflows = {
            "replanned": "replan",
            "waived": "build_only",
            "decomposed": "decompose_first",
            "apart": "plan_code_review",
            "conducted": "conduct",
        }
        chosen = f"workflow: {workflows[name]}\n" if name in workflows else ""
        play = Play(folder, CONFIG + chosen, **({"replan": REPLAN} if name == "replanned" else {}))
        if name == "conducted":
            begin_files(play)
        play.begin()
        HISTORIES[name](play)
    return Path(play.store.folder)


def keep(target: Path, played: Callable[[Path], Path]) -> None:
    """Play a history in a folder of its own, and keep what it leaves at *target*, unless something is there."""
    if target.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        made = played(Path(folder))
        target.mkdir(parents=True)
        for file in ("journal.jsonl", "state.json"):
            shutil.copy(made / file, target / file)
    print(f"new: {target}")


def main() -> int:
    for name in HISTORIES:
        keep(GOLDEN / f"{FORMAT}-{name}", partial(play_history, name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
