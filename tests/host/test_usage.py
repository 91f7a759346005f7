from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fermata.host.from_end import BLOCK
from fermata.host.usage import context_use, results_of, size_of, usage_by_model, usage_of


def usage(given: int = 10, output: int = 1, read: int = 0, made: int = 0, **more: Any) -> dict[str, Any]:
    """As the client writes it, with fields that no count needs."""
    counts = {"input_tokens": given, "output_tokens": output, "cache_read_input_tokens": read}
    details = {"cache_creation": {"ephemeral_5m_input_tokens": made}, "service_tier": "standard"}
    return {**counts, "cache_creation_input_tokens": made, **details, **more}


def row(name: str | None = "msg_1", model: str = "opus", **fields: Any) -> dict[str, Any]:
    message = {"model": model, "role": "assistant", "content": [], "usage": usage(**fields)}
    return {"type": "assistant", "message": message | ({"id": name} if name else {})}


HEARD = {"type": "user", "message": {"role": "user", "content": 'he said "usage" and "assistant"'}}
ERROR = row("e", model="<synthetic>", given=0, output=0)


def written(folder: Path, *rows: Any, end: str = "\n") -> str:
    path = folder / "t.jsonl"
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in rows) + end)
    return str(path)


def sums(given: int, output: int, read: int, made: int, context: int) -> dict[str, int]:
    return {"input": given, "output": output, "cache_read": read, "cache_creation": made, "context": context}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([row(given=7, output=3, read=5, made=2)], sums(7, 3, 5, 2, 17), id="one-message"),
        pytest.param([row(), row(), row()], sums(10, 1, 0, 0, 11), id="a-row-for-each-block"),
        pytest.param([row(output=1), row(output=90)], sums(10, 90, 0, 0, 100), id="the-last-block-knows-more"),
        pytest.param([row("a"), HEARD, row("b", given=30)], sums(40, 2, 0, 0, 31), id="two-messages"),
        pytest.param([row("a"), row("b"), row("a")], sums(20, 2, 0, 0, 11), id="rows-of-two-messages-mixed"),
        pytest.param([row(None), row(None)], sums(20, 2, 0, 0, 11), id="messages-without-a-name"),
        pytest.param(
            [{**row(None), "requestId": "r"}, {**row(None), "requestId": "r"}], sums(10, 1, 0, 0, 11), id="request-id"
        ),
        pytest.param([row(), ERROR], sums(10, 1, 0, 0, 11), id="the-client-s-own-words"),
        pytest.param([row(), '{"type":"assistant","message":{"usage":{'], sums(10, 1, 0, 0, 11), id="a-torn-row"),
        pytest.param([row(), "[1]", "", "nonsense"], sums(10, 1, 0, 0, 11), id="rows-that-are-none"),
        pytest.param([row(given=-5, output=4)], sums(0, 4, 0, 0, 4), id="a-negative-count"),
        pytest.param([row(given=10**13, output=4)], sums(0, 4, 0, 0, 4), id="no-count-at-all"),
        pytest.param([row(given="7", output=True, read=2.0, made=None)], sums(0, 0, 0, 0, 0), id="other-kinds"),
        pytest.param([row(newest={"thing": 1})], sums(10, 1, 0, 0, 11), id="a-newer-client"),
    ],
)
def test_what_a_transcript_tells_of(tmp_path: Path, rows: list[Any], expected: dict[str, int]) -> None:
    assert usage_of(written(tmp_path, *rows)) == expected


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([HEARD], id="no-answer"),
        pytest.param([""], id="empty"),
        pytest.param([ERROR], id="only-the-client-s-own-words"),
        pytest.param([{"type": "assistant", "message": {"usage": None}}], id="no-usage"),
        pytest.param([{"type": "assistant", "message": "usage"}], id="no-message"),
        pytest.param([{"type": "progress", "message": {"usage": usage(), "of": "assistant"}}], id="another-row"),
        pytest.param(["[" * 100_000 + '"usage""assistant"'], id="nested-too-deep"),
    ],
)
def test_unknown_is_none_and_no_error(tmp_path: Path, rows: list[Any]) -> None:
    path = written(tmp_path, *rows)
    assert usage_of(path) is None
    assert context_use(path) is None


