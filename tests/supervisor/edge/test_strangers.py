import os
import signal
import subprocess
import sys

import pytest

from supervisor.edge.process import start_worker, waited_for
from supervisor.edge.strangers import reap_strangers
from supervisor.edge.template import become_reaper
from supervisor.wire.forking import Born
from supervisor.wire.messages import FaultPlan
from tests.standin.nest import hello, nest, readable, zombies

pytestmark = pytest.mark.processes

# Forks; the fork does its own and says its pid; who forked it dies, and it is an orphan then.
ORPHANS = """
import os, sys, time
if not os.fork():
    {in_it}
    print(os.getpid(), flush=True)
    time.sleep(60)
sys.stdin.read()
"""


def wait_until_dead(pid: int) -> None:
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def orphan(in_it: str = "pass") -> int:
    """Have a worker of ours leave us its fork; returns its pid."""
    assert become_reaper()
    program = ("-S", "-c", ORPHANS.format(in_it=in_it))
    worker = start_worker(python=sys.executable, module="", state_marker="/a", program=program)
    assert readable(worker.stdout_fd)
    pid = int(os.read(worker.stdout_fd, 100))
    os.kill(worker.pid, signal.SIGKILL)
    readable(worker.pidfd)
    assert worker.reap() is not None  # takes the group along
    worker.close()
    return pid


def test_the_fork_of_a_child_that_was_killed_is_reaped() -> None:
    pid = orphan()
    wait_until_dead(pid)
    assert pid in zombies()
    assert reap_strangers(waited_for()) >= 1
    assert pid not in zombies()


def test_an_orphan_that_lives_is_left_alone() -> None:
    pid = orphan("os.setsid()")
    reap_strangers(waited_for())
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_the_status_of_a_process_that_is_watched_is_never_taken() -> None:
    with nest(hello(faults=FaultPlan(faults=["exit@1"]))) as one:
        one.warm()
        child = one.child()
        child.ready()
        child.order("hello")
        readable(child.process.pidfd)
        os.kill(one.template.pid, signal.SIGKILL)
        readable(one.template.pidfd)
        reap_strangers(waited_for())
        death = child.process.reap()
        assert death is not None
        assert death.exit_code == 3
        assert one.template.reap() is not None
        child.process.close()
        assert not {child.pid, one.template.pid} & waited_for()


@pytest.mark.parametrize("session", [False, True])
def test_a_program_that_something_else_here_started_keeps_its_status(session: bool) -> None:
    with subprocess.Popen(
        [sys.executable, "-S", "-c", "raise SystemExit(5)"], start_new_session=session
    ) as other:
        wait_until_dead(other.pid)
        reap_strangers(waited_for())
        assert other.wait() == 5


def test_a_child_whose_template_died_before_we_heard_of_it_is_reaped() -> None:
    with nest() as one:
        one.warm()
        unborn = one.template.ask(1)
        born = one.answer()
        assert isinstance(born, Born)
        unborn.close()
        wait_until_dead(born.pid)
        reap_strangers(waited_for())
        assert born.pid not in zombies()
