"""The final merge: it moves the user's branch where nothing of theirs could be lost, and otherwise changes nothing at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from fermata.git import landing, unfinished_landing
from fermata.git.landing import Home, Landed, land, look
from fermata.git.repo import GitError, Repo
from fermata.git.run import run_users_git
from fermata.git.run_branch import BadName, branch_commit, commit_tree_on, tree_of
from fermata.git.snapshot import take_snapshot
from fermata.git.three_way import merge_commits
from fermata.git.worktrees import free_path, make_worktree
from tests.git.sandbox import Sandbox, make_sandbox

RUN = "orch_20261121_091502_3fa9"
NAME = f"fermata/{RUN}"
Act = Callable[[Sandbox], object]


class Ready:
    """A user's tree and a run's branch with something of everything to merge."""

    def __init__(self, user: Sandbox, home: Home, target: str) -> None:
        self.user, self.home, self.target = user, home, target

    def land(self, seconds: float = 60) -> Landed:
        return land(self.user.repo, self.home, "Merge the run's work", seconds)

    def is_done(self, found: Landed) -> None:
        assert found == Landed(self.user.git("rev-parse", "main").strip(), "", "")
        assert self.user.git("log", "-1", "--format=%P").split() == [self.home.base, self.target]
        assert self.user.git("status", "--porcelain", "--untracked-files=no") == ""
        assert (self.user.root / "new dir/made.txt").read_text() == "new\n"
        assert not (self.user.root / "delete.txt").exists()
        assert self.user.git("for-each-ref", f"refs/fermata/{RUN}/landing") == ""

    def is_as(self, before: dict[str, str]) -> None:
        assert mine(self.user) == before


def prepare(user: Sandbox, name: str = "main") -> Ready:
    user.git("config", "user.name", "U")
    user.git("config", "user.email", "u@example.org")
    for path in ("change.txt", "delete.txt", "folder/only"):
        user.write(path, "old\n")
    home = Home(RUN, name, user.commit())
    user.write("change.txt", "new\n")
    (user.root / "delete.txt").unlink()
    user.write("new dir/made.txt", "new\n", 0o755)
    user.write("made.secret", "new\n")
    tree = take_snapshot(user.repo)
    user.git("stash", "-q", "-u")
    user.git("stash", "drop", "-q")
    return Ready(user, home, commit_tree_on(user.repo, RUN, tree, "Phase 1", (home.base,)))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    return prepare(make_sandbox(tmp_path_factory.mktemp("prepared") / "project"))


@pytest.fixture
def ready(prepared: Ready, tmp_path: Path) -> Ready:
    shutil.copytree(prepared.user.root, tmp_path / "project", symlinks=True)
    user = Sandbox(tmp_path / "project")
    user.git("update-index", "-q", "--refresh")
    return Ready(user, prepared.home, prepared.target)


def mine(user: Sandbox) -> dict[str, str]:
    """All that is the user's: files, branches, reflogs, stash and status; the index by its entries, not by its times."""
    found = {
        key: value for key, value in user.state().items() if "/refs/fermata/" not in key and "/.fermata/" not in key
    }
    found[f"{user.root}/.git/index"] = user.git("ls-files", "-s", "-v", "-z")
    found.pop(f"{user.root}/.git/ORIG_HEAD", None)
    return found


def exact(user: Sandbox) -> dict[str, str]:
    """The same, and the index byte for byte."""
    return {**mine(user), "index": (user.root / ".git/index").read_bytes().hex()}


def test_it_lands_once(ready: Ready) -> None:
    ready.user.write("untracked.txt", "mine\n")
    assert look(ready.user.repo, ready.home).why == ""
    found = ready.land()
    ready.is_done(found)
    assert ready.user.git("log", "-1", "--format=%an %s").strip() == "U Merge the run's work"
    assert (ready.user.root / "untracked.txt").read_text() == "mine\n"
    before = exact(ready.user)
    assert ready.land() == found
    assert exact(ready.user) == before


