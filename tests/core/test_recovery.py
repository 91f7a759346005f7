"""The table of failures: each kind of fact has its rule, facts come before claims, and the page says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fermata.core.recovery import (
    ACTIONS,
    BACK_OFF,
    BY_ID,
    LIMITS,
    RULES,
    Facts,
    categorise,
    explained,
    pause_after,
)
from fermata.definitions.config import Config
from fermata.definitions.schema_files import schema

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "recovery.md"


@pytest.mark.parametrize(
    ("kind", "word", "category", "rule"),
    [
        pytest.param("tampering", "plugin", "critical", "plugin_changed", id="own-files"),
        pytest.param("tampering", "protected", "critical", "protected_path", id="protected"),
        pytest.param("scope", "", "blocker", "scope_left", id="scope"),
        pytest.param("api", "rate_limit", "transient", "quota", id="quota"),
        pytest.param("api", "authentication_failed", "blocker", "account", id="auth"),
        pytest.param("api", "billing_error", "blocker", "account", id="billing"),
        pytest.param("api", "overloaded", "transient", "overload", id="overloaded"),
        pytest.param("api", "server_error", "transient", "overload", id="server-error"),
        pytest.param("api", "invalid_request", "code_error", "request", id="bad-request"),
        pytest.param("api", "unknown", "transient", "unanswered", id="unknown"),
        pytest.param("lost", "", "transient", "lost", id="lost"),
        pytest.param("invalid", "", "code_error", "invalid", id="invalid"),
        pytest.param("check", "", "code_error", "red", id="red"),
        pytest.param("check", "no_program", "blocker", "no_program", id="no-program"),
        pytest.param("check", "network", "transient", "network", id="network"),
        pytest.param("gave_up", "wrong_approach", "design_flaw", "wrong_plan", id="approach"),
        pytest.param("gave_up", "unclear", "design_flaw", "wrong_plan", id="unclear"),
        pytest.param("gave_up", "too_large", "design_flaw", "wrong_plan", id="too-large"),
        pytest.param("gave_up", "missing", "blocker", "missing", id="missing"),
        pytest.param("gave_up", "exhausted", "code_error", "gave_up", id="exhausted"),
        pytest.param("gave_up", "", "code_error", "gave_up", id="no-cause"),
        pytest.param("gave_up", "critical", "code_error", "gave_up", id="a-mood"),
    ],
)
def test_a_failure_has_one_category(kind: str, word: str, category: str, rule: str) -> None:
    found = categorise(Facts(kind, word))
    assert (found.category, found.rule) == (category, rule)
    assert found.says in explained(rule)
    assert found.category in ACTIONS


def test_what_no_rule_is_for_is_an_error() -> None:
    with pytest.raises(ValueError, match="no rule is for failures of kind 'mood'"):
        categorise(Facts("mood"))


def test_every_rule_can_be_come_to_and_every_category_is_used() -> None:
    reached = {categorise(Facts(rule.kind, word)).rule for rule in RULES for word in (rule.words or ("",))}
    assert reached == set(BY_ID)
    assert len(BY_ID) == len(RULES)
    assert {rule.category for rule in RULES} == set(ACTIONS)


def test_an_agent_can_claim_nothing_that_only_facts_can_show() -> None:
    causes = schema("build")["properties"]["cause"]["enum"]
    assert causes == schema("stage")["properties"]["cause"]["enum"]
    assert {categorise(Facts("gave_up", cause)).category for cause in causes} == {
        "design_flaw",
        "blocker",
        "code_error",
    }


@pytest.mark.parametrize(
    ("rule", "earlier", "seconds"),
    [
        ("overload", 0, 30),
        ("overload", 1, 120),
        ("unanswered", 2, 300),
        ("overload", 3, 600),
        ("overload", 50, 600),
        ("lost", 3, 0),
        ("red", 0, 0),
        (None, 0, 0),
    ],
)
def test_only_what_nobody_answered_waits(rule: str | None, earlier: int, seconds: int) -> None:
    assert pause_after(rule, earlier) == seconds


def rows(title: str) -> list[list[str]]:
    """The cells of the table under the heading *title* of the page."""
    part = PAGE.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    found = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[2:]]


def test_the_page_has_the_rules_as_they_are() -> None:
    told = [[f"`{rule.id}`", rule.category, rule.says] for rule in RULES]
    assert rows("Rules") == told


def test_the_page_has_the_categories_as_they_are() -> None:
    assert rows("Categories") == [[f"**{name}**", does] for name, does in ACTIONS.items()]


def test_the_page_has_the_limits_as_they_are() -> None:
    told = [[limit.name, str(limit.value or "none"), limit.where or "fixed", limit.says] for limit in LIMITS]
    assert rows("Limits") == told
    text = " ".join(PAGE.read_text().split())
    assert f"after {BACK_OFF[0]} seconds, then {', '.join(str(s // 60) for s in BACK_OFF[1:-1])}" in text


def test_the_limits_are_those_of_the_settings() -> None:
    limits = Config().limits.model_dump()
    for limit in LIMITS:
        found = re.fullmatch(r"`limits\.(\w+)`", limit.where)
        if found:
            assert limits[found[1]] == limit.value
