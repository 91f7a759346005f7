from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from fermata.store.data import DataFolder, approval_error, journal_error
from fermata.store.errors import Damaged, StoreError
from tests.store.runs import RUN, SESSION, approve, ask_approval, make_run, note, plan_done

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.core.records import Gate
    from fermata.store.run_store import RunStore

MARKER = {"run": RUN, "store": "/repo/.git/fermata", "root": "/repo", "goal": "Add a thing"}


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(str(tmp_path / "data"))


def test_a_marker_is_kept_and_cleared(data: DataFolder) -> None:
    assert data.marker(SESSION) is None
    data.set_marker(SESSION, MARKER)
    assert data.marker(SESSION) == MARKER
    assert os.stat(data.marker_path(SESSION)).st_mode & 0o077 == 0
    with open(data.marker_path(SESSION) + ".stops", "w", encoding="utf-8"):
        pass
    data.clear_marker(SESSION)
    data.clear_marker(SESSION)
    assert data.marker(SESSION) is None
    assert os.listdir(os.path.dirname(data.marker_path(SESSION))) == []


def test_the_marker_lies_where_the_hooks_launcher_looks(data: DataFolder) -> None:
    """The shell tests the client's own spelling of the id, whatever its case."""
    session = SESSION.upper()
    data.set_marker(session, MARKER)
    assert os.path.exists(f"{data.folder}/active/{session}")


@pytest.mark.parametrize("session", ["", "..", "../x", "a/b", "a\0", "a\n", "a" * 65, ".x", "a.b", "é"])
def test_a_session_cannot_name_another_file(data: DataFolder, session: str) -> None:
    with pytest.raises(StoreError, match="no session id"):
        data.marker(session)


@pytest.mark.parametrize(
    "content",
    [b"", b"null", b"[]", b"{}", b'{"run":1,"store":"s","root":"r"}', b'{"run":"r"', b"\0\0\0"],
    ids=["empty", "null", "list", "no-fields", "wrong-type", "half", "nul"],
)
def test_a_marker_that_says_nothing_is_not_the_same_as_none(data: DataFolder, content: bytes) -> None:
    """A session whose marker was damaged is still bound: taking it for free would open the gate."""
    data.set_marker(SESSION, MARKER)
    with open(data.marker_path(SESSION), "wb") as file:
        file.write(content)
    with pytest.raises(Damaged):
        data.marker(SESSION)


def test_what_was_seen_is_swept_after_a_month(data: DataFolder) -> None:
    assert not data.seen(SESSION)
    data.note_seen("old")
    os.utime(f"{data.folder}/seen/old", (0, 0))
    data.note_seen(SESSION)
    assert data.seen(SESSION)
    assert not data.seen("old")


@pytest.fixture
def approved(tmp_path: Path) -> tuple[RunStore, Gate]:
    store = make_run(tmp_path)
    plan_done(store)
    run = approve(store, ask_approval(store))
    assert run["approved"] is not None
    return store, run["approved"]


def record(gate: Gate, **changes: object) -> dict[str, object]:
    found = {"run": RUN, "store": "/s", "digest": gate["digest"], "seq": gate.get("seq"), "hash": gate.get("hash")}
    return {**found, "envelope": gate["envelope"], **changes}


def test_an_approval_that_fits_in_every_part_stands(approved: tuple[RunStore, Gate], data: DataFolder) -> None:
    store, gate = approved
    data.write_approval(RUN, record(gate))
    approval = data.approval(RUN)
    assert approval is not None
    assert approval_error(approval, gate, "/s") is None
    assert journal_error(store, approval) is None
    note(store, "later")
    assert journal_error(store, approval) is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"store": "/other"}, "another repository", id="another-repository"),
        pytest.param({"store": None}, "another repository", id="no-repository"),
        pytest.param({"digest": "0" * 64}, "another plan", id="another-plan"),
        pytest.param({"digest": None}, "another plan", id="no-plan"),
        pytest.param({"seq": 1}, "not the one", id="another-line"),
        pytest.param({"seq": None, "hash": None}, "not the one", id="no-line"),
        pytest.param({"hash": "0" * 64}, "not the one", id="another-hash"),
        pytest.param({"envelope": None}, "envelope is not whole", id="no-envelope"),
        pytest.param({"envelope": {"scopes": []}}, "envelope is not whole", id="half-an-envelope"),
    ],
)
def test_an_approval_that_misses_a_part_does_not_stand(
    approved: tuple[RunStore, Gate], changes: dict[str, object], error: str
) -> None:
    """K-D14: of another run, repository or plan."""
    _, gate = approved
    assert error in str(approval_error(record(gate, **changes), gate, "/s"))


def test_no_record_is_no_approval(approved: tuple[RunStore, Gate]) -> None:
    assert "missing" in str(approval_error(None, approved[1], "/s"))


@pytest.mark.parametrize("changes", [{"seq": 1}, {"seq": 99}, {"hash": "0" * 64}, {"digest": "0" * 64}, {"seq": None}])
def test_a_journal_without_the_line_voids_the_approval(
    approved: tuple[RunStore, Gate], changes: dict[str, object]
) -> None:
    store, gate = approved
    assert journal_error(store, record(gate, **changes)) == "the journal no longer contains the approval"


def _open_file(data: DataFolder) -> None:
    os.chmod(data.approval_path(RUN), 0o620)


def _open_folder(data: DataFolder) -> None:
    os.chmod(os.path.dirname(data.approval_path(RUN)), 0o777)


def _link_file(data: DataFolder) -> None:
    path = data.approval_path(RUN)
    os.replace(path, path + ".real")
    os.symlink(path + ".real", path)


def _link_folder(data: DataFolder) -> None:
    folder = os.path.dirname(data.approval_path(RUN))
    os.rename(folder, folder + "-real")
    os.symlink(folder + "-real", folder)


def _dangling(data: DataFolder) -> None:
    os.unlink(data.approval_path(RUN))
    os.symlink("/nowhere", data.approval_path(RUN))


@pytest.mark.parametrize("make", [_open_file, _open_folder, _link_file, _link_folder, _dangling])
def test_a_record_that_others_could_have_written_proves_nothing(data: DataFolder, make: object) -> None:
    """K-C15."""
    data.write_approval(RUN, {"digest": "d"})
    assert callable(make)
    make(data)
    with pytest.raises(Damaged, match="proves nothing"):
        data.approval(RUN)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_record_of_another_owner_proves_nothing(data: DataFolder) -> None:
    data.write_approval(RUN, {"digest": "d"})
    os.chown(data.approval_path(RUN), 12345, -1)
    with pytest.raises(Damaged, match="proves nothing"):
        data.approval(RUN)


def test_a_dropped_approval_is_gone(data: DataFolder) -> None:
    data.write_approval(RUN, {"digest": "d"})
    data.drop_approval(RUN)
    data.drop_approval(RUN)
    assert data.approval(RUN) is None


def test_a_record_that_is_no_object_is_no_approval(data: DataFolder) -> None:
    data.write_approval(RUN, {"digest": "d"})
    with open(data.approval_path(RUN), "w", encoding="utf-8") as file:
        file.write("[]")
    assert data.approval(RUN) is None