def test_a_look_changes_nothing(ready: Ready) -> None:
    ready.user.write("change.txt", "mine\n")
    before = exact(ready.user)
    found = look(ready.user.repo, ready.home)
    assert (found.here, found.head, found.moved, found.dirty) == (True, ready.home.base, False, ["change.txt"])
    assert exact(ready.user) == before


def _staged(user: Sandbox) -> None:
    user.write("README.md", "mine\n")
    user.git("add", "README.md")
    user.write("README.md", "hello\n")


def _ignored(path: str) -> Act:
    def act(user: Sandbox) -> None:
        user.write(".git/info/exclude", "*.secret\nnew dir\n")
        user.write(path, "mine\n")

    return act


def _assumed(user: Sandbox) -> None:
    user.git("update-index", "--assume-unchanged", "change.txt")
    user.write("change.txt", "mine\n")


def _merging(user: Sandbox) -> None:
    user.git("checkout", "-q", "-b", "side")
    user.commit("on the side")
    user.git("checkout", "-q", "main")
    user.git("merge", "-q", "--no-ff", "--no-commit", "side")


def _elsewhere(user: Sandbox) -> None:
    user.git("checkout", "-q", "--detach")
    user.git("worktree", "add", "-q", str(user.root.parent / "second one"), "main")


def _marked(name: str) -> Act:
    return lambda user: user.write(f".git/{name}", user.git("rev-parse", "HEAD"))


OBSTACLES: dict[str, tuple[Act, str, str]] = {
    "dirty": (lambda u: u.write("README.md", "mine\n"), "not committed yet: README.md", "commit or stash"),
    "dirty-in-its-way": (lambda u: u.write("change.txt", "mine\n"), "not committed yet: change.txt", "commit or stash"),
    "deleted": (lambda u: (u.root / "README.md").unlink(), "not committed yet: README.md", "commit or stash"),
    "mode": (lambda u: (u.root / "README.md").chmod(0o755), "not committed yet: README.md", "commit or stash"),
    "staged-only": (_staged, "not committed yet: README.md", "commit or stash"),
    "assume-unchanged": (_assumed, "not committed yet: change.txt", "commit or stash"),
    "untracked-in-the-way": (
        lambda u: u.write("made.secret", "mine\n"),
        "does not track: made.secret",
        "move that away",
    ),
    "ignored-in-the-way": (_ignored("made.secret"), "does not track: made.secret", "move that away"),
    "ignored-file-where-a-folder-comes": (_ignored("new dir"), "does not track: new dir", "move that away"),
    "folder-where-a-file-comes": (_ignored("made.secret/x"), "does not track: made.secret", "move that away"),
    "same-untracked": (lambda u: u.write("made.secret", "new\n"), "does not track: made.secret", "move that away"),
    "merge": (_merging, "a merge is under way", "finish it or abort it"),
    "cherry-pick": (_marked("CHERRY_PICK_HEAD"), "a cherry-pick is under way", "finish it or abort it"),
    "revert": (_marked("REVERT_HEAD"), "a revert is under way", "finish it or abort it"),
    "rebase": (lambda u: u.write(".git/rebase-merge/x"), "a rebase is under way", "finish it or abort it"),
    "bisect": (_marked("BISECT_LOG"), "a bisect is under way", "finish it or abort it"),
    "another-branch": (lambda u: u.git("checkout", "-q", "-b", "other"), "another branch than main", "git switch main"),
    "detached": (lambda u: u.git("checkout", "-q", "--detach"), "another branch than main", "git switch main"),
    "elsewhere": (_elsewhere, "second one", "in that folder"),
    "gone": (
        lambda u: u.git("checkout", "-q", "--orphan", "x") + u.git("branch", "-D", "main"),
        "not there any",
        "check out",
    ),
    "moved": (lambda u: u.commit("mine"), "main has commits that fermata/", "git merge"),
    "rewritten": (lambda u: u.git("commit", "-q", "--amend", "-m", "anew"), "main was rewritten", "git merge"),
    "reset-back": (lambda u: u.git("reset", "-q", "--hard", "HEAD~1"), "main was rewritten", "git merge"),
}


EVERYDAY = ("dirty", "staged-only", "ignored-in-the-way", "merge", "another-branch", "elsewhere", "moved", "rewritten")
ROWS = [pytest.param(name, marks=[] if name in EVERYDAY else pytest.mark.long) for name in OBSTACLES]


