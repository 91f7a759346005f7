"""Makes what a program printed fit to be shown: no terminal codes, nothing invisible, no credentials of known shape.

`tail_of` is the one way from a check's output into evidence, and so into journal, briefs and answers. Known are the
prefixes that providers give their tokens, private keys, credentials in addresses, and values that are assigned to a
name such as `password`. A secret without such a shape passes: this is a net, no promise.
"""

from __future__ import annotations

import re

TAIL_CHARACTERS = 4000
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[@-Z\\-_])")
HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e0fff]"
)
MARK = "[redacted]"
NAMES = (
    r"(?i:password|passwd|passphrase|secret|token|credentials?|api[_-]?key|access[_-]?key(?:[_-]?id)?"
    r"|(?:private|secret|signing|encryption)[_-]?key)"
)
NAME_STARTS = r"(?:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))"  # `DB_PASSWORD`, `dbPassword`, not `detoken`
KEY_ENDS = r"-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"
BASE64 = r"[A-Za-z0-9+/=]"
QUOTED = r"\"[^\"\n]+\"|'[^'\n]+'"
RULES = (
    # Private keys: whole, cut off at their end, cut off at their beginning.
    (
        re.compile(
            rf"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:(?s:.{{0,10000}}?){KEY_ENDS}|(?:\s|\\[nr]|{BASE64}{{16,}})*)"
        ),
        MARK,
    ),
    (re.compile(rf"(?m)(?<!{BASE64}\n)^(?:[ \t]*{BASE64}+\n)+[ \t]*{KEY_ENDS}"), MARK),
    (re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b"), MARK),  # AWS
    (re.compile(r"\b(?:gh[opusr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})"), MARK),
    (re.compile(r"\bgl(?:pat|ptt|dt|rt|soat)-[\w-]{16,}"), MARK),  # GitLab
    (re.compile(r"(?<![A-Za-z0-9])sk-(?=[\w-]*\d)[\w-]{16,}"), MARK),  # Anthropic, OpenAI and others
    (re.compile(r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{10,}"), MARK),  # Stripe
    (re.compile(r"\bxox[a-z](?:-[A-Za-z0-9]+){2,}|\bxapp-[A-Za-z0-9-]{20,}"), MARK),  # Slack
    (re.compile(r"\bAIza[\w-]{35}"), MARK),  # Google
    (re.compile(r"\b(?:npm_[A-Za-z0-9]{30,}|pypi-[\w-]{20,}|hf_[A-Za-z0-9]{20,}|dop_v1_[0-9a-f]{20,})"), MARK),
    (re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+"), MARK),  # JSON web token
    (re.compile(r"(?i)\b(bearer|basic) +[\w.~+/-]{12,}=*"), rf"\1 {MARK}"),
    (re.compile(r"\b([a-z][a-z0-9+.-]{1,20}://[^\s:/@]{0,80}):[^\s/@]{1,200}@"), rf"\1:{MARK}@"),
    # `PASSWORD=x`, `"api_key": "x"`, `secret: 'x'`; not `token == x`, and not the type in `token: str`.
    (
        re.compile(
            rf"{NAME_STARTS}({NAMES}[\"']? *= *|{NAMES}[\"'] *: *)(?!=|\[redacted)(?:{QUOTED}|[^\s,;&\"')\]}}]+)"
        ),
        rf"\1{MARK}",
    ),
    (re.compile(rf"{NAME_STARTS}({NAMES} *: *)(?:{QUOTED})"), rf"\1{MARK}"),
)


def plain(text: str) -> str:
    """*text* without terminal escapes, control characters and invisible or direction-changing ones; lines end in LF."""
    return HIDDEN.sub("", ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))


def tail_of(text: str, limit: int = TAIL_CHARACTERS) -> str:
    """The end of *text* for briefs and the journal, from the start of a line where one begins within *limit* characters.

    Cleaned, and without what looks like a credential, wherever in *text* that begins.
    """
    shown = redact(plain(text))
    if len(shown) <= limit:
        return shown
    kept = shown[-limit:]
    return kept[kept.find("\n") + 1 :] if "\n" in kept[: limit // 2] else kept


def redact(text: str) -> str:
    """*text* with `[redacted]` in the place of what looks like a credential. Doing it twice changes nothing more."""
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return text
