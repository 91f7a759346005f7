"""What an approval covers, and what goes beyond it."""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fermata.core.envelope import beyond
from fermata.core.scope import contains, covers
from tests.core.build import make_check

if TYPE_CHECKING:
    from fermata.core.records import Envelope


def make_envelope(**fields: Any) -> Envelope:
    values = {
        "workflow": "w" * 64,
        "base_commit": "c" * 40,
        "scopes": [["src/**"], ["README.md", "tests/*.py"]],
        "checks": [make_check(), make_check("lint", "ruff check .", expect_tests=False)],
        "quick": [make_check("unit", "pytest -q tests/unit")],
        "agents": ["builder", "reviewer"],
        "steps": 2,
    }
    return {**values, **fields}  # type: ignore[typeddict-item]


INSIDE = [
    pytest.param({}, id="the-same"),
    pytest.param({"scopes": [["src/**"]], "steps": 1}, id="fewer-steps"),
    pytest.param({"scopes": [["src/a/**", "src/b.py"], ["tests/test_a.py"]]}, id="narrower-globs"),
    pytest.param({"scopes": [["tests/test_*.py"], ["src/**"]]}, id="another-order"),
    pytest.param({"scopes": [["README.md", "src/x.py", "tests/a.py"], ["src/**"]]}, id="mixed-among-the-steps"),
    pytest.param({"checks": [make_check()]}, id="fewer-commands"),
    pytest.param({"checks": []}, id="no-command"),
    pytest.param({"checks": [make_check("other-name", source="elsewhere")]}, id="another-label"),
    pytest.param({"quick": [make_check()]}, id="an-approved-command-as-the-quick-one"),
    pytest.param({"agents": ["builder"]}, id="fewer-agents"),
    pytest.param({"agents": []}, id="no-agent"),
]

OUTSIDE = [
    pytest.param({"scopes": [["**"]]}, "may change: ** is new; approved: README.md, src/**, tests/*.py", id="wide-glob"),
    pytest.param({"scopes": [["src/**"], ["docs/a.md"]]}, "may change: docs/a.md is new", id="another-place"),
    pytest.param({"scopes": [["tests/**"]]}, "may change: tests/** is new", id="deeper"),
    pytest.param({"scopes": [["tests/*"]]}, "may change: tests/* is new", id="other-kinds-of-files"),
    pytest.param({"scopes": [["SRC/a.py"]]}, "may change: SRC/a.py is new", id="other-case"),
    pytest.param({"scopes": [["src"]]}, "may change: src is new", id="the-folder-itself"),
    pytest.param({"scopes": [["tests/?.p?"]]}, "may change: tests/?.p? is new", id="not-provable"),
    pytest.param({"checks": [make_check(shown="pytest -q -x")]}, "`pytest -q -x` is new; approved: `pytest -q`, `ruff check .` (no", id="one-more-word"),
    pytest.param({"checks": [make_check(command={"cwd": "sub"})]}, "will run: `pytest -q` in sub is new", id="another-folder"),
    pytest.param({"checks": [make_check(command={"shell": "pytest -q", "argv": None})]}, "will run: `pytest -q` is new", id="by-a-shell"),
    pytest.param({"checks": [make_check(expect_tests=False)]}, "`pytest -q` (no tests expected) is new", id="tests-no-longer-expected"),
    pytest.param({"quick": [make_check("q", "pytest -k x")]}, "will run: `pytest -k x` is new", id="quick-command"),
    pytest.param({"checks": [make_check("unit", "pytest -q tests/unit")]}, "`pytest -q tests/unit` is new", id="a-quick-one-as-the-full-one"),
    pytest.param({"agents": ["builder", "fixer"]}, "agents: fixer is new; approved: builder, reviewer", id="agent"),
    pytest.param({"steps": 3}, "steps: 3; approved: 2", id="steps"),
    pytest.param({"base_commit": "d" * 40}, "base commit: dddddddddddd; approved: cccccccccccc", id="base"),
    pytest.param({"base_commit": ""}, "base commit: none; approved: cccccccccccc", id="no-base"),
    pytest.param({"workflow": "x" * 64}, "workflow: its definition is xxxxxxxxxxxx; approved: wwwwwwwwwwww", id="workflow"),
]  # fmt: skip