@pytest.mark.parametrize("name", ROWS)
def test_k_g07_where_it_must_not_move_nothing_changes(ready: Ready, name: str) -> None:
    act, why, how = OBSTACLES[name]
    ready.user.write("keep.log", "ignored\n")
    ready.user.write("README.md", "stashed\n")
    ready.user.git("stash", "-q")
    act(ready.user)
    before = exact(ready.user)
    found = ready.land()
    assert found.commit is None
    assert why in found.why
    assert how in found.how
    assert f"git merge {NAME}" in found.how
    assert exact(ready.user) == before
    assert branch_commit(ready.user.repo, RUN) == ready.target


def test_a_run_that_began_on_no_branch(ready: Ready) -> None:
    found = land(ready.user.repo, ready.home._replace(branch=None), "x")
    assert found.commit is None
    assert "no branch" in found.why
    with pytest.raises(BadName):
        look(ready.user.repo, ready.home._replace(branch="--upload-pack=x"))


# --- the user's hooks, their signing, and nobody else's programs ------------------------------------------------------

HOOKS = ("pre-merge-commit", "prepare-commit-msg", "commit-msg", "post-merge")


def hook(user: Sandbox, name: str, text: str) -> None:
    user.write(f".git/hooks/{name}", f"#!/bin/sh\n{text}\n", 0o755)


def test_the_users_hooks_run(ready: Ready) -> None:
    for name in (*HOOKS, "post-checkout", "pre-commit"):
        hook(ready.user, name, f'echo {name} >> "{ready.user.root.parent}/ran"')
    ready.is_done(ready.land())
    assert (ready.user.root.parent / "ran").read_text().split() == list(HOOKS)


@pytest.mark.parametrize("name", [HOOKS[0], *(pytest.param(name, marks=pytest.mark.long) for name in HOOKS[1:3])])
def test_a_hook_that_refuses_leaves_all_as_it_was(ready: Ready, name: str) -> None:
    hook(ready.user, name, "echo 'no merges on a Friday' >&2; exit 1")
    ready.user.write("untracked.txt", "mine\n")
    before = mine(ready.user)
    found = ready.land()
    assert found.commit is None
    assert "no merges on a Friday" in found.why
    assert found.how == f"git merge {NAME}"
    ready.is_as(before)
    assert ready.user.git("status", "--porcelain") == "?? untracked.txt\n"
    (ready.user.root / f".git/hooks/{name}").unlink()
    ready.is_done(ready.land())


def test_a_hook_that_formats_and_refuses_leaves_all_as_it_was(ready: Ready) -> None:
    hook(ready.user, "pre-merge-commit", "echo formatted >> change.txt; rm 'new dir/made.txt'; exit 1")
    before = mine(ready.user)
    assert ready.land().commit is None
    ready.is_as(before)
    assert "formatted" in ready.user.git("show", f"refs/fermata/{RUN}/landing-left:change.txt")


@pytest.mark.long
def test_a_hook_that_changes_the_merge_is_told_of(ready: Ready) -> None:
    hook(ready.user, "pre-merge-commit", "echo formatted >> change.txt; git add change.txt")
    found = ready.land()
    assert found.commit == ready.user.git("rev-parse", "main").strip()
    assert "change.txt" in found.why


def test_a_hook_without_end_is_ended_with_all_it_started(ready: Ready) -> None:
    pid = ready.user.root.parent / "pid"
    hook(ready.user, "commit-msg", f"sleep 300 & echo $! > '{pid}'; wait")
    before = mine(ready.user)
    found = ready.land(seconds=0.7)
    assert "no end within 0.7 s" in found.why
    ready.is_as(before)
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", pid.read_text().strip()], capture_output=True, text=True, check=False
    )
    assert state.stdout.strip()[:1] in ("", "Z")


@pytest.mark.long
def test_signing_that_fails_leaves_all_as_it_was(ready: Ready) -> None:
    ready.user.git("config", "commit.gpgsign", "true")
    ready.user.git("config", "gpg.program", "/bin/false")
    before = mine(ready.user)
    found = ready.land()
    assert "gpg failed to sign" in found.why
    ready.is_as(before)


