"""Reads the YAML that a person wrote, and tells them what is wrong with it: file, key, value, what is allowed, a guess.

Decides nothing about what the keys mean; that is the model's part.
"""

from __future__ import annotations

import difflib
import os
import re
import typing

import yaml
from pydantic import BaseModel, ValidationError

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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


class Source(typing.NamedTuple):
    """Where things stand in a file that was read."""

    node: yaml.Node | None

    def line(self, place: Sequence[str | int]) -> int | None:
        """The line of the last part of *place* that is there; None where the first one is not."""
        return _line(self.node, [str(part) for part in place])


def read_yaml(path: str, shown: str, model: type[Model], tidy: Callable[[typing.Any], typing.Any]) -> Model:
    """The file *path* as *model*; *shown* is the name that messages use, *tidy* is applied before the model judges.

    Raises:
        DefinitionError: not a plain file, too large, not YAML, or not what the model wants.
        FileNotFoundError: there is none.
    """
    return read_source(path, shown, model, tidy)[0]


def read_source(
    path: str, shown: str, model: type[Model], tidy: Callable[[typing.Any], typing.Any]
) -> tuple[Model, Source]:
    """As `read_yaml`, together with where each key stands."""
    data, source = _read(path, shown), Source(None)
    try:
        value, source = _load(data)
        return model.model_validate(tidy(value)), source
    except ValidationError as error:
        lines = [f"{shown}: {_at(source.line(item['loc']))}{_problem(dict(item), model)}" for item in error.errors()]
        raise DefinitionError("\n".join(lines)) from None
    except BROKEN as error:
        kind = "" if isinstance(error, yaml.YAMLError) else f"a value cannot be read ({type(error).__name__}): "
        raise DefinitionError(f"{shown}: not YAML: {kind}{' '.join(str(error).split())[:300]}") from None


def _read(path: str, shown: str) -> bytes:
    if os.path.lexists(path) and not os.path.isfile(path):
        raise DefinitionError(f"{shown}: not a file, or a link to none; put a YAML file there, or remove it")
    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DefinitionError(f"{shown}: more than {MAX_BYTES:,} bytes; shorten it")
    return data


def _load(data: bytes) -> tuple[typing.Any, Source]:
    """The value in *data* and where its parts stand."""
    loader = _Plain(data)
    try:
        node = loader.get_single_node()
        return (None if node is None else loader.construct_document(node)), Source(node)
    finally:
        loader.dispose()


def at_line(path: str, problem: str) -> str:
    """`line 12: ` for a *problem* that begins with a place such as `stages.plan.sees[1]`; "" where that names no line."""
    found = re.match(r"stages\.([\w.]+)(?:\[(\d+)\])?", problem)
    if not found:
        return ""
    with open(path, "rb") as file:
        node = yaml.compose(file, Loader=_Plain)
    return _at(Source(node).line(["stages", *found[1].split("."), *filter(None, [found[2]])]))


def _at(line: int | None) -> str:
    return f"line {line}: " if line else ""


def _line(node: yaml.Node | None, keys: list[str]) -> int | None:
    """The line of the last of *keys* that is found: of a mapping's key, of a list's entry by number or by its `id`."""
    line = None
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == key), None)
            start, node = pair or (None, None)
        elif isinstance(node, yaml.SequenceNode) and key.isdigit():
            start = node = node.value[int(key)] if int(key) < len(node.value) else None
        else:
            start = node = _with_id(node, key)
        if start is None:
            break
        line = start.start_mark.line + 1
    return line


def _with_id(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """The mapping whose `id` is *name*, here or inside a `stages` below."""
    for entry in node.value if isinstance(node, yaml.SequenceNode) else ():
        if not isinstance(entry, yaml.MappingNode):
            continue
        values = {key.value: value for key, value in entry.value}
        if getattr(values.get("id"), "value", None) == name:
            return entry
        deeper = _with_id(values.get("stages"), name)
        if deeper:
            return deeper
    return None


def _problem(item: dict[str, typing.Any], model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        allowed = _keys_at(model, item["loc"][:-1])
        near = difflib.get_close_matches(str(item["loc"][-1]), allowed, 1)
        guess = f' Did you mean "{near[0]}"?' if near else ""
        return f'unknown key "{where}"; allowed here: {", ".join(allowed)}.{guess}'
    shown = repr(item.get("input"))[:80]
    return f"{where or 'the file'}: got {shown}; {item['msg'].removeprefix('Value error, ')}"


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys known at *loc*, following fields of models, lists of models and mappings to models."""
    current: typing.Any = model
    free = False  # whether the next part is a key that the user chose
    for part in loc:
        if isinstance(part, int) or free:
            free = False
            continue
        field = getattr(current, "model_fields", {}).get(part)
        free = field is not None and typing.get_origin(field.annotation) is dict
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
