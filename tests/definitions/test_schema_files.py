from __future__ import annotations

import copy
import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fermata.definitions import schema_files
from fermata.definitions.schema_files import MAX_ERRORS, schema, schema_errors, schema_names

GOOD: dict[str, list[dict[str, Any]]] = {
    "plan": [
        {"status": "questions", "questions": [{"question": "Which words?", "header": "Words", "options": [
            {"label": "a", "description": ""}, {"label": "b", "description": "the other"}]}]},
        {"status": "plan", "summary": "s", "findings": [], "risks": {}, "steps": [
            {"title": "t", "objective": "o", "scope": ["src/**"], "acceptance": ["it works"]}]},
        {"status": "plan", "summary": "s", "findings": ["f"], "assumptions": ["a"], "questions": [], "effort": "an hour",
         "risks": {"high": ["h"], "medium": [], "low": ["l"]}, "checks": [{"name": "smoke-1", "command": "x"}],
         "steps": [{"title": "t", "objective": "o", "scope": ["a"], "acceptance": ["b"], "read_first": ["c"], "constraints": ["d"]}]},
    ],
    "decomposition": [
        {"status": "plan", "summary": "s", "findings": [], "risks": {}, "steps": [
            {"name": "t-1", "epic": "E", "feature": "F", "title": "t", "objective": "o", "scope": ["a"], "acceptance": ["b"],
             "blocked_by": [], "priority": "P2"},
            {"name": "t-2", "epic": "E", "feature": "F", "title": "t", "objective": "o", "scope": ["a"], "acceptance": ["b"],
             "blocked_by": ["t-1"], "priority": "P1", "read_first": ["c"], "constraints": ["d"]}]},
    ],
    "build": [
        {"status": "completed", "summary": "s", "files_modified": ["a"], "tests_run": [{"command": "c", "outcome": "o"}], "caveats": []},
        {"status": "failed", "summary": "s", "files_modified": [], "tests_run": [], "caveats": ["why"], "unexplained": ["b"]},
    ],
    "review": [
        {"verdict": "approve", "summary": "s", "findings": []},
        {"verdict": "reject", "summary": "s", "findings": [
            {"severity": "high", "issue": "i"}, {"severity": "low", "path": "p", "issue": "i", "recommendation": "r"}]},
    ],
    "criteria": [
        {"verdict": "approve", "summary": "s", "findings": [], "criteria": [{"criterion": "c", "met": True, "evidence": "a.py:1"}]},
        {"verdict": "reject", "summary": "s", "criteria": [], "findings": [{"severity": "high", "path": "p", "issue": "i"}]},
    ],
    "recon": [
        {"target": "t", "status": "found", "summary": "s", "findings": {"where": "src/a.py", "tests": ["a", "b"]}, "recommendations": ["r"]},
        {"target": "t", "status": "not_found", "summary": "s", "findings": {}, "recommendations": []},
    ],
    "stage": [
        {"stageName": "implement", "status": "completed", "summary": "s", "files_modified": ["a"], "caveats": [],
         "phases": {"2.0": {"status": "completed", "tasksCompleted": ["t"], "issues": []},
         "2.1": {"status": "pending", "tasksCompleted": [], "issues": ["i"]}}},
        {"stageName": "test", "status": "failed", "summary": "s", "files_modified": [], "caveats": ["why"], "suggestion": "x", "unexplained": ["b"],
         "phases": {"3.0": {"status": "stopped", "tasksCompleted": [], "issues": []}}},
    ],
    "critique": [
        {"verdict": "APPROVE", "approved": True, "confidence": "high", "summary": "s", "concerns": []},
        {"verdict": "REVISE", "approved": False, "confidence": "low", "summary": "s", "concerns": [
            {"area": "scope", "severity": "high", "issue": "i", "recommendation": "r"}]},
    ],
    "look": [
        {"verdict": "not_compared", "summary": "s", "views": []},
        {"verdict": "differs", "summary": "s", "views": [
            {"view": "home", "expected": "e", "seen": "x", "verdict": "differs", "differences": ["d"]}]},
    ],
}  # fmt: skip

