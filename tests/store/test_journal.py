from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from fermata.store import journal
from fermata.store.errors import Damaged, StoreError
from fermata.store.journal import GENESIS, append, chain, read_tail, set_aside_torn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fermata.core.records import Event, Json

SAMPLES = [
    ("note", {"n": n, "text": f'line {n} "ü" \\ \u2028', "at": 1.5e-7 * n, "deep": [{"a": None}]}) for n in range(20)
]


def make_journal(path: str, count: int = 20) -> list[Event]:
    events, lines = chain(SAMPLES[:count], 0, GENESIS, "2026-01-02T03:04:05Z", "test")
    append(path, lines, 0).sync()
    return events


def read_bytes(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def read(path: str) -> list[Event]:
    return [event for event, _ in read_tail(path)]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "journal.jsonl")


def test_what_was_appended_is_read_back_in_order(path: str) -> None:
    events = make_journal(path, 3)
    more, lines = chain([("more", {})], 3, events[-1]["hash"], "2026-01-02T03:04:06Z", "test")
    append(path, lines, os.path.getsize(path)).sync()
    assert read(path) == [*events, *more]
    assert [event["seq"] for event in read(path)] == [1, 2, 3, 4]


def test_a_line_says_what_the_event_said_before_a_fold_made_it_its_own(path: str) -> None:
    (event,), line = chain([("note", {"deep": [1]})], 0, GENESIS, "2026-01-02T03:04:05Z", "test")
    event["body"]["deep"].append(2)
    append(path, line, 0)
    assert read(path)[0]["body"] == {"deep": [1]}


def test_reading_goes_on_from_any_line(path: str) -> None:
    events = make_journal(path)
    ends = [end for _, end in read_tail(path)]
    assert [e for e, _ in read_tail(path, ends[9], 10, events[9]["hash"])] == events[10:]


def test_no_journal_is_no_line(path: str) -> None:
    assert read(path) == []


def test_no_single_changed_byte_is_ever_accepted(path: str) -> None:
    """K-C01: at every offset, the reader stops at the changed line or calls it damage."""
    events = make_journal(path)
    data = read_bytes(path)
    starts = [0, *(end for _, end in read_tail(path))]
    checked = 0
    with open(path, "r+b", buffering=0) as file:
        for offset, old in enumerate(data):
            line = data.count(b"\n", 0, offset)
            head = events[line - 1]["hash"] if line else GENESIS
            for new in {old ^ 0x01, old ^ 0x20, old ^ 0x80, 0xFF, 0} - {old}:
                os.pwrite(file.fileno(), bytes([new]), offset)
                try:
                    assert next(read_tail(path, starts[line], line, head), None) is None, f"byte {offset} -> {new:#x}"
                    assert offset == len(data) - 1
                except Damaged:
                    pass
                checked += 1
            os.pwrite(file.fileno(), bytes([old]), offset)
    assert checked > 20_000
    assert read(path) == events


def _swap(lines: list[bytes]) -> list[bytes]:
    return [*lines[:5], lines[6], lines[5], *lines[7:]]


