"""Builds a brief: the template of the stage, filled with the fields that its contract names, each within its size.

Decides what of a field is sent (all of it, its beginning, or a path to it) and sets data apart from fermata's words.
What the contract does not name is not asked for, so it can be in no brief. How a field reads stands in `brief_fields`.
"""

from __future__ import annotations

import json
import re

from ..core.consultation import line
from ..core.contract import MAX_LINE, VOCABULARY, contract, mark
from ..definitions.brief_files import INLINE, key_instructions, template
from ..definitions.schema_files import schema
from ..store.files import write_text
from .brief_fields import Fields
from .handoffs import write_handoff
from .worktrees import root_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.actions import Action
    from ..core.contract import Sees
    from ..core.records import Run
    from .brief_fields import Piece
    from .site import Site

WHERE = """## Where you work
Others work at the same time, so you have a worktree of your own:
`{root}`
- Every path you read or change lies below it; give it in full. In your result paths are relative to it.
- Every Bash command begins with `cd "{root}" && `.
- The user's own tree, `{own}`, and other worktrees are not yours: an edit there is refused, and a change made there by a command makes your result invalid."""
LONG_TICKS = re.compile(r"`{9,}")


class Brief:
    """One dispatch's brief. `wholes` holds, by path, every text of which only a part or the path is sent."""

    def __init__(self, site: Site, run: Run, action: Action, scope: list[str], dispatch: str) -> None:
        self.repo = root_of(site, run, action.node)
        self.fields = Fields(site, run, action, scope, self.repo)
        self.fields.dispatch = dispatch
        self.stage, self.store, self.dispatch = self.fields.stage, self.fields.store, dispatch
        self.wholes: dict[str, str] = {}

    def text(self, launcher: str) -> str:
        """The whole brief. A template cannot use a field its stage may not see: such a definition does not load."""
        values, sections = dict.fromkeys(INLINE, ""), list[str]()
        if self.repo != self.fields.site.repo:
            sections.append(WHERE.format(root=self.repo.root, own=self.fields.site.repo.root))
        for sees in contract(self.stage).values():
            text, title = self.field(sees), VOCABULARY[sees.field].title
            if not title:
                values[sees.field] = text
            elif text:
                sections.append(f"## {title}\n{text}")
        values |= {"dispatch": self.dispatch, "launcher": launcher, "fields": "\n\n".join(sections)}
        values |= {"run": self.fields.run["run"], "agent": str(self.stage.get("agent")), **key_instructions()}
        values["schema"] = json.dumps(schema(self.stage["result"]), separators=(",", ":"), ensure_ascii=False)
        lines = template(self.stage["brief"]).substitute(values).splitlines()
        return "\n".join(_without_gaps(lines)) + "\n"

    def field(self, sees: Sees) -> str:
        """One field as it is sent; "" when there is nothing to say."""
        pieces = self.fields.pieces(sees.field)
        size = _size(pieces)
        path = self.store.path("artifacts", f"{self.dispatch}-{sees.field}.md")
        if size and (sees.pointer or size > sees.chars):
            self.wholes[path] = "\n".join(filter(None, (part for p in pieces for part in (p.lead, p.body)))) + "\n"
        if size and sees.pointer:
            return f"{_first_line(pieces)} ({size:,} characters; read them in `{path}` if you need them)"
        return "\n".join(_within(pieces, sees.chars, f"`{path}`"))


def write_brief(brief: Brief, launcher: str, node: str, run: Run) -> None:
    """Put the brief on disk, and before it what it points to."""
    text = brief.text(launcher)
    for path, whole in brief.wholes.items():
        write_text(path, whole, sync=True)
    write_handoff(brief.store, run, node, brief.dispatch)
    write_text(brief.store.path("briefs", f"{brief.dispatch}.md"), text, sync=True)


def _within(pieces: list[Piece], room: int, where: str) -> list[str]:
    """*pieces* as they are sent: together at most *room* characters, then one mark that says *where* the rest is."""
    out: list[str] = []
    for index, (body, kind, lead) in enumerate(pieces):
        after = _size(pieces[index + 1 :])
        room -= len(lead)
        if room < 0 and index:
            return [*out, mark(len(lead) + len(body) + after, where).strip()]
        room = max(0, room)
        whole = len(body) <= room
        shown = body if whole else body[:room] + mark(len(body) - room + after, where)
        out += [lead] * bool(lead)
        out += [shown if kind is None else _fenced(shown, kind)] * bool(shown)
        if not whole:
            return out
        room -= len(body)
    return out


def _size(pieces: list[Piece]) -> int:
    return sum(len(piece.lead) + len(piece.body) for piece in pieces)


def _first_line(pieces: list[Piece]) -> str:
    return line(next(text for piece in pieces for text in piece.body.split("\n") if text.strip()), MAX_LINE)


def _fenced(text: str, kind: str = "") -> str:
    """*text* as data: behind a fence longer than any inside it.

    A run of more than eight backticks is shortened, so that a fence costs little whatever it holds.
    """
    text = LONG_TICKS.sub("````````…", text)
    ticks = "```"
    while ticks in text:
        ticks += "`"
    return f"{ticks}{kind}\n{text}\n{ticks}"


def _without_gaps(lines: list[str]) -> list[str]:
    """Empty fields leave runs of blank lines; one is enough."""
    return [text for i, text in enumerate(lines) if text or i == 0 or lines[i - 1]]
