"""What a hook of a driving session knows: its marker, its run, who is acting. Everything is read at most once."""

from __future__ import annotations

import os

from ..core.gate import MAIN, READER, STRANGER, WRITER, Call, Facts
from ..core.position import ENDED, at_work
from ..core.quick_json import loads
from ..store.data import DataFolder, approval_error
from ..store.run_store import RunStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Dispatch, Json, Run
    from .payload import Payload

PLUGIN_ROOT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", ".."))
LAUNCHER = os.path.join(PLUGIN_ROOT, "scripts", "fermata")
LIVE = ("running", "asking", "answered")


class Bound:
    """A session with a marker, seen from one hook call."""

    def __init__(self, data: DataFolder, marker: dict[str, Json], payload: Payload) -> None:
        self.data, self.marker, self.payload = data, marker, payload
        self.project_folder = str(marker["store"])
        self.root = str(marker["root"])
        self.store = RunStore(os.path.join(self.project_folder, "runs", str(marker["run"])))
        snapshot = self.store.snapshot()
        self.run: Run | None = snapshot["run"] if snapshot else None

    @property
    def ended(self) -> bool:
        """Whether the run is over, so that the session can be let go."""
        return self.run is not None and self.run["status"] in ENDED

    @property
    def fenced(self) -> bool:
        """Whether another session drives the run now: then this session's agents only read, and hand in nothing."""
        return self.run is not None and self.run["session"] != self.payload.session

    @property
    def parked(self) -> bool:
        """Whether the main thread is free: the run is stopped (its agents may finish their work), fenced or over."""
        return self.fenced or self.ended or (self.run is not None and self.run["status"] == "stopped")

    def release(self, *, by_human: bool = False) -> None:
        """Free the session of a parked run, unless agents are still at work: the marker keeps them inside their limits.

        Of a session that another one took the run from, nobody knows which agents live on: only a person frees it.
        """
        if self.fenced and not self.ended and not by_human:
            return
        run = self.store.load() if self.store.exists() else None
        if run is None or not at_work(run):
            self.data.clear_marker(self.payload.session)
            if run is None or not any(d["agent_id"] and d["state"] == "failed" for d in run["dispatches"].values()):
                self.data.forget_client(str(self.marker.get("client", "")))  # else one given up for lost may still live

    def moved_to(self, client: str) -> None:
        """The session lives in another client now, whose process id is *client*."""
        self.marker = {**self.marker, "client": client}
        self.data.set_marker(self.payload.session, self.marker)
        self.data.note_client(client, self.marker)

    def reload(self) -> Run:
        """The run as it is now, after something was journalled."""
        self.run = self.store.load()
        return self.run

    def dispatch_of_agent(self) -> Dispatch | None:
        """The dispatch that the acting agent holds; binds it at its first call, by the tool_use_id the client wrote down."""
        agent, run = self.payload.agent_id, self.run
        if agent is None or run is None:
            return None
        found = next((d for d in run["dispatches"].values() if d["agent_id"] == agent), None)
        return found or self._bind(agent, run)

    def _bind(self, agent: str, run: Run) -> Dispatch | None:
        transcript = self.agent_transcript(agent)
        try:
            with open(transcript[: -len(".jsonl")] + ".meta.json", "rb") as file:
                tool_use_id = loads(file.read()).get("toolUseId")
        except (OSError, ValueError, AttributeError):
            return None
        return self.bind(agent, tool_use_id, transcript, run)

    def agent_transcript(self, agent: str) -> str:
        """Where the client keeps the transcript of *agent*: beside the session's own, under `subagents/`."""
        base = self.payload.transcript.removesuffix(".jsonl")
        return os.path.join(base, "subagents", f"agent-{os.path.basename(agent)}.jsonl")

    def bind(self, agent: str, tool_use_id: str | None, transcript: str, run: Run) -> Dispatch | None:
        """Journal that *agent* is the one that the call *tool_use_id* started; None if no ticket explains it."""
        held = next((d for d in run["dispatches"].values() if tool_use_id and d["tool_use_id"] == tool_use_id), None)
        if held is None or held["state"] not in LIVE or held["agent_id"] not in (None, agent):
            return None
        body = {"id": held["id"], "agent_id": agent, "transcript": transcript}
        self.run = self.store.note(
            "hook", "agent_bound", body, lambda now: now["dispatches"][held["id"]]["agent_id"] is None
        )
        return self.run["dispatches"][held["id"]]

    def stale(self, dispatch: Dispatch) -> str:
        """Why the human's yes does not cover what *dispatch* would change now; empty when it does.

        The state that a hook reads is a file like any other: what it says is held against the record outside the project.
        """
        from ..core.envelope import scopes_beyond
        from .head import head_commit

        run = self.run
        if run is None or run["approved"] is None:
            return "the plan has none now"
        approved = run["approved"]
        error = approval_error(self.data.approval(run["run"]), approved, self.project_folder)
        if error:
            return error
        head, base = head_commit(self.root, os.path.dirname(self.project_folder)), approved["envelope"]["base_commit"]
        own_branch = "branch" in approved["envelope"]  # begun from a commit that stays what it is, wherever HEAD goes
        if head and head != base and not own_branch:
            return f"HEAD is at {head[:12]}; approved: {base[:12]}"
        return "; ".join(scopes_beyond(approved["envelope"], [dispatch["scope"]]))

    def facts(self) -> tuple[Facts, Dispatch | None]:
        """Who is acting, and what it may."""
        dispatch = self.dispatch_of_agent()
        run = self.run
        actor, stale = MAIN if self.payload.agent_id is None else STRANGER, ""
        if dispatch and run:
            writes = (
                dispatch["access"] == "write" and dispatch["state"] == "running" and not (self.fenced or self.ended)
            )
            stale = self.stale(dispatch) if writes else ""
            actor = WRITER if writes and not stale else READER
        grant = run["grant"] if run else "cli"
        if run and run["approved"] and run["approved"].get("channel") == "waived":
            grant = "cli" if grant == "scope" else grant  # nobody said yes: the client's own prompts stay
        facts = Facts(
            actor=actor,
            dispatch=dispatch["id"] if dispatch else "this agent",
            scope=dispatch["scope"] if dispatch else [],
            launcher=LAUNCHER,
            grant=grant,
            plan_mode=self.payload.mode == "plan",
            guarded=self._guarded(),
            stale=stale,
            worktree=self._top(dispatch) if dispatch and "worktree" in dispatch else "",
        )
        return facts, dispatch

    def _guarded(self) -> tuple[str, ...]:
        """What a writer's shell command may not mention: a speed bump, told as such in SECURITY.md."""
        return (
            self.data.folder,
            self.project_folder,
            ".git/fermata",
            os.path.join(PLUGIN_ROOT, "hooks"),
            os.path.join(PLUGIN_ROOT, "scripts", "lib"),
            "FERMATA_APPROVE",
            "CLAUDE_CODE_EXECPATH",
            "CLAUDE_CODE_MESSAGING",
            "/fermata:",
            "claude -p",
            "claude --resume",
            "claude plugin",
            ".claude/settings",
            ".config/fermata",
            "tmux send-keys",
        )

    def call(self, dispatch: Dispatch | None = None) -> Call:
        """The tool call in the gate's terms; a path is relative to the tree that *dispatch* works in."""
        given = self.payload.tool_input
        command = given.get("command") if self.payload.tool == "Bash" else given.get("skill")
        return Call(self.payload.tool, command if isinstance(command, str) else "", self._target(given, dispatch))

    def _top(self, dispatch: Dispatch | None) -> str:
        """The top of the tree that *dispatch* works in."""
        return os.path.join(self.root, dispatch["worktree"]) if dispatch and "worktree" in dispatch else self.root

    def _target(self, given: dict[str, Json], dispatch: Dispatch | None) -> str | None:
        path = given.get("notebook_path" if self.payload.tool == "NotebookEdit" else "file_path")
        if not isinstance(path, str) or not path:
            return ""
        # The client expands `~` too.
        real = os.path.realpath(os.path.join(self.payload.cwd or self.root, os.path.expanduser(path)))
        inside = os.path.relpath(real, os.path.realpath(self._top(dispatch)))
        return None if inside == os.pardir or inside.startswith(os.pardir + os.sep) else inside.replace(os.sep, "/")
