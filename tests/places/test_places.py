"""A whole run in odd places: each ends verified with everything of the user's as it was, or says clearly why it cannot begin.

docs/reference/places.md lists them; every row there names a test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.git.sandbox import Sandbox, make_sandbox
from tests.hooks.driver import LAUNCHER, decision, make_environment, reason
from tests.places.play import NEW, Play, built, make_play, plan, users_own

pytestmark = pytest.mark.timeout(120)
LONG = pytest.mark.long
Prepare = Callable[[Play, Path], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    return make_play(tmp_path)


# --- places where a run works -----------------------------------------------------------------------------------------


def ordinary(_play: Play, _folder: Path) -> None:
    pass


def dirty(play: Play, _folder: Path) -> None:
    """K-G01, K-G05: staged, unstaged, untracked, ignored, and a stash."""
    sandbox = play.sandbox
    sandbox.write("README.md", "stashed\n")
    sandbox.git("stash", "-q")
    sandbox.write("src/app.py", "print('staged')\n")
    sandbox.git("add", "src/app.py")
    sandbox.write("src/app.py", "print('and changed again')\n")
    sandbox.write("README.md", "changed\n")
    sandbox.write("notes.txt")
    for name in ("ignored/.env", "ignored/node_modules/x.js", "data.log"):
        sandbox.write(name)


def detached(play: Play, _folder: Path) -> None:
    play.sandbox.git("checkout", "-q", "--detach")


def shallow(play: Play, folder: Path) -> None:
    play.sandbox.commit("two")
    play.sandbox.git("clone", "-q", "--depth=1", f"file://{play.root}", str(folder / "clone"))
    play.root = str(folder / "clone")


def sparse(play: Play, _folder: Path) -> None:
    play.sandbox.write("far/away.py")
    play.sandbox.commit()
    play.sandbox.git("sparse-checkout", "set", "src", ".fermata")
    assert not os.path.exists(os.path.join(play.root, "far"))


def linked(play: Play, folder: Path) -> None:
    play.sandbox.git("worktree", "add", "-q", "-b", "other", str(folder / "linked work"))
    play.root = str(folder / "linked work")


def subfolder(play: Play, _folder: Path) -> None:
    """A monorepo: the session was started in one of its packages."""
    play.sandbox.write("packages/one/index.js")
    play.sandbox.commit()
    play.below = "packages/one"


def with_submodule(play: Play, folder: Path) -> Sandbox:
    other = make_sandbox(folder / "other")
    play.sandbox.git("submodule", "--quiet", "add", str(other.root), "lib")
    play.sandbox.commit()
    return Sandbox(Path(play.root) / "lib")


def submodule(play: Play, folder: Path) -> None:
    with_submodule(play, folder)


def dirty_submodule(play: Play, folder: Path) -> None:
    with_submodule(play, folder).write("src/app.py", "changed\n")


def uninitialised_submodule(play: Play, folder: Path) -> None:
    with_submodule(play, folder)
    play.sandbox.git("submodule", "--quiet", "deinit", "-f", "lib")


def lfs_pointer(play: Play, _folder: Path) -> None:
    """A pointer as git-lfs leaves it, behind a filter that the repository's own git runs."""
    play.sandbox.write("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    play.sandbox.commit()
    play.sandbox.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    play.sandbox.commit()
    play.sandbox.git("config", "filter.lfs.clean", "cat")
    play.sandbox.git("config", "filter.lfs.required", "true")


def no_identity(play: Play, _folder: Path) -> None:
    """K-G08: nobody to commit as, a signing key that is not there, hooks that fail."""
    play.sandbox.git("config", "commit.gpgsign", "true")
    play.sandbox.git("config", "user.signingkey", "nobody")
    for name in ("pre-commit", "post-checkout", "reference-transaction"):
        play.sandbox.write(f".git/hooks/{name}", "#!/bin/sh\nexit 1\n", 0o755)


def git_variables(play: Play, folder: Path) -> None:
    """K-G16."""
    other = make_sandbox(folder / "another repository")
    names = {"GIT_DIR": ".git", "GIT_WORK_TREE": "", "GIT_INDEX_FILE": ".git/index", "GIT_COMMON_DIR": ".git"}
    play.extra = {name: str(other.root / below) for name, below in names.items()}


def odd_environment(play: Play, folder: Path) -> None:
    """K-E11, K-E12: a poisoned Python, another language and time, CDPATH, and a project with modules of our names."""
    poison = folder / "poison"
    poison.mkdir()
    for name in ("json", "os", "fermata", "click"):
        (poison / f"{name}.py").write_text("raise SystemExit('poisoned')\n")
        play.sandbox.write(f"{name}.py", "raise SystemExit('poisoned')\n")
    play.sandbox.commit()
    names = {"PYTHONPATH": str(poison), "PYTHONSTARTUP": str(poison / "json.py"), "PYTHONHOME": str(poison)}
    play.extra = {**names, "LANG": "C", "LC_ALL": "C", "TZ": "Pacific/Chatham", "CDPATH": str(folder), "IFS": "/"}


def no_home(play: Play, _folder: Path) -> None:
    """XDG_DATA_HOME is all that is needed."""
    play.without = ("HOME", "LANG", "TZ")


def shims_first(play: Play, folder: Path) -> None:
    """A version manager's shim that asks a Python of its own, and fails where no version is chosen."""
    shims = folder / "shims"
    shims.mkdir()
    for name in ("python3", "python"):
        (shims / name).write_text("#!/bin/sh\necho 'pyenv: no version is set' >&2\nexit 127\n")
        (shims / name).chmod(0o755)
    play.extra = {"PATH": f"{shims}:{os.environ['PATH']}"}


def no_network(play: Play, _folder: Path) -> None:
    play.wrap = ("unshare", "-rn")


def process_space(play: Play, _folder: Path) -> None:
    """As Claude Code's Bash sandbox on Linux: what a command leaves running is killed with it."""
    play.wrap = ("unshare", "-r", "--pid", "--fork", "--kill-child")
    play.extra = {"SANDBOX_RUNTIME": "1"}


WORKS: list[tuple[Prepare, bool]] = [
    (ordinary, False),
    (dirty, True),
    (detached, False),
    (shallow, False),
    (sparse, False),
    (linked, False),
    (subfolder, False),
    (submodule, False),
    (dirty_submodule, True),
    (uninitialised_submodule, False),
    (lfs_pointer, False),
    (no_identity, False),
    (git_variables, False),
    (odd_environment, True),
    (no_home, False),
    (shims_first, False),
    (no_network, False),
    (process_space, True),
]


def namespaces(*words: str) -> bool:
    """Whether this machine lets us make what *words* ask `unshare` for."""
    return subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0 if words else True


@pytest.mark.parametrize(
    "prepare",
    [pytest.param(row, id=row.__name__, marks=() if everyday else (LONG,)) for row, everyday in WORKS],
)
def test_a_whole_run_is_verified_and_the_users_own_is_as_it_was(play: Play, tmp_path: Path, prepare: Prepare) -> None:
    prepare(play, tmp_path)
    if not namespaces(*play.wrap):
        pytest.skip(f"`{' '.join(play.wrap)}` is not permitted here")
    before, head = users_own(play.sandbox), play.sandbox.git("rev-parse", "HEAD")
    assert "DONE: the run is complete" in play.whole()
    (name,) = play.project.run_ids()
    assert play.project.run(name).load()["dispatches"]["d-002"]["changed"] == [NEW]
    assert users_own(play.sandbox) == before
    assert play.sandbox.git("rev-parse", "HEAD") == head
    assert play.data.marker(play.session) is None


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("two words", id="blank", marks=LONG),
        pytest.param('it\'s "quoted" $HOME `x`', id="quotes", marks=LONG),
        pytest.param("line\nbreak", id="newline"),
        pytest.param("пример 例 é", id="non-ascii", marks=LONG),
        pytest.param("-rf", id="like-an-option", marks=LONG),
        pytest.param("/".join(["a" * 50] * 4), id="two-hundred-characters", marks=LONG),
        pytest.param("[a-z]*?{x}", id="glob", marks=LONG),
    ],
)
def test_a_path_of_any_name(tmp_path: Path, name: str) -> None:
    play = make_play(tmp_path, name)
    assert "DONE: the run is complete" in play.whole()