@pytest.mark.parametrize("fields", INSIDE)
def test_a_plan_that_is_no_more_than_approved_is_covered(fields: dict[str, Any]) -> None:
    assert beyond(make_envelope(), make_envelope(**fields)) == []


@pytest.mark.parametrize(("fields", "said"), OUTSIDE)
def test_what_goes_beyond_is_named_new_against_old(fields: dict[str, Any], said: str) -> None:
    (change,) = beyond(make_envelope(), make_envelope(**fields))
    assert said in change


def test_every_change_has_a_line_of_its_own() -> None:
    new = make_envelope(scopes=[["a"], ["b"], ["src/x"]], steps=3, agents=["x"], checks=[make_check(shown="x")])
    assert [change.partition(":")[0] for change in beyond(make_envelope(), new)] == [
        "may change", "may change", "will run", "agents", "steps",
    ]  # fmt: skip


# --- globs


@pytest.mark.parametrize(
    ("outer", "inner", "wanted"),
    [
        ("**", "a", True), ("**", "a/b/c", True), ("**", "**", True), ("**", "**/x", True), ("**", "a/**/b", True),
        ("a/**", "a/b", True), ("a/**", "a/b/**", True), ("a/**", "a", False), ("a/**", "a/**/b", True), ("a/", "a/**", True),
        ("a/**", "a/", True), ("a/b", "a/", False), ("a/*", "a/*", True), ("a/*", "a/b", True), ("a/*", "a/b/c", False),
        ("a/*", "a/**", False), ("a/**/b", "a/b", True), ("a/**/b", "a/x/y/b", True), ("a/**/b", "a/**/b", True),
        ("a/**/b", "a/**", False), ("**/a/**", "x/a/y", True), ("**/a/**", "a", False), ("*", "**", False), ("**", "*", True),
        ("*.py", "a.py", True), ("*.py", "a*.py", True), ("*.py", "*", False), ("*.py", "*.pyc", False), ("test_*.py", "test_a?.py", True),
        ("a*a", "a", False), ("ab*ba", "aba", False), ("a?", "ab", True), ("a?", "a*", False), ("a?", "a?", True),
        ("**/x", "**", False), ("**/**", "a/b", True), ("a", "b", False), ("[ab]", "a", False), ("[ab]", "[ab]", True),
        ("a*c*", "abc", True), ("a*c*", "ac*", False), ("A", "a", False),
    ],
)  # fmt: skip
def test_one_glob_inside_another(outer: str, inner: str, *, wanted: bool) -> None:
    assert contains(outer, inner) is wanted


components = st.sampled_from(["**", "*", "a", "b", "a*", "*b", "a*b", "?", "a?", "*a*", ".x", "ab"])
globs = st.lists(components, min_size=1, max_size=4).map("/".join)
paths = st.lists(st.sampled_from(["a", "b", "ab", "aab", "ba", ".x", "c"]), min_size=1, max_size=5).map("/".join)


@given(globs, globs, st.lists(paths, min_size=1, max_size=20))
def test_what_is_proven_to_be_inside_is_inside(outer: str, inner: str, some: list[str]) -> None:
    if contains(outer, inner):
        assert all(covers([outer], path) for path in some if covers([inner], path))


@given(globs)
def test_containment_is_reflexive(glob: str) -> None:
    assert contains(glob, glob)
    assert contains("**", glob)


