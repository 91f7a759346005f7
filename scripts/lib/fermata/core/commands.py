"""Which stages are carried out by a command-line agent instead of one of the session's, and by exactly which command.

Before an approval that is what the settings said when the run began, afterwards what was approved and nothing else.
Decides nothing about what the command's answer is worth: it comes through the same door as every agent's.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import Json, Run, Stage, Workflow

BRIEF = "{brief}"


def command_for(run: Run, stage: Stage) -> dict[str, Json] | None:
    """`{stage, name, argv, minutes}` of the command that works at *stage*; None where an agent of the session does."""
    approved = run["approved"]
    known = approved["envelope"].get("commands", []) if approved else run.get("commands", [])
    return next((command for command in known if command["stage"] == stage["id"]), None)


def words_for(command: dict[str, Json], brief: str) -> tuple[list[str], bool]:
    """The words that are started, with the brief's path in its place, and whether the brief comes on standard input."""
    argv = [word.replace(BRIEF, brief) for word in command["argv"]]
    return argv, argv == command["argv"]


def shown(command: dict[str, Json]) -> str:
    """One line for a person: who does which stage, how long it may take, word for word what is started."""
    import shlex  # consultation is read by hooks, and they show no command

    return f"stage {command['stage']} by {command['name']}, at most {command['minutes']} min: {shlex.join(command['argv'])}"


def at_command(run: Run) -> list[str]:
    """The ids of the dispatches that a command is working on."""
    return [d["id"] for d in run["dispatches"].values() if d["state"] == "running" and "command" in d]


def without_stages(commands: list[dict[str, Json]], workflow: Workflow) -> list[dict[str, Json]]:
    """Those of *commands* whose stage *workflow* still has."""
    from .workflow import walk

    ids = {stage["id"] for _, stage in walk(workflow["stages"])}
    return [command for command in commands if command["stage"] in ids]
