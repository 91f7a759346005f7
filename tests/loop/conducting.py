"""A specification of two phases, and its agents played by hand on a bench."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fermata.core.actions import AGENT
from tests.loop.bench import CONFIG, Bench, built, review

SPEC_FILE = ".spec/SPEC.md"
SPEC = """# Flow

## Implementation Phases

### Phase 1: Interfaces
Modules: proto
- Define the messages in `proto/messages.txt`

Test Command: sh gen.sh && echo "generated"

Success Criteria:
- messages are defined

### Phase 2: Service
Modules: server, client
- Implement `server/main.txt` and `client/main.txt`

Test Command: test -s server/main.txt

Success Criteria:
- the server answers
- the client asks
"""


def begin_files(bench: Bench, spec: str = SPEC) -> None:
    bench.sandbox.write(SPEC_FILE, spec)
    bench.sandbox.write("gen.sh", "mkdir -p gen && cp proto/messages.txt gen/messages.txt\n")
    bench.sandbox.commit()


def spec_bench(folder: Path, spec: str = SPEC, config: str = CONFIG) -> Bench:
    bench = Bench(folder, config)
    begin_files(bench, spec)
    return bench.begin(f"Carry out {SPEC_FILE}", workflow="conduct", spec=SPEC_FILE)


def live(bench: Bench) -> list[str]:
    names = [action.subject for action in bench.settle() if action.kind == AGENT]
    for name in names:
        bench.work(name)
    return names


def place(bench: Bench, name: str) -> Path:
    return bench.sandbox.root / bench.run["dispatches"][name].get("worktree", "")


def does(bench: Bench, name: str, **files: str) -> None:
    paths = []
    for path, text in ((key.replace("__", "/").replace("_txt", ".txt"), text) for key, text in files.items()):
        target = place(bench, name) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        paths.append(path)
    answer = bench.hand_in(built(*paths), name)
    assert answer.accepted, answer.message


def judged(*criteria: str, met: bool = True, **fields: Any) -> dict[str, Any]:
    told = [{"criterion": text, "met": met, "evidence": SHOWN.get(text, "client/main.txt:1")} for text in criteria]
    verdict = "approve" if met else "reject"
    return {"verdict": verdict, "summary": "looked", "criteria": told, "findings": [], **fields}


def says(bench: Bench, name: str, value: dict[str, Any]) -> None:
    answer = bench.hand_in(value, name)
    assert answer.accepted, answer.message


def first_phase(bench: Bench) -> Bench:
    """The first phase is integrated, nobody is at work."""
    bench.settle()
    bench.approve()
    (module,) = live(bench)
    does(bench, module, proto__messages_txt="ask, answer\n")
    (judge,) = live(bench)
    says(bench, judge, judged("messages are defined"))
    bench.settle()
    return bench


def second_phase(bench: Bench, *criteria: str) -> Bench:
    server, client = live(bench)
    does(bench, server, server__main_txt="answers\n")
    does(bench, client, client__main_txt="asks\n")
    (judge,) = live(bench)
    says(bench, judge, judged(*(criteria or ("the server answers", "the client asks"))))
    return bench


def reviewed(bench: Bench) -> Bench:
    for _ in ("reviewer", "auditor"):
        (name,) = live(bench)
        says(bench, name, review())
    return bench


def branch(bench: Bench) -> str:
    return f"fermata/{bench.run['run']}"


def branch_files(bench: Bench) -> list[str]:
    found = bench.sandbox.git("ls-tree", "-r", "--name-only", branch(bench)).splitlines()
    return [path for path in found if path not in KNOWN]


SHOWN = {"messages are defined": "proto/messages.txt:1", "the server answers": "server/main.txt:1"}
KNOWN = ("README.md", "src/app.py", ".gitignore")
