"""In which order things are done that wait for each other. Pure; knows only names."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class CircleError(ValueError):
    """`circle` holds the names along it; the first is the last again."""

    def __init__(self, circle: list[str]) -> None:
        super().__init__(" → ".join(circle))
        self.circle = circle


def in_order(waits: Mapping[str, Iterable[str]]) -> list[str]:
    """The keys of *waits*, each behind all that it waits for; else in the order given.

    Args:
        waits: for each name the names that come first; those that are no key are done already.

    Raises:
        CircleError: some wait for each other.
    """
    done: dict[str, bool] = {}  # False: being looked at
    found: list[str] = []
    for name in waits:
        path = [name]
        while path:
            here = path[-1]
            done.setdefault(here, False)
            ahead = next((other for other in waits[here] if other in waits and not done.get(other)), None)
            if ahead is None:
                path.pop()
                if not done[here]:
                    done[here] = True
                    found.append(here)
            elif ahead in path:
                raise CircleError([*path[path.index(ahead) :], ahead])
            else:
                path.append(ahead)
    return found
