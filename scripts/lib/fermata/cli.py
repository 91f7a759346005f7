"""The command line: reads arguments, calls, prints, ends with an exit code. Every rule lies behind it.

Exit codes: 0 done · 1 our own bug · 2 usage · 3 refused by a gate, or waits for a human · 4 conflict · 5 state damaged ·
6 I/O · 7 lock time-out · 8 validation · 9 halted · 130 interrupted.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import time
import traceback

import click

from . import __version__
from .checks.runner import CheckError
from .cli_board import note, task
from .cli_entries import backlog, debt, learning, report
from .cli_parts import JSON_FLAG
from .cli_parts import say as _say
from .core.consultation import clean, line
from .git.run import GitError
from .store.errors import Refused, StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .loop.site import Site
    from .store.run_store import RunStore

MAX_MESSAGE = 20_000


def _here() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise StoreError("this folder is gone; cd into one that is there, and run the command again") from None


def _site() -> Site:
    from .loop.site import open_site

    return open_site(_here(), os.environ)


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


for group in (task, note, debt, report, learning, backlog):
    cli.add_command(group)


@cli.command()
@JSON_FLAG
def start(as_json: bool) -> None:
    """Open the run that /build asked for, and say what is due first. For the session that drives the run."""
    from .loop.start import start_run

    site = _site()
    start_run(site)
    sys.exit(_next(site, _driven(site), as_json))


@cli.command("next")
@JSON_FLAG
def next_command(as_json: bool) -> None:
    """Say the one thing that is due now; does everything itself that needs nobody. For the session that drives the run.

    Exit code 3: only a human can go on.
    """
    site = _site()
    sys.exit(_next(site, _driven(site), as_json))


def _next(site: Site, store: RunStore, as_json: bool) -> int:
    from .loop.answer import answer
    from .loop.drive import drive
    from .loop.harvest import harvest

    harvest(site, store)
    run, actions = drive(site, store, check=not site.confined)
    text, code = answer(run, actions)
    _say(
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
    """Verify the journal, rebuild the state from it, read the settings anew, and say what is due.

    In Claude Code: /fermata:resume.
    """
    from .loop.start import reload_settings

    site = _site()
    store = site.shown(run_id)
    store.rebuild()
    reload_settings(site, store)
    run = store.load()
    if not site.session:
        text = f"{run['run']} is whole ({run['status']}). To go on, type /fermata:resume {run['run']} in Claude Code."
        _say(text, {"run": run["run"], "status": run["status"], "text": text}, as_json)
        return
    sys.exit(_next(site, _driven(site), as_json))


@cli.command()
@JSON_FLAG
def harvest(as_json: bool) -> None:
    """Take results that no hook saw, and give up agents that are gone. For the session that drives the run."""
    from .loop.harvest import harvest as take

    site = _site()
    found = take(site, _driven(site))
    _say("\n".join(found) or "Nothing to take: every agent at work is accounted for.", {"found": found}, as_json)


@cli.command()
@click.argument("dispatch_id", metavar="DISPATCH")
@RUN_OPTION
@JSON_FLAG
def brief(dispatch_id: str, run_id: str | None, as_json: bool) -> None:
    """Print the brief of a dispatch (d-001)."""
    from .views.parts import show_part

    text = show_part(_site().shown(run_id), dispatch_id)
    _say(text.rstrip("\n"), {"id": dispatch_id, "text": text}, as_json)


@cli.command()
@click.option("--baseline", is_flag=True, help="The project's own checks, whatever was approved.")
@click.option("--quick", is_flag=True, help="The quick checks, where the project has some.")
@click.option(
    "--max", "seconds", type=click.IntRange(1, 540), default=90, show_default=True, help="Seconds to wait for the end."
)
@JSON_FLAG
def check(baseline: bool, quick: bool, seconds: int, as_json: bool) -> None:
    """Run the checks now and show their evidence. It proves nothing for the run, which runs them again itself.

    Exit code 8: a check is red. 7: still running after --max seconds (`fermata log` shows nothing of it; call again).
    """
    from .loop.try_checks import try_checks

    found = try_checks(_site(), baseline=baseline, quick=quick, seconds=seconds)
    _say(
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
    """Wait for the checks that fermata is running, and say what is due then. For the session that drives the run.

    In a sandbox that ends every process with the command that started it, this command runs them, to their end.
    """
    from .checks.runner import wait_checks
    from .loop.drive import collect_checks, run_checks

    site = _site()
    store = _driven(site)
    if site.confined:
        run_checks(site, store)
    collect_checks(store)  # one that was journalled and never started would be waited for in vain
    running = [c["id"] for c in store.load()["checks"].values() if c["state"] == "running"]
    if running:
        wait_checks(store.path("checks"), running, seconds)
    sys.exit(_next(site, store, as_json))


@cli.command()
@RUN_OPTION
@JSON_FLAG
def status(run_id: str | None, as_json: bool) -> None:
    """Where the run stands. Exit code 3: it waits for you."""
    from .store.data import DataFolder
    from .views.status import document, shown_status, text

    site = _site()
    if not site.project.run_ids():
        _say('No run here yet. Type /build "GOAL" in Claude Code.', {"format": 1, "run": None}, as_json)
        return
    store = site.shown(run_id)
    run, torn = store.load(), store.torn()
    folder = site.project.data_folder()
    marker = DataFolder(folder).marker(run["session"]) if folder else None
    told = [f"Note      a crash tore a line off the journal; it never counted and lies in {name}" for name in torn]
    found = {**document(run, marker, os.environ), "torn": torn}
    _say("\n".join([text(run, marker, os.environ), *told]), found, as_json)
    sys.exit(3 if shown_status(run) == "waiting" else 0)


@cli.command()
@click.argument("part", metavar="PART")
@RUN_OPTION
@JSON_FLAG
def show(part: str, run_id: str | None, as_json: bool) -> None:
    """Show a part of a run: `plan`, `state`, a dispatch (d-001: brief and result) or a check (c-001: evidence and output)."""
    from .views.parts import show_part

    text = show_part(_site().shown(run_id), part)
    _say(text.rstrip("\n"), {"part": part, "text": text}, as_json)


@cli.command()
@click.argument("action", type=click.Choice(["show"]))
@click.argument("dispatch_id", required=False, metavar="[DISPATCH]")
@RUN_OPTION
@JSON_FLAG
def handoff(action: str, dispatch_id: str | None, run_id: str | None, as_json: bool) -> None:
    """Show what the agent of a dispatch was handed by the one before it; without DISPATCH the newest handoff.

    The record comes from the journal; what is said about its file tells whether that is still as it was written.
    """
    from .loop.handoffs import find_handoff

    del action
    found = find_handoff(_site().shown(run_id), dispatch_id)
    if found is None:
        _say("No agent has handed over to another one yet.", {"id": None, "handoff": None}, as_json)
        return
    name, record, file = found
    shown = json.dumps(record, indent=1, ensure_ascii=False)
    _say(f"{name}: {clean(file)}\n{clean(shown, MAX_MESSAGE)}", {"id": name, "handoff": record, "file": file}, as_json)


@cli.command()
@RUN_OPTION
@click.option("-n", "count", type=click.IntRange(1, 100_000), default=40, show_default=True, help="The last N events.")
@JSON_FLAG
def log(run_id: str | None, count: int, as_json: bool) -> None:
    """The journal: what happened, when, by whom."""
    from .views.parts import log_lines

    events = _site().shown(run_id).events()[-count:]
    _say("\n".join(log_lines(events)), {"events": events}, as_json)


@cli.command()
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@JSON_FLAG
def repair(run_id: str | None, yes: bool, as_json: bool) -> None:
    """Let a run with a damaged journal go on from its last good line. Only for people, in a terminal.

    Shows what is damaged and what would go, keeps copies of it all, and asks before it changes anything; with --json it
    does not ask, and changes something only with --yes. Exit code 5: the run is damaged still.
    """
    from .store.repair import repair as mend
    from .views.repair import document, done_text, find_damage, text

    _refuse_programs("repair")
    site = _site()
    names, known = find_damage(site, run_id)
    if known is None:
        told = f"{names[0]} is whole" if len(names) == 1 else f"{len(names)} runs here, and each is whole"
        _say(f"Nothing is damaged: {told}. Nothing was changed.", {"damaged": False, "runs": names}, as_json)
        return
    store, damage = known
    found = document(site, store, damage)
    if not as_json:
        click.echo(text(site, store, damage, _paint))
    if not (yes or (not as_json and click.confirm(f"\nLet it go on from line {damage.seq}?", default=False))):
        _say("Nothing was changed.", found, as_json)
        sys.exit(5)
    done = mend(store, damage)
    _say("\n" + done_text(store, done, _paint), {**found, "repaired": True, "copies": done.copies}, as_json)


def _refuse_programs(verb: str) -> None:
    """Some commands are for people: not for a model's shell, and not for a script that answers itself."""
    if os.environ.get("CLAUDECODE") or os.environ.get("CLAUDE_CODE_SESSION_ID"):
        raise Refused(f"`fermata {verb}` is for people; type it in a terminal of your own, outside Claude Code")
    if not sys.stdin.isatty():
        raise Refused(f"`fermata {verb}` is for people, and no terminal is connected; type it in one")


