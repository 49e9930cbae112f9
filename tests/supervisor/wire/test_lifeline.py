import os
import select
import subprocess
import sys

import pytest

from supervisor.wire.lifeline import ORPHANED_EXIT_CODE, PARENT_VARIABLE

pytestmark = pytest.mark.processes


def run(program: str, **env: str) -> "subprocess.CompletedProcess[str]":
    # The environment brings the import path of this very run along.
    whole = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **env}
    words = [sys.executable, "-c", program]
    return subprocess.run(words, env=whole, capture_output=True, text=True, check=False, timeout=15)


def test_one_whose_parent_died_before_it_could_ask_leaves_at_once() -> None:
    # No living process is its own parent, so this number is one that has died already.
    program = (
        "import os; from supervisor.wire.lifeline import tie_to_parent as tie; tie(os.getpid()); print('on')"
    )
    done = run(program)
    assert (done.returncode, done.stdout) == (ORPHANED_EXIT_CODE, "")


def test_the_environment_names_the_parent() -> None:
    program = "from supervisor.wire.lifeline import tie_to_parent_in_environment as tie; tie(); print('on')"
    assert run(program, **{PARENT_VARIABLE: str(os.getpid())}).stdout == "on\n"
    assert run(program, **{PARENT_VARIABLE: "1"}).returncode == ORPHANED_EXIT_CODE
    assert run(program, **{PARENT_VARIABLE: ""}).stdout == "on\n"


@pytest.mark.parametrize("missing", ["sys.modules['ctypes'] = None", "ctypes.CDLL = lambda name: object()"])
def test_without_prctl_nothing_is_raised(missing: str) -> None:
    program = (
        f"import ctypes, os, sys; {missing}\n"
        "from supervisor.wire.lifeline import tie_to_parent; tie_to_parent(os.getppid()); print('on')"
    )
    assert run(program).stdout == "on\n"


def test_the_kernel_kills_a_fork_that_tied_itself_again() -> None:
    read_fd, write_fd = os.pipe()
    program = (
        "import os, signal, time; from supervisor.wire.lifeline import tie_to_parent; me = os.getpid()\n"
        f"if not os.fork(): tie_to_parent(me); os.write({write_fd}, b'tied'); time.sleep(60)\n"
        f"os.close({write_fd}); import sys; sys.stdin.read(1); os.kill(me, signal.SIGKILL)"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    words = [sys.executable, "-c", program]
    with subprocess.Popen(words, env=env, stdin=subprocess.PIPE, pass_fds=[write_fd]) as child:
        os.close(write_fd)
        assert os.read(read_fd, 10) == b"tied"
        child.communicate(b"x")
        # Its end of the pipe closes when it dies.
        assert select.select([read_fd], [], [], 1.0)[0]
        assert os.read(read_fd, 10) == b""
    os.close(read_fd)
