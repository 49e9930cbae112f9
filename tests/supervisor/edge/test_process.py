import contextlib
import gc
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from supervisor.edge import launch, proc
from supervisor.edge.clock import monotonic_s
from supervisor.edge.launch import OOM_STEP, CannotStart, allocator_env, environment_for, let_go_first
from supervisor.edge.pipes import read_some
from supervisor.edge.process import ChildProcess, Process, start_child, start_worker
from supervisor.edge.stderrtail import StderrTail
from supervisor.errors import ConfigError

pytestmark = pytest.mark.processes

# What every program below begins with: `say` tells the test that a point is reached.
PRELUDE = """
import os, signal, sys, time
READ, WRITE = int(sys.argv[2]), int(sys.argv[4])
def say(text): os.write(WRITE, text.encode() + b"\\n")
def wait_for_the_end(): os.read(READ, 1)
"""
ASLEEP = "say('here'); time.sleep(60)"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); say('here'); time.sleep(60)"
# PyDLL calls C with the GIL held: no Python code of any thread runs until it comes back.
# A signal that is handled ends a sleep early, hence the loop.
HOLDS_GIL = "import ctypes; sleep = ctypes.PyDLL(None).sleep; say('here'); [sleep(60) for _ in range(9)]"
LISTENS = "import faulthandler; faulthandler.register(signal.SIGUSR1, all_threads=True)\n"
FORKS = "pid = os.fork()\nif not pid: time.sleep(60)\nsay(str(pid))\n"


def start(program: str, **env: str) -> ChildProcess:
    words = ("-S", "-c", PRELUDE + program)
    return start_child(python=sys.executable, life=7, state_marker="/a/state", program=words, extra_env=env)


@contextlib.contextmanager
def running(program: str, **env: str) -> Generator[ChildProcess]:
    child = start(program, **env)
    try:
        yield child
    finally:
        child.kill_group()
        wait(child.pidfd)
        child.reap()
        child.close()


def wait(fd: int, limit_s: float = 10.0) -> bool:
    return bool(select.select([fd], [], [], limit_s)[0])


def read_line(fd: int) -> str:
    line = b""
    while not line.endswith(b"\n"):
        assert wait(fd), "nothing came"
        received = read_some(fd)
        assert received.data, "the end came first"
        line += received.data
    return line.decode().strip()


def read_all(fd: int) -> str:
    text = b""
    while wait(fd):
        received = read_some(fd)
        text += received.data
        if received.ended:
            break
    return text.decode()


def end_of(process: Process) -> str:
    assert wait(process.pidfd)
    death = process.reap()
    assert death is not None
    return death.in_words


def ends_within(pid: int, limit_s: float) -> bool:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return wait(pidfd, limit_s)
    finally:
        os.close(pidfd)


def open_fds() -> list[Path]:
    return sorted(Path("/proc/self/fd").iterdir())


def test_bytes_travel_both_ways_on_descriptors_of_their_own() -> None:
    with running("say(os.read(READ, 100).decode()); print('stray'); os.write(2, b'log')") as child:
        os.write(child.write_fd, b"hello")
        assert read_line(child.read_fd) == "hello"
        assert read_all(child.stderr_fd) == "stray\nlog"


def test_a_child_starts_in_a_session_of_its_own_with_our_markers() -> None:
    program = (
        "names = ('PARENT', 'STATE', 'LIFE'); mine = [os.environ['TTS_SUPERVISOR_' + n] for n in names]\n"
        "say(repr((os.getsid(0) == os.getpgrp() == os.getpid(), mine, sys.stdin.read())))"
    )
    with running(program) as child:
        assert read_line(child.read_fd) == repr((True, [str(os.getpid()), "/a/state", "7"], ""))


def test_the_kernel_ends_a_child_before_us() -> None:
    own = int(Path("/proc/self/oom_score_adj").read_text("ascii"))
    with running("os.read(READ, 1)") as child:
        its = int(Path(f"/proc/{child.pid}/oom_score_adj").read_text("ascii"))
    assert its == min(own + OOM_STEP, 1000)
    let_go_first(2**22 + 1)  # gone: nothing is raised


