"""Going back: only what the run changed, nothing of the user's, and from wherever it was cut short. K-G01 to K-G18."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from typing import TYPE_CHECKING, Any

import pytest

from fermata.checks.command import parse_command
from fermata.checks.runner import CheckSpec, start_check, wait_checks
from fermata.git import large_files
from fermata.git.bring_in import put
from fermata.loop import rollback
from fermata.loop.checkpoints import BadId
from fermata.store.errors import Conflict, Usage
from tests.git.sandbox import Sandbox
from tests.loop.played import Played
from tests.store.oracles import sound
from tests.store.runs import dispatch, started, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fermata.git.bring_in import Change
    from fermata.git.repo import Repo


@pytest.fixture
def play(tmp_path: Path) -> Played:
    return Played(tmp_path / "a project")


def everything_at_once(user: Sandbox) -> None:
    """Staged, unstaged, untracked, ignored, stashed."""
    user.write("stashed.txt", "in the stash\n")
    user.git("stash", "-u")
    user.write("src/app.py", "print('staged')\n")
    user.git("add", "src/app.py")
    user.write("src/app.py", "print('and changed')\n")
    user.write("untracked.txt", "untracked\n")
    user.write("x.log", "ignored\n")
    user.write("ignored/.env", "SECRET=1\n")
    user.write("node_modules/m/index.js", "module\n")
    user.write("ignored/data.db", "rows\n")


def test_a_checkpoint_changes_nothing_of_the_user_s(tmp_path: Path) -> None:
    """K-G01: O5 exactly, and `git status` byte for byte."""
    play = Played(tmp_path / "p", prepare=everything_at_once)
    words = ("--no-optional-locks", "status", "--porcelain=v2", "--ignored", "--branch", "-z")
    before = play.git_state(), play.files(), play.user.git(*words)
    index = (play.user.root / ".git/index").read_bytes()
    at = play.saves("as it was")
    assert (play.git_state(), play.files(), play.user.git(*words)) == before
    assert (play.user.root / ".git/index").read_bytes() == index
    ref = f"refs/fermata/{play.store.load()['run']}/{at['id']}"
    assert play.user.git("rev-parse", ref).strip() == at["commit"]
    assert play.user.git("show", f"{ref}:src/app.py") == "print('and changed')\n"
    assert play.user.git("log", "-1", "--format=%P", ref).strip() == at["head"]
    assert (at["name"], at["after_agent"], at["place"]) == ("as it was", None, ".")


def test_only_what_the_run_changed_goes_back(play: Played) -> None:
    """K-G02, K-G04, K-G05: its three files are restored, its five new ones moved aside; the user's stay, each of them."""
    play.acts(one_txt="1\n", src__two_py="2\n")
    at = play.acts(three_txt="3\n")
    everything = {"ignored/.env": "S=1\n", "node_modules/m.js": "m\n", "x.log": "l\n"}
    for path, text in everything.items():
        play.user.write(path, text)
    play.acts(one_txt="1 changed\n", src__two_py="2 changed\n", **{f"new{n}_txt": "new\n" for n in range(4)})
    play.acts(README_md=None, one_txt="1 changed twice\n", deep__er__new_txt="new\n")
    mine = {f"mine{n}.txt": "mine\n" for n in range(5)} | {"three.txt": "mine now\n", "src/app.py": "mine\n"}
    for path, text in mine.items():
        play.user.write(path, text)
    git = play.git_state()
    found = play.goes_back(at)
    assert found.restored == ["README.md", "one.txt", "src/two.py"]
    assert found.quarantined == ["deep/er/new.txt", *(f"new{n}.txt" for n in range(4))]
    assert found.skipped == []
    assert found.others == sorted(mine)
    files = play.files()
    assert {path: files.get(path) for path in (*mine, *everything)} == {**mine, **everything}
    assert (files["one.txt"], files["src/two.py"], files["README.md"]) == ("1\n", "2\n", "hello\n")
    assert not (play.user.root / "deep").exists()
    assert play.quarantined(found) == dict.fromkeys(found.quarantined, "new\n")
    assert play.git_state() == git
    assert sound(play.store)


