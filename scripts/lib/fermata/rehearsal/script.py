"""Say what the model says, one generator for each conversation.

An actor is a generator function: it is given what it hears first, yields its turns, and receives what
it hears next. `Script` replays the actor from the history of each request, so nothing is kept between
requests: a retry gets the same turn, and a session that was killed and resumed goes on where its
transcript stands. For that an actor must be a function of what it hears alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace

from .messages import Answer, ApiError, Block, Message, Reply, Request, Text, ToolResult, ToolUse

# What the client says beside the result of a tool search.
_LOADED = "Tool loaded."
HANDBACK = "SubagentHandback"
# How the client opens the conversation that follows a compaction.
COMPACTED = "This session is being continued from a previous conversation"


@dataclass(frozen=True)
class Report:
    """An agent's last word: by the hand-back tool where the client offers it, else as plain text."""

    text: str


Turn = str | Block | Report | Sequence[str | Block] | Answer | ApiError


@dataclass(frozen=True)
class Heard:
    """What reached a conversation since its last turn.

    `text` is the user's text without reminders (a prompt, a brief, a task notification, a Stop hook's
    feedback); `context` is the rest: what hooks and the client added for the model.
    """

    text: str
    results: tuple[ToolResult, ...] = ()
    context: str = ""

    @property
    def compacted(self) -> bool:
        """Whether the conversation begins with a summary of itself."""
        return COMPACTED in self.text

    def and_then(self, more: Heard) -> Heard:
        text = "\n".join(filter(None, (self.text, more.text)))
        context = "\n".join(filter(None, (self.context, more.context)))
        return Heard(text, self.results + more.results, context)

    def result(self, name: str) -> ToolResult:
        """The first result of a call of tool *name*.

        Raises:
            LookupError: there is none; the message lists the results there are.
        """
        for result in self.results:
            if result.name == name:
                return result
        raise LookupError(f"no result of {name}; heard {self}")


Conversation = Generator[Turn, Heard, None]
Actor = Callable[[Heard], Conversation]


def idle(_heard: Heard) -> Conversation:
    """The actor of a conversation that nobody scripted: agrees to everything and does nothing."""
    while True:
        yield "Done."


class Script:
    """Answers each request of the main thread or of an agent from the actor it belongs to.

    Args:
        main: plays the main thread.
        agents: marker text in an agent's own prompt (the body of its definition) → its actor. An agent
            without a marker is played by `idle`.
    """

    def __init__(self, main: Actor = idle, agents: Mapping[str, Actor] | None = None) -> None:
        self._main = main
        self._agents = dict(agents or {})
        self._failed: dict[object, int] = {}
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        position, replies = replay(self.actor(request), request.messages, handback=HANDBACK in request.tools)
        turn = (request.session_id, request.agent_id, request.first, position)
        for reply in replies:
            if not isinstance(reply, ApiError):
                return with_tools_loaded(request, reply)
            if self._fails_again(turn, reply):
                return reply
        raise AssertionError("the replies of a turn end with an answer")

    def actor(self, request: Request) -> Actor:
        if request.kind == "main":
            return self._main
        return next((actor for marker, actor in self._agents.items() if marker in request.system), idle)

    def _fails_again(self, turn: tuple[object, ...], error: ApiError) -> bool:
        with self._lock:
            count = self._failed[turn, error] = self._failed.get((turn, error), 0) + 1
        return count <= error.times


def with_tools_loaded(request: Request, reply: Answer) -> Answer:
    """Load deferred tools first: newer clients let some be called only after a ToolSearch for them."""
    if "ToolSearch" not in request.tools:
        return reply
    missing = sorted({b.name for b in reply.blocks if isinstance(b, ToolUse)} - request.tools - {"Task"})
    searched = any(result.name == "ToolSearch" for result in request.results)
    if not missing or searched:  # what a search did not bring is not to be had: let the call fail
        return reply
    search = ToolUse("ToolSearch", {"query": "select:" + ",".join(missing), "max_results": len(missing)})
    return replace(reply, blocks=(search,))


