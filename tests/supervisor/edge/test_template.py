import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor.edge.launch import CannotStart
from supervisor.edge.template import start_template
from supervisor.errors import ConfigError
from supervisor.wire.errors import PeerError
from supervisor.wire.forking import Born, Fork, Prepare, Warm, encode_packet
from tests.standin.nest import end_of, hello, left_unreaped, nest, readable

pytestmark = pytest.mark.processes

# A template of a test: says on its control socket what the test wants said.
PRELUDE = """
import os, socket, sys, time
control = socket.socket(fileno=int(sys.argv[2]))
def say(packet): control.send(packet)
"""


def fds() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_child_of_a_template_is_told_and_ended_like_one_of_our_own() -> None:
    with nest() as one:
        one.warm()
        for end, words in (
            (signal.SIGSEGV, "killed by SIGSEGV (segmentation fault)"),
            (signal.SIGKILL, "killed by SIGKILL"),
            (signal.SIGTERM, "killed by SIGTERM (asked to terminate)"),
        ):
            child = one.child()
            child.ready()
            os.kill(child.pid, end)
            assert end_of(child.process) == words
            assert child.process.reap() is child.process.reap()
            child.process.close()
        stopped = one.child()
        os.kill(stopped.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, stopped.pid, os.WSTOPPED | os.WNOWAIT)
        assert stopped.process.is_stopped()
        assert stopped.process.end_now() is not None
        stopped.process.close()


def test_the_pipes_of_a_child_carry_much_and_block_nobody() -> None:
    with nest() as one:
        one.warm()
        child = one.child()
        child.ready()
        assert len(child.speak("x" * 2000)) > 1024 * 1024
        assert not os.get_blocking(child.process.read_fd)
        assert not os.get_blocking(child.process.write_fd)
        assert not os.get_blocking(child.process.stderr_fd)
        child.kill()


def test_a_pid_that_is_no_child_of_ours_is_not_adopted() -> None:
    with nest() as one:
        one.warm()
        unborn = one.template.ask(1)
        born = one.answer()
        assert isinstance(born, Born)
        with pytest.raises(CannotStart, match="did not become our child"):
            unborn.adopt(1)
        child = unborn.adopt(born.pid)
        child.end_now()
        child.close()


def test_a_child_that_died_and_was_reaped_before_it_was_adopted_is_told() -> None:
    with nest() as one:
        one.warm()
        unborn = one.template.ask(1)
        born = one.answer()
        assert isinstance(born, Born)
        os.kill(born.pid, signal.SIGKILL)
        os.waitpid(born.pid, 0)
        with pytest.raises(CannotStart, match="gone before it could be watched"):
            unborn.adopt(born.pid)
        unborn.close()


def test_a_child_that_is_not_adopted_leaves_when_the_pipes_are_closed() -> None:
    with nest() as one:
        one.warm()
        unborn = one.template.ask(1)
        born = one.answer()
        assert isinstance(born, Born)
        unborn.close()
        unborn.close()
        assert os.waitstatus_to_exitcode(os.waitpid(born.pid, 0)[1]) == 0


def test_a_template_that_is_gone_cannot_be_asked_and_says_so() -> None:
    with nest() as one:
        one.warm()
        os.kill(one.template.pid, signal.SIGKILL)
        end_of(one.template)
        before = fds()
        with pytest.raises(CannotStart, match="the template cannot be asked"):
            one.template.ask(1)
        with pytest.raises(EOFError):
            one.answer()
        assert fds() == before


def test_a_template_that_reads_nothing_is_not_waited_for() -> None:
    template = start_template(
        python=sys.executable, state_marker="/a", program=("-S", "-c", PRELUDE + "time.sleep(60)")
    )
    order = Prepare(engine="scripted", device="cpu", settings={"key": "x" * 10_000})
    with pytest.raises(CannotStart, match="the template cannot be asked"):
        any(template.prepare(order) for _ in range(10_000))
    template.end_now()
    template.close()
    template.close()


def test_settings_that_no_packet_holds_are_told() -> None:
    with nest() as one, pytest.raises(CannotStart, match="over the 131072 of a packet"):
        one.template.prepare(Prepare(engine="scripted", device="cpu", settings={"key": "x" * 200_000}))


@pytest.mark.parametrize("packet", [b"\xc1", b"x" * 1000, encode_packet(Fork(life=1))])
def test_what_is_no_answer_is_the_templates_fault(packet: bytes) -> None:
    program = ("-S", "-c", f"{PRELUDE}say({packet!r}); time.sleep(60)")
    template = start_template(python=sys.executable, state_marker="/a", program=program)
    readable(template.control.fileno())
    with pytest.raises(PeerError):
        template.answer()
    template.end_now()
    template.close()


def test_a_template_has_our_markers_and_no_descriptor_but_its_own() -> None:
    program = (
        "mine = [os.environ['TTS_SUPERVISOR_' + n] for n in ('PARENT', 'STATE')]\n"
        "print(mine, os.getsid(0) == os.getpid(), len(os.listdir('/proc/self/fd')), flush=True)"
    )
    template = start_template(
        python=sys.executable, state_marker="/a/state", program=("-S", "-c", PRELUDE + program)
    )
    assert end_of(template) == "exited with status 0"
    said = os.read(template.stderr_fd, 1000).decode()
    # Its three, the socket, and the listing itself.
    assert said == f"{[str(os.getpid()), '/a/state']} True 5\n"
    template.close()


def test_a_missing_interpreter_leaves_nothing_open() -> None:
    before = fds()
    with pytest.raises(ConfigError, match=r"child\.python"):
        start_template(python="/no/such/python", state_marker="/a")
    assert fds() == before


def test_descriptors_are_the_same_after_thirty_templates_and_children() -> None:
    def once() -> None:
        with nest() as one:
            one.warm()
            one.child().kill()
            one.template.ask(2).close()

    once()
    before = fds()
    for _ in range(4):
        once()
    assert fds() == before
    assert left_unreaped() == []


# A supervisor of its own that has a template and a child which neither reads nor lets go of the GIL.
SUPERVISOR = """
import os, sys
from supervisor.wire.messages import FaultPlan
from tests.standin.nest import hello, nest
with nest(hello(faults=FaultPlan(faults=["hang@1"]))) as one:
    one.warm()
    child = one.child()
    child.ready()
    child.order("hello")
    child.receive()
    idle = one.child(2)
    print(one.template.pid, child.pid, idle.pid, flush=True)
    sys.stdin.read()
"""


def test_template_and_children_die_with_the_supervisor_though_one_holds_the_gil() -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with supervisor:
        assert supervisor.stdout is not None
        pids = [int(word) for word in supervisor.stdout.readline().split()]
        pidfds = [os.pidfd_open(pid) for pid in pids]
        supervisor.kill()
        supervisor.wait()
        for pidfd in pidfds:
            assert select.select([pidfd], [], [], 1.0)[0]
            os.close(pidfd)


def test_warming_is_told_with_its_figures() -> None:
    with nest(hello("espeak")) as one:
        warm = one.warm()
        assert isinstance(warm, Warm)
        assert 0.0 < warm.took_s < 30.0
        assert warm.private_bytes > 1024 * 1024
