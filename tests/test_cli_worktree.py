"""`fermata worktree` as a person types it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fermata.core.records import Json
from fermata.git.worktrees import base_now, free_path, make_worktree
from fermata.store.project import Project
from tests.git.sandbox import Sandbox, make_sandbox
from tests.store.runs import created_body
from tests.typed import Out, run

RUN, OTHER = "orch_20261121_091502_3fa9", "orch_20261121_101502_aaaa"
Say = Callable[..., Out]


@pytest.fixture
def user(tmp_path: Path) -> Sandbox:
    return make_sandbox(tmp_path / "a project")


@pytest.fixture
def say(user: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    monkeypatch.chdir(user.root)
    return lambda *words: run(["worktree", *words], capsys)


def begin(user: Sandbox, name: str, *items: str) -> list[Sandbox]:
    """A run with a worktree for each of *items*, journalled as the loop does it."""
    project = Project(user.repo.common_dir)
    project.prepare()
    store = project.run(name)
    news: list[tuple[str, dict[str, Json]]] = [("run_created", created_body(name))]
    trees = []
    for item in items:
        base = base_now(user.repo, f"{name}/{item}-base")
        path = free_path(user.repo, name, item)
        make_worktree(user.repo, path, base.commit, [])
        body = {"item": item, "visit": 1, "path": path, "commit": base.commit, "tree": base.tree}
        news.append(("worktree_made", body))
        trees.append(Sandbox(user.root / path))
    store.transact("cli", lambda _: news)
    return trees


def end(user: Sandbox, name: str) -> None:
    Project(user.repo.common_dir).run(name).transact("person", lambda _: [("run_aborted", {})])


def test_without_any(say: Say) -> None:
    assert say("list").out == "There are no worktrees of fermata's here.\n"
    assert say("list", "--json").json == {"worktrees": []}
    assert say("cleanup") == (0, "Nothing to clean up.\n", "")


def test_list_says_which_run_which_base_and_what_is_unsaved(user: Sandbox, say: Say) -> None:
    one, two = begin(user, RUN, "code.0", "code.1")
    one.write("new.txt")
    found = say("list", "--json").json["worktrees"]
    assert [(row["item"], row["state"], row["unsaved"]) for row in found] == [
        ("code.0", "in use", ["untracked: new.txt"]),
        ("code.1", "in use", []),
    ]
    assert [row["path"] for row in found] == [str(one.root), str(two.root)]
    assert found[0]["base"] == one.git("rev-parse", "HEAD").strip()
    told = say("list")
    assert told.code == 0
    assert f"{one.root}  in use  {RUN} code.0 from {found[0]['base'][:12]}" in told.out
    assert "    untracked: new.txt" in told.out


def test_what_is_in_use_stays(user: Sandbox, say: Say) -> None:
    (tree,) = begin(user, RUN, "code.0")
    assert say("cleanup").out == "Nothing to clean up.\n"
    assert tree.root.is_dir()


def test_those_of_an_ended_run_go_and_unsaved_work_stays(user: Sandbox, say: Say) -> None:
    clean, dirty = begin(user, RUN, "code.0", "code.1")
    dirty.write("new.txt", "work\n")
    end(user, RUN)
    dry = say("cleanup", "--dry-run", "--json")
    assert dry.code == 4
    assert [[row["item"] for row in dry.json[key]] for key in ("removed", "kept")] == [["code.0"], ["code.1"]]
    assert clean.root.is_dir()
    done = say("cleanup")
    assert done.code == 4
    assert f"removed: {clean.root}" in done.out
    assert f"kept: {dirty.root}  over" in done.out
    assert "untracked: new.txt" in done.out
    assert not clean.root.exists()
    assert (dirty.root / "new.txt").read_text() == "work\n"
    (dirty.root / "new.txt").unlink()
    assert [row["item"] for row in say("list", "--json").json["worktrees"]] == ["code.1"]
    assert say("cleanup").code == 0
    assert not dirty.root.exists()
    assert say("list").out == "There are no worktrees of fermata's here.\n"
    assert say("cleanup").out == "Nothing to clean up.\n"
    assert user.git("worktree", "list").count("\n") == 1


def test_only_those_of_one_run(user: Sandbox, say: Say) -> None:
    (mine,) = begin(user, RUN, "code.0")
    end(user, RUN)
    (other,) = begin(user, OTHER, "code.0")
    end(user, OTHER)
    assert say("cleanup", "--run", RUN).code == 0
    assert (mine.root.exists(), other.root.exists()) == (False, True)
    assert [row["run"] for row in say("list", "--run", OTHER, "--json").json["worktrees"]] == [OTHER]
    assert say("list", "--run", "orch_20260101_000000_0000").code != 0
    assert "not a usable name" in say("list", "--run", "../../x").err


def test_k_g12_deleted_by_hand(user: Sandbox, say: Say) -> None:
    (tree,) = begin(user, RUN, "code.0")
    end(user, RUN)
    tree.root.rename(user.root.parent / "moved")
    assert say("list", "--json").json["worktrees"][0]["state"] == "gone"
    assert say("cleanup").code == 0
    assert say("list", "--json").json == {"worktrees": []}
    assert (user.root.parent / "moved/README.md").exists()
    assert user.git("worktree", "list").count("\n") == 1


def test_k_g13_a_strangers_worktree_is_listed_and_stays(user: Sandbox, say: Say) -> None:
    begin(user, RUN, "code.0")
    end(user, RUN)
    mine = user.root / f".fermata/worktrees/{RUN}/mine"
    user.git("worktree", "add", "-q", "--detach", str(mine))
    assert "not fermata's" in say("list").out
    assert say("cleanup").code == 0
    assert mine.is_dir()


def test_one_of_a_damaged_run_stays(user: Sandbox, say: Say) -> None:
    (tree,) = begin(user, RUN, "code.0")
    end(user, RUN)
    journal = Path(user.repo.common_dir, "fermata/runs", RUN, "journal.jsonl")
    journal.write_bytes(journal.read_bytes().replace(b"run_aborted", b"run_xborted"))
    (journal.parent / "state.json").unlink()
    assert say("cleanup").code == 0
    assert tree.root.is_dir()


def test_from_a_linked_worktree_all_are_seen(user: Sandbox, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    (tree,) = begin(user, RUN, "code.0")
    user.git("worktree", "add", "-q", "--detach", str(user.root.parent / "second"))
    monkeypatch.chdir(user.root.parent / "second")
    assert [row["path"] for row in say("list", "--json").json["worktrees"]] == [str(tree.root)]


def test_a_session_does_not_clean_up(user: Sandbox, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(user, RUN, "code.0")
    monkeypatch.setenv("CLAUDECODE", "1")
    assert say("cleanup").code == 3
    assert say("list").code == 0
    assert os.path.isdir(user.root / f".fermata/worktrees/{RUN}/code.0")
