"""`accept_result`: the only door through which an agent's answer becomes a result.

Decides in this order: one JSON object, strict parsing, the stage's schema, then facts that the answer cannot talk
about away: what changed in the tree since the dispatch began, and whether it lies inside the scope. Every answer is
either accepted and journalled, or sent back with the exact error; after the last repair the dispatch fails.
"""

from __future__ import annotations

import json
import re
from collections import namedtuple
from hashlib import sha256

from ..core.canonical import digest, parse_strict
from ..core.consultation import line
from ..core.contract import contract
from ..core.fingerprint import words_print
from ..core.items import on_branch
from ..core.memory import learnt_from
from ..core.recovery import Facts, told
from ..core.scope import outside, protected
from ..core.small_change import LIMITS, too_much, waived
from ..core.workflow import stage_at
from ..definitions.schema_files import schema_errors
from ..git.snapshot import changed_lines, changed_paths, keep_tree, large_untracked, look, take_snapshot
from ..git.worktrees import worktree_at
from ..store.files import write_json
from ..store.lock import locked
from .branch import markers_left
from .checkpoints import checkpoint_after
from .facts import fact_error
from .named_places import places_error
from .own_files import own_files_changed
from .planned import judged_plan, plan_checks
from .rejected import Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Dispatch, Json, Run, Stage
    from ..git.repo import Repo
    from ..git.snapshot import Seen
    from ..store.run_store import News, RunStore

Answer = namedtuple("Answer", "accepted message")
Answer.__doc__ = """Whether the agent may end, and what it is told when it may not."""

MAX_TEXT = 400_000
MERGE_SECONDS = 30.0
MAX_SUMMARY, MAX_ELSEWHERE = 600, 50
FENCE = re.compile(r"^```(?:json)?[ \t]*\n(.*?)\n```[ \t]*$", re.DOTALL | re.MULTILINE)


def text_digest(text: str) -> str:
    """What names the words of an agent, whatever they are: a transcript can hold what is no Unicode text."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def one_object(text: str) -> dict[str, Json]:
    """The one JSON object in *text*: alone, or in one fenced block, or after a sentence or two.

    Raises:
        Rejected: none, several, not strict JSON, or too long.
    """
    if len(text) > MAX_TEXT:
        raise Rejected(f"{len(text):,} characters; at most {MAX_TEXT:,} are read. Shorten the result")
    blocks = FENCE.findall(text)
    if len(blocks) > 1:
        raise Rejected(f"{len(blocks)} JSON blocks; hand in exactly one JSON object")
    body = (blocks[0] if blocks else text).strip()
    start = body.find("{")
    if start < 0:
        raise Rejected("no JSON object in it; hand in the JSON object alone")
    try:
        _, end = json.JSONDecoder().raw_decode(body[start:])
        if "{" in body[start + end :]:
            raise Rejected("more than one JSON object; hand in exactly one")
        value = parse_strict(body[start : start + end])
    except json.JSONDecodeError as error:
        raise Rejected(
            f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}. Hand in one whole JSON object"
        ) from None
    except (ValueError, RecursionError) as error:  # StrictJsonError, or a number of more digits than Python reads
        raise Rejected(str(error) or "nested too deep") from None
    if not isinstance(value, dict):
        raise Rejected("the result is not a JSON object")
    return value


def accept_result(repo: Repo, store: RunStore, dispatch_id: str, text: str) -> Answer:
    """Judge *text* as the result of *dispatch_id* and journal the verdict.

    Called from the hooks that see an agent end and from `harvest`; calling it twice for one answer changes nothing.

    Raises:
        StoreError, OSError, GitError: nothing was decided; the agent may hand in again.
    """
    run = store.load()
    dispatch = run["dispatches"].get(dispatch_id)
    if dispatch is None or dispatch["state"] != "running":
        return Answer(True, "")
    given = text, run["limits"]["repairs"]
    if "worktree" not in dispatch:
        return _judge(repo, store, run, dispatch, given)
    with locked(store.path("drive.lock"), MERGE_SECONDS):  # else what is being brought in just now looks like nobody's
        return _judge(repo, store, store.load(), dispatch, given)


def accept_only_result(repo: Repo, store: RunStore, dispatch_id: str, text: str) -> None:
    """The same for one that cannot hand in a second time, a command: a bad answer ends its dispatch.

    For whoever drives the run just now, and so holds its lock.
    """
    run = store.load()
    dispatch = run["dispatches"][dispatch_id]
    if dispatch["state"] == "running":
        _judge(repo, store, run, dispatch, (text, 0))


def _judge(repo: Repo, store: RunStore, run: Run, dispatch: Dispatch, given: tuple[str, int]) -> Answer:
    """*given*: the answer, and how many repairs it may need."""
    text, repairs = given
    dispatch_id = dispatch["id"]
    stage = stage_at(run["workflow"], dispatch["node"])
    try:
        value = one_object(text)
        errors = schema_errors(dispatch["result"], value)
        if errors:
            raise Rejected("; ".join(errors))
        error = fact_error(store, run, dispatch["node"], value)
        if error is None and "criteria" in contract(stage) and "criteria" in value:
            error = places_error(_looked_at(repo, dispatch), value)
        if error:
            raise Rejected(error)
        news = _news(repo, run, stage, dispatch, (value, store.path("briefs", f"{dispatch_id}.md")))
    except Rejected as error:
        return _reject(store, dispatch, error, text, repairs)

    def decide(now: Run | None) -> News:
        """The file is written under the lock, so that it is the one that the journal's digest is about."""
        if now is None or not _still(now, dispatch):
            return []
        write_json(store.path("results", f"{dispatch_id}-{dispatch['round']}.json"), value, sync=True)
        return news

    store.transact("door", decide)
    return Answer(True, "")


