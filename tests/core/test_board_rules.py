"""One row for each way to be wrong: the message names the value, the rule and the next move; nothing happens.

`…` stands for what the message says between two parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.core import board_entries as entries
from fermata.core import board_rules as rules
from fermata.core.board_texts import SPEC_PARTS, BoardError, TakenError, note_name, read_spec, spec_text, task_of
from fermata.core.board_waits import waits_for
from tests.core.desk import Desk, at, desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from fermata.core.board_records import Board, Task

    Ask = Callable[[Desk], object]

ONE, TWO, THREE, FOUR = (f"t-00000{n}" for n in (1, 2, 3, 4))
SPEC = spec_text("Make it so", ["a.py"], ["none"], ["it works"])


def prepared() -> Desk:
    """1 TODO · 2 claimed by w · 3 BLOCKED · 4 DONE · 5 archived, done · 6 archived, undone · 7 waits for 1 · 8 part of 9."""
    found = desk(*"123456")
    found.claim("w", TWO)
    found.do(rules.set_status, THREE, "BLOCKED", "no key")
    found.verify(FOUR)
    found.verify("5")
    for name in "56":
        found.do(entries.archive_task, name, found.now, related=False)
    found.add("7", blocked_by=["1"])
    found.add("9")
    found.add("8", parent="8")
    found.do(entries.add_entry, "debt", "old")
    found.do(entries.add_entry, "backlog", "later", category="code")
    return found


def add(**names: object) -> Ask:
    return lambda d: d.do(rules.add_task, **{"title": "x", **names})


def change(name: str, **changes: object) -> Ask:
    return lambda d: d.do(rules.change_task, name, changes)


def claim(name: str) -> Ask:
    return lambda d: d.claim("me", name)


def status(name: str, word: str, why: str = "") -> Ask:
    return lambda d: d.do(rules.set_status, name, word, why)


def archive(name: str) -> Ask:
    return lambda d: d.do(entries.archive_task, name, d.now, related=True)


def note(name: str = ONE, called: str = "n", kind: str = "plan", text: str = "x") -> Ask:
    return lambda d: d.do(rules.write_note, name, called, kind, text)


def verify(name: str, tree: str = "f", **checks: str) -> Ask:
    return lambda d: d.do(rules.verify_task, name, "run", tree, checks)


def entry(kind: str = "debt", title: str = "x", **names: object) -> Ask:
    return lambda d: d.do(entries.add_entry, kind, title, **names)


REFUSED = [
    pytest.param(add(title=" \n"), "the title is empty; give it at least one word", id="no-title"),
    pytest.param(add(title="x" * 201), "has 201 characters; at most 200 are kept. Shorten it", id="long-title"),
    pytest.param(add(description="y" * 100_000), "has 100,000 characters; at most 20,000", id="100-kb-description"),
    pytest.param(add(title="a\udcff"), "is not UTF-8 at character 2; write it in UTF-8", id="not-utf-8"),
    pytest.param(add(priority="P0"), "priority 'P0' is unknown; known: P1, P2, P3", id="priority"),
    pytest.param(
        add(parent="99"), "there is no task '99' (ids look like t-000042); `fermata task list", id="no-parent"
    ),
    pytest.param(
        add(parent=FOUR), "t-000004 is DONE, so nothing can be added below it; reopen it first", id="done-parent"
    ),
    pytest.param(add(parent="6"), "t-000006 is ARCHIVED, so nothing", id="archived-parent"),
    pytest.param(add(blocked_by=["t-1", "../x"]), "there is no task '../x'", id="no-blocke"),
    pytest.param(
        add(blocked_by=["6"]), "t-000006 was archived undone, so t-000010 would wait for eve", id="dead-blocke"
    ),
    pytest.param(
        add(parent=ONE, blocked_by=["7"]),
        "wait for each other (t-000010 → t-000007 → t-000001 → t-000010). Leave one of them out",
        id="circle-through-its-parent",
    ),
    pytest.param(add(scope=["a" * 501]), "the scope … has 501 characters; at most 500", id="long-scope"),
    pytest.param(add(acceptance=[f"a{n}" for n in range(51)]), "51 times acceptance criterion; at most 50", id="many"),
    pytest.param(change(ONE, blocked_by=[ONE]), "(t-000001 → t-000001)", id="waits-for-itself"),
    pytest.param(change(ONE, blocked_by=["7"]), "(t-000001 → t-000007 → t-000001)", id="circle"),
    pytest.param(change("8", blocked_by=["9"]), "(t-000008 → t-000009 → t-000008)", id="waits-for-its-part"),
    pytest.param(
        change("5", title="x"), "t-000005 is archived and stays as it is; add a new task", id="change-archived"
    ),
    pytest.param(change(ONE, title=""), "the title is empty", id="change-to-nothing"),
    pytest.param(
        claim(FOUR), "t-000004 is DONE; only a TODO task can be claimed. `fermata task update", id="claim-done"
    ),
    pytest.param(claim(THREE), "t-000003 is BLOCKED (no key); only", id="claim-blocked"),
    pytest.param(claim("7"), "t-000007 waits for t-000001, not verified yet; claim one of those", id="claim-waiting"),
    pytest.param(
        claim("8"), "t-000008 has 1 open children; claim those: fermata task list --parent t-000008", id="claim-whole"
    ),
    pytest.param(claim("1\n"), "there is no task '1\\n'", id="claim-no-id"),
    pytest.param(claim("t-0000000001"), "there is no task", id="claim-long-id"),
    pytest.param(lambda d: d.claim(" "), "the claimant is empty", id="claim-by-nobody"),
    pytest.param(status(ONE, "DOING"), "status 'DOING' is unknown; known: TODO, BLOCKED, DONE", id="status"),
    pytest.param(status(ONE, "IN_PROGRESS"), "by `fermata task claim t-000001`", id="status-claim"),
    pytest.param(status(ONE, "ARCHIVED"), "by `fermata task archive t-000001`", id="status-archive"),
    pytest.param(status(ONE, "BLOCKED"), "the reason (--why) is empty", id="blocked-by-nothing"),
    pytest.param(status(FOUR, "BLOCKED", "x"), "t-000004 is DONE; open it again", id="block-done"),
    pytest.param(status(FOUR, "DONE"), "t-000004 is DONE already; nothing was changed", id="done-twice"),
    pytest.param(status("8", "DONE"), "has 1 open children and is done only after them", id="done-before-its-parts"),
    pytest.param(status("5", "TODO"), "t-000005 is archived and stays", id="reopen-archived"),
    pytest.param(verify(ONE), "no check ran on a tree. Only green checks of fermata's own make it DONE", id="no-check"),
    pytest.param(verify(ONE, "", tests="green"), "no check ran on a tree", id="no-tree"),
    pytest.param(verify(ONE, tests="green", lint="red"), "not green: lint", id="red-check"),
    pytest.param(verify("8", tests="green"), "has 1 open children", id="verify-before-its-parts"),
    pytest.param(
        archive("8"), "has 1 open children; finish or archive them first: fermata task list", id="archive-whole"
    ),
    pytest.param(archive(ONE), "t-000007 would wait for it for ever; take it out there first", id="archive-awaited"),
    pytest.param(archive("5"), "t-000005 is ARCHIVED already", id="archive-twice"),
    pytest.param(note(called="../x"), "'../x' is no name for a note: lower-case letters", id="note-path"),
    pytest.param(note(called="a\n"), "is no name for a note", id="note-newline"),
    pytest.param(note(called=""), "'' is no name for a note", id="note-nameless"),
    pytest.param(note(text="z" * 100_000), "the note … has 100,000 characters; at most 60,000", id="100-kb-note"),
    pytest.param(note(text=" "), "the note is empty", id="note-empty"),
    pytest.param(
        note(kind="poem"), "kind 'poem' is unknown; known: spec, plan, result, progress, review", id="note-kind"
    ),
    pytest.param(note("77"), "there is no task '77'", id="note-of-nothing"),
    pytest.param(
        note(kind="spec"), "missing or empty: Objective, Relevant files, Constraints", id="spec-without-parts"
    ),
    pytest.param(entry(category="money"), "category 'money' is unknown; known: design, code", id="category"),
    pytest.param(entry(task="77"), "there is no task '77'", id="entry-of-nothing"),
    pytest.param(entry("report"), "the text is empty", id="report-without-findings"),
    pytest.param(entry("learning", "x" * 1_001), "the learning … has 1,001 characters", id="long-learning"),
    pytest.param(entry("gossip"), "kind 'gossip' is unknown", id="entry-kind"),
    pytest.param(
        lambda d: d.do(entries.close_entry, "debt", "7", "x"), "no debt '7' (ids look like debt-0", id="no-entry"
    ),
    pytest.param(lambda d: d.do(entries.close_entry, "debt", "debt-1", ""), "the reason … is empty", id="close-how"),
]


@pytest.mark.parametrize(("ask", "says"), REFUSED)
def test_refused_with_the_value_the_rule_and_the_next_move(ask: Ask, says: str) -> None:
    found = prepared()
    before = len(found.events)
    with pytest.raises(BoardError) as error:
        ask(found)
    for part in says.split(" … "):
        assert part in str(error.value)
    assert error.value.exit_code == 2
    assert len(found.events) == before


TAKEN = [
    pytest.param(claim(TWO), f"t-000002 is claimed by w until {at(60)}; claim another one", id="claim"),
    pytest.param(archive(TWO), f"t-000002 is claimed by w until {at(60)}; archive it when it is free", id="archive"),
    pytest.param(lambda d: d.do(rules.release_task, TWO, "me"), "is claimed by w, not by me", id="release"),
    pytest.param(lambda d: d.do(rules.report_task, TWO, "me", "done", ""), "is claimed by w, not by me", id="report"),
    pytest.param(lambda d: d.do(rules.release_task, ONE, "me"), "is TODO and claimed by nobody, not by me", id="free"),
]


@pytest.mark.parametrize(("ask", "says"), TAKEN)
def test_what_another_works_on_is_refused_as_taken(ask: Ask, says: str) -> None:
    found = prepared()
    with pytest.raises(TakenError) as error:
        ask(found)
    assert says in str(error.value)
    assert error.value.exit_code == 4


@pytest.mark.parametrize("name", ["t-000002", "t-2", "2", "0002"])
def test_an_id_may_be_typed_short(name: str) -> None:
    assert task_of(desk("a", "b").board, name)["id"] == TWO


def test_the_most_urgent_comes_first_then_the_oldest() -> None:
    found = Desk()
    for priority in ("P3", "P2", "P1", "P2", "P1"):
        found.add(priority=priority)
    assert [found.claim() for _ in range(6)] == ["t-000003", "t-000005", "t-000002", "t-000004", "t-000001", None]


def test_a_changed_priority_counts() -> None:
    found = desk("a", "b")
    found.do(rules.change_task, TWO, {"priority": "P1"})
    assert found.claim() == TWO


def test_a_claim_that_ran_out_can_be_taken_by_another_and_before_that_renewed() -> None:
    found = desk("a")
    found.claim("a", minutes=10)
    assert found.claim("b") is None
    found.minute = 10
    assert found.claim("b") is None, "the last minute is still the holder's"
    found.claim("a", ONE, minutes=10)
    found.minute = 20
    assert found.claim("b") is None
    found.minute = 21
    assert found.claim("b") == ONE
    with pytest.raises(TakenError):
        found.do(rules.report_task, ONE, "a", "done", "late")


def test_only_what_is_verified_lets_others_begin() -> None:
    found = desk("a")
    found.add("b", blocked_by=[ONE])
    found.claim("w")
    found.do(rules.report_task, ONE, "w", "done", "")
    assert found.claim("x") is None
    found.verify(ONE)
    assert found.claim("x") == TWO


def test_a_person_s_word_lets_others_begin_and_is_told_apart_from_evidence() -> None:
    found = desk("a")
    found.add("b", blocked_by=[ONE])
    found.do(rules.set_status, ONE, "DONE")
    verified = found.task(ONE)["verified"]
    assert verified
    assert (verified["by"], verified["checks"]) == ("person", [])
    assert found.claim() == TWO


def test_a_part_waits_for_what_the_whole_waits_for() -> None:
    found = desk("a")
    found.add("whole", blocked_by=[ONE], priority="P1")
    found.add("part", parent=TWO, priority="P1")
    assert found.claim() == ONE
    found.verify(ONE)
    assert [found.claim(), found.claim()] == [THREE, None]
    found.verify(THREE)
    assert found.claim() == TWO


def test_more_blockers_than_anybody_can_read_are_refused() -> None:
    found = desk(*["x"] * 51)
    with pytest.raises(
        BoardError, match=r"t-000052 would wait for 51 tasks; at most 50\. Give it a parent task instead"
    ):
        found.add(blocked_by=list(found.board["tasks"]))


def test_a_circle_through_what_a_whole_waits_for_is_refused() -> None:
    """3 is part of 2, which waits for 1: so 1 cannot wait for 3."""
    found = desk("a")
    found.add("whole", blocked_by=[ONE])
    found.add("part", parent=TWO)
    with pytest.raises(BoardError, match=r"\(t-000001 → t-000003 → t-000001\)"):
        found.do(rules.change_task, ONE, {"blocked_by": [THREE]})


def test_reopening_takes_the_evidence_away_and_stops_who_waits() -> None:
    found = desk("a")
    found.add("b", blocked_by=[ONE])
    found.verify(ONE)
    found.do(rules.set_status, ONE, "TODO")
    assert found.task(ONE)["verified"] is None
    assert found.claim("x") == ONE
    assert found.claim("x") is None


def test_a_part_of_what_is_done_is_opened_only_after_the_whole() -> None:
    found = desk("a")
    found.add("b", parent=ONE)
    found.verify(TWO)
    found.verify(ONE)
    with pytest.raises(BoardError, match="part of t-000001, which is DONE; open that again first"):
        found.do(rules.set_status, TWO, "TODO")
    found.do(rules.set_status, ONE, "TODO")
    found.do(rules.set_status, TWO, "TODO")
    assert found.task(ONE)["open"] == 1


def test_archiving_takes_related_records_along() -> None:
    found = desk("a", "b")
    found.add("part", parent=ONE)
    for name in (ONE, TWO, THREE):
        for kind in ("debt", "report", "learning"):
            found.do(entries.add_entry, kind, "x", task=name, text="y")
    found.verify(THREE)
    found.verify(ONE)
    found.do(entries.archive_task, ONE, found.now, related=True)
    assert [found.task(n)["status"] for n in (ONE, TWO, THREE)] == ["ARCHIVED", "TODO", "ARCHIVED"]
    gone = {
        kind: [e["status"] for e in found.board["entries"][kind].values()] for kind in ("debt", "report", "learning")
    }
    assert gone == {
        "debt": ["ARCHIVED", "OPEN", "ARCHIVED"],
        "report": ["ARCHIVED", "OPEN", "ARCHIVED"],
        "learning": ["OPEN"] * 3,
    }


def test_only_what_was_done_long_ago_is_aged() -> None:
    found = desk("a", "b", "c")
    found.verify(ONE)
    found.minute = 30
    found.verify(TWO)
    assert entries.aged_tasks(found.board, at(20)) == [ONE]
    assert entries.aged_tasks(found.board, at(40)) == [ONE, TWO]


def test_a_thing_for_later_becomes_a_task_once() -> None:
    found = Desk()
    found.do(entries.add_entry, "backlog", "Faster")
    news = found.do(entries.take_up, "1", "much faster")
    assert news[0][1]["description"] == "much faster"
    assert found.board["entries"]["backlog"]["backlog-000001"]["how"] == "became t-000001"
    with pytest.raises(BoardError, match=r"backlog-000001 is CLOSED already \(became t-000001\)"):
        found.do(entries.take_up, "1", "")


def test_a_spec_reads_back_what_was_written() -> None:
    assert dict(zip(SPEC_PARTS, ["Make it so", "- a.py", "- none", "- it works"], strict=True)) == read_spec(SPEC)
    assert read_spec(SPEC.replace("## Relevant files", "##  relevant Files  ")) == read_spec(SPEC)


@pytest.mark.parametrize("part", SPEC_PARTS)
def test_a_spec_without_one_of_its_parts_is_refused(part: str) -> None:
    with pytest.raises(BoardError, match=f"missing or empty: {part}"):
        read_spec(SPEC.replace(f"## {part}", "## Something"))


@pytest.mark.parametrize("name", ["spec", "review-2", "a", "0_1", "x" * 64])
def test_names_of_notes(name: str) -> None:
    assert note_name(name) == name


@pytest.mark.parametrize("name", ["A", "-a", "a/b", "..", "x" * 65, "ä", "a b", "a\0"])
def test_no_names_of_notes(name: str) -> None:
    with pytest.raises(BoardError):
        note_name(name)


def test_many_claims_look_once_at_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many wait in front of those that can begin; and what was waited for is looked for anew once it is done."""
    found = desk("What they wait for", priority="P2")
    waiting = [found.add(priority="P1", blocked_by=["1"]) for _ in range(30)]
    free = [found.add() for _ in range(20)]
    asked = list[str]()

    def looked(board: Board, task: Task) -> list[str]:
        asked.append(task["id"])
        return waits_for(board, task)

    monkeypatch.setattr(rules, "waits_for", looked)
    assert [found.claim() for _ in range(21)] == ["t-000001", *free]
    assert [asked.count(name) for name in waiting] == [1] * 30
    found.verify("1")
    assert found.claim() == waiting[0]
