"""Which files are read as a specification; every other one is refused with its reason, and none is waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fermata.spec.file import MAX_BYTES, SpecError, read_spec_file

TEXT = "# P\n## Phase 1: A\n- [ ] x\n## Phase 2: B\n- [ ] y\n"


def write(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(TEXT.encode(), id="plain"),
        pytest.param(TEXT.replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param(b"\xef\xbb\xbf" + TEXT.encode(), id="BOM"),
        pytest.param(b"---\na: &a [*a, !!python/object/apply:os.system [x]]\n---\n" + TEXT.encode(), id="front matter"),
    ],
)
def test_these_are_read(tmp_path: Path, data: bytes) -> None:
    spec = read_spec_file(write(tmp_path / "SPEC.md", data), str(tmp_path))
    assert [phase["name"] for phase in spec.phases] == ["Phase 1: A", "Phase 2: B"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b" \n\t\n", "empty", id="blank"),
        pytest.param(b"# P\n\0\1\2", ":2: a NUL byte", id="NUL"),
        pytest.param(b"\x7fELF\x02\x01\x01\x00" + b"\xff" * 100, "NUL", id="binary"),
        pytest.param(b"# P\ncaf\xe9\n", ":2: byte 0xe9 is not UTF-8", id="Latin 1"),
        pytest.param(TEXT.encode("utf-16"), "NUL", id="UTF-16"),
        pytest.param(b"a" * (MAX_BYTES + 1), "1,000,000 bytes", id="too large"),
    ],
)
def test_these_are_refused_with_their_reason(tmp_path: Path, data: bytes, words: str) -> None:
    path = write(tmp_path / "SPEC.md", data)
    with pytest.raises(SpecError) as refused:
        read_spec_file(path, str(tmp_path))
    assert words in str(refused.value)
    assert str(refused.value).startswith(path)


def test_20_megabytes_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "SPEC.md"
    with path.open("wb") as file:
        file.truncate(20_000_000)
    with pytest.raises(SpecError, match="1,000,000"):
        read_spec_file(str(path))


def test_what_is_no_file_is_refused_and_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    for name, words in (("fifo", "a FIFO"), ("folder", "a folder"), ("none", "no such file"), ("a\0b", "NUL")):
        with pytest.raises(SpecError, match=words):
            read_spec_file(str(tmp_path / name), str(tmp_path))
    with pytest.raises(SpecError, match="a device"):
        read_spec_file("/dev/null")


def test_a_link_leads_to_a_file_of_the_repository_or_nowhere(tmp_path: Path) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    write(repo / "real.md", TEXT.encode())
    write(tmp_path / "secret.md", TEXT.encode())
    (repo / "inside.md").symlink_to("real.md")
    (repo / "outside.md").symlink_to(tmp_path / "secret.md")
    (repo / "loop.md").symlink_to("loop.md")
    assert read_spec_file(str(repo / "inside.md"), str(repo)).phases
    with pytest.raises(SpecError, match="out of the repository"):
        read_spec_file(str(repo / "outside.md"), str(repo))
    with pytest.raises(SpecError, match=r"loop\.md"):
        read_spec_file(str(repo / "loop.md"), str(repo))


def test_a_document_without_headings_has_no_phases(tmp_path: Path) -> None:
    spec = read_spec_file(write(tmp_path / "SPEC.md", b"Just words, and no plan.\n"))
    assert (spec.phases, [problem["line"] for problem in spec.problems]) == ([], [1])
