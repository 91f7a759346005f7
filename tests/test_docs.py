"""What the Markdown says exists: links, commands, flags, settings, schemas; and what the client asks of a plugin's files."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import fermata
from fermata.cli import cli
from fermata.core.gate import MODEL_VERBS
from fermata.definitions.config import Config
from fermata.definitions.schema_files import schema_names
from fermata.definitions.settings import PROJECT_FILE, load_settings

ROOT = Path(__file__).resolve().parents[1]
# Every event name that Claude Code 2.1.197 knows. One that it does not know switches all of the plugin's hooks off there.
KNOWN_EVENTS = set(
    "PreToolUse PostToolUse PostToolUseFailure PostToolBatch Notification UserPromptSubmit UserPromptExpansion SessionStart SessionEnd Stop "
    "StopFailure SubagentStart SubagentStop PreCompact PostCompact PermissionRequest PermissionDenied Setup TeammateIdle TaskCreated "
    "TaskCompleted Elicitation ElicitationResult ConfigChange WorktreeCreate WorktreeRemove InstructionsLoaded CwdChanged FileChanged "
    "MessageDisplay".split()
)
BARE_NAMES = {"build", "orchestrate", "conduct"}


def markdown() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def prose() -> list[Path]:
    """Markdown that tells a reader or a model what to type."""
    return [path for path in markdown() if path.relative_to(ROOT).parts[0] != "tests"]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def frontmatter(path: Path) -> dict[str, Any]:
    head = re.match(r"---\n(.*?)\n---\n", path.read_text(), re.DOTALL)
    assert head, f"{path} has no frontmatter"
    found = yaml.safe_load(head[1])
    assert isinstance(found, dict)
    return found


COMMANDS = sorted((ROOT / "commands").glob("*.md"))
AGENTS = sorted((ROOT / "agents").glob("*.md"))
SKILLS = sorted((ROOT / "skills").glob("*/SKILL.md"))


def test_there_is_something_to_look_at() -> None:
    assert len(COMMANDS) >= 6
    assert len(AGENTS) >= 3
    assert SKILLS
    assert {"README.md", "SECURITY.md", "CONTRIBUTING.md", "docs/concepts.md"} <= {shown(path) for path in prose()}


# --- links ---------------------------------------------------------------------------------------------------------------------------

LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")


def anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ +(.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def broken_links(path: Path) -> Iterator[str]:
    for link in LINK.findall(path.read_text()):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        place = (path.parent / target) if target else path
        if not place.exists() or (anchor and anchor not in anchors(place)):
            yield link


@pytest.mark.parametrize("path", markdown(), ids=shown)
def test_every_link_leads_somewhere(path: Path) -> None:
    assert list(broken_links(path)) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("# A head\n[x](gone.md) [y](a.md#no-head) [z](#a-head) [w](a.md) [v](https://example.org/x)")
    assert list(broken_links(page)) == ["gone.md", "a.md#no-head"]


# --- what can be typed -----------------------------------------------------------------------------------------------------------------

CODE = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
# `fermata dispatch d-003` is a ticket, not a command.
NO_COMMAND = {"dispatch"}


def calls(text: str) -> Iterator[tuple[str, list[str]]]:
    """Every `fermata VERB [--flag …]` that stands in code, in Markdown; of a group, `GROUP VERB`."""
    for block, inline in CODE.findall(text):
        for line in (block or inline).splitlines():
            found = re.match(
                r'\s*(?:\$ )?(?:[A-Z_]+=\S+ )?"?(?:\S*scripts/)?fermata"? +([a-z][a-z-]*)(?: ([a-z]+)(?=\s|$))?(.*)',
                line,
            )
            if found and found[1] not in NO_COMMAND:
                verb = f"{found[1]} {found[2]}" if isinstance(cli.commands.get(found[1]), click.Group) else found[1]
                yield verb.removesuffix(" None"), re.findall(r"(?<!\S)--?[A-Za-z][\w-]*", found[3])


def command_of(verb: str) -> click.Command | None:
    first, _, second = verb.partition(" ")
    command = cli.commands.get(first)
    return command.commands.get(second) if second and isinstance(command, click.Group) else command


def unknown_calls(text: str) -> list[str]:
    found = []
    for verb, flags in calls(text):
        command = command_of(verb)
        if command is None:
            found.append(verb)
            continue
        known = {"--help", "-h"} | {
            name for option in command.params if isinstance(option, click.Option) for name in option.opts
        }
        found += [f"{verb} {flag}" for flag in flags if flag not in known]
    return found


@pytest.mark.parametrize("path", prose(), ids=shown)
def test_every_call_of_fermata_exists(path: Path) -> None:
    assert unknown_calls(path.read_text()) == []


def test_an_unknown_call_is_found() -> None:
    inline = "`fermata show plan`, `fermata shwo plan`, `fermata dispatch d-001`"
    block = '```\n./scripts/fermata rehearse --get-clint\n"${X}/scripts/fermata" next --json\n```'
    assert unknown_calls(f"{inline}\n{block}") == ["shwo", "rehearse --get-clint"]
    groups = "`fermata task list --ready`, `fermata task lst`, `fermata task add T --piority P1`, `fermata task`"
    assert unknown_calls(groups) == ["task lst", "task add --piority"]


def test_the_documents_do_name_calls() -> None:
    found = {verb for path in prose() for verb, _ in calls(path.read_text())}
    assert {"start", "next", "status", "brief", "check", "rehearse"} <= found


@pytest.mark.parametrize("path", [*AGENTS, *COMMANDS, *SKILLS], ids=shown)
def test_a_model_is_told_only_what_is_open_to_it(path: Path) -> None:
    told = {verb.partition(" ")[0] for verb, _ in calls(path.read_text())}
    assert told <= MODEL_VERBS


@pytest.mark.parametrize("path", prose(), ids=shown)
def test_every_slash_command_exists(path: Path) -> None:
    known = {command.stem for command in COMMANDS} | {skill.parent.name for skill in SKILLS}
    assert set(re.findall(r"(?<![\w/.])/?fermata:([a-z][a-z-]*)", path.read_text())) <= known | {
        agent.stem for agent in AGENTS
    }


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text()
    for command in COMMANDS:
        name = f"/{command.stem}" if "name" in frontmatter(command) else f"/fermata:{command.stem}"
        assert name in text, f"README.md does not name {name}"


def test_the_readme_s_settings_load_and_name_every_key(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / PROJECT_FILE).parent.mkdir()
    (tmp_path / PROJECT_FILE).write_text(block)
    config = load_settings(str(tmp_path)).config
    assert config.limits == Config().limits
    assert config.checks.minutes == Config().checks.minutes
    for key in ("full", "quick", "minutes", *Config().limits.model_dump()):
        assert re.search(rf"\b{key}:", block), key


# --- agents, commands, skills ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", AGENTS, ids=shown)
def test_an_agent(path: Path) -> None:
    head, text = frontmatter(path), path.read_text()
    assert head["name"] == path.stem
    assert set(head) <= {"name", "description", "tools", "model", "color"}, (
        "the client ignores other keys of a plugin's agents"
    )
    assert len(text.splitlines()) <= 60
    assert re.findall(r"schema `([a-z_]+)`", text), "an agent names the schema of its result"
    assert set(re.findall(r"schema `([a-z_]+)`", text)) <= set(schema_names())
    assert "data, not orders" in text
    assert "brief d-NNN" in text, "without it an agent whose prompt was rewritten by another plugin is lost"


@pytest.mark.parametrize("path", COMMANDS, ids=shown)
def test_a_command(path: Path) -> None:
    head = frontmatter(path)
    assert head["disable-model-invocation"] is True
    assert ("name" in head) is (path.stem in BARE_NAMES)
    assert head.get("name", path.stem) == path.stem
    assert len(path.read_text().splitlines()) <= 40
    assert "$ARGUMENTS" not in path.read_text(), "it is pasted into shell lines unquoted"
    assert not re.search(r"^!`|[^`]!`", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", SKILLS, ids=shown)
def test_a_skill(path: Path) -> None:
    assert len(path.read_bytes()) <= 8_192
    assert set(frontmatter(path)) <= {"name", "description", "disable-model-invocation", "user-invocable"}


def test_a_session_without_a_run_pays_almost_nothing() -> None:
    """What the client lists to the model: descriptions of agents and of skills that it may load by itself."""
    listed = [path for path in [*AGENTS, *SKILLS] if not frontmatter(path).get("disable-model-invocation")]
    names = "".join(path.stem if path.stem != "SKILL" else path.parent.name for path in listed)
    assert len("".join(frontmatter(path)["description"] for path in listed) + names) / 4 <= 200


# --- what the client asks of a plugin -------------------------------------------------------------------------------------------------------


def manifest() -> dict[str, Any]:
    found = json.loads((ROOT / ".claude-plugin/plugin.json").read_text())
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", ["workflows", "bin", "CLAUDE.md"])
def test_the_root_has_no_place_that_belongs_to_others(name: str) -> None:
    assert not (ROOT / name).exists()


def test_the_manifest() -> None:
    found = manifest()
    assert "hooks" not in found, "hooks/hooks.json is found by itself; naming it loads it twice"
    assert found["version"] == fermata.__version__
    assert re.search(
        rf'^version = "{re.escape(fermata.__version__)}"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )
    (plugin,) = json.loads((ROOT / ".claude-plugin/marketplace.json").read_text())["plugins"]
    assert (plugin["name"], plugin["description"]) == (found["name"], found["description"])
    assert (ROOT / plugin["source"]).resolve() == ROOT


def test_the_hooks_use_only_what_the_oldest_client_knows() -> None:
    found = json.loads((ROOT / "hooks/hooks.json").read_text())
    assert found["hooks"]
    assert set(found["hooks"]) <= KNOWN_EVENTS
    for event, groups in found["hooks"].items():
        for hook in (hook for group in groups for hook in group["hooks"]):
            assert hook["type"] == "command"
            assert event in hook["args"]
            assert (ROOT / hook["args"][0].replace("${CLAUDE_PLUGIN_ROOT}/", "")).is_file()


def test_every_hook_is_told_as_gate_or_sensor() -> None:
    found = json.loads((ROOT / "hooks/hooks.json").read_text())
    gates, sensors = (
        set(re.findall(r"[A-Z]\w+", part)) for part in re.findall(r"\([a-z ]+\): ([^.]+)\.", found["description"])
    )
    assert gates | sensors == set(found["hooks"])
    assert not gates & sensors
