"""Open a run: from the goal that the hook stored, with the workflow, the settings and the tree as they are now."""

from __future__ import annotations

from ..checks.command import CommandError, parse_command, to_json
from ..checks.detect import detect
from ..definitions.config import CheckSetting, Config, load_config
from ..definitions.problems import DefinitionError
from ..definitions.workflow_files import load_workflow
from ..git.repo import branch, head_commit, operation_in_progress, worktree_name
from ..git.snapshot import changed_paths, large_untracked, submodule_paths, take_snapshot
from ..store.errors import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Json, NamedCheck, Run
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
    config = load_config(root)
    workflow, workflow_digest = load_workflow(config.workflow, root)
    tree = take_snapshot(site.repo)
    return {
        "run": marker["run"],
        "mode": "implicit",
        "goal": marker["goal"],
        "interactive": marker["interactive"],
        "session": site.session,
        "workflow": workflow,
        "workflow_digest": workflow_digest,
        **_settings(root, config),
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


def _settings(root: str, config: Config) -> dict[str, Json]:
    """What of the settings a run carries with it."""
    return {
        "limits": {**config.limits.model_dump(exclude_none=True), "check_minutes": config.checks.minutes},
        "grant": config.grant,
        "project_checks": project_checks(root, config),
    }


def reload_settings(site: Site, store: RunStore) -> None:
    """Take over what the user has changed in the settings since; the workflow and what was approved stay pinned.

    Raises:
        DefinitionError: the settings are wrong; the run keeps those it has.
    """
    found = _settings(site.repo.root, load_config(site.repo.root))
    store.note("cli", "settings_reloaded", found, lambda run: run["settings_due"] or {**run, **found} != run)


def project_checks(root: str, config: Config) -> dict[str, list[NamedCheck]]:
    """The checks the project itself has: those of its settings, else those its files tell of."""
    full = _configured(config.checks.full, "full")
    if not full:
        full = [
            {"name": c.name, "command": to_json(c.command), "expect_tests": c.expect_tests, "source": c.why}
            for c in detect(root)
        ]
    return {"full": full, "quick": _configured(config.checks.quick, "quick")}


def _configured(settings: list[CheckSetting], kind: str) -> list[NamedCheck]:
    found: list[NamedCheck] = []
    for setting in settings:
        try:
            command = parse_command(setting.command)
        except CommandError as error:
            raise DefinitionError(f".fermata/config.yaml: checks.{kind} {setting.name}: {error}") from None
        found.append(
            {
                "name": setting.name,
                "command": to_json(command),
                "expect_tests": setting.tests,
                "source": ".fermata/config.yaml",
            }
        )
    return found
