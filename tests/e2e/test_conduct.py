"""`/conduct` in the real client: phases of a SPEC.md built side by side, validated, and merged into the user's branch once.

The whole story with all its interruptions is the rehearsal's second piece; here each stands by itself.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.conduct_cast import SETTINGS, ConductCast
from fermata.rehearsal.conduct_project import append, make_project, node_works
from fermata.rehearsal.conduct_run import ConductRun
from fermata.rehearsal.five_modules import RESOLVED, SHARED
from fermata.rehearsal.five_phases import FILES, SPEC_PATH, specification
from tests.e2e.conftest import asked, git

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.rehearsal.client import Mode
    from tests.e2e.conftest import SetStage, Stage

DONE = "DONE: the run is complete"
ALL = (1, 2, 3, 4, 5)
BACK_END = (1, 3)  # one module, then three side by side of which two meet in a file


def project(place: Path, *phases: int) -> Path:
    """The project with a SPEC.md of *phases*."""
    return make_project(place, specification(node=node_works(), phases=phases))


def approve(stage: Stage, phases: str = "phases") -> str:
    """A person types /conduct, reads the gate and approves; gives the screen they read."""
    terminal = stage.terminal()
    terminal.submit("/conduct")
    screen = asked(terminal, f"{phases}: Phase 1")
    terminal.press("2")
    return screen


def landed(stage: Stage) -> str:
    """Wait for the end; gives what the run's branch came to be in the user's."""
    stage.journal.wait("run_completed")
    stage.terminals[-1].wait_for_text(DONE, 60)
    (told,) = stage.events("landed")
    return str(told["commit"] or told["why"])


def run_of(stage: Stage) -> ConductRun:
    return ConductRun(stage.journal, stage.model)


def test_two_phases_in_the_terminal(set_stage: SetStage, place: Path) -> None:
    """Everyday row: one module, then three at once, two of which meet in one file; the user's branch moves once."""
    stage = set_stage("2.1.329", ConductCast().script(), project(place, *BACK_END), mode="default", settings=SETTINGS)
    before = git(place, "rev-parse", "HEAD").strip()
    screen = approve(stage)
    for shown in ("Phase 3: Python back end", "module ingest", "may change: backend/**", "proto/generate.sh && echo"):
        assert shown in screen
    assert landed(stage) == git(place, "rev-parse", "main").strip()
    assert git(place, "rev-parse", "main^1").strip() == before
    assert (place / SHARED).read_text() == RESOLVED
    assert (place / ".git/witness").read_text().split() == ["commit-msg", "post-merge"]
    assert git(place, "status", "--porcelain") == ""
    assert git(place, "worktree", "list").count("\n") == 1
    assert len(run_of(stage).dispatches("phases.")) == len(
        ["proto", "judge", "ingest", "store", "api", "resolve", "judge"]
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("version", "mode"),
    [
        pytest.param("2.1.329", "default", id="329-default"),
        pytest.param("2.1.329", "auto", id="329-auto"),
        pytest.param("2.1.197", "default", id="197-default"),
        pytest.param("2.1.197", "acceptEdits", id="197-accept-edits"),
    ],
)
@pytest.mark.timeout(240)
def test_five_phases_in_the_terminal(set_stage: SetStage, place: Path, version: str, mode: Mode) -> None:
    cast = ConductCast(("grpc-service", "view"))
    stage = set_stage(version, cast.script(), project(place, *ALL), mode=mode, settings=SETTINGS)
    approve(stage)
    assert landed(stage) == git(place, "rev-parse", "main").strip()
    reds = [body["id"] for body in stage.events("check_finished") if body["outcome"] == "red"]
    assert len(reds) == len(["the lie", "the gap"])
    assert git(place, "log", "--format=%s", "--first-parent", "main^2").count("Phase ") == len(ALL)


@pytest.mark.long
@pytest.mark.parametrize("version", ["2.1.329", "2.1.197"])
@pytest.mark.timeout(240)
def test_five_phases_headless(set_stage: SetStage, place: Path, version: str) -> None:
    cast = ConductCast(("grpc-service", "view"))
    stage = set_stage(version, cast.script(), project(place, *ALL), mode="default", settings=SETTINGS)
    head = git(place, "rev-parse", "HEAD")
    parked = stage.headless("/conduct")
    (gate,) = stage.events("approval_requested")
    assert str(gate["digest"]) in parked.result
    assert git(place, "rev-parse", "HEAD") == head
    done = stage.headless("/fermata:resume", FERMATA_APPROVE=str(gate["digest"]))
    assert DONE in done.result
    assert "is merged into main" in done.result
    assert git(place, "log", "--format=%s", "--first-parent", "main^2").count("Phase ") == len(ALL)