@pytest.mark.parametrize("name", ["", "/nowhere/t.jsonl", "/"])
def test_a_transcript_that_is_not_there(name: str) -> None:
    assert usage_of(name) is None
    assert context_use(name) is None
    assert results_of(name, "context7") == []
    assert name == "/" or size_of(name) == 0


def test_models_are_told_apart(tmp_path: Path) -> None:
    path = written(tmp_path, row("a", "opus"), row("b", "haiku", given=3), row("c", "opus"))
    found = usage_by_model(path)
    assert found is not None
    assert {model: tokens["input"] for model, tokens in found.items()} == {"opus": 20, "haiku": 3}


def test_only_what_was_said_from_a_place_on(tmp_path: Path) -> None:
    path = written(tmp_path, row("before", given=5_000))
    start = size_of(path)
    with open(path, "a") as file:
        file.write(json.dumps(row("after", given=2)) + "\n")
    assert usage_of(path, start) == sums(2, 1, 0, 0, 3)
    assert usage_of(path, size_of(path)) is None


@pytest.mark.parametrize("size", [BLOCK - 80, BLOCK, 3 * BLOCK, 40 * BLOCK], ids=str)
def test_the_newest_answer_is_found_behind_and_inside_large_rows(tmp_path: Path, size: int) -> None:
    large = {"type": "user", "message": {"content": "x" * size}}
    assert context_use(written(tmp_path, row("old"), row("new", given=50), large)) == 51
    assert context_use(written(tmp_path, large, row("new", given=50, padding="y" * size), HEARD)) == 51
    assert context_use(written(tmp_path, row("new", given=50), *[HEARD] * (size // 60))) == 51


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(-5, 10**6), st.integers(-5, 10**6), st.sampled_from(["a", "b"])),
        max_size=20,
    )
)
def test_each_message_counts_once_and_nothing_is_negative(
    tmp_path: Path, told: list[tuple[int, int, int, str]]
) -> None:
    """However often a message's rows are repeated, the sum stays."""
    rows = [row(f"m{name}-{model}", model, given=given, read=read) for name, given, read, model in told]
    once, twice = usage_of(written(tmp_path, *rows)), usage_of(written(tmp_path, *rows, *rows))
    assert (once is None) == (not rows)
    if once is None or twice is None:
        return
    assert once == twice
    assert all(count >= 0 for count in once.values())  # type: ignore[operator]
    largest: dict[str, int] = {}
    for name, sent, _, model in told:
        largest[f"{name}{model}"] = max(largest.get(f"{name}{model}", 0), sent)
    assert once["input"] == sum(largest.values())


# --- what an MCP server gave


def called(name: str, used: str) -> dict[str, Any]:
    return {"type": "assistant", "message": {"content": [{"type": "tool_use", "name": name, "id": used}]}}


def gave(used: str, content: Any) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": used, "content": content}
    return {"type": "user", "message": {"content": [block]}}


DOCS = "mcp__plugin_x_context7__get-library-docs"
COMPACT = {"type": "system", "subtype": "compact_boundary"}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([called(DOCS, "t1"), gave("t1", "how to")], ["how to"], id="text"),
        pytest.param([called(DOCS, "t1"), gave("t1", [{"type": "text", "text": "a"}, {"x": 1}])], ["a\n"], id="blocks"),
        pytest.param([called("Bash", "t1"), gave("t1", "context7")], [], id="another-tool"),
        pytest.param([called("mcp__other__context", "t1"), gave("t1", "a")], [], id="another-server"),
        pytest.param([called(DOCS, "t1"), gave("t2", "a")], [], id="another-call"),
        pytest.param([called(DOCS, "t1"), gave("t1", "a"), COMPACT], [], id="compacted-since"),
        pytest.param([COMPACT, called(DOCS, "t1"), gave("t1", "a")], ["a"], id="after-a-compaction"),
        pytest.param(['{"context7', called(DOCS, "t1"), {"message": {"content": ["context7"]}}], [], id="torn"),
    ],
)
def test_what_a_server_gave(tmp_path: Path, rows: list[Any], expected: list[str]) -> None:
    assert results_of(written(tmp_path, *rows), "context7") == expected
