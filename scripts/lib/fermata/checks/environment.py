"""Decides which environment variables a check gets.

A check should do what its shown command says and nothing else. So it keeps the caller's environment (PATH, HOME,
locale, VIRTUAL_ENV, whatever the tests need), without the host's own variables, and without those that make a program
load code or skip work that the command does not show: an agent that calls the CLI could set them. PYTHONPATH is one
of these; a project that needs it says so in the command (`env PYTHONPATH=src pytest`), where it is seen and approved.
Credentials under other names are kept, since tests may need them; the agents' own shell has them anyway.
`CI=true` is set for every check: jest, vitest, react-scripts and their kin then run once instead of staying to watch,
and write no new snapshot files.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

DROPPED_PREFIXES = ("ANTHROPIC_", "CLAUDE", "FERMATA_", "GIT_", "PYTEST_", "BASH_FUNC_", "DYLD_", "CARGO_BUILD_")
DROPPED = frozenset(
    "BASH_ENV ENV SHELLOPTS BASHOPTS LD_PRELOAD LD_AUDIT NODE_OPTIONS NODE_PATH RUBYOPT RUBYLIB PERL5OPT PERL5LIB"
    " JAVA_TOOL_OPTIONS _JAVA_OPTIONS MAKEFLAGS MFLAGS GNUMAKEFLAGS GOFLAGS GOENV RUSTC RUSTC_WRAPPER"
    " RUSTC_WORKSPACE_WRAPPER RUSTDOC RUSTFLAGS RUSTDOCFLAGS CARGO_ENCODED_RUSTFLAGS".split()
)
DROPPED_PATTERN = re.compile(r"(?i:npm_config_).*|CARGO_TARGET_\w+_(?:RUNNER|RUSTFLAGS|LINKER)")
SET = {"CI": "true", "PYTHONDONTWRITEBYTECODE": "1"}
KEPT_PYTHON = frozenset(
    "PYTHONHASHSEED PYTHONIOENCODING PYTHONUTF8 PYTHONUNBUFFERED PYTHONDEVMODE PYTHONFAULTHANDLER PYTHONNOUSERSITE"
    " PYTHON_GIL".split()
)


def ends_with_its_caller(env: Mapping[str, str]) -> bool:
    """Whether what a command leaves running is ended with it, so that no check could be left to itself.

    Claude Code's Bash sandbox gives each command a process namespace of its own on Linux, and says so in this variable
    (measured on 2.1.197 and 2.1.329). On macOS it has no such thing.
    """
    return env.get("SANDBOX_RUNTIME") == "1" and sys.platform == "linux"


def check_environment(caller: Mapping[str, str]) -> dict[str, str]:
    """The environment of a check, from the environment of whoever started it."""
    kept = {name: value for name, value in caller.items() if _passes(name)}
    return {**kept, **SET}


def _passes(name: str) -> bool:
    if name.startswith("PYTHON"):
        return name in KEPT_PYTHON
    return name not in DROPPED and not name.startswith(DROPPED_PREFIXES) and not DROPPED_PATTERN.fullmatch(name)
