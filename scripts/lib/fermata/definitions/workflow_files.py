"""Workflows from YAML: shape by pydantic, graph by `core.workflow`, names against what is there. Wrong ones never load."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import Field

from ..core.canonical import digest
from ..core.conditions import when_errors
from ..core.contract import contract_errors
from ..core.workflow import FAILED, SKIPPED, graph_errors, walk
from .brief_files import INLINE, brief_fields
from .config import Strict
from .names import PROJECT_FOLDER, SHIPPED, workflow_names
from .problems import DefinitionError, at_line, read_yaml
from .schema_files import schema, schema_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..core.records import Workflow

HERE = os.path.dirname(os.path.abspath(__file__))
AGENTS_FOLDER = os.path.normpath(os.path.join(HERE, "..", "..", "..", "..", "agents"))
AGENTS = tuple(sorted(name[:-3] for name in os.listdir(AGENTS_FOLDER) if name.endswith(".md")))

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,40}$")]


class WhenFile(Strict):
    """The conditions of a stage that not every run needs; all of them must hold."""

    changed: Annotated[list[str], Field(max_length=50)] | None = None
    item: Annotated[dict[str, list[str]], Field(max_length=5)] | None = None


class StageFile(Strict):
    """One stage as written. Which keys go with which kind is checked in `_kind_errors`."""

    id: Name
    kind: Literal["agents", "gate", "checks", "foreach", "merge", "finalise"]
    title: Annotated[str, Field(max_length=100)] | None = None
    agent: str | None = None
    access: Literal["read", "write"] | None = None
    result: str | None = None
    brief: str | None = None
    sees: Annotated[list[Any], Field(max_length=30)] | None = None  # judged by `contract_errors`
    keep: list[str] | None = None
    verdict: str | None = None
    require: Annotated[list[str], Field(min_length=1)] | None = None
    parts: dict[Annotated[str, Field(pattern=r"^[0-9]{1,2}\.[0-9]{1,2}$")], str] | None = None
    when: WhenFile | None = None
    questions: Annotated[int, Field(ge=0, le=5)] | None = None
    items: Annotated[list[Annotated[str, Field(max_length=500)]], Field(min_length=1, max_length=50)] | None = None
    parallel: Annotated[int, Field(ge=1, le=10)] | None = None
    tries: Annotated[int, Field(ge=1, le=10)] | None = None
    rounds: Annotated[int, Field(ge=1, le=20)] | None = None
    scope: Literal["item", "plan"] | None = None
    plan: str | None = None
    waive: Literal["small_change"] | None = None
    commands: Literal["project", "quick", "full", "screens", "item"] | None = None
    brings: Literal["item", "before", "yours"] | None = None
    over: Annotated[str, Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")] | None = None
    stages: Annotated[list[StageFile], Field(min_length=1, max_length=20)] | None = None
    on: dict[str, str] | None = None


class WorkflowFile(Strict):
    """A definition as written."""

    format: Literal[1]
    name: Name
    title: Annotated[str, Field(max_length=100)]
    branch: Literal[True] | None = None
    stages: Annotated[list[StageFile], Field(min_length=1, max_length=30)]


NEEDS = {
    "agents": ("agent", "access", "brief", "result", "sees"),
    "gate": ("plan", "rounds"),
    "checks": ("commands",),
    "foreach": ("over", "stages"),
    "merge": (),
    "finalise": (),
}
MAY = {
    "agents": (
        "keep",
        "verdict",
        "require",
        "parts",
        "when",
        "questions",
        "items",
        "parallel",
        "tries",
        "rounds",
        "scope",
    ),
    "gate": ("waive",),
    "checks": ("when", "rounds"),
    "foreach": ("rounds", "parallel"),
    "merge": ("brings", "when", "rounds"),
    "finalise": ("rounds",),
}
ALWAYS = ("id", "kind", "title", "on")


def load_workflow(name: str, root: str, *, waive: bool = True) -> tuple[Workflow, str]:
    """The definition *name* and its digest: the project's own from `.fermata/workflows/`, else one that fermata ships.

    Args:
        name: without `.yaml`.
        root: the project's folder.
        waive: False takes out what would let a gate pass without asking.

    Raises:
        DefinitionError: there is none, or it is wrong; one line per problem.
    """
    places = [os.path.join(root, PROJECT_FOLDER, f"{name}.yaml"), os.path.join(SHIPPED, f"{name}.yaml")]
    path = next((p for p in places if os.path.lexists(p)), None)
    if path is None:
        raise DefinitionError(f'workflow "{name}" is not known; known: {", ".join(workflow_names(root))}')
    workflow = parse_workflow(path, os.path.basename(path))
    for _, stage in walk(workflow["stages"]):
        if not waive:
            stage.pop("waive", None)
    return workflow, digest("fermata workflow 1", workflow)


def parse_workflow(path: str, shown: str) -> Workflow:
    """The definition in *path*; *shown* is the name that messages use. Raises DefinitionError."""
    parsed = read_yaml(path, shown, WorkflowFile, _plain_keys)
    workflow: Workflow = parsed.model_dump(exclude_none=True)  # type: ignore[assignment]
    problems = [p for _, stage in walk(workflow["stages"]) for p in _kind_errors(dict(stage))] or graph_errors(workflow)
    problems = problems or [*_item_errors(workflow)]
    if problems:
        raise DefinitionError("\n".join(f"{shown}: {at_line(path, p)}{p}" for p in problems))
    return workflow


def _plain_keys(value: object) -> object:
    """YAML 1.1 reads the key `on` as the boolean true; give it back its name."""
    if isinstance(value, dict):
        return {("on" if key is True else key): _plain_keys(item) for key, item in value.items()}
    return [_plain_keys(item) for item in value] if isinstance(value, list) else value


def _kind_errors(stage: dict[str, Any]) -> list[str]:
    kind, place = str(stage["kind"]), f"stages.{stage['id']}"
    allowed = (*ALWAYS, *NEEDS[kind], *MAY[kind])
    found = [f"{place}: a stage of kind {kind} needs `{key}`" for key in NEEDS[kind] if key not in stage]
    found += [
        f"{place}: `{key}` does not go with kind {kind}; allowed: {', '.join(allowed)}"
        for key in stage
        if key not in allowed
    ]
    if kind == "agents" and not found:
        found += _agents_errors(stage, place)
    return found


def _agents_errors(stage: dict[str, Any], place: str) -> list[str]:
    found: list[str] = []
    if stage["agent"] not in AGENTS:
        found.append(f'{place}.agent names "{stage["agent"]}"; known agents: {", ".join(AGENTS)}')
    if stage["result"] not in schema_names():
        found.append(f'{place}.result names "{stage["result"]}"; known schemas: {", ".join(schema_names())}')
    else:
        found += _kept_errors(stage, place)
    if stage["access"] == "write" and "scope" not in stage:
        found.append(f"{place}: a stage that writes needs `scope` (item or plan)")
    if stage["access"] == "write" and stage.get("parallel", 1) != 1:
        found.append(
            f"{place}: `parallel` does not go with writing; the foreach around it says how many items are worked on at once"
        )
    wrong = [f"{place}.sees[{index}] {error}" for index, error in contract_errors(stage["sees"])]
    return [*found, *(wrong or _places_errors(stage, place))]


def _places_errors(stage: dict[str, Any], place: str) -> Iterator[str]:
    """What stands in a sentence of the brief must be seen, and only where there is such a sentence."""
    name = str(stage["brief"])
    try:
        places = brief_fields(name)
    except DefinitionError as error:
        yield f"{place}.brief: {error}"
        return
    sees = [entry if isinstance(entry, str) else entry["field"] for entry in stage["sees"]]
    for field in sorted(places - set(sees)):
        yield f'{place}: brief {name} uses "{field}", which `sees` does not allow'
    for index, field in enumerate(sees):
        if field in INLINE and field not in places:
            yield f'{place}.sees[{index}] names "{field}", for which brief {name} has no place; take it out'


def _kept_errors(stage: dict[str, Any], place: str) -> Iterator[str]:
    """`keep` and `verdict` name what the result's schema has; a verdict's every value leads somewhere."""
    found = schema(stage["result"])
    fields = found["properties"]
    for key in ("keep", "require"):
        for name in stage.get(key, []):
            if name not in fields:
                yield f'{place}.{key} names "{name}"; schema {stage["result"]} has: {", ".join(fields)}'
    if "parts" in stage and "phases" not in fields:
        yield f"{place}.parts goes with a result that tells of its `phases`; schema {stage['result']} does not"
    verdict = stage.get("verdict")
    if verdict is None:
        return
    values = fields.get(verdict, {}).get("enum", [])
    if not values or verdict not in found["required"]:
        yield f'{place}.verdict names "{verdict}", which is no choice that schema {stage["result"]} requires'
    elif set(stage.get("on", {})) - ({FAILED, *[SKIPPED] * ("when" in stage)} - set(values)) != set(values):
        yield f"{place}.on must say where each of {', '.join(values)} leads, and nothing else"


def _item_errors(workflow: Workflow) -> Iterator[str]:
    for siblings, stage in walk(workflow["stages"]):
        inside = siblings is not workflow["stages"]
        for error in when_errors(stage["when"], repeated=inside) if "when" in stage else ():
            yield f"stages.{stage['id']}.when {error}"
        if stage["kind"] == "foreach" and "parallel" in stage:
            for inner in stage["stages"]:
                if inner.get("scope") == "plan":
                    yield f"stages.{inner['id']}.scope: `plan` would let items that are worked on at once change the same files; write item"
        if stage.get("scope") == "item" and siblings is workflow["stages"]:
            yield f"stages.{stage['id']}.scope: `item` is the step of a foreach, and this stage stands in none; write plan"
