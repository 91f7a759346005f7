from __future__ import annotations

import pytest

from fermata.git.by_products import CACHE_TAG, without_by_products
from fermata.git.snapshot import take_snapshot
from tests.git.sandbox import Sandbox


@pytest.mark.parametrize(
    "path",
    [
        "src/__pycache__/a.pyc",
        "a.pyc",
        "web/node_modules/m/i.js",
        "node_modules/.cache/x",
        "web/.nyc_output/x.json",
        "coverage/lcov-report/index.html",
        "web/coverage/lcov.info",
        "coverage/tmp/coverage-1.json",
        "htmlcov/index.html",
        "web/tsconfig.tsbuildinfo",
        ".eslintcache",
        "web/.turbo/turbo-test.log",
        ".fermata/worktrees/run/mod/x.py",
    ],
)
def test_known_caches_are_left_out(sandbox: Sandbox, path: str) -> None:
    before = take_snapshot(sandbox.repo)
    sandbox.write(path)
    assert take_snapshot(sandbox.repo) == before
    assert sandbox.uncommitted() == []
    assert without_by_products(str(sandbox.root), [path.encode()]) == set()


@pytest.mark.parametrize(
    "path",
    [
        "dist/app.js",
        "build/app",
        "coverage/report.py",
        "coverage/__init__.py",
        "lcov.info",
        "target/x.rs",
        "x/target",
        "sub/.fermata/worktrees/kept.py",
        "node_modules.md",
        "__snapshots__/a.snap",
        ".cache/x",
    ],
)
def test_what_may_be_somebodys_work_is_kept(sandbox: Sandbox, path: str) -> None:
    sandbox.write(path)
    assert path in sandbox.names(take_snapshot(sandbox.repo))
    assert sandbox.uncommitted() == [path]


@pytest.mark.parametrize(
    ("tag", "manifest", "left_out"),
    [
        pytest.param(CACHE_TAG.decode() + "\n# x\n", True, True, id="cargo"),
        pytest.param(CACHE_TAG.decode(), False, False, id="no-crate"),
        pytest.param("Signature: another", True, False, id="another-tag"),
        pytest.param("", True, False, id="empty-tag"),
    ],
)
def test_only_what_cargo_builds_into_is_left_out(sandbox: Sandbox, tag: str, manifest: bool, left_out: bool) -> None:
    if manifest:
        sandbox.write("crate/Cargo.toml")
    before = take_snapshot(sandbox.repo)
    sandbox.write("crate/target/CACHEDIR.TAG", tag)
    sandbox.write("crate/target/debug/deps/x-1.d")
    assert (take_snapshot(sandbox.repo) == before) is left_out
    assert ("crate/target/debug/deps/x-1.d" not in sandbox.uncommitted()) is left_out


def test_a_tag_alone_hides_no_folder(sandbox: Sandbox) -> None:
    sandbox.write("Cargo.toml")
    sandbox.write("src/CACHEDIR.TAG", CACHE_TAG.decode())
    sandbox.write("src/new.rs")
    assert "src/new.rs" in sandbox.names(take_snapshot(sandbox.repo))


def test_what_is_tracked_counts_in_a_cache_too(sandbox: Sandbox) -> None:
    sandbox.write("Cargo.toml")
    sandbox.write("target/CACHEDIR.TAG", CACHE_TAG.decode())
    sandbox.git("add", "-f", "target/CACHEDIR.TAG")
    before = take_snapshot(sandbox.repo)
    sandbox.write("target/CACHEDIR.TAG", CACHE_TAG.decode() + "changed")
    assert take_snapshot(sandbox.repo) != before
