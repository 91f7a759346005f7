"""The pages that a run leaves at stable paths, and how each is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from fermata.core.pages import pages, slug
from fermata.store.errors import Usage
from fermata.views.parts import show_part
from tests.loop.bench import review
from tests.loop.test_shipped import Cast, in_order


def test_a_whole_run_leaves_its_pages(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "phased").play()
    store = cast.bench.store
    assert show_part(store, "artifacts").splitlines() == [
        "approval", "implementation_plan", "recon_risks", "recon_structure", "recon_tests",
        "tracking/phase_1_complete", "tracking/phase_2_complete", "verification",
    ]  # fmt: skip
    found = show_part(store, "recon_tests")
    assert in_order(
        found, "# Recon: Tests", "Status: found (d-002)", "## Findings", "nobody calls it", "## Recommendations"
    )
    plan = show_part(store, "implementation_plan")
    assert in_order(
        plan, "# Implementation plan: Add a thing", "## Phase 1: Add it", "Depends on: nothing", "### Objective", "### Files",
        "`src/**` may change", "### Steps", "### Verification", "- [ ] it works", "## Phase 2: Test it", "Depends on: phase 1",
        "## Risks", "## Rollback\ngit checkout",
    )  # fmt: skip
    phase = show_part(store, "phase_2_complete")
    assert in_order(
        phase, "# Phase 2 of 2 complete: Test it", "d-007 fixer, completed: built", "`tests/app.py`", "tests: green"
    )
    told = show_part(store, "verification")
    assert in_order(
        told, "## Verification\n- tests: green", "## Visual check\nskipped", "## Review\napprove: I approve"
    )


def test_a_page_that_changes_keeps_what_it_said_before(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "phased")
    cast.bad["d-008"] = lambda: review("reject", {"severity": "high", "issue": "it is wrong"})
    cast.play()
    store = cast.bench.store
    assert "## Review\napprove" in show_part(store, "verification")
    older = [
        show_part(store, name)
        for name in show_part(store, "artifacts").splitlines()
        if name.startswith("verification.")
    ]
    assert any("reject: I reject" in page and "- high: it is wrong" in page for page in older)
    assert "phase_1_complete.1" not in show_part(store, "artifacts")


def test_a_phase_that_is_not_done_has_no_page(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "phased")
    for name in ("d-007", "d-008", "d-009"):
        cast.bad[name] = lambda: pytest.fail("stop here")
    with pytest.raises(pytest.fail.Exception):
        cast.play()
    assert "tracking/phase_1_complete" in pages(cast.bench.run)
    assert "tracking/phase_2_complete" not in pages(cast.bench.run)
    assert "verification" not in pages(cast.bench.run)


def test_staged_names_its_plan_by_date_and_every_later_stage_is_told_where_it_lies(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "staged").play()
    created = cast.bench.run["created"][:10]
    name = f"plans/{created}-add-a-thing-plan"
    assert "## Phase 1: Add it" in show_part(cast.bench.store, name)
    path = cast.bench.store.path("artifacts", "plans", f"{created}-add-a-thing-plan.md")
    for place in (2, 3, 4):
        assert f'"planFilePath": "{path}"' in cast.brief(place)
    assert not (cast.bench.sandbox.root / "docs").exists()


def test_what_is_no_page_is_told_with_those_there_are(tmp_path: Path) -> None:
    cast = Cast(tmp_path, "phased").play()
    for name in ("recon", "../../config", "verification.9", ""):
        with pytest.raises(Usage, match="implementation_plan"):
            show_part(cast.bench.store, name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Structure: where", "structure-where"),
        ("../../etc", "etc"),
        ("Ünï", "n"),
        ("😀", "untitled"),
        ("a" * 90, "a" * 40),
    ],
)
def test_a_slug_is_a_plain_name(text: str, expected: str) -> None:
    assert slug(text) == expected
