"""UserPromptExpansion: what a person's typed command does before the model reads a word.

The client expands a `disable-model-invocation` command only when it was typed (or given with `-p`), so this is where
the goal comes in and where approve, stop, abort and resume take effect.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

from ..core.commands import at_command
from ..core.consultation import clean, line
from ..core.position import ENDED, at_work
from ..core.recovery import Facts, told
from ..core.routing import split_choice
from ..definitions.names import SPEC_FILE, spec_elsewhere, workflow_names
from ..store.data import DataFolder
from ..store.errors import Damaged, StoreError
from ..store.project import Project
from . import answers
from .bound import LAUNCHER, Bound
from .client import interactive, nested
from .damaged import way_out
from .usage import size_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core.records import Run
    from ..git.repo import Repo
    from ..store.run_store import RunStore
    from .answers import Answer
    from .payload import Payload

MAX_GOAL = 100_000
BARE = ("build", "orchestrate", "conduct")  # the commands that the client knows without `fermata:` before them


def expansion(payload: Payload, env: Mapping[str, str]) -> Answer | None:
    """Carry out the typed command; None for commands that are not fermata's."""
    plugin, _, name = payload.command.rpartition(":")
    if plugin not in ("fermata", "") or name not in COMMANDS:
        return None
    repo = _repo(payload, env)
    if repo is None:
        from ..git.repo import without_repo

        where = without_repo(env.get("CLAUDE_PROJECT_DIR") or payload.cwd)
        return answers.block(
            f"fermata: {where}. A line that begins with ! runs a command right here; then type {_typed(payload)} again"
        )
    try:
        return COMMANDS[name](payload, env, repo)
    except Damaged as error:
        return answers.block(f"fermata: {way_out(error)}")
    except StoreError as error:
        return answers.block(f"fermata: {error}")
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        return answers.block(
            f"fermata: {error.strerror or error}{where}. Nothing has begun; mend this and type {_typed(payload)} again"
        )


def _typed(payload: Payload) -> str:
    """The command as a person types it: without the goal, which may be long."""
    name = payload.command.rpartition(":")[2]
    return f"/{name}" if name in BARE else f"/fermata:{name}"


def _repo(payload: Payload, env: Mapping[str, str]) -> Repo | None:
    from ..git.repo import find_repo

    return find_repo(env.get("CLAUDE_PROJECT_DIR") or payload.cwd)


def _bound(payload: Payload, env: Mapping[str, str]) -> Bound | None:
    data = DataFolder(env["CLAUDE_PLUGIN_DATA"])
    marker = data.marker(payload.session)
    return Bound(data, marker, payload) if marker else None


def _bound_or_freed(payload: Payload, env: Mapping[str, str]) -> tuple[Bound | None, str]:
    """As `_bound`, for the commands that get a person out: what cannot be read lets go of the session, and says why."""
    try:
        return _bound(payload, env), ""
    except Damaged as error:
        DataFolder(env["CLAUDE_PLUGIN_DATA"]).clear_marker(payload.session)
        return None, f"this session is free now; the run is left as it lies. {error}: {LAUNCHER} repair"


def _build(payload: Payload, env: Mapping[str, str], repo: Repo, style: str = "implicit") -> Answer | None:
    """`/build GOAL`: bind the session, keep the goal beside the marker. `WORKFLOW: GOAL` chooses a workflow."""
    goal = payload.args.strip()
    if not goal:
        return answers.block(f'what shall be built? Type: {_typed(payload)} "Add …", in one sentence or many')
    if len(goal) > MAX_GOAL:
        return answers.block(
            f"the goal has {len(goal):,} characters; at most {MAX_GOAL:,}. Put the details into a file and name it"
        )
    choice, goal = split_choice(goal, workflow_names(repo.root))
    return _begin(payload, env, repo, {"goal": clean(goal, MAX_GOAL), "style": style, "workflow": choice})


def _begin(payload: Payload, env: Mapping[str, str], repo: Repo, said: dict[str, object]) -> Answer | None:
    """Bind the session to a run that is to come, unless one is on in it."""
    if payload.mode == "plan":
        return answers.block(
            f"fermata holds by itself until you approve; leave plan mode first (Shift+Tab), then type {_typed(payload)} again"
        )
    bound, _ = _bound_or_freed(payload, env)
    if bound and bound.run and not bound.parked:
        return answers.block(
            f"run {bound.run['run']} ({line(bound.run['goal'], 60)}) is on in this session. /fermata:status, /fermata:stop or /fermata:abort"
        )
    run_id = f"orch_{time.strftime('%Y%m%d_%H%M%S')}_{os.urandom(2).hex()}"
    _mark(payload, env, repo, {"run": run_id, "typed": True, **said})
    return None


def _orchestrate(payload: Payload, env: Mapping[str, str], repo: Repo) -> Answer | None:
    """The same, with the routing shown."""
    return _build(payload, env, repo, "explicit")


