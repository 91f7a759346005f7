"""A session: the main thread's turns, its agents, and the events that hooks hear in the client's order.

Decides what a typed line means, when a turn is over and what wakes the main thread. Who types and who reads is the
business of `screen`; what an agent does, of `agents`.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from . import transcript
from .agents import Agents
from .hooks import Heard, Hooks
from .payloads import WITH_EFFORT, Fields, Origin, Who, answered, stopping
from .plugin import find_agent, find_command, known_agents
from .thread import Part, Thread
from .tools import Done, Place
from .wire import ApiFailure, Model

TOOLS = ("Bash", "Read", "Write", "Edit", "Agent", "SendMessage")
PICKER = "AskUserQuestion"
MAX_STOPS = 8
SYSTEM = "You are the main thread of a simulated client."


class Person(Protocol):
    """Who sits before the session: a screen and a keyboard, or a script that reads standard output."""

    attended: bool

    def show(self, text: str) -> None: ...
    def ask(self, question: Fields) -> str: ...


@dataclass(frozen=True)
class Start:
    """How the program was started."""

    version: str
    mode: str
    plugins: tuple[Path, ...]
    resume: str
    program: str


class Session:
    """One session, from SessionStart on."""

    def __init__(self, start: Start, person: Person, env: Mapping[str, str], cwd: Path) -> None:
        home, session = Path(env["HOME"]), start.resume or str(uuid4())
        file = transcript.session_file(home, str(cwd), session)
        self.origin = Origin(session, str(file), str(cwd), start.mode, start.version)
        self.model = Model(env["ANTHROPIC_BASE_URL"], env.get("ANTHROPIC_API_KEY", ""), session)
        self._env, self._start, self._person = env, start, person
        self.place = Place(cwd, {**self._common(), "CLAUDE_CODE_EXECPATH": start.program})
        self._hooks = Hooks(start.plugins, home / ".claude" / "plugins" / "data", not self.origin.old)
        self.agents = Agents(self, lambda kind: find_agent(start.plugins, kind), known_agents(start.plugins))
        self._prompt_id = ""
        self._woken: deque[str] = deque()
        self.changed = threading.Condition()
        tools = (*TOOLS, PICKER) if person.attended else TOOLS
        self._main = Thread(self, Part(None, SYSTEM, tools), self._special, self._keep)
        if start.resume:
            self._main.messages = transcript.load(file)
        self._context = self._begin()

    # --- what hooks hear --------------------------------------------------------------------------------------------

    def fire(self, event: str, who: Who | None, **fields: object) -> Heard:
        """Start the hooks of *event*."""
        payload = self.origin.payload(event, self._prompt_id, who, fields)
        return self._hooks.fire(payload, self._hook_env(event))

    def _common(self) -> dict[str, str]:
        """What every program that the client starts finds in its environment."""
        attended = self._person.attended
        newer = {"CLAUDE_PID": str(os.getpid()), "CLAUDE_CODE_SESSION_ATTENDED": str(int(attended))}
        return {
            **self._env,
            "CLAUDECODE": "1",
            "CLAUDE_CODE_CHILD_SESSION": "1",
            "CLAUDE_CODE_ENTRYPOINT": "cli" if attended else "sdk-cli",
            "CLAUDE_CODE_SESSION_ID": self.origin.session,
            **({} if self.origin.old else newer),
        }

    def _hook_env(self, event: str) -> dict[str, str]:
        extra = {"CLAUDE_PROJECT_DIR": self.origin.cwd, "AI_AGENT": f"claude-code_{self._dashed}_harness"}
        if event in WITH_EFFORT:
            extra["CLAUDE_EFFORT"] = "medium"
        if event == "SessionStart":
            extra["CLAUDE_ENV_FILE"] = str(Path(self.origin.transcript).with_suffix(".env"))
        return {**self._common(), **extra}

    @property
    def _dashed(self) -> str:
        return self.origin.version.replace(".", "-")

    def _begin(self) -> str:
        """What SessionStart's hooks add for the model."""
        fields = self.origin.resumed() if self._start.resume else {"source": "startup"}
        heard = self._said_to_person(self.fire("SessionStart", None, **fields), "SessionStart")
        return heard.context

    def end(self) -> None:
        """The session ends in good order."""
        reason = "prompt_input_exit" if self._person.attended else "other"
        self.fire("SessionEnd", None, reason=reason)

    # --- turns ------------------------------------------------------------------------------------------------------

    def type(self, line: str) -> str:
        """A person's line: a command of a plugin, or words for the model. Gives the turn's last words."""
        self._prompt_id = str(uuid4())
        word, _, args = line[1:].partition(" ")
        command = find_command(self._start.plugins, word) if line.startswith("/") else None
        if line.startswith("/") and command is None:
            return self._shown(f"Unknown command: /{word}")
        submit: tuple[str, Fields] = ("UserPromptSubmit", {"prompt": line})
        events = [submit]
        if command:
            named = {"expansion_type": "slash_command", "command_name": command.name, "command_args": args}
            expansion: tuple[str, Fields] = (
                "UserPromptExpansion",
                {**named, "command_source": "plugin", "prompt": line},
            )
            events = [expansion, submit] if self.origin.old else [submit, expansion]
        heard = Heard()
        for event, fields in events:
            heard = heard.and_then(self._said_to_person(self.fire(event, None, **fields), event))
            if heard.refused:
                return self._shown(f"{event} operation blocked by hook:\n{heard.reason}\n\nOriginal prompt: {line}")
        context, self._context = "\n".join(filter(None, (self._context, heard.context))), ""
        reminder = f"<system-reminder>{context}</system-reminder>\n" if context else ""
        return self._turn(reminder + (command.expanded(args) if command else line))

    def woken(self) -> str | None:
        """A turn that an agent's end began; None when there was none to begin."""
        with self.changed:
            text = self._woken.popleft() if self._woken else None
        if text is None:
            return None
        self._prompt_id = str(uuid4())
        self.fire("UserPromptSubmit", None, prompt=text.partition("\n")[2] if text.startswith("Another") else text)
        return self._turn(text)

    def wake(self, text: str) -> None:
        """An agent has something for the main thread. Called from the agents' threads."""
        with self.changed:
            self._woken.append(text)
            self.changed.notify_all()

    @property
    def has_news(self) -> bool:
        return bool(self._woken)

    def _turn(self, text: str) -> str:
        """Until the model has nothing more to do and no Stop hook more to say."""
        self._main.hear(text)
        said = ""
        try:
            for stops in range(MAX_STOPS + 1):
                said = self._main.turn(self._hear_news)
                told = stopping(active=stops > 0, last=said, tasks=self.agents.busy)
                heard = self._said_to_person(self.fire("Stop", None, **told), "Stop")
                feedback = heard.reason if heard.refused else heard.context
                if not feedback:
                    break
                self._main.hear(f"Stop hook feedback:\n{feedback}")
        except ApiFailure as failure:
            self.fire("StopFailure", None, error="unknown", last_assistant_message=str(failure))
            return self._shown(str(failure))
        return said

    def _hear_news(self) -> None:
        """What agents reported while the main thread was at work."""
        with self.changed:
            news, self._woken = list(self._woken), deque()
        for text in news:
            self._main.hear(text, role="system")

    # --- the main thread's own calls --------------------------------------------------------------------------------

    def _special(self, name: str, given: Fields, used: str) -> Done | None:
        if name == "Agent":
            return self.agents.begin(given, used)
        if name == "SendMessage":
            return self.agents.write_to(given)
        return self._picker(given) if name == PICKER else None

    def _picker(self, given: Fields) -> Done:
        """The client's picker: only the person answers, whatever the call has filled in."""
        questions = given.get("questions")
        asked = (
            [question for question in questions if isinstance(question, dict)] if isinstance(questions, list) else []
        )
        self.fire("PermissionRequest", None, tool_name=PICKER, tool_input=given)
        answers = {str(question["question"]): self._person.ask(question) for question in asked}
        told = "; ".join(f'"{question}"="{answer}"' for question, answer in answers.items())
        return Done(f"Your questions have been answered: {told}", answered(asked, answers))

    # --- what is shown ----------------------------------------------------------------------------------------------

    def show(self, text: str) -> None:
        self._person.show(text)

    def _shown(self, text: str) -> str:
        self.show(text)
        return text

    def _said_to_person(self, heard: Heard, event: str) -> Heard:
        for message in heard.messages:
            self.show(f"  ⎿  {event} says: {message}")
        return heard

    def _keep(self, message: Fields) -> None:
        transcript.append(Path(self.origin.transcript), self.origin.session, message)
