"""The programs that a command may call while fermata holds, and what keeps each of them at reading.

An allow-list: `PLAIN` programs cannot write or start a program whatever their arguments; the others have a judge that
looks at their words. A program that is not here is refused, and the message says what to use instead.
"""

from __future__ import annotations

from .shell import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .shell import Word

    Judge = Callable[[list[str]], str | None]

PLAIN = frozenset(
    "ls cat head tail wc cut tr grep egrep fgrep pwd echo stat du df nl diff cmp comm basename dirname realpath "
    "readlink true false which whereis type cd column fold fmt paste join expand unexpand rev tac od hexdump md5sum "
    "sha1sum sha256sum shasum cksum strings jq uname whoami id nproc seq expr sleep printenv ps uptime zcat :".split()
)
GIT_READS = frozenset(
    "log show diff status blame annotate ls-files ls-tree rev-parse rev-list shortlog describe cat-file grep merge-base "
    "name-rev count-objects show-ref for-each-ref whatchanged diff-tree diff-index diff-files check-ignore check-attr "
    "cherry range-diff show-branch version --version".split()
)
GIT_LISTS = {
    "remote": ([], ["-v"], ["show"]),
    "stash": (["list"],),
    "worktree": (["list"], ["list", "--porcelain"]),
    "submodule": ([], ["status"], ["status", "--recursive"]),
    "symbolic-ref": (["HEAD"], ["--short", "HEAD"], ["-q", "HEAD"], ["--short", "-q", "HEAD"]),
    "config": (["--list"], ["-l"], ["--list", "--local"], ["--local", "--list"]),
}
REF_LONG = (
    r"|--(?:all|remotes|list|show-current|verbose|color|no-color|ignore-case|column|no-column)\Z"
    r"|--(?:sort|format|points-at|contains|no-contains|merged|no-merged|abbrev)(?:=.*)?\Z"
)
# `git tag -v` starts gpg, `git tag -a` makes a tag, and `git branch -l` made a branch in older versions.
REF_OPTIONS = {
    "branch": r"(?s:-[avri]+\Z" + REF_LONG + ")",
    "tag": r"(?s:-[li]+\Z|-n\d*\Z" + REF_LONG + ")",
}
# Only with one of these does git take a name to be a pattern, and makes no branch or tag of it.
REF_LISTING = r"-l\Z|(?:--list|--points-at|--contains|--no-contains|--merged|--no-merged)(?:=|\Z)"
GIT_BANNED = ("--output", "--ext-diff", "--textconv", "--open-files-in-pager", "--exec", "--upload-pack", "--filters")
FIND_BANNED = ("-exec", "-execdir", "-ok", "-okdir", "-delete", "-fprint", "-fprint0", "-fprintf", "-fls")
SORT_BANNED = ("--output", "--compress-program", "--temporary-directory", "--files0-from")
TEST_FILE = frozenset("-d -e -f -h -L -r -s -w -x -n -z".split())
TEST_TWO = frozenset("= == != -eq -ne -lt -le -gt -ge -nt -ot -ef".split())
PLAIN_OPERAND = r"[A-Za-z0-9_./ @%+,:~-]*\Z"
# What prints a version and does nothing else: `pip list` asks the network and writes a cache, `python3 -v` runs what it
# is fed, `pytest` loads the project's code, and `go`, `cargo` and `rustc` fetch or start the toolchain that the project's
# files name.
VERSIONS = {
    "python3": ("--version", "-V"),
    "python": ("--version", "-V"),
    "pip": ("--version", "-V"),
    "node": ("--version", "-v"),
    "npm": ("--version", "-v"),
    "java": ("--version", "-version"),
    "make": ("--version", "-v"),
    "gcc": ("--version",),
    "cmake": ("--version",),
    "bash": ("--version",),
    "ruby": ("--version",),
    "perl": ("--version", "-v"),
}
CHECKS = "`fermata check --baseline` runs the project's own checks"
READ_IT = "read files with Read, Grep, cat, sed -n or awk"
ONE_BY_ONE = "call each command by itself, joined with && or ; or |"
NOT_NOW = "nothing is changed here: before the approval nobody writes, after it the builders do"
INSTEAD = {
    **dict.fromkeys("pytest py.test tox nox unittest npm npx yarn pnpm jest vitest go cargo make mvn gradle dotnet ruff mypy".split(), CHECKS),
    **dict.fromkeys("python python3 node ruby perl php deno bun uv".split(), f"{READ_IT}, JSON with jq; {CHECKS}"),
    **dict.fromkeys("if then else fi for while until do done case esac select function [[ {".split(), ONE_BY_ONE),
    **dict.fromkeys("bash sh zsh dash eval exec source . env nohup time sudo command builtin export set".split(), ONE_BY_ONE),
    **dict.fromkeys("tee touch rm mv cp ln mkdir rmdir chmod chown dd truncate install patch tar unzip".split(), NOT_NOW),
    **dict.fromkeys("less more man vi vim nano bat".split(), "use cat, head, tail or Read"),
    **dict.fromkeys("fd fdfind ag ack".split(), "use find, rg, Glob or Grep"),
}  # fmt: skip