def _looked_at(repo: Repo, dispatch: Dispatch) -> Repo:
    """The tree that an agent saw."""
    return (worktree_at(repo, dispatch["worktree"]) if "worktree" in dispatch else None) or repo


def _still(now: Run, dispatch: Dispatch) -> bool:
    current = now["dispatches"][dispatch["id"]]
    return current["state"] == "running" and all(current[key] == dispatch[key] for key in ("repairs", "round"))


def _reject(store: RunStore, dispatch: Dispatch, rejected_for: Rejected, text: str, limit: int) -> Answer:
    used = dispatch["repairs"] + 1
    error = line(str(rejected_for), 1_500)
    rejected = {"id": dispatch["id"], "error": error, "repair": used, "text": text_digest(text)}
    news: News = [("result_rejected", rejected)]
    if used > limit:
        reason = f"no valid result{f' after {limit} repairs' * bool(limit)}: {error}"
        kind = {**told(rejected_for.facts), "error": words_print(error)}
        news.append(("dispatch_failed", {"id": dispatch["id"], "reason": reason, **kind}))
    store.transact("door", lambda now: news if now and _still(now, dispatch) else [])
    if used > limit:
        return Answer(True, "")
    left = limit - used
    return Answer(
        False,
        f"{dispatch['id']}: the result was not accepted: {error}. Correct it and hand in again; {left} of {limit} repairs left after this.",
    )


