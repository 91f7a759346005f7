"""Proposes the test script of `package.json`, started by the package manager whose lock file lies there.

The script itself is not read further than this: npm's placeholder is no test, and one that stays to watch files would
never end (with `CI=true`, which every check gets, jest, vitest and their kin do not watch by themselves).
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from .project_files import Place, Proposal, read_text

if TYPE_CHECKING:
    from fermata.core.records import Json

PLACEHOLDER = "no test specified"
WATCHES = re.compile(r"--watch(?:All)?(?![\w-]|=false)|\bvitest +(?:watch|dev)\b|\bnodemon\b")
SCRIPTS = ("test", "test:ci", "test:run")
SHOWN_CHARACTERS = 60
LOCK_FILES = (
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
    ("package-lock.json", "npm"),
    ("npm-shrinkwrap.json", "npm"),
)
MANAGERS = frozenset(manager for _, manager in LOCK_FILES)


def propose(place: Place) -> Proposal | None:
    """`npm test` or its like, where `scripts` has a test that ends by itself."""
    manifest = read_manifest(place)
    name, script = _test_script(manifest.get("scripts"))
    if not name:
        return None
    shown = script if len(script) <= SHOWN_CHARACTERS else script[: SHOWN_CHARACTERS - 1] + "…"
    manager, told = _manager(place, manifest)
    plain = name == "test" and manager != "bun"  # `bun test` would start bun's own runner and not the script
    text = f"{manager} test" if plain else f"{manager} run {name}"
    return Proposal(text, f"{place.shown('package.json')} has the script {name}: {shown}{told}")


def read_manifest(place: Place) -> dict[str, Json]:
    """The object in `package.json`, empty where there is none that can be read."""
    try:
        manifest = json.loads(read_text(place.path("package.json")) or "{}")
    except (ValueError, RecursionError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def not_installed(place: Place) -> bool:
    """Whether it asks for packages, and none lie there or above; Yarn's plug-and-play lays none."""
    manifest = read_manifest(place)
    asks = any(manifest.get(key) for key in ("dependencies", "devDependencies"))
    places = (place, place._replace(folder=""))
    found = any(os.path.isdir(where.path("node_modules")) or where.has(".pnp.cjs") for where in places)
    return asks and not found


def is_workspace(place: Place) -> bool:
    """Whether the folder is the top of a workspace with packages of its own."""
    return bool(read_manifest(place).get("workspaces")) or place.has("pnpm-workspace.yaml")


def _test_script(scripts: Json) -> tuple[str, str]:
    """Name and text of the first script that tests and ends; both empty where there is none."""
    for name in SCRIPTS if isinstance(scripts, dict) else ():
        text = scripts.get(name)
        if isinstance(text, str) and text.strip() and PLACEHOLDER not in text and not WATCHES.search(text):
            return name, " ".join(text.split())
    return "", ""


def _manager(place: Place, manifest: dict[str, Json]) -> tuple[str, str]:
    """The package manager and what told of it; the members of a workspace share the lock file at the top."""
    named = str(manifest.get("packageManager", "")).split("@", 1)[0]
    if named in MANAGERS:
        return named, ""
    for where in (place, place._replace(folder="")):
        for name, manager in LOCK_FILES:
            if where.has(name):
                return manager, f"; {where.shown(name)} is there"
    return "npm", ""
