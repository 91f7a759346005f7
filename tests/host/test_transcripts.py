from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fermata.host.from_end import BLOCK
from fermata.host.transcripts import MAX_BACK, last_words


def said(*blocks: dict[str, Any] | str) -> dict[str, Any]:
    content = [{"type": "text", "text": block} if isinstance(block, str) else block for block in blocks]
    return {"type": "assistant", "message": {"role": "assistant", "content": content}}


TOOL = {"type": "tool_use", "id": "t", "name": "Read", "input": {}}
THOUGHT = {"type": "thinking", "thinking": "hm"}
HEARD = {"type": "user", "message": {"role": "user", "content": "go on"}}
NOTE = {"type": "attachment", "attachment": {}}


def words(folder: Path, *rows: dict[str, Any] | str, end: str = "\n") -> str | None:
    path = folder / "t.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + end)
    return last_words(str(path))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([HEARD, said("done")], "done", id="the-last-words"),
        pytest.param([said("first"), said("last")], "last", id="of-several-the-last"),
        pytest.param([said("a", "b")], "a\nb", id="several-blocks"),
        pytest.param([said(THOUGHT, "done")], "done", id="a-thought-before"),
        pytest.param([{"type": "assistant", "message": {"content": "plain"}}], "plain", id="plain-text"),
        pytest.param([said("done"), NOTE, {"type": "system"}], "done", id="other-rows-after"),
        pytest.param([said("done"), "{half a row"], "done", id="a-torn-row-after"),
        pytest.param([said("done"), "", "[1]", "7"], "done", id="rows-that-are-none"),
        pytest.param([said("looking", TOOL)], None, id="calls-a-tool"),
        pytest.param([said("done"), HEARD], None, id="was-told-something"),
        pytest.param([HEARD], None, id="has-said-nothing"),
        pytest.param([""], None, id="empty"),
        pytest.param([said()], "", id="no-words"),
        pytest.param([{"type": "assistant"}], "", id="no-message"),
    ],
)
def test_last_words(tmp_path: Path, rows: list[dict[str, Any] | str], expected: str | None) -> None:
    assert words(tmp_path, *rows) == expected


@pytest.mark.parametrize("size", [BLOCK - 60, BLOCK, BLOCK + 1, 5 * BLOCK], ids=str)
def test_a_row_longer_than_a_block(tmp_path: Path, size: int) -> None:
    text = "x" * size
    assert words(tmp_path, said("before"), said(text)) == text
    assert words(tmp_path, said(text), *[NOTE] * 5_000) == text


def test_only_the_end_of_a_large_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with open(path, "wb") as file:
        file.write(json.dumps(said("at the front")).encode() + b"\n")
        file.truncate(10 * MAX_BACK)
    assert last_words(str(path)) is None


def test_text_in_any_script_across_blocks(tmp_path: Path) -> None:
    text = "ü𝄐" * BLOCK
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps(said(text), ensure_ascii=False) + "\n", encoding="utf-8")
    assert last_words(str(path)) == text


def test_no_transcript(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"):
        last_words(str(tmp_path / "none"))


def test_a_long_last_row_without_its_newline_counts(tmp_path: Path) -> None:
    text = "x" * (3 * BLOCK)
    assert words(tmp_path, said("before"), said(text), end="") == text


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param({"type": "assistant", "message": "text"}, "text", id="message-is-text"),
        pytest.param('{"a":' * 200_000, "before", id="too-deep"),
    ],
)
def test_an_odd_last_row(tmp_path: Path, row: dict[str, Any] | str, expected: str) -> None:
    assert words(tmp_path, said("before"), row) == expected
