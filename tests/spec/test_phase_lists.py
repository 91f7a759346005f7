"""Which phases a document has, in the many ways that people write them; and which lists are none."""

from __future__ import annotations

from textwrap import dedent

import pytest

from fermata.spec.reader import read_spec

SHAPES: list[tuple[str, str, list[str]]] = [
    (
        "a matrix of codes in a document that is called milestones",
        """\
        # Harbour Milestones
        ## How we count
        By tide.
        ## Milestone matrix
        | ID | Scope | Exit criteria |
        |---|---|---|
        | M0 | Dredge | a keel passes |
        | M1 | Quay | a ship lies |
        ## Pilots
        - two
        """,
        ["M0: Dredge", "M1: Quay"],
    ),
    (
        "Korean table by order",
        """\
        # 항구 구현 계획
        ## 단계와 증거
        | 순서 | 산출물 | 완료 기준 |
        |---|---|---|
        | 0 | 부두 짓기 | 배가 닿는다 |
        | 1 | 등대 켜기 | 밤에 보인다 |
        """,
        ["Phase 0: 부두 짓기", "Phase 1: 등대 켜기"],
    ),
    (
        "numbered items of a plan that wait for each other",
        """\
        # Boat
        ## Work Plan
        1. Keel: oak, as in `keel.md`. Depends on: none.
        2. Mast: pine and
           rope. Depends on: 1.
        ## Packing
        1. Bread
        2. Water
        """,
        ["Keel", "Mast"],
    ),
    (
        "a lone sprint beside a list, and a status of a word",
        """\
        # Hoja de ruta
        ## Slices de implementación
        ### Slice 1 — Amarrar 🚀 FUTURE
        - cabos
        ### Slice 2 — Zarpar
        - velas
        ## Hitos
        ### Sprint 0 — Astillero
        - [x] quilla
        - [x] casco
        """,
        ["Slice 1 — Amarrar", "Slice 2 — Zarpar"],
    ),
    (
        "canonical",
        """\
        # Thing
        ## Implementation Phases
        ### Phase 1: Interface definitions
        Modules: proto
        - Write it
        ### Phase 2: Service
        - Write it
        """,
        ["Phase 1: Interface definitions", "Phase 2: Service"],
    ),
    (
        "second level, no section, em dash, status words",
        """\
        # Roadmap
        ## Milestone 1 — the lexer (done)
        Token kinds and spans.
        ## Milestone 2 — the parser
        Precedence climbing.
        """,
        ["Milestone 1 — the lexer", "Milestone 2 — the parser"],
    ),
    (
        "durations, signs and anchors",
        """\
        # Plan
        ## 🚀 Phase 1: Foundation (Week 1-2) ✅
        - [x] repo
        ## Phase 2: Core — IN PROGRESS {#core}
        - [ ] engine
        ## ⏳ Phase 3 (2 days): Polish [TODO]
        - [ ] docs
        """,
        ["Phase 1: Foundation", "Phase 2: Core", "Phase 3: Polish"],
    ),
    (
        "numbered section before the word",
        """\
        # PRD
        ## 8. Implementation Plan
        ### 8.1 Phase 1: Data model
        - tables
        ### 8.2 Phase 2: Endpoints
        - routes
        ## 9. Risks
        """,
        ["Phase 1: Data model", "Phase 2: Endpoints"],
    ),
    (
        "roman, words, letters",
        """\
        # Build plan
        ## Phase I - Seed
        - a
        ## Phase Two: Sprout
        - b
        ## Phase 2b: Leaves
        - c
        ## Phase IV. Fruit
        - d
        """,
        ["Phase I - Seed", "Phase Two: Sprout", "Phase 2b: Leaves", "Phase IV. Fruit"],
    ),
    (
        "half and zero",
        """\
        # Roadmap
        ## Phase 0: Bootstrap
        - a
        ## Phase 1: One
        - b
        ## Phase 1.5: One and a half
        - c
        """,
        ["Phase 0: Bootstrap", "Phase 1: One", "Phase 1.5: One and a half"],
    ),
    (
        "sub-phases belong to their phase",
        """\
        # Plan
        ## Phase 1: Base
        ### Phase 1.1: Schema
        - a
        ### Phase 1.2: Seeds
        - b
        ## Phase 2: Service
        ### 2.1 Routes
        - c
        """,
        ["Phase 1: Base", "Phase 2: Service"],
    ),
    (
        "bold lines",
        """\
        # Optimizer
        ## Implementation Priority
        **Phase 1: Basic**
        - [ ] a
        - [ ] b

        **Phase 2: Advanced**
        - [ ] c

        ## Open Questions
        """,
        ["Phase 1: Basic", "Phase 2: Advanced"],
    ),
    (
        "bold number, title behind",
        """\
        # Feature
        ## Rollout
        - **Phase 0** (Weeks -2 to 0): Audit
        - **Phase 1** (Week 1): Migration
        - **Phase 2** (Week 1-2): Guards
        """,
        ["Phase 0: Audit", "Phase 1: Migration", "Phase 2: Guards"],
    ),
    (
        "ordered list",
        """\
        # Tool
        ## Implementation Phases
        1. **Skeleton**: the command line
           - arguments
        2. **Storage**: sqlite
           - schema
        ## Notes
        1. Not this
        """,
        ["Skeleton", "Storage"],
    ),
    (
        "headings under milestones, unnumbered",
        """\
        # Game
        ## Milestones
        ### Offline slice
        - [ ] one lane
        ### Networking
        - [ ] two players
        ## Team
        ### Alice
        """,
        ["Offline slice", "Networking"],
    ),
    (
        "plain numbers under a plan",
        """\
        # Cache
        ## Implementation plan
        ### 1. Keys
        - a
        ### 2. Eviction
        - b
        """,
        ["1. Keys", "2. Eviction"],
    ),
    (
        "steps under a plan",
        """\
        # Cache
        ## Implementation Plan
        ### Step 1: Keys
        - [ ] a
        ### Step 2: Eviction
        - [ ] b
        """,
        ["Step 1: Keys", "Step 2: Eviction"],
    ),
    (
        "abbreviated milestones",
        """\
        # Implementation Roadmap
        ## M0: Skeleton
        - a
        ## M1: Core 📋
        - b
        """,
        ["M0: Skeleton", "M1: Core"],
    ),
    (
        "table alone",
        """\
        # Design
        ## Delivery phases
        | Phase | Scope | Acceptance criteria |
        | --- | --- | --- |
        | 1. Runtime | adapter | it answers |
        | 2. Tools | files | it is safe |
        """,
        ["1. Runtime", "2. Tools"],
    ),
    (
        "table with names beside",
        """\
        # Design
        ## Timeline
        | Phase | Name | Tasks |
        | --- | --- | --- |
        | Phase 1 | Schema | tables |
        | Phase 2 | Service | routes |
        """,
        ["Phase 1: Schema", "Phase 2: Service"],
    ),
    (
        "overview table and the phases themselves",
        """\
        # Plan
        ## Overview
        | Phase | Focus | Time |
        |---|---|---|
        | Phase 1 | Base | 2d |
        | Phase 2 | API | 3d |
        ## Phase 1: Database layer
        **Tasks**
        - [ ] a
        ## Phase 2: Public API
        **Tasks**
        - [ ] b
        """,
        ["Phase 1: Database layer", "Phase 2: Public API"],
    ),
    (
        "estimates before, dependencies behind",
        """\
        # Tasks
        ## Time Estimates
        - **Phase 1:** 3 hours (Structure)
        - **Phase 2:** 8 hours (Content)
        ## Phase 1: Structure
        - [ ] T001 make `src/a.py`
        ## Phase 2: Content
        - [ ] T002 fill `src/b.py`
        ## Dependencies & Execution Order
        ### Phase Dependencies
        - **Structure (Phase 1)**: no dependencies
        - **Content (Phase 2)**: depends on Phase 1
        """,
        ["Phase 1: Structure", "Phase 2: Content"],
    ),
    (
        "user stories",
        """\
        # Tasks: Login
        ## Phase 1: Setup (Shared Infrastructure)
        - [ ] T001 a
        ## Phase 2: User Story 1 - Log in (Priority: P1) 🎯 MVP
        **Goal**: in
        - [ ] T002 b
        ## Phase N: Polish
        - [ ] T003 c
        """,
        [
            "Phase 1: Setup (Shared Infrastructure)",
            "Phase 2: User Story 1 - Log in (Priority: P1) MVP",
            "Phase N: Polish",
        ],
    ),
    (
        "details and summary",
        """\
        # Plan
        <details><summary>Phase 1: Parse</summary>

        - [ ] a

        </details>
        <details>
        <summary><b>Phase 2: Print</b></summary>

        - [ ] b

        </details>
        """,
        ["Phase 1: Parse", "Phase 2: Print"],
    ),
    (
        "sample headings in fences are none",
        """\
        # How we plan
        ## Implementation Phases
        ### Phase 1: Real
        - a
        ```markdown
        ### Phase 2: Sample
        - x
        ```
        ~~~~
        ## Phase 3: Sample
        ~~~~
        <!--
        ### Phase 4: Commented out
        -->
        ### Phase 2: Real too
        - b
        """,
        ["Phase 1: Real", "Phase 2: Real too"],
    ),
    (
        "parts of a phase in the same level as words about it",
        """\
        # Plan
        ## Phase 1: Base
        - a
        ## Phase 1 Deliverables
        - x
        ## Phase 2: API
        - b
        ## Phase 2 Success Criteria
        - y
        """,
        ["Phase 1: Base", "Phase 2: API"],
    ),
    (
        "setext headings",
        """\
        Plan
        ====

        Phase 1: Base
        -------------
        - a

        Phase 2: API
        ------------
        - b
        """,
        ["Phase 1: Base", "Phase 2: API"],
    ),
    (
        "emphasis, links and code in a title",
        """\
        # Plan
        ## **Phase 1:** The `core` of [it](x.md)
        - a
        ## Phase 2: *Edges*
        - b
        """,
        ["Phase 1: The core of it", "Phase 2: Edges"],
    ),
    (
        "sprints",
        """\
        # Project
        ## Sprint plan
        ### Sprint 0 (immediately)
        - [ ] a
        ### Sprint 1 (Week 1-2)
        - [ ] b
        """,
        ["Sprint 0 (immediately)", "Sprint 1"],
    ),
    (
        "outer phases with inner sprints",
        """\
        # Roadmap
        ## Phase 1: MVP
        ### Sprint 1-2: Basics (2 weeks)
        - [ ] a
        ### Sprint 3: Payments
        - [ ] b
        ## Phase 2: Growth
        ### Sprint 4: Search
        - [ ] c
        """,
        ["Phase 1: MVP", "Phase 2: Growth"],
    ),
    (
        "across two parents",
        """\
        # Plan
        ## MVP
        ### Phase 1: A
        - [ ] a
        ### Phase 2: B
        - [ ] b
        ## Later
        ### Phase 3: C
        - [ ] c
        """,
        ["Phase 1: A", "Phase 2: B", "Phase 3: C"],
    ),
    (
        "German",
        """\
        # Projektplan
        ## Umsetzungsphasen
        ### Phase 1: Grundlagen (2 Wochen)
        Aufgaben:
        - Schema
        ### Phase 2: Dienst ✅
        - Routen
        """,
        ["Phase 1: Grundlagen", "Phase 2: Dienst"],
    ),
    (
        "French",
        """\
        # Plan de mise en œuvre
        ## Étape 1 : Fondations (2 semaines)
        **Tâches**
        - schéma
        ## Étape 2 : Service
        **Tâches**
        - routes
        """,
        ["Étape 1 : Fondations", "Étape 2 : Service"],
    ),
    (
        "Spanish",
        """\
        # Hoja de ruta
        ## Fase 1: Núcleo (Semana 1)
        - tarea
        ## Fase 2: Interfaz
        - tarea
        """,
        ["Fase 1: Núcleo", "Fase 2: Interfaz"],
    ),
    (
        "Portuguese",
        """\
        # Plano
        ## Etapa 1 — Fundação
        - [ ] tarefa
        ## Etapa 2 — Serviço
        - [ ] tarefa
        """,
        ["Etapa 1 — Fundação", "Etapa 2 — Serviço"],
    ),
    (
        "Chinese",
        """\
        # 开发计划
        ## 第一阶段：基础架构（第1-2周）
        - 搭建
        ## 第二阶段：核心功能
        - 实现
        ## 阶段三：测试 ✅
        - 测试
        """,
        ["第一阶段：基础架构", "第二阶段：核心功能", "阶段三：测试"],
    ),
    (
        "Japanese",
        """\
        # 実装計画
        ## フェーズ1：基盤（1週間）
        - 作る
        ## フェーズ2：画面
        - 作る
        """,
        ["フェーズ1：基盤", "フェーズ2：画面"],
    ),
    (
        "Dutch and Russian",
        """\
        # План
        ## Этап 1: Основа
        - [ ] a
        ## Этап 2: Сервис
        - [ ] b
        """,
        ["Этап 1: Основа", "Этап 2: Сервис"],
    ),
    (
        "front matter that mentions phases",
        """\
        ---
        title: "Phase 9: not this"
        phases: &a [*a]
        note: |

        ## Phase 3: Not this either

        - [ ] x
        ---
        # Plan
        ## Phase 1: This
        - a
        ## Phase 2: And this
        - b
        """,
        ["Phase 1: This", "Phase 2: And this"],
    ),
    (
        "number at the end",
        """\
        # Plan
        ## Setup (Phase 1)
        - [ ] a
        ## Service (Phase 2)
        - [ ] b
        """,
        ["Setup (Phase 1)", "Service (Phase 2)"],
    ),
    (
        "ordinals",
        """\
        # Umsetzungsplan
        ## Erste Phase: Grundlagen
        - [ ] a
        ## Zweite Phase: Ausbau
        - [ ] b
        """,
        ["Erste Phase: Grundlagen", "Zweite Phase: Ausbau"],
    ),
    (
        "HTML headings",
        """\
        # Plan
        <h2>Phase 1: Base</h2>

        - [ ] a

        <h2 align="center">Phase 2: API</h2>

        - [ ] b
        """,
        ["Phase 1: Base", "Phase 2: API"],
    ),
    (
        "two phases of one number",
        """\
        # Plan
        ## Phase 1: A
        - [ ] a
        ## Phase 2: B
        - [ ] b
        ## Phase 2: C
        - [ ] c
        """,
        ["Phase 1: A", "Phase 2: B", "Phase 2: C"],
    ),
    (
        "checkpoints in brackets",
        """\
        # Implementation Plan: Gaps
        ## Phase 1: Layout [checkpoint: 147a777]
        - [x] Task: counter
        ## Phase 2: Routes [checkpoint: 672bd7c]
        - [x] Task: route
        """,
        ["Phase 1: Layout", "Phase 2: Routes"],
    ),
    (
        "bold inside list with nested tasks",
        """\
        # Plan
        ## Milestones
        - **M1 – Skeleton**
          - [ ] a
        - **M2 – Flesh**
          - [ ] b
        """,
        ["M1 – Skeleton", "M2 – Flesh"],
    ),
]