GONE = object()
BAD: list[tuple[str, int, str, object, str]] = [
    # schema, which good example, path of the change, new value, place and rule as told
    ("plan", 0, "status", GONE, "the result: 'status' is a required property"),
    ("plan", 0, "status", "done", "status: 'done' is not one of ['questions', 'plan']"),
    ("plan", 0, "questions", GONE, "the result: 'questions' is a required property"),
    ("plan", 0, "questions", [], "questions: [] "),
    ("plan", 0, "questions.0.question", "Hm?", "questions[0].question: 'Hm?' is too short"),
    (
        "plan",
        0,
        "questions.0.header",
        "far too long a header",
        "questions[0].header: 'far too long a header' is too long",
    ),
    ("plan", 0, "questions.0.options.0.label", 7, "questions[0].options[0].label: 7 is not of type 'string'"),
    ("plan", 0, "questions.0.options.1", GONE, "questions[0].options: [{"),
    (
        "plan",
        0,
        "questions.0.multiSelect",
        True,
        "questions[0]: Additional properties are not allowed ('multiSelect' was unexpected)",
    ),
    ("plan", 0, "approved", True, "the result: Additional properties are not allowed ('approved' was unexpected)"),
    ("plan", 1, "steps", [], "steps: [] "),
    ("plan", 1, "steps", GONE, "the result: 'steps' is a required property"),
    ("plan", 1, "steps.0.scope", [], "steps[0].scope: [] "),
    ("plan", 1, "steps.0.scope", "src/**", "steps[0].scope: 'src/**' is not of type 'array'"),
    ("plan", 1, "steps.0.acceptance", GONE, "steps[0]: 'acceptance' is a required property"),
    ("plan", 1, "summary", "", "summary: '' "),
    ("plan", 1, "summary", "x" * 1_001, "summary: 'xxx"),
    ("plan", 1, "risks.severe", ["x"], "risks: Additional properties"),
    ("plan", 2, "checks.0.name", "Smoke Test", "checks[0].name: 'Smoke Test' does not match"),
    ("plan", 2, "checks.0.name", "smoke\n", "checks[0].name: 'smoke\\n' does not match"),
    ("plan", 2, "questions", GOOD["plan"][0]["questions"], "questions: [{"),
    ("decomposition", 0, "steps", [], "steps: [] "),
    ("decomposition", 0, "steps", [GOOD["decomposition"][0]["steps"][0]] * 41, "steps: [{"),
    ("decomposition", 0, "steps", GONE, "the result: 'steps' is a required property"),
    ("decomposition", 0, "steps.0.scope", [], "steps[0].scope: [] "),
    ("decomposition", 0, "steps.0.scope", GONE, "steps[0]: 'scope' is a required property"),
    ("decomposition", 0, "steps.1.acceptance", GONE, "steps[1]: 'acceptance' is a required property"),
    ("decomposition", 0, "steps.1.blocked_by", "t-1", "steps[1].blocked_by: 't-1' is not of type 'array'"),
    ("decomposition", 0, "steps.1.blocked_by", GONE, "steps[1]: 'blocked_by' is a required property"),
    ("decomposition", 0, "steps.0.priority", "high", "steps[0].priority: 'high' is not one of ['P1', 'P2', 'P3']"),
    ("decomposition", 0, "steps.0.name", "Task One", "steps[0].name: 'Task One' does not match"),
    ("decomposition", 0, "steps.0.epic", "", "steps[0].epic: '' "),
    ("decomposition", 0, "steps.0.done", True, "steps[0]: Additional properties"),
    ("build", 0, "status", "success", "status: 'success' is not one of"),
    ("build", 0, "summary", GONE, "the result: 'summary' is a required property"),
    ("build", 0, "summary", None, "summary: None is not of type 'string'"),
    ("build", 0, "files_modified", "a.py", "files_modified: 'a.py' is not of type 'array'"),
    ("build", 0, "files_modified.0", "", "files_modified[0]: '' "),
    ("build", 0, "files_modified", ["a"] * 201, "files_modified: ['a', 'a'"),
    ("build", 0, "tests_run", "all pass", "tests_run: 'all pass' is not of type 'array'"),
    ("build", 0, "tests_run.0.outcome", GONE, "tests_run[0]: 'outcome' is a required property"),
    ("build", 0, "tests_run.0.exit_code", 0, "tests_run[0]: Additional properties"),
    ("build", 0, "caveats", GONE, "the result: 'caveats' is a required property"),
    ("build", 1, "unexplained.0", 1, "unexplained[0]: 1 is not of type 'string'"),
    ("review", 0, "verdict", GONE, "the result: 'verdict' is a required property"),
    ("review", 0, "verdict", "APPROVE", "verdict: 'APPROVE' is not one of ['approve', 'reject']"),
    ("review", 0, "verdict", True, "verdict: True is not one of"),
    ("review", 0, "findings", {}, "findings: {} is not of type 'array'"),
    ("review", 0, "findings", GONE, "the result: 'findings' is a required property"),
    ("review", 0, "summary", ["s"], "summary: ['s'] is not of type 'string'"),
    ("review", 0, "score", 10, "the result: Additional properties"),
    (
        "review",
        1,
        "findings.0.severity",
        "critical",
        "findings[0].severity: 'critical' is not one of ['high', 'medium', 'low']",
    ),
    ("review", 1, "findings.0.issue", GONE, "findings[0]: 'issue' is a required property"),
    ("review", 1, "findings.1.line", 7, "findings[1]: Additional properties"),
    ("criteria", 0, "verdict", GONE, "the result: 'verdict' is a required property"),
    ("criteria", 0, "verdict", "met", "verdict: 'met' is not one of ['approve', 'reject']"),
    ("criteria", 0, "criteria", GONE, "the result: 'criteria' is a required property"),
    ("criteria", 0, "criteria", {"c": True}, "criteria: {'c': True} is not of type 'array'"),
    ("criteria", 0, "criteria", [GOOD["review"][0]] * 61, "criteria: [{"),
    ("criteria", 0, "criteria.0.criterion", "", "criteria[0].criterion: '' "),
    ("criteria", 0, "criteria.0.met", "yes", "criteria[0].met: 'yes' is not of type 'boolean'"),
    ("criteria", 0, "criteria.0.met", GONE, "criteria[0]: 'met' is a required property"),
    ("criteria", 0, "criteria.0.evidence", GONE, "criteria[0]: 'evidence' is a required property"),
    ("criteria", 0, "criteria.0.evidence", "", "criteria[0].evidence: '' "),
    ("criteria", 0, "criteria.0.line", 7, "criteria[0]: Additional properties"),
    ("criteria", 1, "findings", GONE, "the result: 'findings' is a required property"),
    ("recon", 0, "target", GONE, "the result: 'target' is a required property"),
    ("recon", 0, "target", "", "target: '' "),
    ("recon", 0, "status", "maybe", "status: 'maybe' is not one of ['found', 'not_found', 'partial']"),
    ("recon", 0, "status", GONE, "the result: 'status' is a required property"),
    ("recon", 0, "summary", "two\nlines", "summary: 'two\\nlines' does not match"),
    ("recon", 0, "summary", "x" * 301, "summary: 'xxx"),
    ("recon", 0, "findings", [], "findings: [] is not of type 'object'"),
    ("recon", 0, "findings.deep", {"a": 1}, "findings.deep: {'a': 1} is not valid under any of the given schemas"),
    ("recon", 0, "recommendations", GONE, "the result: 'recommendations' is a required property"),
    ("recon", 0, "recommendations.0", "", "recommendations[0]: '' "),
    ("recon", 1, "approved", True, "the result: Additional properties"),
    ("stage", 0, "stageName", GONE, "the result: 'stageName' is a required property"),
    ("stage", 0, "status", "done", "status: 'done' is not one of ['completed', 'failed']"),
    ("stage", 0, "summary", "two\nparagraphs", "summary: 'two\\nparagraphs' does not match"),
    ("stage", 0, "phases", {}, "phases: {} "),
    ("stage", 0, "phases", [], "phases: [] is not of type 'object'"),
    ("stage", 0, "phases", {"two": {}}, "phases: 'two' does not match any of the regexes"),
    ("stage", 1, "phases", {"3.0": {"status": "ok"}}, "phases.3.0.status: 'ok' is not one of"),
    ("stage", 1, "phases", {"3.0": {"status": "failed"}}, "phases.3.0: 'tasksCompleted' is a required property"),
    ("stage", 0, "files_modified", GONE, "the result: 'files_modified' is a required property"),
    ("stage", 0, "caveats", "none", "caveats: 'none' is not of type 'array'"),
    ("critique", 0, "verdict", "approve", "verdict: 'approve' is not one of"),
    ("critique", 0, "verdict", GONE, "the result: 'verdict' is a required property"),
    ("critique", 0, "approved", False, "approved: True was expected"),
    ("critique", 0, "approved", GONE, "the result: 'approved' is a required property"),
    ("critique", 1, "approved", True, "approved: False was expected"),
    ("critique", 1, "concerns", [], "concerns: [] "),
    ("critique", 1, "confidence", "sure", "confidence: 'sure' is not one of"),
    ("critique", 1, "concerns.0.area", GONE, "concerns[0]: 'area' is a required property"),
    ("critique", 1, "concerns.0.severity", "fatal", "concerns[0].severity: 'fatal' is not one of"),
    ("critique", 1, "concerns.0.recommendation", "", "concerns[0].recommendation: '' "),
    ("critique", 0, "questions", [], "the result: Additional properties"),
    ("look", 0, "verdict", "approve", "verdict: 'approve' is not one of"),
    ("look", 0, "verdict", GONE, "the result: 'verdict' is a required property"),
    ("look", 0, "views", GONE, "the result: 'views' is a required property"),
    ("look", 0, "views", {}, "views: {} is not of type 'array'"),
    ("look", 0, "summary", "", "summary: '' "),
    ("look", 1, "views.0.view", GONE, "views[0]: 'view' is a required property"),
    ("look", 1, "views.0.expected", "", "views[0].expected: '' "),
    ("look", 1, "views.0.verdict", "green", "views[0].verdict: 'green' is not one of"),
    ("look", 1, "views.0.differences", "none", "views[0].differences: 'none' is not of type 'array'"),
    ("look", 1, "views.0.picture", "x.png", "views[0]: Additional properties"),
]


