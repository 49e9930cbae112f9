"""The template process: start it, ask it for children, adopt what it forked.

A child of a template is forked twice and so is left to the nearest process above that has declared
itself a reaper; `become_reaper` makes that us. From then on it is our child like any other.
"""

import os
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from supervisor.edge import proc
from supervisor.edge.launch import CannotStart, environment_for, find_python
from supervisor.edge.process import ChildProcess, Process
from supervisor.edge.spawn import Ends, Stdio, open_pidfd
from supervisor.wire.errors import LocalError
from supervisor.wire.forking import (
    MAX_PACKET_BYTES,
    Fork,
    FromTemplate,
    Prepare,
    decode_answer,
    encode_packet,
)

if TYPE_CHECKING:
    import subprocess

#: What a template runs; tests put other programs in its place.
TEMPLATE_PROGRAM = ("-m", "child.template")

_PR_SET_CHILD_SUBREAPER: Final = 36  # linux/prctl.h


def become_reaper() -> bool:
    """Have the kernel give us what our descendants leave behind; False where it cannot (before Linux 3.4)."""
    try:
        import ctypes  # noqa: PLC0415 -- 1 MB that is paid only for a template

        return ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    except (ImportError, OSError, AttributeError):
        return False


class Unborn:
    """Our ends of a child that was asked for, until the template says its pid."""

    def __init__(self, *, life: int, read_fd: int, write_fd: int, stderr_fd: int) -> None:
        self.life = life
        self._fds = [read_fd, write_fd, stderr_fd]

    def adopt(self, pid: int) -> ChildProcess:
        """Take the process as our child.

        Raises:
            CannotStart: If it is gone already, or no child of ours. Close this then.
        """
        pidfd = open_pidfd(pid)
        if proc.parent(pid) != os.getpid():
            os.close(pidfd)
            raise CannotStart(f"process {pid} of the template did not become our child")
        read_fd, write_fd, stderr_fd = self._fds
        self._fds = []
        return ChildProcess(pid, pidfd=pidfd, stderr_fd=stderr_fd, read_fd=read_fd, write_fd=write_fd)

    def close(self) -> None:
        """Close our ends: a child that is born after all reads the end of its pipe and leaves. Idempotent."""
        while self._fds:
            os.close(self._fds.pop())


class TemplateProcess(Process):
    """A process that forks children for us.

    Attributes:
        control: Never blocks; readable when it has answered.
    """

    def __init__(
        self, popen: "subprocess.Popen[bytes]", *, pidfd: int, stderr_fd: int, control: socket.socket
    ) -> None:
        super().__init__(popen, pidfd=pidfd, stderr_fd=stderr_fd)
        self.control = control

    def prepare(self, order: Prepare) -> None:
        """Say what it is to be.

        Raises:
            CannotStart: If that cannot be sent.
        """
        self._send(order, [])

    def ask(self, life: int) -> Unborn:
        """Ask for a child.

        Raises:
            CannotStart: If there are no descriptors left, or the template does not listen.
        """
        with Ends() as ends:
            read_fd, child_write_fd = ends.open(parent_reads=True)
            write_fd, child_read_fd = ends.open(parent_reads=False)
            stderr_fd, child_stderr_fd = ends.open(parent_reads=True)
            self._send(Fork(life=life), [child_read_fd, child_write_fd, child_stderr_fd])
            ends.hand_over()
        return Unborn(life=life, read_fd=read_fd, write_fd=write_fd, stderr_fd=stderr_fd)

    def answer(self) -> FromTemplate | None:
        """Return its next answer; None if there is none yet.

        Raises:
            EOFError: If it will never answer again.
            PeerError: If what it said is no answer.
        """
        try:
            packet = self.control.recv(MAX_PACKET_BYTES)
        except BlockingIOError:
            return None
        except ConnectionResetError as error:
            raise EOFError from error
        if not packet:
            raise EOFError
        return decode_answer(packet)

    def close(self) -> None:
        """Close every descriptor. Idempotent."""
        super().close()
        self.control.close()

    def _send(self, message: Prepare | Fork, fds: list[int]) -> None:
        try:
            socket.send_fds(self.control, [encode_packet(message)], fds)
        except (OSError, LocalError) as error:
            raise CannotStart(f"the template cannot be asked: {error}") from error


def start_template(
    *,
    python: str,
    state_marker: str,
    extra_env: Mapping[str, str] | None = None,
    program: Sequence[str] = TEMPLATE_PROGRAM,
) -> TemplateProcess:
    """Start a template; it does nothing before `prepare`.

    Args:
        python: Interpreter: a path or a name on PATH.
        state_marker: Real path of the state folder.
        extra_env: Added to what it and its children inherit; wins.
        program: What the interpreter runs; `--control FD` is added.

    Raises:
        CannotStart: With the thing and the mend. Nothing is left open or running.
    """
    env = environment_for(python, state_marker, extra_env or {})
    with Ends() as ends:
        control, its_control_fd = ends.open_socket()
        stderr_fd, its_stderr_fd = ends.open(parent_reads=True)
        words = [find_python(python), "-P", *program, "--control", str(its_control_fd)]
        stdio = Stdio(stdin=None, stdout=its_stderr_fd, stderr=its_stderr_fd, passed=(its_control_fd,))
        started = ends.start(words, env, stdio)
        template = TemplateProcess(started.popen, pidfd=started.pidfd, stderr_fd=stderr_fd, control=control)
        ends.hand_over()
    return template