def test_what_was_changed_on_top_is_left_and_named(play: Played) -> None:
    """K-G03."""
    at = play.acts(one_txt="1\n", two_txt="2\n")
    play.acts(one_txt="1 run\n", two_txt="2 run\n", made_txt="run\n", mode_txt="run\n")
    play.user.write("one.txt", "1 run and mine\n")
    play.user.write("made.txt", "run and mine\n")
    (play.user.root / "mode.txt").chmod(0o755)
    found = play.goes_back(at)
    assert found.restored == ["two.txt"]
    why = "changed since the run left it"
    assert found.skipped == [("made.txt", why, False), ("mode.txt", why, False), ("one.txt", why, True)]
    files = play.files()
    assert (files["one.txt"], files["made.txt"], files["two.txt"]) == ("1 run and mine\n", "run and mine\n", "2\n")


def test_what_the_user_changed_between_two_agents_is_left(play: Played) -> None:
    at = play.saves()
    play.acts(one_txt="run\n")
    play.user.write("one.txt", "run\nmine\n")
    play.acts(one_txt="run\nmine\nrun\n")
    found = play.goes_back(at)
    assert found.skipped == [("one.txt", "somebody else changed it, too, between two changes of the run", False)]
    assert play.files()["one.txt"] == "run\nmine\nrun\n"


def test_what_an_agent_called_unexplained_is_not_the_run_s(play: Played) -> None:
    at = play.saves()
    name = play.begins()
    play.user.write("agent.txt", "run\n")
    play.user.write("mine.txt", "mine\n")
    play.ends(name, "mine.txt")
    found = play.goes_back(at)
    assert (found.quarantined, found.others) == (["agent.txt"], ["mine.txt"])


def test_saved_while_an_agent_was_at_work(play: Played) -> None:
    name = play.begins()
    play.user.write("one.txt", "half\n")
    at = play.saves()
    play.user.write("one.txt", "whole\n")
    play.ends(name)
    assert play.goes_back(at).restored == ["one.txt"]
    assert play.files()["one.txt"] == "half\n"


def test_undo_takes_it_back_and_again_does_it_anew(play: Played) -> None:
    at = play.saves()
    play.acts(README_md="changed\n", new_txt="new\n", src__app_py=None)
    after = play.files()
    play.goes_back(at)
    back = play.files()
    assert back["README.md"] == "hello\n"
    undone = play.undoes()
    assert play.files() == after
    assert (undone.restored, undone.quarantined) == (["README.md", "new.txt"], ["src/app.py"])
    play.undoes()
    assert play.files() == back
    assert sound(play.store)


def test_an_undo_keeps_what_was_changed_after_the_rollback(play: Played) -> None:
    at = play.saves()
    play.acts(README_md="changed\n", one_txt="new\n")
    play.goes_back(at)
    play.user.write("README.md", "mine\n")
    found = play.undoes()
    assert (found.restored, [one.path for one in found.skipped]) == (["one.txt"], ["README.md"])
    assert play.files()["README.md"] == "mine\n"


def test_from_one_checkpoint_to_an_older_one_and_forward_again(play: Played) -> None:
    first = play.acts(one_txt="1\n")
    second = play.acts(one_txt="2\n", two_txt="2\n")
    third = play.acts(one_txt="3\n")
    for at, says in ((second, "2\n"), (first, "1\n"), (third, "3\n"), (first, "1\n")):
        found = play.goes_back(at)
        assert found.skipped == []
        assert play.files()["one.txt"] == says
        assert ("two.txt" in play.files()) == (at is not first)


def test_going_back_to_where_one_is_tells_nothing_new(play: Played) -> None:
    """O10."""
    at = play.saves()
    play.acts(one_txt="1\n")
    first = play.goes_back(at)
    events = len(play.store.events())
    again = play.goes_back(at)
    assert (again.undo, again.restored, again.quarantined) == (first.undo, [], [])
    assert len(play.store.events()) == events


def test_a_look_at_it_changes_nothing(play: Played) -> None:
    at = play.saves()
    play.acts(one_txt="1\n", README_md="x\n")
    before = play.files(), play.user.state(), len(play.store.events())
    found = play.goes_back(at, really=False)
    assert (found.restored, found.quarantined, found.undo) == (["README.md"], ["one.txt"], "")
    assert (play.files(), play.user.state(), len(play.store.events())) == before