def test_containment_is_transitive() -> None:
    """Every triple of small globs, not a sample of them: few pairs are contained in each other by chance."""
    pieces = ("**", "*", "a", "ab", "a*", "*b", "?", "a?")
    some = ["/".join(parts) for n in (1, 2) for parts in itertools.product(pieces, repeat=n)]
    some += ["/".join(parts) for parts in itertools.product(pieces[:5:2], repeat=3)]
    inside = {outer: [inner for inner in some if contains(outer, inner)] for outer in some}
    assert sum(map(len, inside.values())) > 500
    for outer, inners in inside.items():
        for inner in inners:
            assert all(contains(outer, innermost) for innermost in inside[inner]), (outer, inner)


@given(globs, paths)
def test_a_plain_path_is_inside_exactly_when_it_is_covered(glob: str, path: str) -> None:
    assert contains(glob, path) is covers([glob], path)


def test_a_long_glob_is_judged_at_once() -> None:
    assert not contains("/".join(["**", "a"] * 40) + "/b", "/".join(["**", "a"] * 40) + "/c")


# --- whole envelopes

checks = st.lists(
    st.builds(
        make_check,
        st.sampled_from(["tests", "lint"]),
        st.sampled_from(["pytest", "ruff", "make"]),
        expect_tests=st.booleans(),
    ),
    max_size=3,
)
envelopes = st.builds(
    make_envelope,
    scopes=st.lists(st.lists(globs, min_size=1, max_size=2), min_size=1, max_size=3),
    checks=checks,
    quick=checks,
    agents=st.lists(st.sampled_from(["builder", "fixer", "reviewer"]), unique=True),
    steps=st.integers(1, 4),
    base_commit=st.sampled_from(["c" * 40, "d" * 40]),
    workflow=st.sampled_from(["w" * 64, "x" * 64]),
)


@given(envelopes)
def test_an_approval_covers_its_own_plan(envelope: Envelope) -> None:
    assert beyond(envelope, copy.deepcopy(envelope)) == []


@given(envelopes, st.data())
def test_what_is_left_after_taking_away_is_covered_and_so_is_what_is_left_of_that(
    envelope: Envelope, data: st.DataObject
) -> None:
    smaller = narrowed(envelope, data)
    smallest = narrowed(smaller, data)
    assert beyond(envelope, smaller) == []
    assert beyond(smaller, smallest) == []
    assert beyond(envelope, smallest) == []


def narrowed(envelope: Envelope, data: st.DataObject) -> Envelope:
    """*envelope* with some of each part taken away."""

    def some(values: list[Any]) -> Any:
        return [value for value in values if data.draw(st.booleans())]

    scopes = [found for found in map(some, envelope["scopes"]) if found]
    scopes = [[data.draw(st.sampled_from([g, g.replace("**", "q").replace("*", "a")])) for g in s] for s in scopes]
    steps = data.draw(st.integers(1, envelope["steps"]))
    taken = {"checks": some(envelope["checks"]), "quick": some(envelope["quick"]), "agents": some(envelope["agents"])}
    return {**envelope, **taken, "scopes": scopes, "steps": steps}  # type: ignore[typeddict-item]


WIDER: dict[str, Any] = {
    "scopes": lambda e: [*e["scopes"], ["somewhere/else.md"]],
    "checks": lambda e: [*e["checks"], make_check("new", "rm -rf build")],
    "quick": lambda e: [*e["quick"], make_check("new", "rm -rf build")],
    "agents": lambda e: [*e["agents"], "stranger"],
    "steps": lambda e: e["steps"] + 1,
    "base_commit": lambda e: e["base_commit"][:-1] + "e",
    "workflow": lambda e: e["workflow"][:-1] + "e",
}


@pytest.mark.parametrize("part", sorted(WIDER))
@given(envelope=envelopes)
def test_any_widening_of_one_part_is_found(part: str, envelope: Envelope) -> None:
    if part == "scopes":
        assume(not any(covers([glob], "somewhere/else.md") for scope in envelope["scopes"] for glob in scope))
    wider: Any = {**envelope, part: WIDER[part](envelope)}
    assert len(beyond(envelope, wider)) == 1


def test_every_part_of_the_envelope_is_widened_here() -> None:
    assert set(WIDER) == set(make_envelope())
