"""The double fork, in a process of its own that is template and supervisor at once.

`os.register_at_fork` strikes with real signals at the moment that matters.
"""

import subprocess
import sys

import pytest

from tests.tree import ROOT

pytestmark = pytest.mark.processes

# A supervisor that has become the reaper, and its fork, the template, which runs the lines of a test.
PROGRAM = """
import os, signal, sys
from child.birth import Cradle, NoBirth, fork_child
from supervisor.edge.template import become_reaper
become_reaper()
supervisor = os.getpid()
read_fd, write_fd = os.pipe()
seen_fd, see_fd = os.pipe()
def live(read_fd, write_fd):
    seen = os.getppid() == supervisor, os.getsid(0) == os.getpid(), os.environ["TTS_SUPERVISOR_LIFE"]
    os.write(see_fd, repr(seen).encode())
    os.read(read_fd, 1)
    return 7
stderr_fd = os.dup(2)
def fork(live=live):
    return fork_child(Cradle(life=5, supervisor_pid=supervisor, read_fd=read_fd, write_fd=write_fd,
                             stderr_fd=stderr_fd, not_its=()), live)
def strike(number, signal_number=signal.SIGKILL):
    left = [number]
    def struck():
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal_number)
    os.register_at_fork(after_in_child=struck)
template = os.fork()
if template == 0:
    try:
{lines}
    finally:
        sys.stdout.flush()
        os._exit(0)
os.waitpid(template, 0)
os.close(see_fd)
{after}
"""


def run(lines: str, after: str = "") -> str:
    indented = "\n".join(" " * 8 + line for line in lines.strip().splitlines())
    program = PROGRAM.replace("{lines}", indented).replace("{after}", after)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=15
    )
    assert done.stderr == "", done.stderr
    return done.stdout.strip()


#: What the supervisor sees: how each child that came to it ended.
REAP = """
os.write(write_fd, b"x")
while True:
    try:
        pid, status = os.wait()
    except ChildProcessError:
        break
    print("reaped", os.waitstatus_to_exitcode(status))
"""


def test_the_child_is_the_supervisors_before_it_begins_to_live_and_survives_the_template() -> None:
    said = run("fork()", "print(os.read(seen_fd, 100).decode())\n" + REAP)
    assert said.splitlines() == ["(True, True, '5')", "reaped 7"]


def test_its_pid_is_told_and_nothing_is_left_open() -> None:
    lines = """
before = os.listdir("/proc/self/fd")
pid = fork()
print(os.listdir("/proc/self/fd") == before, open(f"/proc/{pid}/stat").read().split()[3] == str(supervisor))
"""
    assert run(lines, REAP).splitlines() == ["True True", "reaped 7"]


def test_whatever_is_raised_in_a_child_ends_that_child_alone() -> None:
    lines = """
def fail(read_fd, write_fd):
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    raise KeyboardInterrupt
fork(fail)
print("the template goes on")
"""
    assert run(lines, REAP).splitlines() == ["the template goes on", "reaped 1"]


TRY = """
try:
    fork()
except NoBirth as error:
    print(error)
"""


def test_a_middle_process_that_is_killed_before_it_forked_leaves_nobody() -> None:
    said = run("strike(1)\n" + TRY, REAP)
    assert said.splitlines() == ["the process between template and child was killed"]


def test_a_child_that_is_killed_before_its_word_is_still_the_supervisors_to_reap() -> None:
    # In the child `struck` is called for the second time: once in the middle process, once in it.
    assert run("strike(2)\nfork()", REAP) == "reaped -9"


def test_a_fork_that_the_system_refuses_is_told_in_its_words() -> None:
    lines = (
        """
import errno
real = os.fork
def refuse():
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
def middle_only():
    os.fork = refuse
    return real()
os.fork = refuse
"""
        + TRY
        + "os.fork = middle_only"
        + TRY
    )
    said = run(lines, REAP)
    assert said.splitlines() == ["fork: Resource temporarily unavailable"] * 2


def test_a_template_without_descriptors_left_says_so() -> None:
    limit = "resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir('/proc/self/fd')), 99))\n"
    said = run("import resource\n" + limit + TRY, REAP)
    assert said == "pipe: Too many open files"
