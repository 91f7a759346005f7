"""/fermata:prelude: a specification that is written with the user, who sees it before it is written, and that lint agrees to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fermata.rehearsal.messages import ToolUse
from fermata.rehearsal.orchestrator import bash
from fermata.rehearsal.script import Conversation, Heard, Script
from tests.e2e.conftest import git, wished, wishes

if TYPE_CHECKING:
    from fermata.rehearsal.script import Actor
    from tests.e2e.conftest import SetStage

SKILL = re.compile(r"`(/[^`\n]+/skills/specifying/SKILL\.md)`")
LINT = re.compile(r'`("[^"\n]+/scripts/fermata" spec lint)`')
SPEC = """\
# Greeter

## Implementation Phases

### Phase 1: Farewell

Modules: farewell

- Say Goodbye

Test Command: sh check.sh

Success Criteria:
- farewell.txt says Goodbye
"""
QUESTION = {
    "question": "In which language?",
    "header": "Language",
    "options": [{"label": label, "description": label} for label in ("English", "German")],
    "multiSelect": False,
}


def prelude(place: Path) -> Actor:
    """Works as the skill says: lints, asks, shows, writes by the client's own tool, lints again."""

    def play(heard: Heard) -> Conversation:
        method, found = SKILL.search(heard.text), LINT.search(heard.text)
        assert method, heard
        assert found, heard
        heard = yield ToolUse("Read", {"file_path": method[1]})
        assert "Told no, change nothing" in heard.result("Read").text
        heard = yield bash(found[1])
        first = heard.result("Bash").text
        heard = yield ToolUse("AskUserQuestion", {"questions": [QUESTION]})
        assert "English" in heard.result("AskUserQuestion").text
        heard = yield [
            f"Before: {first.splitlines()[0]}. I would write:\n\n{SPEC}",
            ToolUse("Write", {"file_path": str(place / ".spec" / "SPEC.md"), "content": SPEC}),
        ]
        if heard.result("Write").is_error:
            yield "Nothing is written. What shall I change?"
            return
        heard = yield bash(found[1])
        yield f"Now: {heard.result('Bash').text.splitlines()[-1]}"

    return play


@pytest.mark.parametrize("version", ["2.1.329", pytest.param("2.1.197", marks=pytest.mark.long)])
@pytest.mark.parametrize("says", ["yes", pytest.param("no", marks=pytest.mark.long)])
def test_a_specification_is_written_after_the_users_yes_alone(
    set_stage: SetStage, place: Path, version: str, says: str
) -> None:
    stage = set_stage(
        version, Script(prelude(place)), {"README.md": "a project\n"}, mode="default", settings=wishes(place)
    )
    terminal = stage.terminal()
    terminal.submit("/fermata:prelude Say farewell as well")
    terminal.wait_for_text("In which language?")
    terminal.wait_quiet(1)
    terminal.press("enter")
    terminal.wait_for_text("Do you want to create")
    terminal.wait_quiet(1)
    assert not (place / ".spec").exists()
    assert wished(place) == ["AskUserQuestion", "Write"], "only the file itself is asked about, not what looks at it"
    if says == "no":
        terminal.press("esc")
        terminal.wait_quiet(2)
        assert not (place / ".spec").exists()
        return
    terminal.press("enter")
    terminal.wait_for_text("it can be carried out")
    assert (place / ".spec" / "SPEC.md").read_text() == SPEC
    assert git(place, "status", "--porcelain") == "?? .spec/\n"
    assert not (place / ".git" / "fermata").exists(), "no run was begun"
