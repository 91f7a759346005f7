"""The settings as a person or an editor reads them: as YAML, with where each value comes from, and as JSON Schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from ..definitions.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..definitions.settings import Place, Settings


def text(settings: Settings, *, origin: bool) -> str:
    """The settings as YAML that loads again; with *origin* each value has a comment that says where it comes from."""
    return "".join(_lines(settings, settings.values(), (), origin=origin))


def document(settings: Settings, *, origin: bool) -> dict[str, Any]:
    """The same as JSON: `settings`, and with *origin* `origin`, key (`checks.full`) to FILE:LINE or `default`."""
    found: dict[str, Any] = {"settings": settings.values()}
    if origin:
        places = _leaves(settings.values(), ())
        found["origin"] = {".".join(place): settings.origin(*place) for place in places}
    return found


def schema_of_settings() -> dict[str, Any]:
    """JSON Schema of a settings file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}


def _leaves(value: Any, place: Place) -> Iterator[Place]:
    """The place of everything that is no mapping with keys of its own."""
    if not isinstance(value, dict) or not value:
        yield place
        return
    for key, below in value.items():
        yield from _leaves(below, (*place, key))


def _lines(settings: Settings, value: dict[str, Any], place: Place, *, origin: bool) -> Iterator[str]:
    indent = "  " * len(place)
    for key, below in value.items():
        here = (*place, key)
        note = f"  # {_plain(settings.origin(*here))}" if origin else ""
        if isinstance(below, dict) and below:
            yield f"{indent}{key}:\n"
            yield from _lines(settings, below, here, origin=origin)
        elif isinstance(below, list) and below:
            yield f"{indent}{key}:{note}\n"
            yield from (f"{indent}  - {_flow(entry)}\n" for entry in below)
        else:
            yield f"{indent}{key}: {_flow(below)}{note}\n"


def _flow(value: Any) -> str:
    """*value* on one line, in ASCII: nothing in it can move a terminal's cursor."""
    dumped: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6)
    return dumped.removesuffix("...\n").strip()


def _plain(name: str) -> str:
    """A file's name as a comment can hold it."""
    return name if name.isprintable() else ascii(name)