def changed(value: dict[str, Any], path: str, new: object) -> dict[str, Any]:
    whole: Any = copy.deepcopy(value)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = whole
    for part in way:
        place = place[part]
    if new is GONE:
        del place[last]
    else:
        place[last] = new
    return whole  # type: ignore[no-any-return]


def test_every_schema_has_its_examples() -> None:
    assert set(GOOD) == set(schema_names())
    assert all(sum(row[0] == name for row in BAD) >= 10 for name in schema_names())


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_valid_and_knows_only_itself(name: str) -> None:
    found = schema(name)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["title"] == name
    assert not re.search(r'"\$(?:ref|dynamicRef|id|anchor)"', json.dumps(found))


def objects(value: Any) -> list[dict[str, Any]]:
    found = [value] if isinstance(value, dict) else []
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        found += objects(child)
    return found


@pytest.mark.parametrize("name", schema_names())
def test_everything_in_a_result_has_a_limit(name: str) -> None:
    for part in objects(schema(name)):
        if part.get("type") == "string":
            assert "maxLength" in part or "pattern" in part, part
        if part.get("type") == "array":
            assert "maxItems" in part, part
        if part.get("type") == "object":
            assert part.get("additionalProperties") is False, part


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_a_good_one_has_no_errors(name: str, value: dict[str, Any]) -> None:
    assert schema_errors(name, value) == []


