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
FREE_REDIRECTS = ("2>&1", "2>/dev/null", ">/dev/null", "1>/dev/null")
SPECIAL = set("$`<>(){}&!\n\r\0#*?[]~\\")
# Globs and `~` expand to file names only; a program that merely reads may be handed any of them.
HARMLESS_BARE = set("*?[]~")


class ShellError(ValueError):
    """A command this module does not let pass; `str()` names the part and the rule."""


def split_command(text: str) -> list[list[str]]:
    """The parts of *text* as lists of words, quotes removed.

    Raises:
        ShellError: unbalanced quotes, or a character outside quotes that means more to a shell than a word.
    """
    parts: list[list[str]] = [[]]
    word: list[str] | None = None
    i, n = 0, len(text)
    while i < n:
        rest = text[i:]
        free = next((r for r in FREE_REDIRECTS if word is None and rest.startswith(r) and rest[len(r) :][:1] in ("", " ", "|", ";")), None)
        splitter = next((s for s in SPLITTERS if rest.startswith(s)), None)
        char = text[i]
        if free:
            i += len(free)
        elif splitter:
            word = _close(parts, word)
            parts.append([])
            i += len(splitter)
        elif char in " \t":
            word = _close(parts, word)
            i += 1
        elif char in "'\"":
            end = _quote_end(text, i)
            word = (word or []) + [text[i + 1 : end]]
            i = end + 1
        elif char in SPECIAL - HARMLESS_BARE:
            raise ShellError(f"`{_show(char)}` outside quotes lets the shell do more than call a program")
        else:
            word = (word or []) + [char]
            i += 1
    _close(parts, word)
    if any(not part for part in parts[:-1]) or not parts[0]:
        raise ShellError("a part of the command is empty")
    return parts if parts[-1] else parts[:-1]


def _close(parts: list[list[str]], word: list[str] | None) -> None:
    if word is not None:
        parts[-1].append("".join(word))


def _quote_end(text: str, start: int) -> int:
    quote = text[start]
    end = text.find(quote, start + 1)
    if end < 0:
        raise ShellError(f"the quote {quote} is not closed")
    if quote == '"' and set(text[start + 1 : end]) & set("$`\\!"):
        raise ShellError("inside double quotes `$`, backquote, `!` and backslash still mean something to the shell; use single quotes")
    return end


def _show(char: str) -> str:
    return char if char.isprintable() else f"\\x{ord(char):02x}"


# --- programs that only read --------------------------------------------------------------------------------------

PLAIN = frozenset(
    "ls cat head tail wc cut tr grep egrep fgrep pwd echo printf stat du df nl diff cmp comm basename dirname "
    "realpath readlink true false which test cd column fold paste rev tac od md5sum sha1sum sha256sum cksum strings jq "
    "uname whoami id nproc seq expr sleep".split()
)
GIT_READS = frozenset(
    "log show diff status blame ls-files ls-tree rev-parse rev-list shortlog describe cat-file grep merge-base "
    "name-rev count-objects show-ref for-each-ref whatchanged diff-tree diff-index diff-files check-ignore".split()
)
GIT_BANNED = ("--output", "--ext-diff", "--textconv", "--open-files-in-pager", "-O", "--exec", "--upload-pack", "--filters")
FIND_BANNED = ("-exec", "-execdir", "-ok", "-okdir", "-delete", "-fprint", "-fprint0", "-fprintf", "-fls")


def _no_option(words: list[str], banned: tuple[str, ...]) -> str | None:
    for word in words:
        if any(word == b or word.startswith(b + "=") for b in banned):
            return f"`{word}` can write or run a program"
    return None


