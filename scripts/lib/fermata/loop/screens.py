"""Pictures of the program before and after the change: taken by the user's own commands, kept with the run, never judged here.

A command under `checks.screens` writes one image; a run of it that wrote none proves nothing and is red. What was taken
before the approval is "before", the newest taken after it is "after".
"""

from __future__ import annotations

import os
import shutil

from ..core.check_runs import commands_for
from ..core.consultation import line
from ..core.evidence import Judgement
from .check_text import check_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import CheckRun, Json, Run
    from ..store.run_store import RunStore

MAX_BYTES = 10_000_000
MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")


def outs(run: Run) -> dict[str, str]:
    """View to the image that its command writes, for all commands that are run for pictures."""
    commands = commands_for(run, {"id": "", "kind": "checks", "commands": "screens"})
    return {command["name"]: command["out"] for command in commands}


def judge_picture(store: RunStore, root: str, check: CheckRun, verdict: Judgement) -> Judgement:
    """The verdict on a command that takes a picture: green only with the picture kept, and the tree as it was."""
    if verdict.outcome == "unstable":
        return Judgement("red", f"{verdict.why}; let it write where .gitignore covers it")
    why = keep_picture(store, root, check, check["screen"]) if verdict.outcome == "green" else None
    return Judgement("red", f"no picture: {why}") if why else verdict


def keep_picture(store: RunStore, root: str, check: CheckRun, out: str) -> str | None:
    """Copy what *check* wrote to *out* into the run; why there is no picture, or None when there is one.

    A file that lay there before the command ran is not its picture: the order that started it is older than what it wrote.
    """
    path, ordered = os.path.join(root, out), store.path("checks", f"{check['id']}.spec.json")
    try:
        found = os.stat(path)
        if found.st_mtime_ns < os.stat(ordered).st_mtime_ns:
            return f"{out} is older than the command that should have written it"
        if found.st_size > MAX_BYTES:
            return f"{out} has {found.st_size:,} bytes; at most {MAX_BYTES:,} are kept"
        with open(path, "rb") as file:
            if not file.read(8).startswith(MAGIC):
                return f"{out} is no PNG, JPEG, GIF or WebP image"
        target = picture(store, check, out)
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        shutil.copyfile(path, target)
    except OSError as error:
        return f"it wrote no {out} ({error.strerror})"
    return None


def picture(store: RunStore, check: CheckRun, out: str) -> str:
    """Where the picture of one run of a command is kept."""
    return store.path("artifacts", "screens", f"{check['id']}-{check['name']}{os.path.splitext(out)[1].lower()}")


def views(store: RunStore, run: Run) -> list[dict[str, Json]]:
    """Each view with its pictures: `name`, `before`, `after` (paths, None where there is none) and `why` there is none."""
    found = []
    for name, out in outs(run).items():
        made = [c for c in run["checks"].values() if c["name"] == name and c["state"] == "finished" and "screen" in c]
        entry: dict[str, Json] = {"name": name, "why": ""}
        for when in ("before", "after"):
            runs = [c for c in made if c.get("late") == (when == "after")]
            path = picture(store, runs[-1], out) if runs else ""
            entry[when] = path if runs and runs[-1].get("outcome") == "green" and os.path.exists(path) else None
            if when == "after" and runs and not entry["after"]:
                entry["why"] = check_line(runs[-1])
        found.append(entry)
    return found


def screens_text(store: RunStore, run: Run) -> str:
    """The views as a brief has them."""
    found = views(store, run)
    if not found:
        return "None: no command under `checks.screens` takes pictures here. The verdict is not_compared."
    rows = []
    for view in found:
        after = f"`{view['after']}`" if view["after"] else f"none ({line(view['why'] or 'not taken', 300)})"
        rows.append(f"- {view['name']}: before {_shown(view['before'])}, after {after}")
    return "\n".join(rows)


def _shown(path: str | None) -> str:
    return f"`{path}`" if path else "none"


def look_error(store: RunStore, run: Run, value: dict[str, Json]) -> str | None:
    """What a looker's result *value* says that the pictures do not bear out; None where it may stand."""
    known = {view["name"]: view for view in views(store, run)}
    for said in value["views"]:
        if said["verdict"] == "not_compared":
            continue
        if said["view"] not in known:
            return f'`views` names "{line(said["view"], 60)}"; the views are: {", ".join(known) or "none"}'
        if not known[said["view"]]["after"]:
            return f"there is no picture of {said['view']} after the change, so its verdict is not_compared"
    missing = [name for name in known if name not in [said["view"] for said in value["views"]]]
    if missing:
        return f"`views` says nothing of {', '.join(missing)}"
    worst = {said["verdict"] for said in value["views"]}
    right = (
        "differs" if "differs" in worst else "not_compared" if not worst or "not_compared" in worst else "as_expected"
    )
    return None if value["verdict"] == right else f"`verdict` is {value['verdict']}, and the views together say {right}"
