"""Whole small plans as people write them (`plans.txt`): several lists in one document, and the phases a careful reader names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fermata.spec.reader import read_spec


def _plans() -> list[tuple[str, str, list[str]]]:
    """Each plan's id, its text, the names of its phases."""
    found = []
    for plan in re.split(r"^%% ", Path(__file__).with_name("plans.txt").read_text("utf-8"), flags=re.MULTILINE)[1:]:
        name, text = plan.split("\n", 1)
        lines = text.split("\n")
        document = "\n".join(line for line in lines if not line.startswith("=> "))
        found.append((name, document, [line.removeprefix("=> ") for line in lines if line.startswith("=> ")]))
    return found


PLANS = _plans()
NAMES = """
Phase 1: Quay - ✅ COMPLETED (2024-01-01)
Phase 1: Quay — Complete ✅
[x] Phase 1: Quay
✅ DONE — Phase 1: Quay
COMPLETED: Phase 1: Quay
TODO: Phase 1: Quay
Phase 1: Quay 🔴 Not Started
Phase 1: Quay (~8 hours total)
Phase 1: Quay *(2 days)*
Phase 1: Quay — 2 days
Phase 1: Quay (Estimated: 2-3 weeks)
Phase 1: Quay (Estimated Effort: 2 days)
Phase 1: Quay (Time: 3h)
Phase 1: Quay (est. 1-2 sessions)
Phase 1: Quay (Jan–Mar 2025)
Phase 1: Quay (Nov 3 - Nov 14)
Phase 1: Quay - Weeks 1 to 2
Phase 1: Quay ⏱️ 2 hours
Phase 1: Quay 📅 Week 1
Phase 1: Quay (blocked on #12)
Phase 1: Quay — COMPLETE 2024-01-02
Phase 1: Quay — ✅ Done, 2025-01-02
Phase 1: Quay (done, merged in #34)
Phase 1: Quay [IN PROGRESS - 60%]
Phase 1: Quay (100% complete)
Phase 1: Quay - 80% Complete
Phase 1: Quay | 2 weeks | Not Started
Phase 1: Quay — DONE (see the log)
Phase 1: Quay - Complete ✅ (PR #12)
Phase 1: Quay (🔜 Building)
Phase 1: Quay（半天~1天）
Phase 1: Quay 【完了】
Phase 1: Quay [Status: ✅ Complete]
Phase 1: Quay (✅ Complete, 14 tests)
Phase 1: Quay - 🟡 Partially complete
Phase 1: Quay ✅ VERIFIED
Phase 1: Quay ✅ ALL DONE
Phase 1: Quay (in review)
Phase 1: Quay 🚧 IN PROGRESS (60%)
Phase 1: Quay ✅ Completata
Phase 1: Quay - In corso
Phase 1: Quay ✅ 완료
Phase 1: Quay (진행 중)
Phase 1: Quay ⏳ В процессе
Phase 1: Quay (выполнено)
Phase 1: Quay (afgerond)
"""
KEPT = [
    "Complete the quay",
    "Done right: tests",
    "Planned outages",
    "Quay (MVP)",
    "Quay (Priority: P1)",
    "Quay (months of data)",
    "Quay - Next.js",
    "3D charts - 3D on every page",
    "Day 2 operations",
    "Quay — stones (by hand)",
    "Quay - Ready for release",
    "Move to Next",
]


def test_there_are_plans_with_phases_and_plans_without() -> None:
    assert min(sum(bool(names) for *_, names in PLANS), sum(not names for *_, names in PLANS)) > 10


@pytest.mark.parametrize(("text", "names"), [pytest.param(text, names, id=name) for name, text, names in PLANS])
def test_phases_are_told_from_what_stands_beside_them(text: str, names: list[str]) -> None:
    assert [phase["name"] for phase in read_spec(text).phases] == names


@pytest.mark.parametrize("line", NAMES.strip().splitlines())
def test_marks_of_status_and_time_are_none_of_a_name(line: str) -> None:
    phases = read_spec(f"# Plan\n## {line}\n- [ ] stones\n## Phase 2: Crane\n- [ ] iron\n").phases
    assert [phase["name"] for phase in phases] == ["Phase 1: Quay", "Phase 2: Crane"]


@pytest.mark.parametrize("title", KEPT)
def test_words_of_a_name_stay_although_they_could_mark_a_status(title: str) -> None:
    phases = read_spec(f"# Plan\n## Phase 1: {title}\n- [ ] stones\n## Phase 2: Crane\n- [ ] iron\n").phases
    assert phases[0]["name"] == f"Phase 1: {title}"
