"""What a Bash command may be while fermata holds: plain reading, or one call of fermata's own launcher.

Decides by an allow-list. A command is split at `|`, `&&` and `;` outside quotes; every part must be a program that
only reads, with no option that writes or runs another program. Whatever is not understood is refused. No shell is
asked and nothing is expanded: a character that would make the shell do more than call the programs is refused too.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SPLITTERS = ("&&", "||", "|", ";")
NULL_REDIRECTS = tuple(f"{stream}{gap}/dev/null" for stream in ("2>", "1>", ">", "<") for gap in ("", " "))
FREE_REDIRECTS = ("2>&1", "1>&2", ">&2", *NULL_REDIRECTS)
# Not `*?[]~`: they expand to file names only, and `_wild_error` sees to it that no file's name becomes an option.
SPECIAL = frozenset("$`<>(){}&!\n\r#\\")
WILD = set("*?[")


class Word:
    """A word with its quotes removed; `wild` when the shell will put file names in its place."""

    def __init__(self, text: str, *, wild: bool) -> None:
        self.text, self.wild = text, wild


class ShellError(ValueError):
    """A command this module does not let pass; `str()` names the part and the rule."""


def split_command(text: str) -> list[list[Word]]:
    """The parts of *text*, each a list of at least one word.

    Raises:
        ShellError: unbalanced quotes, or a character outside quotes that means more to a shell than a word.
    """
    if "\0" in text:
        raise ShellError("a NUL character ends the command for some programs and not for others")
    parts: list[list[Word]] = [[]]
    word: list[str] | None = None
    wild, last, i = False, "", 0
    while i < len(text):
        char = text[i]
        gap, splitter = _gap(text, i, between=word is None)
        if gap:
            if word is not None:
                parts[-1].append(Word("".join(word), wild=wild))
            word, wild = None, False
            if splitter:
                parts.append([])
            last = splitter or last
            i += gap
        elif char in "'\"":
            end = _quote_end(text, i)
            word = word or []
            word.append(text[i + 1 : end])
            i = end + 1
        elif char in SPECIAL:
            raise ShellError(f"`{_show(char)}` outside quotes lets the shell do more than call a program")
        else:
            word = word or []
            word.append(char)
            wild = wild or char in WILD
            i += 1
    if word is not None:
        parts[-1].append(Word("".join(word), wild=wild))
    whole = parts[:-1] if last == ";" and not parts[-1] else parts
    if not all(whole):
        raise ShellError("a part of the command is empty")
    return whole


def _gap(text: str, start: int, *, between: bool) -> tuple[int, str]:
    """How many characters from *start* belong to no word, 0 when one goes on there; and the splitter they are."""
    free = _free_redirect(text, start) if between else 0
    if free:
        return free, ""
    splitter = next((s for s in SPLITTERS if text.startswith(s, start)), "")
    return (len(splitter), splitter) if splitter else (int(text[start] in " \t"), "")


def _free_redirect(text: str, start: int) -> int:
    """Characters of the harmless redirection at *start*, 0 when there is none or a word goes on behind it."""
    found = next((redirect for redirect in FREE_REDIRECTS if text.startswith(redirect, start)), "")
    behind = text[start + len(found) : start + len(found) + 2]
    return len(found) if behind[:1] in ("", " ", "\t", "|", ";") or behind == "&&" else 0


def _quote_end(text: str, start: int) -> int:
    quote = text[start]
    end = text.find(quote, start + 1)
    if end < 0:
        raise ShellError(f"the quote {quote} is not closed")
    if quote == '"' and set(text[start + 1 : end]) & set("$`\\!"):
        raise ShellError(
            "inside double quotes `$`, backquote, `!` and backslash still mean something to the shell; "
            "use single quotes"
        )
    return end


def _show(text: str) -> str:
    """The beginning of *text*, as it may stand in a message."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:60])


# --- programs that only read ------------------------------------------------------------------------------------

PLAIN = frozenset(
    "ls cat head tail wc cut tr grep egrep fgrep pwd echo stat du df nl diff cmp comm basename dirname realpath "
    "readlink true false which cd column fold paste rev tac od md5sum sha1sum sha256sum cksum strings jq uname whoami id "
    "nproc seq expr sleep".split()
)
GIT_READS = frozenset(
    "log show diff status blame ls-files ls-tree rev-parse rev-list shortlog describe cat-file grep merge-base "
    "name-rev count-objects show-ref for-each-ref whatchanged diff-tree diff-index diff-files check-ignore".split()
)
GIT_LISTS = {
    "remote": ([], ["-v"]),
    "stash": (["list"],),
    "tag": ([], ["-l"], ["--list"]),
    "worktree": (["list"],),
}
GIT_BRANCH_LISTS = frozenset("-a -r -v -vv --list --show-current --all --remotes".split())
GIT_BANNED = ("--output", "--ext-diff", "--textconv", "--open-files-in-pager", "--exec", "--upload-pack", "--filters")
FIND_BANNED = ("-exec", "-execdir", "-ok", "-okdir", "-delete", "-fprint", "-fprint0", "-fprintf", "-fls")
SORT_BANNED = ("--output", "--compress-program", "--temporary-directory", "--files0-from")
TEST_FILE = frozenset("-d -e -f -h -L -r -s -w -x".split())
# What prints a version and does nothing else. `python3 -v` runs what it is fed, `pytest` loads the project's code, and
# `go`, `cargo` and `rustc` fetch or start the toolchain that the project's files name.
VERSIONS = {
    "python3": ("--version", "-V"),
    "python": ("--version", "-V"),
    "pip": ("--version", "-V"),
    "node": ("--version", "-v"),
    "npm": ("--version", "-v"),
    "java": ("--version", "-version"),
    "make": ("--version", "-v"),
}


