from __future__ import annotations

from pathlib import Path

import pytest

from tests.loop.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A run that was just opened: config with one check, nothing driven yet."""
    return Bench(tmp_path).begin()