# --- places where it says why not -------------------------------------------------------------------------------------


def conflict(play: Play, *words: str) -> None:
    """A branch that changed the same line, and *words* to bring it in."""
    sandbox = play.sandbox
    sandbox.git("checkout", "-q", "-b", "side")
    sandbox.write("README.md", "side\n")
    sandbox.commit()
    sandbox.git("checkout", "-q", "main")
    sandbox.write("README.md", "main\n")
    sandbox.commit()
    sandbox.git(*words, code=1)


def merging(play: Play, _folder: Path) -> None:
    conflict(play, "merge", "-q", "side")


def rebasing(play: Play, _folder: Path) -> None:
    conflict(play, "rebase", "-q", "side")


def picking(play: Play, _folder: Path) -> None:
    conflict(play, "cherry-pick", "side")


def reverting(play: Play, _folder: Path) -> None:
    play.sandbox.git("revert", "--no-commit", "HEAD")


def bisecting(play: Play, _folder: Path) -> None:
    play.sandbox.commit("two")
    play.sandbox.git("bisect", "start")


def no_commit(play: Play, folder: Path) -> None:
    play.root = str(make_sandbox(folder / "empty", commits=False).root)


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        pytest.param(merging, "a merge is in progress in", id="merging"),
        pytest.param(rebasing, "a rebase is in progress in", id="rebasing", marks=LONG),
        pytest.param(picking, "a cherry-pick is in progress in", id="picking", marks=LONG),
        pytest.param(reverting, "a revert is in progress in", id="reverting", marks=LONG),
        pytest.param(bisecting, "a bisect is in progress in", id="bisecting", marks=LONG),
        pytest.param(no_commit, "has no commit yet; make the first one", id="no_commit"),
    ],
)
def test_start_is_refused_with_the_next_move_and_leaves_the_session_free(
    play: Play, tmp_path: Path, prepare: Prepare, says: str
) -> None:
    """K-G07, K-G09."""
    prepare(play, tmp_path)
    before = users_own(play.sandbox)
    assert decision(play.type("build", "Add a thing")) == "silent"
    said = play.fermata("start")
    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert "type /build again" in said.err
    assert users_own(play.sandbox) == before
    assert play.data.marker(play.session) is None
    assert play.project.run_ids() == []


