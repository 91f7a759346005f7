"""Proposes `cargo test` beside a Cargo.toml and `go test ./...` beside a go.mod.

Where no test is in sight the command still proves that the code compiles; it is then not expected to run tests.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from .project_files import FILES_LIMIT, Place, Proposal, files_below, read_text

if TYPE_CHECKING:
    from re import Pattern

WORKSPACE = re.compile(r"^[ \t]*\[[ \t]*workspace[ \t]*\]", re.MULTILINE)
DEFAULT_MEMBERS = re.compile(r"^[ \t]*default-members[ \t]*=", re.MULTILINE)
EXCLUDED = re.compile(r"^[ \t]*exclude[ \t]*=[ \t]*\[([^\]]*)\]", re.MULTILINE)
# A unit or doc test: `#[test]`, `#[tokio::test]`, `#[rstest]`, or a code block in a doc comment.
RUST_TEST = re.compile(r"#\[(?:\w+::)*\w*test\b|#\[test_case\b|^[ \t]*//[/!][ \t]*```|^[ \t]*proptest!", re.MULTILINE)
GO_TEST = re.compile(r"^func (?:Test|Example|Fuzz)", re.MULTILINE)


def propose_cargo(place: Place) -> Proposal | None:
    """All crates of a workspace, unless it says itself which of them are meant."""
    manifest = read_text(place.path("Cargo.toml"))
    if manifest is None:
        return None
    whole = WORKSPACE.search(manifest) and not DEFAULT_MEMBERS.search(manifest)
    tests = _in_sight(place, (".rs",), RUST_TEST)
    return Proposal(f"cargo test{' --workspace' if whole else ''}", _why(place, "Cargo.toml", tests=tests), tests)


def in_workspace(top: Place, folder: str) -> bool:
    """Whether the workspace at the top takes care of the crate in *folder*."""
    manifest = read_text(top.path("Cargo.toml")) or ""
    if not WORKSPACE.search(manifest):
        return False
    excluded = EXCLUDED.search(manifest)
    return excluded is None or folder not in re.findall(r"[\"']([^\"']*?)/?[\"']", excluded[1])


def propose_go(place: Place) -> Proposal | None:
    """All packages of the module; a module further down is not among them."""
    if not place.has("go.mod"):
        return None
    tests = _in_sight(place, ("_test.go",), GO_TEST)
    return Proposal("go test ./...", _why(place, "go.mod", tests=tests), tests)


def _why(place: Place, name: str, *, tests: bool) -> str:
    return f"{place.shown(name)} is there" + ("" if tests else ", and no test yet")


def _in_sight(place: Place, endings: tuple[str, ...], pattern: Pattern[str]) -> bool:
    """Whether one of the first 500 files holds a test; with more files than that there surely is one."""
    files = list(islice(files_below(place, endings), FILES_LIMIT))
    return len(files) == FILES_LIMIT or any(pattern.search(read_text(path) or "") for path in files)
