"""Transcripts that are missing, cut off, huge, of a newer client, or no transcripts at all: nothing waits, breaks or is made up."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fermata.host.transcripts import MAX_BACK
from fermata.host.usage import context_use, usage_of
from fermata.loop.harvest import harvest
from tests.loop.bench import Bench, age, plan

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = json.dumps(plan())


def said(text: str, **message: Any) -> bytes:
    body = {"role": "assistant", "model": "m", "content": [{"type": "text", "text": text}], **message}
    return json.dumps({"type": "assistant", "message": body}).encode()


NEWER = {
    "type": "assistant",
    "schema": 7,
    "message": {
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "audio", "data": "…"},
            {"type": "text", "text": GOOD, "signature": {"by": [1]}},
            "words",
            None,
        ],
        "usage": {"input_tokens": 5, "output_tokens": 2, "tiers": [{"input_tokens": 9}]},
    },
}
USED = {"usage": {"input_tokens": 10, "output_tokens": 1}}


def rows(*found: bytes, end: bytes = b"\n") -> Callable[[str], None]:
    def make(path: str) -> None:
        Path(path).write_bytes(b"\n".join(found) + end)

    return make


def sparse(path: str) -> None:
    """Very much without a line's end, behind one whole row."""
    with open(path, "wb") as file:
        file.write(said("at the front") + b"\n")
        file.truncate(40_000_000)


def long_behind(path: str) -> None:
    """The result, and then more than is read back of what is no message."""
    row = json.dumps({"type": "progress", "data": "x" * 100_000}).encode()
    with open(path, "wb") as file:
        file.write(said(GOOD) + b"\n")
        file.writelines(row + b"\n" for _ in range(MAX_BACK // len(row) + 20))


# what lies there · what is taken from it: a result, one to repair, or nothing
SHAPES = [
    pytest.param(lambda _path: None, "nothing", id="missing"),
    pytest.param(rows(), "nothing", id="empty"),
    pytest.param(rows(said(GOOD)[:-40], end=b""), "nothing", id="cut-off-in-its-only-row"),
    pytest.param(rows(said(GOOD, **USED), said("more")[:30], end=b""), "result", id="cut-off-after-the-result"),
    pytest.param(rows(said(GOOD), b"\x00" * 4_096, end=b""), "result", id="a-torn-page-of-nul"),
    pytest.param(rows(b"\xff\xfe" + os.urandom(5_000).replace(b"\n", b"")), "nothing", id="binary"),
    pytest.param(rows(said(GOOD).replace(b"assistant", b"assist\xffnt", 1)), "nothing", id="no-utf-8"),
    pytest.param(rows(b'{"a":' * 300_000), "nothing", id="300000-deep"),
    pytest.param(rows(said("x" * 3_000_000)), "repair", id="3-MB-of-words"),
    pytest.param(rows(said("x" * 6_000_000)), "nothing", id="a-row-longer-than-is-read-back"),
    pytest.param(sparse, "nothing", id="40-MB-without-a-line"),
    pytest.param(long_behind, "nothing", id="the-result-too-far-back"),
    pytest.param(rows(json.dumps(NEWER).encode()), "result", id="of-a-newer-client"),
    pytest.param(
        rows(said(GOOD), b'{"type":"summary","version":"9.0","of":["assistant"]}'), "result", id="a-newer-row-behind"
    ),
    pytest.param(
        rows(b'{"type":"message","v":9,"body":{"from":"assistant","text":"done"}}'), "nothing", id="all-of-it-newer"
    ),
    pytest.param(rows(b"[]", b"7", b'"assistant"', b"null"), "nothing", id="rows-of-other-kinds"),
    pytest.param(
        rows(b'{"type":"assistant","message":{"content":[[],{},7,{"type":"text"}]}}'), "nothing", id="odd-blocks"
    ),
    pytest.param(os.mkdir, "nothing", id="folder"),
    pytest.param(os.mkfifo, "nothing", id="fifo"),
    pytest.param(lambda path: os.symlink(path, path), "nothing", id="a-link-to-itself"),
]


@pytest.mark.parametrize(("make", "taken"), SHAPES)
def test_what_is_taken_from_it(tmp_path: Path, make: Callable[[str], None], taken: str) -> None:
    bench = Bench(tmp_path).begin()
    bench.settle()
    bench.work()
    path = bench.transcript("d-001")
    make(path)
    if os.path.isfile(path):
        age(path, 60)
    began = time.process_time()
    found = harvest(bench.site, bench.store)
    actions = bench.drive()  # counts the tokens
    assert time.process_time() - began < 5
    dispatch = bench.run["dispatches"]["d-001"]
    assert (dispatch["state"], dispatch["repairs"]) == {
        "result": ("completed", 0), "repair": ("running", 1), "nothing": ("running", 0),
    }[taken]  # fmt: skip
    assert len(found) == (taken != "nothing")
    assert actions


@pytest.mark.parametrize(("make", "taken"), SHAPES)
def test_its_tokens_are_known_or_unknown_and_soon(tmp_path: Path, make: Callable[[str], None], taken: str) -> None:
    del taken
    path = str(tmp_path / "t.jsonl")
    make(path)
    began = time.process_time()
    for found in (usage_of(path), context_use(path)):
        counts = found.values() if isinstance(found, dict) else [found or 0]
        assert all(type(count) is int and 0 <= count < 100 for count in counts)
    assert time.process_time() - began < 5