def test_commits_since_then_stay(play: Played) -> None:
    """K-G06: no branch moves; the files go back, and the commits are told of."""
    at = play.saves()
    play.acts(README_md="changed\n")
    head = play.user.commit("the user's own")
    found = play.goes_back(at)
    assert play.user.git("rev-parse", "main").strip() == play.user.git("rev-parse", "HEAD").strip() == head
    assert (found.restored, found.head, found.commits) == (["README.md"], head, 1)
    play.user.git("checkout", "-q", "--", ".")
    play.user.git("checkout", "-q", "--orphan", "other")
    play.user.commit("elsewhere")
    assert play.goes_back(at).commits is None


def _merge(user: Sandbox) -> None:
    user.git("checkout", "-qb", "side")
    user.write("clash.txt", "side\n")
    user.commit("side")
    user.git("checkout", "-q", "main")
    user.write("clash.txt", "main\n")
    user.commit("main")


IN_PROGRESS: dict[str, tuple[Callable[[Sandbox], object], str]] = {
    "merge": (lambda u: u.git("merge", "side", code=1), "merge"),
    "rebase": (lambda u: u.git("rebase", "side", code=1), "rebase"),
    "cherry-pick": (lambda u: u.git("cherry-pick", "side", code=1), "cherry-pick"),
    "bisect": (lambda u: u.git("bisect", "start"), "bisect"),
}


@pytest.mark.parametrize("name", IN_PROGRESS)
def test_while_an_operation_is_in_progress_nothing_is_touched(tmp_path: Path, name: str) -> None:
    """K-G07."""
    play = Played(tmp_path / "p", prepare=_merge)
    at = play.saves()
    play.acts(README_md="changed\n")
    play.user.git("checkout", "-q", "--", ".")
    act, word = IN_PROGRESS[name]
    act(play.user)
    before = play.files(), play.git_state()
    with pytest.raises(Conflict, match=word):
        play.goes_back(at)
    assert (play.files(), play.git_state()) == before


def test_without_identity_with_signing_and_failing_hooks(tmp_path: Path) -> None:
    """K-G08."""

    def hostile(user: Sandbox) -> None:
        user.git("config", "commit.gpgsign", "true")
        user.git("config", "gpg.program", "/bin/false")
        user.git("config", "user.useConfigOnly", "true")
        for hook in ("pre-commit", "reference-transaction", "post-checkout"):
            user.write(f".git/hooks/{hook}", "#!/bin/sh\nexit 1\n", 0o755)

    play = Played(tmp_path / "p", prepare=hostile)
    at = play.saves()
    play.acts(README_md="changed\n")
    assert play.goes_back(at).restored == ["README.md"]


# --- K-G09: kinds of repositories -------------------------------------------------------------------------------------


def test_a_repository_without_commits(tmp_path: Path) -> None:
    play = Played(tmp_path / "p", commits=False)
    play.user.write("mine.txt", "mine\n")
    at = play.saves()
    assert (at["head"], play.user.git("cat-file", "-t", at["commit"]).strip()) == (None, "commit")
    play.acts(mine_txt="run\n", new_txt="new\n")
    found = play.goes_back(at)
    assert (found.restored, found.quarantined) == (["mine.txt"], ["new.txt"])
    assert play.user.git("rev-parse", "-q", "--verify", "HEAD", code=1) == ""


def _detached(user: Sandbox) -> None:
    user.git("checkout", "-q", "--detach")


def _sparse(user: Sandbox) -> None:
    user.write("far/away.txt", "far\n")
    user.commit()
    user.git("sparse-checkout", "set", "--no-cone", "/*", "!/far/")


def _attributes(user: Sandbox) -> None:
    """What a filter of git-lfs would rewrite: a pointer is a file like any other."""
    user.write(".gitattributes", "*.bin filter=lfs\ncrlf.txt text eol=crlf\n")
    user.write("big.bin", "version https://git-lfs.github.com/spec/v1\n")
    (user.root / "crlf.txt").write_bytes(b"a\r\n")
    user.commit()
    for end in ("clean", "smudge"):
        user.git("config", f"filter.lfs.{end}", "cat")
    user.git("config", "filter.lfs.required", "true")