def test_what_the_user_configured_for_their_own_merges_does_not_bend_it(ready: Ready) -> None:
    for key, value in (
        ("branch.main.mergeOptions", "--squash -s ours"),
        ("merge.ff", "only"),
        ("merge.autoStash", "true"),
        ("pull.twohead", "ours"),
        ("core.editor", "false"),
    ):
        ready.user.git("config", key, value)
    ready.is_done(ready.land())


@pytest.mark.long
def test_without_a_name_fermata_is_the_author(ready: Ready) -> None:
    ready.user.git("config", "--unset", "user.name")
    ready.user.git("config", "--unset", "user.email")
    ready.is_done(ready.land())
    assert ready.user.git("log", "-1", "--format=%an").strip() == "fermata"


def test_k_g15_only_the_merge_itself_runs_what_is_configured(ready: Ready, tmp_path: Path) -> None:
    spy = f"touch '{tmp_path}/CANARY'; cat"
    for key in ("core.fsmonitor", "core.pager", "diff.external", "filter.spy.clean", "filter.spy.smudge"):
        ready.user.git("config", key, spy)
    ready.user.git("config", "merge.spy.driver", spy)
    ready.user.write(".git/info/attributes", "* filter=spy merge=spy\n")
    for name in (*HOOKS, "post-checkout", "post-index-change", "reference-transaction", "pre-commit", "post-commit"):
        hook(ready.user, name, spy)
    ready.user.write("other.txt")
    new = take_snapshot(ready.user.repo)
    head = ready.user.git(
        *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor="), "commit-tree", "-p", "HEAD", "-m", "x", new
    )
    (tmp_path / "CANARY").unlink(missing_ok=True)
    look(ready.user.repo, ready.home)
    assert merge_commits(ready.user.repo, ready.target, head.strip()).conflicts == []
    (ready.user.root / ".git/CHERRY_PICK_HEAD").write_text(head)
    assert ready.land().commit is None
    assert not (tmp_path / "CANARY").exists()