def _conduct(payload: Payload, env: Mapping[str, str], repo: Repo) -> Answer | None:
    """`/conduct [SPEC.md]`: what is no document of this repository is refused here; what it says is judged by `start`."""
    given = payload.args.strip() or SPEC_FILE
    place = os.path.realpath(os.path.join(repo.root, given))
    path = os.path.relpath(place, repo.root)
    if path == ".." or path.startswith("../"):
        return answers.block(
            f"{line(given, 200)} lies outside {repo.root}; a spec lies in the repository that it is for"
        )
    if not os.path.isfile(place):
        there = "" if payload.args.strip() else spec_elsewhere(repo.root)
        way = f"{there} is there: type /conduct {there}" if there else "Type /conduct PATH"
        return answers.block(
            f"there is no file {line(given, 200)} in {repo.root}. {way}, or /fermata:prelude to write one together"
        )
    return _begin(payload, env, repo, {"goal": f"Carry out {clean(path, 500)}", "workflow": "conduct", "spec": path})


def _run_tasks(payload: Payload, env: Mapping[str, str], repo: Repo) -> Answer | None:
    """`/fermata:run-tasks [TASK …]`: what cannot be carried out is refused here, before a model reads a word."""
    from ..core.board_texts import BoardError
    from ..store.run_tasks import choose_tasks, settle_all

    project, names = Project(repo.common_dir), payload.args.replace(",", " ").split()
    try:
        settle_all(project)
        choice, _, goal = choose_tasks(project, names)
    except BoardError as error:
        return answers.block(f"no run was made:\n{error}")
    if choice.left:
        goal += f"; {choice.left} more could begin and wait for the next run"
    return _begin(payload, env, repo, {"goal": goal, "workflow": "multi_task", "tasks": choice.ids})


def _tell_board(repo: Repo, store: RunStore) -> None:
    """What the run's end or rest means for its tasks. The run is journalled by now: a failure here is made up later."""
    from ..store.run_tasks import settle

    with suppress(StoreError, OSError):
        settle(Project(repo.common_dir), store)


def _mark(payload: Payload, env: Mapping[str, str], repo: Repo, said: dict[str, object]) -> None:
    """Bind the session to a run. *said* is what was typed: `typed` only for a goal, never for a run that is taken up again."""
    data, project = DataFolder(env["CLAUDE_PLUGIN_DATA"]), Project(repo.common_dir)
    project.note_data_folder(data.folder)
    marker = {
        **said,
        "store": project.folder,
        "root": repo.root,
        "interactive": interactive(env),
        "mode": payload.mode,
        "transcript": payload.transcript,
        "from": size_of(payload.transcript),  # what the session said before is not the run's
        "client": env.get("FERMATA_CLIENT_PID", ""),
    }
    data.set_marker(payload.session, marker)
    data.note_client(env.get("FERMATA_CLIENT_PID", ""), marker)


def _approve(payload: Payload, env: Mapping[str, str], repo: Repo) -> Answer | None:
    del repo
    from .decisions import typed

    bound = _bound(payload, env)
    if bound is None:
        return answers.block("this session drives no run, so it has nothing to approve. /fermata:status shows who does")
    error = typed(bound, env)
    return answers.block(f"not approved: {error}") if error else None


def _stop(payload: Payload, env: Mapping[str, str], repo: Repo) -> Answer:
    """Park the run: nothing new begins, agents at work finish and hand in, the session is free."""
    bound, damage = _bound_or_freed(payload, env)
    if bound is None:
        return answers.block(damage or "this session drives no run; nothing to stop")
    run = bound.run
    if run and not bound.parked:
        run = bound.store.note("human", "run_stopped", {}, lambda now: now["status"] not in (*ENDED, "stopped"))
        _tell_board(repo, bound.store)
    bound.release(by_human=True)
    if run is None:
        return answers.block("no run had begun; the session is free")
    busy = at_work(run)
    finishing = f" {', '.join(busy)} may finish and hand in; nothing new begins." if busy else ""
    return answers.block(
        f"run {run['run']} is parked; nothing is lost.{finishing}{_in_worktrees(run)} /fermata:resume goes on with it, /fermata:abort ends it"
    )


def _abort(payload: Payload, env: Mapping[str, str], repo: Repo) -> Answer:
    name = payload.args.strip()
    bound, damage = _bound_or_freed(payload, env)
    if damage and not name:
        return answers.block(damage)
    store = bound.store if bound and not name else _only_open(repo, name)
    if bound and (store is None or store.folder != bound.store.folder):
        bound = None  # the run that is meant is not this session's
    if store is None or not store.exists():
        if bound:
            bound.release()
        return answers.block("there is no open run here; nothing to abort")
    run = store.note("human", "run_aborted", {}, lambda now: now["status"] not in ENDED)
    _end_commands(store)
    _tell_board(repo, store)
    DataFolder(env["CLAUDE_PLUGIN_DATA"]).drop_approval(os.path.basename(store.folder))
    if bound:
        bound.release()
    return answers.block(f"run {os.path.basename(store.folder)} is ended. {_what_stays(run)}")