def _judge_git(words: list[str]) -> str | None:
    rest = words[1:]
    while rest and rest[0] in ("-C", "--no-pager", "--no-optional-locks"):
        rest = rest[2:] if rest[0] == "-C" else rest[1:]
    if not rest:
        return "name a git subcommand that reads"
    verb, args = rest[0], rest[1:]
    if verb == "branch":
        reading = {"-a", "-r", "-v", "-vv", "--list", "--show-current", "--all", "--remotes"}
        return None if all(a in reading for a in args) else "`git branch` may only list here"
    if verb in ("remote", "stash", "tag", "worktree"):
        lists = {"remote": ([], ["-v"]), "stash": (["list"],), "tag": ([], ["-l"], ["--list"]), "worktree": (["list"],)}
        return None if args in lists[verb] else f"`git {verb}` may only list here"
    if verb not in GIT_READS:
        return f"`git {verb}` is not on the list of git commands that only read"
    if any(a.startswith(("-O", "--open-files")) for a in args):
        return "`-O` opens a pager"
    return _no_option(args, GIT_BANNED)


def _judge_find(words: list[str]) -> str | None:
    return _no_option(words[1:], FIND_BANNED)


def _judge_sort(words: list[str]) -> str | None:
    if any(w.startswith(("-o", "--output", "--compress-program", "-T", "--temporary-directory", "--files0-from")) for w in words[1:]):
        return "`sort` may not write a file here"
    return None


def _judge_uniq(words: list[str]) -> str | None:
    plain = [w for w in words[1:] if not w.startswith("-")]
    return "`uniq` with a second file writes it" if len(plain) > 1 else None


def _judge_sed(words: list[str]) -> str | None:
    """Only `sed -n 'RANGEp' FILE…`: every other script could write (`w`) or run (`e`)."""
    args = words[1:]
    if len(args) >= 2 and args[0] == "-n":
        script = args[1]
        if script and script[-1] == "p" and set(script[:-1]) <= set("0123456789,$+") and not any(a.startswith("-") for a in args[2:]):
            return None
    return "only `sed -n 'FIRST,LASTp' FILE` is let through here"


def _judge_rg(words: list[str]) -> str | None:
    if any(w.startswith(("--pre", "--hostname-bin", "--search-zip", "-z")) for w in words[1:]):
        return "this option of `rg` runs another program"
    return None


def _judge_tree(words: list[str]) -> str | None:
    return "`tree -o` writes a file" if any(w.startswith("-o") or w.startswith("--output") for w in words[1:]) else None


def _judge_date(words: list[str]) -> str | None:
    return None if all(w.startswith("+") or w in ("-u", "-I", "-R") for w in words[1:]) else "`date` may only print here"


def _judge_version(words: list[str]) -> str | None:
    return None if words[1:] in (["--version"], ["-V"], ["-v"]) else f"only `{words[0]} --version` is let through here"


SPECIAL_PROGRAMS: dict[str, Callable[[list[str]], str | None]] = {
    "git": _judge_git,
    "find": _judge_find,
    "sort": _judge_sort,
    "uniq": _judge_uniq,
    "sed": _judge_sed,
    "rg": _judge_rg,
    "tree": _judge_tree,
    "date": _judge_date,
    **dict.fromkeys(("python3", "python", "node", "npm", "go", "cargo", "rustc", "java", "make", "pip", "pytest"), _judge_version),
}


def reading_error(text: str) -> str | None:
    """Why *text* is not plain reading, or None when it is."""
    try:
        parts = split_command(text)
    except ShellError as error:
        return str(error)
    for words in parts:
        judge = SPECIAL_PROGRAMS.get(words[0])
        if judge is None and words[0] not in PLAIN:
            return f"`{words[0][:60]}` is not on the list of programs that only read"
        found = judge(words) if judge else None
        if found:
            return found
    return None


def launcher_verb(text: str, launcher: str) -> str | None:
    """The verb, when *text* is one plain call of *launcher* (an absolute path) and nothing else; otherwise None."""
    try:
        parts = split_command(text)
    except ShellError:
        return None
    if len(parts) != 1 or parts[0][0] != launcher:
        return None
    return parts[0][1] if len(parts[0]) > 1 else ""
