"""`checks.minutes` of the settings is the time limit that a check's process gets, on both ways that start one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fermata.checks.runner import CheckSpec, load_spec, read_check, start_check, wait_checks
from fermata.core.evidence import Evidence
from fermata.definitions.settings import load_settings
from fermata.loop import try_checks as trying
from fermata.loop.drive import drive
from fermata.loop.site import Site
from fermata.loop.start import project_checks
from tests.git.sandbox import Sandbox, make_sandbox
from tests.store.runs import created_body, write

CONFIG = "checks:\n  minutes: 25\n  full:\n    - {name: slow, command: echo ran, tests: false}\n"
WORKFLOW = {
    "format": 1,
    "name": "only",
    "title": "Only checks",
    "stages": [
        {"id": "verify", "kind": "checks", "commands": "full", "tries": 2, "rounds": 2, "on": {"red": "abort"}},
        {"id": "finish", "kind": "finalise", "rounds": 3, "on": {"stale": "abort"}},
    ],
}


@pytest.fixture
def project(tmp_path: Path) -> Sandbox:
    sandbox = make_sandbox(tmp_path / "project")
    sandbox.write(".fermata/config.yaml", CONFIG)
    sandbox.commit()
    return sandbox


def test_a_check_of_the_run_may_take_the_minutes_of_the_settings(project: Sandbox) -> None:
    settings = load_settings(str(project.root))
    config = settings.config
    site = Site(project.repo, None)
    site.project.prepare()
    store = site.project.run("orch_20260102_030405_0a1b")
    limits = {**config.limits.model_dump(), "check_minutes": config.checks.minutes}
    checks = project_checks(str(project.root), settings)
    write(store, ("run_created", created_body(workflow=WORKFLOW, limits=limits, project_checks=checks)))
    drive(site, store)
    folder = store.path("checks")
    assert load_spec(folder, "c-001").time_limit == 25 * 60
    assert wait_checks(folder, ["c-001"], 15)
    assert isinstance(read_check(folder, "c-001"), Evidence)


def test_a_check_on_trial_may_take_them_too(project: Sandbox) -> None:
    site = Site(project.repo, None)
    (entry,) = trying.try_checks(site, trying.Wanted(baseline=True, quick=False), 15)
    assert entry["outcome"] == "green"
    folder = os.path.join(site.project.folder, "checks")
    (spec,) = (name for name in os.listdir(folder) if name.endswith(".spec.json"))
    assert json.loads(Path(folder, spec).read_text())["time_limit"] == 25 * 60


@pytest.mark.parametrize(("minutes", "outcome"), [(1, "red"), (30, "green")], ids=["too-few", "enough"])
def test_the_time_limit_governs_at_a_second_a_minute(
    project: Sandbox, monkeypatch: pytest.MonkeyPatch, minutes: int, outcome: str
) -> None:
    def a_second_a_minute(spec: CheckSpec, folder: str) -> None:
        start_check(spec._replace(time_limit=spec.time_limit / 60), folder)

    monkeypatch.setattr(trying, "start_check", a_second_a_minute)
    project.write(".fermata/config.yaml", CONFIG.replace("echo ran", "sleep 2.5").replace("25", str(minutes)))
    (entry,) = trying.try_checks(Site(project.repo, None), trying.Wanted(baseline=True, quick=False), 15)
    assert entry["outcome"] == outcome
    assert ("stopped after 1 s, its time limit" in str(entry["text"])) is (outcome == "red")