def _news(repo: Repo, run: Run, stage: Stage, dispatch: Dispatch, given: tuple[dict[str, Json], str]) -> News:
    """What an answer, *given* with the path of its brief, is journalled as."""
    value, brief = given
    if value.get("status") == "questions":
        return [("questions_raised", _questions(run, stage, dispatch, value))]
    changed, unexplained, seen = _effect(repo, run, dispatch, value)
    marked = markers_left(repo, run, dispatch["node"], seen.tree) if seen and "conflict" in contract(stage) else []
    if marked and value.get("status") != "failed":
        raise Rejected(f"conflict markers are still in {', '.join(marked[:5])}. Resolve each of them, in every file")
    tampered = own_files_changed(brief) if dispatch["access"] == "write" else []
    if tampered:
        reason = f"{', '.join(tampered[:3])} of fermata's own changed while it was at work"
        kind = told(Facts("tampering", "plugin"))
        return [("dispatch_failed", {"id": dispatch["id"], "reason": reason, "changed": changed, **kind})]
    found = learnt_from(value)
    learnt = {"learnt": found} if found else {}
    if dispatch["access"] == "write" and value.get("status") == "failed":
        left = _kept(repo, run, dispatch, seen) if changed and "worktree" not in dispatch else {}
        return [("dispatch_failed", {**_gave_up(dispatch, value, changed), **left, **learnt})]
    if dispatch["access"] == "write" and waived(run):
        _judge_small(repo, run, unexplained)
    kept = {key: value[key] for key in stage.get("keep", []) if key in value}
    if "steps" in kept:
        kept = judged_plan(run, stage, dispatch["node"], {**kept, "checks": plan_checks(value)})
    body = {
        "id": dispatch["id"],
        "result": digest("fermata result 1", value),
        "summary": line(str(value.get("summary", "")), MAX_SUMMARY),
        "kept": kept,
        "changed": changed,
        "unexplained": unexplained,
    }
    if dispatch["access"] != "write" or not seen:
        return [("result_accepted", {**body, **learnt})]
    if "worktree" in dispatch:
        return [("result_accepted", {**body, **_kept(repo, run, dispatch, seen), **learnt})]
    saved = checkpoint_after(repo, run, dispatch, seen)
    return [("result_accepted", {**body, "tree": seen.tree, **learnt}), ("checkpoint_made", saved)]


def _kept(repo: Repo, run: Run, dispatch: Dispatch, seen: Seen | None) -> dict[str, Json]:
    """The journal's word for the tree as an agent left it, which is kept: by it a rollback knows what was the run's."""
    if seen is None:
        return {}
    keep_tree(repo, seen.tree, f"{run['run']}/{dispatch['id']}-done", f"fermata: as {dispatch['id']} handed in")
    elsewhere = _elsewhere(repo, run, dispatch) if on_branch(run) else []
    # The user is free to work in their tree: nothing is merged into it while it is dirty.
    return {"tree": seen.tree, **({"elsewhere": elsewhere[:MAX_ELSEWHERE]} if elsewhere else {})}


def _gave_up(dispatch: Dispatch, value: dict[str, Json], changed: list[str]) -> dict[str, Json]:
    why = "; ".join(value["caveats"]) or value["summary"]
    kind = {**told(Facts("gave_up", value.get("cause", ""))), "error": words_print(why)}
    body = {"id": dispatch["id"], "reason": line(f"the agent gave up: {why}", 600), "changed": changed, **kind}
    return {**body, "suggestion": line(value.get("suggestion", ""), MAX_SUMMARY)}


def _questions(run: Run, stage: Stage, dispatch: Dispatch, value: dict[str, Json]) -> dict[str, Json]:
    allowed = stage.get("questions", 0) if run["interactive"] and "command" not in dispatch else 0
    if dispatch["round"] >= allowed:
        raise Rejected(
            "no question round is left; decide yourself, write what you decided under `assumptions`, and hand in the plan"
        )
    return {"id": dispatch["id"], "questions": value["questions"]}


