"""`.fermata/config.yaml`: the project's settings, checked key by key.

Decides nothing about runs; gives a `Config` or a message that names file, key, value and what is allowed.
"""

from __future__ import annotations

import os
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from .problems import read_yaml

CONFIG_PATH = ".fermata/config.yaml"


class Strict(BaseModel):
    """Unknown keys are refused; nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Command = Annotated[str, Field(min_length=1, max_length=2_000)]
CheckName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")]


class CheckSetting(Strict):
    """One check: a command, and whether it counts tests (then `0 tests ran` is red)."""

    name: CheckName
    command: Command
    tests: bool = True


class Checks(Strict):
    """`full` decides; `quick` runs after each step where it is given."""

    full: list[CheckSetting] = Field(default_factory=list, max_length=20)
    quick: list[CheckSetting] = Field(default_factory=list, max_length=20)
    minutes: Annotated[int, Field(ge=1, le=240)] = 30


class Limits(Strict):
    """Ceilings of one run; reaching one makes it wait for the user."""

    dispatches: Annotated[int, Field(ge=1, le=500)] = 40
    tokens: Annotated[int, Field(ge=1_000, le=10_000_000_000)] | None = None
    repairs: Annotated[int, Field(ge=0, le=10)] = 3
    wall_minutes: Annotated[int, Field(ge=1, le=10_080)] = 480
    silence_minutes: Annotated[int, Field(ge=1, le=240)] = 15


class Config(Strict):
    """All settings with their defaults."""

    workflow: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] = "plan_then_build"
    grant: Literal["cli", "scope", "none"] = "scope"
    checks: Checks = Checks()
    limits: Limits = Limits()


def load_config(root: str) -> Config:
    """The project's settings, or the defaults where there is no file.

    Raises:
        DefinitionError: not a file, not YAML, a key that is not known, a value of the wrong kind.
    """
    try:
        return read_yaml(
            os.path.join(root, CONFIG_PATH), CONFIG_PATH, Config, lambda value: {} if value is None else value
        )
    except FileNotFoundError:
        return Config()
