"""What /conduct refuses before there is a run: exit code 8, a message that says where, and nothing made. K-F01 to K-F05, K-H07, K-H09."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.loop.bench import Bench
from tests.loop.conducting import SPEC, SPEC_FILE
from tests.store.runs import SESSION
from tests.typed import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = {
    "climbing": "../../x",
    "absolute": "/abs",
    "climbing-inside": "a/../../b",
    "dot": ".",
    "option": "-rf",
    "blank": "a b",
    "shell": "a;rm -rf ~",
    "substitution": "$(id)",
    "long": "x" * 300,
    "decomposed": "e\u0301",
    "right-to-left": "a\u202eb",
    "zero-width": "a\u200bb",
    "emoji": "\U0001f600",
    "device": "CON",
    "device-with-an-ending": "nul.txt",
    "dot-at-the-end": "a.",
    "stream": "a:b",
    "option-of-git": "--upload-pack=x",
    "dots": "a..b",
    "reflog": "@{",
    "lock": "x.lock",
    "case": "proto, Proto",
    "twice": "proto, proto",
    "fermatas-own": ".fermata",
}


def phase(old: str, new: str) -> Callable[[Path], object]:
    assert old in SPEC
    return lambda path: path.write_text(SPEC.replace(old, new, 1))


def instead(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Take the document away, then *make* something else there."""

    def act(path: Path) -> None:
        path.unlink()
        make(path)

    return act


LINE_1, LINE_6 = f"{SPEC_FILE}:1", f"{SPEC_FILE}:6: "
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    **{name: (phase("Modules: proto", f"Modules: {value}"), LINE_6) for name, value in NAMES.items()},
    "no-modules": (phase("Modules: proto\n", ""), f"{SPEC_FILE}:5: no modules"),
    "two-of-one-name": (phase("### Phase 2: Service", "### Phase 1: Interfaces"), f"{SPEC_FILE}:14: another phase"),
    "circle": (
        lambda path: path.write_text(
            SPEC.replace("Modules: proto", "Modules: proto\nDepends on: Phase 2").replace(
                "Modules: server", "Depends on: Phase 1\nModules: server"
            )
        ),
        "wait for each other",
    ),
    "unknown-dependency": (phase("Modules: proto", "Modules: proto\nDepends on: Phase 9"), f"{SPEC_FILE}:7: "),
    "scope-that-climbs": (phase("Modules: proto", "Modules: proto\nScope: `../x/**`"), f"{SPEC_FILE}:7: scope"),
    "scope-of-git": (phase("Modules: proto", "Modules: proto\nScope: `.git/**`"), f"{SPEC_FILE}:7: scope"),
    "quote-left-open": (phase('echo "generated"', "echo 'generated"), "unbalanced ' quote"),
    "command-elsewhere": (phase("sh gen.sh && echo", "cd ../.. && echo"), "inside the project"),
    "missing": (instead(lambda _: None), "no such file"),
    "empty": (lambda path: path.write_text(""), f"{LINE_1}: the file is empty"),
    "front-matter-alone": (lambda path: path.write_text("---\ntitle: x\n---\n"), LINE_1),
    "no-headings": (lambda path: path.write_text("words\n"), f"{LINE_1}: no implementation phases"),
    "20-MB": (lambda path: path.write_bytes(b"- [ ] x\n" * 2_500_000), "1,000,000 bytes"),
    "binary": (lambda path: path.write_bytes(b"\x7fELF\0\1"), f"{LINE_1}: a NUL byte"),
    "latin-1": (lambda path: path.write_bytes(b"# P\n\xe9\n"), f"{SPEC_FILE}:2: byte 0xe9"),
    "5000-tasks": (phase("- Define", "- [ ] x\n" * 5_000 + "- Define"), "2000 tasks or more"),
    "folder": (instead(lambda path: path.mkdir()), "a folder"),
    "fifo": (instead(os.mkfifo), "a FIFO"),
    "link-out": (instead(lambda path: path.symlink_to("/etc/passwd")), "out of the repository"),
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bad"))


@pytest.mark.parametrize("name", BAD)
def test_a_specification_that_cannot_be_carried_out_makes_no_run(
    bench: Bench, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, says = BAD[name]
    path = bench.sandbox.root / SPEC_FILE
    if path.is_dir():
        path.rmdir()
    elif os.path.lexists(path):
        path.unlink()
    bench.sandbox.write(SPEC_FILE, SPEC)
    make(path)
    bench.mark("Carry out it", workflow="conduct", spec=SPEC_FILE)
    monkeypatch.chdir(bench.sandbox.root)
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", SESSION)
    found = run(["start"], capsys)
    assert (found.code, found.out) == (8, "")
    assert says in found.err
    assert "Traceback" not in found.err
    assert bench.site.project.run_ids() == []
    assert bench.sandbox.git("for-each-ref", "refs/fermata", "refs/heads/fermata") == ""
    assert not (bench.sandbox.root / ".fermata/worktrees").exists()
