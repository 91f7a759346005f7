"""Reads a command as a plan, a spec or a person wrote it, and decides how it will be run: as argv or by bash.

The text that a person is shown is the text that is parsed; a record read back from JSON is parsed again and must come
out the same, so nothing can be shown that is not what runs. Nothing is run here.
"""

from __future__ import annotations

import posixpath
import re
import shlex
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fermata.core.records import CommandJson, Json

LIMIT = 2000
BASH = ("bash", "-euo", "pipefail", "-c")
SHELL_CHARACTERS = frozenset("|&;<>()$`*?[]{}\n")
SHELL_WORDS = frozenset(
    "! . : [[ alias break builtin case cd command continue coproc declare eval exec exit export for function if local"
    " popd pushd read readonly return select set shift shopt source time trap type typeset ulimit umask unalias unset"
    " until wait while".split()
)
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class CommandError(ValueError):
    """A text that is not one usable command; `str()` says why and what to write instead."""


class Command(NamedTuple):
    """A command as it will be run: exactly one of `argv` and `shell`, in `cwd` below the work tree's top.

    `shown` is the whole text a person is shown and approves.
    """

    argv: tuple[str, ...] | None
    shell: str | None
    cwd: str
    shown: str

    @property
    def is_shell(self) -> bool:
        """Whether bash runs it; the gate marks such a command."""
        return self.shell is not None

    @property
    def words(self) -> tuple[str, ...]:
        """What is started: the argv itself, or bash with the text."""
        return self.argv if self.argv is not None else (*BASH, self.shell or "")


def parse_command(text: str) -> Command:
    """Decide how *text* is run.

    Without shell syntax it is argv; `cd X && REST` is the folder X (relative, inside the tree) and argv; every other
    text is a shell line.

    Raises:
        CommandError: empty, longer than 2,000 characters, an unbalanced quote, or a character that does not show.
    """
    shown = text.strip()
    _refuse_unshowable(shown)
    if not _needs_shell(shown):
        return Command(_split(shown), None, ".", shown)
    return _in_folder(shown) or Command(None, shown, ".", shown)


def _refuse_unshowable(text: str) -> None:
    if not text:
        raise CommandError("the command is empty; write the command that checks the work, for example `pytest -q`")
    if len(text) > LIMIT:
        raise CommandError(
            f"the command has {len(text):,} characters, at most {LIMIT:,} are taken; put it into a script"
        )
    for character in text:
        if unicodedata.category(character) in HIDDEN_CATEGORIES and character not in "\n\t":
            raise CommandError(f"the command holds U+{ord(character):04X}, which does not show; remove it")


def _needs_shell(text: str) -> bool:
    found = _has_syntax(text)  # reads to the end, so that an unbalanced quote is refused wherever it stands
    first = text.split(maxsplit=1)[0]
    return found or first in SHELL_WORDS or ASSIGNMENT.match(first) is not None


def _has_syntax(text: str) -> bool:
    """Whether bash would read *text* otherwise than as plain words; quotes are the same for bash and shlex."""
    found, quote, at, word_starts = False, "", 0, True
    while at < len(text):
        char = text[at]
        if quote == "'":
            quote = "" if char == "'" else quote
        elif char == "\\":
            following = text[at + 1 : at + 2]
            if not following:
                raise CommandError("the command ends in a backslash; remove it or finish the line")
            found = found or following == "\n" or (quote == '"' and following in "$`")
            at += 1
        elif quote:
            quote = "" if char == '"' else quote
            found = found or char in "$`"
        elif char in "'\"":
            quote = char
        elif char in SHELL_CHARACTERS or (word_starts and char in "~#"):
            found = True
        word_starts = not quote and char in " \t\n"
        at += 1
    if quote:
        raise CommandError(f"the command has an unbalanced {quote} quote; close it, or escape it with a backslash")
    return found


def _split(text: str) -> tuple[str, ...]:
    words = tuple(shlex.split(text))
    if not words[0]:
        raise CommandError("the command starts with an empty word; write the program's name first")
    return words


def _in_folder(text: str) -> Command | None:
    """`cd X && REST` with plain X and REST, else None."""
    left, joined, rest = text.partition("&&")
    rest = rest.strip()
    if not (joined and rest and re.match(r"cd[ \t]", left)):
        return None
    try:
        if _has_syntax(left) or _needs_shell(rest):
            return None
    except CommandError:
        return None  # the first `&&` stands within quotes
    _cd, *folders = _split(left)
    if len(folders) != 1:
        return None
    return Command(_split(rest), None, _folder(folders[0]), text)


def _folder(path: str) -> str:
    if not path or path.startswith(("/", "-")) or ".." in path.split("/"):
        raise CommandError(f"`cd {path}`: a check runs inside the project; name a folder below its top, without `..`")
    return posixpath.normpath(path)


def to_json(command: Command) -> CommandJson:
    """The JSON object that goes into the plan's digest; its keys and their meaning do not change."""
    argv = None if command.argv is None else list(command.argv)
    return {"argv": argv, "shell": command.shell, "cwd": command.cwd, "shown": command.shown}


def from_json(value: Json) -> Command:
    """Read a command that `to_json` wrote.

    Raises:
        CommandError: it is not such an object, or what it shows is not what it would run.
    """
    if not isinstance(value, dict) or not isinstance(value.get("shown"), str):
        raise CommandError("not a command: want an object with argv, shell, cwd and shown")
    command = parse_command(value["shown"])
    if to_json(command) != value:
        raise CommandError(f"the command shows `{command.shown[:200]}` but would run something else; plan it again")
    return command