def replay(actor: Actor, messages: Sequence[Message], *, handback: bool = False) -> tuple[int, list[Reply]]:
    """Bring a new generator to the end of the history.

    Gives the number of its turns in the history, and the next one: errors that stand before it, then the answer.

    An assistant turn of the history that the actor would not have said was put there by the client or by a
    tool search: it is passed over, and what was heard around it is heard together.

    *handback*: whether a `Report` goes out through the hand-back tool.
    """
    heards, turns = split_history(messages)
    player = _Player(actor, heards[0], handback=handback)
    for turn, heard in zip(turns, heards[1:], strict=True):
        if player.would_say(turn):
            player.hear(heard)
        else:
            player.hear_more(heard)
    return len(player.past), player.replies


def split_history(messages: Sequence[Message]) -> tuple[list[Heard], list[Message]]:
    """What was heard, and the assistant turns between: always one more heard than turns."""
    heards: list[list[Message]] = [[]]
    turns: list[Message] = []
    for message in messages:
        if message.role != "assistant":
            heards[-1].append(message)
        elif turns and not heards[-1]:  # one answer, sent back as two messages
            turns[-1] = Message("assistant", f"{turns[-1].text}\n{message.text}", turns[-1].calls + message.calls)
        else:
            turns.append(message)
            heards.append([])
    return [_heard(stretch) for stretch in heards], turns


def _heard(stretch: Sequence[Message]) -> Heard:
    user = [message.text for message in stretch if message.role == "user" and message.text not in ("", _LOADED)]
    return Heard(
        text="\n".join(user),
        results=tuple(result for message in stretch for result in message.results if result.name != "ToolSearch"),
        context="\n".join(message.context for message in stretch if message.context),
    )


class _Player:
    """One generator and the turn it takes next: `replies` is that turn, after the errors before it."""

    def __init__(self, actor: Actor, heard: Heard, *, handback: bool) -> None:
        self._actor = actor
        self._handback = handback
        self.past: list[Heard] = []
        self._heard = heard
        self._start()

    def would_say(self, turn: Message) -> bool:
        return _outline(self.replies[-1]) == (
            sorted(_tool(name) for _, name in turn.calls),
            "" if turn.calls else "".join(turn.text.split()),
        )

    def hear(self, heard: Heard) -> None:
        self.past.append(self._heard)
        self._heard = heard
        self.replies = self._go_on(heard)

    def hear_more(self, more: Heard) -> None:
        """The turn before *more* was not ours: hear both at once, which needs a fresh start."""
        self._heard = self._heard.and_then(more)
        self._start()

    def _start(self) -> None:
        first, *rest = [*self.past, self._heard]
        self._conversation = self._actor(first)
        self.replies = self._go_on(None)
        for heard in rest:
            self.replies = self._go_on(heard)

    def _go_on(self, heard: Heard | None) -> list[Reply]:
        replies: list[Reply] = []
        while not replies or isinstance(replies[-1], ApiError):
            try:
                turn = (
                    next(self._conversation)
                    if heard is None and not replies
                    else self._conversation.send(heard or self._heard)
                )
            except StopIteration:
                turn = "Done."
            replies.append(as_reply(turn, handback=self._handback))
        return replies


def _outline(reply: Reply) -> tuple[list[str], str]:
    """What of a turn survives in the history: its tool names, or its words."""
    blocks = reply.blocks if isinstance(reply, Answer) else ()
    names = sorted(_tool(block.name) for block in blocks if isinstance(block, ToolUse))
    return names, "" if names else "".join("".join(block.text.split()) for block in blocks if isinstance(block, Text))


def _tool(name: str) -> str:
    return "Agent" if name == "Task" else name


def as_reply(turn: Turn, *, handback: bool) -> Reply:
    """A turn as actors may write it: a string, a block, several of them, a report, or a whole answer."""
    if isinstance(turn, (Answer, ApiError)):
        return turn
    if isinstance(turn, Report):
        turn = ToolUse(HANDBACK, {"message": turn.text}) if handback else turn.text
    parts: Sequence[str | Block] = [turn] if isinstance(turn, (str, Text, ToolUse)) else turn
    return Answer(tuple(Text(part) if isinstance(part, str) else part for part in parts))