NONE: list[tuple[str, str]] = [
    (
        "sections of a document that is called milestones",
        "# Harbour Milestones\n## How we count\n- by tide\n## Pilots\n- two\n## Tugs\n- three\n",
    ),
    ("installation steps", "# Tool\n## Installation\n### Step 1: Clone\n```\ngit clone x\n```\n### Step 2: Build\nRun make.\n"),
    ("bare steps of a readme", "# Tool\n## Step 1: Clone\nClone it.\n## Step 2: Build\nRun make.\n"),
    ("handshake", "# Protocol\n## Handshake\n### Phase 1: Hello\nThe client sends.\n### Phase 2: Keys\nThe server answers.\n"),
    ("protocol in a plan", "# Implementation plan\n## Wire protocol\n### Phase 1: Hello\nThe client sends.\n### Phase 2: Keys\nThe server answers.\n"),
    ("compiler", "# Compiler\n## Architecture\n### Phase 1: Lexing\nText becomes tokens.\n### Phase 2: Parsing\nTokens become a tree.\n"),
    ("changelog", "# Changelog\n## 1.2.0\n- Phase 1: done\n## 1.1.0\n- Phase 2: begun\n"),
    ("roadmap without phases", "# Roadmap\n## Now\n- search\n## Next\n- sync\n## Later\n- teams\n"),
    ("versions", "# Roadmap\n## v1.0\n- [ ] search\n## v2.0\n- [ ] sync\n"),
    ("prose", "# Note\nIn Phase 1 we looked, in phase 2 we leapt.\n"),
    ("mention in a list", "# Note\n## Background\n- Phase 1 of the study was long\n- Phase 2 is next\n"),
    ("table of trials", "# Trials\n| Trial | Phase | Status |\n|--|--|--|\n| A | Phase 3 | Done |\n| B | Phase 2 | Done |\n"),
    ("numbered requirements", "# Spec\n## Requirements\n### 1. Fast\nIt is.\n### 2. Small\nIt is.\n"),
    ("empty", ""),
    ("blank", " \n\n\t\n"),
    ("no heading", "Just words.\n"),
    ("only in a fence", "# Form\n```markdown\n## Phase 1: A\n- a\n## Phase 2: B\n- b\n```\n"),
    ("user journey", "# App\n## User journey\n### Phase 1: Discovery\nThey find us.\n### Phase 2: Sign-up\nThey join.\n"),
    ("priorities", "# Backlog\n## P0: Crash\n- a\n## P1: Slow\n- b\n"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "names"), [pytest.param(text, names, id=name) for name, text, names in SHAPES])
def test_phases_are_found_as_people_write_them(text: str, names: list[str]) -> None:
    assert [phase["name"] for phase in read_spec(dedent(text)).phases] == names


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in NONE])
def test_what_is_no_list_of_phases_has_none_and_is_refused(text: str) -> None:
    spec = read_spec(text)
    assert spec.phases == []
    assert [problem["line"] for problem in spec.problems] == [1]
    assert "phases" in spec.problems[0]["message"]


@pytest.mark.parametrize("ends", ["\r\n", "\r"], ids=["CRLF", "CR"])
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "BOM"])
def test_line_ends_and_a_byte_order_mark_change_nothing(ends: str, start: str) -> None:
    text = dedent(SHAPES[2][1])
    assert read_spec(start + text.replace("\n", ends)) == read_spec(text)
