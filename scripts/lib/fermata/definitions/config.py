"""`.fermata/config.yaml`: the project's settings, checked key by key.

Decides nothing about runs; gives a `Config` or a message that names file, key, value and what is allowed.
"""

from __future__ import annotations

import os
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .problems import DefinitionError, no_alias_loader, problems_of

MAX_BYTES = 100_000
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
        DefinitionError: not YAML, a key that is not known, a value of the wrong kind.
    """
    path = os.path.join(root, CONFIG_PATH)
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Config()
    if len(data) > MAX_BYTES:
        raise DefinitionError(f"{CONFIG_PATH}: more than {MAX_BYTES:,} bytes; shorten it")
    try:
        value = yaml.load(data, Loader=no_alias_loader())  # noqa: S506 - a SafeLoader that refuses aliases
        return Config.model_validate({} if value is None else value)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{CONFIG_PATH}: not YAML: {' '.join(str(error).split())[:300]}") from None
    except ValidationError as error:
        raise DefinitionError("\n".join(problems_of(error, Config, CONFIG_PATH))) from None