@pytest.mark.parametrize("prepare", [_detached, _sparse, _attributes])
def test_odd_repositories(tmp_path: Path, prepare: Callable[[Sandbox], None]) -> None:
    play = Played(tmp_path / "p", prepare=prepare)
    at, before, git = play.saves(), play.files(), play.git_state()
    name = play.begins()
    for path in before:
        (play.user.root / path).write_bytes(b"changed\r\n")
    play.ends(name)
    found = play.goes_back(at)
    assert found.skipped == []
    assert play.files() == before
    assert play.git_state() == git


@pytest.mark.parametrize(
    ("by_run", "ends"), [pytest.param(True, b"a\r\n", id="run"), pytest.param(False, b"a\n", id="user")]
)
def test_line_ends_follow_the_attributes_that_stand_afterwards(play: Played, by_run: bool, ends: bytes) -> None:
    """What the run made of them goes back first; what the user made of them stays in force."""
    play.user.write(".gitattributes", "*.txt text eol=crlf\n")
    (play.user.root / "one.txt").write_bytes(b"a\r\n")
    play.user.commit()
    at = play.saves()
    name = play.begins()
    play.user.write(".gitattributes", "*.txt text eol=lf\n")
    play.user.write("one.txt", "changed\n")
    play.ends(name, *([] if by_run else [".gitattributes"]))
    assert "one.txt" in play.goes_back(at).restored
    assert (play.user.root / "one.txt").read_bytes() == ends


def test_a_shallow_clone(tmp_path: Path) -> None:
    play = Played(tmp_path / "deep")
    play.user.commit("second")
    play.user.git("clone", "-q", "--depth=1", f"file://{play.user.root}", str(tmp_path / "shallow"))
    shutil.copytree(play.store.folder, tmp_path / "shallow/.git/fermata/runs" / os.path.basename(play.store.folder))
    play.user = Sandbox(tmp_path / "shallow")
    at = play.saves()
    play.acts(README_md="changed\n")
    assert play.goes_back(at).restored == ["README.md"]


def test_a_submodule_is_left_and_named(tmp_path: Path) -> None:
    def with_submodule(user: Sandbox) -> None:
        inner = Sandbox(tmp_path / "inner")
        inner.root.mkdir()
        inner.git("init", "-q")
        inner.write("a", "a\n")
        inner.commit()
        user.git("submodule", "add", "-q", str(inner.root), "sub")
        user.commit()

    play = Played(tmp_path / "p", prepare=with_submodule)
    at = play.saves()
    play.acts(sub__a="changed\n", README_md="changed\n")
    found = play.goes_back(at)
    assert (found.restored, [one.path for one in found.skipped]) == (["README.md"], ["sub"])
    assert play.files()["sub/a"] == "changed\n"


def test_large_files_are_never_in_it_and_never_removed(play: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    """K-G17: told of when it is saved, and left as they are."""
    monkeypatch.setattr(large_files, "LARGE", 100)
    play.user.write("data.bin", "d" * 200)
    at = play.saves()
    assert at["large"] == ["data.bin"]
    play.acts(data_bin="x" * 200, more_bin="m" * 200, small_txt="s\n")
    play.user.root.joinpath("data_bin").rename(play.user.root / "other.bin")
    name = play.begins()
    play.user.write("data.bin", "changed by the run " * 20)
    play.ends(name)
    found = play.goes_back(at)
    why = "too large to be stored, so no checkpoint holds it"
    assert [(one.path, one.why) for one in found.skipped] == [("data.bin", why), ("more_bin", why)]
    assert found.quarantined == ["small.txt"]
    assert play.files()["more_bin"] == "m" * 200


# --- K-G10: cut short anywhere ----------------------------------------------------------------------------------------


class Killed(BaseException):
    """As a crash whose clean-up does not run either."""


CALLS = ("replace", "rename", "link", "unlink", "rmdir", "mkdir", "fsync", "write")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("then", ["again", "undo"])
@pytest.mark.parametrize(
    ("when", "each"),
    [
        pytest.param("after", 9, id="some"),
        pytest.param("before", 1, id="before-every", marks=pytest.mark.long),
        pytest.param("after", 1, id="after-every", marks=pytest.mark.long),
    ],
)
def test_a_rollback_killed_anywhere_is_finished_or_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, each: int, then: str
) -> None:
    play = Played(tmp_path / "p")
    at = play.acts(one_txt="1\n", deep__er__two_txt="2\n", three_txt="3\n")
    play.acts(one_txt="run\n", deep__er__two_txt=None, new__file_txt="new\n", README_md="run\n")
    play.user.write("mine.txt", "mine\n")
    after, git, copy = play.files(), play.git_state(), tmp_path / "copy"
    shutil.copytree(play.user.root, copy, symlinks=True)
    monkeypatch.setattr(rollback, "SILENT_SECONDS", 0.0)
    for number in range(1, 400, each):
        shutil.rmtree(play.user.root)
        shutil.copytree(copy, play.user.root, symlinks=True)
        if not _struck(play, at["id"], monkeypatch, number, when):
            assert number > 30, "the faults reached nothing"
            break
        if then == "again":
            play.goes_back(at)
            back = play.files()
            assert (back["one.txt"], back["deep/er/two.txt"], back["README.md"]) == ("1\n", "2\n", "hello\n"), number
            assert "new/file.txt" not in back
            assert play.undoes().skipped == []
        elif any("back_to" in one for one in play.store.load()["checkpoints"]):
            assert play.undoes().skipped == []
        assert play.files() == after, f"struck at call {number}"
        assert play.git_state() == git
        assert sound(play.store)