def test_a_child_holds_no_descriptor_but_its_own() -> None:
    with running("say(repr(sorted(map(int, os.listdir('/proc/self/fd')))))") as child:
        # The listing itself needs one more.
        assert len(eval(read_line(child.read_fd))) == 3 + 2 + 1


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("sys.exit(3)", "exited with status 3"),
        ("pass", "exited with status 0"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "killed by SIGSEGV (segmentation fault)"),
        ("os.abort()", "killed by SIGABRT (aborted)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
        ("os.kill(os.getpid(), 40)", "killed by signal 40"),
    ],
)
def test_every_end_is_told_in_words(program: str, words: str) -> None:
    with running("import resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n" + program) as child:
        assert end_of(child) == words


def test_a_living_process_is_not_reaped_and_a_dead_one_stays_dead() -> None:
    with running(ASLEEP) as child:
        assert child.reap() is None
        child.terminate()
        assert end_of(child) == "killed by SIGTERM (asked to terminate)"
        first = child.reap()
        child.terminate()
        child.kill_group()
        assert child.reap() is first
        assert child.state() is None


def test_one_deaf_to_sigterm_dies_of_the_kill() -> None:
    with running(DEAF) as child:
        read_line(child.read_fd)
        child.terminate()
        assert not wait(child.pidfd, 0.1)
        child.kill_group()
        assert end_of(child) == "killed by SIGKILL"


