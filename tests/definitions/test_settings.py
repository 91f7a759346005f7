from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from fermata.definitions.config import Config
from fermata.definitions.problems import DefinitionError
from fermata.definitions.settings import PROJECT_FILE, load_settings, user_file
from fermata.views.settings import document, text

if TYPE_CHECKING:
    from fermata.definitions.settings import Settings


class Files:
    """A project and a home, each with or without settings."""

    def __init__(self, folder: Path) -> None:
        self.root, self.home = folder / "project", folder / "home"
        self.env = {"HOME": str(self.home)}
        self.user = self.home / ".config/fermata/config.yaml"
        self.project = self.root / PROJECT_FILE

    def load(self, *, user: str | None = None, project: str | None = None) -> Settings:
        for path, words in ((self.user, user), (self.project, project)):
            path.parent.mkdir(parents=True, exist_ok=True)
            if words is not None:
                path.write_text(words)
        return load_settings(str(self.root), self.env)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


USER = """\
# mine
grant: none
limits:
  repairs: 1
  dispatches: 9
checks:
  full:
    - {name: mine, command: make test}
stages:
  review: {model: opus, enabled: false}
"""
PROJECT = """\
limits:
  dispatches: 20
checks:
  minutes: 5
  full: [{name: tests, command: pytest -q}]
stages:
  review:
    enabled: true
"""


@pytest.mark.parametrize(
    ("user", "project", "place", "value"),
    [
        pytest.param(None, None, "limits.dispatches", 40, id="default"),
        pytest.param(USER, None, "limits.dispatches", 9, id="user-over-default"),
        pytest.param(None, PROJECT, "limits.dispatches", 20, id="project-over-default"),
        pytest.param(USER, PROJECT, "limits.dispatches", 20, id="project-over-user"),
        pytest.param(USER, PROJECT, "limits.repairs", 1, id="the-key-beside-it-stays"),
        pytest.param(USER, PROJECT, "limits.wall_minutes", 480, id="and-the-default-beside-both"),
        pytest.param(USER, PROJECT, "grant", "none", id="only-the-user-says"),
        pytest.param(USER, "grant: scope", "grant", "scope", id="said-again-as-the-default"),
        pytest.param(USER, PROJECT, "checks.minutes", 5, id="only-the-project-says"),
        pytest.param(
            USER, PROJECT, "checks.full", [{"name": "tests", "command": "pytest -q", "tests": True}], id="a-list-replaces"
        ),
        pytest.param(USER, "checks: {full: []}", "checks.full", [], id="an-empty-list-replaces"),
        pytest.param(USER, PROJECT, "stages.review", {"enabled": True, "model": "opus"}, id="deep"),
        pytest.param(USER, "limits: {}", "limits.dispatches", 9, id="an-empty-mapping-sets-nothing"),
        pytest.param("", "", "workflow", "plan_then_build", id="empty-files"),
    ],
)  # fmt: skip
def test_the_project_s_file_over_the_user_s_over_the_defaults(
    files: Files, user: str | None, project: str | None, place: str, value: object
) -> None:
    found: object = files.load(user=user, project=project).values()
    for key in place.split("."):
        assert isinstance(found, dict)
        found = found[key]
    assert found == value


@pytest.mark.parametrize(
    ("place", "says"),
    [
        pytest.param("grant", "USER:2", id="user"),
        pytest.param("limits.repairs", "USER:4", id="user-below"),
        pytest.param("limits.dispatches", f"{PROJECT_FILE}:2", id="project"),
        pytest.param("limits.wall_minutes", "default", id="default"),
        pytest.param("checks.full", f"{PROJECT_FILE}:5", id="list"),
        pytest.param("checks.full.0.command", f"{PROJECT_FILE}:5", id="inside-a-list"),
        pytest.param("stages.review.model", "USER:10", id="flow"),
        pytest.param("stages.review.enabled", f"{PROJECT_FILE}:8", id="stage"),
    ],
)
def test_where_a_value_comes_from(files: Files, place: str, says: str) -> None:
    settings = files.load(user=USER, project=PROJECT)
    assert settings.origin(*place.split(".")) == says.replace("USER", str(files.user))


