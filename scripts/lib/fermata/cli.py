"""The command line: reads arguments, calls, prints, ends with an exit code. Every rule lies behind it.

Exit codes: 0 done · 1 our own bug · 2 usage · 3 refused by a gate, or waits for a human · 4 conflict · 5 state damaged ·
6 I/O · 7 lock time-out · 8 validation · 9 halted · 130 interrupted.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
import traceback

import click

from .checks.runner import CheckError
from .cli_board import task
from .cli_checkpoint import checkpoint, rollback, undo
from .cli_config import config
from .cli_context import context
from .cli_entries import backlog, debt, learning, report
from .cli_inspect import inspect
from .cli_notes import note
from .cli_parts import JSON_FLAG, MAX_MESSAGE, open_here, say
from .cli_people import doctor, mend_handoff, rehearse, repair, setup, version
from .cli_spec import spec
from .cli_worktree import worktree
from .core.consultation import clean, line
from .git.run import GitError
from .store.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .loop.site import Site
    from .store.run_store import RunStore


def _driven(site: Site) -> RunStore:
    """The run that this session drives, which must be open."""
    store = site.driven()
    if not store.exists():
        raise click.UsageError("the run is not open yet; run `fermata start` first")
    return store


RUN_OPTION = click.option("--run", "run_id", metavar="RUN", help="Another run than the one on hand.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """fermata takes a goal to verified code with agents, and holds where a human or a check must let go first.

    People type /build, /fermata:approve, status, stop, abort and resume in Claude Code; this command line shows
    the same runs in a terminal, and is what the driving session calls.
    """


PEOPLE = (repair, doctor, version, setup, rehearse, config, context)
TREES = (checkpoint, rollback, undo, spec, inspect, worktree)
for command in (*PEOPLE, *TREES, task, note, debt, report, learning, backlog):
    cli.add_command(command)


@cli.command()
@JSON_FLAG
def start(as_json: bool) -> None:
    """Open the run that /build asked for, and say what is due first. For the session that drives the run."""
    from .core.routing import route_shown
    from .loop.start import start_run

    site = open_here()
    shown = route_shown(start_run(site))
    if shown and not as_json:
        click.echo(shown + "\n")
    sys.exit(_next(site, _driven(site), as_json))


@cli.command()
@click.argument("goal", metavar="GOAL")
@JSON_FLAG
def route(goal: str, as_json: bool) -> None:
    """Say which workflow GOAL would get, and why. Nothing begins.

    With the signal that won, and how sure that is.

    `WORKFLOW: GOAL` chooses one, as in /build and /orchestrate.
    """
    from .core.routing import route_text
    from .loop.start import route_goal

    found, said, agents = route_goal(open_here(), goal)
    say(route_text(found, said, agents), {**found._asdict(), "goal": said, "agents": agents}, as_json)


@cli.command("next")
@JSON_FLAG
def next_command(as_json: bool) -> None:
    """Do what needs nobody, and say the one thing that is due. For the session that drives the run.

    Exit code 3: only a human can go on.
    """
    site = open_here()
    sys.exit(_next(site, _driven(site), as_json))


def _next(site: Site, store: RunStore, as_json: bool) -> int:
    from .loop.answer import answer
    from .loop.drive import drive
    from .loop.harvest import harvest
    from .loop.site import minutes_since

    harvest(site, store)
    run, actions = drive(site, store, check=not site.confined)
    text, code = answer(run, actions, minutes_since(run["created"]))
    say(
        text,
        {
            "run": run["run"],
            "status": run["status"],
            "actions": [a._asdict() for a in actions],
            "text": text,
            "exit": code,
        },
        as_json,
    )
    return code


@cli.command()
@click.argument("run_id", required=False, metavar="[RUN]")
@JSON_FLAG
def resume(run_id: str | None, as_json: bool) -> None:
    """Take the run up again, and say what is due.

    Verifies the journal, rebuilds the state from it and reads the settings anew.

    In Claude Code: /fermata:resume.
    """
    from .loop.start import reload_settings

    site = open_here()
    store = site.shown(run_id)
    store.rebuild()
    reload_settings(site, store)
    run = store.load()
    if not site.session:
        text = f"{run['run']} is whole ({run['status']}). To go on, type /fermata:resume {run['run']} in Claude Code."
        say(text, {"run": run["run"], "status": run["status"], "text": text}, as_json)
        return
    sys.exit(_next(site, _driven(site), as_json))


@cli.command()
@JSON_FLAG
def harvest(as_json: bool) -> None:
    """Take results no hook saw, and give up agents that are gone. For the session that drives the run."""
    from .loop.harvest import harvest as take

    site = open_here()
    found = take(site, _driven(site))
    say("\n".join(found) or "Nothing to take: every agent at work is accounted for.", {"found": found}, as_json)


@cli.command()
@click.argument("dispatch_id", metavar="DISPATCH")
@RUN_OPTION
@JSON_FLAG
def brief(dispatch_id: str, run_id: str | None, as_json: bool) -> None:
    """Print the brief of a dispatch (d-001)."""
    from .views.parts import show_part

    text = show_part(open_here().shown(run_id), dispatch_id)
    say(text.rstrip("\n"), {"id": dispatch_id, "text": text}, as_json)


@cli.command()
@click.option("--baseline", is_flag=True, help="The project's own checks, whatever was approved.")
@click.option("--quick", is_flag=True, help="The quick checks, where the project has some.")
@click.option(
    "--max", "seconds", type=click.IntRange(1, 540), default=90, show_default=True, help="Seconds to wait for the end."
)
@click.option("--for", "dispatch", metavar="D-NNN", help="Where this dispatch works, its worktree if it has one.")
@JSON_FLAG
def check(baseline: bool, quick: bool, seconds: int, dispatch: str | None, as_json: bool) -> None:
    """Run the checks now and show their evidence. It proves nothing for the run, which runs them again itself.

    Exit code 8: a check is red. 7: still running after --max seconds (`fermata log` shows nothing of it; call again).
    """
    from .loop.try_checks import Wanted, try_checks

    wanted = Wanted(baseline=baseline, quick=quick, dispatch=dispatch)
    found = try_checks(open_here(), wanted, seconds)
    say(
        "\n".join(entry["text"] for entry in found) or "This project has no checks that fermata knows.",
        {"checks": found},
        as_json,
    )
    outcomes = {entry["outcome"] for entry in found}
    sys.exit(7 if "running" in outcomes else 8 if outcomes - {"green", "unstable"} else 0)


@cli.command()
@click.option("--max", "seconds", type=click.IntRange(1, 540), default=90, show_default=True, help="Seconds to wait.")
@JSON_FLAG
def wait(seconds: int, as_json: bool) -> None:
    """Wait for checks, or for a pause to end, and say what is due.

    For the session that drives the run.

    In a sandbox that ends every process with the command that started it, this command runs them, to their end.
    """
    from .loop.drive import run_checks, see_through
    from .loop.standstill import stay

    site = open_here()
    store = _driven(site)
    ran = run_checks(site, store) if site.confined else see_through(site, store, seconds)
    if not ran:
        stay(store.load(), seconds)
    sys.exit(_next(site, store, as_json))


@cli.command()
@RUN_OPTION
@JSON_FLAG
def status(run_id: str | None, as_json: bool) -> None:
    """Where the run stands. Exit code 3: it waits for you."""
    from .store.data import DataFolder
    from .views.status import document, shown_status, text

    site = open_here()
    if not site.project.run_ids():
        say('No run here yet. Type /build "GOAL" in Claude Code.', {"format": 1, "run": None}, as_json)
        return
    store = site.shown(run_id)
    run, torn = store.load(), store.torn()
    folder = site.project.data_folder()
    marker = DataFolder(folder).marker(run["session"]) if folder else None
    told = [f"Note      a crash tore a line off the journal; it never counted and lies in {name}" for name in torn]
    found = {**document(run, marker, os.environ), "torn": torn}
    say("\n".join([text(run, marker, os.environ), *told]), found, as_json)
    sys.exit(3 if shown_status(run) == "waiting" else 0)


@cli.command()
@click.argument("part", metavar="PART")
@RUN_OPTION
@JSON_FLAG
def show(part: str, run_id: str | None, as_json: bool) -> None:
    """Show a part of a run: plan, state, dispatch, check or page.

    `plan`, `state`, a dispatch (d-001: brief and result), a check (c-001: evidence and output), or a page.

    `artifacts` lists the pages: implementation_plan, verification, recon_TARGET, phase_N_complete, and older ones by number.
    """
    from .views.parts import show_part

    text = show_part(open_here().shown(run_id), part)
    say(text.rstrip("\n"), {"part": part, "text": text}, as_json)


@cli.command()
@click.argument("action", type=click.Choice(["show", "repair", "resend"]))
@click.argument("dispatch_id", required=False, metavar="[DISPATCH]")
@click.option(
    *("--set", "given"),
    multiple=True,
    metavar="FIELD=TEXT",
    help="For repair: put TEXT into the record; `FIELD=-` reads it from standard input. May be repeated.",
)
@RUN_OPTION
@JSON_FLAG
def handoff(action: str, dispatch_id: str | None, given: tuple[str, ...], run_id: str | None, as_json: bool) -> None:
    """What one agent leaves to the next.

    The record that the agent of a dispatch is handed by the one before it; without DISPATCH the newest.

    show: the record comes from the journal; what is said about its file tells whether that is still as it was written.
    repair: write a lost or damaged record anew, with what --set adds. resend: write the brief of the open dispatch anew.
    The last two are for people, in a terminal.
    """
    if action != "show":
        mend_handoff(action, dispatch_id, given, run_id, as_json=as_json)
        return
    from .loop.handoffs import find_handoff

    found = find_handoff(open_here().shown(run_id), dispatch_id)
    if found is None:
        say("No agent has handed over to another one yet.", {"id": None, "handoff": None}, as_json)
        return
    name, record, file = found
    shown = json.dumps(record, indent=1, ensure_ascii=False)
    say(f"{name}: {clean(file)}\n{clean(shown, MAX_MESSAGE)}", {"id": name, "handoff": record, "file": file}, as_json)


@cli.command()
@RUN_OPTION
@click.option("-n", "count", type=click.IntRange(1, 100_000), default=40, show_default=True, help="The last N events.")
@JSON_FLAG
def log(run_id: str | None, count: int, as_json: bool) -> None:
    """The journal: what happened, when, by whom."""
    from .views.parts import log_lines

    events = open_here().shown(run_id).events()[-count:]
    say("\n".join(log_lines(events)), {"events": events}, as_json)


def main(argv: list[str] | None = None) -> int:
    """Run one command; every error becomes a message and an exit code."""
    try:
        result = cli.main(args=argv, prog_name="fermata", standalone_mode=False, obj=open_here)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; nothing is lost, run the same command again", err=True)
        return 130
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except Exception as error:  # noqa: BLE001 - the last place where an error can become a message
        return _failed(error)
    return result if isinstance(result, int) else 0


def _failed(error: Exception) -> int:
    code = getattr(error, "exit_code", 6 if isinstance(error, (GitError, CheckError)) else None)
    if isinstance(code, int):
        _complain(str(error) + _sandbox_hint(str(error)))
        return code
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        _complain(
            f"{error.strerror or error}{where}. Nothing that was journalled is lost; mend this and run the command again"
            + _sandbox_hint(str(error))
        )
        return 6
    try:
        kept = f"Details: {_keep_traceback()}"
    except Exception:  # noqa: BLE001 - no place for them: then they are shown, never hidden
        kept = f"Its details could be kept nowhere:\n{traceback.format_exc()}"
    _complain(
        f"this is a bug of fermata's ({type(error).__name__}: {line(str(error), 300)}). Nothing that was journalled is lost. "
        f"Do not just repeat the command: tell the user, who can report it to fermata's maintainers with its details. {kept}"
    )
    return 1


def _sandbox_hint(said: str) -> str:
    """What helps where a sandbox forbids to write to the repository: git's folder lies outside the session's folder."""
    if os.environ.get("SANDBOX_RUNTIME") != "1" or os.strerror(errno.EROFS) not in said:
        return ""
    try:
        repo = open_here().repo
    except (StoreError, OSError):
        return ""
    return (
        f". Claude Code's Bash sandbox lets nothing be written there. Start Claude Code in {repo.root}, or add "
        f"{json.dumps(repo.common_dir)} to sandbox.filesystem.allowWrite in your settings"
    )


def _complain(text: str) -> None:
    """To the person, without what names from files could do to their terminal."""
    click.echo(f"fermata: {clean(text, MAX_MESSAGE)}", err=True)


def _keep_traceback() -> str:
    """The path that the traceback now lies at. Raises OSError and what an environment without HOME raises."""
    from .environment import data_home

    folder = os.path.join(data_home(os.environ), "bugs")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, time.strftime("%Y%m%d-%H%M%S.txt"))
    with open(path, "w", encoding="utf-8") as file:
        file.write(traceback.format_exc())
    return path
