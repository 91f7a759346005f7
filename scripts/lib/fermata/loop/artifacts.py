"""Keeps the run's pages at stable paths under `artifacts/`; what a page said before lies beside it under a number."""

from __future__ import annotations

import os

from ..core.pages import pages
from ..store.files import write_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..core.records import Run
    from ..store.run_store import RunStore


def page_path(store: RunStore, name: str) -> str:
    """Where the page *name* lies."""
    return store.path("artifacts", *f"{name}.md".split("/"))


def keep_pages(store: RunStore, run: Run) -> None:
    """Write every page whose text is not what lies there. Called by whoever drives the run, one at a time."""
    for name, text in pages(run).items():
        path = page_path(store, name)
        before = _read(path)
        if before == text + "\n":
            continue
        if before is not None and not text.startswith(before.rstrip("\n")):  # else it only went on
            os.replace(path, _free(path))
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        write_text(path, text + "\n")


def page_names(store: RunStore) -> list[str]:
    """The names of the pages that lie there, older ones (`verification.1`) too."""
    top = store.path("artifacts")
    found = [os.path.relpath(os.path.join(folder, file), top) for folder, _, files in os.walk(top) for file in files]
    return sorted(name.removesuffix(".md") for name in found if name.endswith(".md"))


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _free(path: str) -> str:
    """The first number that nothing of this page has."""
    base, number = path.removesuffix(".md"), 1
    while os.path.exists(f"{base}.{number}.md"):
        number += 1
    return f"{base}.{number}.md"
