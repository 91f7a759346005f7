from __future__ import annotations

import pytest

from fermata.checks.environment import check_environment


@pytest.mark.parametrize(
    "name",
    ["PATH", "HOME", "LANG", "VIRTUAL_ENV", "DATABASE_URL", "PYTHONUTF8", "PYTHONHASHSEED", "LD_LIBRARY_PATH"],
)
def test_kept_variables(name: str) -> None:
    assert check_environment({name: "x"})[name] == "x"


@pytest.mark.parametrize(
    "name",
    [
        *("ANTHROPIC_API_KEY", "CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "FERMATA_APPROVE", "GIT_DIR", "GIT_INDEX_FILE"),
        *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONPYCACHEPREFIX", "PYTEST_ADDOPTS"),
        *(
            "BASH_ENV",
            "BASH_FUNC_pytest%%",
            "LD_PRELOAD",
            "DYLD_INSERT_LIBRARIES",
            "NODE_OPTIONS",
            "MAKEFLAGS",
            "GOFLAGS",
        ),
    ],
)
def test_dropped_variables(name: str) -> None:
    assert check_environment({name: "x"}) == {"PYTHONDONTWRITEBYTECODE": "1"}