def test_a_stopped_process_is_seen_and_dies_of_the_kill() -> None:
    with running(ASLEEP) as child:
        read_line(child.read_fd)
        assert not child.is_stopped()
        os.kill(child.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
        assert child.is_stopped()
        assert not child.is_uninterruptible()
        child.kill_group()
        assert end_of(child) == "killed by SIGKILL"


def test_the_stack_arrives_while_the_gil_is_held() -> None:
    with running(LISTENS + f"def speaking():\n    {HOLDS_GIL}\nspeaking()") as child:
        read_line(child.read_fd)
        tail = StderrTail()
        assert child.dump_stack()
        while "<module>" not in (tail.stack or ""):
            assert wait(child.stderr_fd)
            tail.feed(read_some(child.stderr_fd).data)
        assert "in speaking" in (tail.stack or "")
        assert child.reap() is None


def test_a_process_that_does_not_listen_is_not_killed_by_asking_for_its_stack() -> None:
    with running("say('here'); wait_for_the_end(); sys.exit(5)") as child:
        read_line(child.read_fd)
        assert not child.dump_stack()
        child.hang_up()
        assert end_of(child) == "exited with status 5"


def test_death_is_seen_at_once_though_a_grandchild_holds_the_pipe_and_the_grandchild_goes_with_it() -> None:
    with running(FORKS + "os._exit(9)") as child:
        grandchild = int(read_line(child.read_fd))
        assert wait(child.pidfd)
        assert not read_some(child.read_fd).ended
        assert proc.state(grandchild) is not None
        assert end_of(child) == "exited with status 9"
        assert ends_within(grandchild, 1.0)
        assert read_all(child.read_fd) == ""


def test_a_kill_takes_the_grandchildren_along() -> None:
    with running(FORKS + "time.sleep(60)") as child:
        grandchild = int(read_line(child.read_fd))
        child.kill_group()
        assert ends_within(grandchild, 1.0)


PARENT = """
import os, sys
from supervisor.edge.process import start_child
child = start_child(python=sys.executable, life=1, state_marker="/a/state", program=("-c", sys.argv[1]))
print(child.pid, flush=True)
os.read(child.read_fd, 0); import select; select.select([child.read_fd], [], [])
print(os.read(child.read_fd, 100).decode(), flush=True)
sys.stdin.read()
"""
TIED = PRELUDE + "from supervisor.wire.lifeline import tie_to_parent_in_environment as tie; tie()\n"
# What an engine that forks must do in the fork: the tie is not inherited.
TIED_FORK = (
    "from supervisor.wire.lifeline import tie_to_parent; me = os.getpid()\n"
    "if not os.fork(): tie_to_parent(me); say(str(os.getpid())); time.sleep(60)\n"
    "time.sleep(60)"
)


@pytest.mark.parametrize("busy", [ASLEEP, DEAF, HOLDS_GIL, TIED_FORK])
def test_nothing_outlives_a_parent_that_was_killed(busy: str) -> None:
    worker = start_worker(
        python=sys.executable, module="", state_marker="/b", program=("-c", PARENT, TIED + busy)
    )
    try:
        child = int(read_line(worker.stdout_fd))
        said = read_line(worker.stdout_fd)
        os.kill(worker.pid, signal.SIGKILL)
        killed_s = monotonic_s()
        assert ends_within(child, 1.0)
        assert said == "here" or ends_within(int(said), 1.0)
        assert monotonic_s() - killed_s < 1.0
    finally:
        worker.kill_group()
        wait(worker.pidfd)
        worker.reap()
        worker.close()


def test_a_worker_reads_its_work_and_answers() -> None:
    program = "import sys; text = sys.stdin.read(); sys.stderr.write('log'); print(text.upper()); sys.exit(4)"
    worker = start_worker(
        python=sys.executable, module="", state_marker="/a/state", program=("-S", "-c", program)
    )
    os.write(worker.stdin_fd, b"work")
    worker.end_input()
    assert read_all(worker.stdout_fd) == "WORK\n"
    assert read_all(worker.stderr_fd) == "log"
    assert end_of(worker) == "exited with status 4"
    worker.close()


def test_descriptors_and_threads_are_the_same_after_two_hundred_lives(tmp_path: Path) -> None:
    not_a_program = tmp_path / "python"
    not_a_program.write_text("no program")
    not_a_program.chmod(0o755)
    before = open_fds(), threading.active_count()
    for number in range(200):
        child = start("pass")
        if number % 3 == 0:
            child.kill_group()
        assert end_of(child)
        child.close()
        child.close()
        with pytest.raises(ConfigError):
            start_child(python=str(not_a_program), life=1, state_marker="/a/state")
    gc.collect()
    assert (open_fds(), threading.active_count()) == before


@pytest.mark.parametrize("python", ["/no/such/python", "no-such-python"])
def test_a_missing_interpreter_names_the_key_and_leaves_nothing_open(python: str) -> None:
    before = open_fds()
    with pytest.raises(ConfigError, match=r"child\.python = .*no-?/?such.*path of a Python"):
        start_child(python=python, life=1, state_marker="/a/state")
    assert open_fds() == before


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "python"
    wrong.write_bytes(b"\x00\x01")
    wrong.chmod(0o755)
    with pytest.raises(ConfigError, match="not a program"):
        start_child(python=str(wrong), life=1, state_marker="/a/state")


def test_a_start_without_descriptors_left_says_so_and_leaves_nothing_open() -> None:
    import resource  # noqa: PLC0415 -- for this test alone

    before = open_fds()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(before) + 3, hard))
    try:
        with pytest.raises(CannotStart, match="ulimit"):
            start("pass")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert open_fds() == before


def test_a_start_outside_the_main_thread_is_refused() -> None:
    seen: list[str] = []

    def wrong() -> None:
        with pytest.raises(RuntimeError) as caught:
            start("pass")
        seen.append(str(caught.value))

    thread = threading.Thread(target=wrong)
    thread.start()
    thread.join()
    assert "main thread" in seen[0]


def test_an_ignored_sigchld_loses_no_status() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with running("sys.exit(6)") as child:
            assert end_of(child) == "exited with status 6"
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_status_that_others_collected_is_an_end_all_the_same() -> None:
    with running("sys.exit(6)") as child:
        os.waitpid(child.pid, 0)
        assert end_of(child).startswith("ended, with a status that")


WHERE = "import child, supervisor; say(repr((child.__file__, supervisor.__file__)))"


