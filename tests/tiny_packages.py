"""A package of a few bytes and its lock, so that making an environment is tested without a network."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def make_wheel(folder: Path, package: str = "probe") -> Path:
    """Write the wheel `probe` 1.0 into *folder*; *package* is what it lets one import, nothing if empty."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / "probe-1.0-py3-none-any.whl"
    files = {
        "probe-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n",
        "probe-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if package:
        files[f"{package}/__init__.py"] = ""
    record = "probe-1.0.dist-info/RECORD"
    files[record] = "".join(f"{name},,\n" for name in (*files, record))
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return wheel


def write_lock(lock: Path, wheel: Path) -> None:
    """Write a hash-locked requirements file that names *wheel* alone."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(f"probe==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
