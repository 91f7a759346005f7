"""Who plays the second piece: agents that build, lie, leave gaps, mend, resolve and judge. What they say, and nothing else.

Each knows what to do from its brief alone. Some are held up at their work until the director lets them go on.
"""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING

from .five_modules import FAULTS, MODULES, RESOLVED, SHARED
from .five_phases import FILES
from .messages import ToolUse
from .orchestrator import bash, obedient
from .script import Report, Script

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .script import Conversation, Heard

HELD_SECONDS = 75.0
MARKS = {
    "executor": "You build one module of one phase of a fermata run.",
    "fixer": "You mend what fermata's validation of a phase found.",
    "reviewer": "You judge whether a phase of a fermata run meets its success criteria.",
    "architect": "You resolve a merge conflict of a fermata run",
    "auditor": "You audit the change of a fermata run",
}
# A person would have allowed it: agents make a script of theirs executable.
SETTINGS = {"permissions": {"allow": ["Bash(chmod +x:*)"]}}


class ConductCast:
    """The agents of one run.

    Args:
        faults: the modules that a bad agent builds.
        held: the modules whose agents are held up, once half is written, until their event is set.
        comes_round: until it is set, whoever reviews the whole rambles and hands nothing in.
    """

    def __init__(
        self,
        faults: Iterable[str] = (),
        held: Mapping[str, threading.Event] | None = None,
        comes_round: threading.Event | None = None,
    ) -> None:
        self._faults = {name: FAULTS[name] for name in faults}
        self._held = dict(held or {})
        self._comes_round = comes_round

    def script(self) -> Script:
        agents = {
            MARKS["executor"]: self.executor,
            MARKS["fixer"]: self.fixer,
            MARKS["reviewer"]: self.reviewer,
            MARKS["architect"]: self.architect,
            MARKS["auditor"]: self.auditor,
        }
        return Script(obedient(), agents)

    def executor(self, heard: Heard) -> Conversation:
        """Builds the module that its brief names, as good or as bad as it is."""
        brief, module = heard, said(heard, "Module")
        files = {**MODULES[module], **self._faults.get(module, {})}
        first, *rest = files
        yield from write(brief, {first: files[first]})
        self._wait(module)
        if rest:
            yield from write(brief, {name: files[name] for name in rest})
        scripts = [name for name in files if name.endswith(".sh")]
        if scripts:
            yield bash(f'cd "{place_of(brief)}" && chmod +x {" ".join(scripts)}')
        yield Report(built(list(files), f"{module} is done, all tests pass"))
        # Where another agent had begun it: what that one has written is no change of this one.
        yield Report(built(list(rest or files), f"{module} is done, one file was there"))

    def fixer(self, heard: Heard) -> Conversation:
        """Puts what is right in the place of what was wrong in its phase."""
        wrong = {path: MODULES[module][path] for module in self._faults for path in self._faults[module]}
        mended = {path: text for path, text in wrong.items() if f"`{path.partition('/')[0]}/**`" in heard.text}
        yield from write(heard, mended)
        yield Report(built(list(mended), f"mended {', '.join(mended)}"))

    def architect(self, heard: Heard) -> Conversation:
        """Does what both sides want."""
        yield from write(heard, {SHARED: RESOLVED})
        yield Report(built([SHARED], "both parts are named"))

    def reviewer(self, heard: Heard) -> Conversation:
        """Judges the criteria of a phase, or the whole."""
        if not heard.text.startswith("# Criteria"):
            while self._comes_round and not self._comes_round.is_set():
                yield Report("All in all it looks rather good to me.")
            yield Report(verdict())
        yield ToolUse("Read", {"file_path": f"{place_of(heard)}/README.md"})
        listed = heard.text.partition("## Success criteria\n```\n")[2].partition("\n```")[0]
        met = [
            {"criterion": line[2:], "met": True, "evidence": "fermata's own run of the phase's command: green"}
            for line in listed.splitlines()
        ]
        yield Report(json.dumps({"verdict": "approve", "summary": "Seen.", "criteria": met, "findings": []}))

    def auditor(self, heard: Heard) -> Conversation:
        """Finds nothing."""
        yield ToolUse("Read", {"file_path": f"{place_of(heard)}/README.md"})
        yield Report(verdict())

    def _wait(self, module: str) -> None:
        if module in self._held:
            self._held[module].wait(HELD_SECONDS)


def said(heard: Heard, field: str) -> str:
    """What the brief says after `FIELD: `; empty where it does not."""
    found = re.search(rf"^{field}: (.+)$", heard.text, re.MULTILINE)
    return found[1] if found else ""


def place_of(heard: Heard) -> str:
    """The worktree that the brief names."""
    found = re.search(r"worktree of your own:\n`([^`]+)`", heard.text)
    return found[1] if found else ""


def write(heard: Heard, files: Mapping[str, str]) -> Conversation:
    """Write *files* where the brief says; the client wants a file that is there read before it is written again."""
    place = place_of(heard)
    known = [
        name for name in files if name in FILES or "## What went wrong" in heard.text or "# Conflict" in heard.text
    ]
    if known:
        yield [ToolUse("Read", {"file_path": f"{place}/{name}"}) for name in known]
    yield [ToolUse("Write", {"file_path": f"{place}/{name}", "content": text}) for name, text in files.items()]


def built(files: list[str], claim: str) -> str:
    """A report, which is always full of confidence."""
    tests = [{"command": "all of them", "outcome": "passed"}]
    found = {"status": "completed", "summary": claim, "files_modified": files, "tests_run": tests, "caveats": []}
    return json.dumps(found)


def verdict() -> str:
    """An approval of the whole."""
    return json.dumps({"verdict": "approve", "summary": "It does what was asked for.", "findings": []})