def _foreign(lines: list[bytes]) -> list[bytes]:
    event = {**json.loads(lines[-1]), "seq": len(lines) + 1, "type": "approved"}
    return [*lines, json.dumps(event).encode() + b"\n"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda ls: ls[:7] + ls[8:], id="a-line-removed"),
        pytest.param(lambda ls: ls[1:], id="the-first-line-removed"),
        pytest.param(lambda ls: [*ls[:8], ls[7], *ls[8:]], id="a-line-twice"),
        pytest.param(_swap, id="two-lines-swapped"),
        pytest.param(_foreign, id="an-unchained-line-added"),
        pytest.param(lambda ls: [*ls, b"{}\n"], id="an-empty-object-added"),
        pytest.param(lambda ls: [*ls, b"\n"], id="an-empty-line-added"),
        pytest.param(lambda ls: [*ls, b"[" * 50_000 + b"\n"], id="a-deep-line-added"),
        pytest.param(lambda ls: [*ls, b'"text"\n'], id="a-plain-value-added"),
        pytest.param(lambda ls: [*ls[:3], ls[3][:20] + b"\n", *ls[4:]], id="a-line-cut"),
    ],
)
def test_changed_lines_are_damage(path: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    make_journal(path)
    lines = read_bytes(path).splitlines(keepends=True)
    with open(path, "wb") as file:
        file.write(b"".join(change(lines)))
    with pytest.raises(Damaged, match=r"line .* is damaged"):
        read(path)


def test_a_torn_tail_is_not_given_out_and_can_be_set_aside(path: str) -> None:
    events = make_journal(path)
    size = os.path.getsize(path)
    with open(path, "ab") as file:
        file.write(b'{"seq":21,"half')
    assert read(path) == events
    set_aside_torn(path, size)
    assert os.path.getsize(path) == size
    with open(f"{path}.{size}.torn", "rb") as file:
        assert file.read() == b'{"seq":21,"half'
    set_aside_torn(path, size)
    assert read(path) == events


def test_nothing_is_set_aside_from_a_whole_journal(path: str) -> None:
    make_journal(path)
    set_aside_torn(path, os.path.getsize(path))
    assert os.listdir(os.path.dirname(path)) == ["journal.jsonl"]


def test_a_failing_write_is_cut_back(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    events = make_journal(path, 2)
    size = os.path.getsize(path)
    real, calls = os.write, []

    def short(handle: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(handle, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", short)
    more, lines = chain([("a", {}), ("b", {})], 2, events[-1]["hash"], "t", "test")
    with pytest.raises(OSError, match="No space"):
        append(path, lines, size)
    monkeypatch.undo()
    assert os.path.getsize(path) == size
    append(path, lines, size)
    assert read(path) == [*events, *more]


def test_short_writes_are_carried_on(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[:7]))
    events = make_journal(path, 2)
    monkeypatch.undo()
    assert read(path) == events


def test_a_file_size_limit_leaves_no_part_of_a_line(path: str) -> None:
    """K-A06: the kernel writes a part and then refuses."""
    code = (
        "import resource, signal, sys; sys.path.insert(0, sys.argv[2]);"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
        "from fermata.store.journal import *\n"
        "head, seq, size = GENESIS, 0, 0\n"
        "try:\n"
        "  while True:\n"
        "    e, lines = chain([('note', {'t': 'x' * 300})], seq, head, 't', 'a'); done = append(sys.argv[1], lines, size)\n"
        "    done.sync(); size = done.size\n"
        "    seq, head = seq + 1, e[0]['hash']; print(seq, flush=True)\n"
        "except OSError: sys.exit(6)\n"
    )
    lib = os.path.dirname(os.path.dirname(os.path.dirname(journal.__file__)))
    done = subprocess.run([sys.executable, "-c", code, path, lib], capture_output=True, text=True, check=False)
    assert done.returncode == 6, done.stderr
    assert [event["seq"] for event in read(path)] == [int(n) for n in done.stdout.split()]
    assert read_bytes(path).endswith(b"\n")


def test_a_line_too_long_is_refused_before_anything_is_written(path: str) -> None:
    with pytest.raises(StoreError, match=r"note would add .* at most 1,000,000"):
        append(path, chain([("note", {"text": "x" * 1_000_001})], 0, GENESIS, "t", "test")[1], 0)
    assert not os.path.exists(path)


@pytest.mark.parametrize("kind", ["symlink", "hardlink"])
def test_a_journal_with_a_second_name_is_not_written(path: str, tmp_path: Path, kind: str) -> None:
    events = make_journal(path, 1)
    size = os.path.getsize(path)
    other = tmp_path / "other"
    if kind == "symlink":
        os.replace(path, other)
        os.symlink(other, path)
    else:
        os.link(path, other)
    _, more = chain([("a", {})], 1, events[0]["hash"], "t", "test")
    with pytest.raises((StoreError, OSError)):
        append(path, more, size)
    assert other.stat().st_size == size


def test_unknown_fields_of_a_newer_writer_are_part_of_the_hash(path: str) -> None:
    (event,), _ = chain([("note", {})], 0, GENESIS, "t", "test")
    newer: Json = {**event, "host": "b"}
    del newer["hash"]  # it comes last in a line
    newer["hash"] = sha256(json.dumps(newer, separators=(",", ":"))[:-1].encode()).hexdigest()
    line = json.dumps(newer, separators=(",", ":")).encode() + b"\n"
    append(path, line, 0)
    assert read(path) == [newer]
    os.unlink(path)
    append(path, line.replace(b'"host":"b"', b'"host":"c"'), 0)
    with pytest.raises(Damaged):
        read(path)