def test_k_g16_a_foreign_environment_is_ignored(ready: Ready, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_COMMITTER_NAME", "From the environment")
    found = ready.land()
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.delenv(name)
    ready.is_done(found)
    assert ready.user.git("log", "-1", "--format=%cn").strip() == "From the environment"


# --- catching up --------------------------------------------------------------------------------------------------


def test_it_catches_up_and_lands(ready: Ready) -> None:
    ready.user.write("mine.txt", "mine\n")
    head = ready.user.commit("mine")
    assert look(ready.user.repo, ready.home).moved
    merged = merge_commits(ready.user.repo, ready.target, head)
    assert merged.conflicts == []
    commit_tree_on(ready.user.repo, RUN, merged.tree, "Catch up", (ready.target, head))
    assert not look(ready.user.repo, ready.home).moved
    assert ready.land() == Landed(ready.user.git("rev-parse", "main").strip(), "", "")
    assert (ready.user.root / "mine.txt").read_text() == "mine\n"
    assert (ready.user.root / "change.txt").read_text() == "new\n"


def test_what_both_changed_is_left_to_be_resolved(ready: Ready) -> None:
    ready.user.write("change.txt", "mine\n")
    head = ready.user.commit("mine")
    before = exact(ready.user)
    found = merge_commits(ready.user.repo, ready.target, head)
    assert [tuple(conflict) for conflict in found.conflicts] == [("change.txt", "content")]
    assert branch_commit(ready.user.repo, RUN) == ready.target
    assert exact(ready.user) == before
    ready.user.write("change.txt", "both\n")
    resolved = take_snapshot(ready.user.repo)
    ready.user.git("checkout", "-q", "change.txt")
    commit_tree_on(ready.user.repo, RUN, resolved, "Catch up", (ready.target, head))
    assert ready.land().commit


def test_no_history_in_common_is_told(ready: Ready) -> None:
    ready.user.git("checkout", "-q", "--orphan", "other")
    with pytest.raises(GitError, match="unrelated"):
        merge_commits(ready.user.repo, ready.target, ready.user.commit("other"))


# --- crashes ------------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """As a crash at one call."""


STEPS = ("keep_tree", "before-merge", "after-merge", "forget")


@pytest.mark.long
@pytest.mark.parametrize("step", STEPS)
def test_killed_between_two_steps_it_lands_all_the_same(
    ready: Ready, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = run_users_git

    def dies(*given: object, **named: object) -> object:
        if step == "after-merge":
            real(*given, **named)  # type: ignore[arg-type]
        raise Killed

    with monkeypatch.context() as patched:
        if step == "forget":
            patched.setattr(landing, "forget", dies)
        elif step == "keep_tree":
            patched.setattr(unfinished_landing, "keep_tree", dies)
        else:
            patched.setattr(landing, "run_users_git", dies)
        with pytest.raises(Killed):
            ready.land()
    ready.is_done(ready.land())


def struck(at: int, when: str) -> Callable[..., object]:
    """`subprocess.run`, killed before or after its call number *at*."""
    real, count = subprocess.run, iter(range(1, 1_000))

    def call(*given: object, **named: object) -> object:
        now = next(count) == at
        if now and when == "before":
            raise Killed
        done = real(*given, **named)  # type: ignore[call-overload]
        if now:
            raise Killed
        return done

    return call


@pytest.mark.long
@pytest.mark.parametrize("refused", [False, True], ids=["lands", "is-refused"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_of_its_processes(prepared: Ready, tmp_path: Path, when: str, refused: bool) -> None:
    """Before or after each git that it starts: the next call lands, or the tree is as it was."""
    for number in range(1, 200):
        place = tmp_path / str(number)
        shutil.copytree(prepared.user.root, place, symlinks=True)
        ready, found = Ready(Sandbox(place), prepared.home, prepared.target), None
        if refused:
            hook(ready.user, "commit-msg", "exit 1")
        before = mine(ready.user)
        with pytest.MonkeyPatch.context() as patched, suppress(Killed):
            patched.setattr(subprocess, "run", struck(number, when))
            found = ready.land()
        again = ready.land()
        if refused:
            assert again.commit is None, number
            ready.is_as(before)
        else:
            ready.is_done(again)
        shutil.rmtree(place)
        if found is not None:
            assert number > 20, "the faults reached nothing"
            return
    pytest.fail("it never ended by itself")


CALLER = """
import sys
from fermata.git.landing import Home, land
from fermata.git.repo import find_repo
land(find_repo(sys.argv[1]), Home(*sys.argv[2:]), "Merge the run's work", 60)
"""


def test_fermata_killed_while_git_goes_on(ready: Ready, tmp_path: Path) -> None:
    """Nothing is taken back under a git that is still at work; once it has ended, its merge is found."""
    told, go = tmp_path / "told", tmp_path / "go"
    os.mkfifo(told)
    os.mkfifo(go)
    hook(ready.user, "commit-msg", f"echo > '{told}'; read _ < '{go}'")
    env = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.dirname(landing.__file__)))}
    with subprocess.Popen(
        [sys.executable, "-c", CALLER, str(ready.user.root), RUN, "main", ready.home.base], env=env
    ) as caller:
        told.read_text()
        caller.kill()
    found = ready.land(seconds=0.1)
    assert found.commit is None
    assert "at work here already" in found.why
    assert (ready.user.root / ".git/MERGE_HEAD").exists()
    go.write_text("\n")
    ready.is_done(ready.land())


@pytest.mark.parametrize("user", ["stays", "edits-its-file", "edits-another", "stages", "commits", "resolves-by-hand"])
def test_git_killed_in_a_hook(ready: Ready, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and index are the merge's then, HEAD is not; what the user does before fermata comes again is theirs."""
    real = run_users_git

    def killed(*given: object, **named: object) -> object:
        real(*given, **named)  # type: ignore[arg-type]
        raise Killed

    hook(ready.user, "commit-msg", "kill -9 $PPID")
    with monkeypatch.context() as patched:
        patched.setattr(landing, "run_users_git", killed)
        with pytest.raises(Killed):
            ready.land()
    (ready.user.root / ".git/hooks/commit-msg").unlink()
    assert (ready.user.root / ".git/MERGE_HEAD").exists()
    if user == "stays":
        ready.is_done(ready.land())
        return
    if user in ("commits", "resolves-by-hand"):
        if user == "resolves-by-hand":
            ready.user.write("change.txt", "mine\n")
        ready.user.commit("by hand")
        found = ready.land()
        assert found.commit == ready.user.git("rev-parse", "main").strip()
        assert found.why.endswith("changed: change.txt" if user == "resolves-by-hand" else "")
        return
    path = "README.md" if user == "edits-another" else "change.txt"
    ready.user.write(path, "mine\n")
    if user == "stages":
        ready.user.git("add", path)
    found = ready.land()
    assert found.commit is None
    assert (ready.user.root / path).read_text() == "mine\n"
    assert ("index holds more" if user == "stages" else f"not committed yet: {path}") in found.why


@pytest.mark.parametrize(
    "half",
    ["files", "and-mine", *(pytest.param(x, marks=pytest.mark.long) for x in ("files-and-index", "with-lock", "torn"))],
)
def test_git_killed_while_it_wrote_files(ready: Ready, half: str) -> None:
    """As a machine that stopped leaves it: the mark is there, some files are the merge's."""
    unfinished_landing.set_mark(ready.user.repo, RUN, ready.home.base)
    before = mine(ready.user)
    ready.user.git("checkout", "-q", NAME, "--", "change.txt", "new dir/made.txt")
    if half == "files-and-index":
        ready.user.git("read-tree", NAME)
    else:
        ready.user.git("read-tree", "HEAD")
    lock = ready.user.root / ".git/index.lock"
    if half == "with-lock":
        lock.write_text("")
        found = ready.land()
        assert "index.lock is there" in found.why
        lock.unlink()
    if half in ("and-mine", "torn"):
        ready.user.write("change.txt", "mine\n" if half == "and-mine" else "ne")
        found = ready.land()
        assert found.commit is None
        assert found.why == "not committed yet: change.txt"
        assert not (ready.user.root / "new dir").exists(), "what is the merge's alone is taken back"
        ready.user.git("checkout", "-q", "change.txt")
        ready.is_as(before)
    ready.is_done(ready.land())


def test_no_hook_runs_when_it_is_taken_back(ready: Ready) -> None:
    unfinished_landing.set_mark(ready.user.repo, RUN, ready.home.base)
    before = mine(ready.user)
    ready.user.git("read-tree", "-m", "-u", "HEAD", NAME)
    hook(ready.user, "post-index-change", f"touch '{ready.user.root.parent}/CANARY'")
    assert unfinished_landing.take_back(ready.user.repo, RUN, ready.target, crashed=True) is None
    assert not (ready.user.root.parent / "CANARY").exists()
    (ready.user.root / ".git/hooks/post-index-change").unlink()
    ready.is_as({key: value for key, value in before.items() if not key.endswith(f"{RUN}/landing")})


def test_a_users_own_merge_of_it_is_never_aborted(ready: Ready) -> None:
    ready.user.git("merge", "-q", "--no-ff", "--no-commit", NAME)
    before = exact(ready.user)
    found = ready.land()
    assert "a merge is under way" in found.why
    assert exact(ready.user) == before


def test_merged_by_hand_it_is_done(ready: Ready) -> None:
    ready.user.git("merge", "-q", NAME)  # a fast-forward
    assert ready.land() == Landed(ready.target, "", "")
    ready.user.commit("and on")
    assert ready.land().commit == ready.user.git("rev-parse", "main").strip()


# --- odd repositories -------------------------------------------------------------------------------------------------


def test_in_a_linked_worktree_of_the_users(tmp_path: Path) -> None:
    main = make_sandbox(tmp_path / "a project")
    main.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "second one"))
    ready = prepare(Sandbox(tmp_path / "second one"), "side")
    before = exact(main)
    assert ready.land().commit == main.git("rev-parse", "side").strip()
    after = exact(main)
    assert before["index"] == after["index"]
    assert main.git("status", "--porcelain") == ""


