"""The first Python of every command: finds the package and hands over to the command line; it decides nothing else.

Kept thin because Python never caches the bytecode of `__main__`. A package that has gone from the environment
is not the user's mistake: the environment is marked unready, so that the launcher makes it anew next time.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


def run() -> int:
    """Exit code of the command line, or 6 when the environment lacks a package."""
    try:
        from fermata.cli import main

        return main()
    except ModuleNotFoundError as error:
        from fermata.environment import discard_running

        # Only a missing package is the environment's fault; a missing module of our own is a bug and is shown.
        if (error.name or "fermata").partition(".")[0] == "fermata" or not discard_running():
            raise
        print(
            f"fermata: its Python environment at {sys.prefix} lacks `{error.name}`; it will be made anew. "
            "Run the same command again.",
            file=sys.stderr,
        )
        return 6


if __name__ == "__main__":
    sys.exit(run())
