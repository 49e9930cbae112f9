import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from supervisor.edge.sweep import sweep
from supervisor.wire.lifeline import STATE_VARIABLE

pytestmark = pytest.mark.processes


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    with ExitStack() as started:
        yield started


def start(processes: ExitStack, marker: str | None, program: str = "input()") -> "subprocess.Popen[bytes]":
    env = {**os.environ, **({STATE_VARIABLE: marker} if marker else {})}
    words = [
        sys.executable,
        "-S",
        "-c",
        "import os\n" + program.replace("input()", "os.write(1, b'on'); input()"),
    ]
    one = subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    processes.enter_context(one)
    processes.callback(one.kill)
    assert one.stdout is not None
    assert os.read(one.stdout.fileno(), 2) == b"on"
    return one


def test_only_those_with_our_marker_are_ended(processes: ExitStack, tmp_path: Path) -> None:
    ours = [start(processes, str(tmp_path)) for _ in range(3)]
    others = [
        start(processes, None),
        start(processes, f"{tmp_path}/deeper"),
        start(processes, str(tmp_path.parent)),
    ]
    swept = sweep(str(tmp_path))
    assert sorted(one.pid for one in swept) == sorted(one.pid for one in ours)
    assert all(one.gone for one in swept)
    assert [one.poll() for one in ours] == [-9, -9, -9]
    assert [one.poll() for one in others] == [None, None, None]


def test_what_a_leftover_forked_is_ended_too(processes: ExitStack, tmp_path: Path) -> None:
    start(processes, str(tmp_path), "if os.fork(): os.read(0, 1)\nos.setsid(); input()")
    assert len(sweep(str(tmp_path))) == 2
    assert sweep(str(tmp_path)) == []


def test_a_stopped_leftover_is_ended(processes: ExitStack, tmp_path: Path) -> None:
    one = start(processes, str(tmp_path), "os.write(1, b'on'); os.kill(os.getpid(), 19)")
    os.waitid(os.P_PID, one.pid, os.WSTOPPED)
    assert [swept.gone for swept in sweep(str(tmp_path))] == [True]


def test_ourselves_and_our_ancestors_are_spared(tmp_path: Path) -> None:
    sweeper = (
        "import subprocess, sys; words = [sys.executable, '-c', sys.argv[1]]\n"
        "sys.exit(subprocess.run(words).returncode)"
    )
    inner = f"from supervisor.edge.sweep import sweep; assert sweep({str(tmp_path)!r}) == []"
    env = {**os.environ, STATE_VARIABLE: str(tmp_path), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    words = [sys.executable, "-c", sweeper, inner]
    assert subprocess.run(words, env=env, check=False, timeout=15).returncode == 0


def test_nothing_to_do_takes_no_time_and_is_no_error(tmp_path: Path) -> None:
    assert sweep(str(tmp_path), deadline_s=0.0) == []