def test_each_file_is_judged_on_its_own(files: Files) -> None:
    with pytest.raises(DefinitionError) as error:
        files.load(user="# mine\nlimits:\n  dispatches: 0\n  repair: 1\n", project="limits: {dispatches: 7}")
    first, second = str(error.value).splitlines()
    assert first == f"{files.user}: line 3: limits.dispatches: got 0; Input should be greater than or equal to 1"
    assert second.startswith(
        f'{files.user}: line 4: unknown key "limits.repair"; allowed here: agent_minutes, dispatches, parallel, '
    )
    assert second.endswith('Did you mean "repairs"?')


@pytest.mark.parametrize(
    ("user", "says"),
    [
        pytest.param("a: &a [x]\nb: [*a, *a]\n", "aliases (*name) are not used here", id="alias"),
        pytest.param("grant: !!python/object/apply:os.getcwd []", "could not determine a constructor", id="python"),
        pytest.param("# " + "x" * 1_000_000, "more than 100,000 bytes", id="1-MB"),
    ],
)
def test_the_user_s_file_is_read_as_strictly(files: Files, user: str, says: str) -> None:
    """K-H12."""
    with pytest.raises(DefinitionError) as error:
        files.load(user=user)
    assert str(error.value).startswith(f"{files.user}: ")
    assert says in str(error.value)


def test_the_line_of_a_value_inside_a_list(files: Files) -> None:
    with pytest.raises(DefinitionError, match=r"config\.yaml: line 4: checks\.full\.1\.tests: got 'no'"):
        files.load(project="checks:\n  full:\n    - {name: a, command: b}\n    - {name: c, command: d, tests: 'no'}\n")


@pytest.mark.parametrize(
    ("env", "path"),
    [
        pytest.param({"HOME": "/h"}, "/h/.config/fermata/config.yaml", id="home"),
        pytest.param({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, "/x/fermata/config.yaml", id="xdg"),
        pytest.param({"HOME": "/h", "XDG_CONFIG_HOME": "x"}, "/h/.config/fermata/config.yaml", id="relative-xdg"),
        pytest.param({"HOME": "/h", "XDG_CONFIG_HOME": ""}, "/h/.config/fermata/config.yaml", id="empty-xdg"),
        pytest.param({}, None, id="no-home"),
        pytest.param({"HOME": "h"}, None, id="relative-home"),
    ],
)
def test_where_the_user_s_file_lies(env: dict[str, str], path: str | None) -> None:
    assert user_file(env) == path


def test_without_a_home_the_project_s_file_is_all(files: Files) -> None:
    files.load(user="grant: none", project="")
    assert load_settings(str(files.root), {}).config == Config()


def test_a_file_in_place_of_the_folder_sets_nothing(files: Files) -> None:
    (files.home / ".config").mkdir(parents=True)
    files.user.parent.write_text("")
    assert load_settings(str(files.root), files.env).config == Config()


def test_shown_settings_load_again(files: Files) -> None:
    settings = files.load(user=USER, project=PROJECT)
    for origin in (False, True):
        assert yaml.safe_load(text(settings, origin=origin)) == settings.values()
    assert files.load(user="", project=text(settings, origin=True)).values() == settings.values()
    assert "\n  dispatches: 20  # .fermata/config.yaml:2\n" in text(settings, origin=True)
    assert "#" not in text(settings, origin=False)


def test_the_document_has_an_origin_for_every_value(files: Files) -> None:
    found = document(files.load(user=USER, project=PROJECT), origin=True)
    assert found["origin"]["limits.dispatches"] == f"{PROJECT_FILE}:2"
    assert found["origin"]["limits.silence_minutes"] == "default"
    assert set(found["origin"]) == {
        *("workflow", "waive", "grant", "remember", "checks.full", "checks.quick", "checks.minutes"),
        *("limits.dispatches", "limits.tokens", "limits.repairs", "limits.wall_minutes", "limits.silence_minutes"),
        "limits.parallel",
        "worktrees.links",
        "worktrees.setup",
        "limits.agent_minutes",
        *("stages.review.enabled", "stages.review.model"),
    }
    assert set(document(files.load(), origin=False)) == {"settings"}


def test_what_is_shown_moves_no_terminal(files: Files) -> None:
    shown = text(files.load(project='checks: {full: [{name: a, command: "ls \\e[2J \\u202e"}]}'), origin=True)
    assert shown.isascii()
    assert "\x1b" not in shown