@pytest.mark.parametrize(("name", "which", "path", "new", "says"), BAD)
def test_a_bad_one_is_told_with_place_and_rule(name: str, which: int, path: str, new: object, says: str) -> None:
    errors = schema_errors(name, changed(GOOD[name][which], path, new))
    assert [e for e in errors if e.startswith(says)], errors


@pytest.mark.parametrize("value", [[], "text", 1, None, True], ids=str)
def test_what_is_no_object_is_none(value: object) -> None:
    for name in schema_names():
        assert schema_errors(name, value)[0].startswith("the result: ")


def test_many_errors_are_cut_and_so_is_each() -> None:
    value = {"verdict": "x" * 10_000, "summary": 1, "findings": [{"severity": n} for n in range(20)]}
    errors = schema_errors("review", value)
    assert len(errors) == MAX_ERRORS
    assert max(map(len, errors)) < 400


def test_a_schema_that_points_elsewhere_fetches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K-H11: a remote, a file and a looping `$ref`."""
    called = []
    monkeypatch.setattr(socket, "socket", lambda *args: called.append(args))
    monkeypatch.setattr(schema_files, "HERE", str(tmp_path))
    (tmp_path / "secret.json").write_text('{"type": "string"}')
    for target in (
        "http://127.0.0.1:9/s.json",
        "https://example.org/s.json",
        (tmp_path / "secret.json").as_uri(),
        "secret.json",
    ):
        (tmp_path / "remote.json").write_text(json.dumps({"$ref": target}))
        with pytest.raises(Exception, match="Unresolvable"):
            schema_errors("remote", {"a": 1})
    assert called == []


def test_a_schema_that_points_at_itself_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """K-H11: as deep as the value where it can, an error at once where it cannot; no shipped schema has a `$ref` at all."""
    monkeypatch.setattr(schema_files, "HERE", str(tmp_path))
    (tmp_path / "tree.json").write_text(json.dumps({"properties": {"a": {"$ref": "#"}}, "type": "object"}))
    assert schema_errors("tree", {"a": {"a": {"a": 1}}}) == ["a.a.a: 1 is not of type 'object'"]
    (tmp_path / "loop.json").write_text(json.dumps({"$ref": "#"}))
    with pytest.raises(RecursionError):
        schema_errors("loop", {"a": 1})


HOSTILE = [
    "a" * 100_000,
    "1." * 50_000 + "\n",
    " " * 100_000 + "\n",
    "-" * 100_000 + "!",
    "\n" * 100_000,
    "a\n" * 50_000,
]


@pytest.mark.parametrize("name", schema_names())
def test_no_pattern_of_a_schema_takes_long_over_any_text(name: str) -> None:
    """K-H11: what an agent hands in meets these patterns before anything has cut it."""
    found = [part["pattern"] for part in objects(schema(name)) if "pattern" in part]
    found += [pattern for part in objects(schema(name)) for pattern in part.get("patternProperties", {})]
    began = time.process_time()
    for pattern in found:
        for text in HOSTILE:
            re.search(pattern, text)
    assert time.process_time() - began < 0.2 * (1 + len(found))
