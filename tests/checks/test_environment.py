from __future__ import annotations

import pytest

from fermata.checks.environment import check_environment


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "HOME",
        "LANG",
        "VIRTUAL_ENV",
        "DATABASE_URL",
        "PYTHONUTF8",
        "PYTHONHASHSEED",
        "LD_LIBRARY_PATH",
        "CARGO_TARGET_DIR",
    ],
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
            "RUSTC_WRAPPER",
            "CARGO_BUILD_RUSTC",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER",
            "npm_config_script_shell",
            "NPM_CONFIG_NODE_OPTIONS",
        ),
    ],
)
def test_dropped_variables(name: str) -> None:
    assert check_environment({name: "x"}) == {"CI": "true", "PYTHONDONTWRITEBYTECODE": "1"}


def test_watchers_see_a_build_server_whatever_the_caller_says() -> None:
    assert check_environment({"CI": ""})["CI"] == "true"
