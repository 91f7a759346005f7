"""Open a run: from the goal that the hook stored, with the workflow, the settings and the tree as they are now."""

from __future__ import annotations

from ..checks.command import CommandError, parse_command, to_json
from ..checks.detect import FOLDERS_LIMIT, detect
from ..checks.javascript_project import not_installed
from ..checks.project_files import Place, folders_below
from ..core.routing import agents_of, route, split_choice
from ..definitions.names import workflow_names
from ..definitions.problems import DefinitionError
from ..definitions.settings import Settings, load_settings
from ..definitions.stage_settings import fitting_models, models, stage_commands, workflow_in_use
from ..git.repo import branch, find_repo, head_commit, operation_in_progress, worktree_name
from ..git.snapshot import changed_paths, large_untracked, submodule_paths, take_snapshot
from ..git.worktrees import usual_links
from ..store.errors import Usage
from .given import NONE, earlier_plan, given, refuse_unproven, refuse_without_room

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from ..core.records import Json, NamedCheck, Run, Setup, Workflow
    from ..core.routing import Route
    from ..store.run_store import RunStore
    from .site import Site

MAX_DIRTY = 50


def start_run(site: Site) -> Run:
    """Create the run that this session's marker asks for; a run that is there already is given as it is.

    Raises:
        Usage, Conflict, StoreError: see `Site.driven` and `Project.start`.
        DefinitionError: settings or workflow are wrong.
    """
    store = site.driven()
    if store.exists():
        return store.load()
    assert site.session is not None
    marker = site.data.marker(site.session)
    assert marker is not None
    body = _body(site, marker)

    def create(target: RunStore) -> Run:
        return target.transact("cli", lambda run: [] if run else [("run_created", body)])

    return site.project.start(str(marker["run"]), create, worktree_name(site.repo))


def _body(site: Site, marker: dict[str, Json]) -> dict[str, Json]:
    root = site.repo.root
    busy = operation_in_progress(site.repo)
    if busy:
        raise Usage(f"a {busy} is in progress in {root}; finish or abort it first, then type /build again")
    commit = head_commit(site.repo)
    if commit is None:
        raise Usage(f"{root} has no commit yet; make the first one (git add -A && git commit), then type /build again")
    settings = load_settings(root)
    earlier = earlier_plan(site.project, str(marker["goal"]), commit)
    routed = _routed(root, settings, marker, earlier.words)
    workflow, workflow_digest = workflow_in_use(settings, root, routed.workflow)
    carried = _carried(root, settings, models(settings), workflow)
    refuse_unproven(workflow, carried["project_checks"]["full"])
    kept = given(site, marker, workflow, earlier if routed.signal == earlier.words else NONE)
    refuse_without_room(workflow, kept, carried["limits"]["dispatches"])
    tree = take_snapshot(site.repo)
    return {
        "run": marker["run"],
        "mode": marker.get("style", "implicit"),
        "goal": marker["goal"],
        "interactive": marker["interactive"],
        "session": site.session,
        "workflow": workflow,
        "workflow_digest": workflow_digest,
        "routing": routed._asdict(),
        **carried,
        **({"given": kept} if kept else {}),
        "base": {
            "commit": commit,
            "branch": branch(site.repo),
            "tree": tree,
            "dirty": [change.path for change in changed_paths(site.repo, commit, tree)][:MAX_DIRTY],
            "large": [list(file) for file in large_untracked(site.repo)][:MAX_DIRTY],
            "submodules": submodule_paths(site.repo),
            "worktree": worktree_name(site.repo),
        },
    }


def _routed(root: str, settings: Settings, marker: dict[str, Json], plan: str) -> Route:
    """What the user typed before the goal comes first, then their settings, then the router. *plan*: see `route`."""
    typed = marker.get("workflow")
    by = "your choice" if typed else "the settings"
    config = settings.config
    # Settings of single stages are for the workflow that has them: no other lane is taken then.
    told = config.workflow if {"workflow", "stages"} & config.model_fields_set else None
    choice, proven = typed or told, bool(project_checks(root, settings)["full"])
    return route(str(marker["goal"]), workflow_names(root), choice=choice, by=by, proven=proven, plan=plan)


