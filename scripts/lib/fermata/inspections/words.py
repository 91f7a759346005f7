"""The words by which a comment admits that the code beside it is not the real thing.

A pure judgement of one line of a comment or a docstring. It knows that a product may be about placeholders, stubs or a
list of things to do: the word alone is not enough, it has to be said of the code.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MARKS = "TODO|FIXME|XXX|HACK"
OF_A_PRODUCT = r"\s+(?:lists?|items?|apps?|entry|entries|tasks?|comments?|markers?|board|store|model)\b"
# At the beginning, behind the end of a sentence, or with a colon or a bracket behind it; not `see the TODO list`.
MARK = re.compile(
    rf"(?:^|[.;:!?—–]\s+|\s-+\s+|\()@?(?:{MARKS})(?![\w-])(?!s\b)(?!{OF_A_PRODUCT})|(?<![\w-])@?(?:{MARKS})\s*(?:\(|:)"
)
LOOSE_MARK = re.compile(r"^@?(?:todo|fixme|hack)\s*(?:\([^)]*\))?\s*[:!-](?!:)", re.IGNORECASE)
NOT_DONE = (
    r"(?:not\s+(?:yet\s+|been\s+|actually\s+)*implemented|unimplemented|not\s+implemented\s+yet|(?:to|must)\s+be\s+implemented(?:\s+(?:later|soon))?"
    r"|will\s+be\s+implemented\s+(?:later|soon|in|once|when))"
)
THING = r"(?:implementations?|logic|code|functions?|methods?|class|module|handler|endpoint|component|service)"
DOUBLE = r"(?:placeholder|stub(?:bed)?|mock(?:ed)?|dummy|fake|toy|hard-?coded)"
NEGATED = re.compile(
    r"\b(?:no|not|never|without|isn't|aren't|don't|doesn't|instead of|rather than|no longer|any|replaces?|replaced|avoids?)\W+(?:\w+\W+){0,2}$",
    re.IGNORECASE,
)
SETTING = (
    r"(?:implementation|app|application|system|service|version|code|setup|scenario|environment|deployment|project|solution"
    r"|world(?=.{0,60}(?:\b(?:would|should|could|might)\b|['’]d\b)))"
)
# What a product itself may have of that name.
PRODUCT = (
    r"(?:text|attribute|char\w*|syntax|token|string|image|icon|name|file|template|variable|param\w*|label|object|server|client"
    r"|for\s+(?:the\s+)?(?:input|field|user))"
)
# Rule to what admits it, each on its own.
ADMITS: dict[str, tuple[str, ...]] = {
    "not-implemented": (
        rf"\b{NOT_DONE}\b",
        r"^implement\s+(?:this|me|it|here|later)\b",
        r"\bimplementation\s+(?:(?:goes|would\s+go|belongs)\s+here|pending|needed|comes\s+later)\b",
        r"^implement(?:ation)?\s*(?:\.\.\.|…)$",
    ),
    "elided": (
        r"(?:\.\.\.|…)\s*(?:(?:the\s+)?(?:rest|remaining|existing|other|same|more|previous|remainder)\b.{0,40}|implementation\s*)(?:\.\.\.|…)?$",
        r"\b(?:rest|remainder)\s+of\s+(?:the\s+)?(?:code|implementation|function|file|class|method|logic)\s+(?:here|goes|remains|(?:is\s+)?unchanged|omitted)",
        r"\b(?:your|actual|real|add|insert|put)\s+(?:\w+\s+){0,2}(?:code|logic|implementation)\s+(?:goes\s+)?here\b",
        r"\bomitted\s+for\s+brevity\b",
    ),
    "in-real-code": (
        rf"\bin\s+(?:a|an|the)\s+(?:real|actual|proper|production|full|complete)(?:[- ]\w+)?\s+{SETTING}\b",
        r"\bin\s+(?:reality|production),?\s+(?:this|we|you|it|one)\s+(?:would|should|could|will|might)\b",
        r"\b(?:would|should)\s+(?:normally|really|actually|eventually)\s+(?:call|query|fetch|come|connect|send|save|persist|load|be\s+(?:replaced|fetched|loaded|stored))\b",
        r"\b(?:this|it)\s+(?:should|will|must)\s+be\s+(?:replaced|swapped|filled\s+in)\b",
        r"^replace\s+(?:this|me)\b|\breplace\s+(?:(?:this|it|me)\s+)?with\s+(?:an?\s+|the\s+|your\s+)?(?:real|actual|proper)\b",
    ),
    "for-now": (
        r"\bfor\s+now\b(?!\s*\()",
        r"\bfor\s+the\s+time\s+being\b",
        r"\btemporary\s+(?:hack|workaround|solution|implementation|stub|placeholder)\b",
        r"\buntil\s+(?:it\s+is|it's|this\s+is)\s+implemented\b",
    ),
    "placeholder": (
        rf"\b{DOUBLE}\s+{THING}\b",
        (
            r"\b(?:this|it|that|which|is|are|just|only|simple|as)\s+(?:is\s+)?(?:just\s+|only\s+)?(?:a|an)?\s*(?:simple\s+)?"
            rf"(?:placeholder|stub|mock|dummy|fake)\b(?!\s+{PRODUCT})"
        ),
        r"^(?:placeholder|stub|mock|dummy)\s*(?:$|[.:!,;-]|(?:for|until|so|to\s+be|only|method|function|value|data|return|response)\b)(?!\s+the\s+(?:input|field))",
        r"\bstubbed\s+out\b|^stubbed\W*$",
        r"\bplaceholder\s+(?:until|for\s+(?:now|the\s+real|later|future|actual)|response|return|value\s+(?:for|until))",
    ),
    "mock-data": (
        (
            r"\b(?:mock(?:ed)?|dummy|fake|canned|simulated?|hard-?coded)\s+(?:\w+\s+)?(?:data|responses?|results?|values?|return|answers?|output)\b"
            r"(?:\s*(?:for\s+(?:now|demo|testing|illustration)|until|here|only|[.:;!]|$))"
        ),
        r"\bsimulat(?:e|es|ing)\s+(?:the\s+|an?\s+)?(?:api|network|database|db|server|backend|response|call|request|processing|work|success)\b",
        r"\bpretend(?:s|ing)?\b.{0,30}\b(?:work|success|call|response|request)",
    ),
}
PHRASES = tuple((rule, re.compile(one, re.IGNORECASE)) for rule, several in ADMITS.items() for one in several)
# In a docstring, which is prose about the product, only what is said of the whole.
DOC_ADMITS = {
    "not-implemented": (
        r"\bnot\s+yet\s+implemented\b|\bnot\s+implemented\s+yet\b",
        r"^(?:this\s+\w+\s+is\s+)?(?:not\s+implemented|unimplemented)\b",
    ),
    "placeholder": (
        rf"^(?:this\s+(?:\w+\s+)?is\s+)?(?:just\s+)?(?:an?\s+)?(?:placeholder|stub|mock|dummy)\b(?!\s+(?:{PRODUCT}|-|of\b|that\b))",
    ),
    "in-real-code": ADMITS["in-real-code"],
}
DOC_PHRASES = tuple((rule, re.compile(one, re.IGNORECASE)) for rule, several in DOC_ADMITS.items() for one in several)
# A note that the code returns something invented: a finding where it stands at a `return`.
INVENTED = re.compile(r"\b(?:mock(?:ed|s)?|fake|dummy|hard-?coded|canned|simulated|placeholder|stub)\b", re.IGNORECASE)
ABSTRACT = re.compile(
    r"sub-?class|overrid|deriv|abstract|\bmust (?:be )?(?:implement|defin|provid)|implementers?\b|interface",
    re.IGNORECASE,
)
ON_PURPOSE = re.compile(
    r"\b(?:no|not|nothing|none|no-?ops?|intentional\w*|deliberate\w*|ignor\w+|unused|silen\w+|suppress\w*|required by"
    r"|optional|overrid\w+|sub-?class\w*|hooks?|abstract|by design|on purpose|interface|marker|by default|does not|never)\b",
    re.IGNORECASE,
)  # fmt: skip
EDGES = " \t#/*;!<>-%\"'{}|="
LONGEST = 2_000  # of a line that is judged; a longer one is data


def judge_line(text: str, *, doc: bool = False, double: bool = False) -> tuple[str, str] | None:
    """Rule and words by which one line of a comment gives itself away; None for any other.

    Args:
        text: the line, with or without what opens and closes the comment.
        doc: it is part of a docstring, where a mark counts only at the beginning.
        double: it stands in a test, which may speak of mocks, stubs and what holds for now.
    """
    said = text[:LONGEST].strip(EDGES)
    mark = LOOSE_MARK.search(said) if doc else MARK.search(said) or LOOSE_MARK.search(said)
    mark = mark or (MARK.match(said) if doc else None)
    if mark:
        return "todo", mark[0].strip(" .;:!?(—–-") or said[:40]
    for rule, phrase in DOC_PHRASES if doc else PHRASES:
        if double and rule not in ("not-implemented", "elided"):
            continue
        for found in phrase.finditer(said):
            if not NEGATED.search(said[: found.start()]) and not (rule == "not-implemented" and ABSTRACT.search(said)):
                return rule, found[0].strip()
    return None


def judge_lines(
    lines: Iterable[tuple[int, str]], *, doc: bool = False, double: bool = False
) -> Iterator[tuple[int, str, str]]:
    """Line, rule and words of each of *lines* that gives itself away."""
    for number, text in lines:
        found = judge_line(text, doc=doc, double=double)
        if found:
            yield number, *found


def invented(comment: str) -> str | None:
    """The word by which *comment* says that a value is made up; None where it says no such thing, or says the contrary."""
    found = INVENTED.search(comment[:LONGEST])
    return found[0] if found and not NEGATED.search(comment[: found.start()]) else None
