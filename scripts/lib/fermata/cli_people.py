"""The commands for people about fermata itself: repair, doctor, version, setup, rehearse.

What they show lies in `views/`; none of them is among the verbs that a model may call while a run is on.
"""

from __future__ import annotations

import os
import shutil
import sys

import click

from . import __version__
from .cli_parts import JSON_FLAG, MAX_MESSAGE, given_text, here, inside_claude_code, open_here, say
from .core.consultation import clean
from .store.errors import Refused


@click.command()
@click.argument("run_id", required=False, metavar="[RUN|board]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@JSON_FLAG
def repair(run_id: str | None, yes: bool, as_json: bool) -> None:
    """Let what is damaged go on from its journal's last good line.

    A run, or the board. Only for people, in a terminal.

    Shows what is damaged and what would go, keeps copies of it all, and asks before it changes anything; with --json it
    does not ask, and changes something only with --yes. Exit code 5: the run is damaged still.
    """
    from .store.repair import repair as mend
    from .views.repair import document, done_text, find_damage, text

    _refuse_programs("repair")
    site = open_here()
    names, known = find_damage(site, run_id)
    if known is None:
        runs = [name for name in names if name != "board"]
        looked = f"{len(runs)} runs{' and the board' * ('board' in names)} here, and each is whole"
        told = f"{names[0]} is whole" if len(names) == 1 else looked
        say(f"Nothing is damaged: {told}. Nothing was changed.", {"damaged": False, "runs": runs}, as_json)
        return
    store, damage = known
    found = document(site, store, damage)
    if not as_json:
        click.echo(text(site, store, damage, _paint))
    if not (yes or (not as_json and click.confirm(f"\nLet it go on from line {damage.seq}?", default=False))):
        say("Nothing was changed.", found, as_json)
        sys.exit(5)
    done = mend(store, damage)
    say("\n" + done_text(store, done, _paint), {**found, "repaired": True, "copies": done.copies}, as_json)


def _refuse_programs(verb: str) -> None:
    """Some commands are for people: not for a model's shell, and not for a script that answers itself."""
    if inside_claude_code():
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


def mend_handoff(
    action: str, dispatch: str | None, given: tuple[str, ...], run_id: str | None, *, as_json: bool
) -> None:
    """`fermata handoff repair` and `resend`: for people, since what they write is in an agent's brief."""
    from .loop.handoff_repair import repair_handoff, resend

    if inside_claude_code():
        raise Refused(f"`fermata handoff {action}` is for people; type it in a terminal outside Claude Code")
    site = open_here()
    store = site.shown(run_id)
    if action == "resend":
        name = resend(site, store, dispatch)
        say(
            f"The brief of {name} is written anew. Its ticket stays good: tell the session to go on.",
            {"id": name},
            as_json,
        )
        return
    fields = dict(_field(one) for one in given)
    name, record, was = repair_handoff(store, dispatch, fields)
    told = (
        f"{name}: the handoff is written anew ({clean(was)}). `fermata handoff resend {name}` puts it into the brief."
    )
    say(told, {"id": name, "handoff": record, "was": was, "set": sorted(fields)}, as_json)


def _field(one: str) -> tuple[str, str]:
    name, equals, text = one.partition("=")
    if not equals:
        raise click.UsageError(f"--set {one[:60]!r} says no value; write --set FIELD=TEXT")
    return name, given_text(text)


@click.command()
@JSON_FLAG
def doctor(as_json: bool) -> None:
    """Prove the installation, with a write that the gate refuses.

    Client, plugin, environment, the probe, others' hooks, state, strength.

    Exit code 8: something must be mended; the line says how.
    """
    from .views.doctor import examine
    from .views.finding import findings_text

    found = examine(here(), os.environ)
    broken = any(finding.ok is False for finding in found)
    shown = findings_text(found, shutil.get_terminal_size().columns, os.environ.get("HOME", ""))
    say(clean(shown, MAX_MESSAGE), {"ok": not broken, "findings": [finding._asdict() for finding in found]}, as_json)
    sys.exit(8 if broken else 0)


@click.command()
@JSON_FLAG
def version(as_json: bool) -> None:
    """Which fermata this is, and its interpreter."""
    found = {"fermata": __version__, "python": sys.version.split()[0], "environment": sys.prefix}
    say(f"fermata {__version__} (Python {found['python']})", found, as_json)


@click.command()
@JSON_FLAG
def setup(as_json: bool) -> None:
    """Make fermata's own Python environment ready. The launcher does so by itself; this says where it is."""
    say(f"fermata is set up: {sys.prefix}", {"environment": sys.prefix}, as_json)


@click.command()
@click.argument("piece", type=click.Choice(["build", "conduct"]), default="build", metavar="[build|conduct]")
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
def rehearse(  # noqa: PLR0913, PLR0917 - one name for each option
    piece: str, host: str | None, get_client: bool, mode: str, keep: bool, as_json: bool
) -> None:
    """Play a whole /build or /conduct with the real client, free.

    The real Claude Code client with a scripted model: no account, about a minute.

    build shows gates that hold, forged approvals that are refused, a false "tests pass" that is caught, a crash that is
    resumed. Where no client is installed a simulated one plays its part, and says what only the real one can show.

    conduct carries out a SPEC.md of five phases: modules side by side, a lie, a gap, a merge conflict, a crash, edits of
    the user's, one merge at the end. It needs the real client.

    Exit code 0 only if all of it happened. FERMATA_CLIENT names another client than `claude` on PATH.
    """
    from .views.rehearsal import run_rehearsal

    host = "fetched" if get_client and host != "simulated" else host
    sys.exit(run_rehearsal(os.environ, piece, host=host, mode=mode, keep=keep, as_json=as_json))
