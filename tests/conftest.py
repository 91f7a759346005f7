"""Keeps the suite out of the user's home and settings, and gives slow kinds of test their longer limit."""

from __future__ import annotations

import gc
import itertools
import os
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

HERE = os.path.dirname(os.path.realpath(__file__))
LONG_LIMIT_SECONDS = 300
# What could lead a test, or a program it starts, to the user's own things. FERMATA_CLIENT(S) only names programs.
FOREIGN = ("ANTHROPIC_", "CLAUDE", "FERMATA_", "GIT_", "XDG_")
KEPT = ("FERMATA_CLIENT", "FERMATA_CLIENTS")
# The fixtures of tests that take many seconds each.
CLIENT_STARTERS = frozenset({"set_stage", "outside"})


# Whoever starts the suite in the background may have it ignore Ctrl-C, and so would every program that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the long batteries, which are left out otherwise")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """A million objects are made that all stay: looking through them for garbage was a third of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    for item in items:
        if item.path.is_relative_to(f"{HERE}/rehearsal") or item.path.is_relative_to(f"{HERE}/e2e"):
            item.add_marker(pytest.mark.rehearsal)
        slow = item.get_closest_marker("rehearsal") or item.get_closest_marker("long")
        if slow and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONG_LIMIT_SECONDS))
    items[:] = spread(items)


def spread(items: list[pytest.Item]) -> list[pytest.Item]:
    """Those that start a client evenly before the modules among the first three quarters of the others: none ends alone."""
    late = [item for item in items if CLIENT_STARTERS.isdisjoint(getattr(item, "fixturenames", ()))]
    early = [item for item in items if not CLIENT_STARTERS.isdisjoint(getattr(item, "fixturenames", ()))]
    found: list[pytest.Item] = []
    begun = 0
    for number, item in enumerate(late):
        if number == 0 or item.path != late[number - 1].path:
            due = len(early) * 4 * (number + 1) // (3 * len(late)) + 1
            found += early[begun:due]
            begun = max(begun, due)
        found.append(item)
    return found + early[begun:]


def isolate(monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    """Give this process, and what it starts, the new folder *home* as its home."""
    os.mkdir(home)
    for name in list(os.environ):
        if name.startswith(FOREIGN) and name not in KEPT:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", home)
    for name, folder in (
        ("DATA", ".local/share"),
        ("CONFIG", ".config"),
        ("CACHE", ".cache"),
        ("STATE", ".local/state"),
    ):
        monkeypatch.setenv(f"XDG_{name}_HOME", os.path.join(home, folder))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", os.path.join(home, ".claude"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture(scope="session", autouse=True)
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[str]]:
    """Paths for new homes. The first covers session fixtures, which start before any test has its own home."""
    # Counted here: pytest's own numbering lists all folders of the session again for each new one.
    folder = str(tmp_path_factory.mktemp("homes"))
    paths = (os.path.join(folder, str(number)) for number in itertools.count())
    with pytest.MonkeyPatch.context() as monkeypatch:
        isolate(monkeypatch, next(paths))
        yield paths


@pytest.fixture(autouse=True)
def home(homes: Iterator[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty home of the test's own."""
    folder = next(homes)
    isolate(monkeypatch, folder)
    return folder
