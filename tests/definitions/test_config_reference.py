"""Settings page and schema file say what the code does. After a change: `PYTHONPATH=scripts/lib python -m tests.definitions.test_config_reference`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from fermata.definitions.config import Config
from fermata.definitions.problems import DefinitionError
from fermata.definitions.settings import PROJECT_FILE, load_settings
from fermata.definitions.stage_settings import workflow_in_use
from fermata.views.settings import schema_of_settings

DOCS = Path(__file__).resolve().parents[2] / "docs/reference"
PAGE, SCHEMA = DOCS / "config.md", DOCS / "config.schema.json"
HEAD = "## Every key\n\n"
WHOLE = schema_of_settings()


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """*node* with what it refers to."""
    found = WHOLE["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else {}
    one, *others = node.get("anyOf", [{}])  # a value, or nothing
    return {**found, **one, **node, "or": [other["type"] for other in others]}


def keys(node: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key below *node*: `checks.full[].name`, `stages.NAME.model`."""
    for name, below in resolved(node).get("properties", {}).items():
        found = resolved(below)
        yield prefix + name, found
        yield from keys(found, f"{prefix}{name}.")
        yield from keys(found.get("items", {}), f"{prefix}{name}[].")
        for each in found.get("patternProperties", {}).values():
            yield from keys(each, f"{prefix}{name}.NAME.")


def may_be(found: dict[str, Any]) -> str:
    if "enum" in found:
        return ", ".join(f"`{each}`" for each in found["enum"])
    if found["type"] == "integer":
        return " or ".join([f"{found['minimum']:,} to {found['maximum']:,}", *(f"`{each}`" for each in found["or"])])
    if found["type"] == "array":
        kind = "texts" if found["items"].get("type") == "string" else "checks"
        return f"up to {found['maxItems']} {kind}"
    if found["type"] == "string":
        return f"`{found['pattern']}`" if "pattern" in found else f"up to {found['maxLength']:,} characters"
    return {"boolean": "`true`, `false`", "object": "a mapping"}[found["type"]]


def table() -> str:
    """The table of keys, as the page has it."""
    rows = ["| key | default | may be | meaning |\n|---|---|---|---|\n"]
    for name, found in keys(WHOLE):
        shown = "" if found["type"] == "object" or "default" not in found else f"`{json.dumps(found['default'])}`"
        default = shown.replace('"', "") or ("" if found["type"] == "object" else "must be given")
        rows.append(f"| `{name}` | {default} | {may_be(found)} | {found['description']} |\n")
    return "".join(rows)


def schema_text() -> str:
    return json.dumps(WHOLE, indent=2) + "\n"


def test_the_keys_are_those_of_the_code() -> None:
    assert PAGE.read_text().partition(HEAD)[2] == table()


def test_the_table_has_every_key() -> None:
    assert {name for name, _ in keys(WHOLE)} == {
        *("workflow", "waive", "grant", "remember", "checks", "limits", "stages"),
        *("checks.full", "checks.quick", "checks.minutes"),
        *(f"checks.{each}[].{key}" for each in ("full", "quick") for key in ("name", "command", "tests")),
        *(f"limits.{key}" for key in ("dispatches", "tokens", "repairs", "parallel")),
        *(f"limits.{key}_minutes" for key in ("wall", "silence", "agent")),
        *("worktrees", "worktrees.links", "worktrees.setup"),
        *("stages.NAME.enabled", "stages.NAME.model"),
    }


def test_the_shipped_schema_is_that_of_the_code() -> None:
    assert SCHEMA.read_text() == schema_text()


def test_the_examples_can_be_used(tmp_path: Path) -> None:
    (tmp_path / ".fermata").mkdir()
    for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL):
        (tmp_path / PROJECT_FILE).write_text(block)
        workflow_in_use(load_settings(str(tmp_path), {}), str(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "grant: cli",
        "grant: all",
        "limit: {}",
        "limits: {repairs: 11}",
        "checks: {full: [{name: a, command: b}]}",
        "checks: {full: [{name: a}]}",
        "stages: {review: {enabled: false, model: opus}}",
        "stages: {review: {model: gpt}}",
        "stages: {review: {modle: opus}}",
        "stages: {Re view: {}}",
    ],
)
def test_an_editor_and_fermata_judge_alike(tmp_path: Path, text: str) -> None:
    (tmp_path / ".fermata").mkdir()
    (tmp_path / PROJECT_FILE).write_text(text)
    try:
        found = load_settings(str(tmp_path), {}).config
    except DefinitionError:
        found = None
    schema = json.loads(SCHEMA.read_text())
    assert isinstance(found, Config) is jsonschema.Draft202012Validator(schema).is_valid(yaml.safe_load(text) or {})


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text().partition(HEAD)[0] + HEAD + table())
    SCHEMA.write_text(schema_text())
