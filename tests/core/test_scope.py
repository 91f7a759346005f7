from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fermata.core.scope import covers, glob_error, is_wide, outside, protected


@pytest.mark.parametrize(
    ("glob", "path", "inside"),
    [
        pytest.param("a.py", "a.py", True, id="literal"),
        pytest.param("a.py", "b/a.py", False, id="literal-deeper"),
        pytest.param("a.py", "a.pyc", False, id="literal-longer"),
        pytest.param("src/*.py", "src/a.py", True, id="star"),
        pytest.param("src/*.py", "src/b/a.py", False, id="star-stays-in-its-folder"),
        pytest.param("src/*", "src/.hidden", True, id="star-takes-dotfiles"),
        pytest.param("src/?.py", "src/a.py", True, id="question-mark"),
        pytest.param("src/?.py", "src/ab.py", False, id="question-mark-is-one"),
        pytest.param("src?a.py", "src/a.py", False, id="question-mark-is-no-slash"),
        pytest.param("src/**", "src/a/b/c.py", True, id="below"),
        pytest.param("src/**", "src", False, id="below-is-not-itself"),
        pytest.param("src/**", "srcs/a", False, id="below-ends-at-the-slash"),
        pytest.param("src/", "src/a/b", True, id="trailing-slash"),
        pytest.param("src/", "src", False, id="trailing-slash-not-itself"),
        pytest.param("src/**/t.py", "src/t.py", True, id="no-folder-between"),
        pytest.param("src/**/t.py", "src/a/b/t.py", True, id="folders-between"),
        pytest.param("src/**/t.py", "src/a/bt.py", False, id="whole-name"),
        pytest.param("**/*.md", "a.md", True, id="any-folder-top"),
        pytest.param("**/*.md", "a/b/c.md", True, id="any-folder"),
        pytest.param("**", "a/b", True, id="everything"),
        pytest.param("*", "a/b", False, id="star-top-only"),
        pytest.param("*", "", False, id="no-path"),
        pytest.param("SRC/*", "src/a", False, id="case-matters"),
        pytest.param("src/[ab].py", "src/a.py", False, id="brackets-are-letters"),
        pytest.param("src/[ab].py", "src/[ab].py", True, id="brackets-literal"),
        pytest.param("src/a+b$.py", "src/a+b$.py", True, id="regex-letters"),
        pytest.param("src/*", "src/a\nb", True, id="newline-in-a-name"),
        pytest.param("**", ".claude/settings.json", False, id="never-settings"),
        pytest.param(".c*/**", ".claude/settings.json", False, id="never-by-wildcard"),
        pytest.param("**", "sub/.Git/config", False, id="never-inner-git"),
        pytest.param("*", ".mcp.json", False, id="never-mcp"),
        pytest.param("**", "a/.fermata/x", False, id="never-fermata"),
    ],
)
def test_cover(glob: str, path: str, *, inside: bool) -> None:
    assert covers([glob], path) is inside


def test_no_globs_cover_nothing() -> None:
    assert not covers([], "a")