def where_found(env: dict[str, str]) -> tuple[str, str]:
    with running(WHERE, **env) as child:
        first, second = eval(read_line(child.read_fd))
        return first, second


@pytest.mark.parametrize("on_path", [False, True])
def test_a_stranger_named_child_is_not_run_in_our_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, on_path: bool
) -> None:
    ours = where_found({})
    for name in ("child", "supervisor"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(tmp_path)
    if on_path:
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert where_found({}) == ours


def test_another_interpreter_gets_no_import_path_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "python"
    other.symlink_to(sys.executable)
    monkeypatch.setenv("PYTHONPATH", "/of/the/parent")
    assert "PYTHONPATH" not in environment_for(str(other), "/a/state", {})
    assert "PYTHONPATH" in environment_for(sys.executable, "/a/state", {})


def test_the_service_managers_socket_is_not_inherited_and_extras_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    monkeypatch.setenv("MALLOC_ARENA_MAX", "9")
    env = environment_for(sys.executable, "/a/state", {"OPENBLAS_NUM_THREADS": "3"})
    assert "NOTIFY_SOCKET" not in env
    assert (env["MALLOC_ARENA_MAX"], env["OPENBLAS_NUM_THREADS"]) == ("9", "3")


def test_the_key_of_our_door_goes_to_nobody_that_we_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_SUPERVISOR_HTTP__API_KEY", "s3cret")
    assert "s3cret" not in environment_for(sys.executable, "/a/state", {}).values()
    assert "s3cret" not in launch.environment_for_strangers().values()


def test_the_caches_of_kernels_on_the_cpu_are_bounded_unless_the_user_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LRU_CACHE_CAPACITY", raising=False)
    monkeypatch.setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "1024")
    env = environment_for(sys.executable, "/a/state", {})
    assert (env["LRU_CACHE_CAPACITY"], env["ONEDNN_PRIMITIVE_CACHE_CAPACITY"]) == ("256", "1024")


EXPANDABLE = dict.fromkeys(("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF"), "expandable_segments:True")
THERE, NOT_THERE = "/proc/self/status", "/proc/self/none"


@pytest.mark.parametrize(
    ("device", "driver", "own", "told"),
    [
        pytest.param("auto", THERE, {}, EXPANDABLE, id="the driver has it"),
        pytest.param("cuda:1", THERE, {}, EXPANDABLE, id="a chosen card"),
        pytest.param("cpu", THERE, {}, {}, id="never on the CPU"),
        pytest.param("auto", NOT_THERE, {}, {}, id="no such driver"),
        pytest.param("auto", THERE, {"PYTORCH_ALLOC_CONF": "backend:native"}, {}, id="the user's own"),
        pytest.param("auto", THERE, {"PYTORCH_CUDA_ALLOC_CONF": ""}, {}, id="by its older name"),
    ],
)
def test_segments_are_expandable_where_the_driver_has_it(
    monkeypatch: pytest.MonkeyPatch, device: str, driver: str, own: dict[str, str], told: dict[str, str]
) -> None:
    for name in EXPANDABLE:
        monkeypatch.delenv(name, raising=False)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    assert allocator_env(device, Path(driver)) == told


def test_installed_packages_do_not_come_before_the_standard_library_unless_they_would_be_hidden(
    tmp_path: Path,
) -> None:
    installed = tmp_path / "site-packages"
    source = Path(launch.__file__).parent.parent
    shutil.copytree(source, installed / "supervisor", ignore=shutil.ignore_patterns("__pycache__"))
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    (stranger / "child.py").touch()
    program = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        "from supervisor.edge.launch import environment_for\n"
        "print(environment_for(sys.executable, '/a/state', {}).get('PYTHONPATH'))"
    )

    def import_path(own: str) -> str:
        words = [sys.executable, "-S", "-P", "-c", program]
        env = {**os.environ, "PYTHONPATH": own}
        return subprocess.run(words, env=env, check=True, capture_output=True, text=True).stdout.strip()

    assert import_path("/harmless") == "/harmless"
    assert import_path(str(stranger)) == f"{installed}{os.pathsep}{stranger}"
