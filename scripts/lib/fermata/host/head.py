"""Which commit HEAD names, read from git's own files: a hook at every tool call has no time to start git.

Says None for what it cannot tell (a repository with reftables, a huge `packed-refs`); then `fermata next`, which asks
git itself, is the one to notice. Decides nothing and writes nothing.
"""

from __future__ import annotations

import os

HEX, LENGTHS = frozenset("0123456789abcdef"), (40, 64)  # SHA-1, SHA-256
MAX_PACKED = 1_000_000


def head_commit(root: str, common_dir: str) -> str | None:
    """The commit that HEAD of the work tree *root* names; *common_dir* is git's folder shared by all work trees."""
    git = os.path.join(root, ".git")
    link = _first_line(git)
    if link.startswith("gitdir: "):  # a linked work tree, or a submodule
        git = os.path.join(root, link[len("gitdir: ") :])
    head = _first_line(os.path.join(git, "HEAD"))
    name = head.removeprefix("ref: ")
    if name != head:
        head = _first_line(os.path.join(common_dir, name)) or _packed(os.path.join(common_dir, "packed-refs"), name)
    return head if len(head) in LENGTHS and HEX.issuperset(head) else None


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline(1_000).rstrip("\n")
    except (OSError, ValueError):
        return ""


def _packed(path: str, name: str) -> str:
    try:
        if os.path.getsize(path) > MAX_PACKED:
            return ""
        with open(path, encoding="utf-8") as file:
            return next((line.partition(" ")[0] for line in file if line.endswith(f" {name}\n")), "")
    except (OSError, ValueError):
        return ""
