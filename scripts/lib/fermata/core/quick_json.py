"""JSON for the calls that everybody waits for: the standard library's C scanner and encoder without the `json` package.

Importing `json` loads `re` and `enum` and takes as long as starting the interpreter. Reads and writes what `json` does
and nothing else; NaN and infinities, which are not JSON, are refused both ways.
"""

from __future__ import annotations

from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Json

BLANKS = " \t\n\r"


class _Rules:
    """What the C scanner wants to be told."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int

    @staticmethod
    def parse_constant(name: str) -> Json:
        raise ValueError(f"{name} is not JSON")


def _unknown(value: object) -> Json:
    raise TypeError(f"{type(value).__name__} is nothing that JSON can say")


_scan = make_scanner(_Rules)  # type: ignore[arg-type]
_encode = make_encoder(None, _unknown, encode_basestring, None, ":", ",", False, False, False)
_encode_ascii = make_encoder(None, _unknown, encode_basestring_ascii, None, ":", ",", False, False, False)


def loads(data: bytes) -> Json:
    """The one JSON value in *data*, UTF-8 with or without a byte-order mark.

    Raises:
        ValueError: not UTF-8, not JSON, or more than one value.
        RecursionError: nested too deeply.
    """
    text = data.decode().removeprefix("\ufeff").strip(BLANKS)
    try:
        value, end = _scan(text, 0)
    except (StopIteration, SystemError):  # the scanner cannot say what is wrong unless `json` is loaded
        from json import loads as tell

        tell(text)
        raise ValueError("not JSON") from None
    if end != len(text):
        raise ValueError(f"more than one value, from character {end} on")
    return value


def dumps(value: Json) -> str:
    """*value* as JSON on one line, keys in their order, letters as they are.

    Raises:
        ValueError: NaN or infinity.
        TypeError: something that JSON cannot say.
    """
    return "".join(_encode(value, 0))


def dumps_ascii(value: Json) -> str:
    r"""`dumps` for a stream whose encoding is not ours to choose: other letters as `\uXXXX`."""
    return "".join(_encode_ascii(value, 0))
