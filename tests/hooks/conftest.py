from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hooks.driver import Session, make_session

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A session that drives nothing yet."""
    return make_session(tmp_path)
