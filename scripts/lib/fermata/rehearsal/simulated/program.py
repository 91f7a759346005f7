"""The simulated client as a program: the client's own arguments, as far as a rehearsal gives them.

`make_client` writes a small starter that can stand wherever a client's program can; `main` is what it starts.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from ..client import Client
from .screen import Screen, Stream, take_terminal
from .session import Session, Start

LIBRARY = Path(__file__).resolve().parents[3]
VERSIONS = ("2.1.197", "2.1.329")


def make_client(folder: Path, version: str = VERSIONS[-1]) -> Client:
    """A starter in *folder*; the client it simulates is *version*, one of VERSIONS."""
    code = (
        f"import sys; sys.path.insert(0, {str(LIBRARY)!r}); "
        "from fermata.rehearsal.simulated.program import main; sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))"
    )
    path = folder / "simulated client"
    words = [sys.executable, "-I", "-c", code, version, str(path)]
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {" ".join(map(shlex.quote, words))} "$@"\n')
    path.chmod(0o700)
    return Client(path, version, simulated=True)


def main(version: str, program: str, arguments: list[str]) -> int:
    """Play one session; 0 at its end."""
    given = _parser().parse_args(arguments)
    if given.version:
        print(f"{version} (simulated by fermata)")
        return 0
    # The newer client's own mode is auto; a rehearsal names its mode.
    start = Start(version, given.permission_mode, tuple(given.plugin_dir), given.resume, program)
    person = Stream() if given.print else Screen()
    if isinstance(person, Screen):
        take_terminal()
    session = Session(start, person, dict(os.environ), Path.cwd())
    if isinstance(person, Stream):
        person.play(session, given.prompt)
    else:
        person.play(session)
    session.end()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulated client", allow_abbrev=False)
    parser.add_argument("prompt", nargs="?", default="")
    parser.add_argument("--version", action="store_true")
    parser.add_argument("-p", "--print", action="store_true")
    parser.add_argument("--permission-mode", default="default")
    parser.add_argument("--plugin-dir", action="append", type=Path, default=[])
    parser.add_argument("--resume", default="")
    parser.add_argument("--output-format")
    for ignored in ("--verbose", "--include-hook-events"):
        parser.add_argument(ignored, action="store_true")
    return parser
