from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata.core.quick_json import dumps, dumps_ascii, loads

LIB = Path(__file__).resolve().parents[2] / "scripts" / "lib"
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(VALUES)
def test_it_writes_and_reads_what_json_does(value: object) -> None:
    assert dumps_ascii(value) == json.dumps(value, separators=(",", ":"))
    assert dumps(value) == json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    assert loads(dumps_ascii(value).encode()) == value


def _no_constant(name: str) -> None:
    raise ValueError(name)


@given(st.text() | st.text(alphabet='[]{}":, 0123456789.e-+truefalsn\\u'))
def test_it_refuses_what_json_refuses(text: str) -> None:
    data = text.encode(errors="surrogatepass")
    try:
        wanted = json.loads(data.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        with pytest.raises((ValueError, RecursionError)):
            loads(data)
    else:
        assert loads(data) == wanted


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"  ", id="blanks"),
        pytest.param(b"{} {}", id="two-values"),
        pytest.param(b"NaN", id="nan"),
        pytest.param(b"[-Infinity]", id="infinity"),
        pytest.param(b"\xff", id="not-utf-8"),
        pytest.param('{"a":1}'.encode("utf-16"), id="utf-16"),
        pytest.param(b'"\n"', id="line-break-in-a-string"),
        pytest.param(b"{" * 1_000, id="braces"),
        pytest.param(b"9" * 5_000, id="5000-digits"),
    ],
)
def test_bad_input_is_a_value_error_without_json_loaded(data: bytes) -> None:
    """The C scanner looks for `json`'s error class and, where it is not loaded, gives no error at all."""
    code = (
        f"import sys; sys.path.insert(0, {str(LIB)!r})\n"
        "from fermata.core.quick_json import loads\n"
        "try:\n    loads(sys.stdin.buffer.read())\nexcept ValueError:\n    sys.exit(42)"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], input=data, capture_output=True, check=False)
    assert done.returncode == 42, done.stderr


def test_bytes_marks_and_line_ends_of_other_systems_are_read() -> None:
    assert loads(b'\xef\xbb\xbf{\r\n"a": 1\r\n}\r\n') == {"a": 1}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_what_is_no_number_is_not_written(value: object) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        dumps(value)


def test_what_json_cannot_say_is_not_written() -> None:
    with pytest.raises(TypeError, match="set"):
        dumps({"a": {1}})
