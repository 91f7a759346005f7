"""What each field of a phase holds, in the canonical form and in others; and that nothing is made up."""

from __future__ import annotations

from textwrap import dedent

import pytest

from fermata.spec.reader import read_spec
from fermata.spec.records import FIELDS, Phase, fields_of


def only_phase(body: str) -> Phase:
    """The first of two phases, with *body* as its content."""
    text = f"# Plan\n\n## Phase 1: One\n\n{dedent(body)}\n\n## Phase 2: Two\n\n- [ ] something\n"
    return read_spec(text).phases[0]


CANONICAL = """\
Modules: proto, services/auth
- Write the interface
- Write `proto/generate.sh`

Test Command: ./proto/generate.sh && echo "Proto files generated"

Success Criteria:
- The files exist
- `pytest -q tests/*_x.py` passes

Gotchas: ports clash
Scope: `proto/**`, services/auth/
"""


def test_the_canonical_form_is_read_whole_and_sure() -> None:
    phase = only_phase(CANONICAL)
    assert phase["modules"] == ["proto", "services/auth"]
    assert phase["tasks"] == ["Write the interface", "Write proto/generate.sh"]
    assert phase["commands"] == ['./proto/generate.sh && echo "Proto files generated"', "pytest -q tests/*_x.py"]
    assert phase["criteria"] == ["The files exist", "pytest -q tests/*_x.py passes"]
    assert phase["gotchas"] == ["ports clash"]
    assert phase["scope"] == ["proto/**", "services/auth/"]
    assert phase["fields"]["modules"] == {"lines": [5, 5], "sure": 1.0}
    assert phase["fields"]["criteria"] == {"lines": [12, 13], "sure": 1.0}
    assert (phase["depends_on"], phase["depends_said"]) == ([], False)


def test_what_is_not_said_is_empty_and_a_gap() -> None:
    spec = read_spec("# Plan\n## Phase 1: One\nJust words about it.\n## Phase 2: Two\nMore words.\n")
    assert [[fields_of(phase)[field] for field in FIELDS] for phase in spec.phases] == [[[]] * len(FIELDS)] * 2
    assert [phase["fields"] for phase in spec.phases] == [{}, {}]
    assert [gap["field"] for gap in spec.gaps if gap["phase"] == "Phase 1: One"] == [
        "modules",
        "tasks",
        "commands",
        "criteria",
    ]
    assert spec.problems == []


COMMANDS = [
    ("fence", "**Verification:**\n```bash\nnpm ci\nnpm test\n```", ["npm ci", "npm test"]),
    ("prompt", "Verify:\n```console\n$ make check\nall good\n```", ["make check"]),
    ("folder", "Test Command:\n```\ncd web\nnpm test\n```", ["cd web && npm test"]),
    ("comments", "**Tests**\n```sh\n# all of them\npytest -q  # quick\n```", ["pytest -q"]),
    ("joined", "Verification:\n```sh\npytest \\\n  -q\n```", ["pytest -q"]),
    ("inline", "**Test command:** `cargo test --all` (all green)", ["cargo test --all"]),
    ("two inline", "Verify: `npm test` and `npm run lint`", ["npm test", "npm run lint"]),
    ("item", "- [ ] build it\n- **Verify**: `go test ./...`", ["go test ./..."]),
    (
        "nested",
        "**Verification**\n- Quick:\n  - `npm test`\n- Slow:\n  - `make soak`\n  - and look at it",
        ["npm test", "make soak"],
    ),
    ("placeholder", "**Verification**\n- `curl localhost:<port>/up`\n- `npm test`", ["npm test"]),
    (
        "criterion of a test",
        "Acceptance:\n- `cargo test tides` covers neap tides; `cargo run` prints them",
        ["cargo test tides"],
    ),
    ("criterion of a failure", "Acceptance:\n- `cargo test tides` fails at first", []),
    ("criterion of a server", "Acceptance:\n- `npm start` shows the harbour", []),
    ("list", "**Quality gates:**\n- `ruff check .`\n- `mypy` is clean", ["ruff check .", "mypy"]),
    ("sentence", "Run the tests:\n\n```bash\nbundle exec rspec\n```", ["bundle exec rspec"]),
    ("exit criteria", "**Exit Criteria:**\n```bash\nnpm run build\n# it builds\n```", ["npm run build"]),
    ("stars and underscores", "Test Command: pytest tests/*_a.py -k __x__", ["pytest tests/*_a.py -k __x__"]),
    ("two on a line", "Test Command: pytest; make lint", ["pytest; make lint"]),
    ("German", "Testbefehl: `pytest -q`", ["pytest -q"]),
    ("French", "**Commande de test :** `npm test`", ["npm test"]),
    ("Spanish", "Comando de prueba: `npm test`", ["npm test"]),
    ("Portuguese", "Comando de teste: `npm test`", ["npm test"]),
    ("Chinese", "测试命令：`npm test`", ["npm test"]),
    ("Japanese", "テストコマンド：`npm test`", ["npm test"]),
    ("none", "Test Command: none", []),
    ("prose", "**Testing:** unit tests for the parser, manual look at the page.", []),
    ("tests as tasks", "**Tests:**\n- unit tests for `parse()`\n- `README.md` mentions it", []),
    ("a fence that shows code", "Call it like this:\n```bash\ncurl localhost\n```", []),
]


