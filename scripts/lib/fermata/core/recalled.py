"""Which of the project's learnings a run's agents were given, as the journal says. Pure, and light: hooks load it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Run


def used_learnings(run: Run, node: str | None = None) -> list[dict[str, str]]:
    """The learnings that agents were given, each once: `id` and `title`. With *node* those of its newest dispatch."""
    made = list(run["dispatches"].values())
    if node is not None:
        made = [d for d in made if d["node"] == node][-1:]
    return list({one["id"]: one for d in made for one in d.get("learnings", [])}.values())


def used_text(used: list[dict[str, str]]) -> str:
    """*used* in one line."""
    return some([f"{one['id']} {one['title']}" for one in used], "; ", 3)


def some(texts: list[str], between: str = ", ", most: int = 6) -> str:
    """The first of *texts*, and how many are left out."""
    return between.join([*texts[:most], *[f"{len(texts) - most} more"] * (len(texts) > most)])
