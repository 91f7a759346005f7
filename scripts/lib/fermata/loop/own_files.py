"""Finds out whether fermata's own files were changed while an agent worked: nobody but the user has a reason to.

The inode's change time decides, which no program can set back. Python's caches are left out, for fermata writes them.
"""

from __future__ import annotations

import os

from .site import LAUNCHER

ROOT = os.path.dirname(os.path.dirname(LAUNCHER))
FOLDERS = ("hooks", "scripts", "agents", "commands", "skills", ".claude-plugin")


def own_files_changed(brief: str, root: str = ROOT) -> list[str]:
    """The files of the plugin at *root* that changed after the file *brief* was written, sorted.

    Two times of one file system are compared, so that a clock that is set anew accuses nobody.
    """
    try:
        limit = os.stat(brief).st_mtime
    except FileNotFoundError:
        return []
    found: list[str] = []
    for top in FOLDERS:
        for folder, inner, names in os.walk(os.path.join(root, top)):
            inner[:] = [name for name in inner if name != "__pycache__"]
            paths = [os.path.join(folder, name) for name in names if not name.endswith(".pyc")]
            found += [os.path.relpath(path, root) for path in paths if os.lstat(path).st_ctime > limit]
    return sorted(found)
