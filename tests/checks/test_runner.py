from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fermata.checks import runner
from fermata.checks.command import parse_command
from fermata.checks.runner import (
    CheckError,
    CheckSpec,
    Lost,
    Running,
    load_spec,
    read_check,
    start_check,
    stop_check,
    wait_checks,
)
from fermata.core.evidence import Counts, Evidence, judge

PYTHON = shlex.quote(sys.executable)


class Bench:
    """A project folder and a folder for checks; `run` is start, wait, read."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "pro ject"
        self.root.mkdir()
        self.folder = tmp_path / "checks"
        self.folder.mkdir()
        self.ids: list[str] = []

    def start(self, text: str, **fields: Any) -> str:
        check_id = str(fields.pop("id", f"c-{len(self.ids) + 1}"))
        values = {"name": "tests", "root": str(self.root), "time_limit": 15.0, **fields}
        start_check(CheckSpec(id=check_id, command=parse_command(text), **values), str(self.folder))
        self.ids.append(check_id)
        return check_id

    def finish(self, check_id: str, seconds: float = 15) -> Evidence:
        assert wait_checks(str(self.folder), [check_id], seconds), "the check did not end"
        found = read_check(str(self.folder), check_id)
        assert isinstance(found, Evidence), found
        return found

    def run(self, text: str, **fields: Any) -> Evidence:
        return self.finish(self.start(text, **fields))

    def python(self, source: str, name: str = "program.py") -> str:
        (self.root / name).write_text(source)
        return f"{PYTHON} {name}"

    def wait_for(self, path: Path, seconds: float = 10) -> str:
        limit = time.monotonic() + seconds
        while not (path.exists() and path.read_text()):
            assert time.monotonic() < limit, f"{path} never came"
            time.sleep(0.01)
        return path.read_text()

    def supervisor(self, check_id: str) -> int:
        return int((self.folder / f"{check_id}.lock").read_text())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    for check_id in bench.ids:
        stop_check(str(bench.folder), check_id)
    assert wait_checks(str(bench.folder), bench.ids, 10)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie that init has not collected yet does not."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return done.stdout.strip()[:1] not in {"", "Z"}


def gone(pid: int, seconds: float = 5) -> bool:
    limit = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < limit:
        time.sleep(0.02)
    return not is_alive(pid)


def wait_for_guard(supervisor: int, seconds: float = 10) -> None:
    """Until command and guard are both there, each in a session of its own: the supervisor starts one after the other."""
    limit = time.monotonic() + seconds
    words = ["ps", "-o", "sid=", "--ppid", str(supervisor)]
    while time.monotonic() < limit:
        sessions = subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()
        if len(set(sessions)) == 2 and str(os.getsid(supervisor)) not in sessions:
            return
        time.sleep(0.02)
    raise AssertionError(f"supervisor {supervisor} has no command and guard within {seconds} s")


def test_evidence_of_a_real_test_run(bench: Bench) -> None:
    (bench.root / "test_x.py").write_text("def test_a(): pass\ndef test_b(): pass\n")
    evidence = bench.run(f"{PYTHON} -m pytest -q -p no:cacheprovider", name="unit")
    assert (evidence.exit_code, evidence.signal, evidence.timed_out, evidence.error) == (0, None, False, "")
    assert evidence.counts == Counts(2, 0, 0, 0, 2)
    assert evidence.name == "unit"
    assert "2 passed" in evidence.tail
    assert 0 < evidence.seconds < 15
    assert evidence.started[:2] == "20"
    assert evidence.started[-6] in "+-"
    assert Path(evidence.log).read_text() == evidence.tail
    assert judge(evidence, expect_tests=True).outcome == "green"
    assert not list(bench.root.rglob("__pycache__"))


def test_start_returns_at_once_and_running_is_seen(bench: Bench) -> None:
    begin = time.monotonic()
    check_id = bench.start("sleep 30")
    assert time.monotonic() - begin < 3
    assert read_check(str(bench.folder), check_id) == Running(check_id)
    assert not wait_checks(str(bench.folder), [check_id], 0.1)
    assert stop_check(str(bench.folder), check_id)
    evidence = bench.finish(check_id)
    assert judge(evidence, expect_tests=False) == ("lost", "no result: it was stopped before it ended")
    assert not stop_check(str(bench.folder), check_id)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        pytest.param("false", 1, "exit 1", id="exit-1"),
        pytest.param("bash -c 'exit 77'", 77, "exit 77", id="exit-77"),
        pytest.param(
            "no-such-program-here -q",
            127,
            "could not start (exit 127): no-such-program-here: not found on PATH",
            id="missing",
        ),
        pytest.param(
            "./not-executable", 126, "could not start (exit 126): ./not-executable: Permission denied", id="mode"
        ),
        pytest.param("cd nowhere && true", 126, "the folder nowhere is not a folder inside", id="no-folder"),
        pytest.param("cd out && true", 126, "the folder out is not a folder inside", id="link-leads-out"),
        pytest.param("false | true", 1, "exit 1", id="pipefail"),
        pytest.param("false; true", 1, "exit 1", id="errexit"),
        pytest.param("echo $never_set_anywhere", 1, "unbound variable", id="nounset"),
    ],
)
def test_red_ends(bench: Bench, text: str, code: int, said: str, tmp_path: Path) -> None:
    (bench.root / "not-executable").write_text("x")
    (tmp_path / "outside").mkdir()
    (bench.root / "out").symlink_to(tmp_path / "outside")
    evidence = bench.run(text)
    assert evidence.exit_code == code
    found = judge(evidence, expect_tests=True)
    assert found.outcome == "red"
    assert said in found.why


def test_death_by_signal(bench: Bench) -> None:
    evidence = bench.run("kill -SEGV $$")
    assert (evidence.exit_code, evidence.signal) == (None, 11)
    assert "SIGSEGV" in judge(evidence, expect_tests=False).why


def test_exit_0_with_zero_tests_is_red(bench: Bench) -> None:
    (bench.root / "test_x.py").write_text("import unittest\n")
    evidence = bench.run(f"{PYTHON} -m pytest -q -p no:cacheprovider || true")
    assert evidence.exit_code == 0
    assert judge(evidence, expect_tests=True).outcome == "red"
    silent = bench.run(f"{PYTHON} -m pytest --version")
    assert (silent.exit_code, judge(silent, expect_tests=True).outcome) == (0, "red")


def test_an_old_result_file_proves_nothing(bench: Bench) -> None:
    (bench.root / "report.xml").write_text("<testsuite tests='5' failures='0'/>")
    (bench.root / "last.log").write_text("5 passed in 1s\n")
    evidence = bench.run(f"{PYTHON} -m pytest --collect-only -q report.xml || true")
    assert judge(evidence, expect_tests=True).outcome == "red"


def test_runs_in_the_named_folder_with_nothing_on_standard_input(bench: Bench) -> None:
    (bench.root / "a b").mkdir()
    assert bench.run("cd 'a b' && pwd").tail.strip() == str(bench.root / "a b")
    assert bench.run("cat").exit_code == 0
    assert bench.run("bash -c 'tty; :'").tail.strip() == "not a tty"


def test_argv_is_never_read_by_a_shell(bench: Bench) -> None:
    bench.run(r"echo '$(touch canary)' \; touch canary '`touch canary`'")
    assert not (bench.root / "canary").exists()


def test_the_environment_is_cleaned(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "CLAUDECODE", "GIT_DIR", "PYTHONPATH", "PYTEST_ADDOPTS", "BASH_ENV"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("DATABASE_URL", "kept")
    tail = bench.run("env").tail
    assert "secret" not in tail
    assert "DATABASE_URL=kept" in tail
    assert "PYTHONDONTWRITEBYTECODE=1" in tail


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, 1); time.sleep(60)"])
print("before the limit", flush=True)
open("pids", "w").write(f"{os.getpid()} {child.pid}")
time.sleep(60)
"""