def test_a_sparse_checkout_lands_and_stays_sparse(ready: Ready) -> None:
    ready.user.git("sparse-checkout", "set", "--no-cone", "/src/", "/README.md", "/.gitignore")
    assert not (ready.user.root / "change.txt").exists()
    found = ready.land()
    assert found.commit
    assert ready.user.git("status", "--porcelain") == ""
    assert not (ready.user.root / "new dir").exists()


def test_a_shallow_clone_lands(tmp_path: Path) -> None:
    first = make_sandbox(tmp_path / "first")
    first.commit("more")
    first.git("clone", "-q", "--depth", "1", f"file://{first.root}", str(tmp_path / "second"))
    ready = prepare(Sandbox(tmp_path / "second"))
    ready.is_done(ready.land())


def test_a_submodule_lands_by_its_commit(sandbox: Sandbox, tmp_path: Path) -> None:
    inner = make_sandbox(tmp_path / "inner")
    sandbox.git("submodule", "add", "-q", str(inner.root), "sub")
    ready = prepare(sandbox)
    ready.user.write("sub/README.md", "not committed\n")
    assert ready.land().commit
    assert (ready.user.root / "sub/README.md").read_text() == "not committed\n"


@pytest.mark.long
def test_line_endings_as_the_user_has_them(ready: Ready) -> None:
    ready.user.git("config", "core.autocrlf", "true")
    ready.user.git("rm", "-q", "--cached", "-r", ".")
    ready.user.git("reset", "-q", "--hard")
    assert (ready.user.root / "change.txt").read_bytes() == b"old\r\n"
    assert ready.land().commit
    assert (ready.user.root / "change.txt").read_bytes() == b"new\r\n"
    assert ready.user.git("show", "HEAD:change.txt") == "new\n"


