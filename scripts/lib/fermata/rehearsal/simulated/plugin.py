"""The commands and agents of a plugin, read from its Markdown files; it decides which file a typed line means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from .hooks import plugin_name

FRONTMATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)


@dataclass(frozen=True)
class Command:
    """One slash command: its full name (`fermata:build`), the text it becomes."""

    name: str
    body: str

    def expanded(self, args: str) -> str:
        """What the model reads instead of the typed line."""
        text = self.body.replace("$ARGUMENTS", args)
        return text if text != self.body or not args else f"{text}\n\nARGUMENTS: {args}"


def find_command(plugins: tuple[Path, ...], word: str) -> Command | None:
    """The command of the typed *word*: `plugin:name`, or the bare name that its file gives it."""
    for name, fields, body in _files(plugins, "commands"):
        if word in (name, fields.get("name")):
            return Command(name, body)
    return None


def find_agent(plugins: tuple[Path, ...], kind: str) -> str | None:
    """The prompt of the agent *kind* (`fermata:planner`); None if there is no such agent."""
    return next((body for name, _, body in _files(plugins, "agents") if name == kind), None)


def known_agents(plugins: tuple[Path, ...]) -> list[str]:
    """Every agent's full name."""
    return [name for name, _, _ in _files(plugins, "agents")]


def _files(plugins: tuple[Path, ...], folder: str) -> Iterator[tuple[str, dict[str, str], str]]:
    for plugin in plugins:
        for path in sorted((plugin / folder).glob("*.md")):
            text = path.read_text(encoding="utf-8")
            head = FRONTMATTER.match(text)
            fields = yaml.safe_load(head[1]) if head else {}
            body = (text[head.end() :] if head else text).replace("${CLAUDE_PLUGIN_ROOT}", str(plugin))
            yield f"{plugin_name(plugin)}:{path.stem}", fields, body.strip()