def _long_option(words: list[str], banned: tuple[str, ...]) -> str | None:
    """A banned long option among *words*, also cut short: GNU programs take `--outp` for `--output`."""
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("--") and name != "--" and any(b.startswith(name) for b in banned):
            return f"`{_show(name)}` can write or run a program"
    return None


def _short_option(words: list[str], banned: str) -> str | None:
    """A word of short options that holds one of the letters *banned*: `-uo` is `-u -o`."""
    for word in words:
        if word.startswith("-") and not word.startswith("--") and set(word) & set(banned):
            return f"`{_show(word)}` can write or run a program"
    return None


def _judge_git(words: list[str]) -> str | None:
    rest = words[1:]
    while rest and rest[0] in ("-C", "--no-pager", "--no-optional-locks"):
        rest = rest[2:] if rest[0] == "-C" else rest[1:]
    if not rest:
        return "name a git subcommand that reads"
    verb, args = rest[0], rest[1:]
    if verb == "branch":
        return None if GIT_BRANCH_LISTS.issuperset(args) else "`git branch` may only list here"
    if verb in GIT_LISTS:
        return None if args in GIT_LISTS[verb] else f"`git {verb}` may only list here"
    if verb not in GIT_READS:
        return f"`git {_show(verb)}` is not on the list of git commands that only read"
    if any(a.startswith("-O") for a in args) or (verb == "grep" and _short_option(args, "O")):
        return "`-O` opens a pager"
    return _long_option(args, GIT_BANNED)


def _judge_find(words: list[str]) -> str | None:
    found = next((w for w in words if w in FIND_BANNED), None)
    return f"`{found}` can write or run a program" if found else None


def _judge_sort(words: list[str]) -> str | None:
    return _long_option(words[1:], SORT_BANNED) or _short_option(words[1:], "oT")


def _judge_uniq(words: list[str]) -> str | None:
    plain = [w for w in words[1:] if w == "-" or not w.startswith("-")]
    return "`uniq` with a second file writes it" if len(plain) > 1 or "--" in words else None


def _judge_sed(words: list[str]) -> str | None:
    """Only `sed -n 'RANGEp' FILE…`: every other script could write (`w`) or run (`e`)."""
    prints = words[1:2] == ["-n"] and all(_only_prints(script) for script in "".join(words[2:3]).split(";"))
    if prints and not any(w.startswith("-") for w in words[3:]):
        return None
    return "only `sed -n 'FIRST,LASTp' FILE` is let through here"


def _only_prints(script: str) -> bool:
    """`p`, `5p`, `$p`, `1,20p`, `5,+3p`."""
    first, comma, last = script[:-1].partition(",")
    lines = ([first] if first else []) + ([last.removeprefix("+")] if comma else [])
    return script.endswith("p") and all(n == "$" or (n.isascii() and n.isdigit()) for n in lines)


def _judge_rg(words: list[str]) -> str | None:
    return _long_option(words[1:], ("--pre", "--hostname-bin"))


def _judge_tree(words: list[str]) -> str | None:
    return _long_option(words[1:], ("--output",)) or _short_option(words[1:], "oR")


def _judge_date(words: list[str]) -> str | None:
    printing = all(w.startswith("+") or w in ("-u", "-I", "-R") for w in words[1:])
    return None if printing else "`date` may only print here"


def _judge_printf(words: list[str]) -> str | None:
    """`-v` sets a variable, and a shell that counts evaluates what stands in an array's index."""
    options = words[1:2] != ["--"] and words[1:2] and words[1].startswith("-")
    return "`printf` may only print plain text here" if options or set("".join(words)) & set("$`") else None


def _judge_test(words: list[str]) -> str | None:
    """`test -v 'a[$(…)]'` runs what stands in the index."""
    plain = len(words[1:]) == len(("-f", "FILE")) and words[1] in TEST_FILE
    return None if plain else "only `test -f FILE` and its like are let through here"


def _judge_version(words: list[str]) -> str | None:
    known = VERSIONS[words[0]]
    return None if len(words[1:]) == 1 and words[1] in known else f"only `{words[0]} {known[0]}` is let through here"


SPECIAL_PROGRAMS: dict[str, Callable[[list[str]], str | None]] = {
    "git": _judge_git,
    "find": _judge_find,
    "sort": _judge_sort,
    "uniq": _judge_uniq,
    "sed": _judge_sed,
    "rg": _judge_rg,
    "tree": _judge_tree,
    "date": _judge_date,
    "printf": _judge_printf,
    "test": _judge_test,
    **dict.fromkeys(VERSIONS, _judge_version),
}


def _wild_error(part: list[Word]) -> str | None:
    """Why a glob in *part* may become an option: a repository can hold a file that is called `--output=x`."""
    program = part[0].text
    for word in part[1:]:
        if word.text == "--" and program != "find":
            return None
        if word.wild and (word.text[0] in "*?[-" or program == "uniq"):
            return f"`{_show(word.text)}` may expand to a file whose name is an option; write ./ in front, or quote it"
    return None


def reading_error(text: str) -> str | None:
    """Why *text* is not plain reading, or None when it is."""
    try:
        parts = split_command(text)
    except ShellError as error:
        return str(error)
    for part in parts:
        words = [word.text for word in part]
        judge = SPECIAL_PROGRAMS.get(words[0])
        if judge is None and words[0] not in PLAIN:
            return f"`{_show(words[0])}` is not on the list of programs that only read"
        found = (judge(words) or _wild_error(part)) if judge else None
        if found:
            return found
    return None


def launcher_verb(text: str, launcher: str) -> str | None:
    """The verb, when *text* is one plain call of *launcher* (an absolute path) and nothing else; otherwise None."""
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