def test_a_hanging_command_that_ignores_sigterm_is_killed_as_a_group(bench: Bench) -> None:
    check_id = bench.start(bench.python(STUBBORN), time_limit=1.0)
    pids = [int(word) for word in bench.wait_for(bench.root / "pids").split()]
    evidence = bench.finish(check_id)
    assert (evidence.timed_out, evidence.exit_code) == (True, None)
    assert evidence.tail == "before the limit\n"
    assert 1 <= evidence.seconds < 8
    assert all(gone(pid) for pid in pids)
    assert judge(evidence, expect_tests=True).why.startswith("stopped after")


def test_what_a_command_leaves_in_its_group_is_killed(bench: Bench) -> None:
    evidence = bench.run("sleep 60 & echo $!")
    assert evidence.exit_code == 0
    assert evidence.seconds < 5
    assert gone(int(evidence.tail))


DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("daemon", "w").write(str(os.getpid()))
        for _ in range(600):
            try:
                os.write(1, b"daemon speaks\\n")
            except BrokenPipeError:
                pass
            time.sleep(0.1)
    os._exit(0)
os.wait()
print("done", flush=True)
"""


def test_a_daemon_neither_hangs_the_check_nor_keeps_its_lock(bench: Bench) -> None:
    check_id = bench.start(bench.python(DAEMON))
    daemon = int(bench.wait_for(bench.root / "daemon"))
    try:
        evidence = bench.finish(check_id)
        assert evidence.exit_code == 0
        assert "done" in evidence.tail
        assert evidence.seconds < 5
        assert is_alive(daemon)
        assert bench.run("true").exit_code == 0
    finally:
        os.kill(daemon, signal.SIGKILL)


def test_much_output_is_bounded_in_the_log_and_in_memory(bench: Bench) -> None:
    source = (
        "import sys\nfor n in range(3000): sys.stdout.write(('%07d' % n + 'x' * 56 + '\\n') * 1024)\nprint('the end')\n"
    )
    check_id = bench.start(bench.python(source))
    peak = 0
    while isinstance(read_check(str(bench.folder), check_id), Running):
        status = Path(f"/proc/{bench.supervisor(check_id)}/status")
        if status.exists():
            words = status.read_text().split()
            peak = max(peak, int(words[words.index("VmHWM:") + 1]) if "VmHWM:" in words else 0)
        time.sleep(0.02)
    evidence = bench.finish(check_id)
    log = Path(evidence.log)
    assert log.stat().st_size < 5.1 * (1 << 20)
    text = log.read_text()
    assert text.startswith("0000000")
    assert "bytes of output are left out here]" in text
    assert evidence.tail.endswith("the end\n")
    assert len(evidence.tail) <= 4000
    assert peak > 0 or not Path("/proc/self/status").exists()
    assert peak < 64 * 1024  # KB; 192 MB went through


FAMILY = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open("pids", "w").write(f"{os.getpid()} {child.pid}")
time.sleep(60)
"""