def _struck(play: Played, name: str, monkeypatch: pytest.MonkeyPatch, number: int, when: str) -> bool:
    """Roll back and die at the call of this number; False when it came to its end before."""
    count = 0

    def faulty(real: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object, **named: object) -> object:
            nonlocal count
            count += 1
            if count == number and when == "before":
                raise Killed
            now = count == number
            try:
                return real(*given, **named)
            finally:
                if now:
                    raise Killed

        return call

    with monkeypatch.context() as patched:
        for call in CALLS:
            patched.setattr(os, call, faulty(getattr(os, call)))
        patched.setattr(shutil, "rmtree", lambda *_a, **_k: None)
        try:
            rollback.roll_back(play.store, play.user.repo, name)
        except Killed:
            return True
    return False


def test_what_the_user_writes_in_the_very_moment_stays(play: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    at = play.saves()
    play.acts(README_md="run\n", src__app_py="run\n")

    def late(repo: Repo, change: Change, *given: object) -> bool:
        play.user.write("src/app.py", "mine, just now\n")
        return put(repo, change, *given)  # type: ignore[arg-type]

    monkeypatch.setattr("fermata.git.restore.put", late)
    found = play.goes_back(at)
    assert (found.restored, [one[:2] for one in found.skipped]) == (
        ["README.md"],
        [("src/app.py", "changed in this very moment")],
    )
    assert play.files()["src/app.py"] == "mine, just now\n"


def test_an_ignored_file_that_lies_in_the_way_stays(play: Played) -> None:
    """A path that the run deleted, and that the user has made anew where git does not look."""
    play.user.write("was.txt", "was\n")
    at = play.saves()
    play.acts(was_txt=None)
    play.user.write(".git/info/exclude", "was.txt\n")
    play.user.write("was.txt", "secret\n")
    assert [one[:2] for one in play.goes_back(at).skipped] == [("was.txt", "was.txt is there already")]
    assert play.files()["was.txt"] == "secret\n"


# --- who is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("../../HEAD", BadId),
        ("-f", BadId),
        ("HEAD", BadId),
        ("", BadId),
        ("cp_1_aaaa\n", BadId),
        ("cp_1763712000_3fa9", Conflict),
    ],
)
def test_names_that_are_none_of_this_run_s(play: Played, name: str, error: type[Exception]) -> None:
    """K-G14: exit code 8 for what is no id, 4 for another run's or an unknown one."""
    play.saves()
    before = play.files(), play.user.state()
    with pytest.raises(error) as raised:
        rollback.roll_back(play.store, play.user.repo, name)
    assert getattr(raised.value, "exit_code", 0) == (8 if error is BadId else 4)
    assert (play.files(), play.user.state()) == before


def test_nothing_to_undo(play: Played) -> None:
    with pytest.raises(Usage, match="never rolled back"):
        play.undoes()


def test_while_an_agent_is_at_work_nobody_goes_back(play: Played) -> None:
    at = play.saves()
    name = play.begins()
    with pytest.raises(Conflict, match=f"{name}: at work"):
        play.goes_back(at)
    write(play.store, ("run_stopped", {}))  # its agent said nothing any more: nobody is at work
    play.goes_back(at)
    assert play.store.load()["dispatches"][name]["state"] == "failed"