def _what_stays(run: Run) -> str:
    """Of a run that was ended: where what its agents did is found, and how it is taken or let go."""
    from ..core.items import lying, on_branch
    from ..core.phases import left_on_branch

    cleanup = " `fermata worktree cleanup` removes what holds nothing of its own." if lying(run) else ""
    if on_branch(run):
        return f"Nothing of it is in your work tree.{_below(run)}{cleanup}{left_on_branch(run)}"
    return f"Files stay as they are; `git status` shows what its agents had changed.{_below(run)}{cleanup}"


def _in_worktrees(run: Run) -> str:
    integrated = f" Validated phases are on the branch fermata/{run['run']}." if _has_branch(run) else ""
    return _below(run) + integrated


def _below(run: Run) -> str:
    from ..core.items import lying

    paths = [tree["path"] for tree in lying(run).values()]
    return f" What was not yet brought in lies below {', '.join(paths)}." if paths else ""


def _has_branch(run: Run) -> bool:
    return any("commit" in merge for merge in run.get("merges", {}).values())


def _only_open(repo: Repo, run_id: str) -> RunStore | None:
    project = Project(repo.common_dir)
    if run_id:
        return project.run(run_id)
    from ..git.repo import worktree_name

    runs = project.open_runs(worktree_name(repo))
    return project.run(runs[0]["run"]) if len(runs) == 1 else None


def _resume(payload: Payload, env: Mapping[str, str], repo: Repo) -> Answer | None:
    """Take the run's lease for this session; a run that waited for the user goes on."""
    if payload.mode == "plan":
        return answers.block("leave plan mode first (Shift+Tab), then type /fermata:resume again")
    if nested(env):
        return answers.block(
            "this client was started from inside another one; a run is taken over by a person, in a session of their own"
        )
    from .takeover import run_to_resume

    run, error = run_to_resume(Project(repo.common_dir), repo, payload.args.strip())
    if run is None:
        return answers.block(error)
    _mark(payload, env, repo, {"run": run["run"], "goal": run["goal"]})
    bound = _bound(payload, env)
    assert bound is not None
    take_lease(bound, is_interactive=interactive(env), retry=True)
    from .decisions import from_environment

    from_environment(bound, env)
    return None


def _end_commands(store: RunStore) -> None:
    """The command-line agents of an ended run are told to end: no hook stands before what they would still do."""
    names = at_command(store.load())
    if names:
        from ..checks.runner import CheckError, stop_check

        for name in names:
            with suppress(CheckError, OSError):
                stop_check(store.path("checks"), name)


def take_lease(bound: Bound, *, is_interactive: bool, retry: bool) -> None:
    """From now on this session drives the run; agents of the session before are lost and their work is offered again."""
    session = bound.payload.session

    def news(now: Run | None) -> list[tuple[str, dict[str, object]]]:
        if now is None or now["status"] in ENDED:
            return []
        same_client = retry and now["session"] == session  # stopped and resumed in one sitting: its agents live
        gone = [] if same_client else at_work(now)
        body = {"session": session, "generation": now["generation"] + 1, "interactive": is_interactive}
        found: list[tuple[str, dict[str, object]]] = [("lease_taken", body)]
        reason = "lost: its session ended before it handed in"
        found += [("dispatch_failed", {"id": name, "reason": reason, **told(Facts("lost"))}) for name in gone]
        if retry and now["waiting"]:
            found.append(("retry_granted", {}))
        return found

    bound.store.transact("human" if retry else "hook", news)
    bound.reload()


def _status(payload: Payload, env: Mapping[str, str], repo: Repo) -> Answer:
    """Answered here, so that looking costs no model call."""
    import subprocess

    if payload.mode != "plan":  # plan mode does not tell whether prompts are bypassed behind it
        with suppress(Damaged):  # the command line says what is wrong
            DataFolder(env["CLAUDE_PLUGIN_DATA"]).note_strength(payload.session, mode=payload.mode)
    done = subprocess.run(
        [LAUNCHER, "status"], cwd=repo.root, env=dict(env), capture_output=True, text=True, timeout=60, check=False
    )
    said = (done.stdout or done.stderr).strip() or "fermata status said nothing; run it in a terminal"
    return answers.block(f"{said}: {LAUNCHER} repair" if done.returncode == Damaged.exit_code else said)


COMMANDS = {
    "build": _build,
    "orchestrate": _orchestrate,
    "conduct": _conduct,
    "run-tasks": _run_tasks,
    "approve": _approve,
    "stop": _stop,
    "abort": _abort,
    "resume": _resume,
    "status": _status,
}