def _effect(
    repo: Repo, run: Run, dispatch: Dispatch, value: dict[str, Json]
) -> tuple[list[str], list[str], Seen | None]:
    """What changed since the dispatch began: (by the agent, by nobody known, the tree as it is). The tree decides, not the claim."""
    base = dispatch["base_tree"]
    if base is None:
        return [], [], None
    place = _place(repo, dispatch)
    now = look(place)
    changed = [c.path for c in changed_paths(place, base, now.tree)]
    if dispatch["access"] != "write":
        return [], changed, None  # a command that was to look only: a person says what becomes of it
    elsewhere = _elsewhere(repo, run, dispatch)
    claimed = list(dict.fromkeys(value.get("files_modified", [])))
    unexplained = [p for p in value.get("unexplained", []) if p in changed or p in elsewhere]
    stray = [p for p in outside(dispatch["scope"], changed) if p not in unexplained]
    silent = [p for p in changed if p not in claimed and p not in unexplained]
    if stray or silent or unexplained:  # it may be the user's: an agent that undoes it now destroys nothing
        ref = f"{run['run']}/{dispatch['id']}-{dispatch['repairs']}"
        keep_tree(repo, now.tree, ref, f"fermata: as {dispatch['id']} handed in, with changes it may not have made")
    if stray:
        raise Rejected(
            f"changed outside your scope ({', '.join(dispatch['scope'])}): {', '.join(stray[:10])}. The user may be at work here, too: "
            "what was not you stays as it is, and you name it under `unexplained`. Put back only what you yourself changed there",
            Facts("tampering", "protected") if any(map(protected, stray)) else Facts("scope"),
        )
    strange = [p for p in elsewhere if p not in unexplained]
    if strange and not on_branch(run):
        ref = f"{run['run']}/{dispatch['id']}-{dispatch['repairs']}-yours"
        keep_tree(repo, take_snapshot(repo), ref, f"fermata: the user's tree as {dispatch['id']} handed in")
        raise Rejected(
            f"changed in the user's own tree, outside your worktree: {', '.join(strange[:10])}. It may be the user: what was "
            "not you stays as it is, and you name it under `unexplained`. Put back only what you yourself changed there"
        )
    missing = [p for p in claimed if p not in changed]
    if missing:
        raise Rejected(
            f"`files_modified` names {', '.join(missing[:10])}, which did not change; the tree says: {', '.join(changed[:20]) or 'nothing changed'}"
        )
    if silent:
        raise Rejected(
            f"{', '.join(silent[:10])} changed, but `files_modified` does not say so; name it there if it was you, under `unexplained` if it was not"
        )
    return [p for p in changed if p not in unexplained], unexplained, now


def _place(repo: Repo, dispatch: Dispatch) -> Repo:
    """The tree that the dispatch works in."""
    if "worktree" not in dispatch:
        return repo
    place = worktree_at(repo, dispatch["worktree"])
    if place is None:
        raise Rejected(f'your worktree {dispatch["worktree"]} is gone. Hand in `status` "failed" and say so')
    large = [path for path, _ in large_untracked(place)]
    if large:
        raise Rejected(
            f"{', '.join(large[:5])} is too large to be brought into the user's tree; remove it from your worktree"
        )
    return place


def _elsewhere(repo: Repo, run: Run, dispatch: Dispatch) -> list[str]:
    """What changed in the user's own tree while an agent worked in a worktree, and that no merge and nobody has explained."""
    if "worktree" not in dispatch:
        return []
    known = {path for merge in run.get("merges", {}).values() for path in merge["paths"]}
    known |= {path for other in run["dispatches"].values() for path in other["unexplained"]}
    return [c.path for c in changed_paths(repo, dispatch["beside"], take_snapshot(repo)) if c.path not in known]


def _judge_small(repo: Repo, run: Run, unexplained: list[str]) -> None:
    """What was begun without a person's yes must be small as a whole, not only what this dispatch added to it."""
    changes = changed_lines(repo, str(run["base"]["tree"]), take_snapshot(repo))
    error = too_much([change for change in changes if change[0] not in unexplained])
    if error:
        raise Rejected(
            f"this is more than a small change: {error}; without an approval {LIMITS}. Put back what you can do without, "
            'or hand in `status` "failed" and say so: the user can type /build with a plan (/orchestrate plan_then_build: …)'
        )
