"""How wrong settings and definitions are told to a person: file, key, value, what is allowed, a guess at what was meant."""

from __future__ import annotations

import difflib
import typing

import yaml

if typing.TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError


class DefinitionError(Exception):
    """A setting or definition that cannot be used; `str()` has one line per problem."""

    exit_code = 8


class _NoAliases(yaml.SafeLoader):
    """YAML without aliases: a few hundred bytes of them can stand for millions of nodes."""

    def compose_node(self, parent: object, index: object) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem="aliases (*name) are not used here; write the value out", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)  # type: ignore[arg-type]


def no_alias_loader() -> type[yaml.SafeLoader]:
    """The loader for everything a person wrote."""
    return _NoAliases


def problems_of(error: ValidationError, model: type[BaseModel], place: str) -> list[str]:
    """One line per problem of *error*, each with the key's full path below *place*."""
    return [_problem(dict(item), model, place) for item in error.errors(include_url=False)]


def _problem(item: dict[str, typing.Any], model: type[BaseModel], place: str) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        allowed = _keys_at(model, item["loc"][:-1])
        near = difflib.get_close_matches(str(item["loc"][-1]), allowed, 1)
        guess = f' Did you mean "{near[0]}"?' if near else ""
        return f'{place}: unknown key "{where}"; allowed here: {", ".join(allowed)}.{guess}'
    shown = repr(item.get("input"))[:80]
    return f"{place}: {where or 'the file'}: got {shown}; {item['msg']}"


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys known at *loc*, following fields of models and lists of models."""
    current: typing.Any = model
    for part in loc:
        if isinstance(part, int):
            continue
        field = getattr(current, "model_fields", {}).get(part)
        current = _model_in(field.annotation) if field else None
    return sorted(getattr(current, "model_fields", {}))


def _model_in(annotation: typing.Any) -> typing.Any:
    for candidate in (annotation, *typing.get_args(annotation)):
        if hasattr(candidate, "model_fields"):
            return candidate
        deeper = _model_in(candidate) if candidate is not annotation and typing.get_args(candidate) else None
        if deeper:
            return deeper
    return None
