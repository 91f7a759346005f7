"""The visual check: only when the UI changed, with pictures that commands of the settings take, and never a green without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fermata.core.actions import DECIDE, OVER
from fermata.loop.answer import answer
from fermata.views.status import document, text
from tests.core.build import make_step
from tests.loop.test_shipped import Cast

PNG = r"\211PNG\r\n\032\n"
SHOOT = f"mkdir -p build && printf '{PNG}' > build/home.png && cat page.html >> build/home.png"
SCREENS = (
    "checks:\n  full: [{name: tests, command: sh check.sh, tests: false}]\n"
    "  screens: [{name: home, command: sh shoot.sh, out: build/home.png}]\n"
)


def make_cast(folder: Path, shoot: str | None = SHOOT, ignored: str = "build/\n", path: str = "page.html") -> Cast:
    """A run of `phased` whose one step changes *path*; without *shoot* nobody takes pictures."""
    more: dict[str, Any] = {"config": SCREENS} if shoot is not None else {}
    cast = Cast(folder, "phased", **more)
    cast.steps = [make_step("Change it", (path,))]
    cast.bench.sandbox.write(".gitignore", ignored)
    cast.bench.sandbox.write("shoot.sh", (shoot or "") + "\n")
    cast.bench.sandbox.write("page.html", "<p>one\n")
    cast.bench.sandbox.commit()
    return cast


def look(verdict: str, view: str = "home", **fields: Any) -> dict[str, Any]:
    seen = {"view": view, "expected": "a page", "seen": "a page", "verdict": verdict, "differences": []}
    return {"verdict": verdict, "summary": f"it is {verdict}", "views": [seen], **fields}


def looking(cast: Cast) -> Cast:
    """Up to the looker at work."""
    cast.bad["d-007"] = lambda: pytest.fail("the looker was to be left to the test")
    for _ in range(30):
        actions = cast.bench.settle()
        if cast.bench.run["position"]["at"] == "look":
            cast.bench.work()
            return cast
        assert actions[0].kind != OVER
        if actions[0].kind == DECIDE:
            cast.bench.approve()
            continue
        for name in [action.subject for action in actions]:
            cast.bench.work(name)
            cast.bench.takes_as(cast.result(name), name)
    raise AssertionError("nobody looked")


def test_without_a_change_of_the_ui_nobody_looks_and_that_is_told(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, path="src/app.py").play()
    run = cast.bench.run
    assert "multimodal-looker" not in [agent for _, agent, _ in cast.told]
    assert run["position"]["skipped"] == {"after": 1, "look": 1}
    assert document(run, None, {})["stages"]["look"] == {"status": "skipped"}
    assert "skipped Visual check: its condition was not met" in text(run, None, {})
    assert "Visual check: skipped" in answer(run, [])[0]


def test_pictures_are_taken_before_and_after_shown_at_the_gate_and_covered(tmp_path: Path) -> None:
    cast = looking(make_cast(tmp_path))
    run, brief = cast.bench.run, cast.bench.brief()
    assert run["approved"]
    (screen,) = run["approved"]["envelope"]["screens"]
    assert (screen["name"], screen["out"]) == ("home", "build/home.png")
    report = Path(cast.bench.store.path("artifacts", "approval.md")).read_text()
    assert "  sh shoot.sh   (.fermata/config.yaml)" in report
    paths = brief.partition("- home: before `")[2].partition("`")
    before, after = paths[0], paths[2].partition("after `")[2].partition("`")[0]
    assert b"<p>one" in Path(before).read_bytes()
    assert b"print(" in Path(after).read_bytes()
    cast.bench.takes(look("as_expected"))
    cast.play()
    assert cast.bench.run["status"] == "completed"
    assert "Visual check: as_expected: it is as_expected" in answer(cast.bench.run, [])[0]


def test_without_a_command_for_pictures_it_is_not_compared_and_never_green(tmp_path: Path) -> None:
    cast = looking(make_cast(tmp_path, shoot=None))
    assert "None: no command under `checks.screens` takes pictures here" in cast.bench.brief()
    assert '`views` names "home"; the views are: none' in cast.bench.refused(look("as_expected"))
    assert "the views together say not_compared" in cast.bench.refused(
        {"verdict": "as_expected", "summary": "s", "views": []}
    )
    cast.bench.takes({"verdict": "not_compared", "summary": "nothing to compare", "views": []})
    cast.play()
    assert "Visual check: not_compared: nothing to compare" in answer(cast.bench.run, [])[0]


@pytest.mark.parametrize(
    ("shoot", "ignored", "why"),
    [
        pytest.param("exit 3", "build/\n", "exit 3", id="command-fails"),
        pytest.param("true", "build/\n", "it wrote no build/home.png", id="nothing-written"),
        pytest.param(
            "mkdir -p build; echo words > build/home.png", "build/\n", "is no PNG, JPEG, GIF or WebP", id="no-image"
        ),
        pytest.param(SHOOT, "", "let it write where .gitignore covers it", id="writes-into-the-tree"),
        pytest.param(
            "test -e build/home.png || { " + SHOOT + "; }", "build/\n", "is older than the command", id="an-old-one"
        ),
    ],
)
def test_a_run_that_leaves_no_picture_is_red_and_proves_nothing(
    tmp_path: Path, shoot: str, ignored: str, why: str
) -> None:
    cast = looking(make_cast(tmp_path, shoot=shoot, ignored=ignored))
    assert why in cast.bench.brief().partition("after none (")[2].partition("\n")[0]
    assert "there is no picture of home after the change" in cast.bench.refused(look("as_expected"))
    cast.bench.takes(look("not_compared"))


def test_what_looks_wrong_goes_back_and_is_looked_at_again(tmp_path: Path) -> None:
    cast = looking(make_cast(tmp_path))
    name = cast.bench.newest["id"]
    assert "`views` says nothing of home" in cast.bench.refused(
        {"verdict": "not_compared", "summary": "s", "views": []}
    )
    assert "the views together say differs" in cast.bench.refused(
        look("as_expected", views=[*look("differs")["views"]])
    )
    wrong = look("differs")
    wrong["views"][0]["differences"] = ["the button is cut off"]
    cast.bench.takes_as(wrong, name)
    cast.bench.settle()
    assert cast.bench.newest["agent"] == "fixer"
    assert "Stage `look` ended differs" in cast.bench.brief()
    assert "differs: the button is cut off" in cast.bench.brief()
    cast.bench.work()
    cast.bench.takes(cast.result(cast.bench.newest["id"]))
    cast.bench.settle()
    assert cast.bench.newest["agent"] == "multimodal-looker"
    assert f"`{cast.bench.store.path('artifacts', 'screens')}" in cast.bench.brief()
