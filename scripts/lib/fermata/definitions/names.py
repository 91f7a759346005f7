"""Which workflows there are, by their files' names alone, and where a specification lies: for hooks, which read no YAML.

Says nothing about what is in them.
"""

from __future__ import annotations

import os

SHIPPED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "workflows")
PROJECT_FOLDER = ".fermata/workflows"
SPEC_FILE = ".spec/SPEC.md"
OTHER_SPECS = ("SPEC.md", "docs/SPEC.md", "spec/SPEC.md")


def workflow_names(root: str) -> list[str]:
    """The project's own and those that fermata ships, sorted."""
    return sorted(_names(os.path.join(root, PROJECT_FOLDER)) | _names(SHIPPED))


def _names(folder: str) -> set[str]:
    try:
        return {name[:-5] for name in os.listdir(folder) if name.endswith(".yaml")}
    except (FileNotFoundError, NotADirectoryError):
        return set()


def spec_elsewhere(root: str) -> str:
    """Where else in the project a specification lies, for who named none; empty where none does."""
    return next((name for name in OTHER_SPECS if os.path.isfile(os.path.join(root, name))), "")