def test_a_killed_supervisor_is_lost_and_its_command_ends_with_it(bench: Bench) -> None:
    check_id = bench.start(bench.python(FAMILY))
    pids = [int(word) for word in bench.wait_for(bench.root / "pids").split()]
    os.kill(bench.supervisor(check_id), signal.SIGKILL)
    assert wait_checks(str(bench.folder), [check_id], 5)
    assert not any(is_alive(pid) for pid in pids), "lost was said while the command still ran"
    found = read_check(str(bench.folder), check_id)
    assert isinstance(found, Lost)
    assert "before it could write evidence" in found.why
    assert not stop_check(str(bench.folder), check_id)


def test_the_end_of_the_supervisors_whole_group_takes_the_command_along(bench: Bench) -> None:
    check_id = bench.start(bench.python(FAMILY))
    pids = [int(word) for word in bench.wait_for(bench.root / "pids").split()]
    wait_for_guard(bench.supervisor(check_id))
    os.killpg(os.getpgid(bench.supervisor(check_id)), signal.SIGKILL)
    assert wait_checks(str(bench.folder), [check_id], 5)
    assert all(gone(pid) for pid in pids)


def test_no_guard_is_left_when_a_check_has_ended(bench: Bench) -> None:
    check_id = bench.start(bench.python("import time\nopen('pid', 'w').write('x')\ntime.sleep(1)\n"))
    bench.wait_for(bench.root / "pid")
    supervisor = bench.supervisor(check_id)
    words = ["pgrep", "-P", str(supervisor)]
    children = [int(word) for word in subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()]
    assert len(children) == 2  # the command and its guard
    assert bench.finish(check_id).exit_code == 0
    assert all(gone(pid) for pid in (supervisor, *children))


CALLER = """
import sys
sys.path.insert(0, {lib!r})
from fermata.checks.command import parse_command
from fermata.checks.runner import CheckSpec, start_check, wait_checks
spec = CheckSpec("c-1", "tests", parse_command("bash -c 'echo > begun; until test -e go; do sleep 0.05; done; echo end'"), {root!r}, 20.0)
start_check(spec, {folder!r})
print("started", flush=True)
wait_checks({folder!r}, ["c-1"], 60)
"""


