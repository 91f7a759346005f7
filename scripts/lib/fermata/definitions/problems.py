"""Reads the YAML that a person wrote, and tells them what is wrong with it: file, key, value, what is allowed, a guess.

Decides nothing about what the keys mean; that is the model's part.
"""

from __future__ import annotations

import difflib
import os
import typing

import yaml
from pydantic import BaseModel, ValidationError

if typing.TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES = 100_000
# What PyYAML raises for a value that it cannot build: a 13th month, a number of 5,000 digits, `!!bool maybe`, `[[[[…`.
BROKEN = (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
Model = typing.TypeVar("Model", bound=BaseModel)


class DefinitionError(Exception):
    """A setting or definition that cannot be used; `str()` has one line per problem."""

    exit_code = 8


class _Plain(yaml.SafeLoader):
    """YAML without aliases, of which a few hundred bytes can stand for millions of nodes, and without keys given twice."""

    def compose_node(self, parent: object, index: object) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem="aliases (*name) are not used here; write the value out", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)  # type: ignore[arg-type]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[typing.Hashable, typing.Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f'the key "{key.value}" stands twice; keep one', problem_mark=key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: str, shown: str, model: type[Model], tidy: Callable[[typing.Any], typing.Any]) -> Model:
    """The file *path* as *model*; *shown* is the name that messages use, *tidy* is applied before the model judges.

    Raises:
        DefinitionError: not a plain file, too large, not YAML, or not what the model wants.
        FileNotFoundError: there is none.
    """
    if os.path.lexists(path) and not os.path.isfile(path):
        raise DefinitionError(f"{shown}: not a file, or a link to none; put a YAML file there, or remove it")
    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DefinitionError(f"{shown}: more than {MAX_BYTES:,} bytes; shorten it")
    try:
        return model.model_validate(tidy(yaml.load(data, Loader=_Plain)))  # noqa: S506 - a SafeLoader
    except ValidationError as error:
        raise DefinitionError("\n".join(_problem(dict(item), model, shown) for item in error.errors())) from None
    except BROKEN as error:
        kind = "" if isinstance(error, yaml.YAMLError) else f"a value cannot be read ({type(error).__name__}): "
        raise DefinitionError(f"{shown}: not YAML: {kind}{' '.join(str(error).split())[:300]}") from None


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
