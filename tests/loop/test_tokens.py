"""What a run's agents used comes from their transcripts into the journal, and from there to the ceiling and the person."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fermata.cli import main
from fermata.core.actions import AGENT, HUMAN
from fermata.core.board import new_board
from fermata.core.board_entries import add_entry
from fermata.core.budget import spent
from fermata.loop.optimize import steps
from fermata.loop.pools import Use, measure, status_of
from tests.host.test_usage import row
from tests.loop.bench import CONFIG, Bench, plan
from tests.store.runs import RUN, SESSION

if TYPE_CHECKING:
    from collections.abc import Callable


def says(bench: Bench, name: str, *messages: tuple[str, int]) -> None:
    """The client writes messages, each with so many tokens of input, into the transcript of *name*."""
    with open(bench.transcript(name), "a") as file:
        file.writelines(json.dumps(row(message, given=tokens, output=0)) + "\n" for message, tokens in messages)


def planned(bench: Bench, *messages: tuple[str, int]) -> Bench:
    bench.settle()
    bench.work()
    says(bench, "d-001", *messages)
    bench.takes(plan())
    bench.settle()
    return bench


def test_a_dispatch_is_counted_once_it_has_handed_in(tmp_path: Path) -> None:
    bench = Bench(tmp_path).begin()
    bench.settle()
    bench.work()
    says(bench, "d-001", ("a", 900), ("a", 900), ("b", 1_000))
    bench.settle()
    assert bench.events("tokens_used") == []
    bench.takes(plan())
    bench.settle()
    bench.settle()
    (body,) = bench.events("tokens_used")
    assert (body["id"], body["input"], body["context"]) == ("d-001", 1_900, 1_000)
    says(bench, "d-001", ("c", 50))  # its last words were written down late
    bench.settle()
    assert spent(bench.run) == 1_950


def test_the_session_is_counted_from_the_command_on_and_only_along_with_a_dispatch(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    says(bench, "main", ("before", 7_000))
    start = Path(bench.transcript("main")).stat().st_size
    marked: dict[str, Any] = {"transcript": bench.transcript("main"), "from": start}
    bench.begin(**marked)
    says(bench, "main", ("m1", 300))
    bench.settle()
    assert bench.events("tokens_used") == []
    planned(bench, ("a", 1_000))
    assert spent(bench.run) == 1_300
    says(bench, "main", ("m2", 400))
    before = len(bench.store.events())
    bench.settle()
    assert len(bench.store.events()) == before  # else a session that only asks for `next` would seem to get on


@pytest.mark.parametrize("text", [None, "", "nonsense\n", '{"type":"user"}\n'], ids=["none", "empty", "odd", "unsaid"])
def test_what_no_transcript_tells_is_not_made_up(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path).begin()
    if text is not None:
        Path(bench.transcript("d-001")).write_text(text)
    planned(bench)
    assert bench.events("tokens_used") == []
    monkeypatch.chdir(bench.sandbox.root)
    main(["status", "--json"])
    assert json.loads(capsys.readouterr().out)["cost"] is None


def test_at_the_ceiling_the_run_waits_and_a_human_lets_it_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, CONFIG + "limits: {tokens: 10000}\n").begin()
    planned(bench, ("a", 9_000)).approve()
    assert bench.kinds() == [HUMAN]
    assert "1,000 of 10,000 limits.tokens are left, and one more dispatch will probably use 9,000" in str(
        bench.run["waiting"]
    )
    monkeypatch.chdir(bench.sandbox.root)
    main(["status", "--json"])
    assert json.loads(capsys.readouterr().out)["cost"]["left"] == 1_000
    bench.tell("retry_granted")
    assert bench.kinds() == [AGENT]
    main(["status"])
    assert "Tokens    9,000 used of 10,000 (10,000 left)" in capsys.readouterr().out


def test_near_the_ceiling_the_user_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, CONFIG + "limits: {dispatches: 2}\n").begin()
    planned(bench).approve()
    monkeypatch.chdir(bench.sandbox.root)
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", SESSION)
    assert bench.kinds() == [AGENT]
    main(["next"])
    told = capsys.readouterr().out
    assert "NOTE: 2 of 2 limits.dispatches used (100%). At 100 % the run waits for the user" in told
    assert len(told) < 1_500
    main(["status"])
    assert "Near end  2 of 2 limits.dispatches used (100%)" in capsys.readouterr().out


def ended(bench: Bench) -> None:
    """The run comes to its end and gets the name of an older one."""
    bench.tell("run_completed")
    folder = Path(bench.store.folder)
    folder.rename(folder.parent / "orch_20250101_000000_0000")


@pytest.mark.parametrize(
    ("approved", "told"),
    [
        pytest.param(True, "predicted cost: ~9,000 tokens, as earlier runs here", id="an-earlier-run-of-one-step"),
        pytest.param(False, "predicted cost: not known", id="none-that-built-anything"),
    ],
)
def test_the_report_predicts_from_earlier_runs_of_the_project(tmp_path: Path, *, approved: bool, told: str) -> None:
    bench = planned(Bench(tmp_path).begin(), ("a", 9_000))
    assert "predicted cost: not known" in Path(bench.store.path("artifacts", "approval.md")).read_text()
    if approved:
        bench.approve()
    ended(bench)
    planned(bench.begin(), ("a", 9_000))
    assert told in Path(bench.store.path("artifacts", "approval.md")).read_text()


# --- the pools


def pools(bench: Bench, board: dict[str, list[str]] | None = None) -> dict[str, Use]:
    store = bench.store if bench.store.exists() else None
    return {use.pool.name: use for use in measure(bench.site, store, board or {})}


def test_without_a_run_nothing_is_claimed(tmp_path: Path) -> None:
    found = pools(Bench(tmp_path))
    assert found["reserved"].used is None
    assert {use.used for name, use in found.items() if name != "reserved"} == {0}


def test_pools_are_measured_from_what_would_be_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path).begin(transcript=str(tmp_path / "main.jsonl"))
    says(bench, "main", ("m1", 31_000))
    found = pools(planned(bench).approve(), {"learnings": ["x" * 400], "backlog": []})
    assert (found["reserved"].used, found["reserved"].exact) == (31_000, True)
    assert (found["learnings"].used, found["learnings"].exact) == (100, False)
    assert found["backlog"].used == 0
    assert found["plans"].used > 0
    assert found["working"].used == 0
    assert bench.kinds() == [AGENT]
    assert pools(bench)["working"].used == -(-len(bench.brief()) // 4)


def test_the_board_s_share_is_what_matters_for_the_goal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path).begin(goal="Print the farewell")
    monkeypatch.chdir(bench.sandbox.root)
    board = bench.site.project.board()
    board.act("test", partial(add_entry, kind="learning", title="The farewell is printed twice"))
    board.act("test", partial(add_entry, kind="learning", title="Trees"))
    board.act("test", partial(add_entry, kind="backlog", title="Say more"))
    main(["context", "show", "--json"])
    found = {pool["pool"]: pool["used"] for pool in json.loads(capsys.readouterr().out)["pools"]}
    assert 0 < found["learnings"] < 15
    assert found["backlog"] == 2
    main(["context", "optimize"])
    assert capsys.readouterr().out.splitlines()[0] == "1. Summarise old learnings: nothing to do: none is 30 days old."


PRESSURE = {1_000: "Normal", 24_000: "Warning", 28_500: "Critical", 35_001: "Critical, past the hard limit of 35,000"}


@pytest.mark.parametrize("tokens", PRESSURE, ids=PRESSURE.values())
def test_context_budget(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tokens: int
) -> None:
    bench = Bench(tmp_path).begin(transcript=str(tmp_path / "main.jsonl"))
    says(bench, "main", ("m1", tokens))
    monkeypatch.chdir(bench.sandbox.root)
    assert main(["context", "budget"]) == (8 if tokens > 35_000 else 0)
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["Pool", "Used", "Soft", "Hard", "Status"]
    assert out.splitlines()[1].split(maxsplit=4) == ["reserved", f"{tokens:,}", "30,000", "35,000", PRESSURE[tokens]]
    assert out.splitlines()[-1].split() == ["TOTAL", f"{tokens:,}", "150,000", f"{tokens // 1_500}%", "Normal"]
    main(["context", "budget", "--json", "--run", RUN])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["total"] == {"used": tokens, "soft": 150_000, "percent": tokens // 1_500}


def test_context_show_and_optimize_say_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tree: Callable[[Path], object]
) -> None:
    bench = Bench(tmp_path).begin()
    planned(bench)
    monkeypatch.chdir(bench.sandbox.root)
    before = tree(Path(bench.store.folder))
    assert main(["context", "show"]) == 0
    assert "no answer of a session that drives a run has been seen" in capsys.readouterr().out
    assert main(["context", "optimize"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line[:3] for line in said] == ["1. ", "2. ", "3. ", "4. "]
    assert all("nothing to do" in line for line in said)
    assert tree(Path(bench.store.folder)) == before


@pytest.fixture
def tree() -> Callable[[Path], object]:
    """Every file below a folder, with what it holds."""
    return lambda folder: {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_the_session_fetched_can_only_be_cleared_by_the_client(tmp_path: Path) -> None:
    bench = Bench(tmp_path).begin(transcript=str(tmp_path / "main.jsonl"))
    call = {"type": "tool_use", "name": "mcp__context7__get-library-docs", "id": "t1"}
    given = {"type": "tool_result", "tool_use_id": "t1", "content": "x" * 4_000}
    rows = [{"type": "assistant", "message": {"content": [call]}}, {"type": "user", "message": {"content": [given]}}]
    (tmp_path / "main.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    found = measure(bench.site, bench.store, {"learnings": ["x" * 40]})
    fetched = next(use for use in found if use.pool.name == "context7")
    assert (fetched.used, fetched.exact, status_of(fetched)) == (1_000, False, "Normal")
    told = [result for _, result in steps(found, new_board(), "2026-11-21T12:00:00Z", [], [])]
    assert "~1,000 tokens lie in the session: type /compact" in told[2]