def part_error(part: list[Word]) -> str | None:
    """Why one part of a command is not plain reading; None when it is."""
    part = without_prefix(part)
    program = part[0].text
    if "=" in program:
        return f"`{show(program)}` sets a variable for a program; leave it out"
    if program in PLAIN:
        return None
    judge = JUDGES.get(program)
    if judge is None:
        instead = INSTEAD.get(program)
        return f"`{show(program)}` is not on the list of programs that only read" + (f"; {instead}" if instead else "")
    return judge([word.text for word in part]) or _wild_error(part)


def without_prefix(part: list[Word]) -> list[Word]:
    """*part* without `!`, which turns the exit status around, and without `timeout SECONDS`."""
    if part[0].text == "!" and len(part) > 1:
        part = part[1:]
    if part[0].text == "timeout" and len(part) > len(("timeout", "5")) and part[1].text.removesuffix("s").isdigit():
        part = part[2:]
    return part


def _wild_error(part: list[Word]) -> str | None:
    """Why a glob in *part* may become an option: a repository can hold a file that is called `--output=x`."""
    program = part[0].text
    braces = next((word for word in part if word.wild == "brace"), None)
    if braces:
        return f"`{show(braces.text)}` becomes several words; write each of them out"
    for word in part[1:]:
        if word.text == "--" and program != "find":
            return None
        if word.wild and (word.text[0] in "*?[-" or program == "uniq"):
            return f"`{show(word.text)}` may expand to a file whose name is an option; write ./ in front, or quote it"
    return None


def _long_option(words: list[str], banned: tuple[str, ...]) -> str | None:
    """A banned long option among *words*, also cut short: GNU programs take `--outp` for `--output`."""
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("--") and name != "--" and any(b.startswith(name) for b in banned):
            return f"`{show(name)}` can write or run a program; leave it out"
    return None


def _short_option(words: list[str], banned: str) -> str | None:
    """A word of short options that holds one of the letters *banned*: `-uo` is `-u -o`."""
    for word in words:
        if word.startswith("-") and not word.startswith("--") and set(word) & set(banned):
            return f"`{show(word)}` can write or run a program; leave it out"
    return None


# --- git ------------------------------------------------------------------------------------------------------------


def _judge_git(words: list[str]) -> str | None:
    rest = words[1:]
    while rest and rest[0] in ("-C", "--no-pager", "-P", "--no-optional-locks"):
        rest = rest[2:] if rest[0] == "-C" else rest[1:]
    if not rest:
        return "name a git subcommand that reads"
    verb, args = rest[0], rest[1:]
    if verb in ("branch", "tag"):
        return _judge_refs(verb, args)
    if verb in GIT_LISTS and _is_list(verb, args):
        return None
    if verb in GIT_LISTS and args[:1] != ["show"]:
        return f"`git {verb}` may only list here"
    if verb == "reflog" and (not args or args[0] == "show" or args[0].startswith("-")):
        return _git_options("reflog", args)
    if verb in GIT_READS or (verb == "stash" and args[:1] == ["show"]):
        return _git_options(verb, args)
    if verb.startswith("-"):
        return f"`git {show(verb)}` changes how git works; leave it out (-C and --no-pager go)"
    return f"`git {show(verb)}` is not on the list of git commands that only read"


def _is_list(verb: str, args: list[str]) -> bool:
    one_name = len(args) == len(("--get", "NAME")) and not args[-1].startswith("-")
    if verb == "config" and args[:1] in (["--get"], ["--get-all"], ["--get-regexp"]):
        return one_name
    if verb == "remote" and args[:1] == ["get-url"]:
        return one_name
    return args in GIT_LISTS[verb]


def _git_options(verb: str, args: list[str]) -> str | None:
    if any(a.startswith("-O") for a in args) or (verb == "grep" and _short_option(args, "O")):
        return "`-O` opens a pager; leave it out"
    return _long_option(args, GIT_BANNED)


def _judge_refs(verb: str, args: list[str]) -> str | None:
    """`git branch` and `git tag`: with a name and no listing option they make one."""
    import re  # slow to load, and most commands do without

    listing, expects = any(re.match(REF_LISTING, a) for a in args), False
    for word in args:
        option = word.startswith("-") and not expects
        if option and not re.match(REF_OPTIONS[verb], word):
            return f"`git {verb}` may only list here; leave `{show(word)}` out"
        if not option and not listing and not expects:
            return f"`git {verb}` may only list here; write --list before a pattern"
        expects = option and word in ("--sort", "--format")
    return None


