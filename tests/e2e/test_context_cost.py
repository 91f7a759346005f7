"""What fermata costs a session that does not use it: the words it adds to the first request, on the real client."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.script import Script
from tests.e2e.conftest import ROOT

if TYPE_CHECKING:
    from tests.e2e.conftest import SetStage, Stage

TOKENS, CHARACTERS_PER_TOKEN = 250, 4  # fifteen agents and one skill
AGENTS = sorted(path.stem for path in (ROOT / "agents").glob("*.md"))


def lines_sent(stage: Stage) -> list[str]:
    """Every line of text in the first request of a new session: system prompt, tools, messages."""
    before = len(stage.model.of_kind("main"))
    stage.headless("Good morning")
    body = stage.model.of_kind("main")[before].body
    found: list[str] = []
    collect({key: body.get(key) for key in ("system", "tools", "messages")}, found)
    return found


def collect(value: object, found: list[str]) -> None:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            collect(item, found)
    elif isinstance(value, str):
        found += value.splitlines()


@pytest.mark.parametrize("version", ["2.1.329", "2.1.197"])
def test_a_session_pays_at_most_250_tokens_and_nothing_for_commands(set_stage: SetStage, version: str) -> None:
    stage = set_stage(version, Script(), {"a": ""}, mode="default")
    without = set(lines_sent(replace(stage, world=replace(stage.world, plugins=()))))
    added = [line for line in lines_sent(stage) if line not in without and "fermata" in line]
    text = "\n".join(added)
    assert all(f"fermata:{agent}" in text for agent in AGENTS), added
    assert "fermata:orchestration" in text
    assert len(text) <= TOKENS * CHARACTERS_PER_TOKEN, (
        f"{len(text) / CHARACTERS_PER_TOKEN:.0f} tokens: {json.dumps(added)}"
    )
    commands = [path.stem for path in (ROOT / "commands").glob("*.md")]
    assert len(commands) > 4
    assert [name for name in commands if re.search(rf"[:/]{name}\b", text)] == []