def test_outside_keeps_order() -> None:
    assert outside(["src/**", "a.md"], ["z", "src/a", "b", "a.md", ".git/x"]) == ["z", "b", ".git/x"]


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        pytest.param("**/a/" * 50 + "b", "a/" * 100 + "c", id="folders"),
        pytest.param("*a" * 60 + "b", "a" * 250, id="stars"),
        pytest.param("**/" * 99 + "b", "a/" * 120 + "c", id="stars-across-folders"),
    ],
)
def test_hostile_glob_ends_at_once(glob: str, path: str) -> None:
    began = time.perf_counter()
    assert not covers([glob], path)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("glob", "said"),
    [
        *(
            pytest.param(glob, None, id=f"fine-{glob}")
            for glob in (
                "src/**",
                "a.py",
                "src/*.py",
                "docs/",
                "**",
                "é/ü.md",
                ".github/workflows/ci.yml",
                ".gitignore",
            )
        ),
        pytest.param("", "1 to 300", id="empty"),
        pytest.param("a" * 301, "1 to 300", id="long"),
        pytest.param("a\nb", "printable", id="newline"),
        pytest.param("a\0b", "printable", id="nul"),
        pytest.param("a\u202eb", "printable", id="bidi"),
        pytest.param("a\u200bb", "printable", id="zero-width"),
        pytest.param("a\ud800b", "printable", id="surrogate"),
        pytest.param("a\\b", "forward slashes", id="backslash"),
        pytest.param("C:/a", "no colon", id="drive"),
        pytest.param("a:stream", "no colon", id="stream"),
        pytest.param("/etc/passwd", "relative", id="absolute"),
        pytest.param("~/.ssh/**", "relative", id="home"),
        pytest.param("../x", "relative", id="parent"),
        pytest.param("a/../../b", "relative", id="parent-inside"),
        pytest.param("./a", "relative", id="dot"),
        pytest.param("a//b", "empty parts", id="empty-part"),
        pytest.param("src/**.py", "stands alone", id="two-stars-glued"),
        pytest.param(".git/**", "`.git` steers", id="git"),
        pytest.param("sub/.GIT/hooks/*", "`.GIT` steers", id="inner-git"),
        pytest.param(".claude/settings.json", "`.claude` steers", id="claude"),
        pytest.param("a/.claude/**", "`.claude` steers", id="inner-claude"),
        pytest.param(".fermata/", "`.fermata` steers", id="fermata"),
        pytest.param(".mcp.json", "`.mcp.json` steers", id="mcp"),
    ],
)
def test_glob_error(glob: str, said: str | None) -> None:
    error = glob_error(glob)
    assert (error is None) if said is None else (error is not None and said in error)


@pytest.mark.parametrize(
    "glob",
    [
        "**", "*", "**/*", "**/*.yml", "*/**", "?*/**", ".github/**", ".github/workflows/ci.yml", ".github/*/ci.yml",
        ".g*/workflows/x", ".GitHub/workflows/", ".gitlab-ci.yml", "*.yml", ".circleci/config.yml",
    ],
)  # fmt: skip
def test_wide(glob: str) -> None:
    assert is_wide(glob)


@pytest.mark.parametrize(
    "glob", ["src/**", "*.py", "src/**/*.yml", ".github/CODEOWNERS", "github/workflows/a.yml", "a"]
)
def test_not_wide(glob: str) -> None:
    assert not is_wide(glob)


names = st.text("ab.*?[", min_size=1, max_size=4)
paths = st.lists(names, min_size=1, max_size=5).map("/".join)


@given(paths)
def test_a_path_without_wildcards_covers_exactly_itself(path: str) -> None:
    literal = path.replace("*", "x").replace("?", "y")
    assert covers([literal], literal)
    assert not covers([literal], literal + "z")
    assert not covers([literal], "z/" + literal)


@given(st.lists(st.sampled_from(["**", "*", "a", "?b", "a*", ".git"]), min_size=1, max_size=6).map("/".join), paths)
def test_match_is_what_a_plain_recursion_says(glob: str, path: str) -> None:
    def name(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return name(pattern[1:], text) or (bool(text) and name(pattern, text[1:]))
        return bool(text) and pattern[0] in ("?", text[0]) and name(pattern[1:], text[1:])

    def match(globs: list[str], parts: list[str]) -> bool:
        if not globs:
            return not parts
        if globs == ["**"]:
            return bool(parts)
        if globs[0] == "**":
            return match(globs[1:], parts) or (bool(parts) and match(globs, parts[1:]))
        return bool(parts) and name(globs[0], parts[0]) and match(globs[1:], parts[1:])

    assert covers([glob], path) is (match(glob.split("/"), path.split("/")) and not protected(path))
