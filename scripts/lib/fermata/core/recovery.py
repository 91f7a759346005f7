"""Which kind of failure something was, and what is done about it: a table of rules over facts, and the table of limits.

Decides from what fermata saw (a client's error name, a check's evidence, the tree) before what an agent says, and never
from how anything is worded by a model. Counts nothing (`strikes` does) and moves nothing (`position` does). What was
decided is journalled with the rule's id, so that a later table does not change an old run.
"""

from __future__ import annotations

from collections import namedtuple

from .workflow import DEFAULT_TRIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Json

TRANSIENT, CODE_ERROR, DESIGN_FLAW, BLOCKER, CRITICAL = (
    "transient",
    "code_error",
    "design_flaw",
    "blocker",
    "critical",
)
ACTIONS = {
    TRANSIENT: "another agent gets the same work, where it helps after a pause",
    CODE_ERROR: "another agent gets the work with the error in its brief; the same error twice on one scope leads to a new plan",
    DESIGN_FLAW: "the planner is told at once and plans anew",
    BLOCKER: "the user is asked at once",
    CRITICAL: "the run is halted; only the user's word lets it go on",
}

# What is known of one failure. `kind` says where it was seen, `word` what exactly, by the rules below.
Facts = namedtuple("Facts", "kind word", defaults=("",))
Category = namedtuple("Category", "category rule says")
Rule = namedtuple("Rule", "id kind words category pause says", defaults=(False, ""))
Rule.__doc__ = """One row: facts of `kind` whose word is one of `words` (none: any) are of `category`. `pause`: not again at once."""

QUOTA = ("rate_limit",)
ACCOUNT = (
    *("billing_error", "authentication_failed", "oauth_org_not_allowed", "account_on_hold"),
    *("verification_required", "model_not_found"),
)
OVERLOAD = ("server_error", "overloaded")
REQUEST = ("invalid_request", "max_output_tokens")
NETWORK = "network"
CAUSES = ("wrong_approach", "unclear", "too_large", "missing", "exhausted")

RULES = (
    Rule("plugin_changed", "tampering", ("plugin",), CRITICAL, says="files of fermata itself changed while it worked"),
    Rule(
        *("protected_path", "tampering", ("protected",), CRITICAL),
        says="it left changes in what steers git, Claude Code or fermata",
    ),
    Rule(
        *("scope_left", "scope", (), BLOCKER),
        says="it left changes outside its scope, and only you can say whose they are",
    ),
    Rule("quota", "api", QUOTA, TRANSIENT, says="the API takes no work from this account for now"),
    Rule("account", "api", ACCOUNT, BLOCKER, says="the API refuses this account, and waiting does not help"),
    Rule("overload", "api", OVERLOAD, TRANSIENT, pause=True, says="the API was overloaded or failed by itself"),
    Rule("request", "api", REQUEST, CODE_ERROR, says="the API did not take this conversation"),
    Rule("unanswered", "api", (), TRANSIENT, pause=True, says="the API or the way to it did not answer"),
    Rule("lost", "lost", (), TRANSIENT, says="the agent ended or fell silent without a result"),
    Rule("invalid", "invalid", (), CODE_ERROR, says="no valid result came, however often it was sent back"),
    Rule("no_program", "check", ("no_program",), BLOCKER, says="the program that the check starts is not there"),
    Rule("network", "check", (NETWORK,), TRANSIENT, says="the check could not reach the network"),
    Rule("red", "check", (), CODE_ERROR, says="a check that fermata ran did not pass"),
    Rule(
        "program_missing", "program", ("no_program",), BLOCKER, says="the program that is to do the work is not there"
    ),
    Rule(
        *("program_network", "program", (NETWORK,), TRANSIENT),
        pause=True,
        says="the program that does the work could not reach the network",
    ),
    Rule("program_failed", "program", (), CODE_ERROR, says="the program that does the work ended with an error"),
    Rule(
        "missing", "gave_up", ("missing",), BLOCKER, says="the agent says something is missing that it cannot provide"
    ),
    Rule("wrong_plan", "gave_up", CAUSES[:3], DESIGN_FLAW, says="the agent says the plan, not the work, is at fault"),
    Rule("gave_up", "gave_up", (), CODE_ERROR, says="the agent says that it could not finish"),
)
BY_ID = {rule.id: rule for rule in RULES}

STRIKES, REPLANS, DEPTH = 2, 1, 1
BACK_OFF = (30, 120, 300, 600)  # seconds, the last one again and again
Limit = namedtuple("Limit", "name value where says")
LIMITS = (
    Limit(
        "question rounds", 5, "`questions` of a stage", "then the planner decides by itself and says what it assumed"
    ),
    Limit("tries", DEFAULT_TRIES, "`tries` of a stage", "dispatches that may fail at one visit of a stage"),
    Limit("strikes", STRIKES, "", "the same error on the same scope, then a new plan"),
    Limit("repairs", 3, "`limits.repairs`", "times that one result may be sent back"),
    Limit("replans", REPLANS, "", "plans made anew because the work failed, then the user is asked"),
    Limit("review rounds", 3, "`rounds` of a stage", "times that a review may reject"),
    Limit("depth", DEPTH, "", "agents of a run may start none of their own"),
    Limit("dispatches", 40, "`limits.dispatches`", "agents that one run may start"),
    Limit("tokens", None, "`limits.tokens`", "no ceiling unless you set one"),
    Limit("wall time", 480, "`limits.wall_minutes`", "minutes that a run may last"),
)


def categorise(facts: Facts) -> Category:
    """The category of a failure, the rule that says so, and the rule's sentence. The first row that fits wins.

    Raises:
        ValueError: no row is for facts of that kind.
    """
    for rule in RULES:
        if rule.kind == facts.kind and (not rule.words or facts.word in rule.words):
            return Category(rule.category, rule.id, rule.says)
    raise ValueError(
        f"no rule is for failures of kind {facts.kind!r}; known: {', '.join(sorted({r.kind for r in RULES}))}"
    )


def told(facts: Facts) -> dict[str, Json]:
    """What the journal keeps of it."""
    found = categorise(facts)
    return {"category": found.category, "rule": found.rule}


def explained(rule: str | None) -> str:
    """A rule's category, id and sentence, for people; empty for a failure of an older journal."""
    known = BY_ID.get(rule or "")
    return f"{known.category}, rule {known.id}: {known.says}" if known else ""


def pause_after(rule: str | None, earlier: int) -> int:
    """Seconds to let pass before the work is offered again, when *earlier* failures of this kind came before."""
    known = BY_ID.get(rule or "")
    return BACK_OFF[min(earlier, len(BACK_OFF) - 1)] if known and known.pause else 0