def route_goal(site: Site, text: str) -> tuple[Route, str, list[str]]:
    """How a goal typed as *text* would be routed at *site*: the route, the goal, the workflow's agents."""
    root = site.repo.root
    settings = load_settings(root)
    choice, goal = split_choice(text, workflow_names(root))
    earlier = earlier_plan(site.project, goal, head_commit(site.repo))
    found = _routed(root, settings, {"goal": goal, "workflow": choice}, earlier.words)
    return found, goal, agents_of(workflow_in_use(settings, root, found.workflow)[0])


def _carried(root: str, settings: Settings, stage_models: dict[str, str], workflow: Workflow) -> dict[str, Json]:
    """What of the settings a run carries with it."""
    commands = stage_commands(settings, workflow)
    config = settings.config
    return {
        "limits": {**config.limits.model_dump(exclude_none=True), "check_minutes": config.checks.minutes},
        "grant": config.grant,
        "project_checks": project_checks(root, settings),
        "models": stage_models,
        **({"commands": commands} if commands else {}),
        "worktree_setup": _worktree_setup(root, settings),
        "remember": config.remember,
    }


def _worktree_setup(root: str, settings: Settings) -> Setup:
    found: Setup = {
        "links": settings.config.worktrees.links or _usual_links(root),
        "commands": _setup(settings),
    }
    folders = () if found["commands"] else ("", *folders_below(root, FOLDERS_LIMIT))  # a command is to install them
    missing = [place.shown("node_modules") for place in (Place(root, f) for f in folders) if not_installed(place)]
    return {**found, "missing": missing} if missing else found


def _usual_links(root: str) -> list[str]:
    repo = find_repo(root)
    return usual_links(repo) if repo else []


def _setup(settings: Settings) -> list[NamedCheck]:
    """The commands that make a worktree ready, as checks that expect no tests."""
    found: list[NamedCheck] = []
    for number, text in enumerate(settings.config.worktrees.setup, 1):
        try:
            command = parse_command(text)
        except CommandError as error:
            raise DefinitionError(settings.problem(("worktrees", "setup", str(number - 1)), str(error))) from None
        source = f"in each worktree; {settings.file_of('worktrees', 'setup')}"
        found.append({"name": f"setup-{number}", "command": to_json(command), "expect_tests": False, "source": source})
    return found


def reload_settings(site: Site, store: RunStore) -> None:
    """Take over what the user has changed in the settings since; the workflow and what was approved stay pinned.

    Raises:
        DefinitionError: the settings are wrong; the run keeps those it has.
    """
    settings = load_settings(site.repo.root)
    run = store.load()
    found = _carried(site.repo.root, settings, fitting_models(settings, run["workflow"]), run["workflow"])
    found |= {"commands": []} if run.get("commands") and "commands" not in found else {}
    store.note("cli", "settings_reloaded", found, lambda run: run["settings_due"] or {**run, **found} != run)


def project_checks(root: str, settings: Settings) -> dict[str, list[NamedCheck]]:
    """The checks the project itself has: those of its settings, else those its files tell of."""
    full = _configured(settings, "full")
    if not full:
        full = [
            {"name": c.name, "command": to_json(c.command), "expect_tests": c.expect_tests, "source": c.why}
            for c in detect(root)
        ]
    found = {"full": full, "quick": _configured(settings, "quick")}
    screens = _configured(settings, "screens")
    return {**found, "screens": screens} if screens else found


def _configured(settings: Settings, kind: Literal["full", "quick", "screens"]) -> list[NamedCheck]:
    found: list[NamedCheck] = []
    for index, check in enumerate(getattr(settings.config.checks, kind)):
        try:
            command = parse_command(check.command)
        except CommandError as error:
            raise DefinitionError(settings.problem(("checks", kind, str(index), "command"), str(error))) from None
        named: NamedCheck = {
            "name": check.name,
            "command": to_json(command),
            "expect_tests": kind != "screens" and check.tests,
            "source": settings.file_of("checks", kind),
        }
        found.append({**named, "out": check.out} if kind == "screens" else named)
    return found