@pytest.mark.parametrize(("body", "commands"), [pytest.param(body, found, id=name) for name, body, found in COMMANDS])
def test_commands_are_read_where_a_label_says_so(body: str, commands: list[str]) -> None:
    assert only_phase(body)["commands"] == commands


LISTS = [
    ("tasks", "#### Deliverables\n- a\n- b", ["a", "b"]),
    ("tasks", "**Tasks:**\n1. a\n   - detail\n2. b", ["a", "b"]),
    ("tasks", "- [x] a\n- [ ] b\n  continued", ["a", "b continued"]),
    ("tasks", "Goal: small.\n\n- a\n- b\n\n**Risks**\n- c", ["a", "b"]),
    ("tasks", "### 1.1 Schema\n- columns\n### 1.2 Seeds\n- rows", ["1.1 Schema", "1.2 Seeds"]),
    ("tasks", "| Task | File |\n|--|--|\n| a | `x.py` |\n| b | `y.py` |", ["a", "b"]),
    ("tasks", "Aufgaben:\n- a", ["a"]),
    ("tasks", "**Tâches :**\n- a", ["a"]),
    ("tasks", "**任务：**\n- a", ["a"]),
    ("tasks", "**Files:**\n- Create: `a.py`\n\n- [ ] **Step 1:** test\n- [ ] **Step 2:** code", ["Step 1: test", "Step 2: code"]),
    ("tasks", "**Requirements**: R1\n\n- a", ["a"]),
    ("criteria", "**Success Criteria**:\n  1. It runs\n**Plans**: 2 plans", ["It runs"]),
    ("criteria", "**Acceptance criteria**\n- a\n- b", ["a", "b"]),
    ("criteria", "Done when:\n\n- a;\n- b.", ["a;", "b."]),
    ("criteria", "**Exit gate:** a user can\nlog in.", ["a user can log in."]),
    ("criteria", "- x\n- **Definition of done**: it runs", ["it runs"]),
    ("criteria", "#### Success criteria\n\nAll pages load.", ["All pages load."]),
    ("criteria", "Erfolgskriterien:\n- a", ["a"]),
    ("criteria", "**Critères de succès :**\n- a", ["a"]),
    ("criteria", "Criterios de aceptación:\n- a", ["a"]),
    ("criteria", "Critérios de aceitação:\n- a", ["a"]),
    ("criteria", "验收标准：\n- a", ["a"]),
    ("criteria", "**成功基準**\n- a", ["a"]),
    ("criteria", "**완료 기준:**\n- a", ["a"]),
    ("tasks", "작업:\n- a", ["a"]),
    ("tasks", "**Deliverables**\n1. **Moorings**\n   - two\n2. **Testing**\n   - each", ["Moorings", "Testing"]),
    ("criteria", "**Criterio de éxito.** Se ve la marea.", ["Se ve la marea."]),
    ("tasks", "### 1.1 Moor the boat\nWith two lines:\n- bow\n\n### 1.2 Eat\nAt noon, outside.\n- bread", ["1.1 Moor the boat", "1.2 Eat"]),
    ("tasks", "| ID | User Story |\n|---|---|\n| A | I see the tide |", ["I see the tide"]),
    ("modules", "1. Set up the compiler\n   - Module: ESNext\n2. Sail", []),
    ("modules", "1. Set up the compiler\n   - Module: tides\n2. Sail", ["tides"]),
    ("gotchas", "**Risks:**\n- a\n- b", ["a", "b"]),
    ("gotchas", "Stolperfallen: a", ["a"]),
    ("modules", "**Modules:**\n- `auth`: who you are\n- `billing` (new)", ["auth", "billing"]),
    ("modules", "Modules: none", []),
    ("modules", "**Components:**\n- User Service\n- Login Page", []),
    ("modules", "**Packages:** `core`, `web`", ["core", "web"]),
    ("modules", "Modules:\n- a\n\nTasks:\n- b", ["a"]),
    ("scope", "Scope: `src/**`, docs/", ["src/**", "docs/"]),
    ("scope", "Scope: proto/**, gen/**", ["proto/**", "gen/**"]),
    ("scope", "Scope: src/*, lib/*, **docs/a.md**", ["src/*", "lib/*", "docs/a.md"]),
    ("scope", "**Scope:** all the small things", []),
    ("files", "Files: src/__init__.py, src/__main__.py", ["src/__init__.py", "src/__main__.py"]),
    ("files", "- write lib/__init__.py, then **lib/a.py** and _lib/b.py_", ["lib/__init__.py", "lib/a.py", "lib/b.py"]),
    ("files", "Make `src/app.py` and tests/test_app.py, not v1.2.3 or example.com", ["src/app.py", "tests/test_app.py"]),
    ("files", "**Files to create:**\n- `lib/a.rb`\n- `lib/`", ["lib/a.rb", "lib/"]),
    ("files", "Verify: cd web && npm test -- dock.test.js\nTouch web/dock.js", ["web/dock.js"]),
    ("files", "Writes `$OUT/report.json` and ${HOME}/x.sh, reads app/$id.tsx and `app/$id.tsx`", ["app/$id.tsx"]),
    ("files", "Answers `GET /api/users` with `user.name` or `and/or`", []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "body", "values"), [pytest.param(*row, id=f"{row[0]}-{n}") for n, row in enumerate(LISTS)]
)
def test_fields_are_read_under_the_labels_that_people_use(field: str, body: str, values: list[str]) -> None:
    phase = only_phase(body)
    found = {**phase}[field]
    assert found == values
    assert (field in phase["fields"]) == bool(values)


