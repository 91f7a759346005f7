"""The files that a specification names."""

from __future__ import annotations

import pytest

from fermata.inspections.changes import Changes, Misuse
from fermata.inspections.present import find_missing
from tests.git.sandbox import Sandbox, make_sandbox


@pytest.fixture(scope="module")
def changes(tmp_path_factory: pytest.TempPathFactory) -> Changes:
    tmp_path = tmp_path_factory.mktemp("present")
    sandbox: Sandbox = make_sandbox(tmp_path / "project")
    sandbox.write(".gitignore", "build/\nlib/\n*.log\n*_pb2.py\n")
    for name in ("removed/old.py", "mod ified.py"):
        sandbox.write(name)
    sandbox.commit()
    for name in ("removed/old.py", "mod ified.py"):
        (sandbox.root / name).unlink()
    for name in ("src/a b.py", "src/ü.py", "build/out.js", "lib/out.js", "src/x_pb2.py", "x.log", "tracked.log"):
        sandbox.write(name)
    for name in ("empty.py", "src/__init__.py", "far/deep/hidden.py"):
        sandbox.write(name, "")
    sandbox.write("blank.py", " \n\t\n")
    sandbox.git("add", "-f", "tracked.log")
    (sandbox.root / "hollow").mkdir()
    (sandbox.root / "far/hanging.py").symlink_to("nowhere")
    (sandbox.root / "out.py").symlink_to(tmp_path / "outside.py")
    (tmp_path / "outside.py").write_text("x\n")
    (sandbox.root / "in.py").symlink_to("src/a b.py")
    return Changes(str(sandbox.root))


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        pytest.param("src/a b.py", None, id="there"),
        pytest.param("./src/a b.py", None, id="with-a-dot"),
        pytest.param("src/ü.py", None, id="unicode"),
        pytest.param("src", None, id="folder"),
        pytest.param("src/", None, id="folder-with-slash"),
        pytest.param("src/*.py", None, id="glob"),
        pytest.param("src/__init__.py", None, id="may-be-empty"),
        pytest.param("tracked.log", None, id="tracked-though-ignored"),
        pytest.param("in.py", None, id="link-inside"),
        pytest.param("src/b.py", "missing", id="not-there"),
        pytest.param("hanging.py", "missing", id="a-link-to-nowhere-elsewhere"),
        pytest.param("lib/*.py", "missing", id="glob-of-nothing"),
        pytest.param("empty.py", "empty", id="empty"),
        pytest.param("blank.py", "empty", id="blanks-alone"),
        pytest.param("hollow", "empty", id="empty-folder"),
        pytest.param("lib", "empty", id="folder-of-ignored-files"),
        pytest.param("build/", None, id="folder-of-what-a-build-makes"),
        pytest.param("dist", "missing", id="folder-that-no-build-made"),
        pytest.param("lib/out.js", "ignored", id="ignored"),
        pytest.param("build/out.js", None, id="ignored-as-what-a-build-makes"),
        pytest.param("src/x_pb2.py", None, id="ignored-as-generated"),
        pytest.param("build/other.js", "missing", id="what-a-build-did-not-make"),
        pytest.param("removed/old.py", None, id="removed-since-the-base"),
        pytest.param("removed", None, id="folder-removed-since-the-base"),
        pytest.param("mod ified.py", None, id="removed-with-a-blank"),
        pytest.param("src/{a b,ü}.py", None, id="braces"),
        pytest.param("src/{a b,ghost}.py", "missing", id="braces-one-of-which-is-not-there"),
        pytest.param("src/{slug}.py", "missing", id="braces-that-are-a-name"),
        pytest.param("x.log", "ignored", id="ignored-by-ending"),
        pytest.param("out.py", "outside", id="link-out"),
    ],
)
def test_a_file_that_the_specification_names(changes: Changes, path: str, rule: str | None) -> None:
    assert [f.rule for f in find_missing(changes, (path,)).findings] == ([rule] if rule else [])


def test_what_was_removed_or_is_ignored_is_told(changes: Changes) -> None:
    notes = find_missing(changes, ("removed/old.py", "build/out.js")).notes
    assert "removed/old.py: was there at the base and has been removed" in notes
    assert "build/out.js: git ignores it, as what a build makes; it comes with no commit" in notes


def test_one_of_another_case_is_named(changes: Changes) -> None:
    (found,) = find_missing(changes, ("src/A b.py",)).findings
    assert found.what == "is not there; is it src/a b.py?"


def test_what_lies_below_a_folder_that_the_document_has_in_mind_is_taken_for_it_and_told(changes: Changes) -> None:
    """`cd web && npm test -- x.test.js` names a file of `web/`."""
    report = find_missing(changes, ("a b.py", "deep/", "hidden.py"))
    assert [(f.path, f.rule) for f in report.findings] == [("far/deep/hidden.py", "empty")]
    assert report.notes[-3:] == [
        "a b.py: taken for src/a b.py",
        "deep: taken for the folder of far/deep/hidden.py",
        "hidden.py: taken for far/deep/hidden.py",
    ]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "~/x", "", " ", "-x", "a\nb"], ids=repr)
def test_a_path_that_leads_out_is_misuse(changes: Changes, path: str) -> None:
    with pytest.raises(Misuse, match="write it relative to its top"):
        find_missing(changes, (path,))


def test_no_path_at_all_is_misuse(changes: Changes) -> None:
    with pytest.raises(Misuse, match="no file was named"):
        find_missing(changes, ())
