"""What a run leaves to the project: learnings, debt and things for later that its agents named, and what recon found.

Decides what of a result is kept for the board, cleaned and without what looks like a credential, and which entries are
new there. All of it are claims of agents: data for later briefs, never orders, and no proof of anything. Pure.
"""

from __future__ import annotations

from .board import ENTRY_KINDS
from .board_entries import add_entry
from .board_texts import CATEGORIES, DESCRIPTION, LEARNING, NOTE, TITLE
from .consultation import line
from .output import plain, redact
from .recalled import some

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .board_records import Board, EntryKind, Json
    from .board_rules import News
    from .records import Dispatch, Run

FIELDS = ("learnings", "debt", "later")
CUT = " … (cut)"
ENDED = ("completed", "failed")
# One, several.
WORDS: dict[EntryKind, tuple[str, str]] = {
    "learning": ("learning", "learnings"),
    "debt": ("debt", "debts"),
    "backlog": ("thing for later", "things for later"),
    "report": ("report", "reports"),
}


def learnt_from(value: dict[str, Json]) -> dict[str, Json]:
    """What a result, valid against its schema, leaves to the project; empty when it names nothing."""
    found: dict[str, Json] = {
        "learnings": [text for given in value.get("learnings", []) if (text := _fit(given, LEARNING))],
        "debt": [
            {**one, "title": title, "description": _fit(one.get("description", ""), DESCRIPTION)}
            for one in value.get("debt", [])
            if (title := _title(one["title"]))
        ],
        "later": [title for given in value.get("later", []) if (title := _title(given))],
    }
    return {name: entries for name, entries in found.items() if entries}


def _fit(text: str, limit: int) -> str:
    """*text* as it may be kept: nothing hidden, nothing that looks like a credential, not longer than *limit*."""
    shown = redact(plain(text)).strip()
    return shown if len(shown) <= limit else shown[: limit - len(CUT)].rstrip() + CUT


def _title(text: str) -> str:
    return line(_fit(text, DESCRIPTION), TITLE)


def looked_text(kept: dict[str, Json]) -> str:
    """What an agent that looked has found, as text: target, by topic the facts, what it recommends."""
    out = [f"{line(kept.get('target', ''), 300)}: {kept.get('status', '')}. {line(kept.get('summary', ''), 300)}"]
    for topic, found in kept.get("findings", {}).items():
        out += [f"{line(topic, 100)}: {line(entry, 600)}" for entry in ([found] if isinstance(found, str) else found)]
    return "\n".join([*out, *[f"Recommended: {line(entry, 400)}" for entry in kept.get("recommendations", [])]])


def left_by(run: Run) -> Iterator[tuple[str, list[tuple[EntryKind, dict[str, Json]]]]]:
    """By dispatch what it leaves to the board: kind and fields of each entry. Of two that looked at the same the newer."""
    newest = {(d["node"], d["item"]): d["id"] for d in run["dispatches"].values() if _looked(d)}
    for dispatch in run["dispatches"].values():
        learnt = dispatch.get("learnt", {}) if dispatch["state"] in ENDED else {}
        found: list[tuple[EntryKind, dict[str, Json]]] = []
        found += [("learning", {"title": text}) for text in learnt.get("learnings", [])]
        found += [("debt", _debt(one)) for one in learnt.get("debt", [])]
        found += [("backlog", {"title": title}) for title in learnt.get("later", [])]
        if dispatch["id"] in newest.values():
            kept = dispatch["kept"]
            found.append(("report", {"title": _title(kept["target"]), "text": _fit(looked_text(kept), NOTE)}))
        if found:
            yield dispatch["id"], found


def _looked(dispatch: Dispatch) -> bool:
    kept = dispatch.get("kept", {})
    return dispatch["state"] == "completed" and "target" in kept and isinstance(kept.get("findings"), dict)


def _debt(one: dict[str, Json]) -> dict[str, Json]:
    category = one.get("category", "code")
    known = category if category in CATEGORIES else "other"
    return {"title": one["title"], "category": known, "text": one.get("description", "")}


def new_entries(board: Board, source: str, entries: list[tuple[EntryKind, dict[str, Json]]]) -> News:
    """The events that put those of *entries* on the board that it has not got yet; asked again there are none.

    One that says the same as an earlier one, in whatever case and spacing, is not new: nor is one that a person closed.
    Reports are told apart by where they come from, too: what is found at the same place changes with time.
    """
    known = {_same(kind, e["title"], e["source"]) for kind in ENTRY_KINDS for e in board["entries"][kind].values()}
    counts, news = dict(board["count"]), []
    for kind, fields in entries:
        same = _same(kind, fields["title"], source)
        if same not in known:
            known.add(same)
            ((name, body),) = add_entry({**board, "count": counts}, kind, source=source, **fields)
            counts[kind] += 1
            news.append((name, body))
    return news


def _same(kind: str, title: str, source: str) -> tuple[str, ...]:
    words = " ".join(title.casefold().split()).rstrip(".!")
    return (kind, words, source) if kind == "report" else (kind, words)


def source_of(run: str, dispatch: str) -> str:
    """What the board names as the source of an entry."""
    return f"{run}/{dispatch}"


def kept_from(board: Board, run: str) -> dict[EntryKind, list[str]]:
    """The entries on the board that come from *run*, by kind."""
    found = {
        kind: [e["id"] for e in board["entries"][kind].values() if e["source"].startswith(source_of(run, ""))]
        for kind in WORDS
    }
    return {kind: names for kind, names in found.items() if names}


def kept_text(run: Run) -> str:
    """What the run left to the project, in one line; "" when nothing was kept or it is not over."""
    remembered = run.get("remembered", {})
    if "error" in remembered:
        return f"nothing was kept: {line(remembered['error'], 300)}"
    told = [f"{len(names)} {WORDS[kind][len(names) > 1]}" for kind, names in remembered.items() if kind in WORDS]
    names = [name for kind in WORDS for name in remembered.get(kind, [])]
    return f"{', '.join(told)} kept for later runs ({some(names)})" if names else ""
