"""Decides which untracked files are caches that tools leave behind: no work of anybody's, and in no snapshot."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from .run import path_text

if TYPE_CHECKING:
    from collections.abc import Iterable

BY_PRODUCTS = (
    "__pycache__",  # Python: compiled modules
    "*.pyc",
    ".pytest_cache",  # what failed last, in which order
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",  # found examples
    ".coverage",  # coverage.py: its data, one file per process while it runs
    ".coverage.*",
    "htmlcov",  # and its report
    ".tox",  # environments that were made from the lock files
    ".nox",
    ".venv",
    "*.egg-info",  # what an installation in place leaves
    "node_modules",  # npm and its kin: installed packages
    ".nyc_output",  # istanbul: its data
    "**/coverage/lcov-report",  # istanbul, c8, jest, vitest: their reports, by file; `coverage` may be a source folder
    "**/coverage/lcov.info",
    "**/coverage/clover.xml",
    "**/coverage/coverage-final.json",
    "**/coverage/coverage-summary.json",
    "**/coverage/tmp",
    "**/coverage/.tmp",
    ".eslintcache",
    ".stylelintcache",
    "*.tsbuildinfo",  # TypeScript: what need not be compiled again
    ".turbo",
    "/.fermata/worktrees",  # fermata's own
)
"""Untracked caches that tools make and nobody reviews, in the notation of `.gitignore`. Tracked files always count.

Only names that nothing else bears: what a build is asked for (`dist`, `build`) may be what a plan changes. go keeps
nothing in the tree; cargo's `target` is told by its tag.
"""
CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55"


def without_by_products(root: str, paths: Iterable[bytes]) -> set[bytes]:
    """Those of the untracked *paths* (raw, relative to *root*) that are nobody's by-products."""
    targets: dict[bytes, bool] = {}

    def in_target(path: bytes) -> bool:
        parts = path.split(b"/")
        folders = [b"/".join(parts[: at + 1]) for at, part in enumerate(parts[:-1]) if part == b"target"]
        for folder in folders:
            if folder not in targets:
                targets[folder] = _is_cargo_target(os.path.join(os.fsencode(root), folder))
        return any(targets[folder] for folder in folders)

    return {path for path in paths if not in_target(path) and not _is_named(path)}


def _is_named(path: bytes) -> bool:
    parts = path_text(path).rstrip("/").split("/")
    rooted = "/" + "/".join(parts) + "/"
    return any(_matches(rule, rooted, parts) for rule in BY_PRODUCTS)


def _matches(rule: str, rooted: str, parts: list[str]) -> bool:
    if rule.startswith("**/"):
        return f"{rule[2:]}/" in rooted
    if rule.startswith("/"):
        return rooted.startswith(f"{rule}/")
    return any(fnmatchcase(part, rule) for part in parts)


def _is_cargo_target(folder: bytes) -> bool:
    """Whether *folder*, named `target`, is what cargo builds into: beside a Cargo.toml, and tagged as a cache.

    The name alone would say too little, and the tag alone would let any folder hide itself.
    """
    tag = os.path.join(folder, b"CACHEDIR.TAG")
    if not os.path.isfile(os.path.join(os.path.dirname(folder), b"Cargo.toml")) or not os.path.isfile(tag):
        return False
    try:
        with open(tag, "rb") as file:
            return file.read(len(CACHE_TAG)) == CACHE_TAG
    except OSError:
        return False
