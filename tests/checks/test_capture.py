from __future__ import annotations

from pathlib import Path

import pytest

from fermata.checks.capture import Capture, read_end


def log_of(path: Path, pieces: list[bytes], head: int = 10, tail: int = 10) -> bytes:
    capture = Capture(str(path), head, tail)
    for piece in pieces:
        capture.write(piece)
    capture.finish()
    return path.read_bytes()


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        pytest.param([], b"", id="empty"),
        pytest.param([b"12345"], b"12345", id="short"),
        pytest.param([b"0123456789" * 2], b"0123456789" * 2, id="exactly-full"),
        pytest.param(
            [b"0123456789" * 2, b"x"],
            b"0123456789\n[1 bytes of output are left out here]\n123456789x",
            id="one-too-many",
        ),
        pytest.param(
            [b"%05d" % n for n in range(100)],
            b"0000000001\n[480 bytes of output are left out here]\n0009800099",
            id="many",
        ),
    ],
)
def test_beginning_and_end_are_kept(pieces: list[bytes], expected: bytes, tmp_path: Path) -> None:
    assert log_of(tmp_path / "log", pieces) == expected


def test_the_beginning_is_in_the_file_at_once_and_memory_is_bounded(tmp_path: Path) -> None:
    capture = Capture(str(tmp_path / "log"), 100, 1000)
    capture.write(b"early\n")
    assert (tmp_path / "log").read_bytes() == b"early\n"
    for _ in range(1000):
        capture.write(b"x" * 500)
        assert len(capture.end) <= 2500
    capture.finish()
    assert (tmp_path / "log").stat().st_size < 1200
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_the_end_is_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"abc\xffdef")
    assert read_end(str(tmp_path / "log"), 4) == "�def"
    assert read_end(str(tmp_path / "log")) == "abc�def"
