"""What a Bash command may be while fermata holds: plain reading, or one call of fermata's own launcher.

Splits a command as bash and zsh do, at `|`, `&&`, `||`, `;` and line ends outside quotes, and lets every part be judged
by `readers`, an allow-list. No shell is asked and nothing is expanded: what would make the shell do more than call the
programs is refused, and so is whatever is not understood. Every refusal says which part, and the way on.
"""

from __future__ import annotations

SPLITTERS = ("&&", "||", "|&", "|", ";", "\n")
NULL_REDIRECTS = tuple(f"{stream}{gap}/dev/null" for stream in ("2>", "1>", "&>", ">", "<") for gap in ("", " "))
FREE_REDIRECTS = ("2>&1", "1>&2", ">&2", *NULL_REDIRECTS)
NAMED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-")
BLANK = " \t"
PLAIN = NAMED | set("=:@%+")  # the bulk of every command, taken at once
# Not `*?[]~`: they expand to file names only, and `readers` sees to it that no file's name becomes an option.
SPECIAL = frozenset("$`<>(){}&\r#")
WILD = set("*?[")
INSTEAD = {
    "$": "no variable and no `$(…)` is let through: run the inner command by itself and write out what it said; "
    "for all files of a kind `git ls-files '*.py' | xargs wc -l` goes",
    "`": "run the inner command by itself and write out what it said",
    "<": "name the file as an argument; no here-document and no `<(…)`",
    ">": "nothing is written here; only `2>&1`, `2>/dev/null` and `>/dev/null` go",
    "(": "no subshell: write the commands one after the other, and quote what belongs to a pattern",
    ")": "no subshell: write the commands one after the other, and quote what belongs to a pattern",
    "{": "no group: write the commands one after the other, and quote what belongs to a pattern",
    "}": "no group: write the commands one after the other, and quote what belongs to a pattern",
    "&": "nothing runs in the background here; join commands with && or ;",
}


class Word:
    """A word with its quotes removed.

    `wild`: "" when the shell takes it as it is, "glob" when it puts file names in its place, "brace" when it makes
    several words of it.
    """

    def __init__(self, text: str, wild: str) -> None:
        self.text, self.wild = text, wild


class ShellError(ValueError):
    """A command this module does not let pass; `str()` names the part, the rule and the way on."""


