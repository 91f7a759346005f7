"""What every piece of the rehearsal has in common: the stage it plays on, the proofs it counts, and its own git.

Decides only what counts as proven. Everything plays in a temporary folder; no model is paid and no account is used.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.consultation import line
from .client import Client, Mode, World, make_home
from .journal import PATIENCE, Failed
from .model import ScriptedModel
from .terminal import ScreenTimeoutError, Terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .messages import JsonObject
    from .script import Script

PLUGIN = Path(__file__).resolve().parents[4]
ASKED = "fermata asks: may the agents carry out this plan?"
REPORT = "FERMATA · approval needed"
IDENTITY = {
    "GIT_AUTHOR_NAME": "rehearsal",
    "GIT_AUTHOR_EMAIL": "rehearsal@localhost",
    "GIT_COMMITTER_NAME": "rehearsal",
    "GIT_COMMITTER_EMAIL": "rehearsal@localhost",
}

Say = Callable[[str, str], None]


class Play:
    """One piece. `say(kind, text)` shows a line: kind is `act`, `scene`, `proof`, `unshown` or `event`."""

    def __init__(self, client: Client, mode: Mode, data_home: str, folder: Path, say: Say) -> None:
        self.client, self.mode, self.folder, self.say = client, mode, folder, say
        self.env = {"XDG_DATA_HOME": data_home}
        self.proofs = 0

    def play(self) -> int:
        """All acts; gives the number of things proven.

        Raises:
            Failed, ScreenTimeoutError, TimeoutError: it did not happen.
        """
        raise NotImplementedError

    @contextmanager
    def stage(
        self, project: Path, script: Script, settings: JsonObject | None = None
    ) -> Iterator[tuple[World, ScriptedModel]]:
        with ScriptedModel(script) as model:
            home = make_home(project.parent / "home", project, settings=settings)
            yield World(self.client, home, project, model.url, (PLUGIN,), self.mode, self.env), model

    def prove(self, what: str, happened: object, detail: object, *, unshown: str = "") -> None:
        """*unshown*: what a simulated client cannot be a witness of. It has to happen there too, but proves nothing."""
        if not happened:
            raise Failed(f"{what}: it did not happen. Seen: {line(str(detail), 400)}")
        if unshown and self.client.simulated:
            self.say("unshown", f"not shown: {what} · {unshown}")
            return
        self.proofs += 1
        self.say("proof", f"{what} · {line(WRAPPING.sub('', str(detail)), 110)}")


def ready(terminal: Terminal) -> None:
    """Wait for the client's first prompt."""
    terminal.wait_for_text("❯", PATIENCE)
    terminal.wait_quiet()


def git(folder: Path, *words: str) -> str:
    """Plain git in the sample project, with an identity of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | IDENTITY
    command = ["git", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", *words]
    return subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True, text=True).stdout


def fail_on(failures: tuple[str, ...]) -> None:
    """A faulty script is a fault of the rehearsal, and must not pass for a success."""
    if failures:
        raise Failed(f"the scripted model failed: {failures[0][-400:]}")


@contextmanager
def stage_folder(*, keep: bool) -> Iterator[Path]:
    """A temporary folder; kept on request, and when the rehearsal fails. Ctrl-C is no failure."""
    folder = Path(tempfile.mkdtemp(prefix="fermata-rehearsal-"))
    try:
        yield folder
    except Exception:
        keep = True
        raise
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


# What the client puts around a refusal.
WRAPPING = re.compile(r"^PreToolUse:\w+ hook error: |</?tool_use_error>")
TROUBLE = (Failed, ScreenTimeoutError, TimeoutError)
