"""The words by which a document says that one phase waits for another, and what was found, the surest source first."""

from __future__ import annotations

import re

VERB = re.compile(
    r"(?<!\w)(?:depends?(?: up)?on|depends? (?:up)?on|dependent on|depending on|requires?|blocked (?:by|on|until)"
    r"|builds? (?:up)?on|after|following|follows|needs|prerequisites?|pre-requisites?|gated (?:on|by)|waits? (?:for|on)"
    r"|hangt (?:von|ab von)|abhangig von|setzt|nach|benotigt|depend de|dependent de|apres|necessite|depende de"
    r"|dependen de|dependem de|requiere|despues de|tras|depois de|apos|requer)(?!\w)"
    r"|依赖于?|依賴於?|依存|前提|之后|以后|完成后"
)
NOTHING = re.compile(
    r"(?<!\w)(?:no (?:\w+ )?(?:dependenc|prerequisit|depend)\w*|none|nothing|standalone|independent"
    r"|can (?:start|begin) (?:immediately|at once|any ?time)|starts? immediately|without dependencies|keine\w*"
    r"|unabhangig|aucune?|ninguna?|nenhuma?|independiente|independente|rien|nada)(?!\w)|无依赖|无|なし|無し"
)
PARALLEL = re.compile(
    r"in parallel (?:with|to)|parallel (?:with|to|zu)|parallele?ly with|alongside|concurrent(?:ly)? with"
    r"|simultaneously with|en parallele (?:de|avec|a)|en paralelo con|em paralelo com|与.{0,12}并行|並行"
)
STOP = re.compile(r"[.;!?](?:\s|\Z)|\s(?:but|blocks|and can|can (?:be|run|start)|before|unblocks|enables)\s|。|；")
# How sure a source is: a field of its own, a sentence, what runs beside another, a drawing.
FIELD, SENTENCE, GUESS, GRAPH = 1.0, 0.7, 0.5, 0.6


class Found:
    """What was said of each phase by source, with the line. `beside`: a phase, those it may run beside, the line."""

    def __init__(self, size: int) -> None:
        self.said: list[dict[float, tuple[list[int], int]]] = [{} for _ in range(size)]
        self.beside: list[tuple[int, list[int], int]] = []

    def add(self, place: int, on: list[int], sure: float, line: int) -> None:
        """That *place* waits for *on*. Only a field may name the phase itself, which is then a circle."""
        known, first = self.said[place].get(sure, ([], line))
        more = [other for other in on if other != place or sure == FIELD]
        self.said[place][sure] = (list(dict.fromkeys([*known, *more])), first)
