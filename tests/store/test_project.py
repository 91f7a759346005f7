from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from fermata.store.errors import Conflict, Damaged, StoreError, Usage
from fermata.store.project import Project
from tests.store.runs import RUN, created_body, make_project, write

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.core.records import Run
    from fermata.store.run_store import RunStore

OTHER = "orch_20260102_030406_0a1c"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def start(project: Project, run: str) -> Run:
    def make(target: RunStore) -> Run:
        return target.transact("cli", lambda now: [] if now else [("run_created", created_body(run))])

    return project.start(run, make)


def break_journal(store: RunStore) -> None:
    with open(store.journal, "r+b") as file:
        file.write(b"x")
    os.unlink(store.state)


def test_the_store_is_private_and_says_whose_it_is(project: Project) -> None:
    assert os.stat(project.folder).st_mode & 0o077 == 0
    with open(os.path.join(project.folder, "README"), encoding="utf-8") as file:
        assert "fermata" in file.read()
    project.prepare()


@pytest.mark.parametrize("part", ["fermata", "fermata/runs"])
def test_a_store_that_is_a_link_is_refused(tmp_path: Path, part: str) -> None:
    """K-C09."""
    (tmp_path / "real").mkdir()
    (tmp_path / part).parent.mkdir(exist_ok=True)
    os.symlink(tmp_path / "real", tmp_path / part)
    with pytest.raises(StoreError, match="symbolic link"):
        Project(str(tmp_path)).prepare()


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o722])
def test_a_store_that_others_may_write_is_refused_with_the_way_out(project: Project, mode: int) -> None:
    """K-C15."""
    os.chmod(project.folder, mode)
    with pytest.raises(StoreError, match="chmod"):
        project.prepare()


@pytest.mark.parametrize("name", ["../x", "..", "a/b", "/abs", "", "orch_\n", "ORCH_1", "a\0b"])
def test_a_run_cannot_be_named_out_of_its_folder(project: Project, name: str) -> None:
    with pytest.raises(StoreError, match="not a usable name"):
        project.run(name)


def test_one_run_at_a_time_works_in_place(project: Project) -> None:
    """K-B03."""
    start(project, RUN)
    with pytest.raises(Conflict, match=RUN) as caught:
        start(project, OTHER)
    assert caught.value.exit_code == 4
    assert not project.run(OTHER).exists()


def test_starting_the_same_run_again_changes_nothing(project: Project) -> None:
    start(project, RUN)
    start(project, RUN)
    assert len(project.run(RUN).events()) == 1


@pytest.mark.parametrize("event", ["run_stopped", "run_aborted", "run_completed"])
def test_a_parked_or_ended_run_stands_in_nobodys_way(project: Project, event: str) -> None:
    start(project, RUN)
    write(project.run(RUN), (event, {}))
    start(project, OTHER)
    assert project.newest() == OTHER
    assert [run["run"] for run in project.open_runs()] == ([OTHER, RUN] if event == "run_stopped" else [OTHER])


def test_a_damaged_run_holds_and_another_may_begin(project: Project) -> None:
    """The damage report says: start anew with /build. So that must be possible."""
    start(project, RUN)
    break_journal(project.run(RUN))
    with pytest.raises(Damaged):
        project.open_runs()
    start(project, OTHER)
    assert [run["run"] for run in project.open_runs()] == [OTHER]
    assert project.newest() == OTHER
    write(project.run(OTHER), ("run_completed", {}))
    assert project.newest() == OTHER
    with pytest.raises(Damaged):
        project.run(RUN).load()


def test_a_run_whose_journal_is_gone_is_still_known(project: Project) -> None:
    """K-A11: it must not look as if there had never been a run."""
    start(project, RUN)
    os.unlink(project.run(RUN).journal)
    assert project.run_ids() == [RUN]
    with pytest.raises(Damaged, match="is gone"):
        project.open_runs()


def test_what_is_no_run_is_passed_over(project: Project) -> None:
    os.mkdir(os.path.join(project.runs_folder, "orch_empty"))
    with open(os.path.join(project.runs_folder, "orch_file"), "w", encoding="utf-8"):
        pass
    assert project.run_ids() == []
    with pytest.raises(Usage, match="/build"):
        project.newest()


def test_the_way_to_the_data_folder_is_kept(project: Project, tmp_path: Path) -> None:
    assert project.data_folder() is None
    project.note_data_folder("/somewhere/with blank")
    assert Project(str(tmp_path)).data_folder() == "/somewhere/with blank"


def test_a_project_without_a_store_has_no_runs(tmp_path: Path) -> None:
    project = Project(str(tmp_path))
    assert project.run_ids() == []
    assert project.open_runs() == []
    assert project.data_folder() is None
    assert not os.path.exists(project.folder)
