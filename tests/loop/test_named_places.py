"""Evidence names what is there: which places are known, and what whoever judges is told of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fermata.git.repo import find_repo
from fermata.loop.named_places import places_error
from tests.git.sandbox import make_sandbox
from tests.loop.conducting import does, judged, live, spec_bench

if TYPE_CHECKING:
    from pathlib import Path

    from fermata.git.repo import Repo


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    folder = tmp_path_factory.mktemp("places")
    sandbox = make_sandbox(folder / "pro ject")
    sandbox.write(".gitignore", "gen/\n")
    sandbox.write("src/my app.py", "one\ntwo\nthree")
    sandbox.write("gen/x_pb2.py", "one\n")
    (folder / "outside.py").write_text("one\n")
    (sandbox.root / "link.py").symlink_to(folder / "outside.py")
    found = find_repo(str(sandbox.root))
    assert found
    return found


NO_FILE, SHORT = "there is no such file", "that file has 3 lines"


@pytest.mark.parametrize(
    ("evidence", "says"),
    [
        pytest.param("gen/x_pb2.py:1", None, id="there-though-ignored"),
        pytest.param("`src/my app.py:3` asks, and (gen/x_pb2.py:1-1) too.", None, id="with-a-blank-and-in-marks"),
        pytest.param("my app.py:2", None, id="its-end-alone"),
        pytest.param("{root}/gen/x_pb2.py:1:5", None, id="absolute"),
        pytest.param("pytest -q: green, 12 passed at 12:30 on 127.0.0.1:80", None, id="a-check"),
        pytest.param("answers at http://localhost:3000/x:1 and localhost:80", None, id="addresses"),
        pytest.param("src/my app.py:1, seen at example.com:443", None, id="one-of-them-is-there"),
        pytest.param("src/ghost.py:1", NO_FILE, id="nowhere"),
        pytest.param("see `ghost.py:12`.", NO_FILE, id="nowhere-by-its-name-alone"),
        pytest.param("src/my app.py:4", SHORT, id="behind-its-end"),
        pytest.param("../outside.py:1", NO_FILE, id="climbing"),
        pytest.param("{root}/../outside.py:1", NO_FILE, id="outside"),
        pytest.param("link.py:1", NO_FILE, id="link-out"),
    ],
)
def test_a_place_is_one_that_can_be_looked_at(repo: Repo, evidence: str, says: str | None) -> None:
    value = judged("it runs")
    value["criteria"][0]["evidence"] = evidence.replace("{root}", repo.root)
    error = places_error(repo, value)
    assert error is None if says is None else says in str(error)
    if says:
        assert 'the evidence for "it runs" names ' in str(error)
        assert "name a place that is there, as path:line from its top, or the check" in str(error)


def test_where_nothing_was_found_the_evidence_says_where_somebody_looked(repo: Repo) -> None:
    value = judged("it runs", met=False)
    value["criteria"][0]["evidence"] = "src/ghost.py:1 is not there"
    assert places_error(repo, value) is None


def test_the_door_sends_back_who_names_what_is_not_in_the_phase_s_worktree(tmp_path: Path) -> None:
    bench = spec_bench(tmp_path)
    bench.settle()
    bench.approve()
    (module,) = live(bench)
    does(bench, module, proto__messages_txt="ask, answer\n")
    (judge,) = live(bench)
    bench.sandbox.write("ghost.txt", "in the user's own tree alone\n")
    value = judged("messages are defined")
    value["criteria"][0]["evidence"] = "ghost.txt:1"
    said = bench.hand_in(value, judge)
    assert not said.accepted
    assert "ghost.txt:1, and there is no such file" in said.message
    assert bench.hand_in(judged("messages are defined"), judge).accepted
