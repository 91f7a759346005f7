"""Whole small plans as people write them: several lists in one document, and the phases that a careful reader names."""

from __future__ import annotations

from textwrap import dedent

import pytest

from fermata.spec.reader import read_spec

PLANS: list[tuple[str, str, list[str]]] = [
    (
        "tasks of a plan with files and steps",
        """\
        # Tide Table Implementation Plan
        **Goal:** Show the tide.
        ---
        ### Task 1: Read the gauge
        **Files:**
        - Create: `gauge.py`
        **Step 1: Write the failing test**
        Run: `pytest`
        **Step 2: Make it pass**
        ### Task 2: Draw the curve
        **Files:**
        - Modify: `draw.py`
        **Step 1: Write the failing test**
        """,
        ["Task 1: Read the gauge", "Task 2: Draw the curve"],
    ),
    (
        "tasks of phases are not the phases",
        """\
        # Tide Plan
        ## Phase 1: Gauge
        ### Task 1: Read
        - [ ] a
        ### Task 2: Store
        - [ ] b
        ## Phase 2: Curve
        ### Task 3: Draw
        - [ ] c
        """,
        ["Phase 1: Gauge", "Phase 2: Curve"],
    ),
    (
        "user stories between setup and polish",
        """\
        # Tasks: Tide
        **Input**: Design documents from `/specs/001-tide/`
        ## Format: `[ID] [P?] [Story] Description`
        - **[P]**: can run in parallel
        ## Phase 1: Setup
        - [ ] T001 Make the folder
        ## Phase 2: Foundational (Blocking Prerequisites)
        - [ ] T002 [P] Store
        ## Phase 3: User Story 1 - Read (Priority: P1) 🎯 MVP
        ### Tests for User Story 1
        - [ ] T003 [P] [US1] Test
        ### Implementation for User Story 1
        - [ ] T004 [US1] Read
        ## Phase N: Polish & Cross-Cutting Concerns
        - [ ] T005 Docs
        ## Dependencies & Execution Order
        ### Phase Dependencies
        - **Setup (Phase 1)**: none
        - **Foundational (Phase 2)**: Setup
        ## Implementation Strategy
        ### MVP First
        1. Complete Phase 1: Setup
        2. Complete Phase 2: Foundational
        """,
        [
            "Phase 1: Setup",
            "Phase 2: Foundational (Blocking Prerequisites)",
            "Phase 3: User Story 1 - Read (Priority: P1) MVP",
            "Phase N: Polish & Cross-Cutting Concerns",
        ],
    ),
    (
        "numbered sections of checkboxes",
        """\
        # Tasks
        ## 1. Setup
        - [ ] 1.1 Make the folder
        - [ ] 1.2 Add the linter
        ## 2. Gauge
        - [ ] 2.1 Read it
        ## 3. Documentation
        - [ ] 3.1 Write it
        """,
        ["1. Setup", "2. Gauge", "3. Documentation"],
    ),
    (
        "numbered sections of checkboxes without a title",
        """\
        ## 1. Setup
        - [x] 1.1 Make the folder
        ## 2. Gauge
        - [ ] 2.1 Read it
        """,
        ["1. Setup", "2. Gauge"],
    ),
    (
        "milestones by code behind the word",
        """\
        # Harbour
        ## Milestone M1 - Moorings
        - two ropes
        ## Milestone M2 - Lights
        - three lamps
        """,
        ["Milestone M1 - Moorings", "Milestone M2 - Lights"],
    ),
    (
        "weeks of a roadmap",
        """\
        # Harbour Roadmap
        ## Week 1-2: Moorings
        - [ ] ropes
        ## Week 3-4: Lights
        - [ ] lamps
        ## Week 5: Opening
        - [ ] flags
        """,
        ["Week 1-2: Moorings", "Week 3-4: Lights", "Week 5: Opening"],
    ),
    (
        "versions of a development plan",
        """\
        # Development Roadmap
        ## Milestones
        ### v0.1 - Skeleton
        - [x] binary
        ### v0.2 - Plugins
        - [ ] loader
        ### v1.0 - Stable
        - [ ] docs
        """,
        ["v0.1 - Skeleton", "v0.2 - Plugins", "v1.0 - Stable"],
    ),
    (
        "iterations",
        """\
        # Plan
        ## Iteration 1
        - [ ] read
        ## Iteration 2
        - [ ] draw
        ## Iteration 3
        - [ ] print
        """,
        ["Iteration 1", "Iteration 2", "Iteration 3"],
    ),
    (
        "step n of m",
        """\
        # Migration plan
        ## Step 1 of 3: Copy the tables
        - [ ] dump
        ## Step 2 of 3: Switch
        - [ ] flag
        ## Step 3 of 3: Clean up
        - [ ] drop
        """,
        ["Step 1 of 3: Copy the tables", "Step 2 of 3: Switch", "Step 3 of 3: Clean up"],
    ),
    (
        "bold lines with a duration before the colon, text behind",
        """\
        # Tide
        ## Implementation
        **Phase 1 (2 days): Gauge**
        Read it every minute.

        **Phase 2 (1 week): Curve**
        Draw it.

        ## Risks
        None.
        """,
        ["Phase 1: Gauge", "Phase 2: Curve"],
    ),
    (
        "bold items of an implementation order",
        """\
        # Tide design
        ## Architecture
        1. **Gauge** - reads
        2. **Curve** - draws
        ## Implementation order
        1. **Reader** - the serial port first
        2. **Store** - one table
        3. **Curve** - drawn last
        """,
        ["Reader", "Store", "Curve"],
    ),
    (
        "table with scope and status",
        """\
        # Tide
        ## Roadmap
        | Phase | Scope | Status |
        |---|---|---|
        | 1 | Gauge | Done |
        | 2 | Curve | In progress |
        """,
        ["Phase 1: Gauge", "Phase 2: Curve"],
    ),
    (
        "details of phases",
        """\
        # Roadmap
        <details>
        <summary>✅ Phase 1: Gauge (complete)</summary>

        - [x] read

        </details>

        <details open>
        <summary>🚧 Phase 2: Curve</summary>

        - [ ] draw

        </details>
        """,
        ["Phase 1: Gauge", "Phase 2: Curve"],
    ),
    (
        "parts of a plan",
        """\
        # Refactoring plan
        ## Part A: Split the module
        - [ ] move
        ## Part B: Rename
        - [ ] sed
        """,
        ["Part A: Split the module", "Part B: Rename"],
    ),
    (
        "pull requests of a rollout",
        """\
        # Rollout plan
        ### PR 1: Add the flag
        - [ ] flag
        ### PR 2: Read it
        - [ ] read
        ### PR 3: Drop the old path
        - [ ] drop
        """,
        ["PR 1: Add the flag", "PR 2: Read it", "PR 3: Drop the old path"],
    ),
    (
        "stages",
        """\
        # Build plan
        ## Stage 0 - Toolchain
        - [x] compiler
        ## Stage 1 - Kernel
        - [ ] boot
        """,
        ["Stage 0 - Toolchain", "Stage 1 - Kernel"],
    ),
    (
        "signs, status words and times about the names",
        """\
        # 🗺️ Roadmap
        ## 🎯 Phase 1: Gauge ✅ COMPLETE
        - [x] a
        ## 🚀 Phase 2: Curve (Week 1-2) - DONE
        - [x] b
        ## 🔨 Phase 3: Alarm [IN PROGRESS - 60%]
        - [ ] c
        ## Phase 4: Print — ⏸️ Deferred
        - [ ] d
        ## Phase 5: Tides of others (Est. 3-5 days) 🔜
        - [ ] e
        ## Phase 6: Moon | 2 weeks | Not Started
        - [ ] f
        ## Phase 7: Sun (Completed: 2024-01-15)
        - [ ] g
        ## Phase 8: Stars (~2-3 weeks, optional)
        - [ ] h
        """,
        [
            "Phase 1: Gauge",
            "Phase 2: Curve",
            "Phase 3: Alarm",
            "Phase 4: Print",
            "Phase 5: Tides of others",
            "Phase 6: Moon",
            "Phase 7: Sun",
            "Phase 8: Stars",
        ],
    ),
    (
        "more of what stands behind names",
        """\
        # Roadmap
        ## Phase 1: Gauge (100% complete)
        - [x] a
        ## Phase 2: Curve - 80% Complete
        - [ ] b
        ## Phase 3: Alarm (Days 3–5, ~16 hours)
        - [ ] c
        ## Phase 4: Print ✅ (2024-03-01)
        - [x] d
        ## Phase 5: Quay (in parallel with Phase 4)
        - [ ] e
        ## Phase 6: Crane (Q3 2025) ⭐ HIGH PRIORITY
        - [ ] f
        ## ~~Phase 7: Ferry~~ (cancelled)
        - [ ] g
        """,
        [
            "Phase 1: Gauge",
            "Phase 2: Curve",
            "Phase 3: Alarm",
            "Phase 4: Print",
            "Phase 5: Quay (in parallel with Phase 4)",
            "Phase 6: Crane HIGH PRIORITY",
            "Phase 7: Ferry",
        ],
    ),
    (
        "overview list, then the phases",
        """\
        # Plan
        ## Overview
        1. Phase 1: Gauge
        2. Phase 2: Curve
        3. Phase 3: Alarm
        ## Details
        ### Phase 1: Gauge
        Read it.
        ### Phase 2: Curve
        Draw it.
        ### Phase 3: Alarm
        Ring it.
        """,
        ["Phase 1: Gauge", "Phase 2: Curve", "Phase 3: Alarm"],
    ),
    (
        "timeline table behind the phases",
        """\
        # Plan
        ## Phase 1: Gauge
        - [ ] read
        ## Phase 2: Curve
        - [ ] draw
        ## Timeline Summary
        | Phase | Duration | Deliverable |
        |---|---|---|
        | Phase 1 | 2 weeks | Reader |
        | Phase 2 | 1 week | Picture |
        | **Total** | 3 weeks | |
        """,
        ["Phase 1: Gauge", "Phase 2: Curve"],
    ),
    (
        "phases of the product in a rollout, of the pipeline in the architecture",
        """\
        # Parser design
        ## Architecture
        ### Phase 1: Lexing
        - text to tokens
        ### Phase 2: Parsing
        - tokens to tree
        ### Phase 3: Emitting
        - tree to bytes
        ## Rollout
        ### Phase 1: Behind a flag
        - ship dark
        ### Phase 2: Default on
        - flip it
        """,
        ["Phase 1: Behind a flag", "Phase 2: Default on"],
    ),
    (
        "pipeline steps in the midst of a plan",
        """\
        # Importer implementation plan
        ## How the importer works
        ### Step 1: Fetch
        It fetches.
        ### Step 2: Parse
        It parses.
        ## Milestones
        ### Milestone 1: Fetcher
        - [ ] http
        ### Milestone 2: Parser
        - [ ] xml
        """,
        ["Milestone 1: Fetcher", "Milestone 2: Parser"],
    ),
    (
        "requirements by number, phases in a section",
        """\
        # PRD: Tide
        ## 1. Summary
        ## 2. Functional requirements
        ### 2.1 Read
        - every minute
        ### 2.2 Draw
        - as a curve
        ## 3. Release plan
        ### 3.1 Phase 1 - MVP (4 weeks)
        - read
        ### 3.2 Phase 2 - Growth
        - draw
        ## 4. Risks
        - [ ] fog
        """,
        ["Phase 1 - MVP", "Phase 2 - Growth"],
    ),
    (
        "steps to do next before the phases that come",
        """\
        # Harbour roadmap
        ## Next steps
        ### Step 1: Buy rope
        - [ ] go
        ### Step 2: Tie it
        - [ ] tie
        ## Phase 1: Quay
        - [ ] stones
        ## Phase 2: Crane
        - [ ] iron
        """,
        ["Phase 1: Quay", "Phase 2: Crane"],
    ),
    (
        "phases over several spans of time",
        """\
        # Roadmap
        ## Short term
        ### Phase 1: Quay
        - stones
        ## Medium term
        ### Phase 2: Crane
        - iron
        ### Phase 3: Ferry
        - wood
        ## Long term
        ### Phase 4: Bridge
        - steel
        ## Metrics
        - ships
        """,
        ["Phase 1: Quay", "Phase 2: Crane", "Phase 3: Ferry", "Phase 4: Bridge"],
    ),
    (
        "a phase in the midst of other sections of its level",
        """\
        # Implementation Plan
        ## Overview
        - two parts
        ## Phase 1: Quay
        - [ ] stones
        ## Phase 2: Crane
        - [ ] iron
        ## Testing Strategy
        - [ ] unit
        ## Rollback
        - [ ] undo
        """,
        ["Phase 1: Quay", "Phase 2: Crane"],
    ),
    (
        "numbered sections of a plan, its frame not among them",
        """\
        # Harbour
        ## Implementation plan
        ### Overview
        Two parts.
        ### 1. Quay
        - stones
        ### 2. Crane
        - iron
        ### Risks
        - fog
        """,
        ["1. Quay", "2. Crane"],
    ),
    (
        "headings under phases, the frame not among them",
        """\
        # Harbour
        ## Implementation Phases
        ### Overview
        Two parts.
        ### Quay
        - [ ] stones
        ### Crane
        - [ ] iron
        ### Dependencies
        - the crane stands on the quay
        ### Summary
        Done soon.
        """,
        ["Quay", "Crane"],
    ),
    (
        "what is done and what comes",
        """\
        # Project status
        ## Completed
        ### Phase 1: Quay ✅
        - [x] stones
        ## In progress
        ### Phase 2: Crane
        - [ ] iron
        ## Planned
        ### Phase 3: Ferry
        - [ ] wood
        """,
        ["Phase 1: Quay", "Phase 2: Crane", "Phase 3: Ferry"],
    ),
    (
        "phases with days inside",
        """\
        # Plan
        ## Phase 1: Quay (Days 1-3)
        ### Day 1: Survey
        - [ ] map
        ### Day 2-3: Stones
        - [ ] lay
        ## Phase 2: Crane (Days 4-5)
        ### Day 4: Iron
        - [ ] cast
        """,
        ["Phase 1: Quay", "Phase 2: Crane"],
    ),
    (
        "phases in items with tasks below",
        """\
        # Harbour
        ## Plan
        - **Phase 1: Quay**
          - [ ] stones
          - [ ] mortar
        - **Phase 2: Crane**
          - [ ] iron
        """,
        ["Phase 1: Quay", "Phase 2: Crane"],
    ),
    (
        "bold phases with text behind a dash",
        """\
        # Harbour
        ## Phases
        - **Phase 1 — Quay**: stones and mortar
        - **Phase 2 — Crane**: iron
        """,
        ["Phase 1 — Quay", "Phase 2 — Crane"],
    ),
    (
        "epics with stories",
        """\
        # Backlog
        ## Epic 1: Moor
        ### Story 1.1: Rope
        - [ ] a
        ### Story 1.2: Ring
        - [ ] b
        ## Epic 2: Light
        ### Story 2.1: Lamp
        - [ ] c
        """,
        ["Epic 1: Moor", "Epic 2: Light"],
    ),
    (
        "second document title and numbered phases",
        """\
        # Harbour
        Text.
        # Implementation Plan
        ## Phase 1. Quay
        - stones
        ## Phase 2. Crane
        - iron
        """,
        ["Phase 1. Quay", "Phase 2. Crane"],
    ),
    (
        "phases as headings of the first level",
        """\
        # Phase 1: Quay
        ## Tasks
        - [ ] stones
        # Phase 2: Crane
        ## Tasks
        - [ ] iron
        """,
        ["Phase 1: Quay", "Phase 2: Crane"],
    ),
    (
        "acceptance criteria by phase behind",
        """\
        # Plan
        ## Implementation
        ### Phase 1: Quay
        - stones
        ### Phase 2: Crane
        - iron
        ## Acceptance criteria
        ### Phase 1
        - [ ] holds
        - [ ] is dry
        - [ ] is long
        ### Phase 2
        - [ ] lifts
        - [ ] turns
        """,
        ["Phase 1: Quay", "Phase 2: Crane"],
    ),
    (
        "tests by phase behind",
        """\
        # Plan
        ## Implementation Phases
        ### Phase 1: Quay
        - stones
        ### Phase 2: Crane
        - iron
        ## Testing plan
        ### Phase 1 tests
        - [ ] holds
        ### Phase 2 tests
        - [ ] lifts
        """,
        ["Phase 1: Quay", "Phase 2: Crane"],
    ),
    (
        "Japanese phases beside steps of the design",
        """\
        # 港の設計
        ## 処理の流れ
        ### ステップ1：読み込み
        - 読む
        ## 実装計画
        ### フェーズ1：岸壁（2日）
        - [ ] 石
        ### フェーズ2：クレーン
        - [ ] 鉄
        """,
        ["フェーズ1：岸壁", "フェーズ2：クレーン"],
    ),
    (
        "Chinese steps of a plan",
        """\
        # 港口
        ## 实施计划
        ### 步骤 1：码头
        - [ ] 石头
        ### 步骤 2：起重机
        - [ ] 铁
        """,
        ["步骤 1：码头", "步骤 2：起重机"],
    ),
    (
        "Chinese numbered headings of a plan",
        """\
        # 港口
        ## 开发计划
        ### 1. 码头
        - 石头
        ### 2. 起重机
        - 铁
        """,
        ["1. 码头", "2. 起重机"],
    ),
    (
        "Korean stages",
        """\
        # 항구 로드맵
        ## 1단계: 부두 (2주)
        - [ ] 돌
        ## 2단계: 크레인
        - [ ] 쇠
        """,
        ["1단계: 부두", "2단계: 크레인"],
    ),
    (
        "Italian phases",
        """\
        # Piano di lavoro
        ## Fase 1: Molo (2 settimane) ✅ Completata
        - [x] pietre
        ## Fase 2: Gru - In corso
        - [ ] ferro
        """,
        ["Fase 1: Molo", "Fase 2: Gru"],
    ),
    (
        "Portuguese sprints",
        """\
        # Plano de desenvolvimento
        ## Sprint 1 – Cais (Semanas 1-2) ✅ CONCLUÍDO
        - [x] pedras
        ## Sprint 2 – Guindaste (Semanas 3-4) 🔄 EM ANDAMENTO
        - [ ] ferro
        ## Métricas
        - navios
        """,
        ["Sprint 1 – Cais", "Sprint 2 – Guindaste"],
    ),
    (
        "German phases with status",
        """\
        # Umsetzungsplan
        ## Phase 1 – Kai ✅ ABGESCHLOSSEN
        - [x] Steine
        ## Phase 2 – Kran (in Arbeit)
        - [ ] Eisen
        ## Phase 3 – Fähre (geplant, Q2 2025)
        - [ ] Holz
        """,
        ["Phase 1 – Kai", "Phase 2 – Kran", "Phase 3 – Fähre"],
    ),
    (
        "French numbered steps of a plan",
        """\
        # Port
        ## Plan de développement
        ### 1. Quai
        - pierres
        ### 2. Grue
        - fer
        ## Risques
        - brouillard
        """,
        ["1. Quai", "2. Grue"],
    ),
    (
        "Dutch phases",
        """\
        # Stappenplan
        ## Fase 1: Kade (1 week)
        - [ ] stenen
        ## Fase 2: Kraan
        - [ ] ijzer
        """,
        ["Fase 1: Kade", "Fase 2: Kraan"],
    ),
    (
        "Russian numbered stages",
        """\
        # План работ
        ## 1 этап. Причал
        - камни
        ## 2 этап. Кран
        - железо
        """,
        ["1 этап. Причал", "2 этап. Кран"],
    ),
    (
        "a letter behind the number, a gap and a jump",
        """\
        # Plan
        ## Phase 1A: Quay
        - stones
        ## Phase 1B: Rope
        - hemp
        ## Phase 3: Crane
        - iron
        """,
        ["Phase 1A: Quay", "Phase 1B: Rope", "Phase 3: Crane"],
    ),
    (
        "fixed fields in the phases' headings",
        """\
        # Plan
        ## Phases
        ### Phase 1: Quay
        **Goal**: A quay.
        **Requirements**: R1
        **Success Criteria**:
          1. It stands
        **Plans**: 2 plans
        - [ ] 01-01: Stones
        - [ ] 01-02: Mortar
        ### Phase 2: Crane
        **Goal**: A crane.
        **Plans**: TBD
        ## Progress
        | Phase | Plans Complete | Status | Completed |
        |---|---|---|---|
        | 1. Quay | 0/2 | Not started | - |
        | 2. Crane | 0/1 | Not started | - |
        """,
        ["Phase 1: Quay", "Phase 2: Crane"],
    ),
    (
        "checkbox list of the phases, then their details",
        """\
        # Roadmap: Harbour
        ## Phases
        - [x] **Phase 1: Quay** - stones
        - [ ] **Phase 2: Crane** - iron
        ## Phase Details
        ### Phase 1: Quay
        **Goal**: It stands
        ### Phase 2: Crane
        **Goal**: It lifts
        """,
        ["Phase 1: Quay", "Phase 2: Crane"],
    ),
    (
        "an overview that alone says what the later phases are",
        """\
        # Plan
        ## Phases
        | Phase | Name |
        |---|---|
        | Phase 1 | Quay |
        | Phase 2 | Crane |
        | Phase 3 | Ferry |
        ## Phase 1 details
        - stones
        - mortar
        """,
        ["Phase 1: Quay", "Phase 2: Crane", "Phase 3: Ferry"],
    ),
    (
        "phases within a feature's sections",
        """\
        # Feature: Tide alarm
        ## User Story
        As a sailor I hear it.
        ## Implementation Plan
        ### Phase 1: Foundation
        Lay it.
        ### Phase 2: Core
        Build it.
        ### Phase 3: Integration
        Join it.
        ## Step by Step Tasks
        ### Step 1: Write the schema
        - one table
        ### Step 2: Write the reader
        - one loop
        ### Step 3: Write the bell
        - one tone
        """,
        ["Phase 1: Foundation", "Phase 2: Core", "Phase 3: Integration"],
    ),
    (
        "todo and done headings of a milestone",
        """\
        # Harbour
        ## Milestones
        ### DONE: Quay
        - stones
        ### TODO: Crane
        - iron
        """,
        ["Quay", "Crane"],
    ),
    (
        "phase headings without a number's name",
        """\
        # Roadmap
        ## Phase 1
        - stones
        ## Phase 2
        - iron
        """,
        ["Phase 1", "Phase 2"],
    ),
    (
        "code names",
        """\
        # Plan
        ## P1 — Quay
        - [ ] stones
        ## P2 — Crane
        - [ ] iron
        """,
        [],
    ),
]