def test_a_check_outlives_the_group_of_the_program_that_asked_for_it(bench: Bench) -> None:
    """A client that is killed takes its whole process group and its terminal with it."""
    source = CALLER.format(lib=str(Path(runner.__file__).parents[2]), root=str(bench.root), folder=str(bench.folder))
    with subprocess.Popen([sys.executable, "-c", source], start_new_session=True, stdout=subprocess.PIPE) as caller:
        assert caller.stdout is not None
        assert caller.stdout.readline() == b"started\n"
        bench.ids.append("c-1")
        bench.wait_for(bench.root / "begun")
        os.killpg(caller.pid, signal.SIGKILL)
    assert caller.returncode == -signal.SIGKILL
    assert isinstance(read_check(str(bench.folder), "c-1"), Running)
    (bench.root / "go").touch()
    evidence = bench.finish("c-1")
    assert (evidence.exit_code, evidence.tail) == (0, "end\n")


def test_waiting_ends_when_its_time_is_up_and_the_check_goes_on(bench: Bench) -> None:
    check_id = bench.start("sleep 30")
    begin = time.monotonic()
    assert not wait_checks(str(bench.folder), [check_id], 0.5)
    assert 0.5 <= time.monotonic() - begin < 1.5
    assert isinstance(read_check(str(bench.folder), check_id), Running)


def test_sigterm_to_the_supervisor_ends_the_group_and_leaves_evidence(bench: Bench) -> None:
    check_id = bench.start(bench.python(STUBBORN))
    pids = [int(word) for word in bench.wait_for(bench.root / "pids").split()]
    os.kill(bench.supervisor(check_id), signal.SIGTERM)
    evidence = bench.finish(check_id)
    assert evidence.error == "it was stopped before it ended"
    assert all(gone(pid) for pid in pids)


def test_checks_run_beside_each_other(bench: Bench) -> None:
    ids = [bench.start(bench.python(f"print({number})", f"p{number}.py")) for number in range(4)]
    assert wait_checks(str(bench.folder), ids, 15)
    assert [bench.finish(check_id).tail for check_id in ids] == [f"{number}\n" for number in range(4)]


def test_an_id_is_used_once(bench: Bench) -> None:
    bench.run("true", id="same")
    with pytest.raises(CheckError, match="was started before"):
        bench.start("true", id="same")


@pytest.mark.parametrize("check_id", ["", "../x", "A", "-a", "a/b", "a\n", "a.b", "x" * 65])
def test_ids_that_are_no_file_names_are_refused(bench: Bench, check_id: str) -> None:
    with pytest.raises(CheckError, match="is no check id"):
        bench.start("true", id=check_id)
    with pytest.raises(CheckError, match="is no check id"):
        read_check(str(bench.folder), check_id)


def test_unknown_checks_and_missing_folders_are_named(bench: Bench) -> None:
    with pytest.raises(CheckError, match="there is no check c-9"):
        read_check(str(bench.folder), "c-9")
    spec = CheckSpec("a", "n", parse_command("true"), str(bench.root), 1.0)
    with pytest.raises(CheckError, match="No such file"):
        start_check(spec, str(bench.folder / "missing"))


def test_an_interpreter_that_cannot_start_is_an_error_and_then_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CheckError, match="could not be started: exit 1"):
        bench.start("true", id="bad")
    assert isinstance(read_check(str(bench.folder), "bad"), Lost)


def test_damaged_evidence_and_orders_are_named(bench: Bench) -> None:
    bench.run("true", id="a")
    (bench.folder / "a.json").write_text('{"format": 1}')
    found = read_check(str(bench.folder), "a")
    assert isinstance(found, Lost)
    assert "the key 'id' is missing" in found.why
    (bench.folder / "a.spec.json").write_text("{}")
    with pytest.raises(CheckError, match="cannot be read"):
        load_spec(str(bench.folder), "a")


def test_an_order_that_was_changed_to_another_command_is_refused(bench: Bench) -> None:
    bench.run("true", id="a")
    path = bench.folder / "a.spec.json"
    value = json.loads(path.read_text())
    value["command"]["argv"] = ["touch", "canary"]
    path.write_text(json.dumps(value))
    with pytest.raises(ValueError, match="would run something else"):
        load_spec(str(bench.folder), "a")


def test_files_are_private_and_no_temporary_one_stays(bench: Bench) -> None:
    bench.run("true", id="a")
    assert sorted(os.listdir(bench.folder)) == ["a.json", "a.lock", "a.log", "a.spec.json"]
    assert {path.stat().st_mode & 0o777 for path in bench.folder.iterdir()} == {0o600}


@pytest.fixture
def repository(bench: Bench) -> Bench:
    (bench.root / "a.py").write_text("1\n")
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=U", "-c", "user.email=u@e", "commit", "-qm", "c"]):
        subprocess.run(["git", *words], cwd=bench.root, check=True)
    return bench


