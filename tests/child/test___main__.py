"""The first instructions of a child: descriptors, signals, lifeline."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.child.driver import ROOT, child_process, hello

pytestmark = pytest.mark.processes


def test_it_dies_with_its_parent_though_a_c_call_holds_the_gil() -> None:
    # A parent of its own starts the child, which then hangs; the parent is killed.
    code = """
import os, sys
from tests.child.driver import child_process, hello
from supervisor.wire.messages import FaultPlan, Synthesize
with child_process() as child:
    child.ready(hello(faults=FaultPlan(faults=["hang@1"])))
    child.send(Synthesize(segment_id=0, attempt=1, text="hello", voice=None, seed=0))
    child.receive()
    print(child.process.pid, flush=True)
    sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    pid = int(parent.stdout.readline())
    pidfd = os.pidfd_open(pid)
    parent.kill()
    parent.wait()
    assert select.select([pidfd], [], [], 1.0)[0], "the child outlived its parent by a second"
    for file in (parent.stdin, parent.stdout):
        file.close()
    os.close(pidfd)


def test_a_child_whose_parent_is_gone_already_leaves_at_once() -> None:
    with child_process(env={"TTS_SUPERVISOR_PARENT": "1"}) as child:
        assert child.wait() != 0


def test_its_stack_can_be_asked_for_at_any_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with child_process(log) as child:
        child.ready(hello())
        child.process.send_signal(signal.SIGUSR1)
        assert child.speak("still here").done
    assert "Current thread" in log.read_text()


def test_sigterm_ends_it() -> None:
    with child_process() as child:
        child.ready(hello())
        child.process.terminate()
        assert child.wait() == -signal.SIGTERM


def test_it_stays_light_until_it_knows_its_engine() -> None:
    code = """
import os, sys
from child.__main__ import main
heavy = {"torch", "espeakng_loader", "soundfile", "msgpack.fallback"} & set(sys.modules)
os.write(2, repr(sorted(heavy)).encode())
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert ended.stderr == b"[]"
    assert ended.stdout == b""


def test_without_its_descriptors_it_says_how_it_is_started() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "child"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "--read" in ended.stderr
    assert ended.stdout == ""
