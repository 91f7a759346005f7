"""One way to write JSON as bytes, one way to take a digest, one strict way to read JSON that others wrote."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Json

MAX_DEPTH = 32


class StrictJsonError(ValueError):
    """Text that is not the one JSON value it should be; `str()` says where and why."""


def canonical(value: Json) -> bytes:
    """Sorted keys, no white space, UTF-8. Equal values give equal bytes.

    Raises:
        ValueError: NaN, infinity or a lone surrogate, none of which JSON can say.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def digest(tag: str, value: Json) -> str:
    """SHA-256 in hex over *tag* (the kind of thing, so that digests of different kinds never meet) and *value*."""
    from hashlib import sha256  # loads libcrypto: too dear for a call that needs no digest

    return sha256(tag.encode() + b"\n" + canonical(value)).hexdigest()


def _no_twins(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in pairs:
        if key in found:
            # As JSON writes it: a lone surrogate in the message could not be journalled.
            raise StrictJsonError(f"the key {json.dumps(key[:100])} stands twice in one object; keep one")
        found[key] = value
    return found


def _no_constant(name: str) -> Json:
    raise StrictJsonError(f"{name} is not JSON; use a number or null")


def parse_strict(text: str, limit: int = 262_144) -> Json:
    """Parse one JSON value written by a person or an agent.

    Refuses what `json.loads` lets pass: keys that stand twice, NaN and infinities, lone surrogates, nesting
    deeper than 32, more than *limit* characters.

    Raises:
        StrictJsonError: with the place and the rule.
    """
    if len(text) > limit:
        raise StrictJsonError(f"{len(text):,} characters; at most {limit:,} are read. Shorten it")
    try:
        value = json.loads(text, object_pairs_hook=_no_twins, parse_constant=_no_constant)
        canonical(value)
    except StrictJsonError:
        raise
    except json.JSONDecodeError as error:
        raise StrictJsonError(f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise StrictJsonError(f"not usable JSON: {error}") from None
    if depth(value) > MAX_DEPTH:
        raise StrictJsonError(f"nested deeper than {MAX_DEPTH} levels; flatten it")
    return value


def depth(value: Json) -> int:
    """Levels of objects and arrays in *value*; 0 for a plain value. Iterative: no input can exhaust the stack."""
    deepest, todo = 0, [(value, 0)]
    while todo:
        item, level = todo.pop()
        if isinstance(item, (dict, list)):
            deepest = max(deepest, level + 1)
            todo.extend((child, level + 1) for child in (item.values() if isinstance(item, dict) else item))
    return deepest
