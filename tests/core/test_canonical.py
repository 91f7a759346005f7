from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata.core.canonical import MAX_DEPTH, StrictJsonError, canonical, depth, digest, parse_strict

plain = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(plain | texts, lambda v: st.lists(v, max_size=4) | st.dictionaries(texts, v, max_size=4))


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param('{"a": 1, "b": 2, "a": 3}', 'key "a" stands twice', id="twin"),
        pytest.param('[{"x": {"k": 1, "k": 1}}]', 'key "k" stands twice', id="twin-inside"),
        pytest.param('{"\\ud800": 1, "\\ud800": 2}', '"\\ud800" stands twice', id="twin-surrogate"),
        pytest.param("NaN", "NaN is not JSON", id="nan"),
        pytest.param('{"a": Infinity}', "Infinity is not JSON", id="infinity"),
        pytest.param("[-Infinity]", "-Infinity is not JSON", id="minus-infinity"),
        pytest.param("1e400", "not usable JSON", id="overflow"),
        pytest.param("9" * 5_000, "not usable JSON", id="long-integer"),
        pytest.param(nested(100_000), "not usable JSON", id="depth-100000"),
        pytest.param(nested(MAX_DEPTH + 1), "deeper than 32", id="depth-33"),
        pytest.param('{"a":' * 33 + "1" + "}" * 33, "deeper than 32", id="depth-objects"),
        pytest.param('"\\ud800"', "not usable JSON", id="surrogate"),
        pytest.param('{"\\udfff": 1}', "not usable JSON", id="surrogate-key"),
        pytest.param('"\ud800"', "not usable JSON", id="surrogate-raw"),
        pytest.param("", "not JSON at line 1, column 1", id="empty"),
        pytest.param('{"a": 1} x', "not JSON at line 1, column 10: Extra data", id="after"),
        pytest.param("{\n'a': 1}", "not JSON at line 2, column 1", id="quotes"),
        pytest.param('"a\0b"', "not JSON", id="nul"),
        pytest.param("\ufeff{}", "not JSON", id="bom"),
        pytest.param('"' + "a" * 300_000 + '"', "300,002 characters; at most 262,144", id="too-long"),
    ],
)
def test_refused(text: str, said: str) -> None:
    with pytest.raises(StrictJsonError) as caught:
        parse_strict(text)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300
    canonical(str(caught.value))  # a message that cannot be journalled would be a crash of its own


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param(' {"a": [1, 2.5, null, true, "é"]}\r\n', {"a": [1, 2.5, None, True, "é"]}, id="plain"),
        pytest.param(nested(MAX_DEPTH), json.loads(nested(MAX_DEPTH)), id="depth-32"),
        pytest.param('{"__proto__": 1, "constructor": 2}', {"__proto__": 1, "constructor": 2}, id="odd-keys"),
        pytest.param('"\\ud83d\\ude00"', "😀", id="surrogate-pair"),
        pytest.param("7", 7, id="number"),
    ],
)
def test_parsed(text: str, value: object) -> None:
    assert parse_strict(text) == value


def test_limit_is_the_callers() -> None:
    with pytest.raises(StrictJsonError, match="at most 3"):
        parse_strict("[1,2]", 3)


def test_twin_among_many_keys_is_found_at_once() -> None:
    keys = [f'"{n:x}":0' for n in range(28_000)]
    began = time.perf_counter()
    with pytest.raises(StrictJsonError, match="stands twice"):
        parse_strict("{" + ",".join([*keys, keys[-1]]) + "}")
    assert time.perf_counter() - began < 2


@given(values)
def test_parse_gives_back_what_canonical_wrote(value: Any) -> None:
    if depth(value) <= MAX_DEPTH:
        assert parse_strict(canonical(value).decode()) == value


@given(st.dictionaries(texts, values, max_size=5))
def test_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical(turned) == canonical(value)
    assert digest("t", turned) == digest("t", value)


@given(st.text(max_size=60) | values.map(json.dumps))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        canonical(parse_strict(text))
    except StrictJsonError as error:
        canonical(str(error))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"\udc00": 1}])
def test_canonical_refuses_what_json_cannot_say(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - two kinds of ValueError, both meant
        canonical(value)


def test_digest_is_stable_and_tagged() -> None:
    known = "f55696be3150d114e9389d198d66884b1d896ca53ff1811db6f395eec78a8d5e"
    assert digest("fermata plan 1", {"b": 1, "a": "é"}) == digest("fermata plan 1", {"a": "é", "b": 1})
    assert digest("fermata plan 1", {"a": 1}) != digest("fermata result 1", {"a": 1})
    assert digest("fermata plan 1", {"b": 1, "a": "é"}) == known


@pytest.mark.parametrize(
    ("value", "levels"), [(1, 0), ([], 1), ({}, 1), ([[], {"a": [1]}], 3), ({"a": {"b": {}}}, 3)], ids=str
)
def test_depth(value: object, levels: int) -> None:
    assert depth(value) == levels
