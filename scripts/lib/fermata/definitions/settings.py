"""The settings in force: fermata's defaults, above them the user's file, above that the project's.

Each file is judged on its own, so that a message names the file and line that a person has to mend. They are merged key
by key; a list replaces the list below it. Every key may stand in either file. Decides nothing about runs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from .config import Config
from .problems import Source, read_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROJECT_FILE = ".fermata/config.yaml"
DEFAULT = "default"
Place = tuple[str, ...]


class Layer(NamedTuple):
    """One file: the name that messages use, what it sets (nothing it leaves out), where each key stands."""

    shown: str
    values: dict[str, Any]
    source: Source


class Settings(NamedTuple):
    """What is in force, and the files that say so, the stronger one last."""

    config: Config
    layers: tuple[Layer, ...]

    def values(self) -> dict[str, Any]:
        """Every setting as plain data, defaults included."""
        return self.config.model_dump()

    def file_of(self, *place: str) -> str:
        """The file that sets the key at *place*, or `default`."""
        layer = self._layer(place)
        return layer.shown if layer else DEFAULT

    def origin(self, *place: str) -> str:
        """FILE:LINE of the key at *place*, or `default`."""
        layer = self._layer(place)
        return f"{layer.shown}:{layer.source.line(place)}" if layer else DEFAULT

    def problem(self, place: Place, says: str) -> str:
        """A message about the value at *place*, which some file sets."""
        layer = self._layer(place)
        where = f"{layer.shown}: line {layer.source.line(place)}: " if layer else ""
        return f"{where}{'.'.join(place)}: {says}"

    def _layer(self, place: Place) -> Layer | None:
        return next((layer for layer in reversed(self.layers) if _sets(layer.values, place)), None)


def load_settings(root: str, env: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the project at *root*; a file that is not there sets nothing.

    Raises:
        DefinitionError: not a file, not YAML, a key that is not known, a value of the wrong kind.
    """
    layers = tuple(layer for path, shown in _files(root, env) if (layer := _read(path, shown)))
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = _merge(merged, layer.values)
    return Settings(Config.model_validate(merged), layers)


def user_file(env: Mapping[str, str]) -> str | None:
    """Where the user's own file lies; None without a home. A relative XDG_CONFIG_HOME counts as unset."""
    base, home = env.get("XDG_CONFIG_HOME", ""), env.get("HOME", "")
    if not base.startswith("/"):
        base = f"{home}/.config" if home.startswith("/") else ""
    return f"{base}/fermata/config.yaml" if base else None


def _files(root: str, env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Path and shown name of each file, the weaker one first."""
    user = user_file(env)
    if user:
        yield user, user
    yield os.path.join(root, PROJECT_FILE), PROJECT_FILE


def _read(path: str, shown: str) -> Layer | None:
    try:
        model, source = read_source(path, shown, Config, lambda value: {} if value is None else value)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Layer(shown, model.model_dump(exclude_unset=True), source)


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """*above* over *below*, key by key; what is no mapping replaces."""
    found = dict(below)
    for key, value in above.items():
        old = found.get(key)
        found[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return found


def _sets(values: Any, place: Place) -> bool:
    """Whether *values* hold what is at *place*; a list is one value."""
    for key in place:
        if isinstance(values, list):
            return True
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True