def _paint(words: str, kind: str) -> str:
    """*words* in their kind's colour; click leaves it out where no terminal reads."""
    if os.environ.get("NO_COLOR"):
        return words
    return (
        click.style(words, bold=True) if kind == "name" else click.style(words, fg="red" if kind == "bad" else "green")
    )


@cli.command()
@JSON_FLAG
def doctor(as_json: bool) -> None:
    """Prove the installation: client, plugin, environment, a probe that the gate must refuse, others' hooks, state, strength.

    Exit code 8: something must be mended; the line says how.
    """
    from .views.doctor import examine
    from .views.finding import findings_text

    found = examine(_here(), os.environ)
    broken = any(finding.ok is False for finding in found)
    shown = findings_text(found, shutil.get_terminal_size().columns, os.environ.get("HOME", ""))
    _say(clean(shown, MAX_MESSAGE), {"ok": not broken, "findings": [finding._asdict() for finding in found]}, as_json)
    sys.exit(8 if broken else 0)


@cli.command()
@JSON_FLAG
def version(as_json: bool) -> None:
    """Which fermata this is, and its interpreter."""
    found = {"fermata": __version__, "python": sys.version.split()[0], "environment": sys.prefix}
    _say(f"fermata {__version__} (Python {found['python']})", found, as_json)