def test_an_agent_that_was_parked_a_moment_ago_may_still_be_at_work(play: Played, tmp_path: Path) -> None:
    at = play.saves()
    name = play.begins()
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text("{}\n")
    write(
        play.store, ("agent_bound", {"id": name, "agent_id": "a", "transcript": str(transcript)}), ("run_stopped", {})
    )
    with pytest.raises(Conflict, match="at work"):
        play.goes_back(at)
    os.utime(transcript, (time.time() - 90, time.time() - 90))
    play.goes_back(at)


@pytest.mark.parametrize("over", [[], [("run_stopped", {})], [("run_aborted", {})]], ids=["on", "parked", "ended"])
def test_a_running_check_is_waited_for(play: Played, tmp_path: Path, over: list[tuple[str, dict[str, Any]]]) -> None:
    """Also where nobody drives the run any more, who would note its end."""
    at = play.saves()
    os.mkfifo(tmp_path / "held")
    command = parse_command(f"cat {shlex.quote(str(tmp_path / 'held'))}")
    body = {"id": "c-001", "node": "steps.0/check", "visit": 1, "name": "tests", "shown": command.shown}
    write(play.store, ("check_started", body), *over)
    folder = play.store.path("checks")
    os.makedirs(folder, exist_ok=True)
    start_check(CheckSpec("c-001", "tests", command, play.user.repo.root, 60, expect_tests=False), folder)
    with pytest.raises(Conflict, match="c-001"):
        play.goes_back(at)
    (tmp_path / "held").write_text("")
    wait_checks(folder, ["c-001"], 15)
    play.goes_back(at)


def test_in_another_work_tree_it_is_refused(play: Played, tmp_path: Path) -> None:
    at = play.saves()
    play.user.git("worktree", "add", "-q", str(tmp_path / "other"))
    with pytest.raises(Conflict, match="another work tree"):
        rollback.roll_back(play.store, Sandbox(tmp_path / "other").repo, at["id"])


# --- what the run is afterwards ---------------------------------------------------------------------------------------


def test_a_worktree_of_the_run_s_own_goes_back_to_its_checkpoint(play: Played, tmp_path: Path) -> None:
    """All that is committed there is the run's; what lies there uncommitted is left."""
    from fermata.loop.checkpoints import make_checkpoint

    play.user.git("worktree", "add", "-q", "-b", "fermata/run", str(tmp_path / "run"))
    tree = Sandbox(tmp_path / "run")
    at = make_checkpoint(play.store, tree.repo, "phase 1")
    tree.write("phase2.txt", "2\n")
    tree.write("README.md", "2\n")
    head = tree.commit("phase 2")
    tree.write("src/app.py", "by hand\n")
    before = play.store.load()["position"]
    found = rollback.roll_back(play.store, tree.repo, at["id"])
    assert (found.restored, found.quarantined, found.others) == (["README.md"], ["phase2.txt"], ["src/app.py"])
    assert tree.git("rev-parse", "HEAD").strip() == head
    assert play.store.load()["position"] == before, "the run works elsewhere"
    assert rollback.roll_back(play.store, tree.repo, found.undo).skipped == []
    assert (tree.root / "phase2.txt").read_text() == "2\n"


def test_a_run_that_has_ended_stays_ended(play: Played) -> None:
    at = play.saves()
    play.acts(one_txt="1\n")
    write(play.store, ("run_aborted", {}))
    position = play.store.load()["position"]
    assert play.goes_back(at).quarantined == ["one.txt"]
    run = play.store.load()
    assert (run["status"], run["position"]) == ("aborted", position)


def test_a_dispatch_that_gave_up_left_its_files_to_the_run(play: Played) -> None:
    at = play.saves()
    name = play.begins()
    play.user.write("half.txt", "half\n")
    tree = play.saves("kept")["tree"]
    body = {"id": name, "reason": "gave up", "changed": ["half.txt"], "tree": tree}
    write(play.store, ("dispatch_failed", body))
    assert play.goes_back(at).quarantined == ["half.txt"]
    write(play.store, dispatch("d-009", "steps.1/build", "write", base_tree=tree), started("d-009"))