@pytest.mark.parametrize(
    ("title", "body", "done"),
    [
        ("Phase 1: One ✅", "", True),
        ("[x] Phase 1: One", "", True),
        ("Phase 1: One (done)", "", True),
        ("Phase 1: One — COMPLETE", "", True),
        ("Phase 1: One", "**Status:** ✅ Complete", True),
        ("Phase 1: One", "Status: completed.", True),
        ("Phase 1: One ⏳", "", False),
        ("Phase 1: One (in progress)", "", False),
        ("Phase 1: One", "Status: not complete", False),
        ("Phase 1: One", "- [x] all\n- [x] ticked", False),
    ],
)
def test_a_mark_of_status_says_that_a_phase_is_done(title: str, body: str, done: bool) -> None:
    phase = read_spec(f"# Plan\n## {title}\n\n{body}\n\n## Phase 2: Two\n- [ ] a\n").phases[0]
    assert (phase["name"], phase["done"]) == ("Phase 1: One", done)


THREE = "# Plan\n## Phase 1: Base\n{}\n## Phase 2: API\n{}\n## Phase 3: Page\n{}\n{}\n"
OVERVIEW = "## Timeline\n| Phase | What | Dependencies |\n|-|-|-|\n| Phase 1 | Base | a harbour |\n"
BOXES = ("- [ ] a", "- [ ] b", "- [ ] c")
DEPENDENCIES: list[tuple[str, tuple[str, str, str, str], list[list[int] | None]]] = [
    ("nothing said", ("- a", "- b", "- c", ""), [None, None, None]),
    ("field", ("- a", "Depends on: Phase 1", "Depends on: Phase 1, Phase 2", ""), [None, [1], [1, 2]]),
    ("numbers", ("- a", "**Dependencies:** 1", "**Dependencies:** 1 and 2", ""), [None, [1], [1, 2]]),
    ("names", ("- a", "Depends on: Base", "Depends on: Base, API", ""), [None, [1], [1, 2]]),
    ("none", ("Depends on: none", "Depends on: nothing", "Dependencies: None", ""), [[], [], []]),
    ("range", ("- a", "- b", "Depends on: Phases 1-2", ""), [None, None, [1, 2]]),
    ("prose", ("- a", "This depends on Phase 1.", "Starts after phases 1 and 2 are done.", ""), [None, [1], [1, 2]]),
    ("negated", ("- a", "It does not depend on Phase 1.", "- c", ""), [None, None, None]),
    ("requires", ("- a", "Requires Phase 1", "Blocked by: Phase 1", ""), [None, [1], [1]]),
    ("mention", ("- a", "Unlike Phase 1 it is small.", "We did Phase 2 before.", ""), [None, None, None]),
    ("section", ("- a", "- b", "- c", "## Dependencies\n- Phase 1: no dependencies\n- Phases 2-3: depend on Phase 1"), [[], [1], [1]]),
    ("names in section", ("- a", "- b", "- c", "## Order\n- **API (Phase 2)**: Depends on Phase 1\n- Phases 2-3 can begin after Phase 1"), [None, [1], [1]]),
    ("mermaid", ("- a", "- b", "- c", "## Graph\n```mermaid\ngraph TD\nP1[Phase 1] --> P2[Phase 2]\nP1 --> P3\n```"), [None, [1], [1]]),
    ("mermaid by names", ("- a", "- b", "- c", "```mermaid\nflowchart LR\n  a[Base] --> b[API]\n  b -->|then| c[Page]\n```"), [None, [1], [2]]),
    ("arrows", ("- a", "- b", "- c", "```\nPhase 1 → Phase 2 → Phase 3\n```"), [None, [1], [2]]),
    ("downwards", ("- a", "- b", "- c", "```\nPhase 1 (Base)\n   ↓\nPhase 2 (API)\n   ↓\nPhase 3 (Page)\n```"), [None, [1], [2]]),
    ("tree", ("- a", "- b", "- c", "```\nPhase 1\n  ├─→ Phase 2\n  └─→ Phase 3\n```"), [None, [1], [1]]),
    ("parallel", ("- a", "- b", "Can run in parallel with Phase 2.", ""), [None, None, [1]]),
    ("German", ("- a", "Abhängig von: Phase 1", "Nach Phase 2.", ""), [None, [1], [2]]),
    ("overview", (*BOXES, f"{OVERVIEW}| Phase 2 | API | none |\n| Phase 3 | Page | Phase 1 (beside Phase 2) |"), [None, [], [1]]),
    ("numbered overview", (*BOXES, f"{OVERVIEW}| 1 | Base | rien |\n| 2 | API | 1 |\n| 3 | Page | 1 |"), [[], [1], [1]]),
    ("French", ("- a", "Dépend de : Phase 1", "Dépend de : Phases 1 et 2", ""), [None, [1], [1, 2]]),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "on"), [pytest.param(parts, on, id=name) for name, parts, on in DEPENDENCIES])