NONE: list[tuple[str, str]] = [
    ("compiler passes", "# Compiler spec\n## Compilation pipeline\n### Phase 1: Lexing\n- tokens\n### Phase 2: Parsing\n- trees\n### Phase 3: Emitting\n- bytes\n"),
    ("layers of a design", "# Design\n## Architecture\n### Stage 1: Ingest\n- reads\n### Stage 2: Index\n- sorts\n"),
    ("sections by number", "# Tide Specification\n## 1. Overview\n- tides\n## 2. Data model\n- tables\n## 3. Interface\n- calls\n"),
    ("numbered requirements with boxes", "# Requirements\n## Functional\n### 1. Read\n- [ ] each minute\n### 2. Draw\n- [ ] a curve\n"),
    ("tutorial", "# Tutorial\n## Part 1: Rope\n- take it\n## Part 2: Knot\n- tie it\n"),
    ("changelog", "# Changelog\n## v0.2 - Crane\n- [x] iron\n## v0.1 - Quay\n- [x] stones\n"),
    ("what is done, by number", "# Summary\n## Completed\n1. **Quay** - stones\n2. **Crane** - iron\n"),
    ("tasks as checked items", "# Implementation Plan\n## Tasks\n- [x] 1. Quay\n  - stones\n  - _Requirements: 1.1_\n- [ ] 2. Crane\n  - iron\n  - _Requirements: 1.2_\n"),
    ("priorities of a backlog", "# Todo\n## High priority\n- [ ] quay\n## Low priority\n- [ ] crane\n"),
    ("product sections of a roadmap", "# Roadmap\n## Editor\n- [ ] undo\n## Export\n- [ ] pdf\n"),
    ("clinical phases", "# Trial\n## Design\n- Phase 1 trial: safety\n- Phase 2 trial: dose\n"),
    ("phases of a game", "# Game rules\n## Turn order\n### Phase 1: Draw\n- take a card\n### Phase 2: Attack\n- roll\n"),
    ("deployment steps", "# Deploy guide\n## Deployment\n### Step 1: Build\n```\nmake\n```\n### Step 2: Push\n```\nmake push\n```\n"),
    ("phases in prose only", "# Note\n## Plan\nWe go in two phases: Phase 1 is the quay, and Phase 2 is the crane.\n"),
    ("answers", "# FAQ\n## 1. Why?\n- so\n## 2. How?\n- thus\n"),
    ("agent workflow", "# Agent instructions\n## Workflow\n### Phase 1: Understand\n- read\n### Phase 2: Act\n- write\n"),
]  # fmt: skip


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
Phase 1: Quay [Status: ✅ Complete]
Phase 1: Quay (✅ Complete, 14 tests)
Phase 1: Quay - 🟡 Partially complete
Phase 1: Quay ✅ VERIFIED
Phase 1: Quay ✅ ALL DONE
Phase 1: Quay (in review)
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
    "Quay - Ready for release",
    "Move to Next",
]


@pytest.mark.parametrize(("text", "names"), [pytest.param(text, names, id=name) for name, text, names in PLANS])
def test_phases_are_told_from_what_stands_beside_them(text: str, names: list[str]) -> None:
    assert [phase["name"] for phase in read_spec(dedent(text)).phases] == names


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in NONE])
def test_lists_of_something_else_are_no_phases(text: str) -> None:
    assert read_spec(text).phases == []


@pytest.mark.parametrize("line", NAMES.strip().splitlines())
def test_marks_of_status_and_time_are_none_of_a_name(line: str) -> None:
    phases = read_spec(f"# Plan\n## {line}\n- [ ] stones\n## Phase 2: Crane\n- [ ] iron\n").phases
    assert [phase["name"] for phase in phases] == ["Phase 1: Quay", "Phase 2: Crane"]


@pytest.mark.parametrize("title", KEPT)
def test_words_of_a_name_stay_although_they_could_mark_a_status(title: str) -> None:
    phases = read_spec(f"# Plan\n## Phase 1: {title}\n- [ ] stones\n## Phase 2: Crane\n- [ ] iron\n").phases
    assert phases[0]["name"] == f"Phase 1: {title}"