def test_what_a_filter_keeps_elsewhere_is_fetched_by_it(ready: Ready) -> None:
    """As git-lfs does: the commit holds a pointer, the work tree what it leads to."""
    ready.user.git("config", "filter.big.smudge", "sed s/new/REAL/")
    ready.user.git("config", "filter.big.clean", "sed s/REAL/new/")
    ready.user.git("config", "filter.big.required", "true")
    ready.user.write(".git/info/attributes", "*.txt filter=big\n")
    assert ready.land().commit
    assert (ready.user.root / "change.txt").read_text() == "REAL\n"
    assert ready.user.git("status", "--porcelain") == ""


@pytest.mark.long
def test_before_the_first_commit_it_is_refused(tmp_path: Path) -> None:
    empty = make_sandbox(tmp_path / "empty", commits=False)
    empty.write("a")
    tree = take_snapshot(empty.repo)
    commit = empty.git("commit-tree", "-m", "x", tree).strip()
    commit_tree_on(empty.repo, RUN, tree, "x", (commit,))
    found = land(empty.repo, Home(RUN, "main", commit), "x")
    assert "not there any more" in found.why
    subprocess.run(["git", "-C", str(empty.root), "status"], check=True, capture_output=True)


@pytest.mark.long
def test_a_killed_look_leaves_nothing(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(repo: Repo) -> str:
        del repo
        raise Killed

    before = exact(ready.user)
    with monkeypatch.context() as patched:
        patched.setattr(landing, "take_snapshot", dies)
        with pytest.raises(Killed):
            ready.land()
    assert exact(ready.user) == before


def test_k_g18_the_runs_branch_and_tree_survive_what_a_user_does_to_theirs(ready: Ready) -> None:
    path = free_path(ready.user.repo, RUN, "tree")
    make_worktree(ready.user.repo, path, ready.target, [])
    ready.user.write("mine.txt", "mine\n")
    ready.user.git("stash", "-q", "-u")
    ready.user.git("clean", "-q", "-f", "-d", "-x")
    ready.user.git("checkout", "-q", "-b", "other")
    assert take_snapshot(Sandbox(ready.user.root / path).repo) == tree_of(ready.user.repo, ready.target)
    assert "another branch" in ready.land().why
    ready.user.git("checkout", "-q", "main")
    ready.is_done(ready.land())
    assert ready.user.git("stash", "list").count("\n") == 1