class _Splitter:
    """Reads one command from left to right; `parts` grows as words end."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.parts: list[list[Word]] = [[]]
        self.ends: list[str] = []  # the splitter behind each part but the last
        self.word: list[str] | None = None
        self.wild, self.source = "", False

    def run(self) -> list[list[Word]]:
        while self.at < len(self.text):
            self.step(self.text[self.at])
        self.end_word()
        self.refuse_open_source()
        return _without_empty(self.parts, self.ends)

    def step(self, char: str) -> None:
        between = self.word is None
        free = _free_redirect(self.text, self.at) if between else 0
        plain = "" if free else _run_of(PLAIN, self.text, self.at)
        splitter = "" if plain else next((s for s in SPLITTERS if self.text.startswith(s, self.at)), "")
        if free:
            self.at += free
        elif plain:
            self.add(plain, len(plain))
        elif splitter:
            self.end_word()
            self.refuse_open_source()
            self.parts.append([])
            self.ends.append(splitter)
            self.at += len(splitter)
        elif char in BLANK:
            self.end_word()
            self.at += 1
        elif char == "#" and between:
            self.at = (self.text + "\n").index("\n", self.at)
        elif char in "'\"":
            self.quoted(char)
        elif char == "\\":
            self.escaped()
        else:
            self.bare(char)

    def end_word(self) -> None:
        if self.word is None:
            return
        word = Word("".join(self.word), self.wild)
        if not self.source:
            self.parts[-1].append(word)
        elif word.wild or word.text.startswith(("/dev/", "-", "&")):  # bash makes a connection of /dev/tcp/…
            raise ShellError(f"`<` before `{show(word.text)}`: {INSTEAD['<']}")
        self.word, self.wild, self.source = None, "", False

    def refuse_open_source(self) -> None:
        if self.source:
            raise ShellError("`<` stands before no file; name one")

    def add(self, text: str, length: int, wild: str = "") -> None:
        self.word = self.word or []
        self.word.append(text)
        self.wild = wild or self.wild
        self.at += length

    def quoted(self, quote: str) -> None:
        if quote == "'":
            end = self.text.find("'", self.at + 1)
            if end < 0:
                raise ShellError("the quote ' is not closed")
            self.add(self.text[self.at + 1 : end], end + 1 - self.at)
        else:
            inside, length = _double_quoted(self.text, self.at)
            self.add(inside, length)

    def escaped(self) -> None:
        """A backslash makes the next character plain; before a line end both are gone."""
        following = self.text[self.at + 1 : self.at + 2]
        if following == "\n":
            self.at += 2
        elif following in ("", "\r"):
            raise ShellError("a backslash stands at the end; take it away, or go on with the line")
        else:
            self.add(following, 2)

    def bare(self, char: str) -> None:
        braces = _braces(self.text, self.at)
        rest = self.text[self.at : self.at + 2]
        if rest == "$?":
            self.add("0", 2)
        elif braces:
            self.add(braces, len(braces), "brace" if "," in braces or ".." in braces else "")
        elif char == "<" and self.word is None and not self.source and rest not in ("<<", "<(", "<&", "<>"):
            self.source = True
            self.at += 1
        elif char == "!" and (self.word is not None or self.text[self.at + 1 : self.at + 2] not in BLANK):
            raise ShellError("`!` outside quotes can stand for an earlier command; quote it, or set it apart by blanks")
        elif char in SPECIAL:
            raise ShellError(f"`{show(char)}` outside quotes: {INSTEAD.get(char, 'quote it')}")
        else:
            self.add(char, 1, "glob" if char in WILD and self.wild != "brace" else "")


def _free_redirect(text: str, start: int) -> int:
    """Characters of the harmless redirection at *start*, 0 when there is none or a word goes on behind it."""
    found = next((redirect for redirect in FREE_REDIRECTS if text.startswith(redirect, start)), "")
    behind = text[start + len(found) : start + len(found) + 2]
    return len(found) if behind[:1] in ("", " ", "\t", "|", ";", "\n") or behind == "&&" else 0


def _run_of(chars: frozenset[str], text: str, start: int) -> str:
    """The longest run of *chars* in *text* that begins at *start*."""
    end = start
    while end < len(text) and text[end] in chars:
        end += 1
    return text[start:end]


def _braces(text: str, start: int) -> str:
    """The braces at *start* with what is in them, when a shell takes them for a name or for several words; else "".

    `{}`, `@{1}`, `@{u}` mean themselves; with a comma or two dots the shell makes several words of one.
    """
    inside = _run_of(NAMED | {","}, text, start + 1)
    found = text[start : start + len(inside) + 2]
    return found if text[start] == "{" and found.endswith("}") and len(found) == len(inside) + 2 else ""


def _double_quoted(text: str, start: int) -> tuple[str, int]:
    """What a string in double quotes says, and its length with the quotes.

    Inside, a backslash is itself but before `$`, backquote, `"` and a backslash; `$` is itself where no name can follow.
    """
    out: list[str] = []
    at = start + 1
    while at < len(text):
        char, following = text[at], text[at + 1 : at + 2]
        if char == '"':
            return "".join(out), at + 1 - start
        if char == "\\" and following == "\n":
            raise ShellError("inside double quotes a line is continued; use single quotes")
        if char == "\\" and following in ("$", "`", '"', "\\"):
            out.append(following)
            at += 2
        elif char == "$" and following == "?":
            out.append("0")
            at += 2
        elif char == "`" or (char == "$" and following not in ('"', "|", ")", " ", "/")):
            raise ShellError(f"`{char}` inside double quotes still means something to the shell; use single quotes")
        else:
            out.append(char)
            at += 1
    raise ShellError('the quote " is not closed')


def _without_empty(parts: list[list[Word]], ends: list[str]) -> list[list[Word]]:
    """The parts that hold a word. A line may be empty, and one may end in `|` or `&&`; nothing else may be empty."""
    found: list[list[Word]] = []
    joined = ""  # the splitter that still wants a right side
    for part, end in zip(parts, [*ends, "\n"], strict=True):
        if part:
            found.append(part)
            joined = end if end not in ("\n", ";") else ""
        elif end != "\n" or (joined and part is parts[-1]):
            raise ShellError("a part of the command is empty; write a command on both sides of each |, && and ;")
    if not found:
        raise ShellError("a part of the command is empty; there is no command in it")
    return found


def split_command(text: str) -> list[list[Word]]:
    """The parts of *text*, each a list of at least one word.

    Raises:
        ShellError: unbalanced quotes, or a character outside quotes that means more to a shell than a word.
    """
    if "\0" in text:
        raise ShellError("a NUL character ends the command for some programs and not for others")
    return _Splitter(text).run()


def show(text: str) -> str:
    """The beginning of *text*, as it may stand in a message."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:60])


def reading_error(text: str) -> str | None:
    """Why *text* is not plain reading, or None when it is."""
    from .readers import part_error  # its tables are of use to a Bash call only

    try:
        parts = split_command(text)
    except ShellError as error:
        return str(error)
    return next(filter(None, map(part_error, parts)), None)


def launcher_verb(text: str, launcher: str) -> str | None:
    """The verb, when *text* is one plain call of *launcher* (an absolute path) and nothing else; otherwise None."""
    if launcher.rpartition("/")[2] not in text:
        return None
    try:
        parts = split_command(text)
    except ShellError:
        return None
    if len(parts) != 1 or _same_dots(parts[0][0].text) != launcher:
        return None
    return parts[0][1].text if len(parts[0]) > 1 else ""


def _same_dots(path: str) -> str:
    """An absolute *path* without `.` and empty components; `..` stays, since it could lead through a link.

    2.1.197 writes a plugin root that came from a folder marketplace as `/a/b/./`.
    """
    return path[:1] + "/".join(part for part in path[1:].split("/") if part not in ("", "."))
