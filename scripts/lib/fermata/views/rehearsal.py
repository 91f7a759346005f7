"""The rehearsal on the screen: acts, scenes, events as they come, what is proven; or one JSON object at the end."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import click

from ..environment import data_home
from ..rehearsal.client import Client, ClientMissingError, find_client, install_client
from ..rehearsal.rehearse import TROUBLE, Rehearsal, Say, stage_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NEWEST = "2.1.329"
STYLES = {"act": {"bold": True}, "scene": {"fg": "cyan"}, "proof": {"fg": "green"}, "event": {"dim": True}}
SIGNS = {"act": "\n", "scene": "  ▸ ", "proof": "  ✓ ", "event": "      "}


def run_rehearsal(env: Mapping[str, str], *, get_client: bool, mode: str, keep: bool, as_json: bool) -> int:
    """Play it and show it; gives the exit code: 0 all happened, 1 something did not, 6 no client."""
    try:
        client = _client(env, get_client=get_client)
    except ClientMissingError as error:
        hint = "" if get_client else "\nOr let the rehearsal fetch one for itself: fermata rehearse --get-client"
        click.echo(f"fermata: {error}{hint}", err=True)
        return 6
    began, proofs = time.monotonic(), []

    def say(kind: str, text: str) -> None:
        if kind == "proof":
            proofs.append(text)
        if not as_json:
            click.secho(SIGNS[kind] + text, **STYLES[kind])  # type: ignore[arg-type]

    say(
        "scene",
        f"Claude Code {client.version}, a scripted model on loopback, this plugin, a project in a temporary folder",
    )
    missing = _play(client, mode, env, say, keep=keep)
    _end(proofs, missing, began, as_json=as_json)
    return 1 if missing else 0


def _play(client: Client, mode: str, env: Mapping[str, str], say: Say, *, keep: bool) -> str | None:
    """What did not happen, or None. The folder stays when something did not."""
    try:
        with stage_folder(keep=keep) as folder:
            try:
                Rehearsal(client, mode, os.path.dirname(data_home(env)), folder, say).play()  # type: ignore[arg-type]
            finally:
                shown = folder
    except TROUBLE as trouble:
        say("scene", f"kept for a look: {shown}")
        return str(trouble)
    if keep:
        say("scene", f"kept: {shown}")
    return None


def _client(env: Mapping[str, str], *, get_client: bool) -> Client:
    cache = Path(env.get("XDG_CACHE_HOME") or Path(env.get("HOME", "")) / ".cache") / "fermata" / "clients"
    try:
        return find_client(env, cache)
    except ClientMissingError:
        if not get_client:
            raise
        click.echo(f"fermata: fetching Claude Code {NEWEST} with npm (once) …", err=True)
        return install_client(NEWEST, cache)


def _end(proofs: list[str], error: str | None, began: float, *, as_json: bool) -> None:
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        click.echo(
            json.dumps({"ok": error is None, "proofs": proofs, "error": error, "seconds": seconds}, ensure_ascii=False)
        )
    elif error:
        click.secho(f"\nNot everything happened ({len(proofs)} proven, {seconds} s): {error}", fg="red")
    else:
        click.secho(f"\nAll of it happened: {len(proofs)} proofs in {seconds} s, no model was paid.", bold=True)