@cli.command()
@JSON_FLAG
def setup(as_json: bool) -> None:
    """Make fermata's own Python environment ready. The launcher does so by itself; this says where it is."""
    _say(f"fermata is set up: {sys.prefix}", {"environment": sys.prefix}, as_json)


@cli.command()
@click.option(
    "--host",
    type=click.Choice(["claude", "simulated"]),
    help="The real client, or one that stands in for it. Without this: the real one where there is one.",
)
@click.option("--get-client", is_flag=True, help="Fetch the newest known client with npm, if none is installed.")
@click.option(
    "--mode",
    type=click.Choice(["default", "auto"]),
    default="default",
    show_default=True,
    help="Permission mode of the sessions.",
)
@click.option("--keep", is_flag=True, help="Keep the folder it plays in, and say where it is.")
@JSON_FLAG
def rehearse(host: str | None, get_client: bool, mode: str, keep: bool, as_json: bool) -> None:
    """Play a whole /build on the real Claude Code client with a scripted model: no account, no cost, about a minute.

    Where no client is installed a simulated one plays its part, and says what only the real one can show.

    Shows gates that hold, forged approvals that are refused, a false "tests pass" that is caught, a crash that is
    resumed. Exit code 0 only if all of it happened. FERMATA_CLIENT names another client than `claude` on PATH.
    """
    from .views.rehearsal import run_rehearsal

    host = "fetched" if get_client and host != "simulated" else host
    sys.exit(run_rehearsal(os.environ, host=host, mode=mode, keep=keep, as_json=as_json))


def main(argv: list[str] | None = None) -> int:
    """Run one command; every error becomes a message and an exit code."""
    try:
        result = cli.main(args=argv, prog_name="fermata", standalone_mode=False, obj=_site)
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
    code = 6 if isinstance(error, (GitError, CheckError)) else getattr(error, "exit_code", None)
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
        repo = _site().repo
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
