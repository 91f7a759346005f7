"""The commands for going back: `fermata checkpoint …`, `rollback` and `undo`. For people; a model may call none of them.

Exit codes: 4 for a rollback that had to leave a file of the run's as it is, or that cannot be done now; 8 for what is no id.
"""

from __future__ import annotations

import sys

import click

from .cli_parts import JSON_FLAG, inside_claude_code, open_here, say
from .core.consultation import clean
from .store.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .loop.site import Site
    from .store.run_store import RunStore

RUN_OPTION = click.option("--run", "run_id", metavar="RUN", help="Another run than the one on hand.")
ID = click.argument("name", metavar="ID")
YES = click.option("--yes", is_flag=True, help="Do not ask.")
MAX_DIFF = 400_000


@click.group()
def checkpoint() -> None:
    """Points to come back to: save one, or look at them.

    fermata saves one by itself after each accepted result of an agent that writes, in /conduct with each phase, and before
    a rollback.
    """


@checkpoint.command()
@click.argument("name", required=False, default="by hand", metavar="[NAME]")
@RUN_OPTION
@JSON_FLAG
def save(name: str, run_id: str | None, as_json: bool) -> None:
    """Save the work tree, and where the run stands.

    Index, HEAD, branches and stashes stay as they are.
    """
    from .loop.checkpoints import save_now
    from .views.checkpoints import checkpoint_row

    _refuse_models("checkpoint save")
    site = open_here()
    made = save_now(site.shown(run_id), site.repo, name)
    told = [f"not in it, because it is too large: {clean(path)}" for path in made.get("large", [])]
    say("\n".join([checkpoint_row(made), *told]), made, as_json)


@checkpoint.command("list")
@RUN_OPTION
@JSON_FLAG
def list_(run_id: str | None, as_json: bool) -> None:
    """The run's checkpoints, oldest first."""
    from .views.checkpoints import checkpoint_row

    run = open_here().shown(run_id).load()
    known = run.get("checkpoints", [])
    say("\n".join(map(checkpoint_row, known)) or f"{run['run']} has no checkpoint yet.", known, as_json)


@checkpoint.command()
@ID
@RUN_OPTION
@JSON_FLAG
def show(name: str, run_id: str | None, as_json: bool) -> None:
    """What a checkpoint holds, and how far the work tree is from it.

    One that /conduct saved with a phase is compared with the run's own branch.
    """
    from .loop.checkpoints import apart_from, find_checkpoint
    from .views.checkpoints import checkpoint_text

    site = open_here()
    run = site.shown(run_id).load()
    one = find_checkpoint(run, name)
    apart = [change.path for change in apart_from(site.repo, run, one)]
    say(checkpoint_text(run, one, len(apart)), {**one, "run": run["run"], "differs": apart}, as_json)


@checkpoint.command()
@ID
@click.option("--stat", is_flag=True, help="Only the paths, with the number of changed lines.")
@RUN_OPTION
@JSON_FLAG
def diff(name: str, stat: bool, run_id: str | None, as_json: bool) -> None:
    """What has changed in the work tree since, whoever changed it.

    One that /conduct saved with a phase is compared with the run's own branch.
    """
    from .loop.checkpoints import diff_from, find_checkpoint, lines_from

    site = open_here()
    run = site.shown(run_id).load()
    one = find_checkpoint(run, name)
    if stat:
        rows = lines_from(site.repo, run, one)
        text = "\n".join(f"{'-' if count is None else count:>6}  {clean(path)}" for path, count in rows)
        say(text or "Nothing has changed since.", [{"path": p, "lines": n} for p, n in rows], as_json)
        return
    text = diff_from(site.repo, run, one, MAX_DIFF)
    say(clean(text, MAX_DIFF + 1_000) or "Nothing has changed since.", {"id": name, "diff": text}, as_json)


@click.command()
@ID
@YES
@click.option("--dry-run", is_flag=True, help="Only say what it would do.")
@RUN_OPTION
@JSON_FLAG
def rollback(name: str, yes: bool, dry_run: bool, run_id: str | None, as_json: bool) -> None:
    """Go back to a checkpoint: what the run changed, nothing else.

    The run then stands where it stood; /fermata:resume goes on from there.

    A file that was changed on top of the run's change is left as it is and listed (exit code 4). What the run had made is
    moved aside, never deleted. Branches, index, stashes and ignored files are not touched. `fermata undo` takes it back.

    A run of /conduct works on a branch of its own: that goes back, and your work tree is not touched.
    """
    from .loop.checkpoints import find_checkpoint

    _refuse_models("rollback")
    site = open_here()
    store = site.shown(run_id)
    find_checkpoint(store.load(), name)
    agreed = yes or dry_run or _agreed(site, store, name, as_json=as_json)
    sys.exit(_tell(site, store, name, really=not dry_run, as_json=as_json) if agreed else _nothing())


@click.command()
@YES
@RUN_OPTION
@JSON_FLAG
def undo(yes: bool, run_id: str | None, as_json: bool) -> None:
    """Take the last rollback back, also one that was cut short.

    Typed again, it takes that back.
    """
    from .loop.rollback import last_rollback

    _refuse_models("undo")
    site = open_here()
    store = site.shown(run_id)
    name = last_rollback(store.load())["id"]
    agreed = yes or _agreed(site, store, name, as_json=as_json)
    sys.exit(_tell(site, store, name, really=True, as_json=as_json) if agreed else _nothing())


def _agreed(site: Site, store: RunStore, name: str, *, as_json: bool) -> bool:
    """Whether a person at this terminal has seen what would be done, and wants it."""
    if as_json or not sys.stdin.isatty():
        raise Refused(
            "nobody can be asked here; look with `fermata rollback ID --dry-run`, then repeat this with --yes"
        )
    _tell(site, store, name, really=False, as_json=False)
    return click.confirm("\nDo it?", default=False)


def _tell(site: Site, store: RunStore, name: str, *, really: bool, as_json: bool) -> int:
    """Roll back, or only say what that would do; gives the exit code."""
    from .loop.rollback import roll_back
    from .views.checkpoints import rollback_document, rollback_text

    run = store.load()
    found = roll_back(store, site.repo, name, really=really)
    place = store.path("quarantine", found.undo)
    say(rollback_text(run["run"], found, place), rollback_document(run, found, place), as_json)
    return 4 if found.skipped else 0


def _nothing() -> int:
    click.echo("Nothing was changed.")
    return 3


def _refuse_models(verb: str) -> None:
    if inside_claude_code():
        raise Refused(f"`fermata {verb}` is for people; type it in a terminal outside Claude Code")
