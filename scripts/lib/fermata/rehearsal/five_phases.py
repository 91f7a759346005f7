"""The project of the second piece: a small data-flow system before anything is built, and its SPEC.md of five phases.

Readings of weather stations go through a service and a back end to a front end. Everything here runs with what a small
system has: sh, python3, git, and node for the front end's tests where there is one. Says nothing of who does what when.
"""

from __future__ import annotations

SPEC_PATH = ".spec/SPEC.md"
GENERATE = './proto/generate.sh && echo "Proto files generated"'
WITH_NODE = "cd frontend && node --test"
WITHOUT_NODE = "cd frontend && ls feed.js feed.test.js view.js view.test.js"

SPEC = """\
# Weather flow

Readings of stations come in as lines, go through a service and a back end, and are shown on a page.

## Implementation Phases

### Phase 1: Interface definitions
Modules: proto
Scope: `proto/**`, `gen/**`
- Define the messages Reading and Summary in `proto/flow.proto`
- Write the generator `proto/generate.sh`, which makes `gen/messages.json`

Test Command: {generate}

Success Criteria:
- both messages are generated

### Phase 2: Service
Modules: grpc-service
Scope: `grpc-service/**`
- Answer readings with a summary of their station in `grpc-service/service.py`

Test Command: cd grpc-service && python3 -m unittest -v

Success Criteria:
- the summary holds the mean

### Phase 3: Python back end
Modules: ingest, store, api
Scope: `backend/**`
- Read a line into a reading in `backend/ingest.py`, keep readings in `backend/store.py`, summarise them in `backend/api.py`
- Name each part that a reading goes through in `backend/parts.py`

Test Command: python3 -m unittest discover -v -s backend -t .

Success Criteria:
- a line becomes a reading
- every part is named

### Phase 4: JavaScript front end
Modules: feed, view
Scope: `frontend/**`
- Write a line for each summary in `frontend/feed.js`, and a page of lines in `frontend/view.js`

Test Command: {frontend}

Success Criteria:
- a page shows a line for each station

### Phase 5: Integration tests and docs
Modules: integration, docs
Scope: `integration/**`, `docs/**`
- Send a line through all parts in `integration/test_flow.py`
- Describe the flow in `docs/flow.md`

Test Command: python3 -m unittest discover -v -s integration -t .

Success Criteria:
- a line arrives as a summary
"""
# What a person adds to the last phase while the run is at work.
ADDED = "- the docs name every part\n"

FILES = {
    ".gitignore": "__pycache__/\n",
    "README.md": "# Weather flow\n\nSee .spec/SPEC.md.\n",
    "notes.txt": "ask about Bergen\n",
    "backend/__init__.py": "",
    "backend/parts.py": '"""The parts that a reading goes through, in their order."""\n\nPARTS: tuple[str, ...] = ()\n',
}


def part(*names: str) -> str:
    """`backend/parts.py` with *names* in it."""
    named = ", ".join(f'"{name}"' for name in names) + ("," if len(names) == 1 else "")
    return FILES["backend/parts.py"].replace("()", f"({named})")


def specification(*, node: bool, phases: tuple[int, ...] = (1, 2, 3, 4, 5)) -> str:
    """The SPEC.md; of its phases those in *phases*."""
    text = SPEC.replace("{generate}", GENERATE).replace("{frontend}", WITH_NODE if node else WITHOUT_NODE)
    head, *parts = text.split("### ")
    return head + "".join(f"### {parts[number - 1]}" for number in phases)