@pytest.mark.long
@pytest.mark.parametrize("version", ["2.1.329", "2.1.197"])
@pytest.mark.timeout(180)
def test_a_client_that_is_killed_while_modules_are_built(set_stage: SetStage, place: Path, version: str) -> None:
    crashed = threading.Event()
    cast = ConductCast(held={"ingest": crashed, "store": crashed})
    stage = set_stage(version, cast.script(), project(place, *BACK_END), mode="default", settings=SETTINGS)
    approve(stage)
    run = run_of(stage)
    for module in ("ingest", "store"):
        run.half_done(module)
    run.accepted("api")
    stage.terminals[0].kill9()
    crashed.set()
    again = stage.terminal("--resume", str(run.now["session"]))
    again.submit("go on")
    assert landed(stage) == git(place, "rev-parse", "main").strip()
    tries = {module: len(run.dispatches(run.item(module))) for module in ("proto", "api", "ingest", "store")}
    assert tries == {"proto": 1, "api": 1, "ingest": 2, "store": 2}
    assert (place / SHARED).read_text() == RESOLVED


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_commit_of_the_users_in_the_middle_is_taken_in(set_stage: SetStage, place: Path) -> None:
    edited = threading.Event()
    stage = set_stage(
        "2.1.329", ConductCast(held={"api": edited}).script(), project(place, *BACK_END), settings=SETTINGS
    )
    approve(stage)
    run_of(stage).half_done("api")
    append(place / "README.md", "Mine.\n")
    git(place, "-c", "core.hooksPath=/dev/null", "commit", "-qam", "Mine")
    mine = git(place, "rev-parse", "HEAD").strip()
    edited.set()
    assert landed(stage) == git(place, "rev-parse", "main").strip()
    assert git(place, "rev-parse", "main^1").strip() == mine
    assert (place / "README.md").read_text() == FILES["README.md"] + "Mine.\n"


@pytest.mark.long
@pytest.mark.parametrize("obstacle", ["an uncommitted edit", "another branch", "a hook that refuses"])
@pytest.mark.timeout(180)
def test_what_must_not_be_merged_stays_on_the_runs_branch(set_stage: SetStage, place: Path, obstacle: str) -> None:
    held = threading.Event()
    stage = set_stage(
        "2.1.329", ConductCast(held={"proto": held}).script(), project(place, 1), mode="default", settings=SETTINGS
    )
    head = git(place, "rev-parse", "HEAD")
    approve(stage, "1 phase")
    run = run_of(stage)
    run.half_done("proto")
    if obstacle == "an uncommitted edit":
        append(place / "notes.txt", "mine\n")
    elif obstacle == "another branch":
        git(place, "switch", "-qc", "other")
    else:
        (place / ".git/hooks/commit-msg").write_text("#!/bin/sh\necho I object >&2\nexit 1\n")
    held.set()
    why = landed(stage)
    screen = stage.terminals[0].screen()
    assert "NOT MERGED" in screen
    assert f"fermata/{run.now['run']}" in screen
    assert "git merge" in screen
    assert git(place, "rev-parse", "main") == head
    wanted = {"an uncommitted edit": "notes.txt", "another branch": "another branch", "a hook that refuses": "I object"}
    assert wanted[obstacle] in why
    assert git(place, "status", "--porcelain") == (" M notes.txt\n" if obstacle == "an uncommitted edit" else "")
    assert git(place, "show", f"fermata/{run.now['run']}:gen/messages.json").startswith("{")


@pytest.mark.long
@pytest.mark.timeout(180)
def test_an_edit_of_the_specification_is_asked_about_and_what_is_built_stays(set_stage: SetStage, place: Path) -> None:
    edited = threading.Event()
    stage = set_stage(
        "2.1.329",
        ConductCast(held={"proto": edited}).script(),
        project(place, *BACK_END),
        mode="default",
        settings=SETTINGS,
    )
    approve(stage)
    run = run_of(stage)
    run.half_done("proto")
    spec = place / SPEC_PATH
    spec.write_text(spec.read_text().replace("- every part is named", "- every part is named, in its order"))
    edited.set()
    (terminal,) = stage.terminals
    terminal.wait_until(lambda screen: "Beyond what you approved" in screen, "the changed plan", 60)
    screen = terminal.wait_quiet(1.2)
    assert "Phase 3: Python back end" in screen.rpartition("Beyond what you approved")[2]
    git(place, "-c", "core.hooksPath=/dev/null", "commit", "-qam", "Say more")
    terminal.press("2")
    assert landed(stage) == git(place, "rev-parse", "main").strip()
    assert len(run.dispatches(run.item("proto"))) == 1
