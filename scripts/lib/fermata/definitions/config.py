"""Every key of the settings: its default, what it may be, what it means. Page and schema for readers are made from it.

Decides nothing about runs, reads no file (`settings.py` does), and has no key that nothing reads.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..core.scope import glob_error


class Strict(BaseModel):
    """Unknown keys are refused; nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Named = TypeVar("Named", bound="CheckSetting | ScreenSetting")
StageName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,40}$")]


class CheckSetting(Strict):
    """One check."""

    name: Annotated[
        str,
        Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$", description="what the check is called; each name once in a list"),
    ]
    command: Annotated[str, Field(min_length=1, max_length=2_000, description="the command, run in the repository")]
    tests: Annotated[bool, Field(description="whether it runs tests: then one that ran none is red")] = True


class ScreenSetting(Strict):
    """One picture of the program."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$", description="what the view is called")]
    command: Annotated[
        str, Field(min_length=1, max_length=2_000, description="the command that takes it, run in the repository")
    ]
    out: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_][A-Za-z0-9_/-]{0,190}\.(png|jpg|jpeg|gif|webp)$",
            description="the image it writes, inside the repository at a path that git ignores",
        ),
    ]


class Checks(Strict):
    """The commands that prove the work."""

    full: Annotated[
        list[CheckSetting],
        Field(max_length=20, description="what decides; where the list is empty, fermata looks at the project's files"),
    ] = []
    quick: Annotated[
        list[CheckSetting], Field(max_length=20, description="runs after each step; where it is empty, `full` does")
    ] = []
    screens: Annotated[
        list[ScreenSetting],
        Field(max_length=20, description="pictures for the visual check, taken before and after a change of the UI"),
    ] = []
    minutes: Annotated[int, Field(ge=1, le=240, description="minutes that one check may take")] = 30

    @field_validator("full", "quick", "screens")
    @classmethod
    def _no_twins(cls, checks: list[Named]) -> list[Named]:
        """A check is known by its name: of two with the same one, the evidence of either would count for both."""
        names = [check.name for check in checks]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two checks are called "{name}"; give each a name of its own')
        return checks


class Limits(Strict):
    """Ceilings of one run; reaching one makes it wait for the user."""

    dispatches: Annotated[int, Field(ge=1, le=500, description="agents that one run may start")] = 40
    tokens: (
        Annotated[
            int,
            Field(ge=1_000, le=10_000_000_000, description="tokens that one run may use; none: as many as it needs"),
        ]
        | None
    ) = None
    repairs: Annotated[int, Field(ge=0, le=10, description="times an agent may mend a result that was sent back")] = 3
    wall_minutes: Annotated[int, Field(ge=1, le=10_080, description="minutes that a run may last")] = 480
    silence_minutes: Annotated[
        int, Field(ge=1, le=240, description="minutes of a transcript standing still after which its agent is given up")
    ] = 15
    parallel: Annotated[int, Field(ge=1, le=10, description="agents of one stage that may be at work at once")] = 5
    agent_minutes: (
        Annotated[
            int,
            Field(
                ge=1, le=1_440, description="minutes that an agent may work on one turn; none: while it is not silent"
            ),
        ]
        | None
    ) = None


class Worktrees(Strict):
    """What makes the worktrees ready in which coders work side by side."""

    links: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=300)]],
        Field(
            max_length=20,
            description="paths of your tree that each worktree has as links; where the list is empty, "
            "`node_modules`, `.venv` and `venv`, at the top or in a folder right below, if they are there and git ignores them",
        ),
    ] = []
    setup: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=2_000)]],
        Field(max_length=10, description="commands that are run in each worktree before an agent begins there"),
    ] = []

    @field_validator("links")
    @classmethod
    def _inside(cls, links: list[str]) -> list[str]:
        for link in links:
            error = (
                "write one path, without `*`, `?` or a closing slash"
                if set(link) & set("*?") or link.endswith("/")
                else None
            )
            error = error or glob_error(link)
            if error:
                raise ValueError(f"{link!r}: {error}")
        return links


# The names that the Agent tool of both tested clients takes; any other makes the client refuse the call.
Model = Literal["inherit", "sonnet", "opus", "haiku", "fable"]


class StageSetting(Strict):
    """What is set for one stage of the workflow in use."""

    enabled: Annotated[
        bool, Field(description="`false` leaves the stage out of new runs, where nothing else needs it")
    ] = True
    command: (
        Annotated[
            str,
            Field(
                pattern=r"^[a-z0-9][a-z0-9_]{0,40}$",
                description="the entry of `commands` that does the stage's work instead of an agent of the session",
            ),
        ]
        | None
    ) = None
    model: Annotated[
        Model,
        Field(description="the model of the stage's agents; `inherit`: the session's own, or what the agent says"),
    ] = "inherit"


class CommandSetting(Strict):
    """Another command-line agent."""

    argv: Annotated[
        list[Annotated[str, Field(max_length=500)]],
        Field(
            min_length=1,
            max_length=50,
            description="the program and its arguments, without a shell; `{brief}` stands for the path of the brief, "
            "and where no argument holds it, the brief comes on standard input",
        ),
    ]
    minutes: Annotated[int, Field(ge=1, le=240, description="minutes that one dispatch may take")] = 30


class Config(Strict):
    """fermata's settings."""

    workflow: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="the workflow that new runs follow, whatever their goal"
        ),
    ] = "plan_then_build"
    waive: Annotated[
        bool, Field(description="whether the rule of a workflow for small changes may stand in for your approval")
    ] = True
    grant: Annotated[
        Literal["cli", "scope", "none"],
        Field(
            description="what is done without the client's prompt: `scope`, all that the approved plan covers; "
            "`cli`, fermata's own commands only; `none`, nothing"
        ),
    ] = "scope"
    remember: Annotated[
        bool,
        Field(
            description="whether a run that completes puts on the board what its agents learnt, debt, things for later"
        ),
    ] = True
    checks: Annotated[Checks, Field(description="the commands that prove the work")] = Checks()
    limits: Annotated[Limits, Field(description="ceilings of one run; reaching one makes it wait for the user")] = (
        Limits()
    )
    commands: Annotated[
        dict[StageName, CommandSetting],
        Field(
            max_length=20,
            description="other command-line agents, by a name of yours; `stages` says which stage one of them does",
            json_schema_extra={"additionalProperties": False},
        ),
    ] = {}
    worktrees: Annotated[
        Worktrees, Field(description="what makes the worktrees ready in which coders work side by side")
    ] = Worktrees()
    stages: Annotated[
        dict[StageName, StageSetting],
        Field(
            max_length=50,
            description="settings of single stages, by the id that the workflow gives them",
            json_schema_extra={"additionalProperties": False},
        ),
    ] = {}