def test_the_tree_is_bound_to_the_evidence(repository: Bench) -> None:
    evidence = repository.run("echo fine", repo=str(repository.root))
    assert evidence.tree_before == evidence.tree_after
    assert evidence.tree_before is not None
    assert len(evidence.tree_before) == 40
    assert judge(evidence, expect_tests=False).outcome == "green"


def test_a_tree_that_changes_while_the_check_runs_is_unstable(repository: Bench) -> None:
    evidence = repository.run("echo 2 > a.py; touch 'new file'", repo=str(repository.root))
    assert evidence.changed == ("a.py", "new file")
    found = judge(evidence, expect_tests=False)
    assert found.outcome == "unstable"
    assert "a.py, new file changed while it ran" in found.why


def test_caches_that_a_check_writes_do_not_count(repository: Bench) -> None:
    (repository.root / "Cargo.toml").touch()
    tag = "Signature: 8a477f597d28d172789f06886806bc55"
    caches = f"mkdir -p target/debug coverage .nyc_output node_modules/.cache; echo '{tag}' > target/CACHEDIR.TAG;"
    files = "touch target/debug/x coverage/lcov.info .nyc_output/x node_modules/.cache/x"
    evidence = repository.run(caches + files, repo=str(repository.root))
    assert judge(evidence, expect_tests=False).outcome == "green"
    assert evidence.changed == ()


def test_a_checks_own_output_is_named_alike_each_time_however_much_it_is(repository: Bench) -> None:
    write_snapshots = "mkdir -p snaps; for n in {100..299}; do echo $RANDOM$RANDOM > snaps/$n; done"
    first, second = (repository.run(write_snapshots, repo=str(repository.root)) for _ in range(2))
    assert first.tree_after != second.tree_after
    assert first.changed == second.changed
    assert first.changed[:2] == ("snaps/100", "snaps/101")
    assert "and 197 more changed" in judge(second, expect_tests=False).why
    with_another = repository.run(
        write_snapshots + "; echo $RANDOM >> a.py; mv a.py snaps/zzz", repo=str(repository.root)
    )
    assert with_another.changed != second.changed


def test_a_file_that_changes_and_is_as_before_again_leaves_the_tree_as_it_was(repository: Bench) -> None:
    evidence = repository.run("cp a.py b.py; echo 2 > a.py; mv b.py a.py", repo=str(repository.root))
    assert judge(evidence, expect_tests=False).outcome == "green"


def test_a_tree_that_somebody_else_changes_meanwhile_is_unstable(repository: Bench) -> None:
    check_id = repository.start("echo > ../begun; until test -e ../go; do sleep 0.05; done", repo=str(repository.root))
    repository.wait_for(repository.root.parent / "begun")
    (repository.root / "test_a.py").write_text("def test_a(): pass\n")
    (repository.root.parent / "go").touch()
    evidence = repository.finish(check_id)
    assert evidence.exit_code == 0
    assert evidence.changed == ("test_a.py",)
    assert judge(evidence, expect_tests=False).outcome == "unstable"


def test_credentials_in_the_output_stay_in_the_private_log(repository: Bench) -> None:
    evidence = repository.run("echo token=ghp_0123456789012345678901234567890123456789; echo password=hunter2; exit 3")
    kept = (repository.folder / f"{evidence.id}.json").read_text()
    assert "ghp_" not in kept.replace(evidence.command["shown"], "")
    assert evidence.tail == "token=[redacted]\npassword=[redacted]\n"
    assert judge(evidence, expect_tests=False).why == "exit 3: password=[redacted]"
    log = Path(evidence.log)
    assert "hunter2" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_snapshot_that_fails_is_no_result(bench: Bench) -> None:
    evidence = bench.run("touch ran", repo=str(bench.root))
    assert judge(evidence, expect_tests=False).outcome == "lost"
    assert "there is no git work tree at" in evidence.error
    assert not (bench.root / "ran").exists()


def test_a_repository_that_vanishes_while_the_check_runs_is_no_result(repository: Bench) -> None:
    evidence = repository.run("mv .git gone", repo=str(repository.root))
    assert evidence.exit_code == 0
    assert judge(evidence, expect_tests=False).outcome == "lost"


def test_the_project_cannot_replace_modules_of_the_supervisor(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (bench.root / "json.py").write_text("open('canary', 'w')\n")
    (bench.root / "sitecustomize.py").write_text("open('canary', 'w')\n")
    monkeypatch.chdir(bench.root)
    monkeypatch.setenv("PYTHONPATH", str(bench.root))
    assert bench.run("true").exit_code == 0
    assert not (bench.root / "canary").exists()
