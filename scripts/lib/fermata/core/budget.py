"""The maths of tokens: what a run has used, what the next dispatch will probably take, and how full a pool is.

Pure and exact in what it is given; what it predicts is a mean and is called a prediction. Decides when a run winds down
and when a ceiling holds it, never what is done then.
"""

from __future__ import annotations

from collections import namedtuple

from .workflow import stage_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .records import Dispatch, Run, Tokens

KINDS = ("input", "output", "cache_read", "cache_creation")
# What a dispatch is taken to cost while nothing is known: a brief, a few dozen calls, the client's own frame.
FIRST_GUESS = 50_000
WIND_DOWN = 0.8
LIVE = ("pending", "running", "asking", "answered")

Pool = namedtuple("Pool", "name soft hard")
Pool.__doc__ = (
    """A share of the context window, in tokens. The soft limit is planned with; the hard one is never to be passed."""
)
POOLS = (
    Pool("reserved", 30_000, 35_000),
    Pool("learnings", 20_000, 25_000),
    Pool("backlog", 15_000, 20_000),
    Pool("plans", 30_000, 35_000),
    Pool("context7", 25_000, 30_000),
    Pool("working", 30_000, 40_000),
)
LEVELS = ((0.95, "Critical"), (0.80, "Warning"), (0.0, "Normal"))
CHARACTERS_PER_TOKEN = 4


def total(tokens: Tokens) -> int:
    """All tokens of one count: what was sent, answered, read from the cache and written to it."""
    return sum(tokens.get(kind, 0) for kind in KINDS)  # type: ignore[misc]


def spent(run: Run) -> int:
    """What the run's agents and its driving session have used, as far as it has been measured."""
    return sum(total(tokens) for tokens in run.get("used", {}).values())


def added(counts: Iterable[Tokens]) -> Tokens:
    """The counts together; the context of several conversations is no sum, so it is 0."""
    parts = list(counts)
    return {**{kind: sum(part.get(kind, 0) for part in parts) for kind in KINDS}, "context": 0}  # type: ignore[misc,typeddict-item]


def predicted(run: Run, node: str) -> int:
    """What one more dispatch at *node* will probably use: the mean of this stage's, else of the run's, else a first guess."""
    stage = stage_at(run["workflow"], node)["id"]
    measured = [(d, run.get("used", {}).get(d["id"])) for d in run["dispatches"].values()]
    known = [(d, total(tokens)) for d, tokens in measured if tokens]
    same = [tokens for d, tokens in known if stage_at(run["workflow"], d["node"])["id"] == stage]
    return _mean(same or [tokens for _, tokens in known]) or FIRST_GUESS


def reserved(run: Run) -> int:
    """What the dispatches that are under way will probably still use."""
    return sum(_still_to_come(run, d) for d in run["dispatches"].values() if d["state"] in LIVE)


def _still_to_come(run: Run, dispatch: Dispatch) -> int:
    tokens = run.get("used", {}).get(dispatch["id"])
    return max(0, predicted(run, dispatch["node"]) - (total(tokens) if tokens else 0))


def room(run: Run) -> int | None:
    """Tokens left under `limits.tokens` since a human last let the run go on; None where there is no such limit."""
    limit = run["limits"].get("tokens")
    return None if limit is None else limit - (spent(run) - run["granted"].get("tokens", 0))


def fits(run: Run, node: str) -> bool:
    """Whether one more dispatch at *node* can be expected to end under the ceiling.

    The first one after a human let the run go on always may: what it costs is not known before.
    """
    left = room(run)
    if left is None:
        return True
    taken = reserved(run)
    begun = taken > 0 or left < run["limits"]["tokens"]
    return left > 0 and (not begun or taken + predicted(run, node) <= left)


def shares(run: Run, minutes: float) -> dict[str, tuple[float, int]]:
    """For each ceiling what has been used of it since a human last let the run go on, and the ceiling.

    Args:
        run: the fold of the journal.
        minutes: how long the run has lasted.
    """
    granted, limits = run["granted"], run["limits"]
    found: dict[str, tuple[float, int]] = {
        "dispatches": (len(run["dispatches"]) - granted.get("dispatches", 0), limits["dispatches"]),
        "wall_minutes": (max(0.0, minutes - granted.get("minutes", 0)), limits["wall_minutes"]),
    }
    left = room(run)
    if left is not None:
        found["tokens"] = (limits["tokens"] - left, limits["tokens"])
    return found


def winding_down(run: Run, minutes: float) -> str | None:
    """Which ceiling is near, in words; None while each is used to less than 80 %."""
    near = [(used / limit, name, used, limit) for name, (used, limit) in shares(run, minutes).items()]
    share, name, used, limit = max(near)
    return f"{used:,.0f} of {limit:,} limits.{name} used ({share:.0%})" if share >= WIND_DOWN else None


def predicted_run(earlier: list[tuple[int, int]], steps: int) -> int | None:
    """What a plan of *steps* steps will probably use; None where no earlier run was measured.

    Args:
        earlier: tokens and number of steps of each run of the same workflow that came to its end.
        steps: of the plan at hand.
    """
    per_step = [tokens / count for tokens, count in earlier if tokens > 0 and count > 0]
    return round(sum(per_step) / len(per_step) * steps) if per_step else None


def _mean(values: list[int]) -> int:
    return sum(values) // len(values) if values else 0


def estimate(text: str) -> int:
    """About how many tokens *text* is; to be shown with a `~`, for only the model's own tokenizer knows."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def level(used: int, soft: int) -> str:
    """Normal, Warning from 80 % of the soft limit on, Critical from 95 % on."""
    return next(name for share, name in LEVELS if used >= share * soft)
