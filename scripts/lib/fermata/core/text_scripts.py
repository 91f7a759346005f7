"""Whether a sed or awk script only reads: both languages can write files and start programs.

Decides by small grammars of what only prints. A script is taken apart from left to right, strings and patterns first;
where two implementations would take it apart differently it is refused.
"""

from __future__ import annotations

import re

MAX_SCRIPT = 4_000

# --- sed ------------------------------------------------------------------------------------------------------------


def _upto(delimiter: str, *, brackets: bool) -> str:
    """A piece of `s/…/…/` up to its *delimiter*. GNU sed ends it inside `[…]`, BSD's does not: there it may not stand."""
    end = re.escape(delimiter)
    # The first character of a set, `]` too, belongs to it: read in only one way, no script takes hours.
    inside = rf"|\[(?:\^[^\\\n{end}]|[^\^\\\n{end}])[^\]\\\n{end}]*\]" if brackets else ""
    plain = rf"[^\\\n{end}{chr(92) + '[' if brackets else ''}]"
    return rf"(?:{plain}|\\[^\n]{inside})*"


_ADDRESS = rf"(?:\d+(?:~\d+)?|\$|/{_upto('/', brackets=True)}/I?)"
_RANGE = rf"(?:{_ADDRESS}(?:,(?:[+~]\d+|{_ADDRESS}))?[ \t]*(?:![ \t]*)?)?"
_SUBSTITUTE = "|".join(
    rf"s{re.escape(d)}{_upto(d, brackets=True)}{re.escape(d)}{_upto(d, brackets=False)}{re.escape(d)}[gpiI0-9]*"
    for d in "/|#,:@!%"
)
_COMMAND = rf"{_RANGE}(?:[pdqQ=lgGhHxnNDP]|{_SUBSTITUTE}|y/{_upto('/', brackets=False)}/{_upto('/', brackets=False)}/)"
_BLOCK = rf"{_RANGE}\{{[ \t;]*{_COMMAND}(?:[ \t]*[;\n][ \t]*{_COMMAND})*[ \t;]*\}}"
# Every white space has one place to be matched in: else a script of blanks and semicolons would take hours.
SED_SCRIPT = re.compile(rf"[ \t;\n]*(?:(?:{_BLOCK}|{_COMMAND})[ \t]*(?:[;\n][ \t;\n]*|\Z))*\Z")
SED_OPTION = re.compile(r"-[nErsuz]+\Z|--(?:quiet|silent|regexp-extended|null-data|separate|unbuffered|posix)\Z")
SED_WAY = "sed may print, delete and substitute here (`sed -n '10,20p' FILE`, `sed 's/a/b/'`), without -i, w, r or e"


def sed_error(words: list[str]) -> str | None:
    """Why `sed` with *words* could do more than print, or None."""
    scripts, files, options = [], [], iter(words)
    for word in options:
        if word in ("-e", "--expression", "-ne", "-nEe", "-Ene", "-nre", "-Ee", "-re"):
            scripts.append(next(options, ""))
        elif word.startswith("--expression="):
            scripts.append(word.partition("=")[2])
        elif word.startswith("-") and word != "-":
            if not SED_OPTION.match(word):
                return SED_WAY
        else:
            files.append(word)
    scripts = scripts or files[:1]
    good = scripts and all(len(script) <= MAX_SCRIPT and SED_SCRIPT.match(script) for script in scripts)
    return None if good else SED_WAY


# --- awk ------------------------------------------------------------------------------------------------------------

AWK_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\\n]|\\.)*")
    |(?P<comment>\#[^\n]*)
    |(?P<regex>/(?:[^/\\\n\[]|\\.|\[(?:\^[^/\\\n]|[^\^/\\\n])[^\]/\\\n]*\])*/)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<operator>>=|\|\||&&|[=!<]=|!~)
    |(?P<blank>[ \t]+)
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
# What no value can end with: a slash behind it begins a pattern. Behind a value it divides. Behind all else, `)` say,
# it depends on the grammar.
BEFORE_REGEX = frozenset("{ } ( , ; ~ !~ ! && || print printf return else do in".split()) | {"", "\n"}
VALUE = re.compile(r'(?!(?:length|print|printf|return|else|do|in)\Z)\w+\Z|""\Z|\]\Z')
AWK_BANNED = frozenset(("system", "getline", "@", "\\", '"'))
AWK_WAY = "awk may only print here (`awk '{print $1}' FILE`): no system, getline, or output through > or |"


def awk_error(words: list[str]) -> str | None:
    """Why `awk` with *words* could write or start a program, or None."""
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        option = rest.pop(0)
        if option in ("-F", "-v"):
            rest = rest[1:]
        elif not option.startswith(("-F", "-v")):
            return f"{AWK_WAY}, and no option but -F and -v"
    if not rest:
        return "awk wants a program in single quotes"
    if any(word.startswith("-") and word != "-" for word in rest[1:]) or len(rest[0]) > MAX_SCRIPT:
        return AWK_WAY
    tokens = _awk_tokens(rest[0])
    return AWK_WAY if tokens is None or _awk_writes(tokens) else None


def _awk_tokens(program: str) -> list[str] | None:
    """The program's tokens, strings as `""`, without patterns and comments; None where two awks could read it in two ways."""
    found = [""]
    at = 0
    while at < len(program):
        match = AWK_TOKEN.match(program, at)
        assert match is not None  # `other` takes any character
        kind, text, last = str(match.lastgroup), match[0], found[-1]
        if text[0] == "/" and last not in BEFORE_REGEX:
            if not VALUE.match(last) and set(program[at:]) & set('"#'):
                return None
            kind, text = "other", "/"
        elif text == "/":
            return None  # a pattern that is not closed, or holds a slash in brackets
        at += len(text)
        if kind not in ("blank", "comment"):
            found.append('""' if kind in ("string", "regex") else text)
    return found


def _awk_writes(tokens: list[str]) -> bool:
    """Whether a token starts a program, or a `print` sends what it prints elsewhere: `>` and `|` outside its brackets."""
    printing, depth = False, 0
    for piece in tokens:
        if piece in AWK_BANNED:
            return True
        if piece in ("print", "printf"):
            printing, depth = True, 0
        elif piece in (";", "}") and depth <= 0:
            printing = False
        elif piece in ("(", "["):
            depth += 1
        elif piece in (")", "]"):
            depth -= 1
        elif printing and (piece == "|" or (piece == ">" and depth <= 0)):
            return True
    return False
