"""Result schemas, and judging a result against one. Nothing is ever fetched: a schema knows only itself."""

from __future__ import annotations

import json
import os
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schemas")
MAX_ERRORS = 6
MAX_MESSAGE = 300


@lru_cache(maxsize=1)
def schema_names() -> tuple[str, ...]:
    """The names a stage's `result` may have."""
    return tuple(sorted(n[:-5] for n in os.listdir(HERE) if n.endswith(".json")))


def schema(name: str) -> dict[str, Json]:
    """The JSON Schema *name*."""
    with open(os.path.join(HERE, f"{name}.json"), encoding="utf-8") as file:
        found: dict[str, Json] = json.load(file)
    return found


def schema_errors(name: str, value: Json) -> list[str]:
    """What is wrong with *value*, at most six lines: place, what stands there, the rule."""
    import jsonschema  # 70 ms: only where a result is judged
    from referencing.jsonschema import EMPTY_REGISTRY  # without a registry of its own jsonschema would ask the network

    validator = jsonschema.Draft202012Validator(schema(name), registry=EMPTY_REGISTRY)
    errors = sorted(validator.iter_errors(value), key=lambda e: [str(p) for p in e.absolute_path])
    return [f"{_place(e.absolute_path)}: {_cut(e.message)}" for e in errors[:MAX_ERRORS]]


def _place(path: Json) -> str:
    out = ""
    for part in path:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out or "the result"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else text[:200] + " … " + text[-90:]
