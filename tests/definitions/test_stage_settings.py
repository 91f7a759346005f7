from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.definitions.problems import DefinitionError
from fermata.definitions.settings import PROJECT_FILE, load_settings
from fermata.definitions.stage_settings import fitting_models, models, workflow_in_use
from fermata.definitions.workflow_files import load_workflow

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.definitions.settings import Settings

SHIPPED, DIGEST = load_workflow("plan_then_build", "/nowhere")


def settings_of(folder: Path, text: str) -> Settings:
    path = folder / PROJECT_FILE
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return load_settings(str(folder), {})


def test_without_settings_the_workflow_is_the_file_s(tmp_path: Path) -> None:
    assert workflow_in_use(load_settings(str(tmp_path), {}), str(tmp_path)) == (SHIPPED, DIGEST)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("stages: {review: {model: haiku}}", id="model"),
        pytest.param("stages: {review: {enabled: true}}", id="enabled"),
    ],
)
def test_a_model_changes_no_workflow(tmp_path: Path, text: str) -> None:
    assert workflow_in_use(settings_of(tmp_path, text), str(tmp_path)) == (SHIPPED, DIGEST)


def test_a_workflow_with_a_stage_less_has_a_digest_of_its_own(tmp_path: Path) -> None:
    one = workflow_in_use(settings_of(tmp_path, "stages: {review: {enabled: false}}"), str(tmp_path))
    other = workflow_in_use(settings_of(tmp_path, "stages: {baseline: {enabled: false}}"), str(tmp_path))
    assert "review" not in [stage["id"] for stage in one[0]["stages"]]
    assert len({DIGEST, one[1], other[1]}) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(
            "stages:\n  reviw: {}\n",
            'line 2: stages.reviw: "reviw" is no stage of workflow plan_then_build; known stages: baseline, plan, approval, steps',
            id="unknown",
        ),
        pytest.param(
            "stages:\n  verify:\n    enabled: false\n",
            "line 3: stages.verify.enabled: got False, and verify cannot be left out: it runs the last full checks",
            id="needed",
        ),
        pytest.param(
            "stages:\n  steps:\n    model: opus\n",
            "line 3: stages.steps.model: got 'opus'; a stage of kind foreach starts no agent of its own",
            id="model-of-a-foreach",
        ),
    ],
)
def test_what_does_not_fit_the_workflow_is_told_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DefinitionError) as error:
        workflow_in_use(settings_of(tmp_path, text), str(tmp_path))
    assert str(error.value).startswith(f"{PROJECT_FILE}: {says}")


def test_inherit_is_no_model(tmp_path: Path) -> None:
    found = settings_of(tmp_path, "stages: {plan: {model: opus}, review: {model: inherit}, build: {}}")
    assert models(found) == {"plan": "opus"}


def test_a_run_that_is_on_takes_models_and_keeps_its_stages(tmp_path: Path) -> None:
    text = "stages: {review: {enabled: false, model: opus}, plan: {model: haiku}}"
    found = settings_of(tmp_path, text)
    pinned, _ = workflow_in_use(found, str(tmp_path))
    assert fitting_models(found, pinned)["plan"] == "haiku"
    assert fitting_models(found, SHIPPED) == {"review": "opus", "plan": "haiku"}
    with pytest.raises(DefinitionError, match='"review" is no stage of workflow'):
        fitting_models(settings_of(tmp_path, "stages: {review: {model: opus}}"), pinned)