def test_dependencies_are_what_the_document_says(parts: tuple[str, ...], on: list[list[int] | None]) -> None:
    spec = read_spec(THREE.format(*(part if part.startswith("-") else f"- x\n\n{part}" for part in parts)))
    names = [phase["name"] for phase in spec.phases]
    assert names == ["Phase 1: Base", "Phase 2: API", "Phase 3: Page"]
    said = [phase["depends_on"] if phase["depends_said"] else None for phase in spec.phases]
    assert said == [None if row is None else [names[n - 1] for n in row] for row in on]
    assert spec.problems == []


def test_a_title_and_a_sentences_end_say_what_a_phase_waits_for() -> None:
    text = "# Boat\n## Phases\n### Phase 1: Keel\n- [ ] a\n### Phase 2: Mast (depends on Phase 1)\n- [ ] b\n### Phase 3: Sail\nSewn. Depends on: 1, 2.\n"
    assert [phase["depends_on"] for phase in read_spec(text).phases] == [
        [],
        ["Phase 1: Keel"],
        ["Phase 1: Keel", "Phase 2: Mast (depends on Phase 1)"],
    ]


def test_a_row_of_a_table_is_a_phase_with_its_cells_as_fields() -> None:
    text = "# P\n## Phases\n| Phase | Tasks | Acceptance | Depends on |\n|-|-|-|-|\n| 1. A | x; y | it runs | - |\n| 2. B | z | `npm test` passes | 1 |\n"
    first, second = read_spec(text).phases
    assert (first["tasks"], first["criteria"]) == (["x", "y"], ["it runs"])
    assert (second["tasks"], second["commands"], second["depends_on"]) == (["z"], ["npm test"], ["1. A"])