# --- the other programs ---------------------------------------------------------------------------------------------


def _judge_find(words: list[str]) -> str | None:
    found = next((w for w in words if w in FIND_BANNED), None)
    return f"`{found}` can write or run a program; `find … | xargs grep …` reads what was found" if found else None


def _judge_sort(words: list[str]) -> str | None:
    return _long_option(words[1:], SORT_BANNED) or _short_option(words[1:], "oT")


def _judge_uniq(words: list[str]) -> str | None:
    plain = [w for w in words[1:] if w == "-" or not w.startswith("-")]
    return "`uniq` with a second file writes it" if len(plain) > 1 or "--" in words else None


def _judge_sed(words: list[str]) -> str | None:
    from .text_scripts import sed_error

    return sed_error(words[1:])


def _judge_awk(words: list[str]) -> str | None:
    from .text_scripts import awk_error

    return awk_error(words[1:])


def _judge_rg(words: list[str]) -> str | None:
    return _long_option(words[1:], ("--pre", "--hostname-bin"))


def _judge_tree(words: list[str]) -> str | None:
    return _long_option(words[1:], ("--output",)) or _short_option(words[1:], "oR")


def _judge_file(words: list[str]) -> str | None:
    return _long_option(words[1:], ("--compile",)) or _short_option(words[1:], "C")


def _judge_date(words: list[str]) -> str | None:
    printing = all(w.startswith("+") or w in ("-u", "-I", "-R") for w in words[1:])
    return None if printing else "`date` may only print here"


def _judge_printf(words: list[str]) -> str | None:
    """`-v` sets a variable, and a shell that counts evaluates what stands in an array's index."""
    options = words[1:2] != ["--"] and words[1:2] and words[1].startswith("-")
    return "`printf` may only print plain text here" if options or set("".join(words)) & set("$`") else None


def _judge_test(words: list[str]) -> str | None:
    """`test -v 'a[$(…)]'` and `test 'a[$(…)]' -eq 0` run what stands in the index."""
    import re

    given = words[1:-1] if words[0] == "[" and words[-1] == "]" else words[1:]
    given = given[1:] if given[:1] == ["!"] else given
    one = len(given) == len(("-f", "FILE")) and given[0] in TEST_FILE
    two = len(given) == len(("A", "=", "B")) and given[1] in TEST_TWO
    if (one or two) and all(re.match(PLAIN_OPERAND, word) or word in TEST_TWO for word in given):
        return None
    return "only `test -f FILE` and its like are let through here"


def _judge_version(words: list[str]) -> str | None:
    known = VERSIONS[words[0]]
    if len(words[1:]) == 1 and words[1] in known:
        return None
    instead = INSTEAD.get(words[0])
    return f"only `{words[0]} {known[0]}` is let through here" + (f"; {instead}" if instead else "")


def _judge_xargs(words: list[str]) -> str | None:
    """Names that come from elsewhere may be options, so only programs follow that cannot write whatever they are given."""
    import re

    rest = words[1:]
    while rest and rest[0].startswith("-"):
        option, rest = rest[0], rest[1:]
        if re.match(r"-[nLPId]\Z", option):
            rest = rest[1:]
        elif not re.match(r"-(?:[0rt]+|[nLP]\d+|I\S{1,8}|d.{1,2})\Z|--(?:null|no-run-if-empty)\Z", option):
            return f"`xargs {show(option)}` is not let through; -0 -r -n -L -P -I -d go"
    if not rest or rest[0] in PLAIN:
        return None
    return f"`xargs {show(rest[0])}`: only a program follows that reads whatever its arguments are (cat, grep, head, ls, wc …)"


def _judge_command(words: list[str]) -> str | None:
    looks = words[1:2] in (["-v"], ["-V"]) and not any(word.startswith("-") for word in words[2:])
    return None if looks else "only `command -v NAME` is let through here; call the program itself"


def _judge_env(words: list[str]) -> str | None:
    return "only `env` alone is let through here; call the program itself" if words[1:] else None


JUDGES: dict[str, Judge] = {
    "git": _judge_git,
    "find": _judge_find,
    "sort": _judge_sort,
    "uniq": _judge_uniq,
    "sed": _judge_sed,
    **dict.fromkeys(("awk", "gawk", "mawk", "nawk"), _judge_awk),
    "rg": _judge_rg,
    "tree": _judge_tree,
    "file": _judge_file,
    "date": _judge_date,
    "printf": _judge_printf,
    "test": _judge_test,
    "[": _judge_test,
    "xargs": _judge_xargs,
    "command": _judge_command,
    "env": _judge_env,
    **dict.fromkeys(VERSIONS, _judge_version),
}
