"""The rehearsal on the screen: acts, scenes, events as they come, what is proven; or one JSON object at the end."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import click

from ..environment import data_home
from ..rehearsal.build_play import BuildPlay
from ..rehearsal.client import Client, ClientMissingError, find_client, install_client
from ..rehearsal.conduct_play import ConductPlay
from ..rehearsal.play import TROUBLE, Play, Say, stage_folder
from ..rehearsal.simulated.program import make_client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NEWEST = "2.1.329"
PIECES = {"build": BuildPlay, "conduct": ConductPlay}
SIMULATED = ("build",)  # what a simulated client knows enough for
STYLES = {
    "act": {"bold": True},
    "scene": {"fg": "cyan"},
    "proof": {"fg": "green"},
    "unshown": {"fg": "yellow"},
    "event": {"dim": True},
}
SIGNS = {"act": "\n", "scene": "  ▸ ", "proof": "  ✓ ", "unshown": "  · ", "event": "      "}


def run_rehearsal(  # noqa: PLR0913 - one name for each option
    env: Mapping[str, str], piece: str, *, host: str | None, mode: str, keep: bool, as_json: bool
) -> int:
    """Play *piece* and show it; gives the exit code: 0 all happened, 1 something did not, 6 no client.

    *host*: `claude`, `fetched` (the same, got with npm where there is none), `simulated`, or None for the first
    where there is a client and the last where there is none.
    """
    try:
        client = _client(env, host, piece)
    except ClientMissingError as error:
        hint = "" if host == "fetched" else "\nOr let the rehearsal fetch one for itself: fermata rehearse --get-client"
        click.echo(f"fermata: {error}{hint}", err=True)
        return 6
    began, told = time.monotonic(), _Told(as_json)
    missing = _play(PIECES[piece], client, mode, env, told.say, keep=keep)
    _end(told, client, missing, began)
    return 1 if missing else 0


class _Told:
    """What was said so far, shown as it comes unless JSON is wanted."""

    def __init__(self, as_json: bool) -> None:  # noqa: FBT001 - click's own name for it
        self.as_json = as_json
        self.proofs: list[str] = []
        self.unshown: list[str] = []

    def say(self, kind: str, text: str) -> None:
        if kind in ("proof", "unshown"):
            (self.proofs if kind == "proof" else self.unshown).append(text)
        if not self.as_json:
            click.secho(SIGNS[kind] + text, **STYLES[kind])  # type: ignore[arg-type]


def _play(  # noqa: PLR0913 - one name for each option
    piece: type[Play], client: Client | None, mode: str, env: Mapping[str, str], say: Say, *, keep: bool
) -> str | None:
    """What did not happen, or None. The folder stays when something did not. No *client*: the simulated one."""
    try:
        with stage_folder(keep=keep) as folder:
            shown = folder
            host = client or make_client(folder / "client")
            who = "a simulated client" if host.simulated else f"Claude Code {host.version}"
            say("scene", f"{who}, a scripted model on loopback, this plugin, a project in a temporary folder")
            piece(host, mode, os.path.dirname(data_home(env)), folder, say).play()  # type: ignore[arg-type]
    except TROUBLE as trouble:
        say("scene", f"kept for a look: {shown}")
        return str(trouble)
    if keep:
        say("scene", f"kept: {shown}")
    return None


def _client(env: Mapping[str, str], host: str | None, piece: str) -> Client | None:
    """The real client, or None for the simulated one. A program that FERMATA_CLIENT names is never replaced."""
    simulated = piece in SIMULATED
    if host == "simulated" and not simulated:
        raise ClientMissingError(
            f"the simulated client cannot play `{piece}`: it knows no permissions that a user has given beforehand."
        )
    if host == "simulated":
        return None
    cache = Path(env.get("XDG_CACHE_HOME") or Path(env.get("HOME", "")) / ".cache") / "fermata" / "clients"
    try:
        return find_client(env, cache)
    except ClientMissingError as error:
        if host == "fetched":
            click.echo(f"fermata: fetching Claude Code {NEWEST} with npm (once) …", err=True)
            return install_client(NEWEST, cache)
        if host == "claude" or env.get("FERMATA_CLIENT") or not simulated:
            raise
        click.echo(f"fermata: {error} Playing with a simulated client instead.", err=True)
        return None


def _end(told: _Told, client: Client | None, error: str | None, began: float) -> None:
    seconds, proofs = round(time.monotonic() - began, 1), len(told.proofs)
    if told.as_json:
        played: dict[str, object] = {"ok": error is None, "host": "claude" if client else "simulated"}
        found = {**played, "proofs": told.proofs, "unshown": told.unshown, "error": error, "seconds": seconds}
        click.echo(json.dumps(found, ensure_ascii=False))
    elif error:
        click.secho(f"\nNot everything happened ({proofs} proven, {seconds} s): {error}", fg="red")
    elif told.unshown and client:
        click.secho(
            f"\nAll that can be shown here happened: {proofs} proofs in {seconds} s, no model was paid.", bold=True
        )
    elif told.unshown:
        click.secho(
            f"\nAll that a simulated client can show happened: {proofs} proofs in {seconds} s, no model was paid. "
            f"{len(told.unshown)} more with the real one: fermata rehearse --get-client",
            bold=True,
        )
    else:
        click.secho(f"\nAll of it happened: {proofs} proofs in {seconds} s, no model was paid.", bold=True)