BY_PHASE = """
## Success Criteria by Phase
### Phase 1
- [ ] The bow is dry
- `make float` passes
### Phase 2 (current)
- The keel holds
### All of it
- The crew sleeps
## Risks
### Phase 2
- Rain
## Notes
### Phase 2
- Paint it blue
"""


def test_a_section_by_phase_adds_to_the_phases_that_it_names() -> None:
    first, second, third = read_spec(
        THREE.format("- a", "- b\n\nSuccess Criteria:\n- It floats", "- c", BY_PHASE)
    ).phases
    assert (first["criteria"], first["commands"]) == (["The bow is dry", "make float passes"], ["make float"])
    assert (second["criteria"], second["gotchas"]) == (["It floats", "The keel holds"], ["Rain", "Paint it blue"])
    assert (first["tasks"], second["tasks"], third["criteria"]) == (["a"], ["b"], [])
    assert first["fields"]["criteria"]["lines"] == [14, 15]


def test_a_second_list_of_other_phases_is_named_as_a_gap() -> None:
    text = "# Plan\n## Phase 1: A\n- [ ] a\n## Phase 2: B\n- [ ] b\n- [ ] c\n# Revised\n## Phase 1: X\n- [ ] x\n## Phase 2: Y\n- [ ] y\n"
    spec = read_spec(text)
    assert [phase["title"] for phase in spec.phases] == ["A", "B"]
    assert [(gap["line"], "`Phase 1: X`" in gap["message"]) for gap in spec.gaps if not gap["phase"]] == [(8, True)]


NAMES = [
    ("files", "- Create __init__.py and src/__main__.py", "Create __init__.py and src/__main__.py"),
    ("folders", "- Leave __pycache__/ and docs/_static_/x out", "Leave __pycache__/ and docs/_static_/x out"),
    ("methods", "- Give it a __repr__ and foo.__call__()", "Give it a __repr__ and foo.__call__()"),
    ("a glob", "- Format every *.py below tests/_data_/", "Format every *.py below tests/_data_/"),
    ("words in bold", "- Take __both roads__ at once", "Take both roads at once"),
    ("a word in bold", "- Take __Both__ roads", "Take Both roads"),
    ("emphasis", "- Take the _only_ road", "Take the only road"),
    ("a task's heading", "### 1.1 Write __init__.py", "1.1 Write __init__.py"),
]


@pytest.mark.parametrize(("body", "task"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_underscores_of_a_name_are_no_emphasis(body: str, task: str) -> None:
    assert only_phase(body)["tasks"] == [task]


def test_a_label_between_underscores_is_a_label() -> None:
    assert only_phase("__Gotchas:__ the tide\n\n__Tasks__:\n- row")["tasks"] == ["row"]
