"""One command line, run in this process: what it left."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from fermata.cli import main

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


class Out(NamedTuple):
    """What one command left: exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> Out:
    """`fermata WORDS`, here and now; whatever it says, it is no traceback."""
    capsys.readouterr()
    code = main(list(words))
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return Out(code, out, err)