def no_git(folder: Path) -> str:
    (folder / "plain").mkdir()
    return str(folder / "plain")


def bare(folder: Path) -> str:
    make_sandbox(folder / "one").git("clone", "-q", "--bare", ".", "../bare.git")
    return str(folder / "bare.git")


def git_folder(folder: Path) -> str:
    return str(make_sandbox(folder / "one").root / ".git")


def lost_worktree(folder: Path) -> str:
    make_sandbox(folder / "one").git("worktree", "add", "-q", "../two")
    shutil.rmtree(folder / "one")
    return str(folder / "two")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(no_git, 'Run: git init && git add -A && git commit -m "Begin"', id="no_git"),
        pytest.param(bare, "is a bare repository or a git folder, without files to work on", id="bare"),
        pytest.param(git_folder, "is a bare repository or a git folder", id="git_folder"),
        pytest.param(lost_worktree, "git worktree repair", id="lost_worktree"),
    ],
)
def test_where_there_is_no_repository_nothing_is_made(tmp_path: Path, make: Callable[[Path], str], says: str) -> None:
    play = Play(tmp_path, root=Path(make(tmp_path)))
    make_environment(play.env())
    before = sorted(os.walk(play.root))
    for command, typed in (("orchestrate", "/orchestrate"), ("resume", "/fermata:resume"), ("build", "/build")):
        outcome = play.type(command, "Add a thing")
        assert decision(outcome) == "block"
        assert says in reason(outcome)
        assert f"then type {typed} again" in reason(outcome)
    done = subprocess.run([LAUNCHER, "status"], cwd=play.root, env=play.env(), capture_output=True, check=False)
    assert (done.returncode, says in done.stderr.decode()) == (2, True)
    assert sorted(os.walk(play.root)) == before
    assert play.data.marker(play.session) is None


def test_the_offered_commands_make_a_place_where_a_run_works(tmp_path: Path) -> None:
    play = Play(tmp_path, root=Path(no_git(tmp_path)))
    make_environment(play.env())
    play.sandbox.write("check.sh", "exit 0\n")
    play.sandbox.write(".fermata/config.yaml", "checks: {full: [{name: tests, command: sh check.sh, tests: false}]}\n")
    words = reason(play.type("build", "Add a thing")).partition("Run: ")[2].partition(". A line")[0]
    identity = {
        "GIT_AUTHOR_NAME": "U",
        "GIT_AUTHOR_EMAIL": "u@x",
        "GIT_COMMITTER_NAME": "U",
        "GIT_COMMITTER_EMAIL": "u@x",
    }
    subprocess.run(["/bin/sh", "-c", words], cwd=play.root, env={**play.env(), **identity}, check=True)
    assert "DONE: the run is complete" in play.whole()


def test_a_plan_that_reaches_into_a_submodule_is_sent_back(play: Play, tmp_path: Path) -> None:
    with_submodule(play, tmp_path)
    play.type("build", "Add a thing")
    told = play.settled("start")
    refused = play.agent(told, plan("lib/src/**"))
    assert decision(refused) == "block"
    assert "it lies in the submodule `lib`" in reason(refused)


def test_what_an_agent_changes_in_a_submodule_is_outside_its_scope(play: Play, tmp_path: Path) -> None:
    sub = with_submodule(play, tmp_path)
    play.planned()
    sub.write("src/app.py", "changed by the user before\n")
    told = play.approves()
    sub.write("src/more.py")
    refused = play.agent(told, built(NEW), NEW)
    sub.write("src/app.py", "changed by the agent\n")
    refused = play.hand_in("ad002", built(NEW))
    assert decision(refused) == "block"
    assert f"changed outside your scope ({NEW}): lib" in reason(refused)
